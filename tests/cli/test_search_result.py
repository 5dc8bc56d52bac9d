"""RESULT.h5 of small jobs: what is in it, that it is right, and what inspect and export make of it."""

import datetime
import hashlib
import math
import sys
import tomllib
import unittest

import h5py
import numpy

sys.dont_write_bytecode = True
from support import (FRONTIER_UNITS, GOLDEN, INPUTS, JOB, ProgramTest, Result, edit, entries, hypervolume,
                     objective, read_csv, reseal, row_case, to_toml)

# Every kind of block, several targets, limits of both sorts.
MIXED = """\
[job]
name = "mixed"
seed = 7
output = "result.h5"

[search]
strategy = "grid"

[space]
attention = ["gqa", "mla"]
ffn = ["gated", "plain"]
layers = {from = 4, to = 36, step = 8}
widths = [768, 1024, 2048]
head_dim = 64
kv_heads = [1, 4, "heads"]
mla = [{kv_lora_rank = 128, qk_nope_head_dim = 64, qk_rope_head_dim = 32, v_head_dim = 64},
       {kv_lora_rank = 256, q_lora_rank = 384, qk_nope_head_dim = 64, qk_rope_head_dim = 32, v_head_dim = 64}]
expert_ffn_ratio = [0.5, 1, 2.6666666666666665]
ffn_multiple_of = 64
ffn_sparsity = 0.25
shared_ffn = [0, 512]
experts = [1, 8, 16]
top_k = [1, 2]
vocab = 32000
tied = false

[law]
id = "codesign-2026"

[targets]
devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]
precisions = ["fp16", "q4_k_m"]
workloads = ["vla", "embodied"]
latency = ["prefill", "tpot", "total"]
memory_budget = 2e9
max_total_s = 0.5

[engine]
attention = "eager"
kv_traffic = "query_heads"
mla = "expanded"
"""

REQUIRED_ROOT = {"filetype", "format_version", "program_version", "git_commit", "command_line",
                 "job_toml", "strategy", "seed", "points_in_space", "complete"}
TARGET_UNITS = {"id": "", "device": "", "precision": "", "workload": "", "latency": "",
                "memory_budget_bytes": "B", "calibrated": "1"}
TARGET_EXTRAS = {"attention_type", "device_confidence", "efficiency", "engine", "objective_unit"}
ANALYSES = {
    "sensitivity": {"dloss_dlayers", "dloss_dwidth", "dloss_dffn_ratio", "dloss_dactivation_rate",
                    "dloss_dkv_dim", "exchange_layers", "exchange_width", "exchange_ffn_ratio",
                    "exchange_kv_dim", "elasticity_compute", "elasticity_bandwidth",
                    "elasticity_overhead", "worth_compute", "worth_bandwidth", "worth_memory"},
    "theory": {"layers", "width", "ffn_ratio", "gqa", "activation_rate", "loss", "binding",
               "search_minus_theory_loss"}}
FRONTIER_ATTRIBUTES = {"hypervolume", "reference_latency_s", "reference_loss", "certified",
                       "loss_gap_bound"}


class WideCache(ProgramTest):
    """A KV cache wider than the model (MLA ranks above the width): the theory says what it can."""

    def test_theory_does_not_cost_the_search(self):
        self.search(edit(JOB, {"space.widths": "widths = [256]", "space.kv_heads": (
            'attention = ["mla"]\nmla = [{kv_lora_rank = 512, qk_nope_head_dim = 64, '
            'qk_rope_head_dim = 64, v_head_dim = 64}]')}))
        with h5py.File(self.folder / "result.h5") as file:
            (theory,) = file["theory/codesign-2026"].values()
            self.assertTrue(numpy.isfinite(theory["loss"][:]).all())


