"""What users type: sizes and times with units, ids and words nearly right, names of other programs, files
of another kind."""

import json
import sys
import unittest

sys.dont_write_bytecode = True
from support import CASE, INPUTS, JOB, PROGRAM, edit
from test_bad_input import BadInput

CHIP = ["--device", "jetson-agx-orin-64gb", "--precision", "int8", "--workload", "vla"]


class Units(BadInput):
    def same_frontier(self, with_unit, plain):
        results = []
        for name, changes in (("unit", with_unit), ("plain", plain)):
            changes = {**changes, "job.output": f'output = "{name}.h5"'}
            results.append(self.search(edit(JOB, changes), name=f"{name}.toml"))
        target = results[0].targets()[0]
        frontiers = [r.frontier(target) for r in results]
        self.assertEqual({k: v.tobytes() for k, v in frontiers[0].items()},
                         {k: v.tobytes() for k, v in frontiers[1].items()})
        self.assertEqual(*[r.targets()[0]["memory_budget_bytes"] for r in results])
        return len(frontiers[0]["loss"])

    def test_of_a_job(self):
        whole = self.same_frontier({}, {})
        limited = self.same_frontier(
            {"targets.memory_budget": 'memory_budget = "1.5GiB"\nmax_total_s = "50ms"\nmax_tpot_s = "2500us"'},
            {"targets.memory_budget": "memory_budget = 1610612736\nmax_total_s = 0.05\nmax_tpot_s = 0.0025"})
        self.assertTrue(0 < limited < whole)

    def test_of_an_override(self):
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "--set", "targets.memory_budget=4GiB", "--dry-run")

    def test_of_tables(self):
        chip = ("id = 'mine'\nmemory_bytes = {}\nbandwidth = 1e11\npeak_flops = {{fp16 = 1e13}}\n"
                "[device.efficiency.'*']\nlayer_overhead = {}")
        with_unit = self.evaluate(edit(CASE, {"device.id": chip.format("'8GiB'", "'20 us'")}))
        plain = self.evaluate(edit(CASE, {"device.id": chip.format(8 * 2**30, "20e-6")}))
        self.assertEqual(with_unit, plain)
        workload = "id = 'own'\nbatch = 1\ninput_tokens = 8\noutput_tokens = 8\nmax_total_s = '1min'"
        self.evaluate(edit(CASE, {"workload.id": workload}))

    def test_rates(self):
        plain = ["--peak-flops", "85e12", "--bandwidth", "204.8e9", "--memory", "8e9"]
        named = ["--peak-flops", "85TFLOP/s", "--bandwidth", "204.8 GB/s", "--memory", "8GB"]
        rest = ["--precision", "int8", "--workload", "vla", "--json"]
        self.assertEqual(self.rooflaw("advise", *plain, *rest).out, self.rooflaw("advise", *named, *rest).out)
        chip = '[[device]]\nid = "c"\nmemory_bytes = 8e9\nbandwidth = %s\npeak_flops = {fp16 = %s}\n'
        found = []
        for bandwidth, peak in (("1e11", "1.5e13"), ('"100GB/s"', '"15TFLOP/s"')):
            self.write("c.toml", chip % (bandwidth, peak))
            found.append(self.rooflaw("evaluate", "--model", "qwen3-0.6b", "--device", "./c.toml", "--precision",
                                      "fp16", "--workload", "vla", "--json").out)
        self.assertEqual(found[0], found[1])
        run = self.rooflaw("advise", "--peak-flops", "1e12", "--bandwidth", "5GB", *rest, "--memory", "8GB", expect=2)
        self.assertIn("a unit of size, not of bandwidth", run.err)

    def test_of_the_wrong_kind(self):
        self.job({"targets.memory_budget": 'memory_budget = §"20ms"\nmax_total_s = §"20 GB"\n'
                                           'max_tpot_s = §"nan"\nmax_prefill_s = §""'},
                 ("targets.memory_budget", '"capacity"', "unit of time"),
                 ("targets.max_total_s", "unit of size"), ("targets.max_tpot_s", "not a number"),
                 ("targets.max_prefill_s", "empty"))
        for text, words in (("4gb", ['did you mean "GB"?']), ("1e400GB", ["larger"]), ("-4GB", ["> 0"]),
                            ("0GB", ["> 0"]), ("4XYZB", ['no unit "XYZB"']), ("inf", ["finite"]),
                            ("4", ["no unit"])):
            with self.subTest(text):
                self.job({"targets.memory_budget": f'memory_budget = §"{text}"'},
                         ("targets.memory_budget", "capacity", *words))
        self.case({"device.id": "id = 'mine'\nmemory_bytes = §'8 s'\nbandwidth = §'1e11'\n"
                                "peak_flops = {fp16 = 1e13}"},
                  ("device.memory_bytes", "unit of time"), ("device.bandwidth", "1e11"))

    def test_of_options(self):
        def answer(*arguments):
            return self.rooflaw("advise", *CHIP, *arguments, "--json").out
        self.assertEqual(answer("--decode-budget", "320ms", "--memory-budget", "2GiB"),
                         answer("--decode-budget", "0.32", "--memory-budget", str(2**31)))
        self.assertEqual(answer("--prefill-budget", "0.2 s", "--total-budget", "400000us"),
                         answer("--prefill-budget", "0.2", "--total-budget", "0.4"))
        for option in ("--prefill-budget", "--decode-budget", "--tpot-budget", "--total-budget"):
            for value, word in (("20 GB", "unit of size"), ("nan", "not a number"), ("-1s", "> 0"),
                                ("", "empty"), ("1e400s", "larger"), ("3 weeks", "no unit")):
                with self.subTest(option=option, value=value):
                    run = self.rooflaw("advise", *CHIP, option, value, expect=2)
                    self.assertEqual(len(run.err.splitlines()), 1, str(run))
                    self.assertIn(option, run.err)
                    self.assertIn(word, run.err)
        run = self.rooflaw("advise", *CHIP, "--memory-budget", "20ms", expect=2)
        self.assertIn("unit of time", run.err)

    def test_of_the_options_of_search(self):
        self.write("job.toml", JOB)
        self.rooflaw("search", "job.toml", "--max-wall", "2h", "--checkpoint-every", "500ms", "--stall-after",
                     "1.5min")
        run = self.rooflaw("search", "job.toml", "--max-wall", "20 GB", expect=2)
        self.assertIn("unit of size", run.err)


