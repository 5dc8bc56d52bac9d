"""Studies that run for some seconds, what is killed of them, and what a file under its final name must be."""

import hashlib
import os
import pathlib
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import INPUTS, JOB, PATIENCE, PROGRAM, ProgramTest, Result, edit

# A space of many pieces, and settings that keep each strategy busy for a while in every phase.
STUDY = """\
[job]
name = "study"
seed = 5
output = "result.h5"

[search]
strategy = "grid"

[refine]
max_evaluations = 300

[space]
layers = {from = 2, to = 32, step = 2}
widths = {from = 512, to = 4096, step = 64}
head_dim = 64
kv_heads = [1, 2, 4, 8, "heads"]
expert_ffn_ratio = {from = 0.25, to = 4, step = 0.125}
experts = [1, 2, 4, 8, 16, 32]
top_k = [1, 2, 4]
vocab = 32000

[law]
id = "codesign-2026"

[targets]
devices = ["jetson-agx-orin-64gb"]
precisions = ["fp16", "int8"]
workloads = ["vla"]
latency = ["prefill", "total"]
"""

STUDIES = {
    "grid": edit(STUDY, {"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.0025}"}),
    "exact": edit(STUDY, {"search.strategy": 'strategy = "exact"\ntolerance = 0.001',
                          "space.widths": "widths = {from = 512, to = 8192, step = 64}",
                          "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.005}"}),
    # Law by law, resamples of one of them.
    "laws": edit(STUDY, {"search.strategy": 'strategy = "exact"',
                         "law.id": 'id = ["codesign-2026", "routing-2022", "depth-2026"]\nresamples = 40',
                         "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 4, step = 0.01}"}),
    "sample": edit(STUDY, {"search.strategy": 'strategy = "sample"\nmax_evaluations = 1000000'}),
    "plas": edit(STUDY, {"search.strategy": 'strategy = "plas"\nmax_evaluations = 3000',
                         "refine.max_evaluations": "max_evaluations = 150"}),
}

# How a run is ended.
WAYS = ("kill one rank", "kill all", "SIGTERM", "SIGUSR1")


