"""LOG_SOFTMAX and L2_NORMALIZATION of rows, CUMSUM with scales of its own, resizing by any ratio, functions of two codes."""

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import generator, integer_vectors
from written_pairs import SCALES, SHAPES, resize, two
from written_weighted import activation
from written_shapes import moved, text

# Operators that TFLM has no kernel for.
LITERT_ALONE = ()
CODES = Quantization(0.0471, -5)


def rows(operator, name, x_shape, x, y, count=8, narrow=()):
    """`narrow` adds vectors whose codes spread no further than each of the given numbers."""
    name = f"{operator.lower()}_{name}"
    model = Model()
    graph = model.main
    graph.operator(operator, [graph.input("x", x_shape, "int8", x)], [graph.output("y", x_shape, "int8", y)])
    vectors = integer_vectors(name, [(x_shape, "int8", x.zero_point)], count)[0]
    rng = generator(name + ".narrow")
    others = [np.clip(x.zero_point + rng.integers(-spread, spread + 1, x_shape), -128, 127) for spread in narrow]
    if others:
        vectors = np.concatenate([vectors, np.stack(others).astype(np.int8)])
    return Case(name, operator, model.serialize(), [vectors])


def log_softmax_cases():
    y = Quantization(16 / 256, 127)
    for shape in ((1, 1), (1, 2), (1, 3), (1, 10), (7,), (3, 12), (2, 3, 5), (1, 4, 4, 21), (1, 256), (1, 1001), (1, 2000)):
        for scale in (0.0471, 0.25):
            name = f"{text(shape)}_scale_{str(scale).replace('.', 'p')}"
            yield lambda n=name, s=shape, c=scale: rows(
                "LOG_SOFTMAX", n, s, Quantization(c, -5), y, 2 if np.prod(s) > 200 else 8, (1, 3, 9, 30))
    for scale in (0.0001, 0.0009, 0.0039, 0.0625, 0.07, 0.11, 0.5, 0.77, 1.0, 1.9, 5.3, 10.0, 20.0, 31.9, 40.0, 300.0):
        for shape in ((2, 10), (8, 2)):
            name = f"{text(shape)}_scale_{str(scale).replace('.', 'p')}_zero_0"
            yield lambda n=name, s=shape, c=scale: rows("LOG_SOFTMAX", n, s, Quantization(c, 0), y, 12, (1, 2, 5, 20))
    for zero in (-128, 127):
        yield lambda z=zero: rows("LOG_SOFTMAX", f"zero_{text([z])}", (5, 9), Quantization(0.09, z), y, 12)


def length_cases():
    y = Quantization(1 / 128, 0)
    for shape in ((1, 1), (1, 2), (1, 3), (5,), (3, 12), (2, 3, 5), (1, 4, 4, 7), (2, 1, 2, 64), (1, 128), (1, 256), (1, 2048)):
        for zero in (-5, -128, 127, 0):
            name = f"{text(shape)}_zero_{text([zero])}"
            yield lambda n=name, s=shape, z=zero: rows(
                "L2_NORMALIZATION", n, s, Quantization(0.031, z), y,
                1 if np.prod(s) > 100 else 6, (0, 1, 2, 3, 9, 30) if np.prod(s) < 500 else (1, 4))
    # Sums of squares from 0 on.
    for width in (1, 2, 3):
        yield lambda w=width: small_lengths(w, y)


def small_lengths(width, y):
    name = f"small_{width}"
    case = rows("L2_NORMALIZATION", name, (64, width), Quantization(1.0, 0), y)
    rng = generator(case.name)
    limits = (2, 4, 8, 12, 16, 30, 60, 127)
    case.inputs = [np.stack([rng.integers(-limit, limit + 1, (64, width)) for limit in limits]).astype(np.int8)]
    return case


def cumsum_cases():
    scales = {"half": 0.1, "twice": 0.025, "near": 0.0471, "large": 0.9, "other": 0.0613}
    for x_shape, axis in (((1, 8), 1), ((2, 3, 5), 1), ((4,), 0), ((1, 6, 4, 3), 2), ((1, 15), 1)):
        for exclusive in (False, True):
            for reverse in (False, True):
                for label, scale in scales.items():
                    name = f"{text(x_shape)}_axis_{text([axis])}_{label}" + "_exclusive" * exclusive + "_reverse" * reverse
                    yield lambda n=name, x=x_shape, a=axis, e=exclusive, r=reverse, s=scale: moved(
                        "CUMSUM", n, x, x, [a], q=Quantization(0.05, 3), y_q=Quantization(s, -7), exclusive=e, reverse=r)
    for zero in (-128, 0, 127):
        yield lambda z=zero: moved(
            "CUMSUM", f"ends_{text([z])}", (2, 7), (2, 7), [1], q=Quantization(0.05, z), y_q=Quantization(0.3, z))


def resize_cases():
    for shape, size in (((1, 4, 5, 2), (12, 15)), ((1, 3, 3, 3), (10, 10)), ((1, 5, 7, 2), (7, 5)), ((1, 2, 2, 1), (3, 7)),
                        ((1, 7, 3, 2), (20, 11)), ((2, 3, 4, 2), (9, 10)), ((1, 1, 4, 3), (3, 12)), ((1, 5, 1, 2), (15, 4)),
                        ((1, 13, 9, 1), (5, 4)), ((1, 4, 4, 5), (12, 12)), ((1, 4, 4, 1), (4, 11)), ((1, 9, 10, 1), (23, 17)),
                        ((1, 12, 12, 1), (18, 18)), ((1, 3, 3, 1), (25, 19)), ((1, 16, 2, 1), (21, 5))):
        for half, align in ((False, False), (True, False), (False, True)):
            name = f"{text(shape)}_to_{text(size)}_any" + "_half" * half + "_align" * align
            yield lambda n=name, s=shape, t=size, h=half, a=align: resize(n, s, t, a, h)
    for zero in (-128, 127):
        for half in (False, True):
            name = f"any_zero_{text([zero])}" + "_half" * half
            yield lambda n=name, z=zero, h=half: resize(n, (1, 3, 4, 2), (9, 12), half=h, q=Quantization(0.04, z))


