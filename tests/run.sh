#!/usr/bin/env bash
# tests/run.sh [CTEST ARGUMENTS]: installs what is missing, builds with warnings as errors, runs the
# README's main command on a real job, then all tests: about 50 minutes on two cores. As root or not, with
# or without a terminal.
set -euo pipefail
cd "$(dirname "$0")/.."
. jobs/install.sh

install_packages "${build_packages[@]}" "${test_packages[@]}"
cmake --preset release -DBUILD_TESTING=ON -DROOFLAW_WERROR=ON
cmake --build --preset release
if command -v clang++ >/dev/null; then  # libFuzzer; without it the tests fuzz.* are skipped
  cmake --preset fuzz -DROOFLAW_WERROR=ON
  cmake --build --preset fuzz
fi

jobs/run.sh

# One more than there are cores: some of them wait.
ctest --preset release --parallel "$(($(nproc) + 1))" "$@"
