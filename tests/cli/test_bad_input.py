"""Inputs that are wrong: exit code, one line per fault with its place, hints, and nothing left behind.

In the texts below a § stands before the place that a fault must name; one § per expected fault, in the
order in which they must be printed (by file, line and column)."""

import re
import sys
import unittest

sys.dont_write_bytecode = True
from support import CASE, JOB, ProgramTest, edit, to_toml

FAULT = re.compile(r"(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): (?P<key>[^ ]+|TOML syntax)"
                   r"(?: = (?P<value>.*?))?: (?P<rule>\S.*)")


def places(files):
    """(file, line, column) of every § in texts by file name."""
    found = []
    for name in sorted(files):
        if isinstance(files[name], bytes):
            continue
        for number, line in enumerate(files[name].split("\n"), 1):
            column = 1
            for character in line:
                if character == "§":
                    found.append((name, number, column))
                else:
                    column += 1
    return found


class BadInput(ProgramTest):
    def refuse(self, files, faults, command=("search", "job.toml"), code=2):
        """Runs the command on the files (texts with §); it must end with `code` and print `faults`, each
        (key, words that its line must contain...)."""
        marked = places(files)
        self.assertEqual(len(marked), len(faults), "the test marks a place for every fault")
        for name, text in files.items():
            self.write(name, text.replace("§", "") if isinstance(text, str) else text)
        before = self.files()
        run = self.rooflaw(*command, expect=code)
        self.assertEqual(run.out, "", f"a refused input prints nothing on stdout{run}")
        self.assertEqual(self.files(), before, f"a refused input leaves no file{run}")
        lines = run.err.splitlines()
        self.assertEqual(len(lines), len(faults), f"one line per fault{run}")
        for line, (file, number, column), (key, *words) in zip(lines, marked, faults):
            match = FAULT.fullmatch(line)
            self.assertTrue(match, f"the form FILE:LINE:COL: table.key = value: rule{run}")
            self.assertEqual((match["file"], int(match["line"]), int(match["column"]), match["key"]),
                             (file, number, column, key), f"place and key of the fault{run}")
            for word in words:
                self.assertIn(word, line, str(run))
        return run

    def job(self, changes, *faults, **options):
        return self.refuse({"job.toml": edit(JOB, changes)}, faults, **options)

    def case(self, changes, *faults, **options):
        return self.refuse({"case.toml": edit(CASE, changes)}, faults,
                           command=("evaluate", "case.toml", "--json"), **options)


class JobKeys(BadInput):
    def test_typo_in_a_key(self):
        self.job({"space.widths": "§widht = [768]", "[space]": "§[space]"},
                 ("space.widths", "missing"),
                 ("space.widht", 'did you mean "widths"?'))

    def test_typo_in_a_nested_key(self):
        self.job({"space.layers": "layers = {from = 4, to = 8, step = 4, §stpe = 4}"},
                 ("space.layers.stpe", 'did you mean "step"?'))

    def test_typo_in_an_engine_key(self):
        self.job({"engine.causal": "§lm-head = true"},
                 ("engine.lm-head", 'did you mean "lm_head"?'))

    def test_unknown_table(self):
        self.job({"[search]": "[§serach]"}, ("serach", 'did you mean "search"?'))

    def test_key_unlike_any_other(self):
        run = self.job({"job.seed": "§zzzzzzzzzzzz = 1"}, ("job.zzzzzzzzzzzz", "unknown key"))
        self.assertNotIn("did you mean", run.err, str(run))

    def test_missing_tables(self):
        self.refuse({"job.toml": '§§§§[job]\nname = "a"\n'},
                    [("job.output", "missing"), ("space", "missing"), ("law", "missing"),
                     ("targets", "missing")])

    def test_ids_that_result_files_cannot_hold(self):
        chip = 'bandwidth = 1e11, memory_bytes = 1e10, peak_flops = {fp16 = 1e13}'
        self.job({"targets.devices": f'devices = [{{id = §"..", {chip}}}]'},
                 ("targets.devices.id", "not be"))
        names = ['{id = "%s", %s}' % (name, chip) for name in ("a", "a.b")]
        bytes_ = ("weight_bytes = 2, activation_bytes = 2, kv_bytes = 2, matmul = 'fp16', "
                  "attention = 'fp16'")
        formats = ['{id = "%s", %s}' % (name, bytes_) for name in ("c", "b.c")]
        self.job({"targets.devices": f"devices = §[{', '.join(names)}]",
                  "targets.precisions": f"precisions = [{', '.join(formats)}]"},
                 ("targets.devices", "a.b.c.vla.total"))

    def test_empty_file(self):
        self.refuse({"job.toml": "§§§§"}, [("job", "missing"), ("space", "missing"),
                                           ("law", "missing"), ("targets", "missing")])

    def test_tables_that_are_none(self):
        self.refuse({"job.toml": "job = §3\nspace = §[1]\nsearch = §true\nlaw = §'x'\ntargets = §1.5\n"},
                    [(key, "table") for key in ("job", "space", "search", "law", "targets")])

    def test_missing_keys(self):
        self.job({"[space]": "§§[space]", "space.vocab": None, "space.head_dim": None,
                  "[targets]": "§[targets]", "targets.latency": None},
                 ("space.head_dim", "missing"), ("space.vocab", "missing"),
                 ("targets.latency", "missing"))

    def test_key_with_a_line_break(self):
        self.job({"job.seed": r'§"a\nb" = 1'}, (r"job.a\nb", "unknown key"))

    def test_value_with_line_breaks(self):
        long_list = ", ".join(map(str, range(1, 60)))
        self.job({"job.seed": 'seed = §"""1\n2"""', "space.vocab": f"vocab = §[{long_list}]"},
                 ("job.seed", "whole number"), ("space.vocab", "whole number"))

    def test_faults_of_a_file_come_together(self):
        self.job({"job.seed": "seed = §-1",
                  "space.layers": "layers = [4, §0]",
                  "space.experts": "§expert = [1]\nexperts = [1, 8]",
                  "targets.latency": 'latency = ["total"]\nmax_total_s = §0.0'},
                 ("job.seed", "= -1:"), ("space.layers", "= 0:"),
                 ("space.expert", 'did you mean "experts"?'), ("targets.max_total_s", "= 0.0:"))

    def test_a_fault_is_told_once(self):
        # The memory is unknown with either workload, the arithmetic is missing with either.
        self.job({"targets.devices": 'devices = §["black-sesame-a1000"]',
                  "targets.precisions": 'precisions = §["int8", "fp8"]',
                  "targets.workloads": 'workloads = ["vla", "siso"]'},
                 ("targets.devices", "black-sesame-a1000", "memory", '"none"'),
                 ("targets.precisions", "black-sesame-a1000", "fp8"))


