"""`rooflaw evaluate`: the worked cases of golden.json through the real program, cases by ids, the table."""

import copy
import math
import re
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
from support import (CASE, GOLDEN, INPUTS, ProgramTest, changed_id, edit, entries, to_toml,
                     usable_memory)

TABLES = ("architecture", "precision", "device", "workload", "engine")


def golden(name):
    return next(c for c in GOLDEN["cases"] if c["name"] == name)


def tables_of(case):
    return {name: case[name] for name in TABLES}


PASSES = {"prefill": "prefill_layer_ops_of_last_pass", "decode": "decode_layer_ops_at_first_step"}

# Every key that some worked case has: one that a case lacks must be absent there.
KEYS = {key for case in GOLDEN["cases"] for key in case["expect"]}


def worked(result):
    return {key: value for key, value in result.items() if key in KEYS}


# What the program says beside the keys of a worked case.
BESIDE = {"device", "precision", "workload", "calibrated", "fits", "memory_budget_bytes", "limits_met",
          "tokens_per_s", "notes", "params_uncounted", "prefill_compute_share", "prefill_bandwidth_share",
          "decode_compute_share", "decode_bandwidth_share"}


def known(case, table):
    """The entry of the inputs folder whose id a table of a case has: its fields replace the entry's own."""
    return entries(table).get(case[table]["id"])


def whole(case, table):
    """A table of a case with what it leaves to the entry of its id."""
    return {**(known(case, table) or {}), **case[table]}


def layers_of(case):
    return case["architecture"].get("group", [case["architecture"]])


def efficiency_of(case):
    by_precision = case["device"].get("efficiency", {})
    return by_precision.get(case["precision"]["id"], by_precision.get("*"))


