"""rooflaw report: the page as a file, without a browser. It is well-formed, loads nothing, says what is in the
result, and no text of a result does anything but be shown."""

import html.parser
import json
import re
import sys
import unittest

import h5py

sys.dont_write_bytecode = True
from support import JOB, PROGRAM, SOURCE, ProgramTest, edit, reseal

VOID = {"meta", "link", "br", "input", "img", "hr"}
DEVICES = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb", "rk3588"]
SMALL = edit(JOB, {
    "space.layers": "layers = [4, 8, 16, 24]",
    "space.widths": "widths = [768, 1024, 1536]",
    "targets.devices": f"devices = {json.dumps(DEVICES)}",
    "targets.precisions": 'precisions = ["fp16", "q4_k_m"]',
    "targets.latency": 'latency = ["prefill", "total"]'})


class Page(html.parser.HTMLParser):
    """Every element closed in order; ids, links, headings, tables, scripts."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.ids, self.attributes, self.tables = [], [], [], [], []
        self.scripts, self.text, self.tags, self.captions = [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            self.faults.append(f"not closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attributes)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        if tag == "caption":
            self.captions.append("")
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")
        if tag == "script":
            self.scripts.append([dict(attributes), ""])

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.extend((tag, name, value) for name, value in attributes)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if "script" in self.open:
            self.scripts[-1][1] += data
            return
        if "style" in self.open:
            return
        self.text.append(data)
        if "caption" in self.open:
            self.captions[-1] += data
        if "td" in self.open or "th" in self.open:
            self.tables[-1][-1][-1] += data

    def table(self, caption):
        return self.tables[next(i for i, c in enumerate(self.captions) if c.startswith(caption))]

    def data(self):
        (found,) = [body for attributes, body in self.scripts if attributes.get("id") == "data"]
        return json.loads(found)


class Report(ProgramTest):
    def search(self, job=SMALL):
        self.write("job.toml", job)
        self.rooflaw("search", "job.toml")
        return self.folder / "result.h5"

    def report(self, *arguments, expect=0):
        run = self.rooflaw("report", "result.h5", "-o", "page.html", *arguments, expect=expect)
        if expect != 0:
            return run
        self.text = (self.folder / "page.html").read_text(encoding="utf-8")
        return Page(self.text)

    def test_well_formed_and_alone(self):
        self.search()
        page = self.report()
        self.assertEqual(page.faults, [])
        self.assertLess(page.text.index("What to build"), page.text.index("Loss against time"), "the answer stands first")
        self.assertEqual(len(page.ids), len(set(page.ids)), "an id stands twice")
        for anchor in re.findall(r'href="#([^"]+)"', self.text):
            self.assertIn(anchor, page.ids)
        for tag, name, value in page.attributes:
            self.assertFalse(name.startswith("on"), f"<{tag} {name}>")
            self.assertNotEqual(name, "style", f"<{tag} style>: the page's policy forbids it")
            if name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
                self.assertTrue(value.startswith("#") or value == "data:,", f"<{tag} {name}={value}>")
        style = re.search(r"<style>(.*?)</style>", self.text, re.S).group(1)
        self.assertNotRegex(style, r"@import|url\(")
        policy = next(v for t, n, v in page.attributes if n == "content" and v.startswith("default-src"))
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertEqual(policy.count("'sha256-"), len(page.scripts) - 1 + 1, "scripts that run, and the style")

    def test_what_the_result_says(self):
        path = self.search()
        page = self.report()
        data = page.data()
        with h5py.File(path) as file:
            ids = [i for i in file["targets/id"].asstr()[:]]
            self.assertEqual(len(data["targets"]), len(ids))
            for group, target in ((data["groups"][t["group"]], t) for t in data["targets"]):
                name = f'{target["device"]}.{target["precision"]}.vla.{group["objective"]}'
                frontier = file[f"frontiers/codesign-2026/{name}"]
                self.assertEqual(target["points"], len(frontier["loss"]))
                self.assertEqual(target["shown"], len(frontier["loss"]), "so few points are all shown")
                for column in ("objective", "loss", "layers", "width", "kv_heads", "expert_ffn"):
                    values = target["rows"][column]
                    values = values if isinstance(values, list) else [values] * target["shown"]
                    for shown, true in zip(values, frontier[column][:], strict=True):
                        self.assertAlmostEqual(shown / true, 1, delta=1e-4, msg=f"{name} {column}")
                for phase in ("prefill", "decode"):
                    for place in range(target["shown"]):
                        total = sum(abs(shares[place]) for shares in target[phase].values())
                        self.assertAlmostEqual(total, 1000, delta=10)
            sha = {file[f"inputs/{kind}/{i}"].attrs["sha256"] for kind in file["inputs"] for i in file[f"inputs/{kind}"]}
        shown = " ".join(page.text)
        for each in sha:
            self.assertIn(each, shown)
        for device in DEVICES:
            self.assertIn(device, shown)
        self.assertIn(f"All {sum(t['points'] for t in data['targets'])} points are shown.", shown)

    def test_compare_says_the_same(self):
        self.search()
        self.report("--baseline", "rk3588")
        page = Page(self.text)
        compared = json.loads(self.rooflaw("compare", "result.h5", "--baseline", "rk3588", "--json").out)
        group = next(g for g in compared["groups"] if g["latency"] == "total" and g["precision"] == "*")
        table = page.table("Chips side by side: the best of all precisions, total")
        for row, device in zip(table[1:], group["devices"], strict=True):
            self.assertEqual(row[0], device["device"])
            self.assertEqual(row[3], f'{device["least_loss"]:.4f}')
            if device["device"] != "rk3588" and device["ratio"]:
                self.assertTrue(row[4].startswith(f'{device["ratio"]["mean"]:.3g} '), row)

    def test_best_says_the_same(self):
        self.search()
        page = self.report("--budget", "total=400ms", "--budget", "prefill=200ms")
        decisions = json.loads(self.rooflaw("best", "result.h5", "--budget", "total=400ms", "--budget", "prefill=200ms",
                                            "--json").out)
        for latency in ("total", "prefill"):
            rows = page.table(f"By precision: {latency}")
            shown = {(row[0].split("times ")[0].split("a tie with")[0].strip(), row[1]): row for row in rows[1:]}
            for d in decisions:
                if d["latency"] != latency:
                    continue
                row = shown[f'{d["device"]} {d["precision"]}', "400 ms" if latency == "total" else "200 ms"]
                if d["best"] is None:
                    self.assertRegex(row[2], "least is|nothing meets")
                else:
                    self.assertEqual(row[3], f'{d["best"]["loss"]:.4f}' + (" *" if d["best"]["extrapolated"] else ""))
                    self.assertEqual("a tie with" in row[0], bool(d["as_good"]))
                    self.assertIn({"measured": "measured on the chip", "prior": "of chips of its class",
                                   "ideal": "of the data sheet"}[d["efficiency"]], row[0])
        self.report("--budget", "energy=2J", expect=2)

    def test_one_chip(self):
        self.search(edit(SMALL, {"targets.devices": 'devices = ["rk3588"]'}))
        page = self.report()
        self.assertEqual(page.faults, [])
        self.assertIn("one chip only", " ".join(page.text))

    def test_nothing_meets_the_limits(self):
        self.search(SMALL.replace('memory_budget = "capacity"', "memory_budget = 1000"))
        page = self.report()
        self.assertEqual(page.faults, [])
        self.assertIn("nothing meets the limits", " ".join(page.text))
        self.assertTrue(all(t["shown"] == 0 for t in page.data()["targets"]))

    def test_size_and_thinning(self):
        # 40 targets: ten chips of one kind of memory, two precisions, two latencies.
        chips = ["jetson-agx-orin-64gb", "jetson-agx-orin-32gb", "jetson-orin-nx-16gb-super", "jetson-orin-nano-super-8gb",
                 "jetson-agx-xavier", "jetson-thor-t5000", "jetson-thor-t4000", "intel-lunar-lake-258v-xe2",
                 "amd-ryzen-ai-max-395", "rk3588"]
        job = edit(SMALL, {
            "search.strategy": 'strategy = "exact"',
            "space.layers": "layers = {from = 2, to = 48, step = 1}",
            "space.widths": "widths = {from = 512, to = 4096, step = 64}",
            "space.expert_ffn_ratio": "expert_ffn_ratio = {from = 0.25, to = 8, step = 0.125}",
            "space.experts": "experts = [1, 4, 8, 16, 32, 64]",
            "targets.devices": f"devices = {json.dumps(chips)}",
            "targets.precisions": 'precisions = ["fp16", "int8"]'})
        path = self.search(job)
        page = self.report()
        self.assertEqual(page.faults, [])
        data = page.data()
        self.assertEqual(len(data["targets"]), 40)
        self.assertLess((self.folder / "page.html").stat().st_size, 3_000_000)
        shown, points = (sum(t[k] for t in data["targets"]) for k in ("shown", "points"))
        self.assertLess(shown, points)
        self.assertIn(f"Shown are {shown} of {points} points", " ".join(page.text))
        with h5py.File(path) as file:
            for target in data["targets"]:
                name = f'{target["device"]}.{target["precision"]}.vla.{data["groups"][target["group"]]["objective"]}'
                frontier = file[f"frontiers/codesign-2026/{name}"]
                losses = target["rows"]["loss"]
                self.assertAlmostEqual(losses[0], frontier["loss"][0], delta=1e-3)
                self.assertAlmostEqual(losses[-1], frontier["loss"][-1], delta=1e-3)
                self.assertEqual(losses, sorted(losses, reverse=True))

    def test_foreign_texts_are_shown_and_nothing_else(self):
        evil = '</script><script>alert(1)</script><img src=x onerror=alert(2)> "\' & <!-- \u202e \x1b[31m'
        path = self.search()
        with h5py.File(path, "r+") as file:
            for name in ("command_line", "git_commit", "program_version"):
                file.attrs[name] = evil
            file["runtime"].attrs["host"] = evil
            for kind in file["inputs"]:
                for i in file[f"inputs/{kind}"]:
                    file[f"inputs/{kind}/{i}"].attrs["file"] = evil + ".toml"
            job = file.attrs["job_toml"]
            file.attrs["job_toml"] = job + f"# {evil}\n".replace("\x1b", "")
            engine = file["targets/engine"][:]
            del file["targets/engine"]
            file["targets/engine"] = [evil.encode()] * len(engine)
            confidence = file["targets/device_confidence"][:]
            del file["targets/device_confidence"]
            file["targets/device_confidence"] = [b"estimate\"'><b>x</b>"] * len(confidence)
        reseal(path)
        page = self.report()
        self.assertEqual(page.faults, [])
        self.assertNotIn("img", page.tags)
        self.assertNotIn("b", page.tags)
        self.assertNotIn("\x1b", self.text)
        self.assertNotIn("\u202e", self.text)
        self.assertIn("<script>alert(1)</script>", " ".join(page.text), "shown as text")
        for attributes, body in page.scripts:
            self.assertNotIn("alert(1)", body)

    def test_hostile_ids(self):
        # An id of a file from elsewhere need not keep to the rule for ids.
        evil = "x'\"><script>alert(1)</script>"
        path = self.search(edit(SMALL, {"targets.precisions": 'precisions = ["fp16"]',
                                        "targets.latency": 'latency = ["total"]'}))
        with h5py.File(path, "r+") as file:
            law = file["frontiers/codesign-2026"]
            devices = file["targets/device"].asstr()[:]
            ids = file["targets/id"].asstr()[:]
            text = file[f"inputs/device/{devices[0]}"][()]
            attributes = dict(file[f"inputs/device/{devices[0]}"].attrs)
            name = evil.replace("/", "|")
            file[f"inputs/device/{name}"] = text
            for key, value in attributes.items():
                file[f"inputs/device/{name}"].attrs[key] = value
            del file[f"inputs/device/{devices[0]}"]
            new = f"{name}.fp16.vla.total"
            for kind in [k for k in file if k not in ("inputs", "targets", "runtime")]:
                group = file[kind] if kind == "intensity" else file[f"{kind}/codesign-2026"]
                if ids[0] in group:
                    group.move(ids[0], new)
            devices[0], ids[0] = name, new
            for column, values in (("device", devices), ("id", ids)):
                del file[f"targets/{column}"]
                file[f"targets/{column}"] = [v.encode() for v in values]
        reseal(path)
        run = self.rooflaw("report", "result.h5", "-o", "page.html", expect=None)
        if run.code != 0:  # refused whole is as good
            self.assertEqual(run.code, 3, str(run))
            return
        page = Page((self.folder / "page.html").read_text())
        self.assertEqual(page.faults, [])
        self.assertTrue(all("alert" not in body for attributes, body in page.scripts if "id" not in attributes))
        self.assertEqual(page.data()["devices"][0], name)
        self.assertFalse([a for a in page.attributes if a[1].startswith("on") or "alert" in a[1]])

    def test_wrong_input(self):
        path = self.search()
        self.assertIn("rk3588", self.report("--baseline", "rk3688", expect=2).err)
        self.rooflaw("report", "result.h5", expect=2)
        self.rooflaw("report", "none.h5", "-o", "page.html", expect=3)
        self.write("mine.html", "<p>mine</p>")
        run = self.rooflaw("report", "result.h5", "-o", "mine.html", expect=3)
        self.assertIn("--force", run.err)
        self.assertEqual((self.folder / "mine.html").read_text(), "<p>mine</p>")
        self.rooflaw("report", "result.h5", "-o", "mine.html", "--force")
        self.rooflaw("report", "result.h5", "-o", "mine.html")  # its own page is replaced without
        before = path.read_bytes()
        self.rooflaw("report", "result.h5", "-o", "result.h5", "--force", expect=3)
        self.assertEqual(path.read_bytes(), before)
        # Nor any other result: a portfolio beside it, another name of it.
        (self.folder / "other.h5").write_bytes(before)
        for options in (["-o", "other.h5"], ["-o", "./result.h5"]):
            run = self.rooflaw("report", "result.h5", "--force", *options, expect=3)
            self.assertIn("never replaces", run.err)
        self.assertEqual(((self.folder / "other.h5").read_bytes(), path.read_bytes()), (before, before))
        self.rooflaw("report", "result.h5", "-o", "no/such/folder/page.html", expect=3)
        path.write_bytes(before[:-200])
        self.rooflaw("report", "result.h5", "-o", "page.html", expect=3)
        self.assertFalse((self.folder / "page.html").exists())

    def test_portfolio(self):
        """What rooflaw portfolio found, beside a result; one target is out of reach."""
        job = edit(SMALL, {"search.strategy": 'strategy = "exact"', "targets.precisions": 'precisions = ["fp16"]',
                           "targets.latency": 'latency = ["total"]'})
        rock = "rk3588.fp16.vla.total"
        self.write("portfolio.toml", job + f'\n[portfolio]\nk = 2\nbudgets = {{total = "400ms", "{rock}" = "1ms"}}\n')
        self.rooflaw("portfolio", "portfolio.toml", "-o", "portfolio.h5")
        said = json.loads(self.rooflaw("portfolio", "portfolio.toml", "-o", "again.h5", "--json").out)
        self.search(job)
        self.assertNotIn("portfolio", self.report().ids)
        page = self.report("--portfolio", "portfolio.h5")
        self.assertEqual(page.faults, [])
        self.assertIn("portfolio", page.ids)
        choices = page.table("Portfolios by size")
        with h5py.File(self.folder / "portfolio.h5") as file:
            law = file["portfolio/laws/codesign-2026"]
            for row, k, mean, price in zip(choices[1:], *(law[f"choices/{c}"][:] for c in ("k", "mean_loss", "price")), strict=True):
                self.assertEqual([row[0], row[3], row[4], row[6]], [str(k), f"{mean:.4f}", f"{price:.4f}", "proven"])
            runs = page.table("What runs where: At most 2")
            regrets = law["runs/regret"][:][law["runs/k"][:] == 2]
            self.assertEqual([row[4] for row in runs[1:]], [f"{r:.4f}" for r in regrets])
        self.assertTrue(said)
        self.assertIn(f"{rock}: nothing meets its budget of 1 ms; the least that would do is", " ".join(page.text))
        self.assertIn("--portfolio", self.rooflaw("report", "portfolio.h5", "-o", "x.html", expect=3).err)
        self.assertIn("no portfolio", self.report("--portfolio", "result.h5", expect=3).err)
        self.report("--portfolio", "job.toml", expect=3)

    def test_figures(self):
        self.search()
        # The python3 of PATH: Debian's, which has the packages.
        run = self.run_command(["env", "PATH=/usr/bin:/bin", PROGRAM, "report", "result.h5", "--png", "figures",
                                "--svg", "figures", "--budget", "total=500ms"])
        made = {f"figures/{kind}-codesign-2026-vla-{latency}-capacity.{suffix}" for kind in ("frontiers", "sizes")
                for latency in ("prefill", "total") for suffix in ("png", "svg")}
        self.assertEqual(set(run.out.splitlines()), made)
        for path in made:
            contents = (self.folder / path).read_bytes()
            self.assertTrue(contents.startswith(b"\x89PNG") if path.endswith("png") else b"<svg" in contents, path)
        self.assertIn("500 ms", (self.folder / "figures/frontiers-codesign-2026-vla-total-capacity.svg").read_text())
        self.assertFalse((self.folder / "page.html").exists())
        # Its own figures are drawn again, another's picture is not, unless it must.
        figure = "frontiers-codesign-2026-vla-total-capacity.png"
        draw = ["env", "PATH=/usr/bin:/bin", PROGRAM, "report", "result.h5", "--png", "figures"]
        self.run_command(draw)
        self.write(f"figures/{figure}", "mine")
        self.assertIn("--force", self.run_command(draw, 3).err)
        self.assertEqual((self.folder / "figures" / figure).read_text(), "mine")
        self.run_command([*draw, "--force"])
        self.assertTrue((self.folder / "figures" / figure).read_bytes().startswith(b"\x89PNG"))

    def test_figures_of_an_unsealed_result(self):
        with h5py.File(self.search(), "r+") as file:
            file.attrs["mine"] = 1
        draw = ["env", "PATH=/usr/bin:/bin", PROGRAM, "report", "result.h5", "--png", "figures"]
        self.run_command(draw, 3)
        self.run_command([*draw, "--unsealed"])

    def test_figures_cannot_be_made(self):
        self.search()
        for python, says in ((None, "python3-matplotlib"), ("#!/bin/sh\nexit 1\n", "were not made")):
            (self.folder / "bin").mkdir(exist_ok=True)
            if python:
                self.write("bin/python3", python).chmod(0o755)
            run = self.run_command(["env", f"PATH={self.folder}/bin", PROGRAM, "report", "result.h5", "--png", "figures"], 3)
            self.assertIn(says, run.err)
        self.rooflaw("report", "result.h5", "--png", "job.toml/figures", expect=3)

    def test_reader_filters(self):
        self.search()
        reader = SOURCE / "results/plot_figures.py"
        python = ["/usr/bin/python3", "-B", reader]
        self.assertIn("--budget", self.run_command([*python, "--help"]).out)
        run = self.run_command([*python, "result.h5", "figures", "--latency", "total", "--device", "rk3588",
                                "--y", "perplexity", "--bands", "--in-range", "--format", "svg"])
        self.assertEqual(run.out.split(), [f"figures/{kind}-codesign-2026-vla-total-capacity.svg" for kind in ("frontiers", "sizes")])
        run = self.run_command([*python, "result.h5", "figures", "--device", "rk3577"], 2)
        self.assertIn("rk3588", run.err)
        self.run_command([*python, "job.toml", "figures"], 2)
        self.run_command([*python, "result.h5", "figures", "--budget", "total"], 2)

    def test_same_bytes(self):
        self.search()
        self.report()
        first = self.text
        self.report()
        self.assertEqual(first, self.text)


if __name__ == "__main__":
    unittest.main()
