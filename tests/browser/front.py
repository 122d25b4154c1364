"""The page of a study of two objectives, accuracy to be maximised and latency_ms to be minimised, with a constraint."""

from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

from browser import wait
from looks import at, each_figure, ended, fits_a_phone, go, heading, reveal, rows, save

FIGURES = {"front", "hypervolume", "values", "interactions", "parallel-coordinates"}
CHOOSER = ".pickers .metric select"
# The cells of the trials that the table shows.
CELLS = """
const text = (row, column) => row.querySelector(`[data-column="${column}"]`)?.textContent ?? null;
return [...document.querySelectorAll("table.trials tbody tr[data-trial]")].map((row) => [
  Number(row.dataset.trial), text(row, "state"), text(row, "value"), text(row, "value 1"), text(row, "constraint 0"),
  row.querySelector(".star") !== null,
]);
"""


def front_of_study(b, shown):
    shown.more_of_front()
    b.open(f"{shown.page}/studies/{shown.front}")
    b.find(".cards")
    wait(lambda: ended(b) >= 30, "30 trials")
    wait(lambda: consistent(b), "the front of the trials that are there")
    metric_is(b, "accuracy")
    choose(b, 1)
    metric_is(b, "latency_ms")
    assert b.driver.current_url.endswith("?metric=latency_ms"), b.driver.current_url
    before = ended(b)
    shown.more_of_front()
    wait(lambda: ended(b) > before + 1, "more trials")
    metric_is(b, "latency_ms")
    b.driver.refresh()
    b.find(".view")
    metric_is(b, "latency_ms")
    wait(lambda: consistent(b), "the front of all trials")
    infeasible(b)
    point(b)
    each_figure(b, FIGURES)
    fits_a_phone(b)


def front_of_report(b, report):
    b.open(report.as_uri() + "?metric=latency_ms")
    b.find(".cards")
    metric_is(b, "latency_ms")
    wait(lambda: consistent(b), "the front of the report")
    each_figure(b, FIGURES)
    go(b, "figures")
    for name in ("front", "hypervolume"):
        save(b, name)


def choose(b, index):
    """An objective, in the chooser beside the page's sections."""
    Select(b.find(CHOOSER)).select_by_index(index)


def metric_is(b, name):
    """The chooser and the titles say so, in every view."""
    for view, key, title in (("figures", "values", f"{name} over trials"), ("parameters", "interactions", f"Parameters that matter together for {name}")):
        go(b, view)
        wait(lambda: b.texts(f"[data-figure='{key}'] h3") == [title], title)
        chosen = b.script("return [...document.querySelectorAll('.metric select')].map((s) => s.selectedOptions[0].textContent)")
        assert chosen == [name], (view, chosen)


def number(text):
    return None if text in (None, "–") else float(text.replace("\u2212", "-").replace(",", ""))


def consistent(b):
    """Whether the table in the overview, the stars and the states of the trials tell the same front: the one of the values."""
    go(b, "overview")
    while b.all("button[data-key='more of the front']"):
        b.click("button[data-key='more of the front']")
    listed = b.script("return [...document.querySelectorAll('table.front tbody tr')].map((row) => Number(row.dataset.trial))")
    title = b.texts(".best h3")
    go(b, "trials")
    cells = b.script(CELLS)
    # The table has 50 trials to a page, and the newest are on the first: a front's trial may be on another.
    of_table = {trial: (number(x), number(y), state) for trial, state, x, y, _, _ in cells}
    for trial, state, x, y, constraint, star in cells:
        if not state.startswith("● complete") or "confirms" in state:
            assert not star, trial
            continue
        told = number(constraint)
        assert ("infeasible" in state) == (told is None or told > 0), (trial, state, constraint)
        assert not (star and "infeasible" in state), (trial, state)
        if star != (trial in listed) or star != ("on the front" in state):
            return False
        if not star:
            continue
        for other, (a, c, its_state) in of_table.items():
            counts = its_state.startswith("● complete") and "infeasible" not in its_state and "confirms" not in its_state
            assert not counts or not ((a >= number(x) and c < number(y)) or (a > number(x) and c <= number(y))), (trial, other)
    return len(listed) > 1 and title == [f"Front: {len(listed)} trials"]


def infeasible(b):
    """Trials that break the constraint are found by the word."""
    field = b.find("#trial-filter")
    before = rows(b)
    field.send_keys("infeasible")
    wait(lambda: 0 < rows(b) < before, "infeasible trials only")
    assert all("infeasible" in state for _, state, *_ in b.script(CELLS))
    field.clear()
    field.send_keys(Keys.SPACE, Keys.BACKSPACE)
    state = Select(b.find("[data-view=trials] select"))
    state.select_by_visible_text("on the front")
    wait(lambda: all(star for *_, star in b.script(CELLS)) and rows(b) > 1, "the front only")
    state.select_by_visible_text("all")
    wait(lambda: rows(b) >= before, "all trials")


def point(b):
    """A mark of the front's figure says its trial's values, and opens it."""
    go(b, "figures")
    reveal(b, "[data-figure='front']")
    b.script("document.querySelector('[data-figure=front] .plot').focus()")
    b.press(Keys.ARROW_RIGHT)
    wait(
        lambda: any("accuracy" in tip and "latency_ms" in tip for tip in b.texts("[data-figure='front'] .tip")),
        "a tooltip with both values",
    )
    b.press(Keys.ENTER)
    wait(lambda: heading(b).startswith("Trial "), "the trial")
    assert "latency_ms" in b.texts(".trial")[0]
    b.driver.back()
    at(b, "figures")
