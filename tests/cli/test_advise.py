"""`rooflaw advise`: the closed forms of golden.json through the command line, and what a user reads."""

import json
import math
import re
import unittest

from support import GOLDEN, ProgramTest

PEAK, BANDWIDTH, TOKENS_IN, TOKENS_OUT = 42.5e12, 204.8e9, 1024, 16  # workload vla
CHIP = ["--device", "jetson-agx-orin-64gb", "--precision", "int8", "--workload", "vla"]


def relative(a, b):
    return abs(a - b) / max(abs(a), abs(b))


def golden_arguments(case):
    """The budgets of a golden theory case as seconds on a chip given by hand."""
    precision = {1: "int8", 2: "fp16"}[case["weight_bytes"]]
    decode = case["decode_bytes_per_token"] * TOKENS_OUT / BANDWIDTH
    prefill = case["prefill_flop_per_token"] * TOKENS_IN / PEAK
    return ["--peak-flops", repr(PEAK), "--bandwidth", repr(BANDWIDTH), "--memory", "inf",
            "--precision", precision, "--workload", "vla", "--width", str(case["width"]),
            "--decode-budget", repr(decode), "--prefill-budget", repr(prefill),
            "--memory-budget", str(case["memory_bytes"]),
            "--min-activation-rate", repr(case["min_activation_rate"])]


