"""Models of the user's own: config.json, options instead of tables, entries with changed fields."""

import hashlib
import json
import pathlib
import sys
import tomllib
import unittest

import numpy

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from support import CASE, GOLDEN, INPUTS, JOB, SOURCE, ProgramTest, changed_id, edit, entries, to_toml
from test_bad_input import BadInput

CONFIGS = SOURCE / "tests/unit/io/configs"
CHIP = ["--device", "jetson-agx-orin-64gb", "--precision", "fp16", "--workload", "vla"]
BY_ID = {"architecture": {"model": "qwen2.5-0.5b"}, "precision": {"id": "fp16"},
         "device": {"id": "jetson-agx-orin-64gb"}, "workload": {"id": "vla"}}
# What a config.json says of itself.
OF_CONFIG = ("notes", "params_uncounted")


class FromOptions(ProgramTest):
    def json(self, *arguments):
        run = self.rooflaw("evaluate", *arguments, "--json")
        self.assertEqual(run.err, "", str(run))
        return json.loads(run.out)

    def golden(self):
        return next(c["expect"] for c in GOLDEN["cases"] if c["name"] == "qwen05/fp16/orin/vla/{}")

    def test_a_config_stands_where_a_case_would(self):
        path = CONFIGS / "qwen2.5-0.5b.json"
        result = self.json(path, *CHIP)
        expect = self.golden()
        self.assert_close({key: result[key] for key in expect}, expect, "config.json")
        self.assertEqual(result, self.json("--model", path, *CHIP))
        self.write("config.json", path.read_text())
        self.assertEqual(result["model"], "qwen2.5-0.5b", "a file of another name than config.json has its own")
        self.write("some-model/config.json", path.read_text())
        self.assertEqual(self.json("some-model/config.json", *CHIP)["model"], "some-model", "of its folder")
        by_case = self.evaluate(BY_ID | {"architecture": {"model": "config.json"}})
        self.assertEqual(result | {"model": by_case["model"]}, by_case)
        result["model"] = self.json("config.json", *CHIP)["model"]
        self.assertEqual(self.json("config.json", *CHIP), result, "relative to where the command is given")
        summary = self.rooflaw("evaluate", path, *CHIP)
        self.assertIn("24 layers: 14 heads of 64, 2 KV heads; FFN 4864 (gated)", summary.out)

    def test_every_config_is_the_model_of_its_id(self):
        """Shape by shape; and with what the count leaves out it has the parameters that are published."""
        models, exact = entries("model"), 0
        for path in sorted(CONFIGS.glob("*.json")):
            if path.stem not in models:
                continue
            with self.subTest(path.name):
                of_config, by_id = self.json(path, *CHIP), self.json("--model", path.stem, *CHIP)
                numbers = [key for key, value in by_id.items()
                           if isinstance(value, (int, float, bool)) and key not in OF_CONFIG]
                self.assertGreater(len(numbers), 10)
                self.assert_close({k: of_config[k] for k in numbers}, {k: by_id[k] for k in numbers}, path.name)
                model = models[path.stem]
                if model.get("published_params_exact") and of_config["params_uncounted"] is not None:
                    self.assertEqual(of_config["params_total"] + of_config["params_uncounted"],
                                     model["published_params"])
                    exact += 1
        self.assertGreaterEqual(exact, 20)

    def test_ids_without_a_case(self):
        result = self.json("--model", "qwen2.5-0.5b", *CHIP)
        expect = self.golden()
        self.assert_close({key: result[key] for key in expect}, expect, "by options")
        self.assertEqual(result, self.evaluate(BY_ID))

    def test_options_replace_the_tables_of_a_case(self):
        self.write("case.toml", to_toml(BY_ID))
        for option, table, key, other in (("--model", "architecture", "model", "gemma-3-1b"),
                                          ("--device", "device", "id", "jetson-orin-nano-super-8gb"),
                                          ("--precision", "precision", "id", "int8"),
                                          ("--workload", "workload", "id", "lilo")):
            with self.subTest(option):
                replaced = self.json("case.toml", option, other)
                self.assertEqual(replaced, self.evaluate(BY_ID | {table: {key: other}}, name="other.toml"))
                self.assertNotEqual(replaced["total_s"], self.golden()["total_s"])
        # All of a table: no field of the case's own is left.
        self.write("inline.toml", edit(CASE, {"precision.id": "id = 'fp16'\nweight_bytes = 0.5"}))
        self.assertEqual(self.json("inline.toml", "--model", "qwen2.5-0.5b", "--precision", "fp16"),
                         self.evaluate(BY_ID))
        # The rest of the case stays.
        self.write("eager.toml", to_toml({**BY_ID, "engine": {"attention": "eager"}}))
        names = [op["name"] for op in self.json("eager.toml", "--device", "jetson-orin-nano-super-8gb")
                 ["decode_layer_ops_at_first_step"][0]]
        self.assertIn("softmax", names)

    def test_files_stand_where_ids_do(self):
        tables = {"model": {"id": "mine", "layers": 8, "width": 768, "heads": 12, "head_dim": 64, "kv_heads": 4,
                            "expert_ffn": 2048, "vocab": 32000},
                  "device": {"id": "chip", "memory_bytes": 8e9, "bandwidth": 1e11, "peak_flops": {"fp16": 1e13}},
                  "precision": {"id": "format", "weight_bytes": 1, "activation_bytes": 2, "kv_bytes": 2,
                                "matmul": "fp16"},
                  "workload": {"id": "work", "batch": 2, "input_tokens": 100, "output_tokens": 10}}
        arguments = []
        (self.folder / "sub").mkdir()
        for kind, table in tables.items():
            self.write(f"sub/{kind}.toml", to_toml({f"[{kind}]": table}))
            arguments += [f"--{kind}", f"sub/{kind}.toml"]
        architecture = {k: v for k, v in tables["model"].items() if k != "id"}
        inline = {"architecture": architecture, **{k: tables[k] for k in ("device", "precision", "workload")}}
        self.assertEqual(self.json(*arguments), self.evaluate(inline) | {"model": "mine"})
        # Where the case lies does not matter to a path on the command line.
        self.write("elsewhere/case.toml", to_toml(BY_ID))
        self.assertEqual(self.json("elsewhere/case.toml", *arguments), self.evaluate(inline) | {"model": "mine"})


