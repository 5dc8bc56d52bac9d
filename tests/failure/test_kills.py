"""Runs that are killed at random moments end, resumed on another number of ranks, with the datasets of an
uninterrupted run; whatever stands under a final name is whole at any time.

ROOFLAW_TEST_KILLS is the number of kills of each test, ROOFLAW_TEST_SEED what makes them random."""

import os
import random
import subprocess
import sys
import time
import unittest

from studies import STUDIES, WAYS, Result, StudyTest

KILLS = int(os.environ.get("ROOFLAW_TEST_KILLS", "24"))
BUSY_KILLS = int(os.environ.get("ROOFLAW_TEST_KILLS", "6"))
SEED = int(os.environ.get("ROOFLAW_TEST_SEED", "20261121"))


class RandomKills(StudyTest):
    def reference(self, strategy):
        """The result of an uninterrupted run, and how long it took."""
        self.write("job.toml", STUDIES[strategy])
        start = time.monotonic()
        self.rooflaw("search", "job.toml", "-o", f"{strategy}.h5")
        seconds = time.monotonic() - start
        return Result(self.folder / f"{strategy}.h5"), seconds

    def test_many(self):
        self.kill(KILLS, SEED)

    def test_busy(self):
        """As before, with every processor kept busy by other work."""
        for _ in range(2 * os.cpu_count()):
            other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            self.addCleanup(other.wait)
            self.addCleanup(other.kill)
        # Several ranks get as many shares of a busy processor, and are through so much the sooner.
        self.kill(BUSY_KILLS, SEED + 1, hurry=3)

    def kill(self, kills, seed, hurry=1):
        rng = random.Random(seed)
        references = {strategy: self.reference(strategy) for strategy in STUDIES}
        interrupted = 0
        # Few kills are spread over strategies and ways, too.
        step = max(1, 16 // kills) | 1
        for number in range(0, step * kills, step):
            strategy = list(STUDIES)[number % len(STUDIES)]
            way = WAYS[number // len(STUDIES) % len(WAYS)]
            reference, seconds = references[strategy]
            ranks = rng.randint(0, 4)
            with self.subTest(number=number, strategy=strategy, way=way, ranks=ranks, seed=seed):
                self.write("job.toml", STUDIES[strategy])
                (self.folder / "result.h5").unlink(missing_ok=True)
                code = self.interrupt(rng, way, ranks, seconds / hurry)
                if code != 0:
                    interrupted += 1
                    if rng.random() < 0.3:
                        self.interrupt(rng, rng.choice(WAYS), rng.randint(0, 4), seconds / 2 / hurry, "--resume")
                    others = [n for n in range(5) if n != ranks]
                    code, out, err = self.end(self.start(rng.choice(others), "--resume"))
                    self.assertEqual(code, 0, f"{out}\n{err}")
                self.assertEqual(self.differences(reference), [])
                self.assertEqual([f for f in self.files() if "result" in f], ["result.h5"],
                                 "neither checkpoint nor temporary file is left")
        self.assertGreater(interrupted, kills // 2, "most runs were interrupted before their end")


if __name__ == "__main__":
    unittest.main()
