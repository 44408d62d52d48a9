"""Exports the networks of brevitas_networks.py as QONNX, or QCDQ, and has them evaluated in exact fractions:
make_brevitas.py FOLDER [NAME…]

Writes FOLDER/NAME.onnx, NAME.input0.npy and NAME.output0.npy [vectors, *shape], as Tests/ONNX/README.md says, and packs them as
Tests/ONNX/brevitas.tar.gz. The codes are those of Tests/ONNX/exact_evaluator.py, and it is looked at that qonnx (ONNX Runtime
for QCDQ), in single precision, differs beside ties only. Networks without an output quantiser have real outputs, in float64: an
accumulator times its scale."""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from onnx import numpy_helper
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.infer_shapes import InferShapes

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ONNX"))
import brevitas_networks  # noqa: E402
import exact_evaluator  # noqa: E402

VECTORS = 12


def reference(model, reals, is_qcdq):
    name = model.graph.input[0].name
    if is_qcdq:
        options = ort.SessionOptions()
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        run = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return np.stack([run.run(None, {name: x})[0] for x in reals])
    wrapper = ModelWrapper(model).transform(InferShapes())
    return np.stack([execute_onnx(wrapper, {name: x})[model.graph.output[0].name] for x in reals])


def entry_quantiser(model):
    """Scale, zero point and codes of what reads the input."""
    values = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    node = next(n for n in model.graph.node if model.graph.input[0].name in n.input)
    if node.op_type == "QuantizeLinear":
        return values[node.input[1]], values[node.input[2]], np.iinfo(values[node.input[2]].dtype)
    assert int(values[node.input[3]]) == 8
    return values[node.input[1]], values[node.input[2]], np.iinfo(np.int8)


def cleaned(path):
    """Without what only tells of the export, constants in nodes among the initializers, and inputs that are constants."""
    model = onnx.load(path)
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            tensor = onnx.TensorProto()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            model.graph.initializer.append(tensor)
            continue
        node.doc_string = ""
        del node.metadata_props[:]
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    constants = {t.name for t in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in constants]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    del model.metadata_props[:], model.graph.metadata_props[:], model.graph.value_info[:], model.functions[:]
    return model


def make(name, folder):
    module, shape, is_qcdq = brevitas_networks.made(name)
    path = folder / f"brevitas_{name}.onnx"
    with torch.no_grad():
        if is_qcdq:
            # The newer exporter takes no quantised bias.
            export_onnx_qcdq(module, args=torch.randn(1, *shape), export_path=str(path), dynamo=False)
        else:
            export_qonnx(module, args=torch.randn(1, *shape), export_path=str(path))
    model = cleaned(path)
    onnx.save(model, path)
    scale, zero, info = entry_quantiser(model)
    random = np.random.default_rng(sum(map(ord, name)))
    codes = random.integers(info.min, info.max + 1, (VECTORS, 1, *shape)).astype(info.dtype)
    codes[0], codes[1] = info.min, info.max
    reals = ((codes.astype(np.float64) - float(zero)) * float(scale)).astype(np.float32)
    made = [exact_evaluator.exactly(model, x) for x in codes]
    exact = np.stack([values for values, _ in made])
    unit = made[0][1]
    single = reference(model, reals, is_qcdq).astype(np.float64)
    np.save(folder / f"brevitas_{name}.input0.npy", codes)
    if unit is None:
        # Real numbers, as a double holds them.
        exact = exact.astype(np.float64)
        np.save(folder / f"brevitas_{name}.output0.npy", exact)
        print(f"{name}: real outputs, qonnx differs by {np.abs(single - exact).max():.2g} of {np.abs(exact).max():.2g}")
        return
    exact = exact.astype(np.int64)
    np.save(folder / f"brevitas_{name}.output0.npy", exact.astype(np.int16))
    theirs = np.rint(single / float(np.ravel(unit[0])[0]) + float(np.ravel(unit[1])[0]))
    print(f"{name}: qonnx differs in {(theirs != exact).sum()} of {exact.size} codes, {len(np.unique(exact))} of them distinct")


def main(folder, names):
    warnings.filterwarnings("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or brevitas_networks.NETWORKS:
        make(name, folder)
    subprocess.run(
        ["tar", "czf", HERE.parent / "ONNX" / "brevitas.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0",
         "--group=0", "-C", folder, "."], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
