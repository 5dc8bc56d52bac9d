"""Strategy exact and --certify as a user meets them: what they promise, and what they refuse."""

import math
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import JOB, ProgramTest, Result, edit

# Some 10^5 architectures: enough for boxes.
LARGER = edit(JOB, {"search.strategy": 'strategy = "exact"',
                    "space.layers": "layers = {from = 1, to = 40, step = 1}",
                    "space.widths": "widths = [768, 1024, 1536, 2048]",
                    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.05, to = 4, step = 0.05}",
                    "space.experts": "experts = [1, 2, 4, 8, 16, 32]",
                    "targets.precisions": 'precisions = ["fp16", "int8"]',
                    "targets.latency": 'latency = ["prefill", "tpot", "total"]',
                    "targets.memory_budget": "memory_budget = 3e9"})


def strategy(name, *more):
    return edit(LARGER, {"search.strategy": "\n".join([f'strategy = "{name}"', *more])})


class Exact(ProgramTest):
    def test_the_frontiers_of_grid_from_fewer_points(self):
        grid = self.search(strategy("grid"))
        exact = self.search(LARGER)
        differences = [line for line in exact.differences(grid).splitlines()
                       if "job_toml" not in line and "'strategy'" not in line]
        self.assertEqual(differences, [])
        self.assertLess(exact.attribute("/runtime", "points_scored"),
                        0.5 * grid.attribute("/runtime", "points_scored"))
        for target in exact.targets():
            self.assertEqual(exact.attribute(exact.group(target), "certified"), 1)
            self.assertEqual(exact.attribute(exact.group(target), "loss_gap_bound"), 0)

    def test_long_axes_are_set_up_in_linear_time_and_stop_at_the_wall(self):
        self.write("job.toml", edit(LARGER, {"space.experts": "experts = {from = 1, to = 1000000, step = 1}",
                                             "space.top_k": "top_k = [1]"}))
        run = self.rooflaw("search", "job.toml", "--max-wall", "0.5", expect=10)
        self.assertIn("wall time", run.err)

    def test_it_is_the_default(self):
        result = self.search(edit(LARGER, {"search.strategy": None}))
        self.assertEqual(result.attribute("/", "strategy"), "exact")

    def test_a_tolerance_is_said_and_kept(self):
        truth = self.search(LARGER)
        loose = self.search(strategy("exact", "tolerance = 0.02"))
        for target in loose.targets():
            group = loose.group(target)
            self.assertEqual(loose.attribute(group, "certified"), 0)
            self.assertEqual(loose.attribute(group, "loss_gap_bound"), 0.02)
            ours, theirs = loose.frontier(target), truth.frontier(target)
            for latency, loss in zip(theirs["latency_s"], theirs["loss"]):
                best = min(ours["loss"][ours["latency_s"] <= latency], default=math.inf)
                self.assertLessEqual(best - loss, 0.02 + 1e-9)


class Certify(ProgramTest):
    def certified(self, text):
        self.write("job.toml", text)
        run = self.rooflaw("search", "job.toml", "--certify", "--force", "--verbose")
        self.assertIn("% of the true hypervolume", run.out)
        return Result(self.folder / "result.h5")

    def test_how_far_off_sampling_was(self):
        truth = self.search(LARGER)
        for text in (strategy("sample", "max_evaluations = 300"), strategy("plas", "max_evaluations = 400")):
            result = self.certified(text)
            for target in result.targets():
                group = result.group(target)
                share = result.attribute(group, "hypervolume_share")
                self.assertGreater(share, 0.5)
                self.assertLess(share, 1)
                self.assertEqual(result.attribute(group, "certified"), 0)
                ours, theirs = result.frontier(target), truth.frontier(target)
                gap = max(min(ours["loss"][ours["latency_s"] <= t], default=math.inf) - loss
                          for t, loss in zip(theirs["latency_s"], theirs["loss"]))
                self.assertEqual(result.attribute(group, "loss_gap_bound"), gap)

    def test_not_where_there_is_nothing_to_certify(self):
        for name in ("exact", "grid"):
            self.write("job.toml", strategy(name))
            run = self.rooflaw("search", "job.toml", "--certify", expect=2)
            self.assertIn("--certify", run.err)


class BadInput(ProgramTest):
    def refused(self, text, key, rule):
        self.write("job.toml", text)
        run = self.rooflaw("search", "job.toml", expect=2)
        self.assertIn(key, run.err)
        self.assertIn(rule, run.err)
        self.assertEqual(self.files(), ["job.toml"])

    def test_tolerance(self):
        for value in ("-0.1", "nan", "inf", '"much"', "true"):
            with self.subTest(value=value):
                self.refused(strategy("exact", f"tolerance = {value}"), "search.tolerance", "must be")

    def test_keys_of_other_strategies(self):
        self.refused(strategy("grid", "tolerance = 0.1"), "search.tolerance", '"exact"')
        self.refused(strategy("exact", "max_seconds = 5"), "search.max_seconds", '"plas"')
        self.refused(strategy("exact", "max_evaluations = 5"), "search.max_evaluations", '"plas"')
        self.refused(strategy("exact", "initial_samples = 5"), "search.initial_samples", '"plas"')


if __name__ == "__main__":
    unittest.main()
