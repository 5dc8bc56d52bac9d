"""Any number of ranks gives the same result, and one rank's trouble ends all of them."""

import os
import pathlib
import sys
import unittest
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import JOB, PROGRAM, SOURCE, ProgramTest, Result, edit

RANKS = (2, 5)
MANY_RANKS = (1, 2, 3, 4, 5)

# Many pieces of many kinds; ties between points (kv_traffic charges all numbers of KV heads alike).
MANY_PIECES = """\
[job]
name = "many"
seed = 3
output = "result.h5"

[search]
strategy = "grid"

[space]
attention = ["gqa", "mla"]
ffn = ["gated", "plain"]
layers = {from = 2, to = 40, step = 2}
widths = {from = 512, to = 3072, step = 256}
head_dim = 64
kv_heads = [1, 2, 4, "heads"]
mla = [{kv_lora_rank = 128, qk_nope_head_dim = 64, qk_rope_head_dim = 32, v_head_dim = 64}]
expert_ffn_ratio = {from = 0.25, to = 4, step = 0.25}
shared_ffn = [0, 256]
experts = [1, 4, 8, 16, 32]
top_k = [1, 2, 4]
vocab = 32000

[law]
id = "codesign-2026"

[targets]
devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]
precisions = ["fp16", "q4_k_m"]
workloads = ["vla"]
latency = ["prefill", "tpot", "total"]
memory_budget = "capacity"
missing_precision = "skip"

[engine]
kv_traffic = "query_heads"
"""

SAMPLE = edit(MANY_PIECES, {"search.strategy": 'strategy = "sample"\nmax_evaluations = 50000'})

PLAS = edit(MANY_PIECES, {"search.strategy": 'strategy = "plas"\nmax_evaluations = 1500',
                          "space.widths": "widths = {from = 512, to = 3072}"})

# A width is a piece at least: one piece here.
ONE_PIECE = edit(JOB, {"space.widths": "widths = [1024]"})


