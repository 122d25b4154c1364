"""Understanding a study: filters, parameters, the chosen metric, failures by reason, files of trials.

    python understand.py --kindling PATH | --made-up

page.py runs it, too, after what the page does otherwise.
"""

import json
import urllib.parse

from browser import PATIENCE, wait
from cluster import Cluster, MadeUp, alone
from looks import colours_of, draw, quiet, reveal
from selenium.webdriver.common.keys import Keys

# Trials with a large rate fail, each with a number of its own; `width` counts for one kind only.
STUDY = """
name = "asked"
direction = "maximize"
trials = 60
seed = 7
max_failures_in_a_row = 0

[sampler]
kind = "random"

[pruner]
kind = "none"

[objective]
kind = "command"
command = ["python3", "SCRIPT", "${args_json}"]
metric = "value"

[space.rate]
type = "float"
low = 0.01
high = 1.0
log = true

[space.kind]
type = "categorical"
choices = ["plain", "wide"]

[space.width]
type = "int"
low = 1
high = 50
when = { kind = "wide" }
"""

SCRIPT = """
import json
import sys

params = json.loads(sys.argv[1])
if params["rate"] > 0.4:
    sys.exit(f"the loss is not finite in step {round(1000 * params['rate'])}")
print(f"value={1 - (params['rate'] - 0.1) ** 2}")
"""


class Asked:
    """A study with a number, a choice, a conditional parameter and failures, and what they are called."""

    def __init__(self, shown):
        self.shown = shown
        self.live = isinstance(shown, Cluster)
        if self.live:
            folder = shown.folder
            (folder / "asked.py").write_text(SCRIPT)
            (folder / "asked.toml").write_text(STUDY.replace("SCRIPT", str(folder / "asked.py")))
            shown.run("study", "create", str(folder / "asked.toml"), "--coordinator", shown.url)
            shown.run_commands("asked")
            self.study, self.number, self.limit = "asked", "rate", 0.1
            self.choice, self.chosen, self.conditional = "kind", "wide", "width"
        else:
            self.study, self.number, self.limit = "weight-init-deep", "learning_rate", 0.002
            self.choice, self.chosen, self.conditional = "winit_conv", "gaussian", "gaussian_std_conv"

    def address(self, view, **query):
        path = f"{self.shown.page}/studies/{self.study}/{view}"
        return f"{path}?{urllib.parse.urlencode(query)}" if query else path

    def trials(self, b):
        """All trials, as the coordinator tells them."""
        return b.driver.execute_async_script(
            "const done = arguments[1];"
            "const source = new EventSource('/api/study/events?name=' + encodeURIComponent(arguments[0]));"
            "let trials = [];"
            "source.addEventListener('document', (e) => { source.close(); done(JSON.parse(e.data).trials); });"
            "source.addEventListener('begin', (e) => { window.wanted = JSON.parse(e.data).total; });"
            "source.addEventListener('trials', (e) => { trials.push(...JSON.parse(e.data));"
            " if (trials.length >= window.wanted) { source.close(); done(trials); } });",
            self.study,
        )


def understand(b, shown):
    asked = Asked(shown)
    b.driver.set_script_timeout(PATIENCE)
    b.open(asked.address("trials"))
    if asked.live:
        wait(lambda: "60 of 60" in "".join(b.texts(".done")), "the end of the study")
    for step in (writes_a_filter, says_what_is_wrong, follows_the_address, lists_parameters, one_parameter, any_metric, failures, files):
        step(b, asked)
        quiet(b, step.__name__)
    markup(b, shown)
    quiet(b, "markup in names")


def appears(b, figure):
    """The figure comes with its view, and is drawn."""
    b.find(f"[data-figure='{figure}']")
    draw(b, figure)


def said(b):
    return "".join(b.texts(".filter-said"))


def shown_rows(b):
    return int(b.script("return document.querySelector('table.trials')?.dataset.rows ?? -1"))


def query(b, key):
    return urllib.parse.parse_qs(urllib.parse.urlparse(b.driver.current_url).query).get(key, [None])[0]


