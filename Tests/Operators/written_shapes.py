"""Pooling, MEAN and the operators that only move codes, written through the schema."""

from typing import NamedTuple

import numpy as np

from tflite_model import Case, Model, Quantization
from tflite_model import schema
from vectors import generator, integer_vectors
from written_elementwise import QUOTIENTS
from written_weighted import activation, window_count

CODES = Quantization(0.0471, -5)


class Int8Constant(NamedTuple):
    codes: object
    quantization: Quantization


def text(values):
    return "x".join(str(v) for v in values).replace("-", "m") if len(values) else "scalar"


def moved(operator, name, x_shape, y_shape, constants=(), q=CODES, y_q=None, random_count=3, **options):
    """One operator with one int8 input, int32 constants, and an int8 output."""
    name = f"{operator.lower()}_{name}"
    model = Model()
    graph = model.main
    inputs = [graph.input("x", x_shape, "int8", q)]
    for index, constant in enumerate(constants):
        if isinstance(constant, Int8Constant):
            inputs.append(graph.constant(f"c{index}", np.asarray(constant.codes, np.int8), "int8", constant.quantization))
        else:
            inputs.append(graph.constant(f"c{index}", np.asarray(constant, np.int32), "int32"))
    graph.operator(operator, inputs, [graph.output("y", y_shape, "int8", y_q or q)], **options)
    return Case(name, operator, model.serialize(), integer_vectors(name, [(x_shape, "int8", q.zero_point)], random_count))


# Pooling

def pool(operator, name, x_shape=(1, 6, 5, 3), window=(2, 2), stride=(2, 2), padding="valid", act="none", q=CODES):
    batch, height, width, depth = x_shape
    y_shape = (batch, window_count(height, window[0], stride[0], 1, padding),
               window_count(width, window[1], stride[1], 1, padding), depth)
    return moved(operator, name, x_shape, y_shape, q=q, random_count=6, filterHeight=window[0], filterWidth=window[1],
                 strideH=stride[0], strideW=stride[1], padding=getattr(schema.Padding, padding.upper()),
                 fusedActivationFunction=activation(act))


def pool_cases(operator):
    geometry = {
        "valid_2x2_stride2": {},
        "same_2x2_stride2": dict(padding="same"),
        "same_3x3_stride1": dict(padding="same", window=(3, 3), stride=(1, 1)),
        "same_3x3_stride2_even_image": dict(padding="same", window=(3, 3), x_shape=(1, 6, 8, 2)),
        "same_3x3_stride2_odd_image": dict(padding="same", window=(3, 3), x_shape=(1, 7, 5, 2)),
        "same_2x3_stride1": dict(padding="same", window=(2, 3), stride=(1, 1)),
        "same_4x2_stride3x1": dict(padding="same", window=(4, 2), stride=(3, 1), x_shape=(1, 8, 5, 2)),
        "same_window_larger_than_image": dict(padding="same", window=(7, 9), stride=(1, 1), x_shape=(1, 3, 4, 2)),
        "same_window_larger_than_image_stride3": dict(padding="same", window=(8, 6), stride=(3, 3), x_shape=(1, 4, 5, 2)),
        "same_stride_larger_than_window": dict(padding="same", window=(1, 2), stride=(3, 4), x_shape=(1, 8, 9, 2)),
        "valid_stride_larger_than_window": dict(window=(2, 1), stride=(3, 3), x_shape=(1, 8, 8, 2)),
        "valid_3x2_stride1x2": dict(window=(3, 2), stride=(1, 2)),
        "valid_global": dict(window=(6, 5), stride=(1, 1)),
        "valid_global_7x7": dict(window=(7, 7), stride=(7, 7), x_shape=(1, 7, 7, 4)),
        "valid_1x1": dict(window=(1, 1), stride=(1, 1), x_shape=(1, 3, 3, 4)),
        "on_1x1_image": dict(window=(1, 1), stride=(1, 1), x_shape=(1, 1, 1, 17)),
        "same_3x3_on_1x1_image": dict(padding="same", window=(3, 3), stride=(1, 1), x_shape=(1, 1, 1, 7)),
        "row_1x4": dict(window=(1, 4), stride=(1, 2), x_shape=(1, 1, 11, 3), padding="same"),
        "column_5x1": dict(window=(5, 1), stride=(2, 1), x_shape=(1, 11, 1, 3)),
        "batch3": dict(x_shape=(3, 4, 4, 2)),
        "batch2_same_3x3": dict(x_shape=(2, 4, 5, 2), padding="same", window=(3, 3)),
        "one_channel": dict(x_shape=(1, 6, 6, 1), window=(3, 3), stride=(3, 3)),
        "many_channels": dict(x_shape=(1, 3, 3, 33), window=(2, 2), stride=(1, 1)),
    }
    for name, sizes in geometry.items():
        yield lambda n=name, s=sizes: pool(operator, n, **s)
    for act in ("relu", "relu6", "relu_n1_to_1"):
        for q in (Quantization(0.05, -128), Quantization(0.0784313753, -20)):
            name = f"{act}_scale_{q.scale}_zero_{q.zero_point}".replace(".", "p").replace("-", "m")
            yield lambda n=name, q=q, a=act: pool(operator, n, q=q, act=a, padding="same", window=(3, 2))


