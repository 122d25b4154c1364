"""What a trial leaves behind, in its view: output while it runs, attempts, artifacts. Names and output are full of what could do harm."""

import base64
import pathlib

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from browser import wait
from looks import at, heading

LOG = ".trial .log"
# How far the pane is from its end, in pixels.
LEFT = "const l = document.querySelector('.trial .log'); return l.scrollHeight - l.scrollTop - l.clientHeight"
PHONE = (390, 844)


def trial_of_study(b, shown, folder=None):
    trial = shown.begin_to_talk()
    b.open(f"{shown.page}/studies/{shown.talk}/trials")
    wait(lambda: b.all(f"[data-key='trial {trial}']"), "the trial")
    b.click(f"[data-key='trial {trial}']")
    b.script("window.marker = 'still here'")
    for step in (follows, is_harmless, is_read, goes_on, keeps, fits):
        b.size(1280, 900)
        step(b, shown)
    pictures(b, folder)
    assert b.script("return window.marker") == "still here"
    b.size(1280, 900)
    b.driver.back()
    at(b, "trials")


def lines(b):
    return b.texts(f"{LOG} .line bdi")


def follows(b, _):
    """Lines come as they are written, and the end stays in sight, unless somebody reads further up."""
    wait(lambda: len(lines(b)) > 20, "its output")
    wait(lambda: b.texts(".trial .output .chip") == ["live"], "a live connection")
    before = len(lines(b))
    wait(lambda: len(lines(b)) > before + 2, "more output")
    assert b.script(LEFT) < 24, b.script(LEFT)
    b.script("document.querySelector(arguments[0]).scrollTop = 0", LOG)
    button = ".trial .output .tools > button"
    wait(lambda: b.script("return !document.querySelector(arguments[0]).hidden", button), "a way back to the end")
    before = len(lines(b))
    wait(lambda: len(lines(b)) > before + 2, "more output")
    assert b.script("return document.querySelector(arguments[0]).scrollTop", LOG) == 0
    b.click(button)
    wait(lambda: b.script("return document.querySelector(arguments[0]).hidden", button), "the end")
    assert b.script("return document.activeElement.getAttribute('role')") == "log", "the focus is not lost"
    before = len(lines(b))
    wait(lambda: len(lines(b)) > before + 2, "more output")
    assert b.script(LEFT) < 24
    # The same by keyboard.
    b.press(Keys.HOME)
    wait(lambda: b.script(LEFT) > 100, "the beginning")
    b.press(Keys.END)
    wait(lambda: b.script(LEFT) < 24, "the end")


def is_harmless(b, shown):
    """Whatever was written is text: no element, no command, nothing that hides or turns others around."""
    text = "\n".join(lines(b))
    for part in (
        "<script>document.title = 'broken'</script><img src=x",
        "null ⟨U+0000⟩ bell ⟨U+0007⟩ backspace ⟨U+0008⟩ escape ⟨U+001B⟩",
        "right to left: ⟨U+202E⟩gnp.exe⟨U+202C⟩",
        "red bold green orange blue black on black hidden",
        "a linkcleared",
        "100%|",
        "x" * 4000,
    ):
        assert part in text, (part, text)
    assert "evil.example" not in text and "50%" not in text, text
    assert b.script("return document.title") .endswith(f" · {shown.talk} · Kindling")
    inside = b.script("return [...new Set([...document.querySelectorAll('.trial .log *')].map((e) => e.tagName))].sort()")
    assert set(inside) <= {"BDI", "DIV", "P", "SPAN", "TIME"}, inside
    # Each is a line of its own, however long, and what must be seen can be.
    plain, colours = b.script(
        """
        const color = (e) => getComputedStyle(e).color;
        const line = [...document.querySelectorAll(".line bdi")].find((e) => e.textContent.startsWith("red bold green"));
        return [color(line), [...line.querySelectorAll("span")].map((e) => [e.textContent, color(e)])];
        """
    )
    coloured = {text.strip(): colour for text, colour in colours}
    assert len({plain, coloured["red"], coloured["bold green"], coloured["orange"], coloured["blue"]}) == 5, coloured
    assert plain not in (coloured["red"], coloured["blue"]), coloured


def is_read(b, _):
    """Standard error is told in words, times come when asked for, and the pane has a name."""
    marks = b.script(
        "return [...document.querySelectorAll('.line')].map((e) => [e.dataset.stream, e.querySelector('.mark')?.textContent ?? ''])"
    )
    assert {tuple(mark) for mark in marks} >= {("stdout", ""), ("stderr", "err")}, marks
    assert all(mark == "err" for stream, mark in marks if stream == "stderr")
    assert b.find(LOG).get_attribute("aria-label").startswith("Output of trial ")
    displayed = "return getComputedStyle(document.querySelector('.line time')).display"
    assert b.script(displayed) == "none"
    b.click(".trial .output input[type=checkbox]")
    assert b.script(displayed) != "none"
    b.click(".trial .output input[type=checkbox]")


