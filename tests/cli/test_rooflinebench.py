"""What of RooflineBench's findings (arXiv:2602.11506) the model says, as jobs/README.md has it, and the columns of
/intensity of its job."""

import json
import subprocess
import unittest

import h5py
import numpy

from support import PROGRAM, SOURCE, ProgramTest

WORKLOADS = "siso", "silo", "liso", "lilo"
PHASES = "prefill", "decode"
# 1.5 billion parameters, by depth and by attention.
SHAPE = "layers = {layers}\nwidth = {width}\nexpert_ffn = {ffn}\nvocab = 151936\ntied = true\n"
GQA = "heads = {heads}\nhead_dim = 128\nkv_heads = {kv}\n"
MLA = ('attention = "mla"\nheads = {heads}\nkv_lora_rank = 512\nqk_nope_head_dim = 128\nqk_rope_head_dim = 64\n'
       "v_head_dim = 128\n")


class Rooflinebench(ProgramTest):
    def intensity(self, architecture, precision="fp16", workload="siso", device="apple-m1-pro"):
        case = self.write("case.toml", f"[architecture]\n{architecture}\n[precision]\nid = \"{precision}\"\n"
                                       f"[device]\nid = \"{device}\"\n[workload]\nid = \"{workload}\"\n")
        done = subprocess.run([PROGRAM, "evaluate", case, "--json"], capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)["intensity"]

    def whole(self, *arguments, **keywords):
        """Of prompt and answer together."""
        i = self.intensity(*arguments, **keywords)
        return sum(i[p]["flops"] for p in PHASES) / sum(i[p]["bytes"] for p in PHASES)

    def test_long_prompts_raise_it_and_long_answers_lower_it(self):
        for model in "qwen2.5-1.5b", "smollm2-1.7b", "plm-1.8b", "fox-1-1.6b", "llama-3.2-1b":
            by = {w: self.whole(f'model = "{model}"', workload=w) for w in WORKLOADS}
            self.assertGreater(by["liso"], 5 * max(by["siso"], by["lilo"]), (model, by))
            self.assertGreater(min(by["siso"], by["lilo"]), by["silo"], (model, by))

    def test_fewer_bits_raise_it(self):
        for model in "qwen2.5-1.5b", "plm-1.8b":
            for phase in PHASES:
                by = [self.intensity(f'model = "{model}"', precision=p)[phase]["intensity"]
                      for p in ("fp16", "q8_0", "q4_k_m")]
                self.assertEqual(by, sorted(by))
                self.assertGreater(by[2], 2 * by[0])

    def test_depth_hardly_moves_it(self):
        """The regression with depth that they measure is none of operators: README.md says so."""
        for phase in PHASES:
            by = []
            for layers, width in ((14, 2560), (24, 2048), (44, 1536)):
                shape = SHAPE.format(layers=layers, width=width, ffn=4 * width)
                by.append(self.intensity(shape + GQA.format(heads=width // 128, kv=2))[phase]["intensity"])
            self.assertLess(max(by) / min(by), 1.05, by)

    def test_latents_are_worked_on_more_often_than_they_are_read(self):
        shape = SHAPE.format(layers=24, width=2048, ffn=8192)
        decode = {name: self.intensity(shape + attention.format(heads=16, kv=kv), workload="lilo")["decode"]
                  for name, attention, kv in (("mha", GQA, 16), ("gqa", GQA, 2), ("mla", MLA, 0))}
        self.assertLess(decode["mha"]["intensity"], decode["gqa"]["intensity"])
        self.assertLess(decode["gqa"]["intensity"], decode["mla"]["intensity"])
        self.assertLess(decode["mla"]["bytes"], decode["mha"]["bytes"])

    def test_ridges_are_those_of_the_data_sheets(self):
        for device, ridge in (("apple-m1-pro", 5.2e12 / 200e9), ("rtx-3070-ti-laptop", None)):
            found = self.intensity('model = "qwen2.5-1.5b"', device=device)
            if ridge is not None:
                self.assertAlmostEqual(1, found["ridge_intensity"] / ridge, delta=0.02)
            decode = found["decode"]
            self.assertLess(decode["intensity"], found["ridge_intensity"])
            self.assertAlmostEqual(decode["potential"],
                                   numpy.hypot(decode["intensity_gap"], decode["flops_gap"] / 1e9), delta=1e-6)

    def test_the_job_has_them_beside_every_point(self):
        done = subprocess.run([PROGRAM, "search", SOURCE / "jobs/rooflinebench.toml", "-o", "r.h5"], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        with h5py.File(self.folder / "r.h5") as file:
            frontiers = file["frontiers/codesign-2026"]
            self.assertEqual(set(frontiers), set(file["intensity"]))
            for name, group in file["intensity"].items():
                self.assertEqual("codesign-2026", group.attrs["law"])
                rows = frontiers[name]
                self.assertEqual(rows["loss"].shape, group["ridge_intensity"].shape)
                for phase in PHASES:
                    flops, rate = group[f"{phase}_flops"][:], group[f"{phase}_attained_flops"][:]
                    numpy.testing.assert_allclose(rows[f"{phase}_s"][:], flops / rate, rtol=1e-12)
                    numpy.testing.assert_allclose(group[f"{phase}_intensity"][:], flops / group[f"{phase}_bytes"][:],
                                                  rtol=1e-12)


if __name__ == "__main__":
    unittest.main()
