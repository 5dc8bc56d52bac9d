"""rooflaw merge: the results of array tasks become the result of the one job; what does not fit is refused."""

import random
import resource
import sys
import tomllib
import unittest

import h5py

sys.dont_write_bytecode = True
from support import INPUTS, JOB, ProgramTest, Result, edit, reseal

DEVICES = ["jetson-orin-nano-super-8gb", "jetson-agx-orin-64gb", "jetson-thor-t5000"]
PRECISIONS = ["int8", "fp16"]
WORKLOADS = ["vla", "embodied"]
LATENCIES = ["total", "prefill"]
LISTS = {"devices": DEVICES, "precisions": PRECISIONS, "workloads": WORKLOADS, "latency": LATENCIES}


def job(changes=None, **lists):
    """JOB on the product of all devices, precisions, workloads and latencies, or of those given."""
    lines = {f"targets.{name}": f"{name} = {lists.get(name, values)}" for name, values in LISTS.items()}
    return edit(JOB, {**lines, **(changes or {})})


class MergeTest(ProgramTest):
    def task(self, name, text, *arguments):
        """The result of a job, as NAME.h5."""
        self.write(f"{name}.toml", text)
        self.rooflaw("search", f"{name}.toml", "-o", f"{name}.h5", *self.force(f"{name}.h5"), *arguments)
        return f"{name}.h5"

    def tasks(self, key, groups, changes=None):
        """A result for each group of the entries of a list."""
        return [self.task(f"task{i}", job(changes, **{key: group})) for i, group in enumerate(groups)]

    def merge(self, *files, output="merged.h5"):
        self.rooflaw("merge", *files, "-o", output, *self.force(output))
        return Result(self.folder / output)

    def assert_same(self, merged, whole):
        differences = [line for line in merged.differences(whole).splitlines()
                       if "job_toml" not in line and "command_line" not in line]
        self.assertEqual(differences, [])
        self.assertEqual(list(merged.column("/targets/id")), list(whole.column("/targets/id")))

    def refused(self, *files, words, code=2):
        """A merge that fails says each of `words`, each in a line of its own if there are several."""
        before = {name: (self.folder / name).read_bytes() for name in self.files()
                  if (self.folder / name).is_file()}
        run = self.rooflaw("merge", *files, "-o", "merged.h5", expect=code)
        for word in words:
            self.assertIn(word, run.err, str(run))
        self.assertEqual(run.out, "", str(run))
        self.assertEqual({name: (self.folder / name).read_bytes() for name in self.files()
                          if (self.folder / name).is_file()}, before, "nothing is written")
        return run


