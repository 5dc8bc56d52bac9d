"""The page of rooflaw report in headless Chromium: as its readers use it. Pictures stay in the build tree
(ROOFLAW_ARTEFACTS). Times are printed, never judged: tests/bench/report.py measures them."""

import json
import sys
import unittest

sys.dont_write_bytecode = True
from browser import BrowserTest
from support import JOB, edit

try:
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ModuleNotFoundError:
    pass

DEVICES = ["jetson-agx-orin-64gb", "jetson-orin-nano-super-8gb", "rk3588"]
STUDY = edit(JOB, {
    "space.layers": "layers = [4, 8, 12, 16, 20, 24, 28, 32]",
    "space.widths": "widths = [768, 1024, 1536, 2048]",
    "targets.devices": f"devices = {json.dumps(DEVICES)}",
    "targets.precisions": 'precisions = ["fp16", "int8"]',
    "targets.latency": 'latency = ["prefill", "total"]'}) + '\n[compare]\nmodels = ["qwen2.5-0.5b"]\n'

# What the chart has on the screen; Chart.js knows its charts by their canvas.
CHART = "const chart = Chart.getChart(document.querySelector('#plot canvas'));"
CURVES = CHART + "return chart.data.datasets.filter(s => s.target).map(s => s.label);"
PLACE = CHART + """
const curve = chart.data.datasets.findIndex(s => s.target), points = chart.getDatasetMeta(curve).data;
const i = Math.floor(points.length / 2), box = chart.canvas.getBoundingClientRect();
return [box.left + points[i].x - innerWidth / 2, box.top + points[i].y - innerHeight / 2, i];"""
PIXELS = CHART + "return chart.canvas.toDataURL();"


