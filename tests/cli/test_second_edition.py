"""Windows and query ratios of a space, energy as an objective, lists of memory budgets: searches against
evaluations of the same architectures one by one."""

import itertools
import math
import pathlib
import sys
import tomllib
import unittest

import h5py
import numpy

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import JOB, ProgramTest, edit, entries, objective, row_case
from test_bad_input import BadInput

# Windows much shorter than the prompt, and a prompt of several passes.
WINDOWED = edit(JOB, {
    "space.layers": "layers = [6, 12, 18, 24]\nwindow = {tokens = 96, global_every = 6}\nquery_ratio = 1.5",
    "space.widths": "widths = [768, 1024, 1536]",
    "space.kv_heads": 'kv_heads = [1, 6, "heads"]',
    "targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]',
    "targets.precisions": 'precisions = ["fp16", "q4_k_m"]',
    "targets.workloads": 'workloads = ["vla", {id = "odd", batch = 3, input_tokens = 700, output_tokens = 45}]',
    "targets.latency": 'latency = ["prefill", "tpot", "total"]',
    "targets.memory_budget": 'memory_budget = "usable"',
    "engine.causal": "prefill_chunk = 300"})

POWERED = ('devices = [{id = "powered", memory_bytes = 8e9, bandwidth = 1e11, peak_flops = {fp16 = 1e13}, '
           'prefill_power = 31.5, decode_power = 9.25}]')
WITHOUT_POWER = '{id = "plain", memory_bytes = 8e9, bandwidth = 1e11, peak_flops = {fp16 = 1e13}%s}'

# Only what names the run may differ between two strategies.
NAMES_OF_RUNS = ("'job_toml'", "'strategy'", "'command_line'")


def differences(a, b):
    return [line for line in a.differences(b).splitlines() if not any(name in line for name in NAMES_OF_RUNS)]


class AgainstEvaluate(ProgramTest):
    def check_rows(self, result, job, devices=None):
        """Every row of every frontier, evaluated once more: the same to the last bit."""
        rows = 0
        for target in result.targets():
            f = result.frontier(target)
            for i in range(len(f["loss"])):
                case = row_case(f, i, job, target)
                for table, given in (("device", devices), ("workload", job["targets"]["workloads"])):
                    inline = {w["id"]: w for w in given or [] if isinstance(w, dict)}
                    case[table] = inline.get(str(target[table]), case[table])
                e = self.evaluate(case)
                names = ("loss", "perplexity", "prefill_s", "decode_s", "tpot_s", "params_total", "params_active",
                         "ffn_ratio", "activation_rate")
                stored = {name: f[name][i].item() for name in names} | {"memory": f["memory_bytes"][i].item()}
                memory = e["memory"]["weights"] + e["memory"]["kv"] + e["memory"]["workspace"]
                self.assertEqual(stored, {name: e[name] for name in names} | {"memory": memory},
                                 f"{target['id']} row {i}")
                self.assertEqual(bool(f["extrapolated"][i]), e["extrapolated"])
                kind = "energy_j" if target["latency"] == "energy" else f"{target['latency']}_s"
                self.assertEqual(objective(f)[i].item(), e[kind], f"{target['id']} row {i}")
                rows += 1
        return rows


