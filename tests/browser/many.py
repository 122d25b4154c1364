"""How long a list of many studies keeps the browser busy, in seconds: prints JSON. On the development server's made-up studies.

    python many.py [STUDIES]
"""

import json
import pathlib
import sys
import time

from browser import browser, wait
from cluster import Process
from wide import WATCH, WEB

SHOWN = "return Number(document.querySelector('table.studies')?.dataset.rows ?? 0)"


def main():
    studies = sys.argv[1] if len(sys.argv) > 1 else "1000"
    server = Process(["node", str(pathlib.Path(WEB, "dev", "serve.mjs")), "--port", "0", "--studies", studies])
    try:
        page = server.said(r"page on (http://[0-9.:]+)")
        with browser() as b:
            b.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
            # The server makes its studies the first time.
            b.open(f"{page}/api/studies")
            taken, longest = {}, {}

            def timed(name, step, rows):
                b.script("window.busy?.splice(0)")
                start = time.monotonic()
                step()
                wait(lambda: rows(b.script(SHOWN)), name)
                taken[name] = round(time.monotonic() - start, 2)
                time.sleep(0.5)
                longest[name] = round(max(b.script("return window.busy"), default=0) / 1000, 2)

            many = int(studies) - 1
            timed("shown", lambda: b.open(page), lambda n: n >= many)
            timed("sorted", lambda: b.click("[data-key='sort name']"), lambda n: n >= many)
            timed("searched", lambda: b.find("#study-search").send_keys("many-99"), lambda n: 0 < n < many)
            heap = b.script("return performance.memory.usedJSHeapSize") / 2**20
            print(json.dumps({"studies": int(studies), "seconds": taken, "longest task": longest, "heap_mib": round(heap), "complaints": b.complaints()}))
    finally:
        server.end()


if __name__ == "__main__":
    main()
