"""Figures of the Python module of results/, and the examples beside it in Python, Octave and Julia."""

import shutil
import subprocess
import unittest

import numpy
import pandas

from test_python_module import NANO, ORIN, SMALL, Module, rooflaw
from support import SOURCE, edit


class Figures(Module):
    contents = None  # of the result, made once

    def setUp(self):
        super().setUp()
        job = edit(SMALL, {"targets.precisions": 'precisions = ["fp16", "q8_0", "q4_k_m"]',
                           "targets.devices": f'devices = ["{NANO}", "{ORIN}", "rk3588", "apple-m1-pro", '
                                              '"raspberry-pi-5", "snapdragon-8-elite"]'})
        if Figures.contents is None:
            Figures.contents = self.made(job).read_bytes()
        self.path = self.write("result.h5", Figures.contents)
        self.write("job.toml", job)
        self.result = rooflaw.load(self.path)

    def test_eighteen_curves_are_told_apart(self):
        figure = rooflaw.plot(self.result, self.folder / "a.png", budgets={"total": ["100ms", 2]})
        self.assertEqual((self.folder / "a.png").read_bytes()[:4], b"\x89PNG")
        (axes,) = figure.axes
        curves = [line for line in axes.lines if not line.get_label().startswith("_")]
        self.assertEqual({line.get_label() for line in curves},
                         {f"{t.device} {t.precision}" for t in self.result.targets.itertuples()})
        self.assertEqual(len({(line.get_color(), str(line._unscaled_dash_pattern)) for line in curves}), 18)
        for line in curves:
            device, precision = line.get_label().split()
            points = self.result.frontiers["codesign-2026", f"{device}.{precision}.vla.total"]
            numpy.testing.assert_array_equal(line.get_xdata(), points.objective * 1e3)
            numpy.testing.assert_array_equal(line.get_ydata(), points.loss)
        upright = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]
        self.assertTrue({100.0, 2000.0} <= set(upright))
        figure.canvas.draw()
        legend = axes.get_legend().get_window_extent()
        self.assertGreaterEqual(legend.x0, axes.get_window_extent().x1, "the legend is outside")
        self.assertGreaterEqual(legend.y0, figure.bbox.y0, "and whole")

    def test_choices(self):
        figure = rooflaw.plot(self.result, latency="tpot", y="perplexity", device=[ORIN, NANO], precision="fp16",
                              in_range=True, bands=True)
        (axes,) = figure.axes
        self.assertEqual([text.get_text() for text in axes.get_legend().texts], [NANO, ORIN])
        self.assertEqual((axes.get_xlabel(), axes.get_ylabel()), ("tpot [ms/token]", "perplexity"))
        self.assertEqual(len(axes.collections), 2, "a band a curve")

    def test_the_command(self):
        script = SOURCE / "results/plot_frontier.py"
        plot = lambda *arguments, expect=0: self.run_command(["/usr/bin/python3", "-B", script, *arguments], expect)
        plot("result.h5", "a.png")
        plot("result.h5", "a.svg", "tpot", "--budget", "20ms", "--budget", "tpot=1s", "--device", ORIN, "--precision", "fp16",
             "--y", "perplexity", "--in-range", "--bands")
        self.assertIn("<svg", (self.folder / "a.svg").read_text())
        self.assertIn("--budget TIME", plot("--help").out)
        for arguments, code, said in ((["result.h5", "a.png", "energy"], 2, "has no latency energy"),
                                      (["result.h5", "a.png", "--device", "none"], 2, NANO),
                                      (["result.h5", "a.doc"], 2, "doc"), (["none.h5", "a.png"], 3, "none.h5"),
                                      (["job.toml", "a.png"], 2, "is no result"), (["result.h5"], 2, "OUT.png"),
                                      (["result.h5", "none/a.png"], 3, "none/a.png")):
            run = plot(*arguments, expect=code)
            self.assertIn(said, run.err)
            self.assertNotIn("Traceback", run.err)

    def test_only_figures_need_matplotlib(self):
        self.write("none/matplotlib/__init__.py", "raise ImportError('none')")
        program = ("import sys, rooflaw; r = rooflaw.load('result.h5'); rooflaw.best(r); "
                   f"rooflaw.compare(r, '{ORIN}'); print('read')\ntry: rooflaw.plot(r)\nexcept ImportError: print('asked')")
        run = self.run_command(["env", f"PYTHONPATH={self.folder}/none:{SOURCE}/results", "/usr/bin/python3", "-B", "-c",
                                program])
        self.assertEqual(run.out.split(), ["read", "asked"])


class Examples(Module):
    def test_python(self):
        self.made(SMALL)
        run = self.run_command(["/usr/bin/python3", "-B", SOURCE / "results/example.py", "result.h5"])
        self.assertIn(ORIN, run.out)
        self.assertIn("<svg", (self.folder / "result.svg").read_text())
        self.assertNotIn("Warning", run.err)
        one = edit(SMALL, {"targets.devices": f'devices = ["{ORIN}"]'})
        self.made(one, "one.h5")
        self.run_command(["/usr/bin/python3", "-B", SOURCE / "results/example.py", "one.h5"])

    def check(self, *command):
        path = self.made(SMALL)
        result = rooflaw.load(path)
        for within in (0.05, 0.5, 5.0):
            for row in rooflaw.best(result, {"total": within}).to_dict("records"):
                run = self.run_command([*command, "result.h5", row["target"], within])
                self.assertEqual(run.err, "")
                if pandas.isna(row["loss"]):
                    self.assertIn("nothing is as fast as", run.out)
                    continue
                self.assertEqual(run.out, "{target} within {within:g} s: loss {loss:.17g}, {objective:.17g} s, {layers} layers, "
                                 "width {width}, {kv_heads} KV heads, {top_k} of {experts} experts of {expert_ffn}\n"
                                 .format(**row))
        self.assertIn("no target none", self.run_command([*command, "result.h5", "none", 1], 1).err)
        self.assertIn("usage", self.run_command([*command, "result.h5"], 1).err)

    @unittest.skipUnless(shutil.which("octave-cli"), "octave is not installed (Debian: octave)")
    def test_octave(self):
        self.check("octave-cli", "--quiet", "--no-history", SOURCE / "results/example.m")

    def test_julia(self):
        if not shutil.which("julia") or subprocess.run(["julia", "-e", "using HDF5"], capture_output=True).returncode:
            self.skipTest("Julia with its package HDF5 is not installed (Debian 12 has none)")
        self.check("julia", SOURCE / "results/example.jl")


if __name__ == "__main__":
    unittest.main()