# MEAN

def mean(name, x_shape, axes, keep, x=CODES, y=CODES):
    positive = {axis % len(x_shape) for axis in np.atleast_1d(axes)}
    y_shape = [1 if i in positive else d for i, d in enumerate(x_shape) if keep or i not in positive]
    return moved("MEAN", name, x_shape, y_shape, [axes], q=x, y_q=y, random_count=6, keepDims=keep)


def mean_cases():
    shape = (2, 3, 4, 5)
    for axes in ((1, 2), (2, 1), (1,), (3,), (0,), (0, 3), (2, 3), (-1,), (-3, -2), (1, 2, 3), (0, 1, 2, 3)):
        for keep in (True, False):
            name = "axes_" + "_".join(str(a).replace("-", "m") for a in axes) + ("_keep" if keep else "")
            yield lambda n=name, a=axes, k=keep: mean(n, shape, a, k)
            if not keep:
                yield lambda n=name, a=axes: mean(n + "_rescaled", shape, a, False, CODES, Quantization(0.0277, 30))
    for keep in (True, False):
        suffix = "_keep" if keep else ""
        yield lambda k=keep, s=suffix: mean("scalar_axis" + s, (3, 7), 1, k)
        yield lambda k=keep, s=suffix: mean("rank_1" + s, (13,), (0,), k)
        yield lambda k=keep, s=suffix: mean("rank_5" + s, (2, 2, 3, 2, 2), (1, 4), k, CODES, Quantization(0.05, 3))
        yield lambda k=keep, s=suffix: mean("rank_2" + s, (3, 8), (1,), k, CODES, Quantization(0.02, -77))
        yield lambda k=keep, s=suffix: mean("rank_3" + s, (2, 5, 6), (1,), k, CODES, Quantization(0.06, 10))
        yield lambda k=keep, s=suffix: mean("global_7x7" + s, (1, 7, 7, 8), (1, 2), k)
        yield lambda k=keep, s=suffix: mean("one_element" + s, (1, 1, 1, 6), (1, 2), k, CODES, Quantization(0.02, 9))
        yield lambda k=keep, s=suffix: mean("large_16x16" + s, (1, 16, 16, 1), (1, 2), k, Quantization(0.3, 127),
                                            Quantization(0.07, -128))
        # Power-of-two counts with scale ratio 1 or 2 make exact ties.
        yield lambda k=keep, s=suffix: mean("ties_2" + s, (1, 2, 1, 8), (1, 2), k, Quantization(1.0, 0),
                                            Quantization(1.0, 0))
        yield lambda k=keep, s=suffix: mean("ties_8" + s, (1, 2, 4, 4), (1, 2), k, Quantization(1.0, 3),
                                            Quantization(2.0, -3))
    yield lambda: mean("repeated_axis", (1, 3, 4, 2), (1, 1), True)
    for x, y in (((0.9, 0), (0.001, 4)), ((0.001, 0), (0.9, 4)), ((0.05, -128), (0.05, 127)), ((0.05, 127), (0.02, -128)),
                 ((1.0, 0), (4.0, 0)), ((1e-6, 3), (3.0, -7))):
        name = f"scales_{x[0]}_{y[0]}_zeros_{x[1]}_{y[1]}".replace(".", "p").replace("-", "m")
        yield lambda n=name, x=x, y=y: mean(n, (1, 4, 3, 4), (1, 2), True, Quantization(*x), Quantization(*y))
    for x, y in QUOTIENTS:  # means of one element, for which the multiplier is just the quotient of the scales
        name = f"double_quotient_{x:.6f}".replace(".", "p")
        yield lambda n=name, x=x, y=y: mean(n, (1, 1, 1, 256), (1, 2), True, Quantization(x, -128), Quantization(y, -128))


