"""The frozen jobs are sound, and take nothing from inputs/ but the models a summary compares with."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["ROOFLAW_SOURCE"])
PROGRAM = Path(os.environ["ROOFLAW"])
JOBS = SOURCE / "tests/bench/jobs"


class Jobs(unittest.TestCase):
    def test_dry_run_without_inputs(self):
        files = sorted(f for f in JOBS.glob("*.toml") if f.name != "law.toml")
        self.assertGreater(len(files), 10)
        with tempfile.TemporaryDirectory() as inputs:
            shutil.copy(SOURCE / "inputs/models.toml", inputs)
            for file in files:
                with self.subTest(file.name):
                    done = subprocess.run([PROGRAM, "search", file, "--dry-run", "-o", "x.h5"],
                                          cwd=inputs, env={**os.environ, "ROOFLAW_INPUTS": inputs},
                                          capture_output=True, text=True)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    name = "bench-" + file.stem.replace("_", "-")
                    self.assertRegex(done.stdout, rf"^job {name}: .* \d+ targets\n")


if __name__ == "__main__":
    unittest.main()