class EqualToTheSingleJob(MergeTest):
    def whole(self, changes=None):
        return Result(self.folder / self.task("whole", job(changes)))

    def test_by_any_list_with_any_strategy(self):
        for strategy in ('"grid"', '"exact"', '"sample"\nmax_evaluations = 20'):
            changes = {"search.strategy": f"strategy = {strategy}"}
            whole = self.whole(changes)
            for key in LISTS if "grid" in strategy else ("devices", "latency"):
                with self.subTest(strategy=strategy, key=key):
                    self.assert_same(self.merge(*self.tasks(key, [[v] for v in LISTS[key]], changes)), whole)

    def test_with_a_list_of_budgets(self):
        """Each budget is a target: none is lost, and they stand in the order of the job."""
        changes = {"targets.memory_budget": 'memory_budget = ["4GiB", "usable", 2e9]'}
        whole = self.whole(changes)
        self.assertEqual(len(whole.targets()), 3 * 3 * 2 * 2 * 2)
        for key in ("devices", "latency"):
            with self.subTest(key=key):
                self.assert_same(self.merge(*self.tasks(key, [[v] for v in LISTS[key]], changes)), whole)

    def test_with_energies_that_a_device_has_not(self):
        chips = [f'{{id = "c{n}", memory_bytes = 8e9, bandwidth = 1e11, peak_flops = {{fp16 = 1e13}}{powers}}}'
                 for n, powers in enumerate((", prefill_power = 30, decode_power = 9", ""))]
        lines = {"targets.devices": f"devices = [{', '.join(chips)}]", "targets.precisions": 'precisions = ["fp16"]',
                 "targets.workloads": 'workloads = ["vla"]', "targets.latency": 'latency = ["total", "energy"]',
                 "targets.memory_budget": 'memory_budget = 2e9\nmissing_precision = "skip"'}
        whole = Result(self.folder / self.task("whole", job(lines)))
        self.assertEqual(len(whole.targets()), 3)
        parts = [self.task(f"task{i}", job({**lines, "targets.devices": f"devices = [{chip}]"}))
                 for i, chip in enumerate(chips)]
        merged = self.merge(*parts)
        for result in (merged, whole):  # inline chips: the file is that of the job
            for chip in ("c0", "c1"):
                result.attributes.pop((f"/inputs/device/{chip}", "file"))
        self.assert_same(merged, whole)

    def test_with_refined_points(self):
        """What is refined for one target does not depend on the others."""
        changes = {"refine.enabled": "enabled = true\nmax_evaluations = 120"}
        whole = self.whole(changes)
        self.assertTrue(any(p.startswith("/refined") and p.endswith("/loss") and len(v)
                            for p, v in whole.datasets.items()))
        for key, values in LISTS.items():
            with self.subTest(key=key):
                self.assert_same(self.merge(*self.tasks(key, [[v] for v in values], changes)), whole)
        self.assertIn("refined", self.rooflaw("inspect", "merged.h5").out)

    def test_groups_of_two_lists(self):
        files = [self.task(f"{i}{k}", job(devices=devices, workloads=[workload]))
                 for i, devices in enumerate((DEVICES[:2], DEVICES[2:]))
                 for k, workload in enumerate(WORKLOADS)]
        self.assert_same(self.merge(*files), self.whole())

    def test_the_order_of_the_arguments_is_that_of_the_targets(self):
        files = self.tasks("devices", [[d] for d in DEVICES])
        for order in ((2, 1, 0), (1, 2, 0)):
            whole = Result(self.folder / self.task("whole", job(devices=[DEVICES[i] for i in order])))
            self.assert_same(self.merge(*(files[i] for i in order)), whole)

    def test_merged_results_merge(self):
        files = self.tasks("devices", [[d] for d in DEVICES])
        at_once = self.merge(*files)
        self.merge(*files[:2], output="two.h5")
        self.assert_same(self.merge("two.h5", files[2]), at_once)

    def test_one_is_enough(self):
        """An array of one task is no special case."""
        whole = self.whole()
        self.assert_same(self.merge("whole.h5"), whole)

    def test_the_output_may_be_an_input(self):
        files = self.tasks("devices", [DEVICES[:1], DEVICES[1:]])
        merged = self.merge(*files, output=files[0])
        self.assert_same(merged, self.whole())

    def test_the_merged_job_is_the_single_job(self):
        merged = self.merge(*self.tasks("workloads", [[w] for w in WORKLOADS]))
        kept = tomllib.loads(merged.attribute("/", "job_toml"))
        self.assertEqual(kept["job"].pop("output"), "merged.h5")
        expected = tomllib.loads(job())
        del expected["job"]["output"]
        self.assertEqual(kept, expected)
        self.write("again.toml", merged.attribute("/", "job_toml"))
        self.rooflaw("search", "again.toml", "-o", "again.h5")
        self.assert_same(Result(self.folder / "again.h5"), merged)

    def test_inspect_and_export_read_it(self):
        self.whole()
        self.merge(*self.tasks("devices", [[d] for d in DEVICES]))
        self.assertIn("targets: 24", self.rooflaw("inspect", "merged.h5").out)
        for name in ("whole", "merged"):
            self.rooflaw("export", f"{name}.h5", "-o", name)
        tables = {p.relative_to(self.folder / "whole") for p in (self.folder / "whole").rglob("*.csv")}
        self.assertGreater(len(tables), 24)
        for table in tables:  # the columns in their order too
            self.assertEqual((self.folder / "merged" / table).read_bytes(),
                             (self.folder / "whole" / table).read_bytes(), table)

    def test_precisions_that_a_device_lacks(self):
        """Only Thor has fp8; the Orin Nano's task lists it first and has no target for it."""
        changes = {"targets.precisions": 'precisions = ["fp8", "fp16"]\nmissing_precision = "skip"'}
        whole = self.whole(changes)
        self.assertEqual(len(whole.targets()), 16)
        self.assert_same(self.merge(*self.tasks("devices", [[d] for d in DEVICES], changes)), whole)
        files = [self.task(f"p{i}", job({"targets.precisions": f'precisions = ["{p}"]\n'
                                                               'missing_precision = "skip"'}))
                 for i, p in enumerate(("fp8", "fp16"))]
        self.assert_same(self.merge(*files), whole)

    def test_tables_of_files_and_inline(self):
        chip = ('id = "{}"\nmemory_bytes = 8e9\nbandwidth = {}e9\n'
                'peak_flops = {{fp16 = 1e12, int8 = 2e12}}\n')
        # In the file in an order of its own, and with names that sort otherwise.
        self.write("chips/mine.toml", "".join("[[device]]\n" + chip.format(name, speed) for name, speed in
                                              (("zeta", 50), ("alpha", 100), ("midi", 70))))
        inline = "{" + ", ".join(chip.format("inline", 30).strip().split("\n")) + "}"
        groups = [f'["jetson-agx-orin-64gb", {inline}]', f'["chips/mine.toml", {{id = "{DEVICES[0]}"}}]']
        files = [self.task(f"task{i}", job({"targets.devices": f"devices = {group}"}))
                 for i, group in enumerate(groups)]
        together = f'["jetson-agx-orin-64gb", {inline}, "chips/mine.toml", {{id = "{DEVICES[0]}"}}]'
        whole = Result(self.folder / self.task("whole", job({"targets.devices": f"devices = {together}"})))
        self.assertEqual(list(dict.fromkeys(whole.column("/targets/device"))),
                         ["jetson-agx-orin-64gb", "inline", "zeta", "alpha", "midi", DEVICES[0]])
        merged = self.merge(*files)
        lines = [line for line in merged.differences(whole).splitlines()
                 if not line.startswith("attribute ('/inputs/device/inline', 'file')")
                 and "job_toml" not in line and "command_line" not in line]
        self.assertEqual(lines, [])
        by_workload = [self.task(f"w{i}", job({"targets.devices": f"devices = {together}"}, workloads=[w]))
                       for i, w in enumerate(WORKLOADS)]
        self.assertEqual(list(self.merge(*by_workload).column("/targets/id")),
                         list(whole.column("/targets/id")))

    def test_runtime(self):
        files = self.tasks("devices", [DEVICES[:1], DEVICES[1:]])
        results = [Result(self.folder / f) for f in files]
        merged = self.merge(*files)
        def values(name):
            return [r.attribute("/runtime", name) for r in results]
        self.assertEqual(merged.attribute("/runtime", "points_scored"), sum(values("points_scored")))
        self.assertAlmostEqual(merged.attribute("/runtime", "seconds_search"), sum(values("seconds_search")))
        self.assertEqual(merged.attribute("/runtime", "ranks"), 1)
        self.assertEqual(merged.attribute("/runtime", "messages"), "merged from task0.h5, task1.h5")
        self.assertEqual(merged.attribute("/", "command_line"),
                         "rooflaw merge task0.h5 task1.h5 -o merged.h5")
        self.assertEqual({n for p, n in merged.attributes if p == "/runtime"},
                         {n for p, n in results[0].attributes if p == "/runtime"})

    def test_one_that_ended_early_makes_the_whole_incomplete(self):
        files = self.tasks("devices", [DEVICES[:1], DEVICES[1:]])
        with h5py.File(self.folder / files[1], "r+") as file:
            file.attrs["complete"] = 0
            file["runtime"].attrs["messages"] = "ended by search.max_seconds"
        reseal(self.folder / files[1])
        merged = self.merge(*files)
        self.assertEqual(merged.attribute("/", "complete"), 0)
        self.assertEqual(merged.attribute("/runtime", "messages"),
                         "merged from task0.h5, task1.h5; task1.h5: ended by search.max_seconds")

