"""The Python module of results/ against what the program itself tells: `export`, `best` and `compare --json`, and scans
of the exported rows; and its errors."""

import csv
import json
import math
import random
import shutil
import sys
import unittest
import warnings

import h5py
import pandas

sys.dont_write_bytecode = True
from support import JOB, PROGRAM, SOURCE, ProgramTest, edit, reseal

sys.path.insert(0, str(SOURCE / "results"))
import rooflaw

ORIN, NANO = "jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"
SMALL = edit(JOB, {"space.layers": "layers = [4, 8, 16, 24]", "space.widths": "widths = [768, 1024, 1536, 4096]",
                   "targets.devices": f'devices = ["{NANO}", "{ORIN}", "apple-m1-pro.ideal"]',
                   "targets.precisions": 'precisions = ["fp16", "q4_k_m"]',
                   "targets.latency": 'latency = ["prefill", "tpot", "total"]'})


class Module(ProgramTest):
    def made(self, job, name="result.h5", inputs=SOURCE / "inputs"):
        """The result of a job with the calibration that ships with the program: without it there are no bands."""
        self.write("job.toml", job)
        self.run_command(["env", f"ROOFLAW_INPUTS={inputs}", PROGRAM, "search", "job.toml", "-o", name,
                          *self.force(name)])
        return self.folder / name

    def exported(self, path, kind="frontiers"):
        """The rows of a result by law and target, as `export` writes them: texts."""
        shutil.rmtree(self.folder / "csv", ignore_errors=True)
        self.rooflaw("export", path, "-o", "csv")
        tables = {}
        for file in sorted((self.folder / "csv" / kind).glob("*/*.csv")):
            with open(file, newline="") as lines:
                tables[file.parent.name, file.name[:-4]] = list(csv.DictReader(lines))
        return tables

    def same(self, value, text, where):
        if isinstance(value, str):
            self.assertEqual(value, text, where)
        else:
            self.assertTrue(float(value) == float(text) or (math.isnan(value) and text == "nan"), f"{where}: {value} {text}")


class Tables(Module):
    def test_every_number_of_export(self):
        job = edit(SMALL, {"search.strategy": 'strategy = "exact"', "refine.enabled": "enabled = true",
                           "targets.memory_budget": 'memory_budget = ["1GiB", "usable"]'})
        path = self.made(job)
        result = rooflaw.load(path, also=["sensitivity", "refined"])
        for kind in ("frontiers", "frontiers_in_range", "sensitivity", "refined"):
            told = self.exported(path, kind)
            self.assertEqual(set(result.tables[kind]), set(told), kind)
            self.assertGreater(sum(map(len, told.values())), 100)
            for key, rows in told.items():
                table = result.tables[kind][key]
                self.assertEqual((len(table), set(table)), (len(rows), set(rows[0]) if rows else set(table)))
                for name in table:
                    for row, value in enumerate(table[name]):
                        self.same(value, rows[row][name], (kind, key, name, row))

    def test_targets_and_provenance(self):
        path = self.made(edit(SMALL, {"targets.memory_budget": 'memory_budget = ["1GiB", "usable"]'}))
        result = rooflaw.load(path)
        self.exported(path)
        with open(self.folder / "csv/targets.csv", newline="") as lines:
            told = list(csv.DictReader(lines))
        self.assertEqual(result.targets.index.tolist(), [row["id"] for row in told])
        self.assertEqual([target for _, target in result.frontiers], [row["id"] for row in told], "the job's order")
        for name in set(told[0]) - {"id"}:
            for value, row in zip(result.targets[name], told):
                self.same(value, row[name], (name, row["id"]))
        self.assertEqual(set(result.targets.budget), {"1073741824", "usable"})
        self.assertEqual(rooflaw.load(self.made(SMALL)).targets.budget.unique().tolist(), ["capacity"])
        self.assertEqual(result.laws, ["codesign-2026"])
        self.assertIn("apple-m1-pro.ideal", result.provenance["job_toml"])

    def test_filters(self):
        result = rooflaw.load(self.made(SMALL))
        points = rooflaw.frontier(result, device=[ORIN, NANO], latency="tpot")
        self.assertEqual(set(zip(points.device, points.precision, points.latency)),
                         {(d, p, "tpot") for d in (ORIN, NANO) for p in ("fp16", "q4_k_m")})
        whole = rooflaw.frontier(result)
        self.assertEqual(len(whole), sum(map(len, result.frontiers.values())))
        one = rooflaw.frontier(result, f"{ORIN}.fp16.vla.total")
        pandas.testing.assert_frame_equal(one[result.frontiers["codesign-2026", f"{ORIN}.fp16.vla.total"].columns],
                                          result.frontiers["codesign-2026", f"{ORIN}.fp16.vla.total"])
        for which, said in (({"device": "rk3588"}, "rk3588.*it has.*" + NANO), ({"target": "none"}, "none"),
                            ({"latency": "energy"}, "energy.*prefill, total, tpot|energy.*prefill, tpot, total")):
            with self.assertRaisesRegex(ValueError, said):
                rooflaw.frontier(result, **which)
        self.assertRaisesRegex(TypeError, "chip", rooflaw.frontier, result, chip=ORIN)


