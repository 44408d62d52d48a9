"""PAD and PADV2 in front of pools, which count the codes they are padded with."""

import itertools

from tflite_model import Quantization
from written_padding import Padded

ZERO_POINTS = {"least": -128, "low": -77, "zero": 0, "largest": 127}
SIDES = {"before": (1, 0, 1, 0), "after": (0, 1, 0, 1), "even": (1, 1, 1, 1), "uneven": (2, 1, 0, 2)}
OPERATORS = {"average": "AVERAGE_POOL_2D", "max": "MAX_POOL_2D"}


def pool(name, operator, zero_point, sides, fill=None, shape=(1, 5, 6, 3), **window):
    padded = Padded(f"{operator}_{name}", shape, Quantization(0.0471, zero_point)).pad(*sides, fill=fill)
    return padded.pool(OPERATORS[operator], **window)


def cases():
    for operator in OPERATORS:
        for (where, sides), (zero, code), stride in itertools.product(SIDES.items(), ZERO_POINTS.items(), (1, 2)):
            yield lambda o=operator, w=where, s=sides, z=zero, c=code, n=stride: pool(
                f"{w}_{z}_stride{n}", o, c, s, stride=(n, n)).case()
        for fill in (-128, -1, 3, 127):
            yield lambda o=operator, f=fill: pool(f"fill_{f}".replace("-", "minus_"), o, -5, (1, 1, 1, 1), f).case()
        for size in ((2, 2), (3, 2), (4, 4), (5, 3)):
            yield lambda o=operator, s=size: pool(
                f"window_{s[0]}_{s[1]}", o, -5, (1, 1, 1, 0), window=s, stride=(1, 1)).case()
        yield lambda o=operator: pool("pixel", o, 9, (1, 1, 1, 1), shape=(1, 1, 1, 5), stride=(1, 1)).case()
        yield lambda o=operator: pool("whole", o, 9, (1, 1, 1, 1), shape=(1, 3, 3, 8), window=(5, 5)).case()
        yield lambda o=operator: pool("batch", o, 9, (1, 0, 0, 1), shape=(2, 3, 4, 8)).case()
        yield lambda o=operator: pool("own_same", o, 9, (1, 1, 1, 1), padding="same").case()
        yield lambda o=operator: pool("beside", o, 9, (3, 0, 0, 4), stride=(1, 1)).case()
        yield lambda o=operator: pool("unread", o, 9, (0, 1, 0, 1), shape=(1, 4, 4, 2), window=(2, 2)).case()
        yield lambda o=operator: Padded(f"{o}_twice", codes=Quantization(0.05, 9)).pad(1, 0, 0, 1).pad(
            0, 1, 1, 0).pool(OPERATORS[o]).case()
        yield lambda o=operator: Padded(f"{o}_two_codes", codes=Quantization(0.05, 9)).pad(1, 0, 0, 1).pad(
            0, 1, 1, 0, fill=-30).pool(OPERATORS[o]).case()
