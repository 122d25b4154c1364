"""`kindling.optuna`: Optuna's storage on a coordinator, through its restarts, with a token, with clients that leave."""

import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

optuna = pytest.importorskip("optuna", reason="Optuna is not here")
pytest.importorskip("grpc", reason="gRPC is not here")

from optuna.storages import GrpcStorageProxy  # noqa: E402
from optuna.trial import TrialState  # noqa: E402

from coordinators import Coordinator, eventually, needs_program  # noqa: E402
from kindling.optuna import SAMPLER, Storage, fail_lost_trials, propose  # noqa: E402

pytestmark = needs_program
optuna.logging.set_verbosity(optuna.logging.WARNING)

TOKEN = "a-token-of-thirty-two-characters"


@pytest.fixture
def coordinator(tmp_path: Path) -> Iterator[Coordinator]:
    running = Coordinator(tmp_path)
    yield running
    running.end()


def objective(trial: "optuna.Trial") -> float:
    x = trial.suggest_float("x", -5, 5)
    kind = trial.suggest_categorical("kind", ["a", None, 2])
    trial.report(abs(x), step=0)
    return x * x + (0 if kind is None else 1)


def stock(coordinator: Coordinator) -> GrpcStorageProxy:
    host, port = coordinator.address.removeprefix("http://").rsplit(":", 1)
    return GrpcStorageProxy(host=host, port=int(port))


def test_a_study_goes_the_same_way_as_in_memory(coordinator: Coordinator) -> None:
    def optimized(storage: object) -> list[object]:
        sampler = optuna.samplers.TPESampler(seed=5, n_startup_trials=4)
        study = optuna.create_study(storage=storage, sampler=sampler)
        study.optimize(objective, n_trials=15)
        return [(t.number, t.state, t.params, t.values, t.intermediate_values) for t in study.trials]

    expected = optimized(None)
    assert optimized(Storage(coordinator.address)) == expected
    assert optimized(stock(coordinator)) == expected


def test_a_restart_costs_time_and_nothing_else(coordinator: Coordinator) -> None:
    study = optuna.create_study(storage=Storage(coordinator.address), study_name="s")
    over = threading.Event()

    def shake() -> None:
        while not over.wait(0.3):
            coordinator.kill()
            time.sleep(0.2)
            coordinator.start()

    shaker = threading.Thread(target=shake)
    shaker.start()
    try:
        # Slow enough for some restarts.
        study.optimize(lambda trial: (time.sleep(0.02), objective(trial))[1], n_trials=60, n_jobs=2)
    finally:
        over.set()
        shaker.join()
    trials = study.get_trials()
    assert [trial.number for trial in trials] == list(range(60)), "a repeated call began no second trial"
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}


def test_without_a_token_nobody_gets_in(tmp_path: Path) -> None:
    for name, token in [("token", TOKEN), ("worker.token", TOKEN[::-1])]:
        (tmp_path / name).write_text(token)
        (tmp_path / name).chmod(0o600)
    coordinator = Coordinator(tmp_path, "--client-token-file=token", "--worker-token-file=worker.token")
    try:
        with pytest.raises(Exception, match="UNAUTHENTICATED"):
            optuna.create_study(storage=Storage(coordinator.address, patience=5))
        study = optuna.create_study(storage=Storage(coordinator.address, token=TOKEN))
        study.optimize(objective, n_trials=2)
        storage = pickle.loads(pickle.dumps(Storage(coordinator.address, token_file=tmp_path / "token")))
        assert len(optuna.load_study(storage=storage, study_name=study.study_name).trials) == 2
    finally:
        coordinator.end()


CLIENT = """
import sys, time, optuna
from kindling.optuna import Storage
study = optuna.load_study(storage=Storage(sys.argv[1]), study_name="s")
trial = study.ask()
trial.suggest_float("x", -5, 5)
print(trial.number, flush=True)
time.sleep(1000)
"""