# Operators that only move codes

def reshape(name, x_shape, y_shape, tensor=None, option=None):
    constants = [] if tensor is None else [tensor]
    options = {} if option is None else dict(newShape=list(option))
    return moved("RESHAPE", name, x_shape, y_shape, constants, **options)


def reshape_cases():
    pairs = [((1, 2, 3, 4), (1, 24)), ((24,), (2, 3, 4)), ((2, 3, 4), (4, 3, 2)), ((1, 1, 1, 7), (7,)), ((2, 6), (3, 4)),
             ((1, 2, 2, 3), (1, 2, 6, 1)), ((5, 1), (1, 5)), ((1, 12), (1, 1, 3, 2, 2))]
    for x, y in pairs:
        yield lambda x=x, y=y: reshape(f"tensor_{text(x)}_to_{text(y)}", x, y, tensor=y)
        yield lambda x=x, y=y: reshape(f"options_{text(x)}_to_{text(y)}", x, y, option=y)
    yield lambda: reshape("both_2x6_to_3x4", (2, 6), (3, 4), tensor=(3, 4), option=(3, 4))
    for x, y, asked in (((1, 2, 3, 4), (1, 24), (1, -1)), ((2, 3, 4), (2, 12), (-1, 12)), ((2, 6), (3, 2, 2), (3, -1, 2)),
                        ((1, 2, 2, 3), (12,), (-1,))):
        name = f"{text(x)}_to_{text(asked)}"
        yield lambda x=x, y=y, a=asked, n=name: reshape("inferred_tensor_" + n, x, y, tensor=a)
        yield lambda x=x, y=y, a=asked, n=name: reshape("inferred_options_" + n, x, y, option=a)


def squeeze_cases():
    for x, dims, y in (((1, 3, 1, 4), [], (3, 4)), ((1, 3, 1, 4), [0], (3, 1, 4)), ((1, 3, 1, 4), [2], (1, 3, 4)),
                       ((1, 3, 1, 4), [0, 2], (3, 4)), ((1, 3, 1, 4), [-2], (1, 3, 4)), ((1, 1, 1, 9), [1, 2], (1, 9)),
                       ((1, 1, 1, 9), [], (9,)), ((2, 1, 5), [1], (2, 5)), ((1, 6), [0], (6,)), ((6, 1), [-1], (6,)),
                       ((2, 1, 1, 3), [1, 2], (2, 3)), ((1, 1), [], ())):
        name = f"{text(x)}_dims_{text(dims)}" if dims else f"{text(x)}_all"
        yield lambda n=name, x=x, d=dims, y=y: moved("SQUEEZE", n, x, y, squeezeDims=d)


