"""inputs/: measured speeds, energies and quantisations are sound, agree with the other tables and with physics.

Sizes and rooflines are computed here from the tables alone; the program is not run."""

import collections
import csv
import pathlib
import re
import unittest

from test_inputs import (DEVICES, EXPRESSIBLE, GIB, INPUTS, MODELS, PRECISIONS, by_id, ffn_weights, groups, kv_bytes,
                         mixer_weights, table, weight_bytes)

QUANTISATIONS = by_id(table("quantisations.toml", "quantisation"))
BYTES = {"weight_bytes", "attention_weight_bytes", "ffn_weight_bytes", "head_bytes", "embedding_bytes",
         "activation_bytes", "kv_bytes", "input_bytes", "matmul", "attention"}
COLUMNS = ("device unit engine engine_text build power_mode model model_printed precision precision_printed weights_gib "
           "threads batch phase input_tokens output_tokens context_depth tokens_per_second stddev flash_attention ubatch "
           "kind doubt source licence note").split()
ENERGY_COLUMNS = ("device unit engine power_mode model precision precision_printed phase input_tokens output_tokens "
                  "power_w energy_j_per_token tokens_per_second rail rail_printed doubt source note").split()
# Models that were measured, but whose shape was not found
NO_SHAPE = {"deepseek-v4-flash", "telechat2-3b", "gemma-4-e2b", "indus-1b", "plamo-1b"}
# Where the bytes of a quantisation do not give the printed size, and why
OWN_SIZE = {
    ("gemma-3-27b", "ud-q4_k_xl"): "dynamic mix", ("qwen3.5-35b-a3b", "ud-q4_k_xl"): "dynamic mix",
    ("qwen3.5-35b-a3b", "iq4_xs"): "dynamic mix",
    ("qwen2.5-0.5b", "q4_0"): "width no multiple of 256: larger blocks",
    ("nemotron-3-nano-4b", "q4_k_m"): "width no multiple of 256: larger blocks",
    ("gemma-3-4b", "q4_0"): "table in 8 bit",
    ("qwen3-1.7b", "fp16"): "tied table twice in the file",
    ("llama-3.2-1b", "executorch-w4a8-g32"): "tied table twice in the file",
    ("llama-3.2-3b", "executorch-w4a8-g32"): "tied table twice in the file",
}


def rows_of(file):
    with (INPUTS / file).open(newline="") as stream:
        return list(csv.reader(stream, strict=True))


MEASURED = [dict(zip(COLUMNS, row)) for row in rows_of("measured.csv")[1:]]
ENERGY = [dict(zip(ENERGY_COLUMNS, row)) for row in rows_of("energy.csv")[1:]]
UNDOUBTED = [r for r in MEASURED if not r["doubt"]]


def source_table(name):
    """A table that ours was made from, where this tree stands beside it."""
    for folder in list(INPUTS.parents)[1:4]:
        path = folder / "shared" / "data" / name
        if path.exists():
            with path.open(newline="") as stream:
                return list(csv.DictReader(stream))
    return None


def format_of(name):
    """The precision that an id of either table stands for."""
    found = QUANTISATIONS.get(name) or PRECISIONS[name]
    return PRECISIONS[found["precision"]] if "precision" in found else found


def reason_not_usable(row):
    if row["model"] in NO_SHAPE:
        return "shape not found"
    if row["model"] not in EXPRESSIBLE:
        return "not expressible"
    if not row["precision"] and not row["weights_gib"]:
        return "precision unknown"
    return ""


def decode_bytes(row):
    """Weights read for a token, and the cache in the middle of the test.  Where a size is printed, the weights follow it,
    but for files with a table twice, of which a token reads one."""
    model, p = MODELS[row["model"]], format_of(row["precision"])
    d = model["width"]
    attention = p.get("attention_weight_bytes", p["weight_bytes"])
    ffn = p.get("ffn_weight_bytes", p["weight_bytes"])
    weights = (sum(g["layers"] * (mixer_weights(g, d) * attention + ffn_weights(g, d, g["top_k"]) * ffn)
                   for g in groups(model)) + model["vocab"] * d * p.get("head_bytes", p["weight_bytes"]))
    if row["weights_gib"] and "twice" not in OWN_SIZE.get((row["model"], row["precision"]), ""):
        weights *= float(row["weights_gib"]) * GIB / weight_bytes(model, p)
    context = int(row["context_depth"] or 0) + int(row["output_tokens"] or 0) / 2
    return weights + kv_bytes(model, context, p["kv_bytes"])


