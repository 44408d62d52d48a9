"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED, written through the schema."""

import numpy as np

from tflite_model import OPTIONAL_TENSOR, Case, Model, Quantization, require_no_overflow
from tflite_model import schema
from vectors import generator, integer_vectors

ACTIVATIONS = {"none": "NONE", "relu": "RELU", "relu6": "RELU6", "relu_n1_to_1": "RELU_N1_TO_1"}


def activation(name):
    return getattr(schema.ActivationFunctionType, ACTIVATIONS[name])


def window_count(size, kernel, stride, dilation, padding):
    reach = (kernel - 1) * dilation + 1
    return -(-size // stride) if padding == "same" else -(-(size - reach + 1) // stride)


def float32(value):
    return float(np.float32(value))


class Weights:
    """Weight codes, their scales and the bias of one layer, and the ranges of its accumulators.

    `codes` is laid out with the output channels in `axis`. One of these gives the requantisation:
    `multiplier`: the effective multiplier wanted (one for all channels; the file's float32 scales decide
    the exact value), or `y`: the output's quantisation, or neither: spread the outputs over the codes.
    """

    def __init__(self, name, rng, shape, axis, x, taps, per_channel=True, codes="random", weight_scale=None,
                 weight_zero_point=0, bias="random", multiplier=None, y_scale=None, y_zero_point=0, weight_type="int8"):
        self.axis, self.x = axis, x
        self.type = weight_type
        self.channels = shape[axis]
        self.zero_point = weight_zero_point
        self.codes = self.make_codes(rng, shape, codes)
        self.scales = self.make_scales(rng, per_channel, weight_scale)
        if multiplier is not None:
            y_scale = float32(x.scale * float(np.mean(self.scales)) / multiplier)
        elif y_scale is None:
            typical = np.sqrt(taps) * 74.0 * max(1.0, np.std(self.codes.astype(float)))
            y_scale = float32(x.scale * float(np.mean(self.scales)) * typical / 60)
        self.y = Quantization(y_scale, y_zero_point)
        self.multipliers = [float(np.float64(x.scale) * np.float64(s) / np.float64(y_scale)) for s in self.scales]
        low, high = self.accumulator_range()
        self.bias = self.make_bias(rng, bias, low, high)
        offset = 0 if self.bias is None else self.bias.astype(np.int64)
        for smallest, largest, real in zip(low + offset, high + offset, self.multipliers):
            require_no_overflow(name, smallest, largest, real)

    def make_codes(self, rng, shape, kind):
        if kind == "random":
            return rng.integers(-127, 128, shape).astype(np.int8)
        if kind == "full":  # -128 too: the converter avoids it, files need not
            return rng.integers(-128, 128, shape).astype(np.int8)
        if kind == "extreme":
            return rng.choice([-128, 127], shape).astype(np.int8)
        if kind == "small":
            return rng.integers(-2, 3, shape).astype(np.int8)
        if kind == "nibbles":
            return rng.integers(-8, 8, shape).astype(np.int8)
        if kind == "nibble_ends":
            return rng.choice([-8, 7], shape).astype(np.int8)
        return np.broadcast_to(np.int8(kind), shape).copy()

    def make_scales(self, rng, per_channel, weight_scale):
        if weight_scale is not None:
            return np.atleast_1d(np.asarray(weight_scale, np.float32))
        if per_channel:
            return rng.uniform(0.002, 0.02, self.channels).astype(np.float32)
        return np.array([0.0078431377], np.float32)

    @property
    def quantization(self):
        scale = [float(s) for s in self.scales]
        return Quantization(scale if len(scale) > 1 else scale[0], self.zero_point, self.axis)

    @property
    def bias_quantization(self):
        scale = [float32(np.float32(self.x.scale) * s) for s in self.scales]
        return Quantization(scale if len(scale) > 1 else scale[0], 0, 0)

    def accumulator_range(self):
        """The least and greatest sum of products for each channel, over all inputs and all paddings."""
        weights = np.moveaxis(self.codes, self.axis, 0).reshape(self.channels, -1).astype(np.int64) - self.zero_point
        at_low, at_high = weights * (-128 - self.x.zero_point), weights * (127 - self.x.zero_point)
        zero = np.zeros_like(weights)  # a tap outside the image contributes nothing
        low = np.minimum(np.minimum(at_low, at_high), zero).sum(axis=1)
        high = np.maximum(np.maximum(at_low, at_high), zero).sum(axis=1)
        return low, high

    def make_bias(self, rng, kind, low, high):
        if kind in ("absent", "missing"):
            return None
        if kind == "zero":
            return np.zeros(self.channels, np.int32)
        if kind == "random":
            spread = np.maximum((high - low) // 16, 1)
            return rng.integers(-spread, spread + 1).astype(np.int32)
        if kind == "visible":
            # For multipliers so small that only the bias can move the output: aim at all codes.
            aim = rng.uniform(-120, 120, self.channels) / np.broadcast_to(self.multipliers, self.channels)
            room = (1 << 31) - 1024 - np.maximum(np.abs(low), np.abs(high))
            return np.clip(aim, -room, room).astype(np.int32)
        if kind == "largest":
            # Accumulators that end just below 2^31 for the worst input.
            room = (1 << 31) - 1024 - np.maximum(np.abs(low), np.abs(high))
            return (room * np.where(np.arange(self.channels) % 2, -1, 1)).astype(np.int32)
        return np.broadcast_to(np.int32(kind), self.channels).copy()


def add_layer(model, operator, x_shape, y_shape, weights, bias_kind, any_batch=False, **options):
    """Input, weights, bias and output tensors around one operator.

    `any_batch` marks the batch dimension as unknown in the shape signatures, as converted Keras models do
    whose batch size was not fixed; the shapes themselves still say 1, and that is what runs.
    """
    graph = model.main
    signature = (lambda shape: [-1, *shape[1:]]) if any_batch else (lambda shape: None)
    x = graph.input("x", x_shape, "int8", weights.x, shape_signature=signature(x_shape))
    w = graph.constant("w", weights.codes, weights.type, weights.quantization)
    inputs = [x, w]
    if weights.bias is not None:
        inputs.append(graph.constant("bias", weights.bias, "int32", weights.bias_quantization))
    elif bias_kind == "missing":
        inputs.append(OPTIONAL_TENSOR)
    y = graph.output("y", y_shape, "int8", weights.y, shape_signature=signature(y_shape))
    graph.operator(operator, inputs, [y], **options)


def conv_2d(name, x_shape=(1, 5, 6, 3), filters=4, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding="valid",
            act="none", x=Quantization(0.0472, -5), groups=1, bias="random", **quantities):
    name = "conv_2d_" + name
    rng = generator(name)
    batch, height, width, depth = x_shape
    shape = (filters, kernel[0], kernel[1], depth // groups)
    weights = Weights(name, rng, shape, 0, x, int(np.prod(shape[1:])), bias=bias, **quantities)
    y_shape = (batch, window_count(height, kernel[0], stride[0], dilation[0], padding),
               window_count(width, kernel[1], stride[1], dilation[1], padding), filters)
    model = Model()
    add_layer(model, "CONV_2D", x_shape, y_shape, weights, bias,
              padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1],
              dilationHFactor=dilation[0], dilationWFactor=dilation[1], fusedActivationFunction=activation(act))
    return Case(name, "CONV_2D", model.serialize(), integer_vectors(name, [(x_shape, "int8", x.zero_point)]))


def depthwise_conv_2d(name, x_shape=(1, 5, 6, 3), multiplicity=1, kernel=(3, 3), stride=(1, 1), dilation=(1, 1),
                      padding="valid", act="none", x=Quantization(0.0472, -5), bias="random", **quantities):
    name = "depthwise_conv_2d_" + name
    rng = generator(name)
    batch, height, width, depth = x_shape
    shape = (1, kernel[0], kernel[1], depth * multiplicity)
    weights = Weights(name, rng, shape, 3, x, kernel[0] * kernel[1], bias=bias, **quantities)
    y_shape = (batch, window_count(height, kernel[0], stride[0], dilation[0], padding),
               window_count(width, kernel[1], stride[1], dilation[1], padding), depth * multiplicity)
    model = Model()
    add_layer(model, "DEPTHWISE_CONV_2D", x_shape, y_shape, weights, bias, depthMultiplier=multiplicity,
              padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1],
              dilationHFactor=dilation[0], dilationWFactor=dilation[1], fusedActivationFunction=activation(act))
    return Case(name, "DEPTHWISE_CONV_2D", model.serialize(), integer_vectors(name, [(x_shape, "int8", x.zero_point)]))


def fully_connected(name, x_shape=(1, 24), units=7, act="none", x=Quantization(0.0472, -5), bias="random",
                    keep_dims=False, y_shape=None, depth=None, per_channel=False, any_batch=False, **quantities):
    name = "fully_connected_" + name
    rng = generator(name)
    depth = depth or x_shape[-1]
    weights = Weights(name, rng, (units, depth), 0, x, depth, bias=bias, per_channel=per_channel, **quantities)
    if y_shape is None:
        y_shape = (*x_shape[:-1], units) if keep_dims else (int(np.prod(x_shape)) // depth, units)
    model = Model()
    add_layer(model, "FULLY_CONNECTED", x_shape, y_shape, weights, bias, any_batch, keepNumDims=keep_dims,
              fusedActivationFunction=activation(act))
    return Case(name, "FULLY_CONNECTED", model.serialize(), integer_vectors(name, [(x_shape, "int8", x.zero_point)]))


# (1 - t)(1 + t) with t = 181 * 2^-23 is 1 - 2^-31 to 12 digits: its mantissa is 2^31 - 1, the largest there is.
# Rounded to float32 first, as earlier TFLM does for FULLY_CONNECTED, the product would be 1 exactly.
NEARLY_ONE = 181 * 2.0**-23
# (1 - 2^-23)(1 + 2^-23) = 1 - 2^-46 rounds up to mantissa 2^31, which is renormalised to 2^30 and one more bit.
JUST_BELOW_ONE = 2.0**-23


def mantissa_quantities(epsilon, exponent=-7):
    return dict(x=Quantization(1 - epsilon, 3), weight_scale=1 + epsilon, y_scale=2.0**-exponent)


def exact(exponent):
    """Power-of-two scales whose effective multiplier is exactly 2^exponent."""
    return dict(x=Quantization(2.0**-5, -7), weight_scale=2.0**-7, y_scale=2.0**(-12 - exponent))


def multiplier_cases(make, small_sizes, brief=False):
    """The whole range of effective multipliers, for one of the three layer kinds."""
    exponents = (-31, -24, -16, -9, -4, -1, 0, 3)
    if not brief:
        exponents += (-30, -20, -12, -7, -2, 1, 2)
    multipliers = (7.3e-6, 0.37, 7.99) if brief else (3e-9, 7.3e-6, 0.0037, 0.37, 0.71, 1.37, 7.99)
    for exponent in exponents:
        label = f"minus{-exponent}" if exponent < 0 else str(exponent)
        codes = "small" if exponent > -6 else "random"
        bias = "visible" if exponent < -10 else "random"
        yield lambda e=exponent, l=label, c=codes, b=bias: make(
            f"multiplier_2_to_{l}", **small_sizes, **exact(e), codes=c, bias=b)
    for multiplier in multipliers:
        codes = "small" if multiplier > 0.02 else "random"
        bias = "visible" if multiplier < 0.001 else "random"
        yield lambda m=multiplier, c=codes, b=bias: make(
            f"multiplier_{str(m).replace('.', 'p').replace('-', 'm')}", **small_sizes, multiplier=m, codes=c, bias=b,
            weight_scale=0.0117)
    yield lambda: make("mantissa_largest", **small_sizes, **mantissa_quantities(NEARLY_ONE), codes="random")
    yield lambda: make("mantissa_largest_left_shift", **small_sizes, **mantissa_quantities(NEARLY_ONE, 2), codes="small")
    yield lambda: make("mantissa_largest_times_one", **small_sizes, **mantissa_quantities(NEARLY_ONE, 0), codes="small")
    yield lambda: make("mantissa_rounds_up", **small_sizes, **mantissa_quantities(JUST_BELOW_ONE), codes="random")
    yield lambda: make("mantissa_rounds_up_times_one", **small_sizes, **mantissa_quantities(JUST_BELOW_ONE, 0),
                       codes="small")
    yield lambda: make("multiplier_flushed_to_zero", **small_sizes, x=Quantization(2.0**-20, 3), weight_scale=2.0**-18,
                       y_scale=1.0, y_zero_point=11, bias="largest")
    yield lambda: make("bias_largest", **small_sizes, multiplier=2.0**-24 * 0.93, weight_scale=0.01, bias="largest")
    yield lambda: make("bias_largest_ties", **small_sizes, **exact(-24), bias="largest")


def zero_point_cases(make, sizes):
    for x_zero in (-128, 0, 127):
        for y_zero in (-128, 127):
            label = f"zero_points_{x_zero}_{y_zero}".replace("-", "m")
            yield lambda x=x_zero, y=y_zero, l=label: make(
                l, **sizes, x=Quantization(0.0311, x), y_zero_point=y)


def activation_cases(make, sizes):
    # The scale decides where 6 or 1 falls: among the codes, beyond them, or on half a code. 6 / 0.0784313753 and
    # 1 / 0.0266666673 are halves in float32, in which the clamp is computed, and just below them in double.
    scales = {
        "relu": ((0.05, -128), (0.031, -20), (0.05, 127)),
        "relu6": ((0.05, -128), (0.4, 100), (0.031, -20), (0.0784313753, -40)),
        "relu_n1_to_1": ((0.0078125, 0), (0.4, 100), (0.0266666673, 0)),
    }
    for act, pairs in scales.items():
        for scale, zero in pairs:
            label = f"{act}_scale_{str(round(scale, 5)).replace('.', 'p')}_zero_{str(zero).replace('-', 'm')}"
            yield lambda a=act, s=scale, z=zero, l=label: make(
                l, **sizes, act=a, x=Quantization(0.04, 9), y_scale=float32(s), y_zero_point=z,
                weight_scale=float32(s * 0.2))


def bias_and_weight_cases(make, sizes):
    yield lambda: make("bias_absent", **sizes, bias="absent")
    yield lambda: make("bias_missing", **sizes, bias="missing")
    yield lambda: make("bias_zero", **sizes, bias="zero")
    yield lambda: make("weights_extreme", **sizes, codes="extreme", x=Quantization(0.05, 127))
    yield lambda: make("weights_extreme_input_zero_m128", **sizes, codes="extreme", x=Quantization(0.05, -128))
    yield lambda: make("weights_all_minus_128", **sizes, codes=-128, x=Quantization(0.05, 127))
    yield lambda: make("weights_all_127", **sizes, codes=127, x=Quantization(0.05, -128))
    yield lambda: make("weights_with_minus_128", **sizes, codes="full")
    yield lambda: make("weights_all_zero", **sizes, codes=0, multiplier=0.01, weight_scale=0.01, bias=1234)


def conv_2d_cases():
    geometry = {
        "valid_5x6x3": {},
        "same_5x6x3": dict(padding="same"),
        "same_even_kernel_2x2": dict(padding="same", kernel=(2, 2)),
        "same_even_kernel_4x2_stride2": dict(padding="same", kernel=(4, 2), stride=(2, 2), x_shape=(1, 7, 6, 2)),
        "same_stride2_kernel3_6x6": dict(padding="same", stride=(2, 2), x_shape=(1, 6, 6, 2)),
        "same_stride2_kernel3_7x7": dict(padding="same", stride=(2, 2), x_shape=(1, 7, 7, 2)),
        "same_stride3x2_kernel5x3": dict(padding="same", stride=(3, 2), kernel=(5, 3), x_shape=(1, 8, 7, 2)),
        "same_kernel_larger_than_image": dict(padding="same", kernel=(5, 7), x_shape=(1, 3, 2, 2)),
        "same_stride_larger_than_kernel": dict(padding="same", kernel=(2, 1), stride=(3, 4), x_shape=(1, 8, 9, 2)),
        "valid_stride_larger_than_kernel": dict(kernel=(1, 2), stride=(3, 3), x_shape=(1, 7, 8, 3)),
        "valid_stride_leaves_rest": dict(kernel=(3, 2), stride=(2, 3), x_shape=(1, 8, 9, 2)),
        "valid_kernel_is_image": dict(kernel=(4, 5), x_shape=(1, 4, 5, 2), filters=3),
        "pointwise_1x1": dict(kernel=(1, 1), x_shape=(1, 4, 3, 8), filters=8),
        "pointwise_stride2": dict(kernel=(1, 1), stride=(2, 2), x_shape=(1, 5, 5, 4), filters=5),
        "pointwise_on_1x1_image": dict(kernel=(1, 1), x_shape=(1, 1, 1, 16), filters=10),
        "same_3x3_on_1x1_image": dict(padding="same", x_shape=(1, 1, 1, 5), filters=6),
        "one_channel_one_filter": dict(x_shape=(1, 6, 5, 1), filters=1),
        "one_channel_nine_filters": dict(x_shape=(1, 4, 4, 1), filters=9),
        "many_channels": dict(x_shape=(1, 3, 3, 33), filters=3, padding="same"),
        "row_kernel_1x5": dict(kernel=(1, 5), x_shape=(1, 3, 9, 2), padding="same"),
        "column_kernel_5x1": dict(kernel=(5, 1), x_shape=(1, 9, 3, 2)),
        "sequence_1_high": dict(kernel=(1, 3), x_shape=(1, 1, 12, 3)),
        "sequence_1_wide": dict(kernel=(4, 1), x_shape=(1, 10, 1, 3), stride=(2, 1), padding="same"),
        "dilation2_valid": dict(dilation=(2, 2), x_shape=(1, 7, 7, 2)),
        "dilation2_same": dict(dilation=(2, 2), x_shape=(1, 6, 5, 2), padding="same"),
        "dilation3x1_same": dict(dilation=(3, 1), x_shape=(1, 8, 4, 2), padding="same", kernel=(3, 2)),
        "dilation1x2_valid_even_kernel": dict(dilation=(1, 2), x_shape=(1, 4, 8, 2), kernel=(2, 4)),
        "dilation2_same_larger_than_image": dict(dilation=(3, 3), x_shape=(1, 4, 3, 2), padding="same"),
        "dilation2_stride2_same": dict(dilation=(2, 2), stride=(2, 2), x_shape=(1, 7, 8, 2), padding="same"),
        "batch2_valid": dict(x_shape=(2, 4, 5, 2)),
        "batch3_same_stride2": dict(x_shape=(3, 4, 5, 2), stride=(2, 2), padding="same"),
        "groups2": dict(x_shape=(1, 5, 4, 4), groups=2, filters=6),
        "groups3_same": dict(x_shape=(1, 4, 4, 6), groups=3, filters=3, padding="same"),
        "groups_as_many_as_channels": dict(x_shape=(1, 5, 5, 4), groups=4, filters=8),
        "groups2_stride2_batch2": dict(x_shape=(2, 5, 5, 6), groups=2, filters=4, stride=(2, 2), padding="same"),
    }
    for name, sizes in geometry.items():
        yield lambda n=name, s=sizes: conv_2d(n, **s)
    for name in ("same_5x6x3", "dilation2_same", "batch2_valid", "groups2", "pointwise_1x1"):
        yield lambda n=name, s=geometry[name]: conv_2d("per_tensor_" + n, per_channel=False, **s)
    small = dict(x_shape=(1, 3, 4, 2), kernel=(2, 2), filters=4)
    same = dict(x_shape=(1, 4, 3, 2), kernel=(3, 2), filters=4, padding="same")
    yield from zero_point_cases(conv_2d, same)
    yield from activation_cases(conv_2d, small)
    yield from bias_and_weight_cases(conv_2d, same)
    yield from multiplier_cases(conv_2d, small)
    yield lambda: conv_2d("channel_scales_far_apart", **small, weight_scale=[2.0**-20, 0.0003, 0.02, 1.0],
                          y_scale=3.0, codes="random", bias="random")
    yield lambda: conv_2d("channel_scales_all_equal", **small, weight_scale=[0.01] * 4)
    yield lambda: conv_2d("scales_all_one", **small, x=Quantization(1.0, 0), weight_scale=1.0, y_scale=1.0,
                          codes="small", bias="zero")


def depthwise_conv_2d_cases():
    geometry = {
        "valid_5x6x3": {},
        "same_5x6x3": dict(padding="same"),
        "multiplier2": dict(multiplicity=2),
        "multiplier3_same": dict(multiplicity=3, padding="same", x_shape=(1, 4, 5, 2)),
        "multiplier8_one_channel": dict(multiplicity=8, x_shape=(1, 6, 5, 1), padding="same"),
        "multiplier8_stride2": dict(multiplicity=8, x_shape=(1, 7, 6, 1), stride=(2, 2), kernel=(5, 4), padding="same"),
        "multiplier2_dilation2": dict(multiplicity=2, x_shape=(1, 7, 6, 2), dilation=(2, 2)),
        "multiplier3_batch2": dict(multiplicity=3, x_shape=(2, 4, 4, 2)),
        "same_even_kernel_2x2": dict(padding="same", kernel=(2, 2)),
        "same_even_kernel_4x2_stride2": dict(padding="same", kernel=(4, 2), stride=(2, 2), x_shape=(1, 7, 6, 2)),
        "same_stride2_kernel3_6x6": dict(padding="same", stride=(2, 2), x_shape=(1, 6, 6, 3)),
        "same_stride2_kernel3_7x7": dict(padding="same", stride=(2, 2), x_shape=(1, 7, 7, 3)),
        "same_stride3x2_kernel5x3": dict(padding="same", stride=(3, 2), kernel=(5, 3), x_shape=(1, 8, 7, 2)),
        "same_kernel_larger_than_image": dict(padding="same", kernel=(5, 7), x_shape=(1, 3, 2, 4)),
        "same_stride_larger_than_kernel": dict(padding="same", kernel=(2, 1), stride=(3, 4), x_shape=(1, 8, 9, 2)),
        "valid_stride_larger_than_kernel": dict(kernel=(1, 2), stride=(3, 3), x_shape=(1, 7, 8, 3)),
        "valid_stride_leaves_rest": dict(kernel=(3, 2), stride=(2, 3), x_shape=(1, 8, 9, 2)),
        "valid_kernel_is_image": dict(kernel=(4, 5), x_shape=(1, 4, 5, 6)),
        "pointwise_1x1": dict(kernel=(1, 1), x_shape=(1, 4, 3, 8)),
        "on_1x1_image": dict(padding="same", x_shape=(1, 1, 1, 9)),
        "one_channel": dict(x_shape=(1, 6, 5, 1)),
        "many_channels": dict(x_shape=(1, 3, 3, 37), padding="same"),
        "row_kernel_1x5": dict(kernel=(1, 5), x_shape=(1, 3, 9, 2), padding="same"),
        "column_kernel_5x1": dict(kernel=(5, 1), x_shape=(1, 9, 3, 2)),
        "dilation2_valid": dict(dilation=(2, 2), x_shape=(1, 7, 7, 3)),
        "dilation2_same": dict(dilation=(2, 2), x_shape=(1, 6, 5, 3), padding="same"),
        "dilation3x1_same": dict(dilation=(3, 1), x_shape=(1, 8, 4, 2), padding="same", kernel=(3, 2)),
        "dilation3_same_larger_than_image": dict(dilation=(3, 3), x_shape=(1, 4, 3, 3), padding="same"),
        "dilation2_stride2_same": dict(dilation=(2, 2), stride=(2, 2), x_shape=(1, 7, 8, 2), padding="same"),
        "batch2_valid": dict(x_shape=(2, 4, 5, 3)),
        "batch3_same_stride2": dict(x_shape=(3, 4, 5, 2), stride=(2, 2), padding="same"),
    }
    for name, sizes in geometry.items():
        yield lambda n=name, s=sizes: depthwise_conv_2d(n, **s)
    for name in ("same_5x6x3", "dilation2_same", "multiplier2", "multiplier8_one_channel"):
        yield lambda n=name, s=geometry[name]: depthwise_conv_2d("per_tensor_" + n, per_channel=False, **s)
    small = dict(x_shape=(1, 4, 4, 4), kernel=(3, 2))
    same = dict(x_shape=(1, 4, 3, 4), kernel=(3, 2), padding="same")
    yield from zero_point_cases(depthwise_conv_2d, same)
    yield from activation_cases(depthwise_conv_2d, small)
    yield from bias_and_weight_cases(depthwise_conv_2d, same)
    yield from multiplier_cases(depthwise_conv_2d, small, brief=True)
    yield lambda: depthwise_conv_2d("channel_scales_far_apart", **small, weight_scale=[2.0**-20, 0.0003, 0.02, 1.0],
                                    y_scale=2.0)


def fully_connected_cases():
    geometry = {
        "24_to_7": {},
        "1_to_1": dict(x_shape=(1, 1), units=1),
        "1_to_9": dict(x_shape=(1, 1), units=9),
        "31_to_1": dict(x_shape=(1, 31), units=1),
        "100_to_10": dict(x_shape=(1, 100), units=10),
        "batch2": dict(x_shape=(2, 13)),
        "batch_unknown_in_signature": dict(any_batch=True),
        "batch5": dict(x_shape=(5, 6), units=3),
        "input_4d": dict(x_shape=(1, 2, 3, 4), depth=24, y_shape=(1, 7)),
        "input_4d_batch2": dict(x_shape=(2, 2, 3, 2), depth=12, y_shape=(2, 7)),
        "input_3d_regrouped": dict(x_shape=(2, 3, 4), depth=8, y_shape=(3, 7)),
        "keep_dims_3d": dict(x_shape=(2, 3, 8), keep_dims=True),
        "keep_dims_4d": dict(x_shape=(1, 2, 2, 6), keep_dims=True, units=5),
        "input_1d": dict(x_shape=(16,), depth=16, y_shape=(1, 7)),
    }
    for name, sizes in geometry.items():
        yield lambda n=name, s=sizes: fully_connected(n, **s)
    for name in ("24_to_7", "batch5", "keep_dims_3d", "input_4d", "100_to_10"):
        yield lambda n=name, s=geometry[name]: fully_connected("per_channel_" + n, per_channel=True, **s)
    small = dict(x_shape=(1, 12), units=6)
    for zero in (-128, -7, 1, 127):
        yield lambda z=zero: fully_connected(f"weight_zero_point_{str(z).replace('-', 'm')}", **small,
                                             weight_zero_point=z, codes="full")
    yield lambda: fully_connected("weight_zero_point_9_batch3", x_shape=(3, 9), units=4, weight_zero_point=9,
                                  x=Quantization(0.03, -128), codes="full")
    yield from zero_point_cases(fully_connected, small)
    yield from activation_cases(fully_connected, small)
    yield from bias_and_weight_cases(fully_connected, small)
    yield from multiplier_cases(fully_connected, small)
    yield lambda: fully_connected("per_channel_scales_far_apart", x_shape=(1, 12), units=4,
                                  weight_scale=[2.0**-20, 0.0003, 0.02, 1.0], y_scale=3.0)
    yield lambda: fully_connected("per_channel_mantissas", x_shape=(1, 12), units=4, x=Quantization(1 - NEARLY_ONE, 3),
                                  weight_scale=[1 + NEARLY_ONE, 1.0, 0.5, 1 - JUST_BELOW_ONE], y_scale=64.0)
    # 257 * 257 products add up in one accumulator: 2^24 and more, still far from int32's end.
    yield lambda: fully_connected("long_sum_extreme_weights", x_shape=(1, 257), units=3, codes="extreme",
                                  x=Quantization(0.05, 127))


def cases():
    yield from conv_2d_cases()
    yield from depthwise_conv_2d_cases()
    yield from fully_connected_cases()
