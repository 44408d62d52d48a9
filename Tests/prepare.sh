#!/usr/bin/env bash
# Installs the system packages that building and testing need, where they are missing (Debian, Ubuntu).
#   libflatbuffers-dev  reads .tflite files              gcc       builds the generated C, beside Swift's own clang
#   libz3-dev           the SMT solver of the verifier   cvc5      a second one, which the tests hold it to
#   coinor-libclp-dev   guides the verifier's search     cppcheck  holds the generated C to MISRA C:2012 (with python3)
#   zlib1g-dev          image sets come gzipped          libopenblas-dev  the matrix products of training
#   libpng-dev          pictures are inputs
# And compilers and emulators of the microcontrollers in Targets: Arm, RISC-V and AVR; and what the packages that are
# generated are for: CMake, Arduino (python3-venv for the tools that come from PyPI).
set -euo pipefail

packages=(
  libflatbuffers-dev libz3-dev coinor-libclp-dev libopenblas-dev zlib1g-dev libpng-dev gcc libc6-dev cppcheck python3 cvc5
  gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
  gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc
  gcc-avr avr-libc simavr
  cmake arduino-builder arduino-core-avr python3-venv
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  command -v apt-get >/dev/null || { echo "please install: ${missing[*]}" >&2; exit 1; }
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  echo "installing ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi
command -v swift >/dev/null || { echo "Swift 6 is needed: https://www.swift.org/install/linux" >&2; exit 1; }
