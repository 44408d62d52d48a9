"""BATCH_MATMUL written through the schema, with the outputs of TFLM: made into an archive of its own.

    python written_matmul.py --output matmul.tar.gz
"""

import argparse
import pathlib
import tempfile

import numpy as np

from make_operators import report, run_reference, write_archive
from tflite_model import Case, Model, Quantization
from vectors import generator, integer_vectors
from written_elementwise import text
from written_weighted import float32


def batch_matmul(name, left, right, x, y, z, adj_x=False, adj_y=False, constant=None, twice=False):
    """Shapes and quantisations of both matrices; `constant` names one that the file holds, `twice` multiplies x by itself."""
    name = f"batch_matmul_{name}"
    rng = generator(name)
    model = Model()

    def operand(role, shape, quantization):
        if constant == role:
            codes = rng.integers(-128, 128, shape).astype(np.int8)
            return model.main.constant(role, codes, "int8", quantization)
        return model.main.input(role, shape, "int8", quantization)

    a = operand("x", left, x)
    b = a if twice else operand("y", right, y)
    batch = np.broadcast_shapes(tuple(left[:-2]), tuple(right[:-2]))
    shape = [*batch, left[-1] if adj_x else left[-2], right[-2] if adj_y else right[-1]]
    out = model.main.output("z", shape, "int8", z)
    model.main.operator("BATCH_MATMUL", [a, b], [out], adjX=adj_x, adjY=adj_y)
    given = [(left, "int8", x.zero_point)] if constant != "x" else []
    if constant != "y" and not twice:
        given.append((right, "int8", y.zero_point))
    return Case(name, "BATCH_MATMUL", model.serialize(), integer_vectors(name, given))


X, Y, Z = Quantization(float32(0.0313), -5), Quantization(float32(0.0247), 100), Quantization(float32(0.0911), 7)


def shape_cases():
    shapes = [("2d", (3, 5), (5, 4)), ("3d", (2, 3, 5), (2, 5, 4)), ("4d", (2, 3, 4, 6), (2, 3, 6, 5)),
              ("5d", (2, 2, 1, 3, 5), (2, 1, 2, 5, 4)), ("left_batches", (2, 2, 3, 5), (5, 4)),
              ("right_batches", (3, 5), (3, 5, 4)), ("broadcast", (2, 1, 3, 5), (1, 3, 5, 4)),
              ("one_row", (1, 9), (9, 7)), ("one_column", (6, 9), (9, 1)), ("one_product", (4, 1), (1, 5)),
              ("scalar", (1, 1), (1, 1)), ("deep", (3, 130), (130, 3))]
    for name, left, right in shapes:
        for adj_x in (False, True):
            for adj_y in (False, True):
                a = left[:-2] + left[:-3:-1] if adj_x else left
                b = right[:-2] + right[:-3:-1] if adj_y else right
                suffix = ("_adjx" if adj_x else "") + ("_adjy" if adj_y else "")
                constants = (None, "x", "y") if name in ("2d", "left_batches") else (None,)
                for constant in constants:
                    label = f"{name}{suffix}" + (f"_constant_{constant}" if constant else "")
                    yield lambda n=label, a=a, b=b, i=adj_x, j=adj_y, c=constant: batch_matmul(
                        n, a, b, X, Y, Z, i, j, c)


def quantization_cases():
    for zeros in ((-128, 127, -128), (127, 127, 127), (0, 0, 0), (-128, -128, 0), (13, -70, 127)):
        name = "zeros_" + "_".join(str(z).replace("-", "m") for z in zeros)
        yield lambda n=name, z=zeros: batch_matmul(
            n, (4, 8), (8, 4), Quantization(float32(0.02), z[0]), Quantization(float32(0.03), z[1]),
            Quantization(float32(0.05), z[2]))
    # Multipliers from far below to above 1, with mantissas at both ends, and ties: powers of two.
    for a, b, c in ((2.0**-9, 2.0**-8, 2.0**-4), (2.0**-8, 2.0**-8, 2.0**-15), (0.5, 0.5, 2.0**-3), (1.0, 3.0, 0.7),
                    (1e-4, 1e-3, 0.9), (0.0117, 0.0235, 3e-5), (0.7071068, 0.7071068, 0.5), (0.99999994, 1.0, 64.0)):
        name = f"scales_{text(a)}_{text(b)}_{text(c)}"
        yield lambda n=name, s=(a, b, c): batch_matmul(
            n, (5, 6), (6, 5), Quantization(float32(s[0]), 3), Quantization(float32(s[1]), -2),
            Quantization(float32(s[2]), -1))
    # Scales whose product single precision does not hold.
    for seed in range(3):
        rng = generator(f"precision {seed}")
        a, b = (float32(s) for s in rng.uniform(0.2, 0.9, 2))
        yield lambda n=f"precision_{seed}", a=a, b=b: batch_matmul(
            n, (8, 40), (40, 8), Quantization(a, 0), Quantization(b, 0), Quantization(float32(a * b * 0.9), 0))


def attention_cases():
    q, k = Quantization(float32(0.041), 11), Quantization(float32(0.041), 11)
    yield lambda: batch_matmul("scores_of_itself", (1, 2, 8, 4), (1, 2, 8, 4), q, k, Quantization(float32(0.03), -20),
                               adj_y=True, twice=True)
    yield lambda: batch_matmul("softmax_times_values", (1, 2, 8, 8), (1, 2, 8, 4), Quantization(1 / 256, -128), k,
                               Quantization(float32(0.02), 4))
    yield lambda: batch_matmul("gram", (6, 3), (6, 3), q, k, Quantization(float32(0.1), -128), adj_x=True, twice=True)


def cases():
    yield from shape_cases()
    yield from quantization_cases()
    yield from attention_cases()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the archive to write")
    output = parser.parse_args().output
    built = {case.name: case for case in (build() for build in cases())}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        not_run = run_reference(built, folder)
        write_archive(folder, output)
    report(built, {}, not_run, output)


if __name__ == "__main__":
    main()
