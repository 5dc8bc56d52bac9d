#!/usr/bin/env python3
"""How long the page of rooflaw report takes: report_page.py [TARGETS [POINTS]], 36 targets of 20,000 points if not given.

Searches a small space, spreads each frontier to that many points (sizes of the nearest row, objective and loss between
the rows), writes the page and opens it in headless Chromium. Prints; judges nothing."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy

sys.dont_write_bytecode = True
TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "browser"), str(TESTS / "cli")]
from browser import CHROMIUM, DRIVER, Service, webdriver
from support import JOB, PROGRAM, edit, reseal

CHIPS = ["jetson-agx-orin-64gb", "jetson-agx-orin-32gb", "jetson-orin-nx-16gb-super", "jetson-orin-nano-super-8gb",
         "jetson-agx-xavier", "jetson-thor-t5000", "jetson-thor-t4000", "intel-lunar-lake-258v-xe2",
         "amd-ryzen-ai-max-395", "rk3588", "raspberry-pi-5", "jetson-orin-nano-8gb"]
PIN = """
const chart = Chart.getChart(document.querySelector('#plot canvas'));
const points = chart.getDatasetMeta(arguments[0] % 4).data, point = points[points.length - 1 - arguments[0]];
const box = chart.canvas.getBoundingClientRect(), done = arguments[1], before = document.querySelectorAll('.pin').length;
const start = performance.now();
chart.canvas.dispatchEvent(new MouseEvent('click', {clientX: box.left + point.x, clientY: box.top + point.y, bubbles: true}));
(function look() {
  if (document.querySelectorAll('.pin').length > before || performance.now() - start > 3000)
    setTimeout(() => done([performance.now() - start, document.querySelectorAll('.pin').length - before]), 0);
  else requestAnimationFrame(look);
})();"""
TOGGLE = """
const done = arguments[1], start = performance.now();
document.getElementById(arguments[0]).click();
requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));"""


def spread(group, points):
    """The columns of a table over `points` rows; of numbers that make the order, between the rows."""
    rows = len(group["loss"]) if "loss" in group else None
    for name in list(group):
        column = group[name]
        if name == "point" or len(column.shape) != 1:
            continue
        old = column[:]
        at = numpy.linspace(0, len(old) - 1, points)
        smooth = name in ("objective", "latency_s", "loss", "latency_low_s", "latency_high_s", "perplexity")
        new = numpy.interp(at, numpy.arange(len(old)), old) if smooth else old[numpy.rint(at).astype(int)]
        attributes = {k: v for k, v in column.attrs.items() if k != "DIMENSION_LIST"}
        del group[name]
        made = group.create_dataset(name, data=new.astype(old.dtype))
        for key, value in attributes.items():
            made.attrs[key] = value
    if "point" in group:
        del group["point"]
        group.create_dataset("point", data=numpy.arange(points))
    return rows


def main():
    targets, points = (int(sys.argv[i]) if len(sys.argv) > i else default for i, default in ((1, 36), (2, 20000)))
    chips = CHIPS[:max(2, targets // 3)]
    job = edit(JOB, {"search.strategy": 'strategy = "exact"',
                     "space.layers": "layers = {from = 2, to = 48, step = 1}",
                     "space.widths": "widths = {from = 512, to = 4096, step = 64}",
                     "targets.devices": "devices = [" + ", ".join(f'"{c}"' for c in chips) + "]",
                     "targets.latency": 'latency = ["prefill", "tpot", "total"]'})
    with tempfile.TemporaryDirectory(prefix="rooflaw-bench-") as folder:
        folder = pathlib.Path(folder)
        (folder / "job.toml").write_text(job)
        subprocess.run([PROGRAM, "search", "job.toml"], cwd=folder, check=True, capture_output=True)
        with h5py.File(folder / "result.h5", "r+") as file:
            for kind in ("frontiers", "sensitivity", "theory"):
                for law in file[kind].values():
                    for group in law.values():
                        spread(group, points)
            for group in file["intensity"].values():
                spread(group, points)
            count = len(file["targets/id"])
        reseal(folder / "result.h5")
        size = (folder / "result.h5").stat().st_size
        start = time.time()
        subprocess.run([PROGRAM, "report", "result.h5", "-o", "page.html"], cwd=folder, check=True, capture_output=True)
        print(f"{count} targets of {points} points, result {size / 2**20:.0f} MiB: page of "
              f"{(folder / 'page.html').stat().st_size / 1e6:.2f} MB in {time.time() - start:.1f} s")
        chrome = webdriver.ChromeOptions()
        chrome.binary_location = CHROMIUM
        for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,1000"):
            chrome.add_argument(each)
        driver = webdriver.Chrome(options=chrome, service=Service(DRIVER))
        try:
            opened = []
            for _ in range(5):
                driver.get(f"file://{folder}/page.html")
                opened.append(driver.execute_script("return performance.timing.loadEventEnd - performance.timing.navigationStart"))
            print(f"opens in {statistics.median(opened):.0f} ms (of five: {min(opened):.0f} .. {max(opened):.0f})")
            all_chips = [b for b in driver.find_elements("css selector", "#explorer button") if b.text == "All chips"]
            for button in all_chips:
                driver.execute_script("arguments[0].click()", button)
            pins = [driver.execute_async_script(PIN, i) for i in range(20)]
            times = [t for t, made in pins if made == 1]
            print(f"{len(times)} of 20 clicks pinned, all {len(chips)} chips drawn: median {statistics.median(times):.0f} ms, "
                  f"largest {max(times):.0f} ms")
            for toggle in ("latency-band", "perplexity", "device-1"):
                times = [driver.execute_async_script(TOGGLE, toggle) for _ in range(6)]
                print(f"{toggle}: median {statistics.median(times):.0f} ms, largest {max(times):.0f} ms")
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
