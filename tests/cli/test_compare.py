"""rooflaw compare: devices side by side from one result, against scans of the frontiers in the file and
`rooflaw evaluate` of each architecture on each device."""

import csv
import io
import json
import math
import os
import subprocess
import sys
import tomllib
import unittest

import h5py
import numpy

sys.dont_write_bytecode = True
from support import INPUTS, JOB, PROGRAM, SOURCE, ProgramTest, Result, edit, entries, reseal, row_case, to_toml

ORIN, NANO, ROCK = "jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb", "rk3588"
DEVICES = [NANO, ORIN, ROCK]
LAW = "codesign-2026"

# Three chips, two precisions; energy of the two that state powers.
COMPARE = edit(JOB, {
    "space.layers": "layers = [4, 8, 16, 24]",
    "space.widths": "widths = [768, 1024, 1536]",
    "targets.devices": f'devices = [{{id = "{NANO}", prefill_power = 12, decode_power = 9}}, '
                       f'{{id = "{ORIN}", prefill_power = 40, decode_power = 30}}, "{ROCK}"]',
    "targets.precisions": 'precisions = ["fp16", "q4_k_m"]',
    "targets.latency": 'latency = ["prefill", "total"]'})
PLAIN = edit(COMPARE, {"targets.devices": f"devices = {json.dumps(DEVICES)}"})


def best_within(frontier, objective):
    """Row of the lowest loss within; None if none is as fast."""
    rows = [i for i in range(len(frontier["loss"])) if frontier["objective"][i] <= objective]
    return min(rows, key=lambda i: frontier["loss"][i], default=None)


def fastest_reaching(frontier, loss):
    rows = [i for i in range(len(frontier["loss"])) if frontier["loss"][i] <= loss]
    return min(rows, key=lambda i: frontier["objective"][i], default=None)


def together(frontiers):
    """Rows of all that none dominates, as one frontier with the place each came from."""
    rows = [(f["objective"][i], f["loss"][i], p, i) for p, f in enumerate(frontiers) for i in range(len(f["loss"]))]
    kept = [r for r in rows if not any(o[0] <= r[0] and o[1] <= r[1] and (o[0] < r[0] or o[1] < r[1]) for o in rows)]
    kept.sort()
    return {"objective": [r[0] for r in kept], "loss": [r[1] for r in kept], "from": [r[2:] for r in kept]}


def mean_ratio(frontier, baseline):
    """Geometric mean over the common losses, in many equal steps."""
    low = max(min(frontier["loss"]), min(baseline["loss"]))
    high = min(max(frontier["loss"]), max(baseline["loss"]))
    steps = 20000
    losses = low + (high - low) * (numpy.arange(steps) + 0.5) / steps
    def times(f):  # objective rises, loss falls
        loss, objective = numpy.asarray(f["loss"]), numpy.asarray(f["objective"])
        return objective[numpy.searchsorted(-loss, -losses)]
    return float(numpy.exp(numpy.mean(numpy.log(times(frontier) / times(baseline)))))


class Compare(ProgramTest):
    def compare(self, *arguments, baseline=ORIN, result="result.h5", expect=0):
        run = self.rooflaw("compare", result, "--baseline", baseline, "--json", *arguments, expect=expect)
        if expect == 0:
            self.assertEqual(run.err, "", str(run))
        return json.loads(run.out)

    def group(self, comparison, precision="fp16", latency="total"):
        (found,) = [g for g in comparison["groups"] if (g["precision"], g["latency"]) == (precision, latency)]
        return found

    def frontiers(self, result, devices, precision="fp16", latency="total"):
        return {d: result.frontier(f"{d}.{precision}.vla.{latency}") for d in devices}

    def close(self, a, b, where, tolerance=1e-9):
        if b is None or (isinstance(b, float) and math.isnan(b)):
            self.assertIsNone(a, where)
        else:
            self.assertIsNotNone(a, where)
            self.assertLessEqual(abs(a - b), tolerance * max(abs(b), 1e-9), f"{where}: {a} instead of {b}")


