#!/usr/bin/env bash
# Exported files in the ecosystem's own tools, from PyPI: Tests/exporters.sh
#   .onnx      onnx's checker; qonnx's executor gives the simulator's codes
#   .tflite    LiteRT's interpreter gives them too, by the rounding rules that Tests/exporters/ecosystem.py names
# Of bundled networks written anew, of float ones that `lockstep quantize` quantises, and of some that `lockstep train`
# trains. Skipped, and said to be, where PyPI is out of reach. LOCKSTEP may name the command to test.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lockstep=$(realpath "${LOCKSTEP:-$root/.build/release/lockstep}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=$root/.build-exporters/bin/python
if ! $python -c 'import ai_edge_litert, onnx, onnxruntime, qonnx' 2>/dev/null; then
  { python3 -m venv "$root/.build-exporters" &&
    $python -m pip -q install --retries 1 onnx==1.19.1 onnxruntime==1.31.1 qonnx==1.0.0 ai-edge-litert==2.3.0; } \
    >"$work/words" 2>&1 || { echo "skipped: PyPI's packages cannot be installed: $(tail -n 1 "$work/words")"; exit 0; }
fi

mkdir "$work/corpus" "$work/out"
tar xzf "$root/Tests/ONNX/models.tar.gz" -C "$work/corpus" --wildcards './qonnx_*.onnx'
tar xzf "$root/Tests/Operators/operators.tar.gz" -C "$work/corpus" fully_connected_24_to_7.tflite
for model in "$root"/Tests/Networks/*.onnx "$work"/corpus/* "$root/Examples/digits/digits.tflite"; do
  "$lockstep" export "$model" --output "$work/out/$(basename "$model")"
done
floats=$root/Tests/FloatNetworks
for model in dense.onnx conv.onnx conv.tflite; do
  for bits in 4 8; do
    "$lockstep" quantize "$floats/$model" --to fixed-point --bits $bits --calibration "$floats/images.npy" \
      --output "$work/out/${model/./_}_$bits.onnx" >/dev/null
  done
  "$lockstep" quantize "$floats/$model" --to int8 --calibration "$floats/images.npy" \
    --output "$work/out/${model/./_}_int8.tflite" >/dev/null
done
# Stripes, whose direction is their class.
$python - "$work" <<'END'
import sys
import numpy as np
random = np.random.default_rng(1)
labels, phase = random.integers(0, 2, 400, np.uint8), random.integers(0, 4, 400)
y, x = np.indices((8, 8))
stripes = (np.where(labels[:, None, None] == 0, x, y) + phase[:, None, None]) // 2 % 2
np.save(sys.argv[1] + "/x.npy", (stripes * 140 + 40 + random.integers(0, 36, stripes.shape)).astype(np.uint8)[..., None])
np.save(sys.argv[1] + "/y.npy", labels)
END
printf '%s\n' 'input 8 8 1' 'conv 4 kernel 3 padding same' 'conv 4 kernel 3 padding same' 'add 1' 'average-pool 2' 'dense 6' \
  'dense 2' >"$work/net.txt"
for output in trained_8.onnx trained_6.onnx trained_3.onnx trained.tflite; do
  bits=${output//[!0-9]/}
  "$lockstep" train "$work/net.txt" --images "$work/x.npy" --labels "$work/y.npy" --method intervals --epsilon 2 --epochs 6 \
    --batch 32 --bits "${bits:-8}" --output "$work/out/$output" >/dev/null
done
$python "$root/Tests/exporters/ecosystem.py" "$lockstep" "$work"/out/*.onnx "$work"/out/*.tflite 2>"$work/words" ||
  { grep -v '^INFO' "$work/words" >&2; exit 1; }
