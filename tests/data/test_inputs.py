"""inputs/: the tables are sound, and give the parameter counts, caches and file sizes that are published.

Weights, parameters and caches are computed here from the tables alone; the program is not run."""

import pathlib
import re
import tomllib
import unittest

INPUTS = pathlib.Path(__file__).resolve().parents[2] / "inputs"
MIB, GIB = 2**20, 2**30
CONFIDENCE = {
    "device": {"datasheet", "derived", "estimate"},
    "model": {"looked-up", "partly", "recalled"},
    "precision": {"definition", "measured", "estimate"},
    "workload": {"published", "assumption"},
    "law": {"published", "fitted"},
}
COMPUTE_TYPES = {"fp32", "fp16", "bf16", "int8", "int4", "fp8", "fp4"}


def table(file, kind):
    return tomllib.loads((INPUTS / file).read_text())[kind]


def by_id(entries):
    return {entry["id"]: entry for entry in entries}


DEVICES = by_id(table("devices.toml", "device"))
MODELS = by_id(table("models.toml", "model"))
PRECISIONS = by_id(table("precisions.toml", "precision"))
WORKLOADS = by_id(table("workloads.toml", "workload"))
LAWS = [law for file in sorted((INPUTS / "laws").glob("*.toml")) for law in tomllib.loads(file.read_text())["law"]]
EXPRESSIBLE = {name: m for name, m in MODELS.items() if "not_expressible" not in m}

COMMON = {"width", "vocab", "tied", "positions"}
GQA = {"heads", "head_dim", "kv_heads", "window"}
MLA = {"heads", "kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"}
RECURRENT = {"mixer_weights", "mixer_width", "state_elements", "state_flops"}
FFN = {"expert_ffn", "experts", "top_k", "shared_ffn", "ffn_sparsity"}
LAYER = {"layers", "attention", "ffn"} | GQA | MLA | RECURRENT | FFN
DESCRIPTION = {"id", "name", "source", "confidence", "checked", "notes", "not_expressible",
               "published_params", "published_params_exact", "published_params_active", "training_tokens",
               "perplexity_wikitext2", "perplexity_source", "perplexity_notes"}
DEFAULTS = {"attention": "gqa", "window": 0, "ffn": "gated", "experts": 1, "top_k": 1, "shared_ffn": 0,
            "ffn_sparsity": 0.0}


# ---------------------------------------------------------------- the model's formulas

def groups(model):
    """The layer groups, each with all its fields."""
    shared = DEFAULTS | {key: model[key] for key in LAYER if key in model}
    return [shared | group for group in model.get("group", [{}])]


