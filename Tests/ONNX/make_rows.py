#!/usr/bin/env python3
"""Makes rows.tar.gz: Softmax and normalisations between quantisers; see README.md.

  python3 make_rows.py FOLDER     writes the files to FOLDER and packs them

The reference is the operator's own formula, reckoned with 60 digits from the codes and the float32 constants, and rounded once,
ties to even. ONNX Runtime reckons in single precision: it is asked too, and may differ beside ties alone, by one.
"""
import os, subprocess

import numpy as np
import onnx
from mpmath import mp, mpf
from onnx import helper as h

from make_models import FOLDER, NUMBER, Graph, vectors
from make_operators import F32, run

mp.dps = 60
# What lies nearer to a tie may be rounded either way: by integers, and by single precision.
NEAR, NEAR_SINGLE = mpf(2) ** -18, mpf(2) ** -7
compared = differing = 0


def softmax(rows):
    powers = [[mp.exp(x - max(row)) for x in row] for row in rows]
    return [[p / sum(row) for p in row] for row in powers]


def scores(rows, epsilon, centred=True):
    made = []
    for row in rows:
        mean = sum(row) / len(row) if centred else mpf(0)
        variance = sum((x - mean) ** 2 for x in row) / len(row) + epsilon
        made.append([mpf(0) if x == mean else (x - mean) / mp.sqrt(variance) for x in row])
    return made


def nearest(x):
    """To the nearest integer, ties to even; and how far x is from the next tie."""
    low = mp.floor(x)
    rest = x - low
    whole = int(low) + (1 if rest > mpf(1) / 2 or rest == mpf(1) / 2 and int(low) % 2 else 0)
    return whole, abs(rest - mpf(1) / 2)


def exact_codes(reals, scale, zero, dtype):
    """Codes and whether each lies beside a tie, and beside one in single precision."""
    info = np.iinfo(dtype)
    codes, near, single = [], [], []
    for real in reals:
        code, distance = nearest(real / mpf(float(scale)))
        bounded = min(max(code + zero, info.min), info.max)
        codes.append(bounded)
        near.append(distance < NEAR and info.min <= code + zero <= info.max)
        single.append(distance < NEAR_SINGLE * max(1, abs(real / mpf(float(scale))) / 64))
    return np.array(codes, dtype), np.array(near), np.array(single)


