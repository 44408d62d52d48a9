"""Models of 16 × 8: int16 activations, int8 weights, and what else TFLM has for int16 codes.

Accumulators have 64 bits in TFLM, and some here need more than 32: by long sums or by int64 biases.
"""

import numpy as np

from tflite_model import OPTIONAL_TENSOR, Case, Model, Quantization, schema
from vectors import LIMITS, generator, integer_vectors
from written_weighted import activation, float32, window_count

RANDOM_VECTORS = 3
ONE_32768 = Quantization(2.0**-15)


def text(value):
    return f"{value:.6g}".replace("-", "m").replace(".", "p").replace("+", "")


def q(scale, zero=0):
    return Quantization(float32(scale), zero)


def case(name, operator, model, specifications, count=RANDOM_VECTORS):
    return Case(name, operator, model.serialize(), integer_vectors(name, specifications, count))


# Functions of one code

def spread(name, dtype, size=120):
    """Codes all over the type: its ends, those around zero, and some at random."""
    low, high = LIMITS[dtype]
    rng = generator(name + ".inputs")
    near = np.arange(-12, 12)
    ladder = np.linspace(low, high, 36).astype(int)
    ends = np.concatenate([np.arange(low, low + 6), np.arange(high - 5, high + 1)])
    codes = np.concatenate([near, ladder, ends])
    rows = [np.concatenate([codes, rng.integers(low, high + 1, size - len(codes))]), rng.integers(low, high + 1, size)]
    return np.stack(rows)


def unary(operator, name, x, y, x_type="int16", y_type="int16", **options):
    name = f"sixteen_{operator.lower()}_{name}"
    codes = spread(name, x_type)
    model = Model()
    a = model.main.input("x", (1, codes.shape[1]), x_type, x)
    b = model.main.output("y", (1, codes.shape[1]), y_type, y)
    model.main.operator(operator, [a], [b], **options)
    return Case(name, operator, model.serialize(), [codes.reshape(2, 1, -1).astype(x_type)])


def unary_cases():
    for scale in (2.0**-12, 2.0**-11, 2.0**-15, 2.0**-13, 2.0**-10, 2.0**-12 * 1.0006, 2.0**-12 * 1.002, 0.0001, 0.00031,
                  0.0009, 0.0021, 0.013, 0.3, 1.7, 2.9, 5.2):
        yield lambda s=scale: unary("LOGISTIC", f"scale_{text(s)}", q(s), ONE_32768)
        yield lambda s=scale: unary("TANH", f"scale_{text(s)}", q(s), ONE_32768)
    for alpha in (0.0, 0.01, 0.2, 0.3, 0.5, 1.0, 2.5, -0.1, -0.5, -1.0):
        yield lambda a=alpha: unary("LEAKY_RELU", f"alpha_{text(a)}", q(0.00123), q(0.00171), alpha=a)
    for a, b in ((0.001, 0.001), (0.5, 0.0625), (0.0001, 0.003), (0.003, 0.0001), (0.00077, 0.00078)):
        yield lambda a=a, b=b: unary("LEAKY_RELU", f"scales_{text(a)}_{text(b)}", q(a), q(b), alpha=0.3)
        yield lambda a=a, b=b: unary("RELU", f"scales_{text(a)}_{text(b)}", q(a), q(b))
        yield lambda a=a, b=b: unary("ABS", f"scales_{text(a)}_{text(b)}", q(a), q(b))
    for scale in (0.0003, 0.000183, 0.001, 0.01, 6 / 32767, 1.0, 5.0):
        yield lambda s=scale: unary("RELU6", f"scale_{text(s)}", q(s), q(s))
        yield lambda s=scale: unary("RELU", f"scale_{text(s)}", q(s), q(s))


