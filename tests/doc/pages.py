"""Documents whose commands are run as they stand, in a copy of the repository's data folders, and whose excerpts of
output are what those commands print."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE = Path(os.environ["ROOFLAW_SOURCE"])
PROGRAM = Path(os.environ["ROOFLAW"])


def blocks(file):
    """(language, text) of the fenced blocks of a document, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", (SOURCE / file).read_text(), re.MULTILINE | re.DOTALL)


def squeezed(text):
    return " ".join(text.split())


class PageTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        for name in ("jobs", "inputs"):
            shutil.copytree(SOURCE / name, self.tree / name)
        (self.tree / "results").mkdir()
        for reader in (SOURCE / "results").glob("*.py"):
            shutil.copy(reader, self.tree / "results")

    def run_here(self, command):
        """What a line of a shell, or a command as a list, prints."""
        shell = isinstance(command, str)
        environment = {**os.environ, "PATH": f"{PROGRAM.parent}:/usr/bin:{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=self.tree, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, shell=shell, executable="/bin/bash" if shell else None)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr}")
        return done.stdout + done.stderr

    def run_page(self, file, excerpts=True):
        """Runs the blocks sh and python in order; every line of a block text must be in what the
        commands before it printed, from the block text before these on. Returns all that was printed."""
        everything, printed, commands, quoted = "", "", 0, False
        for language, text in blocks(file):
            if language in ("sh", "python"):
                if quoted:
                    everything, printed, quoted = everything + printed, "", False
                lines = text.replace("\\\n", " ").splitlines() if language == "sh" else [[sys.executable, "-B", "-c", text]]
                for command in lines:
                    commands += 1
                    printed += self.run_here(command)
            elif language == "text":
                quoted = True
                for line in text.splitlines() if excerpts else []:
                    if squeezed(line) not in squeezed(printed):
                        self.fail(f"{file}: no command printed {line}\nbut {printed[-3000:]}")
        self.assertGreater(commands, 0, f"{file} has no command")
        return everything + printed
