"""Ranks in user namespaces of their own, as in rootless containers, where Open MPI's copies from process to
process fail: long messages arrive, and where they cannot the run ends by itself and says why."""

import os
import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import JOB, PROGRAM, SOURCE, ProgramTest, Result, edit

LONG_MESSAGES = os.environ["ROOFLAW_LONG_MESSAGES"]
MESSAGE = 8 << 20
CURE = "OMPI_MCA_btl_vader_single_copy_mechanism"

# What the program sets by itself; and empty: Open MPI's own choice, which loses messages.
WITH, WITHOUT = {}, {CURE: ""}


def namespaces_forbidden():
    return subprocess.run(["unshare", "-Ur", "true"], capture_output=True).returncode != 0


class ContainerTest(ProgramTest):
    def ranks(self, number, environment, *command, expect=0, namespaces=True):
        if namespaces and namespaces_forbidden():
            self.skipTest("this kernel or container allows no user namespaces")
        environment = [f"{name}={value}" for name, value in environment.items()]
        return self.run_command(
            ["timeout", "--signal=KILL", 240, "env", *environment, "mpirun", "--allow-run-as-root", "--oversubscribe",
             "-n", number, *["unshare", "-Ur"] * namespaces, *command], expect)


class LongMessages(ContainerTest):
    def arrive(self, number, environment, namespaces):
        run = self.ranks(number, environment, LONG_MESSAGES, MESSAGE, 180, 60, namespaces=namespaces)
        self.assertEqual(run.out, "all arrived\n", str(run))
        self.assertNotIn("not been taken", run.err)

    def test_without_namespaces(self):
        for number in (1, 2, 4):
            with self.subTest(ranks=number):
                self.arrive(number, WITH, False)

    def test_with_the_cure(self):
        self.arrive(2, WITH, True)

    def test_without_the_cure(self):
        """Two ranks never have so much on its way at once that Open MPI loses it; more may."""
        self.arrive(2, WITHOUT, True)

    def test_a_transport_that_loses_messages(self):
        """With less shared memory than a part of a message takes, Open MPI does lose it."""
        run = self.ranks(2, {**WITHOUT, "OMPI_MCA_btl_vader_segment_size": 1 << 18}, LONG_MESSAGES, MESSAGE, 3, 1,
                         expect=10)
        self.assertRegex(run.err, r"messages of rank \d.* have not been taken for 1 s")
        self.assertIn(f"{CURE}=none", run.err)
        self.assertIn("stopped (the wall time of 3 s is over)", run.err)


class Search(ContainerTest):
    def test_it_ends_within_its_wall_time(self):
        for environment in (WITH, WITHOUT):
            with self.subTest(environment=environment):
                run = self.ranks(2, environment, PROGRAM, "search", SOURCE / "jobs/exact_1e10.toml", "-o", "result.h5",
                                 "--set", "refine.enabled=false", "--max-wall", 3, "--stall-after", 10, expect=None)
                self.assertIn(run.code, (0, 10), str(run))
                if run.code == 10:
                    self.assertIn("stopped (the wall time of 3 s is over); result.h5.checkpoint is kept", run.err)
                self.assertNotIn("is killed", run.err)

    def test_ranks_that_cannot_see_each_others_memory(self):
        """They say so, tell each other by messages, and find the same."""
        self.write("job.toml", edit(JOB, {"search.strategy": 'strategy = "exact"'}))
        command = ("search", "job.toml", "-o", "result.h5")
        self.rooflaw(*command)
        (self.folder / "result.h5").rename(self.folder / "plain.h5")
        run = self.ranks(3, WITH, PROGRAM, *command)
        self.assertEqual(run.err.count("no memory in common"), 1, str(run))
        plain, apart = (Result(self.folder / name) for name in ("plain.h5", "result.h5"))
        self.assertEqual(plain.differences(apart), "")

    def test_each_rank_is_process_1(self):
        """Where Open MPI 4 crashes by itself."""
        job = SOURCE / "jobs/orin_vs_edge.toml"
        for cure in ({}, {"OMPI_MCA_btl": "^vader"}):
            with self.subTest(cure=cure):
                run = self.ranks(2, cure, "unshare", "-Urpf", "--mount-proc", "--kill-child", PROGRAM, "search",
                                 job, "-o", "result.h5", "--max-wall", 3, expect=None)
                self.assertIn(run.code, (0, 10), str(run))
                self.assertEqual(run.err.count("OMPI_MCA_btl=^vader"), 0 if cure else 1, str(run))


if __name__ == "__main__":
    unittest.main()