class Best(Module):
    def check(self, path, in_range):
        result = rooflaw.load(path)
        told = self.exported(path, "frontiers_in_range" if in_range else "frontiers")
        random_ = random.Random(5)
        budgets = {}
        for kind in ("prefill", "tpot", "total"):
            times = [float(r["objective"]) for (_, t), rows in told.items() if t.endswith(kind) for r in rows]
            exact = random_.sample(times, 3)  # a budget that a point meets to the last bit
            budgets[kind] = exact + [x * (1 - 1e-12) for x in exact] + [min(times) * 0.5, max(times) * 2]
        best = rooflaw.best(result, budgets, in_range=in_range)
        self.assertEqual(len(best), 8 * len(result.frontiers))
        empty = 0
        for row in best.to_dict("records"):
            within = [r for r in told.get((row["law"], row["target"]), []) if float(r["objective"]) <= row["within"]]
            if not within:
                empty += 1
                self.assertTrue(pandas.isna(row["loss"]) and pandas.isna(row["layers"]), row)
                continue
            least = min(within, key=lambda r: float(r["loss"]))
            for name in least:
                self.same(row[name], least[name], (row["target"], name))
            self.assertTrue(row["certified"])
        self.assertGreater(empty, 0)
        self.assertEqual(str(best.layers.dtype), "Int64")

    def test_the_lowest_loss_within_a_time(self):
        path = self.made(edit(SMALL, {"search.strategy": 'strategy = "exact"'}))
        self.check(path, in_range=False)
        self.check(path, in_range=True)

    def test_in_range_where_the_space_is_bound_to_it(self):
        result = rooflaw.load(self.made(edit(SMALL, {"law.id": 'id = "codesign-2026"\nrange = "enforce"'})))
        self.assertEqual(result.tables["frontiers_in_range"], {})
        pandas.testing.assert_frame_equal(rooflaw.best(result, in_range=True), rooflaw.best(result))

    def test_unproven(self):
        job = edit(SMALL, {"search.strategy": 'strategy = "sample"\nmax_evaluations = 30'})
        result = rooflaw.load(self.made(job))
        self.assertEqual(set(rooflaw.best(result).certified), {False})
        self.assertEqual(result.tables["frontiers_in_range"], {})
        inside, whole = rooflaw.frontier(result, in_range=True), rooflaw.frontier(result)
        pandas.testing.assert_frame_equal(inside, whole[whole.extrapolated == 0].reset_index(drop=True))
        self.assertLess(len(inside), len(whole))

    def test_what_best_prints(self):
        path = self.made(edit(SMALL, {"search.strategy": 'strategy = "exact"'}))
        result = rooflaw.load(path)
        for options, budgets in (([], None), (["--budget", "total=90ms", "--budget", "tpot=6ms", "--budget", "total=10"],
                                              {"total": ["90ms", 10], "tpot": "6ms"})):
            told = json.loads(self.rooflaw("best", path, "--json", *options).out)
            for in_range in (False, True):
                mine = rooflaw.best(result, budgets, in_range=in_range)
                self.assertEqual(mine[["target", "within"]].values.tolist(), [[d["target"], d["within"]] for d in told])
                for row, decision in zip(mine.to_dict("records"), told):
                    point = decision["in_range" if in_range else "best"]
                    if point is None:
                        self.assertTrue(pandas.isna(row["loss"]), row)
                        continue
                    for name in ("loss", "objective", "layers", "width", "kv_heads", "expert_ffn", "experts", "memory_bytes"):
                        self.assertEqual(row[name], point[name], (row["target"], name))
                    self.assertEqual(row["certified"], decision["certified"])

    def test_budgets_with_units_and_without(self):
        result = rooflaw.load(self.made(SMALL))
        asked = rooflaw.best(result, {"total": ["250ms", "0.25 s", 0.25, "250000us"], "tpot": "1min"}, device=ORIN,
                             precision="fp16")
        self.assertEqual(asked.within.tolist(), [60.0] + [0.25] * 4)
        for budgets, said in (({"total": "3 parsec"}, "ns, us, ms"), ({"total": -1}, "above 0"), ({"total": "nan"}, "must be a time"), ({"total": math.nan}, "above 0"),
                              ({"energy": 1}, "no target of latency energy")):
            with self.assertRaisesRegex(ValueError, said):
                rooflaw.best(result, budgets)


