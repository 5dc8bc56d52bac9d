#!/usr/bin/env bash
# slurm/array.sh JOB.toml FOLDER ID...: an array job with a task for each device, and a job after it that
# merges their results into FOLDER/merged.h5. Run again with the same arguments it submits the tasks that
# have no result yet; those that were stopped continue from their checkpoint.
#   AXIS=targets.workloads slurm/array.sh ...          a task for each workload
#   OPTIONS="--time=04:00:00 -p short" slurm/array.sh ...    options of sbatch, for both jobs
set -euo pipefail
if [ $# -lt 3 ]; then
  echo "usage: [AXIS=targets.devices] [OPTIONS=...] slurm/array.sh JOB.toml FOLDER ID..." >&2
  exit 2
fi
here=$(dirname "$0") job=$1 folder=$2
shift 2
ids=("$@") missing=()
export AXIS=${AXIS:-targets.devices}
read -ra options <<<"${OPTIONS:-}"
mkdir -p "$folder"

for i in "${!ids[@]}"; do
  if [ -e "$folder/${ids[i]}.h5" ]; then
    echo "$folder/${ids[i]}.h5 is there; remove it to compute it anew"
  else
    missing+=("$i")
  fi
done

after=()
if [ ${#missing[@]} -gt 0 ]; then
  array=$(sbatch --parsable "${options[@]}" --array="$(IFS=,; echo "${missing[*]}")" \
    --output="$folder/task-%a.log" "$here/array.sbatch" "$job" "$folder" "${ids[@]}")
  after=(--dependency="afterany:${array%%;*}")
  echo "array job ${array%%;*}: ${#missing[@]} tasks, logs in $folder/task-*.log"
fi
# afterany, not afterok: the job that merges also says what there was nothing to merge from.
merge=$(sbatch --parsable "${options[@]}" "${after[@]}" --output="$folder/merge.log" \
  "$here/merge.sbatch" "$folder" "${ids[@]}")
echo "merge job ${merge%%;*}: $folder/merged.h5, log in $folder/merge.log"
