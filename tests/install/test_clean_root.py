"""slurm/Dockerfile, step by step, in a Debian that debootstrap makes: it builds with the build packages and no
others, runs from / as another user when the tree is gone, and the example project builds on it.

By hand, with ROOFLAW_CLEAN_ROOT=1, as root and with a network: it downloads a system and builds everything.
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
from dockerfile import instructions

SOURCE = pathlib.Path(os.environ.get("ROOFLAW_SOURCE", pathlib.Path(__file__).resolve().parents[2]))


def obstacle():
    if not os.environ.get("ROOFLAW_CLEAN_ROOT"):
        return "takes long: ROOFLAW_CLEAN_ROOT=1 runs it"
    if os.getuid() != 0:
        return "needs root, to change it"
    return None if shutil.which("debootstrap") else "needs debootstrap"


@unittest.skipIf(obstacle(), obstacle())
class CleanRoot(unittest.TestCase):
    def test_dockerfile_and_what_follows(self):
        folder = tempfile.mkdtemp(prefix="rooflaw-root-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.root, self.environment = pathlib.Path(folder), {}
        self.root.chmod(0o755)  # for another user
        for keyword, arguments in instructions((SOURCE / "slurm/Dockerfile").read_text()):
            print(keyword, arguments, flush=True)
            {"FROM": self.begin, "COPY": self.copy, "RUN": self.in_root, "ENV": self.env,
             "ENTRYPOINT": self.entrypoint}[keyword](arguments)

        self.assertNotIn("libgtest-dev", self.in_root("dpkg-query -W -f '${Package}\\n'"))
        self.in_root("cp -r /src/tests/install/example /var/tmp/example && chmod -R a+rX /var/tmp/example && rm -rf /src")
        user = "setpriv --reuid=12345 --regid=12345 --clear-groups env -u ROOFLAW_INPUTS HOME=/var/tmp"
        self.assertIn("rooflaw 0.1.0 (source-", self.in_root(f"{user} rooflaw --version"))
        self.in_root(f"{user} rooflaw search /usr/local/share/rooflaw/jobs/quick.toml -o /var/tmp/quick.h5")
        self.in_root(f"{user} mpirun --oversubscribe -n 2 rooflaw search /usr/local/share/rooflaw/jobs/quick.toml "
                  "-o /var/tmp/two.h5")
        self.in_root(f"{user} sh -ec 'cd /var/tmp; cmake -S example -B example-build -G Ninja; ninja -C example-build'")
        loss, seconds = self.in_root(f"{user} /var/tmp/example-build/by_id qwen3-0.6b rk3588 w4a16 vla").split()
        told = self.in_root("rooflaw evaluate --model qwen3-0.6b --device rk3588 --precision w4a16 --workload vla")
        self.assertIn(f"{float(loss):.6f}", told)
        self.assertGreater(float(seconds), 0)

    def begin(self, image):
        self.assertEqual(image, "debian:bookworm-slim")
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", self.root], check=True,
                       stdout=subprocess.DEVNULL)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")

    def copy(self, arguments):
        what, where = shlex.split(arguments)
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", what], cwd=SOURCE, check=True,
                               capture_output=True, text=True).stdout.splitlines()
        for name in names:
            to = self.root / where.lstrip("/") / ("" if what == name else name)
            to.parent.mkdir(parents=True, exist_ok=True)
            if (SOURCE / name).is_file():
                shutil.copy2(SOURCE / name, to)

    def in_root(self, command):
        """In the root, in namespaces of its own: nothing stays mounted, nothing keeps running."""
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **self.environment}
        done = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc",
                               "chroot", self.root, "/bin/sh", "-c", f"cd / && {command}"], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        return done.stdout

    def env(self, arguments):
        self.environment.update(word.split("=", 1) for word in shlex.split(arguments))

    def entrypoint(self, arguments):
        self.assertEqual(arguments, '["rooflaw"]')


if __name__ == "__main__":
    unittest.main()
