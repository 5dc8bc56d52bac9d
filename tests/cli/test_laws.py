"""Every law of inputs/laws through the program: what it says of a model, on what it has an opinion, whether a search
may use it; penalties of precisions that know the model; and the band of a loss."""

import csv
import json
import math
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
from support import CASE, INPUTS, JOB, ProgramTest, edit, entries

LAWS = {law["id"]: law for file in sorted((INPUTS / "laws").glob("*.toml"))
        for law in tomllib.loads(file.read_text())["law"]}
SCORING = {"gemstones-2025-cool", "gemstones-2025-hot", "gemstones-2025-lr", "joint-moe-2025", "conditional-2025"}
# The model of CASE: dense, tied.
L, D, FFN, KV, VOCAB = 24, 896, 4864, 2 * 64, 151936
ATTENTION, FFN_WEIGHTS = D * (896 + 2 * KV) + 896 * D, 3 * D * FFN
BLOCKS = L * (ATTENTION + FFN_WEIGHTS)
N = BLOCKS + VOCAB * D


def loss(law, tokens=1e10):
    """Of that model, from the coefficients of the file."""
    if law.get("form") == "joint-moe":
        e = law["e_s"]  # dense
        return (law["a"] * e ** law["delta"] * N ** (law["alpha"] + law["gamma"] * math.log(e)) +
                law["b"] * e ** law["omega"] * tokens ** (law["beta"] + law["zeta"] * math.log(e)) + law["c"])
    r = FFN / D
    terms = {"kappa_l": lambda c: L ** -c["alpha_l"], "kappa_rho": lambda c: r ** -c["alpha_r"] * D ** -c["beta_1"],
             "kappa_d": lambda c: r ** -c["alpha_r"] * D ** -c["beta_2"], "kappa_m": lambda c: KV ** -c["alpha_m"],
             "kappa_t": lambda c: tokens ** -c["alpha_t"], "kappa_p": lambda c: N ** -c["alpha_p"]}
    return law["l_inf"] + sum(law[k] * term(law) for k, term in terms.items() if k in law)


def multiplier(law):
    x, q = D / math.sqrt(BLOCKS), FFN_WEIGHTS / ATTENTION
    return ((law["a_0"] + law["a_1"] * math.log(x) + law["a_2"] / x) *
            (law["b_0"] + law["b_1"] * math.log(q) + law["b_2"] / q))


class OneModel(ProgramTest):
    def text(self, law, precision="id = 'fp16'", expect=0):
        self.write("case.toml", edit(CASE, {"precision.id": precision}) + f"[law]\n{law}\n")
        return self.rooflaw("evaluate", "case.toml", expect=expect)

    def evaluate(self, law, precision="id = 'fp16'"):
        self.text(law, precision)
        return json.loads(self.rooflaw("evaluate", "case.toml", "--json").out)


