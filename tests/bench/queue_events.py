"""The events of one level of a search over many ranks: a discrete-event model.

It follows src/cluster: run lengths (run_source.cpp), a run asked for ahead, rank 0 a worker that serves between
batches of boxes (queue.cpp), gatherings for checkpoints and signs of life (watch.cpp). Where ranks share cores they
take turns of a few milliseconds: a short run then ends within its turn, a long one waits for many.

News travel between nodes, along the tree, in amounts that follow from how the finds come in; search_model.py counts them after the
events, and their processor time slows the ranks evenly.
"""
import heapq
import math
import random
from bisect import bisect_left
from collections import deque

import numpy as np

from cluster_model import POINT_BYTES, RunSource, Tree, merged_bytes

BACK_OFF = 5e-3
PAUSE = 5e-3  # processor seconds between two looks


class LevelRun:
    def __init__(self, level, ranks, rules, machine, costs, seed):
        self.level, self.ranks, self.rules, self.machine, self.costs = level, ranks, rules, machine, costs
        self.random = random.Random(seed)
        self.tree = Tree(ranks, machine)
        last = np.r_[np.flatnonzero(np.diff(level.frame)), len(level.frame) - 1] + 1  # of a frame
        self.source = RunSource(len(level.seconds), ranks, rules, last[np.searchsorted(
            last, np.arange(len(level.frame)), side="right")].tolist())
        self.sums = np.concatenate([[0.0], np.cumsum(level.seconds)]).tolist()
        self.frames = np.concatenate([[0], np.cumsum(np.diff(level.frame) != 0)]).tolist()
        self.finds = np.concatenate([[0.0], np.cumsum(level.finds)]).tolist()
        self.done = np.zeros(len(level.seconds), dtype=int)
        self.t, self.heap, self.n = 0.0, [], 0
        self.runs = [deque() for _ in range(ranks)]  # in hand, not begun
        self.current = [None] * ranks
        self.took = [(0, 0.0)] * ranks
        self.in_frame = [-1] * ranks
        self.out, self.parked = 0, deque()  # runs that are under way, ranks that wait for one
        self.rest = [None] * ranks  # of that, to be given back
        self.finished = [None] * ranks
        self.unfinished = ranks
        # Cores: each at the same speed; with one for each rank a turn has no end.
        own = machine.cores >= ranks
        self.free = ranks if own else max(1, round(machine.cores))
        self.speed = 1.0 if own else machine.cores / self.free
        self.turn = math.inf if own else machine.turn
        self.ready = deque()
        self.on_core = [False] * ranks
        self.left = [0.0] * ranks  # of the run at hand, processor seconds
        self.inbox = []
        self.attends = False  # rank 0 will look for messages
        self.serving_until = 0.0
        self.requests = self.root_pieces = 0
        self.cpu = [0.0] * ranks
        self.found = [(0.0, 0.0)]
        self.checkpoints = []
        self.long_cpu = self.long_reports()[1]
        self.long_taken = 0
        self.slow = self.slowness()

    def slowness(self):
        """What is not of the pieces themselves slows all alike: bounds that come late, and news."""
        alone = self.level.work() / self.ranks * self.machine.contention
        if self.ranks == 1 or alone <= 0:
            return [1.0] * self.ranks
        lasts = alone * max(1.0, self.ranks / self.machine.cores)
        late = self.costs.late * math.log2(self.tree.nodes) * min(1.0, self.costs.late_seconds / lasts)
        return [1.0 + late + (self.news_cpu(r) / alone if r > 0 or self.rules.root_works else 0.0)
                for r in range(self.ranks)]

    def volume(self, rank):
        """Bytes of news that go up and down the link above the first rank of a node."""
        part = self.tree.size[rank] / self.ranks
        exponent = self.costs.news_exponent
        return self.level.news * part ** exponent, self.level.news * (1 - part) ** exponent

    def news_cpu(self, rank):
        links = [self.volume(b) for b in self.tree.tell[rank]]
        if rank > 0 and rank % self.machine.per_node == 0:
            links.append(self.volume(rank)[::-1])
        c = self.costs
        return sum((c.news_in + c.byte) * received + c.news_out * sent for received, sent in links)

    def report(self, rank):
        """Bytes of reports from a rank and those below it."""
        return self.level.reports * (self.tree.size[rank] / self.ranks) ** self.costs.report_exponent

    def long_reports(self):
        """Reports that go up unasked because they are long: how many rank 0 gets, and its seconds for them all.
        Those of like size are merged first."""
        longest = self.rules.long_report
        extra = sum(max(0.0, self.report(b) - longest) for b in self.tree.below[0])
        merged = extra * (1.0 + math.log2(max(1.0, extra / longest)))
        return math.ceil(extra / longest), self.costs.byte * extra + self.costs.merge * merged

    def take_long_reports(self, progress):
        steps = 200  # for less than one each, they are taken together
        due = int(steps * progress) - self.long_taken
        if due > 0 and self.long_cpu > 0:
            self.long_taken += due
            self.serving_until = max(self.t, self.serving_until) + due * self.long_cpu / steps

    def latency(self, rank):
        return self.machine.latency_inside if rank < self.machine.per_node else self.machine.latency_between

    def at(self, when, what, rank=0, more=None):
        self.n += 1
        heapq.heappush(self.heap, (when, self.n, what, rank, more))

    # Turns on cores.
    def dispatch(self):
        while self.free and self.ready:
            rank = self.ready.popleft()
            self.free -= 1
            self.on_core[rank] = True
            takes = min(self.turn, self.left[rank])
            self.at(self.t + takes / self.speed, "turn", rank, takes)
            if rank == 0:
                self.attend()

    def turn_ends(self, rank, takes):
        debt = self.serving_until - self.t
        if rank == 0 and debt > 1e-12:  # it served meanwhile, and works so much longer
            return self.at(self.serving_until, "turn", 0, takes)
        self.free += 1
        self.on_core[rank] = False
        self.left[rank] -= takes
        if self.left[rank] > 1e-12:
            self.ready.append(rank)
        else:
            self.run_ends(rank)
        self.dispatch()

    # Rank 0.
    def attend(self):
        self.attends = False
        if not self.inbox:
            return
        self.serving_until = max(self.t, self.serving_until)
        for rank, took in self.inbox:
            self.serving_until += self.costs.message / self.speed
            self.cpu[0] += self.costs.message
            self.at(self.serving_until, "answer", rank, took)
        self.inbox.clear()

    def requested(self, rank, took):
        self.requests += 1
        self.inbox.append((rank, took))
        if not self.attends and (self.on_core[0] or self.current[0] is None):
            pause = PAUSE / self.speed if self.on_core[0] else BACK_OFF if self.rules.root_works else 0.0
            self.attends = True
            self.at(max(self.serving_until, self.t + self.random.random() * pause), "attend")

    def answer(self, rank, took):
        if took[0] > 0:
            self.source.measured(*took)
        pause = 0.0 if self.current[rank] else self.random.random() * BACK_OFF
        self.hand_out(rank, pause)

    def hand_out(self, rank, pause=0.0):
        """Where runs may be given back, one that asks when nothing is left waits until all are done."""
        run = self.source.take()
        if run[0] == run[1] and self.out > 0 and self.rules.give_back < math.inf:
            self.parked.append(rank)
            self.requests += rank > 0 and self.current[rank] is not None  # it will tell that it is idle
            return
        self.out += run[1] > run[0]
        self.at(self.t + (self.latency(rank) if rank else 0.0) + pause, "run", rank, run)

    def hand_out_again(self):
        while self.parked and (self.source.again or self.out == 0):
            self.hand_out(self.parked.popleft())

    def checkpoint(self):
        """The reports of all are taken in and the frontier is written; nobody is served meanwhile."""
        progress = self.found[-1][1] / max(self.finds[-1], 1.0)
        state = POINT_BYTES * self.level.points * progress ** 0.3
        newly = (progress - (self.checkpoints[-1]["progress"] if self.checkpoints else 0.0))
        reports = [self.report(b) * newly for b in self.tree.below[0]]
        merge = self.costs.merge * (state + merged_bytes(reports)) + self.costs.byte * sum(reports)
        write = state / self.machine.disk
        pack = self.costs.byte * state
        self.checkpoints.append({"at": self.t, "progress": progress, "merge": merge, "seconds": write + pack,
                                 "bytes": state})
        blocked = merge + pack + (write if self.rules.checkpoint_blocks else 0.0)
        self.serving_until = max(self.t, self.serving_until) + blocked
        pause = max(self.rules.checkpoint_every, blocked / self.rules.checkpoint_share)
        self.at(max(self.t + pause, self.serving_until + 0.1), "checkpoint")

    # All ranks.
    def request(self, rank):
        self.at(self.t + self.latency(rank), "request", rank, self.took[rank])
        self.took[rank] = (0, 0.0)

    def go_on(self, rank):
        """With the next run, if there is one."""
        if not self.runs[rank]:
            return
        first, end, most = self.runs[rank].popleft()
        if first == end:
            self.finished[rank] = self.t
            self.unfinished -= 1
            if rank == 0:
                self.attend()
            return
        if rank > 0:
            self.request(rank)
        first, end = self.cut(rank, first, end, most)
        self.done[first:end] += 1
        enters = self.frames[end - 1] - self.frames[first] + (self.frames[first] != self.in_frame[rank])
        self.in_frame[rank] = self.frames[end - 1]
        work = self.sums[end] - self.sums[first] + enters * self.level.enter
        self.left[rank] = work * self.machine.contention * self.slow[rank]
        self.cpu[rank] += self.left[rank]
        self.root_pieces += end - first if rank == 0 else 0
        self.current[rank] = (first, end, self.left[rank])
        self.ready.appendleft(rank)
        self.dispatch()

    def cut(self, rank, first, end, most):
        """What it does of a run: all, unless that takes too long and the rest is given back."""
        self.rest[rank] = None
        if end - first > 1 and most < math.inf:
            until = bisect_left(self.sums, self.sums[first] + most, first, end)
            if until < end:
                self.rest[rank] = (max(until, first + 1), end)
                end = self.rest[rank][0]
        return first, end

    def run_ends(self, rank):
        if self.rest[rank] and self.rest[rank][0] < self.rest[rank][1]:
            self.source.give_back(*self.rest[rank])
            self.requests += rank > 0
        first, end, seconds = self.current[rank]
        self.current[rank] = None
        self.found.append((self.t, self.found[-1][1] + self.finds[end] - self.finds[first]))
        self.take_long_reports(self.found[-1][1] / max(self.finds[-1], 1.0))
        self.took[rank] = (end - first, seconds)
        self.out -= 1
        if rank == 0:
            self.source.measured(*self.took[0])
            self.hand_out(0)
            self.attend()
        self.hand_out_again()
        self.go_on(rank)

    def run(self):
        for rank in range(1, self.ranks):
            self.request(rank)
        if self.rules.root_works or self.ranks == 1:
            self.hand_out(0)
        else:
            self.finished[0] = 0.0
            self.unfinished -= 1
        self.at(self.rules.checkpoint_every, "checkpoint")
        while self.unfinished:
            self.t, _, what, rank, more = heapq.heappop(self.heap)
            if what == "turn":
                self.turn_ends(rank, more)
            elif what == "request":
                self.requested(rank, more)
            elif what == "attend":
                self.attend()
            elif what == "answer":
                self.answer(rank, more)
            elif what == "run":
                self.runs[rank].append(more)
                if self.current[rank] is None:
                    self.go_on(rank)
            else:
                self.checkpoint()
        self.searched = max(self.finished)
        return self
