"""A study is steered from the page: made from a text, watched, enqueued to, retried, noted, archived, deleted.

    python steer.py --kindling PATH [--screenshots DIR]
    python steer.py --made-up       [--screenshots DIR]

Whoever may only look is offered nothing of it, and what another site sends is refused.
"""

import json
import socket
import urllib.error
import urllib.request

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from axe import judge
from browser import wait
from cluster import alone

# What a note and a tag may hold and must not do.
NOTE = """## What we know

- **high** rates diverge, see [the run](https://a.example/x)
- <script>document.title = 'broken'</script> <img src=x onerror="document.title = 'broken'">
- [no link](javascript:document.title='broken') ![no picture](https://a.example/p.png)
"""
TAG = "<b onclick=alert(1)>bold</b>"


def steer(b, shown):
    """All of it, with the page's mouse and keyboard; every refusal is one that was asked for."""
    for step in (begins, makes, watches, follows, retries, enqueues, retries_together, notes, disagrees, tags, pauses, tells, archives, deletes):
        step(b, shown)
        calm(b, step)
    only_looks(b, shown)
    calm(b, only_looks)


def calm(b, step):
    """The browser itself complains of each answer that is no success; of anything else nobody should."""
    asked = ("status of 403", "status of 409", "status of 422", "status of 400")
    complaints = [c for c in b.complaints() if not any(status in c["message"] for status in asked)]
    assert not complaints, f"{step.__name__}: {complaints}"
    assert "broken" not in b.script("return document.title"), step.__name__
    print(f"ok: steer: {step.__name__}", flush=True)


def write(b, selector, text):
    """What was there is replaced, as by pasting."""
    b.find(selector)
    b.script(
        "const f = document.querySelector(arguments[0]); f.focus(); f.select?.(); "
        "document.execCommand('insertText', false, arguments[1]);",
        selector,
        text,
    )


def said(b, kind, inside=""):
    """What the page says came of the last thing that was done."""
    return wait(lambda: b.texts(f"{inside} .outcome[data-kind='{kind}']"), f"something {kind}")[-1]


def trial_number(text):
    return int("".join(c for c in text.split("trial")[-1] if c.isdigit()))


def address(b):
    return b.script("return location.pathname")


def dialog_closes(b):
    b.press(Keys.ESCAPE)
    wait(lambda: not b.all("dialog[open]"), "the end of the dialog")


def begins(b, shown):
    """The list leads to the page on which studies are made; the example that is there works."""
    b.open(shown.page)
    b.script("localStorage.clear(); sessionStorage.clear()")
    b.click("a[href='/new']")
    wait(lambda: "This makes the study" in "".join(b.texts("#study-verdict")), "the example to be checked")


def makes(b, shown):
    """What is wrong is said at its line; the study is made once it is right, and opens."""
    wrong = shown.steered_text.replace("\ntrials =", "\ntrails =")
    write(b, "#study-file", wrong)
    line = wrong[: wrong.index("trails")].count("\n") + 1
    wait(lambda: f"Line {line}" in "".join(b.texts("#study-verdict")), "the line that is wrong")
    assert b.find("#study-file").get_attribute("aria-invalid") == "true"
    assert b.texts(".code-numbers [data-wrong]") == [str(line)]
    judge(b, "a study file with an error")
    b.click("#study-verdict button")
    place = b.script("const f = document.activeElement; return f.value.slice(0, f.selectionStart).split('\\n').length")
    assert place == line, (place, line)
    write(b, "#study-file", shown.steered_text)
    wait(lambda: shown.steered in "".join(b.texts("#study-verdict[data-kind=right]")), "a good word")
    ActionChains(b.driver).key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    # The first change asks who makes it.
    wait(lambda: b.all("dialog[open] #user-name"), "the question for a name")
    b.find("#user-name").send_keys("Ada <i>L</i>", Keys.ENTER)
    wait(lambda: address(b) == f"/studies/{shown.steered}", "the new study")
    b.find(".steer-buttons button")


def watches(b, shown):
    b.script("window.marker = 'still here'")
    shown.work_on_steered()
    wait(lambda: b.texts(".failures a"), "a trial to fail")
    assert b.script("return window.marker") == "still here"