class EveryLaw(OneModel):
    def test_all_are_there(self):
        self.assertLessEqual(SCORING | {"codesign-2026", "depth-2026", "routing-2022"}, set(LAWS))

    def test_scores_a_model(self):
        for name, law in LAWS.items():
            with self.subTest(name):
                result = self.evaluate(f"id = '{name}'")
                if law.get("form") == "conditional":
                    self.assertIsNone(result["loss"])
                    self.assertIsNone(result["perplexity"])
                    self.assertNotIn("loss_terms", result)
                    self.assertAlmostEqual(result["loss_multiplier"], multiplier(law), 12)
                    continue
                self.assertIsNone(result["loss_multiplier"])
                self.assertAlmostEqual(result["loss"], loss(law), 11)
                self.assertAlmostEqual(result["perplexity"], math.exp(loss(law)), 8)
                if "form" in law:
                    self.assertNotIn("loss_terms", result)
                    self.assertAlmostEqual(sum(result["loss_terms_joint_moe"]), loss(law), 11)
                else:
                    self.assertAlmostEqual(sum(result["loss_terms"]) + result.get("loss_term_parameters", 0),
                                           loss(law), 11)
                    self.assertEqual("loss_term_parameters" in result, "kappa_p" in law)

    def test_tokens_count_where_there_is_a_term(self):
        for name, law in LAWS.items():
            with self.subTest(name):
                result = self.evaluate(f"id = '{name}'\ntokens = 5e12")
                has_term = "kappa_t" in law or law.get("form") == "joint-moe"
                if law.get("form") != "conditional":
                    self.assertAlmostEqual(result["loss"], loss(law, 5e12), 11)
                    self.assertEqual(abs(loss(law, 5e12) - loss(law)) > 1e-3, has_term)
                assumed = [n for n in self.evaluate(f"id = '{name}'")["notes"] if "1e+10 are assumed" in n]
                self.assertEqual(len(assumed), has_term)
                self.assertFalse([n for n in result["notes"] if "are assumed (law.tokens)" in n])

    def test_says_what_it_is_silent_on(self):
        self.assertFalse([n for n in self.evaluate("id = 'codesign-2026'")["notes"] if "opinion" in n])
        for name, words in (("depth-2026", ("activation rate, FFN ratio, KV dimension",)),
                            ("routing-2022", ("no opinion on: KV dimension",)),
                            ("gemstones-2025-cool", ("activation rate, FFN ratio, KV dimension, but as they change",)),
                            ("joint-moe-2025", ("layers, FFN ratio, width, KV dimension, but as they change",)),
                            ("conditional-2025", ("layers, activation rate, KV dimension",))):
            out = self.text(f"id = '{name}'").out
            for word in words:
                self.assertIn(word, out)

    def test_in_words(self):
        out = self.text("id = 'conditional-2025'").out
        self.assertRegex(out, r"loss +unknown  multiplied by 1\.\d{6}, at fixed depth and size only")
        self.assertNotIn("perplexity", out)
        self.assertRegex(self.text("id = 'gemstones-2025-cool'").out, r"\+ limit [\d.]+ \+ tokens [\d.]+ \+ parameters [\d.]+ \+ ")
        self.assertRegex(self.text("id = 'joint-moe-2025'").out, r"active parameters [\d.]+ \+ tokens [\d.]+ \+ limit")

    def test_chosen_by_an_option(self):
        self.write("case.toml", CASE)
        for name in ("codesign-2026", "gemstones-2025-cool"):
            chosen = self.rooflaw("evaluate", "case.toml", "--law", name, "--json").out
            self.assertEqual(json.loads(chosen), self.evaluate(f"id = '{name}'"))
            self.write("case.toml", CASE)
        run = self.rooflaw("evaluate", "case.toml", "--law", "codesign", expect=2)
        self.assertIn("--law", run.err)

    def test_extrapolates_outside_its_ffn_and_kv_range(self):
        """routing-2022 was fitted on FFN ratios from 4 and KV dimensions from 256: CASE has 5.4 and 128."""
        result = self.evaluate("id = 'routing-2022'")
        self.assertTrue(result["extrapolated"])
        self.assertIn("KV dimension 128", self.text("id = 'routing-2022'").out)
        self.assertIn("FFN ratio 5.43", self.text("id = 'joint-moe-2025'").out)


class ListOfLaws(ProgramTest):
    def test_opinions_form_and_use(self):
        listed = {e["id"]: e for e in json.loads(self.rooflaw("list", "laws", "--json").out)}
        self.assertEqual({name for name, e in listed.items() if not e["searchable"]}, SCORING)
        for name, e in listed.items():
            self.assertEqual("why_not_searchable" in e, name in SCORING)
            self.assertEqual(e["form"], LAWS[name].get("form", "sum"))
        on = {name: e["opinion_on"] for name, e in listed.items()}
        self.assertEqual(on["codesign-2026"], ["layers", "activation rate", "FFN ratio", "width", "KV dimension"])
        self.assertEqual(on["depth-2026"], ["layers", "width", "training tokens"])
        self.assertEqual(on["gemstones-2025-hot"], ["layers", "width", "parameters", "training tokens"])
        self.assertEqual(on["joint-moe-2025"], ["active parameters", "experts", "training tokens"])
        self.assertEqual(listed["routing-2022"]["silent_on"], ["KV dimension"])

    def test_in_a_line(self):
        lines = {line.split()[0]: line for line in self.rooflaw("list", "laws").out.splitlines()}
        self.assertIn("opinion on", lines["id"])
        self.assertRegex(lines["depth-2026"], r"sum +true +layers, width, training tokens")
        self.assertRegex(lines["joint-moe-2025"], r"joint-moe +false +active parameters, experts")


