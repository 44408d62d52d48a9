#!/usr/bin/env bash
# Two networks of one size and near enough one accuracy: of the one that was trained for it the robustness is proved, and
# it is cleared for a Cortex-M4 in QEMU. README.md goes through it.
#   Examples/robust/run.sh [FOLDER]     leaves the evidence in FOLDER (default: .build/robust)
# LOCKSTEP may name the command.
set -euo pipefail
cd "$(dirname "$0")/../.."
. Examples/expect.sh
lockstep=${LOCKSTEP:-.build/release/lockstep}
out=${1:-.build/robust}
rm -rf "$out"
mkdir -p "$out"
# 31 of the 32 pictures: both networks take the one at 18, a 3, for another digit.
question=(--images Examples/digits/images.npy --labels Examples/digits/labels.npy --samples 0-17,19-31 --epsilon 4)

echo "1. The plain network: each pixel of the picture may change by 4 levels."
expect 1 "$lockstep" verify Examples/robust/plain.tflite "${question[@]}" --timeout 2 --summary

echo
echo "2. The robust network, asked the same."
expect 0 "$lockstep" verify Examples/robust/robust.tflite "${question[@]}" --summary

echo
echo "3. The robust network before it is flashed onto a Cortex-M4."
expect 0 "$lockstep" preflight Examples/robust/robust.tflite --target cortex-m4 --input Examples/digits/images.npy \
  "${question[@]}" --output "$out/evidence"

echo
echo "4. Its evidence, gone through again."
expect 0 "$lockstep" preflight --recheck "$out/evidence"