def follows(b, shown):
    """A failing trial is followed to its reason, and the browser's back leads where one was."""
    b.click(".failures a")
    wait(lambda: "/trials/" in address(b), "the failed trial")
    wait(lambda: "✕ failed" in "".join(b.texts(".trial dd")), "its state")
    assert shown.steered_reason in "".join(b.texts(".trial dd")), b.texts(".trial dd")
    b.driver.back()
    wait(lambda: address(b) == f"/studies/{shown.steered}", "the overview")
    b.driver.forward()
    wait(lambda: b.all("[data-do='retry']"), "the trial again")


def retries(b, _):
    """One from its own view. A double click retries it once."""
    b.find("button[data-do='retry']:not([hidden])")
    b.script("const e = document.querySelector('.trial [data-do=retry]'); e.click(); e.click()")
    text = said(b, "done", ".trial")
    assert text.startswith("It is retried as trial"), text
    number = trial_number(text)
    b.open(b.script("return location.href").rsplit("/", 1)[0] + f"/{number}")
    wait(lambda: "retries" in b.texts(".trial dt"), "the trial that retries it")


def enqueues(b, shown):
    """Like this trial, but: a value that is out of range is refused where it was typed, and a double click adds one."""
    b.click("[data-do='like']")
    dialog = b.find("dialog[open]")
    assert "Like trial" in dialog.text
    write(b, "#param-0", "7")
    assert "Not from" in b.texts("#param-0-error")[0]
    judge(b, "the form of a new trial")
    b.find("#param-0").click()
    b.press(Keys.ENTER)
    assert b.script("return document.activeElement.id") == "param-0" and not b.all("dialog .outcome[data-kind='done']")
    write(b, "#param-0", "-1.25")
    b.script("const e = document.querySelector('dialog [type=submit]'); e.click(); e.click()")
    number = trial_number(said(b, "done", "dialog"))
    # Sent again, as by somebody who did not see the answer: it is the same trial.
    b.click("dialog [type=submit]")
    wait(lambda: not b.all("dialog .outcome[data-kind='busy']"), "the answer")
    assert trial_number(said(b, "done", "dialog")) == number
    b.click("dialog .outcome button")
    wait(lambda: address(b).endswith(f"/trials/{number}"), "the new trial")
    wait(lambda: "\u22121.25" in b.texts(".trial dd"), "its value")
    assert not b.all("dialog[open]")
    conditional(b, shown)


def conditional(b, shown):
    """A parameter that depends on another appears with the value that it needs."""
    if not shown.steered_child:
        return
    parent, value, child = shown.steered_child
    b.open(f"{shown.page}/studies/{shown.steered}")
    b.find("[data-key='bar enqueue']")
    b.script("document.querySelector(\"[data-key='bar enqueue']\").focus()")
    b.press(Keys.ENTER)
    fields = lambda: [e.text for e in b.all("dialog .param-field label") if e.is_displayed()]
    wait(fields, "the form")
    assert parent in fields() and child not in fields(), fields()
    assert child in "".join(b.texts("dialog .space-form > .hint"))
    b.script(
        "const l = [...document.querySelectorAll('dialog label')].find((e) => e.textContent === arguments[0]);"
        "const s = document.getElementById(l.htmlFor);"
        "s.value = [...s.options].find((o) => o.textContent === arguments[1]).value;"
        "s.dispatchEvent(new Event('change', { bubbles: true }))",
        parent,
        value,
    )
    wait(lambda: child in fields(), "the parameter that depends on it")
    b.click("dialog [type=submit]")
    said(b, "done", "dialog")
    dialog_closes(b)
    # The focus is back on what opened it.
    assert b.script("return document.activeElement.dataset.key") == "bar enqueue"


def retries_together(b, shown):
    b.open(f"{shown.page}/studies/{shown.steered}")
    shown.more_failures()
    # Not while more of them come.
    wait(lambda: b.all("[data-key='bar retry']"), "failed trials that nobody retried")
    b.click("[data-key='bar retry']")
    wait(lambda: b.all("dialog[open] fieldset"), "a choice")
    b.click("dialog [type=submit]")
    text = said(b, "done", "dialog")
    assert "added" in text or "retried as" in text, text
    rows = b.texts("dialog .retried tr")
    assert rows and all("is retried as" in row for row in rows), rows
    dialog_closes(b)


