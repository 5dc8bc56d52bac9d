"""Pipes where a file is expected, and pipes that nobody reads: none holds a run."""

import fcntl
import os
import shutil
import signal
import subprocess
import time
import unittest

import h5py

from studies import STUDIES, STUDY, Result, StudyTest, edit
from support import CASE, JOB, PATIENCE, PROGRAM, reseal

LAST = "result.h5.checkpoint"
LONG = edit(STUDY, {"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.0005}",
                    "space.widths": "widths = {from = 512, to = 16384, step = 64}"})
# None of what follows takes longer than this, loaded machine included.


class PipeTest(StudyTest):
    def pipe(self, name="pipe"):
        os.mkfifo(self.folder / name)
        return name

    def reader(self, name):
        """One that holds the pipe open and does not read it."""
        return os.open(self.folder / name, os.O_RDONLY | os.O_NONBLOCK)

    def ended(self, process, code):
        got, out, err = self.end(process, PATIENCE)
        self.assertEqual(got, code, f"{out}\n{err}")
        return err

    def refused(self, *arguments, text):
        run = self.run_command(["timeout", "--signal=KILL", PATIENCE, PROGRAM, *arguments], 3)
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
        before = os.open(self.folder / "pipe", os.O_WRONLY | os.O_NONBLOCK)
        os.write(before, bytes(4000))  # what it has not read yet
        os.close(before)
        err = self.ended(self.start(0, "--log-json", "pipe"), 0)
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


class Inputs(PipeTest):
    """Pipes that nobody writes to."""

    def test_a_job(self):
        self.pipe("job.toml")
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                err = self.ended(self.start(ranks, "-o", "x.h5", "--max-wall", "1", "--stall-after", "1"), 10)
                self.assertIn("stopped (the wall time of 1 s is over) before it began", err)
        self.ended(self.start(0, "--dry-run", "--max-wall", "1"), 10)
        self.assertEqual(self.files(), ["job.toml"])

    def test_a_job_and_signals(self):
        self.pipe("job.toml")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
            with self.subTest(number=number):
                process = self.start(0, "-o", "x.h5")
                time.sleep(1)
                process.send_signal(number)
                self.assertIn(f"stopped ({number.name}) before it began", self.ended(process, 10))

    def test_a_job_that_comes_late(self):
        """And in parts."""
        self.pipe("job.toml")
        process = self.start(0, "-o", "x.h5")
        time.sleep(0.5)
        half = len(JOB) // 2
        with open(self.folder / "job.toml", "w") as pipe:
            pipe.write(JOB[:half])
            pipe.flush()
            time.sleep(0.5)
            pipe.write(JOB[half:])
        self.ended(process, 0)

    def test_a_case_and_signals(self):
        self.pipe("case.toml")
        process = subprocess.Popen([PROGRAM, "evaluate", "case.toml"], cwd=self.folder)
        time.sleep(0.5)
        process.terminate()
        self.assertEqual(process.wait(PATIENCE), -signal.SIGTERM)

    def test_what_a_job_or_an_option_names(self):
        os.makedirs(self.folder / "sub")
        for name in ("chips", "chips.toml", "config.json", "sub/law.toml"):
            self.pipe(name)
        self.write("job.toml", JOB)
        self.write("case.toml", CASE)
        for setting in ('targets.devices=["chips"]', 'targets.devices=["chips.toml"]', 'law.id="chips"',
                        'law.id="sub/law.toml"', 'targets.workloads=["./chips"]'):
            with self.subTest(setting=setting):
                self.refused("search", "job.toml", "--set", setting, text="plain file")
        for device in ("chips", "chips.toml", "./sub/law.toml"):
            with self.subTest(device=device):
                self.refused("evaluate", "case.toml", "--device", device, text="plain file")
        self.refused("evaluate", "case.toml", "--model", "config.json", text="plain file")
        self.refused("evaluate", "config.json", "--device", "jetson-agx-orin-64gb", "--precision", "fp16",
                     "--workload", "vla", text="plain file")
        self.write("job.toml", edit(JOB, {"targets.devices": 'devices = ["chips"]'}))
        self.refused("search", "job.toml", text="plain file")


