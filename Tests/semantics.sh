#!/usr/bin/env bash
# The meaning of machine instructions against QEMU's: Tests/semantics.sh [COUNT]
# So many random instructions (a million unless given) of each core, with random registers, flags and memory. What
# disagrees is printed, and how often each kind was tried; exit status 1 where anything disagrees.
set -euo pipefail
cd "$(dirname "$0")/.."
Tests/prepare.sh
LOCKSTEP_TRIALS="${1:-1000000}" exec swift test --filter SemanticsTests