class JobAxes(BadInput):
    def test_width_that_no_combination_can_use(self):
        self.job({"space.widths": "widths = [768, §100]"}, ("space.widths", "= 100:", "head_dim"))

    def test_width_without_a_dividing_kv_head_count(self):
        self.job({"space.widths": "widths = [768, §832]", "space.kv_heads": "kv_heads = [4]"},
                 ("space.widths", "= 832:", "kv_heads"))

    def test_kv_heads_that_divide_nothing(self):
        self.job({"space.kv_heads": "kv_heads = [1, §7]"}, ("space.kv_heads", "= 7:", "divide"))

    def test_heads_beside_that_number(self):
        self.job({"space.widths": "widths = [768]", "space.kv_heads": 'kv_heads = [12, §"heads"]'},
                 ("space.kv_heads", "heads"))

    def test_heads_twice(self):
        self.job({"space.kv_heads": 'kv_heads = [1, "heads", §"heads"]'},
                 ("space.kv_heads", "twice"))

    def test_kv_heads_of_other_kinds(self):
        self.job({"space.kv_heads": 'kv_heads = [1, §"head", §0, §1.0]'},
                 *[("space.kv_heads", '"heads"')] * 3)

    def test_empty_axis(self):
        self.job({"space.widths": "widths = §[]"}, ("space.widths", "= []:", "empty"))

    def test_empty_lists_of_targets(self):
        self.job({"targets.devices": "devices = §[]", "targets.precisions": "precisions = §[]",
                  "targets.workloads": "workloads = §[]", "targets.latency": "latency = §[]"},
                 *[(f"targets.{key}", "empty")
                   for key in ("devices", "precisions", "workloads", "latency")])

    def test_duplicate_axis_value(self):
        self.job({"space.layers": "layers = [4, 8, §4]"}, ("space.layers", "= 4:", "twice"))

    def test_axis_that_is_a_scalar(self):
        self.job({"space.layers": "layers = §4", "space.kv_heads": "kv_heads = §{from = 1, step = 1}"},
                 ("space.layers", "= 4:", "list"), ("space.kv_heads.to", "missing"))

    def test_floats_and_texts_for_whole_numbers(self):
        self.job({"space.layers": "layers = [§4.0]", "space.head_dim": "head_dim = §64.0",
                  "space.vocab": 'vocab = §"151936"'},
                 ("space.layers", "= 4.0:", "whole"), ("space.head_dim", "= 64.0:", "whole"),
                 ("space.vocab", "151936", "whole"))

    def test_ratios_that_are_none(self):
        self.job({"space.expert_ffn_ratio": 'expert_ffn_ratio = [§nan, §inf, §-1, §0, 1, §"2"]'},
                 *[("space.expert_ffn_ratio", f"= {x}") for x in ("nan", "inf", "-1:", "0:")],
                 ("space.expert_ffn_ratio", "2"))

    def test_ratio_too_small_at_every_width(self):
        self.job({"space.expert_ffn_ratio": "expert_ffn_ratio = [§0.0001, 1]"},
                 ("space.expert_ffn_ratio", "every width"))

    def test_range_that_misses_its_end(self):
        self.job({"space.layers": "layers = {from = 4, to = 31, step = §4}"},
                 ("space.layers.step", "= 4:", "to"))

    def test_range_with_a_negative_step(self):
        self.job({"space.layers": "layers = {from = 4, to = 32, step = §-4}"},
                 ("space.layers.step", "= -4:", "> 0"))

    def test_range_with_a_zero_step(self):
        self.job({"space.layers": "layers = {from = 4, to = 32, step = §0}"},
                 ("space.layers.step", "= 0:"))

    def test_range_backwards(self):
        self.job({"space.layers": "layers = {from = 40, to = §32, step = 4}"},
                 ("space.layers.to", "= 32:", "from"))

    def test_range_without_an_end(self):
        self.job({"space.layers": "layers = §{from = 4, step = 4}"}, ("space.layers.to", "missing"))

    def test_range_of_fractions_for_whole_numbers(self):
        self.job({"space.layers": "layers = {from = 4, to = 8, step = §0.5}"},
                 ("space.layers.step", "whole"))

    def test_range_too_long(self):
        self.job({"space.layers": "layers = {from = 1, to = 1000000000, step = §1}"},
                 ("space.layers.step", "= 1:"))

    def test_range_with_nan(self):
        self.job({"space.layers": "layers = {from = §nan, to = 8, step = 4}"},
                 ("space.layers.from", "= nan:"))

    def test_space_of_more_than_2_to_the_63_points(self):
        self.job({"space.layers": "layers = §{from = 1, to = 1000000, step = 1}",
                  "space.widths": "widths = {from = 64, to = 64000000, step = 64}",
                  "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.001, to = 100, step = 0.001}",
                  "space.experts": "experts = {from = 1, to = 200, step = 1}"},
                 ("space.layers", "2^63"))

    def test_huge_integer(self):
        self.job({"space.vocab": "vocab = §9223372036854775807"},
                 ("space.vocab", "= 9223372036854775807:"))

    def test_experts_that_no_top_k_goes_with(self):
        self.job({"space.experts": "experts = [§1, §2, 8]", "space.top_k": "top_k = [2]"},
                 ("space.experts", "= 1:", "top_k"), ("space.experts", "= 2:", "top_k"))

    def test_top_k_that_no_experts_go_with(self):
        self.job({"space.top_k": "top_k = [1, §8]"}, ("space.top_k", "= 8:", "experts"))

    def test_no_routing_at_all_is_no_fault_of_other_axes(self):
        self.job({"space.experts": "experts = [§1, §2]", "space.top_k": "top_k = [§2]"},
                 ("space.experts", "= 1:"), ("space.experts", "= 2:"), ("space.top_k", "= 2:"))

    def test_mla_without_ranks(self):
        self.job({"[space]": "§[space]", "space.tied": 'attention = ["gqa", "mla"]'},
                 ("space.mla", "missing"))

    def test_mla_with_half_its_ranks(self):
        self.job({"space.tied": 'attention = ["gqa", "mla"]\n'
                                "mla = [§{kv_lora_rank = §0, qk_nope_head_dim = 64, v_head_dim = 64}, §3]"},
                 ("space.mla.qk_rope_head_dim", "missing"),
                 ("space.mla.kv_lora_rank", "= 0:"), ("space.mla", "= 3:"))

    def test_ranks_without_mla(self):
        self.job({"space.tied": "mla = [§{kv_lora_rank = 64, qk_nope_head_dim = 64, "
                                "qk_rope_head_dim = 64, v_head_dim = 64}]"}, ("space.mla", "attention"))

    def test_gqa_without_kv_heads(self):
        self.job({"[space]": "§[space]", "space.kv_heads": None}, ("space.kv_heads", "missing"))

    def test_unknown_kinds_of_blocks(self):
        self.job({"space.tied": 'attention = ["gqa", §"mha"]\nffn = [§"relu"]\ntied = §1'},
                 ("space.attention", "mha", '"mla"'), ("space.ffn", "relu", '"plain"'),
                 ("space.tied", "= 1:", "true"))

    def test_sparsity_of_one(self):
        self.job({"space.tied": "ffn_sparsity = §1.0"}, ("space.ffn_sparsity", "= 1.0:"))

    def test_negative_shared_ffn(self):
        self.job({"space.tied": "shared_ffn = [0, §-64]"}, ("space.shared_ffn", "= -64:"))

    def test_multiple_of_zero(self):
        self.job({"space.tied": "ffn_multiple_of = §0"}, ("space.ffn_multiple_of", "= 0:"))


