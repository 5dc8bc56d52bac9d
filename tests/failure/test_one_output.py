"""One output, one run: a second run is told, nothing of another's is replaced, no claim is left."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from studies import INPUTS, JOB, PROGRAM, STUDIES, Result, StudyTest, edit

CLAIM = "result.h5.claim"
OTHER = edit(JOB, {"space.layers": "layers = [12]"})
LONG = edit(STUDIES["grid"], {"space.widths": "widths = {from = 512, to = 16384, step = 64}"})
UNSHARE = ["unshare", "-Urpf", "--mount-proc", "--kill-child"]


class OneOutputTest(StudyTest):
    def assert_clean(self, *names):
        """Beside what is named there is neither claim nor temporary file."""
        self.assertEqual([f for f in self.files() if ".claim" in f or ".tmp." in f], [], names)

    def contents(self):
        return {f: (self.folder / f).read_bytes() for f in self.files() if (self.folder / f).is_file()}

    def refused(self, *arguments, code=3, words=()):
        """A message with these words, and every file is as it was."""
        before = self.contents()
        run = self.rooflaw(*arguments, expect=code)
        for word in words:
            self.assertIn(word, run.err, str(run))
        self.assertEqual(self.contents(), before, str(run))
        return run

    def wait_for_claim(self, process):
        while not (self.folder / CLAIM).exists():
            self.assertIsNone(process.poll(), "it ended before it claimed anything")
            time.sleep(0.01)


class Namespaces(OneOutputTest):
    """Runs that are process 1 each, as in containers."""

    def setUp(self):
        super().setUp()
        tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True)
        if tried.returncode != 0:
            self.skipTest(f"the kernel forbids PID namespaces: {tried.stderr}")

    def contained(self, *arguments):
        return subprocess.Popen([*UNSHARE, PROGRAM, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                start_new_session=True, env={**os.environ, "ROOFLAW_INPUTS": str(INPUTS)})

    def test_one_wins_one_is_told(self):
        self.write("job.toml", STUDIES["plas"])
        self.rooflaw("search", "job.toml", "-o", "whole.h5")
        whole = Result(self.folder / "whole.h5")
        for number in range(5):
            with self.subTest(number=number):
                (self.folder / "result.h5").unlink(missing_ok=True)
                both = [self.contained("search", "job.toml", "--checkpoint-every", "0.05") for _ in range(2)]
                ended = [self.end(process) for process in both]
                codes = sorted(code for code, _, _ in ended)
                self.assertEqual(codes, [0, 3], ended)
                told = next(err for code, _, err in ended if code == 3)
                self.assertIn("result.h5: another run has claimed it: process 1 on", told)
                self.assertIn(f"remove {CLAIM}", told)
                self.assertEqual(self.differences(whole), [])
                self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"])

    def test_killed_in_its_namespace(self):
        self.write("job.toml", STUDIES["plas"])
        self.rooflaw("search", "job.toml", "-o", "whole.h5")
        process = self.contained("search", "job.toml", "--checkpoint-every", "0.05")
        while not (self.folder / "result.h5.checkpoint").exists() and process.poll() is None:
            time.sleep(0.01)
        run = self.rooflaw("search", "job.toml", "--dry-run", expect=3)
        self.assertIn("process 1 on", run.err)
        os.killpg(process.pid, signal.SIGKILL)
        self.end(process)
        self.assertTrue((self.folder / CLAIM).exists(), "nobody could take it away")
        code, out, err = self.end(self.contained("search", "job.toml", "--resume"))
        self.assertEqual(code, 0, err)
        self.assertIn("taken over", err)
        self.assertEqual(self.differences(Result(self.folder / "whole.h5")), [])
        self.assertEqual(self.files(), ["job.toml", "result.h5", "whole.h5"])


class Claims(OneOutputTest):
    def test_every_command_is_told(self):
        for device in ("jetson-agx-orin-64gb", "jetson-thor-t5000"):
            self.search(JOB, "-o", f"{device}.h5", "--set", f'targets.devices=["{device}"]', result=f"{device}.h5")
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                self.write("job.toml", LONG)
                process = self.start(ranks)
                self.wait_for_claim(process)
                self.write("small.toml", JOB)
                who = rf"process \d+ on \S+, since \S+: rooflaw search job.toml"
                for command in (["search", "small.toml"], ["search", "small.toml", "--force"],
                                ["search", "small.toml", "--dry-run"], ["search", "small.toml", "--resume"],
                                ["merge", "jetson-agx-orin-64gb.h5", "jetson-thor-t5000.h5", "-o", "result.h5"]):
                    run = self.rooflaw(*command, expect=3)
                    self.assertRegex(run.err, who)
                    self.assertIn(f"remove {CLAIM}", run.err)
                self.rooflaw("search", "small.toml", "-o", f"./../{self.folder.name}/result.h5", expect=3)
                os.kill(self.ranks_of(process)[0], signal.SIGTERM)
                self.assertIn(self.end(process)[0], (0, 10))
                self.assert_clean()
                for file in self.folder.glob("result.h5*"):
                    file.unlink()

    def test_export_to_where_a_result_is_to_be(self):
        self.search(JOB, "-o", "whole.h5", result="whole.h5")
        self.write("job.toml", LONG)
        process = self.start(0)
        self.wait_for_claim(process)
        self.assertIn("another run has claimed it", self.rooflaw("export", "whole.h5", "-o", "result.h5", expect=3).err)
        os.kill(process.pid, signal.SIGTERM)
        self.end(process)

    def test_export(self):
        self.search(JOB)
        self.rooflaw("export", "result.h5", "-o", "csv")
        self.assert_clean()
        # One that is held by a process of another machine.
        self.write("csv/export.claim", json.dumps({
            "host": "elsewhere", "machine": "m", "boot": "b", "pid_namespace": "", "process": 7, "started": 1,
            "locked": True, "slurm_job": "", "slurm_cluster": "", "slurm_restarts": 0, "since": "then",
            "command": "rooflaw export"}))
        self.refused("export", "result.h5", "-o", "csv", words=["process 7 on elsewhere", "csv/export.claim"])

    def test_no_claim_outlives_an_orderly_end(self):
        self.write("job.toml", JOB)
        self.write("long.toml", LONG)
        for ranks in (0, 3):
            launch = (lambda *a, **o: self.mpirun(ranks, *a, **o)) if ranks else self.rooflaw
            with self.subTest(ranks=ranks, end="done"):
                launch("search", "job.toml")
                self.assert_clean()
            with self.subTest(ranks=ranks, end="dry run"):
                launch("search", "job.toml", "--dry-run")
                self.assert_clean()
            with self.subTest(ranks=ranks, end="refused"):
                launch("search", "job.toml", "--set", "space.layers=[12]", expect=3)
                launch("search", "job.toml", "--set", "space.layers=[]", expect=2)
                self.assert_clean()
            with self.subTest(ranks=ranks, end="stop"):
                launch("search", "long.toml", "-o", "long.h5", "--max-wall", "1", expect=10)
                self.assert_clean()
            with self.subTest(ranks=ranks, end="another checkpoint"):
                launch("search", "long.toml", "-o", "long.h5", "--resume", "--set", "job.seed=77", expect=4)
                self.assert_clean()

    def test_killed(self):
        """Whoever is killed cannot take his claim away; the next run sees that he is dead."""
        self.write("job.toml", LONG)
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                process = self.start(ranks)
                self.wait_for_claim(process)
                pids = self.wait_for_ranks(process, max(ranks, 1))
                for pid in [process.pid, *pids]:
                    os.kill(pid, signal.SIGKILL)
                self.assertEqual(self.still_running(pids), [])
                self.assertTrue((self.folder / CLAIM).exists())
                run = self.rooflaw("search", "job.toml", "--max-wall", "0.5", expect=10)
                self.assertIn(f"rooflaw: {CLAIM} was left by process", run.err, str(run))
                self.assert_clean()
                self.end(process)

    def test_taken_away_by_hand(self):
        """And claimed by another: the first neither replaces a checkpoint nor writes a result."""
        self.write("job.toml", STUDIES["plas"])
        first = self.start(0)
        self.wait_for_claim(first)
        claim = json.loads((self.folder / CLAIM).read_text())
        (self.folder / CLAIM).unlink()
        self.write(CLAIM, json.dumps({**claim, "host": "elsewhere", "machine": "m", "boot": "b"}))
        code, out, err = self.end(first)
        self.assertEqual(code, 3, err)
        self.assertIn("on elsewhere", err)
        self.assertEqual(self.files(), ["job.toml", CLAIM])


class Foreign(OneOutputTest):
    """What is not ours is never replaced."""

    def setUp(self):
        super().setUp()
        self.search(JOB)
        self.search(JOB, "-o", "thor.h5", "--set", 'targets.devices=["jetson-thor-t5000"]', result="thor.h5")
        self.write("chips.toml", "# my chips\n")
        self.write("empty", "")
        self.write("almost.h5", b"rooflaw-result sha512 ")

    def test_as_output(self):
        for name in ("job.toml", "chips.toml", "empty", "almost.h5"):
            for command in (["search", "job.toml"], ["merge", "result.h5", "thor.h5"]):
                for force in ([], ["--force"]):
                    with self.subTest(name=name, command=command, force=force):
                        self.refused(*command, "-o", name, *force, words=[f"{name}: is there and is no result"])
                        os.symlink(name, self.folder / "link")
                        self.refused(*command, "-o", "link", *force, words=["is no result"])
                        (self.folder / "link").unlink()
            self.refused("search", "job.toml", "-o", name, "--dry-run", words=[name])

    def test_as_checkpoint(self):
        for name in ("new.h5.checkpoint", "new.h5.checkpoint.previous"):
            with self.subTest(name=name):
                self.write(name, "weights of my own\n")
                self.refused("search", "job.toml", "-o", "new.h5", "--force", words=[name])
                (self.folder / name).unlink()

    def test_no_name(self):
        for command in (["search", "job.toml"], ["merge", "result.h5"]):
            self.refused(*command, "-o", "-", words=["no name of a file"])
        self.refused("search", "job.toml", "-o", "", code=2, words=["--output"])
        self.refused("merge", "result.h5", "-o", "")

    def test_a_pipe_for_a_checkpoint(self):
        os.mkfifo(self.folder / "new.h5.checkpoint")
        self.refused("search", "job.toml", "-o", "new.h5", words=["new.h5.checkpoint: would be replaced"])
        self.assertTrue((self.folder / "new.h5.checkpoint").is_fifo())

    def test_tables_in_another_place(self):
        os.makedirs(self.folder / "csv")
        os.makedirs(self.folder / "elsewhere")
        for link in ("csv/frontiers", "csv/theory/codesign-2026"):
            (self.folder / link).parent.mkdir(exist_ok=True)
            os.symlink(self.folder / "elsewhere", self.folder / link)
            self.refused("export", "result.h5", "-o", "csv", words=[link, "another place"])
            (self.folder / link).unlink()

    def test_tables_of_an_earlier_export(self):
        self.assertNotIn("more CSV", self.rooflaw("export", "result.h5", "-o", "csv").err)
        self.rooflaw("search", "job.toml", "--set", 'targets.devices=["jetson-thor-t5000"]', "-o", "other.h5")
        self.assertRegex(self.rooflaw("export", "other.h5", "-o", "csv").err, r"csv: holds \d more CSV files")

    def test_names_of_ones_own(self):
        for name in ("x.h5.checkpoint", "x.h5.checkpoint.previous", "x.h5.claim", "stop", ".claim", "./stop"):
            with self.subTest(name=name):
                for command in (["search", "job.toml"], ["search", "job.toml", "--dry-run"], ["search", "job.toml", "--force"],
                                ["merge", "result.h5"]):
                    self.refused(*command, "-o", name, words=[name, "choose another"])
        self.rooflaw("search", "job.toml", "-o", "stop.h5")

    def test_as_log(self):
        for name in ("job.toml", "chips.toml", "result.h5"):
            self.refused("search", "job.toml", "-o", "new.h5", "--log-json", name, words=[name, "no log"])
        for name in ("new.h5", "new.h5.checkpoint", "new.h5.checkpoint.previous", "./new.h5.claim", "stop"):
            self.refused("search", "job.toml", "-o", "new.h5", "--log-json", name, words=[name, "run itself"])
        for _ in range(2):
            self.rooflaw("search", "job.toml", "--log-json", "empty")
        events = [json.loads(line)["event"] for line in (self.folder / "empty").read_text().splitlines()]
        self.assertEqual(events.count("start"), 2)

    def test_as_table(self):
        self.rooflaw("export", "result.h5", "-o", "csv")
        tables = [f for f in self.files() if f.endswith(".csv")]
        for name in (tables[0], tables[-1]):
            with self.subTest(name=name):
                whole = (self.folder / name).read_bytes()
                self.write(name, "id,name\n1,mine\n")
                (self.folder / tables[1]).unlink(missing_ok=True)
                self.refused("export", "result.h5", "-o", "csv", words=[name])
                self.write(name, whole)
        self.rooflaw("export", "result.h5", "-o", "csv")
        self.assertEqual([f for f in self.files() if f.endswith(".csv")], tables)


class AnotherJob(OneOutputTest):
    def setUp(self):
        super().setUp()
        self.search(JOB)
        self.write("job.toml", OTHER)

    def test_is_not_replaced_without_force(self):
        for more in ([], ["--dry-run"], ["--resume"]):
            self.refused("search", "job.toml", *more,
                         words=["result.h5: holds the finished result of another job",
                                "space.layers = [ 4, 8 ], now [ 12 ]", "--force", "-o FILE.h5"])
        self.rooflaw("search", "job.toml", "--dry-run", "--force")
        self.rooflaw("search", "job.toml", "--force")
        result = Result(self.folder / "result.h5")
        self.assertEqual(set(result.frontier(result.targets()[0])["layers"]), {12})

    def test_under_mpirun(self):
        run = self.mpirun(2, "search", "job.toml", expect=3)
        self.assertEqual(run.err.count("another job"), 1, str(run))
        self.assert_clean()

    def test_the_same_job_is_replaced(self):
        self.write("job.toml", "# a comment\n" + JOB.replace("[4, 8]", "[4,8]"))
        self.rooflaw("search", "job.toml")
        self.rooflaw("search", "job.toml", "--set", "job.output=elsewhere.h5")
        self.rooflaw("search", "job.toml", "-o", "elsewhere.h5")
        self.mpirun(2, "search", "job.toml")

    def test_an_unfinished_run_asks_again(self):
        """What is there may have come since it began."""
        old = (self.folder / "result.h5").read_bytes()
        self.write("job.toml", STUDIES["plas"])
        self.stop_with("result.h5.checkpoint", "--force")
        self.assertEqual((self.folder / "result.h5").read_bytes(), old)
        self.refused("search", "job.toml", "--resume", words=["another job"])
        self.rooflaw("search", "job.toml", "--resume", "--force")
        self.assertNotEqual((self.folder / "result.h5").read_bytes(), old)

    def test_that_appears_meanwhile(self):
        """Of a run without a claim, by mv say: it stays, and so does what was found."""
        other = (self.folder / "result.h5").read_bytes()
        for ranks in (0, 2):
            with self.subTest(ranks=ranks):
                (self.folder / "result.h5").unlink()
                self.write("job.toml", STUDIES["plas"])
                process = self.start(ranks, "--checkpoint-every", "0.05")
                while not (self.folder / "result.h5.checkpoint").exists() and process.poll() is None:
                    time.sleep(0.01)
                self.write("result.h5", other)
                code, out, err = self.end(process)
                self.assertEqual(code, 3, err)
                self.assertIn("holds the finished result of another job", err)
                self.assertEqual((self.folder / "result.h5").read_bytes(), other)
                self.refused("search", "job.toml", "--resume", words=["another job"])
                run = self.rooflaw("search", "job.toml", "--resume", "--force")
                self.assertIn("goes on from result.h5.checkpoint", run.err)
                self.assertNotEqual((self.folder / "result.h5").read_bytes(), other)
                self.assert_clean()

    def test_that_appears_meanwhile_and_is_none(self):
        (self.folder / "result.h5").unlink()
        self.write("job.toml", STUDIES["plas"])
        process = self.start(0, "--force", "--checkpoint-every", "0.05")
        while not (self.folder / "result.h5.checkpoint").exists() and process.poll() is None:
            time.sleep(0.01)
        self.write("result.h5", "my thesis")
        code, out, err = self.end(process)
        self.assertEqual(code, 3, err)
        self.assertEqual((self.folder / "result.h5").read_text(), "my thesis")

    def test_damaged(self):
        self.write("job.toml", JOB)
        data = bytearray((self.folder / "result.h5").read_bytes())
        data[len(data) // 2] ^= 1
        self.write("result.h5", bytes(data))
        self.refused("search", "job.toml", words=["cannot be read", "--force"])
        self.rooflaw("search", "job.toml", "--force")

    def test_merge(self):
        self.write("job.toml", JOB)
        for device in ("jetson-thor-t5000", "jetson-agx-orin-32gb"):
            self.rooflaw("search", "job.toml", "-o", f"{device}.h5", "--set", f'targets.devices=["{device}"]')
        self.search(OTHER, "-o", "other.h5", name="other.toml", result="other.h5")
        two = ["merge", "result.h5", "jetson-thor-t5000.h5"]
        self.rooflaw(*two, "-o", "all.h5")
        self.rooflaw(*two, "-o", "all.h5")
        self.rooflaw("merge", "all.h5", "jetson-agx-orin-32gb.h5", "-o", "./all.h5")
        self.assertEqual(len(Result(self.folder / "all.h5").targets()), 3)
        self.refused(*two, "-o", "all.h5", words=["another job", "targets.devices", "--force"])
        self.refused(*two, "-o", "other.h5", words=["another job", "space.layers"])
        self.rooflaw(*two, "-o", "other.h5", "--force")
        self.assert_clean()


class Places(OneOutputTest):
    """A job writes where it may read; the command line anywhere."""

    def setUp(self):
        super().setUp()
        self.elsewhere = pathlib.Path(tempfile.mkdtemp(prefix="rooflaw-elsewhere-"))
        self.addCleanup(shutil.rmtree, self.elsewhere, ignore_errors=True)

    def job(self, output, name="sub/job.toml"):
        return self.write(name, edit(JOB, {"job.output": f'output = "{output}"'}))

    def test_refused(self):
        os.makedirs(self.folder / "sub")
        os.symlink(self.elsewhere, self.folder / "away")
        os.symlink(self.elsewhere / "file.h5", self.folder / "file.h5")
        (self.elsewhere / "file.h5").touch()
        for output in (f"{self.elsewhere}/x.h5", "../x.h5", "away/x.h5", "file.h5",
                       f"sub/../../{self.elsewhere.name}/x.h5"):
            self.job(output)
            for more in ([], ["--dry-run"]):
                with self.subTest(output=output, more=more):
                    self.refused("search", "sub/job.toml", *more, code=2,
                                 words=["sub/job.toml:4:10: job.output = ", "must lie in the folder", "-o"])
        self.mpirun(2, "search", "sub/job.toml", expect=2)
        self.assertEqual([f.name for f in self.elsewhere.iterdir()], ["file.h5"])

    def test_behind_a_link_to_nothing_yet(self):
        """The result comes where the link says, and there is its claim; the link stays."""
        self.write("job.toml", LONG)
        os.symlink(self.elsewhere / "real.h5", self.folder / "link.h5")
        os.symlink("link.h5", self.folder / "chain.h5")
        for output in ("link.h5", "chain.h5"):
            process = self.start(0, "-o", output)
            while not (self.elsewhere / "real.h5.claim").exists():
                self.assertIsNone(process.poll(), "it ended before it claimed anything")
                time.sleep(0.01)
            run = self.rooflaw("search", "job.toml", "-o", self.elsewhere / "real.h5", expect=3)
            self.assertIn("another run has claimed it", run.err)
            os.kill(process.pid, signal.SIGTERM)
            self.end(process)
            self.write("small.toml", JOB)
            self.rooflaw("search", "small.toml", "-o", output)
            Result(self.elsewhere / "real.h5")
            self.assertTrue((self.folder / "link.h5").is_symlink() and (self.folder / "chain.h5").is_symlink())
            (self.elsewhere / "real.h5").unlink()

    def test_allowed(self):
        self.job("sub/../here.h5")
        self.rooflaw("search", "sub/job.toml")
        self.job(self.folder / "sub/there.h5")
        self.rooflaw("search", self.folder / "sub/job.toml", folder=self.elsewhere)
        self.job(f"{self.folder}/x.h5")
        self.rooflaw("search", "sub/job.toml", "-o", self.elsewhere / "a.h5")
        self.rooflaw("search", "sub/job.toml", "--set", f"job.output={self.elsewhere}/b.h5")
        self.mpirun(2, "search", "sub/job.toml", "--set", f"job.output={self.elsewhere}/c.h5")
        self.assertEqual(sorted(f.name for f in self.elsewhere.iterdir()), ["a.h5", "b.h5", "c.h5"])
        self.assertTrue((self.folder / "here.h5").exists() and (self.folder / "sub/there.h5").exists())


if __name__ == "__main__":
    unittest.main()
