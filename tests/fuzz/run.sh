#!/usr/bin/env bash
# tests/fuzz/run.sh TARGET SECONDS [BUILD [LIBFUZZER OPTIONS...]]: fuzzes on a copy of the corpus.
# TARGET is job, case, config, result, measured or runs, BUILD the folder of preset fuzz. Whatever is found
# is kept in BUILD/findings. Ends with 77 where the target has not been built.
set -euo pipefail
source_dir=$(realpath "$(dirname "$0")")
target=$1 seconds=$2 build=$(realpath -m "${3:-$source_dir/../../build/fuzz}")
shift $(($# < 3 ? $# : 3))

program=$build/tests/fuzz/fuzz_$target
if [ ! -x "$program" ]; then
  echo "skipped: there is no $program (cmake --preset fuzz && cmake --build --preset fuzz)"
  exit 77
fi
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
cp -r "$source_dir/corpus/$target/." "$corpus"
mkdir -p "$build/findings"
options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1
  -error_exitcode=1 # not 77, which says skipped
  -artifact_prefix="$build/findings/$target-")
# A result's bytes are few decisions each; a text grows from short ones.
if [ "$target" = result ]; then
  options+=(-len_control=0 -dict="$source_dir/result.dict")
elif [ "$target" = config ] || [ "$target" = measured ] || [ "$target" = runs ]; then
  options+=(-dict="$source_dir/$target.dict")
else
  options+=(-dict="$source_dir/toml.dict")
fi
ROOFLAW_INPUTS=$source_dir/../../inputs "$program" "${options[@]}" "$@" "$corpus"