class Windows(AgainstEvaluate):
    def test_every_row_is_the_architecture_of_two_groups(self):
        result = self.search(WINDOWED)
        job = tomllib.loads(WINDOWED)
        self.assertEqual(len(result.targets()), 24)
        self.assertGreater(self.check_rows(result, job), 300)
        depths = set()
        for target in result.targets():
            f = result.frontier(target)
            depths |= set(f["layers"].tolist())
            self.assertTrue(numpy.all(f["heads"] * 64 == 1.5 * f["width"]), "query_ratio * width / head_dim")
            self.assertTrue(numpy.all(f["extrapolated"] == 1), "the law has not seen windows")
        self.assertGreater(len(depths), 1)

    def test_engines_with_windows(self):
        for engine in ('attention = "eager"', 'window_cache = "full"\nelementwise = "fused"',
                       'kv_traffic = "query_heads"\nprefill_chunk = 64\nlm_head = false',
                       'causal = false\nprefill_chunk = 0\nelementwise = "ignored"'):
            with self.subTest(engine):
                text = edit(WINDOWED, {"engine.prefill_chunk": engine, "targets.precisions": 'precisions = ["int8"]',
                                       "targets.devices": 'devices = ["jetson-agx-orin-64gb"]'})
                self.assertGreater(self.check_rows(self.search(text), tomllib.loads(text)), 50)

    def test_exact_is_grid(self):
        for change in ({}, {"targets.memory_budget": "memory_budget = 1.5e9"},
                       {"space.tied": "tied = true\nffn_multiple_of = 32",
                        "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.125, to = 4, step = 0.125}"}):
            with self.subTest(change):
                text = edit(WINDOWED, change)
                grid = self.search(text)
                exact = self.search(edit(text, {"search.strategy": 'strategy = "exact"'}))
                self.assertEqual(differences(exact, grid), [])
                for target in exact.targets():
                    self.assertEqual(exact.attribute(exact.group(target), "certified"), 1)

    def test_a_window_never_slows_a_design_down(self):
        """The law does not see it: the same losses, from less attention and a smaller cache."""
        with_window = self.search(WINDOWED)
        text = edit(WINDOWED, {"space.window": None})
        without = self.search(text, name="without.toml")
        for target in with_window.targets():
            a, b = with_window.frontier(target), without.frontier(target)
            for x, loss in zip(objective(b), b["loss"]):
                self.assertLessEqual(a["loss"][objective(a) <= x].min(), loss, target["id"])

    def test_a_window_of_everything_and_a_pattern_of_global_layers_change_no_cost(self):
        plain = self.search(edit(WINDOWED, {"space.window": None}))
        for window in ("tokens = 2000, global_every = 6", "tokens = 1, global_every = 1"):
            with self.subTest(window):
                result = self.search(edit(WINDOWED, {"space.window": f"window = {{{window}}}"}))
                for target in plain.targets():
                    ours, theirs = result.frontier(target), plain.frontier(target)
                    self.assertEqual(ours["index"].tolist(), theirs["index"].tolist())
                    self.assertEqual(ours["loss"].tolist(), theirs["loss"].tolist())
                    for name in ("prefill_s", "decode_s", "memory_bytes"):
                        numpy.testing.assert_allclose(ours[name], theirs[name], rtol=1e-13, err_msg=name)

    def test_points_in_space(self):
        space = tomllib.loads(WINDOWED)["space"]
        count = 0
        for width in space["widths"]:
            heads = 1.5 * width / 64
            self.assertEqual(heads, int(heads))
            kv = {int(heads) if k == "heads" else k for k in space["kv_heads"]}
            count += sum(heads % k == 0 for k in kv)
        count *= len(space["layers"]) * len(space["expert_ffn_ratio"]) * 3  # dense, 1 of 8, 2 of 8
        self.assertEqual(self.search(WINDOWED).attribute("/", "points_in_space"), count)


class FaultsOfSpaces(BadInput):
    def test_windows(self):
        for window, *faults in (
                ("§3", ("space.window", "table")),
                ("§{global_every = 2}", ("space.window.tokens", "missing")),
                ("§{tokens = 64}", ("space.window.global_every", "missing")),
                ("{tokens = §0, global_every = §-1}", ("space.window.tokens", "= 0:"),
                 ("space.window.global_every", "= -1:")),
                ("{tokens = §64.5, global_every = 2, §every = 2}", ("space.window.tokens", "whole"),
                 ("space.window.every", "unknown key"))):
            with self.subTest(window):
                self.job({"space.tied": f"window = {window}"}, *faults)

    def test_depths_that_are_no_whole_periods(self):
        self.job({"space.layers": "layers = [§4, 6, §8, 12]\nwindow = {tokens = 64, global_every = 6}"},
                 ("space.layers", "= 4:", "global_every"), ("space.layers", "= 8:", "global_every"))

    def test_no_law_was_fitted_on_windows(self):
        job = edit(WINDOWED, {"law.id": 'id = "codesign-2026"\nrange = "enforce"'})
        for strategy in ("exact", "grid", "plas"):
            self.write("job.toml", job)
            run = self.rooflaw("search", "job.toml", "--set", f"search.strategy={strategy}", expect=2)
            self.assertIn("law.range = 'enforce': leaves no architecture", run.err.replace('"', "'"))
        result = self.search(edit(WINDOWED, {"search.strategy": 'strategy = "exact"'}))
        with h5py.File(result.path) as file:
            self.assertNotIn("frontiers_in_range", file)

    def test_windows_and_mla(self):
        mla = ('attention = ["gqa", "mla"]\nmla = [{kv_lora_rank = 64, qk_nope_head_dim = 64, '
               'qk_rope_head_dim = 64, v_head_dim = 64}]\nwindow = §{tokens = 64, global_every = 2}')
        self.job({"space.tied": mla}, ("space.window", "gqa"))

    def test_query_ratios(self):
        for ratio in ("0", "-1", "nan", "inf", "'1.5'", "true", "[1, 2]"):
            with self.subTest(ratio):
                self.job({"space.tied": f"query_ratio = §{ratio}"}, ("space.query_ratio",))
        # 0.75 x 768 / 64 is whole, 0.75 x 832 / 64 is not.
        self.job({"space.widths": "widths = [768, §832, 1024]\nquery_ratio = 0.75"},
                 ("space.widths", "= 832:", "query_ratio"))


