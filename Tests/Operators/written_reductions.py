"""SUM, REDUCE_MAX, REDUCE_MIN, ARG_MAX, ARG_MIN, CUMSUM; rows that an int32 input chooses; SOFTMAX of long rows."""

import numpy as np

from tflite_model import Case, Model, Quantization
from vectors import generator, integer_vectors
from written_shapes import moved, text

CODES = Quantization(0.0471, -5)


def reduced(operator, name, x_shape, axes, keep, x=CODES, y=CODES):
    positive = {axis % len(x_shape) for axis in np.atleast_1d(axes)}
    y_shape = [1 if i in positive else d for i, d in enumerate(x_shape) if keep or i not in positive]
    return moved(operator, name, x_shape, y_shape, [axes], q=x, y_q=y, random_count=5, keepDims=keep)


def reduced_cases():
    shape = (2, 3, 4, 5)
    wide = Quantization(0.61, 11)
    for operator in ("SUM", "REDUCE_MAX", "REDUCE_MIN"):
        y = wide if operator == "SUM" else CODES
        for axes in ((1, 2), (2, 1), (1,), (3,), (0,), (0, 3), (2, 3), (-1,), (-3, -2), (1, 2, 3), (0, 2), (0, 1, 2, 3)):
            for keep in (True, False):
                name = "axes_" + "_".join(text([a]) for a in axes) + ("_keep" if keep else "")
                yield lambda o=operator, n=name, a=axes, k=keep, y=y: reduced(o, n, shape, a, k, y=y)
        for x_shape, axes in (((13,), (0,)), ((3, 8), (1,)), ((2, 5, 6), (1,)), ((1, 7, 7, 8), (1, 2)), ((1, 16, 16, 1), (1, 2)),
                              ((1, 1, 1, 6), (1, 2)), ((3, 1, 4), (1,)), ((1, 200), (1,))):
            yield lambda o=operator, x=x_shape, a=axes, y=y: reduced(o, f"{text(x)}_axes_{text(a)}", x, a, False, y=y)
        for zero in (-128, 0, 127):
            q = Quantization(0.05, zero)
            yield lambda o=operator, q=q, z=zero: reduced(o, f"zero_{text([z])}", (1, 4, 3, 2), (1, 2), False, q, q)
    for index, (x, y) in enumerate((((0.9, 0), (0.01, 4)), ((0.001, 0), (0.9, 4)), ((0.05, -128), (0.05, 127)), ((1.0, 0), (4.0, 0)),
                                    ((0.5, 3), (1.0, -3)), ((0.05, 127), (0.2, -128)))):
        yield lambda i=index, x=x, y=y: reduced("SUM", f"scales_{i}", (1, 4, 3, 4), (1, 2), True, Quantization(*x), Quantization(*y))


def index_of(operator, x_shape, axis, q=CODES):
    name = f"{operator.lower()}_{text(x_shape)}_axis_{text([axis])}"
    if q is not CODES:
        name += f"_zero_{text([q.zero_point])}"
    model = Model()
    graph = model.main
    y_shape = [d for i, d in enumerate(x_shape) if i != axis % len(x_shape)]
    inputs = [graph.input("x", x_shape, "int8", q), graph.constant("axis", np.array(axis, np.int32))]
    graph.operator(operator, inputs, [graph.output("y", y_shape, "int32")], outputType=2)
    vectors = integer_vectors(name, [(x_shape, "int8", q.zero_point)], 5)[0]
    # Few codes, so that ties are common.
    rng = generator(name + ".ties")
    ties = rng.integers(-1, 2, (4, *x_shape)).astype(np.int8)
    return Case(name, operator, model.serialize(), [np.concatenate([vectors, ties])])


