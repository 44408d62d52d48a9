#!/usr/bin/env python3
"""Trains the fixed-point networks of the verification tests and writes them as QONNX, with expected.json.

    python3 -m venv venv && venv/bin/pip install numpy "onnx==1.19.*" qonnx
    venv/bin/python Tests/Networks/train.py ../shared/data/mnist [--out FOLDER] [--only NAME]

The data folder holds the four gzipped IDX files of MNIST. About two minutes on one core. The seed is fixed; another
CPU or BLAS may add floats in another order and so reach other weights, equally good ones.

Training is plain: cross-entropy on the network's own output codes, quantisation-aware with straight-through
gradients, Adam; nothing is done for robustness. The epoch is the best one on 5,000 held-out training images; the test
images are used once, for the figures in expected.json.

Arithmetic with n bits, all integers. Input: code/256, 8 bits unsigned. Weights: n bits signed, n-1 fraction bits.
Biases: n bits signed, n-2 fraction bits. A layer computes acc = sum W x + (b << bias_shift) and
(acc + 2^(s-1)) >> s, clamped to n bits: unsigned for hidden layers, signed for the last, n-2 fraction bits each.
First layer: s = bias_shift = 9; later ones: n-1. The class is the lowest index of the largest output.
"""
import argparse
import gzip
import json
import os
import pathlib
import re
import sys

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[library + "_NUM_THREADS"] = "1"  # One order of summation, hence one result.

import numpy as np  # noqa: E402
import onnx  # noqa: E402
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

NETWORKS = [(sizes, bits) for sizes in ([784, 100, 10], [784, 64, 32, 10]) for bits in (6, 4)]
INPUT_FRACTION = 8
HELD_OUT = 5000
EPOCHS = 20
BATCH = 128
RATE = 1e-3
SEED = 1


def name_of(sizes, bits):
    return "mnist_" + "-".join(map(str, sizes)) + f"_{bits}bit"


def load_idx(path):
    """The array of a gzipped IDX file of bytes."""
    with gzip.open(path) as file:
        data = file.read()
    if len(data) < 4 or data[:3] != b"\0\0\x08":
        sys.exit(f"{path}: not an IDX file of bytes")
    shape = np.frombuffer(data, ">u4", data[3], 4)
    if len(data) != 4 + 4 * data[3] + shape.prod(dtype=np.int64):
        sys.exit(f"{path}: {len(data)} bytes do not fit the shape {shape.tolist()}")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(shape)


def load(folder, prefix):
    images = load_idx(folder / f"{prefix}-images-idx3-ubyte.gz")
    return images.reshape(len(images), -1), load_idx(folder / f"{prefix}-labels-idx1-ubyte.gz")