class StudyTest(ProgramTest):
    COMMAND = "search"

    def start(self, ranks, *arguments, program=PROGRAM, **options):
        """The command in the background, in a process group of its own; 0 ranks: without mpirun."""
        launch = (["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)] if ranks else [])
        return subprocess.Popen([*launch, str(program), self.COMMAND, "job.toml", *map(str, arguments)],
                                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, errors="replace",
                                start_new_session=True,
                                env={**os.environ, "ROOFLAW_INPUTS": str(INPUTS)}, **options)

    def end(self, process, limit=PATIENCE):
        """Exit code and what it printed; a process that does not end is a failure."""
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            self.fail(f"did not end within {limit} s\n{out}\n{err}")
        return process.returncode, out, err

    def end_of_killed(self, process):
        """As `end`. Now and then Open MPI's mpirun does not end when a rank is killed while it connects to it (it says
        PMIX ERROR: UNREACHABLE): where no rank has been there for a while it is killed itself, as by "kill all"."""
        until, alone = time.monotonic() + PATIENCE, 0
        while time.monotonic() < until:
            try:
                out, err = process.communicate(timeout=10)
                return process.returncode, out, err
            except subprocess.TimeoutExpired:
                alone = 0 if self.ranks_of(process) else alone + 1
            if alone >= 3:
                print("mpirun did not end after its ranks had: killed", file=sys.stderr)
                os.killpg(process.pid, signal.SIGKILL)
        return self.end(process, 1)

    def stop_when_there(self, name, *arguments, ranks=0, **options):
        """A run that is asked to stop as soon as this file is there; its exit code and what it said."""
        process = self.start(ranks, "--checkpoint-every", "0.05", *arguments, **options)
        while not (self.folder / name).exists() and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is None:
            os.kill(self.ranks_of(process)[0], signal.SIGTERM)
        return self.end(process)

    def stop_with(self, name, *arguments, **options):
        """Such a run, that is stopped indeed, however fast the machine is; what it said."""
        code, out, err = self.stop_when_there(name, *arguments, **options)
        self.assertEqual(code, 10, f"{out}\n{err}")
        return err

    def interrupt(self, rng, way, ranks, seconds, *arguments):
        """Starts a run and ends it somewhere in one of the WAYS; returns its exit code."""
        process = self.start(ranks, "--checkpoint-every", "0.05", *arguments)
        pids = self.wait_for_ranks(process, max(ranks, 1))
        if way.startswith("SIG"):
            self.wait_until_caught(getattr(signal, way), pids)
        time.sleep(rng.uniform(0.05, 0.6 * seconds))
        for pid in {"kill one rank": [rng.choice(pids)], "kill all": [process.pid, *pids],
                    "SIGTERM": [rng.choice([process.pid, *pids])],
                    "SIGUSR1": [rng.choice([process.pid, *pids])]}[way]:
            try:
                os.kill(pid, getattr(signal, way) if way.startswith("SIG") else signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was faster
        code, out, err = self.end(process) if way.startswith("SIG") else self.end_of_killed(process)
        self.assertEqual(self.still_running(pids), [], f"no rank is left\n{out}\n{err}")
        # A signal to a rank ends the run in order; one to mpirun is its own affair.
        if way == "SIGUSR1" or (way == "SIGTERM" and ranks == 0):
            self.assertIn(code, (0, 10), f"{out}\n{err}")
        self.check_files()
        return code

    def wait_until_caught(self, number, pids):
        """On a busy machine a process may take long to begin; before that a signal is not the program's."""
        def caught(pid):
            try:
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return True  # it has ended
            mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt")), "0")
            return int(mask, 16) >> (number - 1) & 1 == 1
        for _ in range(100 * PATIENCE):
            if all(map(caught, pids)):
                return
            time.sleep(0.01)

    def ranks_of(self, process):
        """The processes of the program that have not ended: the process itself, or mpirun's children. An mpirun that
        hangs leaves those that have for dead."""
        if "mpirun" not in process.args[0]:
            return [process.pid]
        found = []
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            state, parent = rest.split()[:2]
            if name == "rooflaw" and int(parent) == process.pid and state != "Z":
                found.append(int(stat.parent.name))
        return sorted(found)

    def still_running(self, pids):
        """Those that have not ended in the end. One that nobody has waited for has."""
        def runs(pid):
            try:
                return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
            except OSError:
                return False
        for _ in range(20 * PATIENCE):
            if not any(map(runs, pids)):
                return []
            time.sleep(0.05)
        return [pid for pid in pids if runs(pid)]

    def wait_for_ranks(self, process, number):
        for _ in range(50 * PATIENCE):
            if len(ranks := self.ranks_of(process)) == number or process.poll() is not None:
                return ranks
            time.sleep(0.02)
        self.fail(f"{number} ranks did not start")

    def check_checkpoint(self, path):
        """Is it whole? The line at its head has the SHA-256 of the rest."""
        head, _, body = path.read_bytes().partition(b"\n")
        name, version, checksum, size = head.split()
        self.assertEqual((name, version, int(size)), (b"rooflaw-checkpoint", b"2", len(body)), path)
        self.assertEqual(hashlib.sha256(body).hexdigest().encode(), checksum, f"{path} is whole")

    def check_files(self):
        """Whatever happened, what stands under a final name is whole."""
        for path in self.folder.glob("*.checkpoint*"):
            if ".tmp." not in path.name:
                self.check_checkpoint(path)
        if (self.folder / "result.h5").exists():
            Result(self.folder / "result.h5")

    def differences(self, reference):
        """From another result, but for what tells how it was started."""
        lines = reference.differences(Result(self.folder / "result.h5")).splitlines()
        return [line for line in lines if "command_line" not in line]
