#!/usr/bin/env python3
"""Makes sixteen.tar.gz: operators of 16-bit activations between quantisers; see README.md.

  python3 make_sixteen.py FOLDER     writes the files to FOLDER and packs them

The reference is exact rational arithmetic (exact_evaluator.py), rounded once, ties to even; where exponentials or roots come
in, `ties` are 2^-18 of a code away at most. ONNX Runtime reckons in single precision: it is asked too, and may differ beside
ties alone, by one.
"""
import os, subprocess
from fractions import Fraction
from math import floor

import numpy as np
import onnx

from exact_evaluator import exactly, run as reckon
from make_models import FOLDER, NUMBER, Graph, vectors
from make_operators import F32, run

I16, U16, I8, U8 = np.int16, np.uint16, np.int8, np.uint8
# Where real results may fall to either side: exponentials and roots; ratios of scales in single precision.
ROUGH = {"Sigmoid", "Tanh", "Exp", "Softmax", "LayerNormalization", "Softplus", "Elu", "Resize"}
compared = differing = 0


class Wide(Graph):
    """What the graphs here are made of."""

    def __init__(self, rng, opset=21):
        super().__init__(opset)
        self.rng = rng

    def weights(self, shape, axis=None, bits=8):
        """Quantised weights, one scale or one a channel."""
        most = (1 << bits - 1) - 1
        codes = self.rng.integers(-most, most + 1, shape).astype(I8 if bits == 8 else I16)
        count = 1 if axis is None else shape[axis]
        scales = self.rng.uniform(0.3, 1, count) / most / np.sqrt(max(1, np.prod(shape) / shape[axis or 0]))
        scales = scales.astype(F32) if axis is not None else F32(scales[0])
        zeros = np.zeros(count, codes.dtype) if axis is not None else codes.dtype.type(0)
        return self.node("DequantizeLinear", [self.constant(codes), self.constant(scales), self.constant(zeros)],
                         **({} if axis is None else {"axis": axis})), scales

    def bias(self, count, scale):
        """Of 32 bits, in units of the accumulator."""
        codes = self.rng.integers(-9000, 9000, count).astype(np.int32)
        scale = np.broadcast_to(scale, count).astype(F32)
        return self.node("DequantizeLinear", [self.constant(codes), self.constant(scale), self.constant(
            np.zeros(count, np.int32))], axis=0)


def between(rng, dtype):
    """A zero point."""
    return 0 if dtype in (I16, I8) else int(rng.integers(20_000, 45_000)) if dtype == U16 else int(rng.integers(90, 160))


def distances(reals, scale):
    scaled = [Fraction(x) / Fraction(float(scale)) for x in reals.ravel()]
    return np.array([float(abs(x - floor(x) - Fraction(1, 2))) for x in scaled]).reshape(reals.shape), np.array(
        [float(abs(x)) for x in scaled]).reshape(reals.shape)


def model(name, rng, shapes, build, dtype, out, count=2, scale=None, same=False, is_refused=False):
    """Q, DQ, what `build` makes of that, Q. The output's scale is such that some codes saturate, or the first input's."""
    global compared, differing
    g = Wide(rng)
    ends, codes = [], []
    for shape in shapes:
        sx, zx = F32(rng.uniform(5, 20) / (65536 if dtype in (I16, U16) else 256)), between(rng, dtype)
        ends.append((g.qdq(g.input(list(shape)), sx, zx, dtype), sx, zx))
        info = np.iinfo(dtype)
        codes.append(vectors(rng, count, tuple(shape), info.min, info.max, dtype))
    y = build(g, *ends)
    state = len(g.nodes), len(g.constants), g.count
    info = np.iinfo(out)

    def finished(scale, zero):
        del g.nodes[state[0]:], g.constants[state[1]:]
        g.count, g.outputs = state[2], []
        g.output(g.q(y, scale, zero, out), NUMBER[out])
        return g.model()

    def reals_of(file, vector):
        given = {i.name: Fraction(1) * (c[vector].astype(object) - zx) * Fraction(float(sx))
                 for i, c, (_, sx, zx) in zip(file.graph.input, codes, ends)}
        values, made, _ = reckon(file, None, True, given)
        return values[file.graph.node[-1].input[0]], made

    file = finished(F32(1), 0)
    reals = [np.asarray(reals_of(file, v)[0]) for v in range(len(codes[0]))]
    low, high = min(float(r.min()) for r in reals), max(float(r.max()) for r in reals)
    span = info.max - info.min
    if same:
        scale, zero = ends[0][1:]
    else:
        scale = F32(max(high - low, 1e-6) / span * rng.uniform(0.7, 1.1)) if scale is None else F32(scale)
        zero = 0 if out in (I16, I8) else min(max(int(round(-low / float(scale))), 0), span)
    file = finished(scale, zero)
    near, single, expected = [], [], []
    is_resized = any(node.op_type == "Resize" for node in file.graph.node)
    for vector in range(len(codes[0])):
        real, made = reals_of(file, vector)
        distance, size = distances(np.asarray(real), scale)
        expected.append(made.astype(np.int64))
        near.append(distance < (2.0 ** -7 if is_resized else 2.0 ** -18))
        # Single precision: 2^-24 of what is summed up, some hundred times.
        single.append(distance < 2.0 ** -16 * np.maximum(size, 256 if out in (I8, U8) else 65536) + 2.0 ** -10)
    expected, near, single = (np.stack(part) for part in (expected, near, single))
    feeds = [((c.astype(np.float64) - zx) * np.float64(sx)).astype(F32) for c, (_, sx, zx) in zip(codes, ends)]
    try:
        theirs = run(file, feeds)[0].reshape(expected.shape)
    except Exception as error:
        print(name, "not run by ONNX Runtime:", str(error)[:150])
    else:
        apart = np.abs(theirs.astype(int) - expected)
        compared += apart.size
        differing += int((apart > 0).sum())
        if ((apart > 0) & ~single | (apart > 3)).any():
            print(name, "ONNX Runtime differs off ties:", int(((apart > 0) & ~single).sum()), "largest", apart.max())
    for node in file.graph.node:
        node.name = ""
    if is_refused:
        if name in KEPT:
            onnx.save(file, f"{FOLDER}/unsupported/{name}.onnx")
        return
    onnx.save(file, f"{FOLDER}/{name}.onnx")
    for index, c in enumerate(codes):
        np.save(f"{FOLDER}/{name}.input{index}.npy", c)
    np.save(f"{FOLDER}/{name}.output0.npy", expected.astype(out))
    if ROUGH & {node.op_type for node in file.graph.node}:
        np.save(f"{FOLDER}/{name}.ties0.npy", near.astype(np.uint8))


