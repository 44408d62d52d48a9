#!/usr/bin/env python3
"""Makes exact.tar.gz: graphs whose constants must not be rounded, and their codes in exact rational arithmetic
(exact_evaluator.py); see README.md.

  python3 make_exact.py FOLDER [MODEL.onnx …]     writes the files to FOLDER and packs them; models are taken in as they are
"""
import os, subprocess, sys

import numpy as np
import onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

from exact_evaluator import evaluate

F = np.float32
QUANT = "qonnx.custom_op.general"


class Graph:
    def __init__(self, shape, kind=T.FLOAT):
        self.nodes, self.constants, self.count, self.shape, self.kind = [], [], 0, shape, kind

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def constant(self, array):
        name = self.name()
        self.constants.append(nh.from_array(np.asarray(array), name))
        return name

    def node(self, kind, inputs, domain="", **attributes):
        name = self.name()
        self.nodes.append(h.make_node(kind, inputs, [name], domain=domain, **attributes))
        return name

    def quant(self, x, scale, zero, bits, signed=1, narrow=0, mode="ROUND"):
        return self.node("Quant", [x] + [self.constant(np.asarray(v, F)) for v in (scale, zero, bits)], domain=QUANT,
                         signed=signed, narrow=narrow, rounding_mode=mode)

    def q(self, x, scale, zero, dtype=np.int8):
        return self.node("QuantizeLinear", [x, self.constant(F(scale)), self.constant(dtype(zero))])

    def dq(self, x, scale, zero, dtype=np.int8, **attributes):
        return self.node("DequantizeLinear", [x, self.constant(np.asarray(scale, F)),
                                              self.constant(np.asarray(zero, dtype))], **attributes)

    def qdq(self, x, scale, zero):
        return self.dq(self.q(x, scale, zero), scale, zero)

    def model(self, output):
        kind = T.FLOAT if self.nodes[-1].op_type == "Quant" else T.INT8
        graph = h.make_graph(self.nodes, "graph", [h.make_tensor_value_info("x", self.kind, self.shape)],
                             [h.make_tensor_value_info(output, kind, None)], self.constants)
        return h.make_model(graph, opset_imports=[h.make_opsetid("", 13), h.make_opsetid(QUANT, 1),
                                                  h.make_opsetid("com.microsoft", 1)], ir_version=8, producer_name="")


def scale_of(rng):
    kind = rng.random()
    if kind < 0.25:
        return F(2.0 ** int(rng.integers(-7, -1)))
    if kind < 0.5:
        return F(rng.choice([0.1, 0.05, 0.02, 0.01, 0.3, 0.04, 0.08]))
    return F(rng.uniform(0.01, 0.3))


