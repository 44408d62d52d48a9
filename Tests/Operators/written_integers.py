"""QUANTIZE to and from int32: at a network's output, at its input, and between two of them; the archive.

    python written_integers.py --output integers.tar.gz

Inputs of int32 are kept as two numbers of 16 bits each, the lower first.
"""

import numpy as np
import written_signal
from tflite_model import Case, Model, Quantization
from vectors import LIMITS, generator
from written_weighted import float32

SIZE = 60


def text(value):
    return f"{value:.6g}".replace("-", "m").replace(".", "p").replace("+", "")


def codes(name, dtype):
    """Codes all over the type: its ends, those around zero, and of each magnitude."""
    rng = generator(name + ".inputs")
    low, high = LIMITS[dtype] if dtype != "int32" else (-(1 << 31), (1 << 31) - 1)
    near = np.arange(-12, 13)
    ends = np.concatenate([np.arange(low, low + 5), np.arange(high - 4, high + 1)])
    rows = [np.concatenate([near, ends, rng.integers(low, high + 1, SIZE - len(near) - len(ends))]),
            rng.integers(low, high + 1, SIZE)]
    bits = rng.integers(1, 32 if dtype == "int32" else 16 if dtype == "int16" else 8, SIZE)
    rows.append(rng.integers(-(1 << bits), 1 << bits))
    return np.clip(np.stack(rows), low, high)[:, None]


def quantized(name, *steps):
    """QUANTIZE from each of (type, scale, zero point) to the next."""
    name = "integers_" + name
    model = Model()
    graph = model.main
    tensors = [graph.tensor(f"t{k}", (1, SIZE), dtype, Quantization(float32(scale), zero))
               for k, (dtype, scale, zero) in enumerate(steps)]
    graph.inputs, graph.outputs = [tensors[0]], [tensors[-1]]
    for a, b in zip(tensors, tensors[1:]):
        graph.operator("QUANTIZE", [a], [b])
    x = codes(name, steps[0][0])
    return Case(name, "QUANTIZE", model.serialize(),
                [x.astype(np.int32).view(np.uint32) if steps[0][0] == "int32" else x.astype(steps[0][0])])


def both():
    """Codes of 32 bits that one QUANTIZE makes, that the network returns, and that two others take."""
    model = Model()
    graph = model.main
    x = graph.input("x", (1, SIZE), "int16", Quantization(0.001))
    wide = graph.output("wide", (1, SIZE), "int32", Quantization(0.0000003))
    graph.operator("QUANTIZE", [x], [wide])
    for name, dtype, q in (("a", "int8", Quantization(0.21, 7)), ("b", "int16", Quantization(0.0007))):
        graph.operator("QUANTIZE", [wide], [graph.output(name, (1, SIZE), dtype, q)])
    return Case("integers_read_twice", "QUANTIZE", model.serialize(), [codes("integers_read_twice", "int16").astype(np.int16)])


def cases():
    for source, zero in (("int8", -7), ("int8", 127), ("int16", 0)):
        coarse = 0.05 if source == "int8" else 0.0003
        for ratio in (1, 0.73, 0.0001, 1 / 32768, 1 / 30000, 3.1, 250.0):
            yield quantized(f"{source}_{zero}_to_int32_{text(ratio)}".replace("-", "m"), (source, coarse, zero),
                            ("int32", coarse * ratio, 0))
    yield quantized("int8_to_int32_shifted", ("int8", 0.05, 3), ("int32", 0.0001, 1234))
    yield quantized("int16_to_int32_shifted", ("int16", 0.0003, 0), ("int32", 0.0001, -20000))
    for target, zero in (("int8", 0), ("int8", -128), ("int8", 19), ("int16", 0)):
        fine = 1e-9
        for ratio in (1e3, 2**24, 9e6, 123.4, 2**15, 70000.0, 2.5, 1e9):
            yield quantized(f"int32_to_{target}_{zero}_{text(ratio)}".replace("-", "m"), ("int32", fine, 0),
                            (target, fine * ratio, zero))
    for a, b, c in ((0.0003, 0.0000001, 0.0004), (0.0003, 0.0003, 0.0003), (0.0003, 0.0000007, 0.0003), (0.001, 0.01, 0.0007),
                    (0.0003, 0.0000000092, 0.00031), (0.7, 0.00003, 0.3)):
        for first in ("int8", "int16"):
            for last, zero in (("int8", -11), ("int16", 0)):
                yield quantized(f"{first}_through_{text(a)}_{text(b)}_{text(c)}_to_{last}",
                                (first, a, 5 if first == "int8" else 0), ("int32", b, 0), (last, c, zero))
    yield both()
    yield quantized("through_twice", ("int16", 0.0003, 0), ("int32", 0.0000001, 0), ("int16", 0.0004, 0),
                    ("int32", 0.0002, 0), ("int8", 0.1, 2))


def reference(case):
    signed = [x.view(np.int32) if x.dtype == np.uint32 else x for x in case.inputs]
    return written_signal.reference(Case(case.name, case.operator, case.model, signed))


if __name__ == "__main__":
    written_signal.main(__doc__, cases(), reference)
