"""fit: the known answers of published runs (from ../shared, where it is there), runs made by the published law, the same
law file on any number of ranks, a law that a search takes, bad tables."""

import json
import math
import os
import random
import subprocess
import tomllib
import unittest

import h5py

from support import JOB, PROGRAM, SOURCE, ProgramTest, edit

RUNS = SOURCE.parent / "shared/data/runs"
LAW = {"kappa_l": 9.96, "alpha_l": 1.63, "kappa_rho": 0.031, "alpha_rho": 1.09, "alpha_r": 0.17, "beta_1": -0.33,
       "kappa_d": 500, "beta_2": 0.97, "kappa_m": 0.20, "alpha_m": 0.05, "l_inf": 2.53}
COLUMNS = ("l", "d", "dm", "r", "rho")


def loss(law, l, d, dm, r, rho):
    return (law["kappa_l"] * l ** -law["alpha_l"] + law["kappa_m"] * dm ** -law["alpha_m"] + law["l_inf"]
            + law["kappa_rho"] * rho ** law["alpha_rho"] * r ** -law["alpha_r"] * d ** -law["beta_1"]
            + law["kappa_d"] * r ** -law["alpha_r"] * d ** -law["beta_2"])


def campaign(count, seed, noise=0.0):
    """Rows (l, d, dm, r, rho, loss) of different shapes in the published ranges."""
    chance = random.Random(seed)
    rows = {}
    while len(rows) < count:
        d = chance.choice((768, 1024, 1280, 1536, 2048, 2560, 3072))
        shape = (chance.choice((4, 6, 8, 12, 16, 24, 32)), d, min(d, chance.choice((64, 128, 256, 512, 4096))),
                 chance.choice((0.5, 1, 2, 3, 4)), chance.choice((1, 0.5, 0.25, 0.125, 0.0625)))
        rows.setdefault(shape, (*shape, loss(LAW, *shape) * math.exp(noise * chance.gauss(0, 1))))
    return list(rows.values())


def table(rows, columns=(*COLUMNS, "loss")):
    return "\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows)]) + "\n"