class Refused(BadInput):
    def lines(self, *arguments, code=2):
        run = self.rooflaw("evaluate", *arguments, expect=code)
        self.assertEqual(run.out, "", str(run))
        return run.err.splitlines()

    def test_missing_parts_are_named_with_the_option_that_gives_them(self):
        keys = {"--model": "architecture", "--precision": "precision", "--device": "device",
                "--workload": "workload"}
        given = {"--model": "qwen2.5-0.5b", "--device": "jetson-agx-orin-64gb", "--precision": "fp16",
                 "--workload": "vla"}
        for chosen in ([], ["--model"], ["--device", "--workload"], ["--model", "--precision", "--device"]):
            with self.subTest(chosen):
                lines = self.lines(*[x for option in chosen for x in (option, given[option])])
                missing = [option for option in keys if option not in chosen]
                self.assertEqual(len(lines), len(missing), lines)
                for line, option in zip(lines, missing):
                    self.assertIn(f"{keys[option]}: is missing", line)
                    self.assertIn(f"{option} ID", line)
        self.write("config.json", (CONFIGS / "qwen2.5-0.5b.json").read_text())
        self.assertEqual([line.split("give ")[1] for line in self.lines("config.json")],
                         ["--precision ID", "--device ID", "--workload ID"])

    def test_missing_tables_of_a_case_may_come_from_options(self):
        tables = {k: v for k, v in BY_ID.items() if k not in ("device", "workload")}
        self.write("case.toml", to_toml(tables))
        lines = self.lines("case.toml")
        self.assertEqual(len(lines), 2, lines)
        for line, option in zip(lines, ("--device", "--workload")):
            self.assertRegex(line, rf"^case\.toml:1:1: {option[2:]}: is missing.*{option} ID")
        self.rooflaw("evaluate", "case.toml", "--device", "jetson-agx-orin-64gb", "--workload", "vla")

    def test_id_of_a_model_in_the_place_of_a_file(self):
        self.assertEqual(self.lines("qwen3-0.6b", *CHIP),
                         ["command line: CASE.toml = qwen3-0.6b: is no file but the id of a model: "
                          "give --model qwen3-0.6b"])
        run = self.rooflaw("evaluate", "no-such-model", *CHIP, expect=3)
        self.assertEqual(run.err, "rooflaw: no-such-model: no such file\n")
        self.write("qwen3-0.6b", CASE)
        self.rooflaw("evaluate", "qwen3-0.6b")

    def test_unknown_ids_suggest(self):
        lines = self.lines("--model", "qwen2.5-0.5", "--device", "jetson-agx-orin", "--precision", "fp61",
                           "--workload", "vlaa")
        self.assertEqual(len(lines), 4, lines)
        for option, near, plural in (("--model", "qwen2.5-0.5b", "models"),
                                     ("--device", "jetson-agx-orin-64gb", "devices"),
                                     ("--precision", "fp16", "precisions"), ("--workload", "vla", "workloads")):
            (line,) = [line for line in lines if line.startswith(f"{option}:1:")]
            self.assertIn("did you mean", line)
            self.assertIn(f'"{near}"', line)
            self.assertIn(f"rooflaw list {plural}", line)

    def test_two_models_at_once(self):
        self.write("config.json", (CONFIGS / "qwen2.5-0.5b.json").read_text())
        (line,) = self.lines("config.json", "--model", "gemma-3-1b", *CHIP)
        self.assertIn("config.json", line)
        self.assertIn("--model", line)
        self.lines("--model", "qwen2.5-0.5b", "--model", "gemma-3-1b", *CHIP)

    def test_a_file_of_several_entries(self):
        for option, file in (("--model", "models"), ("--device", "devices"), ("--precision", "precisions"),
                             ("--workload", "workloads")):
            with self.subTest(option):
                arguments = [x for pair in zip(CHIP[::2], CHIP[1::2]) if pair[0] != option for x in pair]
                if option != "--model":
                    arguments += ["--model", "qwen2.5-0.5b"]
                (line,) = self.lines(option, INPUTS / f"{file}.toml", *arguments)
                self.assertIn("several", line)

    def test_missing_files(self):
        for arguments in (["none.json", *CHIP], ["--model", "none.json", *CHIP], ["--model", "./none.toml", *CHIP]):
            with self.subTest(arguments):
                run = self.rooflaw("evaluate", *arguments, expect=None)
                self.assertIn(run.code, (2, 3), str(run))
                self.assertEqual((run.out, len(run.err.splitlines())), ("", 1), str(run))
                self.assertIn("none.", run.err)

    def test_every_fault_of_a_config_names_the_file_and_its_key(self):
        config = json.loads((CONFIGS / "qwen2.5-0.5b.json").read_text())
        for key in ("hidden_size", "num_hidden_layers", "vocab_size"):
            del config[key]
        self.write("config.json", json.dumps(config))
        lines = self.lines("config.json", *CHIP)
        self.assertEqual(len(lines), 3, lines)
        for key in ("hidden_size", "num_hidden_layers", "vocab_size"):
            self.assertTrue(any(key in line and "missing" in line for line in lines), lines)
        for line in lines:
            self.assertIn("config.json: ", line)
        self.write("config.json", '{"hidden_size": 896,')
        (line,) = self.lines("config.json", *CHIP)
        self.assertIn("config.json", line)


