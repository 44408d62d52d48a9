"""Networks as people write them in PyTorch, with random weights; `export` makes ONNX of one, with either of torch's exporters.

Every entry of NETWORKS is a function that returns a module and the shapes of its inputs, the batch left out."""

import torch
from torch import nn
from torch.nn import functional as F
from torch_parts import Of

NETWORKS = {}


def network(make):
    NETWORKS[make.__name__] = make
    return make


@network
def mlp():
    return nn.Sequential(nn.Linear(20, 24), nn.ReLU(), nn.Linear(24, 16), nn.LeakyReLU(0.1), nn.Linear(16, 4)), [(20,)]


@network
def flat_cnn():
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 4, 10), nn.Softmax(1)), [(1, 12, 12)]


@network
def series():
    return nn.Sequential(
        nn.Conv1d(3, 8, 5, stride=2), nn.BatchNorm1d(8), nn.ReLU(), nn.Conv1d(8, 8, 3, padding=1), nn.ReLU(),
        nn.AvgPool1d(2), nn.Flatten(), nn.Linear(8 * 9, 4)), [(3, 40)]


def separable(inputs, outputs, stride):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6())


@network
def mobile():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(), separable(8, 12, 1), separable(12, 16, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(16, 5)), [(3, 16, 16)]


@network
def residual():
    def run(p, x):
        x = F.relu(p["bn"](p["a"](x)))
        y = p["c"](F.relu(p["b"](x)))
        x = F.relu(x + y)
        return p["f"](torch.flatten(F.avg_pool2d(x, 4), 1))
    return Of(
        run, a=nn.Conv2d(3, 8, 3, padding=1), bn=nn.BatchNorm2d(8), b=nn.Conv2d(8, 8, 3, padding=1),
        c=nn.Conv2d(8, 8, 3, padding=1), f=nn.Linear(32, 5)), [(3, 8, 8)]


@network
def squeeze_and_excitation():
    def run(p, x):
        x = F.hardswish(p["a"](x))
        s = F.hardsigmoid(p["c"](F.relu(p["b"](F.adaptive_avg_pool2d(x, 1)))))
        return p["f"](torch.mean(x * s, dim=(2, 3)))
    return Of(
        run, a=nn.Conv2d(3, 8, 3, padding=1), b=nn.Conv2d(8, 4, 1), c=nn.Conv2d(4, 8, 1), f=nn.Linear(8, 3)), [(3, 8, 8)]


@network
def unet():
    def run(p, x):
        a = F.relu(p["a"](x))
        b = F.relu(p["b"](F.max_pool2d(a, 2)))
        y = F.relu(p["c"](torch.cat([p["u"](b), a], dim=1)))
        return torch.sigmoid(p["o"](y))
    return Of(
        run, a=nn.Conv2d(2, 4, 3, padding=1), b=nn.Conv2d(4, 8, 3, padding=1), u=nn.ConvTranspose2d(8, 4, 2, 2),
        c=nn.Conv2d(8, 4, 3, padding=1), o=nn.Conv2d(4, 1, 1)), [(2, 8, 8)]


@network
def autoencoder():
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 8, 3, 2, 1), nn.ReLU(), nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(8, 4, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(4, 1, 3, 2, 1, output_padding=1), nn.Sigmoid()), [(1, 12, 12)]


@network
def upsampling():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.PReLU(4), nn.Conv2d(4, 4, 1), nn.ReLU(),
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), nn.Conv2d(4, 8, 3, padding=1),
        nn.PixelShuffle(2), nn.Conv2d(2, 2, 1)), [(2, 5, 6)]


@network
def corners():
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.ELU(), nn.Conv2d(4, 4, 1), nn.LeakyReLU(), nn.Upsample(size=(7, 9), mode="bilinear", align_corners=True), nn.Conv2d(4, 2, 1)), [(2, 6, 6)]


@network
def functions():
    def run(p, x):
        y = F.gelu(p["a"](x))
        z = F.silu(p["b"](y))
        w = torch.tanh(p["c"](z)) + F.softplus(p["d"](y))
        return p["e"](w)
    return Of(
        run, a=nn.Linear(10, 12), b=nn.Linear(12, 12), c=nn.Linear(12, 8), d=nn.Linear(12, 8), e=nn.Linear(8, 3)), [(10,)]


@network
def pools():
    def run(p, x):
        x = F.avg_pool2d(F.relu(p["a"](x)), 3, 2, 1)
        y = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False, ceil_mode=True)
        z = F.max_pool2d(x, 3, 2, 1, ceil_mode=True)
        x = torch.cat([y, z], 1)
        return p["f"](torch.amax(x, dim=(2, 3)))
    return Of(run, a=nn.Conv2d(3, 6, 3), f=nn.Linear(12, 4)), [(3, 13, 13)]


