"""The ways through the page: addresses that lead to a view, a trial or a figure, back and forward, and addresses that lead nowhere."""

import time

from selenium.webdriver.common.keys import Keys

import axe
from browser import wait
from looks import at, draw, go, heading, quiet, views

PHONE = (390, 780)


def ways_in_study(b, shown):
    for step in (deep_links, old_anchors, back_and_forth, beside, one_at_a_time, by_keyboard, on_a_phone, accessible, nowhere):
        step(b, shown)
        # That an address leads nowhere is said by the browser, too.
        if step is nowhere:
            assert all("404" in entry["message"] for entry in b.complaints())
        quiet(b, step.__name__)


def opened(b, address, title):
    b.open(address)
    wait(lambda: b.texts(".view-head h2") == [title], f"{title} at {address}")
    # Trials come in pieces.
    wait(lambda: not b.all("[data-link=loading]"), f"all of {address}")


def study(shown):
    return f"{shown.page}/studies/{shown.study}"


def deep_links(b, shown):
    """A link to a view, a trial or a figure opens it, and its title says what it is."""
    for inner, title in (("", "Overview"), ("/", "Overview"), ("/trials", "Trials"), ("/trials/3", "Trial 3"), ("/figures/values", "Value over trials"), ("/workers", "Workers")):
        opened(b, study(shown) + inner, title)
        assert b.script("return document.title") == f"{title} · {shown.study} · Kindling"
    b.open(f"{study(shown)}/figures/slice-learning_rate")
    wait(lambda: "learning_rate" in "".join(b.texts(".view-head h2")), "the figure")
    draw(b, "slice-learning_rate")
    assert b.script("return document.querySelector('[data-figure] .plot').clientHeight") > 400
    b.command("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    b.script("window.focus()")
    b.click(".copy button")
    wait(lambda: b.texts(".copy .hint") != [""], "the address")
    assert b.texts(".copy .hint")[0] in ("Copied.", b.driver.current_url)
    opened(b, f"{shown.page}/study?name={shown.study}&view=trials/3", "Trial 3")


def old_anchors(b, shown):
    """What led to a part of the page when it was one scroll still leads there."""
    for anchor, title in (("figures", "Figures"), ("parameters", "Parameters"), ("trials", "Trials")):
        b.open("about:blank")
        opened(b, f"{study(shown)}#{anchor}", title)


def back_and_forth(b, shown):
    """Back leads to where the reader was, with what had the focus; a reload leaves them there."""
    opened(b, f"{study(shown)}/trials", "Trials")
    b.size(1280, 500)
    b.script("window.scrollTo({ top: 400, behavior: 'instant' })")
    key = b.script(
        "const links = [...document.querySelectorAll('table.trials tbody a')];"
        "const link = links.find((a) => a.getBoundingClientRect().top > 250); link.focus({ preventScroll: true }); return link.dataset.key"
    )
    top = b.script("return window.scrollY")
    assert top > 300, top
    b.press(Keys.ENTER)
    wait(lambda: heading(b) == key.replace("trial", "Trial"), key)
    assert b.script("return window.scrollY") < 5
    # The next trial takes this one's place in the history, and the link keeps the focus.
    b.script("document.querySelector(\"[data-key='Previous trial']\").focus()")
    b.press(Keys.ENTER)
    wait(lambda: heading(b) != key.replace("trial", "Trial"), "the trial before")
    assert b.script("return document.activeElement.dataset.key") == "Previous trial"
    b.driver.back()
    wait(lambda: heading(b) == "Trials", "the table")
    assert abs(b.script("return window.scrollY") - top) < 3, (b.script("return window.scrollY"), top)
    assert b.script("return document.activeElement.dataset.key") == key
    b.driver.forward()
    wait(lambda: heading(b).startswith("Trial "), "the trial")
    b.driver.back()
    wait(lambda: heading(b) == "Trials", "the table")
    b.driver.refresh()
    wait(lambda: b.all("table.trials tbody tr[data-trial]"), "the table")
    wait(lambda: abs(b.script("return window.scrollY") - top) < 3, "where the reader was")
    b.size(1280, 900)


def beside(b, shown):
    """Another tab's worth: links are links, which a browser can open elsewhere."""
    opened(b, f"{study(shown)}/trials", "Trials")
    links = b.script("return [...document.querySelectorAll('nav li:not([hidden]) a, table.trials tbody a')].map((a) => a.href)")
    assert len(links) > 10 and all(link.startswith(study(shown)) for link in links), links


def one_at_a_time(b, shown):
    """Only the view that is open exists."""
    opened(b, f"{study(shown)}/figures", "Figures")
    b.script("document.querySelector('[data-figure=values]').scrollIntoView({ behavior: 'instant' })")
    wait(lambda: b.all("figure canvas"), "figures")
    go(b, "trials")
    assert not b.all("figure") and not b.all("canvas")
    assert len(b.all(".view")) == 1


def by_keyboard(b, shown):
    """From the list to a figure and back, by keyboard alone."""
    b.open(shown.page)
    b.find(f"table.studies a[data-key='{shown.study}']")
    tab_to(b, f"[data-key='{shown.study}']")
    b.press(Keys.ENTER)
    wait(lambda: b.all(".cards"), "the study")
    tab_to(b, "nav [data-view='figures']")
    b.press(Keys.ENTER)
    at(b, "figures")
    assert b.script("return document.activeElement.tagName") == "H2", "the view's heading has the focus"
    tab_to(b, "[data-alone='values']")
    b.press(Keys.ENTER)
    wait(lambda: heading(b) == "Value over trials", "the figure")
    b.driver.back()
    wait(lambda: heading(b) == "Figures", "all figures")
    assert b.script("return document.activeElement.dataset.key") == "figure values"
    # Of a page that is opened anew the first stop leads past what is in every view.
    b.open("about:blank")
    b.open(f"{study(shown)}/figures")
    wait(lambda: b.all("[data-figure]"), "figures")
    b.press(Keys.TAB)
    assert b.script("return document.activeElement.className") == "skip"
    before = b.driver.current_url
    b.press(Keys.ENTER)
    assert b.script("return document.activeElement.id") == "view-title" and b.driver.current_url == before


def tab_to(b, selector):
    for _ in range(150):
        b.press(Keys.TAB)
        if b.script("return document.activeElement.matches(arguments[0])", selector):
            return
    raise AssertionError(f"Tab does not lead to {selector}")


def on_a_phone(b, shown):
    """Name, state and navigation are in sight at the top and at the end of every view."""
    b.size(*PHONE)
    for view in views(b):
        go(b, view)
        for where in (0, 1e6):
            b.script("window.scrollTo({ top: arguments[0], behavior: 'instant' })", where)
            time.sleep(0.1)
            seen = b.script(
                "return ['.bar-line h1', '.bar-line .chip', '.strip', \"nav [aria-current='page']\"].map((s) => {"
                "  const { top, bottom, left, right } = document.querySelector(s).getBoundingClientRect();"
                "  return top >= 0 && bottom <= innerHeight && left >= 0 && right <= innerWidth + 1 && bottom > top;"
                "})"
            )
            assert all(seen), (view, where, seen)
    b.size(1280, 900)


def accessible(b, shown):
    """Nothing serious is found in any view."""
    b.open(shown.page)
    b.find("table.studies tbody tr")
    axe.judge(b, "list")
    b.open(study(shown))
    b.find(".cards")
    for view in views(b):
        go(b, view)
        time.sleep(1)
        axe.judge(b, view)
    opened(b, f"{study(shown)}/trials/3", "Trial 3")
    axe.judge(b, "trial")
    opened(b, f"{study(shown)}/figures/values", "Value over trials")
    draw(b, "values")
    axe.judge(b, "figure")
    opened(b, f"{study(shown)}/nothing", "No such view")
    axe.judge(b, "nothing")


def nowhere(b, shown):
    """An address that leads nowhere says so, with a way back."""
    for inner, said, back in (
        ("/nothing", "no view is called “nothing”", "overview"),
        ("/trials/99999", "no trial 99999", "trials"),
        ("/trials/x", "no trial x", "trials"),
        ("/figures/%3Cb%3E", "no figure “<b>”", "figures"),
        ("/workers/x", "“x”", "workers"),
        ("/trials/1/2/3", None, None),
    ):
        b.open(study(shown) + inner)
        if said is None:
            wait(lambda: b.texts("h1") == ["There is nothing here"], inner)
            continue
        wait(lambda: b.all(".view"), inner)
        assert said in b.texts(".view")[0] and b.texts("h1") == [shown.study], (inner, b.texts(".view"))
        b.click(".view .card a")
        at(b, back)
    for path in ("/studies/none", "/studies/none/trials/3", "/none"):
        b.open(shown.page + path)
        wait(lambda: b.texts("h1") == ["There is nothing here"], path)
        b.find(".banner a")
        b.click("main a")
        b.find("table.studies")


def ways_in_report(b, report):
    """The same of a file: its views are behind the hash."""
    file = report.as_uri()
    opened(b, f"{file}#/trials/3", "Trial 3")
    go(b, "figures")
    assert b.driver.current_url == f"{file}#/figures", b.driver.current_url
    b.click("[data-alone='values']")
    wait(lambda: heading(b) == "Value over trials", "the figure")
    assert b.driver.current_url == f"{file}#/figures/values"
    b.driver.back()
    b.driver.back()
    wait(lambda: heading(b) == "Trial 3", "the trial")
    b.script("location.hash = '#/workers'")
    wait(lambda: heading(b) == "Workers", "the workers")
    b.script("location.hash = '#trials'")
    wait(lambda: heading(b) == "Trials", "the table")
    b.script("location.hash = '#/none'")
    wait(lambda: heading(b) == "No such view", "that there is none")
    quiet(b, "ways in a report")
