"""JSON as the trial's socket wants it, and numbers as numpy, torch and others have them."""

import json
import math
from collections.abc import Mapping
from typing import Any

from kindling._errors import KindlingError


def write(request: dict[str, Any]) -> str:
    """One line without its end. Numbers that JSON cannot write become the texts `nan`, `inf` and `-inf`."""
    try:
        try:
            return json.dumps(request, allow_nan=False, default=_plain)
        except ValueError:
            return json.dumps(_worded(request), allow_nan=False, default=lambda value: _worded(_plain(value)))
    except (TypeError, ValueError, RecursionError) as error:
        raise KindlingError(f"this cannot be written as JSON: {error}") from None


def read(line: bytes | bytearray) -> dict[str, Any]:
    """An answer."""
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise KindlingError(f"the worker's answer is no JSON: {error}") from None
    if not isinstance(answer, dict):
        raise KindlingError(f"the worker's answer is no JSON object but {line[:80]!r}")
    return answer


def number(value: Any, what: str) -> float:
    """A number, also one of numpy or a tensor that holds one."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        shown = f"{value!r}"
        raise KindlingError(f"{what} is {shown[:80]}, of type {type(value).__name__}; expected a number")
    try:
        return float(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise KindlingError(f"{what} is no number: {error}") from None


def whole(value: Any, what: str) -> int:
    """A whole number from 0."""
    if isinstance(value, int) and value >= 0:
        return int(value)
    found = number(value, what)
    if found < 0 or not found.is_integer():
        raise KindlingError(f"{what} is {value!r}; expected a whole number from 0\nhint: it is report(value, step)")
    return int(found)


def numbers(value: Any, what: str) -> list[float]:
    """One number, or a sequence of several."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        if not value:
            raise KindlingError(f"{what} is empty; expected a number for each objective of the study")
        return [number(one, what) for one in value]
    return [number(value, what)]


def metrics(values: Mapping[Any, Any]) -> dict[str, float]:
    """Several metrics by their names."""
    if not values:
        raise KindlingError("the report has no metrics; expected some, such as {'loss': 0.2, 'accuracy': 0.91}")
    for name in values:
        if not isinstance(name, str) or not name:
            raise KindlingError(f"the name of a reported metric is {name!r}; expected a text")
    return {str(name): number(value, f"the reported `{name}`") for name, value in values.items()}


def result(value: Any, what: str) -> list[float] | dict[str, float]:
    """A trial's result: a number, a sequence of several in the study's order, or a dict of them by name."""
    if not isinstance(value, Mapping):
        return numbers(value, what)
    if not value:
        raise KindlingError(f"{what} is empty; expected a number for each objective of the study")
    return {str(name): number(one, f"`{name}` of {what}") for name, one in value.items()}


def shown(values: list[float] | dict[str, float]) -> str:
    """A result as a person reads it."""
    if isinstance(values, dict):
        return " ".join(f"{name}={one:.6g}" for name, one in values.items())
    return ", ".join(f"{one:.6g}" for one in values)


def _plain(value: Any) -> Any:
    """What `json` does not know: arrays, tensors and their scalars."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{value!r:.80} is of type {type(value).__name__}")


def _worded(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, dict):
        return {_key(name): _worded(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_worded(one) for one in value]
    return value


def _key(name: Any) -> Any:
    return str(name) if isinstance(name, float) else name
