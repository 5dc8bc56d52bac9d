"""What the tests of builds and installed trees share: where things are, running commands."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("ROOFLAW_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
PROGRAM = pathlib.Path(os.environ.get("ROOFLAW", SOURCE / "build/release/rooflaw"))
BUILD = PROGRAM.parent
STRANGER = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups"]


def environment(**more):
    """That of a user who has set nothing."""
    mine = {key: value for key, value in os.environ.items()
            if not key.startswith(("ROOFLAW", "CMAKE", "GIT_")) and key != "LOADEDMODULES"}
    return {**mine, **more}


class TreeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="rooflaw-install-"))
        cls.folder.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def run_here(self, *command, expect=0, cwd=None, **more):
        """What it printed, errors among it."""
        done = subprocess.run(list(map(str, command)), cwd=cwd or self.folder, env=environment(**more),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, expect, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}")
        return done.stdout
