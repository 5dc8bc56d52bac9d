"""The findings of arXiv:2602.10377 come out of its own setting, jobs/paper_orin.toml, and of an engine of today,
jobs/paper_orin_today.toml, with no constant of theirs put in."""

import math
import sys
import tomllib
import unittest

import numpy

sys.dont_write_bytecode = True
from support import SOURCE, ProgramTest, Result


class Findings:
    """Of one of the two jobs."""

    @classmethod
    def setUpClass(cls):
        cls.result = None

    def setUp(self):
        super().setUp()
        if type(self).result is None:
            self.rooflaw("search", SOURCE / "jobs" / self.JOB, "-o", "paper.h5")
            type(self).result = Result(self.folder / "paper.h5")

    def frontiers(self, *kinds):
        """(target, frontier) of the targets of these latency kinds."""
        found = [(t, self.result.frontier(t)) for t in self.result.targets() if t["latency"] in kinds]
        self.assertEqual(len(found), 2 * len(kinds), "fp16 and int8")
        for target, f in found:
            self.assertGreaterEqual(len(f["loss"]), 20, f"{target['id']}: a frontier to speak of")
        return found

    def assert_share(self, flags, target, what, least=0.0, most=1.0):
        share = float(numpy.mean(flags))
        self.assertTrue(least <= share <= most,
                        f"{target['id']}: {what} in {100 * share:.2f} % of {len(flags)} points, "
                        f"expected {100 * least:g} to {100 * most:g} %")

    def test_the_space_is_that_of_table_5(self):
        job = tomllib.loads(self.result.attribute("/", "job_toml"))
        space = job["space"]
        self.assertEqual(space["layers"], {"from": 4, "to": 32, "step": 4})
        self.assertEqual(space["widths"], [768, 1024, 1280, 1536, 1792, 2048, 2304, 2560, 3072])
        self.assertEqual((space["experts"], space["top_k"]), ([1, 8, 16], [1, 2]))
        count = 0
        for width in space["widths"]:
            heads = width // 64
            count += sum(1 for k in (1, 2, 4, 8) if heads % k == 0) + (heads not in (1, 2, 4, 8))
        self.assertEqual(self.result.attribute("/", "points_in_space"), count * 8 * 5 * 8)
        self.assertEqual(self.result.attribute("/", "complete"), 1)

    def test_mixture_of_experts_everywhere(self):
        for target, f in self.frontiers("prefill", "tpot", "total"):
            self.assert_share(f["experts"] > 1, target, "MoE", least=0.94)

    def test_decode_takes_many_experts_and_one_at_a_time(self):
        for target, f in self.frontiers("tpot"):
            self.assert_share(f["experts"] == 16, target, "16 experts", least=0.85)
            self.assert_share(f["top_k"] == 1, target, "top-1", least=0.99)

    def test_prefill_takes_few_experts(self):
        for target, f in self.frontiers("prefill"):
            self.assert_share(f["experts"] == 16, target, "16 experts", most=0.20)

    def test_ffns_narrower_than_the_model(self):
        for target, f in self.frontiers(*self.NARROW_FFN):
            self.assert_share(f["ffn_ratio"] < 1, target, "activated FFN ratio below 1", least=0.40)

    def test_perplexity_at_the_latency_of_qwen(self):
        job = tomllib.loads(self.result.attribute("/", "job_toml"))
        qwen = self.evaluate({"architecture": {"model": "qwen2.5-0.5b"}, "precision": {"id": "fp16"},
                              "device": {"id": "jetson-agx-orin-64gb"}, "workload": {"id": "vla"},
                              "engine": job.get("engine", {})})
        f = self.result.frontier("jetson-agx-orin-64gb.ideal.fp16.vla.total")
        reachable = f["loss"][f["latency_s"] <= qwen["total_s"]]
        self.assertGreater(len(reachable), 0)
        change = math.exp(reachable.min() - qwen["loss"]) - 1
        self.assertLessEqual(change, -0.19, f"perplexity {100 * change:+.2f} % at {qwen['total_s']} s")


class InThePapersSetting(Findings, ProgramTest):
    JOB = "paper_orin.toml"
    # Eager attention of a long prompt costs what a wide FFN does not.
    NARROW_FFN = ("tpot", "total")

    def test_the_engine_is_the_papers(self):
        job = tomllib.loads(self.result.attribute("/", "job_toml"))
        self.assertEqual(job["engine"], {"attention": "eager", "causal": False, "lm_head": False,
                                         "prefill_chunk": 0, "elementwise": "ignored"})


class OnAnEngineOfToday(Findings, ProgramTest):
    JOB = "paper_orin_today.toml"
    NARROW_FFN = ("prefill", "tpot", "total")

    def test_the_engine_is_the_default(self):
        self.assertNotIn("engine", tomllib.loads(self.result.attribute("/", "job_toml")))


if __name__ == "__main__":
    unittest.main()
