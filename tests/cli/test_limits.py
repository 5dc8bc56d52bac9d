"""What an input may be: how large, how deep, how long its lists, and which files it may name."""

import os
import pathlib
import shlex
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from support import CASE, INPUTS, JOB, PROGRAM, SOURCE, edit, processor_seconds
from test_bad_input import BadInput

CHIPS = '[[device]]\nid = "a"\nmemory_bytes = 8e9\nbandwidth = 1e11\npeak_flops = {fp16 = 1e12}\n'
PLACE = "must lie in the folder"
LARGEST = 16 << 20


class Limits(BadInput):
    def setUp(self):
        super().setUp()
        other = tempfile.TemporaryDirectory(prefix="rooflaw-elsewhere-")
        self.addCleanup(other.cleanup)
        self.elsewhere = pathlib.Path(other.name)
        (self.elsewhere / "chips.toml").write_text(CHIPS)
        started = processor_seconds()
        self.addCleanup(lambda: self.assertLess(processor_seconds() - started, 60, "it took too long"))

    def plain(self, code, *arguments, word):
        run = self.rooflaw(*arguments, expect=code)
        self.assertEqual(len(run.err.splitlines()), 1, f"one message{run}")
        self.assertIn(word, run.err, str(run))

    def piped(self, producer, expect, *arguments):
        command = " ".join(shlex.quote(str(word)) for word in (PROGRAM, *arguments))
        return self.run_command(["sh", "-c", f"{producer} | {command}"], expect)

    def accepts(self, changes, *arguments, **options):
        self.write("job.toml", edit(JOB, changes))
        return self.rooflaw("search", "job.toml", "--dry-run", *arguments, **options)


class Sources(Limits):
    def test_devices_have_no_end(self):
        for device in ("/dev/zero", "/dev/null"):
            for command in ("search", "evaluate"):
                with self.subTest(device=device, command=command):
                    self.plain(3, command, device, word=f"{device}: is a device")

    def test_pipes(self):
        self.write("job.toml", JOB)
        self.piped("cat job.toml", 0, "search", "/dev/stdin", "--dry-run")
        run = self.piped("yes '# and no end'", 3, "search", "/dev/stdin", "--dry-run")
        self.assertIn("larger than 16 MiB", run.err, str(run))

    def test_paths_in_what_comes_from_a_pipe(self):
        """They are relative to the working directory: a pipe lies in no folder that a user knows."""
        self.write("sub/chips.toml", CHIPS)
        self.write("case.toml", edit(CASE, {"device.id": 'id = "sub/chips.toml"'}))
        self.write("job.toml", edit(JOB, {"targets.devices": 'devices = ["./sub/chips.toml"]'}))
        plain = self.rooflaw("evaluate", "case.toml", "--json").out
        for path in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"):
            with self.subTest(path=path):
                self.assertEqual(self.piped("cat case.toml", 0, "evaluate", path, "--json").out, plain)
                self.piped("cat job.toml", 0, "search", path, "--dry-run")
                command = f"{shlex.quote(PROGRAM)} evaluate {path} --json < case.toml"
                self.assertEqual(self.run_command(["sh", "-c", command]).out, plain)
        os.makedirs(self.folder / "other")
        os.mkfifo(self.folder / "other/pipe")
        self.assertEqual(self.piped("cat case.toml > other/pipe & true", 0, "evaluate", "other/pipe",
                                    "--json").out, plain)
        mpirun = "mpirun --allow-run-as-root --oversubscribe -n 2"
        for path in ("/dev/stdin", "other/pipe"):
            with self.subTest(path=path, ranks=2):
                source = "cat job.toml |" if path == "/dev/stdin" else "cat job.toml > other/pipe &"
                self.run_command(["sh", "-c", f"{source} {mpirun} {shlex.quote(PROGRAM)} search {path}"])
        outside = edit(CASE, {"device.id": f'id = "{self.elsewhere}/chips.toml"'})
        self.write("case.toml", outside)
        self.assertIn(PLACE, self.piped("cat case.toml", 2, "evaluate", "/dev/stdin").err)

    def test_no_folder_of_inputs(self):
        self.write("case.toml", CASE)
        none, own = ([f"ROOFLAW_INPUTS={inputs} {shlex.quote(PROGRAM)} evaluate case.toml"]
                     for inputs in ("", shlex.quote(str(SOURCE / "inputs"))))
        self.assertEqual(self.run_command(["sh", "-c", *none]).out, self.run_command(["sh", "-c", *own]).out,
                         "an empty name is none")

    def test_largest_file(self):
        start = JOB + "#"
        self.write("job.toml", start + "x" * (LARGEST - len(start)))
        self.rooflaw("search", "job.toml", "--dry-run")
        self.write("job.toml", start + "x" * (LARGEST - len(start) + 1))
        self.plain(3, "search", "job.toml", "--dry-run", word="job.toml: must not be larger")

    def test_large_file_that_a_job_names(self):
        self.write("chips.toml", CHIPS + "#" * LARGEST)
        self.write("job.toml", edit(JOB, {"targets.devices": 'devices = ["chips.toml"]'}))
        self.plain(3, "search", "job.toml", "--dry-run", word="chips.toml: must not be larger")


