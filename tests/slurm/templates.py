"""What the tests of the templates share: a Slurm, submitting, studies."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from cluster import SlurmCluster
from support import INPUTS, JOB, PROGRAM, SOURCE, ProgramTest, Result, edit

# Two ranks: on two nodes, or on one, where mpirun needs no way to the other.
TWO_NODES = ("--nodes=2", "--ntasks-per-node=1")
ONE_NODE = ("--nodes=1", "--ntasks-per-node=2")

# No frontier is empty, and there are pieces enough for two ranks.
STUDY = edit(JOB, {"space.layers": "layers = {from = 2, to = 40, step = 1}",
                   "space.widths": "widths = {from = 512, to = 3072, step = 128}",
                   "targets.latency": 'latency = ["prefill", "total"]'})


def grid(layers):
    """Every point of a large space: to 64 layers some 5 s on two ranks, and as many times longer as there
    are more. `exact` finds the same frontiers at once."""
    return edit(JOB, {"space.layers": f"layers = {{from = 1, to = {layers}, step = 1}}",
                      "space.widths": "widths = {from = 256, to = 4096, step = 64}",
                      "space.kv_heads": 'kv_heads = [1, 2, 4, 8, 16, 32, 64, "heads"]',
                      "space.expert_ffn_ratio":
                          "expert_ffn_ratio = {from = 0.0078125, to = 8, step = 0.0078125}",
                      "space.experts": f"experts = {[1, 2, 3, 4, *range(6, 129, 6)]}",
                      "space.top_k": "top_k = [1, 2, 3, 4, 5, 6]",
                      "targets.devices": 'devices = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb"]',
                      "targets.latency": 'latency = ["tpot", "total"]'})


cluster = SlurmCluster()


def setUpModule():
    unittest.enterModuleContext(cluster)


class SlurmTest(ProgramTest):
    def setUp(self):
        super().setUp()
        # What a failed test leaves behind would take the processors from the next.
        self.addCleanup(lambda: cluster.run("scancel", f"--user={cluster.user}"))

    def submit(self, template, *arguments, options=TWO_NODES, environment={}):
        return cluster.sbatch(SOURCE / "slurm" / template, *arguments, options=options, folder=self.folder,
                              environment=self.settings(environment))

    def settings(self, more):
        return {"ROOFLAW": PROGRAM, "ROOFLAW_INPUTS": str(INPUTS), **more}

    def assert_ended(self, job, state, exit_code, seconds=120):
        ended = cluster.wait(job, seconds)
        self.assertEqual(ended, (state, exit_code), cluster.story(job))
        return cluster.log(job)

    def setup_file(self):
        """What a job without the environment of its submission sources: here the test's own Slurm, and root."""
        names = ("SLURM_CONF", "TMPDIR", "OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                 "OMPI_MCA_btl_vader_backing_directory")
        lines = [f"export {name}='{cluster.environment[name]}'\n" for name in names]
        return self.write("setup", "".join(lines) + f"export ROOFLAW_INPUTS='{INPUTS}'\n: $no_such_variable\n")

    def assert_same_datasets(self, path, other):
        """Root attributes differ: they tell the job, which says how, or on what it was asked for."""
        differences = Result(self.folder / path).differences(Result(self.folder / other)).splitlines()
        self.assertEqual([d for d in differences if not d.startswith("attribute ('/',")], [])
