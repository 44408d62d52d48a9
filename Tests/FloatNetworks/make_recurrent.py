"""Makes float networks with recurrent layers, with what the reference makes of random sequences: make_recurrent.py FOLDER onnx|tflite|pack

Run `onnx` with a Python that has onnx and onnxruntime, `tflite` with one that has tensorflow (and tf_keras, whose converter makes
UNIDIRECTIONAL_SEQUENCE_LSTM), both into one empty folder, and then `pack`, which packs it as recurrent.tar.gz beside this file.
Files are named as make_operators.py says. Weights are such that gates are open, closed and between, and states run through what
their functions bend."""

import importlib
import os
import pathlib
import sys

import numpy as np

import make_operators
from make_operators import Graph, SAMPLES, pack, save

TIMES, FEATURES, UNITS = 6, 3, 5
RANDOM = np.random.default_rng(11)


def uniform(*shape, high=1.0):
    return RANDOM.uniform(-high, high, shape).astype(np.float32)


def sequences(*shape):
    return (np.round(RANDOM.uniform(-2, 2, (SAMPLES, *shape)) * 32) / 32).astype(np.float32)


# ONNX


def layer(graph, op, x, directions=1, features=FEATURES, units=UNITS, biases=True, states=(), peepholes=False, **attributes):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op]
    if directions == 2:
        attributes["direction"] = "bidirectional"
    operands = [
        x, uniform(directions, gates * units, features, high=1.2), uniform(directions, gates * units, units, high=0.8),
        uniform(directions, 2 * gates * units, high=0.4) if biases else "", "", *states]
    if peepholes:
        operands += [""] * (7 - len(operands)) + [uniform(directions, 3 * units)]
    return graph(op, *operands, outputs=3 if op == "LSTM" else 2, hidden_size=units, **attributes)


def onnx_cases():
    cases = {}

    def add(name, make, *shapes):
        cases[name] = (make, shapes or ((TIMES, 1, FEATURES),))

    def sequence(op, **options):
        return lambda g, x: layer(g, op, x, **options)[0]

    def last(op, **options):
        return lambda g, x: layer(g, op, x, **options)[1]

    for op in ["LSTM", "GRU", "RNN"]:
        name = op.lower()
        add(name, sequence(op))
        add(f"{name}_last", last(op))
        add(f"{name}_reverse", sequence(op, direction="reverse"))
        add(f"{name}_reverse_last", last(op, direction="reverse"))
        add(f"{name}_both", sequence(op, directions=2))
        add(f"{name}_both_last", last(op, directions=2))
        add(f"{name}_without_bias", sequence(op, biases=False))
        add(f"{name}_batch", sequence(op, directions=2), (TIMES, 3, FEATURES))
        add(f"{name}_one_moment", sequence(op), (1, 1, FEATURES))
        add(f"{name}_clip", sequence(op, clip=1.25))
        add(f"{name}_constant_state", lambda g, x, op=op: layer(
            g, op, x, states=[uniform(1, 1, UNITS, high=0.9)] + [uniform(1, 1, UNITS)] * (op == "LSTM"))[0])
        state = (1, 1, UNITS)
        add(f"{name}_given_state", lambda g, x, *states, op=op: layer(g, op, x, states=states)[0],
            (TIMES, 1, FEATURES), *[state] * (2 if op == "LSTM" else 1))
        add(f"{name}_given_states_both", lambda g, x, *states, op=op: layer(g, op, x, 2, states=states)[0],
            (TIMES, 1, FEATURES), *[(2, 1, UNITS)] * (2 if op == "LSTM" else 1))

        def stacked(g, x, op=op):
            y = layer(g, op, x, directions=2)[0]
            y = g("Reshape", g("Transpose", y, perm=[0, 2, 1, 3]), np.array([0, 0, -1], np.int64))
            return layer(g, op, y, features=2 * UNITS, units=4)[0]

        def classifier(g, x, op=op):
            y = layer(g, op, g("Transpose", x, perm=[1, 0, 2]))[0]
            y = g("Gather", g("Transpose", g("Squeeze", y, np.array([1], np.int64)), perm=[1, 0, 2]), np.array(-1, np.int64), axis=1)
            return g("Gemm", y, uniform(3, UNITS), uniform(3), transB=1)

        add(f"{name}_stacked", stacked)
        add(f"{name}_classifier", classifier, (1, TIMES, FEATURES))
    add("lstm_cell_last", lambda g, x: layer(g, "LSTM", x)[2])
    add("lstm_peepholes", sequence("LSTM", peepholes=True))
    add("lstm_peepholes_both", sequence("LSTM", peepholes=True, directions=2))
    add("lstm_coupled", sequence("LSTM", input_forget=1))
    add("lstm_functions", sequence("LSTM", activations=["HardSigmoid", "Softsign", "Tanh"], activation_alpha=[0.25], activation_beta=[0.5]))
    add("lstm_relu", sequence("LSTM", activations=["Sigmoid", "Relu", "Relu"]))
    add("gru_resets_product", sequence("GRU", linear_before_reset=1))
    add("gru_resets_product_both", sequence("GRU", linear_before_reset=1, directions=2))
    add("gru_resets_product_state", lambda g, x, h: layer(g, "GRU", x, states=[h], linear_before_reset=1)[0],
        (TIMES, 1, FEATURES), (1, 1, UNITS))
    add("gru_functions", sequence("GRU", activations=["HardSigmoid", "Tanh"]))
    add("rnn_relu", sequence("RNN", activations=["Relu"]))
    add("rnn_leaky_relu", sequence("RNN", activations=["LeakyRelu"], activation_alpha=[0.2]))
    add("rnn_both_functions", sequence("RNN", directions=2, activations=["Tanh", "Relu"]))
    return cases


