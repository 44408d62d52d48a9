"""Unary functions and the binary ADD, SUB and MUL, written through the schema."""

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import all_codes, generator, integer_vectors
from written_weighted import activation, float32

LOGISTIC_OUTPUT = Quantization(1 / 256, -128)
TANH_OUTPUT = Quantization(1 / 128, 0)
SOFTMAX_OUTPUT = Quantization(1 / 256, -128)

# Pairs of scales whose quotient in double, which the reference uses, and in float32 round some code differently.
QUOTIENTS = [(0.08440937846899033, 0.15381264686584473), (0.0160259697586298, 0.08078844845294952)]


def text(value):
    """A number as a part of a file name."""
    return f"{value:.6g}".replace("-", "m").replace(".", "p").replace("+", "")


# Unary functions

def unary(operator, name, x, y, shape=(1, 256), x_type="int8", y_type="int8", **options):
    name = f"{operator.lower()}_{name}"
    model = Model()
    a = model.main.input("x", shape, x_type, x)
    b = model.main.output("y", shape, y_type, y)
    model.main.operator(operator, [a], [b], **options)
    return Case(name, operator, model.serialize(), all_codes(name, shape, x_type))


def logistic_and_tanh_cases():
    inputs = [(2.0**-20, 0), (0.0004, 3), (0.00390625, -128), (0.0117, -5), (0.0235, 0), (1 / 32, 0), (0.0471, -128),
              (0.0471, 127), (0.0625, 64), (0.08, -31), (0.125, -1), (0.177, 40), (0.25, 0), (0.5, 5), (0.75, -64),
              (1.0, 0), (3.9, 12), (15.9, 0), (40.0, -3)]
    for scale, zero in inputs:
        x = Quantization(float32(scale), zero)
        name = f"scale_{text(scale)}_zero_{text(zero)}"
        yield lambda n=name, q=x: unary("LOGISTIC", n, q, LOGISTIC_OUTPUT)
        yield lambda n=name, q=x: unary("TANH", n, q, TANH_OUTPUT)
    x = Quantization(0.05, -9)
    yield lambda: unary("LOGISTIC", "shape_2x4x8x4", x, LOGISTIC_OUTPUT, shape=(2, 4, 8, 4))
    yield lambda: unary("TANH", "shape_2x4x8x4", x, TANH_OUTPUT, shape=(2, 4, 8, 4))


def leaky_relu_cases():
    x = Quantization(0.0471, -5)
    for alpha in (0.0, 0.01, 0.1, 0.2, 0.3, 0.5, 0.99, 1.0, 1.5, 3.0, -0.1, -0.5, -1.0, -2.25):
        yield lambda a=alpha: unary("LEAKY_RELU", f"alpha_{text(a)}", x, Quantization(0.0523, 8), alpha=a)
        if alpha in (0.1, 0.5, -0.5):
            yield lambda a=alpha: unary("LEAKY_RELU", f"alpha_{text(a)}_equal_scales", x, x, alpha=a)
    scales = [(0.0471, -128, 0.0471, -128), (0.0471, 127, 0.0471, 127), (0.02, -128, 0.05, 127), (0.05, 127, 0.01, -128),
              (0.5, 0, 0.0625, 0), (0.0625, 0, 0.5, 0), (1.0, 3, 0.001, -3), (0.001, 0, 7.0, 4)]
    for a, b, c, d in scales:
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b)}_{text(d)}"
        yield lambda q=(a, b, c, d), n=name: unary("LEAKY_RELU", n, Quantization(q[0], q[1]), Quantization(q[2], q[3]),
                                                   alpha=0.3)
    # Multipliers computed in double, as by the reference, and in float32, in any order, differ for some code here.
    yield lambda: unary("LEAKY_RELU", "precision_alpha_1", Quantization(0.36704957485198975, 127),
                        Quantization(0.0889299064874649, 120), alpha=0.1553347259759903)
    yield lambda: unary("LEAKY_RELU", "precision_alpha_2", Quantization(0.03462201729416847, 127),
                        Quantization(0.07365860790014267, 120), alpha=0.6237465739250183)
    for a, c in QUOTIENTS:
        yield lambda a=a, c=c: unary("LEAKY_RELU", f"precision_identity_{text(a)}", Quantization(a, -128),
                                     Quantization(c, -128), alpha=0.5)
    # Ties: a negative alpha's sign is applied after the rounding.
    yield lambda: unary("LEAKY_RELU", "negative_alpha_ties", Quantization(0.5, 3), Quantization(0.5, -4), alpha=-0.5)
    yield lambda: unary("LEAKY_RELU", "negative_alpha_ties_rescaled", Quantization(0.25, 3), Quantization(0.5, -4),
                        alpha=-0.75)


