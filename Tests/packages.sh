#!/usr/bin/env bash
# What `lockstep compile --package` makes, built by the tools it is for: Tests/packages.sh
#   plain       gcc
#   cmake       CMake, and its tests
#   arduino     arduino-builder for the Uno; the sketches run in simavr
#   platformio  PlatformIO (PyPI), with a platform of our own for this machine, since others come from a registry
#   zephyr      CMake, with stand-ins for Zephyr's functions, and kconfiglib (PyPI)
# Each self-test must pass, and the inference examples must print the same codes: of portable code, and of packages made
# for Cortex-M0+, M4 and M55, on this machine and, with arm-none-eabi-gcc and QEMU, on their own and others' processors. What is not installed, or cannot be, is
# skipped, and said to be. LOCKSTEP may name the command to test.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
lockstep=$(realpath "${LOCKSTEP:-$root/.build/release/lockstep}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LOCKSTEP_TARGETS=$root/Targets

mkdir "$work/models"
tar xzf "$root/Tests/Operators/operators.tar.gz" -C "$work/models" fully_connected_24_to_7.tflite
tar xzf "$root/Tests/ONNX/models.tar.gz" -C "$work/models" ./wide_dense_int16.onnx
cp "$root/Examples/digits/digits.tflite" "$work/models"
# Two are small enough for an Uno's 2 KiB of RAM; one of them has codes of 16 bits.
declare -A models=([dense]=fully_connected_24_to_7.tflite [wide]=wide_dense_int16.onnx [digits]=digits.tflite)
declare -A targets=([arduino]=avr)

failed() { echo "FAILED: $*" >&2; exit 1; }
# Runs a command in silence, and shows what it said where it fails.
quiet() { "$@" >"$work/words" 2>&1 || { cat "$work/words" >&2; failed "$*"; }; }
generate() { # PACKAGE NETWORK [TARGET]: into a folder that is new, or another target's
  quiet "$lockstep" compile "$work/models/${models[$2]}" --prefix "$2" --package "$1" \
    --target "${3:-${targets[$1]:-host}}" --output "$work/$1/$2"
}
# Holds what examples print to the self-test's PASS, and to what other packages print.
passed() { grep -q "^PASS $2:" "$3" || { cat "$3" >&2; failed "the self-test of $2 from $1"; }; }
inferred() {
  [ -e "$work/$2.codes" ] || cp "$3" "$work/$2.codes"
  [ -s "$3" ] && cmp "$3" "$work/$2.codes" >&2 || failed "the inference of $2 from $1"
}
report() { printf '%-12s %s\n' "$1" "$2"; }

for network in dense wide digits; do
  generate plain $network
  quiet gcc -std=c99 -Wall -Wextra -Wconversion -Werror -O2 -D${network^^}_SELFTEST_MAIN "$work/plain/$network"/*.c \
    -o "$work/program"
  "$work/program" >"$work/said"
  passed plain $network "$work/said"
done
report plain "3 networks, self-tests pass"

if command -v cmake >/dev/null; then
  for network in dense wide digits; do
    for target in host cortex-m0plus cortex-m4 cortex-m55; do
      generate cmake $network $target
      quiet cmake -S "$work/cmake/$network" -B "$work/build-cmake/$network-$target"
      quiet cmake --build "$work/build-cmake/$network-$target"
      quiet ctest --test-dir "$work/build-cmake/$network-$target"
    done
  done
  report cmake "3 networks, host and 3 targets, $(cmake --version | head -n 1), self-tests pass"
else
  report cmake "skipped: cmake is not installed"
fi

# Packages from PyPI; once.
python=$root/.build-packages/bin/python
if ! $python -c 'import kconfiglib, platformio, SCons, yaml' 2>/dev/null; then
  { python3 -m venv "$root/.build-packages" &&
    $python -m pip -q install --retries 1 kconfiglib platformio scons pyyaml; } >"$work/words" 2>&1 || python=
fi
export PYTHON=$python
[ -n "$python" ] || echo "PyPI's packages cannot be installed: $(tail -n 1 "$work/words")"

if [ -z "$python" ]; then
  report platformio "skipped"
else
  export PLATFORMIO_CORE_DIR=$work/core PLATFORMIO_SETTING_ENABLE_TELEMETRY=no PLATFORMIO_NO_ANSI=1
  # SCons is PyPI's, in the place and under the version where PlatformIO looks for its own.
  tool=$work/core/packages/tool-scons
  mkdir -p "$tool" "$work/core/platforms"
  cp -r "$root/Tests/packages/platformio" "$work/core/platforms/native"
  printf 'from SCons.Script import main\nmain()\n' >"$tool/scons.py"
  version=$($python -c 'from platformio.dependencies import get_core_dependencies as d; print(d()["tool-scons"].strip("~=^"))')
  echo "{\"name\": \"tool-scons\", \"version\": \"$version\"}" >"$tool/package.json"
  echo "{\"type\": \"tool\", \"name\": \"tool-scons\", \"version\": \"$version\"," \
    "\"spec\": {\"owner\": \"platformio\", \"name\": \"tool-scons\"}}" >"$tool/.piopm"
  for network in dense wide digits; do
    # Made for a Cortex-M4, tried here: what its README tells to do first.
    generate platformio $network cortex-m4
    package=$work/platformio/$network
    quiet $python -m platformio pkg pack "$package" --output "$work/$network.tar.gz"
    tar tzf "$work/$network.tar.gz" >"$work/packed"
    for file in library.json src/$network.c src/$network.h examples/selftest/src/main.c; do
      grep -qx "$file" "$work/packed" || failed "$file is not in the packed library"
    done
    for example in selftest inference; do
      quiet $python -m platformio run --project-dir "$package/examples/$example"
      "$package/examples/$example/.pio/build/native/program" >"$work/$example"
    done
    passed platformio $network "$work/selftest"
    inferred platformio $network "$work/inference"
  done
  report platformio "3 networks made for Cortex-M4, $($python -m platformio --version), packed, self-tests and inferences run"
fi

if [ -z "$python" ] || ! command -v cmake >/dev/null; then
  report zephyr "skipped"
else
  export ZEPHYR_BASE=$root/Tests/packages/zephyr
  for network in dense wide digits; do
    for target in host cortex-m0plus cortex-m55; do
      generate zephyr $network $target
      for example in selftest inference; do
        build=$work/build-zephyr/$network-$target-$example
        quiet cmake -S "$work/zephyr/$network/samples/$example" -B "$build"
        quiet cmake --build "$build"
        "$build/app" >"$work/$example"
      done
      passed zephyr $network "$work/selftest"
      inferred zephyr $network "$work/inference"
    done
  done
  # Switched off, a module adds nothing.
  echo >"$work/zephyr/dense/samples/inference/prj.conf"
  quiet cmake -S "$work/zephyr/dense/samples/inference" -B "$work/build-zephyr/off"
  if grep -rq dense_weights "$work/build-zephyr/off"; then failed "the Zephyr module is built where it is switched off"; fi
  report zephyr "3 networks, host and 2 targets, stand-ins for Zephyr, self-tests and inferences run"
fi

# A package made for one processor on others: its own code where the processor has what that needs, and else the portable,
# as the exit status tells; 4 is for the kernels, 0 for portable C.
if command -v arm-none-eabi-gcc >/dev/null && command -v qemu-system-arm >/dev/null; then
  bare=$root/Targets/bare-metal
  runs=0
  elsewhere() { # TARGET PROCESSOR-FLAGS MACHINE FLASH RAM STATUS
    local name=digits folder=$work/zephyr-$1 status=0
    [ -d "$folder" ] || quiet "$lockstep" compile "$work/models/${models[digits]}" --package zephyr --target "$1" --output "$folder"
    cat >"$work/main.c" <<'C'
#include "digits.h"
#include "runner.h"
static union { int8_t codes[DIGITS_ARENA_SIZE]; int64_t aligned; } arena;
int main(void) {
  uint32_t step = 0u;
  int status = (digits_selftest(arena.codes, sizeof arena.codes, &step) == 0u) ? 0 : 1;
#ifdef DIGITS_TARGET_CODE
  status += 4;
#endif
  runner_exit(status);
}
C
    # shellcheck disable=SC2086
    quiet arm-none-eabi-gcc $2 -mthumb -std=c99 -O2 -Wall -Wextra -Werror -ffreestanding -ffunction-sections -nostdlib \
      -I"$bare" -I"$folder/src" "$work/main.c" "$folder"/src/*.c "$bare"/startup-arm.c "$bare"/semihosting.c \
      "$bare"/memory.c -T "$bare/link.ld" -Wl,--gc-sections -Wl,--defsym=lockstep_flash_origin="$4" \
      -Wl,--defsym=lockstep_flash_bytes=262144 -Wl,--defsym=lockstep_ram_origin="$5" \
      -Wl,--defsym=lockstep_ram_bytes=65536 -Wl,--defsym=lockstep_stack_bytes=4096 -lgcc -o "$work/program.elf"
    timeout 120 qemu-system-arm -M "$3" -display none -monitor none -serial none \
      -semihosting-config enable=on,target=native -kernel "$work/program.elf" || status=$?
    [ $status = "$6" ] || failed "$name made for $1 gives $status, not $6, with $2"
    runs=$((runs + 1))
  }
  for target in cortex-m0plus cortex-m4 cortex-m55; do
    case $target in
      cortex-m0plus) expected=(4 4 4) ;;
      cortex-m4) expected=(0 4 4) ;;
      cortex-m55) expected=(0 0 4) ;;
    esac
    elsewhere $target -mcpu=cortex-m0 mps2-an385 0x00000000 0x20000000 "${expected[0]}"
    elsewhere $target "-mcpu=cortex-m4 -mfloat-abi=hard" mps2-an386 0x00000000 0x20000000 "${expected[1]}"
    elsewhere $target "-mcpu=cortex-m55 -mfloat-abi=hard" mps3-an547 0x10000000 0x31000000 "${expected[2]}"
  done
  report processors "$runs builds of packages for 3 targets, run in QEMU, self-tests pass"
else
  report processors "skipped: arm-none-eabi-gcc or qemu-system-arm is not installed"
fi

# Runs a sketch until it has printed a number of lines, which come with colours and with dots for line ends.
serial() { # ELF LINES
  : >"$work/serial"
  stdbuf -oL timeout 60 simavr -m atmega328p -f 16000000 "$1" >"$work/serial" 2>&1 &
  local simulator=$!
  for _ in $(seq 600); do
    [ "$(grep -c '\.\.$' "$work/serial")" -lt "$2" ] || break
    sleep 0.1
  done
  kill $simulator 2>/dev/null || true
  wait $simulator 2>/dev/null || true
  sed -n 's/\x1b\[[0-9]*m//g; s/\.\.$//p' "$work/serial" | head -n "$2"
}
if command -v arduino-builder >/dev/null && [ -d /usr/share/arduino/hardware/arduino/avr ]; then
  for network in dense wide; do
    generate arduino $network
    mkdir -p "$work/libraries" && mv "$work/arduino/$network" "$work/libraries/lockstep_$network"
    for example in SelfTest Inference; do
      mkdir "$work/sketch"
      # This version of avr-gcc defines DECIMAL_DIG for C alone, and the board's own code needs it in C++.
      quiet arduino-builder -compile -hardware /usr/share/arduino/hardware -hardware /usr/share/arduino-builder \
        -tools /usr/bin -libraries "$work/libraries" -fqbn arduino:avr:uno -build-path "$work/sketch" -warnings all \
        -prefs=runtime.tools.avr-gcc.path=/usr -prefs=compiler.cpp.extra_flags=-DDECIMAL_DIG=__DECIMAL_DIG__ \
        "$work/libraries/lockstep_$network/examples/$example/$example.ino"
      if grep -E "warning|WARN" "$work/words" | grep -v '/cores/arduino/'; then failed "warnings of $example of $network"; fi
      mv "$work/sketch/$example.ino.elf" "$work/$network-$example.elf"
      rm -r "$work/sketch"
    done
    if command -v simavr >/dev/null; then
      serial "$work/$network-SelfTest.elf" 1 >"$work/selftest"
      passed arduino $network "$work/selftest"
      lines=$(sed -n 's/^#define .*_OUTPUT_COUNT \([0-9]*\)u$/\1/p' "$work/libraries/lockstep_$network/src/$network.h")
      serial "$work/$network-Inference.elf" "$lines" >"$work/inference"
      inferred arduino $network "$work/inference"
    fi
  done
  report arduino "2 networks for the Uno, self-tests and inferences run in simavr"
else
  report arduino "skipped: arduino-builder or arduino-core-avr is not installed"
fi
