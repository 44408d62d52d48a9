"""TRANSPOSE_CONV, RESIZE_BILINEAR, operators of two operands and of truth values, and DIV by a constant."""

import numpy as np

from tflite_model import Case, Model, Quantization, require_no_overflow, schema
from vectors import all_codes, generator, integer_vectors
from written_weighted import activation

CODES = Quantization(0.0471, -5)
OTHER = Quantization(0.0213, 17)


def label(value):
    return str(value).replace(".", "p").replace("-", "m")


def words(values):
    return "x".join(str(v) for v in values) if len(values) else "scalar"


# TRANSPOSE_CONV

def transpose_conv(name, x_shape=(1, 4, 5, 3), outputs=4, window=(3, 3), stride=(2, 2), padding="same", act="none",
                   y_size=None, x=CODES, y=None, per_channel=True, bias=True):
    name = "transpose_conv_" + name
    rng = generator(name)
    batch, height, width, inputs = x_shape
    if y_size is None:
        y_size = (height * stride[0], width * stride[1]) if padding == "same" else (
            (height - 1) * stride[0] + window[0], (width - 1) * stride[1] + window[1])
    scales = [float(s) for s in rng.uniform(0.002, 0.02, outputs)] if per_channel else 0.0087
    weights = rng.integers(-127, 128, (outputs, *window, inputs)).astype(np.int8)
    taps = -(-window[0] // stride[0]) * -(-window[1] // stride[1]) * inputs
    y = y or Quantization(float(np.float32(0.6 * x.scale * np.max(scales) * 127 * np.sqrt(taps))), -3)
    largest = window[0] * window[1] * inputs * 127 * 255 + 4000
    for scale in np.atleast_1d(scales):
        require_no_overflow(name, -largest, largest, float(np.float32(x.scale)) * float(np.float32(scale)) / y.scale)
    model = Model()
    graph = model.main
    x_tensor = graph.input("x", x_shape, "int8", x)
    tensors = [
        graph.constant("shape", np.array((batch, *y_size, outputs), np.int32)),
        graph.constant("w", weights, "int8", Quantization(scales, 0, 0)), x_tensor]
    if bias:
        tensors.append(graph.constant("b", rng.integers(-4000, 4001, outputs).astype(np.int32), "int32",
                                      Quantization([x.scale * float(s) for s in np.broadcast_to(scales, outputs)], 0, 0)))
    graph.operator("TRANSPOSE_CONV", tensors, [graph.output("y", (batch, *y_size, outputs), "int8", y)],
                   padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1],
                   fusedActivationFunction=activation(act))
    return Case(name, "TRANSPOSE_CONV", model.serialize(), integer_vectors(name, [(x_shape, "int8", x.zero_point)], 1))


def transpose_conv_cases():
    for padding in ("same", "valid"):
        for window in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (3, 2), (1, 4), (7, 3)):
            for stride in ((1, 1), (2, 2), (1, 2), (3, 2), (4, 4)):
                name = f"{padding}_{words(window)}_stride_{words(stride)}"
                yield lambda n=name, p=padding, w=window, s=stride: transpose_conv(n, window=w, stride=s, padding=p)
        for act in ("relu", "relu6", "relu_n1_to_1"):
            yield lambda p=padding, a=act: transpose_conv(f"{p}_{a}", padding=p, act=a)
        for x_shape in ((1, 1, 1, 5), (2, 3, 3, 2), (1, 6, 1, 1), (1, 1, 7, 4), (3, 2, 5, 1)):
            yield lambda p=padding, x=x_shape: transpose_conv(f"{p}_{words(x)}", x, padding=p)
        yield lambda p=padding: transpose_conv(f"{p}_per_tensor", padding=p, per_channel=False)
        yield lambda p=padding: transpose_conv(f"{p}_without_bias", padding=p, bias=False)
        yield lambda p=padding: transpose_conv(f"{p}_one_output", padding=p, outputs=1)
        yield lambda p=padding: transpose_conv(f"{p}_many_channels", (1, 3, 3, 17), padding=p, outputs=19)
        for zero in (-128, 127):
            yield lambda p=padding, z=zero: transpose_conv(f"{p}_zero_{label(z)}", padding=p, x=Quantization(0.05, z))
        yield lambda p=padding: transpose_conv(f"{p}_ties", padding=p, x=Quantization(1.0, 0), y=Quantization(4.0, 0),
                                               per_channel=False)
        # Sizes that the strides do not divide.
        yield lambda p=padding: transpose_conv(f"{p}_odd_size", padding=p, y_size=(7, 9))
        yield lambda p=padding: transpose_conv(f"{p}_odd_size_stride3", padding=p, y_size=(11, 14), stride=(3, 3))


# RESIZE_BILINEAR

