"""How long the page of a study with 80 categorical parameters keeps the browser busy, in seconds: prints JSON.

    python wide.py [DIST]

It is the development server's made-up study `wide`, whose document holds all 3,160 pairs. DIST is another dist/ to measure, such as an
older one (`git worktree add /tmp/old COMMIT` makes one: /tmp/old/report/web/dist).
"""

import json
import pathlib
import shutil
import sys
import tempfile
import time

from browser import browser
from cluster import Process

WEB = pathlib.Path(__file__).parents[2] / "report" / "web"

# The longest time in which the browser heard nobody, and all such times together: long tasks, in milliseconds.
WATCH = """
window.busy = [];
new PerformanceObserver((list) => window.busy.push(...list.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });
"""


def main():
    with tempfile.TemporaryDirectory() as folder:
        # The server takes what lies beside it.
        shutil.copytree(WEB / "dev", pathlib.Path(folder, "dev"))
        shutil.copytree(sys.argv[1] if len(sys.argv) > 1 else WEB / "dist", pathlib.Path(folder, "dist"))
        server = Process(["node", str(pathlib.Path(folder, "dev", "serve.mjs")), "--port", "0"])
        try:
            page = server.said(r"page on (http://[0-9.:]+)")
            with browser() as b:
                b.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
                start = time.monotonic()
                b.open(f"{page}/studies/wide/figures")
                b.find("[data-figure]")
                shown = time.monotonic() - start
                # Until nothing keeps it busy any more.
                while b.script("const n = window.busy.length; return new Promise((d) => setTimeout(() => d(window.busy.length > n), 2000))"):
                    pass
                busy = [ms / 1000 for ms in b.script("return window.busy")]
                figures = len(b.all("figure"))
                print(
                    json.dumps(
                        {
                            "figures shown after": round(shown, 1),
                            "longest pause": round(max(busy, default=0), 2),
                            "busy": round(sum(busy), 1),
                            "figures": figures,
                            "complaints": b.complaints(),
                        }
                    )
                )
        finally:
            server.end()


if __name__ == "__main__":
    main()