class TimePerToken(BadInput):
    def test_is_the_decode_budget_by_output_tokens(self):
        def answer(*arguments):
            return json.loads(self.rooflaw("advise", *CHIP, *arguments, "--json").out)
        per_token = answer("--tpot-budget", "2ms")  # the workload has 16 output tokens
        decode = answer("--decode-budget", "32ms")
        self.assertEqual(per_token["binding"], decode["binding"])
        self.assertAlmostEqual(per_token["optimum"]["loss"], decode["optimum"]["loss"], 12)
        self.assertEqual(per_token["architecture"], decode["architecture"])
        self.assertLessEqual(per_token["evaluation"]["tpot_s"], 0.002)

    def test_the_tighter_counts(self):
        def budget(*arguments):
            return json.loads(self.rooflaw("advise", *CHIP, *arguments, "--json").out)["budgets"]["decode_bytes_per_token"]
        tight, wide = budget("--tpot-budget", "2ms"), budget("--decode-budget", "64ms")
        self.assertLess(tight, wide)
        self.assertEqual(budget("--tpot-budget", "2ms", "--decode-budget", "64ms"), tight)
        self.assertEqual(budget("--tpot-budget", "8ms", "--decode-budget", "64ms"), wide)

    def test_without_output(self):
        work = self.write("work.toml", '[[workload]]\nid = "read"\nbatch = 1\ninput_tokens = 9\n'
                          'output_tokens = 0\n')
        run = self.rooflaw("advise", *CHIP[:4], "--workload", work, "--tpot-budget", "1ms", expect=2)
        self.assertIn("output", run.err, str(run))


