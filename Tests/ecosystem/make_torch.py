"""Exports the networks of torch_networks.py, quantises them as ONNX Runtime's documentation tells, and asks ONNX Runtime what
they return: make_torch.py FOLDER [--wide] [NETWORK …]

With --wide, activations have 16 bits (torch16.tar.gz). Writes FOLDER/NAME.onnx, NAME.input0.npy …, NAME.output0.npy, NAME.ties0.npy [vectors, *shape], as Tests/ONNX/README.md says,
and packs them as Tests/ONNX/torch.tar.gz. Refused networks are beneath `unsupported`.

The codes are those of exact fractions (Tests/ONNX/exact_evaluator.py) where all operators have them, else ONNX Runtime's, which
runs the networks as the file says, without optimisations and saturating kernels. `ties` says by how much outputs
change where values beside a tie of any quantiser, up to 2^-10 of a code, go to its other side: it is found by moving what goes
into the quantisers up, down, and each its own way."""

import logging
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ONNX"))
import exact_evaluator  # noqa: E402
import torch_networks  # noqa: E402

VECTORS, NEAR, NEAR_WIDE, MOVES = 4, 2.0 ** -10, 2.0 ** -8, 24
# Both exporters, both formats, open batch and fixed, int8 and uint8 activations.
VARIANTS = [
    ("old", QuantFormat.QDQ, False, QuantType.QInt8, True), ("new", QuantFormat.QDQ, True, QuantType.QUInt8, False),
    ("old", QuantFormat.QOperator, True, QuantType.QUInt8, False), ("new", QuantFormat.QOperator, False, QuantType.QInt8, True),
]
# The same with 16-bit activations.
WIDE_VARIANTS = [
    ("old", QuantFormat.QDQ, True, QuantType.QUInt16, True), ("new", QuantFormat.QDQ, False, QuantType.QInt16, False),
]
REFUSED = {"lstm"}
# With 16-bit activations: linear resizing by odd factors, and Softmax between quantisers.
WIDE_REFUSED = REFUSED | {"corners", "transformer"}
# What ConvTranspose, Resize, Sub, Exp and others do has no QLinear operator: these are made with QDQ alone.
# A transformer in QLinear operators leaves the result of its last normalisation real, and averages it.
QDQ = {"transformer", "unet", "autoencoder", "upsampling", "corners", "written_out_transformer"}
# Where quantize_static is told to quantise every operator.
ALL = {"written_out_transformer", "functions"}