def quantize_cases():
    for a, b, zero in ((0.0003, 0.0471, -5), (0.0003, 0.05, 127), (0.01, 0.011, -128), (0.0471, 0.0471, 0), (0.00002, 0.07, 3)):
        yield lambda a=a, b=b, z=zero: unary("QUANTIZE", f"to_int8_{text(a)}_{text(b)}", q(a), q(b, z), y_type="int8")
        yield lambda a=a, b=b, z=zero: unary("QUANTIZE", f"from_int8_{text(a)}_{text(b)}", q(b, z), q(a), x_type="int8")
    for a, b in ((0.001, 0.001), (0.001, 0.0013), (0.0013, 0.001), (0.5, 0.0625), (0.0001, 0.9), (0.9, 0.001)):
        yield lambda a=a, b=b: unary("QUANTIZE", f"int16_{text(a)}_{text(b)}", q(a), q(b))
    for scale in (0.001, 0.0371):
        yield lambda s=scale: unary("DEQUANTIZE", f"scale_{text(s)}", q(s), None, y_type="float32")


# Rows

def softmax(name, shape, scale, beta=1.0):
    name = "sixteen_softmax_" + name
    model = Model()
    a = model.main.input("x", shape, "int16", q(scale))
    b = model.main.output("y", shape, "int16", ONE_32768)
    model.main.operator("SOFTMAX", [a], [b], beta=beta)
    built = case(name, "SOFTMAX", model, [(shape, "int16", 0)])
    # Rows whose codes lie close together, as those of a network do.
    rng = generator(name + ".close")
    reach = max(2, min(32767, int(4 / scale)))
    built.inputs[0][:2] = rng.integers(-reach, reach + 1, built.inputs[0][:2].shape)
    return built


def softmax_cases():
    for scale in (0.0001, 0.0003, 0.001, 10 / 65535, 0.0021, 0.01, 0.08, 0.6):
        yield lambda s=scale: softmax(f"scale_{text(s)}", (2, 10), s)
    for depth in (1, 2, 3, 5, 17, 64, 200):
        yield lambda d=depth: softmax(f"depth_{d}", (2, d), 0.0007)
    for beta in (0.1, 0.5, 2.0, 7.0):
        yield lambda b=beta: softmax(f"beta_{text(b)}", (1, 12), 0.0011, b)
    yield lambda: softmax("rank_3", (2, 3, 5), 0.0009)


# Two operands

def binary(operator, name, x=q(0.0011), z=q(0.0017), y=q(0.0023), shape=(2, 12), other=None, constant=False, act=None):
    name = f"sixteen_{operator.lower()}_{name}"
    other = other or shape
    model = Model()
    graph = model.main
    a = graph.input("a", shape, "int16", x)
    specifications = [(shape, "int16", 0)]
    if constant:
        rng = generator(name)
        b = graph.constant("b", rng.integers(-32768, 32768, other).astype(np.int16), None, z)
    else:
        b = graph.input("b", other, "int16", z)
        specifications.append((other, "int16", 0))
    c = graph.output("y", np.broadcast_shapes(shape, other), "int16", y)
    options = {} if act is None else {"fusedActivationFunction": activation(act)}
    graph.operator(operator, [a, b], [c], **options)
    return case(name, operator, model, specifications)


