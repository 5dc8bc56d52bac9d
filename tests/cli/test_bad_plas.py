"""Wrong input of strategy plas, of the refine stage and of continuous axes (§: see test_bad_input.py)."""

import sys
import unittest

sys.dont_write_bytecode = True
from support import JOB, edit
from test_bad_input import BadInput


class PlasKeys(BadInput):
    def test_keys_of_plas_with_other_strategies(self):
        for strategy in ('"grid"', '"sample"\nmax_evaluations = 5'):
            with self.subTest(strategy):
                self.job({"search.strategy": f"strategy = {strategy}\ninitial_samples = §5\n"
                          "gaps_per_round = §1\nmoves_per_stretch = §2\nhypervolume_gain = §0.1"},
                         *[(f"search.{key}", '"plas"') for key in (
                             "initial_samples", "gaps_per_round", "moves_per_stretch", "hypervolume_gain")])

    def test_numbers_out_of_range(self):
        self.job({"search.strategy": 'strategy = "plas"\ninitial_samples = §0\ngaps_per_round = §-1\n'
                  "moves_per_stretch = §0\nhypervolume_gain = §1\nmax_evaluations = §0\nmax_seconds = §0"},
                 ("search.initial_samples", "= 0:"), ("search.gaps_per_round", "= -1:"),
                 ("search.moves_per_stretch", "= 0:"), ("search.hypervolume_gain", "= 1:", "[0, 1)"),
                 ("search.max_evaluations", "= 0:"), ("search.max_seconds", "= 0:"))

    def test_huge_numbers(self):
        huge = 9223372036854775807
        self.job({"search.strategy": f'strategy = "plas"\ninitial_samples = §{huge}\n'
                  f"gaps_per_round = §{huge}\nmoves_per_stretch = §{huge}\nmax_evaluations = §{huge}"},
                 *[(f"search.{key}", f"= {huge}:") for key in (
                     "initial_samples", "gaps_per_round", "moves_per_stretch", "max_evaluations")])

    def test_wrong_types(self):
        self.job({"search.strategy": 'strategy = "plas"\ninitial_samples = §"x"\ngaps_per_round = §1.5\n'
                  'moves_per_stretch = §true\nhypervolume_gain = §"y"\nmax_evaluations = §[5]\n'
                  "max_seconds = §nan"},
                 ("search.initial_samples", "whole"), ("search.gaps_per_round", "= 1.5:", "whole"),
                 ("search.moves_per_stretch", "= true:", "whole"), ("search.hypervolume_gain", "[0, 1)"),
                 ("search.max_evaluations", "whole"), ("search.max_seconds", "= nan:"))

    def test_typo(self):
        self.job({"search.strategy": 'strategy = "plas"\n§initial_sample = 5'},
                 ("search.initial_sample", 'did you mean "initial_samples"?'))


class RefineKeys(BadInput):
    def test_wrong_values(self):
        self.job({"refine.enabled": "enabled = §1\nmax_evaluations = §0\nhypervolume_gain = §-0.1\n"
                  "§max_evaluation = 3"},
                 ("refine.enabled", "= 1:", "true or false"), ("refine.max_evaluations", "= 0:"),
                 ("refine.hypervolume_gain", "= -0.1:", "[0, 1)"),
                 ("refine.max_evaluation", 'did you mean "max_evaluations"?'))

    def test_refine_that_is_no_table(self):
        self.refuse({"job.toml": "refine = §3\n" + edit(JOB, {"[refine]": None, "refine.enabled": None})},
                    [("refine", "table")])


class ContinuousAxes(BadInput):
    def test_backwards(self):
        self.job({"space.layers": "layers = {from = 8, to = §4}",
                  "space.widths": "widths = {from = 1024, to = §768}",
                  "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 2, to = §1}",
                  "space.experts": "experts = {from = 8, to = §1}"},
                 ("space.layers.to", "= 4:", "from"), ("space.widths.to", "= 768:", "from"),
                 ("space.expert_ffn_ratio.to", "= 1:", "from"), ("space.experts.to", "= 1:", "from"))

    def test_no_multiple_of_head_dim(self):
        self.job({"space.widths": "widths = {from = 65, to = §127}"},
                 ("space.widths.to", "= 127:", "64"))

    def test_no_whole_number(self):
        self.job({"space.layers": "layers = {from = 4.2, to = §4.8}"}, ("space.layers.to", "= 4.8:"))

    def test_zero_and_negative(self):
        self.job({"space.layers": "layers = {from = §-4, to = 8}",
                  "space.widths": "widths = {from = 64, to = §-64}",
                  "space.kv_heads": "kv_heads = {from = §-1, to = 4}",
                  "space.expert_ffn_ratio": "expert_ffn_ratio = {from = §0, to = 4}",
                  "space.experts": "experts = {from = §0, to = 4}"},
                 ("space.layers.from", "= -4:"), ("space.widths.to", "= -64:"),
                 ("space.kv_heads.from", "= -1:"), ("space.expert_ffn_ratio.from", "= 0:"),
                 ("space.experts.from", "= 0:"))

    def test_huge(self):
        self.job({"space.layers": "layers = {from = 1, to = §100000000000}",
                  "space.widths": "widths = {from = 64, to = §9000000000000000000}",
                  "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.1, to = §1e300}"},
                 ("space.layers.to", "= 100000000000:"), ("space.widths.to", "= 9000000000000000000:"),
                 ("space.expert_ffn_ratio.to", "= 1e+300:"))

    def test_more_sizes_than_an_axis_holds(self):
        self.job({"space.layers": "layers = {from = 1, to = §500000000}"},
                 ("space.layers.to", "= 500000000:", "more than"))
        self.job({"space.expert_ffn_ratio": "expert_ffn_ratio = {from = 1, to = §5000}"},
                 ("space.expert_ffn_ratio.to", "= 5000:", "more than"))

    def test_not_numbers(self):
        self.job({"space.layers": "layers = {from = §nan, to = §inf}",
                  "space.expert_ffn_ratio": 'expert_ffn_ratio = {from = §"a", to = §true}'},
                 ("space.layers.from", "= nan:"), ("space.layers.to", "= inf:"),
                 ("space.expert_ffn_ratio.from", "a"), ("space.expert_ffn_ratio.to", "= true:"))

    def test_half_and_typo(self):
        self.job({"space.layers": "layers = §{from = 4}",
                  "space.widths": "widths = §{from = 64, §too = 512}"},
                 ("space.layers.to", "missing"), ("space.widths.to", "missing"),
                 ("space.widths.too", 'did you mean "to"?'))

    def test_kinds_have_no_ends(self):
        self.job({"space.tied": "ffn = §{from = 1, to = 2}"}, ("space.ffn", "list"))


if __name__ == "__main__":
    unittest.main()
