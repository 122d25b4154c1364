"""What a person does with a study, by a coordinator's client: notes, tags, activity, and steering."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the client is an extra")

import kindling
from coordinators import SPACE, Coordinator, needs_program
from kindling.client import Client, InvalidArgumentError, NoteChangedError, RemoteStudy
from kindling.client._user import user, written

OBJECTIVE = {"type": "categorical", "choices": ["sgd", "adam"]}


@pytest.fixture
def client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    monkeypatch.setenv("USER", "jürgen")
    started = Coordinator(folder)
    try:
        with kindling.connect(started.address) as connected:
            yield connected
    finally:
        started.end()


@pytest.fixture
def study(client: Client) -> RemoteStudy:
    momentum = {"type": "float", "low": 0.0, "high": 0.99, "when": {"optimizer": ["sgd"]}}
    space = {**SPACE, "optimizer": OBJECTIVE, "momentum": momentum}
    return client.create("mine", space=space, direction="minimize", trials=3, sampler="random")


def fail(study: RemoteStudy, count: int) -> list[int]:
    """That many trials that failed."""
    numbers = []
    for _ in range(count):
        trial = study.ask(wait=30)
        assert trial is not None
        trial.fail("broken")
        numbers.append(trial.number)
    return numbers


@needs_program
def test_notes_and_tags_of_a_study(client: Client, study: RemoteStudy) -> None:
    assert (study.note, study.tags, study.archived) == ("", [], False)
    study.set_note("**adam** wins")
    study.set_tags(["paper"])
    study.add_tags("draft", "paper", "draft")
    assert (study.note, study.tags) == ("**adam** wins", ["paper", "draft"])
    study.remove_tags("paper", "unknown")
    info = study.info()
    assert (info.note, info.tags) == ("**adam** wins", ("draft",))
    with pytest.raises(NoteChangedError, match="somebody else changed the note"):
        study.set_note("late", version=info.note_version - 1)
    study.set_note("", version=info.note_version)
    assert study.note == ""
    for wrong in ("paper", ["a,b"], [7]):
        with pytest.raises(InvalidArgumentError):
            study.set_tags(wrong)  # type: ignore[arg-type]


@needs_program
def test_notes_and_tags_of_a_finished_trial(study: RemoteStudy) -> None:
    [number] = fail(study, 1)
    study.set_note("the disk was full", trial=number)
    study.set_tags(["odd"], trial=number)
    study.add_tags("disk", trial=number)
    trial = study.trial(number)
    assert (trial.note, trial.tags) == ("the disk was full", ["odd", "disk"])
    assert study.trials()[number].tags == ["odd", "disk"]
    assert study.tags == []


@needs_program
def test_an_archived_study_is_left_out_of_lists(client: Client, study: RemoteStudy) -> None:
    study.archive()
    assert (client.studies(), [info.name for info in client.studies(archived=True)]) == ([], ["mine"])
    study.unarchive()
    assert [info.archived for info in client.studies()] == [False]


@needs_program
def test_several_failed_trials_are_repeated_together(study: RemoteStudy) -> None:
    failed = fail(study, 2)
    found = study.retry_all([*failed, 77])
    assert (list(found.retried), list(found.refused)) == (failed, [77])
    assert [study.trial(new).params for new in found.retried.values()] == [study.trial(old).params for old in failed]
    assert list(study.retry_all().retried) == failed


@needs_program
def test_the_budget_is_set_and_a_paused_study_stays_paused(study: RemoteStudy) -> None:
    study.pause()
    info = study.set_budget(9)
    assert (info.trials, info.state) == (9, "PAUSED")
    with pytest.raises(InvalidArgumentError):
        study.set_budget(0)


@needs_program
def test_a_trial_like_another_one_leaves_out_what_has_no_meaning(study: RemoteStudy) -> None:
    first = study.enqueue({"x": 1.0, "optimizer": "sgd", "momentum": 0.5})
    assert study.enqueue({"x": 2.0}, like=first.number).params == {"x": 2.0, "optimizer": "sgd", "momentum": 0.5}
    assert study.enqueue({"optimizer": "adam"}, like=first.number).params == {"x": 1.0, "optimizer": "adam"}


@needs_program
def test_who_did_what(client: Client, study: RemoteStudy) -> None:
    study.set_budget(5)
    study.pause()
    newest = list(study.activity())
    assert [each.what for each in newest] == ["pause", "budget", "create"]
    assert all(each.who.startswith("jürgen@") and each.study == "mine" for each in newest)
    assert all(each.source.startswith("127.0.0.1 (") for each in newest)
    study.delete()
    assert next(client.activity()).what == "delete"


@needs_program
def test_a_notebook_shows_it_and_a_line_says_how_it_stands(study: RemoteStudy, folder: Path) -> None:
    assert str(study).startswith("mine: 0/3 trials")
    shown = study._repr_html_()
    assert "<iframe" in shown
    assert "mine: 0/3 trials" in shown
    assert study.report(folder / "page.html").read_text().lower().startswith("<!doctype html>")


def test_who_calls_is_said_in_visible_characters() -> None:
    assert written("alice", "gpu1") == "alice@gpu1"
    assert written("J\u00fcrgen K", "") == "J%C3%BCrgen%20K"
    assert written("50%\n", "") == "50%25%0A"
    assert written("", "gpu1") == "gpu1"
    assert written("", "") is None
    assert len(written("x" * 99, "") or "") == 64
    assert (user({"LOGNAME": "alice"}) or "").startswith("alice@")


def like(changes: dict[str, Any]) -> dict[str, Any]:
    from kindling._like import like as made

    space = {
        "a": {"type": "int"},
        "b": {"when": {"a": {"at_least": 2}}},
        "c": {"when": {"b": ["x", True]}},
        "d": {"when": {"a": 2}},
    }
    return made({"a": 2, "b": "x", "c": 1, "d": 1}, changes, space)


def test_conditions_decide_what_is_taken_over() -> None:
    assert like({}) == {"a": 2, "b": "x", "c": 1, "d": 1}
    assert like({"a": 3}) == {"a": 3, "b": "x", "c": 1}
    # One goes, and so another one that needs it.
    assert like({"a": 1}) == {"a": 1}
    assert like({"b": 1}) == {"a": 2, "b": 1, "d": 1}
    assert like({"a": 1, "b": "x"}) == {"a": 1, "b": "x", "c": 1}