class Refusals(MergeTest):
    def pair(self, changes):
        """Two tasks, the second of a job that differs in more than its devices."""
        return (self.task("a", job(devices=DEVICES[:1])),
                self.task("b", job(changes, devices=DEVICES[1:])))

    def test_settings_that_differ(self):
        for changes, word in (
                ({"space.layers": "layers = [4, 12]"}, "space.layers = [ 4, 8 ] and [ 4, 12 ]"),
                ({"space.tied": "tied = false"}, "space.tied = true and false"),
                ({"space.vocab": None, "space.tied": "vocab = 1000"}, "space.tied = true and not set"),
                ({"search.strategy": 'strategy = "exact"'}, 'search.strategy = "grid" and "exact"'),
                ({"job.seed": "seed = 2"}, "job.seed = 1 and 2"),
                ({"engine.causal": "causal = false"}, "engine.causal = true and false"),
                ({"engine.causal": 'causal = true\nattention = "eager"'},
                 'engine.attention = not set and "eager"'),
                ({"law.id": 'id = "codesign-2026"\nrange = "enforce"'}, 'law.range = not set and "enforce"'),
                ({"refine.enabled": "enabled = true"}, "refine.enabled = false and true"),
                ({"targets.memory_budget": "memory_budget = 3e9"},
                 'targets.memory_budget = "capacity" and 3000000000.0'),
                ({"targets.memory_budget": "max_total_s = 0.5"}, "targets.max_total_s = not set and 0.5")):
            with self.subTest(changes=changes):
                self.refused(*self.pair(changes), words=[f"a.h5, b.h5: {word}: must be the same"])

    def test_laws_that_differ(self):
        law = tomllib.loads((INPUTS / "laws/codesign-2026.toml").read_text())["law"][0]
        lines = [f"{k} = {v}" for k, v in law.items() if isinstance(v, float)]
        lines[0] = lines[0].split("=")[0] + "= 1.25"
        key = lines[0].split(" ")[0]
        self.write("b.toml", job({"law.id": "\n".join(['id = "mine"', *lines])}, devices=DEVICES[1:]))
        self.rooflaw("search", "b.toml", "-o", "b.h5")
        a = self.task("a", job(devices=DEVICES[:1]))
        self.refused(a, "b.h5", words=['law.id = "codesign-2026" and "mine"', f"law.{key} = not set and 1.25"])

    def test_all_differences_at_once(self):
        a, b = self.pair({"job.seed": "seed = 2", "space.tied": "tied = false"})
        c = self.task("c", job({"search.strategy": 'strategy = "exact"'}, devices=DEVICES[:1]))
        run = self.refused(a, b, c, words=[
            "a.h5, b.h5: job.seed = 1 and 2", "a.h5, b.h5: space.tied = true and false",
            'a.h5, c.h5: search.strategy = "grid" and "exact"',
            f"a.h5, c.h5: target = {DEVICES[0]}.int8.vla.total: is in both"])
        self.assertEqual(run.err.count("must be the same"), 3)

    def test_defaults_are_what_they_stand_for(self):
        """A seed and a strategy that a job leaves out are compared as they were."""
        a = self.task("a", job({"search.strategy": 'strategy = "exact"'}, devices=DEVICES[:1]))
        b = self.task("b", job({"search.strategy": None, "job.seed": None}, devices=DEVICES[1:]))
        self.merge(a, b)

    def test_a_law_alone_is_a_list_of_one(self):
        a = self.task("a", job(devices=DEVICES[:1]))
        b = self.task("b", job({"law.id": 'id = ["codesign-2026"]'}, devices=DEVICES[1:]))
        whole = self.task("whole", job())
        self.assert_same(self.merge(a, b), Result(self.folder / whole))

    def test_programs_that_differ(self):
        for name in ("program_version", "git_commit"):
            a, b = self.pair({})
            with h5py.File(self.folder / b, "r+") as file:
                old = file.attrs[name]
                file.attrs[name] = "other"
            reseal(self.folder / b)
            self.refused(a, b, words=[f'a.h5, b.h5: {name} = "{old}" and "other": must be the same'])

    def test_inputs_that_are_no_text(self):
        """A list of texts where there should be one: its pointers must not go where there is room for one."""
        a, b = self.pair({})
        for value in (["one", "two", "three"] * 100, []):
            with h5py.File(self.folder / b, "r+") as file:
                path = "/inputs/law/codesign-2026"
                del file[path]
                file.create_dataset(path, data=value, shape=(len(value),), dtype=h5py.string_dtype())
                file[path].attrs["sha256"] = "00"
                file[path].attrs["file"] = "law.toml"
            reseal(self.folder / b)
            self.refused(a, b, words=[f"b.h5: {path}: is not a text"], code=3)

    def test_inputs_that_differ(self):
        chip = '[[device]]\nid = "mine"\nmemory_bytes = 8e9\nbandwidth = {}\npeak_flops = {{fp16 = 1e12}}\n'
        files = []
        for i, workload in enumerate(WORKLOADS):
            self.write("mine.toml", chip.format(f"{i + 1}e11"))
            files.append(self.task(f"task{i}", job(devices=["mine.toml"], precisions=["fp16"],
                                                   workloads=[workload])))
        self.refused(*files, words=["task0.h5, task1.h5: /inputs/device/mine: the texts differ"])

    def test_a_file_of_chips_that_changed(self):
        chip = '[[device]]\nid = "{}"\nmemory_bytes = 8e9\nbandwidth = 1e11\npeak_flops = {{fp16 = 1e12}}\n'
        files = []
        for name in ("one", "other"):
            self.write("mine.toml", chip.format(name))
            files.append(self.task(name, job(devices=["mine.toml"], precisions=["fp16"])))
        self.refused(*files, words=["targets.devices: a file that both name had other for the second only"])

    def test_a_chip_named_in_two_ways(self):
        chip = 'id = "mine"\nmemory_bytes = 8e9\nbandwidth = 1e11\npeak_flops = {fp16 = 1e12}\n'
        self.write("mine.toml", "[[device]]\n" + chip)
        inline = "{" + ", ".join(chip.strip().split("\n")) + "}"
        files = [self.task(f"task{i}", job({"targets.devices": f"devices = [{device}]"},
                                           precisions=["fp16"], workloads=[workload]))
                 for i, (device, workload) in enumerate(zip(('"mine.toml"', inline), WORKLOADS))]
        self.refused(*files, words=["targets.devices: mine is named by a file and by {"])

    def test_targets_twice(self):
        a = self.task("a", job(devices=DEVICES[:2], workloads=["vla"], latency=["total"]))
        b = self.task("b", job(devices=DEVICES[1:], workloads=["vla"], latency=["total"]))
        run = self.refused(a, b, words=[f"a.h5, b.h5: target = {DEVICES[1]}.{p}.vla.total: is in both"
                                        for p in PRECISIONS])
        self.assertEqual(len(run.err.splitlines()), 2)
        self.refused(a, a, words=["a.h5, a.h5: target = "])

    def test_holes_in_the_product(self):
        a = self.task("a", job(devices=DEVICES[:1], workloads=["vla"]))
        b = self.task("b", job(devices=DEVICES[1:2], workloads=["embodied"]))
        run = self.refused(a, b, words=[f"a.h5, b.h5: target = {d}.{p}.{w}.{k}: is in none"
                                        for d, w in ((DEVICES[0], "embodied"), (DEVICES[1], "vla"))
                                        for p in PRECISIONS for k in LATENCIES])
        self.assertEqual(len(run.err.splitlines()), 8)

    def test_arguments(self):
        a, b = self.pair({})
        for arguments in (["merge", "-o", "c.h5"], ["merge", a, b],
                          ["merge", a, b, "-o"], ["merge"]):
            with self.subTest(arguments=arguments):
                run = self.rooflaw(*arguments, expect=2)
                self.assertIn("usage: rooflaw merge", run.err, str(run))
                self.assertFalse((self.folder / "c.h5").exists())

    def test_files_that_cannot_be_read_or_written(self):
        a, b = self.pair({})
        self.write("text.h5", "no result\n")
        self.refused(a, "none.h5", words=["none.h5: no such file"], code=3)
        self.refused(a, "text.h5", words=["text.h5: is no result of rooflaw"], code=3)
        run = self.rooflaw("merge", a, b, "-o", "nowhere/c.h5", expect=3)
        self.assertIn("nowhere", run.err, str(run))
        self.assertEqual(self.files(), ["a.h5", "a.toml", "b.h5", "b.toml", "text.h5"])

    def test_full_disk(self):
        a, b = self.pair({})
        (self.folder / "merged.h5").write_bytes(b"the old one")
        before = self.files()
        for size in (0, 4096, (self.folder / b).stat().st_size):
            with self.subTest(limit=size):
                run = self.rooflaw("merge", a, b, "-o", "merged.h5", expect=3, preexec_fn=lambda: (
                    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))))
                self.assertIn("merged.h5", run.err, str(run))
                self.assertEqual((self.folder / "merged.h5").read_bytes(), b"the old one")
                self.assertEqual(self.files(), before, "no temporary file is left")