def binary_cases():
    scales = [(0.0011, 0.0017, 0.0023), (0.001, 0.001, 0.001), (0.001, 0.001, 0.0005), (0.3, 0.00002, 0.3), (0.00002, 0.3, 0.2),
              (0.001, 0.0021, 0.4), (0.0625, 0.5, 1.0), (0.0007, 0.0009, 0.00011)]
    shapes = [((2, 3, 4), (1, 3, 1)), ((1, 4), (3, 4)), ((2, 3), (1,)), ((1, 1, 2, 3), (2, 2, 1, 1))]
    for operator in ("ADD", "SUB"):
        for a, b, c in scales:
            yield lambda o=operator, a=a, b=b, c=c: binary(o, f"scales_{text(a)}_{text(b)}_{text(c)}", q(a), q(b), q(c))
    for a, b, c in ((0.0011, 0.0017, 0.07), (0.001, 0.001, 0.03), (0.00003, 0.00003, 0.00003), (0.01, 0.01, 3.3),
                    (0.5, 0.0625, 256.0), (0.002, 0.0001, 0.9), (2.0**-15, 0.001, 0.001), (0.0007, 0.0009, 0.0005)):
        yield lambda a=a, b=b, c=c: binary("MUL", f"scales_{text(a)}_{text(b)}_{text(c)}", q(a), q(b), q(c))
    for operator, y in (("ADD", 0.0023), ("SUB", 0.0023), ("MUL", 0.06)):
        for shape, other in shapes:
            label = "x".join(map(str, shape)) + "_" + "x".join(map(str, other))
            yield lambda o=operator, s=shape, t=other, l=label, y=y: binary(o, f"shapes_{l}", y=q(y), shape=s, other=t)
            yield lambda o=operator, s=shape, t=other, l=label, y=y: binary(
                o, f"constant_{l}", y=q(y), shape=s, other=t, constant=True)
        for act in ("relu", "relu6", "relu_n1_to_1"):
            yield lambda o=operator, a=act: binary(o, a, q(0.0004), q(0.0005), q(0.0004), act=a)
    for operator in ("MAXIMUM", "MINIMUM"):
        for label, shape, other, constant in (("same", (2, 12), None, False), ("rows", (3, 4), (1, 4), False),
                                              ("constant", (3, 4), (1, 4), True), ("scalar", (2, 9), (1,), True)):
            yield lambda o=operator, n=label, s=shape, t=other, c=constant: binary(
                o, n, q(0.001), q(0.001), q(0.001), s, t, c)
    for a, b, c in ((0.0011, 0.0017, 0.07), (0.001, 0.001, 0.03), (0.001, 0.001, 1.0), (0.3, 0.001, 9000.0), (0.0001, 0.0007, 0.002)):
        yield lambda a=a, b=b, c=c: binary(
            "SQUARED_DIFFERENCE", f"scales_{text(a)}_{text(b)}_{text(c)}", q(a), q(b), q(c))
    yield lambda: binary("SQUARED_DIFFERENCE", "rows", y=q(0.05), shape=(3, 4), other=(1, 4))


# Layers with weights

class Layer:
    """Weight codes, scales and an int64 bias, spread so that outputs cover the codes."""

    def __init__(self, name, shape, axis, x_scale, per_channel=True, codes="random", bias="random", bias_type="int64",
                 spread=1.0):
        rng = generator(name)
        self.axis, self.channels, self.bias_type = axis, shape[axis], bias_type
        low, high = {"random": (-127, 127), "full": (-128, 127), "small": (-2, 2)}[codes]
        self.codes = rng.integers(low, high + 1, shape).astype(np.int8)
        self.scales = rng.uniform(0.002, 0.02, self.channels) if per_channel else np.array([0.0078431377])
        self.scales = [float32(scale) for scale in self.scales]
        taps = self.codes.size / self.channels
        typical = np.sqrt(taps) * 19000 * max(1.0, np.std(self.codes.astype(float))) * float(np.mean(self.scales))
        self.y = q(x_scale * typical / (12000 * spread))
        reach = {"random": int(taps * 300000), "long": 1 << 34, "edge": 1 << 31, "zero": 0}.get(bias)
        self.bias = None
        if reach is not None:
            self.bias = rng.integers(-reach, reach + 1, self.channels)
            if bias == "long":
                self.y = q(x_scale * float(np.mean(self.scales)) * (1 << 34) / 30000)
        self.missing = bias == "missing"
        self.x_scale = x_scale

    def add(self, graph, operator, x_shape, y_shape, in_front=(), **options):
        scale = self.scales if len(self.scales) > 1 else self.scales[0]
        w = graph.constant("w", self.codes, "int8", Quantization(scale, 0, self.axis))
        x = graph.input("x", x_shape, "int16", q(self.x_scale))
        inputs = [*in_front, w, x] if operator == "TRANSPOSE_CONV" else [x, w]
        if self.bias is not None:
            scales = [float32(np.float32(self.x_scale) * np.float32(s)) for s in self.scales]
            inputs.append(graph.constant("bias", self.bias.astype(self.bias_type), None,
                                         Quantization(scales if len(scales) > 1 else scales[0])))
        elif self.missing:
            inputs.append(OPTIONAL_TENSOR)
        y = graph.output("y", y_shape, "int16", self.y)
        graph.operator(operator, inputs, [y], **options)