class Layout(ProgramTest):
    """The file has what the format says, no more and no less."""

    def setUp(self):
        super().setUp()
        self.result = self.search(MIXED)
        self.job = tomllib.loads(MIXED)

    def names(self, path, of):
        prefix = path.rstrip("/") + "/"
        return {p[len(prefix):] for p in of if p.startswith(prefix) and p != "/"
                and "/" not in p[len(prefix):]}

    def attribute_names(self, path):
        return {name for place, name in self.result.attributes if place == path}

    def test_groups(self):
        top = self.names("/", self.result.groups)
        always = {"runtime", "inputs", "targets", "frontiers", "sensitivity", "theory", "intensity"}
        self.assertLessEqual(always, top)
        self.assertLessEqual(top, always | {"refined", "frontiers_in_range"})
        self.assertEqual(self.names("/", self.result.datasets), set())
        self.assertEqual(self.names("/frontiers", self.result.groups), {"codesign-2026"})
        ids = [t["id"] for t in self.result.targets()]
        self.assertEqual(self.names("/frontiers/codesign-2026", self.result.groups), set(ids))

    def test_root_attributes(self):
        r = self.result
        self.assertEqual(self.attribute_names("/"), REQUIRED_ROOT)
        self.assertEqual(r.attribute("/", "filetype"), "rooflaw-result")
        self.assertEqual(list(r.attribute("/", "format_version")), [2, 2])
        version = self.rooflaw("--version").out
        self.assertIn(r.attribute("/", "program_version"), version)
        self.assertIn(r.attribute("/", "git_commit"), version)
        self.assertEqual(r.attribute("/", "command_line"), "rooflaw search job.toml")
        self.assertEqual(r.attribute("/", "job_toml"), MIXED)
        self.assertEqual(r.attribute("/", "strategy"), "grid")
        self.assertEqual(r.attribute("/", "seed"), 7)
        self.assertEqual(r.attribute("/", "complete"), 1)

    def test_points_in_space(self):
        """The valid combinations, counted by the rules of the job file one by one."""
        space = self.job["space"]
        count = 0
        for width in space["widths"]:
            heads = width // 64
            listed = [k for k in space["kv_heads"] if k != "heads"]
            kv = [k for k in listed if heads % k == 0] + ([heads] if heads not in listed else [])
            ffn = [x for x in space["expert_ffn_ratio"] if math.floor(x * width / 64 + 0.5) > 0]
            count += (len(kv) + len(space["mla"])) * len(ffn)
        routings = [(e, k) for e in space["experts"] for k in space["top_k"]
                    if (k == 1 if e == 1 else k < e)]
        self.assertEqual(len(routings), 5)
        count *= len(space["ffn"]) * len(space["shared_ffn"]) * len(routings) * 5
        self.assertEqual(self.result.attribute("/", "points_in_space"), count)

    def test_runtime(self):
        r = self.result
        names = self.attribute_names("/runtime")
        self.assertLessEqual({"ranks", "host", "created_utc", "points_scored", "messages"}, names)
        phases = {n for n in names if n.startswith("seconds_")}
        self.assertTrue(phases, "seconds per phase")
        refine = {f"refine_{n}" for n in ("rounds", "architectures_requested", "architectures_scored",
                                          "architectures_repeated", "relaxed_evaluations", "relaxations",
                                          "relaxations_out_of_evaluations", "relaxations_failed",
                                          "relaxations_infeasible")}
        self.assertEqual(names - phases,
                         {"ranks", "host", "created_utc", "points_scored", "messages",
                          "messages_served", "bytes_served", "requests_served", "news_served",
                          "news_bytes_served", "looks_for_messages"} | refine)
        self.assertEqual(r.attribute("/runtime", "refine_architectures_requested"),
                         r.attribute("/runtime", "refine_architectures_scored")
                         + r.attribute("/runtime", "refine_architectures_repeated"))
        for phase in phases:
            self.assertGreaterEqual(r.attribute("/runtime", phase), 0)
        self.assertEqual(r.attribute("/runtime", "ranks"), 1)
        self.assertEqual(r.attribute("/runtime", "messages"), "")
        self.assertEqual(r.attribute("/runtime", "points_scored"),
                         r.attribute("/", "points_in_space") * len(r.targets()))
        created = datetime.datetime.strptime(r.attribute("/runtime", "created_utc"), "%Y-%m-%dT%H:%M:%SZ")
        age = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) - created
        self.assertLess(abs(age.total_seconds()), 3600)

    def test_inputs(self):
        used = {"device": set(self.job["targets"]["devices"]),
                "precision": set(self.job["targets"]["precisions"]),
                "workload": set(self.job["targets"]["workloads"]), "law": {"codesign-2026"}}
        kinds = self.names("/inputs", self.result.groups)
        self.assertEqual(kinds, set(used) | {"model"})
        for kind, ids in used.items():
            self.assertEqual(self.names(f"/inputs/{kind}", self.result.datasets), ids)
        for kind in kinds:
            file = "laws/codesign-2026.toml" if kind == "law" else f"{kind}s.toml"
            entries = {e["id"]: e for e in tomllib.loads((INPUTS / file).read_text())[kind]}
            for name in self.names(f"/inputs/{kind}", self.result.datasets):
                path = f"/inputs/{kind}/{name}"
                text = self.result.datasets[path]
                self.assertEqual(self.result.attribute(path, "sha256"),
                                 hashlib.sha256(text).hexdigest(), path)
                self.assertEqual(tomllib.loads(text.decode()), entries[name], path)

    def test_targets(self):
        names = self.names("/targets", self.result.datasets)
        self.assertLessEqual(set(TARGET_UNITS), names)
        self.assertLessEqual(names, set(TARGET_UNITS) | TARGET_EXTRAS)
        for name, unit in TARGET_UNITS.items():
            self.assertEqual(self.result.attribute(f"/targets/{name}", "unit"), unit, name)
            self.assertEqual(self.result.datasets[f"/targets/{name}"].ndim, 1, name)
        t = self.job["targets"]
        expected = [(d, p, w, k) for d in t["devices"] for p in t["precisions"]
                    for w in t["workloads"] for k in t["latency"]]
        rows = self.result.targets()
        self.assertEqual([tuple(str(r[k]) for k in ("device", "precision", "workload", "latency"))
                          for r in rows], expected)
        for row in rows:
            self.assertEqual(row["id"], ".".join(str(row[k]) for k in
                                                 ("device", "precision", "workload", "latency")))
            self.assertEqual(row["memory_budget_bytes"], 2e9)
            self.assertEqual(row["calibrated"], 0)

    def test_columns(self):
        for target in self.result.targets():
            group = self.result.group(target)
            self.assertEqual(self.names(group, self.result.datasets), set(FRONTIER_UNITS), group)
            self.assertEqual(self.attribute_names(group), FRONTIER_ATTRIBUTES, group)
            lengths = set()
            for name, unit in FRONTIER_UNITS.items():
                values = self.result.datasets[f"{group}/{name}"]
                self.assertEqual(self.result.attribute(f"{group}/{name}", "unit"), unit, name)
                self.assertEqual(values.ndim, 1, name)
                lengths.add(len(values))
                kind = {"attention": "U", "ffn": "U"}.get(name)
                self.assertIn(values.dtype.kind, kind or "fi", name)
            self.assertEqual(len(lengths), 1, f"{group}: columns of one length")

    def test_analyses_stand_beside_the_frontier(self):
        law = tomllib.loads((INPUTS / "laws/codesign-2026.toml").read_text())["law"][0]
        for target in self.result.targets():
            f = self.result.frontier(target)
            for kind, columns in ANALYSES.items():
                group = f"/{kind}/codesign-2026/{target['id']}"
                self.assertEqual(self.names(group, self.result.datasets), columns, group)
                for name in columns:
                    self.assertIn((f"{group}/{name}", "unit"), self.result.attributes)
                    self.assertEqual(self.result.datasets[f"{group}/{name}"].shape, f["loss"].shape,
                                     f"{group}/{name}: a row for every row of the frontier")
            slope = -law["alpha_l"] * law["kappa_l"] * f["layers"].astype(float) ** -(law["alpha_l"] + 1)
            self.assertTrue(numpy.allclose(
                self.result.column(f"/sensitivity/codesign-2026/{target['id']}/dloss_dlayers"), slope,
                rtol=1e-12, atol=0), target["id"])


