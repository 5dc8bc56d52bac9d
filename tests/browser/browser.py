"""What the browser tests share: headless Chromium of Debian's packages driven by selenium, axe-core, artefacts."""

import hashlib
import os
import pathlib
import sys
import tarfile
import unittest
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import SOURCE, ProgramTest

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
except ModuleNotFoundError:
    webdriver = None

ARTEFACTS = pathlib.Path(os.environ.get("ROOFLAW_ARTEFACTS", SOURCE / "build/release/tests/artefacts"))
CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
AXE = ("https://registry.npmjs.org/axe-core/-/axe-core-4.10.3.tgz",
       "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292")


def axe_script():
    """The text of axe-core, downloaded once into the build tree and checked; None without a network."""
    url, sha256 = AXE
    place = ARTEFACTS / url.rsplit("/", 1)[1]
    if not place.exists():
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                contents = answer.read()
        except OSError as error:
            print(f"accessibility is not checked: {url}: {error}", file=sys.stderr)
            return None
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        new = place.with_suffix(f".{os.getpid()}")
        new.write_bytes(contents)
        new.replace(place)
    contents = place.read_bytes()
    if hashlib.sha256(contents).hexdigest() != sha256:
        place.unlink()
        raise AssertionError(f"{url} is not what it was: its SHA-256 is not {sha256}")
    with tarfile.open(place) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@unittest.skipUnless(webdriver and os.path.exists(CHROMIUM) and os.path.exists(DRIVER),
                     "needs chromium, chromium-driver and python3-selenium (tests/run.sh installs them)")
class BrowserTest(ProgramTest):
    def browser(self, width=1280, height=1000, *options):
        """A new browser without a network, which is closed with the test."""
        chrome = webdriver.ChromeOptions()
        chrome.binary_location = CHROMIUM
        for each in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     "--force-device-scale-factor=1", "--hide-scrollbars", f"--user-data-dir={self.folder}/profile-{width}-{len(options)}",
                     "--host-resolver-rules=MAP * ~NOTFOUND", *options):
            chrome.add_argument(each)
        chrome.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(options=chrome, service=Service(DRIVER))
        self.addCleanup(driver.quit)
        driver.set_script_timeout(300)  # of axe-core on a long page
        # A window of headless Chromium is not narrower than 500; what the page sees may be.
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                               {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
        return driver

    def open(self, driver, page):
        driver.get(f"file://{page}")
        return driver

    def picture(self, driver, name):
        ARTEFACTS.mkdir(parents=True, exist_ok=True)
        driver.save_screenshot(str(ARTEFACTS / f"{name}.png"))

    def assert_silent(self, driver):
        """Nothing in the console: no error, nothing blocked by the page's own policy."""
        self.assertEqual(driver.get_log("browser"), [])

    def assert_accessible(self, driver, where):
        axe = axe_script()
        if axe is None:
            return
        driver.execute_script(axe)
        answer = driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; axe.run(document, {resultTypes: ['violations']}).then(done, e => done(String(e)));")
        self.assertIsInstance(answer, dict, answer)
        faults = [f'{v["id"]} ({v["impact"]}): {v["help"]}: {[n["html"][:200] for n in v["nodes"][:3]]}'
                  for v in answer["violations"]]
        self.assertEqual(faults, [], f"{where}: " + "\n".join(faults))