class Places(Limits):
    """Files that a job or a case names; chips.toml lies in self.folder / "sub" and elsewhere."""

    def setUp(self):
        super().setUp()
        self.write("sub/chips.toml", CHIPS)

    def job_naming(self, path):
        return edit(JOB, {"targets.devices": f'devices = [§"{path}"]'})

    def allowed(self, path, name="sub/job.toml", folder=None):
        self.write(name, self.job_naming(path).replace("§", ""))
        self.rooflaw("search", self.folder / name, "--dry-run", "-o", "result.h5",
                     folder=folder)

    def test_allowed(self):
        self.allowed("chips.toml")
        self.allowed("chips.toml", folder=self.elsewhere)
        self.allowed("../sub/./chips.toml")
        self.allowed(self.folder / "sub/chips.toml")
        self.allowed("sub/chips.toml", name="job.toml")
        self.allowed("../sub/chips.toml", name="other/job.toml")  # below the working directory
        self.allowed(self.elsewhere / "chips.toml", folder=self.elsewhere)
        os.symlink("chips.toml", self.folder / "sub/link.toml")
        self.allowed("link.toml")
        self.write("sub/job.toml", edit(JOB, {"targets.workloads":
                                              f'workloads = ["{INPUTS}/workloads.toml"]'}))
        self.rooflaw("search", "sub/job.toml", "--dry-run")

    def test_refused(self):
        os.symlink(self.elsewhere / "chips.toml", self.folder / "link.toml")
        os.symlink(self.elsewhere, self.folder / "folder")
        for path in (self.elsewhere / "chips.toml", f"../{self.elsewhere.name}/chips.toml",
                     "link.toml", "folder/chips.toml", "/dev/zero", "/etc/passwd",
                     "/proc/self/environ", "../none.toml", f"{self.folder}x/chips.toml",
                     f"{INPUTS}/../README.md"):
            with self.subTest(path=path):
                self.refuse({"job.toml": self.job_naming(path)}, [("targets.devices", PLACE)])

    def test_refused_from_another_folder(self):
        self.write("sub/job.toml", self.job_naming("../chips.toml").replace("§", ""))
        self.write("chips.toml", CHIPS)
        run = self.rooflaw("search", self.folder / "sub/job.toml", expect=2, folder=self.elsewhere)
        self.assertIn(PLACE, run.err, str(run))

    def test_no_plain_files(self):
        os.mkfifo(self.folder / "pipe.toml")
        (self.folder / "folder.toml").mkdir()
        for path in ("pipe.toml", "folder.toml", "./folder.toml"):
            with self.subTest(path=path):
                self.refuse({"job.toml": self.job_naming(path)}, [("targets.devices", "plain file")])

    def test_every_kind_of_table(self):
        path = self.elsewhere / "chips.toml"
        self.job({"targets.devices": f'devices = [{{id = §"{path}"}}]',
                  "targets.precisions": f'precisions = [§"{path}"]',
                  "targets.workloads": f'workloads = [§"{path}"]', "law.id": f'id = §"{path}"'},
                 ("law.id", PLACE), ("targets.devices.id", PLACE), ("targets.precisions", PLACE),
                 ("targets.workloads", PLACE))

    def test_cases(self):
        self.write("case.toml", edit(CASE, {"device.id": 'id = "sub/chips.toml"'}))
        self.rooflaw("evaluate", "case.toml")
        self.case({"device.id": f'id = §"{self.elsewhere}/chips.toml"'}, ("device.id", PLACE))
        shape = {f"architecture.{key}": None for key in
                 ("width", "heads", "head_dim", "kv_heads", "expert_ffn", "vocab")}
        self.case(shape | {"architecture.layers": f'model = §"{self.elsewhere}/chips.toml"'},
                  ("architecture.model", PLACE))

    def test_command_line_is_free(self):
        path = self.elsewhere / "chips.toml"
        self.accepts({}, "--set", f'targets.devices=["{path}"]')
        self.rooflaw("advise", "--device", path, "--precision", "fp16", "--workload", "vla",
                     "--decode-budget", "1")
        (self.elsewhere / "job.toml").write_text(JOB)
        self.rooflaw("search", self.elsewhere / "job.toml", "--dry-run")

    def test_ranks(self):
        self.write("sub/job.toml", self.job_naming("chips.toml").replace("§", ""))
        self.mpirun(2, "search", "sub/job.toml", "-o", "result.h5")
        self.write("sub/job.toml", self.job_naming(self.elsewhere / "chips.toml").replace("§", ""))
        run = self.mpirun(2, "search", "sub/job.toml", "-o", "other.h5", expect=2)
        self.assertEqual(run.err.count(PLACE), 1, str(run))


