"""Names and sizes out of the ordinary, in a real browser, on the development server's studies (report/web/dev). Needs Chromium."""

import tempfile
import time

from selenium.webdriver.common.keys import Keys

from browser import browser, wait
from cluster import MadeUp
from looks import each_figure, go, quiet, reveal


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser() as b:
        shown = MadeUp(folder)
        try:
            for step in (links, names, inactive, files, flood, wide, form):
                step(b, shown)
                quiet(b, step.__name__)
        finally:
            shown.end()
    print("all is well")


def links(b, shown):
    """Every study's link leads to it, whatever it is called."""
    b.open(shown.page)
    b.find("table.studies a")
    for name in ("..", "odd & <b>"):
        b.open(shown.page)
        wait(lambda: name in b.texts("table.studies a"), f"a link to {name}")
        b.script("[...document.querySelectorAll('table.studies a')].find((a) => a.textContent === arguments[0]).click()", name)
        wait(lambda: b.texts("h1") == [name], f"the page of {name}")


def names(b, _):
    """A parameter called as what every object has is there only where it counts; choices that look alike can be told apart."""
    b.find(".cards")
    go(b, "trials")
    cells = {}
    # The page keeps the last of them apart by a character without width.
    for name in ("<b>method</b> & more", "constructor", "__proto__\u2060"):
        cells[name] = b.script(
            "return [...document.querySelectorAll('td')].filter((c) => c.dataset.column === 'param ' + arguments[0])"
            ".map((c) => c.textContent)",
            name,
        )
    methods = list(zip(cells["<b>method</b> & more"], cells["constructor"], cells["__proto__\u2060"]))
    assert len(methods) == 40, methods
    for method, constructor, proto in methods:
        assert (constructor == "\u2013") == (method != "two"), methods
        assert (proto == "\u2013") == (method not in ("two", "3")), methods
    seen = {constructor for _, constructor, _ in methods}
    assert seen <= {"\u2013", '""', '"1"', "1", "\u27e8U+202E\u27e9gnp.exe"} and len(seen) > 3, seen
    each_figure(b, set())


def inactive(b, _):
    """Lines of parallel coordinates pass at "none" where a parameter does not count."""
    go(b, "parameters")
    reveal(b, "[data-figure='parallel-coordinates']")
    b.click("[data-figure='parallel-coordinates'] [data-save='svg']")
    file, content = b.downloaded(".svg")
    assert file == "odd-b-parallel-coordinates.svg", file
    assert content.decode().count(">none<") == 2, "one for each parameter that has a condition"
    assert "NaN" not in content.decode()


def files(b, _):
    """Artifacts that are not what they say, or whose names would do harm, are there to be downloaded and do nothing."""
    go(b, "trials")
    b.click("[data-key='trial 4']")
    names = wait(lambda: b.texts(".trial .file-name a"), "its files")
    assert {"a.svg", "<b>bold</b>.html", "lies.png", "../../etc/passwd", "\u27e8U+202E\u27e9gnp.exe"} <= set(names), names
    b.script("document.querySelector('.trial .files').scrollIntoView({ behavior: 'instant' })")
    wait(lambda: len([t for t in b.texts(".trial .files .hint") if "could not be shown" in t]) == 2, "two that are no pictures")
    assert not b.all(".trial .files img, .trial .files svg, .trial .files b")
    for shown, name in (("<b>bold</b>.html", "html"), ("\u27e8U+202E\u27e9gnp.exe", "exe"), ("../../etc/passwd", "passwd")):
        b.script("[...document.querySelectorAll('.trial .files a')].find((a) => a.textContent === arguments[0]).click()", shown)
        assert b.downloaded(name)[1], shown
    assert "broken" not in b.script("return document.title")


def flood(b, shown):
    """Of a trial that writes without end the page holds a part, and takes nothing away from those who read further up."""
    b.open(f"{shown.page}/studies/flood/trials")
    b.click("[data-key='trial 8']")
    wait(lambda: "not shown here any more" in "".join(b.texts(".trial .log > .hint")), "more than there is room for")
    first = "return document.querySelector('.trial .line bdi').textContent"
    before = b.script(first)
    wait(lambda: b.script(first) != before, "the oldest to go")
    assert b.script("return document.querySelectorAll('.trial .line').length") <= 5000
    b.script("document.querySelector('.trial .log').scrollTop = 1000")
    wait(lambda: b.script("return !document.querySelector('.trial .output .tools > button').hidden"), "a way to the end")
    before = b.script(first)
    time.sleep(1)
    assert b.script(first) == before and b.script("return document.querySelector('.trial .log').scrollTop") == 1000
    b.click(".trial .output .tools > button")
    wait(lambda: b.script(first) != before, "what has come since")


def wide(b, shown):
    """Of many parameters some are listed, more for who asks, and any for who looks for it."""
    b.open(f"{shown.page}/studies/wide/parameters")
    names = ".parameters li a"
    wait(lambda: len(b.texts(names)) == 20, "the first parameters")
    assert "Show 60 more of 60 parameters" in b.texts("button.more"), b.texts("button.more")
    b.find("#parameter-search").send_keys("choice_79")
    wait(lambda: b.texts(names) == ["choice_79"], "one that was not listed")
    b.find("#parameter-search").clear()
    b.find("#parameter-search").send_keys(Keys.SPACE, Keys.BACKSPACE)
    wait(lambda: len(b.texts(names)) == 20, "the first parameters again")
    b.click("[data-figure-list='parameters'] button.more")
    wait(lambda: len(b.texts(names)) == 80, "all parameters")


def form(b, shown):
    """The form of a new trial shows every name and choice as text, and sends them as they truly are."""
    b.script("localStorage.setItem('kindling-user', 'Ada')")
    b.open(f"{shown.page}/studies/odd%20%26%20%3Cb%3E")
    b.click("[data-key='bar enqueue']")
    labels = wait(lambda: b.texts("dialog .param-field label"), "the form")
    assert {"<b>method</b> & more", "constructor", "__proto__\u2060"} <= set(labels), labels
    for name, value in (("<b>method</b> & more", "two"), ("constructor", "\u27e8U+202E\u27e9gnp.exe")):
        b.script(
            "const l = [...document.querySelectorAll('dialog label')].find((e) => e.textContent === arguments[0]);"
            "const s = document.getElementById(l.htmlFor);"
            "s.value = [...s.options].find((o) => o.textContent === arguments[1]).value;"
            "s.dispatchEvent(new Event('change', { bubbles: true }))",
            name,
            value,
        )
    assert not b.all("dialog b")
    b.click("dialog [type=submit]")
    wait(lambda: b.texts("dialog .outcome[data-kind='done']"), "the trial to be added")
    sent = b.driver.execute_async_script(
        "const done = arguments[0];"
        "fetch('/api/study?name=' + encodeURIComponent('odd & <b>')).then((a) => a.json()).then((d) => done(d.trials.at(-1).params))"
    )
    assert sent == {"<b>method</b> & more": "two", "constructor": "\u202egnp.exe"}, sent


if __name__ == "__main__":
    main()
