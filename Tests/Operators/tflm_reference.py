"""Runs TFLM's reference kernels on a folder of models and writes what they return.

For every NAME.tflite with NAME.input0.npy ... in FOLDER, writes NAME.output0.npy ... beside them, and
FOLDER/not_run.json, which maps the names of models that TFLM did not run to the reason it gave.

TFLM ends the process where a kernel's check fails, so every model runs in a forked child.
"""

import json
import os
import pathlib
import sys
import tempfile

import numpy as np
from tflite_micro.python.tflite_micro import runtime

ARENA_BYTES = 1 << 20
SECONDS_PER_MODEL = 60


def save(path, array):
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def output_count(model):
    return len(runtime.convert_bytearray_to_object(bytearray(model)).subgraphs[0].outputs)


def keeps_state(model):
    graph = runtime.convert_bytearray_to_object(bytearray(model)).subgraphs[0]
    resource = 13
    return any(tensor.isVariable or tensor.type == resource for tensor in graph.tensors)


def run(model, inputs):
    """The outputs for all vectors: one array [vectors, *shape] for each output tensor."""
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=ARENA_BYTES)
    results = [[] for _ in range(output_count(model))]
    for vector in range(len(inputs[0])):
        for index, array in enumerate(inputs):
            # Truth values are kept as bytes.
            interpreter.set_input(array[vector].astype(interpreter.get_input_details(index)["dtype"]), index)
        interpreter.invoke()
        for index, values in enumerate(results):
            values.append(np.array(interpreter.get_output(index)))
    return [np.stack(values) for values in results]


def reference(folder, name):
    model = (folder / f"{name}.tflite").read_bytes()
    inputs = []
    while (path := folder / f"{name}.input{len(inputs)}.npy").exists():
        inputs.append(np.load(path))
    outputs = run(model, inputs)
    # A second run in the opposite order: stale or uninitialised memory would show as a difference. Of a model that keeps
    # state the vectors are calls in a row.
    step = 1 if keeps_state(model) else -1
    again = [array[::step] for array in run(model, [array[::step] for array in inputs])]
    for output, other in zip(outputs, again):
        if output.tobytes() != np.ascontiguousarray(other).tobytes():
            raise RuntimeError("two runs give different outputs")
    for index, output in enumerate(outputs):
        save(folder / f"{name}.output{index}.npy", output.view(np.uint8) if output.dtype == bool else output)


def run_in_child(folder, name):
    """None, or the reason why TFLM did not run this model."""
    with tempfile.TemporaryFile() as messages:
        child = os.fork()
        if child == 0:
            os.dup2(messages.fileno(), 1)
            os.dup2(messages.fileno(), 2)
            import signal
            signal.alarm(SECONDS_PER_MODEL)
            try:
                reference(folder, name)
                os._exit(0)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", flush=True)
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return None
        messages.seek(0)
        text = messages.read().decode(errors="replace").strip().replace("\n", " | ")
        code = os.waitstatus_to_exitcode(status)
        return text if code > 0 else f"ended by signal {-code}: {text}"


def main(folder):
    not_run = {}
    for path in sorted(folder.glob("*.tflite")):
        reason = run_in_child(folder, path.stem)
        if reason is not None:
            not_run[path.stem] = reason
    (folder / "not_run.json").write_text(json.dumps(not_run, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
