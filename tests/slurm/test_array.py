"""slurm/array.sh on a real Slurm, and what sites and users add to sbatch, with all templates."""

import json
import re
import subprocess
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
from templates import (INPUTS, JOB, ONE_NODE, PROGRAM, SOURCE, STUDY, TWO_NODES, Result, SlurmTest, cluster, edit,
                       grid, setUpModule)


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


class Array(SlurmTest):
    DEVICES = ("jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb")

    def array(self, *arguments, job="job.toml", folder="parts", options=()):
        """Submits; what array.sh printed, and the id of the merge job."""
        printed = cluster.run(SOURCE / "slurm/array.sh", "--ntasks-per-node=2", "--time=5", *options, job,
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
        """The cluster's MaxArraySize is 3. Files are where the user sees them; in a job they are relative to its
        folder, which is another here."""
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
        seen = [f"../{id_}" if id_.endswith(".toml") else id_ for id_ in ids]
        (self.folder / "jobs").mkdir()
        self.search(edit(JOB, {"targets.devices": f"devices = {json.dumps(seen)}"}), name="jobs/job.toml")
        printed, merge = self.array(*ids, job="jobs/job.toml")
        self.assertIn("logs in parts/task-*.log\n", printed)
        self.assertIn("logs in parts/task-3+*.log\n", printed)
        self.assertEqual([int(n) for n in re.findall(r": (\d+) tasks", printed)], [3, 2])
        self.assert_ended(merge, "COMPLETED", 0)
        self.assertTrue((self.folder / "parts/chip__3_.h5").exists(), printed)
        self.assertIn("task 0 is ../my chips/chip \"3\".toml", (self.folder / "parts/task-3+0.log").read_text())
        self.assert_same_datasets("parts/merged.h5", "result.h5")

    def test_what_array_refuses(self):
        self.write("jobs/job.toml", JOB)
        self.write("jobs/chip.toml", "")
        for ids, message in {("a/chip.toml", "chip"): "chip and a/chip.toml would both be parts/chip.h5",
                             ("chip.toml",): "no such file: chip.toml"}.items():
            with self.subTest(ids):
                done = subprocess.run([SOURCE / "slurm/array.sh", "jobs/job.toml", "parts", *ids],
                                      cwd=self.folder, env=cluster.environment, capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (2, f"array.sh: {message}\n"))

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
