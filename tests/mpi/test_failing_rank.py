"""One rank that cannot go on ends all of them within seconds, with its exit code and its own words."""

import os
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import PATIENCE, ProgramTest

# The pieces would take half a minute; an end in order comes long before.


class FailingRank(ProgramTest):
    def failing(self, rank, how, expect):
        return self.run_command(
            ["timeout", "--signal=KILL", PATIENCE, "mpirun", "--allow-run-as-root", "--oversubscribe", "-n", 3,
             os.environ["ROOFLAW_FAILING_RANK"], rank, how], expect)

    def test_a_worker_that_throws(self):
        for rank in (1, 2):
            with self.subTest(rank=rank):
                run = self.failing(rank, "throw", expect=3)
                self.assertRegex(run.err, rf"rooflaw: rank {rank} on \S+: piece \d+: some.file: cannot be read")
                self.assertEqual(run.err.count("some.file"), 1, f"it is told once{run}")

    def test_rank_0_throws(self):
        run = self.failing(0, "throw", expect=3)
        self.assertRegex(run.err, r"rooflaw: piece \d+: some.file: cannot be read")

    def test_out_of_memory(self):
        for rank in (0, 1):
            with self.subTest(rank=rank):
                run = self.failing(rank, "memory", expect=1)
                self.assertRegex(run.err, r"piece \d+: out of memory: 1152921504606846976 bytes were asked for")

    def test_a_rank_that_is_gone(self):
        for rank in (0, 2):
            with self.subTest(rank=rank):
                self.failing(rank, "leave", expect=7)


if __name__ == "__main__":
    unittest.main()