class InASearch(ProgramTest):
    def job(self, law, changes=None, expect=2):
        self.write("job.toml", edit(JOB, {"law.id": law} | (changes or {})))
        return self.rooflaw("search", "job.toml", expect=expect)

    def test_a_law_that_only_scores_is_refused_with_the_reason(self):
        for name in sorted(SCORING):
            with self.subTest(name):
                run = self.job(f'id = "{name}"')
                self.assertEqual(len(run.err.splitlines()), 1, str(run))
                word = {"joint": "active parameters and experts", "condi": "multiplier at fixed depth and size",
                        "gemst": "total parameters"}[name[:5]]
                for expected in (f"law {name}", word, "law.second_opinions", "job.toml:21:6:"):
                    self.assertIn(expected, run.err, str(run))

    def test_and_may_be_a_second_opinion(self):
        names = ", ".join(f'"{name}"' for name in sorted(SCORING))
        self.job(f'id = "codesign-2026"\nsecond_opinions = [{names}]', expect=0)

    def test_advise_refuses_it(self):
        for name, word in (("joint-moe-2025", "active parameters"), ("conditional-2025", "multiplier"),
                           ("gemstones-2025-cool", "total parameters")):
            run = self.rooflaw("advise", "--device", "jetson-agx-orin-64gb", "--precision", "fp16", "--workload", "vla",
                               "--tpot-budget", "20ms", "--law", name, expect=2)
            self.assertIn(word, run.err, str(run))
            self.assertEqual(run.out, "")

    def test_a_penalty_never_enters(self):
        run = self.job('id = "codesign-2026"',
                       {"targets.precisions": 'precisions = ["fp16", {id = "w4a16", loss_delta = "ptq"}]'})
        for word in ("targets.precisions", "never enters a search", "loss_delta_ptq"):
            self.assertIn(word, run.err, str(run))
        self.write("p.toml", "[[precision]]\nid = 'mine'\nweight_bytes = 0.5\nactivation_bytes = 2\nkv_bytes = 2\n"
                             "matmul = 'fp16'\nattention = 'fp16'\nloss_delta = 'ptq'\n")
        run = self.rooflaw("advise", "--device", "jetson-agx-orin-64gb", "--precision", "p.toml", "--workload", "vla",
                           "--tpot-budget", "20ms", expect=2)
        self.assertIn("never enters a search", run.err, str(run))


