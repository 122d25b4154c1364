"""The live page and the report in a real browser.

    python page.py --kindling PATH [--screenshots DIR]
    python page.py --made-up       [--screenshots DIR]

PATH is the built command. `--made-up` takes the development server's studies instead (report/web/dev): it shows that
the page works, not that the coordinator serves it. Needs Chromium and its driver.
"""

import argparse
import pathlib
import tempfile
import xml.etree.ElementTree as ElementTree

from selenium.webdriver.common.keys import Keys

from browser import browser, wait
from cluster import Cluster, MadeUp
from compare import compare
from front import front_of_report, front_of_study
from looks import at, column, each_figure, ended, fits_a_phone, go, heading, quiet, reveal, rows, save
from screenshots import screenshots
from steer import steer
from trial import trial_of_report, trial_of_study
from understand import understand
from ways import ways_in_report, ways_in_study

# Some that must be there, one of each kind; whatever else is there is drawn and saved as well.
FIGURES = {"values", "learning-curves", "timeline", "interactions", "parallel-coordinates"}


def main():
    args = arguments()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser(args.chromium, args.chromedriver) as b:
        shown = MadeUp(folder) if args.made_up else Cluster(args.kindling, folder)
        try:
            test(b, shown, pathlib.Path(folder, "report.html"), args)
        finally:
            shown.end()
    print("all is well")


def test(b, shown, report, args):
    for step in (list_of_studies, arrives, sorts, filters, opens, follows, zooms, saves, walks, narrow, schemes):
        step(b, shown)
        quiet(b, step.__name__)
    wait(lambda: ended(b) >= shown.least_in_the_end, "the end of the search")
    go(b, "answer")
    wait(lambda: b.all("[data-figure^='confirm']"), "what was confirmed")
    each_figure(b, FIGURES)
    quiet(b, "figures")
    ways_in_study(b, shown)
    if args.screenshots:
        b.open(f"{shown.page}/studies/{shown.study}")
        b.find(".cards")
        screenshots(b, args.screenshots)
    shown.report(report)
    b.offline()
    b.open(report.as_uri())
    b.find(".cards")
    each_figure(b, FIGURES)
    go(b, "figures")
    save(b, "values")
    quiet(b, "report")
    ways_in_report(b, report)
    several(b, shown, report)
    b.online()
    steer(b, shown)
    left_behind(b, shown, report, args.screenshots)
    b.online()
    compare(b, shown)
    understand(b, shown)


def several(b, shown, report):
    """A study of two objectives, live and as a file."""
    b.online()
    front_of_study(b, shown)
    quiet(b, "several objectives")
    shown.report(report, shown.front)
    b.offline()
    front_of_report(b, report)
    quiet(b, "report of several objectives")


def left_behind(b, shown, report, folder):
    """What a trial leaves behind, live and as a file."""
    b.online()
    trial_of_study(b, shown, folder)
    quiet(b, "what a trial leaves behind")
    shown.report(report, shown.talk)
    shown.hush()
    b.offline()
    trial_of_report(b, report)
    quiet(b, "report of what a trial leaves behind")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kindling")
    what.add_argument("--made-up", action="store_true")
    parser.add_argument("--screenshots", metavar="DIR")
    parser.add_argument("--chromium")
    parser.add_argument("--chromedriver")
    return parser.parse_args()


def list_of_studies(b, shown):
    """It is searched and sorted; a study opens, and back leads to the list as it was."""
    b.open(shown.page)
    link = f"table.studies a[data-key='{shown.study}']"
    b.find(link)
    b.find("#study-search").send_keys(shown.study)
    wait(lambda: "search=" in b.driver.current_url and len(b.all("table.studies tbody tr")) >= 1, "what was searched for")
    b.click(link)
    b.find(".cards")
    assert heading(b) == "Overview" and b.texts("h1") == [shown.study]
    b.driver.back()
    b.find(link)
    assert b.find("#study-search").get_attribute("value") == shown.study
    b.click(link)
    b.find(".cards")


def arrives(b, shown):
    """Trials come without a reload: the page keeps what a script left in it."""
    b.script("window.marker = 'still here'")
    go(b, "trials")
    before = rows(b)
    shown.work()
    wait(lambda: rows(b) > before + 1, "more trials")
    # The table has 50 trials to a page: the best may be on another.
    b.click("table.trials button[data-key='value']")
    wait(lambda: "★" in "".join(b.texts("table.trials .star")), "a best trial")
    b.click("table.trials button[data-key='number']")
    assert b.script("return window.marker") == "still here"


def sorts(b, _):
    """The order is that of the values, both ways; trials without one come last."""

    def ordered(down):
        shown = [text for text in column(b, "value")]
        numbers = [float(text) for text in shown if text != "–"]
        assert shown[: len(numbers)] == [text for text in shown if text != "–"], shown
        assert numbers == sorted(numbers, reverse=down), numbers
        return len(numbers) > 1 and numbers

    b.click("table.trials button[data-key='value']")
    assert header(b, "value") == "descending"
    first = wait(lambda: ordered(True), "values")
    b.click("table.trials button[data-key='value']")
    assert header(b, "value") == "ascending"
    assert ordered(False) != first
    b.click("table.trials button[data-key='param winit_fc']")
    names = [name for name in column(b, "param winit_fc") if name != "–"]
    assert names == sorted(names) and len(set(names)) > 1, names
    b.click("table.trials button[data-key='number']")


def header(b, key):
    return b.script(
        "return document.querySelector(arguments[0]).closest('th').getAttribute('aria-sort')",
        f"table.trials button[data-key='{key}']",
    )


