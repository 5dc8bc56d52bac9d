"""calibrate: the errors that the shipped table must hold, on any number of ranks; a user's own llama-bench file;
bad files. Speeds of two chips that a search then goes by."""

import json
import pathlib
import subprocess
import tomllib
import unittest

import numpy

from support import JOB, PROGRAM, SOURCE, ProgramTest, edit

MEASURED = SOURCE / "inputs/measured.csv"
CHIP = """\
[[device]]
id = "board"
kind = "gpu-soc"
memory_bytes = 8589934592
bandwidth = 100e9
peak_flops = { fp16 = 10e12, int8 = 20e12 }
"""


def bench(model, size, params, n_prompt, n_gen, speed, depth=0):
    return {"build_commit": "abc", "build_number": 6000, "backends": "CUDA", "model_filename": "m.gguf",
            "model_type": model, "model_size": size, "model_n_params": params, "n_batch": 2048, "n_ubatch": 512,
            "n_threads": 4, "type_k": "f16", "type_v": "f16", "n_gpu_layers": 99, "flash_attn": True,
            "n_prompt": n_prompt, "n_gen": n_gen, "n_depth": depth, "avg_ts": speed, "stddev_ts": 0.1}


class Calibrate(ProgramTest):
    def calibrate(self, *arguments, code=0, ranks=0):
        command = ([] if not ranks else ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)])
        done = subprocess.run([*command, PROGRAM, "calibrate", *map(str, arguments)], cwd=self.folder,
                              capture_output=True, text=True)
        self.assertEqual(code, done.returncode, done.stdout + done.stderr)
        return done

    def report(self, *arguments):
        return json.loads(self.calibrate(*arguments, "--json", "-o", "devices.toml").stdout)

    def test_holds_what_is_asked_of_the_shipped_table(self):
        report = self.report(MEASURED)
        groups = {g["id"]: g for g in report["groups"]}
        rooflinebench = groups["apple-m1-pro.llama.cpp-metal"], groups["raspberry-pi-5.llama.cpp-cpu.t1"]
        self.assertLess(rooflinebench[0]["decode"]["left_out_error"], 0.08)
        self.assertLess(rooflinebench[1]["decode"]["left_out_error"], 0.065)
        self.assertLess(rooflinebench[0]["prefill"]["left_out_error"], 0.10)
        for group in rooflinebench:
            for phase in "decode", "prefill":
                self.assertGreater(group[phase]["spearman"], 0.95, group["id"])
        decode = report["overall"]["decode"]
        self.assertLess(decode["left_out_median"], 0.12)
        self.assertLess(decode["unseen_chip_median"], 0.22)
        for phase in "decode", "prefill":
            for covered in "left_out_covered", "unseen_chip_covered":
                self.assertTrue(0.8 <= report["overall"][phase][covered] <= 0.95, (phase, covered))
        used = sum(g["speeds"] for g in report["groups"])
        self.assertGreater(used / (report["rows"] - report["doubtful"]), 0.85)
        self.assertEqual(report["rows"], used + report["doubtful"] + sum(report["left_out"].values()))

    def test_the_readme_has_its_numbers(self):
        report = self.report(MEASURED)
        text = (SOURCE / "inputs/README.md").read_text()
        rows = {cells[0].strip(" `"): [c.strip() for c in cells[1:9]] for line in text.splitlines()
                if line.count("|") == 11 and "`" in line for cells in [line.split("|")[1:-1]]}
        percent = lambda x: "–" if x is None else f"{100 * x:.1f}"
        for g in report["groups"]:
            if g["speeds"] < 6 or len(g["models"]) < 3:
                self.assertNotIn(g["id"], rows)
                continue
            expected = [str(g["speeds"]), str(len(g["models"]))]
            for phase in "decode", "prefill":
                p = g[phase] or dict.fromkeys(("error", "left_out_error", "spearman"))
                expected += [percent(p["error"]), percent(p["left_out_error"]),
                             "–" if p["spearman"] is None else f"{p['spearman']:.2f}"]
            self.assertEqual(expected, rows.pop(g["id"]), g["id"])
        self.assertEqual({}, rows)
        words = " ".join(text.split())
        decode, prefill = report["overall"]["decode"], report["overall"]["prefill"]
        for sentence in (f"Decode: median {percent(decode['left_out_median'])} %, nine of ten within "
                         f"{percent(decode['left_out_p90'])} %; prefill {percent(prefill['left_out_median'])} % and "
                         f"{percent(prefill['left_out_p90'])} %.",
                         f"the median error is {percent(decode['unseen_chip_median'])} % (decode, "
                         f"{decode['unseen_chip_speeds']} speeds) and {percent(prefill['unseen_chip_median'])} % "
                         f"(prefill, {prefill['unseen_chip_speeds']})"):
            self.assertIn(sentence, words)

    def test_the_shipped_devices_are_those_of_the_shipped_speeds(self):
        self.calibrate(MEASURED, "--all-chips", "-o", "devices.toml")
        shipped = (SOURCE / "inputs/calibrated.toml").read_text()
        self.assertEqual(shipped, (self.folder / "devices.toml").read_text(),
                         "rooflaw calibrate inputs/measured.csv --all-chips -o inputs/calibrated.toml makes it anew")
        entries = tomllib.loads(shipped)["device"]
        chips = {d["id"] for d in tomllib.loads((SOURCE / "inputs/devices.toml").read_text())["device"]}
        self.assertLessEqual(chips, {e["id"] for e in entries})
        self.assertEqual(len(entries), len({e["id"] for e in entries}))

    def test_same_bytes_on_any_number_of_ranks(self):
        alone = self.calibrate(MEASURED, "-o", "devices.toml").stdout
        devices = (self.folder / "devices.toml").read_bytes()
        for ranks in 2, 3:
            self.assertEqual(alone, self.calibrate(MEASURED, "-o", "devices.toml", ranks=ranks).stdout)
            self.assertEqual(devices, (self.folder / "devices.toml").read_bytes())

    def users_file(self):
        rows = []
        for model, size, params, decode, prefill in (
                ("qwen2 1.5B Q8_0", 1639456768, 1543714304, 40.0, 900.0),
                ("llama 1B Q8_0", 1313251456, 1235814400, 50.0, 1200.0),
                ("llama 8B Q8_0", 8532934656, 8030261312, 8.0, 190.0)):
            rows += [bench(model, size, params, 512, 0, prefill), bench(model, size, params, 0, 128, decode),
                     bench(model, size, params, 0, 128, 0.9 * decode, depth=4096)]
        return rows

    def test_a_users_file_calibrates_a_new_chip(self):
        self.write("board.toml", CHIP)
        self.write("bench.json", json.dumps(self.users_file()))
        done = self.calibrate("bench.json", "--device", "board.toml", "-o", "mine.toml")
        self.assertIn("board.llama.cpp-cuda", done.stdout)
        self.assertIn("not told by the speeds", done.stdout)
        device, = tomllib.loads((self.folder / "mine.toml").read_text())["device"]
        self.assertEqual("board.llama.cpp-cuda", device["id"])
        efficiency = device["efficiency"]["q8_0"]
        self.assertEqual("measured", efficiency["decode_basis"])
        self.assertEqual("prior", device["efficiency"]["fp16"]["decode_basis"])
        self.assertTrue(0.5 < efficiency["bandwidth"] <= 1)  # 8 GB at 8 a second are 68 of 100 GB/s
        low, high = efficiency["decode_band"]
        self.assertTrue(0 < low < 1 < high)

        job = edit(JOB, {"targets.devices": 'devices = ["mine.toml"]',
                         "targets.precisions": 'precisions = ["q8_0", "fp16"]'})
        result = self.search(job)
        with self.subTest("bands"):
            import h5py
            with h5py.File(result.path) as file:
                self.assertEqual([b"measured", b"prior"], list(file["targets/efficiency"]))
                self.assertEqual([1, 0], list(file["targets/calibrated"]))
                for target in file["frontiers/codesign-2026"].values():
                    total, low, high = (target[c][:] for c in ("latency_s", "latency_low_s", "latency_high_s"))
                    self.assertTrue(numpy.all((low < total) & (total < high)))

    def test_one_model_says_that_its_error_is_not_known(self):
        self.write("board.toml", CHIP)
        self.write("bench.json", json.dumps(self.users_file()[:2]))
        done = self.calibrate("bench.json", "--device", "board.toml", "-o", "mine.toml")
        self.assertIn("one model only", done.stdout)

    def test_refusals(self):
        self.write("board.toml", CHIP)
        self.write("bench.json", json.dumps(self.users_file()))
        cases = ((("bench.json", "-o", "o.toml"), 2, "--device"),
                 (("bench.json", "--device", "no-such-chip", "-o", "o.toml"), 2, "no-such-chip"),
                 (("nothing.json", "-o", "o.toml"), 3, "nothing.json"),
                 (("bench.json", "--device", "board.toml"), 2, "output"),
                 (("bench.json", "--device", "board.toml", "-o", "no/such/o.toml"), 3, "no/such"),
                 (("-o", "o.toml"), 2, "no file of measured speeds"),
                 (("bench.json", "--device", "board.toml", "-o", "board.toml"), 3, "is no table of devices"))
        for arguments, code, words in cases:
            with self.subTest(arguments):
                self.assertIn(words, self.calibrate(*arguments, code=code).stderr)
        self.assertEqual(CHIP, (self.folder / "board.toml").read_text())
        rows = self.users_file()
        rows[1]["avg_ts"] = 0
        rows[2]["avg_ts"] = -3
        self.write("bench.json", json.dumps(rows))
        stderr = self.calibrate("bench.json", "--device", "board.toml", "-o", "o.toml", code=2).stderr
        self.assertEqual(2, stderr.count("avg_ts"))
        self.assertFalse((self.folder / "o.toml").exists())

    def test_a_table_that_breaks_off(self):
        self.write("board.toml", CHIP)
        table = ("| model | size | params | backend | ngl | test | t/s |\n| --- | ---: | ---: | --- | ---: | --- | ---: |\n"
                 "| llama 8B Q8_0 | 7.95 GiB | 8.03 B | CUDA | 99 | tg128 | 8.10 ± 0.02 |\n"
                 "| llama 8B Q8_0 | 7.95 GiB | 8.03 B | CUDA | 99 | pp512 | 19")
        self.write("bench.md", table)
        done = self.calibrate("bench.md", "--device", "board.toml", "-o", "o.toml", code=2)
        self.assertRegex(done.stderr, r"bench\.md:4:.*breaks off")
        self.write("bench.md", table + "0.40 ± 1.00 |\n")
        self.calibrate("bench.md", "--device", "board.toml", "-o", "o.toml")

    def test_ids_that_are_none(self):
        self.write("board.toml", CHIP)
        self.write("bench.json", json.dumps(self.users_file()))
        for option, text in (("--engine", 'a"\n[[device]]'), ("--engine", "My Engine"), ("--engine", "ideal"),
                             ("--power-mode", "15 W"), ("--as", "../x"), ("--as", "x" * 70)):
            self.calibrate("bench.json", "--device", "board.toml", option, text, "-o", "o.toml", code=2)
            self.assertFalse((self.folder / "o.toml").exists())
        self.calibrate("bench.json", "--device", "board.toml", "--as", "mine", "--power-mode", "15w", "-o", "o.toml")
        device, = tomllib.loads((self.folder / "o.toml").read_text())["device"]
        self.assertEqual("mine.llama.cpp-cuda.15w", device["id"])
        self.calibrate("bench.json", "--device", "o.toml", "-o", "again.toml", code=2)  # has efficiencies

    def test_left_out_is_said_where_nothing_is_left(self):
        self.write("board.toml", CHIP)
        rows = [dict(row, n_prompt=512, n_gen=128) for row in self.users_file()]
        self.write("bench.json", json.dumps(rows))
        stderr = self.calibrate("bench.json", "--device", "board.toml", "-o", "o.toml", code=2).stderr
        self.assertIn("no speed to fit", stderr)
        self.assertIn("left out: 9 x", stderr)

    def test_bare_ids_are_calibrated_and_ideal_ones_are_not(self):
        for device, efficiency in (("apple-m1-pro", "measured"), ("apple-m1-pro.ideal", "ideal"),
                                   ("apple-m1-pro.llama.cpp-metal", "measured"), ("rk3688", None)):
            done = subprocess.run([PROGRAM, "evaluate", "--model", "qwen3-0.6b", "--device", device, "--precision",
                                   "fp16", "--workload", "vla", "--json"], capture_output=True, text=True,
                                  env={"ROOFLAW_INPUTS": str(SOURCE / "inputs"), "PATH": "/usr/bin:/bin"})
            if efficiency is None:
                self.assertEqual(2, done.returncode)
                continue
            answer = json.loads(done.stdout)
            self.assertEqual(device, answer["device"])
            self.assertEqual(efficiency, answer["efficiency"])
            self.assertEqual(efficiency == "measured", answer["calibrated"])
            if efficiency == "ideal":
                self.assertIsNone(answer["total_band_s"])
            else:
                low, high = answer["total_band_s"]
                self.assertTrue(low < answer["total_s"] < high)


if __name__ == "__main__":
    unittest.main()