class Quantisations(unittest.TestCase):
    def test_entries_are_another_name_or_a_format(self):
        printed = [name.lower() for name in QUANTISATIONS]
        self.assertEqual(len(QUANTISATIONS), len(table("quantisations.toml", "quantisation")))
        self.assertFalse(set(QUANTISATIONS) & set(PRECISIONS))
        for name, q in QUANTISATIONS.items():
            with self.subTest(name):
                self.assertRegex(name, r"\A[a-z0-9._-]+\Z")
                self.assertTrue(q["source"].strip())
                self.assertIn(q["confidence"], ("definition", "derived", "estimate"))
                self.assertLessEqual(set(q), BYTES | {"id", "name", "names", "precision", "source", "confidence", "notes"})
                printed += [n.lower() for n in q.get("names", []) if n.lower() != name]
                self.assertFalse({n.lower() for n in q.get("names", [])} & set(PRECISIONS) - {q.get("precision")})
                if "precision" in q:
                    self.assertFalse(BYTES & set(q))
                    self.assertIn(q["precision"], PRECISIONS)
                    self.assertTrue(q["names"])
                else:
                    self.assertLessEqual({"weight_bytes", "activation_bytes", "kv_bytes", "input_bytes", "matmul"}, set(q))
                    for key in BYTES & set(q) - {"matmul", "attention"}:
                        self.assertTrue(0.1 <= q[key] <= 2, key)
        self.assertEqual(sorted(printed), sorted(set(printed)), "a name stands twice")

    def test_blocks_of_one_format(self):
        """Bytes of a block over its weights."""
        for name, size in (("q4_1", 20 / 32), ("q5_0", 22 / 32), ("q5_1", 24 / 32), ("q6_k", 210 / 256), ("q5_k_s", 176 / 256),
                           ("q3_k_s", 110 / 256), ("q1_0", 18 / 128), ("q2_0", 34 / 128), ("tq1_0", 54 / 256), ("tq2_0", 66 / 256),
                           ("mlx-q4", 36 / 64), ("mlx-q4-g32", 20 / 32), ("mlx-q8", 68 / 64), ("q4f16_1", 18 / 32)):
            with self.subTest(name):
                p = format_of(name)
                for key in ("weight_bytes", "attention_weight_bytes", "ffn_weight_bytes"):
                    self.assertAlmostEqual(p.get(key, p["weight_bytes"]), size, places=5)

    def test_the_bytes_give_the_printed_sizes(self):
        seen = collections.Counter()
        for row in MEASURED:
            key = row["model"], row["precision"]
            if not row["weights_gib"] or not row["precision"] or key[0] not in EXPRESSIBLE:
                continue
            ratio = weight_bytes(MODELS[key[0]], format_of(key[1])) / GIB / float(row["weights_gib"])
            seen[key] += 1
            with self.subTest(key):
                if key in OWN_SIZE:
                    self.assertTrue(0.73 < ratio < 1.07, ratio)
                else:
                    self.assertAlmostEqual(ratio, 1, delta=0.02)
        self.assertGreaterEqual(len(seen), 40)
        self.assertLessEqual(set(OWN_SIZE), set(seen))


