#!/usr/bin/env bash
# Lockstep on its bundled networks: compile, simulate, run the C, compare the two, prove, check the proofs, show what
# breaks a network, and clear one that was trained to be robust for a Cortex-M4 in QEMU. Needs Swift alone; installs the
# rest.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
say "Tools that are missing, then a release build: some ten minutes on two cores, the first time"
Tests/prepare.sh
swift build -c release --product lockstep 2>&1 | tail -n 1
lockstep=.build/release/lockstep
digits=Examples/digits
robust=Examples/robust
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

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

say "verify: one code up or down anywhere in a 4 x 4 patch (patch.npy) leaves the digit what it is"
$lockstep verify $digits/digits.tflite --images $digits/images.npy --labels $digits/labels.npy --samples 0-3 \
  --epsilon 1 --mask $digits/patch.npy --certificates "$out/proofs" --timeout 60 | tee "$out/proved.txt" || status=1

say "check: the certificates, by the independent checker"
$lockstep check "$out"/proofs/*.cert --model $digits/digits.tflite | tee "$out/checked.txt" || status=1

say "verify: 24 codes everywhere are too many"
page=$digits/counterexample.html
violated=0
$lockstep verify $digits/digits.tflite --images $digits/images.npy --labels $digits/labels.npy --samples 1-3 \
  --epsilon 24 --report "$out/violated.jsonl" --html $page --timeout 60 | tee "$out/violated.txt" || violated=$?
[ $violated = 1 ] || status=1
$lockstep check --report "$out/violated.jsonl" --model $digits/digits.tflite --target host || status=1

# All but the picture at 18, which it takes for another digit.
question=(--images $digits/images.npy --labels $digits/labels.npy --samples 0-17,19-31 --epsilon 4)
say "verify: 4 codes everywhere, asked of a network that was trained for it ($robust)"
$lockstep verify $robust/robust.tflite "${question[@]}" | tee "$out/robust.txt" || status=1

say "preflight: the gate before flashing that network onto a Cortex-M4, in QEMU"
evidence=$robust/evidence
rm -rf "$evidence"
$lockstep preflight $robust/robust.tflite --target cortex-m4 --input $digits/images.npy "${question[@]}" \
  --output $evidence | tee "$out/gate.txt" || status=1
[ ! -e $evidence ] || sed -n '/^ #/,/ total /p' $evidence/summary.txt

say "Summary"
printf '%-12s%s\n' \
  network "$(sed -n 1p "$out/network.txt"), $(sed -n 's/^work *//p' "$out/network.txt")" \
  simulator "$reference" \
  "self-test" "$self_test" \
  images "$(grep 'builds equal' "$out/images.txt")" \
  random "$(grep 'builds equal' "$out/random.txt")" \
  memory "$(sed -n 1p "$out/digits/digits_plan.txt" | sed 's/.*: //')" \
  proved "$(grep -c ': proved' "$out/proved.txt") of 4 questions, certificates accepted by the checker" \
  violated "$(grep -c ': violated' "$out/violated.txt") of 3, replayed on the C: see $page" \
  program "$(grep '^program' "$out/random.txt" | sed 's/program //')" \
  robust "$(awk '$1 == 4 { print $2 }' "$out/robust.txt") of 31 pictures proved, each pixel up to 4 codes away" \
  image "$evidence/robust.elf for Cortex-M4: $(sed -n 's/^inference *//p' $evidence/summary.txt) an inference" \
  gate "$(grep -E 'CLEARED|REFUSED' "$out/gate.txt"): see $evidence/summary.html"
[ $status = 0 ] && case $reference in equal*) echo "What was simulated and proved is what the C computes." ;; *) exit 1 ;; esac
exit $status
