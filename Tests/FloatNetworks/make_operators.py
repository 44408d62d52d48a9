"""Makes float networks of one operator each (or of the few that exporters write for one), with what the reference makes of random
inputs: make_operators.py FOLDER onnx|tflite

Run with a Python that has onnx and onnxruntime (`onnx`), or tensorflow (`tflite`), and an empty folder. Writes FOLDER/NAME.onnx or
NAME.tflite, NAME.input0.npy … and NAME.output0.npy … [samples, *shape], the batch of 1 being in the shape, and packs them as
onnx.tar.gz or tflite.tar.gz beside this file. Further arguments name the only networks to write, and nothing is packed."""

import pathlib
import sys

import numpy as np

SAMPLES = 5
CASES = {}
RANDOM = np.random.default_rng(5)


def case(name, *shapes, opset=17, low=-2.0, high=2.0, integers=None):
    """A case of inputs of these shapes, real values from `low` to `high`, those in `integers` whole numbers below the value."""

    def add(make):
        CASES[name] = (make, shapes, opset, low, high, integers or {})
        return make

    return add


def inputs(shapes, low, high, integers):
    made = []
    for index, shape in enumerate(shapes):
        if index in integers:
            made.append(RANDOM.integers(0, integers[index], (SAMPLES, *shape)))
            # Of a mask something is left.
            if integers[index] == 2:
                made[-1][:, :, 0] = 1
        else:
            # Of few bits, so that archives are small.
            made.append((np.round(RANDOM.uniform(low, high, (SAMPLES, *shape)) * 32) / 32).astype(np.float32))
    return made


def reals(*shape, low=-1.0, high=1.0):
    return np.random.default_rng(len(shape) + sum(shape)).uniform(low, high, shape).astype(np.float32)


# ONNX


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, array):
        from onnx import numpy_helper
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        self.count += 1
        name = f"c{self.count}"
        self.constants.append(numpy_helper.from_array(np.array(array), name))
        return name

    def __call__(self, op, *operands, outputs=1, domain="", **attributes):
        from onnx import helper
        names = [o if isinstance(o, str) else self.constant(o) for o in operands]
        while names and names[-1] == "":
            names.pop()
        made = []
        for _ in range(outputs):
            self.count += 1
            made.append(f"v{self.count}")
        self.nodes.append(helper.make_node(op, names, made, domain=domain, **attributes))
        return made[0] if outputs == 1 else made


def simple(name, op, *constants, shape=(1, 3, 4, 5), opset=17, low=-2.0, high=2.0, **attributes):
    @case(name, shape, opset=opset, low=low, high=high)
    def make(g, x):
        return g(op, x, *constants, **attributes)