class Measured(unittest.TestCase):
    def test_every_row_has_every_column(self):
        for file, columns in (("measured.csv", COLUMNS), ("energy.csv", ENERGY_COLUMNS)):
            rows = rows_of(file)
            self.assertEqual(rows[0], columns)
            for number, row in enumerate(rows[1:], 2):
                self.assertEqual(len(row), len(columns), f"{file}:{number}")
                self.assertEqual(row, [field.strip() for field in row], f"{file}:{number}")

    def test_names_are_those_of_the_other_tables(self):
        units = collections.defaultdict(set)
        for number, r in enumerate(MEASURED, 2):
            with self.subTest(number):
                self.assertIn(r["device"], DEVICES)
                self.assertIn(r["unit"], ("gpu", "cpu", "npu", "gpu+cpu"))
                self.assertRegex(r["engine"], r"\A[a-z0-9._-]+\Z")
                self.assertRegex(r["power_mode"], r"\A[a-z0-9-]*\Z")
                self.assertTrue(r["model"] in MODELS or r["model"] in NO_SHAPE)
                self.assertFalse(r["model"] in MODELS and r["model"] in NO_SHAPE)
                self.assertIn(r["phase"], ("decode", "prefill"))
                self.assertIn(r["kind"], ("measured", "from-ttft", "prompt-and-decode"))
                self.assertIn(r["flash_attention"], ("", "0", "1"))
                for key in ("engine_text", "model_printed", "precision_printed", "source", "licence"):
                    self.assertTrue(r[key])
                if r["precision"]:
                    self.assertIn(format_of(r["precision"])["matmul"], DEVICES[r["device"]]["peak_flops"])
            units[r["engine"]].add(r["unit"])
        for name, found in units.items():
            self.assertTrue(len(found) == 1 or name == "unknown", f"{name}: {found}")

    def test_numbers_are_numbers(self):
        for number, r in enumerate(MEASURED, 2):
            with self.subTest(number):
                speed = float(r["tokens_per_second"])
                self.assertTrue(0 < speed < 1e6)
                self.assertLess(float(r["stddev"] or 0), 0.8 * speed)
                self.assertTrue(0 < float(r["weights_gib"] or 1) < 200)
                self.assertEqual(r["batch"], "1")
                for key in ("threads", "input_tokens", "output_tokens", "context_depth", "ubatch"):
                    self.assertRegex(r[key], r"\A\d*\Z")
                if r["phase"] == "prefill":
                    self.assertNotEqual(r["input_tokens"], "0")
                    self.assertFalse(r["input_tokens"] and not r["context_depth"])
                else:
                    self.assertNotEqual(r["output_tokens"], "0")
                self.assertFalse(r["kind"] == "prompt-and-decode" and not r["doubt"])

    def test_rooflinebench(self):
        rows = [r for r in MEASURED if r["source"].startswith("RooflineBench")]
        self.assertEqual(len(rows), 200)
        for r in rows:
            self.assertEqual(r["context_depth"], "0")
            self.assertEqual(r["input_tokens"] == "0", r["phase"] == "decode")
            self.assertEqual(r["threads"], "1" if r["device"] == "raspberry-pi-5" else "")
        doubted = [(r["model"], r["precision"], r["phase"], r["tokens_per_second"]) for r in rows if r["doubt"]]
        self.assertEqual(doubted, [("qwen3-0.6b", "q4_k_m", "decode", "100"), ("qwen3-0.6b", "q4_k_m", "decode", "160")])

    def test_nothing_undoubted_is_faster_than_its_roofline(self):
        """Weights and cache once a token within the bandwidth; two FLOP a weight within 1.2 of the peak, for int8 kernels."""
        counted = 0
        for number, r in enumerate(MEASURED, 2):
            if r["doubt"] or reason_not_usable(r) or not r["precision"]:
                continue
            device, speed = DEVICES[r["device"]], float(r["tokens_per_second"])
            with self.subTest(number):
                counted += 1
                if r["phase"] == "decode":
                    self.assertLessEqual(speed * decode_bytes(r), device["bandwidth"])
                else:
                    model = MODELS[r["model"]]
                    weights = sum(g["layers"] * (mixer_weights(g, model["width"]) + ffn_weights(g, model["width"], g["top_k"]))
                                  for g in groups(model))
                    peak = device["peak_flops"][format_of(r["precision"])["matmul"]]
                    self.assertLessEqual(speed * 2 * weights, 1.2 * peak)
        self.assertGreater(counted, 1300)

    def test_most_rows_can_be_used(self):
        """85 % of those without a doubt; the others as README.md names them."""
        lost = collections.Counter(filter(None, map(reason_not_usable, UNDOUBTED)))
        self.assertGreaterEqual(1 - sum(lost.values()) / len(UNDOUBTED), 0.85)
        self.assertEqual(lost, {"not expressible": 14, "shape not found": 28})
        usable = [r for r in UNDOUBTED if not reason_not_usable(r)]
        found = collections.defaultdict(list)
        for r in usable:
            found[r["device"], r["engine"], r["power_mode"]].append(r["model"])
        full = sum(len(models) >= 6 and len(set(models)) >= 3 for models in found.values())
        text = " ".join((INPUTS / "README.md").read_text().split())
        phases = collections.Counter(r["phase"] for r in MEASURED)
        for sentence in (
                f"{len(MEASURED)} speeds: {phases['decode']} of decode, {phases['prefill']} of prefill; "
                f"{len(MEASURED) - len(UNDOUBTED)} with a doubt",
                f"{len({r['device'] for r in MEASURED})} with rows in `measured.csv`",
                f"Of the {len(UNDOUBTED)} rows without a doubt {len(usable)} (97 %) can be computed, "
                f"{sum(not r['context_depth'] for r in usable)} of them of unknown depth. The other {sum(lost.values())}:",
                f"they are {len(found)} groups, {full} of them with three models and six rows or more",
                f"{len(QUANTISATIONS)} names that engines print", f"{len(ENERGY)} powers or energies"):
            self.assertIn(sentence, text)
        for name in NO_SHAPE:
            self.assertIn(f"`{name}` {sum(r['model'] == name for r in UNDOUBTED)}", text)

    def test_speeds_and_doubts_are_those_of_the_source_tables(self):
        """Checked where the source tables stand beside the tree."""
        more, first = source_table("measured_more.csv"), source_table("measured.csv")
        if more is None or first is None:
            return
        split = len(MEASURED) - len(more)
        self.assertEqual(split, sum(bool(r[k]) for r in first for k in ("prefill_tps", "decode_tps")))
        self.assertEqual([r["tokens_per_second"] for r in MEASURED[:split]],
                         [r[k] for r in first for k in ("prefill_tps", "decode_tps") if r[k]])
        for ours, source in zip(MEASURED[split:], more):
            for key in ("device", "unit", "phase", "tokens_per_second", "stddev", "weights_gib", "threads", "source", "input_tokens"):
                self.assertEqual(ours[key], source[key])
            self.assertTrue(ours["doubt"] == source["doubt"] or (ours["doubt"].startswith("ours:") and not source["doubt"]))


