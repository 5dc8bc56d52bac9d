#!/usr/bin/python3
"""The search on more ranks than there are: a simulation of its queue and tree.

  simulate_ranks.py calibrate PIECES_1e10 PIECES_1e12 RUNS    constants and pieces of ranks_model.npz from measurements
  simulate_ranks.py check RUNS                                predicted against measured, by ranks
  simulate_ranks.py scale [--ranks 256 1024 4096] ... > SCALED    a job of a million core seconds
  simulate_ranks.py table SCALED
  simulate_ranks.py plot SCALED PICTURE.png

PIECES: bench_pieces JOB > PIECES; RUNS: measure_ranks.py > RUNS. See SCALING.md."""
import argparse
import json
import os
from dataclasses import asdict, replace

import numpy as np

from calibrate_ranks import calibrate, cores, few_ranks, levels_of, read
from cluster_model import Costs, Level, Machine, Rules
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
    here = Machine(cores=cores(run, levels, machine["contention"]), per_node=int(run["per_node"]), **machine)
    found = [search(levels, int(run["ranks"]), Rules(), here, costs, seed=1000 * s) for s in range(seeds)]
    return {k: float(np.median([f[k] for f in found])) for k in found[0] if k != "levels"}


def calibrate_all(pieces_small, pieces_large, runs_path):
    small, large = levels_of(read(pieces_small)), levels_of(read(pieces_large))
    runs = read(runs_path)
    costs = calibrate(small, runs)
    few = few_ranks(runs)
    machine = {"contention": 1.0, "turn": 4e-3}
    ratios = [r["seconds_search_cpu_of_all_ranks"] / on_this_machine(small, r, costs, machine)["all_cpu"] for r in few]
    machine["contention"] = float(np.median(ratios))

    def off(turn):
        return sum(abs(np.log(on_this_machine(small, r, costs, machine | {"turn": turn})["requests"] / r["requests_served"]))
                   for r in few if r["ranks"] > 1)

    def news_off(tell):
        with_it = replace(costs, tell=tell)
        return sum(abs(np.log(on_this_machine(small, r, with_it, machine)["news"] / r["news_served"]))
                   for r in few if r["news_served"])
    machine["turn"] = min((2e-3, 4e-3, 8e-3, 12e-3, 16e-3, 24e-3, 32e-3), key=off)
    costs.tell = min((1e-9 * 2 ** k for k in range(10)), key=news_off)
    for level, like in zip(large, small):
        level.news, level.reports = like.news, like.reports * level.points / like.points
    save(MODEL, {"exact_1e10": small, "exact_1e12": large}, costs, machine)
    print(json.dumps({"costs": asdict(costs), "machine": machine}, indent=1))


FEW = ("requests", "reports", "messages", "MB")  # vary little from run to run


def check(runs_path):
    """Each run is predicted from the cores that it got; medians of measured numbers, and of errors."""
    jobs, costs, machine = load()
    runs, levels = read(runs_path), jobs["exact_1e10"]
    names = ["requests", "news", "reports", "messages", "MB", "serving, CPU s", "merging, CPU s", "rank 0, CPU s",
             "all, CPU s", "search, s"]
    print("| ranks (runs) | a node | cores | " + " | ".join(names) + " |")
    print("|" + "---|" * (len(names) + 3))
    for n, per_node in sorted({(run["ranks"], run["per_node"]) for run in runs if run["ranks"] > 1}):
        measured, errors, got = [], [], []
        for run in (r for r in runs if (r["ranks"], r["per_node"]) == (n, per_node)):
            model = on_this_machine(levels, run, costs, machine)
            is_ = [run["requests_served"], run["news_served"],
                   run["messages_served"] - run["requests_served"] - run["news_served"], run["messages_served"],
                   run["bytes_served"] / 1e6, run["seconds_serving_cpu"], run["seconds_merging_cpu"],
                   run["seconds_search_cpu_of_rank_0"], run["seconds_search_cpu_of_all_ranks"], run["seconds_search"]]
            said = [model["requests"], model["news"], model["reports"], model["messages"], model["bytes"] / 1e6,
                    model["serving"], model["merging"], model["root_cpu"] + model["serving"] + model["merging"],
                    model["all_cpu"], model["wall"]]
            measured.append(is_)
            errors.append([0.0 if a == b else 100 * (a / b - 1) if b else np.inf for a, b in zip(said, is_)])
            got.append(cores(run, levels, machine["contention"]))
        spread = zip(np.median(measured, axis=0), np.min(measured, axis=0), np.max(measured, axis=0))
        cells = [(f"{m:.3g}" if name in FEW else f"{m:.3g} [{low:.2g}, {high:.2g}]") + f" ({e:+.0f} %)"
                 for name, (m, low, high), e in zip(names, spread, np.median(errors, axis=0))]
        print(f"| {n} ({len(got)}) | {per_node} | {min(got):.2f} .. {max(got):.2f} | " + " | ".join(cells) + " |", flush=True)