def notes(b, shown):
    """Markdown is shown; HTML in it, and links that are none, are text."""
    b.open(f"{shown.page}/studies/{shown.steered}")
    b.click("[data-key='edit the note']")
    write(b, "textarea.note-text", NOTE)
    wait(lambda: "What we know" in "".join(b.texts(".note-preview h3")), "a preview")
    judge(b, "a note as it is written")
    b.click(".note-editor [type=submit]")
    note = ".note-part > div > .markdown"
    wait(lambda: b.texts(f"{note} h3") == ["What we know"], "the note")
    b.driver.refresh()
    wait(lambda: b.texts(f"{note} h3") == ["What we know"], "the note after a reload")
    assert b.script("return [...document.querySelectorAll('.markdown a')].map((a) => [a.href, a.rel])") == [
        ["https://a.example/x", "noopener noreferrer nofollow"],
        ["https://a.example/p.png", "noopener noreferrer nofollow"],
    ]
    assert not b.all(f"{note} img, {note} script, {note} [onerror]")
    assert "<script>document.title" in b.texts(note)[0] and "[no link](javascript:" in b.texts(note)[0]


def disagrees(b, shown):
    """Of two who write the same note neither loses a word."""
    b.click("[data-key='edit the note']")
    write(b, "textarea.note-text", "mine")
    answer = post(b, shown.steered, {"do": "note", "text": "theirs", "version": 1})
    assert answer[0] == 200, answer
    b.click(".note-editor [type=submit]")
    wait(lambda: b.all(".conflict"), "both texts")
    values = b.script("return [...document.querySelectorAll('.note-editor textarea')].map((t) => t.value)")
    assert values == ["mine", "theirs"], values
    judge(b, "two notes")
    b.script("[...document.querySelectorAll('.conflict button')].find((e) => e.textContent === 'Put both together').click()")
    b.click(".note-editor [type=submit]")
    wait(lambda: b.texts(".note-part .markdown p") == ["mine", "theirs"], "both in the note")


def tags(b, shown):
    """Added and removed by keyboard; a tag full of markup is text. The trials' table shows those of trials."""
    field = b.find(".noted input")
    field.send_keys(TAG, Keys.ENTER)
    wait(lambda: TAG in tagged(b), "the tag")
    wait(lambda: field.get_attribute("value") == "", "to be ready")
    field.send_keys("second", Keys.ENTER)
    wait(lambda: "second" in tagged(b), "another tag")
    wait(lambda: field.get_attribute("value") == "", "to be ready")
    b.press(Keys.BACKSPACE)
    assert b.script("return document.activeElement.getAttribute('aria-label')") == "Remove the tag second"
    b.press(Keys.DELETE)
    wait(lambda: tagged(b) == [TAG], "one tag")
    wait(lambda: b.script("return document.activeElement.tagName") in ("BUTTON", "INPUT"), "the focus")
    b.open(f"{shown.page}/studies/{shown.steered}/trials/0")
    b.find(".tags-part input").send_keys("look here", Keys.ENTER)
    wait(lambda: "look here" in tagged(b), "a trial's tag")
    b.open(f"{shown.page}/studies/{shown.steered}/trials")
    # The first trial comes first.
    b.click("table.trials button[data-key='number']")
    wait(lambda: b.texts("tr[data-trial='0'] td[data-column='tags'] .tag") == ["look here"], "a column of tags")


def tagged(b):
    return b.script("return [...document.querySelectorAll('.tags .tag')].map((e) => e.firstChild.textContent)")


def pauses(b, shown):
    """By keyboard alone: from the head of any view."""
    b.find("[data-key='steer']:not([hidden])")
    b.script("document.querySelector('[data-key=steer]').focus()")
    b.press(Keys.ENTER)
    wait(lambda: b.all("dialog[open] [data-do='pause']"), "what can be done")
    judge(b, "what can be done")
    for _ in range(20):
        if b.script("return document.activeElement.dataset.do") == "pause":
            break
        b.press(Keys.TAB)
    b.press(Keys.ENTER)
    assert said(b, "done", "dialog").startswith("Paused"), "paused"
    wait(lambda: b.all("dialog [data-do='resume']") and not b.all("dialog [data-do='pause']"), "what can be done now")
    wait(lambda: b.texts(".states [data-state='PAUSED']"), "the state in the head")
    b.click("dialog [data-do='budget']")
    b.find("#budget")
    b.press("+", "5", Keys.ENTER)
    wait(lambda: not b.all("#budget"), "the end of the question")
    wait(lambda: "The budget is" in said(b, "done", "dialog"), "the new budget")
    b.click("dialog [data-do='resume']")
    wait(lambda: "Resumed" in said(b, "done", "dialog"), "to go on")
    dialog_closes(b)
    wait(lambda: b.script("return document.activeElement.dataset.key") == "steer", "the focus where it was")


