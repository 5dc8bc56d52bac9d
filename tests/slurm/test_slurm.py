"""The batch script of slurm/ on a real Slurm: the same results as a plain process, refusals, stops, requeues."""

import json
import sys
import unittest

sys.dont_write_bytecode = True
from cluster import FINAL_STATES
from templates import (JOB, ONE_NODE, PROGRAM, SOURCE, STUDY, TWO_NODES, Result, SlurmTest, cluster, edit, grid,
                       setUpModule)


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

    def test_several_ranks_on_each_of_several_nodes(self):
        """The two nodes are one machine with one name: Open MPI would take their ranks for neighbours and crash in
        its transport by shared memory, vader."""
        job = self.submit("study.sbatch", "job.toml", "-o", "result.h5",
                          options=("--nodes=2", "--ntasks-per-node=2"), environment={"OMPI_MCA_btl": "^vader"})
        self.assert_ended(job, "COMPLETED", 0)
        self.assert_same_result(4)

    def test_mpirun(self):
        job = self.submit("study.sbatch", "job.toml", "-o", "result.h5", options=ONE_NODE,
                          environment={"LAUNCHER": "mpirun"})
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(log.count("result: result.h5"), 1, log)
        self.assert_same_result(2)

    def test_portfolio(self):
        job = STUDY + '[portfolio]\nk = 1\nbudgets = {prefill = "50ms", total = "200ms"}\n'
        self.write("job.toml", edit(job, {"search.strategy": 'strategy = "exact"'}))
        self.rooflaw("portfolio", "job.toml", "-o", "plain.h5")
        job = self.submit("study.sbatch", "--command=portfolio", "job.toml", "-o", "portfolio.h5")
        log = self.assert_ended(job, "COMPLETED", 0)
        self.assertEqual(log.count("result: portfolio.h5"), 1, log)
        self.assert_same_datasets("portfolio.h5", "plain.h5")

    def test_what_the_template_refuses(self):
        for arguments, message in {("--launcher=jsrun", "job.toml"): "launcher jsrun: srun or mpirun",
                                   ("--requeue", "job.toml"): "--requeue: no such option",
                                   ("--command=merge", "job.toml"): "command merge: search or portfolio",
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

    def test_no_folder_for_the_result(self):
        self.write("job.toml", JOB)
        job = self.submit("study.sbatch", "job.toml", "-o", "results/x.h5", options=ONE_NODE)
        self.assertIn("results/x.h5: the folder results does not exist; make it with mkdir -p",
                      self.assert_ended(job, "FAILED", 3))

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

    def test_stop_file_beside_the_output_however_it_is_named(self):
        """A job that finds it ends at once, and does not come back."""
        self.write("job.toml", STUDY)
        self.write("out put/stop", "")
        jobs = {}
        for i, words in enumerate((["-o", "{}"], ["-o{}"], ["--output", "{}"], ["--output={}"], ["--outp", "{}"],
                                   ["--set", 'job.output="{}"'], ['--set=job.output = "{}"'])):
            words = [word.format(f"out put/{i}.h5") for word in words]
            jobs[self.submit("study.sbatch", "--until-done", "job.toml", *words, options=ONE_NODE)] = words
        for job, words in jobs.items():
            with self.subTest(words):
                log = self.assert_ended(job, "FAILED", 10)
                self.assertEqual(self.restarts(job), 0, log)
                self.assertIn("not requeued, because of the file out put/stop", log)

    def test_every_signal_that_sites_send(self):
        """Each writes a checkpoint and ends the job with 10; TERM, with which scancel ends a job, too, and
        then nothing goes back into the queue."""
        self.started(64)
        for launcher, options, signals in (("srun", TWO_NODES, ("USR1", "USR2", "XCPU", "HUP", "TERM")),
                                           ("mpirun", ONE_NODE, ("USR1", "TERM"))):
            for signal in signals:
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


if __name__ == "__main__":
    unittest.main()
