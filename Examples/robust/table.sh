#!/usr/bin/env bash
# Trains the networks of the table in README.md ("Training") and decides all test images: some hours on two cores.
#   Examples/robust/table.sh MNIST FASHION-MNIST [FOLDER]
# MNIST and FASHION-MNIST are folders with their four IDX files, gzipped; networks, logs and reports go to FOLDER
# (default: .build/robust-table), and what is there already stays. LOCKSTEP may name the command.
set -euo pipefail
[ $# -ge 2 ] || { sed -n 2,5p "$0"; exit 64; }
mnist=$(cd "$1" && pwd) fashion=$(cd "$2" && pwd)
cd "$(dirname "$0")/../.."
out=${3:-.build/robust-table}
lockstep=${LOCKSTEP:-.build/release/lockstep}
mkdir -p "$out"

for width in 32 64; do
  printf '%s\n' "input 28 28 1" "conv $width kernel 5 stride 2" "conv $((2 * width)) kernel 3 stride 2" \
    "dense $((4 * width))" "dense 10" > "$out/conv$width.txt"
done

# network NAME BITS DATA LAYERS OPTIONS: the epochs in real numbers are the same for all numbers of bits.
network() {
  local name=$1 bits=$2 data=$3 layers=$4 start=(--float-checkpoint "$out/$1.real")
  shift 4
  [ ! -e "$out/$name-$bits.onnx" ] || return 0
  [ ! -e "$out/$name.real" ] || start=(--start "$out/$name.real")
  "$lockstep" train "$out/$layers.txt" --bits "$bits" "$@" "${start[@]}" --output "$out/$name-$bits.onnx" \
    --images "$data/train-images-idx3-ubyte.gz" --labels "$data/train-labels-idx1-ubyte.gz" \
    --test-images "$data/t10k-images-idx3-ubyte.gz" --test-labels "$data/t10k-labels-idx1-ubyte.gz" |
    tee "$out/$name-$bits.log"
}

# decide NAME BITS DATA EPSILON SECONDS: asks of all test images, so many seconds each.
decide() {
  local report=$out/$1-$2-within-$4 status=0
  "$lockstep" verify "$out/$1-$2.onnx" --epsilon "$4" --timeout "$5" --summary \
    --images "$3/t10k-images-idx3-ubyte.gz" --labels "$3/t10k-labels-idx1-ubyte.gz" \
    --report "$report.jsonl" --resume | tee "$report.txt" || status=$?
  # 1: some are violated; 3: some are open.
  case $status in 0 | 1 | 3) ;; *) exit "$status" ;; esac
}

# rows NAME "BITS" DATA LAYERS EPSILON OPTIONS: trained with codes in the end, and in real numbers alone and then rounded.
rows() {
  local name=$1 widths=$2 data=$3 layers=$4 epsilon=$5 bits
  shift 5
  for bits in $widths; do
    network "$name" "$bits" "$data" "$layers" --method intervals --epsilon "$epsilon" "$@"
    decide "$name" "$bits" "$data" "$epsilon" 2
  done
  for bits in $widths; do
    network "$name-rounded" "$bits" "$data" "$layers" --method intervals --epsilon "$epsilon" "$@" --float-share 1
    decide "$name-rounded" "$bits" "$data" "$epsilon" 2
  done
}

rows mnist1 "8 6" "$mnist" conv32 1 --training-epsilon 2 --epochs 20 --shift 1
rows mnist4 "8 6 4" "$mnist" conv32 4 --training-epsilon 5 --epochs 30 --shift 1
rows fashion1 "8 6" "$fashion" conv64 1 --training-epsilon 0.75 --epochs 40 --flip --held-out 2000
rows fashion4 "8 6" "$fashion" conv64 4 --training-epsilon 4.2 --epochs 60 --float-share 0.9 --flip

# Their plain twins.
network mnist 8 "$mnist" conv32 --epochs 10 --shift 1
network fashion 8 "$fashion" conv32 --epochs 10 --flip
for epsilon in 1 4; do
  decide mnist 8 "$mnist" "$epsilon" 0.1
  decide fashion 8 "$fashion" "$epsilon" 0.1
done
