"""Sums of several tensors, and floating-point islands of sums, remainders and truth values; zeros in the shape of an input."""

import numpy as np

from tflite_model import Case, Model, Quantization, schema
from vectors import integer_vectors
from written_shapes import text

CODES = Quantization(0.0471, -5)
OTHER = Quantization(0.0213, 17)
RESULT = Quantization(0.0913, 3)
TYPES = {"int8": 9, "float32": 0, "bool": 6}


class Island:
    """A network whose inputs are `quantizations`, with what is reckoned of them in between."""

    def __init__(self, name, operator, shapes, quantizations):
        self.name, self.operator, self.model = f"{operator.lower()}_{name}", operator, Model()
        self.graph = self.model.main
        self.specifications = [(shape, "int8", q.zero_point) for shape, q in zip(shapes, quantizations)]
        self.codes = [self.graph.input(f"x{index}", shape, "int8", q)
                      for index, (shape, q) in enumerate(zip(shapes, quantizations))]

    def made(self, operator, inputs, shape, dtype="float32", quantization=None, **options):
        tensor = self.graph.tensor(f"t{len(self.graph.tensors)}", shape, dtype, quantization)
        self.graph.operator(operator, inputs, [tensor], **options)
        return tensor

    def real(self, tensor, shape):
        return self.made("DEQUANTIZE", [tensor], shape)

    def quantized(self, tensor, shape, quantization):
        self.graph.operator("QUANTIZE", [tensor], [self.graph.output("y", shape, "int8", quantization)])

    def case(self, random=6):
        return Case(self.name, self.operator, self.model.serialize(),
                    integer_vectors(self.name, self.specifications, random))


def sum_of(count, shape, x, y):
    island = Island(f"int8_{count}_{text(shape)}_scale_{str(y.scale / x.scale).replace('.', 'p')[:8]}_zero_{text([x.zero_point])}",
                    "ADD_N", [shape] * count, [x] * count)
    island.graph.operator("ADD_N", island.codes, [island.graph.output("y", shape, "int8", y)])
    return island.case()