class JobTargets(BadInput):
    def test_unknown_ids(self):
        self.job({"law.id": 'id = §"codesign-2025"',
                  "targets.devices": 'devices = [§"jetson-agx-orin-64bg", §"zzzzzzzzzzzzzzzzzz"]',
                  "targets.precisions": 'precisions = [§"fp61"]',
                  "targets.workloads": 'workloads = [§"vlaa"]'},
                 ("law.id", 'did you mean "codesign-2026"?'),
                 ("targets.devices", 'did you mean "jetson-agx-orin-64gb"?'),
                 ("targets.devices", "zzzzzzzzzzzzzzzzzz"),
                 ("targets.precisions", 'did you mean "fp16"?'),
                 ("targets.workloads", 'did you mean "vla"?'))

    def test_precision_that_the_chip_lacks(self):
        self.job({"targets.precisions": 'precisions = §["fp16", "fp8"]'},
                 ("targets.precisions", "jetson-agx-orin-64gb", "fp8", "skip"))

    def test_skipping_leaves_nothing(self):
        self.job({"targets.devices": 'devices = §["jetson-agx-orin-64gb"]',
                  "targets.precisions": 'precisions = ["fp8"]',
                  "targets.latency": 'latency = ["total"]\nmissing_precision = "skip"'},
                 ("targets.devices", "no target"))

    def test_capacity_of_unknown_memory(self):
        self.job({"targets.devices": 'devices = §["horizon-journey-6p"]',
                  "targets.precisions": 'precisions = ["int8"]'},
                 ("targets.devices", "horizon-journey-6p", "memory", '"none"'))

    def test_duplicate_devices(self):
        self.job({"targets.devices": 'devices = ["jetson-agx-orin-64gb", §"jetson-agx-orin-64gb"]'},
                 ("targets.devices", "twice"))

    def test_unknown_and_duplicate_latency_kinds(self):
        self.job({"targets.latency": 'latency = [§"ttft", "total", §"total"]'},
                 ("targets.latency", "ttft", '"tpot"'), ("targets.latency", "twice"))

    def test_budgets_that_are_none(self):
        for budget in ("-1", "0", "0.0", "nan", "inf", '"8Gib"', '""', "true", "{bytes = 1}"):
            with self.subTest(budget=budget):
                self.job({"targets.memory_budget": f"memory_budget = §{budget}"},
                         ("targets.memory_budget", '"usable"', '"capacity"', '"none"'))
                self.job({"targets.memory_budget": f"memory_budget = ['usable', §{budget}, 3e9]"},
                         ("targets.memory_budget", '"usable"', '"capacity"', '"none"'))

    def test_lists_of_budgets_that_are_none(self):
        self.job({"targets.memory_budget": "memory_budget = §[]"}, ("targets.memory_budget", "= []:", "empty"))
        self.job({"targets.memory_budget": "memory_budget = [§['usable'], 'usable']"},
                 ("targets.memory_budget", '"capacity"'))
        for twice in ("'usable', §'usable'", "3e9, 'none', §3000000000", "'4GiB', §4294967296", "'3GB', §'3000MB'"):
            with self.subTest(twice):
                self.job({"targets.memory_budget": f"memory_budget = [{twice}]"},
                         ("targets.memory_budget", "twice"))
        self.job({"targets.memory_budget": "memory_budget = [§'useable', §-1, 3e9, §3e9]"},
                 ("targets.memory_budget", 'did you mean "usable"?'), ("targets.memory_budget", "= -1"),
                 ("targets.memory_budget", "twice"))

    def test_a_usable_share_of_unknown_memory(self):
        for budget in ("'usable'", "['none', 'usable']"):
            with self.subTest(budget):
                self.job({"targets.devices": 'devices = §["horizon-journey-6p"]',
                          "targets.precisions": 'precisions = ["int8"]',
                          "targets.memory_budget": f"memory_budget = {budget}"},
                         ("targets.devices", "horizon-journey-6p", "memory", '"none"'))

    def test_limits_that_are_none(self):
        self.job({"targets.latency": 'latency = ["total"]\nmax_prefill_s = §-0.1\n'
                                     'max_tpot_s = §nan\nmax_total_s = §"1"'},
                 ("targets.max_prefill_s", "= -0.1:", "> 0"), ("targets.max_tpot_s", "= nan:"),
                 ("targets.max_total_s", "1"))

    def test_missing_precision_policy(self):
        self.job({"targets.latency": 'latency = ["total"]\nmissing_precision = §"ignore"'},
                 ("targets.missing_precision", '"skip"'))

    def test_tpot_without_output(self):
        self.job({"targets.workloads":
                  'workloads = [{id = "read", batch = 1, input_tokens = 9, output_tokens = 0}]',
                  "targets.latency": 'latency = §["tpot", "total"]'},
                 ("targets.latency", "read", "output"))

    def test_prefill_without_input(self):
        self.job({"targets.workloads":
                  'workloads = [{id = "talk", batch = 1, input_tokens = 0, output_tokens = 9}]',
                  "targets.latency": 'latency = §["prefill", "total"]'},
                 ("targets.latency", "talk", "input"))

    def test_workload_out_of_range(self):
        self.job({"targets.workloads":
                  'workloads = [§{id = "a", batch = §0, input_tokens = §-1}]'},
                 ("targets.workloads.output_tokens", "missing"), ("targets.workloads.batch", "= 0:"),
                 ("targets.workloads.input_tokens", "= -1:"))

    def test_unknown_engine_choices(self):
        self.job({"engine.causal": 'attention = §"flesh"\ncausal = §1\nkv_traffic = §"heads"\n'
                                   'mla = §"absorb"\nprefill_chunk = §-1\nwindow_cache = §"whole"\n'
                                   'elementwise = §"fuse"'},
                 ("engine.attention", "flesh", '"flash"'), ("engine.causal", "= 1:"),
                 ("engine.kv_traffic", '"query_heads"'), ("engine.mla", '"absorbed"'),
                 ("engine.prefill_chunk", "= -1:"), ("engine.window_cache", '"trimmed"', '"full"'),
                 ("engine.elementwise", '"separate"', '"ignored"', 'did you mean "fused"?'))

    def test_flash_that_is_not_causal_needs_one_pass(self):
        # 1024 tokens of input: chunks of 1023 make two passes.
        run = self.job({"targets.workloads": 'workloads = §["vla"]',
                        "engine.causal": "causal = false\nprefill_chunk = 1023"},
                       ("targets.workloads", "prefill_chunk"))
        self.assertIn("causal", run.err)
        for chunk in (0, 1024, 2048):
            self.write("job.toml", edit(JOB, {"engine.causal": f"causal = false\nprefill_chunk = {chunk}"}))
            self.rooflaw("search", "job.toml", "--dry-run")

    def test_inline_device_without_bandwidth(self):
        self.job({"targets.devices": 'devices = [§{id = "a", memory_bytes = 1e9, peak_flops = {fp16 = 1e12}}]'},
                 ("targets.devices.bandwidth", "missing"))

    def test_efficiency_above_the_possible(self):
        self.job({"targets.devices":
                  'devices = [{id = "a", memory_bytes = 1e9, bandwidth = 1e9, peak_flops = {fp16 = 1e12}, '
                  'efficiency = {"*" = {compute = §1.75, bandwidth = §0, layer_overhead = §-1}}}]'},
                 ("targets.devices.efficiency.*.compute", "= 1.75:"),
                 ("targets.devices.efficiency.*.bandwidth", "= 0:"),
                 ("targets.devices.efficiency.*.layer_overhead", "= -1:"))

    def test_entries_of_other_types(self):
        self.job({"targets.devices": 'devices = [§3, §"", §"No Such Chip"]',
                  "targets.workloads": 'workloads = §"vla"'},
                 ("targets.devices", "= 3:"), ("targets.devices",), ("targets.devices", "No Such Chip"),
                 ("targets.workloads", "list"))