def hard_swish_cases():
    pairs = [(0.0235, -128, 0.0235, -128), (0.0471, 0, 0.0471, 0), (0.0471, -5, 0.0251, -117), (0.0471, 127, 0.05, 100),
             (0.0314, -128, 0.0291, -120), (0.1, 3, 0.055, -110), (0.25, -20, 0.2, -100), (0.5, 0, 0.3, -128),
             (1.0, 0, 1.0, 0), (3.0, 10, 2.0, -20), (0.01, 0, 0.01, 0), (0.003, -50, 0.002, 9), (0.0005, 0, 0.0001, 0),
             (0.047058824, 0, 0.0009, -1), (0.125, 0, 0.0625, 0), (0.0234375, 0, 0.0234375, 0), (0.09, -128, 0.09, 127),
             (12.0, 0, 9.0, 0), (0.06, 77, 0.0311, -120), (0.2, -1, 0.1, -126), (0.0117, 1, 0.25, 0), (1.0, -9, 0.0079, 0)]
    for a, b, c, d in pairs:
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b)}_{text(d)}"
        yield lambda q=(a, b, c, d), n=name: unary("HARD_SWISH", n, Quantization(q[0], q[1]), Quantization(q[2], q[3]))
    # The output multiplier computed in double and in float32 differ here in the last of their 16 bits.
    for a, c in ((0.2820543348789215, 0.04747363179922104), (0.1713573932647705, 0.1395144760608673)):
        yield lambda a=a, c=c: unary("HARD_SWISH", f"precision_{text(a)}", Quantization(a, -128), Quantization(c, -100))
    yield lambda: unary("HARD_SWISH", "shape_2x8x4x4", Quantization(0.05, -9), Quantization(0.04, -118), shape=(2, 8, 4, 4))


def relu_cases():
    same = [(0.0471, -128), (0.0471, 0), (0.0471, 127), (0.0235, -5), (1.0, 0), (6 / 127, 0), (0.003, -100), (0.3, -128),
            (2.0**-6, 0), (12.5, -128), (0.024, -128)]
    for scale, zero in same:
        q = Quantization(float32(scale), zero)
        name = f"scale_{text(scale)}_zero_{text(zero)}"
        yield lambda n=name, q=q: unary("RELU", n, q, q)
        yield lambda n=name, q=q: unary("RELU6", n, q, q)
    # RELU rescales. RELU6 does not: it clamps to the input's codes for 0 and 6 and never looks at the output's
    # quantisation. So its two quantisations are equal here, but for one model that shows just this.
    yield lambda: unary("RELU6", "output_quantization_ignored", Quantization(0.0471, -5), Quantization(0.0251, -128))
    rescaled = [(0.0471, -5, 0.0251, -128), (0.0471, -128, 0.0471, 127), (0.02, 127, 0.05, -128), (0.5, 0, 0.0625, 0),
                (0.0625, 0, 0.5, 0), (0.05, 10, 0.0007, -20), (0.001, 0, 9.0, 4), (0.034901962, 1, 0.021176471, -9)]
    for a, b, c, d in rescaled:
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b)}_{text(d)}"
        yield lambda q=(a, b, c, d), n=name: unary("RELU", n, Quantization(q[0], q[1]), Quantization(q[2], q[3]))
    for a, c in QUOTIENTS:
        yield lambda a=a, c=c: unary("RELU", f"double_quotient_{text(a)}", Quantization(a, -128), Quantization(c, -128))
    q = Quantization(0.05, -9)
    for zero in (-127, -90, -30, 60):
        yield lambda z=zero: unary("RELU6", f"scale_0p0313_zero_{text(z)}", Quantization(0.0313, z), Quantization(0.0313, z))
    for scale in (0.0784313753247261, 0.09160305559635162):  # 6 / scale is a half in float32, less in double
        yield lambda s=scale: unary("RELU6", f"six_is_half_a_code_{text(s)}", Quantization(s, -100), Quantization(s, -100))
    yield lambda: unary("RELU_N1_TO_1", "alone", q, q)
    yield lambda: unary("RELU", "shape_2x8x4x4", q, q, shape=(2, 8, 4, 4))
    yield lambda: unary("RELU6", "shape_2x8x4x4", q, q, shape=(2, 8, 4, 4))


