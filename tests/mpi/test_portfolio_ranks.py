"""A portfolio is the same on any number of ranks, byte for byte."""

import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import SOURCE, ProgramTest, Result, edit
from test_ranks import MANY_PIECES

# Two laws, both FFNs, both attentions, ties between points; 20 targets, some of which nothing serves.
MANY_TARGETS = edit(MANY_PIECES, {"search.strategy": 'strategy = "exact"',
                                  "targets.workloads": 'workloads = ["vla", "silo"]',
                                  "law.id": 'id = ["codesign-2026", "routing-2022"]'}) + """
[portfolio]
k = {from = 1, to = 5}
objective = "worst"
budgets = {prefill = "20ms", tpot = "1ms", total = "1s"}
"""


class SamePortfolio(ProgramTest):
    def everywhere(self, job):
        """The plain process and 1 to 4 ranks, each in a folder of its own."""
        results = {}
        for ranks in range(5):
            folder = self.folder / f"ranks{ranks}"
            folder.mkdir()
            (folder / "job.toml").write_text(job)
            arguments = ("portfolio", "job.toml", "-o", "result.h5")
            if ranks == 0:
                self.rooflaw(*arguments, folder=folder)
            else:
                self.mpirun(ranks, *arguments, folder=folder)
            self.assertEqual(sorted(p.name for p in folder.iterdir()), ["job.toml", "result.h5"])
            results[ranks] = Result(folder / "result.h5")
            self.assertEqual(results[0].differences(results[ranks]), "", f"{ranks} ranks")
            self.assertEqual(results[ranks].attribute("/runtime", "ranks"), max(ranks, 1))
        return results[0]

    def test_portfolio_edge(self):
        result = self.everywhere((SOURCE / "jobs/portfolio_edge.toml").read_text())
        certified = result.column("/portfolio/laws/codesign-2026/choices/certified")
        self.assertEqual(certified.tolist(), [1, 1, 1, 1])

    def test_laws_ties_and_what_nothing_serves(self):
        result = self.everywhere(MANY_TARGETS)
        for law in ("codesign-2026", "routing-2022"):
            feasible = result.column(f"/portfolio/laws/{law}/targets/feasible")
            self.assertEqual(set(feasible.tolist()), {0, 1})
            self.assertGreater(len(result.column(f"/portfolio/laws/{law}/runs/k")), 10)
        self.assertEqual(len(result.column("/portfolio/robust/k")), 5)


if __name__ == "__main__":
    unittest.main()
