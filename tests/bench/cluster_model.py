"""What the model of many ranks is made of: rules, machine, costs, tree, run lengths. queue_events.py has its events.
"""
import heapq
import math
from dataclasses import dataclass

import numpy as np

TREE_WIDTH = 8
REQUEST_BYTES, POINT_BYTES = 34, 24
MOST_TELLING = 0.02  # of a rank's processor time: tree_talk.cpp
LONG_REPORT = 8 << 20  # goes up unasked: tree_talk.cpp


@dataclass
class Rules:
    """Tunable numbers of the program, and designs that it does not have."""
    most_seconds: float = 0.1
    seconds_per_rank: float = 0.25e-3
    least_seconds: float = 0.02
    runs_left_per_rank: int = 2
    root_works: bool = True
    checkpoint_every: float = 60.0
    checkpoint_blocks: bool = True  # rank 0 serves nobody while it writes
    checkpoint_share: float = 0.05  # of the time, at most: the next one is put off for so long
    alive_every: float = 1.0
    long_report: float = LONG_REPORT
    give_back: float = 4.0  # a run that has taken so many times its seconds ends, its other pieces go back


def merged_bytes(reports):
    """Of reports that come one after another: those of like size are merged first."""
    return sum(report * (1.0 + math.log2(i + 1)) for i, report in enumerate(reports))


@dataclass
class Machine:
    cores: float = math.inf  # that all ranks together get
    per_node: int = 128
    latency_inside: float = 1e-6
    latency_between: float = 5e-6
    bandwidth: float = 10e9  # of a node's network
    memory_bandwidth: float = 5e9  # a rank's, for messages inside a node
    turn: float = 8e-3  # processor seconds, where ranks share cores
    contention: float = 1.0  # processor time of work here / where it was measured
    disk: float = 1e9


@dataclass
class Level:
    seconds: np.ndarray  # processor time by piece, without entering frames
    frame: np.ndarray
    finds: np.ndarray  # by piece: additions to frontiers
    points: float  # of the frontiers at its end
    enter: float  # processor seconds to make a frame's bounds
    prepare: float = 0.0
    news: float = 0.0  # bytes that a node alone would tell, see Costs
    reports: float = 0.0

    def work(self):
        return float(self.seconds.sum()) + self.enter * (1 + int((np.diff(self.frame) != 0).sum()))


@dataclass
class Costs:
    """Measured; seconds, or seconds a byte."""
    look: float = 0.5e-6
    looks_per_piece: float = 5.0
    message: float = 20e-6  # a request, or one of news beside what its bytes take
    byte: float = 4e-9  # of a report received
    news_in: float = 4e-9
    news_out: float = 2.5e-9
    tell: float = 1e-8  # to choose and write a byte of news: it may not take more than MOST_TELLING
    merge: float = 0.8e-9  # of a report and of what it is merged into
    know: float = 4e-9  # a shared frontier unpacked and taken into the bounds
    alive: float = 2e-6
    # What comes from a part of the tree with a share s of the ranks: volume(s) = level's * s ** exponent.
    news_exponent: float = 0.435
    report_exponent: float = 0.8
    late: float = 0.0  # more work for each doubling of nodes: bounds come late ...
    late_seconds: float = 20.0  # ... in a level of so long


def tree(ranks, per_node):
    """For each rank: the one above, -1 for rank 0."""
    above = [-1] * ranks
    for rank in range(1, ranks):
        node, place = divmod(rank, per_node)
        above[rank] = (node * per_node + (place - 1) // TREE_WIDTH if place > 0
                       else (node - 1) // TREE_WIDTH * per_node)
    return above


class RunSource:
    """src/cluster/run_source.cpp. `end_of_kin` by piece, None: each is alone."""

    def __init__(self, pieces, ranks, rules, end_of_kin=None):
        self.next, self.pieces, self.ranks, self.rules = 0, pieces, ranks, rules
        self.end_of_kin = end_of_kin
        self.p = self.s = 0.0
        self.again, self.given_back, self.longest = [], 0, 1

    def length(self):
        if self.s <= 0:
            return 1
        rules, pace = self.rules, self.p / self.s
        fair = (self.pieces - self.next + self.given_back) // (rules.runs_left_per_rank * self.ranks)
        most = max(rules.most_seconds, rules.seconds_per_rank * self.ranks) * pace
        least = min(rules.least_seconds * pace, most)
        return int(min(max(min(max(float(fair), least), most), 1.0), 2.0 * self.longest))

    def end_of_run(self, first, last):
        wanted = min(first + self.length(), last)
        if self.end_of_kin is None:
            return wanted
        end = first
        while end < wanted:
            kin = min(self.end_of_kin[end], last)
            if kin > first + (wanted - first) * 3 // 2:
                return end if end > first else wanted
            end = kin
        return end

    def give_back(self, first, end):
        heapq.heappush(self.again, (first, end))
        self.given_back += end - first

    def take(self):
        """First, end, processor seconds after which the rest comes back."""
        if self.again:
            first, last = heapq.heappop(self.again)
            self.given_back -= last - first
            end = self.end_of_run(first, last)
            if end < last:
                self.give_back(end, last)
        else:
            first, end = self.next, self.end_of_run(self.next, self.pieces)
            self.next = end
        self.longest = max(self.longest, min(end - first, 2 * self.longest))
        if self.s <= 0:
            return first, end, math.inf
        return first, end, self.rules.give_back * max((end - first) * self.s / self.p, self.rules.least_seconds)

    def measured(self, pieces, seconds):
        self.p = 0.95 * self.p + pieces
        self.s = 0.95 * self.s + seconds


class Tree:
    def __init__(self, ranks, machine):
        self.above = tree(ranks, machine.per_node)
        self.below = [[] for _ in range(ranks)]
        self.size = [1] * ranks
        for rank in range(ranks - 1, 0, -1):
            self.size[self.above[rank]] += self.size[rank]
            self.below[self.above[rank]].insert(0, rank)
        # News go between nodes alone: the ranks of one know in common what each finds.
        self.tell = [[b for b in of if b % machine.per_node == 0] for of in self.below]
        self.nodes = math.ceil(ranks / machine.per_node)
        self.height = [0] * ranks
        for rank in range(ranks - 1, 0, -1):
            self.height[self.above[rank]] = max(self.height[self.above[rank]], self.height[rank] + 1)
