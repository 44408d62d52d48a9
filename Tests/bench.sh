#!/usr/bin/env bash
# Benchmarks, as ratios against named baselines measured in the same run: Tests/bench.sh [MODEL.tflite…]
#   simulator   nanoseconds a multiply-accumulate, beside LiteRT (PyPI: ai-edge-litert) on one thread, with its default
#               kernels (XNNPACK) and its reference kernels
#   commands    wall time of inspect and compile
#   devices     instructions, code and arena on Cortex-M4, M55 and M0+, beside CMSIS-NN called directly; networks and
#               layers with activations of 16 bits or weights of 4, and streaming networks, beside estimates of what its
#               functions take; the latter's arena beside TensorFlow Lite Micro's (PyPI: tflite-micro)
#   verifier    the AAAI 2021 benchmark, beside bit-vector SMT (own Z3 engine; bitwuzla from PyPI on the emitted text)
#   training    a step of QA-IBP, beside the same step in TensorFlow (PyPI: tensorflow-cpu)
# Without arguments: the bundled network, and ../shared/data/models where that is there.
set -euo pipefail
cd "$(dirname "$0")/.."
Tests/prepare.sh
swift build -c release --product lockstep 2>&1 | tail -n 1
lockstep=.build/release/lockstep

models=("$@")
if [ $# = 0 ]; then
  models=(Examples/digits/digits.tflite)
  for model in ../shared/data/models/*.tflite; do [ -e "$model" ] && models+=("$model"); done
fi

python=.build-bench/bin/python
if ! $python -c 'import ai_edge_litert, numpy' 2>/dev/null; then
  python3 -m venv .build-bench
  $python -m pip -q install ai-edge-litert numpy
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
# By turns, so that a machine that slows down slows both sides.
for model in "${models[@]}"; do
  $lockstep bench "$model" >>"$out/lockstep"
  $python Tests/bench/simulator.py "$model" >>"$out/litert" 2>/dev/null
done
$python - "$out" <<'PYTHON'
import json, sys
read = lambda name: [json.loads(line) for line in open(f"{sys.argv[1]}/{name}")]
litert = {(line["model"], line["kernels"]): line.get("nanoseconds") for line in read("litert")}
print(f"{'simulator, one thread':26}{'MACs':>12}{'us':>10}{'ns/MAC':>9}{'LiteRT':>10}{'ratio':>7}{'reference':>11}{'ratio':>8}")
for line in read("lockstep"):
    ours, macs = line["nanoseconds"], line["multiplyAccumulates"]
    row = f"{line['model']:26}{macs:>12,}{ours / 1e3:>10.1f}{ours / macs:>9.4f}"
    for kernels, width in (("default", 7), ("reference", 8)):
        theirs = litert.get((line["model"], kernels))
        row += f"{theirs / 1e3:>10.1f}{ours / theirs:>{width}.2f}" if theirs else f"{'-':>10}{'-':>{width}}"
        row += " " if kernels == "default" else ""
    print(row)
print("(LiteRT: us with its default kernels, then with its reference kernels; a ratio under 1 means that Lockstep is faster)")
PYTHON

echo
printf '%-26s%12s%12s\n' "commands, wall ms" inspect compile
for model in "${models[@]}"; do
  name=$(basename "$model" .tflite)
  best() { # the least of seven runs, in milliseconds
    local least=1000000 start end
    for _ in 1 2 3 4 5 6 7; do
      start=$(date +%s%N); "$@" >/dev/null; end=$(date +%s%N)
      local took=$(((end - start) / 10000)); [ $took -lt $least ] && least=$took
    done
    printf '%d.%02d' $((least / 100)) $((least % 100))
  }
  printf '%-26s%12s%12s\n' "$name" "$(best $lockstep inspect "$model")" \
    "$(best $lockstep compile "$model" --target host --output "$out/$name")"
done

# Devices: needs the networks that CMSIS-NN was measured on.
if [ -e ../shared/data/models/kws_ref_model.tflite ]; then
  echo
  $python Tests/bench/devices.py $lockstep ../shared/data/models
fi

# Activations of 16 bits and weights of 4, on the same devices; the models are made with TensorFlow.
$python -c 'import tensorflow' 2>/dev/null || $python -m pip -q install tensorflow-cpu==2.21.0
echo
$python Tests/bench/widths.py $lockstep 2>"$out/words" || { tail -n 5 "$out/words" >&2; exit 1; }

# Wake words, which keep what they have heard from call to call.
if [ -e ../shared/data/stateful/okay_nabu.tflite ]; then
  $python -c 'import tflite_micro' 2>/dev/null || $python -m pip -q install tflite-micro
  echo
  $python Tests/bench/streaming.py $lockstep ../shared/data/stateful
fi

# The verifier: needs the benchmark's networks and images.
if [ -e ../shared/data/models/mnist_mlp_6bit.onnx ]; then
  $python -c 'import bitwuzla' 2>/dev/null || $python -m pip -q install bitwuzla
  echo
  $python Tests/bench/verification.py $lockstep ../shared/data --smt 3 --trained 60
fi

# Training: a step of QA-IBP, here and in TensorFlow.
echo
$python Tests/bench/training.py $lockstep
