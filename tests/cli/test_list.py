"""`rooflaw list`: what the tables of the inputs folder hold."""

import json
import os
import shutil
import sys
import tomllib
import unittest

sys.dont_write_bytecode = True
from support import INPUTS, ProgramTest

TABLES = {"devices": "device", "precisions": "precision", "workloads": "workload", "models": "model"}


def table(name):
    return tomllib.loads((INPUTS / f"{name}.toml").read_text())[TABLES[name]]


def weights(model, active):
    """The weights of a model by its layer groups; `active`: of its experts those that a token passes."""
    d, total = model["width"], 0
    for group in model.get("group", [{}]):
        g = {"attention": "gqa", "ffn": "gated", "experts": 1, "top_k": 1, "shared_ffn": 0, "q_lora_rank": 0,
             **model, **group}
        mixer = ffn = 0
        if g["attention"] == "gqa":
            queries = g["heads"] * g["head_dim"]
            mixer = d * (queries + 2 * g["kv_heads"] * g["head_dim"]) + queries * d
        elif g["attention"] == "mla":
            nope, rope, value = g["qk_nope_head_dim"], g["qk_rope_head_dim"], g["v_head_dim"]
            rank, queries = g["kv_lora_rank"], g["heads"] * (nope + rope)
            low = g["q_lora_rank"]
            mixer = (low * (d + queries) if low else d * queries) + d * (rank + rope)
            mixer += rank * g["heads"] * (nope + value) + g["heads"] * value * d
        elif g["attention"] == "recurrent":
            mixer = g["mixer_weights"]
        if g["ffn"] != "none":
            hidden = g["top_k" if active else "experts"] * g["expert_ffn"] + g["shared_ffn"]
            ffn = {"gated": 3, "plain": 2}[g["ffn"]] * d * hidden + (d * g["experts"] if g["experts"] > 1 else 0)
        total += g["layers"] * (mixer + ffn)
    tables = 1 if model.get("tied", True) else 2
    return total + d * (tables * model["vocab"] + model.get("positions", 0))


class List(ProgramTest):
    def listed(self, *arguments):
        run = self.rooflaw("list", *arguments, "--json")
        self.assertEqual(run.err, "", str(run))
        return json.loads(run.out)

    def test_json_has_every_field_of_every_entry(self):
        for name in TABLES:
            with self.subTest(name):
                listed = self.listed(name)
                self.assertEqual([e["id"] for e in listed], [e["id"] for e in table(name)])
                for found, expected in zip(listed, table(name)):
                    for key, value in expected.items():
                        self.assertEqual(found[key], value, f"{expected['id']} {key}")

    def test_laws(self):
        ids = sorted(p.stem for p in (INPUTS / "laws").glob("*.toml"))
        self.assertEqual([e["id"] for e in self.listed("laws")], ids)

    def test_parameters_of_models(self):
        """As the layers' weights add up; norms, biases and small vectors, which are left out, are below 0.2 %.

        The output gates of attention are matrices: of qwen3.5 they are up to 2 %."""
        exact = 0
        for model in self.listed("models"):
            with self.subTest(model["id"]):
                self.assertEqual("not_expressible" in model, not model["expressible"])
                if not model["expressible"]:
                    self.assertNotIn("params_total", model)
                    continue
                self.assertEqual(model["params_total"], weights(model, active=False))
                self.assertEqual(model["params_active"], weights(model, active=True))
                if model.get("published_params_exact"):
                    self.assertLess(abs(model["params_total"] / model["published_params"] - 1),
                                    2e-2 if model["id"].startswith("qwen3.5-") else 2e-3)
                    exact += 1
        self.assertGreater(exact, 30)

    def test_a_line_each_with_the_telling_numbers(self):
        for name in (*TABLES, "laws"):
            with self.subTest(name):
                run = self.rooflaw("list", name)
                self.assertEqual(run.err, "", str(run))
                self.assertEqual([line.split()[0] for line in run.out.splitlines()],
                                 ["id"] + [e["id"] for e in self.listed(name)])
                self.assertNotIn("nan", run.out.lower().split())
        line = self.rooflaw("list", "devices", "agx-orin-64").out.splitlines()[1]
        for text in ("64 GiB", "204.8 GB/s", "42.5 TFLOP/s", "85 TFLOP/s", "datasheet"):
            self.assertIn(text, line)
        line = self.rooflaw("list", "models", "qwen2.5-0.5b").out.splitlines()[1]
        for text in ("24", "896", "494 M"):
            self.assertIn(text, line)
        line = self.rooflaw("list", "workloads", "vla").out.splitlines()[1]
        self.assertEqual(line.split()[1:4], ["1", "1024", "16"])
        line = self.rooflaw("list", "precisions", "q8_0").out.splitlines()[1]
        self.assertIn("1.0625", line)

    def test_a_word_is_looked_for_in_ids_and_names(self):
        for word in ("orin", "ORIN", "raspberry pi"):
            expected = [e["id"] for e in table("devices")
                        if word.lower() in e["id"] or word.lower() in e["name"].lower()]
            self.assertTrue(expected)
            self.assertEqual([e["id"] for e in self.listed("devices", word)], expected)

    def test_nothing_found(self):
        """An answer like any other, no error."""
        run = self.rooflaw("list", "devices", "zzz")
        self.assertEqual((run.out, run.err), ('none of the devices has "zzz" in its id or name\n', ""))
        self.assertEqual(self.listed("devices", "zzz"), [])

    def test_wrong_words(self):
        for arguments, expected in ((["device"], 'did you mean "devices"?'), (["chips"], '"devices"'),
                                    ([], "missing"), (["devices", "a", "b"], "usage")):
            with self.subTest(arguments):
                run = self.rooflaw("list", *arguments, expect=2)
                self.assertEqual(run.out, "", str(run))
                self.assertIn(expected, run.err, str(run))

    def test_tables_of_the_users_own(self):
        folder = self.folder / "mine"
        shutil.copytree(INPUTS, folder)
        (folder / "laws" / "notes.txt").write_text("no law\n")
        (folder / "devices.toml").write_text(
            '[[device]]\nid = "a"\nname = 3\nmemory_bytes = "8GiB"\nbandwidth = 1e11\n'
            'peak_flops = {fp16 = 1e12}\n'
            '[device.efficiency."*"]\nlayer_overhead = "20us"\n\n[[device]]\nid = "b"\nbandwidth = 1e11\npeak_flops = {fp32 = 1e12}\n')

        def run(*arguments, expect=0):
            command = ["env", f"ROOFLAW_INPUTS={folder}", os.environ.get("ROOFLAW"), "list", *arguments]
            return self.run_command(command, expect)
        a, b = json.loads(run("devices", "--json").out)
        self.assertEqual(a["memory_bytes"], 8 * 2**30)
        self.assertEqual(a["efficiency"]["*"]["layer_overhead"], 20e-6)
        self.assertNotIn("memory_bytes", b)
        lines = run("devices").out.splitlines()
        self.assertIn("8 GiB", lines[1])
        self.assertEqual(lines[2].split()[:2], ["b", "-"])
        run("laws")
        (folder / "devices.toml").write_text('[[device]]\nid = "a"\nbandwidth = -1\n')
        self.assertIn("device.bandwidth = -1", run("devices", expect=2).err)


if __name__ == "__main__":
    unittest.main()
