"""Holds `lockstep simulate` to what make_keras.py left in a folder: compare_keras.py LOCKSTEP FOLDER

Prints a line a network, then how many are accepted, and ends with 1 where a code differs or another is refused than
those that REFUSED names."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

# Of a bidirectional layer the converter gives hidden states and outputs scales of their own. (Recurrent layers of Keras 3 that
# are not unrolled it does not convert at all.)
REFUSED = {"legacy_lstm_bidirectional"}
# TensorFlow Lite Micro has no EXP, LOG, GELU and RESIZE_BILINEAR of int16.
REFUSED_OF_SIXTEEN_BITS = {"exponential_and_logarithm", "gelu", "upsampling_bilinear"}


def compare(lockstep, folder, name):
    """(codes that differ, codes), or the reason for a refusal."""
    with tempfile.TemporaryDirectory() as work:
        inputs = sorted(folder.glob(f"{name}.input*.npy"))
        outputs = sorted(folder.glob(f"{name}.output*.npy"))
        made = [pathlib.Path(work) / f"y{index}.npy" for index in range(len(outputs))]
        command = [lockstep, "simulate", folder / f"{name}.tflite"]
        for path in inputs:
            command += ["--input", path]
        for path in made:
            command += ["--output", path]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            return " ".join(run.stderr.split())
        differing = total = 0
        for path, reference in zip(made, outputs):
            expected = np.load(reference).astype(np.int64).reshape(-1)
            differing += int(np.sum(np.load(path).astype(np.int64).reshape(-1) != expected))
            total += expected.size
        return differing, total


def main(lockstep, folder):
    references = json.loads((folder / "references.json").read_text())
    names = sorted(path.stem for path in folder.glob("*.tflite"))
    accepted, codes, faults = 0, 0, []
    for name in names:
        is_wide = np.load(folder / f"{name}.input0.npy").dtype == np.int16
        result = compare(lockstep, folder, name)
        if isinstance(result, str):
            print(f"{name:32} refused: {result[:400]}")
            if name not in (REFUSED_OF_SIXTEEN_BITS if is_wide else REFUSED):
                faults.append(name)
            continue
        accepted += 1
        codes += result[1]
        print(f"{name:32} {result[0]} of {result[1]} codes differ from {references[name]}")
        # LiteRT rounds dense layers once; what that comes to is looked at by hand.
        if result[0] and references[name] != "LiteRT":
            faults.append(name)
    print(f"{accepted} of {len(names)} accepted, {codes} codes compared")
    if faults:
        sys.exit(f"differ, or are refused: {', '.join(faults)}")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]))
