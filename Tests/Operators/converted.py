"""Models made by TensorFlow's converter: what people really deploy, with the calibration it chooses.

Full integer quantisation with a representative data set; int8 inside, and int8, uint8 or float32 at the
boundaries. Where the converter lowers a function to other operators than the one asked for, the model is
kept all the same: the name says what was written in TensorFlow, the file says what came of it.
"""

import os

import numpy as np
import tensorflow as tf

from tflite_model import Case, schema
from vectors import all_codes, generator, integer_vectors
from written_elementwise import float_inputs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
tf.get_logger().setLevel("ERROR")

CALIBRATION_SAMPLES = 24


class Function(tf.Module):
    """A function of float tensors, with its weights as variables."""

    def __init__(self, body):
        super().__init__()
        self.body = body


def convert(name, body, shapes, low, high, boundary, per_tensor):
    rng = generator(name + ".calibration")
    module = Function(body)
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    function = tf.function(lambda *tensors: module.body(*tensors), input_signature=signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.representative_dataset = lambda: (
        [rng.uniform(low, high, [d or 1 for d in shape]).astype(np.float32) for shape in shapes]
        for _ in range(CALIBRATION_SAMPLES))
    converter.inference_input_type = converter.inference_output_type = getattr(tf, boundary)
    converter._experimental_disable_per_channel = per_tensor
    return converter.convert()


def inputs_of(name, model_bytes, low, high):
    """Vectors for the model's own input tensors."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(model_bytes), 0))
    graph = model.subgraphs[0]
    types = {schema.TensorType.INT8: "int8", schema.TensorType.UINT8: "uint8", schema.TensorType.FLOAT32: "float32"}
    tensors = [graph.tensors[index] for index in graph.inputs]
    if types[tensors[0].type] == "float32":
        scale = (high - low) / 255
        zero_point = int(np.clip(round(-128 - low / scale), -128, 127))
        return [float_inputs(f"{name}.{i}", list(t.shape), np.float32(scale), zero_point) for i, t in enumerate(tensors)]
    if len(tensors) == 1 and np.prod(tensors[0].shape) == 256:
        return all_codes(name, list(tensors[0].shape), types[tensors[0].type])
    return integer_vectors(name, [(list(t.shape), types[t.type], int(t.quantization.zeroPoint[0])) for t in tensors])


def converted(operator, name, body, *shapes, low=-2.0, high=3.0, boundary="int8", per_tensor=False):
    """`body(rng)` returns the function, so that its weights come from the case's own generator."""
    name = f"converted_{operator.lower()}_{name}"
    suffix = {"int8": "", "uint8": "_uint8_boundary", "float32": "_float32_boundary"}[boundary]
    name += suffix + ("_per_tensor" if per_tensor else "")

    def build():
        model = convert(name, body(generator(name)), shapes, low, high, boundary, per_tensor)
        return Case(name, operator, model, inputs_of(name, model, low, high))

    return build


def constant(rng, *shape, spread=0.5):
    return tf.constant(rng.normal(0, spread, shape).astype(np.float32))


def conv(kernel, strides=1, padding="SAME", dilations=1, act=None, bias=True):
    def body(rng):
        w, b = constant(rng, *kernel), constant(rng, kernel[3])

        def function(x):
            y = tf.nn.conv2d(x, w, strides, padding, dilations=dilations)
            y = y + b if bias else y
            return act(y) if act else y
        return function
    return body


def depthwise(kernel, stride=1, padding="SAME", dilations=1, act=None):
    def body(rng):
        w, b = constant(rng, *kernel), constant(rng, kernel[2] * kernel[3])

        def function(x):
            y = tf.nn.depthwise_conv2d(x, w, [1, stride, stride, 1], padding, dilations=[dilations] * 2) + b
            return act(y) if act else y
        return function
    return body


def dense(inputs, units, act=None, bias=True):
    def body(rng):
        w, b = constant(rng, inputs, units), constant(rng, units)

        def function(x):
            y = tf.matmul(x, w)
            y = y + b if bias else y
            return act(y) if act else y
        return function
    return body


def plain(function):
    return lambda rng: function


def with_constant(function, *shape):
    def body(rng):
        c = constant(rng, *shape)
        return lambda x: function(x, c)
    return body


IMAGE = (1, 6, 5, 3)


def weighted_cases():
    yield converted("CONV_2D", "same", conv((3, 3, 3, 4)), IMAGE)
    yield converted("CONV_2D", "same", conv((3, 3, 3, 4)), IMAGE, per_tensor=True)
    yield converted("CONV_2D", "same", conv((3, 3, 3, 4)), IMAGE, boundary="uint8")
    yield converted("CONV_2D", "same", conv((3, 3, 3, 4)), IMAGE, boundary="float32")
    yield converted("CONV_2D", "valid_stride2_relu", conv((3, 2, 3, 5), 2, "VALID", act=tf.nn.relu), IMAGE)
    yield converted("CONV_2D", "same_stride2_relu6", conv((3, 3, 3, 5), 2, act=tf.nn.relu6), IMAGE, high=9.0)
    yield converted("CONV_2D", "same_relu_n1_to_1", conv((2, 2, 3, 4), act=lambda y: tf.clip_by_value(y, -1.0, 1.0)), IMAGE)
    yield converted("CONV_2D", "pointwise_no_bias", conv((1, 1, 3, 8), bias=False), IMAGE)
    yield converted("CONV_2D", "dilated_same", conv((3, 3, 3, 4), dilations=2), IMAGE)
    yield converted("CONV_2D", "dilated_valid", conv((3, 3, 2, 4), padding="VALID", dilations=2), (1, 7, 8, 2))
    yield converted("CONV_2D", "groups3", conv((3, 3, 1, 6)), IMAGE)
    yield converted("CONV_2D", "batch2", conv((3, 3, 3, 4), 2), (2, 6, 5, 3))
    yield converted("CONV_2D", "positive_input", conv((3, 3, 3, 4), act=tf.nn.relu), IMAGE, low=0.0, high=1.0)
    yield converted("DEPTHWISE_CONV_2D", "same", depthwise((3, 3, 3, 1)), IMAGE)
    yield converted("DEPTHWISE_CONV_2D", "same", depthwise((3, 3, 3, 1)), IMAGE, per_tensor=True)
    yield converted("DEPTHWISE_CONV_2D", "same", depthwise((3, 3, 3, 1)), IMAGE, boundary="uint8")
    yield converted("DEPTHWISE_CONV_2D", "multiplier2_valid", depthwise((3, 2, 3, 2), 1, "VALID"), IMAGE)
    yield converted("DEPTHWISE_CONV_2D", "multiplier4_stride2_relu", depthwise((4, 4, 1, 4), 2, act=tf.nn.relu),
                    (1, 9, 8, 1))
    yield converted("DEPTHWISE_CONV_2D", "stride2_relu6", depthwise((3, 3, 3, 1), 2, act=tf.nn.relu6), IMAGE, high=9.0)
    yield converted("DEPTHWISE_CONV_2D", "dilated_same", depthwise((3, 3, 2, 1), dilations=2), (1, 8, 7, 2))
    yield converted("DEPTHWISE_CONV_2D", "batch2", depthwise((3, 3, 3, 1)), (2, 6, 5, 3))
    for act, label in ((None, "none"), (tf.nn.relu, "relu"), (tf.nn.relu6, "relu6")):
        yield converted("FULLY_CONNECTED", f"act_{label}", dense(20, 7, act), (1, 20))
    yield converted("FULLY_CONNECTED", "act_none", dense(20, 7), (1, 20), per_tensor=True)
    yield converted("FULLY_CONNECTED", "act_none", dense(20, 7), (1, 20), boundary="uint8")
    yield converted("FULLY_CONNECTED", "act_none", dense(20, 7), (1, 20), boundary="float32")
    yield converted("FULLY_CONNECTED", "no_bias", dense(20, 7, bias=False), (1, 20))
    yield converted("FULLY_CONNECTED", "batch4", dense(9, 5), (4, 9))
    yield converted("FULLY_CONNECTED", "rank_3", dense(6, 5), (2, 3, 6))
    yield converted("FULLY_CONNECTED", "any_batch", dense(12, 5), (None, 12))


def elementwise_cases():
    for operator, function in (("ADD", tf.add), ("SUB", tf.subtract), ("MUL", tf.multiply)):
        yield converted(operator, "two_inputs", plain(function), IMAGE, IMAGE)
        yield converted(operator, "broadcast_channel", plain(function), IMAGE, (1, 1, 1, 3))
        yield converted(operator, "constant", with_constant(function, 3), IMAGE)
        yield converted(operator, "constant_first", with_constant(lambda x, c, f=function: f(c, x), 3), IMAGE)
        yield converted(operator, "relu", plain(lambda a, b, f=function: tf.nn.relu(f(a, b))), IMAGE, IMAGE)
        if operator != "SUB":  # x - x has no range to calibrate
            yield converted(operator, "same_tensor", plain(lambda a, f=function: f(a, a)), IMAGE)
    yield converted("ADD", "two_inputs", plain(tf.add), IMAGE, IMAGE, boundary="uint8")
    yield converted("MUL", "two_inputs", plain(tf.multiply), IMAGE, IMAGE, boundary="float32")
    codes = (1, 256)  # room for every code
    functions = {"LOGISTIC": tf.sigmoid, "TANH": tf.tanh, "RELU": tf.nn.relu, "RELU6": tf.nn.relu6,
                 "HARD_SWISH": lambda x: x * tf.nn.relu6(x + 3.0) * (1.0 / 6.0),
                 "LEAKY_RELU": lambda x: tf.nn.leaky_relu(x, 0.2), "SOFTMAX": tf.nn.softmax}
    for operator, function in functions.items():
        yield converted(operator, "narrow", plain(function), codes, low=-2.0, high=3.0)
        yield converted(operator, "wide", plain(function), codes, low=-20.0, high=11.0)
    yield converted("LOGISTIC", "narrow", plain(tf.sigmoid), codes, boundary="float32")
    yield converted("SOFTMAX", "ten", plain(tf.nn.softmax), (1, 10))
    yield converted("SOFTMAX", "ten", plain(tf.nn.softmax), (1, 10), boundary="float32")
    yield converted("SOFTMAX", "ten", plain(tf.nn.softmax), (1, 10), boundary="uint8")
    yield converted("RELU", "narrow", plain(tf.nn.relu), codes, boundary="uint8")
    yield converted("SOFTMAX", "rank_4", plain(tf.nn.softmax), (1, 2, 3, 5))


def shape_cases():
    def pooling(function, window, strides, padding):
        return plain(lambda x: function(x, window, strides, padding))

    for operator, function in (("AVERAGE_POOL_2D", tf.nn.avg_pool2d), ("MAX_POOL_2D", tf.nn.max_pool2d)):
        yield converted(operator, "valid", pooling(function, 2, 2, "VALID"), IMAGE)
        yield converted(operator, "same_3x3", pooling(function, 3, 2, "SAME"), IMAGE)
        yield converted(operator, "same_2x3", pooling(function, (2, 3), (1, 2), "SAME"), IMAGE, boundary="uint8")
    yield converted("MEAN", "global_keep", plain(lambda x: tf.reduce_mean(x, (1, 2), keepdims=True)), IMAGE)
    yield converted("MEAN", "global", plain(lambda x: tf.reduce_mean(x, (1, 2))), IMAGE)
    yield converted("MEAN", "channels", plain(lambda x: tf.reduce_mean(x, -1)), IMAGE)
    yield converted("MEAN", "global", plain(lambda x: tf.reduce_mean(x, (1, 2))), IMAGE, boundary="float32")
    yield converted("RESHAPE", "flatten", plain(lambda x: tf.reshape(x, (1, -1))), IMAGE)
    yield converted("RESHAPE", "regroup", plain(lambda x: tf.reshape(x, (5, 3, 6))), IMAGE)
    yield converted("SQUEEZE", "all", plain(tf.squeeze), (1, 5, 1, 3))
    yield converted("EXPAND_DIMS", "axis_1", plain(lambda x: tf.expand_dims(x, 1)), (2, 5))
    yield converted("PAD", "image", plain(lambda x: tf.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)))), IMAGE)
    yield converted("PADV2", "value_1", plain(lambda x: tf.pad(x, ((0, 0), (1, 2), (0, 1), (0, 0)), constant_values=1.0)),
                    IMAGE)
    yield converted("TRANSPOSE", "to_channels_first", plain(lambda x: tf.transpose(x, (0, 3, 1, 2))), IMAGE)
    yield converted("CONCATENATION", "channels", plain(lambda a, b: tf.concat((a, b), 3)), IMAGE, (1, 6, 5, 2))
    yield converted("CONCATENATION", "three_rows", plain(lambda a, b, c: tf.concat((a, b, c), 1)), IMAGE,
                    (1, 1, 5, 3), (1, 2, 5, 3))
    yield converted("CONCATENATION", "relu_beside_plain", plain(lambda a, b: tf.concat((tf.nn.relu(a), b), 3)), IMAGE, IMAGE)
    yield converted("STRIDED_SLICE", "inside", plain(lambda x: x[:, 1:5:2, :-1, 1:]), IMAGE)
    yield converted("STRIDED_SLICE", "shrink", plain(lambda x: x[:, 2, :, 0]), IMAGE)
    yield converted("STRIDED_SLICE", "reverse", plain(lambda x: x[:, ::-1, :, ::2]), IMAGE)
    yield converted("QUANTIZE", "around_maximum", plain(lambda x: tf.nn.max_pool2d(x, 1, 1, "VALID")), IMAGE,
                    boundary="float32")


def cases():
    yield from weighted_cases()
    yield from elementwise_cases()
    yield from shape_cases()
