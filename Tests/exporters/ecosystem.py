"""Holds exported files to the ecosystem's own tools: ecosystem.py LOCKSTEP FILE…

.onnx     onnx's checker, and qonnx's executor, whose outputs must be the codes of `lockstep simulate`.
.tflite   LiteRT's reference kernels. They round as TensorFlow Lite Micro does, twice, but for FULLY_CONNECTED, which they
          round once. So every tensor in front of the first FULLY_CONNECTED must be the simulator's, by the rule
          tflite-double; networks of FULLY_CONNECTED alone are held to tflite-single; behind both, outputs may differ by
          what one code of the dense layer makes. LiteRT's default kernels (XNNPACK) must load the file and run.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LOCKSTEP = sys.argv[1]
VECTORS = 8


def simulate(path, codes, folder, *options):
    np.save(folder / "x.npy", codes)
    subprocess.run([LOCKSTEP, "simulate", path, "--input", folder / "x.npy", "--output", folder / "y.npy", *options],
                   check=True)
    return np.load(folder / "y.npy").astype(np.int64)


def check_onnx(path, folder):
    import onnx
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model = ModelWrapper(str(path))
    onnx.checker.check_model(model.model)
    nodes, name, output = model.graph.node, model.graph.input[0].name, model.graph.output[0].name

    def quantiser(node):
        scale, zero_point, bits = (float(model.get_initializer(key)) for key in node.input[1:4])
        signed = next(a.i for a in node.attribute if a.name == "signed")
        return scale, zero_point, int(bits), signed

    scale, zero_point, bits, signed = quantiser(next(n for n in nodes if name in n.input))
    low = -(1 << bits - 1) if signed else 0
    shape = model.get_tensor_shape(name)
    codes = np.random.default_rng(1).integers(low, low + (1 << bits), [VECTORS, *shape[1:]])
    expected = simulate(path, codes.astype(np.int32), folder).reshape(VECTORS, -1)
    # The quantiser of the output: behind it codes are only moved.
    made = next(n for n in nodes if output in n.output)
    while made.op_type != "Quant":
        made = next(n for n in nodes if made.input[0] in n.output)
    out_scale, out_zero_point, _, _ = quantiser(made)
    found = np.stack([
        execute_onnx(model, {name: ((codes[i:i + 1] - zero_point) * scale).astype(np.float32)})[output].reshape(-1)
        for i in range(VECTORS)])
    differing = int(np.sum(found / out_scale + out_zero_point != expected))
    return differing, f"qonnx: {differing} of {expected.size} codes differ"


def check_tflite(path, folder):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    reference = Interpreter(
        model_path=str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True)
    plain = Interpreter(model_path=str(path))
    for interpreter in (reference, plain):
        interpreter.allocate_tensors()
    source, target = reference.get_input_details()[0], reference.get_output_details()[0]
    codes = np.random.default_rng(2).integers(-128, 128, [VECTORS, *source["shape"][1:]]).astype(np.int8)
    operators = reference._get_ops_details()
    weighted = [o for o in operators if o["op_name"] in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")]
    dense = [o for o in weighted if o["op_name"] == "FULLY_CONNECTED"]
    is_dense = len(dense) == len(weighted)
    layers = folder / "layers"
    rule = "tflite-single" if is_dense else "tflite-double"
    expected = simulate(path, codes, folder, "--layers", layers, "--rounding", rule).reshape(VECTORS, -1)
    first = dense[0]["outputs"][0] if dense and not is_dense else None
    exact = [int(o["outputs"][0]) for o in operators]
    if first is not None:
        exact = exact[:exact.index(int(first))]
    files = {t: np.load(layers / f"t{t}.npy") for t in exact if (layers / f"t{t}.npy").exists()}
    compared = differing = behind = 0
    for vector in range(VECTORS):
        for interpreter in (reference, plain):
            interpreter.set_tensor(source["index"], codes[vector].reshape(source["shape"]))
            interpreter.invoke()
        for tensor, array in files.items():
            found = reference.get_tensor(tensor)
            compared += found.size
            differing += int(np.sum(found.reshape(-1) != array[vector].reshape(-1)))
        found = reference.get_tensor(target["index"]).reshape(-1).astype(np.int64)
        behind = max(behind, int(np.max(np.abs(found - expected[vector]))))
    is_wrong = differing or not files or behind > (0 if first is None else 16)
    return is_wrong, f"LiteRT, {rule}: {differing} of {compared} codes differ" + (
        "" if first is None else f" in front of FULLY_CONNECTED, outputs by {behind} at most")


failed, corpus = False, 0
for argument in sys.argv[2:]:
    path = Path(argument)
    with tempfile.TemporaryDirectory() as folder:
        is_wrong, text = (check_onnx if path.suffix == ".onnx" else check_tflite)(path, Path(folder))
    failed = failed or bool(is_wrong)
    # The corpus has a file for each rounding mode and kind of layer.
    if path.name.startswith("qonnx_") and not is_wrong:
        corpus += 1
        continue
    print(f"{'FAILED ' if is_wrong else ''}{path.name:30} {text}")
print(f"{f'{corpus} of Tests/ONNX':30} qonnx: 0 codes differ")
sys.exit(1 if failed else 0)
