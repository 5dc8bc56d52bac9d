#!/usr/bin/python3
"""The search on more ranks than there are: a simulation of its queue and tree.

  simulate_ranks.py calibrate PIECES_1e10 PIECES_1e12 RUNS    constants and pieces of ranks_model.npz from measurements
  simulate_ranks.py check RUNS                                predicted against measured, by ranks
  simulate_ranks.py scale [--ranks 256 1024 4096] [--plot scaling.png] ...    a job of a million core seconds

PIECES: bench_pieces JOB > PIECES; RUNS: measure_ranks.py > RUNS. See SCALING.md."""
import argparse
import json
import os
from dataclasses import asdict, replace

import numpy as np

from calibrate_ranks import MOST_RANKS, calibrate, cores, levels_of, medians, read, report_bytes
from cluster_model import POINT_BYTES, Costs, Level, Machine, Rules
from search_model import search

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = f"{HERE}/ranks_model.npz"
SEEDS = 3


def save(path, jobs, costs, machine):
    """Arrays as they are; what is not an array as one text of JSON."""
    arrays, about = {}, {"costs": asdict(costs), "machine": machine, "levels": {}}
    for name, levels in jobs.items():
        about["levels"][name] = []
        for i, level in enumerate(levels):
            arrays |= {f"{name}_{i}_seconds": level.seconds.astype(np.float32),
                       f"{name}_{i}_frame": level.frame.astype(np.int16),
                       f"{name}_{i}_finds": level.finds.astype(np.float32)}
            about["levels"][name].append({k: getattr(level, k) for k in ("points", "enter", "prepare", "news", "reports")})
    np.savez_compressed(path, about=json.dumps(about, indent=1), **arrays)


def load(path=MODEL):
    stored = np.load(path)
    about = json.loads(str(stored["about"]))
    jobs = {name: [Level(**{k: stored[f"{name}_{i}_{k}"].astype(float if k != "frame" else int)
                            for k in ("seconds", "frame", "finds")}, **rest) for i, rest in enumerate(levels)]
            for name, levels in about["levels"].items()}
    return jobs, Costs(**about["costs"]), about["machine"]


def on_this_machine(levels, run, costs, machine, seeds=SEEDS):
    """Medians over seeds, on as many cores as the run got."""
    here = Machine(cores=cores(run, levels, machine["contention"]), per_node=8, **machine)
    found = [search(levels, int(run["ranks"]), Rules(), here, costs, seed=1000 * s) for s in range(seeds)]
    return {k: float(np.median([f[k] for f in found])) for k in found[0] if k != "levels"}


def calibrate_all(pieces_small, pieces_large, runs_path):
    small, large = levels_of(read(pieces_small)), levels_of(read(pieces_large))
    runs = read(runs_path)
    costs = calibrate(small, runs)
    few = {n: r for n, r in medians(runs).items() if n <= MOST_RANKS}
    machine = {"contention": 1.0, "turn": 4e-3}
    ratios = [r["seconds_search_cpu_of_all_ranks"] / on_this_machine(small, r, costs, machine)["all_cpu"] for r in few.values()]
    machine["contention"] = float(np.median(ratios))

    def off(turn):
        return sum(abs(np.log(on_this_machine(small, r, costs, machine | {"turn": turn})["requests"] / r["requests_served"]))
                   for n, r in few.items() if n > 1)
    machine["turn"] = min((2e-3, 4e-3, 6e-3, 8e-3, 10e-3, 12e-3), key=off)
    for level, like in zip(large, small):
        level.news, level.reports = like.news, like.reports * level.points / like.points
    save(MODEL, {"exact_1e10": small, "exact_1e12": large}, costs, machine)
    print(json.dumps({"costs": asdict(costs), "machine": machine}, indent=1))


def check(runs_path):
    jobs, costs, machine = load()
    print("| ranks | runs | cores got | requests | news | reports | messages | MB | serving, CPU s | merging, CPU s | rank 0, CPU s | all, CPU s |")
    print("|" + "---|" * 12)
    for n, run in medians(read(runs_path)).items():
        model = on_this_machine(jobs["exact_1e10"], run, costs, machine)
        reports = run["messages_served"] - run["requests_served"] - run["news_served"]
        rows = [(model["requests"], run["requests_served"]), (model["news"], run["news_served"]), (model["reports"], reports),
                (model["messages"], run["messages_served"]), (model["bytes"] / 1e6, run["bytes_served"] / 1e6),
                (model["serving"], run["seconds_serving_cpu"]), (model["merging"], run["seconds_merging_cpu"]),
                (model["root_cpu"] + model["serving"], run["seconds_search_cpu_of_rank_0"]),
                (model["all_cpu"], run["seconds_search_cpu_of_all_ranks"])]
        text = " | ".join(f"{a:.3g} / {b:.3g} ({100 * (a / b - 1):+.0f} %)" if b else "–" for a, b in rows)
        print(f"| {n:.0f} | {run['runs']} | {cores(run, jobs['exact_1e10'], machine['contention']):.2f} | {text} |")


