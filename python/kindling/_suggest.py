"""`suggest_…`: the value is the study's, and what stands in the code is what it must lie in."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from kindling._errors import KindlingError, nearest


def given(name: str, params: Mapping[str, Any]) -> Any:
    """The value of that parameter."""
    if name in params:
        return params[name]
    raise KindlingError(
        f"this trial has no parameter `{name}`: it is not in the study's space, or not active beside the others\n"
        f"hint: {nearest(name, params)}"
    )


def check_float(name: str, value: Any, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise _outside(name, value, f"a number from {low} to {high}")
    return float(value)


def check_int(name: str, value: Any, low: int, high: int) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not low <= value <= high
        or value != int(value)
    ):
        raise _outside(name, value, f"a whole number from {low} to {high}")
    return int(value)


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    for choice in choices:
        # 1, 1.0 and True are equal in Python, and different choices.
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return choice
    raise _outside(name, value, f"one of {', '.join(map(repr, choices))}")


def middle_float(low: float, high: float, step: float | None, *, log: bool) -> float:
    if log:
        return min(max(math.sqrt(low) * math.sqrt(high), low), high)
    if step is not None:
        return low + step * (int((high - low) / step) // 2)
    return low / 2 + high / 2


def middle_int(low: int, high: int, step: int, *, log: bool) -> int:
    if log:
        return min(max(round(math.sqrt(low) * math.sqrt(high)), low), high)
    return low + step * ((high - low) // step // 2)


def check_range(name: str, low: float, high: float, *, log: bool) -> None:
    """What no trial can satisfy is an error of the code, and the same alone and in a worker."""
    if not low <= high:
        raise KindlingError(f"parameter `{name}` is asked from {low} to {high}; expected low <= high")
    if log and low <= 0:
        raise KindlingError(f"parameter `{name}` is asked from {low} with log=True; expected low above 0")


def _outside(name: str, value: Any, expected: str) -> KindlingError:
    return KindlingError(
        f"parameter `{name}` is {value!r}; this code expects {expected}\nhint: the study's space and the code disagree"
    )