def model(name, rng, shape, dtype, operator, reference, scale=None, opset=17, count=3, sx=None, integers=False, wide=None):
    """Q, DQ, the operator, Q, DQ and Flatten, so that it stands inside. `operator` adds it to a graph; `reference` makes
    its reals of an array of reals, each an mpf. `wide` is the type of the output's codes."""
    global compared, differing
    out = wide or dtype
    sx = F32(sx if sx else rng.uniform(0.01, 0.15))
    zx = int(rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1))
    codes = vectors(rng, count, tuple(shape), np.iinfo(dtype).min, np.iinfo(dtype).max, dtype)
    # Rows of little variance, too.
    narrow = rng.integers(-2, 3, (2,) + tuple(shape)) + rng.integers(-100, 100)
    codes = np.concatenate([codes, np.clip(narrow + (128 if dtype == np.uint8 else 0), np.iinfo(dtype).min,
                                           np.iinfo(dtype).max).astype(dtype)])
    exact = []
    for vector in codes:
        reals = np.array([mpf(int(c) - zx) * mpf(float(sx)) for c in vector.ravel()], dtype=object).reshape(shape)
        exact.append(np.array(reference(reals), dtype=object).ravel())
    largest = max(abs(float(r)) for row in exact[:3] for r in row)
    info = np.iinfo(out)
    if scale is None:
        scale = max(largest, 1e-3) / (info.max - info.min) * rng.uniform(1.4, 2.4)
    scale = F32(scale)
    zero = int(rng.integers(-20, 20)) if out == np.int8 else int(rng.integers(100, 150)) if out == np.uint8 else 0
    if min(float(r) for row in exact for r in row) >= 0:
        zero = info.min
    made = [exact_codes(row, scale, zero, out) for row in exact]
    expected, near, single = (np.stack([m[k] for m in made]).reshape((len(codes), 1, -1)) for k in range(3))

    g = Graph(opset)
    if integers:
        x = g.input(list(shape), NUMBER[dtype])
        y = operator(g, x, sx, zx, scale, zero)
    else:
        x = g.qdq(g.input(list(shape)), sx, zx, dtype)
        y = g.q(operator(g, x), scale, zero, out)
    y = g.node("Flatten", [g.dq(y, scale, zero, out)], axis=0)
    y = g.q(y, scale, zero, out)
    g.output(y, NUMBER[out])
    file = g.model()
    feeds = codes if integers else ((codes.astype(F32) - F32(zx)) * sx).astype(F32)
    try:
        theirs = run(file, [feeds])[0].reshape(expected.shape)
    except Exception as error:
        print(name, "not run by ONNX Runtime:", str(error)[:100])
    else:
        apart = np.abs(theirs.astype(int) - expected.astype(int))
        compared += apart.size
        differing += int((apart > 0).sum())
        # QLinearSoftmax takes exponentials from a table of its own, of fewer bits.
        unexplained = (apart > (1 if integers else 0)) if integers else ((apart > 0) & ~single | (apart > 1))
        if "group" in name:
            # Written out as single operators, a variance of nothing may be a little less than nothing, and its root no number.
            unexplained &= (codes.reshape(len(codes), -1).std(1) > 0)[:, None, None]
        assert not unexplained.any(), (name, int(unexplained.sum()), apart.max(), float(scale))
    for node in file.graph.node:
        node.name = ""
    onnx.save(file, f"{FOLDER}/{name}.onnx")
    np.save(f"{FOLDER}/{name}.input0.npy", codes)
    np.save(f"{FOLDER}/{name}.output0.npy", expected)
    np.save(f"{FOLDER}/{name}.ties0.npy", near.astype(np.uint8))


def by_axes(function, axes, shape):
    """`function` of the rows along `axes`, the last first in neither: as ONNX orders them."""
    others = [a for a in range(len(shape)) if a not in axes]
    order = others + list(axes)

    def made(reals):
        moved = np.transpose(reals, order)
        rows = moved.reshape(-1, int(np.prod([shape[a] for a in axes])))
        result = np.array(function([list(r) for r in rows]), dtype=object).reshape(moved.shape)
        return np.transpose(result, np.argsort(order))
    return made


def kinds(index):
    return [np.int8, np.uint8][index % 2]


def softmaxes(rng):
    cases = [((1, 1), -1, 17), ((1, 2), -1, 13), ((2, 10), 1, 17), ((1, 7, 3), 1, 17), ((1, 3, 4, 2), 1, 13), ((1, 4, 5), -1, 21),
             ((2, 3, 4), 1, 11), ((2, 3, 4), -1, 11), ((1, 100), -1, 17), ((1, 512), -1, 17), ((3, 33), 1, 17), ((6, 5), 0, 17)]
    for index, (shape, axis, opset) in enumerate(cases):
        first = axis % len(shape)
        axes = list(range(first, len(shape))) if opset < 13 else [first]
        for scale in ([1 / 256] if index % 3 else [1 / 256, 0.0031, 0.02]):
            model(f"rowsoftmax_{index}_{int(scale * 10000)}", rng, shape, kinds(index), lambda g, x: g.node(
                "Softmax", [x], axis=axis), by_axes(softmax, axes, shape), scale=scale, opset=opset,
                sx=[None, 0.3, 0.004][index % 3])
    for index, shape in enumerate([(1, 10), (2, 6), (1, 40)]):
        def integer(g, x, sx, zx, sy, zy):
            dtype = kinds(index)
            return g.node("QLinearSoftmax", [x] + [g.constant(v) for v in (F32(sx), dtype(zx), F32(sy), dtype(zy))],
                          domain="com.microsoft", axis=-1, opset=13)
        model(f"rowqlinearsoftmax_{index}", rng, shape, kinds(index), integer, by_axes(softmax, [1], shape), scale=1 / 256,
              integers=True)