class Fit(ProgramTest):
    def fit(self, *arguments, code=0, ranks=0, columns=None):
        command = ([] if not ranks else ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)])
        environment = {**os.environ, **({} if columns is None else {"COLUMNS": str(columns)})}
        done = subprocess.run([*command, PROGRAM, "fit", *map(str, arguments)], cwd=self.folder,
                              capture_output=True, text=True, env=environment)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def report(self, *arguments):
        (self.folder / "law.toml").unlink(missing_ok=True)
        return json.loads(self.fit(*arguments, "--json", "-o", "law.toml").stdout)

    def law(self, file="law.toml"):
        entry, = tomllib.loads((self.folder / file).read_text())["law"]
        return entry

    def published(self, name):
        if not (RUNS / name).exists():
            self.skipTest(f"there is no {RUNS / name}")
        return RUNS / name

    def test_runs_of_clark(self):
        report = self.report(self.published("clark_rlr.csv"))
        self.assertEqual(["depth", "sparsity"], report["terms"])
        self.assertGreaterEqual(report["fitted"]["law"]["r2"], 0.9989)
        self.assertAlmostEqual(1.4286e-4, report["objective"], delta=1e-7)
        law = self.law()
        self.assertAlmostEqual(0.150, law["alpha_rho"], delta=0.002)
        self.assertAlmostEqual(0.192, law["alpha_r"], delta=0.001)
        self.assertAlmostEqual(0.615, law["beta_1"], delta=0.001)
        self.assertAlmostEqual(1.700, law["l_inf"], delta=0.001)
        self.assertEqual([], law["fit"]["flagged"])
        shapes = report["held_out_shapes"]
        self.assertLess(shapes["law"]["mean_error"], 0.005)
        self.assertLess(shapes["law"]["mean_error"], shapes["size_and_tokens"]["mean_error"])
        self.assertLess(shapes["size_and_tokens"]["mean_error"], shapes["mean"]["mean_error"])

    def test_runs_of_chinchilla_give_depth_2026(self):
        """Within its standard errors. Of the three runs that share the 205th place none is taken."""
        report = self.report(self.published("chinchilla_width_depth.csv"), "--lowest", 205)
        self.assertEqual(["depth", "capacity", "tokens"], report["terms"])
        self.assertEqual((203, 245), (report["rows"], report["rows_of_data"]))
        law = self.law()
        for name, value, error in (("alpha_l", 1.201390, 0.27), ("beta_2", 0.976914, 0.083),
                                   ("alpha_t", 0.299096, 0.014)):
            self.assertAlmostEqual(value, law[name], delta=error, msg=name)
        self.assertEqual(0, law["alpha_r"])  # no column of it: no opinion
        self.assertTrue(2e9 < law["tokens"] < 4e11)

    def test_runs_of_gemstones(self):
        runs = self.published("gemstones_cooled.csv")
        done = self.fit(runs, "-o", "law.toml")
        law = self.law()
        self.assertEqual(["depth", "capacity", "tokens"], law["fit"]["terms"])
        self.assertEqual(["l_inf"], law["fit"]["at_bound"])
        self.assertIn("l_inf", law["fit"]["flagged"])
        self.assertEqual(["alpha_r"], law["fit"]["pinned"])
        self.assertIn("l_inf lies on its bound", done.stdout)
        report = self.report(runs, "--terms", "parameters,depth,capacity,tokens")
        self.assertLessEqual(report["fitted"]["law"]["mean_error"], 0.005)
        self.assertIn("no search may take it", " ".join(report["doubts"]))

    def test_runs_of_morph(self):
        report = self.report(self.published("morph_2501.18107.csv"))
        self.assertNotIn("kv", report["terms"])  # dm is d in all of them
        self.assertLess(report["held_out_shapes"]["law"]["mean_error"], 0.003)
        self.assertEqual(["n_heads", "ffn", "run"], report["ignored_columns"])

    def test_without_noise_all_eleven_parameters(self):
        self.write("runs.csv", table(campaign(170, 1)))
        self.fit("runs.csv", "-o", "law.toml", "--resamples", 40)
        law = self.law()
        for name, value in LAW.items():
            self.assertAlmostEqual(1, law[name] / value, delta=1e-6, msg=name)
        self.assertEqual({"layers": [4, 32], "width": [768, 3072], "kv_dim": [64, 3072], "ffn_ratio": [0.5, 4],
                          "activation_rate": [0.0625, 1]}, law["range"])

    def test_what_noisy_runs_tell(self):
        rows = campaign(170, 2, 0.003)
        self.write("runs.csv", table(rows))
        done = self.fit("runs.csv", "-o", "law.toml", "--terms", "depth,sparsity,capacity,kv")
        law = self.law()
        errors = [abs(loss(law, *row[:5]) / loss(LAW, *row[:5]) - 1) for row in rows]
        self.assertLess(sum(errors) / len(errors), 0.001)
        self.assertLessEqual({"kappa_m", "alpha_m", "l_inf"}, set(law["fit"]["flagged"]))
        for name in ("kappa_m", "alpha_m", "l_inf"):
            self.assertRegex(done.stdout, rf"{name} (is hardly told|lies on its bound)")
        resamples = law["resamples"]
        self.assertEqual(list(LAW), resamples["coefficients"])
        self.assertGreater(len(resamples["vectors"]), 990)
        # The law is one of many: at a shape, resamples lie around it.
        at = (16, 1536, 512, 2, 0.25)
        losses = sorted(loss(dict(zip(resamples["coefficients"], v)), *at) for v in resamples["vectors"])
        self.assertLess(losses[len(losses) // 40], loss(law, *at))
        self.assertGreater(losses[-len(losses) // 40], loss(law, *at))
        self.assertLess(losses[-1] / losses[0] - 1, 0.01)
        covariance = law["fit"]["covariance"]
        self.assertEqual(list(LAW), covariance["coefficients"])
        self.assertEqual([len(LAW)] * len(LAW), [len(row) for row in covariance["matrix"]])
        for name, (low, high) in law["fit"]["intervals"].items():
            self.assertLessEqual(low, high, name)

    def test_order_and_units_change_no_prediction(self):
        rows = campaign(120, 3, 0.003)
        predictions = []
        for seed, unit in ((0, 1), (4, 1), (5, 1000.0)):
            random.Random(seed).shuffle(rows)
            self.write("runs.csv", table([(l, d / unit, dm / unit, r, rho, y) for l, d, dm, r, rho, y in rows]))
            self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, "--force")
            law = self.law()
            law = {name: law.get(name, 0) for name in LAW}
            predictions.append([loss(law, l, d / unit, dm / unit, r, rho)
                                for l, d, dm, r, rho, _ in campaign(120, 3)])
        for other in predictions[1:]:
            self.assertLess(max(abs(a / b - 1) for a, b in zip(predictions[0], other)), 1e-9)

    def test_same_bytes_on_any_number_of_ranks(self):
        self.write("runs.csv", table(campaign(100, 4, 0.003)))
        arguments = ("runs.csv", "-o", "law.toml", "--resamples", 200)
        alone = self.fit(*arguments).stdout
        law = (self.folder / "law.toml").read_bytes()
        for ranks in 2, 3:
            self.assertEqual(alone, self.fit(*arguments, ranks=ranks).stdout)
            self.assertEqual(law, (self.folder / "law.toml").read_bytes())
        self.fit(*arguments, "--seed", 2, "--force")
        self.assertNotEqual(law, (self.folder / "law.toml").read_bytes())

    def test_a_search_takes_the_law(self):
        self.write("runs.csv", table(campaign(170, 1)))
        self.fit("runs.csv", "-o", "My law.toml", "--resamples", 40)
        self.assertEqual("my-law", self.law("My law.toml")["id"])
        result = self.search(edit(JOB, {"law.id": 'id = "My law.toml"'}))
        with h5py.File(result.path) as file:
            self.assertEqual(["my-law"], list(file["frontiers"]))
            first, = file["frontiers/my-law"].values()
            losses = first["loss"][:]
        published = self.search(JOB)
        with h5py.File(published.path) as file:
            other, = file["frontiers/codesign-2026"].values()
            self.assertEqual(len(losses), len(other["loss"]))
            for a, b in zip(losses, other["loss"][:]):
                self.assertAlmostEqual(a, b, delta=1e-5)

    def test_report_fits_the_terminal(self):
        self.write("runs.csv", table(campaign(170, 2, 0.003)))
        done = self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, columns=80)
        for line in done.stdout.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_groups_have_offsets(self):
        rows = [(*row[:5], row[5] + (0.25 if i % 3 else 0), "code" if i % 3 else "prose")
                for i, row in enumerate(campaign(170, 6, 0.0005))]
        self.write("runs.csv", table(rows, (*COLUMNS, "loss", "group")).replace("'", ""))
        report = self.report("runs.csv", "--resamples", 100)
        self.assertEqual("code", report["group"])
        offset, = report["offsets"]
        self.assertAlmostEqual(-0.25, offset["value"], delta=0.01)

    def test_comments_quotes_and_line_ends(self):
        text = table(campaign(60, 7, 0.001))
        self.write("plain.csv", text)
        self.write("dressed.csv", "# runs, \"of\" ours\r\n\n" + text.replace("\n", "\r\n").replace("loss", '"loss"')
                   + "  # the end\n")
        self.fit("plain.csv", "-o", "a.toml", "--id", "x", "--resamples", 40)
        self.fit("dressed.csv", "-o", "b.toml", "--id", "x", "--resamples", 40)
        for name in LAW:
            self.assertEqual(self.law("a.toml").get(name), self.law("b.toml").get(name))

    def test_all_faults_of_a_table_at_once(self):
        rows = [list(map(str, row)) for row in campaign(60, 8, 0.003)]
        rows[2][5] = "nan"
        rows[3][5] = "-2.5"
        rows[4][5] = "0"
        rows[5][0] = "twelve"
        rows[6][1] = "1024 "
        rows[7][4] = "1.5"
        rows[8][2] = ""
        rows[9][5] = "inf"
        rows[10] = rows[10][:-1]
        self.write("runs.csv", "\n".join([",".join((*COLUMNS, "loss")), *map(",".join, rows)]) + "\n")
        done = self.fit("runs.csv", "-o", "law.toml", code=2)
        for place in (r"runs\.csv:4:\d+: loss = nan: ", r"runs\.csv:5:\d+: loss = -2\.5: ", r"runs\.csv:6:\d+: loss = 0: ",
                      r"runs\.csv:7:1: l = twelve: ", r"runs\.csv:9:\d+: rho = 1\.5: ", r"runs\.csv:10:\d+: dm.*: ",
                      r"runs\.csv:11:\d+: loss = inf: ", r"runs\.csv:12:1: row.*has 5 fields, the header 6"):
            self.assertRegex(done.stderr, place)
        self.assertEqual(8, done.stderr.count("runs.csv:"), done.stderr)
        self.assertFalse((self.folder / "law.toml").exists())

    def test_wild_and_double_runs(self):
        rows = campaign(60, 9, 0.003)
        rows[3] = (*rows[3][:5], rows[3][5] * 10)
        rows[8] = (rows[8][0] * 1000, *rows[8][1:])
        rows[20] = rows[12]
        self.write("runs.csv", table(rows))
        done = self.fit("runs.csv", "-o", "law.toml", code=2)
        for words in (r"runs\.csv:5:\d+: loss = .* times the median", r"runs\.csv:10:1: l = .* times the median",
                      r"runs\.csv:22:1: row: is the same run, with the same loss, as line 14"):
            self.assertRegex(done.stderr, words)
        self.assertEqual(3, done.stderr.count("runs.csv:"), done.stderr)
        forced = self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, "--force")
        self.assertRegex(forced.stdout, r"runs\.csv:5 ")  # named among the worst

    def test_a_law_of_another_fit_or_changed_since_needs_force(self):
        self.write("runs.csv", table(campaign(60, 21, 0.003)))
        self.fit("runs.csv", "-o", "law.toml", "--resamples", 40)
        first = (self.folder / "law.toml").read_text()
        self.fit("runs.csv", "-o", "law.toml", "--resamples", 40)  # gives what is there
        done = self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, "--seed", 7, code=3)
        self.assertIn("law.toml: is there and is not what this fit gives", done.stderr)
        self.assertEqual(first, (self.folder / "law.toml").read_text())
        self.write("law.toml", first + "\n# ours\n")
        self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, code=3)
        self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, "--force")
        self.assertEqual(first, (self.folder / "law.toml").read_text())

    def test_losses_that_are_none(self):
        rows = campaign(60, 22, 0.003)
        self.write("runs.csv", table([(*row[:-1], 3.0) for row in rows]))
        self.assertIn("the loss does not vary", self.fit("runs.csv", "-o", "a.toml", "--force", code=2).stderr)
        self.write("runs.csv", table([(*row[:-1], row[-1] / 100) for row in rows]))
        self.assertRegex(self.fit("runs.csv", "-o", "a.toml", "--force", code=2).stderr,
                         r"runs\.csv:\d+: loss = .*: must be above 0\.2")
        self.assertFalse((self.folder / "a.toml").exists())

    def test_too_many(self):
        rows = campaign(120, 13, 0.003)
        self.write("groups.csv", table([(*row, f"g{i}") for i, row in enumerate(rows)], (*COLUMNS, "loss", "group")))
        self.assertRegex(self.fit("groups.csv", "-o", "law.toml", code=2).stderr, "group: has 120 values; at most 50")
        many = [(12, 768 + i, 512, 4, 1, 3 + 1e-5 * i) for i in range(10001)]
        self.write("many.csv", table(many))
        self.assertRegex(self.fit("many.csv", "-o", "law.toml", code=2).stderr, "many.csv:10002:1: row: there are more than 10000")

    def test_what_reaches_a_terminal(self):
        rows = campaign(60, 14, 0.003)
        self.write("runs.csv", table([(*row, "red \x1b[31m" if i % 2 else "b", 1) for i, row in enumerate(rows)],
                                     (*COLUMNS, "loss", "group", "x\x1b]0;")).replace("'", "").replace("\\x1b", "\x1b"))
        for arguments in ((), ("--json",)):
            self.assertNotIn("\x1b", self.fit("runs.csv", "-o", "law.toml", "--resamples", 40, *arguments).stdout)
        self.assertNotIn("\x1b", (self.folder / "law.toml").read_text())
        self.law()

    def test_too_few_runs(self):
        self.write("few.csv", table(campaign(15, 10, 0.003)))
        done = self.fit("few.csv", "-o", "law.toml", "--terms", "depth,capacity", code=2)
        self.assertRegex(done.stderr, r"15 runs are too few for 6 parameters.*--force")
        self.assertIn("too few", self.fit("few.csv", "-o", "law.toml", "--terms", "depth,capacity", "--resamples", 40,
                                          "--force").stdout)

    def test_constant_columns(self):
        rows = [(l, d, 512, 4, 1, 9 * l ** -1.5 + 400 * d ** -0.9 + 2.2 + 1e-3 * math.sin(i))
                for i, (l, d, *_) in enumerate(campaign(80, 11))]
        self.write("runs.csv", table(rows))
        done = self.fit("runs.csv", "-o", "law.toml", "--resamples", 40)
        law = self.law()
        self.assertEqual(["depth", "capacity"], law["fit"]["terms"])
        self.assertEqual((["alpha_r"], 0.17), (law["fit"]["pinned"], law["alpha_r"]))
        self.assertIn("alpha_r is not fitted but that of the published law: r is 4 in all runs", " ".join(done.stdout.split()))
        self.assertNotIn("kappa_m", law)
        self.assertIn("no opinion on sparsity (rho), the KV cache (dm)", " ".join(done.stdout.split()))
        same = [(12, 768, 512, 4, 1, 3 + 1e-3 * i) for i in range(40)]
        self.write("same.csv", table(same))
        self.assertIn("no column of one varies", self.fit("same.csv", "-o", "law.toml", code=2).stderr)

    def test_refusals(self):
        self.write("runs.csv", table(campaign(40, 12, 0.003)))
        self.write("mine.toml", "# mine\n")
        self.write("empty.csv", "")
        self.write("bare.csv", "l,d,loss\n")
        self.write("names.csv", "layers,width,losses\n12,768,3\n")
        cases = ((("runs.csv",), 2, "--output"),
                 (("-o", "o.toml"), 2, "RUNS.csv"),
                 (("nothing.csv", "-o", "o.toml"), 3, "nothing.csv"),
                 (("runs.csv", "-o", "no/such/o.toml"), 3, "no/such"),
                 (("runs.csv", "-o", "mine.toml"), 3, "is no law that fit wrote"),
                 (("runs.csv", "-o", "o.toml", "--terms", "dept"), 2, 'did you mean "depth"?'),
                 (("runs.csv", "-o", "o.toml", "--terms", "depth,tokens"), 2, "no column for the tokens term"),
                 (("runs.csv", "-o", "o.toml", "--resamples", 3), 2, "whole number from 40 to 10000"),
                 (("runs.csv", "-o", "o.toml", "--seed", -1), 2, "--seed"),
                 (("runs.csv", "-o", "o.toml", "--id", "My Law"), 2, "--id"),
                 (("empty.csv", "-o", "o.toml"), 2, "there is no header"),
                 (("bare.csv", "-o", "o.toml"), 2, "no runs below the header"),
                 (("names.csv", "-o", "o.toml"), 2, 'loss: is missing (did you mean "losses"?)'))
        for arguments, code, words in cases:
            with self.subTest(arguments):
                self.assertIn(words, self.fit(*arguments, code=code).stderr)
        self.assertEqual("# mine\n", (self.folder / "mine.toml").read_text())
        self.assertFalse((self.folder / "o.toml").exists())


if __name__ == "__main__":
    unittest.main()
