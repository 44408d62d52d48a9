"""Float networks as people write them in PyTorch, with random weights, for `lockstep quantize`; `export` makes ONNX of one, with
either of torch's exporters.

Every entry of NETWORKS is a function that returns a module and its inputs: a shape without the batch, or (shape, n) for whole numbers
below n."""

import torch
from torch import nn
from torch.nn import functional as F
from torch_parts import Of

NETWORKS = {}


def network(make):
    NETWORKS[make.__name__] = make
    return make


class Attention(nn.Module):
    """As transformers write it out."""

    def __init__(self, width, heads, causal=False):
        super().__init__()
        self.qkv, self.out, self.heads, self.causal = nn.Linear(width, 3 * width), nn.Linear(width, width), heads, causal

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        scores = q @ k.transpose(-2, -1) * (w // self.heads) ** -0.5
        if self.causal:
            scores = scores.masked_fill(torch.triu(torch.ones(n, n, dtype=torch.bool), 1), float("-inf"))
        return self.out((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, w))


class Block(nn.Module):
    def __init__(self, width, heads, causal=False, act=nn.GELU):
        super().__init__()
        self.a, self.b, self.attention = nn.LayerNorm(width), nn.LayerNorm(width), Attention(width, heads, causal)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), act(), nn.Linear(2 * width, width))

    def forward(self, x):
        x = x + self.attention(self.a(x))
        return x + self.mlp(self.b(x))


@network
def transformer_encoder():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, activation="gelu")
    return Of(lambda p, x: p["f"](p["e"](x).mean(1)), e=nn.TransformerEncoder(layer, 1, enable_nested_tensor=False), f=nn.Linear(16, 5)), [(8, 16)]


@network
def multihead_attention():
    return Of(
        lambda p, x, y: p["f"](p["a"](x, y, y, need_weights=False)[0]), a=nn.MultiheadAttention(16, 4, batch_first=True),
        f=nn.Linear(16, 4)), [(6, 16), (5, 16)]


@network
def vision_transformer():
    def run(p, x):
        x = p["patch"](x).flatten(2).transpose(1, 2)
        x = torch.cat([p["token"](torch.zeros(1, 1, dtype=torch.long)), x], 1) + p["place"](torch.arange(10)[None])
        return p["head"](p["norm"](p["block"](x))[:, 0])
    return Of(
        run, patch=nn.Conv2d(1, 16, 4, 4), token=nn.Embedding(1, 16), place=nn.Embedding(10, 16), block=Block(16, 2),
        norm=nn.LayerNorm(16), head=nn.Linear(16, 6)), [(1, 12, 12)]


@network
def language_model():
    def run(p, ids):
        x = p["words"](ids) + p["places"](torch.arange(8)[None])
        return p["head"](p["block"](x))[:, -1]
    return Of(
        run, words=nn.Embedding(23, 16), places=nn.Embedding(8, 16), block=Block(16, 2, causal=True, act=nn.SiLU),
        head=nn.Linear(16, 23)), [((8,), 23)]


@network
def masked_classifier():
    def run(p, ids, mask):
        x = p["words"](ids)
        m = mask[:, None, None, :].float()
        q = p["q"](x).reshape(-1, 8, 2, 8).transpose(1, 2)
        k = p["k"](x).reshape(-1, 8, 2, 8).permute(0, 2, 3, 1)
        scores = torch.matmul(q, k) / 8 ** 0.5 + (1.0 - m) * torch.finfo(torch.float32).min
        x = x + torch.matmul(scores.softmax(-1), p["v"](x).reshape(-1, 8, 2, 8).transpose(1, 2)).transpose(1, 2).reshape(-1, 8, 16)
        return p["head"](torch.tanh(p["pool"](p["norm"](x)[:, 0])))
    return Of(
        run, words=nn.Embedding(19, 16), q=nn.Linear(16, 16), k=nn.Linear(16, 16), v=nn.Linear(16, 16), norm=nn.LayerNorm(16),
        pool=nn.Linear(16, 16), head=nn.Linear(16, 3)), [((8,), 19), ((8,), 2)]


@network
def embedding_bag():
    return Of(
        lambda p, ids: p["b"](F.relu(p["a"](p["words"](ids).mean(1)))), words=nn.Embedding(40, 12), a=nn.Linear(12, 16),
        b=nn.Linear(16, 4)), [((10,), 40)]


@network
def residual():
    def run(p, x):
        x = F.relu(p["bn"](p["a"](x)))
        x = F.max_pool2d(x, 3, 2, 1)
        y = p["bn2"](p["c"](F.relu(p["b"](x))))
        return p["f"](F.adaptive_avg_pool2d(F.relu(x + y), 1).flatten(1))
    return Of(
        run, a=nn.Conv2d(3, 8, 3, padding=1), bn=nn.BatchNorm2d(8), b=nn.Conv2d(8, 8, 3, padding=1), bn2=nn.BatchNorm2d(8),
        c=nn.Conv2d(8, 8, 3, padding=1), f=nn.Linear(8, 5)), [(3, 10, 10)]