class Compare(Module):
    def check(self, path, baseline, *options, budgets=None):
        told = json.loads(self.rooflaw("compare", path, "--baseline", baseline, "--json", *options).out)
        devices, best = rooflaw.compare(rooflaw.load(path), baseline, budgets)
        ties = set()
        self.assertEqual(len(devices), sum(len(g["devices"]) for g in told["groups"]))
        number = lambda x: math.nan if x is None else x
        close = lambda a, b, where: self.assertTrue(
            (math.isnan(a) and math.isnan(b)) or abs(a - b) <= 1e-9 * abs(b), f"{where}: {a} instead of {b}")
        keys = ["law", "precision", "workload", "latency", "budget"]
        for group in told["groups"]:
            mine = devices[(devices[keys] == [group[key] for key in keys]).all(axis=1)]
            self.assertEqual(mine.device.tolist(), [d["device"] for d in group["devices"]])
            for row, device in zip(mine.to_dict("records"), group["devices"]):
                where = (group["precision"], group["latency"], device["device"])
                ratio = device["ratio"] or {}
                for name, key in (("ratio", "mean"), ("ratio_least", "least"), ("ratio_largest", "largest"),
                                  ("loss_from", "loss_from"), ("loss_to", "loss_to")):
                    close(row[name], number(ratio.get(key)), (*where, name))
                band = device["band"] or [None, None]
                close(row["band_low"], number(band[0]), where)
                close(row["band_high"], number(band[1]), where)
                self.assertEqual((row["tie"], row["points"]), (device["tie"], device["points"]), where)
                ties.add(row["tie"])
            rows = best[(best[keys] == [group[key] for key in keys]).all(axis=1)]
            self.assertEqual(len(rows), len(group["rungs"]) * len(group["devices"]))
            for place, device in enumerate(group["devices"]):
                of = rows[rows.device == device["device"]].to_dict("records")
                for row, rung in zip(of, group["rungs"]):
                    point = rung["best"][place]["point"]
                    self.assertEqual(row["within"], rung["objective"])
                    if point is None:
                        self.assertTrue(math.isnan(row["loss"]))
                        continue
                    self.assertEqual((row["loss"], row["objective"], row["chosen"]),
                                     (point["loss"], point["objective"], point["precision"]))
                    for name in ("layers", "width", "kv_heads", "expert_ffn", "experts", "top_k"):
                        self.assertEqual(row[name], point["architecture"][name], name)
        return ties

    def test_what_compare_prints(self):
        path = self.made(SMALL)
        ties = self.check(path, ORIN)
        self.assertTrue({True, None} <= ties, f"an own band, and one that is unknown (apple-m1-pro.ideal): {ties}")
        self.check(path, NANO)
        self.check(path, ORIN, "--budget", "total=80ms", "--budget", "total=2ms", budgets={"total": ["80ms", 0.002]})
        self.check(path, NANO, "--budget", "tpot=7ms", budgets={"tpot": 0.007})

    def test_measured_devices(self):
        job = edit(SMALL, {"targets.devices": f'devices = ["rk3588", "raspberry-pi-5", "{NANO}"]',
                           "targets.precisions": 'precisions = ["q8_0"]', "targets.latency": 'latency = ["tpot", "total"]'})
        self.assertIn(False, self.check(self.made(job), NANO))

    def test_precisions_that_are_as_good(self):
        """bf16 and fp16 have the same times and losses: of two equal points the first precision's is kept."""
        job = edit(SMALL, {"targets.devices": f'devices = ["{NANO}", "{ORIN}"]',
                           "targets.precisions": 'precisions = ["bf16", "fp16"]', "targets.latency": 'latency = ["total"]'})
        self.check(self.made(job), ORIN)

    def test_what_cannot_be_compared(self):
        result = rooflaw.load(self.made(SMALL))
        with self.assertRaisesRegex(ValueError, "rk3588"):
            rooflaw.compare(result, "rk3588")
        with self.assertRaisesRegex(ValueError, "another"):
            rooflaw.compare(result, ORIN, device=ORIN)
        # A precision that one chip lacks: its group is compared where the baseline has it.
        job = edit(SMALL, {"targets.devices": f'devices = ["{NANO}", {{id = "{ORIN}", peak_flops = {{fp16 = 1e14}}}}]',
                           "targets.precisions": 'precisions = ["fp16", "int8"]',
                           "targets.memory_budget": 'memory_budget = "capacity"\nmissing_precision = "skip"'})
        lacking = rooflaw.load(self.made(job))
        (changed,) = set(lacking.targets.device) - {NANO}
        with self.assertWarnsRegex(UserWarning, "has no target of .*int8"):
            devices = rooflaw.compare(lacking, changed).devices
        self.assertEqual(set(devices.precision), {"*", "fp16"})
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            devices = rooflaw.compare(lacking, NANO).devices
        self.assertEqual(set(devices[devices.precision == "int8"].device), {NANO})


