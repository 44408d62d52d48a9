"""Makes the float networks of the quantisation tests: small MNIST classifiers, as exporters of training tools write them.

    python3 -m venv venv
    venv/bin/pip install onnx==1.19.1 onnxruntime==1.31.1 numpy==2.4.6 ai-edge-litert==2.3.0 flatbuffers
    venv/bin/python make_networks.py FOLDER_WITH_MNIST_IDX_FILES

dense.onnx     784-32-10: Gemm, Relu, MatMul, Add, Softmax. Trained by plain stochastic gradient descent.
conv.onnx      Conv (stride 2, padded evenly), BatchNormalization, Relu; depthwise Conv, Clip 0 … 6; two pointwise Convs, one
               with BatchNormalization, summed; Relu, MaxPool, Flatten, Gemm, Softmax. Filters are random; the last layer is
               fitted to what they make of 10,000 training images (ridge regression).
conv.tflite    the same without normalisation, channels last, padded by SAME; fitted anew.
"""

import gzip
import sys
from pathlib import Path

import flatbuffers
import numpy as np
import onnx
import onnxruntime
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
DATA = Path(sys.argv[1])
rng = np.random.default_rng(20)


def idx(name, header):
    return np.frombuffer(gzip.open(DATA / name).read(), np.uint8, offset=header)


images = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
labels = idx("train-labels-idx1-ubyte.gz", 8)
test_images = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
test_labels = idx("t10k-labels-idx1-ubyte.gz", 8)


def save(name, nodes, constants, shape):
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], 10])],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, HERE / f"{name}.onnx")
    return onnxruntime.InferenceSession(model.SerializeToString())


def run(session, x):
    return np.concatenate([session.run(None, {"image": sample[None]})[0] for sample in x])


def report(name, scores):
    print(f"{name}: {np.mean(scores.argmax(1) == test_labels[:len(scores)]):.4f}")


def fitted(features):
    """Weights [features, 10] and bias that come closest to the classes of the first images."""
    x = np.hstack([features, np.ones((len(features), 1), np.float32)]).astype(np.float64)
    targets = np.eye(10)[labels[:len(features)]]
    solution = np.linalg.solve(x.T @ x + 3 * np.eye(x.shape[1]), x.T @ targets)
    return (5 * solution[:-1]).astype(np.float32), (5 * solution[-1]).astype(np.float32)


# dense.onnx
w1, b1 = rng.normal(0, 0.05, (784, 32)).astype(np.float32), np.zeros(32, np.float32)
w2, b2 = rng.normal(0, 0.2, (32, 10)).astype(np.float32), np.zeros(10, np.float32)
flat = images.reshape(-1, 784)
for epoch in range(8):
    rate = 0.2 * (1 - epoch / 8)
    for batch in rng.permutation(60000).reshape(-1, 100):
        x = flat[batch]
        hidden = np.maximum(x @ w1 + b1, 0)
        scores = hidden @ w2 + b2
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        p[np.arange(100), labels[batch]] -= 1
        p /= 100
        back = (p @ w2.T) * (hidden > 0)
        w2 -= rate * hidden.T @ p
        b2 -= rate * p.sum(0)
        w1 -= rate * x.T @ back
        b1 -= rate * back.sum(0)
session = save("dense", [
    helper.make_node("Flatten", ["image"], ["flat"]),
    helper.make_node("Gemm", ["flat", "w1", "b1"], ["sum1"], transB=1),
    helper.make_node("Relu", ["sum1"], ["hidden"]),
    helper.make_node("MatMul", ["hidden", "w2"], ["product"]),
    helper.make_node("Add", ["product", "b2"], ["sum2"]),
    helper.make_node("Softmax", ["sum2"], ["scores"], axis=-1),
], {"w1": w1.T.copy(), "b1": b1, "w2": w2, "b2": b2}, [1, 1, 28, 28])
report("dense.onnx", run(session, test_images[:2000]))


# conv.onnx
def normalisation(count):
    return {"gain": rng.uniform(0.5, 1.5, count).astype(np.float32), "offset": rng.normal(0, 0.2, count).astype(np.float32),
            "mean": rng.normal(0, 0.2, count).astype(np.float32), "variance": rng.uniform(0.5, 2, count).astype(np.float32)}


filters = rng.normal(0, 0.5, (8, 1, 3, 3)).astype(np.float32)
depthwise = rng.normal(0, 0.5, (8, 1, 3, 3)).astype(np.float32)
depthwise[:, 0, 1, 1] += 1
left = rng.normal(0, 0.4, (12, 8, 1, 1)).astype(np.float32)
right = rng.normal(0, 0.4, (12, 8, 1, 1)).astype(np.float32)
constants = {"filters": filters, "filter_bias": rng.normal(0, 0.1, 8).astype(np.float32), "depthwise": depthwise,
             "left": left, "left_bias": rng.normal(0, 0.1, 12).astype(np.float32), "right": right,
             "zero": np.float32(0), "six": np.float32(6)}
for name, count in (("first", 8), ("second", 12)):
    constants |= {f"{name}_{key}": value for key, value in normalisation(count).items()}