def quotient(name, shapes, quantizations, least, act="none"):
    """A quotient whose divisor is held to codes from `least` on, which lie above its zero point."""
    name = "div_" + name
    model = Model()
    graph = model.main
    x, d, y = quantizations
    inputs = [graph.input("x", shapes[0], "int8", x), graph.input("d", shapes[1], "int8", d)]
    held = graph.tensor("held", shapes[1], "int8", d)
    graph.operator("MAXIMUM", [inputs[1], graph.constant("least", np.array([least], np.int8), "int8", d)], [held])
    graph.operator("DIV", [inputs[0], held], [graph.output("y", np.broadcast_shapes(*shapes), "int8", y)],
                   fusedActivationFunction=activation(act))
    vectors = integer_vectors(name, [(shapes[0], "int8", x.zero_point), (shapes[1], "int8", d.zero_point)], 3)
    return Case(name, "DIV", model.serialize(), vectors)


def quotient_cases():
    columns = ((64, 1), (1, 64))
    for name, shapes in {**SHAPES, "columns": columns}.items():
        yield lambda n=name, s=shapes: quotient(f"two_{n}", s, (CODES, Quantization(0.021, -20), Quantization(0.025, 4)), -19)
    for label, quantizations, least in (
            ("fine", (CODES, Quantization(0.5, -128), Quantization(0.0005, 0)), -127),
            ("coarse", (CODES, Quantization(0.01, 100), Quantization(0.17, -7)), 120),
            ("few", (CODES, Quantization(0.01, 100), Quantization(0.11, -7)), 101),
            ("powers", (Quantization(0.5, 0), Quantization(0.25, 64), Quantization(0.03125, 0)), 65)):
        yield lambda n=label, q=quantizations, l=least: quotient(f"two_scales_{n}", columns, q, l)
    for act in ("relu", "relu6", "relu_n1_to_1"):
        yield lambda a=act: quotient(f"two_{a}", columns, (CODES, Quantization(0.021, -20), Quantization(0.025, 4)), -19, a)
    # Constants of several numbers, on both sides of zero.
    for shapes in (((3, 5), (5,)), ((2, 3, 4), (3, 1)), ((1, 3), (4, 3))):
        codes = (np.arange(np.prod(shapes[1])) * 37 % 120 * (-1) ** np.arange(np.prod(shapes[1])) - 6).reshape(shapes[1])
        yield lambda s=shapes, c=codes: two(
            "DIV", f"several_{text(s[0])}_by_{text(s[1])}", s,
            (CODES, Quantization(0.021, 11), Quantization(0.017, 4)), constant=1,
            codes=c)


def island(operator, name, shapes, quantizations, act=None, behind=None):
    """DEQUANTIZE of two tensors, a function of both (and perhaps one of the result), QUANTIZE."""
    name = f"island_two_{operator.lower()}_{name}"
    model = Model()
    graph = model.main
    reals = []
    for index, (shape, q) in enumerate(zip(shapes, quantizations)):
        real = graph.tensor(f"r{index}", shape, "float32")
        graph.operator("DEQUANTIZE", [graph.input(f"x{index}", shape, "int8", q)], [real])
        reals.append(real)
    y_shape = np.broadcast_shapes(*shapes)
    made = graph.tensor("m", y_shape, "float32")
    options = {} if act is None else {"fusedActivationFunction": activation(act)}
    graph.operator(operator, reals, [made], **options)
    if behind:
        graph.operator(behind, [made], [graph.tensor("n", y_shape, "float32")])
        made += 1
    graph.operator("QUANTIZE", [made], [graph.output("y", y_shape, "int8", quantizations[2])])
    vectors = integer_vectors(name, [(shape, "int8", q.zero_point) for shape, q in zip(shapes, quantizations)], 3)
    if operator == "DIV":
        # Nothing is divided by zero: that is another number on another processor.
        zero = quantizations[1].zero_point
        vectors[1] = np.where(vectors[1] == zero, zero + 1 if zero < 127 else 126, vectors[1]).astype(np.int8)
    return Case(name, operator, model.serialize(), vectors)


def island_cases():
    y = Quantization(0.9, -11)
    for operator in ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
        for name in ("same", "channel", "outer", "scalar_left"):
            act = "relu6" if name == "outer" and operator in ("ADD", "SUB", "MUL", "DIV") else None
            yield lambda o=operator, n=name, a=act: island(o, n, SHAPES[n], (CODES, Quantization(0.0213, 17), y), a)
    for operator, behind in (("DIV", "TANH"), ("ADD", "COS"), ("MUL", "ELU"), ("SUB", "ABS")):
        yield lambda o=operator, b=behind: island(
            o, f"then_{b.lower()}", ((16, 1), (1, 16)), (CODES, Quantization(0.0213, 17), Quantization(0.02, 5)), behind=b)


def cases():
    for family in (log_softmax_cases, length_cases, cumsum_cases, resize_cases, quotient_cases, island_cases):
        yield from family()
