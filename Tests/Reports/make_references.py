"""Asks TensorFlow Lite Micro what the reported networks return: make_references.py REPORTS

Reads REPORTS/*.tflite and REPORTS/flows/*.tflite, and writes tflite.tar.gz, and sixteen.tar.gz for those with int16
activations, beside this script: NAME.input0.npy … and NAME.output0.npy …, [6, *shape] each. Where TFLM lacks TILE, the copies are a CONCATENATION to it;
where it lacks another operator, or reads what it never set, LiteRT's reference kernels are asked."""

import pathlib
import sys
import tarfile
import tempfile
import zlib

import flatbuffers
import numpy as np

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE.parent / "ecosystem"), str(HERE.parent / "Operators")]
import make_keras
import tflm_reference

# Float networks.
LEFT_OUT = {"cnn.dynamic", "cnn.float16", "dscnn.float"}
SIXTEEN = {"B10_int16x8", "cnn.int16x8"}
# GELU and SELECT are not TFLM's; it does not read elements behind the tables; SPACE_TO_BATCH_ND pads with what it never set.
LITERT = {
    "B2_weights_behind_tables", "B7_space_to_batch_conv", "embed.b1.int8", "gelu.b1.int8", "transformer.b1.int8"}
TILE, CONCATENATION = 69, 2


def without_tile(model):
    """The file with each TILE along one axis as a concatenation of its input with itself."""
    from tflite_micro.python.tflite_micro import runtime
    from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

    parsed = runtime.convert_bytearray_to_object(bytearray(model))
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = CONCATENATION
    code.version = 2
    parsed.operatorCodes.append(code)
    graph = parsed.subgraphs[0]
    for operator in graph.operators:
        if parsed.operatorCodes[operator.opcodeIndex].builtinCode != TILE:
            continue
        copies = np.frombuffer(bytes(parsed.buffers[graph.tensors[operator.inputs[1]].buffer].data), np.int32)
        (axis,) = np.flatnonzero(copies != 1)
        operator.opcodeIndex = len(parsed.operatorCodes) - 1
        operator.inputs = np.full(copies[axis], operator.inputs[0], np.int32)
        operator.builtinOptionsType = schema.BuiltinOptions.ConcatenationOptions
        operator.builtinOptions = schema.ConcatenationOptionsT()
        operator.builtinOptions.axis = int(axis)
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(parsed.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def vectors(name, details):
    random = np.random.default_rng(zlib.crc32(name.encode()))
    for detail in details:
        # Real values, and indices of tables.
        limits = {np.int8: (-128, 127), np.int16: (-32768, 32767)}
        low, high = limits.get(detail["dtype"], (-4, 4) if name in SIXTEEN else (0, 10))
        codes = random.integers(low, high + 1, (make_keras.VECTORS, *detail["shape"]))
        codes[0], codes[1] = low, high
        yield codes.astype(detail["dtype"])


def stem(path):
    """The name of the model that an array belongs to."""
    return path.name.rsplit(".", 2)[0]


def main(reports):
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        for path in sorted([*reports.glob("*.tflite"), *reports.glob("flows/*.tflite")]):
            if path.stem in LEFT_OUT:
                continue
            model = path.read_bytes()
            (folder / path.name).write_bytes(model if path.stem in LITERT else without_tile(model))
            details = tf.lite.Interpreter(model_content=model).get_input_details()
            for index, array in enumerate(vectors(path.stem, details)):
                np.save(folder / f"{path.stem}.input{index}.npy", array)
        tflm_reference.main(folder)
        for name in LITERT:
            make_keras.litert(folder, name)
        for path in folder.glob("*.npy"):
            values = np.load(path)
            if values.dtype == np.float32 and ".output" in path.name:
                # Of a softmax, whose codes stand for multiples of 1/256, or of 2^-15.
                np.save(path, (values * 32768).astype(np.int16) if stem(path) in SIXTEEN else (values * 256 - 128).astype(np.int8))
        for name, is_wide in (("tflite", False), ("sixteen", True)):
            with tarfile.open(HERE / f"{name}.tar.gz", "w:gz", compresslevel=9) as archive:
                for path in sorted(folder.glob("*.npy")):
                    if (stem(path) in SIXTEEN) != is_wide:
                        continue
                    entry = archive.gettarinfo(path, path.name)
                    entry.mtime = entry.uid = entry.gid = 0
                    entry.uname = entry.gname = ""
                    with path.open("rb") as file:
                        archive.addfile(entry, file)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
