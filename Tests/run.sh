#!/usr/bin/env bash
# Every test, on a machine that has only Swift: Tests/run.sh
#   1 the unit and end-to-end suites (the golden networks are skipped, and say so, where ../shared/data is absent)
#   2 300 random networks: generated C against the simulator, built by turns with gcc and clang, sanitizers included
#   3 known faults of a code generator, all of which must be caught
#   4 more than 10,000 damaged files, none of which may crash, hang or run away
#   5 MISRA C:2012 over generated code
#   6 exported networks in the ecosystem's own tools (Tests/exporters.sh)
#   7 networks that people make with Keras, held to TensorFlow Lite Micro (Tests/ecosystem.sh)
#   8 generated packages, built by the tools they are for (Tests/packages.sh)
#   9 generated code on emulated microcontrollers (Tests/devices.sh)
set -euo pipefail
cd "$(dirname "$0")/.."
Tests/prepare.sh

# Release, since debug builds run generic arithmetic a thousand times slower; a folder of its own, since testing needs
# other flags than the product.
flags=(-c release -Xswiftc -enable-testing --scratch-path .build-tests)
swift build "${flags[@]}" --build-tests
swift test "${flags[@]}" --skip-build

lockstep=.build-tests/release/lockstep
section() { echo; echo "== $*"; }
section "random networks: the generated C against the simulator"
$lockstep difftest --networks 300 --seed 1 --jobs "$(nproc)"
section "mutants of the code generator"
$lockstep difftest --networks 500 --seed 1 --mutants --jobs "$(nproc)"
section "MISRA C:2012"
LOCKSTEP=$lockstep Tests/misra.sh
section "exported networks"
LOCKSTEP=$lockstep Tests/exporters.sh
section "networks as people make them"
LOCKSTEP=$lockstep Tests/ecosystem.sh
section "packages"
LOCKSTEP=$lockstep Tests/packages.sh
section "microcontrollers"
LOCKSTEP=$lockstep Tests/devices.sh
echo
echo "all tests passed"
