#!/usr/bin/env bash
# From digits.tflite to an ELF that runs on a Cortex-M4 without an operating system, in QEMU. README.md goes through it.
#   Examples/bare-metal/run.sh [FOLDER]     leaves the C and the ELF in FOLDER (default: build/bare-metal)
# LOCKSTEP may name the command.
set -euo pipefail
cd "$(dirname "$0")/../.."
lockstep=${LOCKSTEP:-.build/release/lockstep}
out=${1:-.build/bare-metal}
rm -rf "$out"

# The network as C for the core: DSP instructions, constants worked out.
"$lockstep" compile Examples/digits/digits.tflite --target cortex-m4 --output "$out/digits"

# Eight pictures as rows of codes. The data of a .npy file follows a header of 128 bytes here.
od -j128 -N$((8 * 784)) -An -v -td1 -w784 Examples/digits/images.npy | tr -s ' ' ',' |
  sed 's/^,/{/; s/$/},/' >"$out/pictures.inc"

# Start-up, linker script and exit are those of Targets; memory sizes are symbols for the linker script.
core=(-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -ffreestanding -ffunction-sections -fdata-sections -std=c99 -O2)
arm-none-eabi-gcc "${core[@]}" -Wall -Wextra -Werror -I"$out" -I"$out/digits" -ITargets/bare-metal \
  Examples/bare-metal/main.c "$out"/digits/*.c \
  Targets/bare-metal/startup-arm.c Targets/bare-metal/semihosting.c Targets/bare-metal/memory.c \
  -T Targets/bare-metal/link.ld -nostdlib -Wl,--gc-sections \
  -Wl,--defsym=lockstep_flash_origin=0,--defsym=lockstep_flash_bytes=1048576 \
  -Wl,--defsym=lockstep_ram_origin=0x20000000,--defsym=lockstep_ram_bytes=262144,--defsym=lockstep_stack_bytes=2048 \
  -lgcc -o "$out/digits.elf"
arm-none-eabi-size "$out/digits.elf"

said=$(qemu-system-arm -M mps2-an386 -display none -monitor none -serial none \
  -semihosting-config enable=on,target=native -kernel "$out/digits.elf" 2>&1)
echo "$said"

# The pictures' labels say what should come out.
expected="self-test passed; the digits are$(od -j128 -N8 -An -v -tu1 Examples/digits/labels.npy | tr -s ' ')"
[ "${said##*$'\n'}" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
