"""UNIDIRECTIONAL_SEQUENCE_LSTM of 16 × 8, called several times in a row: int16 codes and states, int8 weights, int64 biases.

    python make_operators.py --output recurrent.tar.gz --modules written_recurrent

TensorFlow's converter makes none (it refuses to quantise the operator to 16 × 8); TFLM's own tool that widens int8 networks
does. Accumulators have 64 bits, and some here need more than 32.
"""

import numpy as np
from tflite_model import OPTIONAL_TENSOR, Case, Model, Quantization
from vectors import generator, integer_vectors
from written_weighted import float32

ONE_32768 = Quantization(2.0**-15)


def lstm(name, time, features, units, power=-11, clip=10.0, hidden=ONE_32768, x_scale=0.0003, weight_scale=0.01,
         bias_reach=3_000_000, returned="sequence", small=False):
    """`returned`: the hidden states, the variable that holds the last one, or both. `small`: codes as those of a network,
    whose gates are half open."""
    name = f"recurrent_lstm_{name}"
    rng = generator(name)
    model = Model()
    graph = model.main
    x_scale = float32(x_scale)
    hidden = Quantization(float32(hidden.scale))
    scales = [float32(weight_scale * (1 + gate / 8)) for gate in range(4)]
    x = graph.input("x", (1, time, features), "int16", Quantization(x_scale))

    def weights(kind, columns):
        return [graph.constant(f"{kind}{gate}", rng.integers(-127, 128, (units, columns)).astype(np.int8), "int8",
                               Quantization(scales[gate])) for gate in range(4)]

    inputs = [x, *weights("w", features), *weights("r", units), *[OPTIONAL_TENSOR] * 3,
              *[graph.constant(f"b{gate}", rng.integers(-bias_reach, bias_reach + 1, units).astype(np.int64), "int64",
                               Quantization(float32(np.float32(x_scale) * np.float32(scales[gate])))) for gate in range(4)],
              OPTIONAL_TENSOR, OPTIONAL_TENSOR,
              graph.tensor("hidden", (1, units), "int16", hidden, is_variable=True),
              graph.tensor("cell", (1, units), "int16", Quantization(2.0**power), is_variable=True),
              *[OPTIONAL_TENSOR] * 4]
    graph.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [graph.output("y", (1, time, units), "int16", hidden)],
                   fusedActivationFunction=4, cellClip=clip, projClip=0.0, timeMajor=False, asymmetricQuantizeInputs=False,
                   diagonalRecurrentTensors=False)
    if returned != "sequence":
        graph.outputs = [inputs[18]] if returned == "hidden" else [*graph.outputs, inputs[18]]
    # The intermediate tensors' scales are read by no kernel, but must be there.
    graph.operators[-1].intermediates = [graph.tensor(f"m{k}", (0,), "float32") for k in range(4)] + [
        graph.tensor("m4", (0,), "int16", hidden)]
    vectors = integer_vectors(name, [((1, time, features), "int16", 0)], 6)
    if small:
        vectors[0][:5] = rng.integers(-9000, 9001, vectors[0][:5].shape)
    return Case(name, "UNIDIRECTIONAL_SEQUENCE_LSTM", model.serialize(), vectors)


def cases():
    for power in range(-15, -8):
        yield lambda p=power: lstm(f"power_{-p}", 3, 4, 5, power=p)
    for power in (-15, -12, -9):
        yield lambda p=power: lstm(f"quiet_power_{-p}", 4, 3, 4, power=p, weight_scale=0.002, small=True)
    yield lambda: lstm("quiet", 6, 5, 6, weight_scale=0.003, bias_reach=200_000, small=True)
    yield lambda: lstm("hidden_returned", 3, 4, 5, returned="hidden")
    yield lambda: lstm("hidden_kept", 3, 4, 5, returned="both")
    yield lambda: lstm("unclipped", 4, 3, 4, clip=0.0)
    yield lambda: lstm("tightly_clipped", 4, 3, 4, clip=0.4)
    yield lambda: lstm("clip_of_nothing", 4, 3, 4, clip=0.0001, power=-11)
    yield lambda: lstm("one_step", 1, 6, 3)
    yield lambda: lstm("one_unit", 6, 1, 1)
    yield lambda: lstm("wide", 2, 20, 17, weight_scale=0.002)
    yield lambda: lstm("long", 12, 3, 3, small=True)
    yield lambda: lstm("large_weights", 4, 4, 6, weight_scale=0.05)
    for scale in (0.0000305, 0.000041, 0.0001, 0.001):
        text = f"{scale:.6g}".replace("-", "m").replace(".", "p")
        yield lambda s=scale, t=text: lstm(f"hidden_scale_{t}", 4, 3, 5, hidden=Quantization(s), small=True)
        yield lambda s=scale, t=text: lstm(f"input_scale_{t}", 4, 3, 5, x_scale=s)
    # Beyond 32 bits: by biases, and by 600 features, each up to 127 · 32768.
    yield lambda: lstm("long_biases", 3, 4, 5, bias_reach=1 << 34, weight_scale=0.000002)
    yield lambda: lstm("edge_biases", 3, 4, 5, bias_reach=1 << 31, weight_scale=0.00001)
    yield lambda: lstm("many_features", 1, 600, 2, weight_scale=0.00005, bias_reach=100)
