"""Executed instructions of layers and of a network with 16-bit activations, and of layers with 4-bit weights.

    python widths.py LOCKSTEP [--write FOLDER] [TARGET…]

The network is the keyword spotter of MLPerf Tiny (kws_ref_model: a convolution, four depthwise separable blocks, an average,
a dense layer), built with Keras, with random weights, converted to int16 activations and int8 weights. The layers are its own,
and larger ones. Beside them stands what CMSIS-NN's functions of the same widths take, estimated from their inner loops, since
no package has them: instructions for what one round of a loop multiplies, and for an output. FOLDER keeps the models.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).parents[1] / "Operators"))


def keyword_spotter():
    import numpy as np
    import tensorflow as tf

    tf.keras.utils.set_random_seed(16)
    layers = tf.keras.layers
    x = inputs = layers.Input((49, 10, 1))

    def activated(x):
        return layers.Activation("relu")(layers.BatchNormalization()(x))

    x = activated(layers.Conv2D(64, (10, 4), strides=(2, 2), padding="same")(x))
    for _ in range(4):
        x = activated(layers.DepthwiseConv2D((3, 3), padding="same")(x))
        x = activated(layers.Conv2D(64, (1, 1), padding="same")(x))
    x = layers.Flatten()(layers.AveragePooling2D((25, 5))(x))
    model = tf.keras.Model(inputs, layers.Dense(12, activation="softmax")(x))
    random = np.random.default_rng(16)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([random.normal(size=(1, 49, 10, 1)).astype(np.float32)] for _ in range(50))
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int16
    return converter.convert()


# Each layer: multiply-accumulates, outputs, products of an output.
SHAPES = {
    "conv 1x1 64>64, 25x5": (25 * 5 * 64 * 64, 25 * 5 * 64, 64),
    "conv 3x3 16>32, 16x16": (16 * 16 * 32 * 144, 16 * 16 * 32, 144),
    "depthwise 3x3 32, 49x10": (49 * 10 * 32 * 9, 49 * 10 * 32, 9),
    "dense 640>128": (640 * 128, 128, 640),
    "dense 2000>64": (2000 * 64, 64, 2000),
}


def layers_of(kind):
    import written_sixteen
    import written_weighted

    if kind == "s16":
        m = written_sixteen
        made = [
            m.conv_2d("pointwise", (1, 25, 5, 64), 64, (1, 1)), m.conv_2d("square", (1, 16, 16, 16), 32, padding="same"),
            m.depthwise_conv_2d("three", (1, 49, 10, 32), padding="same"), m.fully_connected("short", 1, 640, 128),
            m.fully_connected("long", 1, 2000, 64)]
    else:
        m, narrow = written_weighted, dict(codes="nibbles", weight_type="int4")
        made = [
            m.conv_2d("pointwise", (1, 25, 5, 64), 64, (1, 1), **narrow),
            m.conv_2d("square", (1, 16, 16, 16), 32, padding="same", **narrow),
            m.depthwise_conv_2d("three", (1, 49, 10, 32), padding="same", **narrow),
            m.fully_connected("short", (1, 640), 128, **narrow), m.fully_connected("long", (1, 2000), 64, **narrow)]
    return {name: case.model for name, case in zip(SHAPES, made)}


# What CMSIS-NN takes for a product, in a window's copy for a code of an output pixel, and for an output, as estimated.
# DSP: two pixels and two channels at a time, four codes each: 4 loads of codes, 2 x 5 to unpack weights (4 bits: 2 x 7), 8
# SMLAD, 2 for the loop; dense layers two channels at a time: 2 + 2 x 5 + 4 + 2; depthwise four channels and two taps: 22.
# MVE: four pixels of a channel (VMLALDAVA, 64 bits), eight codes: 5 loads, 4 products, 1 for the loop; 4 bits: sixteen
# codes, 2 more to unpack; dense layers four channels of eight codes, predicated; depthwise four pixels of four channels.
# An output of 16 bits is requantised from 64 bits one by one; of 8 bits one by one on M4, four at a time on M55.
ESTIMATES = {
    ("cortex-m4", "s16"): dict(conv=24 / 16, dense=18 / 8, depthwise=22 / 8, copied=0.5, output=24),
    ("cortex-m4", "s4"): dict(conv=28 / 16, dense=22 / 8, depthwise=26 / 8, copied=1.25, output=9),
    ("cortex-m55", "s16"): dict(conv=10 / 32, dense=14 / 32, depthwise=14 / 16, copied=0.4, output=20),
    ("cortex-m55", "s4"): dict(conv=12 / 64, dense=18 / 64, depthwise=16 / 16, copied=0.2, output=4),
}


def estimate(target, kind, name):
    figures = ESTIMATES.get((target, kind))
    if figures is None:
        return None
    macs, outputs, depth = SHAPES[name]
    layer = name.split()[0]
    channels = {"conv 1x1 64>64, 25x5": 64, "conv 3x3 16>32, 16x16": 32, "depthwise 3x3 32, 49x10": 1}.get(name)
    copied = figures["copied"] * depth * outputs / channels if channels else 0
    return int(macs * figures[layer] + copied + figures["output"] * outputs)


def profile(lockstep, model, target):
    result = subprocess.run(
        [lockstep, "profile", str(model), "--target", target, "--json", "-"], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{model.name} on {target}: {result.stderr[-300:]}")
    return json.loads(result.stdout)


def main(arguments):
    lockstep, *rest = arguments
    folder = pathlib.Path(tempfile.mkdtemp())
    if rest[:1] == ["--write"]:
        folder = pathlib.Path(rest[1])
        folder.mkdir(parents=True, exist_ok=True)
        rest = rest[2:]
    targets = rest or ["cortex-m4", "cortex-m55"]
    networks = {"kws_ref_model 16x8": (folder / "kws_16x8.tflite", None)}
    if not networks["kws_ref_model 16x8"][0].exists():
        networks["kws_ref_model 16x8"][0].write_bytes(keyword_spotter())
    for kind in ("s16", "s4"):
        for place, (name, model) in enumerate(layers_of(kind).items()):
            path = folder / f"layer_{kind}_{place}.tflite"
            path.write_bytes(model)
            networks[f"{kind} {name}"] = (path, kind)
    print(f"{'device':15}{'network or layer':30}{'instructions':>13}{'a product':>10}{'CMSIS-NN':>12}{'ratio':>7}{'arena':>8}")
    for target in targets:
        for name, (path, kind) in networks.items():
            measured = profile(lockstep, path, target)
            ours, macs = measured["total"]["instructions"], 2_656_768
            theirs = None
            if kind:
                macs, theirs = SHAPES[name.split(" ", 1)[1]][0], estimate(target, kind, name.split(" ", 1)[1])
            beside = f"{theirs:>12,}{ours / theirs:>7.2f}" if theirs else f"{'-':>12}{'-':>7}"
            print(f"{target:15}{name:30}{ours:>13,}{ours / macs:>10.3f}{beside}{measured['arena']['bytes']:>8,}", flush=True)
    print("(CMSIS-NN: estimates, not measured; ratios under 1 mean less than those)")


main(sys.argv[1:])
