#!/usr/bin/env python3
"""A picture of a page of rooflaw report, as README.md has one: picture.py PAGE.html OUT.png [SELECTOR [WIDTH [HEIGHT]]]

    rooflaw report results/quick.h5 -o results/quick.html --budget total=100ms
    tests/browser/picture.py results/quick.html results/report.png
"""
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
from browser import CHROMIUM, DRIVER, Service, webdriver

PIN = """
document.querySelector('#latency-band').click();
const points = Chart.getChart(document.querySelector('#plot canvas')).getDatasetMeta(0).data;
const point = points[Math.floor(0.7 * points.length)], canvas = document.querySelector('#plot canvas');
const box = canvas.getBoundingClientRect();
canvas.dispatchEvent(new MouseEvent('click', {clientX: box.left + point.x, clientY: box.top + point.y, bubbles: true}));
document.querySelector(arguments[0]).scrollIntoView();"""


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    page, out = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
    selector, width, height = (sys.argv[i] if len(sys.argv) > i else default
                               for i, default in ((3, "#explorer"), (4, 1000), (5, 1100)))
    with tempfile.TemporaryDirectory() as profile:
        chrome = webdriver.ChromeOptions()
        chrome.binary_location = CHROMIUM
        for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={profile}",
                     "--force-device-scale-factor=1", "--force-prefers-reduced-motion"):
            chrome.add_argument(each)
        driver = webdriver.Chrome(options=chrome, service=Service(DRIVER))
        try:
            driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                   {"width": int(width), "height": int(height), "deviceScaleFactor": 1, "mobile": False})
            driver.get(f"file://{page}")
            driver.execute_script(PIN, selector)
            driver.execute_async_script("const done = arguments[0]; setTimeout(() => requestAnimationFrame(() => done()), 200);")
            driver.save_screenshot(out)
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
