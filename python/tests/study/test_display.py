"""How a study shows itself: in a line, and in a notebook. Without a program none of it raises."""

import base64
import gzip
import html
import re
from pathlib import Path
from typing import Any

import pytest

import kindling
from kindling import KindlingError, _display, _inline, _program
from kindling.frozen import FrozenTrial, TrialState

pytestmark = pytest.mark.usefixtures("program")


def square(trial: Any) -> float:
    return float(trial.params["x"] ** 2)


@pytest.fixture
def study(folder: Path) -> kindling.Study:
    """It has not begun."""
    return kindling.Study("a<b>", square, direction="minimize", trials=4, space={"x": kindling.Float(-1, 1)})


_ran: dict[str, bytes] = {}


@pytest.fixture
def run(study: kindling.Study, folder: Path) -> kindling.Study:
    """It has run. Once for all tests, each of which gets a copy."""
    if not _ran:
        study.run(workers=1, progress=False)
        _ran.update({path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()})
    for name, content in _ran.items():
        (folder / name).write_bytes(content)
    return study


def inner(shown: str) -> str:
    """The page that the frame unpacks."""
    found = re.search(r'srcdoc="([^"]*)"', shown)
    assert found, shown[:400]
    packed = re.search(r'id="packed">([^<]*)<', html.unescape(found[1]))
    assert packed
    return gzip.decompress(base64.b64decode(packed[1])).decode()


def test_before_the_first_run_that_is_said(study: kindling.Study) -> None:
    assert str(study) == "a<b>: it has not begun"
    assert "there is no study" in study._repr_html_()


def test_a_line_says_how_it_stands(run: kindling.Study) -> None:
    assert str(run).startswith("a<b>: 4/4 trials · best ")
    assert repr(run).startswith("<kindling study 'a<b>' in ")


def test_a_notebook_gets_the_page_in_a_frame_that_has_no_origin(run: kindling.Study) -> None:
    shown = run._repr_html_()
    assert 'sandbox="allow-scripts allow-downloads"' in shown
    assert "a&lt;b&gt;: 4/4 trials · best " in shown
    assert "<b>" not in shown
    page = inner(shown)
    assert page.lower().startswith("<!doctype html>")
    assert '<base href="about:srcdoc">' in page
    assert "location.hash" not in page[:2000]


def test_a_view_and_a_figure_open_at_their_address(run: kindling.Study) -> None:
    assert '<script>location.hash = "#/trials/3";</script>' in inner(run.show("trials/3")._repr_html_())
    odd = run.figure('slice-</script>"ä', height=300)
    shown = odd._repr_html_()
    assert '<script>location.hash = "#/figures/slice-%3C%2Fscript%3E%22%C3%A4";</script>' in inner(shown)
    assert "height: 300px" in shown
    assert repr(run.show("trials/3")).startswith("<trials/3 of <kindling study 'a<b>'")


def test_the_page_is_that_of_now(run: kindling.Study) -> None:
    shown = run.show()
    before = inner(shown._repr_html_())
    run.run(workers=1, trials=6, progress=False)
    assert inner(shown._repr_html_()) != before


def test_one_that_is_too_large_for_a_notebook_is_a_table_with_a_hint(
    run: kindling.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_inline, "MOST", 500)
    shown = run._repr_html_()
    assert "<iframe" not in shown
    assert "study.report()" in shown
    best = run.best_trial
    assert f"<td>{best.number}</td><td>{best.value:.6g}</td><td>{best.params['x']:.6g}</td>" in shown
    assert shown.count("<tr>") == 5


def test_what_is_wrong_is_said_in_its_place(run: kindling.Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study = run
    monkeypatch.setenv("KINDLING_PROGRAM", "/nowhere/kindling")
    for shown in (study._repr_html_(), study.show("trials/1")._repr_html_()):
        assert "KINDLING_PROGRAM is /nowhere/kindling" in shown
        assert "&lt;kindling study" in shown
    assert "KINDLING_PROGRAM is /nowhere/kindling" in str(study)

    def broken(*words: str, **more: Any) -> str:
        raise RuntimeError("<img src=x>")

    monkeypatch.setattr(_program, "call", broken)
    assert "&lt;img src=x&gt;" in study._repr_html_()


@pytest.mark.parametrize(
    "wrong", [lambda s: s.show(7), lambda s: s.show(height=50), lambda s: s.show(height=1.5), lambda s: s.figure("")]
)
def test_what_makes_no_sense_is_refused_at_once(study: kindling.Study, wrong: Any) -> None:
    with pytest.raises(KindlingError):
        wrong(study)


def test_the_best_come_first_and_what_does_not_count_is_left_out() -> None:
    def trial(number: int, *values: float, **more: Any) -> FrozenTrial:
        return FrozenTrial(number=number, state=TrialState.COMPLETE, values=list(values), **more)

    some = [trial(0, 1.0), trial(1, 3.0), trial(2, 9.0, constraints=[0.1]), trial(3, 8.0, confirms=1), trial(4, 2.0)]
    assert [each.number for each in _display.leading(some, ["maximize"])] == [1, 4, 0]
    assert [each.number for each in _display.leading(some, ["minimize"])] == [0, 4, 1]
    front = [trial(0, 1.0, 1.0), trial(1, 2.0, 2.0), trial(2, 1.0, 3.0)]
    assert [each.number for each in _display.leading(front, ["maximize", "minimize"])] == [1, 0]


def test_a_cell_of_the_table_is_short() -> None:
    shown = _display._table([FrozenTrial(number=1, state=TrialState.COMPLETE, values=[1.0], params={"x": "y" * 100})])
    assert "y" * 39 + "…" in shown
    assert "y" * 40 not in shown
