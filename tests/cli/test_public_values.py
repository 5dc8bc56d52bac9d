"""What the program says of public models is what their users report."""

import sys
import unittest

sys.dont_write_bytecode = True
from support import ProgramTest

ORIN_NANO = "jetson-orin-nano-super-8gb"
GIB, MIB = 2**30, 2**20


class PublicValues(ProgramTest):
    def of(self, model, precision="fp16", tokens=(1, 1), device=ORIN_NANO, engine=None):
        """`evaluate --json` of a prompt and an answer of so many tokens."""
        return self.evaluate({
            "architecture": {"model": model}, "device": {"id": device}, "precision": {"id": precision},
            "workload": {"batch": 1, "input_tokens": tokens[0], "output_tokens": tokens[1]},
            **({"engine": engine} if engine else {})})

    def kv(self, model, tokens, **options):
        return self.of(model, tokens=(tokens, 0), **options)["memory"]["kv"]

    def test_cache_of_a_token(self):
        for model, expected in (("llama-3-8b", 131072), ("mistral-small-24b", 163840), ("qwen3-32b", 262144)):
            with self.subTest(model):
                self.assertEqual(self.kv(model, 1000) / 1000, expected)

    def test_windows_keep_no_more_than_their_tokens(self):
        # Ten of 62 layers attend all tokens, 52 a window of 1,024; 16 KV heads of 128.
        layer = 2 * 16 * 128 * 2
        for tokens in (500, 1024, 30000):
            with self.subTest(tokens):
                self.assertEqual(self.kv("gemma-3-27b", tokens),
                                 layer * (10 * tokens + 52 * min(tokens, 1024)))
        # Half of 24 layers attend all tokens: all together 49,152 bytes a token while windows are not full.
        self.assertEqual(self.kv("gpt-oss-20b", 128) / 128, 49152)
        self.assertEqual((self.kv("gpt-oss-20b", 30000) - self.kv("gpt-oss-20b", 20000)) / 10000, 24576)

    def test_a_cache_of_one_byte_elements(self):
        case = {"architecture": {"model": "gpt-oss-120b"}, "device": {"id": ORIN_NANO},
                "precision": {"id": "mxfp4", "kv_bytes": 1},
                "workload": {"batch": 1, "input_tokens": 65536, "output_tokens": 0}}
        self.assertAlmostEqual(self.evaluate(case)["memory"]["kv"] / GIB, 1.13, delta=0.01)

    def test_states_beside_a_cache(self):
        self.assertEqual(self.kv("lfm2-1.2b", 4096), 48 * MIB + 80 * 1024)

    def test_latents_that_are_stored_expanded(self):
        self.assertEqual(self.kv("deepseek-v3", 2048, engine={"mla": "expanded"}), 9760 * MIB)

    def test_parameters_but_for_norms_and_biases(self):
        for model, published, left_out in (("gemma-2-2b", 2614341888, 26 * 4 * 2304 + 2304),
                                           ("deepseek-v2-lite", 15.7065e9, 1e6)):
            with self.subTest(model):
                params = self.of(model)["params_total"]
                self.assertLessEqual(params, published)
                self.assertLessEqual(published - params, left_out)

    def test_sizes_of_files(self):
        for model, precision, gigabytes, share in (("gpt-oss-20b", "mxfp4", 13.74, 0.01),
                                                   ("tinyllama-1.1b", "q4_k_m", 0.667, 0.02)):
            with self.subTest(model):
                weights = self.of(model, precision)["memory"]["weights"] / 1e9
                self.assertLessEqual(abs(weights / gigabytes - 1), share, weights)

    def test_a_long_prompt_fits_in_chunks_and_not_at_once(self):
        long = {"precision": "q4_k_m", "tokens": (130000, 16)}
        chunked = self.of("llama-3.2-1b", **long, engine={"prefill_chunk": 512})
        at_once = self.of("llama-3.2-1b", **long, engine={"prefill_chunk": 0})
        self.assertTrue(chunked["fits"])
        self.assertAlmostEqual(sum(chunked["memory"].values()) / GIB, 4.7, delta=0.1)
        self.assertFalse(at_once["fits"])


if __name__ == "__main__":
    unittest.main()
