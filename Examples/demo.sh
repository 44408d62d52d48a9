#!/usr/bin/env bash
# Lockstep on its bundled network: compile, simulate, run the C, and compare the two. Needs Swift alone; installs the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
Tests/prepare.sh
swift build -c release --product lockstep 2>&1 | tail -n 1
lockstep=.build/release/lockstep
digits=Examples/digits
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
say "The network: $digits/digits.tflite, handwritten digits, int8"
$lockstep inspect $digits/digits.tflite | tee "$out/network.txt"

say "compile: integer-only C99"
$lockstep compile $digits/digits.tflite --target host --output "$out/digits"

say "simulate: 32 images from the MNIST test set"
$lockstep simulate $digits/digits.tflite --input $digits/images.npy --output "$out/scores.npy"
if cmp -s "$out/scores.npy" $digits/expected.npy; then
  reference="equal to TensorFlow Lite Micro's, bit for bit (32 images)"
else
  reference="DIFFERENT from TensorFlow Lite Micro's"
fi
echo "scores $reference"

say "The C's own self-test"
cc -std=c99 -O2 -Wall -Wextra -Werror -DDIGITS_SELFTEST_MAIN "$out"/digits/*.c -o "$out/selftest"
self_test=$("$out/selftest")
echo "$self_test"

say "difftest: the C, built in many ways, against the simulator"
status=0
$lockstep difftest $digits/digits.tflite --input $digits/images.npy | tee "$out/images.txt" || status=1
$lockstep difftest $digits/digits.tflite --random 64 --seed 1 >"$out/random.txt" || status=1

say "Summary"
printf '%-12s%s\n' \
  network "$(sed -n 1p "$out/network.txt"), $(sed -n 's/^work *//p' "$out/network.txt")" \
  simulator "$reference" \
  "self-test" "$self_test" \
  images "$(grep 'builds equal' "$out/images.txt")" \
  random "$(grep 'builds equal' "$out/random.txt")" \
  memory "$(sed -n 1p "$out/digits/digits_plan.txt" | sed 's/.*: //')" \
  program "$(grep '^program' "$out/random.txt" | sed 's/program //')"
[ $status = 0 ] && case $reference in equal*) echo "What was simulated is what the C computes." ;; *) exit 1 ;; esac
exit $status
