"""A training step of QA-IBP, beside the same step in TensorFlow, the framework of its authors: the same network, batch,
bits and number of threads, in the same run, by turns.

    python training.py LOCKSTEP

Needs tensorflow-cpu. Pictures are noise: what they are makes no difference to the time.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

threads = os.cpu_count() or 1
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
import numpy as np
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(threads)
tf.config.threading.set_inter_op_parallelism_threads(1)

lockstep = sys.argv[1]
BATCH, STEPS, EPSILON = 128, 100, 2.0
networks = {
    "784-256-64-10": [("dense", 256), ("dense", 64), ("dense", 10)],
    "conv 16, conv 32, 64-10": [("conv", 16, 5, 2), ("conv", 32, 3, 2), ("dense", 64), ("dense", 10)],
    "conv 32, conv 64, 128-10": [("conv", 32, 5, 2), ("conv", 64, 3, 2), ("dense", 128), ("dense", 10)],
}
random = np.random.default_rng(1)
pixels = random.integers(0, 256, (BATCH * STEPS + BATCH, 28, 28, 1), dtype=np.uint8)
labels = random.integers(0, 10, len(pixels), dtype=np.uint8)


def ours(layers, epochs):
    """Seconds of a run of so many epochs of STEPS steps."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = ["input 28 28 1"] + [
            f"dense {l[1]}" if l[0] == "dense" else f"conv {l[1]} kernel {l[2]} stride {l[3]}" for l in layers]
        (folder / "net.txt").write_text("\n".join(lines) + "\n")
        np.save(folder / "x.npy", pixels)
        np.save(folder / "y.npy", labels)
        words = subprocess.run(
            [lockstep, "train", folder / "net.txt", "--images", folder / "x.npy", "--labels", folder / "y.npy",
             "--held-out", str(BATCH), "--method", "intervals", "--epsilon", str(EPSILON), "--training-epsilon",
             str(EPSILON), "--float-share", "0", "--batch", str(BATCH), "--epochs", str(epochs), "--jobs", str(threads),
             "--output", folder / "n.onnx"], check=True, capture_output=True, text=True).stdout
        return [float(s) for s in re.findall(r"^epoch .*, ([0-9.]+) s$", words, re.M)]


def quantized(x, scale, high, signed=False):
    low = -high * scale if signed else 0.0
    return tf.quantization.fake_quant_with_min_max_args(
        x, min=low, max=high * scale, num_bits=8, narrow_range=signed)


class Theirs:
    """Center and radius through fake quantisation, as the authors' code has it; the last layer joined with the classes'
    comparison; cross-entropy of the worst case."""

    def __init__(self, layers):
        self.layers, self.weights, shape = layers, [], (28, 28, 1)
        for layer in layers:
            if layer[0] == "conv":
                _, filters, kernel, stride = layer
                w = tf.Variable(tf.random.normal((kernel, kernel, shape[2], filters), stddev=0.1))
                shape = ((shape[0] - kernel) // stride + 1, (shape[1] - kernel) // stride + 1, filters)
            else:
                inputs = int(np.prod(shape))
                w = tf.Variable(tf.random.normal((inputs, layer[1]), stddev=0.05))
                shape = (layer[1],)
            self.weights.append((w, tf.Variable(tf.zeros(shape[-1]))))
        self.optimizer = tf.keras.optimizers.AdamW(1e-3)
        self.variables = [v for pair in self.weights for v in pair]
        self.optimizer.build(self.variables)

    @tf.function
    def step(self, x, y):
        with tf.GradientTape() as tape:
            low, high = tf.maximum(x - EPSILON, 0.0) / 256, tf.minimum(x + EPSILON, 255.0) / 256
            c, r = (low + high) / 2, (high - low) / 2
            for index, (layer, (w, b)) in enumerate(zip(self.layers, self.weights)):
                w = quantized(w, 1 / 128, 127, signed=True)
                if layer[0] == "dense" and len(c.shape) > 2:
                    c, r = tf.reshape(c, (len(c), -1)), tf.reshape(r, (len(r), -1))
                if index == len(self.layers) - 1:
                    difference = w[None, :, :] - tf.transpose(tf.gather(w, y, axis=1))[:, :, None]
                    z = c @ w + b
                    lead = z - tf.gather(z, y, axis=1, batch_dims=1)[:, None]
                    worst = lead + tf.einsum("bf,bfc->bc", r, tf.abs(difference))
                    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, worst))
                    break
                if layer[0] == "conv":
                    c = tf.nn.conv2d(c, w, layer[3], "VALID") + b
                    r = tf.nn.conv2d(r, tf.abs(w), layer[3], "VALID")
                else:
                    c, r = c @ w + b, r @ tf.abs(w)
                low, high = quantized(c - r, 1 / 64, 255), quantized(c + r, 1 / 64, 255)
                c, r = (low + high) / 2, (high - low) / 2
        self.optimizer.apply_gradients(zip(tape.gradient(loss, self.variables), self.variables))
        return loss

    def seconds(self):
        x = tf.constant(pixels[:BATCH].astype(np.float32))
        y = tf.constant(labels[:BATCH].astype(np.int32))
        self.step(x, y)
        start = time.perf_counter()
        for _ in range(STEPS):
            loss = self.step(x, y)
        loss.numpy()
        return time.perf_counter() - start


print(f"{'training step, ' + str(threads) + ' threads':30}{'lockstep':>12}{'TensorFlow':>12}{'ratio':>7}")
for name, layers in networks.items():
    theirs = Theirs(layers)
    mine, other = [], []
    for _ in range(3):
        mine.append(ours(layers, 1)[0])
        other.append(theirs.seconds())
    a, b = 1000 * min(mine) / STEPS, 1000 * min(other) / STEPS
    print(f"{name:30}{a:>9.2f} ms{b:>9.2f} ms{a / b:>7.2f}", flush=True)