def writes_a_filter(b, asked):
    """By keyboard alone, with the page's suggestions; it holds for the table and, in another view, for figures."""
    trials = asked.trials(b)
    wanted = [t for t in trials if t["params"].get(asked.number, 9) < asked.limit and t["state"] == "COMPLETE"]
    assert 0 < len(wanted) < len(trials), len(wanted)
    b.find("#filter")
    b.script("document.querySelector('#filter').focus()")
    b.press(*asked.number[:3])
    wait(lambda: asked.number in b.texts("#filter-suggestions li span"), "the name to be suggested")
    b.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert b.script("return document.activeElement.value") == f"{asked.number} "
    wait(lambda: "<" in b.texts("#filter-suggestions li span"), "signs to be suggested")
    b.press(*f"< {asked.limit} and sta")
    wait(lambda: b.texts("#filter-suggestions li span") == ["state"], "state to be suggested")
    b.press(Keys.ARROW_DOWN, Keys.TAB, "=", " ", *"comp")
    wait(lambda: b.texts("#filter-suggestions li span") == ["complete"], "complete to be suggested")
    b.press(Keys.ARROW_DOWN, Keys.ENTER)
    wait(lambda: shown_rows(b) == len(wanted), f"{len(wanted)} trials in the table")
    assert said(b) == f"{len(wanted)} of {len(trials)} trials", said(b)
    assert query(b, "filter") == f"{asked.number} < {asked.limit} and state = complete", query(b, "filter")
    b.press(Keys.ESCAPE)
    b.click("nav a[href*='/figures']")
    appears(b, "values")
    label = wait(lambda: b.find("[data-figure='values'] .plot").get_attribute("aria-label"), "what the figure shows")
    searched = [t for t in wanted if t["confirms"] is None]
    assert f"{len(searched)} completed trial" in label, label
    b.driver.back()
    wait(lambda: shown_rows(b) == len(wanted), "the filter after going back")
    b.click(".filter-bar button")
    wait(lambda: shown_rows(b) == len(trials), "all trials")
    assert query(b, "filter") is None and said(b) == "", said(b)


def says_what_is_wrong(b, asked):
    before = shown_rows(b)
    b.script("const f = document.querySelector('#filter'); f.value = ''; f.focus()")
    b.press(*f"{asked.number[:-1]}x < 1", Keys.ENTER)
    wait(lambda: f"did you mean `{asked.number}`?" in said(b), "the name that was meant")
    assert said(b).startswith("At character 1:"), said(b)
    assert b.find("#filter").get_attribute("aria-invalid") == "true"
    assert shown_rows(b) == before and query(b, "filter") is None
    b.click(".filter-bar button")
    wait(lambda: said(b) == "", "nothing wrong")


def follows_the_address(b, asked):
    trials = asked.trials(b)
    failed = [t for t in trials if t["state"] == "FAIL"]
    b.open(asked.address("trials", filter="state = failed"))
    wait(lambda: shown_rows(b) == len(failed), "the failed trials")
    assert b.script("return document.querySelector('#filter').value") == "state = failed"
    b.open(asked.address("trials", filter="nothing_like_it = 1"))
    wait(lambda: "nothing is called `nothing_like_it` here" in said(b), "what is wrong with the address")
    assert "All trials are shown" in said(b), said(b)
    wait(lambda: shown_rows(b) == len(trials), "all trials")


def lists_parameters(b, asked):
    b.open(asked.address("parameters"))
    names = wait(lambda: b.texts(".parameters li a"), "parameters")
    assert {asked.number, asked.choice, asked.conditional} <= set(names), names
    wait(lambda: colours_of(b, "canvas.mini") > 4, "a small slice")
    wait(lambda: any("%" in text for text in b.texts(".weight-text")), "importances")
    b.find("#parameter-search").send_keys(asked.number.upper()[:5])
    wait(lambda: b.texts(".parameters li a") == [asked.number], "the parameter that was looked for")
    b.click(f"[data-key='parameter {asked.number}']")
    wait(lambda: b.texts("h2") == [asked.number], "its view")
    assert f"/parameters/{asked.number}" in b.driver.current_url


def one_parameter(b, asked):
    facts = "".join(b.texts(".parameter-facts"))
    assert "on a log scale" in facts and "of what sets the best tenth of trials apart" in facts, facts
    for figure in ("slice", "tried", "pair"):
        appears(b, f"{figure}-{asked.number}")
    b.script(
        "const list = [...document.querySelectorAll(`[data-figure='slice-${arguments[0]}'] select`)].at(-1);"
        "list.value = arguments[1]; list.dispatchEvent(new Event('change'))",
        asked.number,
        asked.choice,
    )
    plot = f"[data-figure='slice-{asked.number}'] .plot"
    reveal(b, f"[data-figure='slice-{asked.number}']")
    wait(lambda: f"by {asked.choice}" in b.find(plot).get_attribute("aria-label"), "colours by the choice")
    trials = asked.trials(b)
    counts = sum(asked.conditional in t["params"] for t in trials if t["confirms"] is None)
    searched = sum(t["confirms"] is None for t in trials)
    b.open(asked.address(f"parameters/{asked.conditional}"))
    wait(lambda: "only where" in "".join(b.texts(".parameter-facts")), "when it counts")
    # Trials may still be coming.
    wait(lambda: f"{counts} of {searched} trials" in "".join(b.texts(".parameter-facts")), "for how many trials it counts")
    assert "gaps" in "".join(b.texts(".parameter-facts"))
    appears(b, f"slice-{asked.conditional}")
    done = sum(asked.conditional in t["params"] and t["state"] == "COMPLETE" for t in trials if t["confirms"] is None)
    plot = f"[data-figure='slice-{asked.conditional}'] .plot"
    wait(lambda: f"{done} trial" in b.find(plot).get_attribute("aria-label"), "all of its trials in the slice")


