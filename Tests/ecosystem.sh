#!/usr/bin/env bash
# Networks as people make them, held to what their own tools return: Tests/ecosystem.sh
#   ecosystem/keras_networks.py   62 Keras 3 networks, converted to int8 with an open batch as tutorials do, and 5 with
#                                 LSTMs of the Keras before (tf_keras); TensorFlow Lite Micro's codes; then those of them
#                                 that it converts to 16 x 8
# Those of PyTorch and Brevitas are in archives (ONNX/README.md), which the ONNX corpus test reads; ecosystem/make_torch.py and
# ecosystem/make_brevitas.py make them anew. Float ones of PyTorch, for `lockstep quantize`, are in FloatNetworks, made by
# ecosystem/make_float.py.
# Skipped, and said to be, where PyPI is out of reach. LOCKSTEP may name the command to test.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lockstep=$(realpath "${LOCKSTEP:-$root/.build/release/lockstep}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python=$root/.build-ecosystem/bin/python
if ! $python -c 'import ai_edge_litert, tensorflow, tf_keras, tflite_micro' >/dev/null 2>&1; then
  { python3 -m venv "$root/.build-ecosystem" &&
    $python -m pip -q install --retries 1 tensorflow-cpu==2.21.0 tf_keras==2.21.0 flatbuffers==25.12.19 numpy==2.4.6 ai-edge-litert==2.3.0 &&
    $python -m pip -q install --retries 1 --pre tflite-micro==0.dev20261023182759; } \
    >"$work/words" 2>&1 || { echo "skipped: PyPI's packages cannot be installed: $(tail -n 1 "$work/words")"; exit 0; }
fi

for bits in "" --sixteen; do
  if ! $python "$root/Tests/ecosystem/make_keras.py" $bits "$work/keras$bits" >"$work/words" 2>&1; then
    tail -n 20 "$work/words"
    exit 1
  fi
  $python "$root/Tests/ecosystem/compare_keras.py" "$lockstep" "$work/keras$bits"
done
