#!/usr/bin/env python3
"""Makes operators.tar.gz: what people's exporters write beyond make_models.py's models; see README.md.

  python3 make_operators.py FOLDER     writes the files to FOLDER and packs them

The reference of QDQ and QLinear models is ONNX Runtime as the file says it: no optimisations, so that nothing is fused, and no
saturating kernels. Beside ties of the last quantiser, where single precision may fall on either side, codes may differ by one.
"""
import os, subprocess, sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

import exact_evaluator
from make_models import FOLDER, NUMBER, Graph, code_type, qonnx_reference, save, scale_of, vectors, zero_of

F32 = np.float32


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.x64quantprecision", "1")
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(model, feeds):
    made = session(model)
    names = [i.name for i in made.get_inputs()]
    results = [made.run(None, {n: f[v] for n, f in zip(names, feeds)}) for v in range(len(feeds[0]))]
    return [np.stack([r[k] for r in results]) for k in range(len(results[0]))]


def record(name, rng, g, inputs, takes_codes=False, count=12, feeds=None, near=2.0 ** -10, change=None):
    """Runs the graph on random codes of inputs (shape, scale, zero point, type). Its last node is a quantiser, whose own
    input says where ties are; without one there are none."""
    codes = [vectors(rng, count, shape, np.iinfo(d).min, np.iinfo(d).max, d) for shape, _, _, d in inputs]
    if feeds:
        reals = [f(c) for f, c in zip(feeds, codes)]
    elif takes_codes:
        reals = codes
    else:
        reals = [((c.astype(F32) - F32(z)) * s).astype(F32) for c, (_, s, z, _) in zip(codes, inputs)]
    model = g.model()
    if change:
        change(model)
    last = next((n for n in model.graph.node if n.output[0] == model.graph.output[0].name), None)
    exact = None
    if last.op_type == "QuantizeLinear":
        wider = onnx.ModelProto()
        wider.CopyFrom(model)
        wider.graph.output.append(h.make_tensor_value_info(last.input[0], T.FLOAT, None))
        made, real = run(wider, reals)
        scale = nh.to_array(next(t for t in model.graph.initializer if t.name == last.input[1]))
        exact = real.astype(np.float64) / float(scale)
        whole = np.floor(exact)
        # `save` tells ties by 2^-12; what lies further off counts too, where sums are long.
        exact = np.where(np.abs(exact - whole - 0.5) < near, whole + 0.5, exact)
    else:
        made = run(model, reals)[0]
    save(name, model, codes, [made], exact)


def one(name, rng, build, shape=(1, 4, 6, 5), dtype=np.int8, opset=17, scale=None, count=12, near=2.0 ** -10):
    """Q, DQ, an operator, Q: `build` adds the operator; the output's scale covers what it makes of random codes."""
    sx, zx, zy = scale_of(rng), zero_of(rng, dtype), zero_of(rng, dtype)

    def graph(sy, float_only=False):
        g = Graph(opset)
        x = g.qdq(g.input(list(shape)), sx, zx, dtype)
        state = rng.bit_generator.state
        y = build(g, x)
        rng.bit_generator.state = state
        if float_only:
            g.output(y)
        else:
            g.output(g.q(y, sy, zy, dtype), NUMBER[dtype])
        return g

    if scale is None:
        probe = graph(None, True).model()
        sample = ((rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (4,) + tuple(shape)) - zx) * sx).astype(F32)
        made = run(probe, [sample])[0]
        scale = F32(max(float(np.abs(made).max()) / 127, 1e-6) * rng.uniform(0.7, 1.3))
    elif scale == "same":
        scale, zy = sx, zx
    g = graph(scale)
    build_state = rng.random()  # moves on, so that models differ
    record(name, rng, g, [(list(shape), sx, zx, dtype)], count=count, near=near)


def c(g, value, dtype=F32):
    return g.constant(np.asarray(value, dtype))


def i64(g, value):
    return g.constant(np.asarray(value, np.int64))


def kinds(index):
    return [np.int8, np.uint8][index % 2]


def pools(rng):
    index = 0
    for kernel, strides, pads, include, ceil in [
        ([3, 3], [1, 1], [1, 1, 1, 1], 0, 0), ([3, 3], [2, 2], [1, 1, 1, 1], 0, 0), ([2, 3], [2, 1], [0, 1, 1, 1], 0, 0),
        ([3, 3], [1, 1], [1, 1, 1, 1], 1, 0), ([3, 2], [2, 2], [0, 0, 0, 0], 0, 1), ([3, 3], [2, 2], [1, 0, 1, 1], 0, 1),
        ([4, 4], [3, 3], [1, 1, 2, 1], 0, 1),
    ]:
        one(f"averagepool_count{include}_ceil{ceil}_{index}", rng, lambda g, x: g.node(
            "AveragePool", [x], kernel_shape=kernel, strides=strides, pads=pads, count_include_pad=include, ceil_mode=ceil),
            dtype=kinds(index), scale="same" if index % 3 == 0 else None, shape=(1, 3, 7, 6))
        index += 1
    for kernel, strides, pads in [([3, 3], [2, 2], [0, 0, 0, 0]), ([2, 2], [2, 2], [0, 0, 0, 0]), ([3, 2], [2, 2], [1, 0, 1, 1])]:
        one(f"maxpool_ceil_{index}", rng, lambda g, x: g.node(
            "MaxPool", [x], kernel_shape=kernel, strides=strides, pads=pads, ceil_mode=1), dtype=kinds(index), scale="same",
            shape=(1, 3, 8, 7))
        index += 1
    one("averagepool_line", rng, lambda g, x: g.node("AveragePool", [x], kernel_shape=[3], strides=[2], pads=[1, 1]),
        shape=(1, 4, 9))
    for index in range(2):
        g, dtype = Graph(), kinds(index)
        sx, zx, zy = scale_of(rng), zero_of(rng, dtype), zero_of(rng, dtype)
        x = g.input([1, 3, 6, 5], NUMBER[dtype])
        y = g.node("QLinearAveragePool", [x, c(g, sx), c(g, zx, dtype), c(g, sx), c(g, zy, dtype)], domain="com.microsoft",
                   kernel_shape=[3, 3], strides=[2, 1], pads=[1, 1, 1, 1], count_include_pad=index)
        g.output(y, NUMBER[dtype])
        record(f"qlinearaveragepool_padded_{index}", rng, g, [([1, 3, 6, 5], sx, zx, dtype)], True)


def reductions(rng):
    index = 0
    for kind in ["ReduceMax", "ReduceMin", "ReduceMean", "ReduceSum"]:
        for axes, keep in [([1], 1), ([2, 3], 0), ([-1], 0), ([1, 3], 1), ([0, 1, 2, 3], 0)]:
            by_input = index % 2 == 0
            opset = 18 if by_input else 12 if kind == "ReduceSum" else 13
            same = "same" if kind in ("ReduceMax", "ReduceMin") and index % 3 else None
            one(f"{kind.lower()}_{index}", rng, lambda g, x: (
                g.node(kind, [x, i64(g, axes)], keepdims=keep) if by_input else g.node(kind, [x], axes=axes, keepdims=keep)),
                dtype=kinds(index), opset=opset, scale=same, shape=(1, 3, 4, 5))
            index += 1