def quantize_cases():
    pairs = [(0.0471, -5, 0.0251, 9), (0.0471, -128, 0.0471, 127), (0.0471, 3, 0.0471, 3), (0.02, 127, 0.05, -128),
             (0.5, 0, 0.0625, 0), (0.0625, 0, 0.5, 0), (1.0, 0, 2.0, 0), (1.0, 1, 2.0, -1), (0.001, 0, 0.9, 4),
             (0.9, 0, 0.001, 4), (0.034901962, 1, 0.021176471, -9)]
    for a, b, c, d in pairs:
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b)}_{text(d)}"
        yield lambda q=(a, b, c, d), n=name: unary("QUANTIZE", "int8_to_int8_" + n, Quantization(q[0], q[1]),
                                                   Quantization(q[2], q[3]))
    for a, c in QUOTIENTS:
        yield lambda a=a, c=c: unary("QUANTIZE", f"int8_to_int8_double_quotient_{text(a)}", Quantization(a, -128),
                                     Quantization(c, -128))
    for a, b, c, d in pairs[:6]:
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b)}_{text(d + 128)}"
        yield lambda q=(a, b, c, d), n=name: unary("QUANTIZE", "int8_to_uint8_" + n, Quantization(q[0], q[1]),
                                                   Quantization(q[2], q[3] + 128), y_type="uint8")
        name = f"scales_{text(a)}_{text(c)}_zeros{text(b + 128)}_{text(d)}"
        yield lambda q=(a, b, c, d), n=name: unary("QUANTIZE", "uint8_to_int8_" + n, Quantization(q[0], q[1] + 128),
                                                   Quantization(q[2], q[3]), x_type="uint8")
    for scale, zero in ((0.05, -3), (0.1, -128), (0.0078125, 0), (1 / 3, 127), (0.003921569, -128), (2.5, 10)):
        yield lambda s=scale, z=zero: float_quantize(s, z)


def float_inputs(name, shape, scale, zero_point):
    """Float vectors around an int8 quantisation: every code, every half between two codes, far outside, near zero.

    Not so far that value / scale leaves int32: there the reference's conversion is undefined.
    """
    rng = generator(name + ".inputs")
    size = int(np.prod(shape))
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    halves = (np.resize(np.arange(-140, 140), size) + 0.5 - zero_point) * np.float32(scale)
    codes = (np.resize(np.arange(-128, 128), size) - zero_point) * np.float32(scale)
    rows = [codes, halves, np.nextafter(halves.astype(np.float32), np.float32(0)), rng.uniform(low, high, size),
            rng.uniform(2 * low, 2 * high, size), rng.normal(0, scale, size), 
            np.full(size, 1e6 * scale), np.full(size, -1e6 * scale), np.zeros(size), np.full(size, -0.0)]
    return np.stack([np.asarray(row, np.float32).reshape(shape) for row in rows])


def float_quantize(scale, zero):
    name = f"quantize_float32_to_int8_scale_{text(scale)}_zero_{text(zero)}"
    model, shape = Model(), (1, 280)
    a = model.main.input("x", shape, "float32")
    b = model.main.output("y", shape, "int8", Quantization(scale, zero))
    model.main.operator("QUANTIZE", [a], [b])
    return Case(name, "QUANTIZE", model.serialize(), [float_inputs(name, shape, scale, zero)])


def dequantize_cases():
    for dtype, low in (("int8", -128), ("uint8", 0)):
        for scale, zero in ((0.05, 125), (0.0471, 0), (0.0078125, 255), (1 / 3, 127), (0.003921569, 128), (1e-6, 60)):
            yield lambda t=dtype, s=scale, z=zero + low: unary(
                "DEQUANTIZE", f"{t}_scale_{text(s)}_zero_{text(z)}", Quantization(s, z), None, x_type=t, y_type="float32")
    yield lambda: unary("DEQUANTIZE", "int8_shape_2x8x4x4", Quantization(0.05, -9), None, shape=(2, 8, 4, 4),
                        y_type="float32")


def quantize_then_dequantize():
    """Both boundaries at once, with nothing between them."""
    name, shape, q = "quantize_dequantize_round_trip", (1, 280), Quantization(0.0333, -17)
    model = Model()
    a = model.main.input("x", shape, "float32")
    b = model.main.tensor("q", shape, "int8", q)
    c = model.main.output("y", shape, "float32")
    model.main.operator("QUANTIZE", [a], [b])
    model.main.operator("DEQUANTIZE", [b], [c])
    return Case(name, "DEQUANTIZE", model.serialize(), [float_inputs(name, shape, *q[:2])])


