"""Functions of one code: unary operators, PRELU, and float islands between DEQUANTIZE and QUANTIZE."""

import math

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import all_codes, generator
from written_elementwise import float32, text, unary

# TFLM has no int8 kernel of these; LiteRT's reference kernels have.
LITERT_ALONE = {"EXP", "LOG", "GELU", "NEG", "SQRT", "RELU_N1_TO_1"}

FUNCTIONS = {
    "ABS": abs, "ELU": lambda x: x if x > 0 else math.expm1(x), "EXP": math.exp, "LOG": math.log, "SQRT": math.sqrt,
    "RSQRT": lambda x: 1 / math.sqrt(x), "RELU_N1_TO_1": lambda x: min(1, max(-1, x)),
    "GELU": lambda x: 0.5 * x * math.erfc(-x * math.sqrt(0.5)),
}
POSITIVE = {"RSQRT", "SQRT"}


def quantizations(operator, count):
    """Pairs of input and output quantisations; every second output scale puts one code beside a tie."""
    rng = generator(operator + ".quantizations")
    function = FUNCTIONS[operator]
    while count > 0:
        scale = float32(10 ** rng.uniform(-3, 0.3))
        zero = -128 if operator in POSITIVE else int(rng.integers(-128, 128))
        code = int(rng.integers(1 if operator in POSITIVE or operator == "LOG" else -100, 127))
        target = int(rng.integers(0, 90)) + (0 if operator == "SQRT" else 0.5)
        value = function(scale * code) if scale * code < 80 and code else 0
        if count % 2 and value and target:
            out = float32(abs(value) / target)
        else:
            out = float32(scale * 10 ** rng.uniform(-1, 1))
        if not 1e-5 < out < 1e4:
            continue
        yield count, Quantization(scale, zero), Quantization(out, int(rng.integers(-128, 128)))
        count -= 1