class Golden(ProgramTest):
    def test_every_case(self):
        self.assertGreaterEqual(len(GOLDEN["cases"]), 70)
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                result = self.evaluate(tables_of(case))
                self.assertLessEqual(BESIDE, set(result))
                self.assert_close(worked(result), case["expect"], case["name"])
                for key in ("params_total", "params_active"):
                    self.assertIsInstance(result[key], int, key)
                    self.assertEqual(result[key], case["expect"][key], key)

    def test_what_stands_beside_the_numbers(self):
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                result, expect = self.evaluate(tables_of(case)), case["expect"]
                for table in ("device", "precision", "workload"):
                    entry = known(case, table)
                    self.assertEqual(result[table], changed_id(entry, case[table]) if entry
                                     else case[table]["id"])
                self.assertIs(result["calibrated"], efficiency_of(case) is not None)
                usable, need = usable_memory(whole(case, "device")), sum(expect["memory"].values())
                self.assert_close(result["memory_budget_bytes"], usable, "what the system leaves")
                self.assertGreater(abs(need / usable - 1), 1e-6, "else rounding decides")
                self.assertIs(result["fits"], need <= usable)
                batch, per_token = case["workload"]["batch"], expect["tpot_s"]
                self.assert_close(result["tokens_per_s"], per_token and batch / per_token, "tokens per second")
                limits = {key: whole(case, "workload").get(f"max_{key}_s") for key in
                          ("prefill", "tpot", "total")}
                self.assertEqual(result["limits_met"], {key: expect[f"{key}_s"] <= limit
                                                        for key, limit in limits.items() if limit})
                self.assertEqual([note for note in result["notes"] if "calibrated" in note] == [],
                                 result["calibrated"])
                self.assertEqual(sum(group["layers"] for group in result["groups"]),
                                 sum(group["layers"] for group in layers_of(case)))
                self.assertIsNone(result["params_uncounted"])

    def shares(self, case, operators):
        """Seconds of one pass in compute-bound operators, and in bandwidth-bound ones."""
        device = case["device"]
        e = efficiency_of(case) or {}
        bandwidth = e.get("bandwidth", 1.0)
        kv_bandwidth = e.get("kv_bandwidth", bandwidth)
        seconds = [0.0, 0.0]
        for op, times in operators:
            moved = (op["bytes"] / bandwidth + op.get("kv_bytes", 0) / kv_bandwidth) / device["bandwidth"]
            # The longer of two times is the operator's: if that of the bytes is shorter, it computes.
            seconds[op["seconds"] <= moved * (1 + 1e-12)] += times * op["seconds"]
        return seconds

    def test_shares_of_passes_are_those_of_their_operators(self):
        """Where the table shows all of a phase: one prefill pass, or one token."""
        checked = 0
        for case in GOLDEN["cases"]:
            expect = case["expect"]
            for phase, passes in (("prefill", expect.get("prefill_passes")),
                                  ("decode", case["workload"]["output_tokens"])):
                if passes != 1:
                    continue
                with self.subTest(case["name"], phase=phase):
                    architecture = case["architecture"]
                    layers = [g["layers"] for g in architecture.get("group", [architecture])]
                    operators = [(op, n) for n, ops in zip(layers, expect[PASSES[phase]]) for op in ops]
                    operators += [(expect["lm_head"], 1)] if expect["lm_head"] else []
                    compute, memory = self.shares(case, operators)
                    result, total = self.evaluate(tables_of(case)), expect[f"{phase}_s"]
                    self.assertAlmostEqual(result[f"{phase}_compute_share"], compute / total, 9)
                    self.assertAlmostEqual(result[f"{phase}_bandwidth_share"], memory / total, 9)
                    checked += 1
        self.assertGreater(checked, 20)

    def test_shares_of_a_phase_without_tokens_are_0(self):
        for case in GOLDEN["cases"]:
            for phase, tokens in (("prefill", "input_tokens"), ("decode", "output_tokens")):
                if case["workload"][tokens] == 0:
                    result = self.evaluate(tables_of(case))
                    self.assertEqual((result[f"{phase}_compute_share"], result[f"{phase}_bandwidth_share"]),
                                     (0, 0), case["name"])

    def test_defaults_are_those_of_the_model(self):
        """Fields that have the default value may be left out, in the groups of an architecture, too."""
        layers = {"attention": "gqa", "window": 0, "ffn": "gated", "experts": 1, "top_k": 1, "shared_ffn": 0,
                  "ffn_sparsity": 0.0, "q_lora_rank": 0}
        defaults = {"architecture": {**layers, "tied": True, "positions": 0},
                    "precision": {"loss_delta": 0.0, "attention": "fp16"},
                    "engine": {"attention": "flash", "causal": True, "lm_head": True,
                               "kv_traffic": "kv_heads", "mla": "absorbed", "prefill_chunk": 2048,
                               "window_cache": "trimmed", "elementwise": "separate"}}

        def left_out(table, values):
            return {key: value for key, value in table.items() if key not in values or values[key] != value}
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                tables = copy.deepcopy(tables_of(case))
                # An id that no entry has: what is left out is the default, not the entry's.
                efficiency = efficiency_of(case)
                tables["precision"]["id"] = tables["device"]["id"] = "own"
                tables["device"]["efficiency"] = {} if efficiency is None else {"own": efficiency}
                for table, values in defaults.items():
                    tables[table] = left_out(tables[table], values)
                groups = tables["architecture"].get("group")
                if groups:
                    tables["architecture"]["group"] = [left_out(g, layers) for g in groups]
                p = tables["precision"]
                for key, otherwise in (("embedding_bytes", "head_bytes"), ("head_bytes", "weight_bytes"),
                                       ("attention_weight_bytes", "weight_bytes"),
                                       ("ffn_weight_bytes", "weight_bytes"),
                                       ("input_bytes", "activation_bytes")):
                    if key in p and p[key] == p.get(otherwise):
                        del p[key]
                if not tables["engine"]:
                    del tables["engine"]
                result = self.evaluate(tables)
                self.assert_close(worked(result), case["expect"], case["name"])

    def test_the_order_of_the_groups_does_not_matter(self):
        for case in GOLDEN["cases"]:
            if "group" not in case["architecture"]:
                continue
            with self.subTest(case["name"]):
                tables, expect = copy.deepcopy(tables_of(case)), copy.deepcopy(case["expect"])
                tables["architecture"]["group"].reverse()
                for key in PASSES.values():
                    if key in expect:
                        expect[key].reverse()
                result = self.evaluate(tables)
                self.assert_close(worked(result), expect, case["name"])

    def test_fields_beside_the_groups_stand_for_all_of_them(self):
        checked = 0
        for case in GOLDEN["cases"]:
            groups = case["architecture"].get("group", [])
            common = {key: value for key, value in groups[0].items() if key != "layers" and
                      all(g.get(key) == value for g in groups)} if groups else {}
            if not common:
                continue
            with self.subTest(case["name"]):
                tables = copy.deepcopy(tables_of(case))
                tables["architecture"] |= common
                tables["architecture"]["group"] = [{k: v for k, v in g.items() if k not in common}
                                                   for g in groups]
                self.assertEqual(self.evaluate(tables), self.evaluate(tables_of(case)))
                checked += 1
        self.assertGreater(checked, 10)

    def test_one_group_is_the_architecture_itself(self):
        case = golden("qwen05/fp16/orin/vla/{}")
        tables = tables_of(case)
        common = {key: case["architecture"][key] for key in ("width", "vocab", "tied", "positions")}
        group = {k: v for k, v in case["architecture"].items() if k not in common}
        one = tables | {"architecture": common | {"group": [group]}}
        self.assertEqual(self.evaluate(one), self.evaluate(tables))

    def test_a_law_given_inline_is_the_default_one(self):
        case = golden(next(c["name"] for c in GOLDEN["cases"] if c["name"].startswith("moe_small/fp16/orin/vla")))
        law = tomllib.loads((INPUTS / "laws/codesign-2026.toml").read_text())["law"][0]
        fields = {key: law[key] for key in (
            "kappa_l", "alpha_l", "kappa_rho", "alpha_rho", "alpha_r", "beta_1", "kappa_d", "beta_2",
            "kappa_m", "alpha_m", "l_inf")}
        tables = tables_of(case) | {"law": {**fields, "range": law["range"]}}
        result = self.evaluate(tables)
        self.assert_close(worked(result), case["expect"], "inline law")
        tables["law"]["l_inf"] += 1.0
        terms = case["expect"]["loss_terms"][:4] + [fields["l_inf"] + 1.0]
        self.assert_close(self.evaluate(tables)["loss_terms"], terms, "l_inf + 1")


