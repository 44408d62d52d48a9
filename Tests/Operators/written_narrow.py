"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED with weights of 4 bits.

    python make_operators.py --output narrow.tar.gz --modules written_narrow
"""

from tflite_model import Quantization
from written_weighted import conv_2d, depthwise_conv_2d, fully_connected

NIBBLES = dict(codes="nibbles", weight_type="int4")


def int4_cases():
    convolutions = {
        "valid": {},
        "same": dict(padding="same"),
        "odd_count": dict(x_shape=(1, 4, 5, 3), filters=3, kernel=(1, 3)),
        "odd_count_one_filter": dict(x_shape=(1, 4, 4, 1), filters=1, kernel=(3, 3)),
        "pointwise": dict(kernel=(1, 1), x_shape=(1, 4, 3, 8), filters=8),
        "pointwise_odd": dict(kernel=(1, 1), x_shape=(1, 4, 3, 7), filters=5),
        "pointwise_one_pixel": dict(kernel=(1, 1), x_shape=(1, 1, 1, 16), filters=10),
        "stride2": dict(stride=(2, 2), x_shape=(1, 7, 6, 2), padding="same"),
        "dilation2": dict(dilation=(2, 2), x_shape=(1, 7, 7, 2)),
        "batch2": dict(x_shape=(2, 4, 5, 2), padding="same"),
        "kernel_larger_than_image": dict(padding="same", kernel=(5, 7), x_shape=(1, 3, 2, 2)),
        "many_channels": dict(x_shape=(1, 4, 4, 16), filters=12, padding="same"),
        "wide": dict(x_shape=(1, 6, 6, 24), filters=8, kernel=(1, 1)),
        "groups2": dict(x_shape=(1, 5, 4, 4), groups=2, filters=6),
        "groups3_odd": dict(x_shape=(1, 4, 4, 9), groups=3, filters=3, padding="same"),
    }
    depthwise = {
        "valid": {},
        "same": dict(padding="same"),
        "odd_channels": dict(x_shape=(1, 5, 5, 5), kernel=(3, 3)),
        "even_channels": dict(x_shape=(1, 5, 5, 8), padding="same"),
        "stride2": dict(x_shape=(1, 7, 6, 4), stride=(2, 2), padding="same"),
        "dilation2": dict(x_shape=(1, 7, 7, 3), dilation=(2, 2), padding="same"),
        "multiplier2": dict(multiplicity=2),
        "multiplier8_one_channel": dict(multiplicity=8, x_shape=(1, 6, 5, 1), padding="same"),
        "many_channels": dict(x_shape=(1, 3, 3, 37), padding="same"),
        "row": dict(kernel=(1, 5), x_shape=(1, 3, 9, 4), padding="same"),
        "batch2": dict(x_shape=(2, 4, 5, 3)),
        "larger_than_image": dict(padding="same", kernel=(5, 7), x_shape=(1, 3, 2, 4)),
    }
    dense = {
        "even": {},
        "odd": dict(x_shape=(1, 13), units=5),
        "one": dict(x_shape=(1, 1), units=1),
        "odd_column": dict(x_shape=(1, 1), units=9),
        "long": dict(x_shape=(1, 100), units=10),
        "four_units": dict(x_shape=(1, 32), units=4),
        "batch3": dict(x_shape=(3, 7), units=3),
        "batch2_even": dict(x_shape=(2, 16), units=8),
        "keep_dims": dict(x_shape=(2, 3, 8), keep_dims=True),
    }
    for make, shapes in ((conv_2d, convolutions), (depthwise_conv_2d, depthwise), (fully_connected, dense)):
        for name, sizes in shapes.items():
            for per_channel in (True, False):
                label = f"int4_{name}" + ("" if per_channel else "_per_tensor")
                yield lambda m=make, s=sizes, l=label, p=per_channel: m(l, **s, **NIBBLES, per_channel=p)
        sizes = list(shapes.values())[1]
        for name, changes in {
            "ends": dict(codes="nibble_ends"), "lowest": dict(codes=-8), "highest": dict(codes=7),
            "ends_input_low": dict(codes="nibble_ends", x=Quantization(0.05, -128)),
            "ends_input_high": dict(codes="nibble_ends", x=Quantization(0.05, 127)),
            "no_bias": dict(bias="absent"), "relu": dict(act="relu", y_zero_point=-128), "relu6": dict(act="relu6"),
        }.items():
            yield lambda m=make, s=sizes, n=name, c=changes: m(f"int4_{n}", **s, **{**NIBBLES, **c})


def cases():
    yield from int4_cases()
