"""ONNX graphs in exact rational arithmetic: the file's own formula, each float the real number that it is. (Exponentials and
the like are those of double precision.)

Codes become `scale · (code − zero point)`, operators are what ONNX and QONNX define over real numbers, and quantisers round
what comes out. Nothing is rounded in between, but for square roots, which have 200 bits more than any scale.
"""
from fractions import Fraction
from math import ceil, erf, exp, expm1, floor, isqrt, log1p, sqrt, tanh

import numpy as np
from onnx import helper, numpy_helper

BITS = 500


def fractions(array):
    array = np.asarray(array)
    made = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        value = array[place]
        made[place] = value if isinstance(value, Fraction) else Fraction(float(value)) if array.dtype.kind == "f" else Fraction(int(value))
    return made


def root(x):
    return Fraction(isqrt((x.numerator << BITS) // x.denominator), 1 << (BITS // 2))


def nearest(x, tie):
    below = floor(x)
    rest = x - below
    half = Fraction(1, 2)
    return below + (rest > half or rest == half and tie(x, below))


ROUND = {
    "ROUND": lambda x: nearest(x, lambda _, n: n % 2 == 1),
    "HALF_EVEN": lambda x: nearest(x, lambda _, n: n % 2 == 1),
    "FLOOR": floor, "CEIL": ceil,
    "UP": lambda x: ceil(x) if x > 0 else floor(x), "DOWN": lambda x: floor(x) if x > 0 else ceil(x),
    "HALF_UP": lambda x: nearest(x, lambda v, _: v > 0), "HALF_DOWN": lambda x: nearest(x, lambda v, _: v < 0),
}


def apply(function, array):
    made = np.empty(array.shape, object)
    for place in np.ndindex(array.shape):
        made[place] = function(array[place])
    return made


def along(values, rank, axis):
    """A list of numbers, one or one for each index along an axis, so that it broadcasts."""
    values = np.asarray(values)
    return values.reshape(()) if values.size == 1 else values.reshape([-1 if k == axis % rank else 1 for k in range(rank)])


def windows(x, kernel, strides, pads):
    x = np.pad(x, [(0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])], constant_values=Fraction(0))
    height, width = ((x.shape[2 + k] - kernel[k]) // strides[k] + 1 for k in (0, 1))
    for row in range(height):
        for column in range(width):
            top, left = row * strides[0], column * strides[1]
            yield row, column, x[:, :, top:top + kernel[0], left:left + kernel[1]], (height, width)


FUNCTIONS = {
    "Sigmoid": lambda x: 1 / (1 + exp(-x)), "Tanh": tanh, "Exp": exp, "Erf": erf, "Sqrt": sqrt, "Reciprocal": lambda x: 1 / x,
    "Softplus": lambda x: log1p(exp(-abs(x))) + max(x, 0), "Elu": lambda x: x if x >= 0 else expm1(x),
}


def resized(x, axis, size, scale, mode):
    """Linearly along one axis (ONNX: Resize)."""
    old = x.shape[axis]
    parts = []
    for place in range(size):
        if mode == "half_pixel" or mode == "pytorch_half_pixel" and size > 1:
            at = (place + Fraction(1, 2)) / scale - Fraction(1, 2)
        elif mode == "half_pixel_symmetric":
            at = Fraction(old, 2) * (1 - Fraction(size) / (scale * old)) + (place + Fraction(1, 2)) / scale - Fraction(1, 2)
        elif mode == "align_corners":
            at = Fraction(place * (old - 1), size - 1) if size > 1 else Fraction(0)
        elif mode == "asymmetric":
            at = place / scale
        else:
            assert mode == "pytorch_half_pixel"
            at = Fraction(0)
        at = min(max(at, Fraction(0)), Fraction(old - 1))
        first = floor(at)
        rest = at - first
        parts.append(x.take(first, axis) * (1 - rest) + x.take(min(first + 1, old - 1), axis) * rest)
    return np.stack(parts, axis)


def quant_lstm(at, inputs):
    """Brevitas' QuantLSTM: scale, zero point and codes of hidden states, of the last of them and of the last cell."""
    names = ["output", "cell_state", "input_acc", "forget_acc", "cell_acc", "output_acc", "input_sigmoid", "forget_sigmoid",
             "cell_tanh", "output_sigmoid", "hidden_state_tanh"]
    quantisers = {}
    for index, name in enumerate(names):
        scale, zero, bits = (fractions(inputs[15 + 3 * index + k]).reshape(-1)[0] for k in range(3))
        bits, signed = int(bits), at[f"{name}_signed"]
        narrow = at.get(f"{name}_narrow", at.get(f"{name}_narrow_range", 0))
        bounds = (-(1 << bits - 1) + narrow, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1 - narrow)
        quantisers[name] = scale, zero, bounds, ROUND[at[f"{name}_rounding_mode"].decode().upper()]

    def codes(name, x):
        scale, zero, (low, high), mode = quantisers[name]
        return apply(lambda v: max(low, min(high, mode(v))), x / scale + zero)

    def quant(name, x):
        scale, zero, _, _ = quantisers[name]
        return fractions((codes(name, x) - zero) * scale)

    def function(kind, x):
        return apply(lambda v: Fraction(FUNCTIONS[kind](float(v))), x)

    x, h, c = (fractions(v) for v in inputs[:3])
    weights, hidden, biases = ([fractions(v) for v in inputs[start:start + 4]] for start in (3, 7, 11))
    axis = 1 if at["batch_first"] else 0
    times = list(range(x.shape[axis]))
    made = {}
    for time in reversed(times) if at["reverse_input"] else times:
        v = x.take(time, axis)

        def gate(index, name):
            return quant(f"{name}_acc", v.dot(weights[index].T) + h.dot(hidden[index].T) + biases[index])

        i = quant("input_sigmoid", function("Sigmoid", gate(0, "input")))
        if at["cifg"]:
            f = quant("input_sigmoid", fractions(np.ones(i.shape))) - i
        else:
            f = quant("forget_sigmoid", function("Sigmoid", gate(1, "forget")))
        g = quant("cell_tanh", function("Tanh", gate(2, "cell")))
        o = quant("output_sigmoid", function("Sigmoid", gate(3, "output")))
        kept = quant("cell_state", f * c) + quant("cell_state", i * g)
        last_cell = codes("cell_state", kept)
        c = quant("cell_state", kept)
        product = o * quant("hidden_state_tanh", function("Tanh", c))
        made[time] = codes("output", product)
        h = quant("output", product)
    last = made[0 if at["reverse_input"] else times[-1]]
    scale, zero = quantisers["output"][:2]
    return [
        (scale, zero, np.stack([made[time] for time in times], axis)), (scale, zero, last),
        (quantisers["cell_state"][0], quantisers["cell_state"][1], last_cell)]


def evaluate(model, codes, takes_codes=False):
    """The codes that the graph's last quantiser makes of the codes of its first."""
    return run(model, codes)[1]


def exactly(model, codes):
    """What the graph returns: codes, with the scale and the zero point of the quantiser that made them; or real numbers, and
    None."""
    values, made, units = run(model, codes, True)
    output = model.graph.output[0].name
    makers = {name: node for node in model.graph.node for name in node.output}
    maker = makers[output]
    while maker.op_type in ("DequantizeLinear", "Clip", "Identity"):
        output = maker.input[0]
        maker = makers[output]
    if output in units:
        return units[output][2], units[output][:2]
    return values[model.graph.output[0].name], None


def run(model, codes, all_values=False, given={}):
    values = dict(given) | {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    entry = next((i.name for i in model.graph.input if i.name not in values), None)
    made = None
    units = {}
    for node in model.graph.node:
        at = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        i = node.input
        value = lambda k: fractions(values[i[k]])
        kind = node.op_type
        if kind in ("QuantizeLinear", "Quant"):
            scale = value(1)
            zero = value(2) if len(i) > 2 else fractions(0)
            if kind == "Quant":
                bits, signed, narrow = int(values[i[3]]), at.get("signed", 1), at.get("narrow", 0)
                low, high = (-(1 << bits - 1) + narrow, (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1 - narrow)
                mode = ROUND[at.get("rounding_mode", b"ROUND").decode().upper()]
            else:
                info = np.iinfo(values[i[2]].dtype if len(i) > 2 else np.uint8)
                low, high = info.min, info.max
            if i[0] == entry:
                result = codes.astype(object)
            elif kind == "Quant":
                result = apply(lambda v: max(low, min(high, mode(v))), value(0) / scale + zero)
            else:
                x = value(0) / along(scale, value(0).ndim, at.get("axis", 1))
                zero = along(zero, x.ndim, at.get("axis", 1))
                result = apply(lambda v: max(low, min(high, int(v))), apply(ROUND["ROUND"], x) + zero)
            made = result
            units[node.output[0]] = (scale, zero, result)
            values[node.output[0]] = fractions((result - zero) * scale) if kind == "Quant" else result
            continue
        if kind == "QuantLSTMCell":
            for name, (scale, zero, result) in zip(node.output, quant_lstm(at, [values[n] for n in i])):
                units[name] = (scale, zero, result)
                values[name] = fractions((result - zero) * scale)
            made = units[node.output[0]][2]
            continue
        if kind == "BipolarQuant":
            made = result = apply(lambda v: 1 if v >= 0 else -1, value(0))
            units[node.output[0]] = (value(1), fractions(0), result)
            values[node.output[0]] = result * value(1)
            continue
        if kind == "DequantizeLinear":
            x = values[i[0]]
            axis = at.get("axis", 1)
            result = (fractions(x) - (along(value(2), x.ndim, axis) if len(i) > 2 else 0)) * along(value(1), x.ndim, axis)
        elif kind in ("QLinearAdd", "QLinearMul"):
            parts = []
            for k in (0, 3):
                part = codes if i[k] == entry else values[i[k]]
                parts.append((fractions(part) - value(k + 2)) * value(k + 1))
            x = (parts[0] + parts[1] if kind == "QLinearAdd" else parts[0] * parts[1]) / value(6)
            info = np.iinfo(values[i[7]].dtype)
            made = result = apply(lambda v: max(info.min, min(info.max, int(v))), apply(ROUND["ROUND"], x) + value(7))
        elif kind == "Mul" and all(np.asarray(values[n]).dtype.kind == "i" for n in i):
            result = values[i[0]] * values[i[1]]
        elif kind in ("Add", "Sub", "Mul", "Div"):
            a, b = value(0), value(1)
            result = {"Add": lambda: a + b, "Sub": lambda: a - b, "Mul": lambda: a * b, "Div": lambda: a / b}[kind]()
        elif kind == "Relu":
            result = apply(lambda v: max(v, Fraction(0)), value(0))
        elif kind == "BatchNormalization":
            x = value(0)
            scale, bias, mean, variance = (along(value(k), x.ndim, 1) for k in range(1, 5))
            deviation = apply(root, np.atleast_1d(variance + Fraction(float(np.float32(at.get("epsilon", 1e-5))))))
            result = (x - mean) / deviation * scale + bias
        elif kind == "MatMul":
            result = np.matmul(value(0), value(1))
        elif kind == "Gemm":
            a, b = value(0), value(1)
            result = a.dot(b.T if at.get("transB", 0) else b) * Fraction(float(at.get("alpha", 1.0)))
            if len(i) > 2:
                result = result + value(2) * Fraction(float(at.get("beta", 1.0)))
        elif kind in FUNCTIONS:
            result = apply(lambda v: Fraction(FUNCTIONS[kind](float(v))), value(0))
        elif kind == "HardSigmoid":
            alpha, beta = (Fraction(float(np.float32(at.get(n, d)))) for n, d in (("alpha", 0.2), ("beta", 0.5)))
            result = apply(lambda v: min(max(alpha * v + beta, Fraction(0)), Fraction(1)), value(0))
        elif kind == "HardSwish":
            result = apply(lambda v: v * min(max(v / 6 + Fraction(1, 2), Fraction(0)), Fraction(1)), value(0))
        elif kind in ("Conv", "MaxPool", "AveragePool") and value(0).ndim == 3:
            # A line as an image of one row.
            wide = helper.make_node(kind, ["x", "w", "b"][:len(i)] if kind == "Conv" else ["x"], ["y"])
            pads = at.get("pads", [0, 0])
            changed = {"kernel_shape": [1] + list(at.get("kernel_shape", [])), "pads": [0, pads[0], 0, pads[1]],
                       "strides": [1] + list(at.get("strides", [1])), "dilations": [1] + list(at.get("dilations", [1]))}
            if kind == "Conv":
                del changed["kernel_shape"]
            for name, number in {**at, **changed}.items():
                if name != "kernel_shape" or kind != "Conv":
                    wide.attribute.append(helper.make_attribute(name, number))
            inside = helper.make_graph([wide], "line", [helper.make_tensor_value_info("x", 1, None)], [])
            given = {"x": value(0)[:, :, None]}
            if kind == "Conv":
                given["w"] = value(1)[:, :, None]
                if len(i) > 2:
                    given["b"] = value(2)
            result = run(helper.make_model(inside), None, True, given)[0]["y"][:, :, 0]
        elif kind == "Conv":
            x, w = value(0), value(1)
            assert at.get("dilations", [1, 1]) == [1, 1] and at.get("auto_pad", b"NOTSET") == b"NOTSET"
            groups = at.get("group", 1)
            result = None
            for row, column, part, (height, width) in windows(
                    x, w.shape[2:], at.get("strides", [1, 1]), at.get("pads", [0, 0, 0, 0])):
                if result is None:
                    result = np.empty((x.shape[0], w.shape[0], height, width), object)
                for output in range(w.shape[0]):
                    first = output // (w.shape[0] // groups) * w.shape[1]
                    result[:, output, row, column] = (part[:, first:first + w.shape[1]] * w[output]).sum(axis=(1, 2, 3))
            if len(i) > 2:
                result = result + along(value(2), 4, 1)
        elif kind in ("AveragePool", "GlobalAveragePool"):
            x = value(0)
            assert not any(at.get("pads", [0])) and not at.get("ceil_mode", 0)
            kernel = at.get("kernel_shape", x.shape[2:])
            result = None
            for row, column, part, (height, width) in windows(x, kernel, at.get("strides", [1, 1]), [0, 0, 0, 0]):
                if result is None:
                    result = np.empty(x.shape[:2] + (height, width), object)
                result[:, :, row, column] = part.sum(axis=(2, 3)) / Fraction(int(np.prod(kernel)))
        elif kind == "MaxPool":
            x = value(0)
            assert not any(at.get("pads", [0])) and not at.get("ceil_mode", 0)
            result = None
            for row, column, part, (height, width) in windows(
                    x, at["kernel_shape"], at.get("strides", [1, 1]), [0, 0, 0, 0]):
                if result is None:
                    result = np.empty(x.shape[:2] + (height, width), object)
                result[:, :, row, column] = part.max(axis=(2, 3))
        elif kind in ("Reshape", "Flatten"):
            x = values[i[0]]
            result = x.reshape([int(size) for size in values[i[1]]] if kind == "Reshape" else (
                int(np.prod(x.shape[:at.get("axis", 1)])), -1))
            if i[0] in units:
                units[node.output[0]] = units[i[0]][:2] + (result,)
        elif kind == "Clip":
            low, high = (fractions(values[i[k]]).reshape(-1)[0] if len(i) > k and i[k] else None for k in (1, 2))
            result = fractions(values[i[0]])
            result = apply(lambda v: v if low is None else max(v, low), result)
            result = apply(lambda v: v if high is None else min(v, high), result)
            if i[0] in units:
                made = result
                units[node.output[0]] = units[i[0]][:2] + (result,)
        elif kind == "LeakyRelu":
            slope = Fraction(float(np.float32(at.get("alpha", 0.01))))
            result = apply(lambda v: v if v >= 0 else slope * v, value(0))
        elif kind == "PRelu":
            x = value(0)
            result = np.where(apply(lambda v: v >= 0, x).astype(bool), x, x * value(1))
        elif kind == "Cast" and at["to"] in (6, 7):
            result = np.asarray(values[i[0]]).astype(np.int64)
        elif kind in ("Cast", "Identity"):
            result = value(0)
        elif kind == "Transpose":
            result = values[i[0]].transpose(at["perm"])
        elif kind == "ReduceMean":
            x = value(0)
            axes = tuple(int(axis) % x.ndim for axis in (values[i[1]] if len(i) > 1 else at["axes"]))
            result = x.sum(axis=axes, keepdims=bool(at.get("keepdims", 1))) / Fraction(
                int(np.prod([x.shape[axis] for axis in axes])))
        elif kind == "DepthToSpace":
            x, size = values[i[0]], at["blocksize"]
            n, channels, height, width = x.shape
            is_crd = at.get("mode", b"DCR") == b"CRD"
            shape = (n, channels // size ** 2, size, size, height, width) if is_crd else (
                n, size, size, channels // size ** 2, height, width)
            order = (0, 1, 4, 2, 5, 3) if is_crd else (0, 3, 4, 1, 5, 2)
            result = x.reshape(shape).transpose(order).reshape(n, channels // size ** 2, height * size, width * size)
        elif kind == "Resize":
            x = value(0)
            mode = at.get("coordinate_transformation_mode", b"half_pixel").decode()
            assert at.get("mode", b"nearest") == b"linear"
            sizes = [int(size) for size in values[i[3]]] if len(i) > 3 and i[3] else None
            scales = [Fraction(size, old) for size, old in zip(sizes, x.shape)] if sizes else [
                Fraction(float(scale)) for scale in values[i[2]]]
            for axis, scale in enumerate(scales):
                size = sizes[axis] if sizes else floor(x.shape[axis] * scale)
                if size != x.shape[axis] or scale != 1:
                    x = resized(x, axis, size, scale, mode)
            result = x
        elif kind == "ConvTranspose":
            x, w = value(0), value(1)
            assert at.get("group", 1) == 1 and at.get("dilations", [1, 1]) == [1, 1]
            strides, pads, more = at.get("strides", [1, 1]), at.get("pads", [0] * 4), at.get("output_padding", [0, 0])
            sizes = [(x.shape[2 + k] - 1) * strides[k] + w.shape[2 + k] + more[k] for k in (0, 1)]
            whole = np.full((x.shape[0], w.shape[1], *sizes), Fraction(0), object)
            for row, column in np.ndindex(x.shape[2:]):
                added = np.tensordot(x[:, :, row, column], w, axes=(1, 0))
                top, left = row * strides[0], column * strides[1]
                whole[:, :, top:top + w.shape[2], left:left + w.shape[3]] += added
            result = whole[:, :, pads[0]:sizes[0] - pads[2], pads[1]:sizes[1] - pads[3]]
            if len(i) > 2:
                result = result + along(value(2), 4, 1)
        elif kind == "Softmax":
            x, axis = value(0), at.get("axis", -1)
            powers = apply(lambda v: Fraction(exp(float(v))), x - x.max(axis=axis, keepdims=True))
            result = powers / powers.sum(axis=axis, keepdims=True)
        elif kind == "LayerNormalization":
            x = value(0)
            axes = tuple(range(at.get("axis", -1) % x.ndim, x.ndim))
            count = Fraction(int(np.prod([x.shape[axis] for axis in axes])))
            apart = x - x.sum(axis=axes, keepdims=True) / count
            variance = (apart * apart).sum(axis=axes, keepdims=True) / count
            epsilon = Fraction(float(np.float32(at.get("epsilon", 1e-5))))
            result = apart / apply(root, variance + epsilon) * value(1) + (value(2) if len(i) > 2 else 0)
        # What is reckoned of shapes, and moves values.
        elif kind == "Constant":
            result = numpy_helper.to_array(at["value"])
        elif kind == "Shape":
            result = np.array(values[i[0]].shape, np.int64)
        elif kind == "Mod":
            result = np.mod(values[i[0]], values[i[1]])
        elif kind == "Gather":
            result = np.take(values[i[0]], np.asarray(values[i[1]]).astype(np.int64), axis=at.get("axis", 0))
        elif kind == "Squeeze":
            result = np.squeeze(values[i[0]], tuple(int(axis) for axis in values[i[1]]))
        elif kind == "Unsqueeze":
            result = np.expand_dims(values[i[0]], tuple(int(axis) for axis in values[i[1]]))
        elif kind == "Slice":
            x = values[i[0]]
            starts, ends = ([int(n) for n in values[i[k]]] for k in (1, 2))
            axes = [int(n) for n in values[i[3]]] if len(i) > 3 and i[3] else list(range(len(starts)))
            steps = [int(n) for n in values[i[4]]] if len(i) > 4 else [1] * len(starts)
            part = [slice(None)] * x.ndim
            for axis, start, end, step in zip(axes, starts, ends, steps):
                part[axis] = slice(start, None if step < 0 and end < -x.shape[axis] else end, step)
            result = x[tuple(part)]
        elif kind == "Concat":
            result = np.concatenate([value(k) for k in range(len(i))], axis=at["axis"])
        else:
            raise ValueError(kind)
        values[node.output[0]] = result
    return (values, made, units) if all_values else (values, made.astype(np.int64))