def expand_dims_cases():
    for x, axis in (((3, 4), 0), ((3, 4), 1), ((3, 4), 2), ((3, 4), -1), ((3, 4), -2), ((3, 4), -3), ((7,), 0), ((7,), 1),
                    ((2, 3, 4), 2), ((2, 3, 4), -4), ((2, 3, 4), 3), ((1, 5, 2), 1)):
        position = axis if axis >= 0 else axis + len(x) + 1
        y = x[:position] + (1,) + x[position:]
        yield lambda x=x, a=axis, y=y: moved("EXPAND_DIMS", f"{text(x)}_axis_{text([a])}", x, y, [[a]])
    yield lambda: moved("EXPAND_DIMS", "3x4_scalar_axis_1", (3, 4), (3, 1, 4), [1])


def pad_cases():
    pads = [((1, 3, 4, 2), ((0, 0), (1, 1), (1, 1), (0, 0))), ((1, 3, 4, 2), ((0, 0), (0, 1), (2, 0), (0, 0))),
            ((1, 3, 4, 2), ((1, 0), (0, 2), (1, 1), (0, 3))), ((2, 2, 3, 2), ((0, 1), (1, 0), (0, 0), (2, 1))),
            ((1, 3, 4, 2), ((0, 0), (0, 0), (0, 0), (0, 0))), ((2, 3, 4), ((1, 0), (0, 2), (1, 1))),
            ((3, 4), ((1, 2), (0, 3))), ((3, 4), ((0, 0), (4, 0))), ((6,), ((2, 3),)), ((6,), ((0, 1),)),
            ((1, 2, 2, 2, 2), ((0, 1), (1, 0), (0, 0), (2, 0), (0, 1)))]
    for x, padding in pads:
        y = [d + before + after for d, (before, after) in zip(x, padding)]
        name = f"{text(x)}_by_" + "_".join(f"{b}{a}" for b, a in padding)
        yield lambda n=name, x=x, y=y, p=padding: moved("PAD", n, x, y, [p])
        yield lambda n=name, x=x, y=y, p=padding: moved("PADV2", n, x, y, [p, Int8Constant([-77], CODES)])
    image = ((0, 0), (1, 2), (2, 1), (0, 0))
    for zero in (-128, 0, 127):
        q = Quantization(0.05, zero)
        yield lambda q=q, z=zero: moved("PAD", f"zero_{text([z])}", (1, 2, 3, 2), (1, 5, 6, 2), [image], q=q)
        yield lambda q=q, z=zero: moved("PADV2", f"zero_{text([z])}_value_99", (1, 2, 3, 2), (1, 5, 6, 2),
                                        [image, Int8Constant([99], q)], q=q)
    for value in (-128, 127, -5):
        yield lambda v=value: moved("PADV2", f"value_{text([v])}", (1, 2, 3, 2), (1, 5, 6, 2),
                                     [image, Int8Constant([v], CODES)])
    yield lambda: moved("PADV2", "scalar_value", (1, 2, 3, 2), (1, 5, 6, 2), [image, Int8Constant(3, CODES)])


