"""How quick the page is with a large study, in a real browser.

    python large.py --kindling PROGRAM [--trials 10000] [--parameters 200] [--studies 1000] [--keep FOLDER] [--rounds 3] [--json]

Makes the study (a worker runs it) and a thousand small ones, opens each view, and prints the time to the first view, the longest task (how
long the browser hears nobody) while it loads, goes from view to view, scrolls, filters and follows a study that runs, and the memory of the
tab. Without --kindling it does so with the development server's made-up study, built from report/web.

A task counts with its processor time (`task_ms`), by the browser's own trace: other work on the machine does not lengthen that. `wall_ms` is
how long it took then. `first_view_ms` is by the clock, and `first_view_cpu_ms` what the page's main thread worked until then. All are medians of
the rounds.
"""

import argparse
import json
import pathlib
import statistics
import sys
import tempfile
import time

from browser import browser, wait
from large_study import MadeUp, Served
from tasks import Trace

# Marks when the first view stands, and counts the times in which the browser heard nobody for more than 50 ms.
WATCH = """
window.measured = { busy: 0, first: null };
performance.mark("kindling: begin");
new PerformanceObserver((list) => (measured.busy += list.getEntries().length)).observe({ type: "longtask", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector("section.view :is(.cards dd, figure, table tbody tr, .card, .worker), table.studies tbody tr")) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => {
    performance.mark("kindling: first view");
    measured.first = performance.now();
  }));
}).observe(document, { childList: true, subtree: true });
"""
# Once nothing keeps it busy for a while, and all trials have come.
QUIET = """
const busy = () => measured.busy + document.querySelectorAll("[data-link=loading]").length * Math.random();
let [known, calm] = [busy(), 0];
// A study that runs may always have something to do.
const end = performance.now() + 10_000;
return new Promise((done) => {
  const look = setInterval(() => {
    calm = busy() === known ? calm + 1 : 0;
    known = busy();
    if (calm >= 8 || (performance.now() > end && !document.querySelector('[data-link=loading]'))) { clearInterval(look); done(performance.now()); }
  }, 100);
});
"""
# As somebody who reads on.
SCROLL = """
return new Promise((done) => {
  const on = () => {
    const before = scrollY;
    scrollBy({ top: innerHeight / 2, behavior: "instant" });
    if (scrollY === before || scrollY > 12000) done(); else setTimeout(on, 150);
  };
  on();
});
"""