def unary_cases():
    for operator, count in (("ABS", 22), ("ELU", 24), ("EXP", 20), ("LOG", 20), ("SQRT", 20), ("RSQRT", 24),
                            ("RELU_N1_TO_1", 20), ("GELU", 26)):
        for number, x, y in quantizations(operator, count):
            options = {"approximate": bool(number // 2 % 2)} if operator == "GELU" else {}
            name = f"{number}_scales_{text(x.scale)}_{text(y.scale)}"
            yield lambda o=operator, n=name, x=x, y=y, k=options: unary(o, n, x, y, **k)
    same = Quantization(0.0471, -128)
    for operator in ("ABS", "ELU", "EXP", "LOG", "SQRT", "RSQRT", "RELU_N1_TO_1", "GELU"):
        yield lambda o=operator: unary(o, "equal", same, same)
        yield lambda o=operator: unary(o, "shape_2x4x8x4", same, Quantization(0.03, 5), shape=(2, 4, 8, 4))
    # NEG turns codes round as they are.
    for scale, zero in ((0.0471, 0), (0.003, 7), (1.5, -127), (0.02, 127)):
        yield lambda s=scale, z=zero: unary("NEG", f"zero_{text(z)}", Quantization(s, z), Quantization(s, -z))
    # TFLM makes these codes whatever the output's scale, and TANH's whatever the zero point.
    x = Quantization(0.0471, -5)
    for scale in (0.004, 0.02, 1.5):
        yield lambda s=scale: unary("LOGISTIC", f"output_scale_{text(s)}", x, Quantization(s, -128))
        yield lambda s=scale: unary("TANH", f"output_scale_{text(s)}", x, Quantization(s, 0))
    yield lambda: unary("TANH", "output_zero_3", x, Quantization(1 / 128, 3))


def prelu(name, shape, slopes, x, slope, y):
    """Every code at every place of the slopes: the codes run along the first axis."""
    name = f"prelu_{name}"
    rng = generator(name)
    model = Model()
    a = model.main.input("x", shape, "int8", x)
    b = model.main.constant("alpha", np.asarray(slopes, np.int8), "int8", slope)
    model.main.operator("PRELU", [a, b], [model.main.output("y", shape, "int8", y)])
    count = int(np.prod(shape))
    turns = np.stack([np.resize(np.roll(np.arange(-128, 128), -step), count) for step in rng.integers(0, 256, 4)])
    whole = rng.integers(-128, 128, (6, count))
    inputs = np.concatenate([turns, whole]).reshape(-1, *shape).astype(np.int8)
    return Case(name, "PRELU", model.serialize(), [inputs])


def prelu_cases():
    rng = generator("prelu")
    for number in range(24):
        x = Quantization(float32(10 ** rng.uniform(-2.5, 0.3)), int(rng.integers(-128, 128)))
        slope = Quantization(float32(10 ** rng.uniform(-3, -0.5)), 0 if number % 2 else int(rng.integers(-128, 128)))
        out = float32(x.scale * 10 ** rng.uniform(-0.7, 0.7))
        if number % 3 == 0:
            out = float32(x.scale * int(rng.integers(1, 200)) / (int(rng.integers(0, 90)) + 0.5))
        y = Quantization(out, int(rng.integers(-128, 128)))
        slopes = rng.integers(-128, 128, (1, 1, 4))
        yield lambda n=number, x=x, s=slope, y=y, a=slopes: prelu(f"channels_{n}", (1, 8, 8, 4), a, x, s, y)
    x, slope, y = Quantization(0.0471, -5), Quantization(0.004, 0), Quantization(0.0333, 12)
    shapes = {
        "one": ((1, 256), (1,)), "one_of_rank_4": ((1, 8, 8, 4), (1, 1, 1)), "equal": ((1, 8, 8, 4), (1, 1, 4)),
        "whole": ((1, 4, 8, 3), (4, 8, 3)), "rows": ((1, 4, 8, 3), (4, 1, 1)), "columns": ((1, 4, 8, 3), (1, 8, 1)),
        "columns_and_channels": ((1, 4, 8, 3), (8, 3)), "dense": ((1, 40), (40,)), "batch": ((3, 5, 7), (7,)),
        "rank_2": ((4, 10), (1, 10)), "two_channels": ((1, 16, 2), (2,)), "many_channels": ((1, 3, 3, 70), (1, 1, 70)),
        "rows_and_channels": ((1, 4, 5, 3), (4, 1, 3)), "one_of_each": ((1, 1, 1, 6), (1, 1, 6)),
    }
    for name, (shape, slope_shape) in shapes.items():
        slopes = np.full(slope_shape, -77) if name == "equal" else rng.integers(-128, 128, slope_shape)
        yield lambda n=name, s=shape, a=slopes: prelu(n, s, a, x, slope, y)
        yield lambda n=name, s=shape, a=slopes: prelu(n + "_zero_m128", s, a, Quantization(0.03, -128), slope, y)


def island(name, operators, x, y, operator="DEQUANTIZE", shape=(1, 256)):
    """DEQUANTIZE, float operators, QUANTIZE. An operator is its name, its float constants beside None for the running
    value, and its options."""
    name = f"island_{name}"
    model = Model()
    graph = model.main
    a = graph.input("x", shape, "int8", x)
    value = graph.tensor("real", shape, "float32")
    graph.operator("DEQUANTIZE", [a], [value])
    first = value
    for number, (kind, operands, options) in enumerate(operators):
        made = graph.tensor(f"real{number}", shape, "float32")
        inputs = []
        for place, operand in enumerate(operands):
            if operand is None:
                inputs.append(value)
            elif operand == "first":
                inputs.append(first)
            else:
                inputs.append(graph.constant(f"c{number}_{place}", np.asarray(operand, np.float32)))
        graph.operator(kind, inputs, [made], **options)
        value = made
    graph.operator("QUANTIZE", [value], [graph.output("y", shape, "int8", y)])
    return Case(name, operator, model.serialize(), all_codes(name, shape))


def island_cases():
    one = [None]
    unary_functions = ("ABS", "NEG", "ELU", "EXP", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND", "RELU", "RELU6",
                       "LOGISTIC", "TANH", "HARD_SWISH")
    rng = generator("islands")
    for function in unary_functions:
        for number in range(4):
            x = Quantization(float32(10 ** rng.uniform(-2, -0.7)), int(rng.integers(-128, 128)))
            y = Quantization(float32(10 ** rng.uniform(-2.3, -0.5)), int(rng.integers(-128, 128)))
            yield lambda f=function, n=number, x=x, y=y: island(f"{f.lower()}_{n}", [(f, one, {})], x, y)
    for function in ("SQRT", "RSQRT", "LOG"):
        for number in range(4):
            x = Quantization(float32(10 ** rng.uniform(-2, -0.7)), -128)
            y = Quantization(float32(10 ** rng.uniform(-2.3, -0.5)), int(rng.integers(-128, 0)))
            steps = [("ADD", [None, 0.01 * (number + 1)], {}), (function, one, {})]
            yield lambda f=function, n=number, x=x, y=y, s=steps: island(f"{f.lower()}_{n}", s, x, y)
    x, y = Quantization(0.0471, -5), Quantization(0.0333, 12)
    for alpha in (0.1, 0.3, -0.5):
        yield lambda a=alpha: island(f"leaky_relu_{text(a)}", [("LEAKY_RELU", one, {"alpha": a})], x, y)
    for number, constant in enumerate((0.5, -1.3, 3.7)):
        for function in ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM"):
            yield lambda f=function, c=constant, n=number: island(f"{f.lower()}_constant_{n}", [(f, [None, c], {})], x, y)
        for function in ("ADD", "SUB", "MUL"):
            yield lambda f=function, c=constant, n=number: island(
                f"{f.lower()}_constant_first_{n}", [(f, [c, None], {})], x, y)
    for act, number in (("relu", 1), ("relu6", 3), ("relu_n1_to_1", 2)):
        for function in ("ADD", "SUB", "MUL"):
            yield lambda f=function, a=act, n=number: island(
                f"{f.lower()}_{a}", [(f, [None, 1.7], {"fusedActivationFunction": n})], x, y)
    yield lambda: island("prelu", [("PRELU", [None, [[0.3]]], {})], x, y)
    chains = {
        "swish": [("LOGISTIC", one, {}), ("MUL", [None, "first"], {})],
        "softplus": [("EXP", one, {}), ("ADD", [None, 1.0], {}), ("LOG", one, {})],
        "mish": [("EXP", one, {}), ("ADD", [None, 1.0], {}), ("LOG", one, {}), ("TANH", one, {}), ("MUL", [None, "first"], {})],
        "reciprocal": [("ABS", one, {}), ("ADD", [None, 0.5], {}), ("DIV", [1.0, None], {})],
        "gelu_by_tanh": [("SQUARE", one, {}), ("MUL", [None, "first"], {}), ("MUL", [None, 0.044715], {}),
                         ("ADD", [None, "first"], {}), ("MUL", [None, 0.7978846], {}), ("TANH", one, {}),
                         ("ADD", [None, 1.0], {}), ("MUL", [None, "first"], {}), ("MUL", [None, 0.5], {})],
        "clip": [("MAXIMUM", [None, -1.5], {}), ("MINIMUM", [None, 2.0], {})],
        "double": [("ADD", [None, "first"], {})],
        "saturates": [("MUL", [None, 1000.0], {})],
        "elu_elu": [("ELU", one, {}), ("ELU", one, {})],
        "sine_of_square": [("SQUARE", one, {}), ("SIN", one, {})],
    }
    for name, steps in chains.items():
        for number, x in enumerate((Quantization(0.0471, -5), Quantization(0.02, -100), Quantization(0.03, 90))):
            yield lambda n=f"{name}_{number}", s=steps, x=x: island(n, s, x, y)


def cases():
    yield from unary_cases()
    yield from prelu_cases()
    yield from island_cases()
