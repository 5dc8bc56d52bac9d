#!/usr/bin/env python3
"""The model of many ranks on small cases: what must hold whatever the constants are. No time of this machine."""
import math
import os
import sys
import unittest
from dataclasses import replace

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster_model import Costs, Level, Machine, Rules, RunSource, Tree  # noqa: E402
from queue_events import LevelRun  # noqa: E402
from search_model import search  # noqa: E402

FREE = Costs(look=0, message=0, byte=0, news_in=0, news_out=0, merge=0, know=0, alive=0, late=0)
CLUSTER = Machine(per_node=8)


def small_level(pieces=400, seed=3):
    random = np.random.default_rng(seed)
    return Level(seconds=random.lognormal(-4, 1.5, pieces), frame=np.arange(pieces) // 20,
                 finds=random.integers(0, 50, pieces).astype(float), points=5000.0, enter=2e-3, prepare=0.0,
                 news=1e6, reports=1e6)


def run(ranks, machine=CLUSTER, costs=FREE, rules=Rules(), seed=1, level=None):
    return LevelRun(level or small_level(), ranks, rules, machine, costs, seed).run()


class Scaling(unittest.TestCase):
    def test_every_piece_is_done_once(self):
        for machine in (CLUSTER, Machine(per_node=8, cores=1.5)):
            for ranks in (1, 2, 7, 16, 100):
                for rules in (Rules(), Rules(root_works=False), Rules(give_back=1.0), Rules(give_back=math.inf)):
                    with self.subTest(ranks=ranks, cores=machine.cores, rules=rules):
                        self.assertEqual(set(run(ranks, machine, Costs(), rules).done), {1})

    def test_one_rank_takes_the_sum(self):
        level = small_level()
        self.assertAlmostEqual(run(1).searched, level.work(), places=9)
        self.assertAlmostEqual(search([level, level], 1, Rules(), CLUSTER, FREE)["wall"], 2 * level.work(), places=9)

    def test_never_faster_than_shared_evenly(self):
        level = small_level()
        for machine in (CLUSTER, Machine(per_node=8, cores=2.0)):
            for ranks in (2, 5, 16, 64):
                with self.subTest(ranks=ranks, cores=machine.cores):
                    done = run(ranks, machine).searched
                    self.assertGreaterEqual(done, level.seconds.sum() / min(ranks, machine.cores) - 1e-9)
                    self.assertGreaterEqual(done, level.seconds.max() - 1e-9)

    def test_cores_that_are_shared_do_no_more_than_there_are(self):
        done = run(8, Machine(per_node=8, cores=2.0))
        self.assertGreaterEqual(done.searched * 2.0, sum(done.cpu) - 1e-9)

    def test_requests_by_formula(self):
        # Pieces of a second are longer than a run is to take: a run is a piece. A worker asks once to begin with and
        # once with each run that it begins; at the end it tells that it is idle, if it asked while it worked.
        level = replace(small_level(60), seconds=np.ones(60), enter=0.0)
        for ranks in (2, 4, 9):
            with self.subTest(ranks=ranks):
                done = run(ranks, level=level)
                asked = ranks - 1 + 60 - done.root_pieces
                self.assertTrue(asked <= done.requests <= asked + ranks - 1, done.requests)
                found = search([level], ranks, Rules(), CLUSTER, Costs())
                self.assertEqual(found["messages"], found["requests"] + found["news"] + found["reports"])
                self.assertEqual(found["reports"], min(ranks, 8) - 1 + (ranks - 1) // 8)

    def test_same_seed_same_run(self):
        def one(seed):
            found = search([small_level()], 24, Rules(), Machine(per_node=8, cores=3.0), Costs(), seed)
            return {k: v for k, v in found.items() if k != "levels"}
        self.assertEqual(one(1), one(1))
        self.assertNotEqual(one(1)["search"], one(2)["search"])

    def test_tree_as_in_tree_cpp(self):
        tree = Tree(300, Machine(per_node=20))
        self.assertEqual(tree.size[0], 300)
        self.assertEqual(tree.below[0], [1, 2, 3, 4, 5, 6, 7, 8, 20, 40, 60, 80, 100, 120, 140, 160])
        self.assertEqual([tree.above[r] for r in (9, 19, 20, 21, 180, 299)], [1, 2, 0, 20, 20, 282])
        self.assertEqual(tree.height[0], 4)

    def test_news_go_between_nodes_alone(self):
        tree = Tree(300, Machine(per_node=20))
        self.assertEqual(tree.tell[0], [20, 40, 60, 80, 100, 120, 140, 160])
        self.assertEqual([tree.tell[r] for r in (1, 20, 21)], [[], [180, 200, 220, 240, 260, 280], []])
        costs = replace(Costs(), late=0.5)
        for per_node, some in ((16, False), (8, True)):
            with self.subTest(per_node=per_node):
                machine = Machine(per_node=per_node)
                found = search([small_level()], 16, Rules(), machine, costs)
                self.assertEqual(found["news_bytes"] > 0, some)
                self.assertEqual(run(16, machine, costs).slowness()[3] > 1.0, some, "bounds come late from elsewhere only")

    def test_run_lengths_as_in_run_source_cpp(self):
        source = RunSource(1000, 10, Rules())
        self.assertEqual(source.take(), (0, 1, math.inf))
        source.measured(1, 0.01)
        first, end, most = source.take()
        self.assertEqual((first, end), (1, 3), "10 would take 0.1 s, but runs grow twofold at most")
        self.assertAlmostEqual(most, 4 * 0.02)
        source.longest = 500
        source.measured(10, 0.001)
        first, end, _ = source.take()
        self.assertEqual(end - first, (1000 - first) // 20, "what is left, in two runs a rank: 0.05 s")
        source.give_back(1, 3)
        self.assertEqual(source.take()[:2], (1, 3))

    def test_kin_stay_together(self):
        source = RunSource(1000, 10, Rules(), [10 * (i // 10 + 1) for i in range(1000)])
        source.longest = 500
        source.measured(100, 0.1)  # 100 pieces a run at most, 49 by what is left
        first, end, _ = source.take()
        self.assertEqual((first, end), (0, 50))

    def test_what_takes_too_long_comes_back(self):
        seconds = np.full(2000, 1e-3)
        seconds[500:600] = 5.0  # a heap of long pieces
        level = replace(small_level(2000), seconds=seconds, frame=np.zeros(2000, dtype=int), enter=0.0)
        back, stays = run(16, level=level), run(16, level=level, rules=Rules(give_back=math.inf))
        self.assertEqual(set(back.done), {1})
        self.assertLess(back.searched, stays.searched)
        self.assertLess(back.searched, 1.3 * seconds.sum() / 16)

    def test_slow_serving_limits(self):
        level = small_level()
        self.assertGreater(run(64, costs=replace(FREE, message=0.05)).searched, 2 * run(64).searched)


if __name__ == "__main__":
    unittest.main()
