"""A headless Chromium, and what the test asks of it."""

import contextlib
import pathlib
import shutil
import tempfile
import time

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

# Whatever is waited for comes within this time, also on a busy machine, or never.
PATIENCE = 120

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-quic", "--hide-scrollbars",
]


class Browser:
    """A browser with a profile and a folder for downloads of its own."""

    def __init__(self, folder, chromium, chromedriver):
        self.downloads = pathlib.Path(folder, "downloads")
        self.downloads.mkdir()
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in [*FLAGS, f"--user-data-dir={pathlib.Path(folder, 'profile')}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(chromedriver))
        self.driver.set_script_timeout(PATIENCE)
        self.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        self.size(1280, 900)

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    def open(self, url):
        self.driver.get(url)

    def find(self, selector):
        return wait(lambda: next(iter(self.all(selector)), None), selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def texts(self, selector):
        """The texts of all elements, at one moment: elements come and go as results come in."""
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)

    def click(self, selector):
        """As a mouse does; in one script, since the element may be drawn anew meanwhile."""
        self.find(selector)
        self.script(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({ block: 'center' }); e.click();", selector
        )

    def press(self, *keys):
        """Keys to whatever has the focus as each is pressed."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def size(self, width, height):
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def scheme(self, name):
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def offline(self):
        self.command("Network.enable")
        self.command(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
        )

    def online(self):
        self.command(
            "Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1
        )

    def downloaded(self, suffix):
        """The content of the one file that came, once it is whole. Until then its name stands for an empty one."""

        def whole():
            return next((file for file in self.downloads.glob(f"*{suffix}") if file.stat().st_size), None)

        file = wait(whole, f"a download *{suffix}")
        content = file.read_bytes()
        name = file.name
        file.unlink()
        return name, content

    def complaints(self):
        """What the console says of errors and warnings, since it was last asked."""
        return [entry for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


def wait(condition, what):
    """What the condition gives, once that is something."""
    start = time.monotonic()
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() - start > PATIENCE:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.1)


@contextlib.contextmanager
def browser(chromium=None, chromedriver=None):
    found = [given or shutil.which(name) for given, name in ((chromium, "chromium"), (chromedriver, "chromedriver"))]
    if None in found:
        raise SystemExit("chromium and chromedriver must be installed, or named by --chromium and --chromedriver")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        opened = Browser(folder, *found)
        try:
            yield opened
        finally:
            opened.driver.quit()