class Energy(unittest.TestCase):
    def test_rows(self):
        for number, r in enumerate(ENERGY, 2):
            with self.subTest(number):
                self.assertIn(r["device"], DEVICES)
                self.assertIn(r["model"], MODELS)
                self.assertTrue(not r["precision"] or r["precision"] in PRECISIONS or r["precision"] in QUANTISATIONS)
                self.assertIn(r["phase"], ("decode", "prefill", "prefill+decode"))
                self.assertIn(r["rail"], ("soc-compute", "module", "wall-peak", "wall-average"))
                self.assertTrue(r["rail_printed"] and r["source"] and (r["power_w"] or r["energy_j_per_token"]))
                self.assertEqual(r["rail"].startswith("wall"), bool(re.search("wall", r["rail_printed"])))
                if r["power_w"] and r["energy_j_per_token"] and r["tokens_per_second"]:
                    power = float(r["energy_j_per_token"]) * float(r["tokens_per_second"])
                    self.assertAlmostEqual(power / float(r["power_w"]), 1, delta=0.06)

    def test_readme_counts_the_rails(self):
        text = (INPUTS / "README.md").read_text()
        for rail, count in collections.Counter(r["rail"] for r in ENERGY).items():
            self.assertIn(f"`{rail}` {count}", text)


if __name__ == "__main__":
    unittest.main()
