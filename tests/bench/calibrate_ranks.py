"""Constants of the model of many ranks from real runs of 1 to 8 ranks and the pieces of one."""
import json
from collections import defaultdict
from itertools import combinations

import numpy as np
from cluster_model import LONG_REPORT, MOST_TELLING, POINT_BYTES, REQUEST_BYTES, Costs, Level, Machine, Tree, merged_bytes

MOST_RANKS = 8  # what has more is predicted


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
    """The median of every number, by ranks and ranks a node."""
    alike = defaultdict(list)
    for run in runs:
        alike[run["ranks"], run["per_node"]].append(run)
    return [{k: float(np.median([r[k] for r in of])) for k, v in of[0].items() if isinstance(v, (int, float))}
            for _, of in sorted(alike.items())]


def few_ranks(runs):
    """Medians of what the constants come from."""
    return [run for run in medians(runs) if run["ranks"] <= MOST_RANKS]


def tree_of(run):
    return Tree(int(run["ranks"]), Machine(per_node=int(run["per_node"])))


def report_bytes(run):
    return run["bytes_served"] - REQUEST_BYTES * run["requests_served"] - run["news_bytes_served"]


def power(brought, links):
    """volume(1), exponent: of what the links, each from such a share of all ranks, bring together."""
    def logs(exponent):
        return np.array([np.log(b / sum(share ** exponent for share in of)) for b, of in zip(brought, links)])
    exponent = min(np.linspace(0, 1.5, 151), key=lambda e: np.std(logs(e)))
    return float(np.exp(np.mean(logs(exponent)))), float(exponent)


def shares(run, links):
    return [tree_of(run).size[b] / run["ranks"] for b in links]


def calibrate(levels, runs):
    """Costs; the levels get their volumes of news and reports."""
    few = few_ranks(runs)
    alone = next(r for r in few if r["ranks"] == 1)
    more = [r for r in few if r["ranks"] > 1]
    nodes = [r for r in more if tree_of(r).nodes > 1]
    costs = Costs(look=alone["seconds_serving_cpu"] / alone["looks_for_messages"],
                  looks_per_piece=alone["looks_for_messages"] / sum(len(of.seconds) for of in levels))
    parts = [shares(r, tree_of(r).tell[0]) for r in nodes]
    news, costs.news_exponent = power([r["news_bytes_served"] for r in nodes], parts)
    reports, costs.report_exponent = power([report_bytes(r) for r in more], [shares(r, tree_of(r).below[0]) for r in more])
    told = [sum(news * (1 - share) ** costs.news_exponent for share in of) for of in parts]
    # Telling takes all that it may, MOST_TELLING of a rank's processor time, as long as there is something to tell.
    telling = [MOST_TELLING * r["seconds_search_cpu_of_rank_0"] for r in nodes]
    costs.news_out = float(np.median([t / bytes_told for t, bytes_told in zip(telling, told)]))
    costs.news_in = float(np.median([max(0.0, r["seconds_news_cpu"] - t) / r["news_bytes_served"]
                                     for r, t in zip(nodes, telling)]))
    # Of a long report some comes in while pieces are done, and counts as serving.
    short = [r for r in more if report_bytes(r) / len(tree_of(r).below[0]) < LONG_REPORT]
    serving = [max(0.0, r["seconds_serving_cpu"] - r["seconds_news_cpu"] - costs.look * r["looks_for_messages"])
               for r in short]
    costs.message, = map(float, not_negative([[r["requests_served"] + r["news_served"]] for r in short], serving))
    merged = [merged_bytes([report_bytes(r) / len(tree_of(r).below[0])] * len(tree_of(r).below[0])) for r in short]
    costs.byte, costs.merge = map(float, not_negative(
        [[report_bytes(r), of] for r, of in zip(short, merged)], [r["seconds_merging_cpu"] for r in short]))
    points = POINT_BYTES * sum(of.points for of in levels)
    costs.late = float(np.polyfit([np.log2(tree_of(r).nodes) for r in few],
                                  [r["points_scored"] / alone["points_scored"] - 1 for r in few], 1)[0])
    costs.late_seconds = float(np.median([r["seconds_search"] for r in nodes]))
    finds = sum(float(of.finds.sum()) for of in levels)
    for of in levels:
        of.news = news * float(of.finds.sum()) / finds
        of.reports = reports * POINT_BYTES * of.points / points
    return costs


def cores(run, levels, contention):
    """That all ranks together got, tables included."""
    before = run["ranks"] * contention * sum(of.prepare for of in levels)
    return (run["seconds_search_cpu_of_all_ranks"] + before) / run["seconds_search"]
