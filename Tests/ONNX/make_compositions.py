#!/usr/bin/env python3
"""Makes compositions.tar.gz: operators that are written out in several steps; see README.md.

  python3 make_compositions.py FOLDER     writes the files to FOLDER and packs them

The reference is the operator's own formula in fractions, rounded once; ONNX Runtime is held to it beside ties.
"""
import os, subprocess
from fractions import Fraction
from itertools import product
from math import isqrt

import numpy as np
from onnx import TensorProto as T

from exact_evaluator import fractions
from make_models import FOLDER, NUMBER, Graph, save, vectors
from make_operators import F32, run

I8, U8, I16 = np.int8, np.uint8, np.int16
DIFFERING, COMPARED = 0, 0


def record(name, rng, operands, build, formula, out, count=4, dtype=I8, integers=False):
    """`operands` are shape, scale, zero point and type of each input; `build(graph, *values)` makes the real result of real
    values, `formula(*arrays)` the same of one vector in fractions. `out`: scale and zero point of its quantiser."""
    global DIFFERING, COMPARED
    g = Graph(18)
    values = [g.qdq(g.input(shape), scale, zero, kind) for shape, scale, zero, kind in operands]
    g.output(g.q(build(g, *values), *out, dtype), NUMBER[dtype])
    inputs = [vectors(rng, count, shape, np.iinfo(kind).min, np.iinfo(kind).max, kind) for shape, _, _, kind in operands]
    reals = [((c.astype(F32) - F32(z)) * F32(s)).astype(F32) for c, (_, s, z, _) in zip(inputs, operands)]
    runtime = run(g.model(), reals)[0]
    info = np.iinfo(dtype)
    exact, codes = [], []
    for vector in range(len(inputs[0])):
        parts = [fractions(c[vector].astype(int) - int(z)) * Fraction(float(F32(s)))
                 for c, (_, s, z, _) in zip(inputs, operands)]
        made = np.array(np.asarray(formula(*parts), object) / Fraction(float(F32(out[0]))), object).reshape(runtime.shape[1:])
        exact.append(made.astype(float))
        codes.append(np.array([max(info.min, min(info.max, round(v) + out[1])) for v in made.ravel()]).reshape(made.shape))
    exact, codes = np.array(exact), np.array(codes).astype(dtype)
    apart = np.abs(codes.astype(int) - runtime.astype(int))
    beside = np.abs(exact - np.floor(exact) - 0.5) < 2.0 ** -10
    assert apart.max() <= 1 and not (apart.astype(bool) & ~beside).any(), (name, apart.max(), int((apart.astype(bool) & ~beside).sum()))
    DIFFERING += int(apart.sum())
    COMPARED += apart.size
    save(name, g.model(), inputs, [codes], exact=exact)


def weights(rng, g, shape, per_channel):
    codes = rng.integers(-127, 128, shape).astype(I8)
    scales = (rng.uniform(0.004, 0.02, shape[0]) if per_channel else np.array(0.0113)).astype(F32)
    zero = np.zeros(scales.shape, I8)
    w = g.dq(g.constant(codes), scales, zero, I8, **({"axis": 0} if per_channel else {}))
    reals = fractions(codes.astype(int)) * fractions(scales.reshape((-1,) + (1,) * (len(shape) - 1)) if per_channel else scales)
    return w, reals