class Penalties(OneModel):
    LAW = "id = 'codesign-2026'"

    @staticmethod
    def ptq(bits, tokens=1e10):
        gptq = 0.0598 * tokens ** 0.5068 / BLOCKS ** 0.3439 * math.exp(-bits / 0.5907 + 1.1277)
        pythia = 0.017 * tokens ** 0.5251 / (BLOCKS ** 0.2261 * bits ** 5.4967)
        return sorted((gptq, pythia))

    @staticmethod
    def qat(k, n, d, g, group, tokens=1e10):
        return k * tokens ** d * math.log2(group) ** g / BLOCKS ** n

    def test_stand_beside_the_constant(self):
        for precision, constant in (("w4a16", 0.034), ("q4_0", 0.072)):
            result = self.evaluate(self.LAW, f"id = '{precision}'")
            low, high = self.ptq(4)
            ptq, qat = (result["precision_penalties"][kind] for kind in ("ptq", "qat"))
            for found, expected in ((ptq["value"], (low + high) / 2), (ptq["low"], low), (ptq["high"], high)):
                self.assertAlmostEqual(found, expected, 12)
            group = {"w4a16": 128, "q4_0": 32}[precision]
            self.assertAlmostEqual(qat["value"], self.qat(.2522, .3589, .1610, .3533, group), 12)
            self.assertEqual((qat["low"], qat["high"]), (None, None))
            self.assertTrue(ptq["extrapolated"], "358 million parameters, fitted on up to 220")
            self.assertFalse(qat["extrapolated"])
            self.assertEqual(result["loss_delta"], constant)
        self.assertAlmostEqual(self.evaluate(self.LAW, "id = 'int4'")["precision_penalties"]["qat"]["value"],
                               self.qat(.1582, .2186, .0745, .7779, 128), 12)

    def test_are_null_where_they_do_not_apply(self):
        for precision, ptq, qat in (("fp16", False, False), ("int8", False, False), ("q8_0", True, False),
                                    ("int4", False, True), ("mxfp4", True, False)):
            found = self.evaluate(self.LAW, f"id = '{precision}'")["precision_penalties"]
            self.assertEqual((found["ptq"] is not None, found["qat"] is not None), (ptq, qat), precision)

    def test_grow_with_the_tokens_of_the_law(self):
        found = self.evaluate(self.LAW + "\ntokens = 1e12", "id = 'w4a16'")["precision_penalties"]["ptq"]
        self.assertAlmostEqual(found["value"], sum(self.ptq(4, 1e12)) / 2, 12)

    def test_take_the_place_of_the_constant(self):
        plain = self.evaluate(self.LAW, "id = 'w4a16'\nloss_delta = 0")["loss"]
        low, high = self.ptq(4)
        result = self.evaluate(self.LAW, "id = 'w4a16'\nloss_delta = 'ptq'")
        for found, expected in ((result["loss"], (low + high) / 2), (result["loss_low"], low),
                                (result["loss_high"], high)):
            self.assertAlmostEqual(found - plain, expected, 12)
        result = self.evaluate(self.LAW, "id = 'w4a16'\nloss_delta = 'qat'")
        self.assertAlmostEqual(result["loss"] - plain, result["precision_penalties"]["qat"]["value"], 12)
        self.assertIsNone(result["loss_low"], "no error of it is published")

    def test_in_words(self):
        out = self.text(self.LAW, "id = 'w4a16'").out
        self.assertRegex(out, r"penalty ptq +0\.\d{6}  nats at 1e\+10 tokens, 0\.\d{4} \.\. 0\.\d{4}  EXTRAPOLATED")
        self.assertRegex(out, r"penalty qat +0\.\d{6}  nats at 1e\+10 tokens\n")
        self.assertNotIn("penalty", self.text(self.LAW).out)


    def test_are_columns_of_a_frontier(self):
        self.write("job.toml", edit(JOB, {"targets.precisions": 'precisions = ["fp16", "w4a16"]'}))
        self.rooflaw("search", "job.toml")
        self.rooflaw("export", "result.h5", "-o", "csv")
        names = [f"loss_delta_{kind}{end}" for kind in ("ptq", "qat") for end in ("", "_low", "_high")]
        for precision in ("fp16", "w4a16"):
            file = self.folder / f"csv/frontiers/codesign-2026/jetson-agx-orin-64gb.{precision}.vla.total.csv"
            with open(file) as text:
                rows = list(csv.DictReader(text))
            self.assertTrue(rows)
            for row in rows:
                found = [float(row[name]) for name in names]
                if precision == "fp16":
                    self.assertTrue(all(map(math.isnan, found)))
                    continue
                n = float(row["params_total"]) - VOCAB * float(row["width"])
                gptq = 0.0598 * 1e10 ** 0.5068 / n ** 0.3439 * math.exp(-4 / 0.5907 + 1.1277)
                pythia = 0.017 * 1e10 ** 0.5251 / (n ** 0.2261 * 4 ** 5.4967)
                qat = .2522 * 1e10 ** .1610 * 7 ** .3533 / n ** .3589
                for value, expected in zip(found, ((gptq + pythia) / 2, min(gptq, pythia), max(gptq, pythia), qat)):
                    self.assertAlmostEqual(value, expected, 10)
                self.assertTrue(math.isnan(found[4]) and math.isnan(found[5]))


class Band(OneModel):
    def test_of_the_precision(self):
        for precision in ("w4a16", "int8", "mxfp4"):
            result = self.evaluate("id = 'codesign-2026'", f"id = '{precision}'")
            uncertainty = entries("precision")[precision].get("loss_delta_uncertainty")
            if uncertainty is None:
                self.assertEqual((result["loss_low"], result["loss_high"]), (None, None))
                continue
            self.assertAlmostEqual(result["loss"] - result["loss_low"], uncertainty, 12)
            self.assertAlmostEqual(result["loss_high"] - result["loss"], uncertainty, 12)
        self.assertIn("by the uncertainty of the precision; that of the law is unknown",
                      self.text("id = 'codesign-2026'", "id = 'w4a16'").out)

    def test_of_the_law_and_both(self):
        vectors = ", ".join(f"[{2.43 + 0.002 * i:.3f}]" for i in range(101))
        law = f"id = 'codesign-2026'\n[law.resamples]\ncoefficients = ['l_inf']\nvectors = [{vectors}]"
        result = self.evaluate(law, "id = 'w4a16'\nloss_delta_uncertainty = 0")
        self.assertAlmostEqual(result["loss"] - result["loss_low"], 0.09, 9)
        self.assertAlmostEqual(result["loss_high"] - result["loss"], 0.09, 9)
        result = self.evaluate(law, "id = 'w4a16'\nloss_delta_uncertainty = 0.12")
        self.assertAlmostEqual(result["loss"] - result["loss_low"], 0.15, 9)
        self.assertIn("by the uncertainty of law and precision", self.text(law, "id = 'w4a16'").out)