class Printing(PipeTest):
    """Nobody reads what is printed, as where a pager is paused: a run ends when it should all the same."""

    def full(self):
        """A pipe that takes no more, and its reader."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, bytes(4096))
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        self.addCleanup(os.close, reader)
        self.addCleanup(os.close, writer)
        return reader, writer

    def run_into(self, job, *arguments, ranks=0, **streams):
        self.write("job.toml", job)
        launch = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)] if ranks else []
        process = subprocess.Popen([*launch, PROGRAM, "search", "job.toml", *map(str, arguments)], cwd=self.folder,
                                   stdin=subprocess.DEVNULL, **{"stdout": subprocess.DEVNULL, **streams})
        self.addCleanup(process.kill)
        return process

    def read_to_the_end(self, reader, process):
        os.set_blocking(reader, False)
        said, ended = b"", False
        while True:
            try:
                said += os.read(reader, 1 << 16)
            except BlockingIOError:
                if ended:
                    return said
                ended = process.poll() is not None
                time.sleep(0.02)

    def test_stderr(self):
        process = self.run_into(LONG, "--max-wall", 6, stderr=self.full()[1])  # past the first line of progress
        self.assertEqual(process.wait(PATIENCE), 10)
        self.assertEqual(self.files(), ["job.toml", LAST])

    def test_stderr_and_a_signal(self):
        process = self.run_into(LONG, "--checkpoint-every", 0.2, stderr=self.full()[1])
        while not (self.folder / LAST).exists() and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 10)
        self.assertEqual([f for f in self.files() if "claim" in f], [])

    def test_stderr_of_an_error(self):
        process = self.run_into(edit(JOB, {"space.layers": "layers = []"}), stderr=self.full()[1])
        self.assertEqual(process.wait(PATIENCE), 2)

    def test_stderr_that_is_read_again(self):
        reader, writer = self.full()
        process = self.run_into(LONG, "--max-wall", 8, stderr=writer)
        time.sleep(4)
        said = self.read_to_the_end(reader, process)
        self.assertEqual(process.returncode, 10)
        self.assertIn(b"--resume goes on from there", said)

    def test_stdout(self):
        """The result is there, and free for others, while its summary waits for a reader."""
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                process = self.run_into(JOB, "--max-wall", 8, ranks=ranks, stdout=self.full()[1],
                                        stderr=subprocess.DEVNULL)
                while not (self.folder / "result.h5").exists() or (self.folder / "result.h5.claim").exists():
                    self.assertIsNone(process.poll())
                    time.sleep(0.02)
                time.sleep(1)
                self.assertIsNone(process.poll(), "it waits")
                self.assertEqual(self.files(), ["job.toml", "result.h5"])
                self.rooflaw("search", "job.toml")
                if not ranks:  # mpirun itself waits for whoever reads what it passes on
                    self.assertIn(process.wait(PATIENCE), (0, 10))
                process.kill()
                process.wait()
                (self.folder / "result.h5").unlink()

    def test_stdout_and_a_signal(self):
        process = self.run_into(JOB, stdout=self.full()[1], stderr=subprocess.DEVNULL)
        while not (self.folder / "result.h5").exists():
            time.sleep(0.02)
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        self.assertIn(process.wait(PATIENCE), (0, 10))

    def test_stdout_that_is_read_late(self):
        reader, writer = self.full()
        process = self.run_into(JOB, stdout=writer, stderr=subprocess.DEVNULL)
        while not (self.folder / "result.h5").exists():
            time.sleep(0.02)
        time.sleep(1)
        said = self.read_to_the_end(reader, process)
        self.assertEqual(process.returncode, 0)
        self.assertTrue(said.endswith(b"result: result.h5\n"), said[-200:])


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
