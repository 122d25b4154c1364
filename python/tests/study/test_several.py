"""A study of several objectives, from a script to its front. With the real program where there is one."""

from pathlib import Path
from typing import Any

import pytest

import kindling

pytestmark = pytest.mark.usefixtures("program")

SPACE = {"x": kindling.Float(0, 1)}


def objective(trial: kindling.Trial) -> dict[str, float]:
    x = trial.params["x"]
    trial.report({"accuracy": x}, step=0)
    trial.set_constraint("memory_gb", x - 0.75)
    return {"latency_ms": x * 10, "accuracy": x}


def _study(function: Any = objective, **options: Any) -> kindling.Study:
    several = {"directions": {"accuracy": "maximize", "latency_ms": "minimize"}, "constraints": ["memory_gb"]}
    return kindling.Study("mine", function, **{"trials": 8, "space": SPACE, "sampler": "random", **several, **options})


def test_a_study_of_two_objectives_has_a_front_of_feasible_trials(folder: Path) -> None:
    study = _study()
    assert study.best_trials == []
    study.enqueue({"x": 0.9})
    study.enqueue({"x": 0.5})
    study.run(workers=1, slots=1, progress=False)
    trials = study.trials
    assert [trial.values for trial in trials[:2]] == [[0.9, 9.0], [0.5, 5.0]]
    assert [round(trial.constraints[0], 9) for trial in trials[:2] if trial.constraints] == [0.15, -0.25]
    # More accuracy takes more time, so all that are feasible are on the front.
    feasible = sorted(trial.params["x"] for trial in trials if trial.params["x"] <= 0.75)
    assert [trial.params["x"] for trial in study.best_trials] == feasible[::-1]
    assert (study.metric_names, study.constraint_names) == (["accuracy", "latency_ms"], ["memory_gb"])
    assert study.directions == ["maximize", "minimize"]
    with pytest.raises(RuntimeError, match="read `best_trials`"):
        _ = study.best_trial


def test_a_data_frame_has_a_column_for_each_value(folder: Path) -> None:
    pytest.importorskip("pandas")
    study = _study(trials=2)
    study.run(workers=1, slots=1, progress=False)
    frame = study.to_pandas()
    assert list(frame["values_accuracy"]) == [trial.values[0] for trial in study.trials if trial.values]
    assert {"values_latency_ms", "constraints_memory_gb"} <= set(frame.columns)
    assert "value" not in frame.columns


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"directions": None}, "a study has a `direction`"),
        ({"direction": "maximize"}, "or `directions` by name"),
        ({"directions": {}}, "directions are a dict by name"),
        ({"directions": ["maximize"]}, "directions are a dict by name"),
        ({"directions": {"a": "up"}}, "the direction of 'a' is \"maximize\" or \"minimize\", not 'up'"),
        ({"constraints": "memory_gb"}, "constraints are a list of names"),
        ({"constraints": [3]}, "constraints are a list of names"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(kindling.KindlingError, match=said):
        _study(**options)