def sum_cases():
    for count in (2, 3, 5, 8):
        for zero in (-128, -5, 0, 127):
            for factor in (0.37, 1.0, 1.9, 3.3):
                yield lambda n=count, z=zero, f=factor: sum_of(
                    n, (2, 3, 4), Quantization(0.0471, z), Quantization(0.0471 * f, -z // 2))
    yield lambda: sum_of(4, (7,), CODES, Quantization(0.13, 9))


def float_sum(count, quantizations, y, name):
    shape = (2, 3, 4)
    island = Island(f"float_{count}_{name}", "ADD_N", [shape] * count, quantizations)
    island.quantized(island.made("ADD_N", [island.real(x, shape) for x in island.codes], shape), shape, y)
    return island.case(12)


def float_sum_cases():
    for count in (2, 3, 4):
        for name, x, y in (("same", CODES, CODES), ("wider", CODES, Quantization(0.2071, 11)),
                           ("finer", OTHER, Quantization(0.0131, -40)), ("halves", Quantization(0.25, 3), Quantization(0.5, 0))):
            yield lambda n=count, q=x, r=y, c=name: float_sum(n, [q] * n, r, c)
    yield lambda: float_sum(2, [CODES, OTHER], RESULT, "scales")


def running(shape, axis, exclusive, reverse, x, y):
    island = Island(f"float_{text(shape)}_axis_{axis}_{'exclusive_' * exclusive}{'reverse_' * reverse}{str(y.scale)[2:6]}",
                    "CUMSUM", [shape], [x])
    axis = island.graph.constant("axis", np.array(axis, np.int32), "int32")
    made = island.made("CUMSUM", [island.real(island.codes[0], shape), axis], shape, exclusive=exclusive, reverse=reverse)
    island.quantized(made, shape, y)
    return island.case(12)


def running_cases():
    for shape, axis in (((1, 6, 5), 1), ((1, 6, 5), 2), ((4, 3), 0), ((9,), 0)):
        for exclusive in (False, True):
            for reverse in (False, True):
                yield lambda s=shape, a=axis, e=exclusive, r=reverse: running(s, a, e, r, CODES, Quantization(0.1531, -23))
    yield lambda: running((1, 6, 5), 1, False, False, Quantization(0.5, 0), Quantization(1.0, 0))


def remainder(operator, shapes, name, divisor_zero, constant=None, behind=None):
    """The divisor is held above zero, or below."""
    x, y = CODES, Quantization(0.0213, divisor_zero)
    island = Island(name, operator, shapes[:1] if constant is not None else shapes, (x, y))
    shape = np.broadcast_shapes(*shapes)
    dividend = island.real(island.codes[0], shapes[0])
    if constant is not None:
        divisor = island.graph.constant("divisor", np.array(constant, np.float32), "float32")
    else:
        away = divisor_zero + 9 if divisor_zero < 0 else divisor_zero - 9
        bound = island.graph.constant("bound", np.array([away], np.int8), "int8", y)
        held = island.made("MAXIMUM" if divisor_zero < 0 else "MINIMUM", [island.codes[1], bound], shapes[1], "int8", y)
        divisor = island.real(held, shapes[1])
    made = island.made(operator, [dividend, divisor], shape)
    if behind:
        made = island.made(behind, [made], shape)
    island.quantized(made, shape, Quantization(1.0, -7) if operator == "FLOOR_DIV" else Quantization(0.019, 4))
    return island.case(12)


def remainder_cases():
    for operator in ("FLOOR_DIV", "FLOOR_MOD"):
        for shapes in (((2, 3, 4), (2, 3, 4)), ((2, 3, 4), (4,)), ((3, 1), (1, 5))):
            for zero in (-120, 110):
                yield lambda o=operator, s=shapes, z=zero: remainder(o, s, f"{text(s[0])}_{text(s[1])}_zero_{text([z])}", z)
        for constant in (0.5, -0.3, 1.7):
            yield lambda o=operator, c=constant: remainder(
                o, ((4, 5), ()), f"by_{str(c).replace('.', 'p').replace('-', 'minus_')}", -120, constant=c)
        yield lambda o=operator: remainder(o, ((3, 4), (3, 4)), "then_tanh", -120, behind="TANH")


def cast(name, kind):
    shape = (2, 3, 4)
    island = Island(name, "CAST", [shape] * (2 if kind == "pairs" else 1), (CODES, OTHER))
    options = dict(inDataType=TYPES["bool"], outDataType=TYPES["float32"])
    x = island.codes[0]
    if kind == "codes":
        # Codes themselves, whatever they stand for.
        made = island.made("CAST", [x], shape, inDataType=TYPES["int8"], outDataType=TYPES["float32"])
        return finish(island, made, shape, Quantization(0.9, -3))
    if kind == "pairs":
        truth = island.made("GREATER", [island.real(code, shape) for code in island.codes], shape, "bool")
    elif kind == "joined":
        real = island.real(x, shape)
        low, high = (island.graph.constant(f"bound{b}", np.array(b, np.float32), "float32") for b in (-1.1, 0.31))
        below, above = (island.made("LESS", [real, b], shape, "bool") for b in (low, high))
        above = island.made("LOGICAL_NOT", [above], shape, "bool")
        truth = island.made("LOGICAL_OR", [below, above], shape, "bool")
    elif kind == "real":
        bound = island.graph.constant("bound", np.array(0.31, np.float32), "float32")
        truth = island.made("GREATER_EQUAL", [island.real(x, shape), bound], shape, "bool")
    else:
        bound = island.graph.constant("bound", np.array([7], np.int8), "int8", CODES)
        truth = island.made("LESS", [x, bound], shape, "bool")
    if kind == "chosen":
        # Codes, by what is compared as real numbers.
        real = island.made("GREATER", [island.real(x, shape), island.graph.constant("b", np.array(-0.4, np.float32), "float32")],
                           shape, "bool")
        other = island.graph.constant("other", np.array([9], np.int8), "int8", CODES)
        island.graph.operator("SELECT_V2", [real, x, other], [island.graph.output("y", shape, "int8", CODES)])
        return island.case(12)
    if kind == "select":
        some = island.graph.constant("some", np.array(0.7, np.float32), "float32")
        made = island.made("SELECT_V2", [truth, island.real(x, shape), some], shape)
        return finish(island, made, shape, RESULT)
    made = island.made("CAST", [truth], shape, **options)
    if kind == "scaled":
        factor = island.graph.constant("factor", np.array(-1.3, np.float32), "float32")
        made = island.made("MUL", [made, factor], shape)
    if kind == "product":
        made = island.made("MUL", [made, island.real(x, shape)], shape)
    return finish(island, made, shape, RESULT if kind in ("scaled", "product") else Quantization(1 / 255, -128))


def finish(island, made, shape, quantization):
    island.quantized(made, shape, quantization)
    return island.case(12)


def cast_cases():
    for kind in ("truth", "codes", "real", "pairs", "joined", "scaled", "product", "select", "chosen"):
        yield lambda k=kind: cast(f"of_{k}", k)


def zeros(name, dtype):
    shape = (2, 3, 4)
    island = Island(name, "ZEROS_LIKE", [shape], [CODES])
    if dtype == "int8":
        made = island.made("ZEROS_LIKE", island.codes, shape, "int8", CODES)
        y = island.graph.output("y", (2, 6, 4), "int8", CODES)
        island.graph.operator("CONCATENATION", [island.codes[0], made], [y], axis=1)
        return island.case()
    real = island.real(island.codes[0], shape)
    made = island.made("MAXIMUM", [real, island.made("ZEROS_LIKE", [real], shape)], shape)
    return finish(island, made, shape, RESULT)


def zeros_cases():
    for dtype in ("int8", "float32"):
        yield lambda d=dtype: zeros(d, d)


def cases():
    for family in (sum_cases, float_sum_cases, running_cases, remainder_cases, cast_cases, zeros_cases):
        yield from family()