def tells(b, shown):
    """Who did what is in the activity, newest first; the name is text, whatever it is."""
    b.click("nav a[href$='/activity']")
    wait(lambda: len(b.texts("table.activity tbody tr")) >= 8, "what was done")
    what = b.script("return [...document.querySelectorAll('.activity tbody tr')].map((e) => e.dataset.what)")
    assert what[0] == "resume" and {"create", "retry", "enqueue", "note", "tags", "pause", "budget"} <= set(what), what
    # Others came by the command line, which says who calls from where.
    others = set(b.texts("table.activity tbody th")) - {"Ada <i>L</i>", "somebody"}
    assert all(who.endswith(socket.gethostname()) for who in others), others
    assert b.texts("table.activity tbody th")[0] == "Ada <i>L</i>"
    judge(b, "activity")


def archives(b, shown):
    """An archived study leaves the list's first view, and is there for who asks."""
    b.open(f"{shown.page}/studies/{shown.steered}")
    b.click("[data-key='steer']:not([hidden])")
    b.click("dialog [data-do='archive']")
    wait(lambda: b.all("dialog [data-do='unarchive']"), "to be archived")
    b.open(shown.page)
    wait(lambda: b.texts("table.studies tbody tr"), "the list")
    assert shown.steered not in b.texts("table.studies a")
    b.script("document.querySelector('main input[type=checkbox]').click()")
    wait(lambda: shown.steered in b.texts("table.studies a"), "what is archived, too")


def deletes(b, shown):
    """Only with its name typed, and for good."""
    b.open(f"{shown.page}/studies/{shown.steered}")
    b.click("[data-key='steer']:not([hidden])")
    b.click("dialog [data-do='stop']")
    wait(lambda: len(b.all("dialog[open]")) == 2, "a question")
    b.click("dialog .danger[type=submit]")
    wait(lambda: b.all("dialog [data-do='delete']"), "that nothing runs")
    b.click("dialog [data-do='delete']")
    write(b, "#delete-name", "something else")
    b.press(Keys.ENTER)
    assert "not its name" in said(b, "refused", "dialog")
    write(b, "#delete-name", shown.steered)
    b.press(Keys.ENTER)
    wait(lambda: address(b) == "/", "the list")
    wait(lambda: b.texts("table.studies tbody tr"), "the list")
    assert shown.steered not in b.texts("table.studies a")


def post(b, study, what, headers=None):
    """What the page's own script is answered."""
    return b.driver.execute_async_script(
        "const [study, what, headers, done] = arguments;"
        "fetch('/api/change?name=' + encodeURIComponent(study), { method: 'POST', body: JSON.stringify(what),"
        " headers: { 'content-type': 'application/json', ...headers } })"
        ".then(async (a) => done([a.status, await a.text()]), (e) => done([0, String(e)]))",
        study,
        what,
        headers or {},
    )


def only_looks(b, shown):
    """A viewer is told so, is offered nothing, and gets nothing done; another site's request does nothing either."""
    page, study = shown.log_in_as_viewer(b)
    b.open(f"{page}/studies/{study}")
    wait(lambda: "viewer" in "".join(b.texts(".looks-only")), "to be told")
    here = "[data-do], [data-key='steer'], [data-key='bar more'], .tags-part input, .tag button"
    hidden = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length"
    assert b.script(hidden, here + ", [data-key='edit the note']") == 0
    b.open(f"{page}/new")
    wait(lambda: "viewer" in "".join(b.texts(".looks-only")), "to be told")
    assert not b.all("textarea")
    for what in ({"do": "pause"}, {"do": "delete", "name": study}, {"do": "note", "text": "x", "version": 0}, {"do": "tags", "tags": ["x"]}):
        assert post(b, study, what)[0] == 403, what
    b.script("document.cookie = 'viewer=0; path=/'")
    forged(shown, study)


def forged(shown, study):
    """What another site's page makes a browser send, with whatever lets it in."""
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ):
        assert send(shown, study, headers) == 403, headers
    # A program that has the token does what they could not.
    assert send(shown, study, {}) == 200


def send(shown, study, headers):
    page, login = shown.page_and_login()
    request = urllib.request.Request(
        f"{page}/api/change?name={study}",
        json.dumps({"do": "pause"}).encode(),
        {"Content-Type": "application/json", **login, **headers},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


if __name__ == "__main__":
    alone(__doc__, steer)
