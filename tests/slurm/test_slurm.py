"""The templates of slurm/ on a real Slurm: the same results as a plain process, refusals, and stops."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cluster import SlurmCluster
from support import INPUTS, JOB, PROGRAM, SOURCE, ProgramTest, Result, edit

# Two ranks: on two nodes, or on one, where mpirun needs no way to the other.
TWO_NODES = ("--nodes=2", "--ntasks-per-node=1")
ONE_NODE = ("--nodes=1", "--ntasks-per-node=2")

# No frontier is empty, and there are pieces enough for two ranks.
STUDY = edit(JOB, {"space.layers": "layers = {from = 2, to = 40, step = 1}",
                   "space.widths": "widths = {from = 512, to = 3072, step = 128}",
                   "targets.latency": 'latency = ["prefill", "total"]'})

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


if __name__ == "__main__":
    unittest.main()