def softmax(name, scale, beta=1.0, shape=(1, 16), zero=0, inputs=None):
    name = "softmax_" + name
    model = Model()
    x = Quantization(float32(scale), zero)
    a = model.main.input("x", shape, "int8", x)
    b = model.main.output("y", shape, "int8", SOFTMAX_OUTPUT)
    model.main.operator("SOFTMAX", [a], [b], beta=beta)
    return Case(name, "SOFTMAX", model.serialize(), inputs or integer_vectors(name, [(shape, "int8", zero)], 8))


def softmax_cases():
    for scale in (2.0**-20, 0.0001, 0.003, 1 / 32, 0.0471, 0.125, 0.37, 1.0, 5.5, 33.0, 1000.0):
        yield lambda s=scale: softmax(f"scale_{text(s)}", s)
    for beta in (0.01, 0.5, 1.7, 2.0, 10.0, 100.0):
        yield lambda b=beta: softmax(f"beta_{text(b)}", 0.0471, b)
    # Rows of 512 equal codes and more shift by over 31 bits in the reference, which then aborts; 511 do not.
    shapes = [(1, 1), (1, 2), (1, 10), (1, 511), (7,), (9, 5), (2, 3, 4), (1, 2, 3, 5)]
    for shape in shapes:
        yield lambda s=shape: softmax("shape_" + "x".join(map(str, s)), 0.0913, shape=s, zero=-20)
    for zero in (-128, 127):
        yield lambda z=zero: softmax(f"zero_{text(z)}", 0.07, zero=z)
    name = "every_difference_scale_"
    for scale in (0.0101, 0.0471, 0.11, 0.25):
        # Rows of two, one of them the maximum: the other shows exp of every difference there is.
        pairs = np.stack([np.full(256, 127), np.arange(-128, 128)], axis=1).astype(np.int8)[None]
        yield lambda s=scale, p=pairs: softmax(name + text(s), s, shape=(256, 2), inputs=[p])


# ADD, SUB and MUL

def binary(operator, name, a_shape, b_shape, a, b, y, act="none", constant=None, same=False, inputs=None):
    """`constant`: None, "first" or "second", the operand stored in the file; `same`: x op x."""
    name = f"{operator.lower()}_{name}"
    rng = generator(name)
    model = Model()
    graph = model.main
    shape = np.broadcast_shapes(a_shape, b_shape)
    operands, specifications = [], []
    for label, position, operand_shape, q in (("a", "first", a_shape, a), ("b", "second", b_shape, b)):
        if constant == position:
            operands.append(graph.constant(label, rng.integers(-128, 128, operand_shape).astype(np.int8), "int8", q))
        elif same and operands:
            operands.append(operands[0])
        else:
            operands.append(graph.input(label, operand_shape, "int8", q))
            specifications.append((operand_shape, "int8", q.zero_point))
    y_index = graph.output("y", shape, "int8", y)
    graph.operator(operator, operands, [y_index], fusedActivationFunction=activation(act))
    return Case(name, operator, model.serialize(), inputs or integer_vectors(name, specifications, 6))


def all_first_operands(operator, name, a, b, y, second_operands):
    """Every code as the first operand with each of the second operands: a column broadcast against a row."""
    column = np.arange(-128, 128, dtype=np.int8).reshape(1, 256, 1)
    row = np.asarray(second_operands, np.int8).reshape(1, 1, -1)
    return binary(operator, name, column.shape[1:], row.shape[1:], a, b, y, inputs=[column, row])


def output_scale(operator, a, b):
    return float32(a * b * 60 if operator == "MUL" else (a + b) * 0.55)


# Scales and zero points for which float32 and double multipliers give different results for some pair of codes, and
# the second codes of those pairs. The reference computes in double (earlier TFLM: SUB in float32).
PRECISION = {
    "ADD": [((0.0927179753780365, 0.0844142809510231, 0.14927999675273895), (10, -26, 9), (-110, 58)),
            ((0.09815556555986404, 0.027765482664108276, 0.08041125535964966), (18, 14, -7), (92, -64))],
    "SUB": [((0.0894375741481781, 0.02867298573255539, 0.08041170239448547), (-9, 19, 16), (-35, 73)),
            ((0.019973870366811752, 0.04926087334752083, 0.05563105642795563), (-15, -29, -16), (-66, 8))],
    "MUL": [((0.0743860974907875, 0.05418907478451729, 0.29721179604530334), (-26, 26, -5), (-125, -26, 78)),
            ((0.09058549255132675, 0.08566834777593613, 0.526074230670929), (-11, 1, 3), (-70, 72, -115, 117))],
}


