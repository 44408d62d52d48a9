#!/usr/bin/env python3
"""Makes models.tar.gz: small quantised ONNX models, inputs, and what the references return for them; see README.md.

  python3 make_models.py FOLDER     writes the files to FOLDER and packs them
"""
import os, subprocess, sys, warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

ort.set_default_logger_severity(4)
warnings.filterwarnings("ignore")
FOLDER = sys.argv[1]
NUMBER = {np.int8: T.INT8, np.uint8: T.UINT8, np.int16: T.INT16, np.uint16: T.UINT16}


class Graph:
    """A graph being written; constants get names of their own."""

    def __init__(self, opset=13):
        self.nodes, self.constants, self.inputs, self.outputs, self.opset = [], [], [], [], opset
        self.count = 0

    def name(self, stem):
        self.count += 1
        return f"{stem}_{self.count}"

    def constant(self, array, stem="c"):
        name = self.name(stem)
        self.constants.append(nh.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, domain="", outputs=1, **attributes):
        names = [self.name(kind.lower()) for _ in range(outputs)]
        self.nodes.append(h.make_node(kind, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def input(self, shape, kind=T.FLOAT):
        name = self.name("input")
        self.inputs.append(h.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, name, kind=T.FLOAT):
        self.outputs.append(h.make_tensor_value_info(name, kind, None))

    def model(self):
        graph = h.make_graph(self.nodes, "graph", self.inputs, self.outputs, self.constants)
        opsets = [h.make_opsetid("", self.opset), h.make_opsetid("com.microsoft", 1),
                  h.make_opsetid("qonnx.custom_op.general", 1)]
        return h.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="")

    # Quantisers.
    def quant(self, x, scale, bits, signed=1, narrow=0, mode="ROUND", zero=0.0):
        constants = [self.constant(np.asarray(v, np.float32)) for v in (scale, zero, bits)]
        return self.node("Quant", [x] + constants, domain="qonnx.custom_op.general", signed=signed, narrow=narrow,
                         rounding_mode=mode)

    def q(self, x, scale, zero, dtype=np.int8):
        return self.node("QuantizeLinear", [x, self.constant(np.float32(scale)), self.constant(dtype(zero))])

    def dq(self, x, scale, zero, dtype=np.int8, axis=None):
        scale, zero = np.asarray(scale, np.float32), np.asarray(zero, dtype)
        extra = {} if axis is None else {"axis": axis}
        return self.node("DequantizeLinear", [x, self.constant(scale), self.constant(zero)], **extra)

    def qdq(self, x, scale, zero, dtype=np.int8):
        return self.dq(self.q(x, scale, zero, dtype), scale, zero, dtype)


def save(name, model, inputs, outputs, exact=None):
    """Inputs and outputs are codes, [vectors, *shape]. `exact` is the output before it is rounded, in double precision:
    where it lies beside a tie, the reference's single precision may round the other way."""
    if exact is not None:
        exact = np.broadcast_to(exact, outputs[0].shape)
        ties = (np.abs(exact - np.floor(exact) - 0.5) < 2.0 ** (-12 if outputs[0].dtype.itemsize == 1 else -5))
        np.save(f"{FOLDER}/{name}.ties0.npy", ties.astype(np.uint8))
    for value in model.graph.node:
        value.name = ""
    onnx.save(model, f"{FOLDER}/{name}.onnx")
    for role, arrays in (("input", inputs), ("output", outputs)):
        for index, array in enumerate(arrays):
            np.save(f"{FOLDER}/{name}.{role}{index}.npy", array)


def vectors(rng, count, shape, low, high, dtype):
    """Random codes, and vectors of the lowest, of the highest, and of both."""
    shape = tuple(shape)
    parts = [rng.integers(low, high + 1, (count,) + shape), np.full((1,) + shape, low), np.full((1,) + shape, high),
             rng.choice([low, high], (2,) + shape)]
    return np.concatenate(parts).astype(dtype)


def run_ort(model, feeds):
    """What ONNX Runtime returns for each vector."""
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    count = len(feeds[0])
    results = [session.run(None, {n: f[v] for n, f in zip(names, feeds)}) for v in range(count)]
    return [np.stack([r[k] for r in results]) for k in range(len(results[0]))]


# ---------------------------------------------------------------- QONNX

def qonnx_reference(model, feeds):
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    wrapper = ModelWrapper(model)
    from qonnx.transformation.infer_shapes import InferShapes
    wrapper = wrapper.transform(InferShapes())
    names = [i.name for i in model.graph.input]
    outputs = [o.name for o in model.graph.output]
    made = [execute_onnx(wrapper, {n: f[v] for n, f in zip(names, feeds)}) for v in range(len(feeds[0]))]
    return [np.stack([m[o] for m in made]) for o in outputs]


def code_range(bits, signed, narrow=0):
    if signed:
        return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
    return 0, 2 ** bits - 1 - narrow


def code_type(bits, signed):
    return {(8, 1): np.int8, (8, 0): np.uint8, (16, 1): np.int16, (16, 0): np.uint16}[(8 if bits <= 8 else 16, signed)]


MODES = ["ROUND", "FLOOR", "CEIL", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "HALF_EVEN"]


def qonnx_models():
    rng = np.random.default_rng(1)
    index = 0
    for mode in MODES:
        signed_is_exact = mode in ("ROUND", "FLOOR", "CEIL", "HALF_EVEN")
        for signed in ([0, 1] if signed_is_exact else [0]):
            for kind in ("dense", "conv", "depthwise", "batchnorm"):
                in_bits, w_bits, out_bits = [int(rng.integers(1 + a, b)) for a, b in ((0, 9), (1, 9), (0, 17))]
                in_signed = int(rng.integers(0, 2)) if in_bits > 1 else 0
                out_bits = max(out_bits, 2)
                qonnx_layer(f"qonnx_{kind}_{mode.lower()}_{'s' if signed else 'u'}_{index}", rng, kind, mode, in_bits,
                            in_signed, w_bits, out_bits, signed, zero=int(rng.integers(-3, 4)) if signed else 0,
                            narrow=int(rng.integers(0, 2)) if index % 3 == 0 else 0)
                index += 1


def qonnx_layer(name, rng, kind, mode, in_bits, in_signed, w_bits, out_bits, signed, zero, narrow):
    g = Graph()
    in_scale = 2.0 ** int(rng.integers(-8, 0))
    w_scale = 2.0 ** int(rng.integers(-6, 0))
    shape = [1, 13] if kind == "dense" else [1, 4, 6, 5]
    x = g.input(shape)
    y = g.quant(x, in_scale, in_bits, in_signed)
    low, high = code_range(w_bits, 1)

    def weights(size):
        codes = rng.integers(low, high + 1, size)
        return g.quant(g.constant((codes * w_scale).astype(np.float32), "w"), w_scale, w_bits, 1)

    if kind == "dense":
        y = g.node("MatMul", [y, weights((13, 7))])
        y = g.node("Add", [y, g.constant((rng.integers(-9, 10, 7) * in_scale * w_scale * 3).astype(np.float32))])
        fan = 13
    elif kind == "conv":
        y = g.node("Conv", [y, weights((6, 4, 3, 2)), g.constant((rng.normal(size=6) * in_scale).astype(np.float32))],
                   pads=[1, 0, 0, 1], strides=[2, 1])
        fan = 24
    elif kind == "depthwise":
        y = g.node("Conv", [y, weights((4, 1, 3, 3))], group=4, pads=[1, 1, 1, 1], dilations=[1, 1])
        fan = 9
    else:
        y = g.node("Conv", [y, weights((6, 2, 1, 1))], group=2)
        gain = 2.0 ** rng.integers(-2, 3, 6) * rng.choice([-1, 1], 6)
        bias, mean = rng.integers(-8, 9, 6) * in_scale * w_scale, rng.integers(-3, 4, 6) * in_scale
        variance = np.ones(6)
        y = g.node("BatchNormalization",
                   [y] + [g.constant(v.astype(np.float32)) for v in (gain, bias, mean, variance)], epsilon=0.0)
        fan = 2
    if rng.random() < 0.5:
        y = g.node("Relu", [y])
    # A shift that spreads the sums over the codes.
    spread = fan ** 0.5 * 2.0 ** (in_bits + w_bits - 1)
    shift = max(0, int(round(np.log2(spread / 2 ** out_bits)))) + int(rng.integers(0, 3))
    out_scale = in_scale * w_scale * 2.0 ** shift
    zero = max(min(zero, code_range(out_bits, signed, narrow)[1]), code_range(out_bits, signed, narrow)[0])
    y = g.quant(y, out_scale, out_bits, signed, narrow, mode, float(zero))
    g.output(y)
    model = g.model()
    codes = vectors(rng, 12, shape, *code_range(in_bits, in_signed), code_type(in_bits, in_signed))
    reals = qonnx_reference(model, [(codes * in_scale).astype(np.float32)])[0]
    made = reals.astype(np.float64) / out_scale + zero
    assert np.all(made == np.rint(made)), name
    save(name, model, [codes], [made.astype(code_type(out_bits, signed))])


# ---------------------------------------------------------------- QDQ and QLinear

def requantised(low, high):
    return np.int8 if low < 0 else np.uint8


def qdq_models():
    rng = np.random.default_rng(2)
    for index in range(40):
        dtype = [np.int8, np.uint8][index % 2]
        per_channel = index % 4 >= 2
        kind = ["conv", "depthwise", "grouped", "dense", "gemm"][index % 5]
        form = ["qdq", "qlinear"][index // 5 % 2]
        qdq_weighted(f"{form}_{kind}_{dtype.__name__}{'_channels' if per_channel else ''}_{index}", rng, kind, dtype,
                     per_channel, form, opset=[10, 13, 17, 21][index % 4] if form == "qlinear" else [13, 15, 19, 21][index % 4])
    for index in range(24):
        dtype = [np.int8, np.uint8][index % 2]
        kind = ["Add", "Mul", "QLinearAdd", "QLinearMul", "Sub"][index % 5]
        binary(f"{kind.lower()}_{dtype.__name__}_{index}", rng, kind, dtype)
    for index, kind in enumerate(["Sigmoid", "Tanh", "LeakyRelu", "Relu", "Clip", "HardSigmoid", "Elu", "HardSwish",
                                  "Abs", "Neg", "QLinearSigmoid", "QLinearLeakyRelu", "requantise"] * 2):
        function(f"{kind.lower()}_{index}", rng, kind, [np.int8, np.uint8][index % 2])
    for index, kind in enumerate(["MaxPool", "AveragePool", "GlobalAveragePool", "QLinearGlobalAveragePool",
                                  "QLinearAveragePool", "GlobalMaxPool", "ReduceMean", "MaxPoolPadded",
                                  "AveragePoolPadded"] * 2):
        pool(f"{kind.lower()}_{index}", rng, kind, [np.int8, np.uint8][index % 2])
    for index, kind in enumerate(["Concat", "Pad", "Transpose", "Slice", "Split", "Reshape", "Flatten", "QLinearConcat",
                                  "Softmax", "Unsqueeze", "ArgMax"]):
        moved(f"{kind.lower()}_{index}", rng, kind, [np.int8, np.uint8][index % 2])


def scale_of(rng):
    return np.float32(rng.uniform(0.005, 0.08)) if rng.random() < 0.75 else np.float32(2.0 ** int(rng.integers(-8, -3)))


def zero_of(rng, dtype):
    info = np.iinfo(dtype)
    return int(rng.choice([info.min, info.max, (info.min + info.max + 1) // 2, rng.integers(info.min, info.max + 1)]))


def qdq_weighted(name, rng, kind, dtype, per_channel, form, opset):
    g = Graph(opset)
    sx, sy = scale_of(rng), np.float32(0)
    zx, zy = zero_of(rng, dtype), zero_of(rng, dtype)
    dense = kind in ("dense", "gemm")
    shape = [int(rng.integers(1, 4)), 19] if dense else [1, 6, 7, 8]
    groups = {"depthwise": 6, "grouped": 3}.get(kind, 1)
    outputs = 6 if groups > 1 else 5
    size = (19, outputs) if dense else (outputs, 6 // groups, 3, 3)
    axis = 1 if dense else 0
    w = rng.integers(-127, 128, size).astype(np.int8)
    sw = rng.uniform(0.002, 0.02, outputs if per_channel else ()).astype(np.float32)
    bias = rng.integers(-2000, 2001, outputs).astype(np.int32)
    fan = int(np.prod(size)) // outputs
    sy = np.float32(float(sx) * float(np.mean(sw)) * 64 * 64 * fan ** 0.5 / 40 * rng.uniform(0.5, 2))
    zw = np.zeros(sw.shape, np.int8)
    window = {} if dense else dict(pads=[1, 1, 0, 1], strides=[1, 2], group=groups, kernel_shape=[3, 3])
    x = g.input(shape, NUMBER[dtype] if form == "qlinear" else T.FLOAT)
    if form == "qlinear":
        c = lambda v, t: g.constant(np.asarray(v, t))
        head = [x, c(sx, np.float32), c(zx, dtype), g.constant(w), c(sw, np.float32), c(zw, np.int8)]
        tail = [c(sy, np.float32), c(zy, dtype)]
        if kind == "dense":
            y = g.node("QLinearMatMul", head + tail)
        elif kind == "gemm":
            y = g.node("QGemm", head + [g.constant(bias)] + tail, domain="com.microsoft", alpha=1.0, transA=0, transB=0)
        else:
            y = g.node("QLinearConv", head + tail + [g.constant(bias)], **window)
        g.output(y, NUMBER[dtype])
    else:
        y = g.qdq(x, sx, zx, dtype)
        wq = g.dq(g.constant(w), sw, zw, np.int8, axis=axis if per_channel else None)
        bq = g.dq(g.constant(bias), np.asarray(sx * sw, np.float32), np.zeros(sw.shape, np.int32), np.int32,
                  axis=0 if per_channel else None)
        if kind == "dense":
            y = g.node("MatMul", [y, wq])
        elif kind == "gemm":
            y = g.node("Gemm", [y, wq, bq])
        else:
            y = g.node("Conv", [y, wq, bq], **window)
        if rng.random() < 0.4:
            y = g.node("Relu", [y])
        y = g.q(y, sy, zy, dtype)
        g.output(y, NUMBER[dtype])
    finish(name, rng, g, [(shape, sx, zx, dtype)], form == "qlinear")


def finish(name, rng, g, inputs, takes_codes, count=24, exact=None):
    """Runs ONNX Runtime on random codes and saves all."""
    codes = [vectors(rng, count, shape, np.iinfo(d).min, np.iinfo(d).max, d) for shape, _, _, d in inputs]
    feeds = codes
    if not takes_codes:
        feeds = [((c.astype(np.float32) - np.float32(z)) * s).astype(np.float32) for c, (_, s, z, _) in zip(codes, inputs)]
    model = g.model()
    made = run_ort(model, feeds)
    if g.opset >= 19 and not any(n.domain for n in g.nodes):
        compare_with_evaluator(model, feeds, made)
    if exact:
        exact = exact(*[(c.astype(np.float64) - z) * float(s) for c, (_, s, z, _) in zip(codes, inputs)])
    save(name, model, codes, made, exact)


EVALUATOR = {"models": 0, "elements": 0, "differing": 0}


def compare_with_evaluator(model, feeds, made):
    """Counts where ONNX's own reference evaluator gives other codes than ONNX Runtime."""
    from onnx.reference import ReferenceEvaluator
    evaluator = ReferenceEvaluator(model)
    names = [i.name for i in model.graph.input]
    other = [evaluator.run(None, {n: f[v] for n, f in zip(names, feeds)})[0] for v in range(len(feeds[0]))]
    EVALUATOR["models"] += 1
    EVALUATOR["elements"] += made[0].size
    EVALUATOR["differing"] += int((np.stack(other) != made[0]).sum())


def binary(name, rng, kind, dtype):
    g = Graph(opset=19)
    a, b = [1, 3, 4, 5], [[1, 3, 4, 5], [1, 3, 1, 1], [5], [1, 1, 4, 5]][int(rng.integers(0, 4))]
    sa, sb = scale_of(rng), scale_of(rng)
    za, zb, zy = (zero_of(rng, dtype) for _ in range(3))
    sy = np.float32((sa + sb) * rng.uniform(0.4, 1.2)) if "Mul" not in kind else np.float32(sa * sb * 120)
    integer = kind.startswith("QLinear")
    kinds = [NUMBER[dtype] if integer else T.FLOAT] * 2
    x, y = g.input(a, kinds[0]), g.input(b, kinds[1])
    if integer:
        c = lambda v, t: g.constant(np.asarray(v, t))
        z = g.node(kind, [x, c(sa, np.float32), c(za, dtype), y, c(sb, np.float32), c(zb, dtype), c(sy, np.float32),
                          c(zy, dtype)], domain="com.microsoft")
    else:
        z = g.q(g.node(kind, [g.qdq(x, sa, za, dtype), g.qdq(y, sb, zb, dtype)]), sy, zy, dtype)
    g.output(z, NUMBER[dtype])
    def exact(x, y):
        y = y.reshape(y.shape[:1] + (1,) * (x.ndim - y.ndim) + y.shape[1:])
        return (x * y if "Mul" in kind else x - y if kind == "Sub" else x + y) / float(sy)
    finish(name, rng, g, [(a, sa, za, dtype), (b, sb, zb, dtype)], integer, count=60, exact=exact)


def function(name, rng, kind, dtype):
    g = Graph(opset=14)
    sx, zx, sy, zy = scale_of(rng), zero_of(rng, dtype), scale_of(rng), zero_of(rng, dtype)
    shape = [1, 256]
    integer = kind.startswith("QLinear")
    if "Sigmoid" in kind:
        sy, zy = np.float32(1 / 256), np.iinfo(dtype).min
    x = g.input(shape, NUMBER[dtype] if integer else T.FLOAT)
    c = lambda v, t: g.constant(np.asarray(v, t))
    if integer:
        extra = {"alpha": 0.1} if "Leaky" in kind else {}
        y = g.node(kind, [x, c(sx, np.float32), c(zx, dtype), c(sy, np.float32), c(zy, dtype)], domain="com.microsoft", **extra)
    else:
        y = g.qdq(x, sx, zx, dtype)
        if kind == "Clip":
            y = g.node("Clip", [y, c(-0.5, np.float32), c(0.75, np.float32)])
        elif kind != "requantise":
            y = g.node(kind, [y], **({"alpha": 0.15} if kind in ("LeakyRelu", "Elu") else {}))
        y = g.q(y, sy, zy, dtype)
    g.output(y, NUMBER[dtype])
    info = np.iinfo(dtype)
    codes = np.arange(info.min, info.max + 1).astype(dtype).reshape(1, 1, 256)
    feeds = codes if integer else ((codes.astype(np.float32) - np.float32(zx)) * sx).astype(np.float32)
    model = g.model()
    save(name, model, [codes], run_ort(model, [feeds]))


def pool(name, rng, kind, dtype):
    g = Graph()
    shape = [1, 5, 6, 7]
    sx, zx, sy, zy = scale_of(rng), zero_of(rng, dtype), scale_of(rng), zero_of(rng, dtype)
    integer = kind.startswith("QLinear")
    x = g.input(shape, NUMBER[dtype] if integer else T.FLOAT)
    c = lambda v, t: g.constant(np.asarray(v, t))
    if integer:
        extra = {} if "Global" in kind else dict(kernel_shape=[3, 2], strides=[2, 1])
        y = g.node(kind, [x, c(sx, np.float32), c(zx, dtype), c(sy, np.float32), c(zy, dtype)], domain="com.microsoft", **extra)
    else:
        y = g.qdq(x, sx, zx, dtype)
        if kind.startswith("MaxPool"):
            y = g.node("MaxPool", [y], kernel_shape=[2, 3], strides=[2, 2],
                       **(dict(pads=[1, 1, 0, 1]) if "Padded" in kind else {}))
            sy, zy = sx, zx
        elif kind.startswith("AveragePool"):
            extra = dict(pads=[1, 1, 1, 1], count_include_pad=1) if "Padded" in kind else {}
            y = g.node("AveragePool", [y], kernel_shape=[3, 3], strides=[1, 2], **extra)
        elif kind == "ReduceMean":
            y = g.node("ReduceMean", [y], axes=[2, 3], keepdims=0)
        else:
            y = g.node(kind, [y])
        y = g.q(y, sy, zy, dtype)
    g.output(y, NUMBER[dtype])
    isMean = kind in ("GlobalAveragePool", "QLinearGlobalAveragePool", "ReduceMean")
    exact = (lambda x: x.mean((3, 4), keepdims=kind != "ReduceMean") / float(sy)) if isMean else None
    finish(name, rng, g, [(shape, sx, zx, dtype)], integer, exact=exact)


def moved(name, rng, kind, dtype):
    """What moves codes, in front of and behind a convolution, so that layouts are met."""
    g = Graph()
    shape = [1, 4, 5, 6]
    # Powers of two: single precision is exact.
    sx, zx, sy, zy = np.float32(2.0 ** -6), zero_of(rng, dtype), np.float32(2.0 ** -3), zero_of(rng, dtype)
    x = g.input(shape)
    y = g.qdq(x, sx, zx, dtype)
    w = g.dq(g.constant(rng.integers(-127, 128, (4, 4, 3, 3)).astype(np.int8)), np.float32(2.0 ** -9), 0)
    conv = lambda v: g.qdq(g.node("Conv", [v, w], pads=[1, 1, 1, 1]), sy, zy, dtype)
    c = lambda v, t: g.constant(np.asarray(v, t))
    y = conv(y)
    if kind == "Concat":
        y = g.qdq(g.node("Concat", [y, g.qdq(x, sx, zx, dtype)], axis=1), sy, zy, dtype)
        y = g.node("Slice", [y, c([1], np.int64), c([5], np.int64), c([1], np.int64)])
    elif kind == "QLinearConcat":
        a = g.q(y, sy, zy, dtype)
        b = g.q(x, sx, zx, dtype)
        y = g.node("QLinearConcat", [c(sy, np.float32), c(zy, dtype), a, c(sy, np.float32), c(zy, dtype), b,
                                     c(sx, np.float32), c(zx, dtype)], domain="com.microsoft", axis=3)
        y = g.dq(y, sy, zy, dtype)
        y = g.node("Slice", [y, c([0], np.int64), c([6], np.int64), c([3], np.int64)])
    elif kind == "Pad":
        y = g.node("Pad", [y, c([0, 1, 0, 2, 0, 0, 1, 0], np.int64)])
        y = g.node("Slice", [y, c([1, -5], np.int64), c([5, 100], np.int64), c([1, 3], np.int64)])
    elif kind == "Transpose":
        y = g.node("Transpose", [g.node("Transpose", [y], perm=[0, 2, 3, 1])], perm=[0, 3, 2, 1])
        y = g.node("Transpose", [y], perm=[0, 1, 3, 2])
    elif kind == "Slice":
        y = g.node("Slice", [y, c([1, 0], np.int64), c([5, 6], np.int64), c([2, 3], np.int64), c([2, 3], np.int64)])
    elif kind == "Split":
        a, b = g.node("Split", [y], outputs=2, axis=1)
        y = g.node("Concat", [b, a], axis=1)
    elif kind == "Reshape":
        y = g.node("Reshape", [g.node("Reshape", [y, c([0, 2, 10, -1], np.int64)]), c([1, 4, 5, 6], np.int64)])
    elif kind == "Unsqueeze":
        y = g.node("Squeeze", [g.node("Unsqueeze", [y, c([2], np.int64)]), c([2], np.int64)])
    if kind in ("Flatten", "Softmax", "ArgMax"):
        y = g.node("Flatten", [y])
        v = g.dq(g.constant(rng.integers(-127, 128, (120, 9)).astype(np.int8)), np.float32(2.0 ** -8), 0)
        y = g.q(g.node("MatMul", [y, v]), np.float32(sy * 4), zy, dtype)
        before = y
        if kind != "Flatten":
            # The reference is what stands in front of it.
            g.output(y, NUMBER[dtype])
            codes = vectors(rng, 24, shape, np.iinfo(dtype).min, np.iinfo(dtype).max, dtype)
            feeds = ((codes.astype(np.float32) - np.float32(zx)) * sx).astype(np.float32)
            made = run_ort(g.model(), [feeds])
            g.outputs = []
            y = g.node(kind, [g.dq(before, np.float32(sy * 4), zy, dtype)], axis=1)
            g.output(y, T.INT64 if kind == "ArgMax" else T.FLOAT)
            return save(name, g.model(), [codes], made)
    else:
        y = conv(y) if kind not in ("Slice", "Split") else y
        y = g.q(y, sy, zy, dtype)
    g.output(y, NUMBER[dtype])
    finish(name, rng, g, [(shape, sx, zx, dtype)], False)


# ---------------------------------------------------------------- whole networks

def network_models():
    """Float networks, quantised by ONNX Runtime's own tool."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    rng = np.random.default_rng(3)
    for index, (form, kind, per_channel) in enumerate([
            (QuantFormat.QDQ, QuantType.QInt8, True), (QuantFormat.QDQ, QuantType.QUInt8, False),
            (QuantFormat.QOperator, QuantType.QUInt8, True), (QuantFormat.QOperator, QuantType.QInt8, False)]):
        g = Graph(opset=[13, 17][index % 2])
        shape = [1, 3, 12, 12]
        f = lambda *size: g.constant((rng.normal(size=size) / np.prod(size[1:]) ** 0.5).astype(np.float32))
        b = lambda size: g.constant((rng.normal(size=size) * 0.1).astype(np.float32))
        x = g.input(shape)
        y = g.node("Relu", [g.node("Conv", [x, f(8, 3, 3, 3), b(8)], pads=[1, 1, 1, 1])])
        short = y
        y = g.node("Relu", [g.node("Conv", [y, f(8, 1, 3, 3), b(8)], pads=[1, 1, 1, 1], group=8)])
        y = g.node("Conv", [y, f(8, 8, 1, 1), b(8)])
        y = g.node("MaxPool", [g.node("Relu", [g.node("Add", [y, short])])], kernel_shape=[2, 2], strides=[2, 2])
        y = g.node("Clip", [g.node("Conv", [y, f(12, 8, 3, 3), b(12)], strides=[2, 2]), g.constant(np.float32(0)),
                            g.constant(np.float32(6))])
        y = g.node("Flatten", [y])
        y = g.node("Gemm", [y, f(10, 48), b(10)], transB=1)
        name = f"network_{form.name.lower()}_{kind.name.lower()}_{index}"
        g.output(y)
        model = onnx.shape_inference.infer_shapes(g.model())
        onnx.save(model, f"{FOLDER}/float.onnx")
        samples = [{x: rng.normal(size=shape).astype(np.float32)} for _ in range(16)]

        class Reader(CalibrationDataReader):
            def __init__(self):
                self.rest = iter(samples)

            def get_next(self):
                return next(self.rest, None)

        path = f"{FOLDER}/{name}.onnx"
        quantize_static(f"{FOLDER}/float.onnx", path, Reader(), quant_format=form, per_channel=per_channel,
                        activation_type=kind, weight_type=QuantType.QInt8)
        os.remove(f"{FOLDER}/float.onnx")
        model = onnx.load(path)
        constants = {t.name: nh.to_array(t) for t in model.graph.initializer}
        # The network ends in the codes in front of its last DequantizeLinear.
        last = next(n for n in model.graph.node if model.graph.output[0].name in n.output)
        model.graph.node.remove(last)
        dtype = constants[last.input[2]].dtype.type
        del model.graph.output[:]
        model.graph.output.append(h.make_tensor_value_info(last.input[0], NUMBER[dtype], None))
        first = next(n for n in model.graph.node if x in n.input)
        scale, zero = constants[first.input[1]], constants[first.input[2]]
        info = np.iinfo(zero.dtype)
        codes = vectors(rng, 24, shape, info.min, info.max, zero.dtype.type)
        feeds = ((codes.astype(np.float32) - np.float32(zero)) * scale).astype(np.float32)
        save(name, model, [codes], run_ort(model, [feeds]))


def wide_models():
    """16-bit activations: in double precision, since ONNX Runtime computes them in single."""
    rng = np.random.default_rng(4)
    for index, dtype in enumerate([np.int16, np.uint16] * 3):
        g = Graph(opset=21)
        sx, sw, zx, zy = np.float32(rng.uniform(1e-4, 1e-3)), np.float32(0.01), zero_of(rng, dtype), zero_of(rng, dtype)
        kind = ["dense", "conv", "add"][index // 2]
        shape = [1, 11] if kind == "dense" else [1, 2, 5, 5]
        inputs = [(shape, sx, zx, dtype)]
        x = g.qdq(g.input(shape), sx, zx, dtype)
        sy = np.float32(sx * 20)
        if kind == "dense":
            w = rng.integers(-127, 128, (11, 6)).astype(np.int8)
            y = g.node("MatMul", [x, g.dq(g.constant(w), sw, 0)])
            exact = lambda r: r @ (w * float(sw)) / float(sy)
        elif kind == "conv":
            w = rng.integers(-127, 128, (3, 2, 1, 1)).astype(np.int8)
            y = g.node("Conv", [x, g.dq(g.constant(w), sw, 0)])
            exact = lambda r: np.einsum("oi,vbihw->vbohw", w[:, :, 0, 0] * float(sw), r) / float(sy)
        else:
            y = g.node("Add", [x, x])
            sy = np.float32(sx * 2.5)
            exact = lambda r: 2 * r / float(sy)
        g.output(g.q(y, sy, zy, dtype), NUMBER[dtype])
        finish(f"wide_{kind}_{dtype.__name__}", rng, g, inputs, False, exact=exact)


# ---------------------------------------------------------------- what must be refused

def refused_models():
    os.makedirs(f"{FOLDER}/unsupported", exist_ok=True)

    def refuse(name, build, opset=13, shape=(1, 4), last=True):
        g = Graph(opset)
        y = build(g, g.input(list(shape)))
        g.output(y)
        model = g.model()
        onnx.save(model, f"{FOLDER}/unsupported/{name}.onnx")
        return model

    c = lambda g, v, t=np.float32: g.constant(np.asarray(v, t))
    eye = np.eye(4, dtype=np.float32)
    w = lambda g, scale=0.25: g.quant(c(g, eye), scale, 4)
    x8 = lambda g, x: g.quant(x, 0.25, 8)
    refuse("float_weights", lambda g, x: g.quant(g.node("MatMul", [x8(g, x), c(g, eye)]), 0.25, 8))
    refuse("float_input", lambda g, x: g.quant(g.node("MatMul", [x, w(g)]), 0.25, 8))
    refuse("floor_of_general_scale", lambda g, x: g.quant(g.node("MatMul", [x8(g, x), w(g)]), 0.3, 8, mode="FLOOR"))
    refuse("half_up_of_signed", lambda g, x: g.quant(g.node("MatMul", [x8(g, x), w(g)]), 0.5, 8, mode="HALF_UP"))
    refuse("unknown_rounding", lambda g, x: g.quant(x, 0.5, 8, mode="STOCHASTIC"))
    refuse("bits_17", lambda g, x: g.quant(x, 0.5, 17))
    refuse("bits_2_5", lambda g, x: g.quant(x, 0.5, 2.5))
    refuse("scale_zero", lambda g, x: g.quant(x, 0.0, 8))
    refuse("scales_per_channel", lambda g, x: g.quant(x, [0.1, 0.2, 0.3, 0.4], 8))
    refuse("zero_point_outside", lambda g, x: g.quant(x, 0.5, 4, zero=9.0))
    refuse("float_function", lambda g, x: g.quant(g.node("Sigmoid", [g.node("MatMul", [x8(g, x), w(g)])]), 0.1, 8))
    refuse("dynamic", lambda g, x: g.node("DynamicQuantizeLinear", [x], outputs=3)[0])
    refuse("recurrent", lambda g, x: g.node("LSTM", [x8(g, x)] * 3, hidden_size=1))
    refuse("unknown_domain", lambda g, x: g.node("Magic", [x8(g, x)], domain="example.custom"))
    refuse("unknown_operator", lambda g, x: g.node("Atan", [x8(g, x)]))
    refuse("divided_by_codes", lambda g, x: g.quant(g.node("Div", [x8(g, x), x8(g, x)]), 0.1, 8))
    refuse("blocks", lambda g, x: g.node("DequantizeLinear", [g.node(
        "QuantizeLinear", [x, c(g, [[0.1, 0.2]])], block_size=2), c(g, [[0.1, 0.2]])], block_size=2), opset=21)
    refuse("open_shape", lambda g, x: x8(g, x), shape=(1, "n"))
    refuse("old_opset", lambda g, x: x8(g, x), opset=6)
    refuse("huge_shape", lambda g, x: x8(g, x), shape=(1, 1 << 40))

    def constant_bomb(g, x):
        y = g.node("ConstantOfShape", [c(g, [1 << 12, 1 << 12], np.int64)])
        for _ in range(200):
            y = g.node("Transpose", [y])
        return g.node("Add", [x8(g, x), y])
    refuse("constant_bomb", constant_bomb)

    def concat_bomb(g, x):
        y = g.node("MatMul", [x8(g, x), w(g)])
        for _ in range(20):
            y = g.node("Concat", [y, y], axis=1)
        return g.quant(y, 0.25, 8)
    refuse("concat_bomb", concat_bomb)
    model = refuse("external_data", lambda g, x: g.quant(g.node("MatMul", [x8(g, x), w(g)]), 0.25, 8))
    tensor = model.graph.initializer[3]
    tensor.ClearField("raw_data")
    tensor.data_location = T.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "elsewhere.bin"
    onnx.save(model, f"{FOLDER}/unsupported/external_data.onnx")
    whole = open(f"{FOLDER}/unsupported/float_weights.onnx", "rb").read()
    open(f"{FOLDER}/unsupported/cut_short.onnx", "wb").write(whole[:-100])


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    qonnx_models()
    qdq_models()
    network_models()
    wide_models()
    refused_models()
    subprocess.run(["tar", "czf", "models.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C",
                    FOLDER, "."], check=True)
    print("ONNX's reference evaluator beside ONNX Runtime:", EVALUATOR)