def filters(b, _):
    field = b.find("#trial-filter")
    before = rows(b)
    field.send_keys("winit_conv=gaussian complete")
    wait(lambda: 0 < rows(b) < before, "fewer trials")
    assert set(column(b, "param winit_conv")) == {"gaussian"}
    field.clear()
    field.send_keys("no such word", Keys.TAB)
    assert rows(b) == 0
    field.clear()
    field.send_keys(Keys.SPACE, Keys.BACKSPACE)
    wait(lambda: rows(b) >= before, "all trials")


def opens(b, _):
    """A trial opens at an address of its own, and back leads to its row, in the same order."""
    b.click("table.trials button[data-key='value']")
    b.script("document.querySelector('table.trials tbody a').focus()")
    b.press(Keys.ENTER)
    wait(lambda: heading(b).startswith("Trial "), "the trial")
    number = heading(b).removeprefix("Trial ")
    assert b.driver.current_url.endswith(f"/trials/{number}"), b.driver.current_url
    assert b.script("return document.activeElement.tagName") == "H2"
    text = b.texts(".trial")[0]
    assert "winit_conv" in text and "learning_rate" in text
    wait(lambda: b.all(".trial figure canvas"), "its curve")
    b.driver.back()
    wait(lambda: heading(b) == "Trials", "the table")
    assert header(b, "value") == "descending"
    wait(lambda: b.script("return document.activeElement.dataset.key") == f"trial {number}", "the focus where it was")
    conv = b.texts(f"tr[data-trial='{number}'] td[data-column='param winit_conv']")[0]
    assert conv in text, (conv, text)
    b.click("table.trials button[data-key='number']")


def follows(b, shown):
    """Trials that come disturb neither the filter nor the order."""
    b.click("table.trials button[data-key='learning_rate'], table.trials button[data-key='param learning_rate']")
    b.find("#trial-filter").send_keys("complete")
    before = rows(b)
    shown.more()
    wait(lambda: rows(b) > before, "one more completed trial")
    assert header(b, "param learning_rate") == "descending"
    assert b.find("#trial-filter").get_attribute("value") == "complete"
    b.find("#trial-filter").clear()
    b.find("#trial-filter").send_keys(Keys.SPACE, Keys.BACKSPACE)
    b.click("table.trials button[data-key='number']")


def zooms(b, shown):
    """A figure zoomed into stays so as trials come, and shows all again when asked."""
    figure = "[data-figure='slice-learning_rate']"
    go(b, "parameters")
    b.click("[data-key='parameter learning_rate']")
    b.find(figure)

    def ticks():
        """Those of the learning rate, as far as they are in sight: accuracies are larger."""
        b.click(f"{figure} [data-save='svg']")
        texts = ElementTree.fromstring(b.downloaded(".svg")[1]).itertext()
        return [text for text in texts if text.startswith("0.00") or text == "0.01"]

    reveal(b, figure)
    all_of_it = ticks()
    assert {"0.0005", "0.001", "0.01"} <= set(all_of_it), all_of_it
    b.click(f"{figure} button[aria-label^='Zoom in']")
    b.click(f"{figure} button[aria-label^='Zoom in']")
    part = wait(lambda: (now := ticks()) != all_of_it and now, "a part of the axis")
    assert not {"0.0005", "0.01"} & set(part), part
    before = ended(b)
    shown.more()
    wait(lambda: ended(b) > before, "more trials")
    assert ticks() == part
    go(b, "trials")
    b.driver.back()
    b.find(figure)
    reveal(b, figure)
    wait(lambda: ticks() == part, "the same part, after having been elsewhere")
    b.click(f"{figure} button[aria-label^='Show all']")
    wait(lambda: ticks() == all_of_it, "all of the axis")


def saves(b, _):
    """Each figure as SVG and as PNG."""
    each_figure(b, FIGURES, save)


def walks(b, _):
    """The keyboard reaches the navigation, tables and figures, and what has the focus is seen to have it."""
    go(b, "figures")
    b.driver.refresh()
    b.find("[data-figure='values']")
    wait(lambda: not b.all("[data-link=loading]"), "all trials")
    seen = []
    for _ in range(40):
        b.press(Keys.TAB)
        tag, text, outline = b.script(
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.tagName, e.getAttribute('aria-label') || e.textContent, s.outlineStyle + s.outlineWidth]"
        )
        # Behind the last one the browser itself has the focus.
        if tag == "BODY" and len(seen) > 25:
            break
        assert "none" not in outline and not outline.endswith("0px"), f"no focus seen on {tag} {text[:99]} after {seen[-3:]}"
        seen.append(text)
    assert "Skip to the content" in seen[0], seen[0]
    assert {"Overview", "Parameters", "Trials"} <= set(seen), seen
    reveal(b, "[data-figure='values']")
    b.script("document.querySelector('[data-figure=values] .plot').focus()")
    b.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    wait(lambda: any("Trial" in text for text in b.texts("[data-figure='values'] .tip")), "a tooltip by keyboard")
    b.press(Keys.ENTER)
    wait(lambda: heading(b).startswith("Trial "), "the trial")
    b.driver.back()
    at(b, "figures")


def narrow(b, _):
    fits_a_phone(b)


def schemes(b, _):
    """Both colour schemes of the system, and the button that changes it."""
    page = "return getComputedStyle(document.body).backgroundColor"
    colours = {}
    for scheme in ("light", "dark"):
        b.scheme(scheme)
        colours[scheme] = b.script(page)
    assert brightness(colours["light"]) > 200 > 60 > brightness(colours["dark"]), colours
    b.click("button.theme")
    assert b.script(page) == colours["light"]
    b.click("button.theme")
    assert b.script(page) == colours["dark"]


def brightness(colour):
    return sum(int(part) for part in colour[4:-1].split(",")) / 3


if __name__ == "__main__":
    main()
