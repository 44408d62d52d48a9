#!/usr/bin/env python3
"""Makes reported.tar.gz: networks that people brought, and what they return; see README.md.

  python3 make_reported.py FOLDER MODEL.onnx …     writes the files to FOLDER and packs them

The codes are those of exact fractions (exact_evaluator.py), or ONNX Runtime's; `ties` are made as for PyTorch's networks
(../ecosystem/make_torch.py)."""
import pathlib
import subprocess
import sys
import zlib

import numpy as np
import onnx

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ecosystem"))
import make_torch


def main(folder, paths):
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        model = onnx.load(path)
        del model.graph.value_info[:]
        constants = {t.name for t in model.graph.initializer}
        inputs = [i for i in model.graph.input if i.name not in constants]
        shapes = [[d.dim_value for d in i.type.tensor_type.shape.dim][1:] for i in inputs]
        stem = "reported_" + path.stem.replace(".", "_")
        onnx.save(model, folder / f"{stem}.onnx")
        random = np.random.default_rng(zlib.crc32(stem.encode()))
        make_torch.hold(model, [i.name for i in inputs], shapes, random, folder, stem)
    subprocess.run(["tar", "czf", HERE / "reported.tar.gz", "--sort=name", "--mtime=2026-01-01", "--owner=0", "--group=0", "-C",
                    folder, "."], check=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), [pathlib.Path(path) for path in sys.argv[2:]])