class JobSearch(BadInput):
    def test_unknown_strategy(self):
        self.job({"search.strategy": 'strategy = §"gird"\nmax_evaluations = 5'},
                 ("search.strategy", "gird", '"grid"'))

    def test_sample_without_a_number_of_evaluations(self):
        self.job({"[search]": "§[search]", "search.strategy": 'strategy = "sample"'},
                 ("search.max_evaluations", "missing"))

    def test_evaluations_with_grid(self):
        self.job({"search.strategy": 'strategy = "grid"\nmax_evaluations = §5\nmax_seconds = §1.0'},
                 ("search.max_evaluations", "= 5:", "sample"), ("search.max_seconds", "= 1.0:", "sample"))

    def test_limits_of_a_sample(self):
        self.job({"search.strategy": 'strategy = "sample"\nmax_evaluations = §0\nmax_seconds = §-1'},
                 ("search.max_evaluations", "= 0:"), ("search.max_seconds", "= -1:"))

    def test_name_and_seed(self):
        self.job({"job.name": 'name = §""', "job.seed": "seed = §1.5"},
                 ("job.name", "empty"), ("job.seed", "= 1.5:", "whole"))


class JobFiles(BadInput):
    CHIP = '[[device]]\nid = "a"\nmemory_bytes = 1e9\nbandwidth = 1e9\npeak_flops = {fp16 = 1e12}\n'

    def with_chips(self, chips, *faults, job="chips.toml"):
        return self.refuse({"job.toml": edit(JOB, {"targets.devices": f'devices = ["{job}"]'}),
                            "chips.toml": chips}, faults)

    def test_fault_in_a_file_of_devices(self):
        self.with_chips(self.CHIP.replace("bandwidth = 1e9", "bandwidth = §-1e9\n§bandwith = 1e9"),
                        ("device.bandwidth", "> 0"), ("device.bandwith", 'did you mean "bandwidth"?'))

    def test_devices_without_ids(self):
        chip = self.CHIP.replace('id = "a"\n', "").replace("[[device]]", "§[[device]]")
        self.with_chips(chip + chip, ("device.id", "missing"), ("device.id", "missing"))

    def test_ids_twice_in_a_file(self):
        run = self.refuse({"job.toml": edit(JOB, {"targets.devices": 'devices = [§"chips.toml"]'}),
                           "chips.toml": self.CHIP + self.CHIP.replace('id = "a"', 'id = §"a"')},
                          [("device.id", "twice"), ("targets.devices", "twice")])
        self.assertIn("chips.toml", run.err, str(run))

    def test_ids_of_other_characters(self):
        self.with_chips(self.CHIP.replace('id = "a"', 'id = §"Chip A"'), ("device.id", "Chip A"))

    def test_peak_of_an_unknown_type(self):
        self.with_chips(self.CHIP.replace("fp16 = 1e12", "fp16 = 1e12, §fp12 = 1e12, int8 = §0"),
                        ("device.peak_flops.fp12", "unknown key"), ("device.peak_flops.int8", "= 0:"))

    def test_file_of_devices_without_any(self):
        self.refuse({"job.toml": edit(JOB, {"targets.devices": 'devices = [§"chips.toml"]'}),
                     "chips.toml": "[[precision]]\nid = 'x'\n"}, [("targets.devices", "[[device]]")])

    def test_missing_file_of_a_law(self):
        self.job({"law.id": 'id = §"laws/none.toml"'}, ("law.id", "laws/none.toml"))

    def test_missing_files_of_entries(self):
        self.job({"targets.devices": 'devices = [§"none.toml"]',
                  "targets.precisions": 'precisions = [§"./none"]'},
                 ("targets.devices", "none.toml"), ("targets.precisions", "none"))

    LAW = {"kappa_l": 9.96, "alpha_l": 1.63, "kappa_rho": 0.031, "alpha_rho": 1.09, "alpha_r": 0.17,
           "beta_1": -0.33, "kappa_d": 500.0, "beta_2": 0.97, "kappa_m": 0.2, "alpha_m": 0.05,
           "l_inf": 2.53}

    def law(self, **changes):
        """The law inline, a key a line; None takes a key away."""
        fields = self.LAW | changes
        return "\n".join(f"{k} = {v}" for k, v in fields.items() if v is not None)

    def test_coefficients(self):
        for changes, want in (
                ({"kappa_l": "§1e31"}, ("law.kappa_l", "= 1e+31:", "from -1e30 to 1e30")),
                ({"alpha_m": "§-11"}, ("law.alpha_m", "= -11:", "from -10 to 10")),
                ({"l_inf": "§-1"}, ("law.l_inf", "= -1:", ">= 0")),
                ({"kappa_t": 3, "alpha_t": "§11"}, ("law.alpha_t", "= 11:", "from -10 to 10")),
                ({"kappa_t": 3, "alpha_t": 0.1, "tokens": "§0.5"}, ("law.tokens", "= 0.5:", ">= 1")),
                ({"alpha_t": "§0.1"}, ("law.alpha_t", "goes with kappa_t, which is missing")),
                ({"kappa_rho": None, "alpha_rho": "§1", "beta_1": None},
                 ("law.alpha_rho", "goes with kappa_rho, which is missing")),
                ({"kappa_l": None, "alpha_l": "§1"}, ("law.alpha_l", "goes with kappa_l"))):
            with self.subTest(changes):
                self.job({"law.id": self.law(**changes)}, want)
        self.job({"law.id": self.law(kappa_d=None, kappa_rho=None, alpha_rho=None,
                                                       beta_1=None, beta_2=None, alpha_r="§1")},
                 ("law.alpha_r", "goes with kappa_rho or kappa_d"))

    def test_law_that_says_nothing_of_an_axis(self):
        self.job({"law.id": self.law(kappa_m=None, alpha_m=None), "space.kv_heads": "kv_heads = §[1, 2]"},
                 ("space.kv_heads", "KV dimension", "custom", "further law"))

    def test_law_that_no_search_can_use(self):
        self.job({"[law]": "§[law]", "law.id": self.law(kappa_p=3, alpha_p=0.5)},
                 ("law.id", "total parameters", "law.second_opinions"))

    def test_law_that_cannot_be_bounded(self):
        small = {"law.id": self.law(kappa_m=-0.2)}
        self.write("job.toml", edit(JOB, small))
        self.rooflaw("search", "job.toml", "--dry-run")
        self.job(small | {"search.strategy": 'strategy = "exact"', "[law]": "§[law]", "space.expert_ffn_ratio": "expert_ffn_ratio = { from = 0.01, to = 4, step = 0.01 }",
                          "space.layers": "layers = { from = 1, to = 2000, step = 1 }",
                          "space.experts": "experts = { from = 1, to = 500, step = 1 }"},
                 ("law.id", "every point is looked at", "1000000000"))

    def test_resamples(self):
        for table, want in (("coefficients = [§'kappa_x']\nvectors = [[1]]", ("law.resamples.coefficients", "names")),
                            ("coefficients = ['kappa_l', §'kappa_l']\nvectors = [[1, 2]]", ("law.resamples.coefficients", "each once")),
                            ("coefficients = [§'kappa_p']\nvectors = [[1]]", ("law.resamples.coefficients", "the law states")),
                            ("coefficients = ['kappa_l', 'alpha_l']\nvectors = [§[1]" + ", [1, 1]" * 19 + "]",
                             ("law.resamples.vectors", "2 numbers")),
                            ("coefficients = ['kappa_l']\nvectors = §[]", ("law.resamples.vectors", "from 20 to 10000")),
                            ("coefficients = ['alpha_l']\nvectors = [§[nan]" + ", [1]" * 19 + "]", ("law.resamples.vectors", "1 numbers"))):
            with self.subTest(table):
                self.job({"law.id": self.law() + "\n[law.resamples]\n" + table}, want)

    def test_law_without_an_exponent(self):
        lines = [f"{k} = {v}" for k, v in self.LAW.items() if k != "alpha_m"]
        self.job({"[law]": "§[law]", "law.id": "\n".join(lines + ["§alpha_n = 0.05"])},
                 ("law.alpha_m", "missing"), ("law.alpha_n", "unknown key"))

    def test_law_in_a_file_with_nan(self):
        text = "[[law]]\nid = 'mine'\n" + "\n".join(
            f"{k} = {'§nan' if k == 'l_inf' else v}" for k, v in self.LAW.items()) + "\n"
        self.refuse({"job.toml": edit(JOB, {"law.id": 'id = "law.toml"'}), "law.toml": text},
                    [("law.l_inf", "= nan:")])

    def test_policy_of_the_range(self):
        self.job({"law.id": 'id = "codesign-2026"\nrange = §"strict"'},
                 ("law.range", "strict", '"enforce"'))

    def test_enforced_without_a_range(self):
        lines = [f"{k} = {v}" for k, v in self.LAW.items()]
        self.job({"law.id": "\n".join([*lines, 'range = §"enforce"'])}, ("law.range", "states its range"))

    def test_enforced_range_that_leaves_nothing(self):
        self.job({"law.id": 'id = "codesign-2026"\nrange = §"enforce"', "space.layers": "layers = [500]"},
                 ("law.range", "leaves no architecture", "codesign-2026"))


