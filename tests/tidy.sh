#!/usr/bin/env bash
# tests/tidy.sh [FILE...]: clang-tidy and clang-format over the sources (10-20 s a file, so not part
# of tests/run.sh). Ends with an error at the first complaint.
set -euo pipefail
cd "$(dirname "$0")/.."
. jobs/install.sh

install_packages "${build_packages[@]}" "${test_packages[@]}" clang-tidy clang-format
cmake --preset debug -DBUILD_TESTING=OFF >/dev/null  # file by file: preset release joins them
cmake --build --preset debug --target rooflaw_version
files=("$@")
[ ${#files[@]} -gt 0 ] || mapfile -t files < <(git ls-files 'src/*.cpp')
clang-format --dry-run --Werror $(git ls-files '*.cpp' '*.hpp')
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy --quiet -p build/debug
