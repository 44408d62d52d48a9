"""Executed instructions and memory of streaming networks: wake words that keep what they have heard from call to call.

    python streaming.py LOCKSTEP FOLDER [TARGET…]

FOLDER has okay_nabu.tflite, vad.tflite and hey_jarvis_v1.tflite. Beside the arena stands that of TensorFlow Lite Micro, as
its own allocator tells (PyPI: tflite-micro; on this machine, whose pointers have 64 bits). Beside the instructions stands
what CMSIS-NN's functions and a memcpy take, estimated layer by layer, since no package has them: no interpreter, and no
copies between variables and tensors, as TensorFlow Lite Micro has.
"""

import json
import pathlib
import re
import subprocess
import sys

NETWORKS = ("okay_nabu", "vad", "hey_jarvis_v1")

# What CMSIS-NN takes for a product, for a code of a window's copy, and for an output, as estimated from its inner loops; and
# memcpy for a byte and for a run of bytes. All these layers have one output pixel, so that its loops over two or four pixels
# at once do not run.
# DSP: a row of codes and two rows of weights, four at a time: 3 to load and unpack the codes, 2 x (3 and 2 SMLAD), 2 for the
# loop; a window's codes are widened to 16 bits first, 5 for four; depthwise four channels and two taps: 22.
# MVE: sixteen codes and four rows of weights: 5 loads, 4 VMLADAVA, 1 for the loop, 4 for the row's sum; one pixel's window: 2
# loads, 2 sums, 2 for the loop; depthwise four channels of a tap: 2 loads, the offset, product and sum, 3 for the loop.
# memcpy: sixteen bytes by 4 loads, 4 stores, 2 for the loop; with MVE by one of each and the loop's end.
ESTIMATES = {
    "cortex-m4": dict(window=15 / 8, dense=15 / 8, depthwise=22 / 8, copied=1.25, output=9, byte=10 / 16, run=20),
    "cortex-m55": dict(window=6 / 16, dense=14 / 64, depthwise=8 / 4, copied=3 / 16, output=4, byte=3 / 16, run=12),
}


def estimate(target, layers):
    """The instructions of all layers; None where there is no estimate."""
    figures = ESTIMATES.get(target)
    if figures is None:
        return None
    total = 0
    for layer in layers:
        if not layer["instructions"]:
            continue
        count = 1
        for size in layer["shape"]:
            count *= size
        products = layer["multiplyAccumulates"]
        kind = layer["operator"]
        if kind == "FULLY_CONNECTED":
            total += products * figures["dense"] + count * figures["output"]
        elif kind == "CONV_2D":
            # One pixel's window has as many codes as each channel has products.
            total += products * figures["window"] + products / count * figures["copied"] + count * figures["output"]
        elif kind == "DEPTHWISE_CONV_2D":
            total += products * (figures["depthwise"] + figures["copied"]) + count * figures["output"]
        elif kind in ("CONCATENATION", "STRIDED_SLICE"):
            total += count * figures["byte"] + 2 * figures["run"]
        elif kind in ("SPLIT", "SPLIT_V"):
            total += count * figures["byte"] + count / layer["shape"][-1] * figures["run"]
        else:
            total += layer["instructions"]
    return int(total)


def profile(lockstep, model, target):
    result = subprocess.run(
        [lockstep, "profile", str(model), "--target", target, "--json", "-"], capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{model.name} on {target}: {result.stderr[-300:]}")
    return json.loads(result.stdout)


def micro_arena(model):
    """The bytes that TensorFlow Lite Micro allocates of its arena; None where it is not installed."""
    code = (
        "import sys; from tflite_micro.python.tflite_micro import runtime; "
        "runtime.Interpreter.from_file(sys.argv[1]).print_allocations()")
    result = subprocess.run([sys.executable, "-c", code, str(model)], capture_output=True, text=True)
    found = re.search(r"Arena allocation total (\d+) bytes", result.stdout + result.stderr)
    return int(found[1]) if found else None


def main(arguments):
    lockstep, folder, *rest = arguments
    targets = rest or ["cortex-m4", "cortex-m55", "cortex-m0plus", "rv32imac"]
    print(
        f"{'device':15}{'network':16}{'MACs':>8}{'instructions':>13}{'a product':>10}{'CMSIS-NN':>12}{'ratio':>7}{'code':>8}"
        f"{'arena':>8}{'TFLM':>8}{'ratio':>7}")
    for name in NETWORKS:
        model = pathlib.Path(folder) / f"{name}.tflite"
        micro = micro_arena(model)
        for target in targets:
            measured = profile(lockstep, model, target)
            products = sum(layer["multiplyAccumulates"] for layer in measured["layers"])
            ours, arena = measured["total"]["instructions"], measured["arena"]["bytes"]
            theirs = estimate(target, measured["layers"])
            beside = f"{theirs:>12,}{ours / theirs:>7.2f}" if theirs else f"{'-':>12}{'-':>7}"
            memory = f"{micro:>8,}{arena / micro:>7.2f}" if micro else f"{'-':>8}{'-':>7}"
            code = measured["code"]["bytes"]
            print(
                f"{target:15}{name:16}{products:>8,}{ours:>13,}{ours / products:>10.2f}{beside}{code:>8,}{arena:>8,}{memory}",
                flush=True)
    print("(CMSIS-NN: estimates, not measured; ratios under 1 mean less than those)")


main(sys.argv[1:])
