#!/usr/bin/env bash
# Holds generated C to MISRA C:2012 with cppcheck's addon: Tests/misra.sh [FOLDER…]
# Each FOLDER holds the files of one network; without any, the bundled network and a sample of Tests/Operators and
# Tests/ONNX are generated anew. NAME.c and NAME_weights.c are checked together. Prints how often each rule is violated, and fails on a
# rule that Tests/misra-deviations.txt does not list, with every place. LOCKSTEP may name the command to generate with.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lockstep=$(realpath "${LOCKSTEP:-$root/.build/release/lockstep}")
deviations=$root/Tests/misra-deviations.txt
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

command -v cppcheck >/dev/null || { echo "cppcheck is not installed: Tests/prepare.sh installs it" >&2; exit 1; }

# What cppcheck says of some files, a line each: severity, rule, place, text.
check() {
  cppcheck --std=c99 --addon=misra --enable=style --quiet --template='{severity} {id} {file}:{line}: {code}' "$@" 2>&1 |
    grep -E '^(error|[a-z]+ misra-c2012-)' || true
}
check_folder() {
  cd "$1"
  local header
  for header in *_weights.h; do
    [ -e "$header" ] || { echo "error $1 holds no generated files"; continue; }
    check "${header%.h}.c" "${header%_weights.h}.c" | sed "s|^\([^ ]* [^ ]*\) |\1 $(basename "$1")/|"
  done
}
export -f check check_folder

# Without its Python part, cppcheck finds nothing and says so quietly: it must find a goto.
echo 'void f(void); void f(void) { goto end; end: return; }' >"$work/control.c"
check "$work/control.c" | grep -q 'misra-c2012-15\.1' || { echo "cppcheck's MISRA addon does not run" >&2; exit 1; }

folders=()
for folder in "$@"; do folders+=("$(realpath "$folder")"); done
if [ $# = 0 ]; then
  mkdir "$work/models" "$work/code"
  tar xzf "$root/Tests/Operators/operators.tar.gz" -C "$work/models"
  # One model in twenty-five, and those with shapes that have code of their own.
  models=("$root/Examples/digits/digits.tflite")
  count=0
  for model in "$work"/models/*.tflite; do
    name=$(basename "$model" .tflite)
    case $name in
      conv_2d_dilation1x2* | conv_2d_groups* | depthwise_conv_2d_many_channels | depthwise_conv_2d_zero_points_0_127) ;;
      average_pool_2d_[cr]o* | dequantize_int8_shape* | add_broadcast_both) ;;
      *) [ $((count++ % 25)) = 0 ] || continue ;;
    esac
    models+=("$model")
  done
  mkdir "$work/onnx"
  tar xzf "$root/Tests/ONNX/models.tar.gz" -C "$work/onnx"
  for model in "$work"/onnx/*.onnx; do
    case $(basename "$model") in
      wide_*) ;;
      *) [ $((count++ % 25)) = 0 ] || continue ;;
    esac
    models+=("$model")
  done
  for model in "${models[@]}"; do
    folder=$work/code/$(basename "$model" .tflite)
    "$lockstep" compile "$model" --output "$folder" --no-self-test >/dev/null
    folders+=("$folder")
  done
fi

printf '%s\0' "${folders[@]}" |
  xargs -0 -P "$(nproc)" -n 1 bash -c 'set -euo pipefail; found=$(check_folder "$1"); echo "$found"' check >"$work/found"
grep -q . "$work/found" || { echo "cppcheck found not even the deviations: something did not run" >&2; exit 1; }

echo "MISRA C:2012 in the code of ${#folders[@]} networks, violations of each rule:"
status=0
while read -r count rule; do
  reason=$(awk -v rule="$rule" '$1 == rule { sub(/^[^ ]+ +/, ""); print }' "$deviations")
  if [ -n "$reason" ]; then
    printf '  %5d  rule %-5s %s\n' "$count" "$rule" "$reason"
  else
    printf '  %5d  rule %-5s NOT A LISTED DEVIATION\n' "$count" "$rule"
    grep -F "misra-c2012-$rule " "$work/found" | sed 's/^[^ ]* [^ ]* /           /' | sort -u | head -20
    status=1
  fi
done < <(sed -n 's/^[a-z]* misra-c2012-\([0-9.]*\) .*/\1/p' "$work/found" | sort -V | uniq -c)
if grep '^error' "$work/found"; then status=1; fi
exit $status
