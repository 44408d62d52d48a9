#!/usr/bin/env bash
# The gate refuses a network with a known counterexample, and clears it for what holds of it. README.md goes through it.
#   Examples/gate/run.sh [FOLDER]     leaves the evidence in FOLDER (default: .build/gate)
# LOCKSTEP may name the command.
set -euo pipefail
cd "$(dirname "$0")/../.."
. Examples/expect.sh
lockstep=${LOCKSTEP:-.build/release/lockstep}
out=${1:-.build/gate}
rm -rf "$out"
digits=Examples/digits
# The second picture, a 2.
gate=("$lockstep" preflight $digits/digits.tflite --target cortex-m4 --input $digits/images.npy
  --images $digits/images.npy --labels $digits/labels.npy --samples 1)

echo "1. What one would like to believe: the 2 stays a 2 while no pixel changes by more than 24 levels."
expect 1 "${gate[@]}" --epsilon 24 --output "$out/refused"

echo
echo "2. What is so: it stays a 2 whatever one level does to a patch of 16 pixels."
expect 0 "${gate[@]}" --epsilon 1 --mask $digits/patch.npy --output "$out/cleared"

echo
echo "3. The evidence, gone through again."
expect 0 "$lockstep" preflight --recheck "$out/cleared"

echo
echo "4. The same with one byte of the image changed."
cp -r "$out/cleared" "$out/changed"
# Byte 4096 is code or a constant.
printf '\x01' | dd of="$out/changed/digits.elf" bs=1 seek=4096 conv=notrunc status=none
expect 1 "$lockstep" preflight --recheck "$out/changed"