class Reader(CalibrationDataReader):
    def __init__(self, names, shapes, random):
        self.samples = iter(
            [{n: random.normal(size=(1, *s)).astype(np.float32) for n, s in zip(names, shapes)} for _ in range(12)])

    def get_next(self):
        return next(self.samples, None)


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def written_out(model):
    """The same with QuantizeLinear and DequantizeLinear around float operators in place of QLinear operators."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    nodes, count = [], 0

    def add(kind, inputs, outputs=None, **attributes):
        nonlocal count
        count += 1
        outputs = outputs or [f"written_out_{count}"]
        nodes.append(helper.make_node(kind, inputs, outputs, **attributes))
        return outputs[0]

    real = lambda i, at: add("DequantizeLinear", [i[at], i[at + 1], i[at + 2]])
    for node in model.graph.node:
        i, kind = list(node.input), node.op_type
        kept = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if kind == "QLinearConv":
            x, w = real(i, 0), add("DequantizeLinear", i[3:6], axis=0)
            inputs = [x, w]
            if len(i) > 8:
                # Biases are in units of both scales.
                inputs.append(add("Mul", [add("Cast", [i[8]], to=1), add("Mul", [i[1], i[4]])]))
            y = add("Conv", inputs, **kept)
            at = 6
        elif kind == "QLinearMatMul":
            y, at = add("MatMul", [real(i, 0), add("DequantizeLinear", i[3:6], axis=1)]), 6
        elif kind == "QGemm":
            inputs = [real(i, 0), add("DequantizeLinear", i[3:6], axis=0 if kept.get("transB") else 1)]
            if i[6]:
                inputs.append(add("Mul", [add("Cast", [i[6]], to=1), add("Mul", [i[1], i[4]])]))
            y, at = add("Gemm", inputs, **kept), 7
        elif kind in ("QLinearAdd", "QLinearMul"):
            y, at = add(kind[7:], [real(i, 0), real(i, 3)]), 6
        elif kind in ("QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearSigmoid", "QLinearLeakyRelu"):
            kept.pop("channels_last", None)
            y, at = add(kind[7:], [real(i, 0)], **kept), 3
        elif kind == "QLinearSoftmax":
            y, at = add("Softmax", [real(i, 0)], axis=kept.get("axis", -1)), 3
        elif kind == "QLinearConcat":
            y, at = add("Concat", [real(i, p) for p in range(2, len(i), 3)], axis=kept["axis"]), 0
        else:
            nodes.append(node)
            continue
        add("QuantizeLinear", [y, i[at], i[at + 1]], [node.output[0]])
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def moved(model, random, kind):
    """The network with what goes into its quantisers moved by 2^-10 of a code."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    entries = {i.name for i in model.graph.input}
    nodes = []
    for index, node in enumerate(model.graph.node):
        if node.op_type == "QuantizeLinear" and node.input[0] not in constants and node.input[0] not in entries:
            # Single precision leaves 16-bit codes fewer bits.
            is_wide = len(node.input) > 2 and constants[node.input[2]].dtype.itemsize > 1
            by = (NEAR_WIDE if is_wide else NEAR) * float(constants[node.input[1]])
            noise = np.full(4096, by) if kind == 0 else np.full(4096, -by) if kind == 1 else by * random.choice([-1, 1], 4096)
            names = [f"moved_{index}_{k}" for k in range(5)]
            made.graph.initializer.append(numpy_helper.from_array(noise.astype(np.float32), names[0]))
            made.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), names[1]))
            nodes.append(helper.make_node("Shape", [node.input[0]], [names[2]]))
            nodes.append(helper.make_node("Size", [node.input[0]], [names[2] + "n"]))
            made.graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), names[1] + "s"))
            nodes.append(helper.make_node("Reshape", [names[2] + "n", names[1] + "s"], [names[2] + "v"]))
            nodes.append(helper.make_node("Slice", [names[0], names[1], names[2] + "v"], [names[3]]))
            nodes.append(helper.make_node("Reshape", [names[3], names[2]], [names[4]]))
            nodes.append(helper.make_node("Add", [node.input[0], names[4]], [names[4] + "x"]))
            copy = onnx.NodeProto()
            copy.CopyFrom(node)
            copy.input[0] = names[4] + "x"
            nodes.append(copy)
        else:
            nodes.append(node)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def last_codes(model):
    """The codes that the network's output is made of; what is left to the caller behind them is passed by."""
    makers = {node.output[0]: node for node in model.graph.node}
    name = model.graph.output[0].name
    for _ in range(6):
        node = makers[name]
        if node.op_type in ("Softmax", "QLinearSoftmax"):
            return last_behind(makers, node.input[0])
        if node.op_type not in ("DequantizeLinear", "QuantizeLinear"):
            break
        name = node.input[0]
    return last_behind(makers, model.graph.output[0].name)


def last_behind(makers, name):
    while makers[name].op_type == "DequantizeLinear":
        name = makers[name].input[0]
    return name


def results(model, name, feeds):
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.output[:]
    made.graph.output.append(helper.make_empty_tensor_value_info(name))
    run = session(made)
    names = [i.name for i in run.get_inputs()]
    return np.stack([run.run(None, {n: f[v] for n, f in zip(names, feeds)})[0] for v in range(len(feeds[0]))])


