#!/usr/bin/env python3
"""Makes twins.tar.gz: QDQ and QLinear twins of operators that TensorFlow Lite has as well; see README.md.

  python3 make_twins.py FOLDER     writes the files to FOLDER and packs them

The reference is ONNX Runtime. Quotients are reckoned in fractions besides, which say where it rounds beside ties.
"""
import os, subprocess
from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto as T

from make_models import FOLDER, NUMBER, Graph, save, vectors
from make_operators import F32, run

COUNT = 6


def codes(rng, shape, dtype):
    return vectors(rng, COUNT, shape, np.iinfo(dtype).min, np.iinfo(dtype).max, dtype)


def reals(codes, scale, zero):
    return ((codes.astype(F32) - F32(zero)) * F32(scale)).astype(F32)


def averages(rng):
    """ONNX Runtime's own average pool, which divides by the whole window where padding counts."""
    for index, (size, kernel, stride, pads, ceil) in enumerate([
            ([9, 8], [3, 3], [2, 2], [0, 0, 0, 0], 1), ([9, 8], [3, 3], [2, 2], [1, 1, 1, 1], 1),
            ([10, 10], [3, 2], [3, 3], [1, 0, 1, 1], 1), ([8, 8], [3, 3], [2, 2], [1, 1, 1, 1], 0),
            ([7, 9], [4, 4], [3, 3], [2, 1, 0, 2], 1)]):
        for counts in (0, 1):
            for dtype in (np.uint8, np.int8):
                g = Graph()
                zero = 121 if dtype == np.uint8 else -7
                x = g.input([1, 3] + size, NUMBER[dtype])
                c = [g.constant(F32(0.031)), g.constant(dtype(zero)), g.constant(F32(0.023)), g.constant(dtype(zero + 5))]
                y = g.node("QLinearAveragePool", [x] + c, domain="com.microsoft", kernel_shape=kernel, strides=stride, pads=pads,
                           ceil_mode=ceil, count_include_pad=counts)
                g.output(y, NUMBER[dtype])
                inputs = codes(rng, (1, 3, *size), dtype)
                outputs = run(g.model(), [inputs])
                # What ONNX Runtime adds up in single precision lies beside a tie where the exact average does.
                save(f"twin_average_{index}_{counts}_{np.dtype(dtype).name}", g.model(), [inputs], outputs,
                     exact=pooled(inputs, zero, kernel, stride, pads, outputs[0].shape, counts) * 0.031 / 0.023)


def pooled(inputs, zero, kernel, stride, pads, shape, counts):
    """Averages in units of the input's scale; its only use is to say where ties are."""
    made = np.zeros(shape)
    rows, columns = inputs.shape[-2:]
    for y in range(shape[-2]):
        for x in range(shape[-1]):
            top, left = y * stride[0] - pads[0], x * stride[1] - pads[1]
            part = inputs[..., max(top, 0):min(top + kernel[0], rows), max(left, 0):min(left + kernel[1], columns)]
            size = kernel[0] * kernel[1] if counts else part.shape[-1] * part.shape[-2]
            made[..., y, x] = (part.astype(float) - zero).sum((-2, -1)) / size
    return made


def quotients(rng):
    for index, (left, right, dtype, ends) in enumerate([
            ([1, 4, 3, 3], [1, 4, 3, 3], np.int8, False), ([1, 4, 3, 3], [1, 4, 1, 1], np.uint8, False),
            ([1, 12], [1, 1], np.int8, False), ([1, 1, 6], [1, 5, 6], np.int8, False), ([1, 40], [1, 40], np.uint8, False)]):
        low = np.iinfo(dtype).min
        sx, zx, sy, zy = F32(0.0213), low + 110, F32(0.0171), low
        g = Graph()
        x, y = g.qdq(g.input(left), sx, zx, dtype), g.input(right)
        # Held away from zero by a clip in front of the quantiser.
        y = g.qdq(g.node("Clip", [g.qdq(y, sy, zy, dtype), g.constant(F32(0.4)), g.constant(F32(100))]), sy, zy, dtype)
        so, zo = F32(0.0417), low + 90
        made = g.q(g.node("Div", [x, y]), so, zo, dtype)
        g.output(made, NUMBER[dtype])
        inputs = [codes(rng, left, dtype), codes(rng, right, dtype)]
        outputs = run(g.model(), [reals(inputs[0], sx, zx), reals(inputs[1], sy, zy)])
        held = np.maximum(inputs[1].astype(int) - zy, int(np.rint(F32(0.4) / sy)))
        a, b = np.broadcast_arrays(inputs[0].astype(int) - zx, held)
        unit = Fraction(float(sx)) / Fraction(float(sy)) / Fraction(float(so))
        exact = np.array([float(unit * int(n) / int(d)) for n, d in zip(a.ravel(), b.ravel())]).reshape(a.shape)
        save(f"twin_quotient_{index}", g.model(), inputs, outputs, exact=exact)


