"""Several objectives and constraints by name, from a trial's side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kindling
from conftest import python
from kindling._front import front
from kindling.frozen import FrozenTrial, TrialState, from_json
from kindling.integrations._monitor import Monitored
from worker import Run, Worker, facts

NAMES = {"metrics": ["accuracy", "latency_ms"], "pruner_metric": "latency_ms", "constraints": ["memory_gb"]}


@pytest.fixture
def run() -> Run:
    return Run({**facts(), **NAMES})


@pytest.fixture
def worker(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    with Worker(folder, one=run) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        yield worker


def test_a_trial_knows_what_its_values_are_called(worker: Worker) -> None:
    trial = kindling.current_trial()
    assert (trial.metric_names, trial.pruner_metric) == (["accuracy", "latency_ms"], "latency_ms")
    assert trial.constraint_names == ["memory_gb"]


def test_reports_are_by_name_or_of_what_the_pruner_compares(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    trial.report({"accuracy": 0.9, "latency_ms": 12.5}, step=0)
    trial.report({"latency_ms": 12}, step=1)
    trial.report(11, step=2)
    assert run.reports == [(0, 12.5), (1, 12.0), (2, 11.0)]
    assert run.others == [{"accuracy": 0.9}, {}, {}]
    assert run.attributes == {}
    for wrong, said in [
        ({"accuracy": 0.9}, "the report has no `latency_ms`, which the pruner compares\nhint: "),
        ({"latency_ms": 1, "loss": 2}, "no objective `loss`\nhint: its objectives are accuracy, latency_ms"),
    ]:
        with pytest.raises(kindling.KindlingError, match=said):
            trial.report(wrong, step=3)


def test_constraints_are_told_by_name(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    trial.set_constraint("memory_gb", 2)
    trial.set_constraint("memory_gb", -3.5)
    assert run.constraints == trial.constraints == {"memory_gb": -3.5}
    with pytest.raises(kindling.KindlingError, match="no constraint `memory`\nhint: did you mean"):
        trial.set_constraint("memory", 1)
    for name, value in (("memory_gb", "high"), (3, 1)):
        with pytest.raises(kindling.KindlingError, match="expected a"):
            trial.set_constraint(name, value)  # type: ignore[arg-type]
    assert trial.constraints == {"memory_gb": -3.5}


@pytest.mark.parametrize(
    "value", [{"latency_ms": 12.5, "accuracy": 0.9}, (0.9, 12.5), [0.9, 12.5], {"accuracy": "0.9"}, 0.9, {}]
)
def test_a_result_is_by_name_or_in_order(run: Run, worker: Worker, value: Any) -> None:
    if isinstance(value, float) or len(value) < 2:
        with pytest.raises(kindling.KindlingError):
            kindling.current_trial().complete(value)
        assert run.result is None
    else:
        kindling.current_trial().complete(value)
        assert run.result == {"state": "complete", "values": ["0.9", "12.5"]}


@pytest.mark.parametrize("returned", ["{'latency_ms': 12.5, 'accuracy': 0.9}", "(0.9, 12.5)", "0.9"])
def test_a_function_returns_them_either_way(folder: Path, run: Run, returned: str) -> None:
    (folder / "train.py").write_text(f"def objective(trial):\n    return {returned}\n")
    code = "import sys\nfrom kindling import serve\nsys.argv = ['serve', 'train.py:objective']\nsys.exit(serve.main())"
    with Worker(folder, many=[run]) as worker:
        ended = python(code, folder, worker.environment())
    assert ended.returncode == 0, ended.stderr
    assert run.result is not None
    if returned == "0.9":
        assert "1 values, and the study 2 objectives" in run.result["reason"]
    else:
        assert run.result["values"] == ["0.9", "12.5"]


def test_alone_it_is_printed_as_a_command_would(folder: Path) -> None:
    ended = python(
        "import kindling\n"
        "trial = kindling.current_trial()\n"
        "trial.report({'accuracy': 0.9, 'latency_ms': 12.5}, step=1)\n"
        "trial.set_constraint('memory_gb', -3.5)\n"
        "trial.complete({'accuracy': 0.9, 'latency_ms': 12.5})\n",
        folder,
    )
    assert ended.stdout.splitlines() == [
        "step 1: accuracy=0.9 latency_ms=12.5",
        "memory_gb=-3.5",
        "value: accuracy=0.9 latency_ms=12.5",
    ]


def trial(number: int, values: list[float], constraints: list[float] | None = None, **more: Any) -> FrozenTrial:
    given = {"state": TrialState.COMPLETE, "values": values, "constraints": constraints, **more}
    return FrozenTrial(number=number, **given)


def test_the_front_is_what_no_feasible_trial_dominates() -> None:
    trials = [
        trial(0, [0.9, 20]),
        trial(1, [0.8, 10]),
        trial(2, [0.8, 20]),
        trial(3, [0.99, 1], [0.1]),
        trial(4, [0.9, 20], [0.0]),
        trial(5, [0.95, 5], confirms=0),
        trial(6, [], state=TrialState.PRUNED),
        trial(7, [0.7, 10]),
    ]
    assert [each.number for each in front(trials, ["maximize", "minimize"])] == [0, 4, 1]
    assert [each.number for each in front([trial(0, [1]), trial(1, [3]), trial(2, [3])], ["maximize"])] == [1]
    assert front([], ["minimize"]) == []


def test_the_front_is_as_one_that_looks_at_all_pairs() -> None:
    import random

    for seed in range(200):
        chance = random.Random(seed)
        trials = [trial(number, [float(chance.randint(0, 4)) for _ in range(3)]) for number in range(20)]
        losses = [[-each.values[0], *each.values[1:]] for each in trials]
        expected = {
            number
            for number, loss in enumerate(losses)
            if not any(other != loss and all(a <= b for a, b in zip(other, loss, strict=True)) for other in losses)
        }
        found = front(trials, ["maximize", "minimize", "minimize"])
        assert {each.number for each in found} == expected


def test_a_frozen_trial_has_its_constraints() -> None:
    document: dict[str, Any] = {"number": 0, "state": "COMPLETE", "params": {}, "values": [0.9, 12.5], "attempt": 1}
    document |= {"attributes": {}, "intermediate_values": [], "fail_reason": None, "worker": ""}
    document |= {"start": None, "complete": None}
    assert from_json(document).constraints is None
    assert from_json({**document, "constraints": [-1, 2]}).constraints == [-1.0, 2.0]
    assert from_json({**document, "constraints": {"a": -1}}).constraints == [-1.0]
    with pytest.raises(RuntimeError, match="read `values`"):
        _ = from_json(document).value


def test_what_a_callback_monitors_has_the_studys_names(worker: Worker) -> None:
    trial = kindling.current_trial()
    logged = {"val_accuracy": 0.9, "latency_ms": 12.5}
    assert Monitored("val_accuracy").reported(logged, trial) == 0.9
    assert Monitored("latency_ms").reported(logged, trial) == {"latency_ms": 12.5}
    several = Monitored({"accuracy": "val_accuracy", "latency_ms": "latency_ms"})
    assert several.reported(logged, trial) == {"accuracy": 0.9, "latency_ms": 12.5}
    assert Monitored(["latency_ms", "loss"]).missing(logged) == "loss"