class Numbers(Compare):
    def setUp(self):
        super().setUp()
        self.result = self.search(COMPARE)
        self.ids = sorted({t["device"] for t in self.result.targets()}, key=lambda d: not d.startswith(ORIN))
        self.orin = self.ids[0]
        self.comparison = self.compare(baseline=self.orin)

    def test_groups_are_all_that_can_be_compared(self):
        self.assertEqual([(g["latency"], g["precision"]) for g in self.comparison["groups"]],
                         [(kind, p) for kind in ("prefill", "total") for p in ("*", "fp16", "q4_k_m")])
        for g in self.comparison["groups"]:
            self.assertEqual([d["device"] for d in g["devices"]][0], self.orin)
            self.assertEqual({d["device"] for d in g["devices"]}, set(self.ids))
            self.assertEqual((g["law"], g["workload"], g["budget"]), (LAW, "vla", "capacity"))
        self.assertEqual(self.comparison["faults"], [])
        self.assertTrue(self.comparison["has_worths"])

    def test_devices_and_best_losses(self):
        for precision in ("fp16", "q4_k_m"):
            for kind in ("prefill", "total"):
                g = self.group(self.comparison, precision, kind)
                f = self.frontiers(self.result, self.ids, precision, kind)
                for place, d in enumerate(g["devices"]):
                    own = f[d["device"]]
                    self.assertEqual(d["points"], len(own["loss"]))
                    self.assertEqual(d["fastest"], min(own["objective"]))
                    self.assertEqual(d["least_loss"], min(own["loss"]))
                    self.assertEqual(d["calibration"], "ideal")
                    self.assertIsNone(d["band"])
                    self.assertIsNone(d["tie"])
                    self.close(d["ratio"]["mean"], mean_ratio(own, f[self.orin]), f"{d['device']} ratio", 2e-3)
                    sensitivity = {name: self.result.column(
                        f"/sensitivity/{LAW}/{d['device']}.{precision}.vla.{kind}/worth_{name}")
                        for name in ("compute", "bandwidth", "memory")}
                    for rung in g["rungs"]:
                        self.assertIn(rung["objective"], f[self.orin]["objective"])
                        best, point = best_within(own, rung["objective"]), rung["best"][place]["point"]
                        if best is None:
                            self.assertIsNone(point)
                            continue
                        self.assertEqual((point["loss"], point["objective"]),
                                         (own["loss"][best], own["objective"][best]))
                        self.assertEqual(point["precision"], precision)
                        for key in ("layers", "width", "kv_heads", "expert_ffn", "experts", "top_k"):
                            self.assertEqual(point["architecture"][key], own[key][best], key)
                        self.close(point["energy_j"], float(own["energy_j"][best]), "energy")
                        for name, column in sensitivity.items():
                            self.close(point["worth_10_percent"][name], 10 * float(column[best]), name)

    def test_energy_where_powers_are_known(self):
        g = self.group(self.comparison)
        points = [b["point"] for b in g["rungs"][-1]["best"]]
        known = {b["device"]: p["energy_j"] is not None for b, p in zip(g["rungs"][-1]["best"], points)}
        self.assertEqual(known, {d: d != ROCK for d in self.ids})
        text = self.rooflaw("compare", "result.h5", "--baseline", self.orin).out
        self.assertRegex(text, r"energy")
        self.assertRegex(text, r"\d J\b")

    def test_best_of_all_precisions(self):
        """With int8, whose penalty is uncertain by more than it is: it is as good as fp16 where time is no matter."""
        result = self.search(edit(COMPARE, {"targets.precisions": 'precisions = ["fp16", "int8"]'}), "--force")
        asked = self.compare("--budget", "total=60ms", "--budget", "total=1000", baseline=self.orin)
        g = self.group(asked, "*")
        f = {p: self.frontiers(result, self.ids, p) for p in ("fp16", "int8")}
        uncertainty = {p: entries("precision")[p]["loss_delta_uncertainty"] for p in f}
        joined = {d: together([f["fp16"][d], f["int8"][d]]) for d in self.ids}
        tied = 0
        for place, d in enumerate(g["devices"]):
            own = joined[d["device"]]
            self.assertEqual(d["points"], len(own["loss"]))
            self.assertEqual(d["precisions"], ["fp16", "int8"])
            self.close(d["ratio"]["mean"], mean_ratio(own, joined[self.orin]), d["device"], 2e-3)
            for rung in g["rungs"]:
                point = rung["best"][place]["point"]
                best = best_within(own, rung["objective"])
                if best is None:
                    self.assertIsNone(point)
                    continue
                self.assertEqual(point["loss"], own["loss"][best])
                chosen = point["precision"]
                self.assertEqual(chosen, ["fp16", "int8"][own["from"][best][0]])
                (other,) = set(f) - {chosen}
                row = best_within(f[other][d["device"]], rung["objective"])
                near = row is not None and (f[other][d["device"]]["loss"][row] - point["loss"]
                                            <= sum(uncertainty.values()))
                self.assertEqual(point["as_good_precisions"], [other] if near else [])
                tied += near
        self.assertGreater(tied, 0)

    def evaluate_on(self, target, architecture):
        """`evaluate` of an architecture where the target is."""
        (table,) = [t for t in self.result.targets() if t["id"] == target]
        text = self.result.datasets[f"/inputs/device/{table['device']}"]
        device = tomllib.loads(text.decode() if isinstance(text, bytes) else str(text))
        case = {"architecture": architecture, "device": device, "precision": {"id": table["precision"]},
                "workload": {"id": table["workload"]}, "engine": tomllib.loads(COMPARE)["engine"]}
        return self.evaluate(case)

    def test_the_trap_is_what_evaluate_says(self):
        job = tomllib.loads(COMPARE)
        gained = 0
        for kind, value in (("prefill", "prefill_s"), ("total", "total_s")):
            g = self.group(self.comparison, "fp16", kind)
            f = self.frontiers(self.result, self.ids, "fp16", kind)
            for rung in g["rungs"]:
                for pick in rung["picks"]:
                    own = f[pick["device"]]
                    row = fastest_reaching(own, rung["baseline_loss"])
                    if row is None:
                        self.assertIsNone(pick["point"])
                        self.assertEqual(pick["on"], [])
                        continue
                    self.assertEqual(pick["point"]["loss"], own["loss"][row])
                    (target,) = [t for t in self.result.targets() if t["id"] == f"{pick['device']}.fp16.vla.{kind}"]
                    architecture = row_case(own, row, job, target)["architecture"]
                    for placed in pick["on"]:
                        there = f[placed["device"]]
                        e = self.evaluate_on(f"{placed['device']}.fp16.vla.{kind}", architecture)
                        self.close(placed["objective"], e[value], "objective")
                        self.close(placed["loss"], e["loss"], "loss")
                        near = best_within(there, placed["objective"] * (1 + 1e-12))
                        best = None if near is None else float(there["loss"][near])
                        self.close(placed["best_loss"], best, "best loss")
                        self.assertAlmostEqual(placed["regret_nats"], e["loss"] - best, delta=1e-9)
                        fastest = fastest_reaching(there, placed["loss"] * (1 + 1e-12))
                        self.close(placed["regret_ratio"], e[value] / float(there["objective"][fastest]), "ratio")
                        self.assertGreaterEqual(placed["regret_nats"], 0)
                        self.assertGreaterEqual(placed["regret_ratio"], 1)
                        if placed["device"] == pick["device"]:
                            self.assertEqual((placed["regret_nats"], placed["regret_ratio"]), (0, 1))
                        gained += placed["regret_ratio"] > 1
        self.assertGreater(gained, 0, "no architecture is another's second choice: the test shows nothing")

    def test_budgets_take_the_place_of_the_ladder(self):
        asked = self.compare("--budget", "total=100ms", "--budget", "total=0.25", baseline=self.orin)
        self.assertEqual([r["objective"] for r in self.group(asked)["rungs"]], [0.1, 0.25])
        self.assertEqual(self.group(asked, latency="prefill"), self.group(self.comparison, latency="prefill"))
        f = self.frontiers(self.result, self.ids)
        for place, d in enumerate(self.group(asked)["devices"]):
            row = best_within(f[d["device"]], 0.1)
            point = self.group(asked)["rungs"][0]["best"][place]["point"]
            self.assertEqual(None if row is None else f[d["device"]]["loss"][row], point and point["loss"])
        nothing = self.compare("--budget", "total=1us", baseline=self.orin)
        (rung,) = self.group(nothing)["rungs"]
        self.assertIsNone(rung["baseline_loss"])
        self.assertEqual([b["point"] for b in rung["best"]], [None] * 3)

    def test_csv_has_the_numbers_of_the_json(self):
        run = self.rooflaw("compare", "result.h5", "--baseline", self.orin, "--csv", "--at-model", "qwen2.5-0.5b")
        rows = list(csv.DictReader(io.StringIO(run.out)))
        self.assertEqual(list(rows[0])[:7], ["kind", "law", "precision", "workload", "latency", "budget", "device"])
        comparison = self.compare("--at-model", "qwen2.5-0.5b", baseline=self.orin)
        for g in comparison["groups"]:
            mine = [r for r in rows if (r["precision"], r["latency"]) == (g["precision"], g["latency"])]
            for d in g["devices"]:
                (row,) = [r for r in mine if r["kind"] == "device" and r["device"] == d["device"]]
                self.assertEqual(float(row["ratio"]), d["ratio"]["mean"])
                self.assertEqual(float(row["best_loss"]), d["least_loss"])
                self.assertEqual(row["tie"], "" if d["device"] == self.orin else "unknown")
            best = {(r["device"], float(r["rung"])): r for r in mine if r["kind"] == "best"}
            traps = {(r["picked_on"], r["device"], float(r["rung"])): r for r in mine if r["kind"] == "trap"}
            for rung in g["rungs"]:
                for b in rung["best"]:
                    row = best[b["device"], rung["objective"]]
                    self.assertEqual(row["loss"], "nan" if b["point"] is None else repr(b["point"]["loss"]))
                for pick in rung["picks"]:
                    for placed in pick["on"]:
                        row = traps.pop((pick["device"], placed["device"], rung["objective"]))
                        self.assertEqual(float(row["regret_nats"]), placed["regret_nats"])
            self.assertEqual(traps, {})
            models = [r for r in mine if r["kind"] == "model"]
            self.assertEqual(len(models), 0 if g["precision"] == "*" else 3)
            for row, placed in zip(models, g["models"][0]["on"] if models else []):
                self.assertEqual((row["model"], row["device"]), ("qwen2.5-0.5b", placed["device"]))
                self.assertEqual(float(row["objective"]), placed["objective"])

    def test_text_fits_the_terminal(self):
        for width in (80, 120):
            run = self.run_command(["env", f"COLUMNS={width}", PROGRAM, "compare", "result.h5", "--baseline",
                                    self.orin, "--at-model", "qwen2.5-0.5b"])
            for line in run.out.splitlines():
                self.assertLessEqual(len(line), width, line)
            for device in self.ids:
                self.assertIn(device, run.out)
        self.assertIn("no band of error is known", " ".join(run.out.split()))
        self.assertIn("ideal", run.out)
        g = self.group(self.comparison)
        self.assertIn(f"{g['rungs'][-1]['best'][0]['point']['loss']:.4f}", run.out)


