"""Exports networks with Brevitas' QuantLSTM as QONNX, which holds each layer as one QuantLSTMCell, and has them evaluated in exact
fractions: make_quant_lstm.py FOLDER [NAME…]

Writes files as make_brevitas.py does, and packs them as Tests/ONNX/quant_lstm.tar.gz. Needs torch, brevitas, onnx and, for what
make_brevitas.py imports, qonnx and onnxruntime; but qonnx has no executor of the cell, so that it is Brevitas itself, in single
precision, that the codes of Tests/ONNX/exact_evaluator.py are compared with: it differs beside ties, and in what follows from those."""

import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnx
import torch
from brevitas import nn as qnn
from brevitas.export import export_qonnx
from brevitas.quant import (
    Int8ActPerTensorFixedPoint, Int8ActPerTensorFloat, Int8WeightPerChannelFloat, Int8WeightPerTensorFixedPoint,
    Uint8ActPerTensorFixedPoint)
from torch import nn

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ONNX"))
import exact_evaluator  # noqa: E402
from make_brevitas import cleaned, entry_quantiser  # noqa: E402

VECTORS, TIMES, FEATURES = 6, 5, 3
FIXED = dict(
    weight_quant=Int8WeightPerTensorFixedPoint, io_quant=Int8ActPerTensorFixedPoint, gate_acc_quant=Int8ActPerTensorFixedPoint,
    sigmoid_quant=Uint8ActPerTensorFixedPoint, tanh_quant=Int8ActPerTensorFixedPoint, cell_state_quant=Int8ActPerTensorFixedPoint)
NETWORKS = {
    "default": dict(), "fixed_point": FIXED, "without_bias": dict(bias=False), "bias_in_real_values": dict(bias_quant=None),
    "coupled": dict(coupled_input_forget_gates=True), "coupled_fixed_point": dict(FIXED, coupled_input_forget_gates=True),
    "shared_accumulators": dict(shared_intra_layer_gate_acc_quant=True, shared_intra_layer_weight_quant=True),
    "two_layers": dict(num_layers=2),
    "both_directions": dict(bidirectional=True),
    "weights_per_channel": dict(weight_quant=Int8WeightPerChannelFloat),
    "time_first": dict(batch_first=False), "few_bits": dict(weight_bit_width=4, gate_acc_bit_width=6, sigmoid_bit_width=4,
                                                           tanh_bit_width=5, cell_state_bit_width=7),
    "behind_dense": dict(dense_in=True), "dense_end": dict(dense_out=True),
}


class Recurrent(nn.Module):
    def __init__(self, dense_in=False, dense_out=False, batch_first=True, **options):
        super().__init__()
        self.entry = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat, return_quant_tensor=True) if dense_in else nn.Identity()
        self.first = qnn.QuantLinear(FEATURES, FEATURES, True, weight_bit_width=6) if dense_in else nn.Identity()
        self.layer = qnn.QuantLSTM(FEATURES, 4, batch_first=batch_first, **options)
        self.last = qnn.QuantLinear(4, 2, True, weight_bit_width=6) if dense_out else None
        self.end = qnn.QuantIdentity(act_quant=Int8ActPerTensorFloat) if dense_out else None

    def forward(self, x):
        y = self.layer(self.first(self.entry(x)))[0]
        return y if self.last is None else self.end(self.last(y))


def made(name):
    torch.manual_seed(sum(map(ord, name)))
    options = NETWORKS[name]
    module = Recurrent(**options)
    shape = (1, TIMES, FEATURES) if options.get("batch_first", True) else (TIMES, 1, FEATURES)
    module.train()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim > 1:
                parameter *= 1.8
        for _ in range(30):
            module(torch.randn(shape))
    return module.eval(), shape


def make(name, folder):
    module, shape = made(name)
    path = folder / f"quant_lstm_{name}.onnx"
    with torch.no_grad():
        export_qonnx(module, args=torch.randn(shape), export_path=str(path), dynamo=False)
    model = cleaned(path)
    onnx.save(model, path)
    scale, zero, info = entry_quantiser(model)
    random = np.random.default_rng(sum(map(ord, name)))
    codes = random.integers(info.min, info.max + 1, (VECTORS, *shape)).astype(info.dtype)
    codes[0], codes[1] = info.min, info.max
    made_codes = [exact_evaluator.exactly(model, x) for x in codes]
    exact, unit = np.stack([values for values, _ in made_codes]), made_codes[0][1]
    with torch.no_grad():
        reals = ((codes.astype(np.float64) - float(zero)) * float(scale)).astype(np.float32)
        theirs = np.stack([module(torch.tensor(x)).numpy().astype(np.float64) for x in reals])
    np.save(folder / f"quant_lstm_{name}.input0.npy", codes)
    if unit is None:
        # Both directions side by side: real numbers, as a double holds them.
        exact = exact.astype(np.float64)
        np.save(folder / f"quant_lstm_{name}.output0.npy", exact)
        print(f"{name}: Brevitas differs by {np.abs(theirs - exact).max():.2g} of {np.abs(exact).max():.2g}")
        return
    exact = exact.astype(np.int64)
    theirs = np.rint(theirs / float(np.ravel(unit[0])[0]) + float(np.ravel(unit[1])[0]))
    np.save(folder / f"quant_lstm_{name}.output0.npy", exact.astype(np.int16))
    print(f"{name}: Brevitas differs in {(theirs != exact).sum()} of {exact.size} codes, by {np.abs(theirs - exact).max():.0f} at most; "
          f"{len(np.unique(exact))} of them distinct")


def main(folder, names):
    warnings.filterwarnings("ignore")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or NETWORKS:
        make(name, folder)
    if not names:
        subprocess.run(
            ["tar", "czf", HERE.parent / "ONNX" / "quant_lstm.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0",
             "--group=0", "-C", folder, "."], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
