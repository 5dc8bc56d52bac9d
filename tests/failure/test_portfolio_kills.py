"""Portfolios that are killed at random moments end, resumed on another number of ranks, with the datasets of an
uninterrupted run.

ROOFLAW_TEST_KILLS is the number of kills, ROOFLAW_TEST_SEED what makes them random."""

import os
import random
import time
import unittest

from studies import STUDY, WAYS, Result, StudyTest, edit

KILLS = int(os.environ.get("ROOFLAW_TEST_KILLS", "6"))
SEED = int(os.environ.get("ROOFLAW_TEST_SEED", "20261126"))

# Law by law, and large enough for some seconds.
JOB = edit(STUDY, {
    "search.strategy": 'strategy = "exact"',
    "space.layers": "layers = {from = 1, to = 64, step = 1}",
    "space.widths": "widths = {from = 256, to = 8192, step = 64}",
    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.0125, to = 8, step = 0.0125}",
    "space.experts": "experts = {from = 1, to = 256, step = 1}",
    "space.top_k": "top_k = {from = 1, to = 8, step = 1}",
    "law.id": 'id = ["codesign-2026", "depth-2026"]',
    "targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb", "rk3588", '
                       '"jetson-thor-t5000"]',
    "targets.latency": 'latency = ["prefill", "tpot", "total"]'}) + """
[portfolio]
k = {from = 1, to = 3}
budgets = {prefill = "60ms", tpot = "3ms", total = "100ms"}
"""


class PortfolioKills(StudyTest):
    COMMAND = "portfolio"

    def test_kills(self):
        rng = random.Random(SEED)
        self.write("job.toml", JOB)
        start = time.monotonic()
        self.rooflaw("portfolio", "job.toml", "-o", "whole.h5")
        seconds = time.monotonic() - start
        reference = Result(self.folder / "whole.h5")
        self.assertTrue(reference.column("/portfolio/laws/depth-2026/choices/targets_served").all())
        interrupted = 0
        for number in range(KILLS):
            way, ranks = WAYS[number % len(WAYS)], rng.randint(0, 4)
            with self.subTest(number=number, way=way, ranks=ranks, seed=SEED):
                (self.folder / "result.h5").unlink(missing_ok=True)
                if self.interrupt(rng, way, ranks, seconds) != 0:
                    interrupted += 1
                    if rng.random() < 0.3:
                        self.interrupt(rng, rng.choice(WAYS), rng.randint(0, 4), seconds / 2, "--resume")
                    others = [n for n in range(5) if n != ranks]
                    code, out, err = self.end(self.start(rng.choice(others), "--resume"))
                    self.assertEqual(code, 0, f"{out}\n{err}")
                self.assertEqual(self.differences(reference), [])
                self.assertEqual([f for f in self.files() if "result" in f], ["result.h5"])
        self.assertGreater(interrupted, KILLS // 2, "most runs were interrupted before their end")

    def test_a_stop_and_what_it_keeps(self):
        """Code 10; the checkpoint is one of the portfolio, not of the job's search."""
        self.write("job.toml", JOB)
        err = self.stop_with("result.h5.checkpoint")
        self.assertIn("--resume goes on from there", err)
        self.assertEqual([name for name in self.files() if ".previous" not in name], ["job.toml", "result.h5.checkpoint"])
        run = self.rooflaw("portfolio", "job.toml", "--resume", "--max-wall", "0.001", expect=10)
        self.assertIn("wall time", run.err)
        run = self.rooflaw("search", "job.toml", "--resume", expect=4)
        self.assertIn("rooflaw.command", run.err)
        run = self.rooflaw("portfolio", "job.toml", "--set", "portfolio.k=2", "--resume", expect=4)
        self.assertIn("portfolio.k", run.err)
        self.assertIn("goes on from result.h5.checkpoint", self.rooflaw("portfolio", "job.toml", "--resume").err)
        self.assertEqual(self.files(), ["job.toml", "result.h5"])


if __name__ == "__main__":
    unittest.main()