def index_cases():
    for operator in ("ARG_MAX", "ARG_MIN"):
        for x_shape, axis in (((1, 10), 1), ((1, 10), -1), ((7,), 0), ((3, 5), 0), ((3, 5), 1), ((2, 3, 4), 1), ((2, 3, 4), 0),
                              ((2, 3, 4), 2), ((2, 3, 4, 5), 3), ((2, 3, 4, 5), 1), ((2, 3, 4, 5), -2), ((1, 4, 4, 21), 3),
                              ((1, 1), 1), ((1, 2), 1), ((1, 256), 1), ((1, 257), 1), ((1, 1000), 1), ((1, 3, 1), 1)):
            yield lambda o=operator, x=x_shape, a=axis: index_of(o, x, a)
        for zero in (-128, 127):
            yield lambda o=operator, z=zero: index_of(o, (2, 12), 1, Quantization(0.02, z))


def cumsum_cases():
    for x_shape, axis in (((1, 8), 1), ((2, 3, 5), 1), ((2, 3, 5), -1), ((4,), 0), ((1, 6, 4, 3), 1), ((3, 1), 1)):
        for exclusive in (False, True):
            for reverse in (False, True):
                for zero in (3, -128):
                    q = Quantization(0.05, zero)
                    name = f"{text(x_shape)}_axis_{text([axis])}_zero_{text([zero])}" + "_exclusive" * exclusive + "_reverse" * reverse
                    yield lambda n=name, x=x_shape, a=axis, e=exclusive, r=reverse, q=q: moved(
                        "CUMSUM", n, x, x, [a], q=q, y_q=Quantization(0.05, -7), exclusive=e, reverse=r)


def embedding(operator, rows, shape, indices):
    name = f"{operator.lower()}_{text(shape)}_{text(indices)}"
    rng = generator(name)
    model = Model()
    graph = model.main
    table = graph.constant("table", rng.integers(-128, 128, (rows, *shape)).astype(np.int8), "int8", CODES)
    index = graph.input("x", indices, "int32")
    inputs, options = ([index, table], {}) if operator == "EMBEDDING_LOOKUP" else ([table, index], dict(axis=0, batchDims=0))
    graph.operator(operator, inputs, [graph.output("y", (*indices, *shape), "int8", CODES)], **options)
    vectors = [rng.integers(0, rows, indices) for _ in range(4)] + [np.full(indices, 0), np.full(indices, rows - 1)]
    return Case(name, operator, model.serialize(), [np.stack(vectors).astype(np.int32)])


def embedding_cases():
    for rows, shape, indices in ((50, (8,), (1, 12)), (64, (5,), (3,)), (2, (3,), (7,)), (300, (4,), (2, 2)), (5, (2, 3), (4,)),
                                 (1000, (12,), (3,)), (1, (4,), (2,)), (3, (1,), (1, 5))):
        yield lambda r=rows, s=shape, i=indices: embedding("GATHER", r, s, i)
        if len(indices) == 1:
            yield lambda r=rows, s=shape, i=indices: embedding("EMBEDDING_LOOKUP", r, s, i)


def long_softmax_cases():
    """Rows past 511 elements, whose exponentials add up to less than 512."""
    for depth in (512, 1001):
        yield lambda d=depth: long_softmax(d, 1)


def long_softmax(depth, rows):
    name = f"softmax_long_{rows}x{depth}"
    model = Model()
    graph = model.main
    x = graph.input("x", (rows, depth), "int8", Quantization(0.2, 4))
    graph.operator("SOFTMAX", [x], [graph.output("y", (rows, depth), "int8", Quantization(1 / 256, -128))], beta=1.0)
    rng = generator(name)
    vectors = [rng.integers(-128, 128, (rows, depth)), np.clip(rng.normal(-60, 30, (rows, depth)), -128, 127)]
    for top in (1, 2, 5):
        lone = np.full((rows, depth), -128)
        lone[:, rng.choice(depth, top)] = 127
        vectors.append(lone)
    return Case(name, "SOFTMAX", model.serialize(), [np.stack(vectors).astype(np.int8)])


def cases():
    yield from cumsum_cases()
    yield from embedding_cases()
    yield from long_softmax_cases()
    yield from reduced_cases()
    yield from index_cases()