class ByIds(ProgramTest):
    def test_ids_name_the_tables_of_the_inputs(self):
        """A case by ids is the same, to the last bit, as one with the tables written out."""
        def entry(kind, name, keys):
            found = entries(kind)[name]
            return {key: found[key] for key in keys if key in found}
        layers = ("layers", "heads", "head_dim", "kv_heads", "attention", "window", "ffn", "expert_ffn",
                  "experts", "top_k", "shared_ffn", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim",
                  "qk_rope_head_dim", "v_head_dim", "mixer_weights", "mixer_width", "state_elements",
                  "state_flops")
        architecture = ("width", "vocab", "tied", "positions", "group", *layers)
        precision = ("weight_bytes", "attention_weight_bytes", "ffn_weight_bytes", "activation_bytes",
                     "kv_bytes", "input_bytes", "head_bytes", "embedding_bytes", "matmul", "attention",
                     "loss_delta", "loss_delta_uncertainty", "group_size")
        device = ("kind", "memory_bytes", "usable_memory_bytes", "bandwidth", "peak_flops", "efficiency",
                  "prefill_power", "decode_power")
        labels = {"precision": "own-precision", "device": "own-device", "workload": "own-workload"}
        for model, format_, chip, work in (
                ("qwen2.5-0.5b", "int8", "jetson-agx-orin-64gb", "vla"),
                ("llama-3.2-1b", "q4_k_m", "jetson-orin-nano-super-8gb", "siso"),
                ("olmoe-1b-7b", "fp8", "jetson-thor-t5000", "lilo"),
                ("gemma-3-1b", "w4a16", "rtx-4090", "liso"),
                ("deepseek-v2-lite", "mxfp4", "jetson-agx-orin-64gb", "vla"),
                ("lfm2-1.2b", "fp16", "raspberry-pi-5", "embodied")):
            with self.subTest(model=model):
                by_ids = {"architecture": {"model": model}, "precision": {"id": format_},
                          "device": {"id": chip}, "workload": {"id": work}}
                inline = {
                    "architecture": entry("model", model, architecture),
                    "precision": {"id": labels["precision"], **entry("precision", format_, precision)},
                    "device": {"id": labels["device"], **entry("device", chip, device)},
                    "workload": {"id": labels["workload"],
                                 **entry("workload", work, ("batch", "input_tokens", "output_tokens",
                                                            "max_prefill_s", "max_tpot_s", "max_total_s"))}}
                result = self.evaluate(by_ids)
                self.assertEqual([result[key] for key in labels], [format_, chip, work])
                self.assertEqual(result["model"], model)
                self.assertEqual(result | labels | {"model": None}, self.evaluate(inline))
                self.assertEqual(result, self.evaluate(by_ids | {"law": {"id": "codesign-2026"}}))

    def test_the_paper_model_by_ids_is_the_golden_case(self):
        case = golden("qwen05/fp16/orin/vla/{}")
        result = self.evaluate({"architecture": {"model": "qwen2.5-0.5b"}, "precision": {"id": "fp16"},
                                "device": {"id": "jetson-agx-orin-64gb"}, "workload": {"id": "vla"}})
        self.assert_close(worked(result), case["expect"], "by ids")

    def test_workload_without_input(self):
        result = self.evaluate(edit(CASE, {
            "workload.id": "id = 'talk'\nbatch = 1\ninput_tokens = 0\noutput_tokens = 4"}))
        for key in ("prefill_layer_ops_of_last_pass", "prefill_passes"):
            self.assertNotIn(key, result)
        self.assertEqual(result["prefill_s"], 0)
        # One token's activations or its logits, whichever are more: here 151936 logits of 2 bytes.
        self.assertEqual(result["memory"]["workspace"], 2 * 151936)
        self.assertEqual(result["total_s"], result["decode_s"])

    def test_workload_without_output(self):
        result = self.evaluate(edit(CASE, {
            "workload.id": "id = 'read'\nbatch = 1\ninput_tokens = 8\noutput_tokens = 0"}))
        self.assertNotIn("decode_layer_ops_at_first_step", result)
        self.assertEqual(result["decode_s"], 0)
        self.assertEqual(result["total_s"], result["prefill_s"])
        self.assertIsNone(result["tpot_s"])
        self.assertIsNone(result["tokens_per_s"])

    def test_limits_of_a_workload(self):
        def met(prefill, tpot, total):
            work = ("id = 'own'\nbatch = 1\ninput_tokens = 1024\noutput_tokens = 16\n"
                    f"max_prefill_s = {prefill!r}\nmax_tpot_s = {tpot!r}\nmax_total_s = {total!r}")
            return self.evaluate(edit(CASE, {"workload.id": work}))["limits_met"]
        e = golden("qwen05/fp16/orin/vla/{}")["expect"]
        times = [e["prefill_s"], e["tpot_s"], e["total_s"]]
        above, below = [1.0001 * t for t in times], [0.9999 * t for t in times]
        self.assertEqual(met(*above), {"prefill": True, "tpot": True, "total": True})
        self.assertEqual(met(below[0], above[1], below[2]), {"prefill": False, "tpot": True, "total": False})
        run_text = edit(CASE, {"workload.id": "id = 'own'\nbatch = 1\ninput_tokens = 1024\n"
                                              f"output_tokens = 16\nmax_tpot_s = {below[1]!r}"})
        self.write("case.toml", run_text)
        self.assertRegex(self.rooflaw("evaluate", "case.toml").out, r"MISSES .*tpot limit")

    def test_energy_needs_both_powers(self):
        chip = "id = 'mine'\nmemory_bytes = 64e9\nbandwidth = 1e11\npeak_flops = {fp16 = 1e12}\n"
        def energy(powers):
            result = self.evaluate(edit(CASE, {"device.id": chip + powers}))
            return result["energy_j"], result["prefill_s"], result["decode_s"]
        joules, prefill, decode = energy("prefill_power = 30\ndecode_power = 12.5")
        self.assert_close(joules, 30 * prefill + 12.5 * decode, "energy")
        for powers in ("", "prefill_power = 30", "decode_power = 12.5"):
            self.assertIsNone(energy(powers)[0], powers)
        self.write("case.toml", edit(CASE, {"device.id": chip + "prefill_power = 30\ndecode_power = 12.5"}))
        self.assertRegex(self.rooflaw("evaluate", "case.toml").out, rf"energy +{joules:.4g} +J\n")

    def test_a_layer_without_mixer_or_ffn_has_no_loss(self):
        """The law has no opinion; times and memory stand."""
        group = "[[architecture.group]]\nlayers = {}\n{}\n"
        head = "[architecture]\nwidth = 896\nvocab = 151936\nheads = 14\nhead_dim = 64\nkv_heads = 2\n"
        rest = CASE[CASE.index("[precision]"):]
        for fields in ("attention = 'none'\nexpert_ffn = 4864", "ffn = 'none'",
                       "attention = 'recurrent'\nmixer_weights = 100000\nmixer_width = 896\n"
                       "state_elements = 4096\nstate_flops = 8192\nexpert_ffn = 4864"):
            with self.subTest(fields):
                text = head + group.format(20, "expert_ffn = 4864") + group.format(4, fields) + rest
                result = self.evaluate(text)
                for key in ("loss", "perplexity"):
                    self.assertIsNone(result[key])
                for key in ("ffn_ratio", "activation_rate", "kv_dim", "loss_terms"):
                    self.assertNotIn(key, result)
                self.assertGreater(result["total_s"], 0)
                self.assertRegex(self.rooflaw("evaluate", "case.toml").out, r"loss +unknown +the law has no opinion")

    def test_no_lm_head(self):
        result = self.evaluate(CASE + "[engine]\nlm_head = false\n")
        self.assertIsNone(result["lm_head"])
        self.assertLess(result["total_s"], self.evaluate(CASE)["total_s"])


