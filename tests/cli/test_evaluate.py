"""`rooflaw evaluate`: the worked cases of golden.json through the real program, cases by ids, the table."""

import copy
import math
import re
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
from support import CASE, GOLDEN, INPUTS, ProgramTest, edit, to_toml

TABLES = ("architecture", "precision", "device", "workload", "engine")


def golden(name):
    return next(c for c in GOLDEN["cases"] if c["name"] == name)


def tables_of(case):
    return {name: case[name] for name in TABLES}


class Golden(ProgramTest):
    def test_every_case(self):
        self.assertGreaterEqual(len(GOLDEN["cases"]), 15)
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                result = self.evaluate(tables_of(case))
                self.assert_close(result, case["expect"], case["name"])
                for key in ("params_total", "params_active"):
                    self.assertIsInstance(result[key], int, key)
                    self.assertEqual(result[key], case["expect"][key], key)

    def test_defaults_are_those_of_the_model(self):
        """Fields that have the default value may be left out."""
        defaults = {"architecture": {"attention": "gqa", "ffn": "gated", "experts": 1, "top_k": 1,
                                     "shared_ffn": 0, "ffn_sparsity": 0.0, "tied": True},
                    "precision": {"loss_delta": 0.0, "attention": "fp16"},
                    "engine": {"attention": "flash", "causal": True, "lm_head": True,
                               "kv_traffic": "kv_heads", "mla": "absorbed"}}
        case = golden("qwen05/fp16/orin/vla")
        tables = copy.deepcopy(tables_of(case))
        for table, fields in defaults.items():
            for key, value in fields.items():
                if tables[table].get(key) == value:
                    del tables[table][key]
        del tables["precision"]["input_bytes"], tables["precision"]["head_bytes"]
        del tables["engine"], tables["device"]["efficiency"]
        self.assert_close(self.evaluate(tables), case["expect"], case["name"])

    def test_a_law_given_inline_is_the_default_one(self):
        case = golden("moe_small/fp16/orin/vla")
        law = tomllib.loads((INPUTS / "laws/codesign-2026.toml").read_text())["law"][0]
        fields = {key: law[key] for key in (
            "kappa_l", "alpha_l", "kappa_rho", "alpha_rho", "alpha_r", "beta_1", "kappa_d", "beta_2",
            "kappa_m", "alpha_m", "l_inf")}
        tables = tables_of(case) | {"law": {**fields, "range": law["range"]}}
        self.assert_close(self.evaluate(tables), case["expect"], "inline law")
        tables["law"]["l_inf"] += 1.0
        terms = case["expect"]["loss_terms"][:4] + [fields["l_inf"] + 1.0]
        self.assert_close(self.evaluate(tables)["loss_terms"], terms, "l_inf + 1")


