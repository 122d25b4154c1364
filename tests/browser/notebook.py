"""A study within a notebook: the frame that the Python package makes, in pages like those of Jupyter and VS Code.

    python notebook.py [--screenshots DIR]

The study is a made-up one of the development server (report/web/dev). Needs Chromium and its driver, and Node.
"""

import argparse
import contextlib
import http.server
import pathlib
import subprocess
import sys
import tempfile
import threading

from browser import browser, wait
from looks import colours_of, quiet

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "python"))

from kindling import _inline  # noqa: E402

# What their servers say of a page that shows outputs.
JUPYTER = "frame-ancestors 'self'; report-uri /csp"
VS_CODE = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' https: http: data: blob:; font-src 'self' https:; connect-src https:; child-src https: data: blob:"
)
PAGE = """<!doctype html><html><head><meta charset="utf-8"><title>notebook</title><link rel="icon" href="data:,">
<style>body {{ font: 14px sans-serif; margin: 1em }}</style></head><body {body}>{output}</body></html>"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--chromium")
    parser.add_argument("--chromedriver")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser(args.chromium, args.chromedriver) as b:
        file = pathlib.Path(folder, "report.html")
        script = ROOT / "report" / "web" / "dev" / "serve.mjs"
        subprocess.run(["node", str(script), "--report", str(file)], check=True)
        test(b, file.read_text(encoding="utf-8"), args.screenshots)
    print("all is well")


def test(b, page, screenshots):
    def output(view="", height=720):
        framed = _inline.frame(page, "Kindling: growing", view, height)
        return _inline.box(_inline.caption("growing: 12/200 trials"), framed)

    def save(name):
        if screenshots:
            screenshots.mkdir(parents=True, exist_ok=True)
            b.driver.save_screenshot(str(screenshots / f"notebook-{name}.png"))

    light, dark = 'data-jp-theme-light="true"', 'data-jp-theme-light="false"'
    with Notebook() as notebook:
        b.scheme("light")
        address = notebook.shows(PAGE.format(body=light, output=output()), JUPYTER)
        walks(b, address)
        save("jupyter")
        quiet(b, "a study in Jupyter")
        b.open(notebook.shows(PAGE.format(body=dark, output=output("figures/values")), JUPYTER))
        shows_a_figure(b)
        assert is_dark(b)
        save("dark")
        quiet(b, "a figure in a dark Jupyter")
        # The system is dark, and the notebook is not.
        b.scheme("dark")
        b.open(notebook.shows(PAGE.format(body='class="vscode-body vscode-light"', output=output("trials/3")), VS_CODE))
        within(b)
        wait(lambda: "Trial 3" in " ".join(b.texts("h1, h2")), "the trial")
        assert not is_dark(b)
        save("vscode")
        quiet(b, "a trial in VS Code")
        b.scheme("light")
        b.open(notebook.shows(PAGE.format(body="", output=output("no-such/view")), JUPYTER))
        within(b)
        wait(lambda: "no-such" in b.script("return document.body.textContent"), "what an unknown view says")
        quiet(b, "a view that is unknown")


def walks(b, address):
    """From the overview to the trials by a link; the notebook's page stays where it is, and nothing is loaded."""
    b.open(address)
    assert "growing: 12/200 trials" in b.texts(".kindling-study")[0]
    within(b)
    b.click("a[href='#/trials']")
    b.find("table.trials tbody tr")
    assert b.script("return location.href") == "about:srcdoc#/trials"
    assert b.script("return performance.getEntriesByType('resource').map((entry) => entry.name)") == []
    assert b.script("return self.origin") == "null"
    assert b.script("try { return parent.document.title } catch (error) { return error.name }") == "SecurityError"
    b.driver.switch_to.default_content()
    assert b.driver.current_url == address


def shows_a_figure(b):
    within(b)
    b.find("[data-figure='values'] canvas")
    wait(lambda: colours_of(b, "[data-figure='values'] canvas") > 3, "the figure")
    assert b.script("return location.hash") == "#/figures/values"


def within(b):
    b.driver.switch_to.default_content()
    b.driver.switch_to.frame(b.find(".kindling-study iframe"))
    b.find("h1, h2")


def is_dark(b):
    return b.script("return matchMedia('(prefers-color-scheme: dark)').matches")


class Notebook(contextlib.AbstractContextManager):
    """A server whose page has the output of a cell."""

    def __init__(self):
        self.page, self.policy, self.count = b"", "", 0
        notebook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Security-Policy", notebook.policy)
                self.end_headers()
                self.wfile.write(notebook.page)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def shows(self, page, policy):
        """The address at which it shows this."""
        self.page, self.policy, self.count = page.encode(), policy, self.count + 1
        return f"http://127.0.0.1:{self.server.server_port}/{self.count}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


if __name__ == "__main__":
    main()