def conv_2d(name, x_shape=(1, 4, 5, 3), filters=3, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding="valid",
            act="none", groups=1, x_scale=0.00123, **quantities):
    name = "sixteen_conv_2d_" + name
    layer = Layer(name, (filters, *kernel, x_shape[3] // groups), 0, x_scale, **quantities)
    y_shape = (x_shape[0], *(window_count(x_shape[1 + i], kernel[i], stride[i], dilation[i], padding) for i in (0, 1)), filters)
    model = Model()
    layer.add(model.main, "CONV_2D", x_shape, y_shape, padding=getattr(schema.Padding, padding.upper()), strideH=stride[0],
              strideW=stride[1], dilationHFactor=dilation[0], dilationWFactor=dilation[1],
              fusedActivationFunction=activation(act))
    return case(name, "CONV_2D", model, [(x_shape, "int16", 0)])


def depthwise_conv_2d(name, x_shape=(1, 4, 5, 3), multiplier=1, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding="valid",
                      act="none", x_scale=0.00123, **quantities):
    name = "sixteen_depthwise_conv_2d_" + name
    filters = x_shape[3] * multiplier
    layer = Layer(name, (1, *kernel, filters), 3, x_scale, **quantities)
    y_shape = (x_shape[0], *(window_count(x_shape[1 + i], kernel[i], stride[i], dilation[i], padding) for i in (0, 1)), filters)
    model = Model()
    layer.add(model.main, "DEPTHWISE_CONV_2D", x_shape, y_shape, padding=getattr(schema.Padding, padding.upper()),
              strideH=stride[0], strideW=stride[1], dilationHFactor=dilation[0], dilationWFactor=dilation[1],
              depthMultiplier=multiplier, fusedActivationFunction=activation(act))
    return case(name, "DEPTHWISE_CONV_2D", model, [(x_shape, "int16", 0)])


def fully_connected(name, batch=2, inputs=12, outputs=4, act="none", x_scale=0.00123, count=RANDOM_VECTORS, **quantities):
    name = "sixteen_fully_connected_" + name
    layer = Layer(name, (outputs, inputs), 0, x_scale, **quantities)
    model = Model()
    layer.add(model.main, "FULLY_CONNECTED", (batch, inputs), (batch, outputs), fusedActivationFunction=activation(act))
    return case(name, "FULLY_CONNECTED", model, [((batch, inputs), "int16", 0)], count)


def transpose_conv(name, x_shape=(1, 3, 4, 2), filters=2, kernel=(3, 3), stride=(2, 2), padding="same", x_scale=0.00123,
                   **quantities):
    name = "sixteen_transpose_conv_" + name
    layer = Layer(name, (filters, *kernel, x_shape[3]), 0, x_scale, **quantities)
    y_shape = (x_shape[0], *(x_shape[1 + i] * stride[i] if padding == "same" else (x_shape[1 + i] - 1) * stride[i] + kernel[i]
                             for i in (0, 1)), filters)
    model = Model()
    shape = model.main.constant("shape", np.array(y_shape, np.int32))
    layer.add(model.main, "TRANSPOSE_CONV", x_shape, y_shape, in_front=(shape,),
              padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1])
    return case(name, "TRANSPOSE_CONV", model, [(x_shape, "int16", 0)])


def weighted_cases():
    common = [("plain", {}), ("per_tensor", {"per_channel": False}), ("no_bias", {"bias": "absent"}),
              ("zero_bias", {"bias": "zero"}), ("full", {"codes": "full"}), ("small", {"codes": "small"}),
              ("long_bias", {"bias": "long"}), ("long_bias_per_tensor", {"bias": "long", "per_channel": False}),
              ("edge_bias", {"bias": "edge"}), ("saturating", {"spread": 6.0}), ("faint", {"spread": 0.001}),
              ("fine_input", {"x_scale": 0.000031}), ("coarse_input", {"x_scale": 0.7})]
    for make in (conv_2d, depthwise_conv_2d, fully_connected, transpose_conv):
        for name, quantities in common:
            yield lambda m=make, n=name, k=quantities: m(n, **k)
        if make is not transpose_conv:
            for act in ("relu", "relu6", "relu_n1_to_1"):
                yield lambda m=make, a=act: m(a, act=a, x_scale=0.0001)
                yield lambda m=make, a=act: m(a + "_long_bias", act=a, bias="long")
        if make in (conv_2d, fully_connected):
            yield lambda m=make: m("int32_bias", bias_type="int32")
            yield lambda m=make: m("int32_bias_per_tensor", bias_type="int32", per_channel=False)
            yield lambda m=make: m("int32_bias_full", bias_type="int32", codes="full", bias="zero")
            yield lambda m=make: m("missing_bias", bias="missing")
    for make in (conv_2d, depthwise_conv_2d):
        for padding in ("same", "valid"):
            for stride in ((1, 1), (2, 2), (2, 1)):
                name = f"{padding}_stride_{stride[0]}x{stride[1]}"
                yield lambda m=make, n=name, p=padding, s=stride: m(n, (1, 6, 5, 2), padding=p, stride=s)
                yield lambda m=make, n=name + "_long_bias", p=padding, s=stride: m(
                    n, (1, 6, 5, 2), padding=p, stride=s, bias="long")
        yield lambda m=make: m("dilated", (1, 7, 7, 2), kernel=(2, 2), dilation=(2, 3), padding="same")
        yield lambda m=make: m("batch_3", (3, 3, 3, 2), kernel=(2, 2))
        yield lambda m=make: m("pointwise", (1, 3, 3, 4), kernel=(1, 1))
        yield lambda m=make: m("one_row", (1, 1, 9, 2), kernel=(1, 4), padding="same")
        yield lambda m=make: m("beyond_the_image", (1, 2, 2, 2), kernel=(5, 5), padding="same")
    yield lambda: conv_2d("groups", (1, 4, 4, 4), filters=4, kernel=(2, 2), groups=2)
    yield lambda: depthwise_conv_2d("multiplier_2", (1, 4, 4, 2), multiplier=2)
    yield lambda: depthwise_conv_2d("multiplier_3_long_bias", (1, 4, 4, 2), multiplier=3, bias="long")
    # Sums that pass 32 bits: 700 · 127 · 32768.
    yield lambda: fully_connected("long_sum", 1, 700, 2, codes="full", count=1)
    yield lambda: fully_connected("long_sum_per_tensor", 1, 700, 2, codes="full", per_channel=False, count=1)
    yield lambda: conv_2d("long_sum", (1, 3, 3, 60), filters=2, padding="valid", codes="full")
    yield lambda: transpose_conv("stride_1", stride=(1, 1))
    yield lambda: transpose_conv("stride_3", kernel=(4, 4), stride=(3, 3))
    yield lambda: transpose_conv("valid", padding="valid")
    yield lambda: transpose_conv("valid_stride_2x1", padding="valid", stride=(2, 1))
    yield lambda: transpose_conv("kernel_2", kernel=(2, 2))
    yield lambda: transpose_conv("kernel_1", kernel=(1, 1))


def batch_matmul(name, a=(1, 3, 5), b=(1, 5, 4), y=(1, 3, 4), x=0.0011, z=0.0017, scale=0.5, constant=False, **options):
    name = "sixteen_batch_matmul_" + name
    model = Model()
    graph = model.main
    left = graph.input("a", a, "int16", q(x))
    specifications = [(a, "int16", 0)]
    if constant:
        right = graph.constant("b", generator(name).integers(-32768, 32768, b).astype(np.int16), None, q(z))
    else:
        right = graph.input("b", b, "int16", q(z))
        specifications.append((b, "int16", 0))
    graph.operator("BATCH_MATMUL", [left, right], [graph.output("y", y, "int16", q(scale))], **options)
    return case(name, "BATCH_MATMUL", model, specifications)


def matmul_cases():
    yield lambda: batch_matmul("plain")
    yield lambda: batch_matmul("fine", x=0.00003, z=0.00003, scale=0.0002)
    yield lambda: batch_matmul("faint", scale=70.0)
    yield lambda: batch_matmul("saturating", scale=0.02)
    yield lambda: batch_matmul("depth_1", (1, 3, 1), (1, 1, 4))
    yield lambda: batch_matmul("depth_40", (1, 2, 40), (1, 40, 3), (1, 2, 3), scale=1.1)
    yield lambda: batch_matmul("left_transposed", (1, 5, 3), adjX=True)
    yield lambda: batch_matmul("right_transposed", b=(1, 4, 5), adjY=True)
    yield lambda: batch_matmul("both_transposed", (1, 5, 3), (1, 4, 5), adjX=True, adjY=True)
    yield lambda: batch_matmul("batches", (2, 2, 3), (2, 3, 4), (2, 2, 4))
    yield lambda: batch_matmul("broadcast", (2, 2, 3), (1, 3, 4), (2, 2, 4))
    yield lambda: batch_matmul("rank_4", (1, 2, 2, 3), (1, 2, 3, 4), (1, 2, 2, 4))
    yield lambda: batch_matmul("rank_2", (2, 3), (3, 4), (2, 4))


# Pools and reductions

def pool(operator, name, shape=(1, 6, 5, 3), window=(2, 2), stride=(2, 2), padding="valid", act="none", scale=0.0011):
    name = f"sixteen_{operator.lower()}_{name}"
    y_shape = (shape[0], *(window_count(shape[1 + i], window[i], stride[i], 1, padding) for i in (0, 1)), shape[3])
    model = Model()
    a = model.main.input("x", shape, "int16", q(scale))
    b = model.main.output("y", y_shape, "int16", q(scale))
    model.main.operator(operator, [a], [b], padding=getattr(schema.Padding, padding.upper()), strideH=stride[0],
                        strideW=stride[1], filterHeight=window[0], filterWidth=window[1],
                        fusedActivationFunction=activation(act))
    return case(name, operator, model, [(shape, "int16", 0)])


def reduction(operator, name, axes, shape=(2, 3, 4, 2), x=0.0011, y=0.0013, keeps=False):
    name = f"sixteen_{operator.lower()}_{name}"
    kept = [1 if i in axes else n for i, n in enumerate(shape) if keeps or i not in axes]
    model = Model()
    a = model.main.input("x", shape, "int16", q(x))
    b = model.main.constant("axes", np.array(axes, np.int32))
    c = model.main.output("y", kept, "int16", q(y))
    model.main.operator(operator, [a, b], [c], keepDims=keeps)
    return case(name, operator, model, [(shape, "int16", 0)])


def reducing_cases():
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield lambda o=operator: pool(o, "plain")
        yield lambda o=operator: pool(o, "same", window=(3, 3), padding="same")
        yield lambda o=operator: pool(o, "stride_1", stride=(1, 1), padding="same")
        yield lambda o=operator: pool(o, "whole", window=(6, 5))
        yield lambda o=operator: pool(o, "batch", (2, 4, 4, 2), window=(3, 2))
        yield lambda o=operator: pool(o, "relu", act="relu")
        yield lambda o=operator: pool(o, "relu6", act="relu6", scale=0.0003)
        yield lambda o=operator: pool(o, "relu_n1_to_1", act="relu_n1_to_1", scale=0.0001)
    for axes in ((1,), (1, 2), (3,), (0, 3), (2, 3), (0, 1, 2, 3)):
        label = "".join(map(str, axes))
        yield lambda a=axes, n=label: reduction("MEAN", f"axes_{n}", a)
        yield lambda a=axes, n=label: reduction("MEAN", f"axes_{n}_keeps", a, keeps=True, y=0.0011)
        yield lambda a=axes, n=label: reduction("SUM", f"axes_{n}", a, y=0.011)
    for x, y in ((0.001, 0.0003), (0.0001, 0.02), (0.5, 0.25), (0.00077, 0.00078)):
        yield lambda x=x, y=y: reduction("MEAN", f"scales_{text(x)}_{text(y)}", (1, 2), x=x, y=y)
        yield lambda x=x, y=y: reduction("SUM", f"scales_{text(x)}_{text(y)}", (1, 2), x=x, y=y)


# What only moves codes

def moved(operator, name, shape, y_shape, constants=(), x=q(0.0011), **options):
    name = f"sixteen_{operator.lower()}_{name}"
    model = Model()
    a = model.main.input("x", shape, "int16", x)
    others = [model.main.constant(f"c{i}", np.array(c, np.int32)) for i, c in enumerate(constants)]
    b = model.main.output("y", y_shape, "int16", x)
    model.main.operator(operator, [a, *others], [b], **options)
    return case(name, operator, model, [(shape, "int16", 0)])


def joined(operator, name, shapes, y_shape, x=q(0.0011), **options):
    name = f"sixteen_{operator.lower()}_{name}"
    model = Model()
    inputs = [model.main.input(f"x{i}", shape, "int16", x) for i, shape in enumerate(shapes)]
    y = model.main.output("y", y_shape, "int16", x)
    model.main.operator(operator, inputs, [y], **options)
    return case(name, operator, model, [(shape, "int16", 0) for shape in shapes])


def parted(operator, name, shape, parts, in_front=(), behind=(), x=q(0.0011), **options):
    name = f"sixteen_{operator.lower()}_{name}"
    model = Model()
    before = [model.main.constant(f"a{i}", np.array(c, np.int32)) for i, c in enumerate(in_front)]
    a = model.main.input("x", shape, "int16", x)
    after = [model.main.constant(f"b{i}", np.array(c, np.int32)) for i, c in enumerate(behind)]
    outputs = [model.main.output(f"y{i}", part, "int16", x) for i, part in enumerate(parts)]
    model.main.operator(operator, [*before, a, *after], outputs, **options)
    return case(name, operator, model, [(shape, "int16", 0)])


def padded_with(name, code):
    name = "sixteen_padv2_" + name
    model = Model()
    a = model.main.input("x", (2, 3), "int16", q(0.0011))
    amounts = model.main.constant("amounts", np.array([[1, 0], [0, 2]], np.int32))
    value = model.main.constant("value", np.array([code], np.int16), None, q(0.0011))
    b = model.main.output("y", (3, 5), "int16", q(0.0011))
    model.main.operator("PADV2", [a, amounts, value], [b])
    return case(name, "PADV2", model, [((2, 3), "int16", 0)])


def select(name, shape, condition):
    name = "sixteen_select_v2_" + name
    model = Model()
    c = model.main.input("c", condition, "bool", None)
    a = model.main.input("a", shape, "int16", q(0.0011))
    b = model.main.input("b", shape, "int16", q(0.0011))
    y = model.main.output("y", shape, "int16", q(0.0011))
    model.main.operator("SELECT_V2", [c, a, b], [y])
    vectors = integer_vectors(name, [(shape, "int16", 0)] * 2, RANDOM_VECTORS)
    choices = generator(name + ".choices").integers(0, 2, (len(vectors[0]), *condition)).astype(np.uint8)
    return Case(name, "SELECT_V2", model.serialize(), [choices, *vectors])


def moving_cases():
    yield lambda: moved("RESHAPE", "plain", (2, 6), (3, 4), [[3, 4]], newShape=[3, 4])
    yield lambda: moved("SQUEEZE", "plain", (1, 5, 1), (5,), squeezeDims=[0, 2])
    yield lambda: moved("EXPAND_DIMS", "plain", (4,), (1, 4), [[0]])
    yield lambda: moved("PAD", "plain", (2, 3), (4, 6), [[[1, 1], [2, 1]]])
    yield lambda: moved("PAD", "image", (1, 3, 3, 2), (1, 5, 4, 2), [[[0, 0], [1, 1], [0, 1], [0, 0]]])
    for code in (-32768, 32767, 5):
        yield lambda c=code: padded_with(f"code_{text(c)}", c)
    yield lambda: moved("TRANSPOSE", "plain", (3, 4), (4, 3), [[1, 0]])
    yield lambda: moved("TRANSPOSE", "rank_4", (1, 2, 3, 4), (1, 4, 2, 3), [[0, 3, 1, 2]])
    yield lambda: moved("STRIDED_SLICE", "plain", (3, 8), (2, 4), [[0, 0], [2, 8], [1, 2]])
    yield lambda: moved("STRIDED_SLICE", "backward", (3, 4), (3, 4), [[0, -1], [3, -5], [1, -1]])
    yield lambda: moved("SLICE", "plain", (3, 6), (2, 4), [[1, 1], [2, 4]])
    yield lambda: moved("REVERSE_V2", "plain", (2, 5), (2, 5), [[1]])
    yield lambda: moved("BROADCAST_TO", "plain", (1, 4), (3, 4), [[3, 4]])
    yield lambda: moved("RESIZE_NEAREST_NEIGHBOR", "twice", (1, 2, 3, 2), (1, 4, 6, 2), [[4, 6]])
    yield lambda: moved("RESIZE_NEAREST_NEIGHBOR", "uneven", (1, 3, 3, 1), (1, 5, 4, 1), [[5, 4]], halfPixelCenters=True)
    yield lambda: joined("CONCATENATION", "columns", [(2, 3), (2, 2)], (2, 5), axis=1)
    yield lambda: joined("CONCATENATION", "rows", [(1, 3), (2, 3), (1, 3)], (4, 3), axis=0)
    yield lambda: joined("PACK", "front", [(2, 3), (2, 3)], (2, 2, 3), axis=0, valuesCount=2)
    yield lambda: joined("PACK", "end", [(2, 3), (2, 3)], (2, 3, 2), axis=-1, valuesCount=2)
    yield lambda: parted("SPLIT", "columns", (2, 6), [(2, 3)] * 2, in_front=[1], numSplits=2)
    yield lambda: parted("SPLIT", "rows", (3, 4), [(1, 4)] * 3, in_front=[0], numSplits=3)
    yield lambda: parted("SPLIT_V", "uneven", (2, 6), [(2, 1), (2, 5)], behind=[[1, 5], 1], numSplits=2)
    yield lambda: parted("UNPACK", "front", (2, 5), [(5,)] * 2, num=2, axis=0)
    yield lambda: select("plain", (2, 6), (2, 6))
    yield lambda: select("rows", (3, 4), (3, 1))


def cases():
    yield from unary_cases()
    yield from quantize_cases()
    yield from softmax_cases()
    yield from binary_cases()
    yield from weighted_cases()
    yield from matmul_cases()
    yield from reducing_cases()
    yield from moving_cases()
