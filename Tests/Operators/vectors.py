"""The inputs of a case: seeded by the case's name, so that adding a case changes no other one."""

import zlib

import numpy as np

LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def integer_vectors(name, specifications, random_count=6):
    """Vectors for inputs given as (shape, dtype, zero point): random, extreme, and sparse extreme ones."""
    rng = generator(name + ".inputs")
    columns = []
    for position, (shape, dtype, zero_point) in enumerate(specifications):
        low, high = LIMITS[dtype]
        rows = [rng.integers(low, high + 1, shape) for _ in range(random_count)]
        fills = [low, high, zero_point]
        if len(specifications) > 1:
            # Both signs of every extreme against both signs of its partner.
            fills += [high, low] if position % 2 else [low, high]
        rows += [np.full(shape, fill) for fill in fills]
        rows += [rng.choice([low, high], shape) for _ in range(2)]
        columns.append(np.stack(rows).astype(dtype))
    return columns


def all_codes(name, shape, dtype="int8", count=2):
    """Vectors that hold every code of the type: first in order, then shuffled."""
    rng = generator(name + ".inputs")
    low, high = LIMITS[dtype]
    size = int(np.prod(shape))
    if size % 256:
        raise ValueError("the shape must hold each of the 256 codes equally often")
    codes = np.tile(np.arange(low, high + 1), size // 256)
    rows = [codes] + [rng.permutation(codes) for _ in range(count - 1)]
    return [np.stack([row.reshape(shape) for row in rows]).astype(dtype)]