def binary_cases(operator):
    a, b = Quantization(0.0471, -5), Quantization(0.0333, 17)
    y = Quantization(output_scale(operator, 0.0471, 0.0333), -9)
    shape = (1, 4, 3, 5)

    scales = [(0.05, 0.05), (0.0471, 0.0333), (0.01, 3.0), (3.0, 0.01), (1.0, 1.0), (1e-5, 0.7), (0.00392157, 0.0235294)]
    for p, q in scales:
        yield lambda p=p, q=q: binary(operator, f"scales_{text(p)}_{text(q)}", shape, shape, Quantization(p, -5),
                                      Quantization(q, 17), Quantization(output_scale(operator, p, q), 3))
    for zeros in ((-128, -128, -128), (127, 127, 127), (-128, 127, 0), (127, -128, 0), (0, 0, 0), (0, -128, 127)):
        name = "zeros" + "_".join(text(z) for z in zeros)
        yield lambda z=zeros, n=name: binary(operator, n, shape, shape, Quantization(0.04, z[0]), Quantization(0.06, z[1]),
                                             Quantization(output_scale(operator, 0.04, 0.06), z[2]))
    for act in ("relu", "relu6", "relu_n1_to_1"):
        yield lambda c=act: binary(operator, c, shape, shape, a, b, Quantization(0.0784313753, -40), c)
        yield lambda c=act: binary(operator, c + "_zero_m128", shape, shape, a, b, Quantization(0.0313, -128), c)
    # Powers of two make many exact ties, where the two rounding steps show.
    for shift in (0, 1, 2, 3, 6):
        yield lambda s=shift: binary(operator, f"ties_{s}", shape, shape, Quantization(0.5, 1), Quantization(0.5, -2),
                                     Quantization(2.0**s * 0.5, 4))
    for ratio in (2.0**-12, 0.03, 30.0, 5000.0):
        yield lambda r=ratio: binary(operator, f"output_ratio_{text(r)}", shape, shape, Quantization(0.2, 3),
                                     Quantization(0.3, -4), Quantization(float32(0.3 * r), 6))
    broadcasts = {
        "row_first": ((5,), shape), "scalar": (shape, ()), "one": (shape, (1,)), "channel": (shape, (1, 1, 1, 5)),
        "height": (shape, (1, 4, 1, 1)), "width": ((1, 1, 3, 1), shape), "both": ((1, 4, 1, 5), (1, 1, 3, 1)),
        "outer": ((6, 1), (1, 7)), "rank_3_and_2": ((2, 3, 4), (3, 4)), "batch_first": ((1, 1, 2, 2), (3, 1, 2, 2)),
        "rank_5": ((2, 1, 2, 3, 2), (1, 2, 1, 1, 2)),
    }
    for name, (p, q) in broadcasts.items():
        yield lambda n=name, p=p, q=q: binary(operator, "broadcast_" + n, p, q, a, b, y)
    constants = {
        "same_shape": (shape, shape), "row": (shape, (5,)), "scalar": (shape, ()),
    }
    for name, (p, q) in constants.items():
        yield lambda n=name, p=p, q=q: binary(operator, f"constant_second_{n}", p, q, a, b, y, constant="second")
        yield lambda n=name, p=p, q=q: binary(operator, f"constant_first_{n}", q, p, a, b, y, constant="first")
    yield lambda: binary(operator, "same_tensor", shape, shape, a, a, y, same=True)
    yield lambda: binary(operator, "same_tensor_relu", shape, shape, a, a, Quantization(0.07, -128), "relu", same=True)
    yield lambda: binary(operator, "rank_1", (19,), (19,), a, b, y)
    yield lambda: binary(operator, "rank_3", (2, 3, 4), (2, 3, 4), a, b, y)
    yield lambda: all_first_operands(operator, "all_pairs", a, b, y, range(-128, 128))
    for number, (triple, zeros, seconds) in enumerate(PRECISION[operator]):
        yield lambda n=number, q=[*map(Quantization, triple, zeros)], s=seconds: all_first_operands(
            operator, f"precision_{n}", *q, (-128, *s, 127))
    if operator == "MUL":
        for real in (2.0**-31, 2.0**-15, 2.0**-9, 0.5, 1.0, 4.0, 7.3):
            yield lambda r=real: binary(operator, f"multiplier_{text(r)}", shape, shape, Quantization(0.5, 0),
                                        Quantization(0.25, -3), Quantization(float32(0.125 / r), 5))


def cases():
    yield from logistic_and_tanh_cases()
    yield from leaky_relu_cases()
    yield from hard_swish_cases()
    yield from relu_cases()
    yield from quantize_cases()
    yield from dequantize_cases()
    yield quantize_then_dequantize
    yield from softmax_cases()
    for operator in ("ADD", "SUB", "MUL"):
        yield from binary_cases(operator)