def two(rng):
    index = 0
    for kind in ["Max", "Min"]:
        for other in [(1, 3, 4, 5), (1, 3, 1, 1), (5,), "vector", "scalar"]:
            dtype = kinds(index)
            g = Graph(17)
            sa, sb, za, zb, zy = scale_of(rng), scale_of(rng), zero_of(rng, dtype), zero_of(rng, dtype), zero_of(rng, dtype)
            a = g.qdq(g.input([1, 3, 4, 5]), sa, za, dtype)
            inputs = [([1, 3, 4, 5], sa, za, dtype)]
            if other == "vector":
                b = c(g, rng.normal(size=(3, 1, 1)) * 0.5)
            elif other == "scalar":
                b = c(g, 0.25)
            else:
                b = g.qdq(g.input(list(other)), sb, zb, dtype)
                inputs.append((list(other), sb, zb, dtype))
            y = g.node(kind, [a, b])
            g.output(g.q(y, F32(max(sa, sb) * 1.1), zy, dtype), NUMBER[dtype])
            record(f"{kind.lower()}_{index}", rng, g, inputs)
            index += 1
    for index, slopes in enumerate([[0.25], rng.uniform(-0.5, 0.9, 4), rng.uniform(1.1, 2.5, 4), rng.uniform(0.01, 0.3, 4)]):
        shape = [1] if len(slopes) == 1 else [4, 1, 1]
        one(f"prelu_{index}", rng, lambda g, x: g.node("PRelu", [x, c(g, np.reshape(slopes, shape))]), dtype=kinds(index))


def moves(rng):
    def moved(name, build, index, **extra):
        one(f"{name}_{index}", rng, build, dtype=kinds(index), scale=None if index % 3 == 2 else "same", **extra)

    for index, mode in enumerate(["DCR", "CRD"]):
        moved("depthtospace", lambda g, x: g.node("DepthToSpace", [x], blocksize=2, mode=mode), index, shape=(1, 8, 3, 4))
    moved("spacetodepth", lambda g, x: g.node("SpaceToDepth", [x], blocksize=2), 2, shape=(1, 3, 4, 6))
    for index, repeats in enumerate([[1, 2, 1, 1], [1, 1, 3, 2], [2, 1, 1, 1]]):
        moved("tile", lambda g, x: g.node("Tile", [x, i64(g, repeats)]), index, shape=(1, 3, 2, 3))
    for index, (shape, wanted) in enumerate([((1, 3, 1, 1), [1, 3, 4, 5]), ((1, 4), [3, 4]), ((5, 1), [2, 5, 3])]):
        moved("expand", lambda g, x: g.node("Expand", [x, i64(g, wanted)]), index, shape=shape)
    for index, (axis, places) in enumerate([(1, [2, 0, 0]), (3, [[0, 2], [-1, 1]]), (0, 0), (2, -2), (-1, [4, 3, 2, 1, 0])]):
        moved("gather", lambda g, x: g.node("Gather", [x, i64(g, places)], axis=axis), index, shape=(1, 4, 3, 5))
    index = 0
    for coordinates in ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]:
        for rounding in ["round_prefer_floor", "floor", "ceil", "round_prefer_ceil"]:
            scales = [[1, 1, 2, 2], [1, 1, 3, 2], [1, 1, 0.5, 1.5], [1, 1, 1.25, 1]][index % 4]
            if index % 2:
                inputs = lambda g: [c(g, []), c(g, scales)]
            else:
                inputs = lambda g: ["", "", i64(g, [1, 3, int(4 * scales[2]), int(5 * scales[3])])]
            moved("resize", lambda g, x: g.node(
                "Resize", [x] + inputs(g), mode="nearest", coordinate_transformation_mode=coordinates,
                nearest_mode=rounding), index, shape=(1, 3, 4, 5), opset=[13, 18][index % 2])
            index += 1
    moved("resize10", lambda g, x: g.node("Resize", [x, c(g, [1, 1, 2, 3])], mode="nearest"), 0, shape=(1, 2, 3, 4), opset=10)
    for index, (scales, coordinates) in enumerate([
        ([1, 1, 2, 2], "half_pixel"), ([1, 1, 4, 2], "half_pixel"), ([1, 1, 2, 1], "asymmetric"),
        ([1, 1, 2, 4], "pytorch_half_pixel")]):
        one(f"resizelinear_{index}", rng, lambda g, x: g.node(
            "Resize", [x, "", c(g, scales)], mode="linear", coordinate_transformation_mode=coordinates),
            dtype=kinds(index), shape=(1, 3, 3, 4), scale="same" if index % 2 else None)
    for index, (mode, pads) in enumerate([
        ("reflect", [0, 0, 1, 2, 0, 0, 2, 1]), ("edge", [0, 1, 0, 3, 0, 0, 2, 0]), ("wrap", [0, 0, 1, 1, 0, 0, 1, 2]),
        ("edge", [0, 0, -1, 0, 0, 0, 0, -2])]):
        moved(f"pad{mode}", lambda g, x: g.node("Pad", [x, i64(g, pads)], mode=mode), index, shape=(1, 2, 4, 5),
              opset=19 if mode == "wrap" else 13)
    for index, (opset, sizes) in enumerate([(13, [1, 3, 2]), (18, None)]):
        def build(g, x):
            parts = g.node("Split", [x] + ([i64(g, sizes)] if sizes else []), outputs=3, axis=1,
                           **({} if sizes else {"num_outputs": 3}))
            return g.node("Concat", [parts[2], parts[0]], axis=1)
        moved("split", build, index, shape=(1, 6, 2, 3) if sizes else (1, 8, 2, 3), opset=opset)


