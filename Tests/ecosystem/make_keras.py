"""Converts the networks of keras_networks.py and asks TensorFlow Lite Micro what they return: make_keras.py FOLDER [NAME…]

Writes FOLDER/NAME.tflite, NAME.input0.npy …, NAME.output0.npy … [vectors, *shape], and references.json, which says of each
network whose outputs those are. Where TFLM lacks an operator that only computes shapes, the same network converted with
a batch of 1 is run, which has none; where it lacks another, LiteRT's reference kernels are asked."""

import json
import multiprocessing
import pathlib
import shutil
import sys
import zlib

VECTORS = 6


def make(task):
    name, folder, batch = task
    sys.path[:0] = [str(pathlib.Path(__file__).parent)]
    import numpy as np

    import keras_networks

    try:
        model = keras_networks.tflite(name, batch)
    except Exception as error:  # What the converter refuses is no network to hold anything to.
        return f"{name}: not converted: {' '.join(str(error).split())[:200]}"
    (folder / f"{name}.tflite").write_bytes(model)
    import tensorflow as tf

    random = np.random.default_rng(zlib.crc32(name.encode()))
    details = tf.lite.Interpreter(model_content=model).get_input_details()
    for index, detail in enumerate(details):
        shape = (VECTORS, *detail["shape"])
        codes = random.integers(-128, 128, shape)
        codes[0], codes[1] = -128, 127
        np.save(folder / f"{name}.input{index}.npy", codes.astype(detail["dtype"]))
    return name


def litert(folder, name):
    """The outputs of LiteRT's reference kernels, which round FULLY_CONNECTED once; they lack TILE of codes, for which its
    other kernels are asked."""
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    path = str(folder / f"{name}.tflite")
    try:
        interpreter = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    except ValueError:
        interpreter = Interpreter(
            path, experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    inputs = [np.load(path) for path in sorted(folder.glob(f"{name}.input*.npy"))]
    results = [[] for _ in interpreter.get_output_details()]
    for vector in range(VECTORS):
        for detail, array in zip(interpreter.get_input_details(), inputs):
            interpreter.set_tensor(detail["index"], array[vector])
        interpreter.invoke()
        for detail, values in zip(interpreter.get_output_details(), results):
            values.append(interpreter.get_tensor(detail["index"]))
    for index, values in enumerate(results):
        np.save(folder / f"{name}.output{index}.npy", np.stack(values))


def convert(names, folder, batch):
    folder.mkdir(parents=True, exist_ok=True)
    # A process each: TensorFlow keeps what it has made.
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=8) as pool:
        for made in pool.imap_unordered(make, [(name, folder, batch) for name in names], 1):
            print(made, file=sys.stderr, flush=True)


def main(folder, names):
    sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "Operators")]
    import keras_networks
    import tflm_reference

    convert(names or list(keras_networks.NETWORKS), folder, None)
    tflm_reference.main(folder)
    not_run = json.loads((folder / "not_run.json").read_text())
    references = {path.stem: "TFLM" for path in folder.glob("*.tflite") if path.stem not in not_run}
    twins = folder / "twins"
    convert(list(not_run), twins, 1)
    for name in not_run:
        for path in folder.glob(f"{name}.input*.npy"):
            shutil.copy(path, twins)
    tflm_reference.main(twins)
    still = json.loads((twins / "not_run.json").read_text())
    for name in not_run:
        if name not in still and (twins / f"{name}.tflite").exists():
            for path in twins.glob(f"{name}.output*.npy"):
                shutil.copy(path, folder)
            references[name] = "TFLM, batch of 1"
        elif (folder / f"{name}.tflite").exists():
            try:
                litert(folder, name)
                references[name] = "LiteRT"
            except Exception as error:
                references[name] = f"none: {' '.join(str(error).split())[:200]}"
    (folder / "references.json").write_text(json.dumps(references, indent=1))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