class Report(BrowserTest):
    def setUp(self):
        super().setUp()
        self.write("job.toml", STUDY)
        self.rooflaw("search", "job.toml")
        self.rooflaw("report", "result.h5", "-o", "page.html", "--budget", "total=300ms")
        self.page = self.folder / "page.html"

    def text(self, driver, selector):
        return driver.find_element(By.CSS_SELECTOR, selector).text

    def chart(self, driver):
        driver.execute_script("document.querySelector('#plot').scrollIntoView({block: 'center'})")

    def frames(self, driver):
        """Chart.js looks at the pointer once a frame."""
        driver.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));")

    def point(self, driver):
        """Moves the pointer to a point of the first curve."""
        self.chart(driver)
        x, y, place = driver.execute_script(PLACE)
        body = driver.find_element(By.TAG_NAME, "html")
        actions = ActionChains(driver, duration=0)
        actions.w3c_actions.pointer_action.move_to_location(
            round(x + driver.execute_script("return innerWidth") / 2), round(y + driver.execute_script("return innerHeight") / 2))
        return actions, place

    def test_choose_hover_pin_toggle(self):
        d = self.open(self.browser(), self.page)
        self.assertEqual(d.execute_script(CURVES),
                         [f"{device} {precision}" for device in DEVICES for precision in ("fp16", "int8")])
        self.assert_accessible(d, "as opened")
        self.picture(d, "report-top")

        # Choosing chips, precisions, and another group of targets.
        d.find_element(By.ID, "device-2").click()
        d.find_element(By.ID, "precision-1").click()
        self.assertEqual(d.execute_script(CURVES), [f"{device} fp16" for device in DEVICES[:2]])
        groups = Select(d.find_element(By.ID, "group"))
        self.assertEqual([o.text.split(",")[0] for o in groups.options], ["total", "prefill"])
        groups.select_by_index(1)
        data = json.loads(d.execute_script("return document.getElementById('data').textContent"))
        shown = d.execute_script(CHART + "return chart.data.datasets[0].data[0].x")
        first = next(t for t in data["targets"] if t["group"] == 1 and t["device"] == DEVICES[0] and t["precision"] == "fp16")
        self.assertEqual(shown, first["rows"]["objective"][0])
        groups.select_by_index(0)

        # Hover says the architecture; a click pins it.
        actions, place = self.point(d)
        actions.perform()
        self.frames(d)
        reading = self.text(d, "#reading")
        self.assertIn("jetson-agx-orin-64gb fp16", reading)
        target = next(t for t in data["targets"] if t["group"] == 0 and t["device"] == DEVICES[0] and t["precision"] == "fp16")
        layers = target["rows"]["layers"]
        self.assertIn(f"{layers[place] if isinstance(layers, list) else layers} layers of width", reading)
        actions, place = self.point(d)
        actions.click().perform()
        self.frames(d)
        pins = d.find_elements(By.CSS_SELECTOR, ".pin")
        self.assertEqual(len(pins), 1)
        for words in ("operator", "ffn up", "overhead", "10 % more is worth", "1 % more time", "nine of ten times"):
            self.assertIn(words, pins[0].text)
        self.assert_accessible(d, "with a pin")
        self.picture(d, "report-pinned")
        pins[0].find_element(By.TAG_NAME, "button").click()
        self.assertEqual(d.find_elements(By.CSS_SELECTOR, ".pin"), [])

        # Each toggle changes what is drawn, and back.
        self.chart(d)
        ActionChains(d).move_to_element(d.find_element(By.TAG_NAME, "h3")).perform()
        for toggle in ("latency-band", "models", "perplexity", "whole"):
            before = d.execute_script(PIXELS)
            box = d.find_element(By.ID, toggle)
            box.click()
            self.assertTrue(d.execute_script(PIXELS) != before, f"{toggle} draws nothing")
            box.click()
            self.assertTrue(d.execute_script(PIXELS) == before, f"{toggle} leaves something")
        d.find_element(By.ID, "latency-band").click()
        self.chart(d)
        self.picture(d, "report-bands")

        # A budget of one's own is answered from the points shown, as rooflaw best does.
        budget = d.find_element(By.ID, "budget")
        budget.send_keys("200 ms", Keys.TAB)
        best = json.loads(self.rooflaw("best", "result.h5", "--budget", "total=200ms", "--json").out)
        rows = [[c.text for c in r.find_elements(By.CSS_SELECTOR, "th, td")]
                for r in d.find_elements(By.CSS_SELECTOR, "#best tbody tr")]
        self.assertEqual([r[0] for r in rows], [f"{device} fp16" for device in DEVICES[:2]])
        for row in rows:
            said = next(b for b in best if f'{b["device"]} {b["precision"]}' == row[0])
            point = said["best"]
            self.assertEqual(row[1], "none as fast" if point is None else f'{point["loss"]:.4f}')
        budget.clear()
        budget.send_keys("soon", Keys.TAB)
        self.assertEqual(budget.get_attribute("aria-invalid"), "true")
        self.assert_silent(d)

    def test_keyboard_alone(self):
        d = self.open(self.browser(), self.page)
        keys = lambda *k: ActionChains(d).send_keys(*k).perform()
        keys(Keys.TAB)
        self.assertEqual(d.switch_to.active_element.text, "Skip to the content")
        keys(Keys.ENTER)
        for _ in range(80):
            if d.switch_to.active_element.get_attribute("id") == "plot":
                break
            keys(Keys.TAB)
        self.assertEqual(d.switch_to.active_element.get_attribute("id"), "plot", "tab does not reach the chart")
        keys(Keys.ARROW_RIGHT)
        first = self.text(d, "#reading")
        keys(Keys.ARROW_RIGHT)
        second = self.text(d, "#reading")
        self.assertNotEqual(first, second)
        keys(Keys.HOME)
        self.assertEqual(self.text(d, "#reading"), first)
        keys(Keys.ARROW_DOWN)
        self.assertIn("int8", self.text(d, "#reading"))
        keys(Keys.ENTER)
        self.assertEqual(len(d.find_elements(By.CSS_SELECTOR, ".pin")), 1)
        keys(Keys.END, Keys.ENTER)
        self.assertEqual(len(d.find_elements(By.CSS_SELECTOR, ".pin")), 2)
        keys(Keys.ESCAPE)
        self.assertEqual(len(d.find_elements(By.CSS_SELECTOR, ".pin")), 1)
        # To the pin's button and back to the chart.
        for _ in range(20):
            if d.switch_to.active_element.text == "Remove":
                break
            keys(Keys.TAB)
        keys(Keys.ENTER)
        self.assertEqual(d.find_elements(By.CSS_SELECTOR, ".pin"), [])
        self.assertEqual(d.switch_to.active_element.get_attribute("id"), "plot")
        self.assert_silent(d)

    def test_phone(self):
        d = self.open(self.browser(400, 800), self.page)
        d.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        self.assertEqual(d.execute_script("return document.documentElement.scrollWidth"), 400, "the page scrolls sideways")
        self.assertGreater(d.execute_script(CHART + "return chart.width"), 250)
        self.assert_accessible(d, "400 px wide, all open")
        self.chart(d)
        self.picture(d, "report-phone")
        self.assert_silent(d)

    def test_dark(self):
        d = self.browser()
        d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
        self.open(d, self.page)
        paper = d.execute_script("return getComputedStyle(document.body).backgroundColor")
        self.assertLess(max(map(int, paper.removeprefix("rgb(").removesuffix(")").split(","))), 60)
        d.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        self.assert_accessible(d, "dark, all open")
        self.picture(d, "report-dark")
        self.assert_silent(d)

    def test_without_javascript(self):
        d = self.open(self.browser(1280, 1000, "--blink-settings=scriptEnabled=false"), self.page)
        self.assertEqual(d.find_elements(By.CSS_SELECTOR, "#explorer *"), [])
        self.assertTrue(d.find_element(By.CSS_SELECTOR, "#static-frontiers svg").is_displayed())
        self.assertTrue(d.find_element(By.CSS_SELECTOR, "#decision table").is_displayed())
        for summary in d.find_elements(By.CSS_SELECTOR, "#shapes summary")[:1]:
            summary.click()
        self.assertTrue(d.find_element(By.CSS_SELECTOR, "#shapes svg").is_displayed())
        self.assertEqual(d.execute_script("return document.querySelectorAll('script:not([type])').length"), 2)
        self.picture(d, "report-without-javascript")
        self.assert_silent(d)

    def test_print(self):
        d = self.open(self.browser(), self.page)
        printed = d.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
        self.assertGreater(len(printed["data"]), 50_000)
        self.assertTrue(d.execute_script("return [...document.querySelectorAll('details')].every(each => each.open)"),
                        "what is closed is not printed")


if __name__ == "__main__":
    unittest.main()
