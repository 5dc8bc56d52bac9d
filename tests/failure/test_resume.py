"""A stopped run leaves a checkpoint, and what goes on from it ends with the datasets of an uninterrupted run,
whatever stopped it and however many ranks go on; a checkpoint that does not fit is refused, one that is
damaged is stood in for by the one before."""

import hashlib
import os
import resource
import signal
import subprocess
import time
import unittest

from studies import JOB, STUDIES, STUDY, Result, StudyTest, edit
from support import processor_seconds

# Long enough that a signal surely comes before the end.
LONG = edit(STUDY, {"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.0005}"})

LAST, PREVIOUS = "result.h5.checkpoint", "result.h5.checkpoint.previous"

# Every strategy, and what follows it: refining, certifying.
WAYS = {
    **{name: (job, []) for name, job in STUDIES.items()},
    "exact to the last point": (edit(STUDY, {"search.strategy": 'strategy = "exact"'}), []),
    "plas, certified": (STUDIES["plas"], ["--certify"]),
    "sample, certified": (STUDIES["sample"], ["--certify"]),
}


class ResumeTest(StudyTest):
    def finish(self, ranks, *arguments, expect=0):
        code, out, err = self.end(self.start(ranks, *arguments))
        self.assertEqual(code, expect, f"{ranks} ranks\n{out}\n{err}")
        return out, err

    def uninterrupted(self, job, *arguments):
        self.write("job.toml", job)
        self.rooflaw("search", "job.toml", "-o", "whole.h5", *self.force("whole.h5"), *arguments)
        return Result(self.folder / "whole.h5")

    def stop(self, job=STUDIES["plas"]):
        """A stopped run with a checkpoint and one before it."""
        self.write("job.toml", job)
        self.stop_with(PREVIOUS)
        self.assertTrue({LAST, PREVIOUS} <= set(self.files()), self.files())

    def contents(self):
        return {name: (self.folder / name).read_bytes() for name in self.files()}

    def reseal(self, change, head=b"rooflaw-checkpoint 2"):
        """The last checkpoint with another body and a checksum that fits it."""
        path = self.folder / LAST
        old = path.read_bytes().partition(b"\n")[2]
        body = change(old)
        path.write_bytes(b"%s %s %d\n%s" % (head, hashlib.sha256(body).hexdigest().encode(), len(body), body))
        return body != old


class SameResult(ResumeTest):
    def test_chains_of_stops(self):
        """Again and again, on another number of ranks each time, a little longer each time."""
        for name, (job, arguments) in WAYS.items():
            with self.subTest(way=name):
                reference = self.uninterrupted(job, *arguments)
                codes, ranks, seconds = [], 0, 0.06  # mpirun takes two seconds to end with a code
                while not codes or codes[-1] == 10:
                    kept = (self.folder / LAST).exists()  # not where the time was over before the search began
                    code, out, err = self.end(self.start(
                        ranks, *arguments, "--max-wall", f"{seconds:.3f}", *["--resume"] * bool(codes)))
                    self.assertIn(code, (0, 10), f"{codes} {ranks} ranks\n{out}\n{err}")
                    self.assertEqual(code == 0, (self.folder / "result.h5").exists(), f"{out}\n{err}")
                    self.assertEqual("goes on from result" in err, kept, err)
                    self.assertTrue(code == 0 or (self.folder / LAST).exists() or "before" in err, err)
                    codes.append(code)
                    ranks, seconds = (0, 3, 0, 2, 4, 1)[len(codes) % 6], seconds * 2
                    self.assertLess(len(codes), 25, "a resumed run comes further than the one before")
                self.assertGreaterEqual(codes.count(10), 2, "it was stopped more than once")
                self.assertEqual(self.differences(reference), [])
                self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"], "nothing else is left")
                (self.folder / "result.h5").unlink()

    def test_every_number_of_ranks_goes_on_from_the_same_checkpoint(self):
        reference = self.uninterrupted(STUDIES["plas"])
        self.stop()
        stopped = self.contents()
        for ranks in range(5):
            with self.subTest(ranks=ranks):
                for name, data in stopped.items():
                    self.write(name, data)
                self.finish(ranks, "--resume")
                self.assertEqual(self.differences(reference), [])
                self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"])

    def test_without_a_checkpoint(self):
        reference = self.uninterrupted(STUDIES["plas"])
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                _, err = self.finish(ranks, "--resume")
                self.assertEqual(err.count(LAST), 1, f"says once that there is none:\n{err}")
                self.assertEqual(self.differences(reference), [])

    def test_without_resume(self):
        """A checkpoint that is there but not asked for is told, and gone in the end."""
        reference = self.uninterrupted(STUDIES["plas"])
        self.stop()
        _, err = self.finish(0)
        self.assertIn(LAST, err)
        self.assertIn("--resume", err)
        self.assertNotIn("goes on from result", err)
        self.assertEqual(self.differences(reference), [])
        self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"])

    def test_another_name(self):
        """Job and checkpoint may move: the output given with -o is no part of what was computed."""
        reference = self.uninterrupted(STUDIES["plas"])
        self.stop()
        (self.folder / LAST).rename(self.folder / "moved.h5.checkpoint")
        _, err = self.finish(0, "--resume", "-o", "moved.h5")
        self.assertIn("goes on from moved.h5.checkpoint", err)
        differences = reference.differences(Result(self.folder / "moved.h5")).splitlines()
        self.assertEqual([line for line in differences if "command_line" not in line], [])