def conv(shape, bias="int", then=None, bits=8, **attributes):
    def build(g, x):
        w, sw = g.weights(shape, axis=0, bits=bits)
        inputs = [x[0], w]
        if bias == "int":
            inputs.append(g.bias(shape[0], x[1] * sw))
        elif bias:
            inputs.append(g.constant(g.rng.normal(size=shape[0]).astype(F32)))
        y = g.node("Conv", inputs, **attributes)
        return g.node(then, [y]) if then else y
    return build


def dense(shape, bias="int", gemm=False, then=None, bits=8):
    def build(g, x):
        w, sw = g.weights(shape, axis=0 if gemm else 1, bits=bits)
        inputs = [x[0], w]
        if gemm and bias:
            inputs.append(g.bias(shape[0], x[1] * sw) if bias == "int" else g.constant(
                g.rng.normal(size=shape[0]).astype(F32)))
        y = g.node("Gemm", inputs, transB=1) if gemm else g.node("MatMul", inputs)
        return g.node(then, [y]) if then else y
    return build


def one(kind, constants=(), **attributes):
    return lambda g, *x: g.node(kind, [end[0] for end in x] + [
        g.constant(np.asarray(c, F32 if np.asarray(c).dtype.kind == "f" else np.int64)) for c in constants], **attributes)


def chain(*parts):
    def build(g, x):
        y = x[0]
        for kind, attributes in parts:
            y = g.node(kind, [y], **attributes)
        return y
    return build


def silu(g, x):
    return g.node("Mul", [x[0], g.node("Sigmoid", [x[0]])])


def resize(g, x):
    return g.node("Resize", [x[0], "", g.constant(np.array([1, 1, 2, 2], F32))], mode="linear")


def transposed(g, x):
    w, sw = g.weights([3, 2, 2, 2])
    return g.node("ConvTranspose", [x[0], w, g.bias(2, x[1] * sw)], strides=[2, 2])


def softmax(g, x):
    """Inside: at the end it would be left to the caller."""
    return g.node("Flatten", [g.qdq(g.node("Softmax", [x[0]], axis=-1), 2.0 ** -16, 0, U16)])


def layer(g, x):
    return g.node("LayerNormalization", [x[0], g.constant(g.rng.normal(size=6).astype(F32)), g.constant(
        g.rng.normal(size=6).astype(F32))])


def normalised(g, x):
    parts = [g.rng.normal(size=3), g.rng.normal(size=3), g.rng.normal(size=3), g.rng.uniform(0.2, 2, 3)]
    return g.node("BatchNormalization", [x[0]] + [g.constant(p.astype(F32)) for p in parts])


