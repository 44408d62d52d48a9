"""Networks in which operators compute on constants and fixed shapes alone, and the archive that holds them.

    python written_constants.py --output constants.tar.gz

TFLM computes such operators at run time, every time. What they make must show in an int8 output: integers choose codes
out of a table (GATHER), and what is moved is added to the network's input. What TFLM has no kernels for (most integers)
is run by LiteRT's reference kernels.
"""

import argparse
import pathlib
import tempfile

import make_operators
import numpy as np
import tensorflow as tf
from tflite_model import Case, Model, OPTIONAL_TENSOR, Quantization, schema
from vectors import generator, integer_vectors
from written_weighted import activation

CODES = Quantization(0.0471, -5)
OUTPUT = Quantization(0.0913, 3)
TABLE = 32


class Builder:
    """A graph with an input of the shape that the computed constant will have."""

    def __init__(self, name, x_shape):
        self.name = "constants_" + name
        self.x_shape = x_shape
        self.model = Model()
        self.graph = self.model.main
        self.rng = generator(self.name)
        self.x = self.graph.input("x", x_shape, "int8", CODES)
        self.made = 0

    def ints(self, values, dtype="int32"):
        self.made += 1
        return self.graph.constant(f"c{self.made}", np.asarray(values, dtype), dtype)

    def codes(self, shape):
        self.made += 1
        return self.graph.constant(f"c{self.made}", self.rng.integers(-128, 128, shape).astype(np.int8), "int8", CODES)

    def apply(self, operator, inputs, shape, dtype="int32", quantization=None, **options):
        """An operator with one output."""
        self.made += 1
        output = self.graph.tensor(f"t{self.made}", shape, dtype, quantization)
        self.graph.operator(operator, inputs, [output], **options)
        return output

    def chosen(self, indices, shape):
        """Codes of a table, by computed integers."""
        return self.apply("GATHER", [self.codes((TABLE,)), indices], shape, "int8", CODES, axis=0, batchDims=0)

    def finish(self, operator, constant):
        """Adds the computed codes to the input."""
        self.graph.operator("ADD", [self.x, constant], [self.graph.output("y", self.x_shape, "int8", OUTPUT)],
                            fusedActivationFunction=activation("none"), potScaleInt16=False)
        return Case(self.name, operator, self.model.serialize(),
                    integer_vectors(self.name, [(self.x_shape, "int8", CODES.zero_point)], 3))


def integers(operator, name, inputs, shape, dtypes=None, out="int32", **options):
    """One operator on constant integers."""
    b = Builder(f"{operator.lower()}_{name}", shape)
    tensors = [b.ints(values, dtype) for values, dtype in zip(inputs, dtypes or ["int32"] * len(inputs))]
    made = b.apply(operator, tensors, shape, out, **options)
    if out != "int32":
        made = b.apply("CAST", [made], shape, "int32")
    return b.finish(operator, b.chosen(made, shape))


