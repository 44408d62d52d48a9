#!/usr/bin/env bash
# Trains both networks anew: Examples/robust/train.sh MNIST [FOLDER]
# MNIST is a folder with its four IDX files, gzipped; the networks go to FOLDER (default: .build/robust-training).
# LOCKSTEP may name the command.
set -euo pipefail
[ $# -ge 1 ] || { sed -n 2,4p "$0"; exit 64; }
mnist=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
out=${2:-.build/robust-training}
lockstep=${LOCKSTEP:-.build/release/lockstep}
mkdir -p "$out"
train() {
  local name=$1
  shift
  "$lockstep" train Examples/robust/net.txt "$@" --epochs 40 --shift 1 \
    --curve "$out/$name.svg" --output "$out/$name.tflite" \
    --images "$mnist/train-images-idx3-ubyte.gz" --labels "$mnist/train-labels-idx1-ubyte.gz" \
    --test-images "$mnist/t10k-images-idx3-ubyte.gz" --test-labels "$mnist/t10k-labels-idx1-ubyte.gz"
}
train robust --method intervals --epsilon 4
train plain --method standard
