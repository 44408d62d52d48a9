"""uint8 networks of old converters: activations and weights with zero points of their own, one scale a tensor.

    python make_family.py asymmetric --output asymmetric.tar.gz

TFLM has no kernels for them: LiteRT's reference kernels say what they compute.
"""

import numpy as np

from tflite_model import Case, Model, Quantization, quantize_multiplier, require_no_overflow, schema
from vectors import all_codes, generator, integer_vectors
from written_weighted import activation, window_count



LITERT_ALONE = {
    "ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "HARD_SWISH", "LEAKY_RELU",
    "LOGISTIC", "MAXIMUM", "MAX_POOL_2D", "MEAN", "MINIMUM", "MUL", "PAD", "PADV2", "QUANTIZE", "RELU", "RELU6",
    "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SQUEEZE", "STRIDED_SLICE", "SUB", "TANH",
    "TRANSPOSE",
}
X = Quantization(0.0472, 123)
Y = Quantization(0.0713, 104)


def padding(name):
    return getattr(schema.Padding, name.upper())


def weighted(operator, name, x_shape, w_shape, y_shape, x=X, w=Quantization(0.0117, 131), y=None, bias="random",
             codes="random", **options):
    name = f"uint8_{operator.lower()}_{name}"
    rng = generator(name)
    if codes == "random":
        weights = rng.integers(0, 256, w_shape)
    elif codes == "ends":
        weights = rng.choice([0, 255], w_shape)
    else:
        weights = np.full(w_shape, codes)
    axis = 3 if operator == "DEPTHWISE_CONV_2D" else 0
    channels = w_shape[axis]
    centred = np.moveaxis(weights, axis, 0).reshape(channels, -1) - w.zero_point
    if y is None:
        y = Quantization(float(np.float32(x.scale * w.scale * np.sqrt(centred.shape[1]) * 74 * 74 / 60)), 117)
    reach = np.abs(centred).sum(axis=1).max() * 255
    values = None if bias is None else rng.integers(-reach // 16, reach // 16 + 1, channels).astype(np.int32)
    if isinstance(bias, int):
        # Where the input is its zero point, every channel's sum is half way between two codes.
        values = ((2 * np.arange(-channels // 2, channels - channels // 2) + 1) << (bias - 1)).astype(np.int32)
    multiplier = x.scale * w.scale / y.scale
    require_no_overflow(name, -2 * reach, 2 * reach, multiplier)
    model = Model()
    graph = model.main
    inputs = [graph.input("x", x_shape, "uint8", x), graph.constant("w", weights, "uint8", w)]
    if values is not None:
        inputs.append(graph.constant("bias", values, "int32", Quantization(float(np.float32(x.scale) * np.float32(w.scale)), 0)))
    graph.operator(operator, inputs, [graph.output("y", y_shape, "uint8", y)], **options)
    return Case(name, operator, model.serialize(), integer_vectors(name, [(x_shape, "uint8", x.zero_point)], 4))


def window(x_shape, channels, kernel, stride, dilation, scheme):
    return (x_shape[0], window_count(x_shape[1], kernel[0], stride[0], dilation[0], scheme),
            window_count(x_shape[2], kernel[1], stride[1], dilation[1], scheme), channels)


def conv_2d(name, x_shape=(1, 5, 4, 3), filters=4, kernel=(3, 2), stride=(1, 1), dilation=(1, 1), scheme="same",
            act="none", **quantities):
    return weighted("CONV_2D", name, x_shape, (filters, *kernel, x_shape[3]),
                    window(x_shape, filters, kernel, stride, dilation, scheme), padding=padding(scheme), strideH=stride[0],
                    strideW=stride[1], dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                    fusedActivationFunction=activation(act), **quantities)


def depthwise_conv_2d(name, x_shape=(1, 5, 4, 3), multiplicity=1, kernel=(3, 2), stride=(1, 1), dilation=(1, 1),
                      scheme="same", act="none", **quantities):
    channels = x_shape[3] * multiplicity
    return weighted("DEPTHWISE_CONV_2D", name, x_shape, (1, *kernel, channels),
                    window(x_shape, channels, kernel, stride, dilation, scheme), padding=padding(scheme),
                    strideH=stride[0], strideW=stride[1], depthMultiplier=multiplicity, dilationHFactor=dilation[0],
                    dilationWFactor=dilation[1], fusedActivationFunction=activation(act), **quantities)


def fully_connected(name, x_shape=(1, 12), units=6, act="none", keep_dims=False, **quantities):
    y_shape = (*x_shape[:-1], units) if keep_dims else (int(np.prod(x_shape)) // x_shape[-1], units)
    return weighted("FULLY_CONNECTED", name, x_shape, (units, x_shape[-1]), y_shape, keepNumDims=keep_dims,
                    fusedActivationFunction=activation(act), **quantities)


def weighted_cases():
    shapes = {
        conv_2d: {
            "same": {}, "valid": dict(scheme="valid"), "stride2": dict(x_shape=(1, 7, 6, 2), stride=(2, 2), kernel=(3, 3)),
            "dilation2": dict(x_shape=(1, 7, 7, 2), dilation=(2, 2)), "batch2": dict(x_shape=(2, 3, 4, 2)),
            "pointwise": dict(x_shape=(1, 4, 3, 8), kernel=(1, 1), filters=8),
            "larger_than_image": dict(x_shape=(1, 3, 2, 2), kernel=(5, 5)), "many": dict(x_shape=(1, 3, 3, 17)),
        },
        depthwise_conv_2d: {
            "same": {}, "valid": dict(scheme="valid"), "stride2": dict(x_shape=(1, 7, 6, 2), stride=(2, 2), kernel=(3, 3)),
            "dilation2": dict(x_shape=(1, 7, 7, 2), dilation=(2, 2)), "batch2": dict(x_shape=(2, 3, 4, 2)),
            "multiplier2": dict(multiplicity=2), "multiplier8": dict(x_shape=(1, 4, 4, 1), multiplicity=8),
            "many": dict(x_shape=(1, 3, 3, 37)),
        },
        fully_connected: {
            "plain": {}, "odd": dict(x_shape=(1, 13), units=3), "batch3": dict(x_shape=(3, 9), units=4),
            "long": dict(x_shape=(1, 100), units=10), "keep_dims": dict(x_shape=(2, 3, 8), keep_dims=True),
        },
    }
    for make, kinds in shapes.items():
        for name, sizes in kinds.items():
            yield lambda m=make, n=name, s=sizes: m(n, **s)
        for number, (x, w, y) in enumerate(((0, 0, 0), (255, 255, 255), (0, 255, 128), (255, 0, 7), (128, 128, 128))):
            yield lambda m=make, x=x, w=w, y=y, n=number: m(
                f"zero_points_{x}_{w}_{y}", x=Quantization(0.031, x), w=Quantization(0.0083, w),
                y=Quantization(0.35, y), codes="ends" if n % 2 else "random")
        for act, y in (("relu", Quantization(0.4, 100)), ("relu6", Quantization(0.031, 20)), ("relu6", Quantization(0.4, 0)),
                       ("relu_n1_to_1", Quantization(0.0266666673, 128))):
            yield lambda m=make, a=act, y=y: m(f"{a}_{y.zero_point}", act=a, y=y)
        # LiteRT's CONV_2D demands a bias.
        if make is not conv_2d:
            yield lambda m=make: m("no_bias", bias=None)
        yield lambda m=make: m("all_255", codes=255)
        # Scales whose product rounds in single precision: (1 - t)(1 + t) with t = 181 * 2^-23.
        t = 181 * 2.0**-23
        for exponent in (6, 7, 8):
            yield lambda m=make, e=exponent: m(f"scales_rounding_{e}", x=Quantization(1 - t, 120),
                                               w=Quantization(1 + t, 130), y=Quantization(2.0**e, 128))
            wide = dict(x_shape=(1, 64)) if make is fully_connected else dict(x_shape=(1, 2, 2, 64), kernel=(1, 1))
            wide |= {} if make is depthwise_conv_2d else dict(units=64) if make is fully_connected else dict(filters=64)
            for u in (0, t):
                yield lambda m=make, e=exponent + 3, u=u, s=wide: m(
                    f"ties_{e}{'_rounding' if u else ''}", **s, x=Quantization(1 - u, 120), w=Quantization(1 + u, 130),
                    y=Quantization(2.0**e, 128), bias=e)
        for k in range(3):
            yield lambda m=make, k=k: m(f"scales_drawn_{k}", x=Quantization(float(np.float32(0.0231 * (k + 1.37))), 90 + k),
                                        w=Quantization(float(np.float32(0.00731 / (k + 0.7))), 140 - k))


def rounded_twice(value, real):
    """value * real, as the kernels' doubly rounded multiplication makes it."""
    mantissa, exponent = quantize_multiplier(real)
    product = (value * 2**max(exponent, 0) * mantissa + 2**30) >> 31
    right = max(-exponent, 0)
    rest, half = product & (2**right - 1), (2**right - 1) >> 1
    return (product >> right) + int(rest > half + int(product < 0))


def telling_scales(count):
    """Pairs of scales of which some code tells a ratio in single from one in double precision."""
    rng, found = generator("telling_scales"), []
    while len(found) < count:
        code, half = int(rng.integers(40, 128)), int(rng.integers(20, 60)) + 0.5
        y = np.float32(rng.uniform(0.02, 0.09))
        x = np.float32(float(y) * half / code)
        single, double = float(x / y), float(x) / float(y)
        if any(rounded_twice(c, single) != rounded_twice(c, double) for c in (code, -code)):
            found.append((float(x), float(y)))
    return found


class Unary:
    """One input, one output."""

    def __init__(self, operator, name, x_shape, y_shape=None, x=X, y=Y, x_type="uint8", y_type="uint8", codes=False):
        self.name = f"uint8_{operator.lower()}_{name}"
        self.operator = operator
        self.model = Model()
        self.graph = self.model.main
        self.inputs = [self.graph.input("x", x_shape, x_type, x)]
        self.y = self.graph.output("y", x_shape if y_shape is None else y_shape, y_type, y)
        self.vectors = all_codes(self.name, x_shape, x_type) if codes else integer_vectors(
            self.name, [(x_shape, x_type, x.zero_point)], 4)

    def constant(self, name, values, dtype="int32", quantization=None):
        self.inputs.append(self.graph.constant(name, np.asarray(values), dtype, quantization))
        return self

    def case(self, **options):
        self.graph.operator(self.operator, self.inputs, [self.y], **options)
        return Case(self.name, self.operator, self.model.serialize(), self.vectors)


SIXTEENTHS = (1, 4, 64)
PROBABILITIES = Quantization(1 / 256, 0)
HALVES = Quantization(1 / 128, 128)


def unary_cases():
    for k, x in enumerate((X, Quantization(0.1, 0), Quantization(0.011, 255), Quantization(0.5, 128))):
        for operator, y in (("LOGISTIC", PROBABILITIES), ("TANH", HALVES)):
            yield lambda o=operator, x=x, y=y, k=k: Unary(o, str(k), SIXTEENTHS, x=x, y=y, codes=True).case()
    for k, (x, y) in enumerate(((X, X), (X, Y), (Y, X), (Quantization(0.05, 0), Quantization(0.0235294, 0)))):
        for operator in ("RELU", "RELU6", "RELU_N1_TO_1"):
            yield lambda o=operator, x=x, y=y, k=k: Unary(o, str(k), SIXTEENTHS, x=x, y=y, codes=True).case()
        yield lambda x=x, y=y, k=k: Unary("LEAKY_RELU", str(k), SIXTEENTHS, x=x, y=y, codes=True).case(alpha=0.17)
        yield lambda x=x, y=y, k=k: Unary("HARD_SWISH", str(k), SIXTEENTHS, x=x, y=y, codes=True).case()
        yield lambda x=x, y=y, k=k: Unary("QUANTIZE", f"to_int8_{k}", SIXTEENTHS, x=x, y=Quantization(
            y.scale, y.zero_point - 128), y_type="int8", codes=True).case()
        yield lambda x=x, y=y, k=k: Unary("QUANTIZE", f"of_int8_{k}", SIXTEENTHS, x=Quantization(
            x.scale, x.zero_point - 128), y=y, x_type="int8", codes=True).case()
        yield lambda x=x, y=y, k=k: Unary("QUANTIZE", f"uint8_{k}", SIXTEENTHS, x=x, y=y, codes=True).case()


    for k, (x, y) in enumerate(telling_scales(4)):
        for operator, options in (("RELU", {}), ("RELU6", {}), ("RELU_N1_TO_1", {}), ("LEAKY_RELU", dict(alpha=0.25)), ("QUANTIZE", {})):
            yield lambda o=operator, x=x, y=y, k=k, c=options: Unary(
                o, f"telling_{k}", SIXTEENTHS, x=Quantization(x, 128), y=Quantization(y, 128), codes=True).case(**c)


def pool_cases():
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        for k, (shape, kernel, stride, scheme, act) in enumerate((
                ((1, 5, 4, 3), (3, 2), (1, 1), "same", "none"), ((1, 6, 6, 2), (2, 2), (2, 2), "valid", "none"),
                ((1, 4, 4, 5), (4, 4), (1, 1), "valid", "none"), ((2, 3, 5, 2), (2, 3), (2, 1), "same", "relu"),
                ((1, 7, 7, 1), (3, 3), (2, 2), "same", "relu6"))):
            y_shape = window(shape, shape[3], kernel, stride, (1, 1), scheme)
            yield lambda o=operator, s=shape, y=y_shape, f=kernel, t=stride, p=scheme, a=act, k=k: Unary(
                o, str(k), s, y, y=X).case(padding=padding(p), strideH=t[0], strideW=t[1], filterHeight=f[0],
                                           filterWidth=f[1], fusedActivationFunction=activation(a))
    for k, (shape, axes, keep, y) in enumerate((
            ((1, 4, 3, 5), [1, 2], True, X), ((1, 4, 3, 5), [1, 2], True, Y), ((1, 4, 3, 5), [1, 2], False, Y),
            ((2, 6, 3), [1], False, X), ((2, 6, 3), [2], True, Y), ((1, 7, 7, 3), [1, 2], True, Quantization(0.04, 130)),
            ((3, 4), [0, 1], False, Y))):
        y_shape = [1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes]
        yield lambda s=shape, a=axes, e=keep, y=y, t=y_shape, k=k: Unary("MEAN", str(k), s, t, y=y).constant(
            "axes", np.asarray(a, np.int32)).case(keepDims=e)


def move_cases():
    yield lambda: Unary("RESHAPE", "flat", (1, 3, 4), (1, 12), y=X).constant("shape", np.asarray([1, 12], np.int32)).case(
        newShape=[1, 12])
    yield lambda: Unary("SQUEEZE", "front", (1, 3, 4), (3, 4), y=X).case(squeezeDims=[0])
    yield lambda: Unary("TRANSPOSE", "3d", (2, 3, 4), (4, 2, 3), y=X).constant("order", np.asarray([2, 0, 1], np.int32)).case()
    amounts = np.asarray([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32)
    yield lambda: Unary("PAD", "image", (1, 3, 4, 2), (1, 6, 5, 2), y=X).constant("amounts", amounts).case()
    yield lambda: Unary("PADV2", "image", (1, 3, 4, 2), (1, 6, 5, 2), y=X).constant("amounts", amounts).constant(
        "fill", np.asarray([7]), "uint8", X).case()
    yield lambda: Unary("STRIDED_SLICE", "image", (1, 5, 4, 2), (1, 2, 4, 2), y=X).constant(
        "begin", np.asarray([0, 1, 0, 0], np.int32)).constant("end", np.asarray([1, 4, 4, 2], np.int32)).constant(
            "step", np.asarray([1, 2, 1, 1], np.int32)).case(
                beginMask=0, endMask=0, ellipsisMask=0, newAxisMask=0, shrinkAxisMask=0, offset=False)
    for k, (size, align, half) in enumerate((((6, 8), False, False), ((6, 8), False, True), ((5, 7), True, False),
                                            ((3, 4), False, False), ((12, 16), False, True), ((3, 8), False, False))):
        for operator in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"):
            yield lambda o=operator, s=size, a=align, h=half, k=k: Unary(
                o, str(k), (1, 3, 4, 2), (1, *s, 2), y=X).constant("size", np.asarray(s, np.int32)).case(
                    alignCorners=a, halfPixelCenters=h)


def pair(operator, name, a_shape=(1, 3, 4, 5), b_shape=None, a=X, b=Y, y=Quantization(0.09, 111), act="none", **options):
    name = f"uint8_{operator.lower()}_{name}"
    b_shape = b_shape or a_shape
    model = Model()
    graph = model.main
    y_shape = np.broadcast_shapes(a_shape, b_shape)
    inputs = [graph.input("a", a_shape, "uint8", a), graph.input("b", b_shape, "uint8", b)]
    if act is not None:
        options = dict(options, fusedActivationFunction=activation(act))
    graph.operator(operator, inputs, [graph.output("y", y_shape, "uint8", y)], **options)
    return Case(name, operator, model.serialize(), integer_vectors(
        name, [(a_shape, "uint8", a.zero_point), (b_shape, "uint8", b.zero_point)], 8))


def pair_cases():
    for operator, options in (("ADD", dict(potScaleInt16=False)), ("SUB", dict(potScaleInt16=False)), ("MUL", {})):
        for name, changes in {
            "plain": {}, "same": dict(b=X, y=X), "channel": dict(b_shape=(5,)), "one": dict(b_shape=(1, 1, 1, 1)),
            "zero_points_low": dict(a=Quantization(0.1, 0), b=Quantization(0.03, 0), y=Quantization(0.13, 0)),
            "zero_points_high": dict(a=Quantization(0.1, 255), b=Quantization(0.03, 255), y=Quantization(0.13, 255)),
            "relu": dict(act="relu", y=Quantization(0.05, 60)), "relu6": dict(act="relu6", y=Quantization(0.04, 30)),
            "drawn_0": dict(a=Quantization(0.0123, 17), b=Quantization(0.0457, 201), y=Quantization(0.0311, 99)),
            "drawn_1": dict(a=Quantization(0.7123, 117), b=Quantization(0.00457, 21), y=Quantization(0.311, 199)),
            "ties": dict(a=Quantization(1.0, 120), b=Quantization(1.0, 130), y=Quantization(16.0, 128)),
            "ties_rounding": dict(a=Quantization(1 - 181 * 2.0**-23, 120), b=Quantization(1 + 181 * 2.0**-23, 130),
                                  y=Quantization(16.0, 128)),
        }.items():
            yield lambda o=operator, n=name, c=changes, p=options: pair(o, n, **c, **p)
    for operator in ("MAXIMUM", "MINIMUM"):
        yield lambda o=operator: pair(o, "plain", b=X, y=X, act=None)


def joined(name, shapes, axis, quantizations, y):
    name = "uint8_concatenation_" + name
    model = Model()
    graph = model.main
    inputs = [graph.input(f"x{k}", s, "uint8", q) for k, (s, q) in enumerate(zip(shapes, quantizations))]
    total = list(shapes[0])
    total[axis] = sum(s[axis] for s in shapes)
    graph.operator("CONCATENATION", inputs, [graph.output("y", total, "uint8", y)], axis=axis,
                   fusedActivationFunction=activation("none"))
    return Case(name, "CONCATENATION", model.serialize(), integer_vectors(
        name, [(s, "uint8", q.zero_point) for s, q in zip(shapes, quantizations)], 12))


def joined_cases():
    other = Quantization(0.0913, 7)
    long = (1, 16, 16)
    yield lambda: joined("same", [(1, 3, 2), (1, 3, 5)], 2, [X, X], X)
    yield lambda: joined("scaled", [long, long], 1, [X, Y], Y)
    yield lambda: joined("scaled_all", [long, long, long], 2, [X, Y, other], Quantization(0.061, 100))
    yield lambda: joined("scaled_twice", [long, long], 1, [other, other], X)


def cases():
    yield from weighted_cases()
    yield from unary_cases()
    yield from pool_cases()
    yield from move_cases()
    yield from pair_cases()
    yield from joined_cases()
