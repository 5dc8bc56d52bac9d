#!/usr/bin/env bash
# slurm/array.sh [OPTIONS] JOB.toml FOLDER ID... [-- OPTIONS OF rooflaw search]: an array job with a task for
# each device, by id or file, and a job after it that merges their results into FOLDER/merged.h5. Files are
# named as seen from here, not from the folder of JOB.toml. Run again
# with the same arguments it submits the tasks that have no result yet; those that were stopped go on from
# their checkpoint.
#   --axis=targets.workloads                    a task for each workload (or AXIS in the environment)
#   --until-done --launcher=... --rooflaw=... --setup=...        see study.sbatch
#   --time=04:00:00 -pshort ...                 all other options are sbatch's, for both jobs, in one word each
#                                               (or OPTIONS in the environment)
set -euo pipefail
fail() { echo "array.sh: $1" >&2; exit 2; }

axis=${AXIS:-targets.devices} study=() both=()
[ -z "${LAUNCHER:-}" ] || study+=("--launcher=$LAUNCHER")
[ -z "${ROOFLAW:-}" ] || both+=("--rooflaw=$ROOFLAW")
read -ra options <<<"${OPTIONS:-}"
while [[ ${1:-} == -* ]]; do
  case $1 in
    --axis=*) axis=${1#*=} ;;
    --until-done | --launcher=*) study+=("$1") ;;
    --rooflaw=* | --setup=*) both+=("$1") ;;
    *) options+=("$1") ;;
  esac
  shift
done
[ $# -ge 3 ] || fail "usage: slurm/array.sh [OPTIONS] JOB.toml FOLDER ID... [-- OPTIONS OF rooflaw search]"
here=$(dirname "$0") job=$1 folder=$2
shift 2
ids=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do ids+=("$1"); shift; done
[ $# -eq 0 ] || shift
mkdir -p "$folder"
logs=$(cd "$folder" && pwd)
logs=${logs//%/%%}  # sbatch replaces %j and the like, in the folder's own name, too

# What a result is called: the id, or the name of the file that is one.
declare -A id_of
names=()
for id in "${ids[@]}"; do
  name=${id##*/}
  name=${name%.toml}
  name=${name//[^A-Za-z0-9._+-]/_}
  [ -z "${id_of[$name]:-}" ] || fail "$id and ${id_of[$name]} would both be $folder/$name.h5"
  id_of[$name]=$id
  names+=("$name")
done

# Within a job a path is one from the job's folder.
for i in "${!ids[@]}"; do
  [[ ${ids[i]} == */* || ${ids[i]} == *.toml ]] || continue
  [ -e "${ids[i]}" ] || fail "no such file: ${ids[i]}"
  [[ ${ids[i]} == /* ]] || ids[i]=$(realpath --relative-to="$(dirname "$job")" -- "${ids[i]}")
done

# An array has at most MaxArraySize tasks.
largest=$(scontrol show config | sed -n 's/^MaxArraySize *= *//p')
[ "${largest:-0}" -gt 0 ] || largest=1001
after=''
for ((first = 0; first < ${#ids[@]}; first += largest)); do
  missing=() tasks=()
  for ((i = first; i < first + largest && i < ${#ids[@]}; ++i)); do
    tasks+=("--task=${names[i]}=${ids[i]}")
    if [ -e "$folder/${names[i]}.h5" ]; then
      echo "$folder/${names[i]}.h5 is there; remove it to compute it anew"
    else
      missing+=($((i - first)))
    fi
  done
  [ ${#missing[@]} -gt 0 ] || continue
  log=task-%a.log
  [ "$first" -eq 0 ] || log=task-$first+%a.log
  array=$(sbatch --parsable --job-name=rooflaw-array --nodes=1 "${options[@]}" \
    --array="$(IFS=,; echo "${missing[*]}")" --output="$logs/$log" "$here/study.sbatch" \
    "${study[@]}" "${both[@]}" --axis="$axis" --folder="$folder" "${tasks[@]}" "$job" "$@")
  after+=:${array%%;*}
  echo "array job ${array%%;*}: ${#missing[@]} tasks, logs in $folder/${log/\%a/*}"
done
# afterany, not afterok: the job that merges also says what there was nothing to merge from.
merge=$(sbatch --parsable "${options[@]}" ${after:+"--dependency=afterany$after"} \
  --output="$logs/merge.log" "$here/merge.sbatch" "${both[@]}" "$folder" "${names[@]}")
echo "merge job ${merge%%;*}: $folder/merged.h5, log in $folder/merge.log"
