"""Pipes where a file is expected, and pipes that nobody reads: none holds a run."""

import fcntl
import os
import shutil
import time
import unittest

import h5py

from studies import STUDIES, Result, StudyTest
from support import JOB, PROGRAM, reseal

LAST = "result.h5.checkpoint"
# None of what follows takes longer than this, loaded machine included.
LIMIT = 30


class PipeTest(StudyTest):
    def pipe(self, name="pipe"):
        os.mkfifo(self.folder / name)
        return name

    def reader(self, name):
        """One that holds the pipe open and does not read it."""
        return os.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK)

    def ended(self, process, code):
        got, out, err = self.end(process, LIMIT)
        self.assertEqual(got, code, f"{out}\n{err}")
        return err

    def refused(self, *arguments, text):
        run = self.run_command(["timeout", "--signal=KILL", LIMIT, PROGRAM, *arguments], 3)
        self.assertIn(text, run.err)


class Log(PipeTest):
    def test_without_a_reader(self):
        self.write("job.toml", JOB)
        self.pipe()
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                err = self.ended(self.start(ranks, "--log-json", "pipe"), 3)
                self.assertIn("pipe: is a pipe that nobody reads", err)
                self.assertEqual(self.files(), ["job.toml", "pipe"])

    def test_a_reader_that_reads(self):
        self.write("job.toml", JOB)
        reader = self.reader(self.pipe())
        self.addCleanup(os.close, reader)
        self.ended(self.start(0, "--log-json", "pipe"), 0)
        lines = os.read(reader, 1 << 16).decode().splitlines()
        self.assertIn('"event":"start"', lines[0])
        self.assertIn('"event":"end"', lines[-1])

    def test_a_reader_that_leaves(self):
        self.write("job.toml", STUDIES["grid"])
        reader = self.reader(self.pipe())
        process = self.start(0, "--log-json", "pipe", "--checkpoint-every", "0.05")
        while not (self.folder / LAST).exists() and process.poll() is None:
            time.sleep(0.02)
        os.close(reader)
        self.assertIn("pipe: cannot be written", self.ended(process, 0))
        Result(self.folder / "result.h5")

    def test_a_reader_that_does_not_read(self):
        self.write("job.toml", STUDIES["grid"])
        reader = self.reader(self.pipe())
        self.addCleanup(os.close, reader)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        err = self.ended(self.start(0, "--log-json", "pipe", "--checkpoint-every", "0.05"), 0)
        self.assertIn("pipe: cannot be written", err)


class Outputs(PipeTest):
    def test_a_result(self):
        self.write("job.toml", JOB)
        os.symlink(self.pipe(), self.folder / "link.h5")
        for output in ("pipe", "link.h5"):
            for ranks in (0, 2):
                with self.subTest(output=output, ranks=ranks):
                    err = self.ended(self.start(ranks, "-o", output), 3)
                    self.assertIn(f"{output}: is no regular file", err)

    def test_a_checkpoint(self):
        self.write("job.toml", JOB)
        self.pipe()
        for name in (LAST, LAST + ".previous"):
            os.symlink("pipe", self.folder / name)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                self.assertIn("is no regular file", self.ended(self.start(ranks, "--resume"), 3))


class Results(PipeTest):
    def test_a_link_to_a_pipe(self):
        os.symlink(self.pipe(), self.folder / "link.h5")
        for name in ("pipe", "link.h5"):
            for command in (["inspect", name], ["export", name, "-o", "csv"], ["merge", name, name, "-o", "both.h5"]):
                with self.subTest(command=command):
                    self.refused(*command, text=f"{name}: is no regular file")

    def linked(self, change):
        """A result with something in it that lies elsewhere, sealed anew."""
        shutil.copy(self.folder / "whole.h5", self.folder / "linked.h5")
        with h5py.File(self.folder / "linked.h5", "r+") as file:
            change(file)
        reseal(self.folder / "linked.h5")
        for command in (["inspect", "linked.h5"], ["export", "linked.h5", "-o", "csv"],
                        ["merge", "linked.h5", "other.h5", "-o", "both.h5"]):
            with self.subTest(command=command):
                self.refused(*command, text="linked.h5: ")

    def test_what_a_result_links_to(self):
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "-o", "whole.h5")
        self.rooflaw("search", "job.toml", "-o", "other.h5", "--set", 'targets.latency=["tpot"]')
        self.pipe()
        target = Result(self.folder / "whole.h5").targets()[0]["id"]
        loss = f"/frontiers/codesign-2026/{target}/loss"

        def external_link(name):
            def change(file):
                del file[name]
                file[name] = h5py.ExternalLink(str(self.folder / "pipe"), "/x")
            return change

        def external_storage(file):
            rows = len(file[loss])
            unit = file[loss].attrs["unit"]
            del file[loss]
            file.create_dataset(loss, (rows,), "f8", external=[(str(self.folder / "pipe"), 0, 8 * rows)])
            file[loss].attrs["unit"] = unit

        for what, change in (("column", external_link(loss)), ("group", external_link("/frontiers")),
                             ("targets", external_link("/targets/id")), ("storage", external_storage)):
            with self.subTest(what=what):
                self.linked(change)


if __name__ == "__main__":
    unittest.main()
