"""The templates of slurm/ on a real Slurm: the same results as a plain process, refusals, stops, arrays."""

import json
import pathlib
import re
import sys
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

    def test_another_launcher_is_refused(self):
        job = self.submit("study.sbatch", "job.toml", environment={"LAUNCHER": "jsrun"})
        self.assertIn("LAUNCHER=jsrun", self.assert_ended(job, "FAILED", 2))


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
        job = self.submit("requeue.sbatch", "job.toml", "result.h5",
                          options=(*TWO_NODES, "--time=1", "--signal=USR1@25"))
        log = self.assert_ended(job, "COMPLETED", 0, seconds=400)
        self.assertGreaterEqual(self.restarts(job), 1, f"on a machine too fast for it: more layers. {log}")
        self.assertEqual(log.count("requeue.sbatch: stopped early"), self.restarts(job), log)
        self.assert_same_datasets("result.h5", "exact.h5")

    def test_stop_file_and_signal(self):
        self.started(64)
        arguments = ("requeue.sbatch", "job.toml", "result.h5", "--checkpoint-every", "1")
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
        cluster.cancel(job, "--signal=USR1")
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(self.restarts(job), 1, log)
        self.assert_same_datasets("result.h5", "exact.h5")

    def test_signal_to_mpirun(self):
        self.started(64)
        arguments = ("study.sbatch", "job.toml", "-o", "result.h5", "--checkpoint-every", "1")
        how = {"options": ONE_NODE, "environment": {"LAUNCHER": "mpirun"}}
        job = self.submit(*arguments, **how)
        self.wait_for_checkpoint(job)
        cluster.cancel(job, "--batch", "--signal=USR1")
        self.assert_ended(job, "FAILED", 10)
        self.assertFalse((self.folder / "result.h5").exists())
        self.assert_ended(self.submit(*arguments, "--resume", **how), "COMPLETED", 0)
        self.assert_same_datasets("result.h5", "exact.h5")


class Claims(SlurmTest):
    CLAIM = "result.h5.claim"

    def away(self):
        """The claim as if its job ran on another host, of which only Slurm knows."""
        path = self.folder / self.CLAIM
        claim = {**json.loads(path.read_text()), "host": "n9", "machine": "m", "boot": "b"}
        path.write_text(json.dumps(claim))
        return claim

    def rooflaw_in_cluster(self, *arguments, expect):
        return self.run_command(["env", f"SLURM_CONF={cluster.folder}/slurm.conf", PROGRAM, *arguments], expect)

    def test_one_job_at_a_time(self):
        self.write("job.toml", grid(3000))
        first = self.submit("study.sbatch", "job.toml", options=ONE_NODE)
        cluster.wait_until(first, lambda _: (self.folder / self.CLAIM).exists(), 60, "it claims its output")
        second = self.submit("study.sbatch", "job.toml", options=ONE_NODE)
        log = self.assert_ended(second, "FAILED", 3)
        self.assertIn(f"(Slurm job {first})", log)
        claim = self.away()
        self.assertEqual((claim["slurm_job"], claim["slurm_cluster"]), (first, "test"))
        run = self.rooflaw_in_cluster("search", "job.toml", "--resume", expect=3)
        self.assertIn("the Slurm job has not ended", run.err, str(run))
        cluster.cancel(first, "--full", "--signal=KILL")
        cluster.wait(first)
        self.write(self.CLAIM, json.dumps(claim))  # as a node that failed leaves it
        run = self.rooflaw_in_cluster("search", "job.toml", "--resume", "--max-wall", "1", expect=10)
        self.assertIn("the Slurm job has ended: taken over", run.err, str(run))
        self.assertFalse((self.folder / self.CLAIM).exists())

    def test_a_job_that_slurm_has_forgotten(self):
        self.write("job.toml", JOB)
        self.write(self.CLAIM, json.dumps({
            "host": "n9", "machine": "m", "boot": "b", "pid_namespace": "", "process": 7, "started": 1,
            "locked": True, "slurm_job": "99999", "slurm_cluster": "test", "slurm_restarts": 0, "since": "then",
            "command": "rooflaw search"}))
        run = self.rooflaw("search", "job.toml", expect=3)  # no Slurm to ask
        self.assertIn("Slurm job 99999", run.err)
        run = self.rooflaw_in_cluster("search", "job.toml", expect=0)
        self.assertIn("taken over", run.err)


class Array(SlurmTest):
    DEVICES = ("jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb")

    def array(self, *ids):
        """Submits; what array.sh printed, and the id of the merge job."""
        printed = cluster.run(SOURCE / "slurm/array.sh", "job.toml", "parts", *ids, folder=self.folder,
                              environment=self.settings({"OPTIONS": "--ntasks-per-node=2 --time=5"}))
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


if __name__ == "__main__":
    unittest.main()
