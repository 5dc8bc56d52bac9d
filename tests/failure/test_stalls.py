"""A rank stopped with SIGSTOP at a random place of a run, from MPI_Init to its end: it is named within
--stall-after, a stop still keeps what there is, and the run ends by itself where nothing else would end it.
ROOFLAW_STALLS says how many places (4), ROOFLAW_TEST_SEED where they are."""

import os
import pathlib
import random
import re
import select
import signal
import sys
import time
import unittest

from studies import PATIENCE, STUDIES, STUDY, StudyTest, edit

PLACES = int(os.environ.get("ROOFLAW_STALLS", "4"))
SEED = int(os.environ.get("ROOFLAW_TEST_SEED", random.randrange(1 << 30)))
RANKS = 3
STALL_AFTER = 1
LAST = "result.h5.checkpoint"
LONG = edit(STUDY, {"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.0005}"})


def naming(rank):
    """How it is said that this rank stalls. Within MPI's own calls nobody knows which."""
    own = (r"rank 0 has not answered for \d+ s" if rank == 0 else
           rf"rank {rank}(?: on \S+)? (has given no sign of life for \d+ s|does not stop)")
    return rf"{own}|has been in MPI_\w+ for \d+ s: another rank does not answer"


class StallTest(StudyTest):
    def started(self, *arguments):
        process = self.start(RANKS, "--stall-after", STALL_AFTER, "--checkpoint-every", "0.2", *arguments)
        self.said = ""
        os.set_blocking(process.stderr.fileno(), False)
        return process

    def listen(self, process, seconds, until):
        """Reads stderr until it says this; was it said?"""
        end = time.monotonic() + seconds
        while not (found := re.search(until, self.said)) and (left := end - time.monotonic()) > 0:
            if select.select([process.stderr], [], [], left)[0]:
                if not (more := os.read(process.stderr.fileno(), 65536)):
                    break
                self.said += more.decode(errors="replace")
        return bool(found)

    def rank_numbers(self, process):
        """Process ids by rank."""
        found = {}
        for pid in self.ranks_of(process):
            try:
                environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            except OSError:
                continue
            if number := re.search(rb"OMPI_COMM_WORLD_RANK=(\d+)", environment):
                found[int(number[1])] = pid
        return found

    def signal(self, pid, number):
        try:
            os.kill(pid, number)
            return True
        except ProcessLookupError:
            return False

    def freeze(self, pid):
        self.addCleanup(self.signal, pid, signal.SIGCONT)
        return self.signal(pid, signal.SIGSTOP)


class RandomPlaces(StallTest):
    def whole_run(self):
        self.write("job.toml", STUDIES["plas"])
        start = time.monotonic()
        process = self.start(RANKS, "-o", "whole.h5")
        code, out, err = self.end(process)
        self.assertEqual(code, 0, err)
        return time.monotonic() - start

    def test_places(self):
        rng = random.Random(SEED)
        print(f"seed {SEED}", file=sys.stderr)
        seconds = self.whole_run()
        places = 0
        for _ in range(4 * PLACES):
            if places == PLACES:
                break
            rank, at = rng.randrange(RANKS), rng.uniform(0, seconds)
            with self.subTest(seed=SEED, place=places, rank=rank, at=at):
                places += self.stopped_there(rank, at)
        self.assertEqual(places, PLACES, "they lie within the run")

    def stopped_there(self, rank, at):
        """False if the run was over before."""
        for name in (LAST, LAST + ".previous", "result.h5"):
            (self.folder / name).unlink(missing_ok=True)
        process = self.started()
        self.wait_for_ranks(process, RANKS)
        time.sleep(at)
        pids = self.rank_numbers(process)
        if len(pids) < RANKS or not self.freeze(pids[rank]):
            self.end(process)
            return False
        named = self.listen(process, PATIENCE, naming(rank))
        if not named and self.ranks_of(process) == [pids[rank]]:
            # On its way out after all others: nobody is left who could miss it.
            self.signal(pids[rank], signal.SIGCONT)
            self.end(process)
            return False
        if process.poll() is None:
            self.assertTrue(named, f"rank {rank} is named\n{self.said}")
        for other in set(pids) - {rank}:
            self.signal(pids[other], signal.SIGUSR1)
        if rank != 0 and "MPI_" not in self.said:
            self.wait_for_new_checkpoint(process)
        self.signal(pids[rank], signal.SIGCONT)
        code, out, err = self.end(process)
        self.said += err or ""
        self.assertIn(code, (0, 10), self.said)
        self.assertEqual(self.still_running(pids.values()), [], "none is left")
        if code == 10:
            self.assertRegex(self.said, "--resume goes on from there|before there was anything to keep|is ended")
        else:
            self.assertTrue((self.folder / "result.h5").exists(), self.said)
        self.check_files()
        return True

    def wait_for_new_checkpoint(self, process):
        """While the rank is still stopped; a run at its end has its result already."""
        path, before = self.folder / LAST, time.time()
        for _ in range(20 * PATIENCE):
            if process.poll() is not None or (self.folder / "result.h5").exists():
                return
            if path.exists() and path.stat().st_mtime > before - 1:
                return
            time.sleep(0.05)
        self.fail(f"no checkpoint was written\n{self.said}")


class ForGood(StallTest):
    """Nobody wakes it."""

    def under_way(self, *arguments):
        self.write("job.toml", LONG)
        process = self.started(*arguments)
        self.wait_for_ranks(process, RANKS)
        while not (self.folder / LAST).exists() and process.poll() is None:
            time.sleep(0.02)
        return process, self.rank_numbers(process)

    def ends(self, process, pids):
        code, out, err = self.end(process)
        self.said += err or ""
        self.assertEqual(code, 10, self.said)
        self.assertEqual(self.still_running(pids.values()), [], "none is left")
        self.check_files()
        self.assertTrue((self.folder / LAST).exists())

    def test_rank_0_when_the_wall_time_is_over(self):
        process, pids = self.under_way("--max-wall", 3)
        self.freeze(pids[0])
        self.ends(process, pids)
        self.assertRegex(self.said, r"rank 0 has not answered for \d+ s; rank 1 waits for it")
        self.assertRegex(self.said, r"rank 0 has not answered for \d+ s and cannot stop the run: rank \d ends it")

    def test_a_rank_that_does_not_come(self):
        """Stopped before it is in MPI_Init, or in it: the others are held by a call of MPI."""
        self.write("job.toml", LONG)
        process = self.started("--max-wall", 1)
        self.freeze(self.wait_for_ranks(process, RANKS)[-1])
        named = self.listen(process, PATIENCE, "|".join(map(naming, range(RANKS))))
        code, out, err = self.end(process)
        self.assertTrue(named, self.said + err)
        self.assertEqual(code, 10, self.said + err)


if __name__ == "__main__":
    unittest.main()
