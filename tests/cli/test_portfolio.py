"""rooflaw portfolio: few architectures for many targets, against the frontiers that a search finds, and by hand."""

import itertools
import json
import math
import sys
import unittest

import h5py
import numpy

sys.dont_write_bytecode = True
from support import JOB, SOURCE, ProgramTest, Result, edit, objective, reseal

OTHER_LAW = "routing-2022"
DEVICES = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb", "rk3588", "jetson-thor-t5000"]
PORTFOLIO = edit(JOB, {
    "search.strategy": 'strategy = "exact"',
    "space.layers": "layers = {from = 2, to = 32, step = 2}",
    "space.widths": "widths = {from = 256, to = 2048, step = 256}",
    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.5, to = 4, step = 0.5}",
    "targets.devices": f"devices = {json.dumps(DEVICES)}",
    "targets.precisions": 'precisions = [{id = "int8", loss_delta = 0.02}]',
}) + """
[portfolio]
k = {from = 1, to = 4}
budgets = {total = "100ms"}
"""


class PortfolioTest(ProgramTest):
    def portfolio(self, job=PORTFOLIO, *arguments, expect=0):
        """Runs a job; what it printed as JSON, and its result."""
        self.write("job.toml", job)
        run = self.rooflaw("portfolio", "job.toml", "--json", "--force", *arguments, expect=expect)
        return json.loads(run.out), Result(self.folder / "result.h5")

    def rows(self, result, table, law="codesign-2026"):
        """A table of /portfolio/laws as dicts."""
        prefix = f"/portfolio/laws/{law}/{table}/"
        columns = {p[len(prefix):]: result.column(p) for p in result.datasets if p.startswith(prefix)}
        return [dict(zip(columns, values)) for values in zip(*columns.values(), strict=True)]


