"""Strategy plas, continuous axes and the refine stage, in real runs."""

import sys
import tomllib
import unittest

import numpy

sys.dont_write_bytecode = True
from support import JOB, SOURCE, ProgramTest, Result, edit, hypervolume, row_case

LAW = "codesign-2026"
COUNTS = ("rounds", "architectures_requested", "architectures_scored", "architectures_repeated",
          "relaxed_evaluations")
ARCHITECTURE = ("layers", "width", "heads", "head_dim", "kv_heads", "expert_ffn", "experts", "top_k",
                "shared_ffn", "attention", "ffn")

# A lattice of some thousand points, no axis in order, two targets.
LATTICE = edit(JOB, {
    "search.strategy": 'strategy = "plas"',
    "space.layers": "layers = [32, 4, 8, 12, 24, 6, 16, 20]",
    "space.widths": "widths = [2048, 768, 1024, 1536]",
    "space.kv_heads": 'kv_heads = ["heads", 4, 1, 2]',
    "space.expert_ffn_ratio": "expert_ffn_ratio = [4, 0.5, 1, 2]",
    "space.experts": "experts = [16, 1, 8]",
    "targets.latency": 'latency = ["total", "prefill"]'})

CONTINUOUS = edit(JOB, {
    "search.strategy": 'strategy = "plas"\nmax_evaluations = 600',
    "space.layers": "layers = {from = 3, to = 17}",
    "space.widths": "widths = {from = 700, to = 2100}",
    "space.kv_heads": "kv_heads = {from = 1, to = 8}",
    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.3, to = 2.2}\nffn_multiple_of = 96",
    "space.experts": "experts = {from = 1, to = 12}"})


class PlasTest(ProgramTest):
    def refined(self, result, target):
        prefix = f"/refined/{LAW}/{target['id']}/"
        return {p[len(prefix):]: result.column(p) for p in result.datasets if p.startswith(prefix)}

    def counts(self, result, prefix=""):
        return {name: result.attribute("/runtime", prefix + name) for name in COUNTS}

    def check_counts(self, counts, most):
        self.assertEqual(counts["architectures_requested"],
                         counts["architectures_scored"] + counts["architectures_repeated"])
        self.assertGreater(counts["architectures_scored"], 0)
        self.assertLessEqual(counts["architectures_scored"] + counts["relaxed_evaluations"], most)

    def check_undominated(self, rows):
        self.assertTrue(numpy.all(numpy.diff(rows["latency_s"]) > 0))
        self.assertTrue(numpy.all(numpy.diff(rows["loss"]) < 0))

    def check_rows(self, rows, job, target, count):
        """Rows spread over a table, evaluated alone: the same to the last bit."""
        for i in sorted(set(numpy.linspace(0, len(rows["loss"]) - 1, count).astype(int))):
            e = self.evaluate(row_case(rows, i, job, target))
            self.assertEqual((rows["loss"][i], rows["latency_s"][i]),
                             (e["loss"], e[f"{target['latency']}_s"]), f"{target['id']} row {i}")
            memory = e["memory"]["weights"] + e["memory"]["kv"] + e["memory"]["workspace"]
            self.assertLessEqual(memory, target["memory_budget_bytes"])


class Lattice(PlasTest):
    def test_rows_are_those_of_the_grid(self):
        plas = self.search(LATTICE)
        grid = self.search(edit(LATTICE, {"search.strategy": 'strategy = "grid"'}), name="grid.toml")
        self.assertEqual(plas.attribute("/", "strategy"), "plas")
        self.assertEqual(plas.attribute("/", "complete"), 1)
        self.assertEqual(plas.attribute("/", "points_in_space"), grid.attribute("/", "points_in_space"))
        self.check_counts(self.counts(plas), 20000)
        self.assertEqual(plas.attribute("/runtime", "points_scored"),
                         plas.attribute("/runtime", "architectures_scored") * 2)
        for target in plas.targets():
            found, truth = plas.frontier(target), grid.frontier(target)
            self.check_undominated(found)
            by_index = {index: i for i, index in enumerate(truth["index"])}
            common = [(i, by_index[index]) for i, index in enumerate(found["index"])
                      if index in by_index]
            self.assertGreater(len(common), 0.9 * len(truth["index"]), target["id"])
            for i, j in common:
                for name in truth:
                    numpy.testing.assert_equal(found[name][i], truth[name][j], f"{target['id']} {name}")
            self.assertEqual(plas.attribute(plas.group(target), "certified"), 0)
            self.assertTrue(numpy.isnan(plas.attribute(plas.group(target), "loss_gap_bound")))
            self.check_rows(found, tomllib.loads(LATTICE), target, 4)

    def test_same_seed_same_result(self):
        job = edit(LATTICE, {"search.strategy": 'strategy = "plas"\nmax_evaluations = 200',
                             "refine.enabled": "max_evaluations = 200"})
        first = self.search(job)
        second = self.search(job)
        self.assertEqual(first.differences(second), "")
        third = self.search(edit(job, {"job.seed": "seed = 2"}))
        self.assertIn("loss", first.differences(third))

    def test_max_evaluations(self):
        for most in (1, 50, 300):
            result = self.search(edit(LATTICE, {
                "search.strategy": f'strategy = "plas"\nmax_evaluations = {most}'}))
            self.check_counts(self.counts(result), most)
            self.assertEqual(result.attribute("/", "complete"), 1)

    def test_max_seconds(self):
        result = self.search(edit(LATTICE, {
            "search.strategy": 'strategy = "plas"\nmax_seconds = 1e-9'}))
        self.assertEqual(result.attribute("/", "complete"), 0)
        self.assertIn("max_seconds", result.attribute("/runtime", "messages"))
        for target in result.targets():
            self.check_undominated(result.frontier(target))
            self.assertGreater(len(result.frontier(target)["loss"]), 0)
        self.assertIn("ended", self.rooflaw("inspect", "result.h5").out.lower())