def goes_on(b, shown):
    """Another attempt is followed without a word from the reader, and each can be read by itself."""
    shown.interrupt()
    wait(lambda: "attempt 2" in b.texts(f"{LOG} .gap"), "the next attempt's output")
    ended = wait(lambda: (found := b.texts(".trial .attempts tbody tr[data-attempt='1'] td")) and found, "attempts")
    assert ended[0] == shown.interrupted, ended
    now = b.texts(".trial .attempts tbody tr[data-attempt='2'] td")
    assert now[0] == "◐ running", now
    choose(b, "attempt 1")
    wait(lambda: b.texts(f"{LOG} .gap")[:1] == ["attempt 1"], "attempt 1")
    assert "attempt 2" not in b.texts(f"{LOG} .gap")
    choose(b, "all attempts")
    wait(lambda: "attempt 2" in b.texts(f"{LOG} .gap"), "all attempts")


def choose(b, attempt):
    """Again if the list was made anew under the pointer, as it is for each new attempt."""

    def chosen():
        try:
            Select(b.find(".trial .output select")).select_by_visible_text(attempt)
            return Select(b.find(".trial .output select")).first_selected_option.text == attempt
        except StaleElementReferenceException:
            return False

    wait(chosen, f"{attempt} to be chosen")


def keeps(b, shown):
    """Pictures are shown; other files are downloaded, as they are."""
    wait(lambda: shown.picture in b.texts(".trial .files a"), "its files")
    b.script("document.querySelector('.trial .files').scrollIntoView({ behavior: 'instant' })")
    wait(lambda: b.script("return document.querySelector('.trial .files img')?.naturalWidth ?? 0") > 100, "a picture")
    b.script("window.picture = document.querySelector('.trial .files img')")
    b.script(
        "[...document.querySelectorAll('.trial .files a')].find((a) => a.textContent === arguments[0]).click()", shown.file[0]
    )
    name, content = b.downloaded(pathlib.Path(shown.file[0]).suffix)
    assert (name, len(content)) == shown.file, (name, len(content))
    # Each report draws the trial anew; what has been loaded stays.
    before = len(lines(b))
    wait(lambda: len(lines(b)) > before + 10, "more output")
    assert b.script("return window.picture === document.querySelector('.trial .files img')")


def fits(b, _):
    """Nothing is wider than a phone, and the output can still be read and scrolled."""
    b.size(*PHONE)
    for element in ("html", LOG):
        wide, room = b.script(
            "const e = document.querySelector(arguments[0]); return [e.scrollWidth, e.clientWidth]", element
        )
        assert wide <= room <= PHONE[0], (element, wide, room)
    before = len(lines(b))
    wait(lambda: len(lines(b)) > before + 2, "more output")
    assert b.script(LEFT) < 24


def pictures(b, folder):
    if not folder:
        return
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for size, (width, height) in {"desktop": (1280, 900), "phone": PHONE}.items():
        b.size(width, height)
        for scheme in ("light", "dark"):
            b.scheme(scheme)
            for part in ("attempts", "output"):
                b.script(
                    "document.querySelector(`.trial .${arguments[0]}`).scrollIntoView({ behavior: 'instant' });"
                    "window.scrollBy({ top: -110, behavior: 'instant' })",
                    part,
                )
                picture = b.command("Page.captureScreenshot", format="png")["data"]
                (folder / f"trial-{part}-{size}-{scheme}.png").write_bytes(base64.b64decode(picture))
    b.scheme("light")


def trial_of_report(b, report):
    """A file has attempts and a list of artifacts, and asks nobody for anything."""
    b.open(f"{report.as_uri()}#/trials")
    b.find("table.trials tbody tr[data-trial]")
    keys = b.script("return [...document.querySelectorAll('table.trials tbody a[data-key^=\"trial \"]')].map((e) => e.dataset.key)")
    for key in keys:
        b.click(f"[data-key='{key}']")
        b.find(".trial")
        if b.all(".trial .files li"):
            break
        b.driver.back()
        wait(lambda: heading(b) == "Trials", "the table")
    assert b.all(".trial .files li") and b.all(".trial .attempts tbody tr")
    assert not b.all(".trial .files a, .trial .files img, .trial .output")