def resize(name, x_shape, size, align=False, half=False, q=CODES):
    name = "resize_bilinear_" + name
    model = Model()
    graph = model.main
    inputs = [graph.input("x", x_shape, "int8", q), graph.constant("size", np.array(size, np.int32))]
    graph.operator("RESIZE_BILINEAR", inputs, [graph.output("y", (x_shape[0], *size, x_shape[3]), "int8", q)],
                   alignCorners=align, halfPixelCenters=half)
    return Case(name, "RESIZE_BILINEAR", model.serialize(), integer_vectors(name, [(x_shape, "int8", q.zero_point)], 2))


def resize_cases():
    for half in (False, True):
        for x_shape, size in (((1, 4, 4, 3), (8, 8)), ((1, 3, 5, 2), (6, 10)), ((1, 2, 3, 2), (8, 12)),
                              ((1, 2, 2, 1), (16, 16)), ((2, 3, 3, 2), (6, 6)), ((1, 1, 1, 4), (4, 4)),
                              ((1, 1, 4, 2), (2, 8)), ((1, 4, 3, 2), (4, 6)), ((1, 4, 4, 2), (4, 4)),
                              ((1, 8, 8, 3), (4, 4)), ((1, 8, 8, 2), (2, 4)), ((1, 6, 4, 2), (3, 8)),
                              ((1, 8, 6, 1), (1, 1)), ((1, 3, 3, 17), (6, 6)), ((1, 12, 6, 1), (4, 2)),
                              ((1, 1, 1, 3), (5, 7)), ((1, 6, 6, 2), (4, 4))):
            name = f"{words(x_shape)}_to_{words(size)}" + ("_half" if half else "")
            yield lambda n=name, x=x_shape, s=size, h=half: resize(n, x, s, half=h)
        for zero in (-128, 127):
            name = f"zero_{label(zero)}" + ("_half" if half else "")
            yield lambda n=name, z=zero, h=half: resize(n, (1, 3, 4, 2), (6, 8), half=h, q=Quantization(0.04, z))
    for x_shape, size in (((1, 3, 3, 2), (5, 5)), ((1, 4, 5, 2), (7, 9)), ((1, 2, 2, 2), (5, 9)), ((1, 5, 5, 1), (3, 3)),
                          ((1, 3, 4, 1), (1, 1)), ((1, 4, 3, 2), (4, 3)), ((1, 2, 3, 1), (9, 17))):
        yield lambda x=x_shape, s=size: resize(f"{words(x)}_to_{words(s)}_align", x, s, align=True)


# Two operands

SHAPES = {"same": ((2, 3, 4), (2, 3, 4)), "scalar_right": ((2, 3, 4), (1,)), "scalar_left": ((1,), (2, 3, 4)),
          "channel": ((1, 2, 3, 5), (5,)), "outer": ((3, 1, 4), (1, 5, 1)), "row": ((2, 3, 4), (3, 1))}
SCALES = {"scaled": (CODES, OTHER, Quantization(0.031, 4)), "equal": (CODES, CODES, CODES),
          "ends": (Quantization(0.05, -128), Quantization(0.0391, 127), Quantization(0.0724, -128)),
          "apart": (Quantization(0.9, 3), Quantization(0.0021, -9), Quantization(1.3, -77)),
          "powers": (Quantization(0.5, 0), Quantization(0.25, 0), Quantization(0.125, -128))}


def two(operator, name, shapes, quantizations, y_type="int8", constant=None, codes=None, **options):
    """`constant` names the operand that is one; `codes` are its elements."""
    name = f"{operator.lower()}_{name}"
    rng = generator(name)
    model = Model()
    graph = model.main
    inputs, specifications = [], []
    for index, (shape, q) in enumerate(zip(shapes, quantizations)):
        if index == constant:
            array = rng.integers(-128, 128, shape) if codes is None else np.broadcast_to(codes, shape)
            inputs.append(graph.constant(f"c{index}", np.asarray(array, np.int8), "int8", q))
        else:
            inputs.append(graph.input(f"x{index}", shape, "int8", q))
            specifications.append((shape, "int8", q.zero_point))
    y_shape = np.broadcast_shapes(*shapes)
    y = graph.output("y", y_shape, y_type, quantizations[2] if y_type == "int8" else None)
    graph.operator(operator, inputs, [y], **options)
    vectors = integer_vectors(name, specifications, 3)
    return Case(name, operator, model.serialize(), vectors)


