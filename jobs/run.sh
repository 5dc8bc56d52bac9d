#!/usr/bin/env bash
# jobs/run.sh [JOB.toml]: installs what is missing, builds, runs the study (default: jobs/quick.toml)
# and says where the result is. RANKS=N runs it on N MPI ranks of this machine.
set -euo pipefail
case "${1:-}" in -*) sed -n '2,3s/^# //p' "$0"; exit 2 ;; esac
job=$(realpath "${1:-$(dirname "$0")/quick.toml}")
cd "$(dirname "$0")/.."
. jobs/install.sh

install_packages "${build_packages[@]}"
cmake --preset release
cmake --build --preset release --target rooflaw

program=(build/release/rooflaw)
if [ "${RANKS:-1}" -gt 1 ]; then
  # Open MPI refuses to start as root unless told, and counts cores more strictly than we do.
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  program=(mpirun --oversubscribe -n "$RANKS" "${program[@]}")
fi
"${program[@]}" search "$job"