def skewed(seconds, longest):
    """Powers of them, so that the longest has such a share of all."""
    low, high = 0.2, 3.0
    seconds = seconds / seconds.max()
    for _ in range(50):
        power = (low + high) / 2
        low, high = (power, high) if 1 / (seconds ** power).sum() < longest else (low, power)
    return seconds ** power


def large_job(levels, points_by, targets_by, longest, found, seed=7):
    """A job of so many times the points and targets, its pieces as many as the program's own rule makes. SCALING.md
    says what the exponents are measured by."""
    random = np.random.default_rng(seed)
    made = []
    for i, level in enumerate(levels):
        last = i + 1 == len(levels)
        by = points_by if last else 1.0
        work_by, found_by = by ** WORK * targets_by, found * by ** FOUND * targets_by
        order = np.concatenate([random.choice(of, max(1, round(len(of) * (by * targets_by) ** (1 / 3)))) for of in
                                (np.flatnonzero(level.frame == frame) for frame in np.unique(level.frame))])
        seconds = skewed(level.seconds[order], longest) if last else level.seconds[order]
        seconds *= work_by * level.seconds.sum() / seconds.sum()
        finds = level.finds[order] * found_by * level.finds.sum() / max(1.0, level.finds[order].sum())
        made.append(replace(level, seconds=seconds, frame=level.frame[order], finds=finds, points=level.points * found_by,
                            enter=level.enter * targets_by, prepare=level.prepare * by ** (1 / 3) * targets_by,
                            news=level.news * by ** 0.07 * targets_by, reports=level.reports * found_by))
    return made


# Measured growth of work and frontier points with the points of the space, and of the share of the longest piece with
# the number of pieces: SCALING.md.
WORK, FOUND, LONGEST = 0.53, 0.3, -0.64
SCENARIOS = {"the program": Rules(), "runs do not come back": Rules(give_back=float("inf"))}


def longest_share(pieces, measured):
    share = measured.seconds.max() / measured.seconds.sum()
    return share * (pieces / len(measured.seconds)) ** LONGEST


def scale(args):
    jobs, costs, _ = load()
    machine = Machine(per_node=args.per_node, latency_between=args.latency, bandwidth=args.bandwidth, disk=args.disk)
    for name in args.scenario or SCENARIOS:
        rules, measured = SCENARIOS[name], jobs["exact_1e12"]
        growth = args.points / 1e12 * args.targets / 36
        longest = longest_share(growth ** (1 / 3) * len(measured[-1].seconds), measured[-1])
        levels = large_job(measured, args.points / 1e12, args.targets / 36, longest, args.found)
        work = sum(level.work() for level in levels)
        for ranks in args.ranks:
            r = search(levels, ranks, rules, machine, costs)
            row = {"scenario": name, "found": args.found, "ranks": ranks, "work": work, "pieces": len(levels[-1].seconds),
                   "longest": levels[-1].seconds.max(), "points": levels[-1].points, "efficiency": work / ranks / r["wall"],
                   "serving_share": r["serving"] / r["wall"], "first_idle": r["levels"][-1]["first_idle"]}
            row |= {k: r[k] for k in ("wall", "search", "end", "share", "prepare", "requests", "news", "reports", "bytes",
                                      "serving", "alive", "checkpoints", "checkpoint_seconds", "checkpoint_bytes")}
            print(json.dumps({k: v if isinstance(v, str) else float(f"{v:.4g}") for k, v in row.items()}), flush=True)