class Continuous(PlasTest):
    def check_sizes(self, rows):
        self.assertTrue(numpy.all(rows["index"] == -1))
        self.assertTrue(numpy.all(rows["width"] % 64 == 0))
        self.assertTrue(numpy.all(rows["heads"] * 64 == rows["width"]))
        self.assertTrue(numpy.all(rows["heads"] % rows["kv_heads"] == 0))
        self.assertTrue(numpy.all(rows["expert_ffn"] % 96 == 0))
        # An FFN is the ratio's, rounded to whole units.
        for name, low, high in (("layers", 3, 17), ("width", 700, 2100), ("kv_heads", 1, 8),
                                ("experts", 1, 12)):
            self.assertTrue(numpy.all((rows[name] >= low) & (rows[name] <= high)), name)
        self.assertTrue(numpy.all(rows["expert_ffn"] >= 0.3 * rows["width"] - 48))
        self.assertTrue(numpy.all(rows["expert_ffn"] <= 2.2 * rows["width"] + 48))

    def test_what_is_found_can_be_built(self):
        for strategy in ('"plas"\nmax_evaluations = 600', '"sample"\nmax_evaluations = 600', '"grid"'):
            with self.subTest(strategy):
                result = self.search(edit(CONTINUOUS, {
                    "search.strategy": f"strategy = {strategy}", "search.max_evaluations": None}))
                self.assertEqual(result.attribute("/", "points_in_space"), 0)
                (target,) = result.targets()
                rows = result.frontier(target)
                self.assertGreater(len(rows["loss"]), 20)
                self.check_undominated(rows)
                self.check_sizes(rows)
                self.check_rows(rows, tomllib.loads(CONTINUOUS), target, 5)

    def test_refine_of_a_continuous_space(self):
        result = self.search(edit(CONTINUOUS, {"refine.enabled": "enabled = true"}))
        (target,) = result.targets()
        rows = self.refined(result, target)
        self.assertGreater(len(rows["loss"]), 0)
        self.check_undominated(rows)
        self.check_sizes(rows)
        self.check_rows(rows, tomllib.loads(CONTINUOUS), target, 5)

    def test_one_value(self):
        """{from, to} of one value is a list of it, without an index."""
        fixed = self.search(edit(JOB, {"space.layers": "layers = [8]"}))
        free = self.search(edit(JOB, {"space.layers": "layers = {from = 8, to = 8}"}))
        (target,) = fixed.targets()
        self.assertEqual(list(fixed.frontier(target)["loss"]), list(free.frontier(target)["loss"]))
        self.assertTrue(numpy.all(free.frontier(target)["index"] == -1))