def signed_codes(values, bits, fraction):
    """Values as signed codes of so many bits: nearest, halves away from zero, clipped."""
    scaled = values * 2.0**fraction
    rounded = np.sign(scaled) * np.floor(np.abs(scaled) + 0.5)
    return np.clip(rounded, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def code_range(bits, last):
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if last else (0, 2**bits - 1)


def integer_forward(layers, bits, codes):
    """Output codes [images, 10] of input codes [images, 784]; layers are (W [in, out], b [out]) of int64."""
    values, fraction = codes.astype(np.int64), INPUT_FRACTION
    for index, (weights, bias) in enumerate(layers):
        shift = fraction + (bits - 1) - (bits - 2)  # Of the bias up to the accumulator, and of that down to the output.
        accumulators = values @ weights + (bias << shift)
        rounded = (accumulators + (1 << (shift - 1))) >> shift
        values, fraction = np.clip(rounded, *code_range(bits, index == len(layers) - 1)), bits - 2
    return values


class Network:
    """Float parameters whose forward pass is the integer network's: below 2^24 float32 adds these integers exactly."""

    def __init__(self, sizes, bits, random):
        self.bits = bits
        self.parameters = []
        for rows, columns in zip(sizes, sizes[1:]):
            self.parameters.append(random.normal(0, np.sqrt(2 / rows), (rows, columns)).astype(np.float32))
            self.parameters.append(np.zeros(columns, np.float32))
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self.steps = 0

    def layers(self):
        fractions = [self.bits - 1, self.bits - 2] * (len(self.parameters) // 2)
        codes = [signed_codes(p, self.bits, f).astype(np.int64) for p, f in zip(self.parameters, fractions)]
        return list(zip(codes[::2], codes[1::2]))

    def gradients(self, inputs, labels):
        """Of the mean cross-entropy over a batch; inputs are real values (code/256)."""
        count, unit = len(self.parameters) // 2, 2.0 ** (self.bits - 2)
        values, weights, pre_activations = [inputs], [], []
        for index in range(count):
            w = signed_codes(self.parameters[2 * index], self.bits, self.bits - 1) / np.float32(2 * unit)
            b = signed_codes(self.parameters[2 * index + 1], self.bits, self.bits - 2) / np.float32(unit)
            z = values[-1] @ w + b
            code = np.clip(np.floor(z * np.float32(unit) + np.float32(0.5)), *code_range(self.bits, index == count - 1))
            weights.append(w)
            pre_activations.append(z)
            values.append(code / np.float32(unit))
        exponentials = np.exp(values[-1] - values[-1].max(1, keepdims=True))
        gradient = exponentials / exponentials.sum(1, keepdims=True)
        gradient[np.arange(len(labels)), labels] -= 1
        gradient /= np.float32(len(labels))
        result = [None] * len(self.parameters)
        for index in reversed(range(count)):
            last = index == count - 1
            low, high = (bound / unit for bound in code_range(self.bits, last))
            z = pre_activations[index]
            # Straight through the rounding, not through a clamp; but an output may come back from beyond its range.
            gradient = gradient * (((z > low) | (last & (gradient < 0))) & ((z < high) | (last & (gradient > 0))))
            result[2 * index] = values[index].T @ gradient
            result[2 * index + 1] = gradient.sum(0)
            gradient = gradient @ weights[index].T
        return result

    def step(self, gradients, rate):
        """Adam; parameters stay within the range of their codes, so that none is lost beyond it."""
        self.steps += 1
        correction = np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for index, (parameter, gradient) in enumerate(zip(self.parameters, gradients)):
            first, second = self.moments[index]
            first += (1 - 0.9) * (gradient - first)
            second += (1 - 0.999) * (gradient * gradient - second)
            parameter -= np.float32(rate * correction) * first / (np.sqrt(second) + np.float32(1e-8))
            limit = 1 if index % 2 == 0 else 2
            np.clip(parameter, -limit, limit, out=parameter)


def correct(layers, bits, images, labels):
    return integer_forward(layers, bits, images).argmax(1) == labels


def train(sizes, bits, images, labels):
    random = np.random.default_rng(SEED)
    network = Network(sizes, bits, random)
    held_images, held_labels = images[-HELD_OUT:], labels[-HELD_OUT:]
    images, labels = images[:-HELD_OUT], labels[:-HELD_OUT]
    inputs = images / np.float32(2**INPUT_FRACTION)
    total = EPOCHS * (len(inputs) // BATCH)
    best, best_count = None, -1
    for epoch in range(EPOCHS):
        order = random.permutation(len(inputs))
        for start in range(0, len(order) - BATCH + 1, BATCH):
            batch = order[start : start + BATCH]
            rate = RATE * 0.5 * (1 + np.cos(np.pi * network.steps / total))
            network.step(network.gradients(inputs[batch], labels[batch]), rate)
        layers = network.layers()
        count = int(correct(layers, bits, held_images, held_labels).sum())
        if count > best_count:
            best, best_count = layers, count
        print(f"{name_of(sizes, bits)} epoch {epoch + 1}: {100 * count / HELD_OUT:.2f} % of held-out", flush=True)
    return best


def qonnx_model(layers, bits):
    """The graph Quant(x) · Quant(W) + Quant(b), Relu, + half a unit, Quant with FLOOR (that is, half up), by layer."""
    nodes, initialisers, infos, counter = [], [], [], 0

    def fresh(letter, name=None):
        nonlocal counter
        counter += 1
        return name or f"{letter}{counter - 1}"

    def constant(array, name=None):
        name = fresh("c", name)
        initialisers.append(numpy_helper.from_array(np.asarray(array, np.float32), name))
        return name

    def node(operator, inputs, shape, output=None, **attributes):
        output = output or fresh("t")
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        infos.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
        return output

    def quant(value, fraction, bits, signed, rounding, shape, output=None):
        output = fresh("t", output)
        scalars = [constant(2.0**-fraction), constant(0), constant(bits)]
        return node("Quant", [value] + scalars, shape, output, domain="qonnx.custom_op.general",
                    narrow=0, rounding_mode=rounding, signed=int(signed))

    value = quant("global_in", INPUT_FRACTION, 8, False, "ROUND", [1, len(layers[0][0])])
    for index, (weights, bias) in enumerate(layers):
        last, shape = index == len(layers) - 1, [1, len(bias)]
        matrix = constant(weights / 2.0 ** (bits - 1), f"W{index}")
        matrix = quant(matrix, bits - 1, bits, True, "ROUND", weights.shape)
        offsets = constant(bias / 2.0 ** (bits - 2), f"b{index}")
        offsets = quant(offsets, bits - 2, bits, True, "ROUND", bias.shape)
        value = node("MatMul", [value, matrix], shape)
        value = node("Add", [value, offsets], shape)
        if not last:
            value = node("Relu", [value], shape)
        half = constant(2.0 ** -(bits - 1), f"half_lsb{index}")
        value = node("Add", [value, half], shape)
        value = quant(value, bits - 2, bits, last, "FLOOR", shape, "global_out" if last else None)
    graph = helper.make_graph(
        nodes, "qnn",
        [helper.make_tensor_value_info("global_in", TensorProto.FLOAT, [1, len(layers[0][0])])],
        [infos.pop()], initialisers, value_info=infos)
    return helper.make_model(
        graph, ir_version=8, producer_name="lockstep-tests",
        opset_imports=[helper.make_opsetid("", 13), helper.make_opsetid("qonnx.custom_op.general", 1)])


def check_with_qonnx(path, layers, bits, images):
    """Stops unless the qonnx package's execution of the file gives the integer network's codes."""
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx

    model = ModelWrapper(str(path))
    for index, (image, expected) in enumerate(zip(images, integer_forward(layers, bits, images))):
        values = {"global_in": (image[None] / 2.0**INPUT_FRACTION).astype(np.float32)}
        codes = execute_onnx(model, values)["global_out"][0] * 2.0 ** (bits - 2)
        if not np.array_equal(codes, expected):
            sys.exit(f"{path}: image {index}: qonnx gives {codes}, the integer network {expected}")


def main():
    parser = argparse.ArgumentParser(description="Trains the test networks.")
    parser.add_argument("data", type=pathlib.Path, help="folder with the four gzipped IDX files of MNIST")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    parser.add_argument("--only", choices=[name_of(*network) for network in NETWORKS], help="train this one alone")
    arguments = parser.parse_args()
    images, labels = load(arguments.data, "train")
    test_images, test_labels = load(arguments.data, "t10k")
    expected_path = arguments.out / "expected.json"
    expected = json.loads(expected_path.read_text()) if arguments.only and expected_path.exists() else {}
    for sizes, bits in NETWORKS:
        name = name_of(sizes, bits)
        if arguments.only not in (None, name):
            continue
        layers = train(sizes, bits, images, labels)
        path = arguments.out / f"{name}.onnx"
        onnx.save(qonnx_model(layers, bits), path)
        check_with_qonnx(path, layers, bits, test_images[:1000])
        right = correct(layers, bits, test_images, test_labels)
        first = np.flatnonzero(right)[:20]
        expected[name] = {
            "bits": bits,
            "sizes": sizes,
            "test_images": len(right),
            "test_correct": int(right.sum()),
            "first_correct": first.tolist(),
            "first_correct_outputs": integer_forward(layers, bits, test_images[first]).tolist(),
            "misclassified_below_400": np.flatnonzero(~right[:400]).tolist(),
        }
        print(f"{name}: {100 * right.mean():.2f} % of test")
    # One list of numbers a line.
    text = json.dumps(expected, indent=1)
    text = re.sub(r"\[[^][]*\]", lambda match: re.sub(r"\s+", "", match[0]).replace(",", ", "), text)
    expected_path.write_text(text + "\n")


if __name__ == "__main__":
    main()