class Refused(Module):
    def refused(self, path, said, **options):
        with self.assertRaisesRegex(rooflaw.ResultError, said):
            rooflaw.load(path, **options)

    def test_what_is_no_result(self):
        self.refused(self.write("text.h5", "a text\n"), "text.h5: is no result")
        self.refused(self.write("text.h5", "a text\n"), "is no HDF5 file", unsealed=True)
        self.refused(self.write("empty.h5", ""), "is no result")
        with h5py.File(self.folder / "foreign.h5", "w") as file:
            file["loss"] = [1.0]
        reseal(self.folder / "foreign.h5")
        self.refused(self.folder / "foreign.h5", "no result of rooflaw")
        with self.assertRaises(FileNotFoundError):
            rooflaw.load("nowhere.h5")

    def test_other_formats(self):
        path = self.made(SMALL)
        for version, read in (([1, 4], False), ([3, 0], False), ([2, 9], True)):
            with h5py.File(path, "r+") as file:
                file.attrs["format_version"] = version
            reseal(path)
            if read:
                rooflaw.load(path)
            else:
                self.refused(path, rf"format {version[0]}\.{version[1]}.*reads 2\.x")

    def test_damaged_and_changed(self):
        whole = (path := self.made(SMALL)).read_bytes()
        path.write_bytes(whole[:-1000])
        self.refused(path, "cut, damaged or changed")
        path.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
        self.refused(path, "damaged")
        path.write_bytes(whole)
        with h5py.File(path, "r+") as file:
            file.attrs["comment"] = "ours"
        self.refused(path, "changed")
        self.assertEqual(rooflaw.load(path, unsealed=True).provenance["comment"], "ours")


if __name__ == "__main__":
    unittest.main()