def transpose_cases():
    for x, perm in (((3, 5), (1, 0)), ((3, 5), (0, 1)), ((1, 7), (1, 0)), ((2, 3, 4), (0, 2, 1)), ((2, 3, 4), (2, 1, 0)),
                    ((2, 3, 4), (1, 2, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (1, 0, 2)), ((1, 3, 4, 5), (0, 3, 1, 2)),
                    ((1, 3, 4, 5), (0, 2, 3, 1)), ((2, 3, 4, 5), (3, 2, 1, 0)), ((2, 3, 4, 5), (0, 2, 1, 3)),
                    ((2, 3, 4, 5), (1, 3, 0, 2)), ((2, 3, 4, 5), (2, 3, 1, 0)), ((2, 3, 4, 5), (0, 1, 2, 3)),
                    ((1, 1, 6, 1), (2, 1, 0, 3)), ((7,), (0,)), ((2, 1, 3, 2, 2), (4, 2, 0, 3, 1)),
                    ((1, 2, 3, 2, 2), (0, 3, 1, 4, 2)), ((2, 3, 1, 2, 3), (1, 0, 4, 3, 2))):
        y = [x[p] for p in perm]
        yield lambda x=x, p=perm, y=y: moved("TRANSPOSE", f"{text(x)}_by_{''.join(map(str, p))}", x, y, [p])


def concatenation(name, shapes, axis, q=CODES, constants=(), same=False):
    name = "concatenation_" + name
    rng = generator(name)
    model = Model()
    graph = model.main
    inputs, specifications = [], []
    for index, shape in enumerate(shapes):
        if index in constants:
            inputs.append(graph.constant(f"c{index}", rng.integers(-128, 128, shape).astype(np.int8), "int8", q))
        elif same and inputs:
            inputs.append(inputs[0])
        else:
            inputs.append(graph.input(f"x{index}", shape, "int8", q))
            specifications.append((shape, "int8", q.zero_point))
    y_shape = list(shapes[0])
    y_shape[axis] = sum(shape[axis] for shape in shapes)
    graph.operator("CONCATENATION", inputs, [graph.output("y", y_shape, "int8", q)], axis=axis,
                   fusedActivationFunction=activation("none"))
    return Case(name, "CONCATENATION", model.serialize(), integer_vectors(name, specifications, 3))


def concatenation_cases():
    base = (2, 3, 4, 2)
    for axis in (0, 1, 2, 3, -1, -2, -4):
        for count in (2, 3, 4):
            shapes = [tuple(d + i if j == axis % 4 else d for j, d in enumerate(base)) for i in range(count)]
            if axis < 0 and count > 2:
                continue
            yield lambda a=axis, s=shapes: concatenation(f"{len(s)}_inputs_axis_{text([a])}", s, a)
    yield lambda: concatenation("rank_1", [(3,), (5,)], 0)
    yield lambda: concatenation("rank_2_axis_1", [(2, 3), (2, 1), (2, 5)], 1)
    yield lambda: concatenation("rank_2_axis_0", [(2, 3), (1, 3)], 0)
    yield lambda: concatenation("rank_3_axis_1", [(2, 3, 2), (2, 1, 2)], 1)
    yield lambda: concatenation("rank_5", [(1, 2, 2, 2, 1), (1, 2, 3, 2, 1)], 2)
    yield lambda: concatenation("one_input", [(2, 5)], 1)
    yield lambda: concatenation("constant_first", [(1, 2, 2, 2), (1, 2, 2, 3)], 3, constants=(0,))
    yield lambda: concatenation("constant_second", [(1, 2, 2, 2), (1, 2, 2, 3)], 3, constants=(1,))
    yield lambda: concatenation("same_tensor_twice", [(1, 2, 2, 2), (1, 2, 2, 2)], 2, same=True)
    yield lambda: concatenation("ten_inputs", [(1, i + 1) for i in range(10)], 1)


def strided_slice(name, x_shape, begin, end, strides, begin_mask=0, end_mask=0, shrink=0):
    """The output's shape is computed with Python's own slices, whose rules are the same."""
    index = []
    for i, (b, e, s) in enumerate(zip(begin, end, strides)):
        if shrink >> i & 1:
            index.append(b)
        else:
            index.append(slice(None if begin_mask >> i & 1 else b, None if end_mask >> i & 1 else e, s))
    y_shape = np.empty(x_shape, np.int8)[tuple(index)].shape
    return moved("STRIDED_SLICE", name, x_shape, y_shape, [begin, end, strides], beginMask=begin_mask, endMask=end_mask,
                 shrinkAxisMask=shrink, ellipsisMask=0, newAxisMask=0)


def strided_slice_cases():
    four = (2, 5, 6, 3)
    slices = {
        "4d_inside": (four, (0, 1, 2, 0), (1, 4, 5, 2), (1, 1, 1, 1)),
        "4d_strides": (four, (0, 0, 1, 0), (2, 5, 6, 3), (1, 2, 3, 2)),
        "4d_negative_indices": (four, (0, -4, -5, -2), (2, -1, -2, 3), (1, 1, 1, 1)),
        "4d_end_beyond": (four, (0, 3, 4, 1), (9, 99, 99, 99), (1, 1, 1, 1)),
        "4d_begin_mask": (four, (1, 3, 4, 2), (2, 5, 6, 3), (1, 1, 1, 1), 0b1010),
        "4d_end_mask": (four, (0, 1, 2, 1), (1, 2, 3, 2), (1, 1, 1, 1), 0, 0b0110),
        "4d_both_masks": (four, (1, 3, 4, 2), (1, 2, 3, 2), (1, 1, 2, 1), 0b1111, 0b1111),
        "4d_shrink_first": (four, (1, 0, 0, 0), (2, 5, 6, 3), (1, 1, 1, 1), 0, 0, 0b0001),
        "4d_shrink_middle": (four, (0, 2, 0, 0), (2, 3, 6, 3), (1, 1, 1, 1), 0, 0, 0b0010),
        "4d_shrink_last": (four, (0, 0, 0, 2), (2, 5, 6, 3), (1, 1, 1, 1), 0b0111, 0b0111, 0b1000),
        "4d_shrink_two": (four, (0, 4, 5, 0), (2, 5, 6, 3), (1, 1, 1, 1), 0, 0, 0b0110),
        "4d_shrink_all": (four, (1, 2, 3, 1), (2, 3, 4, 2), (1, 1, 1, 1), 0, 0, 0b1111),
        "4d_shrink_negative_begin": (four, (-1, 0, 0, 0), (0, 5, 6, 3), (1, 1, 1, 1), 0, 0, 0b0001),
        "4d_negative_stride": (four, (1, 4, 5, 2), (0, 0, 1, 0), (-1, -1, -2, -1)),
        "4d_reverse_width": (four, (0, 0, 5, 0), (2, 5, -7, 3), (1, 1, -1, 1)),
        "4d_reverse_all_by_masks": (four, (0, 0, 0, 0), (0, 0, 0, 0), (-1, -1, -1, -1), 0b1111, 0b1111),
        "4d_reverse_channels_by_masks": (four, (0, 0, 0, 0), (2, 5, 6, 0), (1, 1, 1, -1), 0b1000, 0b1000),
        "3d_inside": ((4, 5, 3), (1, 1, 0), (3, 5, 2), (1, 1, 1)),
        "3d_strides": ((4, 5, 3), (0, 0, 0), (4, 5, 3), (2, 3, 2)),
        "3d_shrink_first": ((4, 5, 3), (2, 0, 0), (3, 5, 3), (1, 1, 1), 0b110, 0b110, 0b001),
        "3d_negative_stride": ((4, 5, 3), (3, 4, 0), (0, -6, 3), (-1, -2, 1)),
        "2d_inside": ((5, 7), (1, 2), (4, 6), (1, 1)),
        "2d_strides": ((5, 7), (0, 1), (5, 7), (2, 3)),
        "2d_column": ((5, 7), (0, 3), (5, 4), (1, 1), 0b01, 0b01, 0b10),
        "2d_row": ((5, 7), (-2, 0), (-1, 7), (1, 1), 0b10, 0b10, 0b01),
        "1d_inside": ((11,), (2,), (9,), (1,)),
        "1d_stride3": ((11,), (1,), (11,), (3,)),
        "1d_reverse": ((11,), (0,), (0,), (-1,), 1, 1),
        "1d_single": ((11,), (4,), (5,), (1,), 0, 0, 1),
        "5d_inside": ((1, 2, 3, 3, 2), (0, 0, 1, 0, 1), (1, 2, 3, 2, 2), (1, 1, 1, 1, 1)),
        "whole": ((1, 3, 4, 2), (0, 0, 0, 0), (1, 3, 4, 2), (1, 1, 1, 1)),
    }
    for name, arguments in slices.items():
        yield lambda n=name, a=arguments: strided_slice(n, *a)


def cases():
    for operator in ("AVERAGE_POOL_2D", "MAX_POOL_2D"):
        yield from pool_cases(operator)
    for family in (mean_cases, reshape_cases, squeeze_cases, expand_dims_cases, pad_cases, transpose_cases,
                   concatenation_cases, strided_slice_cases):
        yield from family()
