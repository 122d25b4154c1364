"""Trials as they are recorded."""

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from kindling import FrozenTrial, TrialState
from kindling.frozen import from_json

# As `kindling trial show --json` prints it (report/src/plain/json.rs).
DOCUMENT: dict[str, Any] = {
    "number": 3,
    "state": "COMPLETE",
    "params": {"lr": 0.01, "optimizer": "adam"},
    "values": [0.93],
    "intermediate_values": [{"step": 0, "value": 0.5}, {"step": 4, "value": 1}],
    "attributes": {"test_accuracy": 0.97},
    "left_out": [],
    "fail_reason": None,
    "attempt": 2,
    "worker": "host-1",
    "retry_of": None,
    "confirms": {"of": 1, "seed": 7},
    "start": "2026-11-29T09:13:00.123456789Z",
    "complete": "2026-11-29T09:14:00Z",
}


def test_a_trial_is_read_with_all_that_is_known() -> None:
    trial = from_json(DOCUMENT)
    assert trial == FrozenTrial(
        number=3,
        state=TrialState.COMPLETE,
        values=[0.93],
        params={"lr": 0.01, "optimizer": "adam"},
        user_attrs={"test_accuracy": 0.97},
        intermediate_values={0: 0.5, 4: 1.0},
        datetime_start=datetime(2026, 11, 29, 9, 13, 0, 123456, tzinfo=timezone.utc),
        datetime_complete=datetime(2026, 11, 29, 9, 14, tzinfo=timezone.utc),
        attempt=2,
        worker="host-1",
        confirms=1,
    )
    assert (trial.value, trial.last_step) == (0.93, 4)
    assert trial.duration == timedelta(seconds=60) - timedelta(microseconds=123456)


def test_a_trial_that_waits_has_nothing_yet() -> None:
    nothing = {"values": [], "intermediate_values": [], "start": None, "complete": None, "confirms": None, "worker": ""}
    trial = from_json({**DOCUMENT, **nothing, "state": "WAITING"})
    assert (trial.value, trial.values, trial.duration, trial.last_step, trial.worker) == (None,) * 5
    assert not trial.state.is_finished()


def test_the_value_of_several_objectives_is_not_one_of_them() -> None:
    trial = from_json({**DOCUMENT, "values": [1.0, 2.0]})
    assert trial.values == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="several objectives"):
        _ = trial.value


def test_the_program_knows_the_same_keys() -> None:
    """What is read here is what report/src/plain/json.rs writes."""
    text = (Path(__file__).parents[3] / "report" / "src" / "plain" / "json.rs").read_text()
    body = text.split("pub fn trial(")[1].split("pub fn worker(")[0]
    assert set(DOCUMENT) - {"of", "seed"} <= set(re.findall(r'"(\w+)": ', body))