class Stops(ResumeTest):
    def setUp(self):
        super().setUp()
        self.write("job.toml", LONG)
        self.rooflaw("search", self.write("older.toml", JOB), "-o", "result.h5")
        self.old = (self.folder / "result.h5").read_bytes()

    def under_way(self, ranks, **options):
        """A run that has written a checkpoint already: its handlers are surely there."""
        process = self.start(ranks, "--force", "--checkpoint-every", "0.2", **options)
        pids = self.wait_for_ranks(process, max(ranks, 1))
        while not (self.folder / LAST).exists() and process.poll() is None:
            time.sleep(0.02)
        return process, pids

    def stopped(self, process, *reasons):
        """Exit code 10, and a line that names reason and checkpoint; no result, and the old one stays."""
        code, out, err = self.end(process)
        self.assertEqual(code, 10, f"{out}\n{err}")
        lines = [line for line in err.splitlines() if "--resume goes on from there" in line]
        self.assertEqual(len(lines), 1, f"one line tells it\n{err}")
        for text in (LAST, *reasons):
            self.assertIn(text, lines[0])
        self.assertNotIn("result: ", out)
        self.assertEqual((self.folder / "result.h5").read_bytes(), self.old)
        self.check_checkpoint(self.folder / LAST)
        self.assertEqual([name for name in self.files() if ".tmp" in name], [])

    def test_signals(self):
        for ranks, receiver, names in ((0, 0, ("SIGTERM", "SIGUSR1", "SIGINT", "SIGUSR2", "SIGXCPU", "SIGHUP")),
                                       (3, 0, ("SIGTERM", "SIGUSR1", "SIGINT")),
                                       (3, 2, ("SIGTERM", "SIGUSR2", "SIGXCPU", "SIGHUP"))):
            for name in names:
                with self.subTest(signal=name, ranks=ranks, receiver=receiver):
                    process, pids = self.under_way(ranks)
                    os.kill(pids[receiver], getattr(signal, name))
                    self.stopped(process, name)
                    (self.folder / LAST).unlink()

    def test_the_limit_of_processor_time(self):
        """As SGE and LSF set it: SIGXCPU at the soft limit, SIGKILL at the hard one."""
        self.write("job.toml", STUDIES["grid"])
        process = self.start(0, "--force", "--set", "space.expert_ffn_ratio={from = 0.25, to = 4, step = 0.0001}",
                             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (1, 20)))
        code, out, err = self.end(process)
        self.assertEqual(code, 10, f"{out}\n{err}")
        self.assertIn(f"stopped (SIGXCPU); {LAST} is kept", err)

    def test_nohup(self):
        """Whoever has SIGHUP ignored goes on when the terminal is gone."""
        process, pids = self.under_way(0, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        os.kill(pids[0], signal.SIGHUP)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(1)
        os.kill(pids[0], signal.SIGTERM)
        self.stopped(process, "SIGTERM")

    def test_impatience(self):
        """The same signal many times over is one stop."""
        process, pids = self.under_way(2)
        for _ in range(20):
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
        self.stopped(process, "SIGTERM")

    def test_wall_time(self):
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                self.stopped(self.start(ranks, "--force", "--max-wall", "2"), "wall time", "2 s")

    def test_a_file_named_stop(self):
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                process, _ = self.under_way(ranks)
                self.write("stop", "")
                self.stopped(process, "stop")
                self.stopped(self.start(ranks, "--resume", "--force"), "stop", "remove it")
                (self.folder / "stop").unlink()
                (self.folder / LAST).unlink()

    def test_a_file_named_stop_elsewhere(self):
        """It is the folder of the output that counts."""
        self.write("job.toml", STUDIES["plas"])
        self.write("stop", "")
        (self.folder / "other").mkdir()
        self.finish(0, "-o", "other/result.h5")


class Refusals(ResumeTest):
    def refused(self, *texts, ranks=(0, 3), code=4, arguments=()):
        before = self.contents()
        for number in ranks:
            _, err = self.finish(number, "--resume", *arguments, expect=code)
            for text in texts:
                self.assertEqual(err.count(text), 1, f"{text!r}, {number} ranks:\n{err}")
            self.assertEqual(self.contents(), before, "every file stays as it was")

    def test_another_job(self):
        self.stop()
        self.write("job.toml", edit(STUDIES["plas"], {"job.seed": "seed = 6"}))
        self.refused("job.seed = 5, now 6")
        self.write("job.toml", STUDIES["plas"].rstrip("\n") + "\nmemory_budget = \"none\"\n")
        self.refused('targets.memory_budget = not set, now "none"')

    def test_another_value_on_the_command_line(self):
        self.stop()
        self.refused("job.seed = 5, now 6", arguments=["--set", "job.seed=6"])

    def test_another_input_table(self):
        device = ('[[device]]\nid = "mine"\nmemory_bytes = 8589934592\nbandwidth = %s\n'
                  'peak_flops = {fp16 = 20e12, int8 = 40e12}\n')
        self.write("mine.toml", device % "102.4e9")
        self.stop(edit(STUDIES["plas"], {"targets.devices": 'devices = ["mine.toml"]'}))
        self.write("mine.toml", device % "102.5e9")
        self.refused("input device mine: has changed")

    def test_another_program(self):
        self.stop()
        self.assertTrue(self.reseal(lambda body: body.replace(b"0.1.0 (", b"0.1.9 (", 1)), "there is a version")
        self.refused("program: ", "0.1.9 (")

    def test_another_format(self):
        self.stop()
        self.reseal(lambda body: body, b"rooflaw-checkpoint 1")
        self.refused(LAST)

    def test_longer_than_it_says(self):
        """By far: it is not read, and the one before stands in."""
        self.stop()
        os.truncate(self.folder / LAST, 20 << 30)
        start = processor_seconds()
        out, err = self.finish(0, "--resume")
        self.assertIn(f"{LAST}: is damaged: it is {20 << 30} bytes long", err)
        self.assertLess(processor_seconds() - start, 20, "20 GiB are not read")

    def test_zeros(self):
        self.stop()
        for name in (LAST, PREVIOUS):
            self.write(name, b"")
            os.truncate(self.folder / name, 20 << 30)
        start = processor_seconds()
        out, err = self.finish(0, "--resume", expect=3)
        self.assertIn("there is no whole checkpoint", err)
        self.assertLess(processor_seconds() - start, 20, "nothing of 40 GiB is read")

    def test_another_job_in_the_one_before(self):
        """What stands in for a damaged checkpoint must belong to the job all the same."""
        self.stop()
        (self.folder / LAST).rename(self.folder / PREVIOUS)
        self.write("job.toml", edit(STUDIES["plas"], {"job.seed": "seed = 6"}))
        self.write(LAST, b"damaged")
        self.refused("job.seed = 5, now 6")


class Damage(ResumeTest):
    def setUp(self):
        super().setUp()
        self.reference = self.uninterrupted(STUDIES["plas"])
        self.stop()
        self.whole = self.contents()

    def damages(self, data):
        middle = len(data) // 2
        return {"cut": data[:middle], "empty": b"", "one bit": data[:middle] + bytes([data[middle] ^ 4]) +
                data[middle + 1:], "longer": data + b"\0", "head only": data.partition(b"\n")[0] + b"\n"}

    def test_the_last_one(self):
        for ranks, (damage, data) in zip((0, 1, 2, 3, 4), self.damages(self.whole[LAST]).items()):
            with self.subTest(damage=damage, ranks=ranks):
                self.write(PREVIOUS, self.whole[PREVIOUS])
                self.write(LAST, data)
                _, err = self.finish(ranks, "--resume")
                self.assertIn(f"{LAST}: ", err, "the message names what is damaged")
                self.assertIn(f"goes on from {PREVIOUS}", err)
                self.assertEqual(self.differences(self.reference), [])
                self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"])

    def test_both(self):
        for damage, data in self.damages(self.whole[LAST]).items():
            with self.subTest(damage=damage):
                self.write(LAST, data)
                self.write(PREVIOUS, self.damages(self.whole[PREVIOUS])[damage])
                before = self.contents()
                _, err = self.finish(2 if damage == "cut" else 0, "--resume", expect=3)
                self.assertIn(f"{LAST}: ", err)
                self.assertIn(f"{PREVIOUS}: ", err)
                self.assertIn("without --resume", err, "how to begin anew")
                self.assertEqual(self.contents(), before)
        self.finish(0)
        self.assertEqual(self.differences(self.reference), [])

    def test_no_last_one(self):
        """As after a crash between two renames."""
        (self.folder / LAST).unlink()
        _, err = self.finish(2, "--resume")
        self.assertIn(f"goes on from {PREVIOUS}", err)
        self.assertEqual(self.differences(self.reference), [])

    def test_no_file_but_something_else(self):
        """Neither a folder nor a pipe nor a device without end is a checkpoint, or waited for."""
        for name, make in {"folder": os.mkdir, "pipe": os.mkfifo,
                           "device": lambda path: os.symlink("/dev/zero", path)}.items():
            with self.subTest(last=name):
                self.write(PREVIOUS, self.whole[PREVIOUS])
                (self.folder / LAST).unlink(missing_ok=True)
                make(self.folder / LAST)
                process = self.start(0, "--resume", preexec_fn=lambda: resource.setrlimit(
                    resource.RLIMIT_AS, (1 << 30, 1 << 30)))
                code, out, err = self.end(process)
                self.assertIn(code, (0, 3), f"{out}\n{err}")
                self.assertIn(LAST, err)
                if (self.folder / LAST).is_dir():
                    (self.folder / LAST).rmdir()


if __name__ == "__main__":
    unittest.main()
