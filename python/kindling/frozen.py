"""A trial as it is recorded, in Optuna's words."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any


class TrialState(enum.IntEnum):
    """How far a trial is. The numbers are Optuna's."""

    RUNNING = 0
    COMPLETE = 1
    PRUNED = 2
    FAIL = 3
    WAITING = 4

    def is_finished(self) -> bool:
        return self not in (TrialState.RUNNING, TrialState.WAITING)


@dataclass(frozen=True, kw_only=True)
class FrozenTrial:
    """A trial as it was when it was read. It does not change with the study; read it again.

    Times are in UTC. `params` has the parameters that are active in this trial.
    """

    number: int
    state: TrialState
    values: list[float] | None = None
    params: dict[str, Any] = field(default_factory=dict)
    user_attrs: dict[str, Any] = field(default_factory=dict)
    intermediate_values: dict[int, float] = field(default_factory=dict)
    datetime_start: datetime | None = None
    datetime_complete: datetime | None = None
    fail_reason: str | None = None
    attempt: int = 0
    worker: str | None = None
    # For a trial that confirms another one under a fresh seed: that one's number.
    confirms: int | None = None
    # What it found for the study's constraints, in their order: feasible at or below 0. None if it did not say.
    constraints: list[float] | None = None
    # What people wrote about it, in Markdown. Lists of a coordinator's trials have at most its first 256 bytes.
    note: str = ""
    # How often the note was changed.
    note_version: int = 0
    tags: list[str] = field(default_factory=list)

    @property
    def value(self) -> float | None:
        """The objective value; None for a trial that has none."""
        if not self.values:
            return None
        if len(self.values) > 1:
            raise RuntimeError("this study has several objectives: read `values`")
        return self.values[0]

    @property
    def duration(self) -> timedelta | None:
        """From start to end; None before it has ended."""
        if self.datetime_start is None or self.datetime_complete is None:
            return None
        return self.datetime_complete - self.datetime_start

    @property
    def last_step(self) -> int | None:
        return max(self.intermediate_values, default=None)


def from_json(document: Mapping[str, Any]) -> FrozenTrial:
    """The trial in what `kindling trial show --json` prints."""
    confirms = document.get("confirms")
    return FrozenTrial(
        number=document["number"],
        state=TrialState[document["state"]],
        values=_numbers(document["values"]),
        params=dict(document["params"]),
        user_attrs=dict(document["attributes"]),
        intermediate_values={point["step"]: float(point["value"]) for point in document["intermediate_values"]},
        datetime_start=_time(document["start"]),
        datetime_complete=_time(document["complete"]),
        fail_reason=document["fail_reason"],
        attempt=document["attempt"],
        worker=document["worker"] or None,
        confirms=None if confirms is None else confirms["of"],
        constraints=_numbers(document.get("constraints")),
        # A program of before notes has none of these.
        note=document.get("note") or "",
        note_version=document.get("note_version") or 0,
        tags=list(document.get("tags") or ()),
    )


def _numbers(found: Any) -> list[float] | None:
    """In the study's order. By name they are in that order, too."""
    found = list(found.values()) if isinstance(found, Mapping) else found
    return [float(number) for number in found] if found else None


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    # Python 3.10 knows neither `Z` nor more than six digits of a second.
    text, _, fraction = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{text}.{fraction[:6]:0<6}+00:00")