@network
def prepared_input():
    class Prepared(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("m", torch.tensor([0.5, 0.4, 0.45]).reshape(1, 3, 1, 1))
            self.c, self.f = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, 3)

        def forward(self, x):
            return self.f(torch.flatten(F.relu(self.c((x - self.m) / 0.25)), 1))
    return Prepared(), [(3, 8, 8)]


@network
def two_inputs():
    def run(p, x, y):
        return p["f"](F.relu(torch.cat([p["a"](x), p["b"](y)], 1)) * 0.5 + 0.1)
    return Of(run, a=nn.Linear(8, 6), b=nn.Linear(5, 6), f=nn.Linear(12, 3)), [(8,), (5,)]


@network
def attention():
    """Without normalisation and softmax: linear attention."""
    def run(p, x):
        q, k, v = F.relu(p["q"](x)), F.relu(p["k"](x)), p["v"](x)
        y = torch.matmul(q, torch.matmul(k.transpose(1, 2), v)) * 0.25
        return p["o"]((x + y).mean(1))
    return Of(run, q=nn.Linear(8, 8), k=nn.Linear(8, 8), v=nn.Linear(8, 8), o=nn.Linear(8, 3)), [(6, 8)]


@network
def transformer():
    def run(p, x):
        return p["f"](p["t"](p["i"](x)).mean(1))
    return Of(
        run, i=nn.Linear(8, 8), t=nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), f=nn.Linear(8, 3)), [(6, 8)]


class Attention(nn.Module):
    """A transformer's layer with its softmax and normalisations written out, so that each part can be quantised."""

    def __init__(self):
        super().__init__()
        self.i, self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.o, self.a, self.b, self.f = nn.Linear(8, 8), nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 3)
        self.gains = nn.Parameter(torch.rand(2, 8) + 0.5)
        self.biases = nn.Parameter(torch.randn(2, 8) * 0.2)

    def normalised(self, x, index):
        x = x - x.mean(-1, keepdim=True)
        return x * torch.reciprocal(torch.sqrt((x * x).mean(-1, keepdim=True) + 0.01)) * self.gains[index] + self.biases[index]

    @staticmethod
    def softmax(x):
        x = torch.exp(x - x.amax(-1, keepdim=True))
        return x * torch.reciprocal(x.sum(-1, keepdim=True))

    def forward(self, x):
        x = self.i(x)
        y = self.softmax(torch.matmul(self.q(x), self.k(x).transpose(1, 2)) * 0.35)
        x = self.normalised(x + self.o(torch.matmul(y, self.v(x))), 0)
        x = self.normalised(x + self.b(F.relu(self.a(x))), 1)
        return self.f(x.mean(1))


@network
def written_out_transformer():
    return Attention(), [(6, 8)]


@network
def lstm():
    def run(p, x):
        return p["f"](p["l"](x)[0][:, -1])
    return Of(run, l=nn.LSTM(4, 6, batch_first=True), f=nn.Linear(6, 2)), [(8, 4)]


def made(name):
    """The module, its normalisations as training leaves them, and the shapes of its inputs."""
    torch.manual_seed(sum(map(ord, name)))
    module, shapes = NETWORKS[name]()
    for part in module.modules():
        if isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            part.weight.data.uniform_(0.5, 1.5)
            part.bias.data.normal_(0, 0.3)
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.3, 1.5)
        if isinstance(part, nn.PReLU):
            part.weight.data.uniform_(-0.3, 0.6)
    return module.eval(), shapes


def export(name, path, is_new, is_open):
    """Writes the network as float ONNX."""
    module, shapes = made(name)
    inputs = tuple(torch.randn(2 if is_open and is_new else 1, *shape) for shape in shapes)
    names = ["input"] if len(shapes) == 1 else [f"input{index}" for index in range(len(shapes))]
    options = {"input_names": names, "output_names": ["output"]}
    if is_new:
        batch = torch.export.Dim("batch")
        if is_open:
            shaped = tuple({0: batch} for _ in shapes)
            options["dynamic_shapes"] = (shaped,) if isinstance(module, Of) else shaped
        torch.onnx.export(module, inputs, path, dynamo=True, external_data=False, verbose=False, **options)
    else:
        if is_open:
            options["dynamic_axes"] = {key: {0: "batch"} for key in names + ["output"]}
        torch.onnx.export(module, inputs, path, dynamo=False, opset_version=17, **options)
    return shapes
