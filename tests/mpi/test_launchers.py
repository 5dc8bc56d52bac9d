"""A launcher that started N processes while MPI sees one: refused with exit code 5 and the cure, instead of N
whole runs over one output."""

import os
import pathlib
import shutil
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import JOB, PROGRAM, ProgramTest

STEP = {"SLURM_STEP_ID": "0"}
INTERACTIVE_STEP = {"SLURM_STEP_ID": str(0xfffffffa)}

# What a launcher that this MPI does not know leaves in the environment.
FOREIGN = (
    {"PMI_SIZE": "3", "PMI_RANK": "0"},
    {"PMI_SIZE": "3"},
    {"PMI_SIZE": "+3"},
    {"PMI_SIZE": "0x3"},
    {"PMI_SIZE": "99999999999999999999"},
    {"MPI_LOCALNRANKS": "2", "MPI_LOCALRANKID": "1"},
    {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"},
    {"PALS_LOCAL_SIZE": "4", "PALS_RANKID": "0"},
    {"PALS_RANKID": "1"},
    {**STEP, "SLURM_NTASKS": "2"},
    {**STEP, "SLURM_STEP_NUM_TASKS": "2"},
)
ONE = (
    {"PMI_SIZE": "1", "PMI_RANK": "0"},
    {"MPI_LOCALNRANKS": "1"},
    {"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"},
    {"PALS_RANKID": "0", "PALS_LOCAL_SIZE": "1"},
    {"PALS_APID": "7"},
    {"SLURM_NTASKS": "16", "SLURM_JOB_ID": "7"},  # a batch script, or salloc's shell
    {**INTERACTIVE_STEP, "SLURM_NTASKS": "16"},
    {**STEP, "SLURM_NTASKS": "1", "SLURM_STEP_NUM_TASKS": "1"},
    {"PMI_SIZE": "many"},
)


class Launchers(ProgramTest):
    def launched(self, environment, *arguments, expect):
        settings = [f"{name}={value}" for name, value in environment.items()]
        ours = [name for name in os.environ if name.startswith(("SLURM_", "PMI", "PALS_", "OMPI_COMM_"))]
        unset = [word for name in ours for word in ("-u", name)]
        return self.run_command(["env", *unset, *settings, PROGRAM, *arguments], expect)

    def test_a_search_is_refused(self):
        self.write("job.toml", JOB)
        for environment in FOREIGN:
            with self.subTest(environment=environment):
                run = self.launched(environment, "search", "job.toml", expect=5)
                self.assertRegex(run.err, r"several processes were started \((\w+ = [+\w]+)\).*mpirun.*MPI")
                self.assertIn("srun --mpi=pmix", run.err)
                self.assertEqual(self.files(), ["job.toml"])

    def test_other_commands_that_write_are_refused(self):
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml")
        for command in (["merge", "result.h5", "result.h5", "-o", "both.h5"], ["export", "result.h5", "-o", "csv"]):
            for environment in FOREIGN:
                with self.subTest(command=command[0], environment=environment):
                    run = self.launched(environment, *command, expect=5)
                    self.assertIn(f"start rooflaw {command[0]} once", run.err)
            run = self.mpirun(2, *command, expect=5)
            self.assertIn(f"start rooflaw {command[0]} once", run.err)
        self.assertEqual(self.files(), ["job.toml", "result.h5"])

    def test_commands_that_only_read_are_not(self):
        self.launched(FOREIGN[0], "list", "devices", expect=0)

    def test_one_process_is_not(self):
        self.write("job.toml", JOB)
        for environment in ONE:
            with self.subTest(environment=environment):
                self.launched(environment, "search", "job.toml", expect=0)
                (self.folder / "result.h5").unlink()

    def test_mpiexec_of_mpich(self):
        if not (mpiexec := shutil.which("mpiexec.hydra")):
            self.skipTest("Debian's package mpich is not installed")
        self.write("job.toml", JOB)
        for command in (["search", "job.toml"], ["merge", "a.h5", "b.h5", "-o", "result.h5"]):
            with self.subTest(command=command[0]):
                run = self.run_command(["timeout", 60, mpiexec, "-n", 3, PROGRAM, *command], 5)
                self.assertIn("several processes were started (PMI_SIZE = 3)", run.err)
                self.assertEqual(self.files(), ["job.toml"])
        self.run_command([mpiexec, "-n", 1, PROGRAM, "search", "job.toml"])


if __name__ == "__main__":
    unittest.main()