class Refine(PlasTest):
    def test_paper_orin(self):
        text = (SOURCE / "jobs/paper_orin.toml").read_text()
        self.write("job.toml", text)
        self.rooflaw("search", "job.toml", "-o", "result.h5")
        result = Result(self.folder / "result.h5")
        self.assertEqual(len(result.targets()), 6)
        self.check_counts(self.counts(result, "refine_"), 6 * 500)
        for target in result.targets():
            with self.subTest(target["id"]):
                self.check_refined(result, target)
                self.check_rows(self.refined(result, target), tomllib.loads(text), target, 5)

    def check_refined(self, result, target):
        rows, frontier = self.refined(result, target), result.frontier(target)
        self.assertEqual(set(rows), set(frontier))
        self.assertGreater(len(rows["loss"]), 0)
        self.assertTrue(numpy.all(rows["index"] == -1))
        self.check_undominated(rows)
        for i in range(len(rows["loss"])):
            beaten = ((frontier["latency_s"] <= rows["latency_s"][i])
                      & (frontier["loss"] <= rows["loss"][i]))
            self.assertFalse(beaten.any(), f"refined row {i}")
        group = result.group(target)
        reference = [result.attribute(group, f"reference_{name}") for name in ("latency_s", "loss")]
        both = [numpy.concatenate([frontier[name], rows[name]]) for name in ("latency_s", "loss")]
        before = hypervolume(frontier["latency_s"], frontier["loss"], *reference)
        gain = result.attribute(f"/refined/{LAW}/{target['id']}", "hypervolume_gain")
        self.assertGreater(gain, 0)
        self.assertAlmostEqual(gain, hypervolume(*both, *reference) / before - 1, delta=1e-10)

    def test_paper_orin_is_refined_within_the_axes(self):
        """What the stage may build: sizes between the ends of the axes, whole heads, whole KV groups."""
        self.write("job.toml", (SOURCE / "jobs/paper_orin.toml").read_text())
        self.rooflaw("search", "job.toml", "-o", "result.h5")
        result = Result(self.folder / "result.h5")
        for target in result.targets():
            rows = self.refined(result, target)
            for name, low, high in (("layers", 4, 32), ("width", 768, 3072), ("experts", 1, 16),
                                    ("top_k", 1, 2), ("kv_heads", 1, 48)):
                self.assertTrue(numpy.all((rows[name] >= low) & (rows[name] <= high)), name)
            self.assertTrue(numpy.all(rows["heads"] * 64 == rows["width"]))
            self.assertTrue(numpy.all(rows["heads"] % rows["kv_heads"] == 0))
            ratio = rows["expert_ffn"] / rows["width"]
            self.assertTrue(numpy.all((ratio >= 0.25 - 1e-3) & (ratio <= 4 + 1e-3)))
            # New architectures, not the frontier's own.
            frontier = result.frontier(target)
            names = lambda f: {tuple(f[k][i] for k in ARCHITECTURE) for i in range(len(f["loss"]))}
            self.assertFalse(names(rows) & names(frontier))

    def test_in_the_range_of_the_law_unless_asked(self):
        self.write("job.toml", (SOURCE / "jobs/quick.toml").read_text())
        small = ["--set", "space.layers=[12, 24, 40]", "--set", "space.widths=[1024, 2048, 3072, 4096]",
                 "--set", "space.expert_ffn_ratio=[0.5, 1, 2, 4]", "--set", "targets.devices=['jetson-agx-orin-64gb']"]
        outside = {}
        for word in ("law", "any"):
            self.rooflaw("search", "job.toml", "-o", f"{word}.h5", *small, "--set", f"refine.range={word}")
            result = Result(self.folder / f"{word}.h5")
            rows = [self.refined(result, target) for target in result.targets()]
            self.assertGreater(sum(len(r["loss"]) for r in rows), 0)
            for target in result.targets():
                self.check_refined(result, target)
            outside[word] = sum(int(r["extrapolated"].sum()) for r in rows)
        self.assertEqual(outside["law"], 0)
        self.assertGreater(outside["any"], 0)
        # The default is the first.
        self.rooflaw("search", "job.toml", "-o", "default.h5", *small)
        default, law = Result(self.folder / "default.h5"), Result(self.folder / "law.h5")
        for target in default.targets():
            self.assertEqual(self.refined(default, target)["loss"].tolist(), self.refined(law, target)["loss"].tolist())
        self.assertIn('must be "law" or "any"', self.rooflaw("search", "job.toml", "--set", "refine.range=all", expect=2).err)

    def test_off(self):
        result = self.search(JOB)
        self.assertFalse([g for g in result.groups if g.startswith("/refined")])
        self.assertNotIn(("/runtime", "refine_rounds"), result.attributes)

    def test_nothing_between_single_values(self):
        result = self.search(edit(JOB, {
            "space.layers": "layers = [8]", "space.widths": "widths = [1024]",
            "space.kv_heads": "kv_heads = [4]", "space.expert_ffn_ratio": "expert_ffn_ratio = [1]",
            "space.experts": "experts = [8]", "space.top_k": "top_k = [1]",
            "refine.enabled": "enabled = true"}))
        (target,) = result.targets()
        self.assertEqual(len(result.frontier(target)["loss"]), 1)
        self.assertEqual(len(self.refined(result, target).get("loss", [])), 0)

    def test_nothing_fits(self):
        for strategy in ('"plas"', '"grid"'):
            result = self.search(edit(JOB, {
                "search.strategy": f"strategy = {strategy}", "targets.memory_budget": "memory_budget = 1e3",
                "refine.enabled": "enabled = true"}))
            (target,) = result.targets()
            self.assertEqual(len(result.frontier(target)["loss"]), 0)
            self.assertEqual(len(self.refined(result, target).get("loss", [])), 0)


if __name__ == "__main__":
    unittest.main()