def test_trials_of_clients_that_are_gone_end_as_the_study_asks(coordinator: Coordinator) -> None:
    study = optuna.create_study(storage=Storage(coordinator.address), study_name="s")
    fail_lost_trials(study, after=0.5, retries=1)
    started = [
        subprocess.Popen([sys.executable, "-c", CLIENT, coordinator.address], stdout=subprocess.PIPE) for _ in range(3)
    ]
    for client in started:
        assert client.stdout
        assert client.stdout.readline().strip().isdigit()
    time.sleep(2)
    assert [t.state for t in study.get_trials()] == [TrialState.RUNNING] * 3, "connected clients may take their time"
    for client in started:
        client.send_signal(signal.SIGKILL)
        client.wait()
    eventually(lambda: len(study.get_trials()) == 6)
    states = [trial.state for trial in study.get_trials()]
    assert states == [TrialState.FAIL] * 3 + [TrialState.WAITING] * 3
    study.optimize(objective, n_trials=3)
    again = study.get_trials()[3:]
    assert [trial.state for trial in again] == [TrialState.COMPLETE] * 3
    retried = [optuna.storages.RetryFailedTrialCallback.retried_trial_number(trial) for trial in again]
    assert sorted(retried) == [0, 1, 2]
    assert all(
        trial.params["x"] == study.trials[number].params["x"] for trial, number in zip(again, retried, strict=True)
    )


def test_our_own_studies_can_be_read_and_not_changed(coordinator: Coordinator) -> None:
    from kindling.client import connect

    with connect(coordinator.address) as client:
        client.create("ours", space={"x": {"type": "float", "low": 0.0, "high": 1.0}}, trials=3, direction="minimize")
    study = optuna.load_study(storage=Storage(coordinator.address), study_name="ours")
    assert study.direction == optuna.study.StudyDirection.MINIMIZE
    with pytest.raises(Exception, match="Kindling's own"):
        study.ask()
    with pytest.raises(Exception, match="Kindling's own"):
        study.set_user_attr("a", 1)


def test_a_sampler_of_ours_proposes_where_a_study_asks_for_it(coordinator: Coordinator) -> None:
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(storage=Storage(coordinator.address), sampler=sampler)
    propose(study)

    def branching(trial: "optuna.Trial") -> float:
        x = trial.suggest_float("x", 0, 1)
        if trial.suggest_categorical("kind", [None, "deep"]) is None:
            return 1 + x
        return abs(x - 0.3) + abs(trial.suggest_int("depth", 1, 64, log=True) - 5) / 64

    study.optimize(branching, n_trials=40, n_jobs=2)
    advised = [trial.system_attrs.get("fixed_params") for trial in study.trials]
    assert advised[0] is None, "nothing is known yet"
    assert all(advised[4:])
    assert any("depth" in advice for advice in advised[4:])
    assert study.best_value < 0.05
    with pytest.raises(Exception, match="nonsense"):
        study.set_user_attr(SAMPLER, "nonsense")


def test_a_sampler_of_ours_finds_the_front_of_two_objectives(coordinator: Coordinator) -> None:
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(
        storage=Storage(coordinator.address), sampler=sampler, directions=["minimize", "maximize"]
    )
    propose(study)

    def both(trial: "optuna.Trial") -> tuple[float, float]:
        x, y = trial.suggest_float("x", -5, 5), trial.suggest_float("y", -5, 5)
        return x**2 + y**2, -((x - 2) ** 2) - (y - 2) ** 2

    study.optimize(both, n_trials=60)
    assert all(trial.system_attrs.get("fixed_params") for trial in study.trials[4:])
    # Where both are best, x and y are equal, from 0 to 2.
    late = [trial.params for trial in study.trials[30:]]
    near = [params for params in late if -1 < params["x"] < 3 and -1 < params["y"] < 3]
    assert len(near) > 15, "by chance it would be 5"