def large_job(levels, points_by, targets_by, skew, finer, seed=7):
    """A job of so many times the points and targets, by the program's own rule for pieces. What the exponents are
    measured by stands in SCALING.md."""
    random = np.random.default_rng(seed)
    made = []
    for i, level in enumerate(levels):
        by = points_by if i + 1 == len(levels) else 1.0
        pieces_by = max(1.0, (by * targets_by) ** 0.25 * finer)
        work_by, found_by = by ** 0.5 * targets_by, by ** 0.27 * targets_by
        order = []
        for frame in np.unique(level.frame):
            of = np.flatnonzero(level.frame == frame)
            order.append(random.choice(of, max(1, round(len(of) * pieces_by))))
        order = np.concatenate(order)
        seconds = level.seconds[order] ** skew
        seconds *= work_by * level.seconds.sum() / seconds.sum()
        finds = level.finds[order] * found_by * level.finds.sum() / max(1.0, level.finds[order].sum())
        made.append(replace(level, seconds=seconds, frame=level.frame[order], finds=finds, points=level.points * found_by,
                            enter=level.enter * targets_by, prepare=level.prepare * by ** 0.25 * targets_by,
                            news=level.news * by ** 0.07 * targets_by, reports=level.reports * found_by))
    return made


def scale(args):
    jobs, costs, _ = load()
    levels = large_job(jobs["exact_1e12"], args.points / 1e12, args.targets / 36, args.skew, args.finer)
    rules = Rules(root_works=not args.idle_root, checkpoint_blocks=not args.checkpoint_aside, long_report=args.long_report,
                  least_seconds=args.least_seconds, checkpoint_every=args.checkpoint_every)
    machine = Machine(per_node=args.per_node, latency_between=args.latency, bandwidth=args.bandwidth, disk=args.disk)
    work = sum(level.work() for level in levels)
    last = levels[-1]
    print(f"work {work:.3g} core s, {sum(len(of.seconds) for of in levels)} pieces, of the last level {len(last.seconds)}: mean "
          f"{last.seconds.mean():.3g} s, longest {last.seconds.max():.3g} s; {last.points:.3g} frontier points", flush=True)
    rows = []
    for ranks in args.ranks:
        r = search(levels, ranks, rules, machine, costs)
        row = {"ranks": ranks, "work": work, "efficiency": work / ranks / r["wall"], "wall": r["wall"], "search": r["search"],
               "first_idle": r["first_idle"], "end": r["end"], "share": r["share"], "prepare": r["prepare"],
               "requests": r["requests"], "messages": r["messages"], "bytes": r["bytes"], "serving": r["serving"],
               "serving_share": r["serving"] / r["wall"], "alive": r["alive"], "checkpoints": r["checkpoints"],
               "checkpoint_seconds": r["checkpoint_seconds"], "checkpoint_bytes": r["checkpoint_bytes"]}
        rows.append(row)
        print(json.dumps({k: float(f"{v:.4g}") for k, v in row.items()}), flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("calibrate")
    sub.add_argument("pieces_1e10")
    sub.add_argument("pieces_1e12")
    sub.add_argument("runs")
    commands.add_parser("check").add_argument("runs")
    sub = commands.add_parser("scale")
    for name, value in {"points": 9e18, "targets": 306, "skew": 1.0, "finer": 1.0, "latency": 5e-6, "bandwidth": 10e9,
                        "disk": 1e9, "least-seconds": 0.1, "checkpoint-every": 60.0, "long-report": float(8 << 20)}.items():
        sub.add_argument(f"--{name}", type=float, default=value)
    sub.add_argument("--ranks", type=int, nargs="+", default=[256, 1024, 4096])
    sub.add_argument("--per-node", type=int, default=128)
    sub.add_argument("--idle-root", action="store_true", help="rank 0 only serves")
    sub.add_argument("--checkpoint-aside", action="store_true", help="rank 0 serves while a checkpoint is written")
    args = parser.parse_args()
    if args.command == "calibrate":
        calibrate_all(args.pieces_1e10, args.pieces_1e12, args.runs)
    elif args.command == "check":
        check(args.runs)
    else:
        scale(args)


if __name__ == "__main__":
    main()
