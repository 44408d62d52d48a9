#!/usr/bin/env bash
# MISRA C:2012 by cppcheck's addon over generated code: Tests/misra.sh [FOLDER…]
# Without folders: the bundled example, and a model of every operator. Lists how often each rule is broken; fails on a rule
# that Tests/misra-deviations.txt does not give a reason for.
set -euo pipefail
cd "$(dirname "$0")/.."
lockstep=${LOCKSTEP:-.build/release/lockstep}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

folders=("$@")
if [ $# = 0 ]; then
  tar -xzf Tests/Operators/operators.tar.gz -C "$out"
  # Of each operator's models, every fifteenth: all shapes of kernels, in a minute or two.
  models=$(cd "$out" && ls *.tflite | awk 'NR % 15 == 0')
  for model in $models; do
    "$lockstep" compile "$out/$model" --output "$out/c/$model" --prefix net --no-self-test >/dev/null
    folders+=("$out/c/$model")
  done
  "$lockstep" compile Examples/digits/digits.tflite --output "$out/c/digits" >/dev/null
  folders+=("$out/c/digits")
fi

check() {
  local sources=()
  for source in "$1"/*.c; do case $source in *_selftest.c) ;; *) sources+=("$source") ;; esac; done
  cppcheck --std=c99 --addon=misra --enable=style --suppress=missingIncludeSystem -q "${sources[@]}" 2>&1 |
    grep -oE '^[^ ]+:[0-9]+:[0-9]+:.*misra-c2012-[0-9.]+' | sed -E 's/^([^ ]+):[0-9]+: .*misra-c2012-/\1 /' || true
}
export -f check
printf '%s\0' "${folders[@]}" | xargs -0 -P "$(nproc)" -n 1 bash -c 'check "$1"' _ >"$out/found"

status=0
echo "MISRA C:2012 over ${#folders[@]} generated networks:"
for rule in $(awk '{ print $2 }' "$out/found" | sort -V -u); do
  count=$(awk -v rule="$rule" '$2 == rule' "$out/found" | wc -l)
  reason=$(awk -v rule="$rule" '$1 == rule { $1 = ""; print substr($0, 2) }' Tests/misra-deviations.txt)
  if [ -n "$reason" ]; then
    printf '  %-6s%6d  %s\n' "$rule" "$count" "$reason"
  else
    printf '  %-6s%6d  NOT ALLOWED, as in\n' "$rule" "$count"
    awk -v rule="$rule" '$2 == rule { print $1 }' "$out/found" | head -n 5 | while IFS=: read -r file line; do
      printf '          %s:%s: %s\n' "$(basename "$(dirname "$file")")" "$line" "$(sed -n "${line}p" "$file")"
    done
    status=1
  fi
done
exit $status
