"""How quick the live page of a large study is, in seconds: prints JSON.

    LOAD fill --trials 10000 --reports 20 --keep large.db
    kindling coordinator --store large.db --http 127.0.0.1:8080 &
    python large.py http://127.0.0.1:8080/studies/NAME
"""

import json
import sys
import time

from browser import browser, wait
from looks import each_figure, go, rows

DRAWN = "return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def main():
    taken = {}
    with browser() as b:

        def timed(name, step):
            start = time.monotonic()
            step()
            b.script(DRAWN)
            taken[name] = round(time.monotonic() - start, 2)

        def load():
            b.open(sys.argv[1])
            b.find(".cards")

        def table():
            go(b, "trials")
            b.find("table.trials tbody tr[data-trial]")

        def filtered():
            b.find("#trial-filter").send_keys("learning_rate=0.001")
            wait(lambda: rows(b) < trials, "fewer trials")

        def figures():
            each_figure(b, set())

        timed("first view", load)
        timed("table", table)
        trials = rows(b)
        timed("sorted", lambda: b.click("table.trials button[data-key='value']"))
        timed("filtered", filtered)
        timed("all figures", figures)
        heap = b.script("return performance.memory.usedJSHeapSize") / 2**20
        print(json.dumps({"trials": trials, "seconds": taken, "heap_mib": round(heap), "complaints": b.complaints()}))


if __name__ == "__main__":
    main()
