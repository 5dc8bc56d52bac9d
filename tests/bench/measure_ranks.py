#!/usr/bin/python3
"""What rank 0 serves in real runs, one JSON object a run: measure_ranks.py ROOFLAW JOB RANKS... [--times 3] > runs.jsonl

Ranks may be more than cores. Nodes are of 8 ranks (ROOFLAW_RANKS_PER_NODE), so that the tree has its second
storey. Ranks do not yield a shared core whenever they look for a message, which Open MPI has them do by default. `wall` is the
whole command; what of it is neither of a phase nor written is launching and leaving."""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import h5py

HERE = os.path.dirname(os.path.abspath(__file__))


def run(rooflaw, job, ranks, per_node):
    with tempfile.TemporaryDirectory() as folder:
        out, log = f"{folder}/out.h5", f"{folder}/log.jsonl"
        start, load = time.time(), os.getloadavg()[0]
        subprocess.run(["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks), rooflaw, "search",
                        job, "--set", "refine.enabled=false", "-o", out, "--log-json", log],
                       env=os.environ | {"ROOFLAW_RANKS_PER_NODE": str(per_node), "OMPI_MCA_mpi_yield_when_idle": "0"}, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.time() - start
        with h5py.File(out) as f:
            runtime = {k: v.item() for k, v in f["/runtime"].attrs.items() if hasattr(v, "item")}
        checkpoints = [json.loads(line) for line in open(log) if '"checkpoint"' in line]
        return {"job": os.path.basename(job), "ranks": ranks, "per_node": per_node, "wall": wall, "load": load,
                "result_bytes": os.path.getsize(out), "checkpoints": checkpoints} | runtime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rooflaw")
    parser.add_argument("job")
    parser.add_argument("ranks", type=int, nargs="+")
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--per-node", type=int, default=8)
    args = parser.parse_args()
    for _ in range(args.times):
        for ranks in args.ranks:
            print(json.dumps(run(args.rooflaw, args.job, ranks, args.per_node)), flush=True)


if __name__ == "__main__":
    main()
