"""Constants of the model of many ranks from real runs of 1 to 8 ranks and the pieces of one."""
import json
from collections import defaultdict
from itertools import combinations

import numpy as np
from cluster_model import MOST_TELLING, POINT_BYTES, REQUEST_BYTES, Costs, Level, merged_bytes

MOST_RANKS = 8  # what has more is predicted
# What a request costs does not stand out from what its and other bytes do. Not less than this, seconds.
LEAST_REQUEST = 5e-6


def read(path):
    with open(path) as lines:
        return [json.loads(line) for line in lines]


def not_negative(factors, values):
    """Least squares with no coefficient below zero; few of them."""
    factors, values = np.asarray(factors, dtype=float), np.asarray(values, dtype=float)
    best, least = np.zeros(factors.shape[1]), np.sum(values ** 2)
    for count in range(1, factors.shape[1] + 1):
        for some in map(list, combinations(range(factors.shape[1]), count)):
            x = np.linalg.lstsq(factors[:, some], values, rcond=None)[0]
            off = np.sum((factors[:, some] @ x - values) ** 2)
            if np.all(x >= 0) and off < least:
                best, least = np.zeros(factors.shape[1]), off
                best[some] = x
    return best


def levels_of(rows):
    """From bench_pieces. A frame's first piece makes its bounds too: least squares tell what that takes."""
    pieces, about = defaultdict(list), defaultdict(dict)
    for row in rows:
        if "piece" in row:
            pieces[row["level"]].append(row)
        else:
            about[row["level"]] |= row
    levels = []
    for number, of in sorted(pieces.items()):
        column = {k: np.array([p[k] for p in of], dtype=float) for k in ("seconds", "boxes", "pairs", "points", "frame")}
        first = np.r_[1.0, np.diff(column["frame"]) != 0]
        factors = np.c_[first, np.ones(len(of)), column["boxes"], column["pairs"]]
        enter = not_negative(factors, column["seconds"])[0]
        levels.append(Level(seconds=np.maximum(column["seconds"] - enter * first, 1e-6), frame=column["frame"].astype(int),
                            finds=column["points"], points=about[number]["frontier_points"], enter=float(enter),
                            prepare=about[number]["tables_seconds"] + about[number]["prepare_seconds"]))
    return levels


def medians(runs):
    """By ranks: the median of every number."""
    by_ranks = defaultdict(list)
    for run in runs:
        by_ranks[run["ranks"]].append(run)
    return {n: {k: float(np.median([r[k] for r in of])) for k, v in of[0].items() if isinstance(v, (int, float))}
            | {"runs": len(of)} for n, of in sorted(by_ranks.items())}


def report_bytes(run):
    return run["bytes_served"] - REQUEST_BYTES * run["requests_served"] - run["news_bytes_served"]


def power(values):
    """volume(1), exponent: of what N - 1 links of 1 / N each bring."""
    n = np.array(sorted(values))
    slope, start = np.polyfit(np.log(1 / n), np.log([values[k] / (k - 1) for k in n]), 1)
    return float(np.exp(start)), float(slope)


def calibrate(levels, runs):
    """Costs; the levels get their volumes of news and reports."""
    few = {n: r for n, r in medians(runs).items() if n <= MOST_RANKS}
    more = {n: r for n, r in few.items() if n > 1}
    costs = Costs(look=few[1]["seconds_serving_cpu"] / few[1]["looks_for_messages"],
                  looks_per_piece=few[1]["looks_for_messages"] / sum(len(of.seconds) for of in levels))
    news, costs.news_exponent = power({n: r["news_bytes_served"] for n, r in more.items()})
    reports, costs.report_exponent = power({n: report_bytes(r) for n, r in more.items()})
    told = {n: (n - 1) * news * (1 - 1 / n) ** costs.news_exponent for n in more}
    # Telling takes all that it may, MOST_TELLING of a rank's processor time, as long as there is something to tell.
    telling = {n: MOST_TELLING * r["seconds_search_cpu_of_rank_0"] for n, r in more.items()}
    costs.news_out = float(np.median([telling[n] / told[n] for n in more]))
    costs.news_in = float(np.median([max(0.0, r["seconds_news_cpu"] - telling[n]) / r["news_bytes_served"]
                                     for n, r in more.items()]))
    rest = [r["seconds_serving_cpu"] - r["seconds_news_cpu"] - costs.look * r["looks_for_messages"]
            for r in more.values()]
    costs.request, costs.byte = map(float, not_negative(
        [[r["requests_served"], r["bytes_served"]] for r in more.values()], rest))
    costs.request = max(costs.request, LEAST_REQUEST)
    points = POINT_BYTES * sum(of.points for of in levels)
    merged = [merged_bytes([report_bytes(r) / (n - 1)] * (int(n) - 1)) for n, r in more.items()]
    costs.merge = float(np.median([r["seconds_merging_cpu"] / m for r, m in zip(more.values(), merged)]))
    costs.late = float(np.polyfit([np.log2(n) for n in few], [r["points_scored"] / few[1]["points_scored"] - 1
                                                              for r in few.values()], 1)[0])
    costs.late_seconds = float(np.median([r["seconds_search"] for r in more.values()]))
    finds = sum(float(of.finds.sum()) for of in levels)
    for of in levels:
        of.news = news * float(of.finds.sum()) / finds
        of.reports = reports * POINT_BYTES * of.points / points
    return costs


def cores(run, levels, contention):
    """That all ranks together got, tables included."""
    before = run["ranks"] * contention * sum(of.prepare for of in levels)
    return (run["seconds_search_cpu_of_all_ranks"] + before) / run["seconds_search"]