def onnx_cases():
    i64 = lambda *n: np.array(n, np.int64)
    image, rows = (1, 3, 4, 5), (1, 6, 8)
    # Of two that are computed.
    for op in ["Add", "Sub", "Mul", "Max", "Min"]:
        case(f"{op.lower()}_two", image, image)(lambda g, x, y, op=op: g(op, x, y))
        case(f"{op.lower()}_channel", image, (1, 3, 1, 1))(lambda g, x, y, op=op: g(op, y, x))
        case(f"{op.lower()}_line", image, (5,))(lambda g, x, y, op=op: g(op, x, y))
        case(f"{op.lower()}_constant", image)(lambda g, x, op=op: g(op, x, reals(3, 1, 1)))
        case(f"{op.lower()}_constant_plane", image)(lambda g, x, op=op: g(op, reals(4, 5), x))
        case(f"{op.lower()}_grows", (1, 1, 5))(lambda g, x, op=op: g(op, x, reals(4, 3, 1)))
    case("add_whole_constant", rows)(lambda g, x: g("Add", x, reals(1, 6, 8)))
    case("div_two", rows, rows, low=0.5)(lambda g, x, y: g("Div", x, y))
    case("div_row", rows, (1, 6, 1), low=0.5)(lambda g, x, y: g("Div", x, y))
    case("div_negative", rows, rows, low=-2, high=-0.5)(lambda g, x, y: g("Div", x, y))
    case("div_of_constant", rows, low=0.5)(lambda g, x: g("Div", np.float32(1.5), x))
    case("div_of_constants", rows, low=0.5)(lambda g, x: g("Div", reals(8, low=1, high=2), x))
    case("div_constant", rows)(lambda g, x: g("Div", x, reals(8, low=0.5, high=2)))
    case("sub_from_constant", rows)(lambda g, x: g("Sub", np.float32(1), x))
    case("sum_three", rows, rows, rows)(lambda g, x, y, z: g("Sum", x, y, z))
    case("mean_three", rows, rows, rows)(lambda g, x, y, z: g("Mean", x, y, z))
    case("max_three", rows, rows, rows)(lambda g, x, y, z: g("Max", x, y, z))
    case("add_scaled_sum", rows, rows)(lambda g, x, y: g("Add", g("Mul", g("Add", x, y), np.float32(0.25)), reals(8)))
    case("clip_computed", rows, (1,), low=0)(lambda g, x, y: g("Min", g("Max", x, g("Neg", y)), y))
    case("twice_scaled", rows)(lambda g, x: g("Mul", g("Add", x, np.float32(1)), reals(8)))
    # Functions.
    for op, attributes in [
        ("Relu", {}), ("Sigmoid", {}), ("Tanh", {}), ("LeakyRelu", {"alpha": 0.2}), ("Elu", {"alpha": 0.7}), ("Selu", {}),
        ("Celu", {"alpha": 1.5}), ("HardSigmoid", {}), ("HardSwish", {}), ("Mish", {}), ("Softplus", {}), ("Softsign", {}),
        ("Erf", {}), ("Exp", {}), ("Sin", {}), ("Cos", {}), ("Abs", {}), ("Neg", {}), ("Floor", {}), ("Ceil", {}),
        ("Round", {}), ("Sign", {}), ("ThresholdedRelu", {"alpha": 0.5}), ("Identity", {}), ("Shrink", {"lambd": 0.5, "bias": 0.25}),
    ]:
        simple(op.lower(), op, opset=22, shape=rows, **attributes)
    for op in ["Log", "Sqrt", "Reciprocal"]:
        simple(op.lower(), op, shape=rows, low=0.25)
    simple("gelu", "Gelu", opset=20, shape=rows)
    simple("gelu_tanh", "Gelu", opset=20, shape=rows, approximate="tanh")
    simple("clip", "Clip", np.float32(-0.5), np.float32(1), shape=rows)
    simple("clip_low", "Clip", np.float32(-0.5), shape=rows)
    for exponent in [2, 3, 4, 0.5, -0.5, -1, 1.5, -2]:
        simple(f"pow_{exponent}".replace("-", "minus_").replace(".", "_"), "Pow", np.float32(exponent), shape=rows, low=0.5)
    simple("pow_3_signed", "Pow", np.float32(3), shape=rows)
    case("gelu_written_out", rows)(
        lambda g, x: g("Mul", g("Mul", x, g("Add", g("Erf", g("Div", x, np.float32(2 ** 0.5))), np.float32(1))), np.float32(0.5)))
    case("gelu_tanh_written_out", rows)(lambda g, x: g("Mul", g("Mul", x, np.float32(0.5)), g("Add", g("Tanh", g(
        "Mul", g("Add", x, g("Mul", g("Pow", x, np.float32(3)), np.float32(0.044715))), np.float32(0.7978845608))), np.float32(1))))
    case("silu_written_out", rows)(lambda g, x: g("Mul", x, g("Sigmoid", x)))
    case("quick_gelu", rows)(lambda g, x: g("Mul", x, g("Sigmoid", g("Mul", x, np.float32(1.702)))))
    case("swish", rows, opset=24)(lambda g, x: g("Swish", x, alpha=1.5))
    case("mish_written_out", rows)(lambda g, x: g("Mul", x, g("Tanh", g("Softplus", x))))
    case("hardswish_written_out", rows)(lambda g, x: g("Div", g("Mul", x, g("Clip", g(
        "Add", x, np.float32(3)), np.float32(0), np.float32(6))), np.float32(6)))
    for name, slopes in [
        ("one", [0.25]), ("channels", [[[0.5]], [[1.5]], [[-0.25]]]), ("zero", [[[0.0]], [[1.0]], [[2.0]]]), ("whole", reals(3, 4, 5)),
    ]:
        simple(f"prelu_{name}", "PRelu", np.array(slopes, np.float32))
    simple("prelu_rows", "PRelu", reals(8), shape=rows)
    case("prelu_computed", image, (3, 1, 1))(lambda g, x, y: g("PRelu", x, y))
    # Comparisons and choices.
    for op in ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"]:
        case(f"{op.lower()}_where", rows, rows)(lambda g, x, y, op=op: g("Where", g(op, x, np.float32(0.1)), x, y))
    case("where_two", rows, rows)(lambda g, x, y: g("Where", g("Greater", x, y), x, g("Neg", y)))
    case("where_constant", rows)(lambda g, x: g("Where", g("Less", x, np.float32(0)), np.float32(-0.5), x))
    case("where_known", rows)(lambda g, x: g("Where", np.arange(8) % 3 == 0, x, np.float32(0.25)))
    case("where_infinite", (1, 6, 6))(lambda g, x: g("Softmax", g("Where", np.tri(6) > 0, x, np.float32(-np.inf)), axis=-1))
    case("where_image", image, (1, 3, 1, 1))(lambda g, x, y: g("Where", g("Greater", y, np.float32(0)), x, np.float32(1)))
    case("logical", rows, rows)(lambda g, x, y: g("Where", g("Or", g("And", g("Greater", x, np.float32(0)), g(
        "Not", g("Less", y, np.float32(0.5)))), g("Greater", y, np.float32(1.5))), x, y))
    case("xor", rows, rows)(lambda g, x, y: g("Where", g("Xor", g("Greater", x, np.float32(0)), g("Less", y, np.float32(0.5))), x, y))
    case("cast_condition", rows, rows)(lambda g, x, y: g("Mul", g("Cast", g("Greater", x, np.float32(0)), to=1), y))
    case("mask_added", (1, 6, 6))(lambda g, x: g("Softmax", g("Add", x, np.where(np.tri(6) > 0, 0, -np.inf)), axis=-1))
    case("mask_finite", (1, 6, 6))(lambda g, x: g("Softmax", g("Add", x, np.where(np.tri(6) > 0, 0, -1e4)), axis=-1))
    case("mask_computed", (1, 2, 6, 6), (1, 6), integers={1: 2})(lambda g, x, m: g("Softmax", g("Add", x, g("Mul", g(
        "Sub", np.float32(1), g("Cast", g("Unsqueeze", m, i64(1, 2)), to=1)), np.float32(-1e4))), axis=-1))
    case("mask_lowest", (1, 2, 6, 6), (1, 6), integers={1: 2})(lambda g, x, m: g("Softmax", g("Add", x, g("Mul", g(
        "Sub", np.float32(1), g("Cast", g("Unsqueeze", m, i64(1, 2)), to=1)), np.float32(np.finfo(np.float32).min))), axis=-1))
    # Normalisation.
    for axis, shape in [(-1, rows), (1, rows), (-1, (1, 2, 3, 16)), (2, image)]:
        width = shape[axis:]
        case(f"layer_normalization_{len(shape)}_{axis % len(shape)}", shape)(lambda g, x, axis=axis, w=width: g(
            "LayerNormalization", x, reals(*w, low=0.5, high=1.5), reals(*w), axis=axis))
    case("layer_normalization_plain", rows)(lambda g, x: g("LayerNormalization", x, np.ones(8, np.float32), axis=-1))
    case("layer_normalization_written_out", rows)(lambda g, x: written_out(g, x, -1))
    case("layer_normalization_channels", (1, 8, 3, 4))(lambda g, x: g("Transpose", g("LayerNormalization", g(
        "Transpose", x, perm=[0, 2, 3, 1]), reals(8, low=0.5), reals(8), axis=-1), perm=[0, 3, 1, 2]))
    case("instance_normalization", (1, 3, 6, 5))(lambda g, x: g("InstanceNormalization", x, reals(3, low=0.5), reals(3)))
    case("instance_normalization_1d", (1, 3, 10))(lambda g, x: g("InstanceNormalization", x, reals(3, low=0.5), reals(3)))
    case("group_normalization_21", (1, 4, 3, 5), opset=21)(lambda g, x: g(
        "GroupNormalization", x, reals(4, low=0.5), reals(4), num_groups=2))
    case("group_normalization_18", (1, 4, 3, 5), opset=18)(lambda g, x: g(
        "GroupNormalization", x, reals(2, low=0.5), reals(2), num_groups=2))
    case("group_normalization_torch", (1, 4, 3, 5))(lambda g, x: g("Add", g("Mul", g("Reshape", g("InstanceNormalization", g(
        "Reshape", x, i64(0, 2, -1)), np.ones(2, np.float32), np.zeros(2, np.float32)), i64(1, 4, 3, 5)), reals(4, 1, 1)), reals(4, 1, 1)))
    case("rms_normalization", rows, opset=23)(lambda g, x: g("RMSNormalization", x, reals(8, low=0.5), axis=-1))
    case("rms_written_out", rows)(lambda g, x: g("Mul", g("Mul", x, g("Reciprocal", g("Sqrt", g("Add", g("ReduceMean", g(
        "Pow", x, np.float32(2)), axes=[-1]), np.float32(1e-5))))), reals(8)))
    simple("lp_normalization", "LpNormalization", shape=rows, axis=-1)
    simple("lp_normalization_axis", "LpNormalization", shape=rows, axis=1)
    simple("lp_normalization_1", "LpNormalization", shape=rows, axis=-1, p=1)
    simple("mean_variance_normalization", "MeanVarianceNormalization", shape=image)
    case("normalize_written_out", rows)(lambda g, x: g("Div", x, g("Expand", g("Clip", g(
        "ReduceL2", x, axes=[-1], keepdims=1), np.float32(1e-12)), i64(1, 6, 8))))
    simple("batch_normalization", "BatchNormalization", reals(3), reals(3), reals(3), reals(3, low=0.5))
    simple("lrn", "LRN", shape=(1, 6, 3, 4), size=3, alpha=0.5, beta=0.75, bias=1.0)
    # Softmax.
    simple("softmax", "Softmax", shape=rows, axis=-1)
    simple("softmax_channels", "Softmax", shape=image, axis=1)
    simple("softmax_middle", "Softmax", shape=rows, axis=1)
    simple("softmax_old", "Softmax", shape=(1, 8), opset=11)
    simple("softmax_old_flat", "Softmax", shape=(1, 3, 4), opset=11, axis=1)
    case("softmax_inside", rows)(lambda g, x: g("Mul", g("Softmax", x, axis=-1), reals(8)))
    case("softmax_product", rows)(lambda g, x: g("MatMul", g("Softmax", x, axis=-1), reals(8, 4)))
    simple("logsoftmax", "LogSoftmax", shape=rows, axis=-1)
    simple("logsoftmax_channels", "LogSoftmax", shape=image, axis=1)
    # Reductions.
    for op in ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceLogSumExp"]:
        for axes in [[-1], [1], [2, 3], [0, 2], [1, 3]]:
            name = f"{op.lower()}_{''.join(str(a % 4) for a in axes)}"
            simple(name, op, i64(*axes), opset=18, keepdims=len(axes) % 2)
        simple(f"{op.lower()}_all", op, opset=18, shape=(1, 3, 5))
    simple("reducelogsum", "ReduceLogSum", i64(-1), opset=18, low=0.2)
    for exclusive, reverse in [(0, 0), (1, 0), (0, 1)]:
        simple(f"cumsum_{exclusive}{reverse}", "CumSum", np.int64(1), shape=rows, exclusive=exclusive, reverse=reverse)
    # Windows.
    wide = (1, 2, 7, 8)
    for name, attributes in {
        "plain": dict(kernel_shape=[2, 2], strides=[2, 2]), "same": dict(kernel_shape=[3, 3], auto_pad="SAME_UPPER"),
        "lower": dict(kernel_shape=[2, 2], auto_pad="SAME_LOWER"), "padded": dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        "ceil": dict(kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1), "uneven": dict(kernel_shape=[3, 2], pads=[0, 1, 2, 0]),
        "ceil_padded": dict(kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1),
    }.items():
        simple(f"averagepool_{name}", "AveragePool", shape=wide, opset=19, **attributes)
        simple(f"maxpool_{name}", "MaxPool", shape=wide, opset=19, **attributes)
        if "pads" in attributes:
            simple(f"averagepool_{name}_counted", "AveragePool", shape=wide, opset=19, count_include_pad=1, **attributes)
    simple("averagepool_1d", "AveragePool", shape=(1, 3, 11), kernel_shape=[3], strides=[2], pads=[1, 0], opset=19)
    case("averagepool_relu", wide)(lambda g, x: g("Relu", g("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])))
    simple("maxpool_dilated", "MaxPool", shape=wide, kernel_shape=[2, 2], dilations=[2, 2])
    simple("globalaveragepool", "GlobalAveragePool", shape=wide)
    simple("globalmaxpool", "GlobalMaxPool", shape=wide)
    for name, weights, attributes in [
        ("plain", reals(4, 2, 3, 3), {}), ("padded", reals(4, 2, 3, 3), dict(pads=[1, 0, 2, 1], strides=[2, 1])),
        ("dilated", reals(3, 2, 2, 2), dict(dilations=[2, 2])), ("grouped", reals(4, 1, 3, 3), dict(group=2, pads=[1, 1, 1, 1])),
        ("same", reals(3, 2, 3, 3), dict(auto_pad="SAME_UPPER", strides=[2, 2])),
    ]:
        simple(f"conv_{name}", "Conv", weights, reals(weights.shape[0]), shape=wide, **attributes)
    simple("conv_1d", "Conv", reals(4, 3, 3), reals(4), shape=(1, 3, 11), pads=[1, 1])
    for name, weights, attributes in [
        ("plain", reals(2, 3, 2, 2), dict(strides=[2, 2])), ("padded", reals(2, 3, 3, 3), dict(strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])),
        ("dilated", reals(2, 3, 2, 2), dict(dilations=[2, 2])), ("grouped", reals(2, 2, 3, 3), dict(group=2, strides=[2, 1])),
        ("same", reals(2, 3, 3, 3), dict(auto_pad="SAME_UPPER", strides=[2, 2])),
    ]:
        simple(f"convtranspose_{name}", "ConvTranspose", weights, reals(weights.shape[1] * attributes.get("group", 1)), shape=wide, **attributes)
    simple("convtranspose_1d", "ConvTranspose", reals(3, 2, 4), shape=(1, 3, 6), strides=[2], pads=[1, 1])
    # Products.
    simple("gemm", "Gemm", reals(8, 4), reals(4), shape=(1, 8))
    simple("gemm_b", "Gemm", reals(4, 8), reals(4), shape=(1, 8), transB=1, alpha=0.5, beta=2.0)
    simple("gemm_a", "Gemm", reals(6, 4), reals(4), shape=(6, 3), transA=1)
    case("gemm_computed", (3, 8), (8, 4), (3, 4))(lambda g, x, y, z: g("Gemm", x, y, z, alpha=0.5))
    case("gemm_computed_c", (3, 8), (3, 4))(lambda g, x, z: g("Gemm", x, reals(8, 4), z, beta=0.5))
    case("gemm_left_constant", (6, 4))(lambda g, x: g("Gemm", reals(3, 6), x, reals(4)))
    simple("matmul", "MatMul", reals(8, 4), shape=rows)
    case("matmul_left_constant", rows)(lambda g, x: g("MatMul", reals(4, 6), x))
    case("matmul_batched_constant", (1, 2, 6, 8))(lambda g, x: g("MatMul", x, reals(2, 8, 3)))
    case("matmul_vector", rows)(lambda g, x: g("MatMul", x, reals(8)))
    case("matmul_two", rows, (1, 8, 5))(lambda g, x, y: g("MatMul", x, y))
    case("matmul_batched", (1, 2, 3, 8), (1, 2, 8, 4))(lambda g, x, y: g("MatMul", x, y))
    case("matmul_broadcast", (1, 2, 3, 8), (8, 4))(lambda g, x, y: g("MatMul", x, y))
    case("matmul_transposed", (1, 4, 2, 8), (1, 4, 2, 8))(lambda g, x, y: g("MatMul", g("Transpose", x, perm=[0, 2, 1, 3]), g(
        "Transpose", y, perm=[0, 2, 3, 1])))
    case("matmul_scaled", (1, 4, 8), (1, 8, 4))(lambda g, x, y: g("Softmax", g("Div", g("MatMul", x, y), np.float32(2.83)), axis=-1))
    for equation, shapes in {
        "bij,bjk->bik": [(1, 3, 4), (1, 4, 5)], "bhqd,bhkd->bhqk": [(1, 2, 3, 4), (1, 2, 5, 4)], "bqhd,bkhd->bhqk": [(1, 3, 2, 4), (1, 5, 2, 4)],
        "bhqk,bkhd->bqhd": [(1, 2, 3, 5), (1, 5, 2, 4)], "bi,bj->bij": [(1, 3), (1, 4)], "bij,bij->bi": [(1, 3, 4), (1, 3, 4)],
    }.items():
        name = "einsum_" + equation.replace(",", "_").replace("->", "_")
        case(name, *shapes)(lambda g, x, y, e=equation: g("Einsum", x, y, equation=e))
    case("einsum_constant", (1, 3, 4))(lambda g, x: g("Einsum", x, reals(4, 2, 3), equation="bti,ihd->bhtd"))
    case("einsum_transposed", (1, 3, 4))(lambda g, x: g("Einsum", x, equation="bij->bji"))
    case("einsum_sum", (1, 3, 4))(lambda g, x: g("Einsum", x, equation="bij->bj"))
    # Movement.
    case("split", (1, 3, 6))(lambda g, x: g("Add", *g("Split", x, axis=2, outputs=2)))
    case("split_sizes", (1, 3, 6))(lambda g, x: g("Concat", *reversed(g("Split", x, i64(1, 3, 2), axis=2, outputs=3)), axis=2))
    case("split_image", (1, 4, 3, 5))(lambda g, x: g("Mul", *g("Split", x, axis=1, outputs=2)))
    simple("slice", "Slice", i64(1, -4), i64(3, 100), i64(2, 3))
    simple("slice_steps", "Slice", i64(0, -1), i64(4, -100), i64(2, 3), i64(2, -1))
    simple("gather", "Gather", i64(2, 0, -1), axis=1)
    simple("gather_scalar", "Gather", np.int64(1), axis=2)
    simple("gather_matrix", "Gather", np.array([[0, 1], [3, 2]], np.int64), axis=2)
    simple("gather_elements", "GatherElements", np.tile(i64(3, 0, 1, 2), (1, 3, 2, 1)).reshape(1, 3, 4, 2), axis=2)
    simple("gather_nd", "GatherND", np.array([[0, 2], [0, 1]], np.int64))
    simple("concat_constant", "Concat", reals(1, 2, 4, 5), axis=1)
    case("concat_two", image, (1, 2, 4, 5))(lambda g, x, y: g("Concat", x, y, axis=1))
    case("concat_nested", rows, rows, rows)(lambda g, x, y, z: g("Concat", g("Concat", x, y, axis=1), z, axis=1))
    case("concat_token", rows)(lambda g, x: g("Add", g("Concat", reals(1, 1, 8), x, axis=1), reals(1, 7, 8)))
    case("concat_functions", rows)(lambda g, x: g("Concat", g("Sigmoid", x), g("Relu", x), g("Mul", x, np.float32(0.5)), axis=2))
    simple("pad", "Pad", i64(0, 0, 1, 0, 0, 1, 2, 0))
    simple("pad_value", "Pad", i64(0, 0, 1, 0, 0, 1, 2, 0), np.float32(1.5))
    simple("pad_low", "Pad", i64(0, 0, 1, 0, 0, 1, 2, 0), np.float32(-3))
    for mode in ["reflect", "edge", "wrap"]:
        simple(f"pad_{mode}", "Pad", i64(0, 0, 1, 2, 0, 0, 2, 1), mode=mode, opset=19)
    simple("tile", "Tile", i64(1, 2, 1, 3))
    case("expand", (1, 3, 1))(lambda g, x: g("Expand", x, i64(2, 1, 4)))
    case("squeeze", (1, 3, 1, 4))(lambda g, x: g("Squeeze", x, i64(2)))
    case("unsqueeze", (3, 4))(lambda g, x: g("Relu", g("Unsqueeze", x, i64(0, 3))))
    simple("transpose", "Transpose", perm=[0, 3, 1, 2])
    simple("reshape", "Reshape", i64(1, 5, -1))
    case("reshape_heads", (1, 6, 8))(lambda g, x: g("Transpose", g("Reshape", x, i64(0, 0, 2, 4)), perm=[0, 2, 1, 3]))
    simple("flatten", "Flatten")
    simple("depth_to_space", "DepthToSpace", shape=(1, 8, 2, 3), blocksize=2)
    simple("depth_to_space_crd", "DepthToSpace", shape=(1, 8, 2, 3), blocksize=2, mode="CRD")
    simple("space_to_depth", "SpaceToDepth", shape=(1, 2, 4, 6), blocksize=2)
    simple("reverse_sequence", "ReverseSequence", i64(4), shape=(1, 5, 3), batch_axis=0, time_axis=1)
    simple("trilu", "Trilu", shape=(1, 5, 5), upper=0)
    # Resizing.
    for name, scales, attributes in [
        ("nearest", [1, 1, 2, 2], dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
        ("nearest_odd", [1, 1, 1.5, 0.8], dict(mode="nearest")), ("linear_2", [1, 1, 2, 2], dict(mode="linear")),
        ("linear_aligned", [1, 1, 2, 2], dict(mode="linear", coordinate_transformation_mode="align_corners")),
        ("linear_odd", [1, 1, 1.5, 1.6], dict(mode="linear")), ("linear_down", [1, 1, 0.5, 0.6], dict(mode="linear", coordinate_transformation_mode="pytorch_half_pixel")),
        ("linear_asymmetric", [1, 1, 3, 2], dict(mode="linear", coordinate_transformation_mode="asymmetric")),
        ("cubic", [1, 1, 2, 2], dict(mode="cubic")),
        ("cubic_aligned", [1, 1, 2, 1.5], dict(mode="cubic", coordinate_transformation_mode="align_corners", cubic_coeff_a=-0.75)),
    ]:
        simple(f"resize_{name}", "Resize", "", np.array(scales, np.float32), opset=18, **attributes)
    simple("resize_sizes", "Resize", "", "", i64(1, 3, 7, 9), opset=18, mode="linear")
    simple("resize_1d", "Resize", "", np.array([1, 1, 2.5], np.float32), shape=(1, 3, 6), opset=18, mode="linear")
    # Integers.
    case("embedding", (1, 7), integers={0: 11})(lambda g, i: g("Gather", reals(11, 6), i))
    case("embedding_scaled", (1, 7), integers={0: 11})(lambda g, i: g("Mul", g("Gather", reals(11, 6), g("Cast", i, to=6)), np.float32(2)))
    case("embedding_added", (1, 7), (1, 7), integers={0: 11, 1: 2})(lambda g, i, j: g("Add", g("Add", g(
        "Gather", reals(11, 6), i), g("Gather", reals(2, 6), j)), reals(1, 7, 6)))
    case("embedding_unsqueezed", (7,), integers={0: 11})(lambda g, i: g("Gather", reals(11, 6), g("Unsqueeze", i, i64(0))))
    case("embedding_sliced", (1, 8), integers={0: 11})(lambda g, i: g("Gather", reals(11, 6), g("Slice", i, i64(0), i64(8), i64(1), i64(2))))
    case("embedding_mean", (1, 7), integers={0: 11})(lambda g, i: g("ReduceMean", g("Gather", reals(11, 6), i), axes=[1], keepdims=0))
    case("embedding_axis", (1, 7), integers={0: 11})(lambda g, i: g("Gather", reals(6, 11), i, axis=1))
    case("one_hot", (1, 7), integers={0: 5})(lambda g, i: g("OneHot", i, np.int64(5), np.array([0, 1], np.float32)))
    case("integers_cast", (1, 7), integers={0: 100})(lambda g, i: g("Mul", g("Cast", i, to=1), np.float32(0.02)))
    case("integers_mask", rows, (1, 6), integers={1: 2})(lambda g, x, m: g("Mul", x, g("Unsqueeze", g("Cast", m, to=1), i64(2))))
    case("integers_where", rows, (1, 6), integers={1: 2})(lambda g, x, m: g("Where", g("Equal", g("Unsqueeze", m, i64(2)), i64(0)), np.float32(0.5), x))
    case("integers_bool", rows, (1, 6), integers={1: 2})(lambda g, x, m: g("Where", g("Unsqueeze", g("Cast", m, to=9), i64(2)), x, np.float32(-0.5)))
    # What ONNX Runtime's optimiser writes.
    own = dict(domain="com.microsoft")
    case("runtime_gelu", rows)(lambda g, x: g("Gelu", x, **own))
    case("runtime_fast_gelu", rows)(lambda g, x: g("FastGelu", x, reals(8), **own))
    case("runtime_bias_gelu", rows)(lambda g, x: g("BiasGelu", x, reals(8), **own))
    case("runtime_quick_gelu", rows)(lambda g, x: g("QuickGelu", x, alpha=1.702, **own))
    case("runtime_fused_matmul", rows, rows)(lambda g, x, y: g("FusedMatMul", x, y, transB=1, alpha=0.5, **own))
    case("runtime_skip_layer_normalization", rows, rows)(lambda g, x, y: g(
        "SkipLayerNormalization", x, y, reals(8, low=0.5), reals(8), reals(8), epsilon=1e-5, **own))
    # Several outputs.
    case("two_outputs", rows)(lambda g, x: [g("Sigmoid", x), g("MatMul", x, reals(8, 3))])


def written_out(g, x, axis):
    mean = g("ReduceMean", x, axes=[axis])
    centred = g("Sub", x, mean)
    variance = g("ReduceMean", g("Pow", centred, np.float32(2)), axes=[axis])
    return g("Add", g("Mul", g("Div", centred, g("Sqrt", g("Add", variance, np.float32(1e-5)))), reals(8, low=0.5)), reals(8))


def chosen(only):
    """The cases that are asked for, with samples; those of the others are drawn as well, so that they are the same."""
    for name, case in CASES.items():
        _, shapes, _, low, high, integers = case
        samples = inputs(shapes, low, high, integers)
        if not only or name in only:
            yield name, case, samples


def write_onnx(folder, only):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper
    onnx_cases()
    for name, (make, shapes, opset, _, _, integers), samples in chosen(only):
        g = Graph()
        names = [f"x{index}" for index in range(len(shapes))]
        results = make(g, *names)
        results = results if isinstance(results, list) else [results]
        value = lambda index: helper.make_tensor_value_info(
            names[index], TensorProto.INT64 if index in integers else TensorProto.FLOAT, shapes[index])
        graph = helper.make_graph(
            g.nodes, name, [value(index) for index in range(len(shapes))],
            [helper.make_tensor_value_info(result, TensorProto.FLOAT, None) for result in results], g.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)], ir_version=10)
        onnxruntime.set_default_logger_severity(3)
        try:
            session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            run = lambda feed: session.run(None, feed)
            run({n: array[0] for n, array in zip(names, samples)})
        except Exception:
            from onnx.reference import ReferenceEvaluator
            run = lambda feed, r=ReferenceEvaluator(model): r.run(None, feed)
        made = [run({n: array[sample] for n, array in zip(names, samples)}) for sample in range(SAMPLES)]
        onnx.save(model, folder / f"{name}.onnx")
        save(folder, name, samples, [np.stack([m[index] for m in made]) for index in range(len(results))])


# TensorFlow Lite


def tflite_cases():
    import tensorflow as tf
    rows, image = (1, 6, 8), (1, 4, 6, 4)
    def add(name, *shapes, **options):
        return case(name, *shapes, **options)
    add("cumsum", rows)(lambda x: tf.cumsum(x, 1))
    add("cumsum_exclusive_reverse", rows)(lambda x: tf.cumsum(x, 2, exclusive=True, reverse=True))
    add("log_softmax", rows)(lambda x: tf.nn.log_softmax(x))
    add("l2_normalization", rows)(lambda x: tf.math.l2_normalize(x, -1))
    add("logical", rows, rows)(lambda x, y: tf.where(tf.logical_or(tf.logical_not(x > 0.5), tf.logical_and(y > 0, x < y)), x, y))
    add("where_constant", rows)(lambda x: tf.where(tf.constant(np.arange(8) % 3 == 0), x, 0.25))
    add("cast_truth", rows, rows)(lambda x, y: tf.cast(x > 0.25, tf.float32) * y)
    add("embedding", (1, 7), integers={0: 11})(lambda i: tf.gather(tf.constant(reals(11, 6)), i))
    add("embedding_scaled", (1, 7), integers={0: 11})(lambda i: tf.gather(tf.constant(reals(11, 6)), i) * 2.5 + 1)
    add("integers_cast", (1, 7), integers={0: 100})(lambda i: tf.cast(i, tf.float32) * 0.02)
    add("integers_mask", rows, (1, 6), integers={1: 2})(lambda x, m: x * tf.cast(m, tf.float32)[:, :, None])
    add("matmul_two", rows, (1, 8, 5))(lambda x, y: tf.matmul(x, y))
    add("matmul_constant", rows)(lambda x: tf.matmul(x, tf.constant(reals(8, 5))))
    add("matmul_constant_left", rows)(lambda x: tf.matmul(tf.constant(reals(1, 4, 6)), x))
    add("matmul_constant_batched", (1, 2, 6, 8))(lambda x: tf.matmul(x, tf.constant(reals(1, 2, 8, 3))))
    add("div_two", rows, rows, low=0.5)(lambda x, y: x / y)
    add("div_relu", rows, rows, low=0.5)(lambda x, y: tf.nn.relu(tf.math.divide(x - 1, y)))
    add("concat_constant", rows)(lambda x: tf.concat([tf.constant(reals(1, 1, 8)), x], 1))
    add("padv2", image)(lambda x: tf.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]], constant_values=1.5))
    add("padv2_low", image)(lambda x: tf.nn.max_pool2d(tf.pad(
        x, [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-np.inf), 3, 2, "VALID"))
    prelu = tf.keras.layers.PReLU(tf.constant_initializer(reals(1, 1, 4) * 2), shared_axes=[1, 2])
    prelu.build(image)
    add("prelu", image)(lambda x: prelu(x))
    normalization = tf.keras.layers.LayerNormalization(gamma_initializer=tf.constant_initializer(reals(8, low=0.5)))
    normalization.build(rows)
    add("layer_normalization", rows)(lambda x: normalization(x))
    add("softmax_channels", image)(lambda x: tf.nn.softmax(x, 1))
    add("average_pool_same", (1, 7, 8, 2))(lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"))
    add("average_pool_all", (1, 7, 8, 2))(lambda x: tf.nn.avg_pool2d(x, (7, 8), 1, "VALID"))
    add("silu", rows)(lambda x: tf.nn.silu(x))
    add("mish", rows)(lambda x: x * tf.tanh(tf.math.softplus(x)))
    add("gelu", rows)(lambda x: tf.nn.gelu(x))
    add("squares", rows)(lambda x: x * x + x)
    add("softplus", rows)(lambda x: tf.math.softplus(x))
    add("selu", rows)(lambda x: tf.nn.selu(x))
    add("reduce_any_axes", image)(lambda x: tf.reduce_max(x, [1, 3]) - tf.reduce_min(x, [1, 3]))
    add("attention", rows)(lambda x: tf.matmul(tf.nn.softmax(tf.matmul(x, x, transpose_b=True) / 2.8), x))
    add("masked_softmax", (1, 6, 6))(lambda x: tf.nn.softmax(x + tf.constant((np.tri(6) - 1).astype(np.float32) * 1e9)))
    add("resize_nearest", image)(lambda x: tf.image.resize(x, (8, 9), "nearest"))
    add("resize_bilinear", image)(lambda x: tf.image.resize(x, (7, 9)))
    add("conv_transpose", image)(lambda x: tf.nn.conv2d_transpose(x, tf.constant(reals(3, 3, 2, 4)), (1, 8, 12, 2), 2))


def write_tflite(folder, only):
    import tensorflow as tf
    tflite_cases()
    for name, (make, shapes, _, _, _, integers), samples in chosen(only):
        signature = [
            tf.TensorSpec(shape, tf.int32 if index in integers else tf.float32, name=f"x{index}") for index, shape in enumerate(shapes)]
        function = tf.function(make, input_signature=signature).get_concrete_function()
        model = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
        interpreter = tf.lite.Interpreter(model_content=model)
        interpreter.allocate_tensors()
        details = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
        order = [next(i for i in range(len(shapes)) if f"x{i}" in d["name"]) for d in interpreter.get_input_details()]
        made = []
        for sample in range(SAMPLES):
            for detail in details:
                array = samples[next(i for i in range(len(shapes)) if f"x{i}" in detail["name"])][sample]
                interpreter.set_tensor(detail["index"], array.astype(detail["dtype"]))
            interpreter.invoke()
            made.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
        (folder / f"{name}.tflite").write_bytes(model)
        save(folder, name, [samples[index] for index in order], [np.stack(made)])


def save(folder, name, samples, outputs):
    for index, array in enumerate(samples):
        np.save(folder / f"{name}.input{index}.npy", array.astype(np.int32) if array.dtype == np.int64 else array)
    for index, array in enumerate(outputs):
        # 16 bits behind the leading one: what is held to them is held to 1e-4.
        bits = array.astype(np.float32).view(np.uint32)
        np.save(folder / f"{name}.output{index}.npy", ((bits + 64) & 0xFFFFFF80).astype(np.uint32).view(np.float32))


def pack(folder, name):
    import subprocess
    names = sorted(p.name for p in folder.iterdir())
    subprocess.run(
        ["tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", folder, "-cf", folder / "x.tar", *names],
        check=True)
    archive = subprocess.run(["gzip", "-9nc", folder / "x.tar"], check=True, capture_output=True).stdout
    (pathlib.Path(__file__).parent / f"{name}.tar.gz").write_bytes(archive)
    (folder / "x.tar").unlink()


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    {"onnx": write_onnx, "tflite": write_tflite}[sys.argv[2]](folder, sys.argv[3:])
    if not sys.argv[3:]:
        pack(folder, sys.argv[2])