class WholeFiles(BadInput):
    """What is wrong before any key is read, and on the command line."""

    def refuse_plainly(self, code, *arguments, words=()):
        """No place in a file to name: a message with the words, and nothing on stdout."""
        before = self.files()
        run = self.rooflaw(*arguments, expect=code)
        self.assertEqual(run.out, "", str(run))
        self.assertEqual(self.files(), before, f"no file is left{run}")
        self.assertTrue(run.err.strip(), f"there is a message{run}")
        for word in words:
            self.assertIn(word, run.err, str(run))
        return run

    def syntax(self, text, line):
        self.write("job.toml", text)
        run = self.refuse_plainly(2, "search", "job.toml", words=["syntax"])
        match = FAULT.fullmatch(run.err.strip())
        self.assertTrue(match, f"one line of the form of every fault{run}")
        self.assertEqual((match["file"], int(match["line"])), ("job.toml", line), str(run))

    def test_syntax_no_value(self):
        self.syntax('[job]\nname =\nseed = 1\n', 2)

    def test_syntax_key_twice(self):
        self.syntax('[job]\nname = "a"\nname = "b"\n', 3)

    def test_syntax_number_beyond_64_bits(self):
        self.syntax("[space]\nvocab = 99999999999999999999\n", 2)

    def test_syntax_open_text(self):
        self.syntax('[job]\nname = "a\nseed = 1\n', 2)

    def test_binary_garbage(self):
        for number, garbage in enumerate((b"\x00\x01\x02", b"\xff\xfe[job]\n", b"\x89HDF\r\n\x1a\n" * 99,
                                          b'name = "\xc3\x28"', bytes(range(256)) * 8)):
            with self.subTest(number=number):
                self.write("job.toml", garbage)
                run = self.refuse_plainly(2, "search", "job.toml")
                self.assertRegex(run.err, r"^job\.toml:\d+:\d+: ", str(run))
                self.assertEqual(len(run.err.splitlines()), 1, f"one line{run}")

    def test_missing_files(self):
        for command in ("search", "evaluate", "inspect"):
            with self.subTest(command=command):
                self.refuse_plainly(3, command, "none.toml", words=["none.toml"])
        self.refuse_plainly(3, "export", "none.h5", "-o", "csv", words=["none.h5"])

    def test_folders_as_files(self):
        (self.folder / "folder").mkdir()
        for command in ("search", "evaluate", "inspect"):
            with self.subTest(command=command):
                self.refuse_plainly(3, command, "folder", words=["folder"])

    def test_names_that_are_too_long(self):
        name = "a" * 300
        self.write("job.toml", JOB)
        self.refuse_plainly(3, "search", name, words=[name])
        self.refuse_plainly(3, "inspect", name, words=[name])
        self.refuse_plainly(3, "search", "job.toml", "-o", name, words=[name])

    def test_results_that_are_none(self):
        self.write("text.h5", "no HDF5\n")
        self.write("empty.h5", "")
        for name in ("text.h5", "empty.h5"):
            with self.subTest(name=name):
                self.refuse_plainly(3, "inspect", name, words=[name])
                self.refuse_plainly(3, "export", name, "-o", "csv", words=[name])

    def test_outputs_that_cannot_be(self):
        self.write("job.toml", JOB)
        self.write("file", "text")
        (self.folder / "folder").mkdir()
        for output in ("none/result.h5", "folder", "file/result.h5"):
            with self.subTest(output=output):
                self.refuse_plainly(3, "search", "job.toml", "-o", output, words=[output])
                self.write("other.toml", edit(JOB, {"job.output": f'output = "{output}"'}))
                self.refuse_plainly(3, "search", "other.toml", words=[output])
                self.refuse_plainly(3, "search", "other.toml", "--dry-run", words=[output])

    def test_no_output_named(self):
        self.write("job.toml", edit(JOB, {"job.output": None}))
        self.refuse_plainly(2, "search", "job.toml", words=["job.toml", "job.output", "-o"])

    def test_overrides_that_are_none(self):
        self.write("job.toml", JOB)
        for override in ("seed", "=3", "job.seed", "", "#a=b", "a=1\nb=2", "job..seed=1", "[job]"):
            with self.subTest(override=override):
                run = self.refuse_plainly(2, "search", "job.toml", "--set", override, words=["--set"])
                self.assertEqual(len(run.err.splitlines()), 1, f"one line{run}")

    def test_overrides_with_faults(self):
        self.write("job.toml", JOB)
        for override, key, column, word in (
                ("job.sead=1", "job.sead", 5, 'did you mean "seed"?'),
                ("serach.strategy=grid", "serach", 1, 'did you mean "search"?'),
                ("space.layers=[4, 0]", "space.layers", 18, "= 0:"),
                ("space.layers=[4,", "space.layers", 14, "array"),
                ("space.layers={from=1,to=99999999999999999999,step=1}", "space.layers", 14, "int"),
                ("job.name='trial", "job.name", 10, "string"),
                ("targets.memory_budget=-1", "targets.memory_budget", 23, "= -1:"),
                ("search.strategy=gird", "search.strategy", 17, "gird")):
            with self.subTest(override=override):
                run = self.refuse_plainly(2, "search", "job.toml", "--set", override, words=[word])
                match = FAULT.fullmatch(run.err.strip())
                self.assertTrue(match, str(run))
                self.assertEqual((match["file"], match["line"], match["column"], match["key"]),
                                 ("--set", "1", str(column), key), str(run))

    def test_unknown_commands_and_options(self):
        self.write("job.toml", JOB)
        for arguments in (["serach", "job.toml"], ["--verbose"], ["search"], ["evaluate"], ["inspect"],
                          ["search", "job.toml", "--frobnicate"], ["search", "job.toml", "other.toml"],
                          ["search", "job.toml", "--set"], ["search", "job.toml", "-o"],
                          ["evaluate", "job.toml", "--set", "a.b=1"]):
            with self.subTest(arguments=arguments):
                self.refuse_plainly(2, *arguments)

    def test_faults_where_stderr_is_full(self):
        self.write("job.toml", JOB)
        with open("/dev/full", "w") as full:
            self.rooflaw("search", "job.toml", "--set", "job.seed=-1", expect=2, stderr=full)
            self.rooflaw("search", "none.toml", expect=3, stderr=full)


