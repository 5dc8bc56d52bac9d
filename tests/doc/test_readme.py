"""Every command of README.md and the reader of results/README.md run as they stand.

```sh blocks are run line by line in a copy of the repository's data folders, in order; ```python blocks
of results/README.md after them, on the files they left. ```console blocks need a fresh machine or a
cluster: jobs/run.sh and tests/run.sh are run by tests/run.sh itself.
"""

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

import h5py

SOURCE = Path(os.environ["ROOFLAW_SOURCE"])
PROGRAM = Path(os.environ["ROOFLAW"])


def blocks(file, language):
    text = (SOURCE / file).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.tree = Path(cls.folder.name)
        for name in ("jobs", "inputs", "tests/unit/io/configs"):
            shutil.copytree(SOURCE / name, cls.tree / name)
        (cls.tree / "results").mkdir()
        for reader in (SOURCE / "results").glob("*.py"):
            shutil.copy(reader, cls.tree / "results")
        path = f"{PROGRAM.parent}:/usr/bin:{os.environ['PATH']}"
        cls.environment = {**os.environ, "PATH": path}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_here(self, command):
        done = subprocess.run(command, cwd=self.tree, env=self.environment, capture_output=True,
                              text=True, shell=isinstance(command, str), executable="/bin/bash"
                              if isinstance(command, str) else None)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr}")
        return done.stdout

    def test_1_commands(self):
        commands = [line for block in blocks("README.md", "sh") for line in block.splitlines()]
        self.assertGreater(len(commands), 6)
        for command in commands:
            with self.subTest(command):
                self.run_here(command)
        for file in ("quick.h5", "small.h5", "both.h5", "quick.png", "compare.png", "paper_orin.h5", "csv/targets.csv"):
            self.assertTrue((self.tree / "results" / file).exists(), file)

    def test_2_reader(self):
        reader, module = blocks("results/README.md", "python")
        self.assertLessEqual(len([l for l in reader.splitlines() if l.strip()]), 10)
        printed = self.run_here([sys.executable, "-c", reader]).splitlines()
        # A line for every target of quick.toml for the whole answer, with what the frontier's own columns say.
        targets = tomllib.loads((SOURCE / "jobs/quick.toml").read_text())["targets"]
        expected = {".".join(parts) for parts in itertools.product(
            *(targets[key] for key in ("devices", "precisions", "workloads", "latency")))}
        with h5py.File(self.tree / "results/quick.h5") as file:
            self.assertEqual(list(file["frontiers"]), ["codesign-2026"])
            frontiers = file["frontiers/codesign-2026"]
            self.assertEqual(set(frontiers), expected)
            self.assertEqual({line.split()[0] for line in printed},
                             {target for target in expected if target.endswith(".total")})
            for line in printed:
                target = line.split()[0]
                columns = {name: frontiers[target][name][:] for name in
                           ("latency_s", "loss", "layers", "width", "experts")}
                self.assertEqual(frontiers[target].attrs["certified"], 1)
                self.assertIn(f"{target} {len(columns['loss'])} points;", line)
                within = columns["latency_s"] <= 0.1
                if not within.any():
                    self.assertTrue(line.endswith("[]"), line)
                    continue
                best = columns["loss"][within].argmin()
                (record,) = ast.literal_eval(line[line.index("["):])
                self.assertEqual(record, {name: columns[name][within][best].item() for name in
                                          ("loss", "layers", "width", "experts")})

        told = self.run_here([sys.executable, "-c", module])
        for target in expected:
            self.assertEqual(f"{target} " in told, target.endswith(".total"), target)
        self.assertTrue((self.tree / "results/quick.svg").exists())

    def test_3_printed_result_is_current(self):
        """The table of winners in README.md is what the program prints."""
        self.run_here("rooflaw search jobs/quick.toml")
        printed = self.run_here("COLUMNS=80 rooflaw best results/quick.h5 --budget total=100ms")
        readme = (SOURCE / "README.md").read_text()
        excerpt = re.search(r"^    What to build.*?(?=^\S)", readme, re.MULTILINE | re.DOTALL).group(0)
        self.assertEqual([line[4:] for line in excerpt.rstrip().splitlines()], printed.splitlines())

    def test_4_plot_without_its_libraries(self):
        for arguments, code, message in ((["a.h5", "b.png"], 1, f"{sys.executable} has no h5py"),
                                         (["a.h5"], 2, "RESULT.h5 OUT.png")):
            done = subprocess.run([sys.executable, "-I", "-S", SOURCE / "results/plot_frontier.py", *arguments],
                                  capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (code, code), done.stderr)
            self.assertIn(message, done.stderr)

    def test_5_files_it_names_exist(self):
        for file in ("README.md", "results/README.md", "jobs/README.md", "slurm/README.md", "inputs/README.md",
                     "inputs/TRUST.md", "jobs/TUTORIAL.md", "include/rooflaw/model/METHOD.md",
                     "include/rooflaw/model/README.md"):
            for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", (SOURCE / file).read_text()):
                self.assertTrue((SOURCE / Path(file).parent / link).exists(), f"{file}: {link}")


if __name__ == "__main__":
    unittest.main()
