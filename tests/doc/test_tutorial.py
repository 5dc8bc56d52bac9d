"""The commands of jobs/TUTORIAL.md print what it says, and its answer is that of its facts: another bandwidth of the
board, another decision."""

import json
import re
import tomllib
import unittest

from pages import SOURCE, PageTest, squeezed

PAGE = "jobs/TUTORIAL.md"
HERON, NANO = "heron.llama.cpp-vulkan", "jetson-orin-nano-super-8gb"


class Tutorial(PageTest):
    def decision(self, printed):
        return re.search(r"the cheapest board that is good enough: (\S+)", printed)[1]

    def halve_bandwidth(self):
        board = self.tree / "jobs/tutorial/heron.toml"
        self.assertIn("51.2e9", board.read_text())
        board.write_text(board.read_text().replace("51.2e9", "25.6e9"))

    def test_as_it_stands(self):
        printed = self.run_page(PAGE)
        self.assertEqual(self.decision(printed), HERON)
        # The architecture of the decision is that of the table.
        text = squeezed((SOURCE / PAGE).read_text())
        layers, width, ffn = re.search(r"one model: (\d+) layers, width (\d+), 16 experts of (\d+) of which", text).groups()
        self.assertIn(f"500 ms  {layers}x{width} kv4 ffn{ffn} 1/16   3.1761", printed)
        winner = tomllib.loads((SOURCE / "jobs/tutorial/winner.toml").read_text())["architecture"]
        self.assertEqual([winner[key] for key in ("layers", "width", "expert_ffn")], [int(layers), int(width), int(ffn)])

    def test_another_bandwidth_another_decision(self):
        self.halve_bandwidth()
        printed = self.run_page(PAGE, excerpts=False)
        self.assertEqual(self.decision(printed), NANO)
        self.assertRegex(printed, rf"{HERON} +6 +3 +38\.", "speeds above the memory's do not fit")

    def test_and_with_speeds_that_go_with_it(self):
        self.halve_bandwidth()
        bench = self.tree / "jobs/tutorial/bench.json"
        speeds = json.loads(bench.read_text())
        for speed in speeds:
            speed["avg_ts"] *= 0.5 if speed["n_gen"] else 1
        bench.write_text(json.dumps(speeds))
        self.assertEqual(self.decision(self.run_page(PAGE, excerpts=False)), NANO)


if __name__ == "__main__":
    unittest.main()
