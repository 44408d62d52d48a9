"""Converts the networks of keras_networks.py and asks TensorFlow Lite Micro what they return: make_keras.py [--sixteen] FOLDER [NAME…]

With --sixteen activations are int16. Writes FOLDER/NAME.tflite, NAME.input0.npy …, NAME.output0.npy … [vectors, *shape], and references.json, which says of each
network whose outputs those are. Where TFLM does not run a file as it is, since it lacks an operator that only computes
shapes, or reads past its tensors, since their shapes in the file are not those that they have, it runs the file with all
that constants determine computed by LiteRT; where it lacks another operator, LiteRT's reference kernels are asked."""

import json
import multiprocessing
import pathlib
import shutil
import sys
import zlib

VECTORS = 6


def make(task):
    name, folder, sixteen = task
    sys.path[:0] = [str(pathlib.Path(__file__).parent)]
    import numpy as np

    import keras_networks

    try:
        model = keras_networks.tflite(name, sixteen)
    except Exception as error:  # What the converter refuses is no network to hold anything to.
        return f"{name}: not converted: {' '.join(str(error).split())[:200]}"
    (folder / f"{name}.tflite").write_bytes(model)
    import tensorflow as tf

    random = np.random.default_rng(zlib.crc32(name.encode()))
    details = tf.lite.Interpreter(model_content=model).get_input_details()
    for index, detail in enumerate(details):
        shape = (VECTORS, *detail["shape"])
        limits = np.iinfo(detail["dtype"])
        codes = random.integers(limits.min, limits.max + 1, shape)
        codes[0], codes[1] = limits.min, limits.max
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


def folded(model):
    """The file with what constants and shapes determine computed, and every tensor of the shape that it really has; and
    whether some tensor's shape in the file is another."""
    import flatbuffers
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from tflite_micro.python.tflite_micro import runtime

    interpreter = Interpreter(
        model_content=model, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()

    parsed = runtime.convert_bytearray_to_object(bytearray(model))
    graph = parsed.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in parsed.operatorCodes]
    shape_of = 77
    data = [parsed.buffers[tensor.buffer].data for tensor in graph.tensors]
    is_constant = [values is not None and len(values) > 0 for values in data]
    remaining = []
    for operator in graph.operators:
        inputs = [index for index in operator.inputs if index >= 0]
        if codes[operator.opcodeIndex] == shape_of or all(is_constant[index] for index in inputs):
            for index in operator.outputs:
                value = interpreter.get_tensor(index)
                is_constant[index] = True
                graph.tensors[index].buffer = len(parsed.buffers)
                buffer = type(parsed.buffers[0])()
                buffer.data = np.frombuffer(value.tobytes(), np.uint8)
                parsed.buffers.append(buffer)
        else:
            remaining.append(operator)
    graph.operators = remaining
    differs = False
    for index, tensor in enumerate(graph.tensors):
        try:
            shape = interpreter.get_tensor(index).shape
        except ValueError:
            continue  # A tensor that no operator uses.
        differs = differs or tuple(tensor.shape if tensor.shape is not None else ()) != shape
        tensor.shape = np.array(shape, np.int32)
        tensor.shapeSignature = None
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output()), differs


def pads_blocks(model):
    """Whether it has SPACE_TO_BATCH_ND, which TensorFlow Lite Micro pads with a number that it never sets."""
    from tflite_micro.python.tflite_micro import runtime

    codes = runtime.convert_bytearray_to_object(bytearray(model)).operatorCodes
    return any(max(code.builtinCode, code.deprecatedBuiltinCode) == 38 for code in codes)


def main(folder, names, sixteen):
    sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent / "Operators")]
    import keras_networks
    import tflm_reference

    folder.mkdir(parents=True, exist_ok=True)
    # A process each: TensorFlow keeps what it has made.
    with multiprocessing.get_context("spawn").Pool(2, maxtasksperchild=8) as pool:
        for made in pool.imap_unordered(make, [(name, folder, sixteen) for name in names or keras_networks.NETWORKS], 1):
            print(made, file=sys.stderr, flush=True)
    refer(folder, tflm_reference)


def refer(folder, tflm_reference):
    """What the networks in a folder return, and who says so."""
    tflm_reference.main(folder)
    not_run = json.loads((folder / "not_run.json").read_text())
    references = {}
    computed = folder / "folded"
    computed.mkdir(exist_ok=True)
    for path in sorted(folder.glob("*.tflite")):
        model, differs = folded(path.read_bytes())
        if path.stem in not_run or differs:
            (computed / path.name).write_bytes(model)
            for vectors in folder.glob(f"{path.stem}.input*.npy"):
                shutil.copy(vectors, computed)
        else:
            references[path.stem] = "TFLM"
    tflm_reference.main(computed)
    still = json.loads((computed / "not_run.json").read_text())
    for path in sorted(computed.glob("*.tflite")):
        name = path.stem
        if name not in still and not pads_blocks(path.read_bytes()):
            for vectors in computed.glob(f"{name}.output*.npy"):
                shutil.copy(vectors, folder)
            references[name] = "TFLM, constants computed"
        else:
            print(f"{name}: {still.get(name, 'it pads in SPACE_TO_BATCH_ND')}", file=sys.stderr)
            litert(folder, name)
            references[name] = "LiteRT"
    (folder / "references.json").write_text(json.dumps(references, indent=1))


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--sixteen"]
    main(pathlib.Path(words[0]), words[1:], "--sixteen" in sys.argv)