def any_metric(b, asked):
    """Whatever number trials reported can be chosen, and is in the address."""
    b.script(
        "const list = document.querySelector('.metric select'); list.value = 'duration'; list.dispatchEvent(new Event('change'))"
    )
    wait(lambda: query(b, "metric") == "duration", "the metric in the address")
    title = f"[data-figure='slice-{asked.conditional}'] h3"
    wait(lambda: b.texts(title) == [f"Duration (s) by {asked.conditional}"], "its name in the title")
    assert "no importance is known" in "".join(b.texts(".parameter-facts"))
    b.click("nav a[href*='/figures']")
    for figure in ("values", "timeline"):
        appears(b, figure)
    assert b.texts("[data-figure='values'] h3") == ["Duration (s) over trials"], b.texts("h3")
    label = b.find("[data-figure='values'] .plot").get_attribute("aria-label")
    assert "the best" not in label, label
    b.open(asked.address("figures/values"))
    wait(lambda: "over trials" in "".join(b.texts("h2")), "the figure alone")


def failures(b, asked):
    """From a reason to its trials."""
    b.open(asked.address("figures"))
    appears(b, "failures")
    wait(lambda: not b.all("[data-link=loading]"), "all trials")
    wait(lambda: b.texts(".reasons tbody tr"), "the reasons")
    counts = [int(text) for text in b.texts(".reasons td.num")]
    failed = [t for t in asked.trials(b) if t["state"] == "FAIL"]
    assert sum(counts) == len(failed) and len(counts) < len(failed), counts
    # It is looked for a little at a time.
    wait(lambda: ">=" in b.texts(".reasons .common")[0], "what they have in common")
    assert asked.number in b.texts(".reasons .common")[0]
    b.click(".reasons [data-key^='reason ']")
    wait(lambda: shown_rows(b) == counts[0], "the trials of the reason")
    assert "reason = " in query(b, "filter"), query(b, "filter")
    b.driver.back()
    wait(lambda: b.all(".reasons"), "the reasons again")
    wait(lambda: said(b) == "", "no filter there")


def files(b, asked):
    """The files are those that the command writes."""
    if not asked.live:
        return
    filter_ = f"{asked.choice} = {asked.chosen} and state = complete"
    b.open(asked.address("trials", filter=filter_))
    b.find("a[data-export='csv']")
    wait(lambda: "filter=" in b.find("a[data-export='csv']").get_attribute("href"), "the filter in the link")
    for format_ in ("csv", "json"):
        b.click(f"a[data-export='{format_}']")
        name, content = b.downloaded(f".{format_}")
        command = ("study", "export", asked.study, "--format", format_, "--filter", filter_, "--coordinator", asked.shown.url)
        assert content.decode() == asked.shown.run(*command), name
        assert name == f"{asked.study}-trials.{format_}", name
    listed = json.loads(asked.shown.run("trial", "list", asked.study, "--filter", filter_, "--json", "--coordinator", asked.shown.url))
    wait(lambda: len(listed) == shown_rows(b) > 0, f"{len(listed)} trials in the table")


def markup(b, shown):
    """Names full of markup are text, also in the filter and its suggestions."""
    if not isinstance(shown, MadeUp):
        return
    b.open(f"{shown.page}/studies/{urllib.parse.quote('odd & <b>')}/parameters")
    wait(lambda: "<b>method</b> & more" in b.texts(".parameters li a"), "the odd name")
    b.script("document.querySelector('#filter').focus()")
    b.press(*'"<b>')
    wait(lambda: '"<b>method</b> & more"' in b.texts("#filter-suggestions li span"), "the odd name to be suggested")
    b.press(Keys.ARROW_DOWN, Keys.ENTER, *"= two", Keys.ENTER)
    wait(lambda: " of 40 trials" in said(b), "some of the trials")
    assert not b.all("main b, #filter-suggestions b")


if __name__ == "__main__":
    alone(__doc__, understand)
