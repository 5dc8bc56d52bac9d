"""Ranks on unlike processors, and a resume on another one, give the datasets of a plain run byte for byte.
Processors are emulated: the C library is kept from some of what this one has, and takes other code."""

import pathlib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "failure"))
from studies import PROGRAM, STUDIES, STUDY, Result, StudyTest, edit

# What the emulated processors lack, as glibc.cpu.hwcaps names it; glibc before 2.33 adds _Usable, and a name
# that is not known is passed over. Without FMA or AVX2 pow, exp and log are other code, without AVX too sin,
# cos, tan and atan, without SSE4.1 floor, ceil and rint.
LACKS = {
    "this one": [],
    "no FMA": ["FMA", "FMA4"],
    "no AVX2": ["AVX2"],
    "no AVX": ["AVX", "AVX2", "AVX512F", "FMA", "FMA4"],
    "no SSE4.1": ["SSE4_1", "SSE4_2", "AVX", "AVX2", "AVX512F", "FMA", "FMA4", "BMI1", "BMI2", "ERMS"],
}
OTHERS = [name for name in LACKS if name != "this one"]

# Many points on frontiers that a last bit could reorder, refined; more powers than in a study: two workloads.
EXACT = edit(STUDY, {"search.strategy": 'strategy = "exact"',
                     "targets.workloads": 'workloads = ["vla", "silo"]',
                     "targets.latency": 'latency = ["prefill", "tpot", "total"]',
                     "refine.max_evaluations": "max_evaluations = 150"})
PLAS = edit(STUDY, {"search.strategy": 'strategy = "plas"\nmax_evaluations = 1500',
                    "refine.max_evaluations": "max_evaluations = 150"})

POWERS = """\
import math, struct, hashlib
powers = [math.pow(1 + i / 997, 0.37 + i / 100003) for i in range(20000)]
print(hashlib.sha256(struct.pack("20000d", *powers)).hexdigest())
"""


def on(processor, command):
    """The command on a processor."""
    tunables = ",".join(f"-{name},-{name}_Usable" for name in LACKS[processor])
    return ["env", f"GLIBC_TUNABLES=glibc.cpu.hwcaps={tunables}", *command]


class UnlikeProcessors(StudyTest):
    def launch(self, processors, *arguments):
        """A command line with a rank on each of these processors; one alone runs without mpirun."""
        command = [PROGRAM, "search", "job.toml", "-o", "result.h5", *arguments]
        if len(processors) == 1:
            return on(processors[0], command)
        line = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
        for processor in processors:
            line += ["-n", "1", *on(processor, command), ":"]
        return line[:-1]

    def plain_run(self, job):
        self.write("job.toml", job)
        self.run_command(self.launch(["this one"]))
        plain = Result((self.folder / "result.h5").rename(self.folder / "plain.h5"))
        self.assertTrue([g for g in plain.groups if g.startswith("/refined/")], "it refines")
        self.assertTrue([d for d in plain.datasets if "theory" in d], "it has closed forms")
        self.assertGreater(sum(len(plain.frontier(t)["loss"]) for t in plain.targets()), 200)
        return plain

    def check_same(self, plain):
        """The result, which is then gone, has the datasets of the plain run."""
        if differences := self.differences(plain):
            self.fail(f"{len(differences)} lines of differences: {differences[0][:300]}")
        (self.folder / "result.h5").unlink()

    def check_everywhere(self, job):
        plain = self.plain_run(job)
        for processors in [*([other] for other in OTHERS), *(["this one", other] for other in OTHERS),
                           OTHERS, ["no FMA", "this one", "this one"]]:
            with self.subTest(processors=processors):
                self.run_command(self.launch(processors))
                self.check_same(plain)

    def test_exact(self):
        self.check_everywhere(EXACT)

    def test_plas(self):
        self.check_everywhere(PLAS)

    def test_resume_on_another_processor(self):
        """Stopped a few times, each time on another processor, and ended on several."""
        for strategy in ("exact", "plas"):
            with self.subTest(strategy=strategy):
                plain = self.plain_run(STUDIES[strategy])
                stops, seconds = 0, 0.06
                for processor in ("this one", "no FMA", "no AVX"):
                    run = self.run_command(self.launch([processor], "--max-wall", f"{seconds:.2f}",
                                                       *["--resume"] * bool(stops)), expect=None)
                    self.assertIn(run.code, (0, 10), str(run))
                    if run.code == 0:
                        break
                    stops, seconds = stops + 1, 2 * seconds
                else:
                    self.run_command(self.launch(["no AVX2", "this one", "no FMA"], "--resume"))
                self.assertGreaterEqual(stops, 2, "it was stopped")
                self.check_same(plain)

    def test_the_emulation_is_one(self):
        """The C library does take other code: there are powers that come out otherwise."""
        if "fma" not in pathlib.Path("/proc/cpuinfo").read_text().split():
            self.skipTest("this processor has one kind of pow")
        digest = {name: subprocess.run(on(name, [sys.executable, "-c", POWERS]), check=True,
                                       capture_output=True).stdout for name in LACKS}
        for name in OTHERS:
            self.assertNotEqual(digest[name], digest["this one"], name)


if __name__ == "__main__":
    unittest.main()