def conv3d(x, w, strides, pads, dilations, groups):
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[k], pads[k + 3]) for k in range(3)], constant_values=Fraction(0))
    reach = [(w.shape[2 + k] - 1) * dilations[k] + 1 for k in range(3)]
    sizes = [(x.shape[2 + k] - reach[k]) // strides[k] + 1 for k in range(3)]
    made = np.empty((x.shape[0], w.shape[0], *sizes), object)
    for place in product(*map(range, sizes)):
        part = x[(slice(None), slice(None)) + tuple(
            slice(p * s, p * s + r, d) for p, s, r, d in zip(place, strides, reach, dilations))]
        for output in range(w.shape[0]):
            first = output // (w.shape[0] // groups) * w.shape[1]
            made[(slice(None), output) + place] = (part[:, first:first + w.shape[1]] * w[output]).sum(axis=(1, 2, 3, 4))
    return made


def pool3d(x, kernel, strides, pads, reduce, fill):
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[k], pads[k + 3]) for k in range(3)], constant_values=fill)
    sizes = [(x.shape[2 + k] - kernel[k]) // strides[k] + 1 for k in range(3)]
    made = np.empty(x.shape[:2] + tuple(sizes), object)
    for place in product(*map(range, sizes)):
        part = x[(slice(None), slice(None)) + tuple(slice(p * s, p * s + k) for p, s, k in zip(place, strides, kernel))]
        made[(slice(None), slice(None)) + place] = reduce(part)
    return made


def volumes(rng):
    for index, (size, outputs, kernel, strides, pads, dilations, groups) in enumerate([
            ([2, 4, 5, 6], 3, [1, 3, 3], [1, 1, 1], [0, 1, 1, 0, 1, 1], [1, 1, 1], 1),
            ([2, 5, 5, 4], 4, [3, 3, 3], [1, 1, 1], [1, 1, 1, 1, 1, 1], [1, 1, 1], 1),
            ([4, 6, 5, 4], 4, [3, 1, 1], [2, 1, 1], [1, 0, 0, 0, 0, 0], [1, 1, 1], 1),
            ([4, 4, 4, 5], 4, [2, 2, 3], [1, 2, 1], [0, 0, 1, 1, 1, 0], [1, 1, 1], 2),
            ([3, 6, 5, 5], 3, [3, 2, 2], [1, 1, 2], [0, 0, 0, 0, 0, 0], [2, 1, 1], 3),
            ([1, 3, 3, 3], 5, [3, 3, 3], [1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 1, 1], 1)]):
        for kind, zero, per_channel in ((I8, -7, True), (U8, 121, False)):
            holder = {}

            def build(g, x):
                w, holder["w"] = weights(rng, g, [outputs, size[0] // groups] + kernel, per_channel)
                return g.node("Conv", [x, w], strides=strides, pads=pads, dilations=dilations, group=groups, kernel_shape=kernel)

            record(f"volume_conv_{index}_{np.dtype(kind).name}", rng, [([1] + size, 0.021, zero, kind)], build,
                   lambda x: conv3d(x, holder["w"], strides, pads, dilations, groups), (0.17, 3), count=2)
    for index, (kernel, strides, pads) in enumerate([
            ([2, 2, 2], [2, 2, 2], [0] * 6), ([3, 3, 2], [1, 2, 1], [1, 1, 0, 1, 1, 1]), ([1, 2, 2], [1, 2, 2], [0] * 6)]):
        record(f"volume_max_{index}", rng, [([1, 3, 4, 5, 6], 0.02, 5, I8)],
               lambda g, x: g.node("MaxPool", [x], kernel_shape=kernel, strides=strides, pads=pads),
               lambda x: pool3d(x, kernel, strides, pads, lambda p: p.max(axis=(2, 3, 4)), Fraction(-10 ** 9)), (0.02, 5), count=2)
        record(f"volume_average_{index}", rng, [([1, 3, 4, 5, 6], 0.02, 5, I8)],
               lambda g, x: g.node("AveragePool", [x], kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=1),
               lambda x: pool3d(x, kernel, strides, pads,
                                lambda p: p.sum(axis=(2, 3, 4)) / Fraction(int(np.prod(kernel))), Fraction(0)), (0.013, -3), count=2)
    record("volume_average_global", rng, [([1, 4, 3, 5, 2], 0.02, 5, I8)], lambda g, x: g.node("GlobalAveragePool", [x]),
           lambda x: x.sum(axis=(2, 3, 4)) / 30, (0.006, -3))
    record("volume_max_global", rng, [([1, 4, 3, 5, 2], 0.02, 5, I8)], lambda g, x: g.node("GlobalMaxPool", [x]),
           lambda x: x.max(axis=(2, 3, 4)), (0.02, 5))
    # A small network: Conv, Relu, MaxPool, Conv, GlobalAveragePool.
    holder = {}

    def network(g, x):
        w, holder["a"] = weights(rng, g, [3, 1, 3, 3, 3], True)
        y = g.qdq(g.node("Relu", [g.node("Conv", [x, w], pads=[1] * 6)]), 0.05, -128)
        y = g.node("MaxPool", [y], kernel_shape=[2, 2, 2], strides=[2, 2, 2])
        w, holder["b"] = weights(rng, g, [4, 3, 2, 2, 2], False)
        return g.node("GlobalAveragePool", [g.qdq(g.node("Conv", [y, w]), 0.09, 4)])

    def quantised(x, scale, zero):
        unit = Fraction(float(F32(scale)))
        return np.vectorize(lambda v: (max(-128, min(127, round(v / unit) + zero)) - zero) * unit, otypes=[object])(x)

    def formula(x):
        y = conv3d(x, holder["a"], [1] * 3, [1] * 6, [1] * 3, 1)
        y = quantised(np.maximum(y, Fraction(0)), 0.05, -128)
        y = pool3d(y, [2] * 3, [2] * 3, [0] * 6, lambda p: p.max(axis=(2, 3, 4)), Fraction(0))
        return quantised(conv3d(y, holder["b"], [1] * 3, [0] * 6, [1] * 3, 1), 0.09, 4).sum(axis=(2, 3, 4)) / 4

    record("volume_network", rng, [([1, 1, 4, 6, 6], 0.021, -3, I8)], network, formula, (0.031, 7), count=2)


def several(rng):
    same = ([1, 3, 4, 5], 0.021, -7, I8)
    for count in (1, 2, 3, 5):
        for kind in ("Sum", "Mean"):
            record(f"several_{kind.lower()}_{count}", rng, [same] * count, lambda g, *x: g.node(kind, list(x)),
                   lambda *x: sum(x[1:], x[0]) / (count if kind == "Mean" else 1), (0.021 if count == 1 else 0.037, -7 if count == 1 else 3))
    record("several_sum_scales", rng, [same, ([1, 3, 4, 5], 0.013, 9, I8)], lambda g, *x: g.node("Sum", list(x)),
           lambda a, b: a + b, (0.03, 1))
    whole = ([1, 3, 4, 5], 0.03125, -7, I8)
    record("several_sum_constant", rng, [whole, whole], lambda g, a, b: g.node("Sum", [a, g.constant(F32(0.75)), b]),
           lambda a, b: a + b + Fraction(3, 4), (0.04, 1))


def reductions(rng):
    def axes(g, values):
        return g.constant(np.array(values, np.int64))

    x = ([2, 3, 4, 5], 0.019, -9, I8)
    for index, (along, keeps) in enumerate([([1], 1), ([2, 3], 0), ([0, 3], 1), ([0, 1, 2, 3], 0)]):
        record(f"reduce_l1_{index}", rng, [x], lambda g, v: g.node("ReduceL1", [v, axes(g, along)], keepdims=keeps),
               lambda v: abs(v).sum(axis=tuple(along), keepdims=bool(keeps)), (0.21, -100))
        record(f"reduce_sum_square_{index}", rng, [x], lambda g, v: g.node("ReduceSumSquare", [v, axes(g, along)], keepdims=keeps),
               lambda v: (v * v).sum(axis=tuple(along), keepdims=bool(keeps)), (0.31, -120))
    # 65,535 holds four squares of codes up to 127 away from their zero.
    record("reduce_l2", rng, [([2, 3, 4, 3], 0.019, 0, I8)], lambda g, v: g.node("ReduceL2", [v, axes(g, [3])]),
           lambda v: np.vectorize(lambda s: Fraction(isqrt(s.numerator * 2 ** 400 // s.denominator), 2 ** 200), otypes=[object])(
               (v * v).sum(axis=3, keepdims=True)), (0.021, -110))
    record("reduce_product_two", rng, [([3, 2, 5], 0.019, -9, I8)], lambda g, v: g.node("ReduceProd", [v, axes(g, [1])], keepdims=0),
           lambda v: v[:, 0] * v[:, 1], (0.03, 2))
    record("reduce_product_one", rng, [([3, 1, 5], 0.019, -9, I8)], lambda g, v: g.node("ReduceProd", [v, axes(g, [1])], keepdims=0),
           lambda v: v[:, 0], (0.019, -9))


def matrices(rng):
    for index, (equation, left, right) in enumerate([
            ("bij,bjk->bik", [2, 3, 4], [2, 4, 5]), ("bhid,bhjd->bhij", [1, 2, 3, 4], [1, 2, 5, 4]),
            ("bqhd,bkhd->bhqk", [1, 3, 2, 4], [1, 5, 2, 4]), ("ij,kj->ki", [3, 4], [5, 4]), ("bi,bj->bij", [2, 3], [2, 4])]):
        record(f"einsum_{index}", rng, [(left, 0.021, 3, I8), (right, 0.017, -5, I8)],
               lambda g, a, b: g.node("Einsum", [a, b], equation=equation), lambda a, b: np.einsum(equation, a, b), (0.043, -4))
    for index, (equation, left, right) in enumerate([("bld,dk->blk", [1, 3, 4], [4, 5]), ("bld,dhk->bhlk", [1, 3, 4], [4, 2, 3]),
                                                     ("dk,bld->blk", [1, 3, 4], [4, 5])]):
        codes = rng.integers(-127, 128, right).astype(I8)
        reals = fractions(codes.astype(int)) * Fraction(float(F32(0.009)))

        def build(g, a):
            w = g.dq(g.constant(codes), 0.009, 0)
            return g.node("Einsum", [w, a] if index == 2 else [a, w], equation=equation)

        record(f"einsum_weights_{index}", rng, [(left, 0.021, 3, I8)], build,
               lambda a: np.einsum(equation, reals, a) if index == 2 else np.einsum(equation, a, reals), (0.043, -4))
    codes = rng.integers(-127, 128, [4, 5]).astype(I8)
    reals = fractions(codes.astype(int)) * Fraction(float(F32(0.009)))
    bias = rng.uniform(-1, 1, 5).astype(F32)

    def gemm(g, a):
        return g.node("Gemm", [a, g.dq(g.constant(codes), 0.009, 0), g.constant(bias)], transA=1)

    record("gemm_transposed_input", rng, [([4, 3], 0.021, 3, I8)], gemm, lambda a: a.T.dot(reals) + fractions(bias), (0.043, -4))
    for a, b in product((0, 1), (0, 1)):
        record(f"gemm_two_{a}{b}", rng, [([4, 3] if a else [3, 4], 0.021, 3, I8), ([5, 4] if b else [4, 5], 0.017, -5, I8)],
               lambda g, x, y: g.node("Gemm", [x, y], transA=a, transB=b),
               lambda x, y: (x.T if a else x).dot(y.T if b else y), (0.043, -4))


def movements(rng):
    for index, (shape, axis, at) in enumerate([([3, 4, 5], 1, [3, 2, 5]), ([2, 6], -1, [2, 3]), ([1, 3, 4, 4], 2, [1, 3, 2, 4])]):
        places = rng.integers(-shape[axis], shape[axis], at)
        record(f"gather_elements_{index}", rng, [(shape, 0.021, 3, I8)],
               lambda g, x: g.node("GatherElements", [x, g.constant(places.astype(np.int64))], axis=axis),
               lambda x: np.take_along_axis(x, places % shape[axis], axis), (0.021, 3))
    places = np.array([[0, 1], [2, 3], [1, 0]], np.int64)
    record("gather_places", rng, [([3, 4, 5], 0.021, 3, I8)], lambda g, x: g.node("GatherND", [x, g.constant(places)]),
           lambda x: x[places[:, 0], places[:, 1]], (0.017, -3))
    for index, (upper, k) in enumerate([(1, 0), (0, 0), (1, -2), (0, 1)]):
        record(f"trilu_{index}", rng, [([1, 2, 4, 5], 0.021, 3, I8)],
               lambda g, x: g.node("Trilu", [x, g.constant(np.array(k, np.int64))], upper=upper),
               lambda x: (np.triu if upper else np.tril)(np.ones((4, 5), int), k) * x, (0.013, -3))


def integers(rng):
    """Resize of codes themselves, as quantize_static leaves it with QuantFormat.QOperator."""
    for index, (kind, scales, mode) in enumerate([
            (U8, [1, 1, 2, 2], "half_pixel"), (U8, [1, 1, 4, 2], "asymmetric"), (U8, [1, 1, 2, 8], "pytorch_half_pixel"),
            (I8, [1, 1, 2, 2], "half_pixel"), (I8, [1, 1, 4, 4], "asymmetric")]):
        g = Graph(13)
        scale, zero = 0.021, 121 if kind == U8 else -7
        x = g.q(g.input([1, 2, 3, 4]), scale, zero, kind)
        y = g.node("Resize", [x, "", g.constant(np.array(scales, F32))], mode="linear", coordinate_transformation_mode=mode)
        g.output(g.q(g.node("Relu", [g.dq(y, scale, zero, kind)]), 0.017, -128), T.INT8)
        codes = vectors(rng, 6, (1, 2, 3, 4), np.iinfo(kind).min, np.iinfo(kind).max, kind)
        reals = ((codes.astype(F32) - F32(zero)) * F32(scale)).astype(F32)
        save(f"resize_integers_{index}", g.model(), [codes], run(g.model(), [reals]))


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for seed, group in enumerate((volumes, several, reductions, matrices, movements, integers)):
        group(np.random.default_rng(900 + seed))
    print(f"ONNX Runtime differs in {DIFFERING} of {COMPARED} codes, each beside a tie")
    subprocess.run(["tar", "czf", "compositions.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C",
                    FOLDER, "."], check=True)
