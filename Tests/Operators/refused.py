"""Models that an int8 compiler has to refuse with a clear error: they come without vectors.

Each is a valid file of a kind met in the wild (or, for the last ones, a damaged one). TFLM runs some of them, in other
arithmetic than int8's or with state; that is no reason to compile them to something that looks right.
"""

import numpy as np
import tensorflow as tf

from tflite_model import Model, Quantization, schema
from vectors import generator

CODES = Quantization(0.05, -3)
VALID = schema.Padding.VALID


def conv_2d_float32():
    model, rng = Model(), generator("conv_2d_float32")
    graph = model.main
    x = graph.input("x", (1, 4, 4, 2), "float32")
    w = graph.constant("w", rng.normal(0, 1, (3, 2, 2, 2)).astype(np.float32))
    bias = graph.constant("bias", rng.normal(0, 1, 3).astype(np.float32))
    y = graph.output("y", (1, 3, 3, 3), "float32")
    graph.operator("CONV_2D", [x, w, bias], [y], padding=VALID, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1)
    return model.serialize()


def fully_connected_hybrid():
    """Dynamic range quantisation: int8 weights between float32 activations."""
    model, rng = Model(), generator("fully_connected_hybrid")
    graph = model.main
    x = graph.input("x", (1, 12), "float32")
    w = graph.constant("w", rng.integers(-127, 128, (5, 12)).astype(np.int8), "int8", Quantization(0.01, 0))
    y = graph.output("y", (1, 5), "float32")
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return model.serialize()


def fully_connected_int16x8():
    model, rng = Model(), generator("fully_connected_int16x8")
    graph = model.main
    x = graph.input("x", (1, 12), "int16", Quantization(0.0001, 0))
    w = graph.constant("w", rng.integers(-127, 128, (5, 12)).astype(np.int8), "int8", Quantization(0.01, 0))
    bias = graph.constant("bias", rng.integers(-1000, 1000, 5), "int64", Quantization(0.000001, 0))
    y = graph.output("y", (1, 5), "int16", Quantization(0.0002, 0))
    graph.operator("FULLY_CONNECTED", [x, w, bias], [y])
    return model.serialize()


def fully_connected_int4_weights():
    model, rng = Model(), generator("fully_connected_int4_weights")
    graph = model.main
    x = graph.input("x", (1, 12), "int8", CODES)
    w = graph.tensor("w", (5, 12), "int4", Quantization(0.01, 0), data=rng.integers(-8, 8, 60))
    y = graph.output("y", (1, 5), "int8", CODES)
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return model.serialize()


def fully_connected_sparse_weights():
    model, rng = Model(), generator("fully_connected_sparse_weights")
    graph = model.main
    x = graph.input("x", (1, 8), "int8", CODES)
    # Row-compressed 4 x 8 weights with two entries in each row.
    w = graph.tensor("w", (4, 8), "int8", Quantization(0.01, 0), data=rng.integers(-127, 128, 8))
    graph.tensors[w].sparsity = row_sparsity(segments=[0, 2, 4, 6, 8], indices=[0, 3, 1, 7, 2, 5, 4, 6], rows=4)
    y = graph.output("y", (1, 4), "int8", CODES)
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return model.serialize()


def row_sparsity(segments, indices, rows):
    def vector(values):
        table = schema.Uint8VectorT()
        table.values = values
        return table

    dense, sparse = schema.DimensionMetadataT(), schema.DimensionMetadataT()
    dense.format, dense.denseSize = schema.DimensionType.DENSE, rows
    sparse.format = schema.DimensionType.SPARSE_CSR
    sparse.arraySegmentsType = sparse.arrayIndicesType = schema.SparseIndexVector.Uint8Vector
    sparse.arraySegments, sparse.arrayIndices = vector(segments), vector(indices)
    table = schema.SparsityParametersT()
    table.traversalOrder, table.dimMetadata = [0, 1], [dense, sparse]
    return table


def custom_operator():
    model = Model()
    graph = model.main
    x = graph.input("x", (1, 8), "int8", CODES)
    y = graph.output("y", (1, 8), "int8", CODES)
    graph.operator("CUSTOM", [x], [y], custom_code="ExampleOp")
    return model.serialize()


def add_uint8():
    model = Model()
    graph = model.main
    a = graph.input("a", (1, 8), "uint8", Quantization(0.05, 128))
    b = graph.input("b", (1, 8), "uint8", Quantization(0.05, 128))
    graph.operator("ADD", [a, b], [graph.output("y", (1, 8), "uint8", Quantization(0.1, 128))])
    return model.serialize()


def while_loop():
    model = Model()
    condition, body = model.graph(), model.graph()
    graph = model.main
    x = graph.input("x", (1,), "int8", CODES)
    y = graph.output("y", (1,), "int8", CODES)
    graph.operator("WHILE", [x], [y], condSubgraphIndex=1, bodySubgraphIndex=2)
    c = condition.input("c", (1,), "int8", CODES)
    condition.operator("LESS", [c, condition.constant("limit", np.int8([9]), "int8", CODES)],
                       [condition.output("go", (1,), "bool")])
    b = body.input("b", (1,), "int8", CODES)
    body.operator("ADD", [b, b], [body.output("sum", (1,), "int8", CODES)])
    return model.serialize()