@network
def squeeze_and_excitation():
    def run(p, x):
        x = F.hardswish(p["a"](x))
        s = torch.sigmoid(p["c"](F.silu(p["b"](F.adaptive_avg_pool2d(x, 1)))))
        return p["f"](torch.mean(x * s, dim=(2, 3)))
    return Of(
        run, a=nn.Conv2d(3, 8, 3, padding=1), b=nn.Conv2d(8, 4, 1), c=nn.Conv2d(4, 8, 1), f=nn.Linear(8, 3)), [(3, 8, 8)]


@network
def separable():
    def block(i, o, s, act):
        return nn.Sequential(
            nn.Conv2d(i, i, 3, s, 1, groups=i, bias=False), nn.BatchNorm2d(i), act(), nn.Conv2d(i, o, 1, bias=False),
            nn.BatchNorm2d(o), act())
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.Hardswish(), block(8, 12, 1, nn.SiLU), block(12, 16, 2, nn.Mish),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)), [(3, 16, 16)]


@network
def unet():
    def run(p, x):
        a = F.relu(p["a"](x))
        b = F.relu(p["b"](F.max_pool2d(a, 2)))
        return torch.sigmoid(p["d"](torch.cat([F.relu(p["up"](b)), a], 1)))
    return Of(
        run, a=nn.Conv2d(1, 6, 3, padding=1), b=nn.Conv2d(6, 8, 3, padding=1), up=nn.ConvTranspose2d(8, 6, 2, 2),
        d=nn.Conv2d(12, 1, 1)), [(1, 12, 12)]


@network
def resized():
    def run(p, x):
        x = F.leaky_relu(p["a"](x), 0.1)
        x = F.interpolate(x, size=(9, 9), mode="bilinear", align_corners=False)
        return p["b"](F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))
    return Of(run, a=nn.Conv2d(2, 4, 3), b=nn.Conv2d(4, 3, 1)), [(2, 8, 8)]


@network
def autoencoder():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, 2, 1), nn.InstanceNorm2d(8, affine=True), nn.GELU(), nn.Conv2d(8, 8, 3, 1, 1), nn.GroupNorm(2, 8), nn.PReLU(8),
        nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.ELU(), nn.Conv2d(4, 1, 3, padding=1)), [(1, 12, 12)]


@network
def mixer():
    def run(p, x):
        y = p["a"](x).transpose(1, 2)
        x = x + p["tokens"](y).transpose(1, 2)
        return p["head"]((x + p["channels"](p["b"](x))).mean(1))
    return Of(
        run, a=nn.LayerNorm(12), b=nn.LayerNorm(12), tokens=nn.Sequential(nn.Linear(9, 16), nn.GELU("tanh"), nn.Linear(16, 9)),
        channels=nn.Sequential(nn.Linear(12, 24), nn.Mish(), nn.Linear(24, 12)), head=nn.Linear(12, 4)), [(9, 12)]


@network
def convnext():
    def run(p, x):
        x = p["stem"](x)
        y = p["dw"](x).permute(0, 2, 3, 1)
        y = p["down"](F.gelu(p["up"](p["norm"](y)))).permute(0, 3, 1, 2)
        return p["f"](F.layer_norm((x + y).mean((2, 3)), (8,)))
    return Of(
        run, stem=nn.Conv2d(3, 8, 4, 4), dw=nn.Conv2d(8, 8, 7, padding=3, groups=8), norm=nn.LayerNorm(8, 1e-6), up=nn.Linear(8, 24),
        down=nn.Linear(24, 8), f=nn.Linear(8, 4)), [(3, 16, 16)]


@network
def gated_series():
    def run(p, x):
        y = p["a"](x)
        y = torch.tanh(y[:, :6]) * torch.sigmoid(y[:, 6:])
        y = F.glu(p["b"](y), 1)
        return F.log_softmax(p["f"](F.softplus(y).amax(2)), 1)
    return Of(run, a=nn.Conv1d(3, 12, 5, padding=2), b=nn.Conv1d(6, 8, 3, dilation=2), f=nn.Linear(4, 5)), [(3, 24)]


def export(make, path, new=False):
    torch.manual_seed(7)
    module, inputs = make()
    module.eval()
    for part in module.modules():
        # Statistics as training leaves them.
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.3, 0.3)
            part.running_var.uniform_(0.3, 1.2)
    with torch.no_grad():
        # Of few bits, so that the archive is small.
        for parameter in module.parameters():
            parameter.copy_(torch.round(parameter * 128) / 128)
    example = tuple(
        torch.randint(0, shape[1], (1, *shape[0])) if isinstance(shape[0], tuple) else torch.randn(1, *shape) for shape in inputs)
    options = {"dynamo": True, "external_data": False} if new else {"dynamo": False, "opset_version": 17}
    torch.onnx.export(module, example, str(path), **options)
    return inputs