def transposed(rng):
    cases = [
        dict(kernel=(2, 2), strides=[2, 2]), dict(kernel=(3, 3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
        dict(kernel=(4, 4), strides=[2, 2], pads=[1, 1, 1, 1]), dict(kernel=(3, 2), strides=[1, 3]),
        dict(kernel=(2, 3), strides=[3, 2], pads=[0, 1, 1, 0], dilations=[2, 1]), dict(kernel=(3, 3), strides=[2, 2], group=2),
        dict(kernel=(3, 3), strides=[2, 2], auto_pad="SAME_UPPER"), dict(kernel=(3, 3), strides=[2, 2], output_shape=[8, 7]),
        dict(kernel=(1, 1), strides=[2, 2], output_padding=[1, 0]), dict(kernel=(5,), strides=[3], pads=[2, 1]),
        dict(kernel=(3, 3), strides=[1, 1], pads=[2, 2, 2, 2]), dict(kernel=(2, 2), strides=[2, 2], channels=True),
    ]
    for index, case in enumerate(cases):
        case = dict(case)
        kernel, channels = case.pop("kernel"), case.pop("channels", False)
        dtype, group = kinds(index), case.get("group", 1)
        shape = [1, 4, 5] if len(kernel) == 1 else [1, 4, 4, 3]
        w = rng.integers(-127, 128, (4, 3) + kernel).astype(np.int8)
        sw = rng.uniform(0.005, 0.02, 3 if channels else ()).astype(F32)
        bias = rng.integers(-900, 900, 3 * group).astype(np.int32)

        def build(g, x):
            wq = g.dq(g.constant(w), sw, np.zeros(sw.shape), np.int8, axis=1 if channels else None)
            inputs = [x, wq]
            if index % 3 != 1:
                inputs.append(c(g, bias * 0.001))
            y = g.node("ConvTranspose", inputs, **case)
            if index % 4 == 3:
                y = g.node("BatchNormalization", [y] + [c(g, v) for v in (
                    rng.uniform(0.5, 2, 3), rng.normal(size=3), rng.normal(size=3), rng.uniform(0.5, 2, 3))])
            return g.node("Relu", [y]) if index % 4 == 1 else y
        one(f"convtranspose_{index}", rng, build, shape=shape, dtype=dtype, opset=[13, 17][index % 2], near=2.0 ** -8)


def functions(rng):
    for index, (kind, extra) in enumerate([
        ("Selu", {}), ("Celu", {"alpha": 0.7}), ("Gelu", {}), ("Gelu", {"approximate": "tanh"}), ("Erf", {}), ("Mish", {}),
        ("Sin", {}), ("Cos", {}), ("Floor", {}), ("Ceil", {}), ("Round", {})]):
        one(f"{kind.lower()}_{index}", rng, lambda g, x: g.node(kind, [x], **extra), shape=(1, 16, 16), dtype=kinds(index),
            opset=20)
    for index, exponent in enumerate([2.0, 0.5, -1.0]):
        one(f"pow_{index}", rng, lambda g, x: g.node("Pow", [
            x if index == 0 else g.node("Clip", [x, c(g, 0.25), c(g, 9)]), c(g, exponent)]), shape=(1, 16, 16),
            dtype=kinds(index))
    # Gelu as older exporters write it, its parts quantised or not.
    for index in range(2):
        def written_out(g, x):
            q = (lambda y, s: g.qdq(y, s, 0)) if index else (lambda y, s: y)
            y = g.node("Erf", [q(g.node("Div", [x, c(g, 2 ** 0.5)]), 0.04)])
            y = g.node("Add", [q(y, 1 / 127), c(g, 1.0)])
            y = g.node("Mul", [x, g.qdq(y, 0.017, 0)])
            return g.node("Mul", [g.qdq(y, 0.06, 0), c(g, 0.5)])
        one(f"gelu_written_out_{index}", rng, written_out, shape=(1, 8, 8))


def quantisers(rng):
    # Brevitas' QCDQ: Clip between Q and DQ, of inputs, weights and outputs.
    for index, bits in enumerate([8, 6, 4]):
        low, high = -2 ** (bits - 1) + 1, 2 ** (bits - 1) - 1
        g = Graph(13)
        sx = scale_of(rng)
        clip = lambda x: g.node("Clip", [x, c(g, low, np.int8), c(g, high, np.int8)])
        x = g.dq(clip(g.q(g.input([1, 9]), sx, 0)), sx, 0)
        w = rng.integers(-128, 128, (9, 5)).astype(np.int8)
        y = g.node("MatMul", [x, g.dq(clip(g.constant(w)), F32(0.01), 0)])
        y = g.q(g.node("Relu", [y]), F32(float(sx) * 0.01 * 400), 0)
        y = g.dq(clip(y), F32(float(sx) * 0.01 * 400), 0)
        g.output(g.q(g.node("Neg", [y]), F32(float(sx) * 0.01 * 400), 0), T.INT8)
        record(f"qcdq_{bits}", rng, g, [([1, 9], sx, 0, np.int8)])
    # Softmax with a quantiser behind it, at the end: the codes in front of it are the outputs.
    for index, form in enumerate(["qdq", "qlinear"]):
        g = Graph(13)
        sx, sy = scale_of(rng), F32(0.07)
        w = rng.integers(-128, 128, (9, 5)).astype(np.int8)
        y = g.node("MatMul", [g.qdq(g.input([1, 9]), sx, 3), g.dq(g.constant(w), F32(0.01), 0)])
        y = g.q(y, sy, -4)
        codes = y
        if form == "qdq":
            y = g.node("Softmax", [g.dq(y, sy, -4)], axis=-1)
            y = g.dq(g.q(y, F32(1 / 256), -128), F32(1 / 256), -128)
        else:
            y = g.node("QLinearSoftmax", [y, c(g, sy), c(g, -4, np.int8), c(g, 1 / 256), c(g, -128, np.int8)],
                       domain="com.microsoft", axis=-1, opset=13)
        g.output(y, T.FLOAT if form == "qdq" else T.INT8)
        model = g.model()
        inputs = vectors(rng, 12, (1, 9), -128, 127, np.int8)
        cut = onnx.ModelProto()
        cut.CopyFrom(model)
        del cut.graph.output[:]
        cut.graph.output.append(h.make_tensor_value_info(codes, T.INT8, None))
        reals = ((inputs.astype(F32) - 3) * sx).astype(F32)
        save(f"softmax_end_{form}", model, [inputs], run(cut, [reals]))
    # What is done to the input in front of its first quantiser is the caller's.
    for index, form in enumerate(["mean_deviation", "scale", "batchnorm"]):
        g = Graph(17)
        sx, zx = F32(0.02), -7
        x = g.input([1, 3, 4, 4])
        mean, deviation = np.float32([0.5, 0.25, -0.5]), F32(0.5)
        if form == "mean_deviation":
            y = g.node("Div", [g.node("Sub", [x, c(g, mean.reshape(1, 3, 1, 1))]), c(g, deviation)])
        elif form == "scale":
            y, mean, deviation = g.node("Mul", [x, c(g, 0.25)]), np.zeros(3, F32), F32(4)
        else:
            y = g.node("BatchNormalization", [x, c(g, [2] * 3), c(g, [0] * 3), c(g, mean), c(g, [1] * 3)], epsilon=0.0)
        y = g.node("Relu", [g.qdq(y, sx, zx)])
        g.output(g.q(y, F32(0.031), 5), T.INT8)
        # An eighth of a code off, so that no rounding of the caller's arithmetic matters.
        feed = lambda codes: (((codes.astype(np.float64) - zx) * float(sx)) * deviation + mean.reshape(3, 1, 1)).astype(F32)
        record(f"input_{form}", rng, g, [([1, 3, 4, 4], sx, zx, np.int8)], feeds=[feed])
    # Pixels as they are: uint8, cast to float.
    g = Graph(17)
    x = g.node("Mul", [g.node("Cast", [g.input([1, 3, 4, 4], T.UINT8)], to=T.FLOAT), c(g, 1 / 255)])
    g.output(g.q(x, F32(1 / 127), -3), T.INT8)
    record("input_pixels", rng, g, [([1, 3, 4, 4], F32(1), 0, np.uint8)], True)


def constants(rng):
    # Flatten as torch writes it where the batch is open.
    g = Graph(17)
    sx = scale_of(rng)
    x = g.qdq(g.input(["batch", 3, 4, 2]), sx, 1)
    size = g.node("Gather", [g.node("Shape", [x]), i64(g, 0)], axis=0)
    shape = g.node("Concat", [g.node("Unsqueeze", [size, i64(g, [0])]), i64(g, [-1])], axis=0)
    y = g.node("Reshape", [x, shape])
    w = rng.integers(-127, 128, (24, 3)).astype(np.int8)
    y = g.node("MatMul", [y, g.dq(g.constant(w), F32(0.02), 0)])
    g.output(g.q(y, F32(float(sx) * 0.02 * 500), 2), T.INT8)
    record("open_batch", rng, g, [([1, 3, 4, 2], sx, 1, np.int8)])
    # Shapes that are reckoned: halves of channels, products, ranges, comparisons.
    g = Graph(17)
    x = g.qdq(g.input([1, 8, 3, 4]), sx, 1)
    dims = g.node("Shape", [x])
    half = g.node("Div", [g.node("Slice", [dims, i64(g, [1]), i64(g, [2])]), i64(g, [2])])
    rest = g.node("ReduceProd", [g.node("Slice", [dims, i64(g, [2]), i64(g, [4])])], keepdims=1)
    shape = g.node("Concat", [i64(g, [1]), i64(g, [2]), half, rest], axis=0)
    y = g.node("Reshape", [x, shape])
    places = g.node("Range", [i64(g, 3), i64(g, -1), i64(g, -2)])
    y = g.node("Gather", [y, places], axis=2)
    wanted = g.node("Where", [g.node("Equal", [g.node("Shape", [y]), i64(g, [1, 2, 2, 12])]), g.node("Shape", [y]),
                              i64(g, [9, 9, 9, 9])])
    y = g.node("Expand", [y, wanted])
    g.output(g.q(y, sx, 1), T.INT8)
    record("reckoned_shapes", rng, g, [([1, 8, 3, 4], sx, 1, np.int8)])
    # Weights that are reckoned: transposed, sliced, scaled, and quantised at the end.
    g = Graph(17)
    x = g.qdq(g.input([1, 6]), sx, 0)
    w = c(g, rng.normal(size=(4, 8)))
    w = g.node("Transpose", [g.node("Mul", [w, c(g, rng.uniform(0.5, 2, (4, 1)))])], perm=[1, 0])
    w = g.node("Slice", [w, i64(g, [1]), i64(g, [7]), i64(g, [0])])
    w = g.node("Clip", [w, c(g, -1.25), c(g, 1.25)])
    y = g.node("MatMul", [x, g.qdq(w, F32(0.01), 0)])
    g.output(g.q(y, F32(float(sx) * 3), 0), T.INT8)
    record("reckoned_weights", rng, g, [([1, 6], sx, 0, np.int8)])
    # What nothing reads may be anything.
    g = Graph(17)
    x = g.qdq(g.input([1, 6]), sx, 0)
    g.constants.append(h.make_tensor("words", T.STRING, [2], [b"a", b"b"]))
    g.constants.append(nh.from_array(np.zeros((0, 4), np.float32), "nothing"))
    g.inputs.append(h.make_tensor_value_info("unused", T.FLOAT, ["n", "m"]))
    g.node("StringNormalizer", ["words"])
    g.output(g.q(g.node("Relu", [x]), sx, 0), T.INT8)
    g.nodes = [n for n in g.nodes if n.op_type != "StringNormalizer"]
    del g.inputs[1:]
    record("unused", rng, g, [([1, 6], sx, 0, np.int8)])
    # A constant joined with what is reckoned.
    for index, quantised in enumerate([False, True]):
        g = Graph(17)
        x = g.qdq(g.input([1, 2, 3, 3]), sx, 2)
        k = c(g, rng.normal(size=(1, 1, 3, 3)))
        y = g.node("Concat", [x, g.qdq(k, sx, 2) if quantised else k], axis=1)
        g.output(g.q(y, sx if quantised else F32(0.05), 2), T.INT8)
        record(f"concat_constant_{index}", rng, g, [([1, 2, 3, 3], sx, 2, np.int8)])
    # Elements in a file beside the model.
    g = Graph(17)
    x = g.qdq(g.input([1, 24]), sx, 0)
    w = rng.integers(-127, 128, (24, 40)).astype(np.int8)
    y = g.node("MatMul", [x, g.dq(g.constant(w), F32(0.02), 0)])
    g.output(g.q(y, F32(float(sx) * 0.02 * 500), 2), T.INT8)
    record("external_data", rng, g, [([1, 24], sx, 0, np.int8)])
    model = onnx.load(f"{FOLDER}/external_data.onnx")
    onnx.save_model(model, f"{FOLDER}/external_data.onnx", save_as_external_data=True, location="external_data.bin",
                    size_threshold=64)


# ---------------------------------------------------------------- QONNX: bipolar and narrow, the zoo's kinds

class Q(Graph):
    def bipolar(self, x, scale=1.0):
        return self.node("BipolarQuant", [x, c(self, scale)], domain="qonnx.custom_op.general")

    def batchnorm(self, rng, x, channels, spread=1.0):
        gain = rng.uniform(0.3, 2, channels) * rng.choice([-1, 1, 1], channels)
        values = (gain, rng.normal(size=channels), rng.normal(size=channels) * spread, rng.uniform(0.5, 2, channels))
        return self.node("BatchNormalization", [x] + [c(self, v) for v in values])


def qonnx_record(name, g, codes, scale, out_scale, out_bits, zero=0.0):
    model = g.model()
    reals = qonnx_reference(model, [(codes * scale).astype(F32)])[0]
    made = np.rint(reals.astype(np.float64) / out_scale + zero)
    assert np.abs(made - (reals.astype(np.float64) / out_scale + zero)).max() < 1e-3, name
    save(name, model, [codes], [made.astype(code_type(max(out_bits, 2), 1 if made.min() < 0 else 0))])


def zoo(rng):
    bits = lambda shape, low, high: rng.integers(low, high + 1, shape).astype(np.int8)
    # TFC: dense layers with bipolar or 2-bit weights and activations, BatchNorm in between.
    for index, kind in enumerate(["w1a1", "w1a2", "w2a2"]):
        g = Q(13)
        x = g.input([1, 24])
        bipolar_input = kind == "w1a1"
        y = g.bipolar(x) if bipolar_input else g.quant(x, 0.5, 2, 1, 1)
        for inputs, outputs in [(24, 16), (16, 12)]:
            w = c(g, rng.normal(size=(inputs, outputs)))
            w = g.quant(w, 1.0, 2, 1, 1) if kind == "w2a2" else g.bipolar(w)
            y = g.batchnorm(rng, g.node("MatMul", [y, w]), outputs, 3)
            y = g.bipolar(y) if kind == "w1a1" else g.quant(y, 0.5, 2, 1, 1)
        y = g.node("MatMul", [y, g.bipolar(c(g, rng.normal(size=(12, 5))))])
        g.output(g.quant(y, 0.5, 8))
        codes = rng.choice([-1, 1], (16, 1, 24)).astype(np.int8) if bipolar_input else bits((16, 1, 24), -1, 1)
        qonnx_record(f"zoo_tfc_{kind}", g, codes, 1.0 if bipolar_input else 0.5, 0.5, 8)
    # CNV: 8-bit input, convolutions without padding, max pools, dense layers.
    for index, kind in enumerate(["w1a1", "w2a2"]):
        g = Q(13)
        y = g.quant(g.input([1, 3, 10, 10]), 2.0 ** -7, 8)
        channels = 3
        for outputs, pool in [(6, False), (8, True), (8, False)]:
            w = c(g, rng.normal(size=(outputs, channels, 3, 3)))
            y = g.node("Conv", [y, g.bipolar(w) if kind == "w1a1" else g.quant(w, 1.0, 2, 1, 1)])
            y = g.batchnorm(rng, y, outputs, 2)
            y = g.bipolar(y) if kind == "w1a1" else g.quant(y, 1.0, 2, 1, 1)
            if pool:
                y = g.node("MaxPool", [y], kernel_shape=[2, 2], strides=[2, 2])
            channels = outputs
        y = g.node("Flatten", [y])
        y = g.node("MatMul", [y, g.bipolar(c(g, rng.normal(size=(8, 4))))])
        g.output(g.quant(y, 1.0, 8))
        qonnx_record(f"zoo_cnv_{kind}", g, bits((8, 1, 3, 10, 10), -128, 127), 2.0 ** -7, 1.0, 8)
    # Jet tagging: Gemm, BatchNorm, Quant, Relu.
    g = Q(13)
    y = g.quant(g.input([1, 16]), 2.0 ** -5, 8)
    for inputs, outputs in [(16, 20), (20, 12), (12, 5)]:
        w = g.quant(c(g, rng.normal(size=(outputs, inputs)) * 0.4), 2.0 ** -4, 6, 1, 1)
        b = g.quant(c(g, rng.normal(size=outputs) * 0.4), 2.0 ** -6, 8)
        y = g.node("Gemm", [y, w, b], transB=1)
        y = g.node("Relu", [g.quant(y, 2.0 ** -3, 6)]) if outputs > 5 else g.quant(y, 2.0 ** -5, 8)
    g.output(y)
    qonnx_record("zoo_jets", g, bits((16, 1, 16), -128, 127), 2.0 ** -5, 2.0 ** -5, 8)
    # Network security: bipolar inputs, 2-bit weights.
    g = Q(13)
    y = g.bipolar(g.input([1, 40]))
    for inputs, outputs in [(40, 16), (16, 16), (16, 1)]:
        y = g.node("MatMul", [y, g.quant(c(g, rng.normal(size=(inputs, outputs))), 1.0, 2, 1, 1)])
        if outputs > 1:
            y = g.quant(g.node("Relu", [g.batchnorm(rng, y, outputs)]), 0.5, 2, 0)
    g.output(g.bipolar(g.node("Add", [y, c(g, 0.25)])))
    qonnx_record("zoo_security", g, rng.choice([-1, 1], (16, 1, 40)).astype(np.int8), 1.0, 1.0, 2)
    # Bipolar activations behind everything that makes real values, with scales that are no powers of two.
    for index, kind in enumerate(["codes", "average", "concat", "bias", "onebit"]):
        g = Q(13)
        x = g.quant(g.input([1, 4, 6, 6]), 0.3, 6)
        scale = [0.7, 1.0][index % 2]
        if kind == "codes":
            y = g.node("Add", [x, c(g, -1.1)])
        elif kind == "average":
            # No average comes to zero either.
            y = g.node("Add", [g.node("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2]), c(g, 0.0123)])
        elif kind == "concat":
            y = g.node("Concat", [g.node("Add", [x, c(g, 0.4)]), x], axis=1)
        elif kind == "bias":
            w = g.quant(c(g, rng.normal(size=(5, 4, 3, 3))), 0.11, 4)
            y = g.batchnorm(rng, g.node("Conv", [x, w, c(g, rng.normal(size=5))]), 5)
        else:
            # No sum comes to zero, where single precision may lose the sign.
            bias = c(g, rng.normal(size=5) + 0.0123)
            y = g.node("Conv", [x, g.bipolar(c(g, rng.normal(size=(5, 4, 2, 2))), 0.37), bias])
        y = g.quant(y, scale, 1) if kind == "onebit" else g.bipolar(y, scale)
        g.output(y)
        qonnx_record(f"bipolar_{kind}", g, bits((12, 1, 4, 6, 6), -32, 31), 0.3, scale, 2)
    # Narrow codes of an input: what lies outside becomes the nearest.
    g = Q(13)
    g.output(g.quant(g.node("Relu", [g.quant(g.input([1, 12]), 0.25, 4, 1, 1)]), 0.5, 4, 0))
    qonnx_record("narrow_input", g, bits((12, 1, 12), -8, 7), 0.25, 0.5, 4)


def real_outputs(rng):
    """Networks that end without a quantiser: their codes are the sums, or what a power of two divides into 16 bits."""
    def finish(name, g, codes, scale, unit):
        exact = qonnx_reference(g.model(), [(codes * scale).astype(F32)])[0].astype(np.float64) / float(F32(unit))
        whole = np.floor(exact)
        exact = np.where(np.abs(exact - whole - 0.5) < 2.0 ** -6, whole + 0.5, exact)
        save(name, g.model(), [codes], [np.rint(exact).astype(np.int32)], exact)

    codes = rng.integers(-128, 128, (16, 1, 12)).astype(np.int8)
    for kind in ["sums", "factor", "sigmoid", "long"]:
        g = Q(13)
        scale, step = F32(0.021), F32(0.13)
        x = g.quant(g.input([1, 12]), scale, 8)
        y = g.node("MatMul", [x, g.quant(c(g, rng.integers(-8, 8, (12, 5)) * step), step, 4)])
        unit = float(scale) * float(step)
        if kind == "factor":
            y, unit = g.node("Mul", [y, c(g, 0.75)]), unit * 0.75
        elif kind == "sigmoid":
            y, unit = g.node("Sigmoid", [g.quant(y, 0.25, 8)]), 2.0 ** -14
        elif kind == "long":
            # Sums that 16 bits do not hold.
            y = g.quant(y, 0.5, 8)
            y = g.node("MatMul", [y, g.quant(c(g, rng.integers(-120, 121, (5, 4)) * F32(0.01)), F32(0.01), 8)])
            unit = 0.5 * float(F32(0.01))
        g.output(y)
        finish(f"real_output_{kind}", g, codes, scale, unit)


def linear_resizes(rng):
    """To any size, in every mode: ONNX Runtime reckons the places in single precision, near 2^-10 of a code."""
    cases = [
        ("align_corners", (1, 2, 4, 5), None, [1, 2, 7, 9]), ("align_corners", (1, 3, 6, 4), None, [1, 3, 3, 11]),
        ("align_corners", (1, 2, 5, 1), None, [1, 2, 1, 3]), ("half_pixel", (1, 2, 4, 6), None, [1, 2, 6, 9]),
        ("half_pixel", (1, 2, 5, 3), [1, 1, 1.5, 3], None), ("pytorch_half_pixel", (1, 2, 6, 6), None, [1, 2, 1, 4]),
        ("asymmetric", (1, 2, 3, 4), None, [1, 2, 5, 10]), ("half_pixel", (1, 4, 9), None, [1, 4, 6]),
        ("half_pixel_symmetric", (1, 2, 4, 4), [1, 1, 1.25, 2.5], None), ("align_corners", (1, 2, 8, 8), [1, 1, 2, 2], None),
        ("half_pixel", (1, 1, 12, 10), None, [1, 1, 5, 4]), ("align_corners", (2, 1, 3, 3), None, [2, 1, 5, 5]),
    ]
    for index, (mode, shape, scales, sizes) in enumerate(cases):
        one(f"resizebetween_{mode}_{index}", rng, lambda g, x: g.node(
            "Resize", [x, "", c(g, scales)] if scales else [x, "", "", i64(g, sizes)], mode="linear",
            coordinate_transformation_mode=mode), dtype=kinds(index), shape=shape, opset=19,
            scale="same" if index % 3 == 0 else None, count=8)


def joined_functions(rng):
    """Functions of one tensor that come together again, with no quantiser in between."""
    def softplus(g, x):
        y = g.node("Log", [g.node("Add", [g.node("Exp", [x]), c(g, 1)])])
        return g.node("Where", [g.node("Greater", [x, c(g, 2.5)]), x, y])

    def gelu(g, x):
        y = g.node("Add", [g.node("Erf", [g.node("Div", [x, c(g, 2 ** 0.5)])]), c(g, 1)])
        return g.node("Mul", [g.node("Mul", [x, y]), c(g, 0.5)])

    def swish(g, x):
        y = g.node("Clip", [g.node("Add", [x, c(g, 3)]), c(g, 0), c(g, 6)])
        return g.node("Div", [g.node("Mul", [x, y]), c(g, 6)])

    def shrunk(g, x):
        y = g.node("Where", [g.node("Less", [x, c(g, -0.4)]), g.node("Add", [x, c(g, 0.4)]), c(g, 0)])
        return g.node("Where", [g.node("GreaterOrEqual", [x, c(g, 0.4)]), g.node("Sub", [x, c(g, 0.4)]), y])

    def quotient(g, x):
        return g.node("Div", [g.node("Sub", [x, c(g, 0.3)]), g.node("Add", [g.node("Abs", [x]), c(g, 0.7)])])

    builds = {
        "silu": lambda g, x: g.node("Mul", [x, g.node("Sigmoid", [x])]), "softplus": softplus, "gelu": gelu, "swish": swish,
        "shrunk": shrunk, "quotient": quotient, "tanhshrink": lambda g, x: g.node("Sub", [x, g.node("Tanh", [x])]),
        "mish": lambda g, x: g.node("Mul", [x, g.node("Tanh", [g.node("Softplus", [x])])]),
        "softsign": lambda g, x: g.node("Softsign", [x]), "sign": lambda g, x: g.node("Sign", [x]),
        "thresholded": lambda g, x: g.node("ThresholdedRelu", [x], alpha=0.35),
        "square": lambda g, x: g.node("Mul", [g.node("Add", [x, c(g, 0.2)]), g.node("Sub", [x, c(g, 0.1)])]),
    }
    for index, (name, build) in enumerate(builds.items()):
        one(f"joined_{name}", rng, build, shape=(1, 16, 16), dtype=kinds(index), near=2.0 ** -9)
    # Choices between tensors, by a function, by a mask whose other side is infinite, by one that broadcasts.
    for index, kind in enumerate(["tensors", "mask", "broadcast"]):
        dtype = kinds(index)
        g = Graph(17)
        sa, sb, za, zb, zy = scale_of(rng), scale_of(rng), zero_of(rng, dtype), zero_of(rng, dtype), zero_of(rng, dtype)
        inputs = [([1, 3, 4, 5], sa, za, dtype)]
        a = g.qdq(g.input([1, 3, 4, 5]), sa, za, dtype)
        if kind == "mask":
            y = g.node("Where", [c(g, rng.integers(0, 2, (4, 5)), np.bool_), a, c(g, -np.inf)])
        else:
            shape = [1, 3, 4, 5] if kind == "tensors" else [3, 1, 1]
            inputs.append((shape, sb, zb, dtype))
            b = g.qdq(g.input(shape), sb, zb, dtype)
            condition = g.node("Greater", [a, c(g, 0.1)]) if kind == "tensors" else g.node("LessOrEqual", [b, c(g, 0.05)])
            y = g.node("Where", [condition, b, a])
        g.output(g.q(y, F32(max(sa, sb) * 1.1), zy, dtype), NUMBER[dtype])
        record(f"where_{kind}", rng, g, inputs)
    # What moves codes behind functions that no quantiser follows.
    moved = {
        "slice": lambda g, y: g.node("Slice", [y, i64(g, [1, 0]), i64(g, [3, 4]), i64(g, [1, 3]), i64(g, [1, 2])]),
        "gather": lambda g, y: g.node("Gather", [y, i64(g, [2, 0])], axis=1),
        "nearest": lambda g, y: g.node("Resize", [y, "", c(g, [1, 1, 2, 3])], mode="nearest"),
        "blocks": lambda g, y: g.node("DepthToSpace", [y], blocksize=2),
        "transpose": lambda g, y: g.node("Transpose", [y], perm=[0, 2, 3, 1]),
        "tile": lambda g, y: g.node("Tile", [y, i64(g, [1, 1, 2, 1])]),
        "split": lambda g, y: g.node("Concat", g.node("Split", [y], outputs=2, axis=1, num_outputs=2)[::-1], axis=1),
    }
    for index, (name, build) in enumerate(moved.items()):
        one(f"behind_{name}", rng, lambda g, x: build(g, g.node(
            "Elu", [g.node("PRelu", [x, c(g, [0.3])])], alpha=0.8) if index % 2 else g.node("Tanh", [x])),
            shape=(1, 4, 3, 5), dtype=kinds(index), opset=18)


def more(rng):
    for index, (exclusive, reverse, axis) in enumerate([(0, 0, 1), (1, 0, 2), (0, 1, -1), (1, 1, 1)]):
        one(f"cumsum_{index}", rng, lambda g, x: g.node(
            "CumSum", [x, i64(g, axis)], exclusive=exclusive, reverse=reverse), shape=(1, 4, 3, 5), dtype=kinds(index),
            near=2.0 ** -8)
    for index, (starts, ends, axes, steps) in enumerate([
        ([-1], [-2 ** 63], [2], [-1]), ([3, 0], [0, 4], [1, 3], [-2, 3]), ([10, -1], [-10, -4], [1, 3], [-1, -1])]):
        one(f"slice_backwards_{index}", rng, lambda g, x: g.node(
            "Slice", [x, i64(g, starts), i64(g, ends), i64(g, axes), i64(g, steps)]), shape=(1, 4, 3, 5),
            dtype=kinds(index), scale="same")


def written_out(rng):
    """Softmax and normalisations as single operators, each quantised."""
    def softmax(g, x):
        y = g.qdq(g.node("Sub", [x, g.node("ReduceMax", [x], axes=[-1])]), 0.05, 120)
        y = g.qdq(g.node("Exp", [y]), 1 / 120, -128)
        total = g.qdq(g.node("ReduceSum", [y, i64(g, [-1])]), 0.04, -128)
        return g.node("Mul", [y, g.qdq(g.node("Reciprocal", [total]), 0.008, -128)])

    def normalised(axes):
        def build(g, x):
            y = g.qdq(g.node("Sub", [x, g.qdq(g.node("ReduceMean", [x], axes=axes), 0.031, 3)]), 0.033, -2)
            z = g.qdq(g.node("ReduceMean", [g.qdq(g.node("Mul", [y, y]), 0.07, -128)], axes=axes), 0.05, -128)
            z = g.qdq(g.node("Sqrt", [g.node("Add", [z, c(g, 1e-5)])]), 0.021, -128)
            z = g.qdq(g.node("Reciprocal", [g.node("Add", [z, c(g, 0.05)])]), 0.08, -128)
            y = g.qdq(g.node("Mul", [y, z]), 0.04, 1)
            gain = g.qdq(g.node("Mul", [y, c(g, rng.uniform(0.5, 1.5, (3, 1) if axes == [-1] else (3, 1, 1)))]), 0.05, 0)
            return g.node("Add", [gain, c(g, rng.normal(size=(3, 1) if axes == [-1] else (3, 1, 1)))])
        return build

    # Ties of quantisers inside are the last one's, many codes away: such a model's scales keep clear of them.
    one("written_out_softmax", rng, softmax, shape=(1, 3, 7), near=2.0 ** -8)
    one("written_out_layernorm", rng, normalised([-1]), shape=(1, 3, 9), near=2.0 ** -8)
    one("written_out_instancenorm", rng, normalised([2, 3]), shape=(1, 3, 4, 5), near=2.0 ** -8)


def rectified_outputs(rng):
    """A ReLU behind the last sums, which no quantiser follows: whole biases, real ones, none; dense layers, convolutions."""
    for index in range(6):
        g = Q(13)
        scale, step = F32(0.021), F32([0.13, 0.0625][index % 2])
        shape = [1, 12] if index < 4 else [1, 3, 5, 5]
        x = g.quant(g.input(shape), scale, 8)
        shapes = (12, 5) if index < 4 else (4, 3, 3, 3)
        w = g.quant(c(g, rng.integers(-100, 101, shapes) * step), step, 8)
        y = g.node("MatMul" if index < 4 else "Conv", [x, w])
        bias = rng.normal(size=(5,) if index < 4 else (4, 1, 1)) * 3
        if index % 3 == 1:
            bias = g.quant(c(g, bias), F32(scale * step), 24)
        if index % 3:
            y = g.node("Add", [y, c(g, bias) if index % 3 == 2 else bias])
        g.output(g.node("Relu", [y]))
        codes = vectors(rng, 12, tuple(shape), -128, 127, np.int8)
        # In fractions, since single precision is coarser than accumulators.
        exact = np.stack([exact_evaluator.exactly(g.model(), v)[0] for v in codes]).astype(np.float64)
        save(f"accumulators_rectified_{index}", g.model(), [codes], [exact])


def zoo_ends(rng):
    """What stands in front of the zoo's networks, and behind them."""
    def finish(name, g, codes, scale):
        """Real outputs, as a double holds them."""
        model = g.model()
        made = qonnx_reference(model, [(codes * scale).astype(F32)])[0].astype(np.float64)
        save(name, model, [codes], [made])

    bits = lambda shape, low, high: rng.integers(low, high + 1, shape).astype(np.int8)
    # TFC: pixels of 0 … 1 become −1 … 1 in front; a scale and an offset for all classes behind.
    g = Q(13)
    x = g.node("Sub", [g.node("Mul", [g.input([1, 1, 6, 6]), c(g, 2)]), c(g, 1)])
    y = g.node("Reshape", [g.bipolar(x), i64(g, [1, 36])])
    for outputs in (16, 10):
        y = g.node("MatMul", [y, g.bipolar(c(g, rng.normal(size=(36 if outputs == 16 else 16, outputs))))])
        y = g.bipolar(g.batchnorm(rng, y, outputs, 3)) if outputs == 16 else y
    g.output(g.node("Add", [g.node("Mul", [y, c(g, 0.37)]), c(g, -1.3)]))
    codes = rng.choice([-1, 1], (16, 1, 1, 6, 6)).astype(np.int8)
    model = g.model()
    made = qonnx_reference(model, [((codes + 1) / 2).astype(F32)])[0].astype(np.float64)
    save("zoo_tfc_ends", model, [codes], [made])
    # CNV: a narrow 8-bit input, and the class alone as the output.
    g = Q(13)
    y = g.quant(g.input([1, 3, 8, 8]), 2.0 ** -7, 8, 1, 1)
    y = g.batchnorm(rng, g.node("Conv", [y, g.bipolar(c(g, rng.normal(size=(6, 3, 3, 3))))]), 6, 2)
    y = g.node("MaxPool", [g.bipolar(y)], kernel_shape=[2, 2], strides=[2, 2])
    y = g.node("MatMul", [g.node("Flatten", [y]), g.bipolar(c(g, rng.normal(size=(54, 4))))])
    y = g.quant(y, 2.0, 8)
    g.output(y)
    codes = bits((8, 1, 3, 8, 8), -127, 127)
    reals = qonnx_reference(g.model(), [(codes * 2.0 ** -7).astype(F32)])[0]
    g.outputs = []
    values, indices = g.node("TopK", [y, i64(g, [1])], outputs=2, axis=-1)
    g.output(indices, T.INT64)
    save("zoo_cnv_ends", g.model(), [codes], [np.rint(reals / 2.0).astype(np.int8)])
    # Jet tagging: softmax behind the last quantiser.
    g = Q(13)
    y = g.quant(g.input([1, 16]), 2.0 ** -5, 8)
    y = g.node("Gemm", [y, g.quant(c(g, rng.normal(size=(5, 16)) * 0.4), 2.0 ** -4, 6, 1, 1)], transB=1)
    y = g.quant(y, 2.0 ** -4, 8)
    g.output(y)
    codes = bits((12, 1, 16), -128, 127)
    reals = qonnx_reference(g.model(), [(codes * 2.0 ** -5).astype(F32)])[0]
    g.outputs = []
    g.output(g.node("Softmax", [y], axis=-1))
    save("zoo_jets_ends", g.model(), [codes], [np.rint(reals * 16).astype(np.int8)])
    # Network security: one output, −1 or 1, as 0 or 1.
    g = Q(13)
    y = g.bipolar(g.input([1, 40]))
    y = g.node("MatMul", [y, g.quant(c(g, rng.normal(size=(40, 12))), 1.0, 2, 1, 1)])
    y = g.quant(g.node("Relu", [g.batchnorm(rng, y, 12)]), 0.5, 2, 0)
    y = g.node("Add", [g.node("MatMul", [y, g.quant(c(g, rng.normal(size=(12, 1))), 1.0, 2, 1, 1)]), c(g, 0.25)])
    g.output(g.node("Div", [g.node("Add", [g.bipolar(y), c(g, 1)]), c(g, 2)]))
    finish("zoo_security_ends", g, rng.choice([-1, 1], (16, 1, 40)).astype(np.int8), 1.0)


def refused(rng):
    os.makedirs(f"{FOLDER}/unsupported", exist_ok=True)

    def refuse(name, build, shape=(1, 4), opset=17, has_shapes=True):
        g = Graph(opset)
        y = build(g, g.input(list(shape)))
        g.output(y)
        # With the shapes that exporters write down.
        model = onnx.shape_inference.infer_shapes(g.model()) if has_shapes else g.model()
        onnx.save(model, f"{FOLDER}/unsupported/{name}.onnx")

    def many(g, x):
        """Faults of five kinds one behind the other, some of which only lowering finds."""
        y = g.qdq(x, 0.1, 0)
        for _ in range(3):
            y = g.qdq(g.node("Atan", [y]), 0.1, 0)
        y = g.qdq(g.node("LogSoftmax", [y]), 0.1, 0)
        y = g.qdq(g.node("Softmax", [y]), 2.0, 0)
        y = g.qdq(g.node("MatMul", [y, c(g, np.eye(4))]), 0.001, 0)
        y = g.qdq(g.node("LpNormalization", [y], p=1), 0.01, 0)
        return g.qdq(g.node("Relu", [y]), 0.01, 0)

    def hidden(g, x):
        """Faults of five kinds, each behind another whose result's shape no one tells."""
        y = g.qdq(x, 0.1, 0)
        y = g.qdq(g.node("Einsum", [y], equation="abcd->acbd"), 0.1, 0)
        y = g.qdq(g.node("Resize", [y, "", c(g, [1, 1, 2, 2])], mode="cubic"), 0.1, 0)
        y = g.qdq(g.node("MaxPool", [y], kernel_shape=[2, 2], dilations=[2, 2]), 0.1, 0)
        y = g.node("Pad", [y, i64(g, [0, 0, 1, 1, 0, 0, 1, 1])], mode="other")
        y = g.qdq(g.node("Relu", [g.node("GRU", [y, c(g, np.ones((1, 3, 4))), c(g, np.ones((1, 3, 1)))], hidden_size=1)]), 0.1, 0)
        return g.qdq(g.node("Relu", [y]), 0.1, 0)

    def hidden_quants(g, x):
        """Faults of five kinds of QONNX, and layers between them that have none of their own."""
        y = g.quant(x, 0.1, 8)
        y = g.quant(g.node("Atan", [y]), 0.1, 8, mode="STOCHASTIC")
        y = g.quant(g.node("Relu", [y]), 0.1, 24)
        y = g.node("Trunc", [y] + [c(g, v) for v in (0.1, 0, 8, 4)], domain="qonnx.custom_op.general")
        y = g.quant(g.node("Add", [y, g.constant(np.ones(4, np.complex64))]), 0.1, 8)
        y = g.quant(g.node("MatMul", [y, g.quant(c(g, np.eye(4)), 1.0, 4)]), 0.1, 8)
        return g.quant(g.node("Relu", [y]), 0.1, 8)
    refuse("hidden_quant_faults", hidden_quants, has_shapes=False)
    refuse("hidden_faults", hidden, shape=(1, 2, 6, 6), has_shapes=False)
    refuse("many_faults", many, opset=21)
    refuse("all_float", lambda g, x: g.node("Relu", [g.node("MatMul", [x, c(g, np.eye(4))])]))
    refuse("resize_cubic", lambda g, x: g.qdq(
        g.node("Resize", [g.qdq(x, 0.1, 0), "", c(g, [1, 1, 3, 3])], mode="cubic"), 0.1, 0), shape=(1, 2, 3, 3))
    refuse("resize_too_fine", lambda g, x: g.qdq(
        g.node("Resize", [g.qdq(x, 0.1, 0), "", c(g, [1, 1, 1.7, 3.1])], mode="linear"), 0.1, 0), shape=(1, 2, 3, 3))
    refuse("resize_behind_function", lambda g, x: g.qdq(g.node("Resize", [
        g.node("Elu", [g.qdq(x, 0.1, 0)]), "", c(g, [1, 1, 2, 2])], mode="linear"), 0.1, 0), shape=(1, 2, 3, 3))
    refuse("large_integers", lambda g, x: g.qdq(g.node("Reshape", [g.qdq(x, 0.1, 0), g.node("Concat", [
        i64(g, [1]), g.node("Sub", [i64(g, [2 ** 53 + 5]), i64(g, [2 ** 53 + 1])])], axis=0)]), 0.1, 0))
    refuse("compared_tensors", lambda g, x: g.qdq(g.node("Where", [g.node("Greater", [
        g.qdq(x, 0.1, 0), g.qdq(g.node("Neg", [g.qdq(x, 0.1, 0)]), 0.2, 0)]), g.qdq(x, 0.1, 0), c(g, 0)]), 0.1, 0))
    refuse("input_twice", lambda g, x: g.qdq(g.node("Add", [
        g.qdq(x, 0.1, 0), g.qdq(g.node("Mul", [x, c(g, 2.0)]), 0.1, 0)]), 0.2, 0))


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    rng = np.random.default_rng(15)
    for group in (pools, reductions, two, moves, transposed, functions, quantisers, constants, zoo, real_outputs, refused):
        group(rng)
    for seed, group in enumerate((linear_resizes, joined_functions, written_out, zoo_ends, rectified_outputs, more)):
        group(np.random.default_rng(100 + seed))
    subprocess.run(["tar", "czf", "operators.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C",
                    FOLDER, "."], check=True)
