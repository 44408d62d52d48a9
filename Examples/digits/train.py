#!/usr/bin/env python3
"""Train, convert and evaluate the bundled digits network.

Two steps, so that they may run in different Python environments:

    python train.py --mnist DIR              trains with TensorFlow and writes
                                             digits.tflite, images.npy, labels.npy
    python train.py --mnist DIR --expected   runs digits.tflite with TensorFlow Lite Micro's
                                             reference kernels and writes expected.npy

DIR holds the four MNIST IDX files, gzip-compressed, under their original names.
"""

import argparse
import contextlib
import gzip
import hashlib
import io
import os
import re
import struct
from pathlib import Path

# Before TensorFlow is imported: oneDNN picks kernels by the machine's instruction set, and the
# order of its sums with them. Without it a run depends less on the machine.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import numpy as np

ALLOWED_OPERATORS = {
    "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "AVERAGE_POOL_2D",
    "MAX_POOL_2D", "MEAN", "SOFTMAX", "RESHAPE", "PAD",
}
SAMPLES = 32  # test images committed beside the network
VALIDATION = 5000  # training images held out, the last ones of the file
CALIBRATION = 500  # training images the converter sees to choose the activation scales


# --- data ---------------------------------------------------------------------------------------


def read_idx(path):
    """An IDX file of unsigned bytes: magic 0x0000_08_NN (NN dimensions), sizes big-endian."""
    with gzip.open(path, "rb") as file:
        data = file.read()
    zeros, kind, rank = struct.unpack(">HBB", data[:4])
    if zeros != 0 or kind != 8:
        raise ValueError(f"{path}: not an IDX file of unsigned bytes")
    shape = struct.unpack(f">{rank}I", data[4 : 4 + 4 * rank])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder, split):
    """Pixels uint8 [n, 28, 28, 1] and labels uint8 [n]; split is "train" or "t10k"."""
    images = read_idx(folder / f"{split}-images-idx3-ubyte.gz")
    labels = read_idx(folder / f"{split}-labels-idx1-ubyte.gz")
    return images[..., np.newaxis], labels


def real(pixels):
    """Pixels 0...255 as the reals 0...1 that the float network reads."""
    return pixels.astype(np.float32) / np.float32(255)


def quantise(values, scale, zero_point):
    """Int8 codes of real values: round half away from zero, add the zero point, saturate."""
    ratio = values.astype(np.float32) / np.float32(scale)
    rounded = np.sign(ratio) * np.floor(np.abs(ratio) + np.float32(0.5))
    return np.clip(rounded + zero_point, -128, 127).astype(np.int8)


# --- network ------------------------------------------------------------------------------------


def build(tf, batch=None):
    """The float network. Batch normalisation is folded into the convolutions by the converter."""
    layers = tf.keras.layers

    def normalised(x, layer, name, relu=True):
        x = layers.BatchNormalization(name=f"{name}_norm")(layer(x))
        return layers.ReLU(name=name)(x) if relu else x

    def conv(x, name, channels, size, strides=1, relu=True):
        layer = layers.Conv2D(
            channels, size, strides, padding="same", use_bias=False, name=f"{name}_conv"
        )
        return normalised(x, layer, name, relu)

    def depthwise(x, name, strides=1):
        layer = layers.DepthwiseConv2D(
            3, strides, padding="same", use_bias=False, name=f"{name}_conv"
        )
        return normalised(x, layer, name)

    image = layers.Input((28, 28, 1), batch_size=batch, name="image")
    x = conv(image, "stem", 8, 3, strides=2)  # 14 x 14 x 8, padded on one side only
    x = depthwise(x, "block1_depthwise")
    x = conv(x, "block1_pointwise", 16, 1)  # 14 x 14 x 16
    x = layers.MaxPooling2D(2, name="block1_pool")(x)  # 7 x 7 x 16

    y = conv(x, "residual_spatial", 16, 3)
    y = depthwise(y, "residual_depthwise")
    y = conv(y, "residual_pointwise", 16, 1, relu=False)
    x = layers.ReLU(name="residual")(layers.Add(name="residual_add")([x, y]))  # 7 x 7 x 16

    x = depthwise(x, "block2_depthwise", strides=2)  # 4 x 4 x 16
    x = conv(x, "block2_pointwise", 32, 1)  # 4 x 4 x 32
    x = layers.AveragePooling2D(2, name="block2_pool")(x)  # 2 x 2 x 32
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(10, name="logits")(x)
    return tf.keras.Model(image, layers.Softmax(name="scores")(x), name="digits")


