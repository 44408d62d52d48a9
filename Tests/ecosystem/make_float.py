"""Exports the networks of float_networks.py and asks ONNX Runtime what they return: make_float.py FOLDER

Writes FOLDER/NAME.onnx, NAME.input0.npy …, NAME.output0.npy [samples, *shape], and packs them as Tests/FloatNetworks/torch.tar.gz.
Needs torch with onnxscript, onnx and onnxruntime; where they are not in one Python, `export` and then `run` as a second argument."""

import pathlib
import subprocess
import sys
import warnings

import numpy as np

HERE = pathlib.Path(__file__).parent
SAMPLES = 16


def export(folder):
    import json
    import float_networks
    warnings.simplefilter("ignore")
    for number, (name, make) in enumerate(float_networks.NETWORKS.items()):
        # Both exporters, in turn.
        shapes = float_networks.export(make, folder / f"{name}.onnx", new=number % 2 == 1)
        (folder / f"{name}.json").write_text(json.dumps(shapes))


def run(folder):
    import json
    import onnxruntime
    random = np.random.default_rng(3)
    for path in sorted(folder.glob("*.json")):
        name, inputs = path.stem, []
        for shape in json.loads(path.read_text()):
            if isinstance(shape[0], list):
                inputs.append(random.integers(0, shape[1], (SAMPLES, *shape[0])))
                # Of a mask something is left.
                if shape[1] == 2:
                    inputs[-1][:, 0] = 1
            else:
                inputs.append((np.round(random.normal(size=(SAMPLES, *shape)) * 16) / 16).astype(np.float32))
        session = onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        outputs = [session.run(None, {n: array[i:i + 1] for n, array in zip(names, inputs)}) for i in range(SAMPLES)]
        for index, array in enumerate(inputs):
            np.save(folder / f"{name}.input{index}.npy", array.astype(np.int32) if array.dtype == np.int64 else array)
        for index in range(len(outputs[0])):
            np.save(folder / f"{name}.output{index}.npy", np.stack([o[index][0] for o in outputs]))
        path.unlink()


def pack(folder):
    names = sorted(p.name for p in folder.iterdir() if ".input" in p.name or ".output" in p.name or p.suffix == ".onnx")
    subprocess.run(
        ["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", folder, "-cf", folder / "x.tar",
         *names], check=True)
    archive = subprocess.run(["gzip", "-9nc", folder / "x.tar"], check=True, capture_output=True).stdout
    (HERE.parent / "FloatNetworks" / "torch.tar.gz").write_bytes(archive)
    (folder / "x.tar").unlink()


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for step in sys.argv[2:] or ["export", "run", "pack"]:
        {"export": export, "run": run, "pack": pack}[step](folder)
