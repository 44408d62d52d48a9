"""Makes the corpus of one-operator int8 models with the outputs of TFLM's reference kernels.

    python make_operators.py --output operators.tar.gz [--unpack FOLDER] [--only REGEX] [--no-converter]
    python make_operators.py --output pairs.tar.gz --modules written_pairs written_reductions

README.md says what the archive holds and which packages this needs.
"""

import argparse
import collections
import gzip
import importlib
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np  # noqa: E402

import converted  # noqa: E402
import refused  # noqa: E402
import written_elementwise  # noqa: E402
import written_shapes  # noqa: E402
import written_weighted  # noqa: E402
from tflite_model import Overflow  # noqa: E402


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the archive to write")
    parser.add_argument("--unpack", type=pathlib.Path, help="also write the archive's files into this folder")
    parser.add_argument("--only", default="", help="keep only the models whose names match this pattern")
    parser.add_argument("--modules", nargs="+", help="make the models of these modules only, in an archive of their own")
    parser.add_argument("--no-converter", action="store_true", help="leave out the models made by the converter")
    return parser.parse_args()


def builders(with_converter, modules):
    """Functions that each return one Case, or raise Overflow."""
    if modules:
        for module in modules:
            yield from importlib.import_module(module).cases()
        return
    yield from written_weighted.cases()
    yield from written_elementwise.cases()
    yield from written_shapes.cases()
    if with_converter:
        yield from converted.cases()


def make_cases(with_converter, modules, pattern):
    cases, skipped = {}, {}
    for build in builders(with_converter, modules):
        try:
            case = build()
        except Overflow as overflow:
            skipped[overflow.name] = f"not built: {overflow}"
            continue
        if not re.search(pattern, case.name):
            continue
        if case.name in cases:
            raise ValueError(f"two models are called {case.name}")
        cases[case.name] = case
    return cases, skipped


def save(path, array):
    with open(path, "wb") as file:
        np.lib.format.write_array(file, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)


def run_reference(cases, folder):
    """Writes models, inputs and TFLM's outputs; returns {name: reason} for those that TFLM did not run."""
    for case in cases.values():
        (folder / f"{case.name}.tflite").write_bytes(case.model)
        for index, array in enumerate(case.inputs):
            save(folder / f"{case.name}.input{index}.npy", array)
    script = pathlib.Path(__file__).with_name("tflm_reference.py")
    subprocess.run([sys.executable, script, folder], check=True)
    not_run = json.loads((folder / "not_run.json").read_text())
    (folder / "not_run.json").unlink()
    for name in not_run:
        for path in folder.glob(f"{name}.*"):
            path.unlink()
    return not_run


def write_archive(folder, output):
    """A tar.gz whose bytes depend on the files' names and contents alone; replaces `output` in one step."""
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            entry = tarfile.TarInfo(str(path.relative_to(folder)))
            entry.size, entry.mtime, entry.mode = path.stat().st_size, 0, 0o644
            with open(path, "rb") as file:
                archive.addfile(entry, file)
    partial = output.with_name(output.name + ".partial")
    with open(partial, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(tar_bytes.getvalue())
    os.replace(partial, output)


def replace_folder(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def report(cases, skipped, not_run, output):
    counts = collections.Counter(case.operator for name, case in cases.items() if name not in not_run)
    for operator, count in sorted(counts.items()):
        print(f"{operator:20} {count:4}")
    print(f"{'all':20} {sum(counts.values()):4}")
    print(f"{output.name}: {output.stat().st_size} bytes")
    for name, reason in sorted({**skipped, **not_run}.items()):
        print(f"skipped {name}: {reason}")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        cases, skipped = make_cases(not options.no_converter, options.modules, options.only)
        not_run = run_reference(cases, folder)
        if not options.only and not options.modules:
            refused.write(folder / "unsupported")
        for module in options.modules or []:
            # Models that are not to be run as they are.
            write = getattr(importlib.import_module(module), "write_others", None)
            if write:
                write(folder)
        write_archive(folder, options.output)
        if options.unpack:
            replace_folder(folder, options.unpack)
        report(cases, skipped, not_run, options.output)


if __name__ == "__main__":
    main()
