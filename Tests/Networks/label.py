"""Adds metadata to a .tflite file, and a ZIP archive with a labels file behind it, as TensorFlow Lite's metadata writers do.

    python label.py ../../Examples/digits/digits.tflite labelled.tflite zero one two three four five six seven eight nine
"""

import io
import os
import sys
import zipfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import flatbuffers
from tensorflow.lite.python import schema_py_generated as schema

AXIS_LABELS = 2


def table(builder, fields):
    """A table: for each field its number, and an offset or a byte."""
    builder.StartObject(max(fields) + 1)
    for number, (kind, value) in fields.items():
        if kind == "offset":
            builder.PrependUOffsetTRelativeSlot(number, value, 0)
        else:
            builder.PrependInt8Slot(number, value, 0)
    return builder.EndObject()


def vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def metadata(labels):
    """ModelMetadata with one subgraph, whose one output has the labels file (metadata_schema.fbs)."""
    builder = flatbuffers.Builder(256)
    file = table(builder, {0: ("offset", builder.CreateString(labels)), 2: ("byte", AXIS_LABELS)})
    output = table(builder, {6: ("offset", vector(builder, [file]))})
    graph = table(builder, {3: ("offset", vector(builder, [output]))})
    builder.Finish(table(builder, {3: ("offset", vector(builder, [graph]))}), b"M001")
    return bytes(builder.Output())


def main(source, target, names):
    with open(source, "rb") as file:
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(file.read(), 0))
    buffer = schema.BufferT()
    buffer.data = list(metadata("labels.txt"))
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name = "TFLITE_METADATA"
    entry.buffer = len(model.buffers) - 1
    model.metadata = (model.metadata or []) + [entry]
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    whole = io.BytesIO(bytes(builder.Output()))
    with zipfile.ZipFile(whole, "a") as archive:
        entry = zipfile.ZipInfo("labels.txt", (1980, 1, 1, 0, 0, 0))
        archive.writestr(entry, "".join(name + "\n" for name in names), compress_type=zipfile.ZIP_DEFLATED)
    with open(target, "wb") as file:
        file.write(whole.getvalue())


main(sys.argv[1], sys.argv[2], sys.argv[3:])
