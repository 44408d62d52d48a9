"""Makes an archive of one family of models, in the layout of operators.tar.gz.

    python make_family.py movement --output movement.tar.gz [--unpack FOLDER] [--only REGEX]

The family's models come from written_FAMILY.py. Operators that TFLM has no kernel for are run by LiteRT's reference kernels;
README.md says which.
"""

import argparse
import importlib
import pathlib
import re
import subprocess
import sys
import tempfile

import make_operators
from tflite_model import Overflow


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("family")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="the archive to write")
    parser.add_argument("--unpack", type=pathlib.Path, help="also write the archive's files into this folder")
    parser.add_argument("--only", default="", help="keep only the models whose names match this pattern")
    return parser.parse_args()


def make_cases(module, pattern):
    cases, skipped = {}, {}
    for build in module.cases():
        try:
            case = build()
        except Overflow as overflow:
            skipped[overflow.name] = f"not built: {overflow}"
            continue
        if case.name in cases:
            raise ValueError(f"two models are called {case.name}")
        if re.search(pattern, case.name):
            cases[case.name] = case
    return cases, skipped


def run_litert(folder, cases):
    """Writes what LiteRT's reference kernels return, as tflm_reference.py does; {name: reason} where they do not run."""
    for case in cases.values():
        (folder / f"{case.name}.tflite").write_bytes(case.model)
        for index, array in enumerate(case.inputs):
            make_operators.save(folder / f"{case.name}.input{index}.npy", array)
    script = pathlib.Path(__file__).with_name("litert_reference.py")
    not_run = {}
    # All at once where all run; one that does not ends its process.
    names = list(cases)
    if names and subprocess.run([sys.executable, script, folder, *names], capture_output=True).returncode == 0:
        return not_run
    for name in names:
        done = subprocess.run([sys.executable, script, folder, name], capture_output=True, text=True)
        if done.returncode != 0:
            not_run[name] = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else str(done.returncode)
            for path in folder.glob(f"{name}.*"):
                path.unlink()
    return not_run


def main():
    options = arguments()
    module = importlib.import_module(f"written_{options.family}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        cases, skipped = make_cases(module, options.only)
        elsewhere = {n: c for n, c in cases.items() if c.operator in module.LITERT_ALONE}
        not_run = make_operators.run_reference({n: c for n, c in cases.items() if n not in elsewhere}, folder)
        not_run.update(run_litert(folder, elsewhere))
        make_operators.write_archive(folder, options.output)
        if options.unpack:
            make_operators.replace_folder(folder, options.unpack)
        make_operators.report(cases, skipped, not_run, options.output)


if __name__ == "__main__":
    main()
