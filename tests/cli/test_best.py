"""`rooflaw best` and the end of a search: what to build, against the frontiers of the file as h5py reads them."""

import csv
import io
import json
import math
import os
import re
import unittest

from support import PROGRAM, SOURCE, ProgramTest, Result, edit

JOB = """\
[job]
name = "decide"
output = "result.h5"

[space]
layers = {from = 4, to = 48, step = 4}
widths = [512, 768, 1024, 2048, 4096]
head_dim = 64
kv_heads = [1, 4, "heads"]
expert_ffn_ratio = [0.5, 1, 2]
experts = [1, 8, 32]
top_k = [1, 2]
vocab = 151936
tied = true

[law]
id = "codesign-2026"

[targets]
devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]
precisions = ["fp16", "int8"]
workloads = ["vla"]
latency = ["tpot", "total"]

[refine]
enabled = false
"""
ORIN, NANO = "jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"


def within(frontier, budget):
    """The row of least loss within a budget, by looking at all of them; none: none."""
    rows = [i for i, x in enumerate(frontier["objective"]) if x <= budget]
    return min(rows, key=lambda i: frontier["loss"][i], default=None)


class Best(ProgramTest):
    def setUp(self):
        super().setUp()
        self.result = self.search(JOB)

    def decisions(self, *options):
        return json.loads(self.rooflaw("best", "result.h5", "--json", *options).out)

    def frontier(self, decision, kind="frontiers"):
        group = f"/{kind}/{decision['law']}/{decision['target']}/"
        return {path.removeprefix(group): values for path, values in self.result.datasets.items()
                if path.startswith(group)}

    def test_it_is_the_least_loss_within_the_budget(self):
        for budget in (0.02, 0.05, 0.3, 1000):
            with self.subTest(budget=budget):
                for d in self.decisions("--budget", f"total={budget}"):
                    self.assertEqual((d["latency"], d["within"], d["within_from"]), ("total", budget, "option"))
                    for kind, answer in (("frontiers", d["best"]), ("frontiers_in_range", d["in_range"])):
                        f = self.frontier(d, kind)
                        row = within(f, budget)
                        if row is None:
                            self.assertIsNone(answer)
                            continue
                        for name in ("layers", "width", "kv_heads", "expert_ffn", "experts", "top_k", "loss", "objective",
                                     "memory_bytes", "index"):
                            self.assertEqual(answer[name], f[name][row], name)

    def test_without_a_budget_a_ladder_of_at_most_four_round_times(self):
        by_target = {}
        for d in self.decisions():
            by_target.setdefault(d["target"], []).append(d)
        self.assertEqual(set(by_target), {str(t["id"]) for t in self.result.targets()})
        for target, ladder in by_target.items():
            budgets = [d["within"] for d in ladder]
            self.assertEqual(budgets, sorted(set(budgets)))
            self.assertTrue(1 <= len(budgets) <= 4)
            self.assertTrue(all(d["within_from"] == "ladder" for d in ladder))
            for budget in budgets:
                self.assertRegex(f"{budget:.0e}", r"^[125]e")
            last = self.frontier(ladder[-1])
            self.assertGreaterEqual(budgets[-1], last["objective"][-1], "the last rung is beyond the slowest point")
            self.assertEqual(ladder[-1]["best"]["loss"], last["loss"][-1])
        # Precisions of a chip stand side by side at the same times.
        self.assertEqual([d["within"] for d in by_target[f"{ORIN}.fp16.vla.total"]],
                         [d["within"] for d in by_target[f"{ORIN}.int8.vla.total"]])

    def test_what_binds(self):
        for d in self.decisions():
            if d["best"] is None:
                self.assertEqual(d["binds"], [])
                continue
            f = self.frontier(d)
            row = within(f, d["within"])
            self.assertEqual(d["latency"] in d["binds"], row + 1 < len(f["loss"]), d["target"])
            worth = self.result.datasets[f"/sensitivity/{d['law']}/{d['target']}/worth_memory"][row]
            self.assertEqual("memory" in d["binds"], worth > 0)

    def test_the_end_of_a_search_is_what_best_prints(self):
        run = self.rooflaw("search", "job.toml", "--force")
        best = self.rooflaw("best", "result.h5").out
        self.assertTrue(run.out.startswith(best), f"{best}\n---\n{run.out}")
        self.assertIn("trust: 8 of 8 frontiers are proven whole", " ".join(run.out.split()))
        self.assertIn("further: rooflaw best result.h5", run.out)
        # With points between the sizes searched, too.
        fine = self.rooflaw("search", "job.toml", "-o", "fine.h5", "--set", "refine.enabled=true", "--set",
                            "space.layers=[8, 24]")
        self.assertIn("\n  finer ", fine.out)
        self.assertTrue(fine.out.startswith(self.rooflaw("best", "fine.h5").out))
        refined = [d for d in json.loads(self.rooflaw("best", "fine.h5", "--json").out) if d["refined"]]
        self.assertTrue(refined)
        for d in refined:
            self.assertLess(d["refined"]["loss"], d["best"]["loss"])
            self.assertLessEqual(d["refined"]["objective"], d["within"])
        self.assertNotIn("MoE", run.out, "statistics are for --verbose")
        self.assertIn("MoE", self.rooflaw("inspect", "result.h5", "--verbose").out)

    def test_of_many_targets_a_search_shows_one_time_and_precision_each(self):
        job = edit(JOB, {"targets.precisions": 'precisions = ["fp16", "int8", "q4_k_m", "q8_0"]'})
        self.write("job.toml", job)
        run = self.rooflaw("search", "job.toml", "--force")
        self.result = Result(self.folder / "result.h5")
        self.assertEqual(len(self.result.targets()), 16)
        self.assertIn("of 16 targets: one time each", " ".join(run.out.split()))
        answers = self.decisions()
        shown = re.findall(r"^(\S+) (\S+), (tpot|total)", run.out, re.MULTILINE)
        self.assertEqual(len(shown), 4)
        for device, precision, latency in shown:
            ladder = sorted({d["within"] for d in answers if (d["device"], d["latency"]) == (device, latency)})
            at = [d for d in answers if (d["device"], d["latency"], d["within"]) == (device, latency, ladder[2])]
            best = min((d for d in at if d["best"]), key=lambda d: d["best"]["loss"])
            self.assertEqual(best["precision"], precision)

    def test_every_line_fits_the_terminal(self):
        for width in (40, 60, 80, 100, 160):
            with self.subTest(width=width):
                os.environ["COLUMNS"] = str(width)
                self.addCleanup(os.environ.pop, "COLUMNS", None)
                out = self.rooflaw("best", "result.h5").out
                self.assertLessEqual(max(map(len, out.splitlines())), width, out)
                for loss in re.findall(r"\d\.\d{4}", out):
                    self.assertTrue(2 < float(loss) < 7)

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.rooflaw("best", "result.h5", "--csv", "--budget", "tpot=5ms").out)))
        answers = self.decisions("--budget", "tpot=5ms")
        best = [r for r in rows if r["kind"] == "best"]
        self.assertEqual(len(best), len(answers))
        for row, d in zip(best, answers):
            self.assertEqual((row["device"], row["precision"], row["latency"]), (d["device"], d["precision"], "tpot"))
            self.assertEqual(row["reached"], "1" if d["best"] else "0")
            if d["best"]:
                self.assertEqual(float(row["loss"]), d["best"]["loss"])
                self.assertEqual(int(row["layers"]), d["best"]["layers"])
            else:
                self.assertTrue(math.isnan(float(row["loss"])))

    def test_tidy_tables(self):
        self.rooflaw("export", "result.h5", "-o", "tidy", "--tidy")
        self.assertEqual(sorted(p.name for p in (self.folder / "tidy").iterdir()), ["best.csv", "frontiers.csv"])
        self.assertEqual((self.folder / "tidy/best.csv").read_text(), self.rooflaw("best", "result.h5", "--csv").out)
        with open(self.folder / "tidy/frontiers.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        at = 0
        for target in self.result.targets():
            f = self.frontier({"law": "codesign-2026", "target": str(target["id"])})
            for i, loss in enumerate(f["loss"]):
                row = rows[at + i]
                for key in ("device", "precision", "workload", "latency"):
                    self.assertEqual(row[key], str(target[key]))
                self.assertEqual((row["budget"], row["law"]), ("usable", "codesign-2026"))
                self.assertEqual((float(row["loss"]), float(row["objective"]), int(row["index"])),
                                 (loss, f["objective"][i], f["index"][i]))
                self.assertEqual(row["attention"], "gqa")
            at += len(f["loss"])
        self.assertEqual(at, len(rows))
        # Into the same folder again, and never over what is no such table.
        self.rooflaw("export", "result.h5", "-o", "tidy", "--tidy")
        (self.folder / "tidy/best.csv").write_text("mine\n")
        self.assertIn("never replaced", " ".join(self.rooflaw("export", "result.h5", "-o", "tidy", "--tidy", expect=3).err.split()))

    def test_filters(self):
        answers = self.decisions("--device", NANO, "--precision", "int8", "--budget", "total=1")
        self.assertEqual([d["target"] for d in answers], [f"{NANO}.int8.vla.total"])

    def test_in_range_only(self):
        for d in self.decisions("--in-range", "--budget", "total=0.2"):
            f = self.frontier(d, "frontiers_in_range")
            row = within(f, 0.2)
            self.assertEqual(d["best"] and d["best"]["index"], None if row is None else f["index"][row])
        # What none meets is not said of the whole space.
        run = self.rooflaw("best", "result.h5", "--in-range", "--budget", "total=1us", "--json", expect=2)
        targets = json.loads(run.out)
        for d in targets:
            self.assertEqual(d["least_objective"], self.frontier(d, "frontiers_in_range")["objective"][0])
        self.assertTrue(any(d["least_objective"] > self.frontier(d)["objective"][0] for d in targets))
        self.assertIn("no architecture of the law's range meets any of these budgets", run.err)

    def test_a_limit_it_was_not_searched_under_names_the_search_that_answers(self):
        for budget, setting in (("memory=4GiB", "targets.memory_budget=4294967296"),
                                ("prefill=20ms", 'targets.latency=["prefill"]')):
            with self.subTest(budget=budget):
                run = self.rooflaw("best", "result.h5", "--budget", budget, expect=2)
                self.assertEqual(run.out, "")
                self.assertIn(f"rooflaw search job.toml --set '{setting}' -o OTHER.h5", run.err)
        # Of a search with settings it is the same space.
        self.rooflaw("search", "job.toml", "-o", "set.h5", "--set", "space.layers=[8, 16]", "--force", "--set",
                     "job.seed=7")
        run = self.rooflaw("best", "set.h5", "--budget", "memory=4GiB", expect=2)
        self.assertIn("rooflaw search job.toml --set 'space.layers=[8, 16]' --set 'job.seed=7' --set "
                      "'targets.memory_budget=4294967296' -o OTHER.h5", run.err)
        run = self.rooflaw("best", "set.h5", "--budget", "energy=2J", expect=2)
        self.assertIn("no energy is known", run.err)
        # What it names works, and answers.
        self.rooflaw("search", "job.toml", "-o", "other.h5", "--set", "targets.memory_budget=4294967296")
        answers = json.loads(self.rooflaw("best", "other.h5", "--json", "--budget", "memory=4GiB").out)
        self.assertTrue(answers)
        for d in answers:
            if d["best"]:
                self.assertLessEqual(d["best"]["memory_bytes"], 2**32)

    def test_limits_of_the_job_are_the_budgets(self):
        self.result = self.search(edit(JOB, {"targets.workloads": 'workloads = ["vla"]\nmax_total_s = "200ms"'}))
        answers = self.decisions()
        self.assertEqual({(d["latency"], d["within"], d["within_from"]) for d in answers}, {("total", 0.2, "limit")})
        for d in answers:
            self.assertEqual(d["best"]["loss"], self.frontier(d)["loss"][-1])
        # Of another objective than that of the limit, the best within it is the same.
        self.rooflaw("search", "job.toml", "-o", "tpot.h5", "--set", 'targets.latency=["tpot"]')
        tpot = json.loads(self.rooflaw("best", "tpot.h5", "--json").out)
        self.assertEqual([d["best"]["loss"] for d in tpot], [d["best"]["loss"] for d in answers])
        for best, binds in ((d["best"], d["binds"]) for d in tpot):
            total = best["prefill_s"] + best["decode_s"]
            self.assertEqual("total" in binds, total * (best["layers"] + 1) / best["layers"] > 0.2)
        self.rooflaw("best", "tpot.h5", "--budget", "total=200ms")

    def test_whose_times_they_are_and_no_band_where_there_is_none(self):
        out = self.rooflaw("best", "result.h5", "--budget", "total=1us", expect=2).out
        self.assertNotIn("nine of ten", out)
        out = self.rooflaw("best", "result.h5", "--budget", "total=300ms").out
        for d in self.decisions("--budget", "total=300ms"):
            self.assertRegex(out, rf"{d['device']} {d['precision']} \({d['efficiency']}[,)]")

    def test_the_band_above_rows_holds_for_all_of_them(self):
        # With the calibration that ships with the data sheets.
        self.run_command(["env", f"ROOFLAW_INPUTS={SOURCE / 'inputs'}", PROGRAM, "search", "job.toml", "-o", "bands.h5"])
        asked = ["bands.h5", *(f"--budget=total={t}" for t in ("50ms", "100ms", "500ms", "2s"))]
        out = self.rooflaw("best", *asked).out
        answers = json.loads(self.rooflaw("best", *asked, "--json").out)
        wider = 0
        for device, precision in ((ORIN, "fp16"), (ORIN, "int8"), (NANO, "fp16"), (NANO, "int8")):
            low, high = map(float, re.search(rf"{device} {precision}.*x (\S+) .. (\S+)\)", out).groups())
            bands = [(d["best"]["latency_low_s"] / d["best"]["latency_s"], d["best"]["latency_high_s"] / d["best"]["latency_s"])
                     for d in answers if (d["device"], d["precision"]) == (device, precision) and d["best"]]
            self.assertGreater(len(bands), 2)
            wider += bands[0] != (min(b[0] for b in bands), max(b[1] for b in bands))
            self.assertAlmostEqual(low / min(b[0] for b in bands), 1, delta=0.02)
            self.assertAlmostEqual(high / max(b[1] for b in bands), 1, delta=0.05)
        self.assertGreater(wider, 0, "the first row's is the widest everywhere: nothing is tested")

    def test_targets_that_nothing_meets_are_said_to_be_empty(self):
        self.search(edit(JOB, {"targets.workloads": 'workloads = ["vla"]\nmax_total_s = "1us"'}))
        text = " ".join(self.rooflaw("best", "result.h5", expect=2).out.split())
        self.assertIn("on 4 of 4 targets nothing meets the limits", text)
        self.assertNotIn("extrapolate here", text)

    def test_nothing_within_is_said_with_the_least(self):
        run = self.rooflaw("best", "result.h5", "--budget", "total=1us", expect=2)
        self.assertIn("least is", run.out)
        self.assertIn("no architecture of the space meets any of these budgets", run.err)

    def test_ties_of_precisions(self):
        self.result = self.search(edit(JOB, {"targets.precisions": 'precisions = ["fp16", "bf16"]'}))
        for d in self.decisions("--budget", "total=300ms"):
            self.assertEqual(d["as_good"], ["bf16" if d["precision"] == "fp16" else "fp16"])
        self.assertRegex(self.rooflaw("best", "result.h5", "--budget", "total=300ms").out, r"\d\.\d{4}\*?=")

    def test_wrong_options(self):
        for options, words in ((["--budget", "total"], "must be prefill=TIME"), (["--budget", "total=-1"], "must be a number"),
                               (["--budget", "total=nan"], "must be a number"), (["--budget", "tot=1"], "must be prefill=TIME"),
                               (["--budget", "total=4GiB"], "--budget"), (["--budget", "energy=x"], "joules"),
                               (["--device", "jetson"], "is none of"), (["--json", "--csv"], "exclude each other")):
            with self.subTest(options=options):
                run = self.rooflaw("best", "result.h5", *options, expect=2)
                self.assertIn(words, run.err)
                self.assertEqual(run.out, "")
        self.assertIn("RESULT.h5 is missing", self.rooflaw("best", expect=2).err)
        self.rooflaw("best", "job.toml", expect=3)
        self.rooflaw("best", "none.h5", expect=3)


if __name__ == "__main__":
    unittest.main()