class ForPeople(ProgramTest):
    def human(self, tables, *options):
        self.write("case.toml", tables if isinstance(tables, str) else to_toml(tables))
        run = self.rooflaw("evaluate", "case.toml", *options)
        self.assertEqual(run.err, "", f"nothing on stderr{run}")
        return run

    def rows(self, text):
        """The operator tables: the names of the rows, by phase; in front the title of the table."""
        phases, phase = {}, None
        for line in text.splitlines():
            if line.startswith(("prefill,", "decode,")):
                phase = phases.setdefault(line.split(",")[0], [line])
            elif phase is not None and re.match(r"  [a-z0-9]", line):
                words = line.split()
                phase.append(" ".join(words[:2]) if words[0].isdigit() else words[0])
        return {name: rows[:1] + rows[2:] for name, rows in phases.items()}  # without the head of the table

    def test_the_tables_list_every_operator(self):
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                run = self.human(tables_of(case))
                phases, expect = self.rows(run.out), case["expect"]
                groups = case["architecture"].get("group", [{}])
                passes = expect.get("prefill_passes")
                titles = {"prefill": "prefill, one pass" if passes == 1
                          else f"prefill, the last of {passes} passes", "decode": "decode, first step"}
                self.assertEqual(set(phases), {phase for phase, key in PASSES.items() if key in expect}, str(run))
                for phase, key in PASSES.items():
                    if key not in expect:
                        continue
                    expected = [op["name"] if len(groups) == 1 else f"{number} {op['name']}"
                                for number, ops in enumerate(expect[key], 1) for op in ops]
                    if expect["lm_head"]:
                        expected.append("lm_head")
                    e = efficiency_of(case) or {}
                    if e.get("layer_overhead", 0) or e.get("pass_overhead", 0):
                        expected.append("overhead")
                    self.assertEqual(phases[phase], [titles[phase], *expected, "pass"], str(run))

    def test_the_times_of_a_table_are_of_all_layers(self):
        case = golden("local/fp16/nano_cal/long/{}")
        run = self.human(tables_of(case))
        lines = run.out[run.out.index("decode, first step"):].splitlines()
        layers = [g["layers"] for g in case["architecture"]["group"]]
        total = 0
        for number, (n, ops) in enumerate(zip(layers, case["expect"][PASSES["decode"]]), 1):
            for op in ops:
                total += n * op["seconds"]
                line = next(x for x in lines if x.split()[:2] == [str(number), op["name"]])
                self.assertIn(f" {self.readable(n * op['seconds'])} ", line, str(run))
        total += case["expect"]["lm_head"]["seconds"]
        e = efficiency_of(case)
        overhead = sum(layers) * e["layer_overhead"] + e["pass_overhead"]
        for name, seconds in (("overhead", overhead), ("pass", total + overhead)):
            line = next(x for x in lines if x.split()[:1] == [name])
            self.assertIn(f" {self.readable(seconds)}", line, str(run))

    def readable(self, seconds):
        for unit, scale in (("s", 1), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
            if scale * seconds >= 1:
                return f"{scale * seconds:.4g} {unit}"
        return None

    def test_the_numbers_of_the_summary(self):
        case = golden("qwen05/fp16/orin/vla/{}")
        run = self.human(tables_of(case))
        expect = case["expect"]
        self.assertIn(f"{expect['loss']:.6f}", run.out, str(run))
        self.assertIn(f"{expect['perplexity']:.4f}", run.out, str(run))
        milliseconds = f"{1e3 * expect['total_s']:.4g} ms"
        self.assertRegex(run.out, rf"total +{re.escape(milliseconds)}")
        self.assertRegex(run.out, rf"per token .* {1 / expect['tpot_s']:.4g} tokens per second")
        self.assertIn("24 layers: 14 heads of 64, 2 KV heads; FFN 4864 (gated)", run.out)
        self.assertNotIn("energy", run.out, "no powers, no energy")

    def test_the_groups_in_the_summary(self):
        case = golden("local/fp16/nano_cal/long/{}")
        run = self.human(tables_of(case))
        for g in case["architecture"]["group"]:
            window = f", window {g['window']}" if g["window"] else ""
            self.assertRegex(run.out, rf"(?m)^{g['layers']} layers?: .* KV heads?{window}; FFN {g['expert_ffn']} ")
        self.assertRegex(run.out, rf"energy +{case['expect']['energy_j']:.4g} +J\n")
        self.assertIn("EXTRAPOLATED", run.out, "the law has not seen windows")

    def test_operators_alone(self):
        run = self.human(CASE, "--operators")
        self.assertNotIn("perplexity", run.out, str(run))
        self.assertIn("ffn_up", run.out, str(run))

    def test_extrapolation_is_said(self):
        self.assertNotIn("extrapol", self.human(CASE).out.lower())
        for changes in ({"architecture.layers": "layers = 33"}, {"architecture.width": "width = 512"},
                        {"architecture.kv_heads": "kv_heads = 7"},
                        {"architecture.vocab": "vocab = 1000\nffn = 'plain'"},
                        {"architecture.vocab": "vocab = 1000\nshared_ffn = 64"},
                        {"architecture.vocab": "vocab = 1000\nwindow = 64"},
                        {"architecture.vocab": "vocab = 1000\nexperts = 8\ntop_k = 4"}):
            with self.subTest(changes=changes):
                text = edit(CASE, changes)
                run = self.human(text)
                self.assertIn("extrapol", run.out.lower(), str(run))
                self.assertIs(self.evaluate(text)["extrapolated"], True)
        self.assertIs(self.evaluate(CASE)["extrapolated"], False)

    def test_a_missing_calibration_is_said(self):
        run = self.human(CASE)
        self.assertRegex(run.out, r"not calibrated", str(run))
        chip = "id = 'mine'\nmemory_bytes = 1e9\nbandwidth = 1e11\npeak_flops = {fp16 = 1e12}\n"
        for section, calibrated in (("", False), ("[device.efficiency.fp16]\ncompute = 0.5\n", True),
                                    ("[device.efficiency.'*']\ncompute = 0.5\n", True),
                                    ("[device.efficiency.int8]\ncompute = 0.5\n", False)):
            with self.subTest(section=section):
                run = self.human(edit(CASE, {"device.id": chip + section}))
                self.assertEqual("not calibrated" not in run.out, calibrated, str(run))

    def test_a_model_too_large_for_the_memory_is_said(self):
        """Fits: within what the system leaves of the memory, stated or assumed by the kind of the device."""
        chip = "id = 'mine'\n{}\nbandwidth = 1e11\npeak_flops = {{fp16 = 1e12}}"
        memory = sum(self.evaluate(CASE)["memory"].values())
        for given, share in (("memory_bytes = 1e12\nusable_memory_bytes = {}", 1.0),
                             ("usable_memory_bytes = {}", 1.0), ("memory_bytes = {}", 0.85),
                             ("kind = 'gpu'\nmemory_bytes = {}", 0.95),
                             ("kind = 'accelerator'\nmemory_bytes = {}", 0.95),
                             ("kind = 'gpu-soc'\nmemory_bytes = {}", 0.85)):
            # A hair above and below where the share's own rounding decides; on the edge itself without.
            least = memory if share == 1.0 else memory / share * (1 + 1e-12)
            most = math.nextafter(memory, 0) if share == 1.0 else memory / share * (1 - 1e-12)
            for amount, fits in ((least, True), (most, False)):
                with self.subTest(given, fits=fits):
                    text = edit(CASE, {"device.id": chip.format(given.format(repr(float(amount))))})
                    run = self.human(text)
                    self.assertIn("  fits the " if fits else "  DOES NOT FIT the ", run.out, str(run))
                    self.assertIn("usable" if share == 1.0 else "assumed to be usable", run.out, str(run))
                    result = self.evaluate(text)
                    self.assertIs(result["fits"], fits)
                    self.assert_close(result["memory_budget_bytes"], share * amount, given)

    def test_of_an_unknown_memory_it_is_said(self):
        text = edit(CASE, {"device.id": "id = 'mine'\nbandwidth = 1e11\npeak_flops = {fp16 = 1e12}"})
        self.assertEqual(self.human(text).out.lower().count("fit"), 1)
        self.assertIn("note: the memory of this device is unknown", self.human(text).out)
        result = self.evaluate(text)
        self.assertIsNone(result["fits"])
        self.assertIsNone(result["memory_budget_bytes"])

    def test_json_says_what_the_text_says(self):
        """Its notes, the layers, the name of the model, changed fields told by a hash."""
        chip = "id = 'sa8295p'"
        for architecture in ("model = 'gemma-3-1b'", "model = 'gemma-3-1b'\nwidth = 1024"):
            text = (f"[architecture]\n{architecture}\n[precision]\nid = 'int8'\n[device]\n{chip}\n"
                    "[workload]\nid = 'vla'\n")
            run, result = self.human(text), self.evaluate(text)
            self.assertTrue(result["notes"])
            for note in result["notes"]:
                self.assertIn(f"note: {note}\n", run.out)
            self.assertEqual(run.out.count("\nnote: "), len(result["notes"]))
            self.assertTrue(run.out.startswith(result["model"] + ": "), run.out)
            self.assertRegex(result["model"], r"^gemma-3-1b(\+[0-9a-f]{8})?$")
            self.assertEqual("+" in result["model"], "width" in architecture)
            self.assertEqual(sorted(g["window"] > 0 for g in result["groups"]), [False, True])
            self.assertEqual(sum(g["layers"] for g in result["groups"]), 26)

    def test_a_change_without_effect_is_a_fault(self):
        self.write("case.toml", edit(CASE, {"precision.id": "id = 'q4_k_m'\nweight_bytes = 1"}))
        run = self.rooflaw("evaluate", "case.toml", expect=2)
        self.assertIn("weight_bytes = 1: has no effect", run.err)

    def test_another_type_for_attention_is_said(self):
        chip = "id = 'mine'\nmemory_bytes = 1e9\nbandwidth = 1e11\npeak_flops = {int8 = 1e12, fp32 = 1e11}"
        run = self.human(edit(CASE, {"precision.id": "id = 'int8'", "device.id": chip}))
        self.assertRegex(run.out, r"no fp16 arithmetic.* fp32", str(run))
        result = self.evaluate(edit(CASE, {"precision.id": "id = 'int8'", "device.id": chip}))
        types = {op["name"]: op["type"] for op in result["prefill_layer_ops_of_last_pass"][0]}
        self.assertEqual((types["attention"], types["ffn_up"]), ("fp32", "int8"))


if __name__ == "__main__":
    unittest.main()