def embeddings(rng):
    for index, (table, rows, dtype, kind) in enumerate([
            ([10, 6], [1, 5], np.int8, T.INT64), ([300, 8], [1, 4], np.uint8, T.INT64), ([7, 3], [2, 3], np.int8, T.INT32)]):
        for integers in (False, True):
            g = Graph()
            low = np.iinfo(dtype).min
            scale, zero = F32(0.0161), low + 117
            held = rng.integers(low, low + 256, table).astype(dtype)
            x = g.input(rows, kind)
            if integers:
                y = g.node("Gather", [g.constant(held), x])
            else:
                y = g.q(g.node("Gather", [g.dq(g.constant(held), scale, zero, dtype), x]), scale, zero, dtype)
            y = g.node("Relu", [g.dq(y, scale, zero, dtype)])
            g.output(g.q(y, F32(0.0131), low + 40, dtype), NUMBER[dtype])
            indices = rng.integers(0, table[0], [COUNT] + rows).astype(np.int64 if kind == T.INT64 else np.int32)
            outputs = run(g.model(), [indices])
            save(f"twin_rows_{index}_{int(integers)}", g.model(), [indices.astype(np.int32)], outputs)


def paddings(rng):
    """A value that is a code of the quantiser behind alone, and padding in front of the first quantiser."""
    for index, (mode, value, first) in enumerate([
            ("constant", 0.7, False), ("constant", -0.31, False), ("constant", 9.0, False), ("constant", 0.0, True),
            ("constant", 0.7, True), ("reflect", None, True), ("edge", None, True)]):
        for same in (True, False):
            if first and not same:
                continue
            g = Graph()
            sx, zx = F32(0.0247), -2
            so, zo = (sx, zx) if same else (F32(0.0311), 9)
            x = g.input([1, 3, 4, 5])
            y = x if first else g.qdq(x, sx, zx)
            inputs = [y, g.constant(np.array([0, 0, 1, 2, 0, 0, 2, 1], np.int64))]
            if value is not None:
                inputs.append(g.constant(F32(value)))
            y = g.node("Pad", inputs, mode=mode)
            y = g.q(y, so, zo)
            g.output(y, T.INT8)
            inputs = codes(rng, [1, 3, 4, 5], np.int8)
            outputs = run(g.model(), [reals(inputs, sx, zx)])
            save(f"twin_pad_{index}_{int(same)}", g.model(), [inputs], outputs)


def dilated(rng):
    for index, (size, kernel, stride, pads, gaps) in enumerate([
            ([9, 8], [2, 2], [1, 1], [0, 0, 0, 0], [2, 2]), ([9, 8], [3, 2], [2, 1], [1, 1, 1, 0], [2, 3]),
            ([12], [3], [1], [2, 2], [2]), ([7, 7], [3, 3], [1, 1], [2, 2, 2, 2], [2, 2])]):
        for waits in (False, True):
            g = Graph()
            sx, zx = F32(0.0247), -2
            x = g.qdq(g.input([1, 3] + size), sx, zx)
            if waits:
                # Real when it is pooled.
                x = g.node("AveragePool", [x], kernel_shape=[1] * len(size))
            y = g.node("MaxPool", [x], kernel_shape=kernel, strides=stride, pads=pads, dilations=gaps)
            g.output(g.q(y, F32(0.0247), 7), T.INT8)
            inputs = codes(rng, (1, 3, *size), np.int8)
            outputs = run(g.model(), [reals(inputs, sx, zx)])
            save(f"twin_dilated_{index}_{int(waits)}", g.model(), [inputs], outputs)


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    for seed, group in enumerate((averages, quotients, embeddings, paddings, dilated)):
        group(np.random.default_rng(700 + seed))
    subprocess.run(["tar", "czf", "twins.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C", FOLDER,
                    "."], check=True)