class Answers(PortfolioTest):
    def test_every_target_has_what_a_search_finds_for_it(self):
        """Own optima are the frontiers' best within the budget; with as many architectures as targets all run these."""
        answer, result = self.portfolio()
        frontiers = self.search(PORTFOLIO, "-o", "search.h5", result="search.h5")
        law = answer["laws"][0]
        self.assertEqual([t["device"] for t in law["targets"]], DEVICES)
        for target in law["targets"]:
            frontier = frontiers.frontier(target["id"])
            within = objective(frontier) <= 0.1
            self.assertEqual(target["own_loss"], frontier["loss"][within].min())
            self.assertEqual(target["own_index"], frontier["index"][within][-1])
            self.assertEqual(target["least_budget"], objective(frontier).min())
        last = law["choices"][-1]
        self.assertEqual((last["price"], last["worst_regret"], last["certified"]), (0, 0, True))
        for choice in law["choices"]:
            self.assertLessEqual(len(choice["architectures"]), choice["k"])
            runs = [run for a in choice["architectures"] for run in a["runs"]]
            self.assertEqual(sorted(run["target"] for run in runs), sorted(t["id"] for t in law["targets"]))
            own = {t["id"]: t["own_loss"] for t in law["targets"]}
            for run in runs:
                self.assertLessEqual(run["objective"], 0.1)
                self.assertAlmostEqual(run["regret"], run["loss"] - own[run["target"]], delta=1e-12)
            self.assertAlmostEqual(choice["mean_loss"], numpy.mean([run["loss"] for run in runs]), delta=1e-12)
            self.assertAlmostEqual(choice["price"], numpy.mean([run["regret"] for run in runs]), delta=1e-12)
            self.assertAlmostEqual(choice["worst_regret"], max(run["regret"] for run in runs), delta=1e-12)
        prices = [choice["price"] for choice in law["choices"]]
        self.assertEqual(prices, sorted(prices, reverse=True))
        self.assertGreater(prices[0], 0.1, "to have one for all has its price")
        self.check_file(answer, result)

    def check_file(self, answer, result):
        """The file says what the JSON says."""
        law = answer["laws"][0]
        self.assertEqual(result.attribute("/portfolio", "objective"), answer["objective"])
        self.assertEqual([t["id"] for t in result.targets()], [t["id"] for t in law["targets"]])
        for row, target in zip(self.rows(result, "targets"), law["targets"], strict=True):
            for name in ("id", "weight", "budget", "feasible", "own_loss", "own_index", "least_budget"):
                self.assertEqual(row[name], target[name])
        for row, choice in zip(self.rows(result, "choices"), law["choices"], strict=True):
            self.assertEqual(row["architectures"], len(choice["architectures"]))
            for name in ("k", "targets_served", "mean_loss", "price", "worst_regret", "certified", "weight_bound"):
                self.assertEqual(row[name], choice[name])
        architectures = [(choice["k"], number, a) for choice in law["choices"]
                         for number, a in enumerate(choice["architectures"])]
        for row, (k, number, a) in zip(self.rows(result, "architectures"), architectures, strict=True):
            self.assertEqual((row["k"], row["architecture"], row["targets"]), (k, number, len(a["runs"])))
            for name in ("loss", "params_total", "layers", "width", "index", "extrapolated"):
                self.assertEqual(row[name], a[name])
        ids = [t["id"] for t in law["targets"]]
        runs = [(k, number, run) for k, number, a in architectures for run in a["runs"]]
        for row, (k, number, run) in zip(self.rows(result, "runs"), runs, strict=True):
            self.assertEqual((row["k"], row["architecture"], ids[row["target"]]), (k, number, run["target"]))
            for name in ("regret", "objective", "loss", "memory_bytes", "experts", "top_k", "kv_heads", "ffn"):
                self.assertEqual(row[name], run[name])

    def test_pairs_by_hand(self):
        """The best two of a small space: every pair of all its architectures, each searched by itself."""
        job = edit(PORTFOLIO, {"space.layers": "layers = [2, 8, 24]", "space.widths": "widths = [256, 1024]",
                               "space.expert_ffn_ratio": "expert_ffn_ratio = [1]",
                               "space.kv_heads": "kv_heads = [1]", "portfolio.k": "k = 2"})
        answer, _ = self.portfolio(job)
        law = answer["laws"][0]
        points = {}  # by index: loss and which targets it serves
        for layers, width, experts, top_k in itertools.product([2, 8, 24], [256, 1024], [1, 8], [1, 2]):
            if (experts, top_k) == (1, 2):
                continue
            one = edit(job, {"space.layers": f"layers = [{layers}]", "space.widths": f"widths = [{width}]",
                             "space.experts": f"experts = [{experts}]", "space.top_k": f"top_k = [{top_k}]"})
            only = self.search(one, "-o", "one.h5", "--force", result="one.h5")
            losses = [only.frontier(t)["loss"][0] for t in only.targets()]
            times = [objective(only.frontier(t))[0] for t in only.targets()]
            points[layers, width, experts, top_k] = losses, [t <= 0.1 for t in times]
        best = min(
            (sum(min(points[a][0][t] for a in pair if points[a][1][t]) for t in range(4)) / 4
             for pair in itertools.combinations(points, 2)
             if all(any(points[a][1][t] for a in pair) for t in range(4))))
        self.assertEqual(law["choices"][0]["targets_served"], 4)
        self.assertAlmostEqual(law["choices"][0]["mean_loss"], best, delta=1e-12)

    def test_text(self):
        """80 columns at most, and in them what to build and where it runs."""
        self.write("job.toml", PORTFOLIO)
        printed = self.rooflaw("portfolio", "job.toml").out
        inspected = self.rooflaw("inspect", "result.h5").out.partition("\njob\n")[0]
        for text in (printed, inspected.partition("\nportfolio\n")[2]):
            for word in ("k = 1\n", "k = 4\n", "proven", "price", "worst regret", *DEVICES):
                self.assertIn(word, text)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_k(self):
        answer, _ = self.portfolio(edit(PORTFOLIO, {"portfolio.k": "k = 3"}))
        self.assertEqual([c["k"] for c in answer["laws"][0]["choices"]], [3])
        answer, _ = self.portfolio(edit(PORTFOLIO, {"portfolio.k": "k = 9"}))
        self.assertEqual(len(answer["laws"][0]["choices"][0]["architectures"]), 4, "no more than are of use")

    def test_objectives_and_weights(self):
        self.portfolio()
        of, heavy = {}, f"{DEVICES[3]}.{self.precision()}.vla.total"
        for name in ("mean", "worst", "served"):
            answer, _ = self.portfolio(edit(PORTFOLIO, {
                "portfolio.k": f'k = {{from = 1, to = 4}}\nobjective = "{name}"\nweights = {{"{heavy}" = 1000}}'}))
            of[name] = answer["laws"][0]["choices"]
        for mean, worst in zip(of["mean"], of["worst"]):
            self.assertLessEqual(worst["worst_regret"], mean["worst_regret"])
            self.assertGreaterEqual(worst["mean_loss"], mean["mean_loss"])
        self.assertLess(of["worst"][1]["worst_regret"], of["mean"][1]["worst_regret"])
        self.assertEqual([c["mean_loss"] for c in of["served"]], [c["mean_loss"] for c in of["mean"]])
        choice = of["mean"][1]
        regret = {run["target"]: run["regret"] for a in choice["architectures"] for run in a["runs"]}
        self.assertEqual(regret[heavy], 0, "what weighs most runs its own")
        self.assertEqual(choice["weight_served"], 1003)

    def precision(self):
        """The id of a precision that was changed in place."""
        return Result(self.folder / "result.h5").targets()[0]["precision"]

    def test_budgets_by_target_and_by_kind(self):
        """Those of a target are its own; keys without quotes are ids, too."""
        self.portfolio()
        precision = self.precision()
        for key in (f'"rk3588.{precision}.vla.total"', f'rk3588."{precision}".vla.total'):
            answer, _ = self.portfolio(edit(PORTFOLIO, {
                "portfolio.budgets": f'budgets = {{total = "100ms", {key} = 0.25}}'}))
            self.assertEqual([t["budget"] for t in answer["laws"][0]["targets"]], [0.1, 0.1, 0.25, 0.1])

    def test_what_nothing_serves_is_named_with_what_would_do(self):
        answer, _ = self.portfolio()
        least = answer["laws"][0]["targets"][2]["least_budget"]
        job = edit(PORTFOLIO, {"portfolio.budgets": f'budgets = {{total = {math.nextafter(least, 0)!r}}}'})
        answer, _ = self.portfolio(job)
        slow = answer["laws"][0]["targets"][2]
        self.assertEqual((slow["feasible"], slow["own_loss"], slow["least_budget"]), (False, None, least))
        self.assertTrue(all(c["not_served"] == [slow["id"]] for c in answer["laws"][0]["choices"]))
        text = self.rooflaw("portfolio", "job.toml").out
        self.assertIn(f"nothing serves {slow['id']}: the least budget that", " ".join(text.split()))
        answer, _ = self.portfolio(edit(job, {"portfolio.budgets": f"budgets = {{total = {least!r}}}"}))
        self.assertTrue(answer["laws"][0]["targets"][2]["feasible"], "that budget does")
        # Where the memory is what is lacking.
        answer, _ = self.portfolio(edit(PORTFOLIO, {"targets.memory_budget": "memory_budget = 1e6"}))
        self.assertEqual(answer["laws"][0]["targets"][0]["least_budget"], None)
        self.assertGreater(answer["laws"][0]["targets"][0]["least_memory_bytes"], 1e6)
        self.assertIsNone(answer["laws"][0]["choices"][0]["mean_loss"])
        text = " ".join(self.rooflaw("portfolio", "job.toml").out.split())
        self.assertIn("the least memory that would do is", text)

    def test_energy(self):
        job = edit(PORTFOLIO, {
            "targets.devices": 'devices = [{id = "jetson-agx-orin-64gb", prefill_power = 40, decode_power = 30}, '
                               '{id = "rk3588", prefill_power = 8, decode_power = 6}]',
            "targets.latency": 'latency = ["energy"]', "portfolio.budgets": "budgets = {energy = 1.5}"})
        answer, _ = self.portfolio(job)
        for run in (run for a in answer["laws"][0]["choices"][0]["architectures"] for run in a["runs"]):
            self.assertLessEqual(run["energy_j"], 1.5)
            self.assertEqual(run["objective"], run["energy_j"])

    def test_many_targets(self):
        """More than can be partitioned exactly: a bound is stated, and it holds for what more give."""
        chips = json.dumps([*DEVICES, "jetson-agx-orin-32gb", "snapdragon-8-elite"])
        job = edit(PORTFOLIO, {"targets.devices": f"devices = {chips}",
                               "targets.precisions": 'precisions = ["fp16", "int8"]',
                               "targets.latency": 'latency = ["total", "tpot"]',
                               "portfolio.budgets": 'budgets = {total = "100ms", tpot = "3ms"}'})
        answer, _ = self.portfolio(job)
        self.assertEqual(len(answer["laws"][0]["targets"]), 24)
        choices = answer["laws"][0]["choices"]
        for choice in choices:
            self.assertLessEqual(choice["loss_gap_bound"], choice["price"])
        losses = [choice["mean_loss"] for choice in choices]
        self.assertEqual(losses, sorted(losses, reverse=True))

    def test_laws(self):
        """Each law's own choice, and the robust one of these, which is not proven."""
        job = edit(PORTFOLIO, {"law.id": f'id = ["codesign-2026", "{OTHER_LAW}"]',
                               "portfolio.k": "k = {from = 1, to = 2}"})
        answer, result = self.portfolio(job)
        self.assertEqual([law["law"] for law in answer["laws"]], ["codesign-2026", OTHER_LAW])
        robust = answer["robust"]
        self.assertIs(robust["certified"], False)
        self.assertEqual(result.attribute("/portfolio/robust", "certified"), 0)
        for choice in robust["choices"]:
            regrets = choice["regrets"]
            self.assertTrue(all(regrets[law][law] == 0 for law in regrets))
            worst = {law: max(of.values()) for law, of in regrets.items()}
            self.assertEqual(choice["worst_regret"], min(worst.values()))
            self.assertEqual(worst[choice["law"]], min(worst.values()))
        # The regret under the other law, from what that says of the same architecture.
        own = {law["law"]: law["choices"][0] for law in answer["laws"]}
        run = own["codesign-2026"]["architectures"][0]["runs"][0]
        changes = {f"space.{axis}": f"{axis} = [{run[key]}]" for axis, key in (
            ("layers", "layers"), ("widths", "width"), ("kv_heads", "kv_heads"), ("experts", "experts"),
            ("top_k", "top_k"))}
        changes["space.expert_ffn_ratio"] = f"expert_ffn_ratio = [{run['expert_ffn'] / run['width']!r}]"
        only = self.search(edit(PORTFOLIO, {**changes, "law.id": f'id = "{OTHER_LAW}"'}), "-o", "one.h5",
                           result="one.h5")
        losses = [only.frontier(t, OTHER_LAW)["loss"][0] for t in only.targets()]
        self.assertAlmostEqual(robust["choices"][0]["regrets"]["codesign-2026"][OTHER_LAW],
                               numpy.mean(losses) - own[OTHER_LAW]["mean_loss"], delta=1e-12)
        self.write("job.toml", job)
        self.assertIn("robust over the laws\n", self.rooflaw("portfolio", "job.toml").out)