class Models(Compare):
    def setUp(self):
        super().setUp()
        self.search(PLAIN)

    def test_a_model_is_placed_as_evaluate_says(self):
        result = Result(self.folder / "result.h5")
        comparison = self.compare("--at-model", "qwen2.5-0.5b", "--at-model", "qwen2-0.5b")
        f = self.frontiers(result, DEVICES)
        models = self.group(comparison)["models"]
        self.assertEqual([m["model"] for m in models], ["qwen2.5-0.5b", "qwen2-0.5b"])
        self.assertEqual(self.group(comparison, "*")["models"], [])
        for m in models:
            self.assertEqual([p["device"] for p in m["on"]], [ORIN, NANO, ROCK])
            for placed in m["on"]:
                e = json.loads(self.rooflaw("evaluate", "--model", m["model"], "--device", placed["device"],
                                            "--precision", "fp16", "--workload", "vla", "--json").out)
                self.close(placed["objective"], e["total_s"], "total")
                self.close(placed["loss"], e["loss"], "loss")
                own = f[placed["device"]]
                row, fastest = best_within(own, e["total_s"]), fastest_reaching(own, e["loss"])
                self.close(placed["best_loss"], float(own["loss"][row]), "best")
                self.close(placed["regret_nats"], e["loss"] - float(own["loss"][row]), "nats")
                self.close(placed["regret_ratio"], e["total_s"] / float(own["objective"][fastest]), "ratio")
                self.assertEqual(placed["misses"], [])

    def test_a_config_json_and_a_file_of_models(self):
        config = SOURCE / "tests/unit/io/configs/qwen3-0.6b.json"
        (one,) = self.group(self.compare("--at-model", config))["models"]
        e = json.loads(self.rooflaw("evaluate", config, "--device", ROCK, "--precision", "fp16", "--workload",
                                    "vla", "--json").out)
        self.close(one["on"][2]["objective"], e["total_s"], "total")
        model = {k: v for k, v in tomllib.loads(PLAIN)["space"].items() if k in ("vocab", "tied")}
        tables = [{"id": id, "layers": layers, "width": 1024, "heads": 16, "head_dim": 64, "kv_heads": 4,
                   "expert_ffn": 1024, **model} for id, layers in (("mine-8", 8), ("mine-24", 24))]
        self.write("mine.toml", "".join("[[model]]\n" + to_toml({"x": t}).split("\n", 1)[1] for t in tables))
        models = self.group(self.compare("--at-model", "mine.toml"))["models"]
        self.assertEqual([m["model"] for m in models], ["mine-8", "mine-24"])

    def test_models_of_the_job_are_kept_with_the_result(self):
        (self.folder / "own").mkdir()
        config = (SOURCE / "tests/unit/io/configs/qwen3-0.6b.json").read_text()
        self.write("own/config.json", config)
        job = PLAIN + '\n[compare]\nmodels = ["own/config.json", "qwen2.5-0.5b"]\n'
        run_text = self.rooflaw("search", self.write("own.toml", job), "-o", "own.h5", "--verbose").out
        (self.folder / "own/config.json").unlink()
        without_inputs = {**os.environ, "ROOFLAW_INPUTS": str(self.folder)}
        done = subprocess.run([PROGRAM, "compare", "own.h5", "--baseline", ORIN, "--json"], cwd=self.folder,
                              env=without_inputs, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        names = [m["model"] for m in self.group(json.loads(done.stdout))["models"]]
        self.assertEqual(sorted(names), ["own", "qwen2.5-0.5b"])
        self.assertRegex(run_text, r"\n +qwen2\.5-0\.5b ")
        again = self.group(self.compare("--at-model", "qwen2.5-0.5b", result="own.h5"))["models"]
        self.assertEqual(len(again), 2, "named twice, it is shown once")
        self.rooflaw("merge", "own.h5", "-o", "merged.h5")
        self.assertEqual(self.compare(result="merged.h5")["groups"], json.loads(done.stdout)["groups"])

    def test_faults_of_compare_models(self):
        for models, word in (('["no-such-model"]', "there is no model of this id"),
                             ('["gone.json"]', "no such file"), ('[]', "must not be empty"), ('3', "list"),
                             ('["qwen2.5-0.5b", "qwen2.5-0.5b"]', "named twice"),
                             ('["gemma-3n-e2b"]', "cannot express")):
            with self.subTest(models=models):
                job = self.write("bad.toml", PLAIN + f"\n[compare]\nmodels = {models}\n")
                run = self.rooflaw("search", job, "-o", "bad.h5", expect=2)
                self.assertIn(word, run.err, str(run))
                self.assertRegex(run.err, r"bad\.toml:\d+:\d+: compare\.models", str(run))
        run = self.rooflaw("search", self.write("bad.toml", PLAIN + "\n[compare]\nmodel = []\n"), expect=2)
        self.assertIn("compare.model", run.err, str(run))

    def test_no_inputs_folder_is_needed_but_for_new_ids(self):
        expected = self.compare("--at-model", "qwen2.5-0.5b")
        done = subprocess.run([PROGRAM, "compare", "result.h5", "--baseline", ORIN, "--json", "--at-model",
                               "qwen2.5-0.5b"], cwd=self.folder, capture_output=True, text=True,
                              env={**os.environ, "ROOFLAW_INPUTS": "/nowhere"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout), expected)


def set_column(file, path, values):
    if path in file:
        del file[path]
    file.create_dataset(path, data=numpy.asarray(values, float))


class Ties(Compare):
    def setUp(self):
        super().setUp()
        self.search(PLAIN)
        self.ratio = {d["device"]: d["ratio"]["mean"] for d in self.group(self.compare())["devices"]}

    def with_bands(self, bands):
        """Bands as factors, a device each; NaN where none is given."""
        path = self.folder / "result.h5"
        with h5py.File(path, "r+") as file:
            for target in file[f"frontiers/{LAW}"]:
                group = f"frontiers/{LAW}/{target}"
                latency = file[f"{group}/latency_s"][:]
                low, high = next((b for d, b in bands.items() if target.startswith(d)), (math.nan, math.nan))
                set_column(file, f"{group}/latency_low_s", low * latency)
                set_column(file, f"{group}/latency_high_s", high * latency)
        reseal(path)
        return {d["device"]: (d["tie"], d["band"]) for d in self.group(self.compare())["devices"]}

    def test_ties_within_the_band_of_either(self):
        near = self.ratio[NANO]
        self.assertGreater(near, 1.2)
        narrow = {d: (0.95, 1.05) for d in DEVICES}
        ties = self.with_bands(narrow)
        self.assertEqual({d: t for d, (t, _) in ties.items()}, {ORIN: None, NANO: False, ROCK: False})
        for _, (low, high) in ties.values():
            self.assertAlmostEqual(low, 0.95, delta=1e-12)
            self.assertAlmostEqual(high, 1.05, delta=1e-12)
        by_own = self.with_bands({**narrow, NANO: (0.99 / near, 1.1)})
        self.assertEqual({d: t for d, (t, _) in by_own.items()}, {ORIN: None, NANO: True, ROCK: False})
        text = self.rooflaw("compare", "result.h5", "--baseline", ORIN, "--verbose").out
        self.assertRegex(text, rf"{NANO} .*{near:.3g} =")
        self.assertIn("a tie", text)
        self.assertNotIn("no band of error", text)
        by_baseline = self.with_bands({**narrow, ORIN: (0.9, 1.01 * near)})
        self.assertEqual({d: t for d, (t, _) in by_baseline.items()}, {ORIN: None, NANO: True, ROCK: False})

    def test_what_has_no_band_is_said(self):
        ties = self.with_bands({ORIN: (0.95, 1.05)})
        self.assertEqual({d: t for d, (t, _) in ties.items()}, {ORIN: None, NANO: None, ROCK: None})
        text = " ".join(self.rooflaw("compare", "result.h5", "--baseline", ORIN).out.split())
        self.assertRegex(text, rf"no band of error is known.*: {NANO}, {ROCK}")

    def test_calibrated_devices_are_told_from_ideal_ones(self):
        job = edit(PLAIN, {"targets.devices": f'devices = [{{id = "{NANO}", efficiency = {{fp16 = {{bandwidth = '
                                              f'0.7}}}}}}, "{ORIN}"]'})
        self.search(job, "--force")
        (nano,) = [t for t in {t["device"] for t in Result(self.folder / "result.h5").targets()} if t != ORIN]
        comparison = self.compare()
        for precision, word in (("fp16", "measured"), ("q4_k_m", "ideal"), ("*", "mixed")):
            found = {d["device"]: d["calibration"] for d in self.group(comparison, precision)["devices"]}
            self.assertEqual(found, {ORIN: "ideal", nano: word})


class Errors(Compare):
    def fails(self, code, *arguments, words):
        run = self.rooflaw("compare", *arguments, expect=code)
        for word in words:
            self.assertIn(word, run.err, str(run))
        self.assertEqual(run.out, "", str(run))
        return run

    def test_arguments(self):
        self.search(PLAIN)
        self.fails(2, "result.h5", "--baseline", "jetson-agx-orin", words=["--baseline", *DEVICES, "did you mean"])
        self.fails(2, "result.h5", words=["baseline is missing", "usage"])
        self.fails(2, "--baseline", ORIN, words=["RESULT.h5 is missing"])
        self.fails(2, "result.h5", "--baseline", ORIN, "--json", "--csv", words=["exclude each other"])
        self.fails(2, "result.h5", "--baseline", ORIN, "--at-model", "qwen2.5-0.6b",
                   words=["--at-model", "there is no model of this id", "qwen2.5-0.5b"])
        self.fails(2, "result.h5", "--baseline", ORIN, "--at-model", "gemma-3n-e2b", words=["cannot express"])
        self.fails(2, "result.h5", "--baseline", ORIN, "--at-model", "gone.json", words=["no such file"])
        for budget in ("total", "total=", "total=-1", "energy=3", "sometimes=3s", "total=3GiB", "tpot=3ms"):
            self.fails(2, "result.h5", "--baseline", ORIN, "--budget", budget, words=["--budget"])

    def test_a_result_of_one_device(self):
        self.search(JOB)
        self.fails(2, "result.h5", "--baseline", ORIN, words=["one device only", ORIN, "merge"])

    def test_files_that_are_no_result(self):
        self.fails(3, "gone.h5", "--baseline", ORIN, words=["gone.h5"])
        self.write("text.h5", "no result")
        self.fails(3, "text.h5", "--baseline", ORIN, words=["text.h5"])
        self.search(PLAIN)
        contents = (self.folder / "result.h5").read_bytes()
        self.write("short.h5", contents[:len(contents) // 2])
        self.fails(3, "short.h5", "--baseline", ORIN, words=["short.h5"])

    def test_a_target_that_the_baseline_lacks(self):
        """What can be compared is, and what cannot is named, with exit code 2."""
        self.search(edit(PLAIN, {"targets.devices": f'devices = ["{ORIN}", "jetson-thor-t5000"]',
                                 "targets.precisions": 'precisions = ["fp16", "fp8"]',
                                 "targets.memory_budget":
                                     'memory_budget = "capacity"\nmissing_precision = "skip"'}))
        run = self.rooflaw("compare", "result.h5", "--baseline", ORIN, "--json", expect=2)
        self.assertIn(f"baseline {ORIN} has no target of precision fp8", run.err, str(run))
        comparison = json.loads(run.out)
        self.assertEqual({g["precision"] for g in comparison["groups"]}, {"*", "fp16"})
        self.assertEqual(len(comparison["faults"]), 2)
        other = self.compare(baseline="jetson-thor-t5000")
        (fp8,) = [g for g in other["groups"] if (g["precision"], g["latency"]) == ("fp8", "total")]
        self.assertEqual(fp8["devices"][1]["precisions"], [])
        self.assertEqual(fp8["rungs"][0]["picks"][0]["on"][1]["why_not"], "no fp8")
        self.rooflaw("compare", "result.h5", "--baseline", "jetson-thor-t5000")

    def test_an_empty_frontier(self):
        self.search(edit(PLAIN, {"targets.memory_budget": 'memory_budget = "capacity"\nmax_prefill_s = 0.01'}))
        run = self.rooflaw("compare", "result.h5", "--baseline", ORIN, "--json", expect=2)
        self.assertIn(f"target {ROCK}.fp16.vla.total has an empty frontier", run.err, str(run))
        rock = self.group(json.loads(run.out))["devices"][2]
        self.assertEqual((rock["device"], rock["points"], rock["fastest"], rock["ratio"]), (ROCK, 0, None, None))
        self.rooflaw("compare", "result.h5", "--baseline", ROCK, expect=2)

    def test_no_worths(self):
        self.search(PLAIN)
        path = self.folder / "result.h5"
        with h5py.File(path, "r+") as file:
            del file["sensitivity"]
        reseal(path)
        comparison = self.compare()
        self.assertFalse(comparison["has_worths"])
        worth = self.group(comparison)["rungs"][-1]["best"][0]["point"]["worth_10_percent"]
        self.assertEqual(worth, {"compute": None, "bandwidth": None, "memory": None})
        text = " ".join(self.rooflaw("compare", "result.h5", "--baseline", ORIN).out.split())
        self.assertIn("no worth_ columns", text)

    def test_a_result_of_another_model(self):
        """What is placed anew must not be compared with what another program computed."""
        self.search(PLAIN)
        path = self.folder / "result.h5"
        with h5py.File(path, "r+") as file:
            file[f"frontiers/{LAW}/{ORIN}.fp16.vla.total/objective"][0] *= 1.001
        reseal(path)
        self.fails(2, "result.h5", "--baseline", ORIN, words=["another version", "search again"])

    def test_a_frontier_that_is_none(self):
        self.search(PLAIN)
        path = self.folder / "result.h5"
        for column, value in (("objective", -1.0), ("objective", math.inf), ("loss", math.nan), ("loss", 99.0)):
            with self.subTest(column=column, value=value):
                with h5py.File(path, "r+") as file:
                    values = file[f"frontiers/{LAW}/{ORIN}.fp16.vla.total/{column}"]
                    before, values[1] = values[1], value
                reseal(path)
                self.fails(3, "result.h5", "--baseline", ORIN, words=["is no frontier"])
                with h5py.File(path, "r+") as file:
                    file[f"frontiers/{LAW}/{ORIN}.fp16.vla.total/{column}"][1] = before
                reseal(path)

    def test_changed_and_unsealed(self):
        self.search(PLAIN)
        with h5py.File(self.folder / "result.h5", "r+") as file:
            file.attrs["note"] = "mine"
        self.fails(3, "result.h5", "--baseline", ORIN, words=["changed"])
        self.rooflaw("compare", "result.h5", "--baseline", ORIN, "--unsealed")


class Spaces(Compare):
    def test_windows_mla_and_continuous_axes(self):
        for changes in ({"space.kv_heads": "kv_heads = [1, 4]\nwindow = {tokens = 128, global_every = 4}"},
                        {"space.kv_heads": 'kv_heads = [4]\nattention = ["gqa", "mla"]\nmla = [{kv_lora_rank = 256, '
                                           'qk_nope_head_dim = 64, qk_rope_head_dim = 32, v_head_dim = 64}]',
                         "space.tied": "tied = false"},
                        {"space.widths": "widths = {from = 768, to = 1024}"},
                        {"space.vocab": "vocab = 32000\nffn_sparsity = 0.5\nshared_ffn = [0, 512]"}):
            with self.subTest(changes=changes):
                self.search(edit(PLAIN, {**changes, "search.strategy": 'strategy = "exact"'}), "--force")
                for g in self.compare()["groups"]:
                    for rung in g["rungs"]:
                        for place, pick in enumerate(rung["picks"]):
                            if pick["on"]:
                                own = pick["on"][place]
                                self.assertEqual((own["regret_nats"], own["regret_ratio"]), (0, 1))

    def test_budgets_and_laws_make_groups(self):
        law = (INPUTS / "laws/codesign-2026.toml").read_text()
        self.write("law.toml", law.replace('id = "codesign-2026"', 'id = "other"'))
        self.search(edit(PLAIN, {"law.id": 'id = ["codesign-2026", "law.toml"]',
                                 "targets.memory_budget": 'memory_budget = ["usable", "2GiB"]'}))
        comparison = self.compare()
        self.assertEqual({(g["law"], g["budget"]) for g in comparison["groups"]},
                         {(law, budget) for law in (LAW, "other") for budget in ("usable", "2147483648")})
        self.assertIn("law other", self.rooflaw("compare", "result.h5", "--baseline", ORIN).out)

    def test_energy_as_what_is_traded(self):
        self.search(edit(COMPARE, {
            "targets.devices": f'devices = [{{id = "{NANO}", prefill_power = 12, decode_power = 9}}, '
                               f'{{id = "{ORIN}", prefill_power = 40, decode_power = 30}}]',
            "targets.latency": 'latency = ["energy"]'}))
        result = Result(self.folder / "result.h5")
        orin = next(t["device"] for t in result.targets() if t["device"].startswith(ORIN))
        g = self.group(self.compare(baseline=orin), latency="energy")
        self.assertEqual(g["unit"], "J")
        self.assertEqual(g["rungs"][0]["objective"], result.frontier(f"{orin}.fp16.vla.energy")["objective"][0])


class Plot(Compare):
    def test_plot(self):
        self.search(PLAIN)
        run = self.rooflaw("compare", "result.h5", "--baseline", ORIN, "--json")
        self.write("compare.json", run.out)
        script = SOURCE / "results/plot_comparison.py"
        plot = lambda *arguments, expect=0: self.run_command(["/usr/bin/python3", "-B", script, *arguments], expect)
        for arguments in ([], ["prefill"], ["total", "q4_k_m"]):
            plot("compare.json", "out.png", *arguments)
            self.assertEqual((self.folder / "out.png").read_bytes()[:4], b"\x89PNG")
            (self.folder / "out.png").unlink()
        self.assertIn("has no group", plot("compare.json", "out.png", "tpot", expect=1).err)
        self.assertIn("is not what", plot("result.h5", "out.png", expect=1).err)
        self.write("none/matplotlib.py", "raise ImportError('none')")
        without = self.run_command(["env", f"PYTHONPATH={self.folder}/none", "/usr/bin/python3", "-B", script,
                                    "compare.json", "out.png"], 1)
        self.assertIn("needs matplotlib", without.err)
        self.assertNotIn("Traceback", without.err)


if __name__ == "__main__":
    unittest.main()
