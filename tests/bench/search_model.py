"""A whole search over many ranks: level by level its events, then news, last reports and the frontier that is shared."""
import numpy as np

from cluster_model import MOST_TELLING, POINT_BYTES, REQUEST_BYTES, merged_bytes
from queue_events import BACK_OFF, LevelRun

PART = 1 << 20
LEAST_PACE, MOST_PACE, LITTLE_NEWS = 0.02, 2.0, 2 << 10
CHANGE_BYTES = 24


def news_messages(run, rank, curve, until):
    """How many messages of news rank 0 gets from this neighbour: tree_talk.cpp's pace."""
    times, found = curve
    found = found / max(found[-1], 1.0)
    up, down = run.volume(rank)
    longest_volume = max([up, down] + [v for b in run.tree.tell[rank] for v in run.volume(b)])
    pace, at, before, messages, telling = LEAST_PACE, 0.0, 0.0, 0, 0.0
    sharing = max(0.0, run.ranks / run.machine.cores - 1)
    told = sum(run.volume(b)[1] for b in run.tree.tell[rank]) + up
    while True:
        at += pace + 0.5 * sharing * run.machine.turn
        if at > until:
            return messages
        if telling > MOST_TELLING * at / (1.0 + sharing):  # of its processor time
            continue
        now = float(np.interp(at, times, found))
        messages += up * (now - before) >= CHANGE_BYTES
        telling += run.costs.tell * told * (now - before)
        pace = min(2 * pace, MOST_PACE) if longest_volume * (now - before) < LITTLE_NEWS else LEAST_PACE
        before = now


def link(machine, a, b):
    """Seconds a byte between two ranks, and of latency."""
    inside = a // machine.per_node == b // machine.per_node
    return ((1 / machine.memory_bandwidth, machine.latency_inside) if inside
            else (1 / machine.bandwidth, machine.latency_between))


def last_reports(run):
    """When rank 0 has the last one, and its processor time for merging."""
    machine, costs, tree = run.machine, run.costs, run.tree
    ready = list(run.finished)
    merging = 0.0
    arrivals = [[] for _ in ready]
    for rank in range(run.ranks - 1, -1, -1):
        state = POINT_BYTES * run.level.points if rank == 0 else run.report(rank)
        before = 0.0
        for i, (at, report) in enumerate(sorted(arrivals[rank])):
            merged = merged_bytes([r for _, r in sorted(arrivals[rank])[:i + 1]])
            merge, before = costs.merge * (merged - before), merged
            took = merge + costs.byte * report
            merging += merge if rank == 0 else 0.0
            ready[rank] = max(ready[rank], at) + took * max(1.0, 1 / machine.cores)
        ready[rank] += costs.merge * state * max(1.0, 1 / machine.cores)  # with what it found itself
        if rank > 0:
            byte, latency = link(machine, rank, tree.above[rank])
            arrivals[tree.above[rank]].append((ready[rank] + latency + BACK_OFF / 2 + run.report(rank) * byte,
                                               run.report(rank)))
    return ready[0], merging


def share_seconds(run):
    """The level's frontier down the tree, in parts, and taken in by all."""
    if run.ranks == 1:
        return 0.0
    size, machine, tree = POINT_BYTES * run.level.points, run.machine, run.tree
    sending = [sum(link(machine, r, b)[0] for b in tree.below[r]) for r in range(run.ranks)]
    pipeline = max(size, PART) * max(sending) + tree.height[0] * (PART * max(sending) + BACK_OFF)
    return pipeline + size * run.costs.know * max(1.0, run.ranks / machine.cores)


def level(of, ranks, rules, machine, costs, seed, last=False):
    run = LevelRun(of, ranks, rules, machine, costs, seed).run()
    end, merging = last_reports(run)
    neighbours, tellers = run.tree.below[0], run.tree.tell[0]
    curve = np.array(run.found).T
    news = sum(news_messages(run, n, curve, end) for n in tellers)
    news_in = sum(run.volume(n)[0] for n in tellers)
    news_out = sum(run.volume(n)[1] for n in tellers)
    reports = len(neighbours) + run.long_reports()[0] + len(run.checkpoints) * len(neighbours)
    report_bytes = sum(run.report(n) for n in neighbours)
    looks = costs.looks_per_piece * run.root_pieces + (run.searched - run.finished[0]) / BACK_OFF
    looks_at_end = (end - run.searched) / BACK_OFF
    size = REQUEST_BYTES * run.requests + news_in + report_bytes
    alive = 2 * (ranks - 1) * end / rules.alive_every * costs.alive
    stored = sum(c["merge"] + c["seconds"] for c in run.checkpoints)
    telling = min(costs.news_out * news_out, MOST_TELLING * run.cpu[0])
    news_cpu = costs.news_in * news_in + telling
    serving = costs.look * looks + costs.message * (run.requests + news) + news_cpu + alive
    merging += costs.look * looks_at_end + costs.byte * report_bytes + run.long_cpu
    prepare = of.prepare * machine.contention * max(1.0, ranks / machine.cores)
    return {"requests": run.requests, "news": news, "reports": reports, "messages": run.requests + news + reports,
            "bytes": size, "news_bytes": news_in, "serving": serving, "merging": merging,
            "request_share": costs.message * run.requests / end if end else 0.0, "alive": alive,
            "search": run.searched, "end": end - run.searched, "prepare": prepare,
            "share": 0.0 if last else share_seconds(run), "checkpoint_seconds": stored,
            "checkpoint_bytes": max([c["bytes"] for c in run.checkpoints], default=POINT_BYTES * of.points),
            "checkpoints": len(run.checkpoints), "all_cpu": sum(run.cpu) + costs.look * (looks + looks_at_end),
            "root_cpu": run.cpu[0], "first_idle": min(run.finished), "run": run}


def search(levels, ranks, rules, machine, costs, seed=1):
    """Sums of its levels. `wall` is without launching and writing."""
    parts = [level(of, ranks, rules, machine, costs, seed + i, i + 1 == len(levels))
             for i, of in enumerate(levels)]
    total = {key: sum(p[key] for p in parts) for key in parts[0] if key not in ("run", "checkpoint_bytes")}
    total["checkpoint_bytes"] = max(p["checkpoint_bytes"] for p in parts)
    total["wall"] = sum(p["search"] + p["end"] + p["share"] + p["prepare"] for p in parts)
    total["levels"] = parts
    return total
