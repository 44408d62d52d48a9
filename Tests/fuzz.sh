#!/usr/bin/env bash
# Tests/fuzz.sh [COUNT] [FIRST SEED]: differential testing on COUNT random networks, and as many damaged files.
# Each network is lowered, generated as C, built and compared with the simulator byte for byte; exit status 1 on the
# first campaign with a difference, which names its seed. Then files of every archive of models, damaged, must end in
# success or in a message.
set -euo pipefail
cd "$(dirname "$0")/.."
count=${1:-1000} seed=${2:-$RANDOM}
Tests/prepare.sh
swift build -c release --product lockstep
.build/release/lockstep difftest --networks "$count" --seed "$seed" --jobs "$(nproc)"

models=$(mktemp -d)
trap 'rm -rf "$models"' EXIT
archives=(Tests/Operators/*.tar.gz Tests/ONNX/*.tar.gz)
for archive in "${archives[@]}"; do
  folder=$models/$(basename "$archive" .tar.gz)
  mkdir "$folder"
  tar -xzf "$archive" -C "$folder"
  find "$folder" \( -name '*.tflite' -o -name '*.onnx' \) -not -path '*/unsupported/*' | sort >"$folder/list"
  if [ ! -s "$folder/list" ]; then continue; fi
  mapfile -t files <"$folder/list"
  echo "$(basename "$archive"):"
  .build/release/lockstep fuzz-import --seed "$seed" --count $(((count + ${#archives[@]} - 1) / ${#archives[@]})) \
    --jobs "$(nproc)" -- "${files[@]}"
done
