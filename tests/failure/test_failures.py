"""What goes wrong around a run: a rank that dies or stalls, a disk that is full, memory that runs out, a log
that cannot be written. Each ends or goes on as it should, says why, and leaves nothing half-written."""

import json
import os
import pathlib
import re
import resource
import select
import signal
import time
import unittest

from studies import PATIENCE, STUDIES, STUDY, Result, StudyTest, edit
from support import JOB

# Long enough that what the tests do comes before the end.
LONG = edit(STUDY, {"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.0005}"})

# The tables of its axes alone take hundreds of megabytes.
MUCH_MEMORY = edit(STUDY, {
    "search.strategy": 'strategy = "exact"', "space.layers": "layers = {from = 1, to = 1000000, step = 1}",
    "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.001, to = 100, step = 0.0001}",
    "space.kv_heads": "kv_heads = [1]", "space.experts": "experts = [1]", "space.top_k": "top_k = [1]"})

LAST = "result.h5.checkpoint"


def limit(kind, size):
    return lambda: resource.setrlimit(kind, (size, size))


class FailureTest(StudyTest):
    def rank(self, process, number):
        """The process of this rank among those that this mpirun has started."""
        for pid in self.ranks_of(process):
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if b"OMPI_COMM_WORLD_RANK=%d" % number in environment:
                return pid
        self.fail(f"no rank {number}")

    def under_way(self, ranks, *arguments):
        """A run of LONG that has written a checkpoint already."""
        self.write("job.toml", LONG)
        (self.folder / LAST).unlink(missing_ok=True)
        process = self.start(ranks, "--checkpoint-every", "0.2", *arguments)
        self.wait_for_ranks(process, max(ranks, 1))
        while not (self.folder / LAST).exists() and process.poll() is None:
            time.sleep(0.02)
        return process

    def wait_for(self, process, text, seconds=PATIENCE):
        """Until this is said on stderr; returns what was said. Fails if it never is."""
        said, end = "", time.monotonic() + seconds
        while not re.search(text, said):
            if not select.select([process.stderr], [], [], max(0, end - time.monotonic()))[0]:
                break
            if not (more := os.read(process.stderr.fileno(), 65536)):
                break
            said += more.decode()
        self.assertRegex(said, text)
        return said

    def stopping(self, pid):
        """Stops a process until the test ends at the latest."""
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.go_on, pid)

    def go_on(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass  # ended long ago

    def events(self, name="log.json"):
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


class Ranks(FailureTest):
    def test_a_killed_rank_ends_all(self):
        for number in (0, 2):
            with self.subTest(rank=number):
                process = self.under_way(3)
                pids = self.ranks_of(process)
                os.kill(self.rank(process, number), signal.SIGKILL)
                code, out, err = self.end(process)
                self.assertNotIn(code, (0, 10), f"{out}\n{err}")
                self.assertEqual(self.still_running(pids), [], "none is left")
                self.check_files()

    def test_a_stalled_rank(self):
        self.write("job.toml", LONG)
        self.rooflaw("search", "job.toml", "-o", "whole.h5")
        for stalled, text in ((2, r"rank 2 on \S+ has given no sign of life for \d+ s"),
                              (0, r"rank 0 has not answered for \d+ s")):
            with self.subTest(rank=stalled):
                process = self.under_way(3, "--stall-after", "5", "--log-json", f"log{stalled}.json")
                pid = self.rank(process, stalled)
                self.stopping(pid)
                err = self.wait_for(process, text)
                self.go_on(pid)
                if stalled != 0:
                    err += self.wait_for(process, "rank 2 on .* is back")
                code, out, more = self.end(process)
                self.assertEqual(code, 0, f"{out}\n{err + more}")
                self.assertEqual(self.differences(Result(self.folder / "whole.h5")), [])
                for number in {0, 1, 2} - {stalled}:
                    self.assertNotIn(f"rank {number} ", err.replace("rank 1 waits", ""),
                                     "only the stalled rank is named")
                if stalled != 0:
                    stalls = [event for event in self.events("log2.json")
                              if event["event"] in ("stall", "stall_over") and event["rank"] == 2]
                    self.assertEqual([event["event"] for event in stalls], ["stall", "stall_over"])

    def test_no_rank_is_said_to_stall_that_does_not(self):
        """Neither while it works nor while it waits for others to finish."""
        self.write("job.toml", edit(LONG, {"space.widths": "widths = [1024]",
                                           "space.layers": "layers = {from = 1, to = 2000, step = 1}"}))
        code, out, err = self.end(self.start(3, "--stall-after", "5"))
        self.assertEqual(code, 0, err)
        self.assertNotIn("sign of life", err)
        self.assertNotIn("not answered", err)

    def test_a_stop_while_a_rank_is_stalled(self):
        for receiver in (0, 1):
            with self.subTest(receiver=receiver):
                process = self.under_way(3, "--stall-after", "1")
                pids = self.ranks_of(process)
                to = self.rank(process, receiver)
                self.stopping(self.rank(process, 2))
                os.kill(to, signal.SIGTERM)
                code, out, err = self.end(process)
                self.assertNotEqual(code, 0, f"{out}\n{err}")
                self.assertIn("--resume goes on from there", err)
                self.assertEqual(self.still_running(pids), [], "none is left")
                self.assertEqual(sorted(f for f in self.files() if ".previous" not in f), ["job.toml", LAST])
                self.check_files()
                code, out, err = self.end(self.start(2, "--resume"))
                self.assertEqual(code, 0, err)
                self.assertIn(f"goes on from {LAST}", err)
                (self.folder / "result.h5").unlink()


class Files(FailureTest):
    def test_an_output_that_cannot_be(self):
        self.write("job.toml", LONG)
        self.write("file", "")
        for output in ("none/result.h5", "file/result.h5", "/proc/result.h5"):
            for ranks in (0, 3):
                with self.subTest(output=output, ranks=ranks):
                    code, out, err = self.end(self.start(ranks, "-o", output))
                    self.assertEqual(code, 3, f"{out}\n{err}")
                    self.assertEqual(err.count(output), 1, f"one message\n{err}")
                    self.assertEqual(self.files(), ["file", "job.toml"])

    def failing_checkpoints(self, ranks, **options):
        self.write("job.toml", STUDIES["plas"])
        self.rooflaw("search", "job.toml", "-o", "whole.h5")
        code, out, err = self.end(self.start(ranks, "--checkpoint-every", "0.1", "--log-json", "log.json",
                                             **options))
        self.assertEqual(code, 0, f"a search is worth more than its checkpoint\n{out}\n{err}")
        self.assertIn(LAST, err)
        self.assertEqual(self.differences(Result(self.folder / "whole.h5")), [])
        kinds = [event["event"] for event in self.events()]
        self.assertIn("checkpoint_failed", kinds)
        self.assertEqual((kinds[0], kinds[-1]), ("start", "end"))

    def test_a_checkpoint_that_is_a_folder(self):
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                self.write("job.toml", STUDIES["plas"])
                self.write(f"{LAST}/keep", "this")
                code, out, err = self.end(self.start(ranks))
                self.assertEqual(code, 3, f"told before the work is done\n{out}\n{err}")
                self.assertIn(f"{LAST}: would be replaced, and is no regular file", err)
                self.assertEqual((self.folder / LAST / "keep").read_text(), "this")
                self.assertEqual([name for name in self.files() if ".tmp" in name], [])

    def test_a_checkpoint_that_does_not_fit(self):
        self.write("job.toml", STUDIES["grid"])
        self.stop_with(LAST)
        size = (self.folder / LAST).stat().st_size
        old = {name: (self.folder / name).read_bytes() for name in self.files()}
        process = self.start(0, "--checkpoint-every", "0.05", "--resume",
                             preexec_fn=limit(resource.RLIMIT_FSIZE, size // 2))
        self.wait_for(process, re.escape(LAST))
        os.kill(process.pid, signal.SIGTERM)
        code, out, err = self.end(process)
        self.assertEqual(code, 3, f"stopped, and no checkpoint\n{out}\n{err}")
        self.assertIn(LAST, err)
        self.assertEqual({name: (self.folder / name).read_bytes() for name in self.files()}, old,
                         "the old ones stay, nothing is left half-written")

    def test_stopped_without_a_checkpoint(self):
        self.write(f"{LAST}/keep", "this")
        self.write("job.toml", LONG)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                code, out, err = self.end(self.start(ranks, "--max-wall", "0.3"))
                self.assertEqual(code, 3, f"{out}\n{err}")
                self.assertIn(LAST, err)
                self.assertNotIn("goes on from there", err)


class Memory(FailureTest):
    def test_out_of_memory(self):
        self.search(JOB)
        self.write("job.toml", MUCH_MEMORY)
        old = (self.folder / "result.h5").read_bytes()
        run = self.rooflaw("search", "job.toml", "--force", expect=1, preexec_fn=limit(resource.RLIMIT_AS, 200 << 20))
        message = re.search(r"out of memory: (\d+) bytes were asked for", run.err)
        self.assertTrue(message, str(run))
        self.assertGreater(int(message[1]), 1 << 20, "what did not fit")
        self.assertEqual(self.files(), ["job.toml", "result.h5"])
        self.assertEqual((self.folder / "result.h5").read_bytes(), old)


class Log(FailureTest):
    def check(self, events, *kinds):
        """The first and last events and their keys, those named between, and a time in each."""
        names = [event["event"] for event in events]
        self.assertEqual((names[0], names[-1]), ("start", "end"))
        for kind in kinds:
            self.assertIn(kind, names)
        for event in events:
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            for key in {"start": ("job", "output", "strategy", "targets", "ranks", "host", "program", "commit"),
                        "end": ("exit_code", "message", "seconds"), "signal": ("signal", "rank"),
                        "checkpoint": ("file", "bytes", "seconds"), "resume": ("file",)}.get(
                            event["event"], ()):
                self.assertIn(key, event, str(event))
        times = [event["time"] for event in events]
        self.assertEqual(times, sorted(times))

    def test_a_stop_and_going_on(self):
        """Lines are appended: a log of both runs."""
        process = self.under_way(2, "--log-json", "log.json")
        os.kill(self.rank(process, 1), signal.SIGUSR1)
        self.end(process)
        first = self.events()
        self.check(first, "checkpoint", "signal", "stop")
        self.assertEqual(first[-1]["exit_code"], 10)
        told = next(event for event in first if event["event"] == "signal")
        self.assertIn("USR1", str(told["signal"]) + told.get("text", ""))
        self.assertEqual(told["rank"], 1)
        self.assertEqual((first[0]["ranks"], first[0]["strategy"], first[0]["targets"]), (2, "grid", 4))
        code, out, err = self.end(self.start(0, "--resume", "--log-json", "log.json"))
        self.assertEqual(code, 0, err)
        self.assertEqual(self.events()[:len(first)], first)
        second = self.events()[len(first):]
        self.check(second, "resume")
        self.assertEqual((second[-1]["exit_code"], second[0]["ranks"]), (0, 1))

    def test_progress(self):
        """A run of more than five seconds tells how far it is."""
        process = self.under_way(2, "--log-json", "log.json")
        for number in (0, 1):
            pid = self.rank(process, number)
            self.stopping(pid)
        time.sleep(5)
        for number in (0, 1):
            self.go_on(self.rank(process, number))
        self.end(process)
        events = [event for event in self.events() if event["event"] == "progress"]
        self.assertTrue(events)
        for event in events:
            self.assertIn(event["phase"], ("search", "refine", "certify", "theory"))
            self.assertTrue(0 <= event["share"] <= 1 and event["done"] <= event["of"], str(event))
            self.assertGreaterEqual(event["frontier_points"], 0)
            self.assertGreater(event["seconds"], 0)

    def test_damage_and_failure_are_told(self):
        self.write("job.toml", STUDIES["plas"])
        self.stop_with(LAST + ".previous")
        self.write(LAST, "damaged")
        self.rooflaw("search", "job.toml", "--resume", "--log-json", "one.json")
        self.check(self.events("one.json"), "checkpoint_damaged", "resume")
        self.write(LAST, "damaged")
        run = self.rooflaw("search", "job.toml", "--resume", "--log-json", "both.json", expect=3)
        end = self.events("both.json")[-1]
        self.assertEqual((end["event"], end["exit_code"]), ("end", 3))
        self.assertIn(LAST, end["message"], str(run))

    def test_a_log_that_cannot_be_opened(self):
        self.write("job.toml", JOB)
        for ranks in (0, 2):
            for log in ("none/log.json", "."):
                with self.subTest(ranks=ranks, log=log):
                    code, out, err = self.end(self.start(ranks, "--log-json", log))
                    self.assertEqual(code, 3, f"{out}\n{err}")
                    self.assertIn(log, err)
                    self.assertEqual(self.files(), ["job.toml"])

    def test_a_full_disk(self):
        self.write("job.toml", JOB)
        code, out, err = self.end(self.start(0, "--log-json", "/dev/full"))
        self.assertEqual(code, 0, f"{out}\n{err}")
        self.assertIn("/dev/full", err)
        Result(self.folder / "result.h5")


class Options(FailureTest):
    def test_seconds(self):
        self.write("job.toml", JOB)
        for option in ("--max-wall", "--checkpoint-every", "--stall-after"):
            for value in ("0", "-1", "nan", "soon", "", "1GB", "-inf", "1e999"):
                with self.subTest(option=option, value=value):
                    run = self.rooflaw("search", "job.toml", f"{option}={value}", expect=2)
                    self.assertIn(option, run.err, str(run))
                    self.assertEqual(self.files(), ["job.toml"])

    def test_long_times(self):
        """As good as never, not at once."""
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "--max-wall", "1e300", "--checkpoint-every", "1e300",
                     "--stall-after", "1e300")


if __name__ == "__main__":
    unittest.main()