class QueryRatios(AgainstEvaluate):
    def test_rows_have_as_many_heads(self):
        for ratio in (0.5, 0.75, 1.0, 2):
            with self.subTest(ratio):
                text = edit(JOB, {"space.tied": f"query_ratio = {ratio}"})
                result = self.search(text)
                (target,) = result.targets()
                f = result.frontier(target)
                self.assertTrue(numpy.all(f["heads"] == ratio * f["width"] / 64))
                self.assertGreater(self.check_rows(result, tomllib.loads(text)), 5)
                exact = self.search(edit(text, {"search.strategy": 'strategy = "exact"'}))
                self.assertEqual(differences(exact, result), [])
        self.assertEqual(differences(self.search(JOB), self.search(edit(JOB, {"space.tied": "query_ratio = 1"}))), [])


class Energy(AgainstEvaluate):
    JOB = edit(JOB, {"targets.devices": POWERED, "targets.latency": 'latency = ["energy", "total"]'})

    def test_the_frontier_is_that_of_all_architectures_evaluated(self):
        job = tomllib.loads(self.JOB)
        space, (device,) = job["space"], job["targets"]["devices"]
        points = []
        for layers, width, kv, ratio, (experts, top_k) in itertools.product(
                space["layers"], space["widths"], space["kv_heads"], space["expert_ffn_ratio"],
                ((1, 1), (8, 1), (8, 2))):
            heads = width // 64
            e = self.evaluate({"architecture": {
                "layers": layers, "width": width, "heads": heads, "head_dim": 64,
                "kv_heads": heads if kv == "heads" else kv, "expert_ffn": int(ratio * width), "experts": experts,
                "top_k": top_k, "vocab": space["vocab"]}, "device": device, "precision": {"id": "fp16"},
                "workload": {"id": "vla"}})
            self.assert_close(e["energy_j"], 31.5 * e["prefill_s"] + 9.25 * e["decode_s"], "energy")
            points.append((e["energy_j"], e["loss"]))
        best = math.inf
        expected = []
        for joules, loss in sorted(set(points)):
            if loss < best:
                expected.append((joules, loss))
                best = loss
        result = self.search(self.JOB)
        energy = result.frontier(result.targets()[0])
        self.assertEqual(list(zip(objective(energy).tolist(), energy["loss"].tolist())), expected)
        self.assertEqual([t["latency"] for t in result.targets()], ["energy", "total"])
        self.assertGreater(self.check_rows(result, job, [device]), 10)

    def test_exact_is_grid(self):
        text = edit(self.JOB, {"space.layers": "layers = {from = 4, to = 32, step = 4}\n"
                                               "window = {tokens = 200, global_every = 4}",
                               "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.25}"})
        self.assertEqual(differences(self.search(edit(text, {"search.strategy": 'strategy = "exact"'})),
                                     self.search(text)), [])

    def test_equal_powers_rank_as_the_time_does(self):
        text = edit(self.JOB, {"targets.devices": POWERED.replace("31.5", "8.0").replace("9.25", "8.0")})
        result = self.search(text)
        energy, total = (result.frontier(t) for t in result.targets())
        self.assertEqual(energy["index"].tolist(), total["index"].tolist())
        # A power of two: the products are exact.
        numpy.testing.assert_allclose(objective(energy), 8.0 * objective(total), rtol=1e-15)


class EnergyWithoutPowers(BadInput):
    def test_is_a_fault(self):
        for power in ("", ", prefill_power = 30.0", ", decode_power = 30.0"):
            with self.subTest(power):
                run = self.job({"targets.devices": f"devices = [{WITHOUT_POWER % power}]",
                                "targets.latency": 'latency = §["energy"]'},
                               ("targets.latency", "plain", "power"))
                self.assertIn('missing_precision = "skip"', run.err)
        self.job({"targets.devices": 'devices = [{id = "jetson-agx-orin-64gb", prefill_power = §0, '
                                     'decode_power = §-1}]',
                  "targets.latency": 'latency = ["energy"]'},
                 ("targets.devices.prefill_power", "= 0:"), ("targets.devices.decode_power", "= -1:"))

    def test_is_left_out_where_the_job_skips(self):
        both = POWERED[:-1] + ", " + WITHOUT_POWER % "" + "]"
        result = self.search(edit(JOB, {"targets.devices": both, "targets.latency":
                                        'latency = ["energy", "total"]\nmissing_precision = "skip"'}))
        self.assertEqual([(t["device"], t["latency"]) for t in result.targets()],
                         [("powered", "energy"), ("powered", "total"), ("plain", "total")])
        self.job({"targets.devices": f"devices = §[{WITHOUT_POWER % ''}]",
                  "targets.latency": 'latency = ["energy"]\nmissing_precision = "skip"'},
                 ("targets.devices", "no target"))