def shifted(images, generator):
    """Each image moved by -1, 0 or 1 pixel both ways, zeros moving in."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    offsets = generator.integers(0, 3, (len(images), 2))
    rows = offsets[:, 0, None] + np.arange(28)
    columns = offsets[:, 1, None] + np.arange(28)
    which = np.arange(len(images))
    return padded[which[:, None, None], rows[:, :, None], columns[:, None, :]]


def train(tf, images, labels, epochs, batch, seed):
    """The trained float network. Test images take no part in it."""
    tf.keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    generator = np.random.default_rng(seed)

    training, held_out = slice(None, -VALIDATION), slice(-VALIDATION, None)
    targets = np.eye(10, dtype=np.float32)[labels]
    x, y = real(images[training]), targets[training]
    validation = (real(images[held_out]), targets[held_out])

    model = build(tf)
    steps = epochs * -(-len(x) // batch)
    model.compile(
        optimizer=tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(3e-3, steps)),
        # Smoothed labels keep the scores off 0 and 1, so that comparing them says more about the
        # layers before.
        loss=tf.keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy"],
    )
    for epoch in range(epochs):
        order = generator.permutation(len(x))
        history = model.fit(
            shifted(x[order], generator), y[order], batch_size=batch, shuffle=False,
            validation_data=validation, verbose=0,
        ).history
        print(
            f"epoch {epoch + 1:2}/{epochs}: loss {history['loss'][0]:.4f}, "
            f"validation accuracy {100 * history['val_accuracy'][0]:.2f} %",
            flush=True,
        )
    return model


def convert(tf, model, images):
    """The network as a fully int8 .tflite: weights, activations, input and output."""
    # A batch of one in the input keeps every shape static, so that Flatten becomes a single
    # RESHAPE instead of SHAPE, STRIDED_SLICE, PACK and RESHAPE.
    single = build(tf, batch=1)
    single.set_weights(model.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in real(images))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    # One scale for the whole weight matrix of the fully connected layer: older releases of
    # TensorFlow Lite Micro know no other. Convolutions keep one scale a channel.
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    with contextlib.redirect_stdout(io.StringIO()):  # a listing of the network's variables
        return converter.convert()


# --- inspection and evaluation ------------------------------------------------------------------


def operators(tf, path):
    """Operator names in file order, from TensorFlow's analyser: nothing is executed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        tf.lite.experimental.Analyzer.analyze(model_path=str(path))
    return re.findall(r"^\s*Op#\d+ (\w+)\(", text.getvalue(), re.MULTILINE)


def accuracy(scores, labels):
    """Per cent of the rows whose largest score (lowest index on ties) is the label."""
    return 100 * np.mean(np.argmax(scores, axis=1) == labels)


def lite_scores(tf, network, pixels):
    """Int8 scores by TensorFlow Lite's reference kernels, and the input's quantisation."""
    interpreter = tf.lite.Interpreter(
        model_content=network,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF,
    )
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    if source["dtype"] != np.int8 or result["dtype"] != np.int8:
        raise ValueError("digits.tflite: input and output must be int8")
    codes = quantise(real(pixels), *source["quantization"])
    scores = np.empty((len(codes), 10), np.int8)
    for index, code in enumerate(codes):
        interpreter.set_tensor(source["index"], code[np.newaxis])
        interpreter.invoke()
        scores[index] = interpreter.get_tensor(result["index"])[0]
    return scores, codes, source["quantization"]


def micro_interpreter(network):
    """TensorFlow Lite Micro with its reference kernels, as the PyPI package has them."""
    from tflite_micro.python.tflite_micro import runtime

    return runtime.Interpreter.from_bytes(network)


def micro_scores(interpreter, codes):
    """Int8 scores by TensorFlow Lite Micro."""
    scores = np.empty((len(codes), 10), np.int8)
    for index, code in enumerate(codes):
        interpreter.set_input(code[np.newaxis], 0)
        interpreter.invoke()
        scores[index] = interpreter.get_output(0)[0]
    return scores


def save(path, array):
    """NumPy's .npy, version 1.0, C order."""
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0))


def versions(*packages):
    from importlib.metadata import version

    return ", ".join(f"{package} {version(package)}" for package in packages)


# --- the two steps ------------------------------------------------------------------------------


def make_network(arguments):
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")
    print(versions("tensorflow-cpu", "keras", "numpy"))
    images, labels = load(arguments.mnist, "train")
    test_images, test_labels = load(arguments.mnist, "t10k")

    model = train(tf, images, labels, arguments.epochs, arguments.batch, arguments.seed)
    network = convert(tf, model, images[:CALIBRATION])
    path = arguments.output / "digits.tflite"
    path.write_bytes(network)

    listing = operators(tf, path)
    print("operators:", ", ".join(listing))
    if not listing or set(listing) - ALLOWED_OPERATORS:
        raise ValueError(f"{path}: unexpected operators {set(listing) - ALLOWED_OPERATORS}")

    scores, codes, (scale, zero_point) = lite_scores(tf, network, test_images)
    save(arguments.output / "images.npy", codes[:SAMPLES])
    save(arguments.output / "labels.npy", test_labels[:SAMPLES])

    float_scores = model.predict(real(test_images), batch_size=500, verbose=0)
    print(f"parameters (batch normalisation included): {model.count_params()}")
    print(f"input: scale {scale:.9g}, zero point {zero_point}")
    print(f"digits.tflite: {len(network)} bytes, SHA-256 {hashlib.sha256(network).hexdigest()}")
    print(f"test accuracy, float: {accuracy(float_scores, test_labels):.2f} %")
    print(f"test accuracy, int8, TensorFlow Lite: {accuracy(scores, test_labels):.2f} %")


def make_expected(arguments):
    print(versions("tflite-micro", "numpy"))
    interpreter = micro_interpreter((arguments.output / "digits.tflite").read_bytes())
    quantisation = interpreter.get_input_details(0)["quantization_parameters"]
    pixels, labels = load(arguments.mnist, "t10k")
    codes = quantise(real(pixels), quantisation["scales"][0], quantisation["zero_points"][0])
    if not np.array_equal(codes[:SAMPLES], np.load(arguments.output / "images.npy")):
        raise ValueError("images.npy: not the codes of the first test images")

    scores = micro_scores(interpreter, codes)
    save(arguments.output / "expected.npy", scores[:SAMPLES])
    print(f"test accuracy, int8, TensorFlow Lite Micro: {accuracy(scores, labels):.2f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mnist", type=Path, required=True, metavar="DIR", help="MNIST IDX files")
    parser.add_argument("--output", type=Path, metavar="DIR", default=Path(__file__).parent,
                        help="where the files go (default: beside this script)")
    parser.add_argument("--expected", action="store_true",
                        help="only write expected.npy for the digits.tflite that is there")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    (make_expected if arguments.expected else make_network)(arguments)


if __name__ == "__main__":
    main()