class Measure:
    def __init__(self, b):
        self.b, self.found, self.trace = b, {}, Trace(b.driver)
        b.driver.set_script_timeout(100)
        b.command("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        b.command("Performance.enable")
        b.command("HeapProfiler.enable")

    def note(self, what, key, value):
        self.found.setdefault(what, {}).setdefault(key, []).append(value)

    def longest(self, what, tasks):
        _, wall, own = max(tasks, key=lambda task: task[2], default=(0, 0, 0))
        self.note(what, "task_ms", own)
        self.note(what, "wall_ms", wall)
        print(f"{what}: {own:.0f} ms", file=sys.stderr, flush=True)

    def task(self, what, act):
        """The longest task in which the browser does something, and what follows from it."""
        self.trace.start()
        act()
        self.b.script(QUIET)
        self.longest(what, self.trace.end()[0])

    def load(self, what, url):
        self.b.open("about:blank")
        self.trace.start()
        self.b.open(url)
        peak = 0
        wait(lambda: self.b.script("return window.measured?.first"), f"the first view of {url}")
        while self.b.all("[data-link=loading]"):
            peak = max(peak, self.metric("JSHeapUsedSize"))
            time.sleep(0.05)
        self.note(what, "whole_ms", self.b.script("return performance.now()"))
        self.b.script(QUIET)
        tasks, marks = self.trace.end()
        self.note(what, "first_view_ms", self.b.script("return measured.first"))
        self.note(what, "first_view_cpu_ms", sum(own for at, _, own in tasks if marks["begin"] <= at < marks["first view"]))
        self.note(what, "peak_heap_mib", max(peak, self.metric("JSHeapUsedSize")) / 2**20)
        self.longest(what, tasks)

    def metric(self, name):
        return next(m["value"] for m in self.b.command("Performance.getMetrics")["metrics"] if m["name"] == name)

    def memory(self, what):
        self.b.command("HeapProfiler.collectGarbage")
        self.note(what, "heap_mib", self.metric("JSHeapUsedSize") / 2**20)
        self.note(what, "nodes", self.metric("Nodes"))


def views(b):
    """The views of the study, by the links of the navigation."""
    return b.script("return [...document.querySelectorAll('nav a')].filter((a) => a.checkVisibility()).map((a) => a.getAttribute('href'))")


def measure(m, served, args):
    b, study = m.b, f"{served.page}/studies/{served.study}"
    m.load("the list of studies", served.page)
    m.task("the list of studies, scrolled", lambda: b.script(SCROLL))
    m.load("a study", study)
    m.memory("a study")
    there = [view for view in views(b) if view.startswith("/")]
    for view in there:
        name = view.split("?")[0].split("/")[3:] or ["overview"]
        m.task(f"to {name[0]}", lambda: b.click(f"nav a[href='{view}']"))
        m.task(f"{name[0]}, scrolled", lambda: b.script(SCROLL))
    b.click(next(f"nav a[href='{view}']" for view in there if "/trials" in view))
    b.find("table.trials tbody tr")
    m.task("trials, sorted by value", lambda: b.click("table.trials button[data-key='value']"))
    m.task("trials, sorted by a parameter", lambda: b.click("table.trials thead th:nth-child(9) button"))
    if b.all("#trial-filter"):
        m.task("trials, filtered", lambda: b.find("#trial-filter").send_keys("choice a"))
    m.task("one trial", lambda: b.script("document.querySelector('table.trials tbody a')?.click()"))
    m.task("back", lambda: b.driver.back())
    m.memory("after all views")
    for view in there:
        name = view.split("?")[0].split("/")[3:] or ["overview"]
        if name[0] in ("figures", "trials", "parameters"):
            m.load(f"{name[0]} by its address", f"{served.page}{view}")


def follow(m, served, args):
    """A study that runs, in each of these views for some seconds."""
    study = f"{served.page}/studies/{served.grow()}"
    for view in ("", "/figures", "/parameters", "/trials", "/workers"):
        m.load("a study that runs", study + view)
        m.task(f"live: {view[1:] or 'overview'}", lambda: time.sleep(args.live))


def report(m, served, folder):
    file = pathlib.Path(folder, "report.html")
    served.report(file)
    m.note("report", "mib", file.stat().st_size / 2**20)
    m.b.offline()
    m.load("report", file.as_uri())
    m.memory("report")
    m.b.online()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kindling", help="the program; without it, the development server's made-up study")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--parameters", type=int, default=200)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--keep", help="a folder in which the store stays, for the next time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--live", type=float, default=8, help="for how many seconds a running study is followed in a view")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = args.keep or temporary
        if args.kindling:
            served = Served(str(pathlib.Path(args.kindling).resolve()), folder, args.trials, args.parameters, args.studies)
        else:
            served = MadeUp(folder)
        try:
            with browser() as b:
                m = Measure(b)
                for _ in range(args.rounds):
                    measure(m, served, args)
                report(m, served, temporary)
                m.note("the coordinator", "peak_mib", served.memory())
                follow(m, served, args)
                complaints = b.complaints()
        finally:
            served.end()
    found = {what: {key: middle(values) for key, values in keys.items()} for what, keys in m.found.items()}
    if args.json:
        print(json.dumps({"found": found, "rounds": m.found, "complaints": complaints}))
        return
    for what, keys in found.items():
        print(f"{what:34}", "  ".join(f"{key} {value}" for key, value in keys.items()))
    for complaint in complaints:
        print("complaint:", complaint["message"])


def middle(values):
    return None if None in values else round(statistics.median(values))


if __name__ == "__main__":
    main()