class Cases(BadInput):
    def test_typos(self):
        self.case({"[architecture]": "§[architecture]", "architecture.layers": "§layer = 24",
                   "precision.id": "id = §'fp61'"},
                  ("architecture.layers", "missing"),
                  ("architecture.layer", 'did you mean "layers"?'),
                  ("precision.id", 'did you mean "fp16"?'))

    def test_missing_tables(self):
        self.refuse({"case.toml": "§§§§"},
                    [(key, "missing") for key in ("architecture", "precision", "device", "workload")],
                    command=("evaluate", "case.toml"))

    def test_tables_that_are_none(self):
        self.refuse({"case.toml": "architecture = §1\nprecision = §'fp16'\ndevice = §[]\nworkload = §true\n"},
                    [(key, "table") for key in ("architecture", "precision", "device", "workload")],
                    command=("evaluate", "case.toml"))

    def test_unknown_table(self):
        self.case({"[workload]": "[§engin]\n[workload]"}, ("engin", 'did you mean "engine"?'))

    def test_kv_heads_that_do_not_divide_the_heads(self):
        self.case({"architecture.kv_heads": "kv_heads = §3"},
                  ("architecture.kv_heads", "= 3:", "divide"))

    def test_groups(self):
        common = {f"architecture.{key}": None for key in ("heads", "head_dim", "kv_heads", "expert_ffn")}
        layers = "heads = 14, head_dim = 64, kv_heads = 2, expert_ffn = 64"
        for groups, *faults in (
                ("§[]", ("architecture.group", "empty")),
                ("[§3]", ("architecture.group", "table")),
                ("§3", ("architecture.group", "list")),
                (f"[{{layers = 2, {layers}}}, §{{{layers}}}]", ("architecture.group.layers", "missing")),
                (f"[{{layers = §0, {layers}}}, {{layers = 2, {layers}, §hedas = 3}}]",
                 ("architecture.group.layers", "= 0:"), ("architecture.group.hedas", 'did you mean "heads"?')),
                (f"[{{layers = 2, {layers}, §width = 64}}]", ("architecture.group.width", "unknown key"))):
            with self.subTest(groups):
                self.case(common | {"architecture.layers": f"group = {groups}"}, *faults)

    def test_groups_that_are_no_layers(self):
        common = {f"architecture.{key}": None for key in ("heads", "head_dim", "kv_heads", "expert_ffn", "layers")}
        def refuse(group, *words):
            # A group is one of two: the fault says which.
            text = edit(CASE, common | {"architecture.vocab": (
                "vocab = 1000\ngroup = [{layers = 1, heads = 14, head_dim = 64, kv_heads = 2, expert_ffn = 64},"
                f" {group}]")})
            self.write("case.toml", text)
            run = self.rooflaw("evaluate", "case.toml", expect=2)
            self.assertEqual(len(run.err.splitlines()), 1, str(run))
            for word in words:
                self.assertIn(word, run.err, str(run))
        refuse("{layers = 2, attention = 'none', ffn = 'none'}", "group 2", "architecture.")
        refuse("{layers = 2, attention = 'none', window = 64, expert_ffn = 8}", "window")
        refuse("{layers = 2, heads = 14, head_dim = 64, kv_heads = 3, expert_ffn = 8}", "group 2", "divide")
        refuse("{layers = 2, heads = 14, head_dim = 64, kv_heads = 2, expert_ffn = 8, top_k = 2}", "group 2", "top_k")
        refuse("{layers = 2, heads = 14, head_dim = 64, kv_heads = 2, expert_ffn = 8, window = -1}", "window", "-1")

    def test_kv_heads_beyond_the_heads(self):
        self.case({"architecture.kv_heads": "kv_heads = §28"}, ("architecture.kv_heads", "= 28:"))

    def test_top_k_beyond_the_experts(self):
        self.case({"architecture.vocab": "vocab = 1000\nexperts = 2\ntop_k = §4"},
                  ("architecture.top_k", "= 4:", "experts"))

    def test_top_2_of_a_dense_model(self):
        self.case({"architecture.vocab": "vocab = 1000\ntop_k = §2"}, ("architecture.top_k", "= 2:"))

    def test_sparsity(self):
        for sparsity in ("1.0", "-0.1", "nan", "1"):
            with self.subTest(sparsity=sparsity):
                self.case({"architecture.vocab": f"vocab = 1000\nffn_sparsity = §{sparsity}"},
                          ("architecture.ffn_sparsity", f"= {sparsity}"))

    def test_no_ffn_at_all(self):
        self.case({"architecture.expert_ffn": "expert_ffn = §0"},
                  ("architecture.expert_ffn", "= 0:", "at least 1"))

    def test_sizes(self):
        self.case({"architecture.layers": "layers = §0", "architecture.width": "width = §-896",
                   "architecture.heads": "heads = §14.0", "architecture.head_dim": "head_dim = §'64'",
                   "architecture.vocab": "vocab = §1000000000000"},
                  ("architecture.layers", "= 0:"), ("architecture.width", "= -896:"),
                  ("architecture.heads", "= 14.0:"), ("architecture.head_dim", "64"),
                  ("architecture.vocab", "= 1000000000000:"))

    def test_mla_without_ranks(self):
        self.case({"[architecture]": "§§§§[architecture]", "architecture.head_dim": None,
                   "architecture.kv_heads": "attention = 'mla'"},
                  *[(f"architecture.{key}", "missing") for key in
                    ("kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim")])

    def test_model_that_cannot_be_expressed(self):
        self.refuse({"case.toml": edit(CASE, {f"architecture.{key}": None for key in
                                              ("width", "heads", "head_dim", "kv_heads", "expert_ffn",
                                               "vocab")} |
                                       {"architecture.layers": "model = §'gemma-3n-e2b'"})},
                    [("architecture.model", "gemma-3n-e2b", "cannot express", "input embeddings")],
                    command=("evaluate", "case.toml"))

    def test_unknown_model(self):
        tables = {"architecture": {"model": "qwen2.5-0.5"}, "precision": {"id": "fp16"},
                  "device": {"id": "jetson-agx-orin-64gb"}, "workload": {"id": "vla"}}
        self.refuse({"case.toml": to_toml(tables).replace('"qwen2.5-0.5"', '§"qwen2.5-0.5"')},
                    [("architecture.model", 'did you mean "qwen2.5-0.5b"?')],
                    command=("evaluate", "case.toml"))

    def test_precision_that_the_chip_lacks(self):
        run_text = edit(CASE, {"precision.id": 'id = "fp8"', "[precision]": "§[precision]"})
        self.refuse({"case.toml": run_text}, [("precision", "jetson-agx-orin-64gb", "fp8")],
                    command=("evaluate", "case.toml"))

    def test_inline_tables_with_faults(self):
        self.case({"[precision]": "§[precision]",
                   "precision.id": "id = 'x'\nweight_bytes = §0\nactivation_bytes = §nan\n"
                                   "matmul = §'fp12'",
                   "[device]": "§[device]",
                   "device.id": "id = 'y'\nmemory_bytes = §-1\npeak_flops = §{}",
                   "workload.id": "id = 'z'\nbatch = §0\ninput_tokens = §1.5\noutput_tokens = §-1"},
                  ("precision.kv_bytes", "missing"), ("precision.weight_bytes", "= 0:"),
                  ("precision.activation_bytes", "= nan:"), ("precision.matmul", "fp12", "fp16"),
                  ("device.bandwidth", "missing"), ("device.memory_bytes", "= -1:"),
                  ("device.peak_flops", "at least one"), ("workload.batch", "= 0:"),
                  ("workload.input_tokens", "= 1.5:"), ("workload.output_tokens", "= -1:"))

    def test_range_of_a_law(self):
        law = "\n".join(f"{k} = {v}" for k, v in JobFiles.LAW.items())
        self.case({"workload.id": f"id = 'vla'\n[law]\n{law}\n[law.range]\nlayers = §[32, 4]\n"
                                  "width = §[1]\nexperts_top_k = [[1, 1], §[8]]\nffn = [§'relu']\n"
                                  "§depth = [1, 2]"},
                  ("law.range.layers", "low <= high"), ("law.range.width", "[low, high]"),
                  ("law.range.experts_top_k", "pairs"), ("law.range.ffn", "relu"),
                  ("law.range.depth", "unknown key"))


if __name__ == "__main__":
    unittest.main()