class Frontiers(ProgramTest):
    """What the frontiers say, against the definitions."""

    def check_frontier(self, result, target, powers=None):
        """`powers`, W: of the prompt and of the answer; the objective is then their energy."""
        group = result.group(target)
        f = result.frontier(target)
        latency, loss = objective(f), f["loss"]
        self.assertTrue(numpy.all(numpy.diff(latency) > 0), f"{group}: sorted by latency")
        self.assertTrue(numpy.all(numpy.diff(loss) < 0), f"{group}: the loss falls")
        for i in range(len(loss)):
            dominates = ((latency <= latency[i]) & (loss <= loss[i])
                         & ((latency < latency[i]) | (loss < loss[i])))
            self.assertFalse(dominates.any(), f"{group}: row {i} is dominated")
        if len(loss) == 0:
            return
        self.assertEqual(result.attribute(group, "reference_latency_s"), 1.1 * latency.max())
        self.assertEqual(result.attribute(group, "reference_loss"), 0.1 + loss.max())
        area = hypervolume(latency, loss, 1.1 * latency.max(), 0.1 + loss.max())
        self.assertGreater(area, 0)
        self.assertLessEqual(abs(result.attribute(group, "hypervolume") - area), 1e-12 * area, group)
        kind = {"prefill": "prefill_s", "tpot": "tpot_s"}.get(str(target["latency"]))
        expected = f[kind] if kind else f["prefill_s"] + f["decode_s"]
        if powers:
            expected = powers[0] * f["prefill_s"] + powers[1] * f["decode_s"]
        self.assertTrue(numpy.array_equal(latency, expected), f"{group}: latency of its kind")
        self.assertTrue(numpy.allclose(f["perplexity"], numpy.exp(loss), rtol=1e-13, atol=0), group)
        self.assertTrue(numpy.all(f["memory_bytes"] <= target["memory_budget_bytes"]), group)
        for phase in ("prefill", "decode"):
            shares = f[f"{phase}_compute_share"] + f[f"{phase}_bandwidth_share"]
            self.assertTrue(numpy.all((shares >= 0) & (shares <= 1 + 1e-12)), f"{group}: {phase} shares")
        self.assertEqual(len(set(f["index"])), len(loss), f"{group}: no index twice")
        mla = f["attention"] == "mla"
        for name in ("kv_heads", "head_dim"):
            self.assertTrue(numpy.all((f[name] == 0) == mla), f"{group}: {name} is 0 for MLA only")
        for name in ("kv_lora_rank", "qk_nope_head_dim", "v_head_dim"):
            self.assertTrue(numpy.all((f[name] == 0) == ~mla), f"{group}: {name} is 0 for GQA only")

    def check_index(self, result, target, space):
        """The index is the mixed radix over the axes, the last one fastest."""
        f = result.frontier(target)
        layers = space["layers"]
        if isinstance(layers, dict):
            layers = list(range(layers["from"], layers["to"] + 1, layers["step"]))
        sizes = {"gqa": space["kv_heads"], "mla": space.get("mla", [])}
        attention = [(kind, size) for kind in space.get("attention", ["gqa"]) for size in sizes[kind]]
        axes = [space.get("ffn", ["gated"]), space["widths"], attention, space["expert_ffn_ratio"],
                space.get("shared_ffn", [0]), space["experts"], space["top_k"], layers]
        unit = space.get("ffn_multiple_of", 1)
        for i, index in enumerate(f["index"]):
            digits, rest = [], int(index)
            for axis in reversed(axes):
                rest, digit = divmod(rest, len(axis))
                digits.insert(0, digit)
            self.assertEqual(rest, 0)
            ffn, width, (kind, size), ratio, *others = [axis[digit] for axis, digit in zip(axes, digits)]
            row = {name: column[i] for name, column in f.items()}
            where = f"{target['id']} row {i} index {index}: {row}"
            self.assertEqual((row["attention"], row["ffn"], row["width"], row["shared_ffn"],
                              row["experts"], row["top_k"], row["layers"]),
                             (kind, ffn, width, *others), where)
            self.assertEqual(row["expert_ffn"], math.floor(ratio * width / unit + 0.5) * unit, where)
            self.assertEqual(row["heads"], width // space["head_dim"], where)
            if kind == "mla":
                ranks = {"q_lora_rank": 0} | size
                self.assertEqual({k: row[k] for k in ranks}, ranks, where)
            else:
                kv = row["heads"] if size == "heads" else size
                self.assertEqual(row["kv_heads"], kv, where)

    def check_rows(self, result, target, job, count):
        """Rows spread over a frontier, evaluated once more: the same to the last bit."""
        f = result.frontier(target)
        rows = sorted(set(numpy.linspace(0, len(f["loss"]) - 1, count).astype(int)))
        for i in rows:
            e = self.evaluate(row_case(f, i, job, target))
            stored = {name: f[name][i].item() for name in (
                "loss", "perplexity", "prefill_s", "decode_s", "tpot_s", "memory_bytes", "params_total",
                "params_active", "ffn_ratio", "activation_rate")}
            again = {name: e[name] for name in stored if name != "memory_bytes"}
            again["memory_bytes"] = e["memory"]["weights"] + e["memory"]["kv"] + e["memory"]["workspace"]
            self.assertEqual(stored, again, f"{target['id']} row {i}")
            self.assertEqual(bool(f["extrapolated"][i]), e["extrapolated"], f"{target['id']} row {i}")
            kind = f"{target['latency']}_s"
            self.assertEqual(f["latency_s"][i].item(), e[kind], f"{target['id']} row {i}")
        return len(rows)

    def test_mixed_space(self):
        result = self.search(MIXED)
        job = tomllib.loads(MIXED)
        checked, empty = 0, 0
        for target in result.targets():
            with self.subTest(target["id"]):
                self.check_frontier(result, target)
                self.check_index(result, target, job["space"])
                f = result.frontier(target)
                self.assertTrue(numpy.all(f["prefill_s"] + f["decode_s"] <= 0.5))
                if target["workload"] == "embodied":  # carries a limit of its own
                    self.assertTrue(numpy.all(f["tpot_s"] <= 0.02))
                group = result.group(target)
                self.assertEqual(result.attribute(group, "certified"), 1)
                self.assertEqual(result.attribute(group, "loss_gap_bound"), 0)
                if len(f["loss"]) == 0:
                    empty += 1
                elif target["latency"] == "total":
                    checked += self.check_rows(result, target, job, 3)
        self.assertLess(empty, len(result.targets()))
        self.assertGreaterEqual(checked, 6)
        self.assertTrue(any((result.frontier(t)["attention"] == "mla").any() for t in result.targets())
                        and any((result.frontier(t)["attention"] == "gqa").any() for t in result.targets()),
                        "the mixed space shows both kinds of attention, else it tests less than it says")

    def test_nothing_feasible(self):
        result = self.search(edit(JOB, {"targets.memory_budget": "memory_budget = 1"}))
        group = result.group(result.targets()[0])
        self.assertEqual(len(result.datasets[f"{group}/loss"]), 0)
        self.assertEqual(result.attribute(group, "hypervolume"), 0)
        self.assertEqual(result.attribute("/", "complete"), 1)

    def test_golden_frontiers(self):
        self.assertEqual({golden["latency"] for golden in GOLDEN["frontiers"]}, {"tpot", "total", "energy"})
        for golden in GOLDEN["frontiers"]:
            with self.subTest((golden["precision"]["id"], golden["latency"])):
                job = to_toml({
                    "job": {"name": "golden", "output": "golden.h5"}, "space": golden["space"],
                    "law": {"id": "codesign-2026"},
                    "targets": {"devices": [golden["device"]], "precisions": [golden["precision"]],
                                "workloads": [golden["workload"]], "latency": [golden["latency"]],
                                "memory_budget": golden["memory_budget"]},
                    "engine": golden["engine"], "search": {"strategy": "grid"}})
                result = self.search(job)
                self.assertEqual(result.attribute("/", "points_in_space"), golden["points"])
                target = result.targets()[0]
                self.check_frontier(result, target, golden["latency"] == "energy" and (
                    golden["device"]["prefill_power"], golden["device"]["decode_power"]))
                f = result.frontier(target)
                self.assertEqual(len(f["loss"]), len(golden["frontier"]))
                for i, expected in enumerate(golden["frontier"]):
                    for name, value in expected.items():
                        column = objective(f) if name == "latency_s" else f[name]
                        self.assert_close(column[i].item(), value, f"row {i} {name}",
                                          0 if isinstance(value, int) else 1e-10)

    def test_sample(self):
        job = edit(JOB, {"search.strategy": 'strategy = "sample"\nmax_evaluations = 20'})
        result = self.search(job)
        whole = self.search(JOB, name="grid.toml")
        target = result.targets()[0]
        self.check_frontier(result, target)
        self.check_index(result, target, tomllib.loads(job)["space"])
        group = result.group(target)
        self.assertEqual(result.attribute(group, "certified"), 0)
        self.assertTrue(math.isnan(result.attribute(group, "loss_gap_bound")))
        self.assertEqual(result.attribute("/", "strategy"), "sample")
        self.assertEqual(result.attribute("/", "points_in_space"),
                         whole.attribute("/", "points_in_space"))
        self.assertLessEqual(result.attribute("/runtime", "points_scored"), 20)
        self.assertGreater(result.attribute("/runtime", "points_scored"), 0)
        # Of a part of the space: no better anywhere than the frontier of all of it.
        part, all_of_it = result.frontier(target), whole.frontier(target)
        for latency, loss in zip(part["latency_s"], part["loss"]):
            self.assertLessEqual(all_of_it["loss"][all_of_it["latency_s"] <= latency].min(), loss)

    def test_seeds_of_samples(self):
        def job(seed):
            return edit(MIXED, {"job.seed": f"seed = {seed}",
                                "search.strategy": 'strategy = "sample"\nmax_evaluations = 200'})
        first, again, other = (self.search(job(seed)) for seed in (1, 1, 2))
        self.assertEqual(first.differences(again), "")
        self.assertNotEqual(first.differences(other), "")
        self.assertIn("/index", first.differences(other))

    def test_enforced_range_leaves_extrapolated_points_out(self):
        flagged = self.search(MIXED)
        enforced = self.search(edit(MIXED, {"law.id": 'id = "codesign-2026"\nrange = "enforce"'}))
        def total(result):
            return sum(result.frontier(t)["extrapolated"].sum() for t in result.targets())
        self.assertGreater(total(flagged), 0)
        self.assertEqual(total(enforced), 0)
        self.assertGreater(sum(len(enforced.frontier(t)["loss"]) for t in enforced.targets()), 0)

    def test_skipped_precisions(self):
        job = edit(JOB, {"targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-thor-t5000"]',
                         "targets.precisions": 'precisions = ["fp16", "fp8"]\nmissing_precision = "skip"'})
        pairs = [(str(t["device"]), str(t["precision"])) for t in self.search(job).targets()]
        self.assertEqual(pairs, [("jetson-agx-orin-64gb", "fp16"), ("jetson-thor-t5000", "fp16"),
                                 ("jetson-thor-t5000", "fp8")])

    def test_memory_budgets(self):
        orin = entries("device")["jetson-agx-orin-64gb"]
        self.assertLess(orin["usable_memory_bytes"], orin["memory_bytes"])
        for budget, expected in (("", orin["usable_memory_bytes"]),
                                 ('memory_budget = "usable"', orin["usable_memory_bytes"]),
                                 ('memory_budget = "capacity"', 64 * 2**30),
                                 ('memory_budget = "none"', math.inf), ("memory_budget = 3e9", 3e9),
                                 ('memory_budget = "4GiB"', 4 * 2**30), ("memory_budget = 5", 5)):
            with self.subTest(budget=budget):
                result = self.search(edit(JOB, {"targets.memory_budget": budget}))
                (target,) = result.targets()
                self.assertEqual(target["memory_budget_bytes"], expected)
                self.assertEqual(target["id"], "jetson-agx-orin-64gb.fp16.vla.total", "one budget has no suffix")

    def test_what_is_usable_where_it_is_not_stated(self):
        """A share of the memory that depends on the kind of the device."""
        chips = {"board": "", "soc": 'kind = "gpu-soc", ', "card": 'kind = "gpu", ',
                 "stick": 'kind = "accelerator", ', "stated": 'kind = "gpu", usable_memory_bytes = 5e9, '}
        result = self.search(edit(JOB, {
            "targets.devices": "devices = [" + ", ".join(
                f'{{id = "{name}", {kind}memory_bytes = 8e9, bandwidth = 1e11, peak_flops = {{fp16 = 1e13}}}}'
                for name, kind in chips.items()) + "]", "targets.memory_budget": None}))
        for target, share in zip(result.targets(), (0.85, 0.85, 0.95, 0.95, 5 / 8)):
            self.assert_close(target["memory_budget_bytes"], share * 8e9, target["device"], 1e-15)

    def test_entries_from_files_and_inline(self):
        """The same chip by id, from a file and inline gives the same frontier."""
        chip = ('id = "{}"\nmemory_bytes = 68719476736\nbandwidth = 204.8e9\n'
                'peak_flops = {{fp32 = 5.32e12, fp16 = 42.5e12, bf16 = 42.5e12, int8 = 85e12, int4 = 170e12}}\n')
        self.write("chips/mine.toml", "[[device]]\n" + chip.format("from-file"))
        inline = "{" + ", ".join(chip.format("inline").strip().split("\n")) + "}"
        result = self.search(edit(JOB, {
            "targets.devices": f'devices = ["jetson-agx-orin-64gb", "chips/mine.toml", {inline}]'}))
        frontiers = [result.frontier(t) for t in result.targets()]
        self.assertEqual([str(t["device"]) for t in result.targets()],
                         ["jetson-agx-orin-64gb", "from-file", "inline"])
        for other in frontiers[1:]:
            for name, column in frontiers[0].items():
                self.assertEqual(column.tobytes(), other[name].tobytes(), name)

    def test_inline_law_with_a_policy(self):
        """`range` beside inline coefficients is the policy; without ranges nothing extrapolates."""
        law = tomllib.loads((INPUTS / "laws/codesign-2026.toml").read_text())["law"][0]
        lines = [f"{k} = {law[k]}" for k in ("kappa_l", "alpha_l", "kappa_rho", "alpha_rho", "alpha_r",
                                             "beta_1", "kappa_d", "beta_2", "kappa_m", "alpha_m", "l_inf")]
        inline = self.search(edit(JOB, {"law.id": "\n".join(['id = "mine"', *lines, 'range = "flag"'])}))
        by_id = self.search(JOB)
        target = by_id.targets()[0]
        mine = inline.frontier(target, "mine")
        for name, column in by_id.frontier(target).items():
            if name != "extrapolated":
                self.assertEqual(column.tobytes(), mine[name].tobytes(), name)


