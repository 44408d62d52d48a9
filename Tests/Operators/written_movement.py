"""Operators that move codes from one place to another, written through the schema."""

import numpy as np

from tflite_model import Case, Model, Quantization, schema
from vectors import integer_vectors
from written_shapes import CODES, moved, text

# TFLM has no kernel of TILE, and pads SPACE_TO_BATCH_ND with a number that it never sets.
LITERT_ALONE = {"TILE", "SPACE_TO_BATCH_ND"}


def several(operator, name, x_shape, y_shapes, constants=(), before=0, q=CODES, x_count=1, **options):
    """One operator with int8 inputs of one shape and several int8 outputs; `before` of the constants come first."""
    name = f"{operator.lower()}_{name}"
    model = Model()
    graph = model.main
    values = [graph.input(f"x{i}", x_shape, "int8", q) for i in range(x_count)]
    indices = [graph.constant(f"c{i}", np.asarray(c, np.int32), "int32") for i, c in enumerate(constants)]
    outputs = [graph.output(f"y{i}", shape, "int8", q) for i, shape in enumerate(y_shapes)]
    graph.operator(operator, indices[:before] + values + indices[before:], outputs, **options)
    vectors = integer_vectors(name, [(x_shape, "int8", q.zero_point)] * x_count, 2)
    return Case(name, operator, model.serialize(), vectors)


def resized(shape, axis, size):
    return shape[:axis % len(shape)] + (size,) + shape[axis % len(shape) + 1:]