class SameResult(ProgramTest):
    def run_everywhere(self, job, numbers=RANKS):
        """The plain process and these numbers of ranks, each in a folder of its own with the same names."""
        results = {}
        for ranks in (0, *numbers):
            folder = self.folder / f"ranks{ranks}"
            folder.mkdir()
            (folder / "job.toml").write_text(job)
            arguments = ("search", "job.toml", "-o", "result.h5")
            if ranks == 0:
                self.rooflaw(*arguments, folder=folder)
            else:
                self.mpirun(ranks, *arguments, folder=folder)
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["job.toml", "result.h5"])
            results[ranks] = Result(folder / "result.h5")
        plain = results[0]
        self.assertGreater(len(plain.datasets), 60, "a result to speak of")
        self.assertTrue(any(len(plain.frontier(t)["loss"]) > 0 for t in plain.targets()))
        for ranks in numbers:
            with self.subTest(ranks=ranks):
                self.assertEqual(plain.differences(results[ranks]), "",
                                 f"{ranks} ranks and the plain process differ")
                self.assertEqual(results[ranks].attribute("/runtime", "ranks"), ranks)
                # No piece is scored twice or forgotten; how much `exact` may drop depends on timing.
                if plain.attribute("/", "strategy") != "exact":
                    self.assertEqual(results[ranks].attribute("/runtime", "points_scored"),
                                     plain.attribute("/runtime", "points_scored"))
        return plain

    def test_paper_orin(self):
        self.run_everywhere((SOURCE / "jobs/paper_orin.toml").read_text())

    def test_many_pieces(self):
        result = self.run_everywhere(edit(MANY_PIECES, {"targets.workloads": 'workloads = ["vla", "silo"]'}), MANY_RANKS)
        self.assertGreater(result.attribute("/", "points_in_space"), 500_000)

    def test_sample(self):
        result = self.run_everywhere(SAMPLE)
        self.assertEqual(result.attribute("/", "strategy"), "sample")

    def test_exact(self):
        result = self.run_everywhere(edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"'}), MANY_RANKS)
        for target in result.targets():
            self.assertEqual(result.attribute(result.group(target), "certified"), 1)

    def test_ranks_of_a_node_need_tell_each_other_nothing(self):
        """What one finds lies in memory that they have in common; nodes tell each other."""
        (self.folder / "job.toml").write_text(edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"'}))
        for per_node, tells in (("8", False), ("1", True)):
            with self.subTest(per_node=per_node), unittest.mock.patch.dict(os.environ, ROOFLAW_RANKS_PER_NODE=per_node):
                run = self.mpirun(4, "search", "job.toml", "-o", f"of{per_node}.h5")
                self.assertNotIn("memory in common", run.err)
                news = Result(self.folder / f"of{per_node}.h5").attribute("/runtime", "news_served")
                self.assertEqual(news > 0, tells, news)

    def test_many_ranks_on_several_nodes(self):
        """More ranks than the tree is wide, on nodes of three, and all on one."""
        job = edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"'})
        with unittest.mock.patch.dict(os.environ, ROOFLAW_RANKS_PER_NODE="3"):
            self.run_everywhere(job, (4, 16))

    def test_64_ranks(self):
        self.run_everywhere(edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"'}), (64,))

    def test_laws_and_resamples(self):
        self.run_everywhere(edit(MANY_PIECES, {
            "search.strategy": 'strategy = "exact"', "targets.latency": 'latency = ["prefill", "total"]',
            "law.id": 'id = ["codesign-2026", "routing-2022"]\nresamples = 21\nsecond_opinions = ["joint-moe-2025"]'}))

    def test_exact_where_points_tie(self):
        """Ratios so close that several give the same FFN: points that differ in nothing but their index."""
        self.run_everywhere(edit(JOB, {
            "search.strategy": 'strategy = "exact"',
            "space.widths": "widths = [64, 128, 192, 256]", "space.kv_heads": "kv_heads = [1]",
            "space.layers": "layers = {from = 1, to = 24, step = 1}",
            "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.001953125}"}), (2, 3))

    def test_exact_with_a_tolerance(self):
        self.run_everywhere(edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"\ntolerance = 0.01'}))

    def test_plas(self):
        result = self.run_everywhere(PLAS)
        self.assertEqual(result.attribute("/", "strategy"), "plas")

    def test_plas_on_continuous_axes(self):
        text = (SOURCE / "jobs/plas_fine.toml").read_text()
        result = self.run_everywhere(
            edit(text, {"search.max_evaluations": "max_evaluations = 1500"}), (2,))
        self.assertEqual(result.attribute("/", "points_in_space"), 0)
        self.assertTrue([g for g in result.groups if g.startswith("/refined/")], "refined as well")

    def test_more_ranks_than_pieces(self):
        self.run_everywhere(ONE_PIECE)

    def test_fewer_samples_than_ranks(self):
        self.run_everywhere(edit(JOB, {"search.strategy": 'strategy = "sample"\nmax_evaluations = 3'}))

    def test_the_comparison_sees_a_difference(self):
        first = self.search(JOB)
        second = self.search(edit(JOB, {"job.seed": "seed = 2"}))
        self.assertIn("seed", first.differences(second))
        third = self.search(edit(JOB, {"space.layers": "layers = [4]"}))
        self.assertIn("/loss", first.differences(third))


class Refusals(ProgramTest):
    def refused(self, code, arguments, message, files):
        run = self.mpirun(3, *arguments, expect=code)
        self.assertEqual(run.err.count(message), 1, f"the message comes once, not once a rank{run}")
        self.assertNotIn("frontier", run.out, str(run))
        self.assertEqual(self.files(), files, f"no file is left{run}")

    def test_bad_input(self):
        self.write("job.toml", edit(JOB, {"space.widths": "widths = [768, 100]"}))
        self.refused(2, ["search", "job.toml"], "job.toml:11:16: space.widths = 100: ", ["job.toml"])

    def test_syntax_error(self):
        self.write("job.toml", "[job\n")
        self.refused(2, ["search", "job.toml"], "job.toml:1:", ["job.toml"])

    def test_bad_override(self):
        self.write("job.toml", JOB)
        self.refused(2, ["search", "job.toml", "--set", "job.seed=-1"], "--set:1:10: job.seed = -1: ",
                     ["job.toml"])

    def test_no_output_named(self):
        self.write("job.toml", edit(JOB, {"job.output": None}))
        self.refused(2, ["search", "job.toml"], "job.output", ["job.toml"])

    def test_missing_job(self):
        self.refused(3, ["search", "none.toml"], "none.toml", [])

    def test_missing_output_folder(self):
        self.write("job.toml", JOB)
        self.refused(3, ["search", "job.toml", "-o", "none/result.h5"], "none/result.h5", ["job.toml"])

    def test_output_that_is_a_folder(self):
        self.write("job.toml", JOB)
        (self.folder / "folder").mkdir()
        self.refused(3, ["search", "job.toml", "-o", "folder"], "rooflaw: folder: ",
                     ["folder", "job.toml"])


# Runs a command as a rank does and says what it took from the processors.
MEASURED = """\
import os, resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open("rank" + os.environ["OMPI_COMM_WORLD_RANK"], "w") as file:
    file.write(str(used.ru_utime + used.ru_stime))
sys.exit(code)
"""


class Waiting(ProgramTest):
    def processor_seconds(self, ranks, job):
        """What every process of a run took from the processors, the busiest last."""
        self.write("job.toml", job)
        self.write("measured.py", MEASURED)
        self.run_command(["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", ranks, sys.executable,
                          "measured.py", PROGRAM, "search", "job.toml"])
        return sorted(float((self.folder / f"rank{rank}").read_text()) for rank in range(ranks))

    def test_waiting_ranks_leave_the_processors_to_others(self):
        """One piece for five ranks: the four that wait take little beside the one at work, together.
        Ranks that spin would take as much as it does, each, or on two cores all together."""
        seconds = self.processor_seconds(5, edit(ONE_PIECE, {
            "space.layers": "layers = {from = 1, to = 50000, step = 1}",
            "space.kv_heads": "kv_heads = [1, 2, 4, 8, 16]",
            "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.01, to = 1.6, step = 0.01}",
            "targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-agx-orin-32gb"]',
            "targets.precisions": 'precisions = ["fp16", "bf16", "int8"]',
            "targets.latency": 'latency = ["prefill", "tpot", "total"]'}))
        self.assertGreater(seconds[-1], 1.0, f"the piece takes long enough to tell: {seconds}")
        self.assertLess(sum(seconds[:-1]), 0.6 * seconds[-1], f"processor seconds by rank: {seconds}")


if __name__ == "__main__":
    unittest.main()
