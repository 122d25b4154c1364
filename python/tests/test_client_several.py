"""Several objectives and constraints at a real coordinator, asked for and told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the client is an extra")

import kindling
from coordinators import SPACE, Coordinator, needs_program
from kindling.client import Client, InvalidArgumentError, RefusedError, TrialState, _spec
from kindling.client._proto import study_pb2 as pb
from kindling.client._proto import worker_pb2 as work
from kindling.client._trial import AskedTrial

SEVERAL: dict[str, Any] = {
    "directions": {"accuracy": "maximize", "latency_ms": "minimize"},
    "constraints": ["memory_gb"],
}


def spec(**given: Any) -> pb.StudySpec:
    return _spec.spec(
        **{
            "name": "mine",
            "space": SPACE,
            "trials": 3,
            "seed": 0,
            "sampler": "auto",
            "pruner": "none",
            "objective": None,
            "max_attempts": 3,
            "max_failures_in_a_row": None,
            "confirm": None,
            "checkpoints": None,
            "notify": None,
            "direction": None,
            "directions": None,
            "constraints": None,
            **given,
        }
    )


def test_directions_and_constraints_are_told_by_name() -> None:
    made = spec(**SEVERAL, pruner={"kind": "asha", "metric": "latency_ms"})
    assert list(made.directions) == [pb.DIRECTION_MAXIMIZE, pb.DIRECTION_MINIMIZE]
    assert (list(made.metric_names), list(made.constraints)) == (["accuracy", "latency_ms"], ["memory_gb"])
    assert made.pruner["metric"] == "latency_ms"
    assert list(spec(direction="minimize").metric_names) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "either a `direction` or `directions`"),
        ({"direction": "maximize", **SEVERAL}, "either a `direction` or `directions`"),
        ({"directions": ["maximize"]}, "expected a dict by name"),
        ({"directions": {"a": "up"}}, "directions.a: expected maximize or minimize"),
        ({"direction": "maximize", "constraints": "memory_gb"}, "constraints: expected a list of names"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        spec(**given)


class NoLink:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.link = self
        self.sent: list[Any] = []

    def call_once(self, _method: Any, request: Any, **_: Any) -> work.ReportResponse:
        self.sent.append(request)
        return work.ReportResponse(verdict=work.VERDICT_CONTINUE)

    def call(self, _method: Any, request: Any, **_: Any) -> None:
        self.sent.append(request)

    def drop(self, trial: AskedTrial) -> None:
        pass


def asked(link: NoLink) -> AskedTrial:
    names = {"metric_names": ["accuracy", "latency_ms"], "constraints": ["memory_gb"], "pruner_objective": 1}
    return AskedTrial(link, work.Assignment(study="mine", **names))  # type: ignore[arg-type]


def test_values_are_sent_in_the_studys_order() -> None:
    link = NoLink()
    trial = asked(link)
    trial.report({"accuracy": 0.9, "latency_ms": 12.5})
    trial.report(11)
    trial.set_constraint("memory_gb", -3.5)
    trial.tell({"latency_ms": 12.5, "accuracy": 0.9})
    first, second, end = link.sent
    assert (first.step, first.value) == (0, 12.5)
    assert [(other.objective, other.value) for other in first.others] == [(0, 0.9)]
    assert (second.step, second.value, len(second.others)) == (1, 11.0, 0)
    assert list(end.completed.values) == [0.9, 12.5]
    assert list(end.constraints) == [-3.5]


def test_a_name_that_is_wrong_or_missing_is_said_and_nothing_is_sent() -> None:
    link = NoLink()
    trial = asked(link)
    for act, said in [
        (lambda: trial.report({"accuracy": 1}), "no `latency_ms`, which the pruner compares"),
        (
            lambda: trial.report({"latency_ms": 1, "acuracy": 1}),
            "no objective `acuracy`\nhint: did you mean `accuracy`",
        ),
        (lambda: trial.report({"latency_ms": 1, "memory_gb": 1}), "it is a constraint: `set_constraint"),
        (lambda: trial.set_constraint("memory", 1), "no constraint `memory`\nhint: did you mean `memory_gb`"),
        (lambda: trial.tell({"accuracy": 1}), "the result has no `latency_ms`"),
        (lambda: trial.tell(1), "1 values for 2 objectives: accuracy, latency_ms"),
        (lambda: trial.tell([1, 2]), "no value for the constraint `memory_gb`"),
    ]:
        with pytest.raises(InvalidArgumentError, match=said):
            act()
    assert link.sent == []
    trial.tell(state="pruned")
    assert list(link.sent[0].constraints) == []


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    started = Coordinator(folder)
    with kindling.connect(started.address) as connected:
        yield connected
    started.end()


@needs_program
def test_a_study_of_two_objectives_has_a_front(client: Client) -> None:
    study = client.create("mine", space=SPACE, trials=6, sampler="random", **SEVERAL)
    told = [(0.9, 20, -1), (0.8, 10, -1), (0.8, 20, 0), (0.99, 1, 0.5), (0.9, 20, 0), (0.7, 11, -1)]
    for accuracy, latency, memory in told:
        trial = study.ask()
        assert trial is not None
        trial.report({"accuracy": accuracy / 2, "latency_ms": 99}, step=3)
        trial.set_constraint("memory_gb", memory)
        trial.tell({"latency_ms": latency, "accuracy": accuracy})
    assert [trial.values for trial in study.best_trials] == [[0.9, 20.0], [0.9, 20.0], [0.8, 10.0]]
    info = study.info()
    assert (info.metric_names, info.constraint_names, info.front_size) == (
        ("accuracy", "latency_ms"),
        ("memory_gb",),
        3,
    )
    assert [trial.constraints for trial in study.trials()] == [[float(memory)] for _, _, memory in told]
    assert study.trial(0).intermediate_values == {3: 0.45}
    with pytest.raises(RefusedError, match="several objectives"):
        _ = study.best_trial
    frame = study.to_pandas()
    assert list(frame["values_latency_ms"]) == [20, 10, 20, 1, 20, 11]


@needs_program
def test_a_study_of_one_named_objective_works_as_ever(client: Client) -> None:
    study = client.create("mine", space=SPACE, trials=2, directions={"loss": "minimize"})
    for value in (3.0, 1.0):
        trial = study.ask()
        assert trial is not None
        trial.report({"loss": value}, step=0)
        trial.tell(value)
    assert study.best_value == 1.0
    assert [trial.value for trial in study.best_trials] == [1.0]
    assert [trial.state for trial in study.trials()] == [TrialState.COMPLETE] * 2