def integer_cases():
    none = dict(fusedActivationFunction=activation("none"))
    for operator, options in (("ADD", dict(none, potScaleInt16=False)), ("SUB", dict(none, potScaleInt16=False)),
                              ("MUL", none), ("MAXIMUM", {}), ("MINIMUM", {}), ("FLOOR_DIV", {}), ("FLOOR_MOD", {}),
                              ("DIV", none)):
        left, right = ([9, 8, 30, 7], [3, 2, 1, 4])
        if operator == "MUL":
            left = [5, 8, 30, 7]
        yield lambda o=operator, p=options, a=left, b=right: integers(o, "vectors", [a, b], (4,), **p)
        yield lambda o=operator, p=options: integers(o, "broadcast", [[[6], [9]], [1, 2, 3]], (2, 3), **p)
    yield lambda: integers("SUB", "relu", [[3, 9], [7, 2]], (2,), fusedActivationFunction=activation("relu"),
                           potScaleInt16=False)
    yield lambda: integers("FLOOR_MOD", "signs", [[7, -7, 7, -7], [4, 4, 5, 3]], (4,))
    for operator in ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"):
        yield lambda o=operator: integers(o, "vectors", [[1, 2, 3], [2, 2, 2]], (3,), out="bool")
    yield lambda: integers("SELECT_V2", "vectors", [[True, False, True], [1, 2, 3], [4, 5, 6]], (3,),
                           ["bool", "int32", "int32"])
    yield lambda: integers("SELECT_V2", "broadcast", [[[True], [False]], [1, 2, 3], [9]], (2, 3),
                           ["bool", "int32", "int32"])
    yield lambda: integers("RANGE", "up", [3, 15, 4], (3,))
    yield lambda: integers("RANGE", "down", [9, 0, -2], (5,))
    yield lambda: integers("FILL", "matrix", [[2, 3], 7], (2, 3))
    yield lambda: integers("CAST", "int64", [[1, 5, 30]], (3,), ["int64"])
    yield lambda: integers("BROADCAST_TO", "matrix", [[[3], [8]], [2, 4]], (2, 4))
    yield lambda: integers("BROADCAST_ARGS", "vectors", [[2, 1, 3], [5, 1]], (3,))
    for operator in ("SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        yield lambda o=operator: integers(o, "all", [[1, 2, 3, 4], [0]], (1,), keepDims=True)
        yield lambda o=operator: integers(o, "last", [[[1, 2], [3, 4], [5, 2]], [-1]], (3,), keepDims=False)
    yield lambda: integers("CONCATENATION", "vectors", [[1, 2], [3], [4, 5, 6]], (6,), axis=0, **none)
    yield lambda: integers("PACK", "scalars", [3, 1, 7], (3,), axis=0, valuesCount=3)
    yield lambda: integers("PACK", "axis_1", [[3, 1], [7, 2], [4, 4]], (2, 3), axis=1, valuesCount=3)
    yield lambda: integers("PACK", "axis_m1", [[3, 1], [7, 2], [4, 4]], (2, 3), axis=-1, valuesCount=3)
    masks = dict(endMask=0, ellipsisMask=0, newAxisMask=0, offset=False)
    yield lambda: integers("STRIDED_SLICE", "one", [[5, 6, 7, 8], [1], [2], [1]], (), beginMask=0, shrinkAxisMask=1,
                           **masks)
    yield lambda: integers("STRIDED_SLICE", "backwards", [[5, 6, 7, 8], [3], [0], [-2]], (2,), beginMask=0,
                           shrinkAxisMask=0, **masks)
    yield lambda: integers("SLICE", "inside", [[[5, 6, 7], [8, 9, 10]], [0, 1], [2, -1]], (2, 2))
    yield lambda: integers("GATHER", "vector", [[7, 3, 9, 2], [2, 0, 0]], (3,), axis=0, batchDims=0)
    yield lambda: integers("GATHER", "axis_1", [[[7, 3, 9], [2, 4, 6]], [2, 1]], (2, 2), axis=1, batchDims=0)
    yield lambda: integers("GATHER", "batch_1", [[[7, 3, 9], [2, 4, 6]], [[2, 1], [0, 0]]], (2, 2), axis=1, batchDims=1)
    yield lambda: integers("RESHAPE", "open", [[1, 2, 3, 4, 5, 6], [2, -1]], (2, 3), newShape=None)
    yield lambda: integers("EXPAND_DIMS", "middle", [[1, 2, 3], 1], (3, 1))
    yield lambda: integers("SQUEEZE", "middle", [[[[1], [2], [3]]]], (3,), squeezeDims=[0, 2])
    yield lambda: integers("TRANSPOSE", "matrix", [[[1, 2, 3], [4, 5, 6]], [1, 0]], (3, 2))


def moved(operator, name, constants, y_shape, **options):
    """One operator that moves the codes of a constant; arguments of type tuple are shapes of codes, others integers."""
    b = Builder(f"codes_{operator.lower()}_{name}", y_shape)
    inputs = [b.codes(c) if isinstance(c, tuple) else b.ints(c) for c in constants]
    return b.finish(operator, b.apply(operator, inputs, y_shape, "int8", CODES, **options))


def moved_cases():
    none = dict(fusedActivationFunction=activation("none"))
    yield lambda: moved("TRANSPOSE", "4d", [(2, 3, 2, 4), [3, 0, 2, 1]], (4, 2, 2, 3))
    yield lambda: moved("RESHAPE", "matrix", [(2, 6), [3, -1]], (3, 4), newShape=None)
    yield lambda: moved("SQUEEZE", "all", [(1, 3, 1, 2)], (3, 2), squeezeDims=[])
    yield lambda: moved("EXPAND_DIMS", "last", [(3, 2), -1], (3, 2, 1))
    yield lambda: moved("PAD", "sides", [(2, 3), [[1, 0], [2, 1]]], (3, 6))
    yield lambda: moved("CONCATENATION", "axis_1", [(2, 3), (2, 1), (2, 2)], (2, 6), axis=1, **none)
    yield lambda: moved("PACK", "axis_1", [(2, 3), (2, 3)], (2, 2, 3), axis=1, valuesCount=2)
    yield lambda: moved("SLICE", "inside", [(4, 5), [1, 2], [2, -1]], (2, 3))
    yield lambda: moved("GATHER", "rows", [(4, 5), [3, 0]], (2, 5), axis=0, batchDims=0)
    yield lambda: moved("BROADCAST_TO", "rows", [(1, 5), [3, 5]], (3, 5))
    yield lambda: moved("TILE", "both", [(2, 3), [2, 2]], (4, 6))
    yield lambda: moved("REVERSE_V2", "last", [(2, 3), [-1]], (2, 3))
    masks = dict(beginMask=1, endMask=1, ellipsisMask=0, newAxisMask=0, shrinkAxisMask=4, offset=False)
    yield lambda: moved("STRIDED_SLICE", "shrink", [(2, 5, 3), [0, 4, 1], [0, 0, 2], [1, -2, 1]], (2, 2), **masks)


def flatten(name, x_shape, batch_first=True):
    """What Keras 3 leaves for Flatten, Reshape and Dense where the batch is open."""
    b = Builder(name, (1, 3))
    b.graph.inputs.clear()
    x = b.graph.input("image", x_shape, "int8", CODES, shape_signature=[-1, *x_shape[1:]])
    rest = int(np.prod(x_shape[1:]))
    masks = dict(beginMask=0, endMask=0, ellipsisMask=0, newAxisMask=0, shrinkAxisMask=1, offset=False)
    shape = b.apply("SHAPE", [x], (len(x_shape),), outType=schema.TensorType.INT32)
    batch = b.apply("STRIDED_SLICE", [shape, b.ints([0]), b.ints([1]), b.ints([1])], (), **masks)
    if batch_first:
        wanted = b.apply("PACK", [batch, b.ints(rest)], (2,), axis=0, valuesCount=2)
    else:
        tail = b.apply("STRIDED_SLICE", [shape, b.ints([1]), b.ints([len(x_shape)]), b.ints([1])], (len(x_shape) - 1,),
                       **dict(masks, shrinkAxisMask=0))
        count = b.apply("REDUCE_PROD", [tail, b.ints([0])], (), keepDims=False)
        wanted = b.apply("PACK", [batch, count], (2,), axis=0, valuesCount=2)
    flat = b.apply("RESHAPE", [x, wanted], (1, rest), "int8", CODES, newShape=None)
    weights = b.graph.constant("w", b.rng.integers(-127, 128, (3, rest)).astype(np.int8), "int8", Quantization(0.003))
    y = b.graph.output("y", (1, 3), "int8", OUTPUT, shape_signature=[-1, 3])
    b.graph.operator("FULLY_CONNECTED", [flat, weights, OPTIONAL_TENSOR], [y], keepNumDims=False,
                     fusedActivationFunction=activation("none"), weightsFormat=0)
    return Case(b.name, "SHAPE", b.model.serialize(),
                integer_vectors(b.name, [(x_shape, "int8", CODES.zero_point)], 3))


def whole_cases():
    yield lambda: flatten("open_batch_flatten", (1, 4, 3, 2))
    yield lambda: flatten("open_batch_product", (1, 4, 3, 2), batch_first=False)

    def shape_of_constant():
        b = Builder("shape_rank_of_constant", (4,))
        codes = b.codes((2, 5, 3))
        shape = b.apply("SHAPE", [codes], (3,), outType=schema.TensorType.INT32)
        rank = b.apply("RANK", [codes], ())
        ranks = b.apply("EXPAND_DIMS", [rank, b.ints(0)], (1,))
        both = b.apply("CONCATENATION", [shape, ranks], (4,), axis=0, fusedActivationFunction=activation("none"))
        return b.finish("SHAPE", b.chosen(both, (4,)))
    yield shape_of_constant

    def weights_moved():
        b = Builder("weights_transposed", (1, 5, 5, 3))
        weights = b.graph.constant("w0", b.rng.integers(-127, 128, (3, 3, 3, 4)).astype(np.int8), "int8",
                                   Quantization(0.003))
        turned = b.apply("TRANSPOSE", [weights, b.ints([3, 1, 0, 2])], (4, 3, 3, 3), "int8", Quantization(0.003))
        b.graph.operator("CONV_2D", [b.x, turned, OPTIONAL_TENSOR], [b.graph.output("y", (1, 5, 5, 4), "int8", OUTPUT)],
                         padding=schema.Padding.SAME, strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
                         fusedActivationFunction=activation("relu"))
        return Case(b.name, "CONV_2D", b.model.serialize(),
                    integer_vectors(b.name, [(b.x_shape, "int8", CODES.zero_point)], 3))
    yield weights_moved

    def quantized_reals():
        b = Builder("quantize_dequantize", (6,))
        reals = b.apply("DEQUANTIZE", [b.codes((6,))], (6,), "float32")
        scaled = b.apply("MUL", [reals, b.graph.constant("f", np.float32(0.73), "float32")], (6,), "float32",
                         fusedActivationFunction=activation("none"))
        return b.finish("QUANTIZE", b.apply("QUANTIZE", [scaled], (6,), "int8", CODES))
    yield quantized_reals

    def half_reals():
        b = Builder("dequantize_float16", (6,))
        halves = b.graph.constant("h", b.rng.normal(0, 2, 6).astype(np.float16), "float16")
        reals = b.apply("DEQUANTIZE", [halves], (6,), "float32")
        return b.finish("DEQUANTIZE", b.apply("QUANTIZE", [reals], (6,), "int8", CODES))
    yield half_reals

    def split():
        b = Builder("split", (2, 2))
        parts = [b.graph.tensor(f"p{i}", (2, 2), "int8", CODES) for i in range(3)]
        b.graph.operator("SPLIT", [b.ints(1), b.codes((2, 6))], parts, numSplits=3)
        return b.finish("SPLIT", parts[1])
    yield split

    def split_sizes():
        b = Builder("split_sizes", (2, 3))
        parts = [b.graph.tensor(f"p{i}", (2, size), "int8", CODES) for i, size in enumerate((1, 3, 2))]
        b.graph.operator("SPLIT_V", [b.codes((2, 6)), b.ints([1, -1, 2]), b.ints(-1)], parts, numSplits=3)
        return b.finish("SPLIT_V", parts[1])
    yield split_sizes

    def unpacked():
        b = Builder("unpack", (3,))
        parts = [b.graph.tensor(f"p{i}", (3,), "int32") for i in range(2)]
        b.graph.operator("UNPACK", [b.ints([[1, 8], [2, 9], [3, 10]])], parts, num=2, axis=1)
        return b.finish("UNPACK", b.chosen(
            b.apply("ADD", parts, (3,), fusedActivationFunction=activation("none"), potScaleInt16=False), (3,)))
    yield unpacked

    def dead():
        b = Builder("dead_operators", (2, 3))
        b.apply("TRANSPOSE", [b.x, b.ints([1, 0])], (3, 2), "int8", CODES)
        b.graph.tensor("never", (0,), "int32")
        return b.finish("ADD", b.codes((2, 3)))
    yield dead


def cases():
    yield from integer_cases()
    yield from moved_cases()
    yield from whole_cases()


def run_litert(cases, folder):
    """Writes models, inputs and the outputs of LiteRT's reference kernels."""
    for case in cases:
        interpreter = tf.lite.Interpreter(
            model_content=case.model,
            experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
        interpreter.allocate_tensors()
        outputs = []
        for vector in case.inputs[0]:
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], vector)
            interpreter.invoke()
            outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
        (folder / f"{case.name}.tflite").write_bytes(case.model)
        make_operators.save(folder / f"{case.name}.input0.npy", case.inputs[0])
        make_operators.save(folder / f"{case.name}.output0.npy", np.stack(outputs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the archive to write")
    options = parser.parse_args()
    made = {case.name: case for case in (build() for build in cases())}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        not_run = make_operators.run_reference(made, folder)
        run_litert([made[name] for name in sorted(not_run)], folder)
        make_operators.write_archive(folder, options.output)
        make_operators.report(made, {}, {}, options.output)


if __name__ == "__main__":
    main()
