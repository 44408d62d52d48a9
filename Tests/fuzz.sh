#!/usr/bin/env bash
# Differential testing on random networks: Tests/fuzz.sh [COUNT] [FIRST SEED]
# Each network is lowered, generated as C, built and compared with the simulator byte for byte; exit status 1 on the
# first campaign with a difference, which names its seed.
set -euo pipefail
cd "$(dirname "$0")/.."
Tests/prepare.sh
swift build -c release --product lockstep
exec .build/release/lockstep difftest --networks "${1:-1000}" --seed "${2:-$RANDOM}" --jobs "$(nproc)"