nodes = [
    helper.make_node("Conv", ["image", "filters", "filter_bias"], ["sum1"], kernel_shape=[3, 3], strides=[2, 2],
                     pads=[1, 1, 1, 1]),
    helper.make_node("BatchNormalization", ["sum1", "first_gain", "first_offset", "first_mean", "first_variance"],
                     ["normal1"]),
    helper.make_node("Relu", ["normal1"], ["hidden1"]),
    helper.make_node("Conv", ["hidden1", "depthwise"], ["sum2"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=8),
    helper.make_node("Clip", ["sum2", "zero", "six"], ["hidden2"]),
    helper.make_node("Conv", ["hidden2", "left", "left_bias"], ["sum3"], kernel_shape=[1, 1]),
    helper.make_node("BatchNormalization", ["sum3", "second_gain", "second_offset", "second_mean", "second_variance"],
                     ["normal3"]),
    helper.make_node("Conv", ["hidden1", "right"], ["sum4"], kernel_shape=[1, 1]),
    helper.make_node("Add", ["normal3", "sum4"], ["joined"]),
    helper.make_node("Relu", ["joined"], ["hidden4"]),
    helper.make_node("MaxPool", ["hidden4"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("Flatten", ["pooled"], ["flat"]),
]
ends = [helper.make_node("Gemm", ["flat", "w", "b"], ["sum5"], transB=1),
        helper.make_node("Softmax", ["sum5"], ["scores"], axis=1)]
graph = helper.make_graph(
    nodes, "features", [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 28, 28])],
    [helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, 588])],
    [numpy_helper.from_array(np.asarray(array), key) for key, array in constants.items()])
features = onnxruntime.InferenceSession(
    helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
w, b = fitted(run(features, images[:10000]))
session = save("conv", nodes + ends, constants | {"w": w.T.copy(), "b": b}, [1, 1, 28, 28])
report("conv.onnx", run(session, test_images[:2000]))


# conv.tflite
class Writer:
    def __init__(self):
        self.model, self.graph = schema.ModelT(), schema.SubGraphT()
        self.model.version, self.model.subgraphs, self.model.operatorCodes = 3, [self.graph], []
        self.model.buffers = [schema.BufferT()]
        self.graph.tensors, self.graph.operators = [], []

    def tensor(self, name, shape, data=None):
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), schema.TensorType.FLOAT32, 0
        if data is not None:
            buffer = schema.BufferT()
            data = np.ascontiguousarray(data)
            tensor.type = schema.TensorType.INT32 if data.dtype == np.int32 else schema.TensorType.FLOAT32
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def constant(self, name, array):
        return self.tensor(name, array.shape, array)

    def operator(self, name, options_name, inputs, shape, **fields):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        output = self.tensor(f"{name.lower()}_{operator.opcodeIndex}", shape)
        operator.inputs, operator.outputs = list(inputs), [output]
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        operator.builtinOptions = getattr(schema, options_name + "T")()
        for key, value in fields.items():
            setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return output

    def bytes(self, inputs, outputs):
        self.graph.inputs, self.graph.outputs = inputs, outputs
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())


RELU, RELU6, SAME = 1, 3, 0


def lite(last=None):
    writer = Writer()
    image = writer.tensor("image", [1, 28, 28, 1])
    strides = {"padding": SAME, "strideW": 1, "strideH": 1}
    first = writer.operator(
        "CONV_2D", "Conv2DOptions",
        [image, writer.constant("filters", filters.transpose(0, 2, 3, 1)), writer.constant("filter_bias", constants["filter_bias"])],
        [1, 14, 14, 8], padding=SAME, strideW=2, strideH=2, fusedActivationFunction=RELU)
    second = writer.operator(
        "DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions",
        [first, writer.constant("depthwise", depthwise.transpose(1, 2, 3, 0)), writer.constant("zeros", np.zeros(8, np.float32))],
        [1, 14, 14, 8], depthMultiplier=1, fusedActivationFunction=RELU6, **strides)
    third = writer.operator(
        "CONV_2D", "Conv2DOptions",
        [second, writer.constant("left", left.transpose(0, 2, 3, 1)), writer.constant("left_bias", constants["left_bias"])],
        [1, 14, 14, 12], **strides)
    fourth = writer.operator(
        "CONV_2D", "Conv2DOptions",
        [first, writer.constant("right", right.transpose(0, 2, 3, 1)), writer.constant("no_bias", np.zeros(12, np.float32))],
        [1, 14, 14, 12], **strides)
    joined = writer.operator("ADD", "AddOptions", [third, fourth], [1, 14, 14, 12], fusedActivationFunction=RELU)
    pooled = writer.operator(
        "AVERAGE_POOL_2D", "Pool2DOptions", [joined], [1, 7, 7, 12], padding=1, strideW=2, strideH=2, filterWidth=2,
        filterHeight=2)
    flat = writer.operator(
        "RESHAPE", "ReshapeOptions", [pooled, writer.constant("shape", np.array([1, 588], np.int32))], [1, 588],
        newShape=[1, 588])
    if last is None:
        return writer.bytes([image], [flat])
    scores = writer.operator(
        "FULLY_CONNECTED", "FullyConnectedOptions",
        [flat, writer.constant("w", last[0].T.copy()), writer.constant("b", last[1])], [1, 10])
    return writer.bytes([image], [writer.operator("SOFTMAX", "SoftmaxOptions", [scores], [1, 10], beta=1.0)])


def run_lite(content, x):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    made = []
    for sample in x:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample.reshape(1, 28, 28, 1))
        interpreter.invoke()
        made.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0].copy())
    return np.array(made)


content = lite(fitted(run_lite(lite(), images[:10000])))
(HERE / "conv.tflite").write_bytes(content)
report("conv.tflite", run_lite(content, test_images[:2000]))

# What the references make of the first test images.
np.save(HERE / "images.npy", (test_images[:8, 0] * 255).round().astype(np.uint8))
np.save(HERE / "labels.npy", test_labels[:8].astype(np.uint8))
for name in ("dense", "conv"):
    session = onnxruntime.InferenceSession(str(HERE / f"{name}.onnx"))
    np.save(HERE / f"{name}.onnx.scores.npy", run(session, test_images[:8]))
np.save(HERE / "conv.tflite.scores.npy", run_lite(content, test_images[:8]))
