"""From the wire to Optuna's words, and back."""

import json
import operator
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from google.protobuf.struct_pb2 import NULL_VALUE
from google.protobuf.timestamp_pb2 import Timestamp

from kindling.client._errors import InvalidArgumentError
from kindling.client._proto import study_pb2 as pb
from kindling.frozen import FrozenTrial, TrialState

Value = str | int | float | bool | list[Any] | dict[str, Any]

# As they are in an answer.
_STATES = {
    pb.TRIAL_STATE_WAITING: TrialState.WAITING,
    pb.TRIAL_STATE_RUNNING: TrialState.RUNNING,
    pb.TRIAL_STATE_COMPLETE: TrialState.COMPLETE,
    pb.TRIAL_STATE_PRUNED: TrialState.PRUNED,
    pb.TRIAL_STATE_FAIL: TrialState.FAIL,
}
_WIRE_STATES = {state: wire for wire, state in _STATES.items()}
_LEAST, _MOST = -(2**63), 2**63 - 1


def trial(wire: pb.Trial) -> FrozenTrial:
    return FrozenTrial(
        number=wire.number,
        state=trial_state(wire.state),
        values=list(wire.values) or None,
        params=params(wire.params),
        user_attrs={name: _from_json(text) for name, text in sorted(wire.attributes_json.items())},
        intermediate_values={point.step: point.value for point in wire.intermediate_values},
        datetime_start=time(wire.start_time) if wire.HasField("start_time") else None,
        datetime_complete=time(wire.complete_time) if wire.HasField("complete_time") else None,
        fail_reason=wire.fail_reason or None,
        attempt=wire.attempt,
        worker=wire.worker or None,
        confirms=wire.confirms.of if wire.HasField("confirms") else None,
        constraints=list(wire.constraints) or None,
        note=wire.note,
        note_version=wire.note_version,
        tags=list(wire.tags),
    )


def trial_state(wire: pb.TrialState.ValueType) -> TrialState:
    try:
        return _STATES[wire]
    except KeyError:
        raise InvalidArgumentError(f"the coordinator knows a trial's state {wire}, and this client does not") from None


def state_to_wire(state: TrialState) -> pb.TrialState.ValueType:
    return _WIRE_STATES[TrialState(state)]


def params(wire: Iterable[pb.NamedValue]) -> dict[str, Any]:
    return {named.name: value(named.value) for named in wire}


def value(wire: pb.Value) -> Value | None:
    match wire.WhichOneof("kind"):
        case "float":
            return wire.float
        case "int":
            return wire.int
        case "bool":
            return wire.bool
        case "text":
            return wire.text
        case "json":
            return _from_json(wire.json)  # type: ignore[no-any-return]
        case _:
            return None


def value_to_wire(where: str, found: Any) -> pb.Value:
    found = plain(found)
    if isinstance(found, bool):
        return pb.Value(bool=found)
    if isinstance(found, int):
        if not _LEAST <= found <= _MOST:
            raise InvalidArgumentError(f"{where}: {found} does not fit into 64 bits")
        return pb.Value(int=found)
    if isinstance(found, float):
        return pb.Value(float=found)
    if isinstance(found, str):
        return pb.Value(text=text(where, found))
    if found is None:
        return pb.Value(none=NULL_VALUE)
    if isinstance(found, (list, tuple, Mapping)):
        return pb.Value(json=to_json(where, found))
    kinds = "a text, a number, True, False, None, or a list or dict of these"
    raise InvalidArgumentError(f"{where}: a value is {kinds}, not {found!r}")


def named_values(given: Mapping[str, Any]) -> list[pb.NamedValue]:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"the parameters are a dict by name, not {given!r}")
    return [pb.NamedValue(name=text("a name", name), value=value_to_wire(name, v)) for name, v in given.items()]


def text(where: str, found: Any) -> str:
    """A text that UTF-8 can write."""
    if not isinstance(found, str):
        raise InvalidArgumentError(f"{where}: expected a text, not {found!r}")
    try:
        found.encode()
    except UnicodeEncodeError:
        raise InvalidArgumentError(f"{where}: {found!r} cannot be written as UTF-8") from None
    return str(found)


def whole(where: str, number: Any, least: int, most: int) -> int:
    """A whole number, also one of NumPy's."""
    number = plain(number)
    try:
        index = None if isinstance(number, bool) else operator.index(number)
    except TypeError:
        index = None
    if index is None:
        raise InvalidArgumentError(f"{where}: expected a whole number, not {number!r}")
    if not least <= index <= most:
        raise InvalidArgumentError(f"{where}: expected {least} to {most}, not {index}")
    return index


def real(where: str, number: Any) -> float:
    """A number, also one of NumPy's or of PyTorch's."""
    number = plain(number)
    if isinstance(number, (str, bytes)):
        raise InvalidArgumentError(f"{where}: expected a number, not {number!r}")
    try:
        return float(number)
    except OverflowError:
        raise InvalidArgumentError(f"{where}: {number} is too large for a float") from None
    except (TypeError, ValueError):
        raise InvalidArgumentError(f"{where}: expected a number, not {number!r}") from None


def plain(found: Any) -> Any:
    """NumPy's scalars as Python's."""
    item = getattr(found, "item", None)
    if type(found).__module__ == "numpy" and callable(item) and getattr(found, "ndim", None) == 0:
        return item()
    return found


def to_json(where: str, found: Any) -> str:
    """JSON as the coordinator reads it, which has no NaN."""
    try:
        written = json.dumps(plain(found), ensure_ascii=False, allow_nan=False)
        written.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{where}: it cannot be written as JSON: {error}") from None
    return written


def time(wire: Timestamp) -> datetime:
    return datetime.fromtimestamp(wire.seconds, tz=timezone.utc).replace(microsecond=wire.nanos // 1000)


def _from_json(text: str) -> Any:
    """An attribute. Other programs may have written what is no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