def split_cases():
    for shape, axis, parts in (
            ((1, 6), 1, 2), ((1, 6), 1, 3), ((1, 6), 1, 6), ((1, 6), -1, 2), ((6,), 0, 3), ((4, 3), 0, 2), ((4, 3), 0, 4),
            ((4, 3), 1, 1), ((2, 4, 6), 1, 2), ((2, 4, 6), 2, 3), ((2, 4, 6), 0, 2), ((2, 4, 6), -2, 4),
            ((1, 4, 6, 8), 3, 2), ((1, 4, 6, 8), 3, 4), ((1, 4, 6, 8), 2, 3), ((1, 4, 6, 8), 1, 2), ((1, 4, 6, 8), -4, 1),
            ((2, 4, 2, 3), 0, 2), ((2, 2, 3, 2, 4), 4, 2), ((2, 2, 3, 2, 4), 2, 3), ((1, 64), 1, 4), ((3, 64), -1, 4)):
        outputs = [resized(shape, axis, shape[axis] // parts)] * parts
        yield lambda s=shape, a=axis, p=parts, o=outputs: several(
            "SPLIT", f"{text(s)}_axis_{text([a])}_parts_{p}", s, o, [a], before=1, numSplits=p)
    for q in (Quantization(0.003, -128), Quantization(7.5, 127)):
        yield lambda q=q: several("SPLIT", f"zero_{text([q.zero_point])}", (2, 4), [(2, 2)] * 2, [1], before=1, q=q,
                                  numSplits=2)


def split_v_cases():
    for shape, axis, sizes in (
            ((1, 6), 1, (2, 4)), ((1, 6), 1, (1, 2, 3)), ((1, 6), -1, (5, 1)), ((1, 6), 1, (6,)), ((1, 6), 1, (2, -1)),
            ((1, 6), 1, (-1, 2, 1)), ((7,), 0, (3, 4)), ((4, 3), 0, (1, 3)), ((5, 3), 0, (1, 1, 1, 1, 1)),
            ((2, 4, 6), 1, (1, 3)), ((2, 4, 6), 2, (2, 2, 2)), ((2, 4, 6), 0, (1, 1)), ((2, 4, 6), -2, (3, -1)),
            ((1, 4, 6, 8), 3, (1, 7)), ((1, 4, 6, 8), 3, (3, 2, 3)), ((1, 4, 6, 8), 2, (1, 4, 1)),
            ((1, 4, 6, 8), 1, (2, 1, 1)), ((2, 2, 3, 2, 4), 4, (3, 1)), ((2, 2, 3, 2, 4), 2, (2, 1)),
            ((1, 288), 1, (96, 96, 96)), ((3, 10), 1, (4, 4, 2))):
        full = [shape[axis] - (sum(sizes) + 1) if size == -1 else size for size in sizes]
        outputs = [resized(shape, axis, size) for size in full]
        yield lambda s=shape, a=axis, z=sizes, o=outputs: several(
            "SPLIT_V", f"{text(s)}_axis_{text([a])}_sizes_{text(z)}", s, o, [z, a], numSplits=len(z))


def pack_cases():
    for shape, axis, count in (
            ((3,), 0, 1), ((3,), 0, 2), ((3,), 1, 2), ((3,), -1, 4), ((1, 3), 0, 2), ((1, 3), 1, 2), ((1, 3), 2, 2),
            ((1, 3), -1, 3), ((2, 4), 0, 3), ((2, 4), 1, 3), ((2, 4), 2, 3), ((2, 3, 4), 0, 2), ((2, 3, 4), 1, 2),
            ((2, 3, 4), 2, 2), ((2, 3, 4), 3, 2), ((2, 3, 4), -2, 3), ((1, 2, 3, 2), 0, 2), ((1, 2, 3, 2), 2, 2),
            ((1, 2, 3, 2), 4, 3), ((1, 24), 0, 1), ((1, 5), 1, 8)):
        position = axis % (len(shape) + 1)
        output = shape[:position] + (count,) + shape[position:]
        yield lambda s=shape, a=axis, c=count, o=output: several(
            "PACK", f"{c}_of_{text(s)}_axis_{text([a])}", s, [o], x_count=c, axis=a, valuesCount=c)


def unpack_cases():
    for shape, axis in (
            ((1, 3), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((2, 3), -2), ((5,), 0), ((3, 2, 4), 0), ((3, 2, 4), 1),
            ((3, 2, 4), 2), ((3, 2, 4), -2), ((1, 3, 2, 4), 0), ((2, 3, 2, 4), 1), ((1, 3, 2, 4), 2), ((1, 3, 2, 4), 3),
            ((1, 2, 2, 3, 2), 3), ((1, 2, 2, 3, 2), 4), ((20, 1, 10), 0), ((1, 1, 24), 0)):
        output = shape[:axis % len(shape)] + shape[axis % len(shape) + 1:]
        yield lambda s=shape, a=axis, o=output: several(
            "UNPACK", f"{text(s)}_axis_{text([a])}", s, [o] * s[a], axis=a, num=s[a])


def slice_cases():
    for shape, begin, size in (
            ((6,), (2,), (3,)), ((6,), (0,), (6,)), ((6,), (5,), (-1,)), ((4, 5), (1, 2), (2, 3)), ((4, 5), (0, 1), (4, 1)),
            ((4, 5), (3, 0), (-1, -1)), ((2, 3, 4), (1, 0, 2), (1, 3, 2)), ((2, 3, 4), (0, 2, 0), (2, 1, 4)),
            ((2, 3, 4), (0, 1, 1), (-1, -1, 2)), ((1, 4, 5, 3), (0, 1, 2, 0), (1, 2, 3, 3)),
            ((1, 4, 5, 3), (0, 0, 0, 1), (1, 4, 5, 1)), ((1, 4, 5, 3), (0, 3, 4, 2), (1, 1, 1, 1)),
            ((2, 4, 5, 3), (1, 0, 0, 0), (1, 4, 5, 3)), ((2, 4, 5, 3), (0, 1, 0, 0), (-1, -1, -1, -1)),
            ((1, 2, 3, 2, 4), (0, 1, 0, 0, 1), (1, 1, 3, 2, 3)), ((2, 2, 3, 2, 4), (1, 0, 1, 1, 0), (1, 2, 2, 1, 4))):
        full = [d - b if s == -1 else s for d, b, s in zip(shape, begin, size)]
        yield lambda x=shape, b=begin, s=size, f=full: moved(
            "SLICE", f"{text(x)}_from_{text(b)}_size_{text(s)}", x, f, [b, s], random_count=2)


def tile_cases():
    for shape, counts in (
            ((5,), (1,)), ((5,), (3,)), ((2, 3), (2, 1)), ((2, 3), (1, 2)), ((2, 3), (3, 2)), ((1, 3), (4, 1)),
            ((2, 3, 4), (1, 2, 1)), ((2, 3, 4), (2, 1, 3)), ((1, 4, 4, 2), (1, 2, 2, 1)), ((1, 2, 3, 2), (2, 1, 1, 3)),
            ((1, 1, 1, 4), (1, 5, 6, 1)), ((1, 4, 1, 4, 1, 3), (1, 1, 2, 1, 2, 1)), ((1, 2, 3, 1, 2), (1, 1, 1, 3, 2))):
        yield lambda s=shape, c=counts: moved(
            "TILE", f"{text(s)}_by_{text(c)}", s, [a * b for a, b in zip(s, c)], [c], random_count=2)


def gather_cases():
    rng = np.random.default_rng(1)
    for shape, axis, indices in (
            ((6,), 0, [3]), ((6,), 0, [0, 5, 2, 2]), ((6,), 0, [5, 4, 3, 2, 1, 0]), ((6,), 0, [[0, 1], [4, 3]]),
            ((4, 3), 0, [2, 0]), ((4, 3), 1, [2, 0, 1, 1]), ((4, 3), -1, [1]), ((4, 3), -2, [3, 3, 0]), ((4, 3), 0, 2),
            ((2, 5, 3), 1, [0, 2, 4]), ((2, 5, 3), 1, [[0, 1], [3, 4]]), ((2, 5, 3), 2, [2, 1, 0]), ((2, 5, 3), 0, [1, 1]),
            ((1, 4, 5, 3), 3, [2, 0]), ((1, 4, 5, 3), 2, [0, 1, 2, 3, 4]), ((1, 4, 5, 3), 1, [0, 0, 1, 1, 2, 2, 3, 3]),
            ((1, 4, 5, 3), 3, [0, 1, 2, 0, 1, 2]), ((1, 20), 1, rng.integers(0, 20, 31)),
            ((40, 3), 0, rng.integers(0, 40, (3, 4)))):
        array = np.asarray(indices, np.int32)
        output = shape[:axis % len(shape)] + array.shape + shape[axis % len(shape) + 1:]
        yield lambda s=shape, a=axis, i=array, o=output: moved(
            "GATHER", f"{text(s)}_axis_{text([a])}_indices_{text(i.ravel()[:9])}_{text(i.shape)}", s, o, [i],
            random_count=2, axis=a, batchDims=0)
    for shape, axis, indices in (
            ((2, 4), 1, [[0, 1], [3, 2]]), ((2, 4, 3), 1, [[0], [2]]), ((2, 3, 4), 2, [[0, 3], [1, 2]]),
            ((3, 2, 2), 2, [[1, 0, 1], [0, 0, 1], [1, 1, 1]])):
        array = np.asarray(indices, np.int32)
        output = shape[:axis] + array.shape[1:] + shape[axis + 1:]
        yield lambda s=shape, a=axis, i=array, o=output: moved(
            "GATHER", f"batch_{text(s)}_axis_{a}_indices_{text(i.ravel())}", s, o, [i], random_count=2, axis=a, batchDims=1)


def gather_nd_cases():
    for shape, indices in (
            ((6,), [[3]]), ((6,), [[0], [5], [2]]), ((4, 3), [[0, 2], [3, 1]]), ((4, 3), [[2], [0]]), ((4, 3), [[[1]], [[3]]]),
            ((2, 3, 4), [[1, 2]]), ((2, 3, 4), [[0, 0, 1], [1, 1, 3]]), ((2, 3, 4), [[1], [0], [1]]),
            ((2, 3, 4), [[[0, 1], [0, 2]], [[1, 1], [1, 2]]]), ((1, 2, 3, 4), [[0, 1, 2]]), ((1, 2, 3, 4), [[0, 1, 2, 3]]),
            ((1, 2, 3, 4), [[0, 0], [0, 1], [0, 0]]), ((5, 4), [[i, i % 4] for i in range(5)])):
        array = np.asarray(indices, np.int32)
        output = array.shape[:-1] + shape[array.shape[-1]:]
        yield lambda s=shape, i=array, o=output: moved(
            "GATHER_ND", f"{text(s)}_indices_{text(i.ravel())}_{text(i.shape)}", s, o, [i], random_count=2)


def broadcast_to_cases():
    for shape, output in (
            ((1,), (5,)), ((3,), (3,)), ((3,), (2, 3)), ((1, 3), (4, 3)), ((4, 1), (4, 3)), ((1, 1), (2, 3)),
            ((3,), (2, 4, 3)), ((2, 1, 3), (2, 4, 3)), ((1, 4, 1), (2, 4, 3)), ((1, 1, 1, 3), (1, 4, 5, 3)),
            ((1, 4, 1, 3), (2, 4, 5, 3)), ((1, 1, 5, 1), (1, 4, 5, 3)), ((4, 1), (1, 2, 4, 3)), ((2, 1, 1), (2, 2, 3, 4)),
            ((1, 1, 2, 1, 3), (2, 2, 2, 2, 3))):
        yield lambda s=shape, o=output: moved(
            "BROADCAST_TO", f"{text(s)}_to_{text(o)}", s, o, [o], random_count=2)


def depth_and_space_cases():
    for height, width, depth, block in ((1, 1, 4, 2), (2, 3, 4, 2), (2, 3, 12, 2), (3, 1, 9, 3), (2, 2, 18, 3), (1, 5, 8, 2),
                                        (2, 2, 16, 4), (3, 2, 5, 1), (4, 4, 8, 2)):
        for batch in (1, 2):
            small, large = (batch, height, width, depth), (batch, height * block, width * block, depth // block**2)
            name = f"block_{block}"
            yield lambda s=small, l=large, b=block, n=name: moved(
                "DEPTH_TO_SPACE", f"{text(s)}_{n}", s, l, random_count=2, blockSize=b)
            yield lambda s=small, l=large, b=block, n=name: moved(
                "SPACE_TO_DEPTH", f"{text(l)}_{n}", l, s, random_count=2, blockSize=b)


def batch_and_space_cases():
    for shape, block, amounts in (
            ((1, 4, 6, 2), (2, 3), ((0, 0), (0, 0))), ((1, 4, 4, 1), (2, 2), ((0, 0), (0, 0))),
            ((1, 3, 3, 2), (2, 2), ((1, 0), (0, 1))), ((1, 8, 1, 2), (2, 1), ((2, 2), (0, 0))),
            ((2, 5, 4, 3), (3, 2), ((2, 2), (1, 1))), ((1, 7, 7, 2), (4, 4), ((2, 3), (3, 2))),
            ((1, 6, 5, 1), (5, 5), ((2, 2), (3, 2))), ((1, 10, 4, 1), (2, 2), ((4, 2), (0, 4))),
            ((2, 4, 4, 2), (1, 1), ((0, 0), (0, 0))), ((1, 3, 4, 2), (1, 2), ((1, 1), (2, 0))),
            ((1, 12, 1, 3), (4, 1), ((4, 4), (0, 0))), ((3, 2, 2, 1), (2, 2), ((0, 2), (2, 0))),
            ((1, 5, 3), (3,), ((1, 3),)), ((2, 8, 2), (4,), ((0, 0),)), ((1, 6, 4), (2,), ((2, 0),)),
            ((1, 9, 1), (2,), ((0, 1),))):
        places = int(np.prod(block))
        spatial = [(d + sum(a)) // b for d, b, a in zip(shape[1:], block, amounts)]
        small = (shape[0] * places, *spatial, *shape[1 + len(block):])
        name = f"block_{text(block)}_amounts_" + "_".join(f"{a}{b}" for a, b in amounts)
        for zero in (-5,) if shape[0] > 1 else (-128, 9):
            q = Quantization(0.0471, zero)
            yield lambda s=shape, y=small, b=block, a=amounts, n=name, q=q, z=zero: moved(
                "SPACE_TO_BATCH_ND", f"{text(s)}_{n}_zero_{text([z])}", s, y, [b, a], q=q, random_count=2)
        yield lambda s=shape, y=small, b=block, a=amounts, n=name: moved(
            "BATCH_TO_SPACE_ND", f"{text(y)}_{n}", y, s, [b, a], random_count=2)


def mirror_pad_cases():
    for shape, amounts in (
            ((1, 3, 4, 2), ((0, 0), (1, 1), (1, 1), (0, 0))), ((1, 3, 4, 2), ((0, 0), (2, 0), (0, 3), (0, 0))),
            ((1, 3, 4, 2), ((0, 0), (2, 2), (3, 3), (1, 1))), ((2, 3, 4, 2), ((1, 1), (0, 0), (1, 0), (0, 1))),
            ((1, 5, 5, 3), ((0, 0), (2, 1), (1, 2), (0, 0))), ((3, 4), ((1, 2), (3, 0))), ((3, 4), ((0, 0), (0, 1))),
            ((6,), ((5, 5),)), ((6,), ((0, 2),)), ((2, 3, 4), ((1, 0), (0, 2), (1, 1))), ((4, 5), ((0, 0), (0, 0))),
            ((1, 2, 3, 2, 2), ((0, 0), (1, 1), (2, 1), (0, 1), (1, 0)))):
        output = [d + a + b for d, (a, b) in zip(shape, amounts)]
        name = f"{text(shape)}_by_" + "_".join(f"{a}{b}" for a, b in amounts)
        for mode in ("REFLECT", "SYMMETRIC"):
            yield lambda s=shape, o=output, a=amounts, m=mode, n=name: moved(
                "MIRROR_PAD", f"{m.lower()}_{n}", s, o, [a], random_count=2, mode=getattr(schema.MirrorPadMode, m))


def reverse_cases():
    for shape, axes in (
            ((5,), (0,)), ((2, 3), (0,)), ((2, 3), (1,)), ((2, 3), (-1,)), ((2, 3, 4), (1,)), ((2, 3, 4), (2,)),
            ((2, 3, 4), (0,)), ((1, 3, 4, 2), (1,)), ((1, 3, 4, 2), (2,)), ((1, 3, 4, 2), (3,)), ((1, 3, 4, 2), (-3,)),
            ((2, 3), (0, 1)), ((1, 3, 4, 2), (1, 2)), ((2, 3, 4), (1, 2)), ((1, 2, 2, 3, 2), (3,))):
        yield lambda s=shape, a=axes: moved("REVERSE_V2", f"{text(s)}_axes_{text(a)}", s, s, [a], random_count=2)


def resize_nearest_cases():
    sizes = [(2, 2, 4, 4), (2, 3, 6, 9), (4, 4, 2, 2), (3, 5, 3, 5), (3, 5, 7, 8), (5, 3, 2, 7), (7, 7, 3, 3), (1, 1, 4, 5),
             (4, 5, 1, 1), (8, 8, 12, 12), (6, 4, 9, 10), (5, 7, 13, 11), (2, 9, 17, 4), (10, 3, 7, 31), (3, 3, 8, 64)]
    for height, width, rows, columns in sizes:
        for corners, centers in ((False, False), (True, False), (False, True)):
            name = f"{height}x{width}_to_{rows}x{columns}" + ("_align_corners" if corners else "") + (
                "_half_pixel_centers" if centers else "")
            depth = 1 if rows * columns > 100 else 3
            yield lambda h=height, w=width, r=rows, c=columns, a=corners, p=centers, n=name, d=depth: moved(
                "RESIZE_NEAREST_NEIGHBOR", n, (1, h, w, d), (1, r, c, d), [(r, c)], random_count=1, alignCorners=a,
                halfPixelCenters=p)
    for height, width, rows, columns in ((3, 4, 6, 8), (4, 6, 10, 3)):
        yield lambda h=height, w=width, r=rows, c=columns: moved(
            "RESIZE_NEAREST_NEIGHBOR", f"batch_2x{h}x{w}_to_{r}x{c}", (2, h, w, 2), (2, r, c, 2), [(r, c)], random_count=2,
            alignCorners=False, halfPixelCenters=True)


def masked_slice(name, x_shape, y_shape, begin, end, strides, **masks):
    fields = {f"{mask}Mask": masks.get(mask, 0) for mask in ("begin", "end", "ellipsis", "newAxis", "shrinkAxis")}
    return moved("STRIDED_SLICE", name, x_shape, y_shape, [begin, end, strides], random_count=2, **fields)


def strided_slice_mask_cases():
    yield lambda: masked_slice("new_axis_first", (3, 4), (1, 3, 4), (0, 0, 0), (0, 3, 4), (1, 1, 1), newAxis=1)
    yield lambda: masked_slice("new_axis_last", (3, 4), (3, 4, 1), (0, 0, 0), (3, 4, 0), (1, 1, 1), newAxis=4)
    yield lambda: masked_slice("new_axis_middle", (3, 4), (2, 1, 2), (1, 0, 0), (3, 0, 4), (1, 1, 2), newAxis=2)
    yield lambda: masked_slice("ellipsis_first", (2, 3, 4), (2, 3, 2), (0, 1), (0, 3), (1, 1), ellipsis=1)
    yield lambda: masked_slice("ellipsis_middle", (2, 3, 4), (1, 3, 2), (1, 0, 1), (2, 0, 3), (1, 1, 1), ellipsis=2)
    yield lambda: masked_slice("ellipsis_shrink_last", (2, 3, 4), (2, 3), (0, 1), (0, 2), (1, 1), ellipsis=1, shrinkAxis=2)
    yield lambda: masked_slice("new_axis_and_ellipsis", (2, 3), (1, 2, 2), (0, 0, 1), (0, 0, 3), (1, 1, 1), newAxis=1,
                               ellipsis=2)


def cases():
    for family in (split_cases, split_v_cases, pack_cases, unpack_cases, slice_cases, tile_cases, gather_cases,
                   gather_nd_cases, broadcast_to_cases, depth_and_space_cases, batch_and_space_cases, mirror_pad_cases,
                   reverse_cases, resize_nearest_cases, strided_slice_mask_cases):
        yield from family()