def if_branches():
    model = Model()
    graph = model.main
    choice = graph.input("choice", (1,), "bool")
    x = graph.input("x", (1, 4), "int8", CODES)
    graph.operator("IF", [choice, x], [graph.output("y", (1, 4), "int8", CODES)], thenSubgraphIndex=1, elseSubgraphIndex=2)
    for operator in ("ADD", "MUL"):
        branch = model.graph()
        b = branch.input("b", (1, 4), "int8", CODES)
        branch.operator(operator, [b, b], [branch.output("z", (1, 4), "int8", CODES)])
    return model.serialize()


def resource_variable():
    """A running sum kept from one inference to the next."""
    model = Model()
    graph = model.main
    x = graph.input("x", (1, 4), "int8", CODES)
    handle = graph.tensor("handle", (1,), "resource")
    old = graph.tensor("old", (1, 4), "int8", CODES)
    y = graph.output("y", (1, 4), "int8", CODES)
    graph.operator("VAR_HANDLE", [], [handle], container="", sharedName="sum")
    graph.operator("READ_VARIABLE", [handle], [old])
    graph.operator("ADD", [x, old], [y])
    graph.operator("ASSIGN_VARIABLE", [handle, y], [])
    return model.serialize()


def variable_tensor():
    model = Model()
    graph = model.main
    x = graph.input("x", (1, 4), "int8", CODES)
    state = graph.tensor("state", (1, 4), "int8", CODES, is_variable=True)
    graph.operator("ADD", [x, state], [graph.output("y", (1, 4), "int8", CODES)])
    return model.serialize()


def dynamic_shape():
    """A dimension that only the input decides, and not the batch."""
    model = Model()
    graph = model.main
    x = graph.input("x", (1, -1, 4), "int8", CODES, shape_signature=[1, -1, 4])
    y = graph.output("y", (1, -1, 4), "int8", CODES, shape_signature=[1, -1, 4])
    graph.operator("RELU", [x], [y])
    return model.serialize()


def unidirectional_sequence_lstm():
    model, rng = Model(), generator("unidirectional_sequence_lstm")
    graph = model.main
    inputs, units = 3, 4

    def weights(name, depth):
        return graph.constant(name, rng.integers(-127, 128, (units, depth)).astype(np.int8), "int8", Quantization(0.01, 0))

    def bias(name):
        return graph.constant(name, rng.integers(-900, 900, units).astype(np.int32), "int32", Quantization(0.0005, 0))

    gates = ("input", "forget", "cell", "output")
    x = graph.input("x", (1, 5, inputs), "int8", CODES)
    tensors = [x] + [weights(f"input_to_{g}", inputs) for g in gates] + [weights(f"recurrent_to_{g}", units) for g in gates]
    tensors += [-1, -1, -1] + [bias(f"{g}_bias") for g in gates] + [-1, -1]
    tensors += [graph.tensor("output_state", (1, units), "int8", Quantization(1 / 128, 0), is_variable=True),
                graph.tensor("cell_state", (1, units), "int16", Quantization(2.0**-11, 0), is_variable=True)]
    tensors += [-1, -1, -1, -1]
    y = graph.output("y", (1, 5, units), "int8", Quantization(1 / 128, 0))
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", tensors, [y], timeMajor=False, cellClip=10.0,
                   fusedActivationFunction=schema.ActivationFunctionType.TANH)
    # The ranges between the products and the gates, which quantised LSTMs keep as tensors without data.
    graph.operators[-1].intermediates = [
        graph.tensor(f"intermediate_{i}", (0,), "int16", Quantization(2.0**-12, 0)) for i in range(5)]
    return model.serialize()


def from_converter(function, *shapes):
    """An int8 model from the converter, for operators outside the supported set."""
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    concrete = tf.function(function, input_signature=signature).get_concrete_function()
    rng = generator("refused")
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: ([rng.uniform(-1, 1, s).astype(np.float32) for s in shapes] for _ in range(8))
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def resize_bilinear():
    return from_converter(lambda x: tf.image.resize(x, (6, 8)), (1, 3, 4, 2))


def batch_matmul():
    return from_converter(tf.matmul, (2, 3, 4), (2, 4, 5))


def weights_shorter_than_their_shape():
    """A damaged file: the buffer ends before the weights do."""
    model = Model()
    graph = model.main
    x = graph.input("x", (1, 12), "int8", CODES)
    w = graph.tensor("w", (5, 12), "int8", Quantization(0.01, 0), data=np.ones(17, np.int8))
    y = graph.output("y", (1, 5), "int8", CODES)
    graph.operator("FULLY_CONNECTED", [x, w, -1], [y])
    return model.serialize()


def file_cut_short():
    return conv_2d_float32()[:400]


MODELS = (conv_2d_float32, fully_connected_hybrid, fully_connected_int16x8, fully_connected_int4_weights,
          fully_connected_sparse_weights, custom_operator, add_uint8, while_loop, if_branches, resource_variable,
          variable_tensor, dynamic_shape, unidirectional_sequence_lstm, resize_bilinear, batch_matmul,
          weights_shorter_than_their_shape, file_cut_short)


def write(folder):
    folder.mkdir()
    for make in MODELS:
        (folder / f"{make.__name__}.tflite").write_bytes(make())