def _without_signs_of_nan(column):
    """The bytes of a column; of NaN only that it is one."""
    return numpy.where(column != column, numpy.nan, column).astype(column.dtype).tobytes()


class Commands(ProgramTest):
    def test_twice_is_the_same(self):
        first, second = self.search(MIXED), self.search(MIXED)
        self.assertEqual(first.differences(second), "")

    def test_nothing_is_left_beside_the_result(self):
        self.search(JOB)
        self.assertEqual(self.files(), ["job.toml", "result.h5"])

    def test_overrides(self):
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "--set", "space.layers=[12]", "--set", "job.seed = 9",
                     "--set", "job.name=trial", "--set", "targets.latency=['tpot', 'prefill']",
                     "--set", 'search={strategy = "sample", max_evaluations = 50}')
        result = Result(self.folder / "result.h5")
        self.assertEqual([str(t["latency"]) for t in result.targets()], ["tpot", "prefill"])
        for target in result.targets():
            self.assertEqual(set(result.frontier(target)["layers"]), {12})
        self.assertEqual(result.attribute("/", "seed"), 9)
        self.assertEqual(result.attribute("/", "strategy"), "sample")
        # The job that is kept is the one that ran: run again, it gives the same.
        kept = result.attribute("/", "job_toml")
        self.assertEqual(tomllib.loads(kept)["job"]["name"], "trial")
        again = self.search(kept, name="kept.toml")
        for name in ("loss", "latency_s", "index"):
            for target in result.targets():
                self.assertTrue(numpy.array_equal(result.frontier(target)[name],
                                                  again.frontier(target)[name]), name)

    def test_overrides_of_tables_that_the_job_lacks(self):
        for job in (JOB, edit(JOB, {"[engine]": None, "engine.causal": None})):
            with_head = self.search(job)
            without = self.search(job, "--set", "engine.lm_head=false")
            target = without.targets()[0]
            self.assertLess(without.frontier(target)["latency_s"][0],
                            with_head.frontier(target)["latency_s"][0])

    def test_output_option_wins(self):
        self.write("job.toml", JOB)
        (self.folder / "sub").mkdir()
        for option in ("-o", "--output"):
            run = self.rooflaw("search", "job.toml", option, "sub/other.h5")
            self.assertIn("sub/other.h5", run.out, str(run))
            self.assertEqual(self.files(), ["job.toml", "sub", "sub/other.h5"])
        self.write("job.toml", edit(JOB, {"job.output": None}))
        self.rooflaw("search", "job.toml", "-o", "third.h5")
        self.assertEqual(Result(self.folder / "third.h5").attribute("/", "complete"), 1)

    def test_a_folder_that_is_not_there_comes_with_its_cure(self):
        self.write("job.toml", JOB)
        for option in ("-o", "--log-json"):
            run = self.rooflaw("search", "job.toml", option, "no such/x", expect=3)
            self.assertEqual(run.err, "rooflaw: no such/x: the folder no such does not exist; make it with mkdir -p\n")
        self.assertEqual(self.files(), ["job.toml"])

    def test_dry_run(self):
        self.write("job.toml", MIXED)
        run = self.rooflaw("search", "job.toml", "--dry-run")
        self.assertEqual(self.files(), ["job.toml"], "a dry run writes nothing")
        self.assertEqual(run.err, "", str(run))
        result = self.search(MIXED)
        for target in result.targets():
            self.assertIn(target["id"], run.out, str(run))
        self.assertIn("24 targets", run.out, str(run))
        self.assertEqual(run.out.splitlines()[-1], "result: result.h5")

    def test_the_summary_says_what_the_frontier_looks_like(self):
        self.write("job.toml", edit(MIXED, {"refine.enabled": "enabled = false"}) if "[refine]" in MIXED
                   else MIXED + "\n[refine]\nenabled = false\n")
        run = self.rooflaw("search", "job.toml", "--verbose")
        self.assertEqual(run.err, "", f"a short run has no progress line{run}")
        self.assertIn("result: result.h5", run.out, str(run))
        result = Result(self.folder / "result.h5")
        blocks = run.out.split("\n\n")
        for target in result.targets():
            f = result.frontier(target)
            block = next(b for b in blocks if b.strip().startswith(str(target["id"])))
            if len(f["loss"]) == 0:
                self.assertIn("no architecture", block)
                continue
            self.assertIn(f"frontier {len(f['loss'])} points", block, block)
            self.assertIn(f"loss {f['loss'].min():.4f} .. {f['loss'].max():.4f}", block, block)
            for what, share in (("MoE", f["experts"] > 1), ("top-1", f["top_k"] == 1),
                                ("under 20 layers", f["layers"] < 20),
                                ("activated FFN ratio < 1", f["ffn_ratio"] < 1),
                                ("law extrapolates", f["extrapolated"] == 1)):
                self.assertIn(f"{what} {100 * share.mean():.1f} %", block, block)
            self.assertIn(f"median experts {numpy.median(f['experts']):g}", block, block)

    def test_inspect(self):
        result = self.search(MIXED)
        run = self.rooflaw("inspect", "result.h5")
        self.assertEqual(run.err, "", str(run))
        for name in ("filetype", "program_version", "git_commit", "command_line", "strategy", "seed",
                     "points_in_space", "complete", "created_utc", "host", "ranks"):
            self.assertIn(name, run.out, str(run))
        self.assertIn(result.attribute("/", "git_commit"), run.out)
        self.assertIn("rooflaw search job.toml", run.out)
        self.assertIn(MIXED.strip(), run.out, "the job as it was run")
        for (path, name), value in result.attributes.items():
            if name == "sha256" and "/model/" not in path:
                self.assertIn(path.rpartition("/")[2], run.out)
                self.assertIn(value[:16], run.out, path)
        for target in result.targets():
            self.assertIn(target["id"], run.out)

    def test_export(self):
        result = self.search(MIXED)
        run = self.rooflaw("export", "result.h5", "-o", "csv/deep")
        self.assertEqual(run.err, "", str(run))
        written = sorted(f for f in self.files() if f.endswith(".csv"))
        self.assertEqual(sorted(run.out.split()), written, str(run))
        tables = {p.rpartition("/")[0] for p in result.datasets if not p.startswith("/inputs/")}
        self.assertEqual(sorted(f"csv/deep{table}.csv" for table in tables), written)
        for table in tables:
            path = f"csv/deep{table}.csv"
            self.assertIn(path, written)
            header, rows = read_csv(self.folder / path)
            if table.startswith("/frontiers"):
                self.assertEqual(header, list(FRONTIER_UNITS), "columns in the order of the format")
            for number, name in enumerate(header):
                column = result.column(f"{table}/{name}")
                cells = [row[number] for row in rows]
                if column.dtype.kind == "U":
                    self.assertEqual(cells, list(column), f"{path} {name}")
                else:
                    back = numpy.array([column.dtype.type(c) for c in cells], dtype=column.dtype)
                    self.assertEqual(_without_signs_of_nan(back), _without_signs_of_nan(column),
                                     f"{path} {name}: the same numbers")

    def test_export_without_a_folder(self):
        self.search(JOB)
        self.rooflaw("export", "result.h5", expect=2)

    def test_export_of_a_file_that_is_no_whole_result(self):
        whole = self.folder / "whole.h5"
        self.search(JOB).path.rename(whole)
        def change(name, replace=None):
            def apply(group):
                old = group.pop(name) if isinstance(group, h5py.Group) else None
                del old
                if replace is not None:
                    group[name] = replace
            return apply
        def table(f, kind):
            law = next(iter(f[kind].values()))
            return next(iter(law.values()))
        damages = {
            "no /sensitivity": lambda f: f.pop("sensitivity"),
            "no /targets": lambda f: f.pop("targets"),
            "a column is missing": lambda f: table(f, "theory").pop("loss"),
            "a column of another type": lambda f: change("loss", [1, 2])(table(f, "frontiers")),
            "a column is short": lambda f: change("loss", [1.0])(table(f, "frontiers")),
        }
        for name, damage in damages.items():
            with self.subTest(name):
                damaged = self.folder / "damaged.h5"
                damaged.write_bytes(whole.read_bytes())
                with h5py.File(damaged, "r+") as f:
                    damage(f)
                reseal(damaged)
                for command in (["inspect"], ["export", "-o", "csv"]):
                    run = self.rooflaw(command[0], "damaged.h5", *command[1:], expect=3)
                    self.assertIn("damaged.h5", run.err, str(run))
                self.assertFalse((self.folder / "csv").exists())

    def test_results_of_another_format(self):
        self.search(JOB)
        for change, word in (({"filetype": "other"}, "no result"), ({"format_version": [3, 0]}, "version"),
                             ({"format_version": [1]}, "version")):
            with self.subTest(change=change):
                (self.folder / "other.h5").write_bytes((self.folder / "result.h5").read_bytes())
                with h5py.File(self.folder / "other.h5", "r+") as file:
                    for name, value in change.items():
                        file.attrs[name] = value
                reseal(self.folder / "other.h5")
                for command in (["inspect", "other.h5"], ["export", "other.h5", "-o", "csv"]):
                    run = self.rooflaw(*command, expect=3)
                    self.assertIn("other.h5", run.err, str(run))
                    self.assertIn(word, run.err, str(run))

    def test_a_result_that_another_program_changed(self):
        self.search(JOB)
        with h5py.File(self.folder / "result.h5", "r+") as file:
            file.attrs["seed"] = 2
        run = self.rooflaw("inspect", "result.h5", expect=3)
        self.assertIn("result.h5: changed since rooflaw wrote it", run.err, str(run))
        reseal(self.folder / "result.h5")
        self.assertRegex(self.rooflaw("inspect", "result.h5").out, r"seed +2\n")

    def test_files_that_are_no_result(self):
        with h5py.File(self.folder / "plain.h5", "w") as file:
            file["x"] = [1.0]
        self.write("empty.h5", "")
        self.write("text.h5", "rooflaw-result\n")
        (self.folder / "folder.h5").mkdir()
        for name, word in (("plain.h5", "no result of rooflaw"), ("empty.h5", "no result of rooflaw"),
                           ("text.h5", "no result of rooflaw"), ("folder.h5", "is a folder"),
                           ("none.h5", "no such file")):
            for command in (["inspect", name], ["export", name, "-o", "csv"]):
                with self.subTest(command=command):
                    run = self.rooflaw(*command, expect=3)
                    self.assertIn(f"{name}: ", run.err, str(run))
                    self.assertIn(word, run.err, str(run))


if __name__ == "__main__":
    unittest.main()