def mixer_weights(g, d):
    if g["attention"] == "gqa":
        q = g["heads"] * g["head_dim"]
        return d * (q + 2 * g["kv_heads"] * g["head_dim"]) + q * d
    if g["attention"] == "mla":
        h, c, n, r, v = (g[k] for k in ("heads", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"))
        low = g["q_lora_rank"]
        query = d * low + low * h * (n + r) if low else d * h * (n + r)
        return query + d * (c + r) + c * h * (n + v) + h * v * d
    return g.get("mixer_weights", 0)


def ffn_weights(g, d, experts):
    if g["ffn"] == "none":
        return 0
    return {"gated": 3, "plain": 2}[g["ffn"]] * d * (experts * g["expert_ffn"] + g["shared_ffn"])


def router_weights(g, d):
    return d * g["experts"] if g["ffn"] != "none" and g["experts"] > 1 else 0


def parameters(model, active=False):
    d = model["width"]
    layers = sum(g["layers"] * (mixer_weights(g, d) + ffn_weights(g, d, g["top_k" if active else "experts"])
                                + router_weights(g, d)) for g in groups(model))
    return layers + model["vocab"] * d * (1 if model["tied"] else 2) + model.get("positions", 0) * d


def weight_bytes(model, precision):
    d, p = model["width"], precision
    attention = p.get("attention_weight_bytes", p["weight_bytes"])
    ffn = p.get("ffn_weight_bytes", p["weight_bytes"])
    head = p.get("head_bytes", p["weight_bytes"])
    table_bytes = p.get("embedding_bytes", head)
    layers = sum(g["layers"] * (mixer_weights(g, d) * attention + ffn_weights(g, d, g["experts"]) * ffn
                                + router_weights(g, d) * p["activation_bytes"]) for g in groups(model))
    return (layers + model["vocab"] * d * (head + (0 if model["tied"] else table_bytes))
            + model.get("positions", 0) * d * table_bytes)


def cache_elements(g, expanded):
    if g["attention"] == "gqa":
        return 2 * g["kv_heads"] * g["head_dim"]
    if g["attention"] == "mla":
        if expanded:
            return g["heads"] * (g["qk_nope_head_dim"] + g["qk_rope_head_dim"] + g["v_head_dim"])
        return g["kv_lora_rank"] + g["qk_rope_head_dim"]
    return 0


def kv_bytes(model, tokens, element=2, expanded=False):
    """Cache of attention layers for one sequence; a windowed layer keeps its window."""
    return sum(g["layers"] * cache_elements(g, expanded) * element * (min(tokens, g["window"]) if g["window"] else tokens)
               for g in groups(model))


def state_bytes(model, element=2):
    return sum(g["layers"] * g["state_elements"] * element for g in groups(model) if g["attention"] == "recurrent")


# ---------------------------------------------------------------- what the count leaves out
#
# Per model what its checkpoint has beside the matrices.  Default: one RMS norm ahead of each mixer and each FFN, and a
# final one.  Keys: norms (per sublayer), layer_norm (with bias), parallel (mixer and FFN behind one norm), split (mixers
# of one layer written as two groups: one norm less), qkv_bias, o_bias, qk_norm head | full, sinks, output_gate, ffn_bias,
# expert_bias, router_bias, head_bias, shared_gate, conv (channels are the width), mamba2 (heads, gated norm), gdn, mamba1.

QWEN2, QK, QKFULL = {"qkv_bias": True}, {"qk_norm": "head"}, {"qk_norm": "full"}
QWEN35 = QK | {"output_gate": True, "gdn": True}
GEMMA3 = {"norms": 2, "qk_norm": "head"}
NEOX = {"layer_norm": True, "qkv_bias": True, "o_bias": True, "ffn_bias": True}
GPT_OSS = {"qkv_bias": True, "o_bias": True, "sinks": True, "expert_bias": True, "router_bias": True}
LFM2 = {"qk_norm": "head", "conv": True}
BESIDE = {
    "qwen2.5-0.5b": QWEN2, "qwen2.5-1.5b": QWEN2, "qwen2.5-3b": QWEN2, "qwen2.5-7b": QWEN2, "qwen2.5-14b": QWEN2,
    "qwen2.5-32b": QWEN2, "qwen1.5-moe-a2.7b": QWEN2 | {"shared_gate": True},
    "qwen-1.8b": QWEN2, "qwen1.5-0.5b": QWEN2, "qwen2-0.5b": QWEN2, "qwen2-1.5b": QWEN2, "qwen2-7b": QWEN2,
    "qwen3-0.6b": QK, "qwen3-1.7b": QK, "qwen3-4b": QK, "qwen3-8b": QK, "qwen3-14b": QK, "qwen3-32b": QK,
    "qwen3-30b-a3b": QK,
    "qwen3-next-80b-a3b": QWEN35 | {"shared_gate": True}, "qwen3.5-35b-a3b": QWEN35 | {"shared_gate": True},
    "qwen3.5-0.8b": QWEN35, "qwen3.5-2b": QWEN35, "qwen3.5-4b": QWEN35, "qwen3.5-27b": QWEN35,
    "gemma-2-2b": {"norms": 2}, "gemma-2-9b": {"norms": 2},
    "gemma-3-270m": GEMMA3, "gemma-3-1b": GEMMA3, "gemma-3-4b": GEMMA3, "gemma-3-12b": GEMMA3, "gemma-3-27b": GEMMA3,
    "olmo-2-1b": QKFULL, "olmo-2-7b": QKFULL, "olmo-2-13b": QKFULL, "olmoe-1b-7b": QKFULL,
    "pythia-160m": NEOX, "pythia-410m": NEOX, "gpt2": NEOX,
    "gpt-oss-20b": GPT_OSS, "gpt-oss-120b": GPT_OSS,
    "phi-3.5-moe": {"layer_norm": True, "qkv_bias": True, "o_bias": True, "head_bias": True},
    "falcon-7b": {"layer_norm": True, "parallel": True},
    "deepseek-v3": {"router_bias": True},
    "lfm2-350m": LFM2, "lfm2-700m": LFM2, "lfm2-1.2b": LFM2, "lfm2-2.6b": LFM2,
    "granite-4.0-h-tiny": {"mamba2": (48, 1)}, "granite-4.0-h-small": {"mamba2": (128, 1)},
    "nemotron-nano-9b-v2": {"mamba2": (128, 1)},
    "falcon-h1-0.5b": {"mamba2": (24, 0), "split": True},
    "falcon-mamba-7b": {"mamba1": 16},
}

# Recurrent layers again, from the numbers of the configs: (width, inner, groups, state, heads) of Mamba-2, kernel 4
MAMBA2 = {
    "granite-4.0-h-350m": (768, 48 * 32, 1, 128, 48), "granite-4.0-h-1b": (1536, 48 * 64, 1, 128, 48),
    "granite-4.0-h-micro": (2048, 64 * 64, 1, 128, 64), "granite-4.0-h-tiny": (1536, 48 * 64, 1, 128, 48),
    "granite-4.0-h-small": (4096, 128 * 64, 1, 128, 128), "nemotron-nano-9b-v2": (4480, 128 * 80, 8, 128, 128),
    "nemotron-3-nano-4b": (3136, 96 * 80, 8, 128, 96), "nemotron-h-8b": (4096, 128 * 64, 8, 128, 128),
    "falcon-h1-0.5b": (1024, 24 * 64, 1, 128, 24), "falcon-h1-1.5b": (2048, 48 * 64, 1, 256, 48),
    "falcon-h1-3b": (2560, 32 * 128, 1, 256, 32), "falcon-h1-7b": (3072, 24 * 128, 1, 256, 24),
}
# (width, key heads, value heads, size of both) of Gated DeltaNet, kernel 4
DELTA = {"qwen3-next-80b-a3b": (2048, 16, 32, 128), "qwen3.5-35b-a3b": (2048, 16, 32, 128),
         "qwen3.5-0.8b": (1024, 16, 16, 128), "qwen3.5-2b": (2048, 16, 16, 128), "qwen3.5-4b": (2560, 16, 32, 128),
         "qwen3.5-27b": (5120, 16, 48, 128)}


def beside(name, model):
    """Norms, biases and other vectors of a checkpoint, from the shape."""
    d, b = model["width"], BESIDE.get(name, {})
    norm = 2 * d if b.get("layer_norm") else d
    total = norm + (model["vocab"] if b.get("head_bias") else 0)
    for g in groups(model):
        n = 0
        mixer = g["attention"]
        sublayers = (mixer != "none") + (g["ffn"] != "none")
        if b.get("parallel"):
            sublayers = 1
        if b.get("split") and mixer == "gqa":
            sublayers = 0
        n += sublayers * b.get("norms", 1) * norm
        if mixer == "gqa":
            q, kv = g["heads"] * g["head_dim"], g["kv_heads"] * g["head_dim"]
            n += (q + 2 * kv if b.get("qkv_bias") else 0) + (d if b.get("o_bias") else 0)
            n += {"head": 2 * g["head_dim"], "full": q + kv, None: 0}[b.get("qk_norm")]
            n += (g["heads"] if b.get("sinks") else 0) + (d * q if b.get("output_gate") else 0)
        if mixer == "mla":
            n += g["kv_lora_rank"] + g["q_lora_rank"]
        if mixer == "recurrent":
            m = g["mixer_width"]
            if b.get("conv"):
                n += 3 * d
            if "mamba2" in b:                       # kernel 4 and bias per channel; decay, skip, bias of the step per head
                heads, gated_norm = b["mamba2"]
                _, _, blocks, state, _ = MAMBA2[name]
                n += 5 * (m + 2 * blocks * state) + 3 * heads + gated_norm * m
            if "mamba1" in b:                       # the same, but decay a matrix
                n += 5 * m + b["mamba1"] * m + 2 * m
            if "gdn" in b:                          # kernel 4 without bias; decay and bias per head; norm of a head
                _, keys, values, size = DELTA[name]
                n += 4 * (2 * keys + values) * size + 2 * values + size
        if g["ffn"] != "none":
            f, e = g["expert_ffn"], g["experts"]
            n += (f + d) if b.get("ffn_bias") else 0
            n += e * (2 * f + d) if b.get("expert_bias") else 0
            n += e if b.get("router_bias") and e > 1 else 0
            n += d if b.get("shared_gate") else 0
        total += g["layers"] * n
    return total


class Tables(unittest.TestCase):
    def test_ids_are_sound_and_unique(self):
        for file, kind in (("devices.toml", "device"), ("models.toml", "model"), ("precisions.toml", "precision"),
                           ("workloads.toml", "workload")):
            ids = [entry["id"] for entry in table(file, kind)]
            self.assertEqual(len(ids), len(set(ids)), file)
            for name in ids:
                self.assertRegex(name, r"\A[a-z0-9._-]+\Z")

    def test_every_entry_has_a_source_and_a_confidence(self):
        for kind, entries in (("device", DEVICES.values()), ("model", MODELS.values()), ("law", LAWS),
                              ("precision", PRECISIONS.values()), ("workload", WORKLOADS.values())):
            for entry in entries:
                with self.subTest(entry["id"]):
                    self.assertTrue(entry["source"].strip())
                    self.assertIn(entry["confidence"], CONFIDENCE[kind])
                    if kind in ("device", "model"):
                        self.assertIn(entry["checked"], ("two-sources", "one-source", "recalled"))

    def test_the_readme_counts_them(self):
        text = (INPUTS / "README.md").read_text()
        rows = dict(re.findall(r"^\| `(\S+)` \| `\[\[\w+\]\]` \| (\d+)", text, re.M))
        for file, entries in (("devices.toml", DEVICES), ("models.toml", MODELS), ("precisions.toml", PRECISIONS),
                              ("workloads.toml", WORKLOADS), ("laws/*.toml", LAWS)):
            self.assertEqual(int(rows[file]), len(entries), file)
        said = re.search(r"(\d+) expressible \((\d+) of them with groups\), (\d+) not; shapes looked up (\d+), partly (\d+), "
                         r"recalled (\d+); (\d+) with a perplexity", text)
        share = {c: sum(m["confidence"] == c for m in MODELS.values()) for c in CONFIDENCE["model"]}
        self.assertEqual([int(n) for n in said.groups()],
                         [len(EXPRESSIBLE), sum("group" in m for m in EXPRESSIBLE.values()),
                          len(MODELS) - len(EXPRESSIBLE), share["looked-up"], share["partly"], share["recalled"],
                          sum("perplexity_wikitext2" in m for m in MODELS.values())])
        self.assertIn(f"{sum('usable_memory_bytes' in d for d in DEVICES.values())} with a usable memory", text)


class Devices(unittest.TestCase):
    def test_kind_memory_and_types(self):
        for name, device in DEVICES.items():
            with self.subTest(name):
                self.assertIn(device["kind"], ("gpu-soc", "npu-soc", "cpu", "accelerator", "gpu"))
                self.assertLessEqual(set(device["peak_flops"]), COMPUTE_TYPES)
                if "usable_memory_bytes" in device:
                    share = device["usable_memory_bytes"] / device["memory_bytes"]
                    self.assertTrue(0.6 < share < 1, share)
                    self.assertIn("Usable memory:", device["notes"])

    def test_an_orin_nano_shows_seven_gibibytes_and_a_half(self):
        for name in ("jetson-orin-nano-8gb", "jetson-orin-nano-super-8gb"):
            self.assertTrue(7.3 <= DEVICES[name]["usable_memory_bytes"] / GIB <= 7.45)


class Precisions(unittest.TestCase):
    # attention, FFN, input table, head, matmul input
    BYTES = {
        "fp16": (2, 2, 2, 2, 2), "bf16": (2, 2, 2, 2, 2), "int8": (1, 1, 1, 1, 1),
        "q8_0": (1.0625, 1.0625, 1.0625, 1.0625, 2), "q4_k_m": (0.57, 0.6055, 0.5625, 0.8203, 2),
        "q4_0": (0.5625, 0.5625, 0.5625, 0.8203, 2), "w8a16": (1, 1, 2, 2, 2), "w4a16": (0.5195, 0.5195, 2, 2, 2),
        "mxfp4": (2, 0.53125, 2, 2, 2), "int4": (0.5, 0.5, 0.5, 0.5, 0.5), "fp8": (1, 1, 1, 1, 1),
        "fp4": (0.5, 0.5, 0.5, 0.5, 0.5),
    }
    COMPUTE = {"bf16": "bf16", "int8": "int8", "int4": "int4", "fp8": "fp8", "fp4": "fp4"}

    def test_bytes_and_compute_types(self):
        self.assertEqual(set(PRECISIONS), set(self.BYTES))
        self.assertEqual({name: p["group_size"] for name, p in PRECISIONS.items() if "group_size" in p},
                         {"w4a16": 128, "int4": 128, "q4_0": 32, "q4_k_m": 32})
        for name, expected in self.BYTES.items():
            with self.subTest(name):
                p = PRECISIONS[name]
                w, head = p["weight_bytes"], p["head_bytes"]
                self.assertEqual((p.get("attention_weight_bytes", w), p.get("ffn_weight_bytes", w),
                                  p.get("embedding_bytes", head), head, p["input_bytes"]), expected)
                self.assertEqual((p["activation_bytes"], p["kv_bytes"]), (2, 2))
                self.assertEqual(p["matmul"], self.COMPUTE.get(name, "fp16"))
                self.assertEqual(p["attention"], "bf16" if name == "bf16" else "fp16")

    def test_a_loss_penalty_says_where_it_is_from(self):
        for name, p in PRECISIONS.items():
            with self.subTest(name):
                self.assertGreaterEqual(p["loss_delta"], 0)
                self.assertTrue(p["loss_delta_source"].strip())
                self.assertGreaterEqual(p.get("loss_delta_uncertainty", 0), 0)


class Shapes(unittest.TestCase):
    def test_keys_belong_to_the_schema(self):
        for name, model in MODELS.items():
            with self.subTest(name):
                self.assertLessEqual(set(model) - {"group"}, COMMON | LAYER | DESCRIPTION)
                self.assertLessEqual({"width", "vocab", "tied"}, set(model))
                self.assertFalse("group" in model and "layers" in model)
                for group in model.get("group", []):
                    self.assertLessEqual(set(group), LAYER)
                    self.assertFalse(set(group) & set(model), "a field of a group and of all groups")

    def test_groups_have_the_fields_of_their_kind_and_no_others(self):
        for name, model in MODELS.items():
            for g in groups(model):
                with self.subTest(name):
                    mixer = {"gqa": GQA, "mla": MLA, "recurrent": RECURRENT, "none": set()}[g["attention"]]
                    given = {key for key, value in g.items() if value or key == "q_lora_rank"}
                    self.assertLessEqual(mixer - {"window"}, given)
                    self.assertFalse(given & (GQA | MLA | RECURRENT) - mixer)
                    self.assertFalse(g["attention"] == "none" and g["ffn"] == "none")
                    self.assertGreaterEqual(g["layers"], 1)
                    self.assertIn(g["ffn"], ("gated", "plain", "none"))
                    if g["ffn"] == "none":
                        self.assertNotIn("expert_ffn", g)
                    else:
                        self.assertGreaterEqual(g["expert_ffn"], 1)
                    self.assertTrue(1 <= g["top_k"] <= g["experts"])
                    self.assertTrue(g["experts"] > 1 or g["top_k"] == 1)
                    if g["attention"] == "gqa":
                        self.assertEqual(g["heads"] % g["kv_heads"], 0)
                    for key in LAYER - {"attention", "ffn", "ffn_sparsity"}:
                        self.assertIsInstance(g.get(key, 0), int, key)

    def test_what_people_run_is_there(self):
        for name in ("gemma-3-270m gemma-3-1b gemma-3-4b gemma-3-12b gemma-3-27b gpt-oss-20b gpt-oss-120b lfm2-350m "
                     "lfm2-700m lfm2-1.2b granite-4.0-h-micro granite-4.0-h-tiny qwen3-next-80b-a3b deepseek-v2-lite "
                     "deepseek-v3 smollm3-3b phi-4-mini phi-3.5-moe minicpm-2b olmo-2-7b falcon-h1-0.5b falcon-7b "
                     "nemotron-nano-9b-v2 gemma-2-2b mistral-small-24b qwen3-32b llama-3-8b tinyllama-1.1b").split():
            self.assertIn(name, EXPRESSIBLE)
        self.assertGreaterEqual(len(EXPRESSIBLE), 80)

    def test_mamba2_layers_follow_from_their_configs(self):
        for name, (d, inner, blocks, state, heads) in MAMBA2.items():
            with self.subTest(name):
                self.assertEqual(MODELS[name]["width"], d)
                channels = inner + 2 * blocks * state
                self.recurrent(name, d * (inner + channels + heads) + inner * d, inner,
                               inner * state + 3 * channels, 6 * inner * state + 8 * channels)

    def test_delta_layers_follow_from_their_configs(self):
        for name, (d, keys, values, size) in DELTA.items():
            with self.subTest(name):
                channels = (2 * keys + values) * size
                self.recurrent(name, d * (channels + values * size + 2 * values) + values * size * d, values * size,
                               values * size**2 + 3 * channels, 7 * values * size**2 + 8 * channels)

    def test_short_convolutions_follow_from_their_width(self):
        for name, model in MODELS.items():
            if name.startswith("lfm2"):
                d = model["width"]
                self.recurrent(name, 4 * d * d, 3 * d, 2 * d, 8 * d)

    def recurrent(self, name, *expected):
        found = [g for g in groups(MODELS[name]) if g["attention"] == "recurrent"]
        self.assertTrue(found)
        for g in found:
            self.assertEqual(tuple(g[k] for k in ("mixer_weights", "mixer_width", "state_elements", "state_flops")), expected)


class Parameters(unittest.TestCase):
    def test_exact_counts_to_the_last_parameter(self):
        """Matrices, and the norms, biases and vectors counted from the shape, are the checkpoint's own number."""
        exact = {n: m for n, m in EXPRESSIBLE.items() if m.get("published_params_exact")}
        self.assertGreaterEqual(len(exact), 60)
        for name, model in exact.items():
            with self.subTest(name):
                self.assertEqual(parameters(model) + beside(name, model), model["published_params"])
                share = 0.021 if BESIDE.get(name, {}).get("output_gate") else 0.002   # the gate is a matrix of d x q_dim
                self.assertLess(beside(name, model), share * model["published_params"])
        self.assertLessEqual(set(BESIDE), {n for n, m in EXPRESSIBLE.items() if "published_params" in m})

    def test_gemma_checkpoints_less_their_vision_tower(self):
        for name, total in (("gemma-3-4b", 4300079472), ("gemma-3-12b", 12187325040), ("gemma-3-27b", 27432406640)):
            with self.subTest(name):
                projector = 1152 * MODELS[name]["width"] + 1152
                self.assertEqual(MODELS[name]["published_params"], total - 416866032 - projector)

    def test_rounded_counts(self):
        for name, model in EXPRESSIBLE.items():
            if "published_params" in model and not model["published_params_exact"]:
                with self.subTest(name):
                    gates = beside(name, model) if name in BESIDE else 0
                    self.assertLess(abs((parameters(model) + gates) / model["published_params"] - 1), 0.005)

    def test_values_known_from_elsewhere(self):
        for name, total in (("gemma-2-2b", 2614341888), ("falcon-7b", 6921720704), ("phi-3.5-moe", 41873153344)):
            self.assertEqual(MODELS[name]["published_params"], total)
        self.assertAlmostEqual(parameters(MODELS["deepseek-v2-lite"]) / 1e9, 15.706, places=3)
        self.assertAlmostEqual(parameters(MODELS["lfm2-1.2b"]) / 1e9, 1.1702, places=4)

    def test_active_counts(self):
        """As their publishers count them: with both tables, with the head only, or without either."""
        tables = {"qwen3-30b-a3b": 2, "olmoe-1b-7b": 2, "gpt-oss-20b": 1, "gpt-oss-120b": 1, "deepseek-v2-lite": 1,
                  "moonlight-16b-a3b": 0, "mixtral-8x7b": 2, "phi-3.5-moe": 2, "qwen1.5-moe-a2.7b": 2,
                  "deepseek-v3": 1, "granite-4.0-h-small": 1}
        for name, counted in tables.items():
            with self.subTest(name):
                model = MODELS[name]
                kept = 1 if model["tied"] else 2
                active = parameters(model, active=True) - (kept - min(counted, kept)) * model["vocab"] * model["width"]
                self.assertLess(abs(active / model["published_params_active"] - 1), 0.035)


class Memory(unittest.TestCase):
    def test_cache_per_token(self):
        for name, expected in (("llama-3-8b", 131072), ("mistral-small-24b", 163840), ("qwen3-32b", 262144),
                               ("deepseek-v2-lite", 27 * 576 * 2)):
            with self.subTest(name):
                self.assertEqual(kv_bytes(MODELS[name], 1), expected)

    def test_cache_of_windowed_models(self):
        small = MODELS["gpt-oss-20b"]
        self.assertEqual(kv_bytes(small, 1), 49152)
        self.assertEqual(kv_bytes(small, 128), 128 * 49152)
        self.assertEqual(kv_bytes(small, 129) - kv_bytes(small, 128), 49152 // 2)  # the other half is full
        self.assertAlmostEqual(kv_bytes(MODELS["gpt-oss-120b"], 65536, element=1) / GIB, 1.13, places=2)

    def test_states_of_a_hybrid(self):
        lfm2 = MODELS["lfm2-1.2b"]
        self.assertEqual(kv_bytes(lfm2, 4096), 48 * MIB)
        self.assertEqual(state_bytes(lfm2), 80 * 1024)

    def test_decompressed_latents(self):
        self.assertEqual(kv_bytes(MODELS["deepseek-v3"], 2048, expanded=True), 9760 * MIB)

    def test_file_sizes(self):
        for name, precision, size, tolerance in (("gpt-oss-20b", "mxfp4", 13.74e9, 0.01),
                                                 ("gpt-oss-120b", "mxfp4", 65.25e9, 0.01),
                                                 ("tinyllama-1.1b", "q4_k_m", 0.667e9, 0.02),
                                                 ("tinyllama-1.1b", "q4_0", 0.637e9, 0.02),
                                                 ("llama-3.1-8b", "q4_k_m", 4.92e9, 0.02),
                                                 ("llama-3.1-8b", "q8_0", 8.54e9, 0.01),
                                                 ("lfm2-700m", "q4_k_m", 0.469e9, 0.02)):
            with self.subTest(model=name, precision=precision):
                self.assertLess(abs(weight_bytes(MODELS[name], PRECISIONS[precision]) / size - 1), tolerance)


if __name__ == "__main__":
    unittest.main()