def exactly(model, end, codes):
    """The codes in exact fractions; None where an operator has none, or there are several inputs."""
    if len(codes) > 1:
        return None
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    del cut.graph.output[:]
    cut.graph.output.append(helper.make_empty_tensor_value_info(end))
    needed, kept = {end}, []
    for node in reversed(cut.graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.insert(0, node)
    del cut.graph.node[:]
    cut.graph.node.extend(kept)
    try:
        return np.stack([exact_evaluator.exactly(cut, x)[0] for x in codes[0]]).astype(codes[0].dtype)
    except (ValueError, AssertionError, KeyError, IndexError):
        return None


def entry_quantiser(model, name):
    """What the network's codes are of, with what stands in front of the first quantiser done by the caller; and the scale,
    zero point and type of that quantiser."""
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    behind = name
    while True:
        readers = [n for n in model.graph.node if behind in n.input]
        for node in readers:
            if node.op_type == "QuantizeLinear":
                return name, constants[node.input[1]], constants[node.input[2]]
        behind = readers[0].output[0]
        if readers[0].op_type not in ("Reshape", "Transpose", "Flatten"):
            name = behind


def fronts(model, names):
    """What is made in front of the first quantisers, and goes nowhere else."""
    made = {t.name for t in model.graph.initializer}
    front = set(names)
    for node in reversed(model.graph.node):
        if front & set(node.output):
            front |= set(node.input) - made
    return front


def hold(model, names, shapes, random, folder, stem):
    """Writes codes of the model's inputs, and what it returns for them."""
    feeds, codes = [], []
    for index, (entry, shape) in enumerate(zip(names, shapes)):
        entry, scale, zero = entry_quantiser(model, entry)
        info = np.iinfo(zero.dtype)
        made = random.integers(info.min, info.max + 1, (VECTORS, 1, *shape)).astype(zero.dtype)
        codes.append(made)
        feeds.append(((made.astype(np.float64) - int(zero)) * float(scale)).astype(np.float32))
    names = [entry_quantiser(model, entry)[0] for entry in names]
    # The caller's part in front of the first quantiser is cut off.
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    front = fronts(model, names)
    kept = [n for n in cut.graph.node if not front & set(n.output)]
    del cut.graph.node[:]
    cut.graph.node.extend(kept)
    del cut.graph.input[:]
    cut.graph.input.extend(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in names)
    end = last_codes(model)
    output = results(cut, end, feeds)
    plain_form = written_out(cut)
    exact = exactly(plain_form, end, codes)
    off = 0 if exact is None else (exact != output).sum()
    others = [results(moved(plain_form, random, kind), end, feeds) for kind in range(MOVES)]
    if exact is not None:
        output = exact
    ties = np.max([np.abs(other.astype(int) - output) for other in others], axis=0)
    np.save(folder / f"{stem}.output0.npy", output)
    for index, made in enumerate(codes):
        np.save(folder / f"{stem}.input{index}.npy", made)
    if ties.any():
        np.save(folder / f"{stem}.ties0.npy", ties.astype(np.uint8 if ties.max() < 256 else np.uint16))
    reference = "ONNX Runtime's" if exact is None else f"exact, ONNX Runtime differs in {off}"
    print(f"{stem}: {reference}; {(ties > 0).sum()} of {ties.size} lie behind ties, {ties.max()} at most", flush=True)


def make(name, folder, work, is_wide):
    random = np.random.default_rng(sum(map(ord, name)))
    for exporter, form, is_open, activations, per_channel in WIDE_VARIANTS if is_wide else VARIANTS:
        if name in QDQ and form == QuantFormat.QOperator or name in REFUSED and exporter == "new":
            continue
        stem = f"torch{'16' if is_wide else ''}_{name}_{exporter}_{'qdq' if form == QuantFormat.QDQ else 'qlinear'}_{'open' if is_open else 'fixed'}"
        plain, prepared, path = work / f"{stem}.float.onnx", work / f"{stem}.pre.onnx", folder / f"{stem}.onnx"
        try:
            shapes = torch_networks.export(name, str(plain), exporter == "new", is_open)
            try:
                quant_pre_process(str(plain), str(prepared))
            except Exception:
                prepared = plain
            names = [i.name for i in onnx.load(prepared).graph.input]
            quantize_static(
                str(prepared), str(path), Reader(names, shapes, random), quant_format=form, activation_type=activations,
                weight_type=QuantType.QInt8, per_channel=per_channel,
                op_types_to_quantize=sorted({n.op_type for n in onnx.load(prepared).graph.node}) if name in ALL else None)
        except Exception as error:
            print(f"{stem}: not made: {type(error).__name__} {' '.join(str(error).split())[:150]}", file=sys.stderr)
            continue
        model = onnx.load(path)
        for node in model.graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
        del model.metadata_props[:]
        del model.graph.metadata_props[:]
        del model.graph.value_info[:]
        onnx.save(model, path)
        if name in (WIDE_REFUSED if is_wide else REFUSED):
            (folder / "unsupported").mkdir(exist_ok=True)
            path.rename(folder / "unsupported" / path.name)
            continue
        hold(model, names, shapes, random, folder, stem)


def main(folder):
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    is_wide = "--wide" in sys.argv
    for name in [n for n in sys.argv[2:] if n != "--wide"] or torch_networks.NETWORKS:
        make(name, folder, work, is_wide)
    archive = "torch16.tar.gz" if is_wide else "torch.tar.gz"
    subprocess.run(
        ["tar", "czf", HERE.parent / "ONNX" / archive, "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0",
         "--exclude=./work", "-C", folder, "."], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