class Sizes(Limits):
    def test_depth(self):
        def nested(n):
            return {"lists": "x = " + "[" * n + "]" * n,
                    "tables": "x = " + "{a = " * n + "1" + "}" * n,
                    "key": ".".join("x" * n) + " = 1",
                    "quoted key": " . ".join(['"]"', "'}'"] * (n // 2) + ["x"] * (n % 2)) + " = 1"}
        # As deep as may be: an unknown key and no more. Deeper, and so deep that a stack would end.
        for n, word in ((32, "unknown key"), (33, "TOML syntax"), (100_000, "TOML syntax")):
            for what, line in nested(n).items():
                with self.subTest(what=what, depth=n):
                    self.write("job.toml", JOB.replace("[engine]", f"[engine]\n{line}"))
                    self.plain(2, "search", "job.toml", word=word)
        self.write("job.toml", JOB + f"[{'.'.join('x' * 100_000)}]\n")
        self.plain(2, "search", "job.toml", word=f"job.toml:{len(JOB.splitlines()) + 1}:65: TOML syntax: a key must not")
        self.write("job.toml", JOB)
        for text in (".".join("x" * 33) + "=1", "job.name=" + "[" * 33 + "]" * 33):
            self.plain(2, "search", "job.toml", "--set", text, word="--set:1:")

    def test_brackets_and_points_in_texts_do_not_count(self):
        odd = "[{." * 40
        self.accepts({"job.name": f"name = \"\"\"{odd}\\\"\"{odd}\"\"\"\"\" # {odd}",
                      "job.seed": f"seed = 1 # {odd}",
                      "job.output": f"output = '{odd}.h5'"})

    def test_lists(self):
        numbers = list(range(1, 10_001))
        self.accepts({"space.layers": f"layers = {numbers}"})
        self.job({"space.layers": f"layers = §{numbers + [10_001]}"}, ("space.layers", "10000 elements"))
        self.job({"targets.latency": "latency = §[" + "'total'," * 10_001 + "]"},
                 ("targets.latency", "10000 elements"))

    def test_ranges(self):
        self.job({"space.layers": "layers = {from = 1, to = §1e18, step = 1}"},
                 ("space.layers.to", "whole number"))
        self.job({"space.layers": "layers = {from = 1, to = 1e9, step = §1}"},
                 ("space.layers.step", "1000000 values"))
        self.job({"space.layers": "layers = {from = 1, to = §1e9}"},
                 ("space.layers.to", "1000000 sizes"))

    def test_pairs_of_axes(self):
        self.job({"space.widths": "widths = §{from = 64, to = 64e6, step = 64}"},
                 ("space.widths", "1000000 pairs with kv_heads"))
        self.job({"space.experts": "experts = §{from = 1, to = 1e6, step = 1}"},
                 ("space.experts", "1000000 pairs with top_k"))

    def test_a_range_of_unused_values_is_one_fault(self):
        self.job({"space.widths": "widths = §{from = 1, to = 300000, step = 1}"},
                 ("space.widths", "query_ratio * width / head_dim must be whole"))

    def test_entries_of_a_file(self):
        text = "".join(CHIPS.replace('"a"', f'"a{i}"') for i in range(10_001))
        self.refuse({"chips.toml": "§" + text,
                     "job.toml": edit(JOB, {"targets.devices": 'devices = ["chips.toml"]'})},
                    [("device", "10000 elements")])

    def test_targets(self):
        def chips(n):
            return "".join(CHIPS.replace('"a"', f'"a{i}"') for i in range(n))
        three = {"targets.devices": 'devices = ["chips.toml"]',
                 "targets.latency": 'latency = ["prefill", "tpot", "total"]'}
        self.write("chips.toml", chips(3333))
        self.accepts(three)
        self.refuse({"chips.toml": chips(3334),
                     "job.toml": edit(JOB, three | {"targets.devices": 'devices = §["chips.toml"]'})},
                    [("targets.devices", "10000 targets")])

    def test_a_file_named_again_and_again(self):
        names = ", ".join(['"chips.toml"'] * 10_000)
        self.write("chips.toml", "".join(CHIPS.replace('"a"', f'"a{i}"') for i in range(5000)))
        self.write("job.toml", edit(JOB, {"targets.devices": f"devices = [{names}]"}))
        run = self.rooflaw("search", "job.toml", expect=2)
        self.assertIn("must not name more than 10000 entries", run.err)

    def test_ids(self):
        chip = CHIPS.replace("[[device]]\n", "").strip().replace("\n", ", ")
        self.accepts({"targets.devices": "devices = [{%s}]" % chip.replace('"a"', f'"{"a" * 64}"')})
        self.job({"targets.devices": "devices = [{%s}]" % chip.replace('"a"', f'§"{"a" * 65}"')},
                 ("targets.devices.id", "at most 64"))

    def test_texts(self):
        self.job({"job.name": f'name = §"{"x" * 4097}"', "job.output": r'output = §"a.h5\u0000b"',
                  "targets.devices": r'devices = [§"chips.toml\u0000.toml"]'},
                 ("job.name", "4096 bytes"), ("job.output", "control characters"),
                 ("targets.devices", "must be an id"))
        self.job({"job.seed": "§" + "s" * 1_000_000 + " = 1"}, ("job." + "s" * 196 + "...", "unknown"))

    def test_numbers_whose_quotients_are_no_numbers(self):
        self.case({"device.id": "bandwidth = §1e-300\npeak_flops = {fp16 = §1e300}\n"
                                "[device.efficiency.'*']\ncompute = §1e-300\nlayer_overhead = §1e300"},
                  ("device.bandwidth", "1e-30"), ("device.peak_flops.fp16", "1e30"),
                  ("device.efficiency.*.compute", "1e-6"),
                  ("device.efficiency.*.layer_overhead", "1e30"))


if __name__ == "__main__":
    unittest.main()
