"""ONNX graphs in exact rational arithmetic: the file's own formula, each float the real number that it is.

Codes become `scale · (code − zero point)`, operators are what ONNX and QONNX define over real numbers, and quantisers round
what comes out. Nothing is rounded in between, but for square roots, which have 200 bits more than any scale.
"""
from fractions import Fraction
from math import ceil, floor, isqrt

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


def evaluate(model, codes, takes_codes=False):
    """The codes that the graph's last quantiser makes of the codes of its first."""
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    entry = next(i.name for i in model.graph.input if i.name not in values)
    made = None
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
            values[node.output[0]] = fractions((result - zero) * scale) if kind == "Quant" else result
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
            result = value(0).dot(value(1))
        elif kind == "Gemm":
            a, b = value(0), value(1)
            result = a.dot(b.T if at.get("transB", 0) else b) * Fraction(float(at.get("alpha", 1.0)))
            if len(i) > 2:
                result = result + value(2) * Fraction(float(at.get("beta", 1.0)))
        elif kind == "Conv":
            x, w = value(0), value(1)
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
            kernel = at.get("kernel_shape", x.shape[2:])
            result = None
            for row, column, part, (height, width) in windows(x, kernel, at.get("strides", [1, 1]), [0, 0, 0, 0]):
                if result is None:
                    result = np.empty(x.shape[:2] + (height, width), object)
                result[:, :, row, column] = part.sum(axis=(2, 3)) / Fraction(int(np.prod(kernel)))
        elif kind == "Concat":
            result = np.concatenate([value(k) for k in range(len(i))], axis=at["axis"])
        else:
            raise ValueError(kind)
        values[node.output[0]] = result
    return made.astype(np.int64)
