"""LOG_SOFTMAX and L2_NORMALIZATION of rows, CUMSUM with scales of its own, resizing by any ratio."""

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import generator, integer_vectors
from written_pairs import resize
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
                "LOG_SOFTMAX", n, s, Quantization(c, -5), y, 4 if np.prod(s) > 500 else 12, (1, 3, 9, 30))
    for scale in (0.0001, 0.0009, 0.0039, 0.0625, 0.07, 0.11, 0.5, 0.77, 1.0, 1.9, 5.3, 10.0, 20.0, 31.9, 40.0, 300.0):
        for shape in ((4, 10), (16, 2)):
            name = f"{text(shape)}_scale_{str(scale).replace('.', 'p')}_zero_0"
            yield lambda n=name, s=shape, c=scale: rows("LOG_SOFTMAX", n, s, Quantization(c, 0), y, 12, (1, 2, 5, 20))
    for zero in (-128, 127):
        yield lambda z=zero: rows("LOG_SOFTMAX", f"zero_{text([z])}", (5, 9), Quantization(0.09, z), y, 12)


def length_cases():
    y = Quantization(1 / 128, 0)
    for shape in ((1, 1), (1, 2), (1, 3), (5,), (3, 12), (2, 3, 5), (1, 4, 4, 7), (2, 1, 2, 64), (1, 128), (1, 256), (1, 4096)):
        for zero in (-5, -128, 127, 0):
            name = f"{text(shape)}_zero_{text([zero])}"
            yield lambda n=name, s=shape, z=zero: rows(
                "L2_NORMALIZATION", n, s, Quantization(0.031, z), y, 3 if np.prod(s) > 500 else 8, (0, 1, 2, 3, 5, 9, 30, 70))
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
                        ((1, 13, 9, 1), (5, 4)), ((1, 6, 6, 5), (18, 18)), ((1, 4, 4, 1), (4, 11)), ((1, 9, 16, 1), (31, 23)),
                        ((1, 20, 20, 1), (30, 30)), ((1, 3, 3, 1), (40, 40)), ((1, 16, 2, 1), (21, 6))):
        for half, align in ((False, False), (True, False), (False, True)):
            name = f"{text(shape)}_to_{text(size)}_any" + "_half" * half + "_align" * align
            yield lambda n=name, s=shape, t=size, h=half, a=align: resize(n, s, t, a, h)
    for zero in (-128, 127):
        for half in (False, True):
            name = f"any_zero_{text([zero])}" + "_half" * half
            yield lambda n=name, z=zero, h=half: resize(n, (1, 3, 4, 2), (9, 12), half=h, q=Quantization(0.04, z))


def cases():
    for family in (log_softmax_cases, length_cases, cumsum_cases, resize_cases):
        yield from family()
