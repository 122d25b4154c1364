"""Asking for trials and telling how they ended, at a real coordinator that is killed now and then."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the client is an extra")

import grpc

import kindling
from coordinators import SPACE, Coordinator, eventually, needs_program
from kindling.client import (
    Client,
    InvalidArgumentError,
    RefusedError,
    TrialLostError,
    TrialState,
    UnknownTrialError,
    UnreachableError,
    _calls,
)

pytestmark = needs_program


@pytest.fixture
def lease_term() -> float:
    return 2.0


@pytest.fixture
def coordinator(folder: Path, lease_term: float) -> Iterator[Coordinator]:
    started = Coordinator(folder, lease_term=lease_term)
    yield started
    started.end()


@pytest.fixture
def client(coordinator: Coordinator) -> Iterator[Client]:
    with kindling.connect(coordinator.address) as connected:
        yield connected


def create(client: Client, name: str = "mine", **given: Any) -> Any:
    return client.create(name, **{"space": SPACE, "direction": "minimize", "trials": 10, **given})


def test_a_study_is_asked_until_it_is_finished(client: Client) -> None:
    study = create(client)
    seeds = set()
    while trial := study.ask():
        seeds.add(trial.seed)
        study.tell(trial, (trial.params["x"] - 1) ** 2)
    assert study.info().finished
    assert len(seeds) == 10
    values = [trial.value for trial in study.trials()]
    assert study.best_value == min(values)
    assert (study.best_params["x"] - 1) ** 2 == study.best_value


def test_a_trial_is_told_with_its_number_and_every_state(client: Client) -> None:
    study = create(client)
    trials = [study.ask() for _ in range(4)]
    study.tell(trials[0].number, 0.5)
    study.tell(trials[1].number, state=TrialState.PRUNED)
    study.tell(trials[2], state="fail")
    trials[3].fail("no luck")
    found = study.trials()
    assert [t.state.name for t in found] == ["COMPLETE", "PRUNED", "FAIL", "FAIL"]
    assert found[3].fail_reason == "no luck"
    with pytest.raises(UnknownTrialError, match="not held"):
        study.tell(0, 0.5)
    with pytest.raises(RefusedError, match="is over: COMPLETE"):
        study.tell(trials[0], 0.5)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ((), "told with its value"),
        ((None, "complete"), "needs its value"),
        ((1.0, "pruned"), "without a value"),
        ((1.0, "running"), "not RUNNING"),
        ((1.0, "done"), "not 'done'"),
        (("1.0",), "expected a number"),
        ((10**400,), "too large"),
    ],
)
def test_what_is_no_end_is_refused_and_the_trial_goes_on(client: Client, told: tuple[Any, ...], said: str) -> None:
    trial = create(client).ask()
    with pytest.raises(InvalidArgumentError, match=said):
        trial.tell(*told)
    trial.tell(1.0)
    assert client.study("mine").best_value == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_fails_the_trial(client: Client, value: float) -> None:
    study = create(client)
    study.ask().tell(value)
    trial = study.ask()
    with pytest.raises(TrialLostError, match="step 0"):
        trial.report(value)
    for number in (0, 1):
        failed = study.trial(number)
        assert failed.state == TrialState.FAIL
        assert str(value).replace("nan", "NaN") in failed.fail_reason


class Away(grpc.RpcError):
    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return "away"


@pytest.mark.parametrize("is_answered", [True, False])
def test_why_a_trial_failed_is_said_even_if_the_heartbeat_was_faster(
    client: Client, monkeypatch: pytest.MonkeyPatch, *, is_answered: bool
) -> None:
    trial = create(client).ask()
    call = client._link.call_once

    def slow(*words: Any, **more: Any) -> Any:
        answer = call(*words, **more)
        eventually(lambda: trial._lost_by_heartbeat)
        if not is_answered:
            raise Away
        return answer

    monkeypatch.setattr(client._link, "call_once", slow)
    with pytest.raises(TrialLostError, match="the report of step 0 is nan"):
        trial.report(math.nan)


def test_two_values_for_one_objective_fail_the_trial(client: Client) -> None:
    study = create(client)
    study.ask().tell([1.0, 2.0])
    assert study.trial(0).state == TrialState.FAIL


def test_the_pruner_stops_a_trial_that_is_behind(client: Client) -> None:
    study = create(client, pruner={"kind": "median", "startup_trials": 2}, direction="maximize")
    for accuracy in (0.8, 0.9):
        with study.ask() as trial:
            for step in range(3):
                trial.report(accuracy, step)
                assert not trial.should_prune()
            trial.tell(accuracy)
    with study.ask() as trial:
        trial.report(0.1)
        assert trial.should_prune()
        raise kindling.TrialPruned
    assert study.trial(2).state == TrialState.PRUNED
    assert study.trial(2).intermediate_values == {0: 0.1}


def test_steps_ascend_and_a_repeated_report_is_the_same(client: Client) -> None:
    study = create(client)
    trial = study.ask()
    trial.report(0.1)
    trial.report(0.2, step=5)
    trial.report(0.2, step=5)
    with pytest.raises(RefusedError, match="another value"):
        trial.report(0.3, step=5)
    with pytest.raises(InvalidArgumentError):
        trial.report(0.3, step=4)
    for step in (-1, 2**63, 1.5, True):
        with pytest.raises(InvalidArgumentError, match="step"):
            trial.report(0.1, step=step)
    trial.report(0.4)
    trial.tell(0.4)
    assert study.trial(0).intermediate_values == {0: 0.1, 5: 0.2, 6: 0.4}


def test_a_block_tells_what_one_does_not(client: Client) -> None:
    study = create(client)
    with pytest.raises(ZeroDivisionError), study.ask():
        1 / 0  # noqa: B018
    with study.ask():
        pass
    with pytest.raises(KeyboardInterrupt), study.ask() as trial:
        raise KeyboardInterrupt
    found = study.trials()
    assert found[0].fail_reason.startswith("ZeroDivisionError: division by zero\n")
    assert "ended without a value" in found[1].fail_reason
    assert found[2].state == TrialState.WAITING
    again = study.ask()
    assert (again.number, again.params, again.seed) == (trial.number, trial.params, trial.seed)


def test_attributes_are_kept_within_limits(client: Client) -> None:
    study = create(client)
    trial = study.ask()
    trial.set_user_attr("a", {"ü": [1, None, "\n"]})
    for name, value, said in (
        ("", 1, "1 to 512"),
        ("x" * 513, 1, "1 to 512"),
        ("big", "x" * 65_535, "at most 65,536"),
        ("nan", math.nan, "JSON"),
        ("what", object(), "JSON"),
        ("bad", "\ud800", "JSON"),
    ):
        with pytest.raises(InvalidArgumentError, match=said):
            trial.set_user_attr(name, value)
    for i in range(255):
        trial.set_user_attr(f"n{i}", i)
    with pytest.raises(InvalidArgumentError, match="one too many"):
        trial.set_user_attr("one more", 1)
    trial.tell(1.0)
    assert study.trial(0).user_attrs == {"a": {"ü": [1, None, "\n"]}, **{f"n{i}": i for i in range(255)}}


def test_the_largest_reason_is_cut(client: Client) -> None:
    study = create(client)
    study.ask().fail("ä" * 5_000_000)
    assert 65_000 < len(study.trial(0).fail_reason.encode()) <= 65_536


def test_a_study_of_workers_is_not_asked(client: Client) -> None:
    study = create(client, objective="mnist_cnn")
    with pytest.raises(RefusedError, match="ask:mine"):
        study.ask()


def test_only_a_studys_own_trials_come(client: Client) -> None:
    one, two = create(client, "one"), create(client, "two")
    assert {one.ask().study, one.ask().study} == {"one"}
    assert two.ask().study == "two"
    with pytest.raises(InvalidArgumentError, match="of study `one`"):
        two.tell(one.ask(), 1.0)


def test_many_threads_share_a_client_and_each_trial_is_evaluated_once(client: Client) -> None:
    study = create(client, trials=60, sampler="random")
    evaluated: list[int] = []

    def work(_: int) -> None:
        while trial := study.ask():
            evaluated.append(trial.number)
            trial.report(trial.params["x"])
            trial.tell(trial.params["x"])

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert sorted(evaluated) == list(range(60))
    assert all(t.attempt == 1 for t in study.trials())


def test_a_trial_for_which_nobody_asks_is_handed_back(client: Client) -> None:
    study = create(client, trials=3)
    told = study.ask()
    study.pause()
    waiting = ThreadPoolExecutor(1).submit(study.ask)
    eventually(study._asker()._leasing.locked)
    time.sleep(1.5)  # the call that waits has begun, and says how many may be held
    told.tell(1.0)
    study.resume()
    waiting.result(10)
    eventually(lambda: study.info().counts[TrialState.RUNNING] == 2)
    eventually(lambda: study.info().counts[TrialState.RUNNING] == 1)
    assert study.trial(2).state == TrialState.WAITING
    assert study.ask().number == 2


def test_what_was_given_by_an_answer_that_got_lost_is_handed_back(client: Client) -> None:
    study = create(client)
    study.ask()
    asker = study._asker()
    with asker._leasing:
        # As if this call were interrupted with Ctrl-C.
        request = asker._request([trial._claim for trial in asker._held.values()], 2, ["ask:mine"], 0.0)
        assert client._link.call(_calls.LEASE, request).assignments
        asker._answer_got_lost = True
    assert study.info().counts[TrialState.RUNNING] == 2
    eventually(lambda: study.trial(1).state == TrialState.WAITING)
    assert study.trial(0).state == TrialState.RUNNING


def test_who_waits_gets_a_trial_as_soon_as_there_is_one(client: Client) -> None:
    study = create(client)
    study.pause()
    waiting = ThreadPoolExecutor(1).submit(study.ask)
    begin = time.monotonic()
    assert study.ask(wait=0.2) is None
    assert time.monotonic() - begin < 5
    study.resume()
    assert waiting.result(10).number == 0


def test_a_stopped_study_takes_its_trials_back(client: Client) -> None:
    study = create(client)
    trial, silent = study.ask(), study.ask()
    study.stop()
    with pytest.raises(TrialLostError):
        trial.report(0.5)
    eventually(lambda: silent._lost)
    with pytest.raises(TrialLostError):
        silent.should_prune()
    with pytest.raises(TrialLostError):
        silent.tell(0.5)
    with silent:
        silent.should_prune()  # nothing is left to be told, and nothing is raised
    assert [t.state for t in study.trials()] == [TrialState.WAITING] * 2


def test_closing_a_client_ends_who_waits_and_hands_back_what_is_held(coordinator: Coordinator) -> None:
    with kindling.connect(coordinator.address) as looking:
        client = kindling.connect(coordinator.address)
        study = create(client, trials=1)
        study.ask()
        waiting = ThreadPoolExecutor(1).submit(study.ask)
        eventually(study._asker()._leasing.locked)
        client.close()
        with pytest.raises(kindling.KindlingError, match="closed"):
            waiting.result(20)
        with pytest.raises(kindling.KindlingError, match="closed"):
            study.info()
        with pytest.raises(kindling.KindlingError, match="closed"):
            next(study.watch())
        client.close()
        assert looking.study("mine").trial(0).state == TrialState.WAITING


ASKER = """
import sys, time, kindling
client = kindling.connect(sys.argv[1])
study = client.study("mine")
trial = study.ask()
trial.report(0.5)
print(trial.number, trial.seed, trial.params["x"], flush=True)
sys.stdin.read()
{end}
"""


def asker(coordinator: Coordinator, folder: Path, end: str = "") -> tuple[subprocess.Popen[str], list[str]]:
    """Another process that holds a trial."""
    script = folder / "asker.py"
    script.write_text(ASKER.format(end=end))
    command = [sys.executable, str(script), coordinator.address]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    return process, process.stdout.readline().split()


def test_two_processes_share_a_study_and_evaluate_each_trial_once(
    coordinator: Coordinator, client: Client, folder: Path
) -> None:
    study = create(client, trials=40, sampler="random")
    end = "trial.tell(0.0)\nwhile trial := study.ask(): trial.tell(0.0); print(trial.number)"
    process, (first, *_) = asker(coordinator, folder, end)
    assert process.stdin
    process.stdin.close()
    mine = []
    while trial := study.ask():
        mine.append(trial.number)
        trial.tell(1.0)
    assert process.stdout
    others = [int(first), *map(int, process.stdout.read().split())]
    assert process.wait(30) == 0
    assert sorted(mine + others) == list(range(40))
    assert {trial.number for trial in study.trials() if trial.value == 0.0} == set(others)
    assert len({trial.worker for trial in study.trials()}) == 2


def test_the_trial_of_a_killed_asker_is_leased_again(coordinator: Coordinator, client: Client, folder: Path) -> None:
    study = create(client, trials=1)
    process, (number, seed, x) = asker(coordinator, folder)
    assert study.ask(wait=0) is None
    process.kill()
    process.wait()
    begin = time.monotonic()
    trial = study.ask()
    assert time.monotonic() - begin < 10
    assert (trial.number, trial.seed, trial.params["x"], trial.attempt) == (int(number), int(seed), float(x), 2)
    trial.tell(1.0)
    assert study.ask() is None


def test_a_held_trial_stays_ones_own_for_many_lease_terms(client: Client) -> None:
    study = create(client, trials=1)
    trial = study.ask()
    time.sleep(5)  # two and a half terms: that nothing happens cannot be waited for
    trial.report(0.5)
    trial.tell(0.5)
    assert study.trial(0).attempt == 1


def test_a_frozen_asker_is_a_zombie_and_cannot_write(coordinator: Coordinator, client: Client, folder: Path) -> None:
    study = create(client, trials=1)
    end = "try: trial.tell(7.0)\nexcept kindling.client.TrialLostError: print('lost', flush=True)"
    process, _ = asker(coordinator, folder, end)
    process.send_signal(signal.SIGSTOP)
    study.ask().tell(1.0)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate("", timeout=30)
    assert out.split() == ["lost"]
    assert study.best_value == 1.0


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise RuntimeError", "client.close()"])
def test_an_asker_that_ends_hands_its_trial_back(
    coordinator: Coordinator, client: Client, folder: Path, end: str
) -> None:
    study = create(client, trials=1)
    process, _ = asker(coordinator, folder, end)
    process.communicate("", timeout=30)
    assert study.trial(0).state == TrialState.WAITING


@pytest.mark.parametrize("lease_term", [30.0])
def test_a_coordinator_killed_under_an_asker_loses_nothing(coordinator: Coordinator, client: Client) -> None:
    study = create(client, trials=2)
    study.ask().tell(1.0)
    trial = study.ask()
    trial.report(0.1)
    coordinator.kill()
    begin = time.monotonic()
    for value in (0.2, 0.3, 0.4):
        trial.report(value)
        assert not trial.should_prune()
    assert time.monotonic() - begin < 5, "who trains does not wait for a coordinator"
    with pytest.raises(UnreachableError):
        trial.tell(0.4, timeout=0.5)
    restart = threading.Timer(1.0, coordinator.start)
    restart.start()
    trial.tell(0.4)
    restart.join()
    found = study.trial(1)
    assert found.intermediate_values == {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4}
    assert (found.state, found.value, found.attempt) == (TrialState.COMPLETE, 0.4, 1)
    assert study.info().finished


def test_who_waits_for_a_trial_outlives_a_restart(coordinator: Coordinator, client: Client) -> None:
    study = create(client)
    study.pause()
    waiting = ThreadPoolExecutor(1).submit(study.ask)
    eventually(lambda: study._asker()._beating)
    coordinator.kill()
    coordinator.start()
    study.resume()
    assert waiting.result(30).number == 0


def test_calls_that_may_be_repeated_outlive_a_restart(coordinator: Coordinator, client: Client) -> None:
    study = create(client)
    coordinator.kill()
    restart = threading.Timer(1.0, coordinator.start)
    restart.start()
    enqueued = study.enqueue({"x": 1})
    restart.join()
    assert enqueued.number == 0
    assert len(study.trials()) == 1


def test_a_call_gives_up_when_its_time_is_over(coordinator: Coordinator) -> None:
    with kindling.connect(coordinator.address, timeout=1) as client:
        study = create(client)
        coordinator.kill()
        begin = time.monotonic()
        with pytest.raises(UnreachableError, match="no coordinator answers"):
            study.info()
        assert time.monotonic() - begin < 3


def test_a_coordinator_that_stands_still_is_not_waited_for(coordinator: Coordinator) -> None:
    with kindling.connect(coordinator.address, timeout=1) as client:
        study = create(client)
        pid = coordinator._process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            eventually(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
            with pytest.raises(UnreachableError, match="does not answer"):
                study.info()
        finally:
            os.kill(pid, signal.SIGCONT)


def test_a_client_is_not_used_after_a_fork(client: Client) -> None:
    study = create(client)
    study.ask()
    pid = os.fork()
    if pid == 0:
        try:
            study.info()
        except kindling.KindlingError as error:
            os._exit(0 if "another process" in str(error) else 1)
        os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert study.trial(0).state == TrialState.RUNNING