class ChangedEntries(BadInput):
    """Fields beside the id of an entry replace its own."""

    def case_of(self, **changes):
        return {table: {**BY_ID[table], **changes.get(table, {})} for table in BY_ID}

    def test_a_field_beside_a_model(self):
        changed = self.evaluate(self.case_of(architecture={"layers": 12}))
        model = entries("model")["qwen2.5-0.5b"]
        inline = {key: model[key] for key in ("width", "heads", "head_dim", "kv_heads", "expert_ffn", "vocab")}
        self.assertRegex(changed["model"], r"^qwen2\.5-0\.5b\+[0-9a-f]{8}$")
        self.assertEqual(changed | {"model": None},
                         self.evaluate(BY_ID | {"architecture": {**inline, "layers": 12}}))
        self.assert_close(changed["loss_terms"][0], 9.96 * 12 ** -1.63, "the depth term of 12 layers")
        several = self.evaluate(self.case_of(architecture={"layers": 12, "experts": 8, "top_k": 2, "tied": False}))
        self.assertNotEqual(several["model"], changed["model"])
        self.assertEqual(several | {"model": None}, self.evaluate(BY_ID | {"architecture": {
            **inline, "layers": 12, "experts": 8, "top_k": 2, "tied": False}}))

    def test_fields_that_each_group_has_are_refused(self):
        """Beside a model of several groups such a field would change nothing."""
        def groups_have(key):
            return all(key in g for g in entries("model")["gemma-3-1b"]["group"])
        self.assertTrue(groups_have("layers"))
        text = to_toml(BY_ID | {"architecture": {"model": "gemma-3-1b", "layers": 12}})
        self.refuse({"case.toml": text.replace("layers = 12", "layers = §12")},
                    [("architecture.layers", "no effect", "group")], command=("evaluate", "case.toml"))
        with_groups = self.evaluate(BY_ID | {"architecture": {
            "model": "gemma-3-1b", "group": [{"layers": 3, "window": 0}, {"layers": 15, "window": 256}]}})
        model = entries("model")["gemma-3-1b"]
        common = {k: model[k] for k in ("width", "vocab", "tied", "heads", "head_dim", "kv_heads", "expert_ffn")
                  if k in model}
        self.assertEqual(with_groups | {"model": None}, self.evaluate(BY_ID | {"architecture": common | {
            "group": [{"layers": 3}, {"layers": 15, "window": 256}]}}))
        # A field that the groups leave to the model does change them all.
        self.assertFalse(groups_have("expert_ffn"))
        wide = self.evaluate(BY_ID | {"architecture": {"model": "gemma-3-1b", "expert_ffn": 1152}})
        self.assertEqual(wide["ffn_ratio"], 1)

    def test_a_changed_device_or_precision_of_a_case(self):
        for table, key, value, labels in (
                ("device", "bandwidth", 100e9, ("memory_bytes", "usable_memory_bytes", "peak_flops")),
                ("precision", "weight_bytes", 1.0, ("activation_bytes", "kv_bytes", "input_bytes", "head_bytes",
                                                    "matmul", "attention", "loss_delta",
                                                    "loss_delta_uncertainty")),
                ("workload", "output_tokens", 32, ("batch", "input_tokens"))):
            with self.subTest(table):
                entry = entries(table)[BY_ID[table]["id"]]
                changed = self.evaluate(self.case_of(**{table: {key: value}}))
                self.assertEqual(changed[table], changed_id(entry, {key: value}))
                self.assertIn(changed[table], self.rooflaw("evaluate", "case.toml").out)
                inline = {"id": "own", key: value, **{k: entry[k] for k in labels}}
                self.assertEqual(changed | {table: "own"}, self.evaluate(BY_ID | {table: inline}))
                self.assertNotEqual(changed["total_s"], self.evaluate(BY_ID)["total_s"])

    def test_a_changed_law(self):
        plain = self.evaluate(BY_ID)
        changed = self.evaluate(BY_ID | {"law": {"id": "codesign-2026", "l_inf": 2.0}})
        self.assert_close(changed["loss_terms"], plain["loss_terms"][:4] + [2.0], "l_inf")
        self.assert_close(changed["loss"], sum(plain["loss_terms"][:4]) + 2.0, "loss")
        narrow = self.evaluate(BY_ID | {"law": {"id": "codesign-2026", "range": {"layers": [4, 20]}}})
        self.assertEqual(narrow, plain | {"extrapolated": True}, "24 layers are beyond 20")

    def test_another_kind_of_attention_needs_its_own_fields(self):
        """What the entry has of the other kind no longer counts; what the new kind needs must be there."""
        ranks = {"kv_lora_rank": 128, "qk_nope_head_dim": 64, "qk_rope_head_dim": 32, "v_head_dim": 64}
        self.write("case.toml", to_toml(self.case_of(architecture={"attention": "mla"})))
        lines = self.rooflaw("evaluate", "case.toml", expect=2).err.splitlines()
        self.assertEqual(len(lines), 4, lines)
        for key in ranks:
            self.assertTrue(any(f"architecture.{key}: is missing" in line for line in lines), lines)
        changed = self.evaluate(self.case_of(architecture={"attention": "mla", **ranks}))
        self.assertEqual(changed["kv_dim"], (128 + 32) / 2)

    def test_a_field_with_the_entry_s_own_value_changes_no_number(self):
        bandwidth = entries("device")["jetson-agx-orin-64gb"]["bandwidth"]
        same = self.evaluate(self.case_of(device={"bandwidth": bandwidth}))
        self.assertEqual(same | {"device": BY_ID["device"]["id"]}, self.evaluate(BY_ID))

    def test_efficiencies_are_looked_up_by_the_id_without_its_suffix(self):
        tables = self.case_of(precision={"weight_bytes": 1.0}, device={
            "efficiency": {"fp16": {"compute": 0.5, "bandwidth": 0.5}, "*": {"compute": 0.25, "bandwidth": 0.25}}})
        calibrated = self.evaluate(tables)
        self.assertIs(calibrated["calibrated"], True)
        plain = self.evaluate(self.case_of(precision={"weight_bytes": 1.0}))
        self.assert_close(calibrated["total_s"], 2 * plain["total_s"], "half of the speed")

    def test_faults_of_changes_have_their_place(self):
        text = to_toml(self.case_of(device={"bandwidth": -1, "bandwith": 3}, precision={"kv_bytes": 0},
                                    workload={"output_tokens": 1.5}, architecture={"layers": 0}))
        for key in ("layers = ", "kv_bytes = ", "bandwidth = ", "output_tokens = "):
            text = text.replace(key, key + "§")
        text = text.replace("bandwith", "§bandwith")
        self.refuse({"case.toml": text},
                    [("architecture.layers", "= 0:"), ("precision.kv_bytes", "= 0:"),
                     ("device.bandwidth", "= -1:"), ("device.bandwith", 'did you mean "bandwidth"?'),
                     ("workload.output_tokens", "= 1.5:")], command=("evaluate", "case.toml"))

    def test_a_config_takes_no_fields_beside_it(self):
        self.write("config.json", (CONFIGS / "qwen2.5-0.5b.json").read_text())
        text = to_toml(BY_ID | {"architecture": {"model": "config.json", "layers": 12}})
        self.refuse({"case.toml": text.replace('"config.json"', '§"config.json"')},
                    [("architecture.model", "config.json")], command=("evaluate", "case.toml"))


