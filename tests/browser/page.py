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
from front import front_of_report, front_of_study
from looks import column, draw, fits_a_phone, named, quiet, reveal, rows, save
from screenshots import screenshots
from trial import trial_of_report, trial_of_study
from understand import understand

# Some that must be there, one of each kind; whatever else is there is drawn and saved as well.
FIGURES = {
    "values", "learning-curves", "timeline", "importance", "interactions", "parallel-coordinates", "pair",
    "slice-learning_rate", "best-winit_conv-winit_fc", "mean-winit_conv-winit_fc",
    "value-by-learning_rate-and-winit_conv", "epochs-by-learning_rate-and-winit_fc", "value-by-gaussian_std_conv",
}


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
    wait(lambda: rows(b) >= shown.least_in_the_end, "the end of the search")
    wait(lambda: b.all("[data-figure^='confirm']"), "what was confirmed")
    figures(b)
    quiet(b, "figures")
    if args.screenshots:
        screenshots(b, args.screenshots)
    shown.report(report)
    b.offline()
    b.open(report.as_uri())
    b.find("table.trials tbody tr[data-trial]")
    figures(b)
    save(b, "values")
    quiet(b, "report")
    several(b, shown, report)
    left_behind(b, shown, report, args.screenshots)
    b.online()
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
    b.open(shown.page)
    b.click(f"table.studies a[data-key='{shown.study}']")
    b.find("table.trials")


def arrives(b, shown):
    """Trials come without a reload: the page keeps what a script left in it."""
    b.script("window.marker = 'still here'")
    before = rows(b)
    shown.work()
    wait(lambda: rows(b) > before + 1, "more trials")
    wait(lambda: "★" in "".join(b.texts("table.trials .star")), "a best trial")
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
    """A trial's dialog has its parameters; Escape closes it, and the focus is back on its row, as that is now."""
    b.click("table.trials button[data-key='value']")
    b.script("document.querySelector('table.trials tbody button').focus()")
    b.press(Keys.ENTER)
    dialog = b.find("dialog[open]")
    number = b.texts("dialog h2")[0].removeprefix("Trial ")
    wanted = b.texts(f"tr[data-trial='{number}'] td[data-column='param winit_conv']")[0]
    assert "winit_conv" in dialog.text and wanted in dialog.text and "learning_rate" in dialog.text
    wait(lambda: b.all("dialog figure canvas"), "its curve")
    # Drawn anew meanwhile, as the row of a best trial is when there is a better one.
    opener = f"[data-key='trial {number}']"
    b.script("const old = document.querySelector(arguments[0]); old.replaceWith(old.cloneNode(true))", opener)
    b.press(Keys.ESCAPE)
    wait(lambda: not b.all("dialog[open]"), "the end of the dialog")
    # The dialog says that it has closed in a task of its own, a little later.
    wait(lambda: b.script("return document.activeElement.dataset.key") == f"trial {number}", "the focus where it was")
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
    before = rows(b)
    shown.more()
    wait(lambda: rows(b) > before, "more trials")
    assert ticks() == part
    b.click(f"{figure} button[aria-label^='Show all']")
    wait(lambda: ticks() == all_of_it, "all of the axis")


def saves(b, _):
    """Each figure as SVG and as PNG."""
    for name in names(b):
        save(b, name)


def names(b):
    """The same, of a study that must have some."""
    there = named(b)
    assert FIGURES <= set(there), FIGURES - set(there)
    return there


def walks(b, _):
    """The keyboard reaches the navigation, tables and figures, and what has the focus is seen to have it."""
    b.driver.refresh()
    b.find("table.trials tbody tr[data-trial]")
    seen = []
    for _ in range(40):
        b.press(Keys.TAB)
        tag, text, outline = b.script(
            "const e = document.activeElement; const s = getComputedStyle(e);"
            "return [e.tagName, e.getAttribute('aria-label') || e.textContent, s.outlineStyle + s.outlineWidth]"
        )
        assert "none" not in outline and not outline.endswith("0px"), f"no focus seen on {tag} {text}"
        seen.append(text)
    assert "Skip to the content" in seen[0], seen[0]
    assert {"Progress", "Parameters", "Trials"} <= set(seen), seen
    reveal(b, "[data-figure='values']")
    b.script("document.querySelector('[data-figure=values] .plot').focus()")
    b.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    wait(lambda: any("Trial" in text for text in b.texts("[data-figure='values'] .tip")), "a tooltip by keyboard")
    b.press(Keys.ENTER)
    b.find("dialog[open]")
    b.press(Keys.ESCAPE)


def narrow(b, _):
    fits_a_phone(b, figures)


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


def figures(b):
    """All figures are drawn, once they are in sight, and not empty."""
    for name in names(b):
        draw(b, name)


if __name__ == "__main__":
    main()
