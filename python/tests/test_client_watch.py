"""Following a study of a real coordinator."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the client is an extra")

import kindling
from coordinators import SPACE, Coordinator, eventually, needs_program
from kindling.client import Client, StudyUpdate, TrialState, UnknownStudyError

pytestmark = needs_program


@pytest.fixture
def coordinator(folder: Path) -> Iterator[Coordinator]:
    started = Coordinator(folder)
    yield started
    started.end()


@pytest.fixture
def client(coordinator: Coordinator) -> Iterator[Client]:
    with kindling.connect(coordinator.address) as connected:
        yield connected


def create(client: Client, **given: Any) -> Any:
    return client.create("mine", **{"space": SPACE, "direction": "minimize", "trials": 5, **given})


def evaluate(study: Any, trials: int) -> None:
    for _ in range(trials):
        with study.ask() as trial:
            trial.report(1.0)
            trial.tell(trial.params["x"])


def newest(updates: list[StudyUpdate]) -> dict[int, Any]:
    return {trial.number: trial for update in updates for trial in update.changed}


def test_a_watch_shows_every_trial_and_ends_with_the_study(client: Client) -> None:
    study = create(client)
    watching = ThreadPoolExecutor(1).submit(lambda: list(study.watch()))
    evaluate(study, 5)
    updates = watching.result(20)
    assert updates[-1].study.finished
    assert not any(update.study.finished for update in updates[:-1])
    assert newest(updates) == {trial.number: trial for trial in study.trials()}
    assert updates[-1].worker_count == 1
    again = list(study.watch())
    assert (len(again), len(again[0].changed)) == (1, 5)


def test_a_watch_outlives_a_restart_and_repeats_nothing(coordinator: Coordinator, client: Client) -> None:
    study = create(client)
    updates: list[StudyUpdate] = []

    evaluate(study, 2)
    stream = study.watch()
    updates.append(next(stream))
    looking = threading.Thread(target=lambda: updates.extend(stream))
    coordinator.kill()
    looking.start()
    coordinator.start()
    evaluate(study, 3)
    looking.join(30)
    assert not looking.is_alive()
    assert updates[-1].study.finished
    ends = [trial.number for update in updates for trial in update.changed if trial.state == TrialState.COMPLETE]
    assert sorted(ends) == list(range(5))


def test_a_watch_shows_trials_that_the_coordinator_does_not_remember_to_have_changed(
    coordinator: Coordinator, client: Client
) -> None:
    study = create(client)
    evaluate(study, 4)
    coordinator.kill()
    coordinator.start()
    stream = study.watch()
    assert [trial.number for trial in next(stream).changed] == [0, 1, 2, 3]
    evaluate(study, 1)
    assert [trial.number for trial in newest(list(stream)).values()] == [4]


@pytest.mark.parametrize("begin", ["before", "after"])
def test_a_watch_of_more_than_a_message_holds_shows_all(client: Client, begin: str) -> None:
    study = create(client, trials=30, sampler="random")
    stream = study.watch()
    updates = [next(stream)] if begin == "before" else []
    while trial := study.ask():
        trial.set_user_attr("big", "x" * 60_000)
        trial.tell(1.0)
    updates.extend(stream)
    assert len(newest(updates)) == 30
    assert all(len(trial.user_attrs["big"]) == 60_000 for trial in newest(updates).values())


def test_who_leaves_a_watch_leaves_no_stream(client: Client) -> None:
    study = create(client)
    for _ in range(300):  # more than one machine may have at a time
        stream = study.watch()
        assert next(stream).study.name == "mine"
        stream.close()


def test_a_watch_of_a_study_that_is_deleted_ends_with_an_error(client: Client) -> None:
    study = create(client)
    stream = study.watch()
    next(stream)
    study.delete()
    with pytest.raises(UnknownStudyError):
        eventually(lambda: next(stream) and None)