class Damage(MergeTest):
    def test_flipped_bits_and_lost_ends(self):
        """Wherever it is: a message that names the file, from every command that reads results."""
        a = self.task("a", job(devices=DEVICES[:1]))
        b = self.task("b", job(devices=DEVICES[1:]))
        whole = (self.folder / b).read_bytes()
        chance = random.Random(20261121)
        for number in range(100):
            damaged = bytearray(whole)
            at = chance.randrange(len(whole)) if number % 4 else chance.randrange(4096)
            if number % 5 == 4:
                damaged = damaged[:at]
            else:
                damaged[at] ^= 1 << chance.randrange(8)
            (self.folder / "damaged.h5").write_bytes(damaged)
            for command in (["inspect", "damaged.h5"], ["export", "damaged.h5", "-o", "csv"],
                            ["merge", a, "damaged.h5", "-o", "merged.h5"]):
                with self.subTest(number=number, at=at, command=command[0]):
                    run = self.rooflaw(*command, expect=3)
                    self.assertRegex(run.err, "damaged.h5: (is (damaged|no result of rooflaw|cut short)|changed since)", str(run))
                    self.assertEqual(run.out, "", str(run))
        self.assertFalse((self.folder / "csv").exists())
        self.assertFalse((self.folder / "merged.h5").exists())


if __name__ == "__main__":
    unittest.main()
