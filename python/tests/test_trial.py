"""What a trial says and hears over its socket."""

import json
import math
import os
import pickle
import signal
import threading
from pathlib import Path

import pytest

import kindling
from worker import Run, Worker, facts


@pytest.fixture
def run() -> Run:
    return Run(facts(lr=0.01, optimizer="adam", layers=2, momentum=None, nesterov=True))


@pytest.fixture
def worker(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    with Worker(folder, one=run) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        yield worker


class Scalar:
    """As numpy's and torch's: all that they share."""

    def __init__(self, value: object) -> None:
        self.value = value

    def tolist(self) -> object:
        return self.value


def test_a_trial_knows_what_the_worker_told(worker: Worker) -> None:
    trial = kindling.current_trial()
    assert trial.params == {"lr": 0.01, "optimizer": "adam", "layers": 2, "momentum": None, "nesterov": True}
    assert (trial.study, trial.number, trial.attempt) == ("mine", 3, 1)
    assert (trial.seed, trial.study_seed, trial.device, trial.data_dir) == (2**64 - 1, 7, "cpu", None)
    assert trial.settings == {}
    assert not trial.alone


def test_a_gpu_is_called_as_torch_calls_it(run: Run, worker: Worker) -> None:
    run.facts.update(device="cuda:0", data_dir="/data")
    trial = kindling.current_trial()
    assert trial.device == "cuda"
    assert trial.data_dir == Path("/data")


def test_defaults_stand_in_for_what_the_study_does_not_set(worker: Worker) -> None:
    trial = kindling.current_trial(
        defaults={"lr": 1.0, "optimizer": "sgd", "layers": 1, "momentum": 0.9, "nesterov": False, "epochs": 5}
    )
    assert trial.params["lr"] == 0.01
    assert trial.params["momentum"] is None
    assert trial.params["epochs"] == 5


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "learning_rat",
            "which is not among the defaults: `epochs`, `learning_rate`\nhint: did you mean `learning_rate`?",
        ),
        ("width", "hint: add a default for `width`, or take it out of the space"),
    ],
)
def test_a_parameter_that_is_not_among_the_defaults_is_an_error(run: Run, worker: Worker, name: str, said: str) -> None:
    run.facts["params"] = {name: 1.0}
    for _ in range(2):
        with pytest.raises(kindling.KindlingError, match=f"the study has `{name}`") as refused:
            kindling.current_trial(defaults={"epochs": 3, "learning_rate": 1e-3})
        assert said in str(refused.value)
    # Who names no defaults says nothing of what the script knows.
    assert kindling.current_trial().params == {name: 1.0}


def test_a_parameter_that_is_not_there_is_an_error_that_says_which_are(run: Run, worker: Worker) -> None:
    run.facts["params"] = {"lr": 0.1, "momentum": 0.9}
    params = kindling.current_trial().params
    with pytest.raises(
        KeyError, match=r"no parameter `momentun`; did you mean `momentum`\? this trial has `lr`, `momentum`"
    ):
        params["momentun"]
    with pytest.raises(KeyError, match="no parameter `1`; this trial has"):
        params[1]  # type: ignore[index]
    assert params.get("x", 3) == 3
    assert "x" not in params


def test_parameters_are_a_dict_that_travels_as_a_plain_one(worker: Worker) -> None:
    trial = kindling.current_trial()
    assert isinstance(trial.params, dict)
    assert json.loads(json.dumps(trial.params)) == trial.params
    # A checkpoint must be read where Kindling is not, and by PyTorch, which allows but few classes in it.
    written = pickle.dumps(trial.params)
    assert b"kindling" not in written
    assert pickle.loads(written) == trial.params
    with pytest.raises(KeyError, match="no parameter"):
        pickle.loads(pickle.dumps(trial)).params["typo"]


def test_a_process_has_one_trial(worker: Worker) -> None:
    assert kindling.current_trial() is kindling.current_trial()
    assert worker.calls == ["hello"]


