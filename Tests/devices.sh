#!/usr/bin/env bash
# The generated code on microcontrollers, as QEMU and simavr emulate them: Tests/devices.sh
#   1 networks: every byte of every layer against the simulator, at each of a target's optimisation levels. The bundled
#     one wherever it fits; those of ../shared/data, where that is there: all on three cores, smaller ones on
#     the others; wake words and recurrent networks, whose calls leave something for the next, on the three
#   2 random networks on the same three cores and on the microbit, where writing to flash is in vain and unaligned
#     accesses fault, which the other boards let pass
#   3 networks that do not fit are refused with figures, and nothing is written
#   4 the walk-throughs of Examples, which end as they say
#   5 profiles: what the layers and their caller take is the total, and the stack is within its bound
# LOCKSTEP may name the command to test.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lockstep=$(realpath "${LOCKSTEP:-$root/.build/release/lockstep}")
models=$root/../shared/data/models
digits=$root/Examples/digits/digits.tflite
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LOCKSTEP_TARGETS=$root/Targets

# The first four vectors are extremes, the others noise.
compare() {
  local target=$1 model
  shift
  for model in "$@"; do
    [ -e "$model" ] || continue
    "$lockstep" difftest "$model" --target "$target" --random 6 --jobs "$(nproc)" >"$work/words" ||
      { cat "$work/words"; echo "FAILED: $model on $target" >&2; exit 1; }
    printf '%-14s %-24s %s\n' "$target" "$(basename "${model%.*}")" "$(grep ' builds equal: ' "$work/words")"
  done
}

[ -d "$models" ] || echo "../shared/data is not on this machine: the bundled network alone"
small=("$digits" "$models"/{hello_world_int8,micro_speech_quantized,kws_ref_model}.tflite)
large=("$models"/{ad01_int8,pretrainedResnet_quant,vww_96_int8,person_detect}.tflite)
# Networks that remember: single calls from any states, then a sequence from the initial ones.
stateful=("$root"/../shared/data/stateful/{okay_nabu,vad,hey_jarvis_v1,rnnoise_int8,trained_lstm_int8}.tflite)
# Activations of 16 bits, whose sums take 32 bits or 64.
wide=("$root"/../shared/data/reports/flows/cnn.int16x8.tflite)
for target in cortex-m0plus cortex-m4 cortex-m55; do
  compare $target "${small[@]}" "${large[@]}" "${stateful[@]}" "${wide[@]}"
done
for target in cortex-m3 cortex-m7 cortex-m33 rv32imac microbit; do compare $target "${small[@]}"; done
compare avr "$models/hello_world_int8.tflite"

for target in cortex-m0plus cortex-m4 cortex-m55 microbit; do
  "$lockstep" difftest --networks 36 --seed 1 --target $target --jobs "$(nproc)" >"$work/words" ||
    { cat "$work/words"; exit 1; }
  printf '%-14s %s\n' $target "$(grep ' random networks ' "$work/words")"
done
# Some are small enough for 2 KiB of RAM, and hold kinds of layers that no network above has there.
"$lockstep" difftest --networks 36 --seed 1 --target avr --jobs "$(nproc)" | grep ' random networks ' |
  sed 's/^/avr            /'

# By RAM and tables, known at once; by code, known from the compiler.
mkdir "$work/tiny"
echo '{ "name": "tiny", "basedOn": "cortex-m4", "device": { "flash": { "bytes": 8192 } } }' >"$work/tiny/target.json"
for target in avr "$work/tiny"; do
  for command in "compile --output $work/written" difftest; do
    status=0
    # shellcheck disable=SC2086
    "$lockstep" $command "$digits" --target "$target" >/dev/null 2>"$work/words" || status=$?
    if [ $status != 65 ] || [ -e "$work/written" ] || ! grep -q 'does not fit.* [0-9]* bytes' "$work/words"; then
      echo "FAILED: $command for $target ended with $status: $(cat "$work/words")" >&2
      exit 1
    fi
  done
done
echo "what does not fit is refused"

profiled() {
  [ -e "$1" ] || return 0
  "$lockstep" profile "$1" --target "$2" --json - >"$work/profile.json" || exit 1
  python3 - "$work/profile.json" <<'END'
import json, sys
profile = json.load(open(sys.argv[1]))
key = "instructions" if profile["method"] == "qemu-plugin" else "cycles"
parts = sum(layer[key] or 0 for layer in profile["layers"]) + profile["between"][key]
total, stack = profile["total"][key], profile["stack"]
if parts != total or not 0 < stack["measured"] <= (stack["bound"] or 0):
    sys.exit(f"FAILED: profile: {parts} in parts, {total} in all, stack {stack}")
print(f"{profile['target']:14} {profile['name']:24} {total} {key}, stack {stack['measured']} of {stack['bound']}")
END
}
for target in cortex-m0plus cortex-m4 cortex-m55 rv32imac; do profiled "$digits" $target; done
profiled "$models/hello_world_int8.tflite" avr

for example in bare-metal gate robust; do
  LOCKSTEP=$lockstep "$root/Examples/$example/run.sh" "$work/$example" >"$work/words" 2>&1 ||
    { cat "$work/words"; echo "FAILED: Examples/$example" >&2; exit 1; }
  echo "Examples/$example ends as it says"
done
