"""Studies beside each other, chosen in the list."""

from urllib.parse import parse_qs, urlsplit

from selenium.webdriver.support.select import Select

import axe
from browser import wait
from looks import draw, quiet

FIGURES = ("best-over-trials", "best-over-time", "values-of-all")


def compare(b, shown):
    for step in (chosen, shows, left_out, unknown):
        step(b, shown)
        if step is unknown:
            assert all("404" in entry["message"] for entry in b.complaints())
        quiet(b, f"compare: {step.__name__}")


def chosen(b, shown):
    """Two studies of the list; back finds them still chosen."""
    b.open(shown.page)
    for name in (shown.study, shown.front):
        b.click(f"[data-key='choose {name}']")
    link = "main .buttons a"
    wait(lambda: b.texts(link) == ["Compare 2 studies"], "the way to compare them")
    b.click(link)
    wait(lambda: len(b.all(".compared li")) == 2, "both")
    b.driver.back()
    wait(lambda: b.texts(link) == ["Compare 2 studies"], "both still chosen")
    b.click(link)
    wait(lambda: b.all(".beside tbody tr"), "both")


def asked(b):
    return parse_qs(urlsplit(b.driver.current_url).query)


def shows(b, shown):
    """Figures are drawn, tables name both, and the metric is chosen by name."""
    wait(lambda: not any("Loading" in text for text in b.texts(".compared li")), "both studies")
    for name in FIGURES:
        draw(b, name)
    assert [h.strip() for h in b.texts(".beside thead th")[:2]] == [shown.study, shown.front]
    metrics = Select(b.find(".pickers select"))
    assert [option.text for option in metrics.options] == ["the first of each", "value", "accuracy", "latency_ms"] or "latency_ms" in [
        option.text for option in metrics.options
    ]
    metrics.select_by_visible_text("latency_ms")
    assert asked(b)["metric"] == ["latency_ms"]
    wait(lambda: "no such metric" in b.texts(".compared li")[0], "that the first has no latency")
    draw(b, "best-over-trials")
    b.driver.refresh()
    wait(lambda: b.all(".beside tbody tr"), "both")
    wait(lambda: b.script("return document.querySelector('.pickers select').value") == "latency_ms", "the metric of the address")
    wait(lambda: all("Loading" not in text for text in b.texts(".compared li")), "both")
    axe.judge(b, "compare")


def left_out(b, shown):
    """One is left out, and added again."""
    b.click(".compared li:first-child .tool")
    wait(lambda: asked(b)["study"] == [shown.front] and b.texts(".compared li a:first-child") == [shown.front], "the other one")
    wait(lambda: shown.study in b.texts(".add-study option"), "studies to add")
    Select(b.find(".add-study select")).select_by_visible_text(shown.study)
    wait(lambda: asked(b)["study"] == [shown.front, shown.study], "both")
    wait(lambda: b.all(".beside tbody tr"), "both")


def unknown(b, shown):
    """One that is not there says so, and the others are shown; of more than eight the first ones are."""
    many = "&".join(f"study=none{i}" for i in range(9))
    b.open(f"{shown.page}/compare?study={shown.front}&{many}")
    wait(lambda: sum("no such study" in text for text in b.texts(".compared li")) == 7, "that seven are not there")
    assert len(b.all(".compared li")) == 8
    assert "2 of those in the address are left out" in b.texts("main .hint[role=status]")[0]
    wait(lambda: b.all(".beside tbody tr"), "the one that is there")