class ByIds(ProgramTest):
    def test_ids_name_the_tables_of_the_inputs(self):
        """A case by ids is the same, to the last bit, as one with the tables written out."""
        def entry(file, kind, name, keys):
            entries = tomllib.loads((INPUTS / file).read_text())[kind]
            found = next(e for e in entries if e["id"] == name)
            return {key: found[key] for key in keys if key in found}
        architecture = ("layers", "width", "heads", "head_dim", "kv_heads", "attention", "ffn",
                        "expert_ffn", "experts", "top_k", "shared_ffn", "vocab", "tied", "q_lora_rank",
                        "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")
        precision = ("weight_bytes", "activation_bytes", "kv_bytes", "input_bytes", "head_bytes",
                     "matmul", "attention", "loss_delta")
        for model, format_, chip, work in (
                ("qwen2.5-0.5b", "int8", "jetson-agx-orin-64gb", "vla"),
                ("llama-3.2-1b", "q4_k_m", "jetson-orin-nano-super-8gb", "siso"),
                ("olmoe-1b-7b", "fp8", "jetson-thor-t5000", "lilo")):
            with self.subTest(model=model):
                by_ids = {"architecture": {"model": model}, "precision": {"id": format_},
                          "device": {"id": chip}, "workload": {"id": work}}
                inline = {
                    "architecture": entry("models.toml", "model", model, architecture),
                    "precision": {"id": format_, **entry("precisions.toml", "precision", format_, precision)},
                    "device": {"id": chip, **entry("devices.toml", "device", chip,
                                                   ("memory_bytes", "bandwidth", "peak_flops", "efficiency"))},
                    "workload": {"id": work, **entry("workloads.toml", "workload", work,
                                                     ("batch", "input_tokens", "output_tokens"))}}
                result = self.evaluate(by_ids)
                self.assertEqual(result, self.evaluate(inline))
                self.assertEqual(result, self.evaluate(by_ids | {"law": {"id": "codesign-2026"}}))

    def test_the_paper_model_by_ids_is_the_golden_case(self):
        case = golden("qwen05/fp16/orin/vla")
        result = self.evaluate({"architecture": {"model": "qwen2.5-0.5b"}, "precision": {"id": "fp16"},
                                "device": {"id": "jetson-agx-orin-64gb"}, "workload": {"id": "vla"}})
        self.assert_close(result, case["expect"], "by ids")

    def test_workload_without_input(self):
        result = self.evaluate(edit(CASE, {
            "workload.id": "id = 'talk'\nbatch = 1\ninput_tokens = 0\noutput_tokens = 4"}))
        self.assertNotIn("prefill_layer_ops", result)
        self.assertEqual(result["prefill_s"], 0)
        self.assertEqual(result["memory"]["workspace"], 0)
        self.assertEqual(result["total_s"], result["decode_s"])

    def test_workload_without_output(self):
        result = self.evaluate(edit(CASE, {
            "workload.id": "id = 'read'\nbatch = 1\ninput_tokens = 8\noutput_tokens = 0"}))
        self.assertEqual(result["decode_s"], 0)
        self.assertEqual(result["total_s"], result["prefill_s"])
        self.assertIsNone(result["tpot_s"])

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
        """The operator tables: the first words of the rows, by phase."""
        phases, phase = {}, None
        for line in text.splitlines():
            if line.startswith(("prefill,", "decode,")):
                phase = phases.setdefault(line.split(",")[0], [])
            elif phase is not None and re.match(r"  [a-z]", line):
                phase.append(line.split()[0])
        return {name: rows[1:] for name, rows in phases.items()}  # without the head of the table

    def test_the_tables_list_every_operator(self):
        for case in GOLDEN["cases"]:
            with self.subTest(case["name"]):
                run = self.human(tables_of(case))
                phases = self.rows(run.out)
                for phase, key in (("prefill", "prefill_layer_ops"),
                                   ("decode", "decode_layer_ops_at_first_step")):
                    expected = [op["name"] for op in case["expect"].get(key, [])]
                    if not expected:
                        self.assertNotIn(phase, phases, str(run))
                        continue
                    if case["expect"]["lm_head"]:
                        expected.append("lm_head")
                    self.assertEqual(phases[phase][:len(expected)], expected, str(run))

    def test_the_numbers_of_the_summary(self):
        case = golden("qwen05/fp16/orin/vla")
        run = self.human(tables_of(case))
        expect = case["expect"]
        self.assertIn(f"{expect['loss']:.6f}", run.out, str(run))
        self.assertIn(f"{expect['perplexity']:.4f}", run.out, str(run))
        milliseconds = f"{1e3 * expect['total_s']:.4g} ms"
        self.assertRegex(run.out, rf"total +{re.escape(milliseconds)}")

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
        chip = "id = 'mine'\nmemory_bytes = {}\nbandwidth = 1e11\npeak_flops = {{fp16 = 1e12}}"
        memory = sum(self.evaluate(CASE)["memory"].values())
        fits = self.human(edit(CASE, {"device.id": chip.format(memory)}))
        self.assertIn("; fits", fits.out, str(fits))
        too_large = self.human(edit(CASE, {"device.id": chip.format(math.nextafter(memory, 0))}))
        self.assertIn("DOES NOT FIT", too_large.out, str(too_large))

    def test_another_type_for_attention_is_said(self):
        chip = "id = 'mine'\nmemory_bytes = 1e9\nbandwidth = 1e11\npeak_flops = {int8 = 1e12, fp32 = 1e11}"
        run = self.human(edit(CASE, {"precision.id": "id = 'int8'", "device.id": chip}))
        self.assertRegex(run.out, r"no fp16 arithmetic.* fp32", str(run))
        result = self.evaluate(edit(CASE, {"precision.id": "id = 'int8'", "device.id": chip}))
        types = {op["name"]: op["type"] for op in result["prefill_layer_ops"]}
        self.assertEqual((types["attention"], types["ffn_up"]), ("fp32", "int8"))


if __name__ == "__main__":
    unittest.main()
