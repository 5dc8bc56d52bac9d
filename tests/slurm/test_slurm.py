"""The templates of slurm/ on a real Slurm: the same results as a plain process, refusals, stops, arrays."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cluster import FINAL_STATES, SlurmCluster
from support import INPUTS, JOB, PROGRAM, SOURCE, ProgramTest, Result, edit

# Two ranks: on two nodes, or on one, where mpirun needs no way to the other.
TWO_NODES = ("--nodes=2", "--ntasks-per-node=1")
ONE_NODE = ("--nodes=1", "--ntasks-per-node=2")

# No frontier is empty, and there are pieces enough for two ranks.
STUDY = edit(JOB, {"space.layers": "layers = {from = 2, to = 40, step = 1}",
                   "space.widths": "widths = {from = 512, to = 3072, step = 128}",
                   "targets.latency": 'latency = ["prefill", "total"]'})


def grid(layers):
    """Every point of a large space: to 64 layers some 5 s on two ranks, and as many times longer as there
    are more. `exact` finds the same frontiers at once."""
    return edit(JOB, {"space.layers": f"layers = {{from = 1, to = {layers}, step = 1}}",
                      "space.widths": "widths = {from = 256, to = 4096, step = 64}",
                      "space.kv_heads": 'kv_heads = [1, 2, 4, 8, 16, 32, 64, "heads"]',
                      "space.expert_ffn_ratio":
                          "expert_ffn_ratio = {from = 0.0078125, to = 8, step = 0.0078125}",
                      "space.experts": f"experts = {[1, 2, 3, 4, *range(6, 129, 6)]}",
                      "space.top_k": "top_k = [1, 2, 3, 4, 5, 6]",
                      "targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]',
                      "targets.latency": 'latency = ["tpot", "total"]'})


cluster = None


def setUpModule():
    global cluster
    cluster = unittest.enterModuleContext(SlurmCluster())


class SlurmTest(ProgramTest):
    def setUp(self):
        super().setUp()
        # What a failed test leaves behind would take the processors from the next.
        self.addCleanup(lambda: cluster.run("scancel", f"--user={cluster.user}"))

    def submit(self, template, *arguments, options=TWO_NODES, environment={}):
        return cluster.sbatch(SOURCE / "slurm" / template, *arguments, options=options, folder=self.folder,
                              environment=self.settings(environment))

    def settings(self, more):
        return {"ROOFLAW": PROGRAM, "ROOFLAW_INPUTS": str(INPUTS), **more}

    def assert_ended(self, job, state, exit_code, seconds=120):
        ended = cluster.wait(job, seconds)
        self.assertEqual(ended, (state, exit_code), cluster.story(job))
        return cluster.log(job)

    def setup_file(self):
        """What a job without the environment of its submission sources: here the test's own Slurm, and root."""
        names = ("SLURM_CONF", "TMPDIR", "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                 "OMPI_MCA_btl_vader_backing_directory")
        lines = [f"export {name}='{cluster.environment[name]}'\n" for name in names]
        return self.write("setup", "".join(lines) + f"export ROOFLAW_INPUTS='{INPUTS}'\n: $no_such_variable\n")

    def assert_same_datasets(self, path, other):
        """Root attributes differ: they tell the job, which says how, or on what it was asked for."""
        differences = Result(self.folder / path).differences(Result(self.folder / other)).splitlines()
        self.assertEqual([d for d in differences if not d.startswith("attribute ('/',")], [])


class Study(SlurmTest):
    def setUp(self):
        super().setUp()
        self.plain = self.search(STUDY, "-o", "result.h5")
        self.assertTrue(all(len(self.plain.frontier(t)["loss"]) > 20 for t in self.plain.targets()))

    def assert_same_result(self, ranks):
        result = Result(self.folder / "result.h5")
        self.assertEqual(result.attribute("/runtime", "ranks"), ranks)
        self.assertEqual(result.differences(self.plain), "")

    def test_srun_with_pmix_on_two_nodes(self):
        job = self.submit("study.sbatch", "job.toml", "-o", "result.h5")
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(log.count("result: result.h5"), 1, log)
        self.assert_same_result(2)

    def test_mpirun(self):
        job = self.submit("study.sbatch", "job.toml", "-o", "result.h5", options=ONE_NODE,
                          environment={"LAUNCHER": "mpirun"})
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(log.count("result: result.h5"), 1, log)
        self.assert_same_result(2)

    def test_what_the_template_refuses(self):
        for arguments, message in {("--launcher=jsrun", "job.toml"): "launcher jsrun: srun or mpirun",
                                   ("--requeue", "job.toml"): "--requeue: no such option",
                                   ("--rooflaw=/no/rooflaw", "job.toml"): "no program /no/rooflaw here",
                                   ("--until-done",): "which JOB.toml?"}.items():
            with self.subTest(arguments=arguments):
                job = self.submit("study.sbatch", *arguments)
                self.assertIn(message, self.assert_ended(job, "FAILED", 2))

    def test_percent_sign_in_the_folder(self):
        folder = self.folder / "50%j off"
        folder.mkdir()
        job = cluster.sbatch(SOURCE / "slurm/study.sbatch", "../job.toml", "-o", "50%x.h5", options=ONE_NODE,
                             folder=folder, environment=self.settings({}))
        self.assert_ended(job, "COMPLETED", 0)
        self.assertTrue((folder / f"slurm-{job}.out").exists())
        self.assert_same_datasets(folder / "50%x.h5", "result.h5")


class Options(SlurmTest):
    """What sites and users add to sbatch, with each launcher: alone, with --until-done, in an array."""

    WAYS = {"mem": ["--mem=2G"], "mem-per-cpu": ["--mem-per-cpu=300M"], "export": ["--export=NONE"],
            "all": ["--export=NONE", "--mem=1G"]}
    LAUNCHERS = {"srun": TWO_NODES, "mpirun": ONE_NODE}

    def test_study_and_until_done(self):
        plain = self.search(JOB, "-o", "result.h5")
        setup, jobs = self.setup_file(), {}
        for name, options in self.WAYS.items():
            for launcher, nodes in self.LAUNCHERS.items():
                for done in ([], ["--until-done"]):
                    output = f"{name}-{launcher}{len(done)}.h5"
                    jobs[output] = cluster.sbatch(
                        SOURCE / "slurm/study.sbatch", f"--rooflaw={PROGRAM}", f"--launcher={launcher}",
                        f"--setup={setup}", *done, "job.toml", "-o", output, options=(*nodes, *options),
                        folder=self.folder)
        for output, job in jobs.items():
            with self.subTest(output):
                self.assert_ended(job, "COMPLETED", 0)
                result = Result(self.folder / output)
                self.assertEqual(result.attribute("/runtime", "ranks"), 2)
                self.assert_same_datasets(output, "result.h5")
        self.assertTrue(plain.targets())

    def test_submitted_from_within_another_job(self):
        """It inherits how much memory that had, in the other unit: no step starts with both."""
        self.search(JOB, "-o", "result.h5")
        self.write("plain.sh", "#!/bin/sh\nexec srun --mpi=pmix true\n")
        inherited = self.settings({"SLURM_MEM_PER_CPU": "300"})
        job = cluster.sbatch("plain.sh", options=("--mem=1G",), folder=self.folder, environment=inherited)
        self.assertIn("are mutually exclusive", self.assert_ended(job, "FAILED", 1))
        job = self.submit("study.sbatch", "job.toml", "-o", "nested.h5", options=(*TWO_NODES, "--mem=1G"),
                          environment={"SLURM_MEM_PER_CPU": "300"})
        self.assert_ended(job, "COMPLETED", 0)
        self.assert_same_datasets("nested.h5", "result.h5")

    def test_arrays(self):
        self.search(JOB, "-o", "result.h5")
        setup, merges = self.setup_file(), {}
        for name, options in self.WAYS.items():
            for launcher in self.LAUNCHERS:
                folder = f"{name}-{launcher}"
                printed = cluster.run(
                    SOURCE / "slurm/array.sh", f"--rooflaw={PROGRAM}", f"--launcher={launcher}",
                    f"--setup={setup}", "--ntasks-per-node=2", "--until-done", *options, "job.toml", folder,
                    "jetson-agx-orin-64gb", folder=self.folder)
                merges[folder] = re.search(r"^merge job (\d+):", printed, re.MULTILINE)[1]
        for folder, job in merges.items():
            with self.subTest(folder):
                self.assert_ended(job, "COMPLETED", 0)
                self.assertEqual(Result(self.folder / folder / "merged.h5").attribute("/runtime", "ranks"), 2)
                self.assert_same_datasets(f"{folder}/merged.h5", "result.h5")


class Refusals(SlurmTest):
    BAD = edit(JOB, {"space.widths": "widths = [768, 100]"})
    MESSAGE = "job.toml:11:16: space.widths = 100: "

    def test_bad_job(self):
        self.write("job.toml", self.BAD)
        for launcher, options in (("srun", TWO_NODES), ("mpirun", ONE_NODE)):
            with self.subTest(launcher=launcher):
                job = self.submit("study.sbatch", "job.toml", options=options,
                                  environment={"LAUNCHER": launcher})
                log = self.assert_ended(job, "FAILED", 2)
                self.assertEqual(log.count(self.MESSAGE), 1, f"once, not once a rank: {log}")

    def test_srun_without_pmi(self):
        """Each process would do the whole job for itself and write the same file."""
        self.write("job.toml", JOB)
        self.write("none.sh", "#!/bin/sh\nexec srun --mpi=none \"$ROOFLAW\" search job.toml\n")
        job = cluster.sbatch("none.sh", options=TWO_NODES, folder=self.folder, environment=self.settings({}))
        self.assertIn("use srun --mpi=pmix", self.assert_ended(job, "FAILED", 5))
        self.assertFalse((self.folder / "result.h5").exists())


class Stops(SlurmTest):
    def started(self, layers):
        self.write("job.toml", grid(layers))
        self.rooflaw("search", "job.toml", "-o", "exact.h5", "--set", "search.strategy=exact")
        self.checkpoint = self.folder / "result.h5.checkpoint"

    def wait_for_checkpoint(self, job):
        """A new one: what is asked of the job from now on finds it at work."""
        written = lambda: self.checkpoint.stat().st_mtime_ns if self.checkpoint.exists() else 0
        before = written()
        cluster.wait_until(job, lambda fields: written() != before or fields["JobState"] in FINAL_STATES, 60,
                           "it writes a checkpoint")
        self.assertNotEqual(written(), before, cluster.story(job))

    def restarts(self, job):
        return int(cluster.show(job)["Restarts"])

    def test_time_limit(self):
        """Slurm signals 5 s to 35 s after each start: a job that began anew would never come to its end."""
        self.started(600)
        job = self.submit("study.sbatch", "--until-done", "job.toml", "-o", "result.h5",
                          options=(*TWO_NODES, "--time=1", "--signal=B:USR1@25"))
        log = self.assert_ended(job, "COMPLETED", 0, seconds=400)
        self.assertGreaterEqual(self.restarts(job), 1, f"on a machine too fast for it: more layers. {log}")
        self.assertEqual(log.count("study.sbatch: stopped early"), self.restarts(job), log)
        self.assert_same_datasets("result.h5", "exact.h5")

    def test_stop_file_and_signals(self):
        self.started(64)
        arguments = ("study.sbatch", "--until-done", "job.toml", "--checkpoint-every", "1")  # its own output
        job = self.submit(*arguments)
        self.wait_for_checkpoint(job)
        stop = self.write("stop", "")
        log = self.assert_ended(job, "FAILED", 10)
        self.assertIn("not requeued, because of the file ./stop", log)
        self.assertEqual(self.restarts(job), 0, log)
        self.assertFalse((self.folder / "result.h5").exists())

        stop.unlink()
        job = self.submit(*arguments)
        self.wait_for_checkpoint(job)
        cluster.cancel(job, "--signal=USR1")  # to the steps
        cluster.wait_until(job, lambda fields: fields["Restarts"] == "1", 60, "it goes back into the queue")
        self.hasten(job)
        self.wait_for_checkpoint(job)
        cluster.cancel(job, "--batch", "--signal=USR1")  # to the script
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(self.restarts(job), 2, log)
        self.assertEqual(log.count("rooflaw: goes on from"), 3, log)
        self.assert_same_datasets("result.h5", "exact.h5")

    def test_every_signal_that_sites_send(self):
        """Each writes a checkpoint and ends the job with 10; TERM, with which scancel ends a job, too, and
        then nothing goes back into the queue."""
        self.started(64)
        for launcher, options in (("srun", TWO_NODES), ("mpirun", ONE_NODE)):
            for signal in ("USR1", "USR2", "XCPU", "HUP", "TERM"):
                with self.subTest(launcher=launcher, signal=signal):
                    until_done = ["--until-done"] if signal == "TERM" else []
                    job = self.submit("study.sbatch", f"--launcher={launcher}", *until_done, "job.toml", "-o",
                                      "result.h5", "--checkpoint-every", "1", options=options)
                    self.wait_for_checkpoint(job)
                    cluster.cancel(job, "--batch", f"--signal={signal}")
                    log = self.assert_ended(job, "FAILED", 10)
                    self.assertIn("result.h5.checkpoint is kept", log)
                    self.assertEqual(self.restarts(job), 0, log)
                    self.checkpoint.unlink()
        self.assertFalse((self.folder / "result.h5").exists())

    def test_requeued_by_slurm(self):
        """As after a node failure or a preemption: it goes on, though nobody said --resume, and the log of
        the first run stays."""
        self.started(64)
        for launcher, options in (("srun", TWO_NODES), ("mpirun", ONE_NODE)):
            with self.subTest(launcher):
                (self.folder / "result.h5").unlink(missing_ok=True)
                job = self.submit("study.sbatch", f"--launcher={launcher}", "job.toml", "-o", "result.h5",
                                  "--checkpoint-every", "1", options=options)
                self.wait_for_checkpoint(job)
                first = cluster.log(job)
                cluster.scontrol("requeue", job)
                log = self.assert_ended(job, "COMPLETED", 0)
                self.assertEqual(self.restarts(job), 1, log)
                self.assertTrue(log.startswith(first), log)
                self.assertEqual(log.count("rooflaw: goes on from"), 1, log)
                self.assert_same_datasets("result.h5", "exact.h5")

    def hasten(self, job):
        cluster.wait_until(job, lambda fields: fields["Reason"] == "BeginTime", 60, "it waits for its begin")
        cluster.scontrol("update", f"JobId={job}", "StartTime=now+3seconds")


class Array(SlurmTest):
    DEVICES = ("jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb")

    def array(self, *arguments, folder="parts", options=()):
        """Submits; what array.sh printed, and the id of the merge job."""
        printed = cluster.run(SOURCE / "slurm/array.sh", "--ntasks-per-node=2", "--time=5", *options, "job.toml",
                              folder, *arguments, folder=self.folder, environment=self.settings({}))
        return printed, re.search(r"^merge job (\d+):", printed, re.MULTILINE)[1]

    def test_one_device_a_task(self):
        self.search(edit(STUDY, {"targets.devices": f"devices = {list(self.DEVICES)}"}))

        printed, merge = self.array(self.DEVICES[0], "no-such-chip")
        self.assertIn(": 2 tasks", printed)
        log = self.assert_ended(merge, "FAILED", 1)
        self.assertIn("not merged: no parts/no-such-chip.h5", log)
        self.assertNotIn(self.DEVICES[0], log)
        self.assertIn("no-such-chip", (self.folder / "parts/task-1.log").read_text())
        self.assertFalse((self.folder / "parts/merged.h5").exists())

        printed, merge = self.array(*self.DEVICES)
        self.assertIn(f"parts/{self.DEVICES[0]}.h5 is there", printed)
        self.assertIn(": 1 tasks", printed)
        self.assert_ended(merge, "COMPLETED", 0)
        self.assert_same_datasets("parts/merged.h5", "result.h5")

    def test_one_id_in_a_folder_with_percent_signs(self):
        self.search(STUDY)
        for folder in ("50%a/%%j", "100%"):
            with self.subTest(folder):
                printed, merge = self.array("jetson-agx-orin-64gb", "--", "--set", "job.seed=1", folder=folder)
                self.assert_ended(merge, "COMPLETED", 0)
                self.assertIn("task 0 is jetson-agx-orin-64gb", (self.folder / folder / "task-0.log").read_text())
                self.assertIn("result: ", (self.folder / folder / "merge.log").read_text())
                self.assert_same_datasets(f"{folder}/merged.h5", "result.h5")

    def test_ids_that_are_files_and_more_than_an_array_holds(self):
        """The cluster's MaxArraySize is 3."""
        table = tomllib.loads((INPUTS / "devices.toml").read_text())["device"][0]
        (self.folder / "my chips").mkdir()
        ids = []
        for i in range(4):
            device = {"id": f"chip-{i}", "name": f"Chip {i}", "memory_bytes": 2 ** (33 + i), "bandwidth": 1e11 * (1 + i)}
            peaks = ", ".join(f"{key} = {value}" for key, value in table["peak_flops"].items())
            ids.append(f"my chips/chip \"{i}\".toml")
            self.write(ids[-1], "[[device]]\n" + "".join(
                f"{key} = {json.dumps(value)}\n" for key, value in device.items()) + f"peak_flops = {{{peaks}}}\n"
                'vendor = "none"\nsource = "none"\nconfidence = "estimate"\n')
        ids.append("jetson-agx-orin-64gb")
        self.search(edit(JOB, {"targets.devices": f"devices = {json.dumps(ids)}"}), "-o", "result.h5")
        printed, merge = self.array(*ids)
        self.assertEqual([int(n) for n in re.findall(r": (\d+) tasks", printed)], [3, 2])
        self.assert_ended(merge, "COMPLETED", 0)
        self.assertTrue((self.folder / "parts/chip__3_.h5").exists(), printed)
        self.assertIn("task 0 is my chips/chip \"3\".toml", (self.folder / "parts/task-3+0.log").read_text())
        self.assert_same_datasets("parts/merged.h5", "result.h5")

    def test_two_ids_of_one_name(self):
        self.write("job.toml", JOB)
        done = subprocess.run([SOURCE / "slurm/array.sh", "job.toml", "parts", "a/chip.toml", "chip"],
                              cwd=self.folder, env=cluster.environment, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr),
                         (2, "array.sh: chip and a/chip.toml would both be parts/chip.h5\n"))

    def test_a_task_is_stopped_and_goes_back_into_the_queue(self):
        self.write("job.toml", grid(64))
        self.rooflaw("search", "job.toml", "-o", "exact.h5", "--set", "search.strategy=exact", "--set",
                     f'targets.devices=["{self.DEVICES[0]}"]')
        printed, merge = self.array(self.DEVICES[0], "--", "--checkpoint-every", "1", options=["--until-done"])
        task = re.search(r"^array job (\d+):", printed, re.MULTILINE)[1] + "_0"
        checkpoint = self.folder / f"parts/{self.DEVICES[0]}.h5.checkpoint"
        cluster.wait_until(task, lambda _: checkpoint.exists(), 60, "it writes a checkpoint")
        cluster.cancel(task, "--batch", "--signal=USR1")
        cluster.wait_until(task, lambda fields: fields["Reason"] == "BeginTime", 60, "it is back in the queue")
        cluster.scontrol("update", f"JobId={task}", "StartTime=now+3seconds")
        self.assert_ended(merge, "COMPLETED", 0)
        self.assertIn("goes on from", (self.folder / "parts/task-0.log").read_text())
        self.assert_same_datasets("parts/merged.h5", "exact.h5")


if __name__ == "__main__":
    unittest.main()