class BadInput(OneModel):
    JOINT = {k: v for k, v in LAWS["joint-moe-2025"].items() if isinstance(v, float)}
    CONDITIONAL = {k: v for k, v in LAWS["conditional-2025"].items() if isinstance(v, float)}

    def refuse(self, law, *faults, precision="id = 'fp16'"):
        run = self.text(law, precision, expect=2)
        lines = run.err.splitlines()
        self.assertEqual(len(lines), len(faults), str(run))
        for line, words in zip(lines, faults):
            for word in words:
                self.assertIn(word, line, str(run))

    @staticmethod
    def law(form, fields, **changes):
        fields = fields | changes
        return f"form = '{form}'\n" + "\n".join(f"{k} = {v}" for k, v in fields.items() if v is not None)

    def test_form(self):
        self.refuse(self.law("joint-mo", self.JOINT), ("law.form", '"joint-mo"', 'did you mean "joint-moe"?'))
        self.refuse("form = 3", ("law.form", "text"))

    def test_coefficients_of_a_form(self):
        for name in self.JOINT:
            self.refuse(self.law("joint-moe", self.JOINT, **{name: None}), (f"law.{name}:", "missing"))
        for name in self.CONDITIONAL:
            self.refuse(self.law("conditional", self.CONDITIONAL, **{name: None}), (f"law.{name}:", "missing"))
        for name, value, rule in (("a", -1, ">= 0"), ("alpha", 1.5, "from -1 to 1"), ("zeta", 0.2, "from -0.1 to 0.1"),
                                  ("e_s", 0.5, "from 1 to 1e6"), ("e_m", "nan", "from 1 to 1e6"), ("c", "'x'", "number"),
                                  ("e_m", 2.0, "larger than e_s")):
            self.refuse(self.law("joint-moe", self.JOINT, **{name: value}), (f"law.{name} ", rule))

    def test_coefficients_of_another_form(self):
        self.refuse(self.law("joint-moe", self.JOINT, kappa_l=3), ("law.kappa_l", "a law without a form"))
        self.refuse(self.law("joint-moe", self.JOINT, a_0=3), ("law.a_0", 'form "conditional"'))
        self.refuse(self.law("conditional", self.CONDITIONAL, gamma=0.1), ("law.gamma", 'form "joint-moe"'))
        self.refuse("id = 'codesign-2026'\ne_s = 2", ("law.e_s", 'form "joint-moe"'))
        self.refuse("id = 'joint-moe-2025'\nkappa_l = 2", ("law.kappa_l", "a law without a form"))

    def test_resamples_go_with_no_form(self):
        self.refuse(self.law("joint-moe", self.JOINT) + "\n[law.resamples]\ncoefficients = ['l_inf']\nvectors = [[1]]",
                    ("law.resamples", "form of its own"))

    def test_penalty(self):
        law = "id = 'codesign-2026'"
        self.refuse(law, ("precision.loss_delta", '"pqt"', '"ptq"', '"qat"'), precision="id = 'w4a16'\nloss_delta = 'pqt'")
        self.refuse(law, ("precision.loss_delta", "1 to 8 bits"), precision="id = 'fp16'\nloss_delta = 'ptq'")
        self.refuse(law, ("precision.loss_delta", "group_size"), precision="id = 'int8'\nloss_delta = 'qat'")
        for value, rule in ((1, "from 2 to 1e9"), ("'x'", "number"), ("inf", "from 2 to 1e9")):
            self.refuse(law, ("precision.group_size", rule), precision=f"id = 'w4a16'\ngroup_size = {value}")
        self.refuse(law, ("precision.loss_delta_uncertainty", ">= 0"),
                    precision="id = 'w4a16'\nloss_delta_uncertainty = -1")


if __name__ == "__main__":
    unittest.main()