def table(path):
    print("| frontier points | | ranks | efficiency | search, s (first rank idle) | last reports, s | rank 0 serves, % of the time | requests | "
          "checkpoints: n, s, GB |")
    print("|" + "---|" * 9)
    rows = read(path)
    for r in sorted(rows, key=lambda r: (-r["found"], list(SCENARIOS).index(r["scenario"]), r["ranks"])):
        print(f"| {r['points']:.2g} | {r['scenario']} | {r['ranks']:.0f} | {r['efficiency']:.2f} | {r['search']:.0f} "
              f"({r['first_idle']:.0f}) | {r['end']:.1f} | {100 * r['serving_share']:.1f} | {r['requests']:.3g} | "
              f"{r['checkpoints']:.0f}, {r['checkpoint_seconds']:.0f}, {r['checkpoint_bytes'] / 1e9:.2g} |")


def plot(path, out):
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    rows = read(path)
    shares = sorted({r["found"] for r in rows}, reverse=True)
    figure, panels = plt.subplots(1, len(shares), figsize=(4.2 * len(shares), 3.6), dpi=100, sharey=True, squeeze=False)
    panels = panels[0]
    for axes, found in zip(panels, shares):
        for i, name in enumerate(SCENARIOS):
            line = sorted((r["ranks"], r["efficiency"]) for r in rows if r["scenario"] == name and r["found"] == found)
            if line:
                axes.semilogx(*zip(*line), "o-", base=2, ms=4, lw=1.2, color=f"C{i}", label=name)
        axes.plot([1024, 4096], [0.8, 0.5], "k_", ms=12, label="goal")
        points = next(r["points"] for r in rows if r["found"] == found)
        axes.set_title(f"{points:.1g} frontier points", fontsize=9)
        axes.set_xlabel("ranks")
        axes.grid(alpha=0.3)
        axes.set_ylim(0, 1.02)
    panels[0].set_ylabel("efficiency of the search")
    panels[-1].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("calibrate")
    sub.add_argument("pieces_1e10")
    sub.add_argument("pieces_1e12")
    sub.add_argument("runs")
    commands.add_parser("check").add_argument("runs")
    sub = commands.add_parser("scale")
    for name, value in {"points": 5e18, "targets": 306, "found": 1.0, "latency": 5e-6, "bandwidth": 10e9,
                        "disk": 1e9}.items():
        sub.add_argument(f"--{name}", type=float, default=value)
    sub.add_argument("--ranks", type=int, nargs="+", default=[256, 1024, 4096])
    sub.add_argument("--scenario", action="append", choices=list(SCENARIOS))
    sub.add_argument("--per-node", type=int, default=128)
    commands.add_parser("table").add_argument("scaled")
    sub = commands.add_parser("plot")
    sub.add_argument("scaled")
    sub.add_argument("out")
    args = parser.parse_args()
    if args.command == "calibrate":
        calibrate_all(args.pieces_1e10, args.pieces_1e12, args.runs)
    elif args.command == "check":
        check(args.runs)
    elif args.command == "plot":
        plot(args.scaled, args.out)
    elif args.command == "table":
        table(args.scaled)
    else:
        scale(args)


if __name__ == "__main__":
    main()
