"""What is shown of a run."""

import io
import os
from typing import Any

import pytest

from kindling import _progress


def _event(finished: int, **study: Any) -> dict[str, Any]:
    counts = {"waiting": 0, "running": 2, "complete": finished, "pruned": 0, "fail": 0}
    known = {"counts": counts, "best": None, "trials_per_hour": None, "seconds_left": None}
    return {"event": "progress", "finished": finished, "trials": 10, "study": {**known, **study}}


def _standing(finished: int, **study: Any) -> _progress.Standing:
    return _progress.standing("mine", _event(finished, **study))


def test_the_line_says_how_far_it_is_and_what_is_best() -> None:
    counts = {"waiting": 0, "running": 2, "complete": 3, "pruned": 1, "fail": 1}
    best = {"number": 4, "values": [0.97312345]}
    standing = _standing(5, counts=counts, best=best, trials_per_hour=1234.5, seconds_left=130.2)
    assert standing.details() == "5/10 trials · best 0.973123 (#4) · 1 pruned · 1 failed · 1,234 trials/h · 2m 10s left"
    assert standing.bar() == "█" * 12 + "░" * 12


def test_the_bar_is_full_at_the_end_and_not_longer() -> None:
    assert _standing(0).bar() == "░" * 24
    assert _standing(10).bar() == _standing(11).bar() == "█" * 24
    assert _progress.Standing("empty").bar() == "░" * 24
    assert _standing(10, seconds_left=0.0, trials_per_hour=5.0).details() == "10/10 trials"


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0s"), (59.4, "59s"), (59.6, "1m 00s"), (3600, "1h 00m"), (5430, "1h 30m")]
)
def test_spans_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert _progress._span(seconds) == shown


def test_a_file_gets_a_line_now_and_then_and_the_last_one() -> None:
    out = io.StringIO()
    lines = _progress.Lines(out, seldom=3600)
    for finished in range(11):
        lines.show(_standing(finished))
    lines.close()
    assert out.getvalue() == "mine: 0/10 trials\nmine: 10/10 trials\n"


def test_what_is_said_after_the_end_stands_below_the_line_once() -> None:
    out = io.StringIO()
    terminal = _progress.Terminal(out)
    terminal.show(_standing(1))
    terminal.close()
    terminal.say("interrupted")
    assert out.getvalue().endswith("1/10 trials\x1b[K\n\r\x1b[Kinterrupted\n")


def test_a_terminal_whose_width_nobody_set_is_taken_for_a_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((0, 0)))
    out = io.StringIO()
    _progress.Terminal(out).show(_standing(1))
    assert "1/10 trials" in out.getvalue()


def test_a_terminal_has_one_line_and_messages_stay_above_it() -> None:
    out = io.StringIO()
    terminal = _progress.Terminal(out)
    terminal.show(_standing(1))
    terminal.say("page: x")
    terminal.show(_standing(10))
    terminal.close()
    lines = out.getvalue().split("\n")
    assert [line.split("\r")[-1].replace("\x1b[K", "") for line in lines] == [
        "page: x",
        f"mine {'█' * 24} 10/10 trials",
        "",
    ]


def test_a_long_line_does_not_wrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    _progress.Terminal(out).show(_standing(1, best={"number": 1, "values": [1.0]}))
    assert len(out.getvalue().removeprefix("\r").removesuffix("\x1b[K")) == 39


def test_a_name_does_nothing_to_the_terminal() -> None:
    out = io.StringIO()
    _progress.Terminal(out).show(_progress.Standing("a\x1b[2J\r\u202eb", 1, 2))
    assert "a�[2J��b" in out.getvalue()


def test_without_progress_only_messages_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    display = _progress.display(wanted=False)
    display.show(_standing(1))
    display.say("draining")
    display.close()
    assert capsys.readouterr() == ("", "draining\n")


def test_standard_error_decides_how_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(_progress.display(wanted=True), _progress.Lines)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert isinstance(_progress.display(wanted=True), _progress.Terminal)