def write_onnx(folder):
    import onnxruntime
    from onnx import TensorProto, helper
    for name, (make, shapes) in onnx_cases().items():
        graph, samples = Graph(), [sequences(*shape) if index == 0 else np.tanh(sequences(*shape)) for index, shape in enumerate(shapes)]
        output = make(graph, *[f"x{index}" for index in range(len(shapes))])
        model = helper.make_model(helper.make_graph(
            graph.nodes, name, [helper.make_tensor_value_info(f"x{i}", TensorProto.FLOAT, shape) for i, shape in enumerate(shapes)],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], graph.constants),
            opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        made = np.stack([session.run(None, {f"x{i}": array[s] for i, array in enumerate(samples)})[0] for s in range(SAMPLES)])
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
        save(folder, name, samples, [made])


# TensorFlow Lite


def write_tflite(folder):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    for prefix in ["keras", "legacy"]:
        # Once it is there, the converter takes Keras 3 for it.
        keras = tf.keras if prefix == "keras" else importlib.import_module("tf_keras")
        layers = keras.layers
        cases = {
            "lstm": lambda: [layers.LSTM(UNITS)], "lstm_sequence": lambda: [layers.LSTM(UNITS, return_sequences=True)],
            "gru": lambda: [layers.GRU(UNITS)], "gru_sequence": lambda: [layers.GRU(UNITS, return_sequences=True)],
            "gru_resets_state": lambda: [layers.GRU(UNITS, reset_after=False)],
            "rnn": lambda: [layers.SimpleRNN(UNITS)], "rnn_sequence": lambda: [layers.SimpleRNN(UNITS, return_sequences=True)],
            "both": lambda: [layers.Bidirectional(layers.LSTM(UNITS))],
            "both_sequence": lambda: [layers.Bidirectional(layers.GRU(UNITS, return_sequences=True))],
            "stacked": lambda: [layers.LSTM(UNITS, return_sequences=True), layers.LSTM(4), layers.Dense(3)],
            "lstm_unrolled": lambda: [layers.LSTM(UNITS, unroll=True)], "gru_unrolled": lambda: [layers.GRU(UNITS, unroll=True)],
        }
        for name, make in cases.items():
            # tf_keras splits such a cell's product into a part of no elements, too.
            if (prefix, name) == ("legacy", "gru_resets_state"):
                continue
            keras.utils.set_random_seed(sum(map(ord, name)))
            x = y = keras.Input((TIMES, FEATURES), batch_size=1)
            for part in make():
                y = part(y)
            model = keras.Model(x, y)
            model.set_weights([w * 1.6 if w.ndim > 1 else w + uniform(*w.shape, high=0.3) for w in model.get_weights()])
            if prefix == "keras":
                converter = tf.lite.TFLiteConverter.from_keras_model(model)
            else:
                function = tf.function(lambda x: model(x), input_signature=[tf.TensorSpec((1, TIMES, FEATURES))])
                converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], model)
            (folder / f"{prefix}_{name}.tflite").write_bytes(converter.convert())
            samples = sequences(1, TIMES, FEATURES)
            save(folder, f"{prefix}_{name}", [samples], [np.stack([model(sample).numpy() for sample in samples])])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[2] == "pack":
        pack(folder, "recurrent")
    else:
        {"onnx": write_onnx, "tflite": write_tflite}[sys.argv[2]](folder)