def constants(rng, shape, quantised, g, dtype=np.int8):
    """A float constant, or one of int8 behind DequantizeLinear, and its values as fractions of integers."""
    if not quantised:
        values = rng.normal(1 if rng.random() < 0.5 else 0, 0.7, shape).astype(F32)
        return g.constant(values), [mpf(float(v)) for v in values.ravel()]
    scale = F32(rng.uniform(0.005, 0.02))
    codes = rng.integers(-128, 128, shape).astype(dtype)
    return g.dq(g.constant(codes), scale, 0, dtype), [mpf(int(c)) * mpf(float(scale)) for c in codes.ravel()]


def affine(function, gains, offsets, run_length=1):
    """Rows, then a gain and an offset for every `run_length` elements, which begin again."""
    def made(rows):
        flat, places = [], 0
        for row in function(rows):
            new = []
            for z in row:
                place = places // run_length % len(gains)
                new.append(z * gains[place] + offsets[place])
                places += 1
            flat.append(new)
        return flat
    return made


def layers(rng):
    cases = [((1, 1), -1), ((1, 2), -1), ((3, 3), -1), ((1, 4, 8), -1), ((1, 4, 8), 1), ((2, 3, 5), 2), ((1, 16), 1), ((2, 64), -1),
             ((1, 2, 4, 6), -1), ((1, 2, 4, 6), 2), ((1, 257), -1), ((1, 512), -1), ((2, 128), -1), ((4, 48), -1)]
    for index, (shape, axis) in enumerate(cases):
        for variant in range(2):
            axes = list(range(axis % len(shape), len(shape)))
            sizes = [shape[a] for a in axes]
            quantised, has_bias = variant == 1, (index + variant) % 3 != 0
            epsilon = [1e-5, 1e-12, 1e-3, 0.1][(index + variant) % 4]
            state = rng.bit_generator.state
            probe = Graph()
            gains = constants(rng, sizes, quantised, probe)[1]
            offsets = constants(rng, sizes, False, probe)[1] if has_bias else [mpf(0)] * len(gains)

            def operator(g, x):
                after = rng.bit_generator.state
                rng.bit_generator.state = state
                inputs = [x, constants(rng, sizes, quantised, g)[0]]
                if has_bias:
                    inputs.append(constants(rng, sizes, False, g)[0])
                rng.bit_generator.state = after
                attributes = {} if epsilon == 1e-5 else {"epsilon": epsilon}
                return g.node("LayerNormalization", inputs, axis=axis, **attributes)
            reference = affine(lambda rows: scores(rows, mpf(float(F32(epsilon)))), gains, offsets)
            model(f"rowlayer_{index}_{variant}", rng, shape, kinds(index), operator, by_axes(reference, axes, shape),
                  sx=[None, 0.002, 1.0][index % 3])
    # One gain for all, and 16-bit codes behind it.
    for index, shape in enumerate([(2, 12), (1, 30)]):
        def operator(g, x):
            return g.node("LayerNormalization", [x, g.constant(np.array([1.5], F32))], axis=-1)
        reference = affine(lambda rows: scores(rows, mpf(float(F32(1e-5)))), [mpf(1.5)], [mpf(0)])
        model(f"rowlayer_one_{index}", rng, shape, np.int8, operator, by_axes(reference, [1], shape))


