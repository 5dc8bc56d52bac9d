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
        a = j["architecture"]
        # The best of all, and the best of those within the law's range.
        self.assertLess(e["loss"], j["evaluation_in_range"]["loss"])
        self.assertTrue(e["extrapolated"])
        self.assertFalse(j["evaluation_in_range"]["extrapolated"])
        self.assertIn(j["architecture_in_range"]["experts"], (1, 8, 16))
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
        self.assertIn("it is held by decode", run.out)
        self.assertRegex(run.out, r"10 % more bandwidth lowers the loss by 0\.\d+ nats, to \d\.\d+\n")
        self.assertIn("10 % more compute lowers the loss by nothing", run.out)
        self.assertIn("to build:", run.out)
        self.assertRegex(run.out, r"xi model .* is off there: prefill [+-]\d+ %")
        self.assertIn("arXiv:2602.10377, and exact", run.out)
        self.assertIn("not calibrated", run.out)

    def chip_by_hand(self, bandwidth=1.0, compute=1.0):
        return ["--peak-flops", repr(85e12 * compute), "--bandwidth", repr(204.8e9 * bandwidth),
                "--precision", "int8", "--workload", "vla"]

    def test_what_ten_per_cent_more_is_worth_is_what_a_richer_chip_gives(self):
        budgets = ["--total-budget", "0.1", "--memory-budget"]
        j = self.json_of(*self.chip_by_hand(), *budgets, "4e9")
        for part, chip, memory in (("bandwidth", self.chip_by_hand(bandwidth=1.1), "4e9"),
                                   ("compute", self.chip_by_hand(compute=1.1), "4e9"),
                                   ("memory", self.chip_by_hand(), "4.4e9")):
            richer = self.json_of(*chip, *budgets, memory)
            self.assertAlmostEqual(j["worths"][part]["loss"], richer["evaluation"]["loss"],
                                   delta=1e-12, msg=part)
        # Said 0.021 by the closed forms, which leave out lm_head.
        j = self.json_of("--device", "rk3588", "--precision", "int8", "--workload", "smart-home")
        gain = j["evaluation"]["loss"] - j["worths"]["bandwidth"]["loss"]
        self.assertAlmostEqual(gain, 0.33, delta=0.005)
        self.assertLess(j["worths"]["bandwidth"]["closed_form_gain"], 0.03)

    def test_a_little_more_memory_is_never_worse(self):
        chip = ["--device", "jetson-orin-nano-super-8gb", "--precision", "q4_k_m", "--workload",
                "private-serving"]
        losses = [self.json_of(*chip, "--memory-budget", f"{gib}GiB")["evaluation"]["loss"]
                  for gib in (6.2, 6.25, 6.3, 6.35)]
        self.assertEqual(losses, sorted(losses, reverse=True))
        self.assertLess(losses[2], 2.98424 + 1e-5)

    def test_a_target_loss_says_what_each_part_alone_would_have_to_be(self):
        budgets = ["--total-budget", "0.1", "--memory-budget", "3e9"]
        base = self.json_of(*self.chip_by_hand(), *budgets)
        loss = base["evaluation"]["loss"] - 0.02
        target = self.json_of(*self.chip_by_hand(), *budgets, "--target-loss", repr(loss))["target"]
        self.assertFalse(target["reached"])
        factor = target["bandwidth"]["factor"]
        self.assertGreater(factor, 1)
        self.assertAlmostEqual(target["bandwidth"]["amount"], factor * 204.8e9, delta=1)

        def loss_with(bandwidth):
            return self.json_of(*self.chip_by_hand(bandwidth=bandwidth), *budgets)["evaluation"]["loss"]
        self.assertLessEqual(loss_with(factor), loss)
        self.assertGreater(loss_with(factor * (1 - 3e-6)), loss)
        self.assertLessEqual(target["bandwidth"]["architecture_loss"], loss)

    def test_a_target_loss_out_of_reach_and_within(self):
        budgets = ["--decode-budget", "0.05", "--memory-budget", "30e9"]
        j = self.json_of(*CHIP, *budgets, "--target-loss", "2.5")
        self.assertGreater(j["target"].pop("least_loss_of_box"), 2.5)
        self.assertEqual(j["target"], {"loss": 2.5, "reached": False, "bandwidth": None,
                                       "compute": None, "memory": None})
        j = self.json_of(*CHIP, *budgets, "--target-loss", "4")
        self.assertTrue(j["target"]["reached"])
        for part in ("bandwidth", "memory"):
            self.assertTrue(0 < j["target"][part]["factor"] < 1, j["target"])
        out = self.rooflaw("advise", *CHIP, *budgets, "--target-loss", "2.5").out
        self.assertRegex(out, r"compute +no amount is enough: the box ends at 2\.\d+; --box widens it")
        j = self.json_of(*CHIP, "--memory-budget", "30e9", "--target-loss", "4")  # no time budget
        for part in ("bandwidth", "compute"):
            self.assertEqual(j["target"][part]["factor"], 0)

    def test_the_map_of_what_binds(self):
        budgets = ["--prefill-budget", "0.05", "--decode-budget", "0.1", "--memory-budget", "4e9"]
        j = self.json_of(*self.chip_by_hand(), *budgets, "--regimes")
        cells = {(c["compute"], c["bandwidth"]): c for c in j["regimes"]}
        self.assertEqual(len(cells), 25)
        self.assertEqual(cells[1, 1]["loss"], j["evaluation"]["loss"])
        self.assertEqual(cells[1, 1]["binding"], j["architecture_binding"])
        self.assertIn("decode", cells[4, 0.25]["binding"])
        self.assertIn("prefill", cells[0.25, 4]["binding"])
        self.assertIn("memory", cells[4, 4]["binding"])
        for c, b in cells:
            for more in ((2 * c, b), (c, 2 * b)):
                if more in cells and cells[c, b]["loss"] is not None:
                    self.assertLessEqual(cells[more]["loss"], cells[c, b]["loss"])
        out = self.rooflaw("advise", *self.chip_by_hand(), *budgets, "--regimes").out
        self.assertRegex(out, r"\n  x 0\.25 +\d\.\d+ \w+")

    def test_budgets_at_the_ends_of_doubles(self):
        for option in ("--total-budget", "--decode-budget", "--prefill-budget", "--tpot-budget",
                       "--memory-budget"):
            j = self.json_of(*CHIP, option, "1e308")
            self.assertIsNotNone(j["architecture"], option)
            run = self.rooflaw("advise", *CHIP, option, "1e-320", "--json", expect=2)
            j = json.loads(run.out)
            self.assertIsNone(j["architecture"], option)
            self.assertIsNone(j["optimum"], option)
            self.assertIn("where 1e-320 is given", j["shortfall"])
            self.assertNotIn("nan", run.out.lower())
            self.assertNotIn("inf", re.sub("[a-z]*info|binf", "", run.err.lower()))

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
        self.assertEqual(run.code, 2, run)
        self.assertRegex(run.err, r"needs \S+ B of memory where 2\.097e\+06 is given, \S+ times as much")
        # What the closed forms say is printed all the same.
        self.assertIn("nothing to build", run.out)
        self.assertIn("D2 = P2", run.out)
        j = json.loads(self.rooflaw("advise", *CHIP, "--memory-budget", "2MiB", "--json", expect=2).out)
        self.assertEqual((j["architecture"], j["evaluation"], j["optimum"]), (None, None, None))
        self.assertIsNotNone(j["cases"]["D2"])

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
        run = self.rooflaw("advise", *CHIP, "--decode-budget", "0.3", "--box", "layers=4.2:4.8",
                           expect=2)
        self.assertIn("box.layers = [4.2, 4.8]: leaves no whole layer", run.err)

    def test_a_side_of_the_box_is_given_once_and_leaves_something_to_build(self):
        for options, said in (
                (["--box", "width=100:120"], "box.width = [100, 120]: leaves no multiple of 64"),
                (["--box", "width=32:40"], "leaves no KV head of 64"),
                (["--box", "layers=1:2", "--box", "layers=8:9"], "given twice"),
                (["--width", "1024", "--box", "width=2048:2048"], "given twice"),
                (["--min-activation-rate", "0.3", "--box", "activation_rate=0.1:1"], "given twice"),
                (["--box", "layers=4:"], "LO and HI must be numbers > 0")):
            run = self.rooflaw("advise", *CHIP, "--total-budget", "1", *options, expect=2)
            self.assertIn(said, run.err)
        run = self.rooflaw("advise", *CHIP, "--total-budget", "1", "--width", "1000")
        self.assertIn("a width of 1000 cannot be built of heads of 64", run.out)

    def test_the_limits_of_the_workload_stand_in_the_evaluation(self):
        j = self.json_of(*CHIP[:4], "--workload", "embodied")
        self.assertEqual(j["evaluation"]["limits_met"], {"tpot": True})

    def test_a_workload_of_one_phase(self):
        for tokens_in, tokens_out, said, unsaid in ((0, 64, "decode", "prefill"),
                                                    (512, 0, "prefill", "decode")):
            work = self.write("work.toml", f'[[workload]]\nid = "one"\nbatch = 1\ninput_tokens = '
                              f'{tokens_in}\noutput_tokens = {tokens_out}\n')
            run = self.rooflaw("advise", *CHIP[:4], "--workload", work, "--memory-budget", "4GiB")
            off = run.out.split("is off there: ")[1].split("\n")[0]
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
            ("--target-loss", "nan"): "must be a number > 0",
            ("--target-loss", "-1"): "must be a number > 0",
            ("--box", "layers=1:1e12"): "leaves more than",
            ("--precision", "fp8"): "cannot be specified more than once",
        }
        for option, expected in bad.items():
            with self.subTest(option):
                run = self.rooflaw("advise", *CHIP, *option, expect=None)
                self.assertEqual((run.code, run.out), (2, ""), run)
                self.assertIn(expected, run.err)
                self.assertNotRegex(run.err, re.compile("nan,", re.IGNORECASE))

    def test_all_that_is_missing_at_once(self):
        for given, missing in (([], ["device", "precision", "workload"]), (["--device", "rk3588"], ["precision", "workload"]),
                               (["--memory", "8GiB", "--workload", "vla"], ["device", "precision"]),
                               (["--bandwidth", "1e11", "--workload", "vla"], ["peak-flops", "precision"])):
            with self.subTest(given):
                lines = self.rooflaw("advise", *given, expect=2).err.splitlines()
                self.assertEqual([line.split(": is missing: ")[0] for line in lines],
                                 [f"command line: --{option}" for option in missing])

    def test_unknown_things(self):
        for arguments, expected in (
                (["--device", "jetson-agx-orin", "--precision", "int8", "--workload", "vla"],
                 "did you mean"),
                (["--device", "apple-m1-pro", "--precision", "int8", "--workload", "vla"],
                 "has no int8"),
                (["--bandwidth", "1e11", "--precision", "int8", "--workload", "vla"],
                 "--peak-flops: is missing"),
                (["--peak-flops", "1e13", "--bandwidth", "1e11", "--precision", "int8",
                  "--workload", "vla"], "at least one budget")):
            with self.subTest(arguments):
                run = self.rooflaw("advise", *arguments, expect=None)
                self.assertEqual(run.code, 2, run)
                self.assertIn(expected, run.err)


if __name__ == "__main__":
    unittest.main()