IMAGE, ROW = [(1, 3, 4, 4)], [(1, 12)]
CASES = {
    "conv": (IMAGE, conv([4, 3, 2, 2])), "conv_real_bias": (IMAGE, conv([4, 3, 3, 3], "real", pads=[1, 1, 1, 1])),
    "conv_relu": (IMAGE, conv([2, 3, 2, 2], None, "Relu", strides=[2, 2])),
    "conv_wide_weights": (IMAGE, conv([2, 3, 1, 1], None, bits=16)),
    "depthwise": (IMAGE, conv([3, 1, 3, 3], group=3)), "gemm": (ROW, dense([5, 12], gemm=True)),
    "gemm_relu": (ROW, dense([5, 12], "real", True, "Relu")), "matmul": (ROW, dense([12, 5])),
    "matmul_long": ([(1, 600)], dense([600, 2])), "matmul_wide_weights": (ROW, dense([12, 3], bits=16)),
    "conv_transposed": (IMAGE, transposed),
    "add": (2 * IMAGE, one("Add")), "sub": (2 * ROW, one("Sub")), "mul": (2 * ROW, one("Mul")),
    "mul_broadcast": ([(1, 3, 4, 4), (1, 3, 1, 1)], one("Mul")), "add_constant": (ROW, one("Add", [np.linspace(-3, 2, 12)])),
    "mul_constant": (IMAGE, one("Mul", [np.array([0.3, -1.1, 0.7]).reshape(3, 1, 1)])),
    "div_constant": (ROW, one("Div", [0.37])), "batchnorm": (IMAGE, normalised), "matmul_two": ([(1, 3, 4), (1, 4, 2)], one("MatMul")),
    "relu": (ROW, one("Relu")), "clip": (ROW, one("Clip", [-0.77, 1.23])), "leakyrelu": (ROW, one("LeakyRelu", alpha=0.017)),
    "prelu": (IMAGE, one("PRelu", [np.array([0.3, 0.11, 0.7]).reshape(3, 1, 1)])),
    "prelu_about_one": (IMAGE, one("PRelu", [np.array([0.3, 0, 1.7]).reshape(3, 1, 1)])),
    "prelu_zero": (IMAGE, one("PRelu", [np.array([0.3, 0, -0.7]).reshape(3, 1, 1)])),
    "prelu_axes": ([(1, 2, 3, 2)], one("PRelu", [np.array([0.3, 0.2, -0.4, 1.5, 0, 3]).reshape(3, 2)])),
    "sigmoid": (ROW, one("Sigmoid")), "tanh": (ROW, one("Tanh")), "hardsigmoid": (ROW, one("HardSigmoid", alpha=0.23)),
    "hardswish": (ROW, one("HardSwish")), "exp": (ROW, one("Exp")), "elu": (ROW, one("Elu")), "softplus": (ROW, one("Softplus")),
    "silu": (ROW, silu), "maxpool": (IMAGE, one("MaxPool", kernel_shape=[2, 2])),
    "averagepool": (IMAGE, one("AveragePool", kernel_shape=[2, 3])),
    "globalaveragepool": (IMAGE, one("GlobalAveragePool")), "reducemean": (IMAGE, one("ReduceMean", [np.array([1])], keepdims=1)),
    "concat": ([(1, 3), (1, 5)], one("Concat", axis=1)),
    "moves": (IMAGE, chain(("Transpose", {"perm": [0, 2, 3, 1]}), ("Flatten", {}))),
    "resize": ([(1, 2, 3, 3)], resize), "softmax": ([(1, 2, 5)], softmax),
    "layernorm": ([(1, 2, 6)], layer), "requantise": (ROW, one("Identity")),
}
# Real constants behind sums of so many bits, and exponentials of 16-bit codes, are refused: two of them are kept.
REFUSED = {
    "conv_real_bias": ((I16, I16), (U16, U16), (U16, U8), (I8, I16), (U8, U16)), "gemm_relu": ((I16, I16), (U16, U16), (U8, U16)),
    "softmax": ((I16, I16), (U16, U16), (I16, I8), (U16, U8)),
}
KEPT = {"sixteen_conv_real_bias_int16_int16", "sixteen_softmax_int16_int16"}
SAME = ("relu", "maxpool", "averagepool", "globalaveragepool", "moves", "clip", "add", "concat")


if __name__ == "__main__":
    os.makedirs(f"{FOLDER}/unsupported", exist_ok=True)
    for index, (name, (shapes, build)) in enumerate(CASES.items()):
        rng = np.random.default_rng(1600 + index)
        pairs = ((I16, I16), (U16, U16), (I16, I8), (U16, U8), (I8, I16), (U8, U16))
        for dtype, out in pairs + ((I8, I8), (U8, U8)) * name.startswith("prelu_"):
            if name.endswith(("_wide_weights", "_long")) and dtype in (I8, U8):
                continue
            model(f"sixteen_{name}_{np.dtype(dtype).name}_{np.dtype(out).name}", rng, shapes, build, dtype, out,
                  is_refused=(dtype, out) in REFUSED.get(name, ()))
        if name in SAME:
            for dtype in (I16, U16):
                model(f"sixteen_{name}_{np.dtype(dtype).name}_same", rng, shapes, build, dtype, dtype, same=True)
    print(f"ONNX Runtime differs in {differing} of {compared} codes")
    subprocess.run(["tar", "czf", "sixteen.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C", FOLDER,
                    "."], check=True)
