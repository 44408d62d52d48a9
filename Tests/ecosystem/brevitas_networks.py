"""Networks as Brevitas' users write them, with random weights: scales of any size and powers of two, biases real and quantised,
outputs quantised and not. Every entry of NETWORKS is a function that returns a module, its input's shape, and whether it is
exported as QCDQ (QuantizeLinear, Clip, DequantizeLinear) in place of QONNX."""

import torch
from brevitas import nn as qnn
from brevitas.quant import (
    Int8ActPerTensorFixedPoint, Int8ActPerTensorFloat, Int8BiasPerTensorFixedPointInternalScaling, Int8WeightPerChannelFloat,
    Int8WeightPerTensorFixedPoint, Int8WeightPerTensorFloat, Int32Bias, SignedBinaryActPerTensorConst, SignedBinaryWeightPerTensorConst,
    Uint8ActPerTensorFixedPoint, Uint8ActPerTensorFloat)
from torch import nn

NETWORKS = {}


def network(make):
    NETWORKS[make.__name__] = make
    return make


FLOAT = {"weight": Int8WeightPerTensorFloat, "act": Int8ActPerTensorFloat, "relu": Uint8ActPerTensorFloat}
FIXED = {"weight": Int8WeightPerTensorFixedPoint, "act": Int8ActPerTensorFixedPoint, "relu": Uint8ActPerTensorFixedPoint}


def entry(kind, bits=8):
    return qnn.QuantIdentity(act_quant=kind["act"], bit_width=bits, return_quant_tensor=True)


def relu(kind, bits=4):
    return qnn.QuantReLU(act_quant=kind["relu"], bit_width=bits, return_quant_tensor=True)


def end(kind, bits=8):
    return qnn.QuantIdentity(act_quant=kind["act"], bit_width=bits)


def dense(kind, inputs, outputs, bits=4, bias=None, **options):
    return qnn.QuantLinear(inputs, outputs, True, weight_quant=kind["weight"], weight_bit_width=bits, bias_quant=bias, **options)


def convolution(kind, inputs, outputs, kernel, bits=4, bias=None, has_bias=True, **options):
    return qnn.QuantConv2d(
        inputs, outputs, kernel, bias=has_bias, weight_quant=kind["weight"], weight_bit_width=bits, bias_quant=bias, **options)


@network
def mlp_default():
    return nn.Sequential(
        entry(FLOAT), dense(FLOAT, 16, 24), nn.BatchNorm1d(24), relu(FLOAT), dense(FLOAT, 24, 4)), (16,), False


@network
def mlp_real_bias():
    return nn.Sequential(entry(FLOAT), dense(FLOAT, 16, 24), relu(FLOAT), dense(FLOAT, 24, 4), end(FLOAT)), (16,), False


@network
def mlp_whole_bias():
    return nn.Sequential(
        entry(FLOAT), dense(FLOAT, 16, 24, bias=Int32Bias), relu(FLOAT), dense(FLOAT, 24, 4, 8, bias=Int32Bias)), (16,), False


@network
def mlp_fixed_point():
    bias = Int8BiasPerTensorFixedPointInternalScaling
    return nn.Sequential(
        entry(FIXED), dense(FIXED, 16, 24, 5, bias), relu(FIXED, 6), dense(FIXED, 24, 12, 5, bias), relu(FIXED, 6),
        dense(FIXED, 12, 4, 5), end(FIXED)), (16,), False


@network
def mlp_binary():
    def sign():
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst, return_quant_tensor=True)

    def bits(inputs, outputs):
        return qnn.QuantLinear(inputs, outputs, False, weight_quant=SignedBinaryWeightPerTensorConst)

    return nn.Sequential(
        entry(FIXED), bits(16, 24), nn.BatchNorm1d(24), sign(), bits(24, 24), nn.BatchNorm1d(24), sign(), bits(24, 4),
        end(FIXED)), (16,), False


@network
def cnn_default():
    return nn.Sequential(
        entry(FLOAT), convolution(FLOAT, 1, 6, 3, has_bias=False), nn.BatchNorm2d(6), relu(FLOAT), nn.MaxPool2d(2),
        convolution(FLOAT, 6, 8, 3), relu(FLOAT), nn.Flatten(), dense(FLOAT, 32, 5, 8)), (1, 10, 10), False


@network
def cnn_fixed_point():
    return nn.Sequential(
        entry(FIXED), convolution(FIXED, 2, 6, 3, 6, has_bias=False, padding=1, stride=2), nn.BatchNorm2d(6), relu(FIXED, 8),
        convolution(FIXED, 6, 6, 3, 6, groups=6), nn.BatchNorm2d(6), relu(FIXED, 8), convolution(FIXED, 6, 8, 1, 6), relu(FIXED, 8),
        nn.Flatten(), dense(FIXED, 32, 5, 8), end(FIXED)), (2, 8, 8), False


class Residual(nn.Module):
    def __init__(self, kind, bias):
        super().__init__()
        self.entry = entry(kind)
        self.a, self.normal, self.r = convolution(kind, 1, 6, 3, stride=2, bias=bias), nn.BatchNorm2d(6), relu(kind)
        self.b, self.s = convolution(kind, 6, 6, 3, padding=1, has_bias=False), relu(kind)
        self.sum, self.out = entry(kind), entry(kind)
        self.pool, self.dense, self.end = nn.MaxPool2d(2), dense(kind, 24, 5, 8, bias), end(kind)

    def forward(self, x):
        x = self.r(self.normal(self.a(self.entry(x))))
        y = self.s(self.b(x))
        x = self.pool(self.out(self.sum(x) + self.sum(y)))
        return self.end(self.dense(torch.flatten(x, 1)))


@network
def residual():
    return Residual(FLOAT, Int32Bias), (1, 10, 10), False


@network
def residual_fixed_point():
    return Residual(FIXED, None), (1, 10, 10), False


@network
def cnn_qcdq():
    kind = dict(FLOAT, weight=Int8WeightPerChannelFloat)
    return nn.Sequential(
        entry(kind), convolution(kind, 2, 6, 3, 6, Int32Bias, padding=1), relu(kind, 6), nn.MaxPool2d(2),
        convolution(kind, 6, 8, 3, 4, Int32Bias), relu(kind, 8), nn.Flatten(), dense(kind, 32, 5, 8, Int32Bias),
        end(kind)), (2, 8, 8), True


def made(name):
    torch.manual_seed(sum(map(ord, name)))
    module, shape, is_qcdq = NETWORKS[name]()
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.3)
        if isinstance(part, (qnn.QuantLinear, qnn.QuantConv2d)) and part.bias is not None:
            part.bias.data.normal_(0, 0.2)
    module.train()
    with torch.no_grad():
        for _ in range(40):
            module(torch.randn(16, *shape))
    return module.eval(), shape, is_qcdq
