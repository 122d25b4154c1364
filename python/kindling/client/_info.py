"""What a coordinator says about a study."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from google.protobuf import json_format

from kindling.client import _convert
from kindling.client._proto import study_pb2 as pb
from kindling.frozen import FrozenTrial, TrialState

_DIRECTIONS = {pb.DIRECTION_MAXIMIZE: "maximize", pb.DIRECTION_MINIMIZE: "minimize"}
_STATES = {pb.STUDY_STATE_ACTIVE: "ACTIVE", pb.STUDY_STATE_PAUSED: "PAUSED", pb.STUDY_STATE_STOPPED: "STOPPED"}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Trials that failed for the same reason."""

    reason: str
    trials: int
    newest: int


@dataclass(frozen=True, kw_only=True)
class StudyInfo:
    """A study as it was when it was read. It does not change with the study; read it again."""

    id: int
    name: str
    # "maximize" or "minimize", for each objective value.
    directions: tuple[str, ...]
    # What the objectives are called, in this order. Empty: there is one, without a name.
    metric_names: tuple[str, ...]
    # What the constraints are called, in the order of a trial's `constraints`.
    constraint_names: tuple[str, ...]
    # ACTIVE, PAUSED, STOPPED or FINISHED.
    state: str
    # The budget: how many trials are to finish.
    trials: int
    counts: dict[TrialState, int]
    # The best completed trial, without its intermediate values and attributes.
    best: FrozenTrial | None
    # Of several objectives: the trials that no other dominates, as `best`, and how many they are. At most 256 are here.
    front: tuple[FrozenTrial, ...]
    front_size: int
    # Why the study paused itself: its trials failed one after another.
    pause_reason: str | None
    # The most frequent reasons of failures.
    failures: tuple[Failure, ...]
    created: datetime
    trials_per_hour: float | None
    time_left: timedelta | None
    seed: int
    objective: str
    # What people wrote about it, in Markdown. In `client.studies()` and in `watch` at most its first 256 bytes.
    note: str
    # How often the note was changed.
    note_version: int
    tags: tuple[str, ...]
    # Whether it is left out of lists.
    archived: bool
    settings: dict[str, Any] = field(repr=False)
    sampler: dict[str, Any] = field(repr=False)
    pruner: dict[str, Any] = field(repr=False)
    # In the form of a study file.
    space: dict[str, dict[str, Any]] = field(repr=False)

    @property
    def finished(self) -> bool:
        """Whether all trials and confirmations have ended."""
        return self.state == "FINISHED"


def info(wire: pb.Study) -> StudyInfo:
    spec, counts = wire.spec, wire.counts
    return StudyInfo(
        id=wire.id,
        name=spec.name,
        directions=tuple(_DIRECTIONS.get(direction, "unknown") for direction in spec.directions),
        metric_names=tuple(spec.metric_names),
        constraint_names=tuple(spec.constraints),
        state="FINISHED" if wire.finished else _STATES.get(wire.state, "unknown"),
        trials=wire.budget,
        counts={
            TrialState.WAITING: counts.waiting,
            TrialState.RUNNING: counts.running,
            TrialState.COMPLETE: counts.complete,
            TrialState.PRUNED: counts.pruned,
            TrialState.FAIL: counts.fail,
        },
        best=_convert.trial(wire.best) if wire.HasField("best") else None,
        front=tuple(map(_convert.trial, wire.front)),
        front_size=wire.front_size,
        pause_reason=wire.pause_reason or None,
        failures=tuple(Failure(reason=f.reason, trials=f.trials, newest=f.newest) for f in wire.failures),
        created=_convert.time(wire.create_time),
        trials_per_hour=wire.trials_per_hour if wire.HasField("trials_per_hour") else None,
        time_left=_duration(wire) if wire.HasField("time_left") else None,
        seed=spec.seed,
        objective=spec.objective.kind,
        note=wire.note,
        note_version=wire.note_version,
        tags=tuple(wire.tags),
        archived=wire.archived,
        settings=json.loads(spec.objective.settings_json or "{}"),
        sampler=_options(json_format.MessageToDict(spec.sampler)),
        pruner=_options(json_format.MessageToDict(spec.pruner)),
        space={parameter.name: _parameter(parameter) for parameter in spec.space},
    )


def _duration(wire: pb.Study) -> timedelta | None:
    try:
        return timedelta(seconds=wire.time_left.seconds, microseconds=wire.time_left.nanos // 1000)
    except OverflowError:
        return None


def _options(found: Any) -> Any:
    """On the wire all numbers are floats. A whole one was an integer."""
    if isinstance(found, dict):
        return {key: _options(below) for key, below in found.items()}
    return int(found) if isinstance(found, float) and found.is_integer() else found


def _parameter(wire: pb.Parameter) -> dict[str, Any]:
    table: dict[str, Any]
    match wire.WhichOneof("distribution"):
        case "float":
            table = {"type": "float", "low": wire.float.low, "high": wire.float.high}
            if wire.float.log:
                table["log"] = True
            if wire.float.HasField("step"):
                table["step"] = wire.float.step
        case "int":
            table = {"type": "int", "low": wire.int.low, "high": wire.int.high}
            if wire.int.log:
                table["log"] = True
            if wire.int.step > 1:
                table["step"] = wire.int.step
        case "categorical":
            table = {"type": "categorical", "choices": [_convert.value(v) for v in wire.categorical.choices]}
        case other:
            table = {"type": other}
    if wire.when:
        table["when"] = {when.parent: _needs(when) for when in wire.when}
    return table


def _needs(wire: pb.Condition) -> Any:
    """Which values of its parent a parameter needs, as in a study file."""
    given = {key: getattr(wire, key) for key in ("at_least", "at_most") if wire.HasField(key)}
    return given or [_convert.value(v) for v in wire.any_of]