class NearWords(BadInput):
    def test_ids(self):
        for word in ("orin", "jetson-orin"):
            run = self.rooflaw("advise", "--device", word, *CHIP[2:], "--tpot-budget", "20ms", expect=2)
            hint = run.err[run.err.index("did you mean"):]
            self.assertEqual(hint.count('"') // 2, 5, str(run))
            self.assertIn("jetson-orin-nx-16gb", hint)
            self.assertIn("rooflaw list devices", run.err)

    def test_commands_and_options(self):
        run = self.rooflaw("serach", "job.toml", expect=2)
        self.assertIn('did you mean "search"?', run.err)
        self.assertNotIn("did you mean", self.rooflaw("zzzzzz", expect=2).err)
        run = self.rooflaw("search", "job.toml", "--certfy", expect=2)
        self.assertIn('did you mean "--certify"?', run.err)
        run = self.rooflaw("advise", *CHIP, "--tpot-budget", "20ms", "--box", "layer=1:2", expect=2)
        self.assertIn('did you mean "layers"?', run.err)

    def test_words_of_a_job(self):
        self.job({"search.strategy": 'strategy = §"exakt"',
                  "space.kv_heads": 'kv_heads = [1, §"head"]',
                  "space.tied": 'attention = ["gqa", §"mha"]\nffn = [§"swiglu"]',
                  "law.id": 'id = "codesign-2026"\nrange = §"enforced"',
                  "targets.latency": 'latency = [§"ttft", §"totl"]\nmissing_precision = §"skp"',
                  "targets.memory_budget": 'memory_budget = [§"capacty", §"useable"]',
                  "engine.causal": 'attention = §"flesh"'},
                 ("search.strategy", 'did you mean "exact"?'), ("space.kv_heads", 'did you mean "heads"?'),
                 ("space.attention", 'here it is "gqa"'), ("space.ffn", 'here it is "gated"'),
                 ("law.range", 'did you mean "enforce"?'), ("targets.latency", 'here it is "prefill"'),
                 ("targets.latency", 'did you mean "total"?'),
                 ("targets.missing_precision", 'did you mean "skip"?'),
                 ("targets.memory_budget", 'did you mean "capacity"?'),
                 ("targets.memory_budget", 'did you mean "usable"?'),
                 ("engine.attention", 'did you mean "flash"?'))


class ForeignNames(BadInput):
    def test_the_other_kind_of_attention(self):
        self.case({"architecture.vocab": "vocab = 1000\n§v_head_dim = 64\n§q_lora_rank = 3"},
                  *[(f"architecture.{key}", 'goes with attention = "mla"') for key in ("v_head_dim", "q_lora_rank")])
        ranks = "kv_lora_rank = 64\nqk_nope_head_dim = 64\nqk_rope_head_dim = 64\nv_head_dim = 64"
        self.case({"architecture.vocab": f"vocab = 1000\nattention = 'mla'\n{ranks}",
                   "architecture.head_dim": "§head_dim = 64", "architecture.kv_heads": "§kv_heads = 2"},
                  *[(f"architecture.{key}", 'goes with attention = "gqa"') for key in ("head_dim", "kv_heads")])

    def test_names_of_config_json(self):
        names = {"hidden_size": "width", "num_hidden_layers": "layers", "num_attention_heads": "heads",
                 "num_key_value_heads": "kv_heads", "intermediate_size": "expert_ffn",
                 "moe_intermediate_size": "expert_ffn", "num_experts": "experts", "num_local_experts": "experts",
                 "n_routed_experts": "experts", "num_experts_per_tok": "top_k", "vocab_size": "vocab",
                 "tie_word_embeddings": "tied", "n_shared_experts": "shared_ffn"}
        self.case({"architecture.vocab": "vocab = 1000\n" + "\n".join(f"§{name} = 2" for name in names)},
                  *[(f"architecture.{name}", f"here it is {ours}") for name, ours in names.items()])
        self.case({"architecture.vocab": "vocab = 1000\n§sliding_window = 4096"},
                  ("architecture.sliding_window", "here it is window"))

    def test_names_of_config_json_in_a_space(self):
        self.job({"space.tied": "§hidden_size = [768]\n§num_hidden_layers = [4]\n§intermediate_size = [3072]\n"
                                "§kv_lora_rank = 512"},
                 ("space.hidden_size", "widths"), ("space.num_hidden_layers", "layers"),
                 ("space.intermediate_size", "expert_ffn_ratio"), ("space.kv_lora_rank", "mla"))


class OtherFiles(BadInput):
    def one_line(self, path, *words, commands=("search", "evaluate")):
        for command in commands:
            with self.subTest(path=str(path), command=command):
                run = self.rooflaw(command, path, expect=2)
                self.assertEqual((run.out, len(run.err.splitlines())), ("", 1), str(run))
                self.assertRegex(run.err, r"^[^:]+:\d+:\d+: ", str(run))
                for word in words:
                    self.assertIn(word, run.err, str(run))

    def test_other_kinds(self):
        self.one_line(self.write("config.json", '{"hidden_size": 896}'), "JSON", commands=["search"])
        self.one_line(self.write("case.txt", '{"hidden_size": 896}'), "JSON")
        self.one_line(self.write("model.gguf", b"GGUF\3\0\0\0" + bytes(100)), "GGUF")
        self.one_line(self.write("model.safetensors", b"\x40" + bytes(7) + b'{"a": {}}'), "safetensors")
        self.one_line(self.write("a.out", b"\x7fELF\2\1\1" + bytes(100)), "program")
        self.one_line(PROGRAM, "program")
        self.search(JOB)
        self.one_line("result.h5", "rooflaw inspect", "export")

    def test_where_a_table_is_expected(self):
        self.write("chip.toml", '{"bandwidth": 1}')
        self.write("job.toml", edit(JOB, {"targets.devices": 'devices = ["chip.toml"]'}))
        run = self.rooflaw("search", "job.toml", expect=2)
        self.assertIn("chip.toml:1:1: ", run.err)
        self.assertIn("JSON", run.err)

    def test_where_a_model_or_a_chip_is_expected(self):
        self.write("m.gguf", b"GGUF\3\0\0\0" + bytes(100))
        rest = ["--precision", "fp16", "--workload", "vla"]
        for arguments in (["--model", "m.gguf", "--device", "rk3588"],
                          ["--model", "qwen3-0.6b", "--device", "m.gguf"]):
            run = self.rooflaw("evaluate", *arguments, *rest, expect=2)
            self.assertIn("this is a GGUF file", run.err)

    def test_too_large(self):
        self.write("model.gguf", b"GGUF\3\0\0\0" + bytes(17 << 20))
        run = self.rooflaw("search", "model.gguf", expect=3)
        self.assertIn("GGUF", run.err)

    def test_a_case_is_no_job_and_a_job_no_case(self):
        self.one_line(self.write("case.toml", CASE), "rooflaw evaluate", commands=["search"])
        self.one_line(self.write("job.toml", JOB), "rooflaw search", commands=["evaluate"])
        self.one_line(INPUTS / "devices.toml", "file of tables")


if __name__ == "__main__":
    unittest.main()