class Advise(ProgramTest):
    def json_of(self, *arguments):
        run = self.rooflaw("advise", *arguments, "--json")
        return json.loads(run.out)

    def test_golden_cases(self):
        for case in GOLDEN["theory"]:
            with self.subTest(width=case["width"]):
                j = self.json_of(*golden_arguments(case))
                self.assertEqual(j["width"], case["width"])
                for key in ("decode_bytes_per_token", "prefill_flop_per_token", "memory_bytes"):
                    self.assertLess(relative(j["budgets"][key], case[key]), 1e-12, key)
                for name in ("D1", "D2", "P1"):
                    for field, expected in case[name].items():
                        self.assertLess(relative(j["cases"][name][field], expected), 1e-8,
                                        f"{name} {field}")
                self.assertEqual(j["cases"]["D3"] is None, case["D3"] is None)
                if case["D3"]:
                    found = j["cases"]["D3"]
                    self.assertLess(abs(found["loss"] - case["D3"]["loss"]), 1e-9)
                    for field in ("layers", "ffn_ratio", "gqa", "activation_rate"):
                        self.assertLess(relative(found[field], case["D3"][field]), 1e-4, field)
                    for field in ("mu_memory", "mu_decode"):
                        self.assertLess(relative(found[field], case["D3"][field]), 1e-3, field)

    def test_keys_of_the_contract(self):
        j = self.json_of(*CHIP, "--decode-budget", "0.32", "--memory-budget", "2GiB")
        self.assertLessEqual({"width", "binding", "budgets", "cases", "optimum", "architecture",
                              "evaluation"}, j.keys())
        self.assertEqual(j["cases"].keys(), {"D1", "D2", "D3", "P1", "P3"})
        self.assertEqual(j["cases"]["D1"].keys(),
                         {"layers", "ffn_ratio", "gqa", "activation_rate", "loss", "mu_decode",
                          "mu_prefill", "mu_memory"})
        self.assertEqual(j["binding"], ["memory"])
        self.assertEqual(j["budgets"]["memory_bytes"], 2 * 2**30)
        self.assertIsNone(j["budgets"]["prefill_flop_per_token"])

    def test_the_architecture_meets_the_budgets_and_evaluates_alike(self):
        j = self.json_of(*CHIP, "--prefill-budget", "0.2", "--decode-budget", "0.32",
                         "--memory-budget", "4GiB")
        e = j["evaluation"]
        self.assertLessEqual(e["prefill_s"], 0.2)
        self.assertLessEqual(e["decode_s"], 0.32)
        self.assertLessEqual(sum(e["memory"].values()), 4 * 2**30)
        self.assertFalse(e["extrapolated"])
        a = j["architecture"]
        self.assertEqual(a["heads"] * a["head_dim"], a["width"])
        self.assertEqual(a["heads"] % a["kv_heads"], 0)
        fields = "\n".join(f"{k} = {json.dumps(v)}" for k, v in a.items())
        case = self.write("case.toml", f'[architecture]\n{fields}\n[precision]\nid = "int8"\n'
                          '[device]\nid = "jetson-agx-orin-64gb"\n[workload]\nid = "vla"\n')
        run = self.rooflaw("evaluate", case, "--json", expect=None)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(json.loads(run.out), e)

    def test_more_budget_is_never_worse(self):
        losses = [self.json_of(*CHIP, "--decode-budget", str(s), "--memory-budget", "8GiB")
                  ["optimum"]["loss"] for s in (0.02, 0.05, 0.1, 0.2, 0.4)]
        for tight, ample in zip(losses, losses[1:]):
            self.assertLess(ample, tight + 1e-12)
        self.assertLess(losses[-1], losses[0] - 0.1)

    def test_text_says_what_binds_and_what_it_is_worth(self):
        run = self.rooflaw("advise", *CHIP, "--decode-budget", "0.02", "--memory-budget", "32GiB",
                           "--published")
        self.assertEqual((run.code, run.err), (0, ""), run)
        self.assertRegex(run.out, r"decode .*BINDS")
        self.assertRegex(run.out, r"10 % more bandwidth lowers the loss by about 0\.\d+ nats")
        self.assertIn("10 % more compute lowers the loss by nothing", run.out)
        self.assertIn("to build:", run.out)
        self.assertRegex(run.out, r"xi model .* is off there: prefill [+-]\d+ %")
        self.assertIn("arXiv:2602.10377, and exact", run.out)
        self.assertIn("not calibrated", run.out)

    def test_shadow_price_is_the_slope(self):
        def loss(budget):
            return self.json_of(*CHIP, "--decode-budget", repr(budget), "--memory-budget", "32GiB",
                                "--box", "layers=1:200")["optimum"]
        h = 1e-4
        slope = (loss(0.05 * math.exp(h))["loss"] - loss(0.05 * math.exp(-h))["loss"]) / (2 * h)
        price = loss(0.05)["shadow_prices"]["bandwidth"]
        self.assertLess(relative(slope, price), 1e-5)

    def test_what_does_not_fit_is_refused(self):
        run = self.rooflaw("advise", *CHIP, "--memory-budget", "2MiB", expect=None)
        self.assertEqual((run.code, run.out), (2, ""), run)
        self.assertRegex(run.err, r"memory budget of 2\.097\S+ bytes.*needs \S+, \S+ times as much")

    def test_limits_of_the_workload_count(self):
        e = self.json_of(*CHIP[:4], "--workload", "driving")["evaluation"]
        self.assertLessEqual(e["total_s"], 0.1)
        e = self.json_of(*CHIP[:4], "--workload", "embodied", "--decode-budget", "10")["evaluation"]
        self.assertLessEqual(e["tpot_s"], 0.02)

    def test_the_architecture_stays_in_the_box(self):
        a = self.json_of(*CHIP, "--decode-budget", "0.03", "--box", "layers=20:32", "--box",
                         "gqa=4:8")["architecture"]
        self.assertTrue(20 <= a["layers"] <= 32, a)
        self.assertTrue(4 <= a["heads"] / a["kv_heads"] <= 8, a)

    def test_nothing_to_build_is_refused(self):
        run = self.rooflaw("advise", *CHIP[:4], "--workload", "silo", "--total-budget", "2",
                           expect=2)
        self.assertRegex(run.err, r"needs \S+ s of total where 2 is given, \S+ times as much")
        run = self.rooflaw("advise", *CHIP, "--decode-budget", "0.3", "--box",
                           "activation_rate=0.9:0.95", expect=2)
        self.assertIn("no whole number of experts", run.err)

    def test_a_workload_of_one_phase(self):
        for tokens_in, tokens_out, said, unsaid in ((0, 64, "decode", "prefill"),
                                                    (512, 0, "prefill", "decode")):
            work = self.write("work.toml", f'[[workload]]\nid = "one"\nbatch = 1\ninput_tokens = '
                              f'{tokens_in}\noutput_tokens = {tokens_out}\n')
            run = self.rooflaw("advise", *CHIP[:4], "--workload", work, "--memory-budget", "4GiB")
            off = run.out.split("is off there: ")[1]
            self.assertIn(said, off, run)
            self.assertNotIn(unsaid, off, run)
            self.assertNotIn("nan", run.out, run)

    def test_all_unknown_ids_at_once(self):
        run = self.rooflaw("advise", "--device", "x1", "--precision", "x2", "--workload", "x3",
                           "--law", "x4", expect=2)
        self.assertEqual(len(run.err.splitlines()), 4, run)

    def test_bad_options(self):
        bad = {
            ("--decode-budget", "0"): "must be a number of seconds > 0",
            ("--decode-budget", "nan"): "must be a number of seconds > 0",
            ("--memory-budget", "4GB5"): "must be a number of bytes",
            ("--box", "depth=1:2"): "must be KEY=LO:HI",
            ("--box", "layers=8:4"): "layers",
            ("--min-activation-rate", "2"): "activation",
            ("--width", "-5"): "must be a number > 0",
            ("--width", "1e10"): "must be at most",
            ("--memory", "1GiB"): "in the place of --device",
            ("--precision", "fp8"): "cannot be specified more than once",
        }
        for option, expected in bad.items():
            with self.subTest(option):
                run = self.rooflaw("advise", *CHIP, *option, expect=None)
                self.assertEqual((run.code, run.out), (2, ""), run)
                self.assertIn(expected, run.err)
                self.assertNotRegex(run.err, re.compile("nan,", re.IGNORECASE))

    def test_unknown_things(self):
        for arguments, expected in (
                (["--device", "jetson-agx-orin", "--precision", "int8", "--workload", "vla"],
                 "did you mean"),
                (["--device", "apple-m1-pro", "--precision", "int8", "--workload", "vla"],
                 "has no int8"),
                (["--bandwidth", "1e11", "--precision", "int8", "--workload", "vla"],
                 "peak-flops is missing"),
                (["--peak-flops", "1e13", "--bandwidth", "1e11", "--precision", "int8",
                  "--workload", "vla"], "at least one budget")):
            with self.subTest(arguments):
                run = self.rooflaw("advise", *arguments, expect=None)
                self.assertEqual(run.code, 2, run)
                self.assertIn(expected, run.err)


if __name__ == "__main__":
    unittest.main()
