"""PAD in front of convolutions and pools, where it can become their own padding and where it cannot."""

import itertools

import numpy as np
from tflite_model import Case, Model, Quantization, schema
from vectors import generator, integer_vectors
from written_weighted import activation, window_count

CODES = Quantization(0.0471, -5)
LEAST = Quantization(0.0471, -128)
OUTPUT = Quantization(0.0913, 3)


class Padded:
    """A network that begins with one or two PADs of an image."""

    def __init__(self, name, shape=(1, 5, 6, 3), codes=CODES):
        self.name, self.codes, self.x_shape = "padded_" + name, codes, shape
        self.model = Model()
        self.graph = self.model.main
        self.rng = generator(self.name)
        self.x = self.graph.input("x", shape, "int8", codes)
        self.shape, self.last = shape, self.x

    def pad(self, top=0, bottom=0, left=0, right=0, before=0, after=0, fill=None):
        """`before` and `after` pad the channels."""
        amounts = [[0, 0], [top, bottom], [left, right], [before, after]]
        self.shape = tuple(size + sum(pair) for size, pair in zip(self.shape, amounts))
        index = len(self.graph.tensors)
        inputs = [self.last, self.graph.constant(f"pads{index}", np.array(amounts, np.int32), "int32")]
        if fill is not None:
            inputs.append(self.graph.constant(f"fill{index}", np.array([fill], np.int8), "int8", self.codes))
        self.last = self.graph.tensor(f"padded{index}", self.shape, "int8", self.codes)
        self.graph.operator("PADV2" if fill is not None else "PAD", inputs, [self.last])
        return self

    def conv(self, kernel=(3, 3), stride=(1, 1), padding="valid", dilation=(1, 1), depthwise=0, outputs=4, name="y"):
        """A convolution; `depthwise` is its multiplier."""
        batch, height, width, depth = self.shape
        outputs = depth * depthwise if depthwise else outputs
        w_shape = (1, *kernel, outputs) if depthwise else (outputs, *kernel, depth)
        weights = self.graph.constant(f"w_{name}", self.rng.integers(-127, 128, w_shape).astype(np.int8), "int8",
                                      Quantization(0.004))
        bias = self.graph.constant(f"b_{name}", self.rng.integers(-3000, 3000, outputs).astype(np.int32), "int32")
        y_shape = (batch, window_count(height, kernel[0], stride[0], dilation[0], padding),
                   window_count(width, kernel[1], stride[1], dilation[1], padding), outputs)
        options = dict(padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1],
                       dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                       fusedActivationFunction=activation("relu"))
        if depthwise:
            options["depthMultiplier"] = depthwise
        self.graph.operator("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D", [self.last, weights, bias],
                            [self.graph.output(name, y_shape, "int8", OUTPUT)], **options)
        return self

    def pool(self, operator="MAX_POOL_2D", window=(3, 3), stride=(2, 2), padding="valid"):
        batch, height, width, depth = self.shape
        y_shape = (batch, window_count(height, window[0], stride[0], 1, padding),
                   window_count(width, window[1], stride[1], 1, padding), depth)
        self.graph.operator(operator, [self.last], [self.graph.output("y", y_shape, "int8", self.codes)],
                            padding=getattr(schema.Padding, padding.upper()), strideH=stride[0], strideW=stride[1],
                            filterHeight=window[0], filterWidth=window[1],
                            fusedActivationFunction=activation("none"))
        return self

    def case(self):
        return Case(self.name, "PAD", self.model.serialize(),
                    integer_vectors(self.name, [(self.x_shape, "int8", self.codes.zero_point)], 3))


def cases():
    sides = {"before": (1, 0, 1, 0), "after": (0, 1, 0, 1), "even": (1, 1, 1, 1), "uneven": (2, 1, 0, 3),
             "far": (5, 4, 6, 7), "nothing": (0, 0, 0, 0)}
    for (where, pads), stride, padding in itertools.product(sides.items(), (1, 2), ("valid", "same")):
        for depthwise in (0, 1):
            yield lambda w=where, p=pads, s=stride, g=padding, d=depthwise: Padded(
                f"{'depthwise' if d else 'conv'}_{w}_stride{s}_{g}").pad(*p).conv(
                    stride=(s, s), padding=g, depthwise=d).case()
    yield lambda: Padded("conv_dilated", (1, 7, 8, 2)).pad(2, 1, 1, 3).conv(dilation=(2, 3), kernel=(3, 2)).case()
    yield lambda: Padded("depthwise_multiplier").pad(1, 2, 0, 1).conv(depthwise=2, kernel=(2, 3), stride=(2, 1)).case()
    yield lambda: Padded("conv_batch_of_two", (2, 4, 4, 2)).pad(1, 1, 1, 1).conv().case()
    yield lambda: Padded("conv_pixel", (1, 1, 1, 3)).pad(1, 1, 1, 1).conv().case()
    yield lambda: Padded("two_pads").pad(1, 0, 0, 2).pad(0, 1, 1, 0).conv(stride=(2, 2)).case()
    yield lambda: Padded("two_readers").pad(1, 1, 1, 1).conv().conv(depthwise=1, stride=(2, 2), name="z").case()
    yield lambda: Padded("channels").pad(1, 1, 1, 1, 0, 2).conv().case()
    yield lambda: Padded("other_code").pad(1, 1, 1, 1, fill=40).conv().case()
    yield lambda: Padded("own_code").pad(1, 1, 1, 1, fill=CODES.zero_point).conv().case()
    for name, codes in (("least", LEAST), ("inside", CODES)):
        yield lambda n=name, c=codes: Padded(f"max_pool_{n}", codes=c).pad(1, 1, 1, 1).pool().case()
        yield lambda n=name, c=codes: Padded(f"max_pool_{n}_same", codes=c).pad(0, 1, 2, 0).pool(padding="same").case()
        yield lambda n=name, c=codes: Padded(f"max_pool_{n}_far", codes=c).pad(3, 4, 3, 3).pool().case()
        yield lambda n=name, c=codes: Padded(f"average_pool_{n}", codes=c).pad(1, 1, 1, 1).pool("AVERAGE_POOL_2D").case()