def random_graph(rng):
    """A layer or codes alone, then constants, then a quantiser."""
    is_qonnx = rng.random() < 0.5
    kind = str(rng.choice(["codes", "elements", "dense", "long", "conv", "pool"]))
    bits = int(rng.integers(4, 9)) if is_qonnx else 8
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    shape = {"codes": [[1, 3, 2, 2], [1, 4]][int(rng.integers(0, 2))], "elements": [1, 2, 2, 3], "dense": [1, 6],
             "long": [1, 40], "conv": [1, 3, 3, 3], "pool": [1, 3, 4, 6]}[kind]
    g = Graph(shape)
    sx, zx = scale_of(rng), 0 if is_qonnx else int(rng.integers(-20, 20))
    y = g.quant("x", sx, zx, bits) if is_qonnx else g.qdq("x", sx, zx)
    unit, span, channels, axis = float(sx), float(sx) * 128, shape[1], 1
    if kind in ("dense", "long", "conv"):
        channels = 4
        sw = np.array([scale_of(rng) for _ in range(4)] if rng.random() < 0.5 else [scale_of(rng)] * 4, F)
        width = int(rng.integers(2, 9)) if is_qonnx else 8
        most = (1 << width - 1) - 1
        w = rng.integers(-most, most + 1, [4, 3, 2, 2] if kind == "conv" else [shape[1], 4])
        place = sw[:, None, None, None] if kind == "conv" else sw[None]
        if is_qonnx:
            w = g.quant(g.constant((w * place).astype(F)), place if len(set(sw)) > 1 else sw[0], 0, width)
        else:
            w = g.dq(g.constant(w.astype(np.int8)), sw, [0] * 4, axis=0 if kind == "conv" else 1)
        y = g.node("Conv" if kind == "conv" else "MatMul", [y, w])
        unit *= float(sw[0])
        span = unit * most * 128 * max(shape[1], 12) ** 0.5 / 2
    if kind == "pool":
        kernel = [[2, 2], [2, 3], [4, 6], [4, 3]][int(rng.integers(0, 4))]
        y = g.node("AveragePool", [y], kernel_shape=kernel, strides=kernel)
    rank = 2 if kind in ("dense", "long") else len(shape)
    spans_elements = False
    fewest = 0 if kind == "pool" or is_qonnx and kind not in ("codes", "elements") else 1
    for _ in range(int(rng.integers(fewest, 4 if kind in ("codes", "elements") else 3))):
        operator = str(rng.choice(["Add", "Sub", "Mul", "Div"] + ["BatchNormalization"] * (kind not in ("pool", "elements"))
                                  + ["Relu"] * (kind != "pool")))
        if operator == "Relu":
            y = g.node("Relu", [y])
            if kind not in ("codes", "elements"):
                break
            continue
        if operator == "BatchNormalization":
            scale, bias, mean = (rng.normal(size=channels) for _ in range(3))
            variance = rng.uniform(0.1, 3, channels)
            y = g.node(operator, [y] + [g.constant(v.astype(F)) for v in (scale, bias * span, mean * span, variance)])
            continue
        size = ([1] if rng.random() < 0.3 or spans_elements
                else [2, 1, 3] if kind == "elements" else [channels] + [1] * (rank - 2))
        spans_elements = spans_elements or size == [2, 1, 3]
        if operator in ("Add", "Sub"):
            k = rng.normal(size=size) * span * 0.3
            if rng.random() < 0.3:
                k = np.round(k / unit) * unit / 2
        else:
            k = rng.uniform(0.3, 2, size) * rng.choice([-1, 1], size)
        k = k.astype(F)
        if rng.random() < 0.3 and not is_qonnx:
            step = F(max(np.abs(k).max() / 100, 1e-4))
            codes = np.clip(np.round(k / step), -127, 127).astype(np.int8)
            codes[codes == 0] = 1
            k = g.dq(g.constant(codes), step, 0)
        else:
            k = g.constant(k)
        y = g.node(operator, [k, y] if operator != "Div" and rng.random() < 0.3 else [y, k])
        if operator in ("Mul", "Div"):
            unit, span = unit, span * 1.2
    bits = int(rng.integers(4, 9)) if is_qonnx else 8
    kind_of_scale = rng.random()
    sy = sx if kind == "pool" and kind_of_scale < 0.6 else scale_of(rng) if kind_of_scale < 0.2 else F(
        span / (1 << bits - 1) * rng.uniform(0.5, 1.3))
    zy = 0 if is_qonnx and rng.random() < 0.7 else int(rng.integers(-7, 7))
    if is_qonnx:
        y = g.quant(y, sy, zy, bits, mode=str(rng.choice(["ROUND", "ROUND", "FLOOR", "CEIL"])))
    else:
        y = g.q(y, sy, zy)
    codes = np.concatenate([rng.integers(low, high + 1, [4] + shape), np.full([1] + shape, low), np.full([1] + shape, high)])
    return kind, g.model(y), codes.astype(np.int8)


def save(folder, name, model, codes):
    onnx.save(model, f"{folder}/{name}.onnx")
    np.save(f"{folder}/{name}.input0.npy", codes)
    made = np.stack([evaluate(model, c) for c in codes])
    np.save(f"{folder}/{name}.output0.npy", made.astype(np.int8))


def every_code(shape, rng):
    """All 256 codes in each element, in an order of its own."""
    count = int(np.prod(shape))
    return np.stack([rng.permutation(256) - 128 for _ in range(count)], 1).reshape([256] + shape).astype(np.int8)


if __name__ == "__main__":
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for path in sys.argv[2:]:
        model = onnx.load(path)
        known = {t.name for t in model.graph.initializer}
        entry = next(i for i in model.graph.input if i.name not in known)
        shape = [d.dim_value for d in entry.type.tensor_type.shape.dim]
        codes = every_code(shape, np.random.default_rng(7))
        save(folder, "exact_" + os.path.splitext(os.path.basename(path))[0].lower(), model,
             codes if np.prod(shape) < 9 else codes[::6])
    for index in range(320):
        kind, model, codes = random_graph(np.random.default_rng(index))
        save(folder, f"exact_{kind}_{index}", model, codes)
    subprocess.run(["tar", "czf", "exact.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C",
                    folder, "."], check=True)
