"""How long a list of many studies keeps the browser's main thread busy, in seconds of processor time, so that a busy machine does not count:
prints JSON. On the development server's made-up studies.

    python many.py [STUDIES]
"""

import json
import pathlib
import sys
import time

from browser import browser, wait
from cluster import Process

WEB = pathlib.Path(__file__).parents[2] / "report" / "web"

SHOWN = "return Number(document.querySelector('table.studies')?.dataset.rows ?? 0)"


def main():
    studies = sys.argv[1] if len(sys.argv) > 1 else "1000"
    server = Process(["node", str(pathlib.Path(WEB, "dev", "serve.mjs")), "--port", "0", "--studies", studies])
    try:
        page = server.said(r"page on (http://[0-9.:]+)")
        with browser() as b:
            b.command("Performance.setTimeDomain", timeDomain="threadTicks")
            b.command("Performance.enable")
            # The server makes its studies the first time.
            b.open(f"{page}/api/studies")
            taken, busy = {}, {}

            def task_time():
                metrics = b.command("Performance.getMetrics")["metrics"]
                return next(m["value"] for m in metrics if m["name"] == "TaskDuration")

            def timed(name, step, rows):
                before = task_time()
                start = time.monotonic()
                step()
                wait(lambda: rows(b.script(SHOWN)), name)
                taken[name] = round(time.monotonic() - start, 2)
                time.sleep(0.5)
                busy[name] = round(task_time() - before, 3)

            # Some are archived.
            many = int(studies) * 0.9
            timed("shown", lambda: b.open(page), lambda n: n >= many)
            timed("sorted", lambda: b.click("[data-key='sort name']"), lambda n: n >= many)
            timed("searched", lambda: b.find("#study-search").send_keys("many-99"), lambda n: 0 < n < many)
            heap = b.script("return performance.memory.usedJSHeapSize") / 2**20
            print(json.dumps({"studies": int(studies), "seconds": taken, "busy": busy, "heap_mib": round(heap), "complaints": b.complaints()}))
    finally:
        server.end()


if __name__ == "__main__":
    main()