def two_operand_cases():
    truths = ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL")
    for operator in ("MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", *truths):
        y_type = "bool" if operator in truths else "int8"
        for name, shapes in SHAPES.items():
            yield lambda o=operator, n=name, s=shapes, t=y_type: two(o, n, s, SCALES["scaled"], t)
        for name, quantizations in SCALES.items():
            if name != "scaled":
                yield lambda o=operator, n=name, q=quantizations, t=y_type: two(o, n, SHAPES["same"], q, t)
        for place in (0, 1):
            for name, shapes in (("one", ((2, 3, 4), (1,))), ("channel", ((2, 3, 4), (4,))), ("whole", ((3, 5), (3, 5)))):
                shapes = shapes if place else shapes[::-1]
                yield lambda o=operator, n=f"constant_{name}_{place}", s=shapes, t=y_type, p=place: two(
                    o, n, s, SCALES["scaled"], t, constant=p)
        # All pairs of codes.
        yield lambda o=operator, t=y_type: pairs_of_codes(o, t)


def pairs_of_codes(operator, y_type):
    case = two(operator, "all_pairs", ((256, 1), (1, 256)), SCALES["scaled"], y_type)
    codes = np.arange(-128, 128).astype(np.int8)
    case.inputs = [codes.reshape(1, 256, 1), codes.reshape(1, 1, 256)]
    return case


def quotient_cases():
    for divisor in (-128, -100, -6, -4, 3, 20, 127):
        for name in ("scaled", "ends"):
            q = SCALES[name]
            if divisor == q[1].zero_point:
                continue
            yield lambda d=divisor, n=name, q=q: quotient(f"{label(d)}_{n}", d, q)
    for act in ("relu", "relu6", "relu_n1_to_1"):
        yield lambda a=act: quotient(a, 60, SCALES["scaled"], a)


def quotient(name, divisor, quantizations, act="none"):
    real = (divisor - quantizations[1].zero_point) * quantizations[1].scale
    y = Quantization(float(np.float32(quantizations[0].scale / abs(real) * 1.7)), -11)
    case = two("DIV", name, ((4, 64), (1,)), (*quantizations[:2], y), constant=1, codes=divisor,
               fusedActivationFunction=activation(act))
    case.inputs = all_codes(case.name, (4, 64))
    return case


# Truth values

def truth_vectors(name, shapes):
    rng = generator(name + ".inputs")
    return [np.stack([rng.integers(0, 2, shape) for _ in range(5)] + [np.full(shape, v) for v in (0, 1)]).astype(np.uint8)
            for shape in shapes]


def logical(operator, name, shapes):
    name = f"{operator.lower()}_{name}"
    model = Model()
    graph = model.main
    inputs = [graph.input(f"x{index}", shape, "bool") for index, shape in enumerate(shapes)]
    graph.operator(operator, inputs, [graph.output("y", np.broadcast_shapes(*shapes), "bool")])
    return Case(name, operator, model.serialize(), truth_vectors(name, shapes))


def select(name, shapes, quantizations, constants=()):
    name = "select_v2_" + name
    rng = generator(name)
    model = Model()
    graph = model.main
    inputs = [graph.input("c", shapes[0], "bool")]
    vectors = truth_vectors(name, shapes[:1])
    specifications = []
    for index, (shape, q) in enumerate(zip(shapes[1:], quantizations)):
        if index in constants:
            inputs.append(graph.constant(f"k{index}", rng.integers(-128, 128, shape).astype(np.int8), "int8", q))
        else:
            inputs.append(graph.input(f"x{index}", shape, "int8", q))
            specifications.append((shape, "int8", q.zero_point))
    graph.operator("SELECT_V2", inputs, [graph.output("y", np.broadcast_shapes(*shapes), "int8", quantizations[2])])
    others = integer_vectors(name, specifications, 7) if specifications else []
    return Case(name, "SELECT_V2", model.serialize(), vectors + [array[:7] for array in others])


def truth_cases():
    for operator in ("LOGICAL_AND", "LOGICAL_OR", "EQUAL", "NOT_EQUAL"):
        prefix = "" if operator.startswith("LOGICAL") else "bool_"
        for name, shapes in SHAPES.items():
            yield lambda o=operator, n=prefix + name, s=shapes: logical(o, n, s)
    for shape in ((2, 3, 4), (1,), (7,)):
        yield lambda s=shape: logical("LOGICAL_NOT", words(s), (s,))
    same = (2, 3, 4)
    for name, shapes in {"same": (same,) * 3, "condition_row": ((3, 1), same, same), "one_condition": ((1,), same, same),
                         "one_choice": (same, (1,), same), "other_choice": (same, same, (1,)),
                         "channels": ((2, 1, 1), (4,), (3, 1))}.items():
        yield lambda n=name, s=shapes: select(n, s, (CODES, CODES, CODES))
    yield lambda: select("constants", (same, same, (1,)), (CODES, CODES, CODES), (0, 1))
    yield lambda: select("constant_first", (same, (1,), same), (CODES, CODES, CODES), (0,))
    yield lambda: select("constant_second", (same, same, (4,)), (CODES, CODES, CODES), (1,))


def cases():
    for family in (transpose_conv_cases, resize_cases, two_operand_cases, quotient_cases, truth_cases):
        yield from family()