def channels(rng):
    cases = [(1, 3, 4, 4), (1, 1, 5, 3), (2, 4, 6), (1, 8, 3, 5), (1, 2, 16, 16), (1, 5, 1, 7)]
    for index, shape in enumerate(cases):
        gains, offsets = rng.normal(1, 0.5, shape[1]).astype(F32), rng.normal(0, 1, shape[1]).astype(F32)
        length = int(np.prod(shape[2:]))
        reference = affine(lambda rows: scores(rows, mpf(float(F32(1e-5)))), [mpf(float(v)) for v in gains],
                           [mpf(float(v)) for v in offsets], length)
        for variant, dtype in enumerate([np.int8, np.uint8]):
            model(f"rowinstance_{index}_{variant}", rng, shape, dtype, lambda g, x: g.node(
                "InstanceNormalization", [x, g.constant(gains), g.constant(offsets)]),
                by_axes(reference, list(range(2, len(shape))), shape))
    for index, (shape, groups) in enumerate([((1, 4, 3, 3), 2), ((2, 6, 5), 3), ((1, 8, 2, 2), 1), ((1, 6, 4, 2), 6)]):
        gains, offsets = rng.normal(1, 0.5, shape[1]).astype(F32), rng.normal(0, 1, shape[1]).astype(F32)
        length = int(np.prod(shape[2:]))

        def reference(reals):
            rows = reals.reshape(-1, shape[1] // groups * length)
            made = affine(lambda rows: scores(rows, mpf(float(F32(1e-5)))), [mpf(float(v)) for v in gains],
                          [mpf(float(v)) for v in offsets], length)([list(r) for r in rows])
            return np.array(made, dtype=object).reshape(shape)
        model(f"rowgroup_{index}", rng, shape, kinds(index), lambda g, x: g.node(
            "GroupNormalization", [x, g.constant(gains), g.constant(offsets)], num_groups=groups), reference, opset=21)


def lengths(rng):
    for index, (shape, axis) in enumerate([((1, 8), -1), ((2, 5), 1), ((1, 4, 6), 1)]):
        size = shape[axis]
        reference = affine(lambda rows: scores(rows, 0, False), [1 / mp.sqrt(size)], [mpf(0)])
        model(f"rowlength_{index}", rng, shape, kinds(index), lambda g, x: g.node("LpNormalization", [x], axis=axis, p=2),
              by_axes(reference, [axis % len(shape)], shape))
    for index, shape in enumerate([(1, 16), (3, 10)]):
        gains = rng.normal(1, 0.5, shape[1]).astype(F32)
        reference = affine(lambda rows: scores(rows, mpf(float(F32(1e-5))), False), [mpf(float(v)) for v in gains],
                           [mpf(0)] * shape[1])
        model(f"rowmeansquare_{index}", rng, shape, kinds(index), lambda g, x: g.node(
            "RMSNormalization", [x, g.constant(gains)], axis=-1), by_axes(reference, [1], shape), opset=23)


def wide_functions(rng):
    """Functions of 16-bit codes, of 16 and of 8 bits."""
    def each(function):
        return lambda reals: np.array([function(x) for x in reals.ravel()], dtype=object).reshape(reals.shape)
    alpha = mpf(float(F32(0.0173)))
    sixth = mpf(1) / 6
    cases = {
        "Sigmoid": lambda x: 1 / (1 + mp.exp(-x)), "Tanh": mp.tanh, "LeakyRelu": lambda x: x if x >= 0 else alpha * x,
        "HardSwish": lambda x: x * min(max(x * sixth + mpf(1) / 2, 0), 1), "Exp": mp.exp,
        "HardSigmoid": lambda x: min(max(mpf(float(F32(0.2))) * x + mpf(1) / 2, 0), 1),
    }
    for index, (kind, function) in enumerate(cases.items()):
        attributes = {"alpha": float(F32(0.0173))} if kind == "LeakyRelu" else {}
        for variant, (dtype, wide) in enumerate([(np.int16, np.int16), (np.uint16, np.uint16), (np.int16, np.int8)]):
            model(f"rowwide_{kind.lower()}_{variant}", rng, (1, 96), dtype, lambda g, x: g.node(kind, [x], **attributes),
                  each(function), opset=21, sx=rng.uniform(5, 11) / 65536, wide=wide)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for seed, group in enumerate((softmaxes, layers, channels, lengths, wide_functions)):
        group(np.random.default_rng(200 + seed))
    print(f"ONNX Runtime differs in {differing} of {compared} codes")
    subprocess.run(["tar", "czf", "rows.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C", FOLDER,
                    "."], check=True)