class ChangedInJobs(BadInput):
    ORIN = '{id = "jetson-agx-orin-64gb", %s}'

    def targets(self, changes):
        result = self.search(edit(JOB, changes))
        return result, result.targets()

    def test_two_changes_of_one_device_are_two_targets(self):
        orin = entries("device")["jetson-agx-orin-64gb"]
        changes = [{}, {"bandwidth": 100e9}, {"bandwidth": 150e9},
                   {"memory_bytes": 2 * 10**9, "usable_memory_bytes": 10**9}]
        listed = ", ".join('"jetson-agx-orin-64gb"' if not c else
                           self.ORIN % ", ".join(f"{k} = {v!r}" for k, v in c.items()) for c in changes)
        result, targets = self.targets({"targets.devices": f"devices = [{listed}]",
                                        "targets.memory_budget": 'memory_budget = "usable"'})
        ids = [changed_id(orin, c) if c else orin["id"] for c in changes]
        self.assertEqual([t["device"] for t in targets], ids)
        self.assertEqual([t["id"] for t in targets], [f"{i}.fp16.vla.total" for i in ids])
        self.assertEqual(targets[3]["memory_budget_bytes"], 1e9)
        for name, change in zip(ids, changes):
            path = f"/inputs/device/{name}"
            text = result.datasets[path]
            self.assertEqual(tomllib.loads(text.decode()), orin | change, "the entry as it was used")
            self.assertEqual(result.attribute(path, "sha256"), hashlib.sha256(text).hexdigest())
        # Each as the chip written out, to the last bit.
        for name, change in zip(ids[1:], changes[1:]):
            chip = {k: (orin | change)[k] for k in ("memory_bytes", "usable_memory_bytes", "bandwidth")}
            peaks = ", ".join(f"{k} = {v!r}" for k, v in orin["peak_flops"].items())
            inline = "{id = 'own', peak_flops = {%s}, %s}" % (peaks, ", ".join(f"{k} = {v!r}" for k, v in chip.items()))
            other, (own,) = self.targets({"targets.devices": f"devices = [{inline}]",
                                          "targets.memory_budget": 'memory_budget = "usable"'})
            target = next(t for t in targets if t["device"] == name)
            mine, theirs = result.frontier(target), other.frontier(own)
            self.assertGreater(len(mine["loss"]), 0)
            for column, values in mine.items():
                self.assertEqual(values.tobytes(), theirs[column].tobytes(), column)
        # And as evaluate sees it.
        shape = {"architecture": {"model": "qwen2.5-0.5b"}, "precision": {"id": "fp16"}, "workload": {"id": "vla"}}
        self.assertEqual(self.evaluate(shape | {"device": {"id": orin["id"], **changes[1]}})["device"], ids[1])

    def test_equal_changes_have_the_same_id(self):
        def name(changes):
            return self.targets({"targets.devices": f"devices = [{self.ORIN % changes}]"})[1][0]["device"]
        first = name("bandwidth = 100e9, tdp_w = 15.0")
        self.assertEqual(first, name("tdp_w = 15.0, bandwidth = 1e11"), "whatever the order and the writing")
        self.assertNotEqual(first, name("bandwidth = 100e9, tdp_w = 16.0"))
        same = self.ORIN % "bandwidth = 1e11"
        self.write("job.toml", edit(JOB, {"targets.devices": f"devices = [{same}, {same}]"}))
        run = self.rooflaw("search", "job.toml", expect=2)
        self.assertRegex(run.err, r"^job\.toml:\d+:\d+: targets\.devices.*twice")
        self.assertEqual(len(run.err.splitlines()), 1, str(run))

    def test_changed_precisions_and_workloads(self):
        precision, workload = entries("precision")["int8"], entries("workload")["vla"]
        result, targets = self.targets({
            "targets.precisions": 'precisions = ["int8", {id = "int8", kv_bytes = 1.0}, '
                                  '{id = "int8", loss_delta = 0.125}]',
            "targets.workloads": 'workloads = ["vla", {id = "vla", output_tokens = 64}]'})
        formats = ["int8", changed_id(precision, {"kv_bytes": 1.0}), changed_id(precision, {"loss_delta": 0.125})]
        works = ["vla", changed_id(workload, {"output_tokens": 64})]
        self.assertEqual([(t["precision"], t["workload"]) for t in targets], [(p, w) for p in formats for w in works])
        frontier = {(t["precision"], t["workload"]): result.frontier(t) for t in targets}
        plain, penalised = frontier[formats[0], "vla"], frontier[formats[2], "vla"]
        numpy.testing.assert_array_equal(plain["latency_s"], penalised["latency_s"])
        numpy.testing.assert_allclose(penalised["loss"], plain["loss"] + 0.125, rtol=1e-14)
        for kind, ids, entry, changes in (
                ("precision", formats, precision, ({}, {"kv_bytes": 1.0}, {"loss_delta": 0.125})),
                ("workload", works, workload, ({}, {"output_tokens": 64}))):
            for name, change in zip(ids, changes):
                self.assertEqual(tomllib.loads(result.datasets[f"/inputs/{kind}/{name}"].decode()), entry | change)

    def test_a_changed_precision_that_the_chip_lacks(self):
        self.job({"targets.precisions": 'precisions = §[{id = "fp16", matmul = "fp8"}]'},
                 ("targets.precisions", "jetson-agx-orin-64gb", "fp8", "skip"))

    def test_unknown_ids_with_fields_are_entries_of_their_own(self):
        """A label: all fields must be there."""
        self.job({"targets.devices": 'devices = [§{id = "jetson-agx-orin-64", bandwidth = 1e11}]'},
                 ("targets.devices.peak_flops", "missing"))


if __name__ == "__main__":
    unittest.main()