def test_reports_are_heard_in_order(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    assert trial.report(0.5, 0) == "continue"
    trial.report(value=Scalar(0.25), step=Scalar(1))
    trial.report(Scalar([0.125]), step=2.0)
    assert run.reports == [(0, 0.5), (1, 0.25), (2, 0.125)]


def test_several_metrics_are_reported_at_once(run: Run, worker: Worker) -> None:
    run.metric, run.prune_at = "accuracy", 1
    trial = kindling.current_trial()
    assert trial.report({"loss": Scalar(0.25), "accuracy": Scalar([0.5]), "norm": math.nan}, 0) == "continue"
    assert (run.reports, run.attributes) == ([(0, 0.5)], {"loss": 0.25, "norm": "nan"})
    with pytest.raises(kindling.TrialPruned, match="step 1"):
        trial.report({"accuracy": 0.75}, step=1)
    assert run.reports == [(0, 0.5), (1, 0.75)]
    assert b'"metrics": {"accuracy": 0.75}' in worker.lines[-1]
    assert b'"value"' not in worker.lines[-1]


def test_of_several_metrics_the_study_must_say_which_one_counts(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    with pytest.raises(kindling.KindlingError, match="the study names no `metric`"):
        trial.report({"loss": 0.25}, 0)
    run.metric = "accuracy"
    with pytest.raises(kindling.KindlingError, match="`metrics` has no `accuracy`"):
        trial.report({"loss": 0.25}, 0)


def test_a_pruned_report_raises(run: Run, worker: Worker) -> None:
    run.prune_at = 1
    trial = kindling.current_trial()
    trial.report(0.5, 0)
    with pytest.raises(kindling.TrialPruned, match="step 1"):
        trial.report(0.5, 1)
    assert trial.should_prune()


def test_a_report_can_say_the_verdict_instead_of_raising_it(run: Run, worker: Worker) -> None:
    run.prune_at = 0
    trial = kindling.current_trial()
    assert trial.report(0.5, 0, raises=False) == "prune"
    assert trial.should_prune()
    with pytest.raises(kindling.TrialPruned):
        trial.check()


def test_a_stopped_trial_raises_with_the_reason(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    assert not trial.should_prune()
    run.verdict = {"verdict": "stop", "reason": "it took longer than 2h"}
    for call in (lambda: trial.report(0.5, 0), trial.check, trial.should_prune):
        with pytest.raises(kindling.TrialStopped, match="longer than 2h"):
            call()
    assert trial.verdict() == "stop"


def test_the_way_out_is_not_swallowed_by_except_exception() -> None:
    assert not issubclass(kindling.TrialPruned, Exception)
    assert not issubclass(kindling.TrialStopped, Exception)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_report_that_is_not_finite_is_refused_by_the_worker(run: Run, worker: Worker, value: float) -> None:
    with pytest.raises(kindling.KindlingError, match="fails the trial"):
        kindling.current_trial().report(value, 0)
    assert run.failed


@pytest.mark.parametrize(
    ("value", "step", "said"),
    [
        (3, 0.91, "expected a whole number"),
        (0.9, -1, "expected a whole number"),
        (None, 0, "the reported value is None"),
        ("0.9", 0, "of type str"),
        ([1, 2], 0, "of type list"),
        ({}, 0, "the report has no metrics"),
        ({"a": "high"}, 0, "the reported `a` is 'high', of type str"),
        ({"a": {"b": 1}}, 0, "the reported `a` is .* of type dict"),
        ({1: 1}, 0, "the name of a reported metric is 1; expected a text"),
        ({"a": 1}, -1, "expected a whole number"),
        (10**400, 0, "no number"),
        (0.9, math.nan, "whole number"),
    ],
)
def test_what_is_no_report_is_refused_before_it_is_sent(worker: Worker, value, step, said: str) -> None:
    trial = kindling.current_trial()
    with pytest.raises(kindling.KindlingError, match=said):
        trial.report(value, step)
    assert worker.calls == ["hello"]


def test_attributes_arrive_as_json(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    for name, value, arrives in [
        ("a", 1, 1),
        ("b", {"x": [1, None, True, "ü\n"]}, {"x": [1, None, True, "ü\n"]}),
        ("nan", [math.nan, Scalar(math.inf)], ["nan", "inf"]),
        ("array", Scalar([[1, 2]]), [[1, 2]]),
        ("tuple", (1, -math.inf), [1, "-inf"]),
    ]:
        trial.set_user_attr(name, value)
        assert run.attributes[name] == arrives
    assert trial.user_attrs["a"] == 1
    assert worker.refused == []


def test_an_attribute_that_is_no_json_is_refused(worker: Worker) -> None:
    trial = kindling.current_trial()
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), loop, {(1, 2): 3}, Path("/")):
        with pytest.raises(kindling.KindlingError, match="JSON"):
            trial.set_user_attr("a", value)
    with pytest.raises(kindling.KindlingError, match="expected a text"):
        trial.set_user_attr(1, 2)  # type: ignore[arg-type]
    assert trial.user_attrs == {}


def test_a_line_that_is_too_long_is_refused_and_the_trial_goes_on(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    with pytest.raises(kindling.KindlingError, match="at most 1048576"):
        trial.set_user_attr("a", "x" * (1 << 20))
    with pytest.raises(kindling.KindlingError, match="too large"):
        trial.set_user_attr("a", "x" * (65 << 10))
    trial.set_user_attr("a", "x")
    assert run.attributes == {"a": "x"}


def test_a_trial_completes_with_its_values(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    trial.complete(Scalar([0.5, math.nan]))
    assert run.result == {"state": "complete", "values": ["0.5", "nan"]}
    trial.complete([0.5, math.nan])
    with pytest.raises(kindling.KindlingError, match="another result"):
        trial.fail("why")
    with pytest.raises(kindling.KindlingError, match="has its result"):
        trial.report(0.5, 0)


@pytest.mark.parametrize("value", [None, [], "0.9", [[1, 2]], {"a": 1}])
def test_what_is_no_value_completes_nothing(run: Run, worker: Worker, value: object) -> None:
    with pytest.raises(kindling.KindlingError):
        kindling.current_trial().complete(value)
    assert run.result is None


@pytest.mark.parametrize(
    ("end", "result"),
    [
        ("prune", {"state": "pruned"}),
        ("fail", {"state": "fail", "reason": "why"}),
        ("hand_back", {"state": "hand_back", "reason": "why"}),
        ("unfit", {"state": "unfit", "reason": "why"}),
    ],
)
def test_a_trial_ends_as_it_says(run: Run, worker: Worker, end: str, result: dict[str, object]) -> None:
    trial = kindling.current_trial()
    getattr(trial, end)(*(["why"] if end != "prune" else []))
    assert run.result == result


def test_a_connection_that_breaks_is_opened_anew(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    for step in range(3):
        worker.drop = 1
        trial.report(0.5, step)
    assert run.reports == [(0, 0.5), (1, 0.5), (2, 0.5)]
    assert worker.refused == []


def test_a_worker_that_is_gone_stops_the_trial(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from kindling import _socket

    monkeypatch.setattr(_socket, "RECONNECT", 0.1)
    with Worker(folder, one=run) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        trial = kindling.current_trial()
    with pytest.raises(kindling.TrialStopped, match="gone"):
        trial.report(0.5, 0)


def test_a_socket_where_nobody_listens_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kindling import _socket

    monkeypatch.setattr(_socket, "RECONNECT", 0.1)
    monkeypatch.setenv("KINDLING_SOCKET", str(folder / "nobody"))
    with pytest.raises(kindling.KindlingError, match="unset KINDLING_SOCKET"):
        kindling.current_trial()


def test_a_worker_that_does_not_answer_is_an_error(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    from kindling import _socket

    trial = kindling.current_trial()
    monkeypatch.setattr(_socket, "PATIENCE", 0.1)
    with worker.changed, pytest.raises(kindling.KindlingError, match="did not answer `verdict`"):
        trial.verdict()
    monkeypatch.setattr(_socket, "PATIENCE", 10)
    # The answer that came too late is not taken for that of the next call.
    trial.set_user_attr("a", 1)
    assert trial.verdict() == "continue"


def test_threads_share_the_connection(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()

    def note(thread: int) -> None:
        for i in range(20):
            trial.set_user_attr(f"{thread}", i)
            assert trial.verdict() == "continue"

    threads = [threading.Thread(target=note, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert run.attributes == {str(i): 19 for i in range(8)}
    assert len(worker.open) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_speaks_on_a_connection_of_its_own(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    trial.report(0.5, 0)
    # Held by another thread at the moment of the fork: the child must not wait for it.
    with trial._connection._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            try:
                trial.report(0.25, 1)
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
    trial.report(0.125, 2)
    assert run.reports == [(0, 0.5), (1, 0.25), (2, 0.125)]
    assert run.reporters == {os.getpid(), child}


def test_a_child_that_outlives_its_trial_cannot_speak_for_the_next(run: Run, worker: Worker) -> None:
    trial = pickle.loads(pickle.dumps(kindling.current_trial()))
    next_run = Run(facts(number=4))
    worker.current = next_run
    with pytest.raises(kindling.TrialStopped, match="this trial is over: the worker is no longer at trial 3"):
        trial.report(0.5, 0)
    assert next_run.reports == []


def test_a_trial_travels_to_a_spawned_process(run: Run, worker: Worker) -> None:
    trial = pickle.loads(pickle.dumps(kindling.current_trial()))
    trial.report(0.5, 0)
    assert run.reports == [(0, 0.5)]


def test_a_worker_of_another_version_is_told(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    from kindling import _socket

    monkeypatch.setattr(_socket, "VERSION", 2)
    with pytest.raises(kindling.KindlingError, match="speaks version 1"):
        kindling.current_trial()


def test_what_goes_over_the_socket_is_one_ascii_line_for_each_call(worker: Worker) -> None:
    trial = kindling.current_trial()
    trial.set_user_attr("ü\n\u2028", "\ud800'\"$(x)")
    trial.report(1e-300, 2**62)
    trial.complete(0.1 + 0.2)
    assert all(line.isascii() and line.count(b"\n") == 1 for line in worker.lines)
    assert b"0.30000000000000004" in worker.lines[-1]
    assert worker.refused == []
