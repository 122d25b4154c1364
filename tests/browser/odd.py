"""Names and sizes out of the ordinary, in a real browser, on the development server's studies (report/web/dev). Needs Chromium."""

import tempfile

from browser import browser, wait
from cluster import MadeUp
from looks import draw, named, quiet, reveal


def main():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser() as b:
        shown = MadeUp(folder)
        try:
            for step in (links, names, inactive, wide):
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
    b.find("table.trials tbody tr[data-trial]")
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
    for figure in named(b):
        draw(b, figure)


def inactive(b, _):
    """Lines of parallel coordinates pass at "none" where a parameter does not count."""
    reveal(b, "[data-figure='parallel-coordinates']")
    b.click("[data-figure='parallel-coordinates'] [data-save='svg']")
    file, content = b.downloaded(".svg")
    assert file == "odd-b-parallel-coordinates.svg", file
    assert content.decode().count(">none<") == 2, "one for each parameter that has a condition"
    assert "NaN" not in content.decode()


def wide(b, shown):
    """Of thousands of figures some are made, and more for who asks."""
    b.open(f"{shown.page}/studies/wide")
    b.find("table.trials tbody tr[data-trial]")
    first = len(named(b))
    assert first < 80, first
    more = wait(lambda: [t for t in b.texts("#pairs button.more") if t], "a button for more")
    assert more == ["Show 24 more of 6296 figures"], more
    b.click("#pairs button.more")
    wait(lambda: len(named(b)) == first + 24, "more figures")


if __name__ == "__main__":
    main()