class MemoryBudgets(ProgramTest):
    BUDGETS = {"usable": '"usable"', "capacity": '"capacity"', "none": '"none"', "450000000": "450000000",
               "800000000": "8e8", "1073741824": '"1GiB"', "600000000": '"0.6 GB"'}
    JOB = edit(WINDOWED, {"targets.memory_budget": f"memory_budget = [{', '.join(BUDGETS.values())}]",
                          "targets.workloads": 'workloads = ["vla"]',
                          "targets.latency": 'latency = ["tpot", "total"]'})

    def test_each_target_is_that_of_the_run_with_its_budget_alone(self):
        for strategy in ("grid", "exact"):
            with self.subTest(strategy):
                text = edit(self.JOB, {"search.strategy": f'strategy = "{strategy}"',
                                       "refine.enabled": "enabled = true"})
                result = self.search(text)
                lengths = set()
                for name, budget in self.BUDGETS.items():
                    alone = self.search(edit(text, {"targets.memory_budget": f"memory_budget = {budget}"}))
                    for target in alone.targets():
                        ours = next(t for t in result.targets() if t["id"] == f"{target['id']}.{name}")
                        self.assertEqual({**ours, "id": target["id"]}, target)
                        tables = {p.split("/")[1] for p in result.datasets if p.startswith("/") and
                                  f"/{ours['id']}/" in p} - {"targets", "inputs", "runtime"}
                        self.assertLessEqual({"frontiers", "sensitivity", "theory"}, tables)
                        for table in tables:
                            def columns(of, id_):
                                prefix = f"/{table}/codesign-2026/{id_}/"
                                return {p[len(prefix):]: v.tobytes() for p, v in of.datasets.items()
                                        if p.startswith(prefix)}
                            self.assertEqual(columns(result, ours["id"]), columns(alone, target["id"]),
                                             f"{table} of {ours['id']}")
                        lengths.add(len(result.frontier(ours)["loss"]))
                self.assertGreater(len(lengths), 3, "budgets that bind")

    def test_ids_and_bytes(self):
        targets = self.search(self.JOB).targets()
        orin, nano = (entries("device")[name] for name in ("jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"))
        expected = []
        for device, precision in itertools.product((orin, nano), ("fp16", "q4_k_m")):
            amounts = {"usable": device["usable_memory_bytes"], "capacity": device["memory_bytes"], "none": math.inf}
            expected += [(f"{device['id']}.{precision}.vla.{kind}.{name}", amounts.get(name) or float(name))
                         for name in self.BUDGETS for kind in ("tpot", "total")]
        self.assertEqual(sorted((str(t["id"]), t["memory_budget_bytes"]) for t in targets), sorted(expected))
        self.assertEqual([str(t["device"]) for t in targets],
                         [orin["id"]] * (len(targets) // 2) + [nano["id"]] * (len(targets) // 2))

    def test_a_larger_budget_is_never_worse(self):
        result = self.search(self.JOB)
        targets = [t for t in result.targets() if t["id"].startswith("jetson-agx-orin-64gb.fp16.vla.total.")]
        targets.sort(key=lambda t: t["memory_budget_bytes"])
        for small, large in zip(targets, targets[1:]):
            a, b = result.frontier(small), result.frontier(large)
            for x, loss, memory in zip(objective(a), a["loss"], a["memory_bytes"]):
                self.assertLessEqual(memory, small["memory_budget_bytes"])
                self.assertLessEqual(b["loss"][objective(b) <= x].min(), loss)

    def test_a_list_of_one_names_its_target(self):
        (target,) = self.search(edit(JOB, {"targets.memory_budget": "memory_budget = ['4GiB']"})).targets()
        self.assertEqual((target["id"], target["memory_budget_bytes"]),
                         ("jetson-agx-orin-64gb.fp16.vla.total.4294967296", 4 * 2**30))


if __name__ == "__main__":
    unittest.main()