class Refusals(PortfolioTest):
    def refused(self, changes, *words, job=PORTFOLIO):
        self.write("job.toml", edit(job, changes))
        run = self.rooflaw("portfolio", "job.toml", expect=2)
        for word in words:
            self.assertIn(word, run.err, str(run))
        self.assertEqual(self.files(), ["job.toml"])
        return run.err

    def test_limits_of_job_and_workload_are_budgets(self):
        limited = edit(PORTFOLIO, {"targets.workloads": 'workloads = ["vla"]\nmax_total_s = "100ms"'})
        plain, _ = self.portfolio()
        for budgets in (None, 'budgets = {total = "10s"}', 'budgets = {rk3588.int8.vla.total = "7s"}'):
            changed = limited.replace('budgets = {total = "100ms"}', budgets or "")
            if budgets and "rk3588" in budgets:  # its id has a suffix in this job
                changed = edit(changed, {"targets.precisions": 'precisions = ["int8"]'})
            answer, _ = self.portfolio(changed)
            self.assertEqual({t["budget"] for t in answer["laws"][0]["targets"]}, {0.1}, budgets)
            if budgets is None:
                self.assertEqual(answer["laws"][0]["choices"], plain["laws"][0]["choices"])

    def test_bad_keys(self):
        line = PORTFOLIO.splitlines().index("budgets = {total = \"100ms\"}") + 1
        self.refused({"portfolio.budgets": 'budgets = {totl = "100ms"}'}, f"job.toml:{line}:", "portfolio.budgets.totl",
                     "has none for")
        self.refused({"portfolio.budgets": 'budgets = {"rk3588.int8.vla.totl" = "100ms", total = 1}',
                      "targets.precisions": 'precisions = ["int8"]'}, 'did you mean "rk3588.int8.vla.total"?')
        self.refused({"portfolio.budgets": 'budgets = {tpot = "10ms", total = "1s"}'},
                     "portfolio.budgets.tpot", "is of no target")
        self.refused({"portfolio.budgets": 'budgets = {total = "10GiB"}'}, "portfolio.budgets.total = \"10GiB\"")
        self.refused({"portfolio.budgets": "budgets = {total = -1}"}, "portfolio.budgets.total = -1: must be")
        self.refused({"portfolio.budgets": None}, "portfolio.budgets", "is missing")
        self.refused({"portfolio.k": "k = 0"}, "portfolio.k = 0")
        self.refused({"portfolio.k": "k = {from = 3, to = 2}"}, "portfolio.k.to")
        self.refused({"portfolio.k": "k = {from = 1}"}, "portfolio.k.to", "is missing")
        self.refused({"portfolio.k": None}, "portfolio.k", "is missing")
        self.refused({"portfolio.k": 'k = 1\nobjective = "men"'}, "portfolio.objective", 'did you mean "mean"?')
        self.refused({"portfolio.k": "k = 1\nweights = {rk = 1}"}, "portfolio.weights.rk", "no target of the job")
        self.refused({"portfolio.k": "k = 1\nweight = {}"}, "portfolio.weight", 'did you mean "weights"?')
        self.refused({"search.strategy": 'strategy = "plas"'}, "search.strategy", "proven")
        self.refused({"search.strategy": 'strategy = "exact"\ntolerance = 0.1'}, "search.tolerance")

    def test_all_faults_at_once(self):
        text = self.refused({"portfolio.k": "k = 0", "portfolio.budgets": 'budgets = {total = "x"}',
                             "space.vocab": "vocab = 0"})
        self.assertEqual(text.count("job.toml:"), 3, text)

    def test_no_portfolio(self):
        self.refused({}, "portfolio", "is missing", job=JOB)

    def test_a_search_reads_the_table_too(self):
        self.write("job.toml", edit(PORTFOLIO, {"portfolio.k": "k = 0"}))
        self.assertIn("portfolio.k = 0", self.rooflaw("search", "job.toml", expect=2).err)

    def test_results_of_both_commands_are_told_apart(self):
        self.write("job.toml", PORTFOLIO)
        self.rooflaw("search", "job.toml")
        before = (self.folder / "result.h5").read_bytes()
        run = self.rooflaw("portfolio", "job.toml", expect=3)
        self.assertIn("--force", run.err)
        self.assertEqual((self.folder / "result.h5").read_bytes(), before)
        self.rooflaw("portfolio", "job.toml", "--force")
        self.assertIn("--force", self.rooflaw("search", "job.toml", expect=3).err)
        self.rooflaw("portfolio", "job.toml")  # its own it replaces
        for command in (["compare", "result.h5", "--baseline", DEVICES[0]], ["export", "result.h5", "-o", "csv"],
                        ["merge", "result.h5", "-o", "all.h5"]):
            run = self.rooflaw(*command, expect=3)
            self.assertIn("has no frontiers", run.err, str(run))

    def test_a_result_that_was_changed(self):
        self.portfolio()
        good = (self.folder / "result.h5").read_bytes()
        runs = "/portfolio/laws/codesign-2026/runs"
        for where, change in {f"{runs}/target": lambda column: column.__setitem__(0, 99),
                              f"{runs}/k": None, "/portfolio": None}.items():
            (self.folder / "result.h5").write_bytes(good)
            with h5py.File(self.folder / "result.h5", "r+") as file:
                if change:
                    change(file[where])
                elif where == "/portfolio":
                    file[where].attrs["objective"] = "median"
                else:
                    del file[where]
            self.rooflaw("inspect", "result.h5", expect=3)  # the seal
            reseal(self.folder / "result.h5")
            self.assertIn(where, self.rooflaw("inspect", "result.h5", expect=3).err)

    def test_within_the_range(self):
        """Bound to the law's range, nothing is extrapolated, and all there is in it is looked at."""
        answer, _ = self.portfolio(PORTFOLIO, "--set", "law.range=enforce")
        law = answer["laws"][0]
        self.assertFalse(any(a["extrapolated"] for c in law["choices"] for a in c["architectures"]))
        frontiers = self.search(edit(PORTFOLIO, {"law.id": 'id = "codesign-2026"\nrange = "enforce"'}),
                                "-o", "s.h5", result="s.h5")
        for target in law["targets"]:
            frontier = frontiers.frontier(target["id"])
            within = frontier["loss"][objective(frontier) <= 0.1]
            self.assertEqual(target["own_loss"], within.min() if len(within) else None)
            self.assertEqual(target["least_budget"], objective(frontier).min())

    def test_dry_run(self):
        self.write("job.toml", PORTFOLIO)
        run = self.rooflaw("portfolio", "job.toml", "--dry-run")
        self.assertTrue(run.out.endswith("result: result.h5\n"), str(run))
        self.assertIn("k = 1 .. 4", run.out)
        self.assertEqual(self.files(), ["job.toml"])


class ReadyJob(PortfolioTest):
    def test_portfolio_edge(self):
        """Twelve chips, 1.3e10 architectures."""
        answer, _ = self.portfolio((SOURCE / "jobs/portfolio_edge.toml").read_text(), "-o", "result.h5")
        law = answer["laws"][0]
        self.assertEqual(len(law["targets"]), 12)
        self.assertEqual([(c["k"], c["certified"], c["targets_served"]) for c in law["choices"]],
                         [(k, True, 12) for k in (1, 2, 3, 4)])


if __name__ == "__main__":
    unittest.main()
