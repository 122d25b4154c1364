"""The search space: what may be tried for each parameter."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kindling._errors import KindlingError

# A text, a number, True, False, None, or a list or dict of such. `1`, `1.0`, `True` and `"1"` are four choices.
Choice = str | int | float | bool | list[Any] | dict[str, Any] | None
# `{"optimizer": "sgd"}`, or `{"optimizer": ["adam", "adamw"]}` for any of these, or `{"layers": {"at_least": 2}}` for
# numbers in a range. A choice that is a list or a dict itself stands in a list. With several parents all must hold.
When = Mapping[str, Choice | Sequence[Choice]]

_LEAST, _MOST = -(2**63), 2**63 - 1
_MOST_PARAMS = 1000


class SpaceError(KindlingError, ValueError):
    """The search space makes no sense. The text says where, and what would."""


@dataclass(frozen=True)
class Float:
    """A real number from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: When | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for key in ("low", "high", "step"):
            number = getattr(self, key)
            if number is None and key == "step":
                continue
            object.__setattr__(self, key, _float(f"Float: {key}", number))
        _check_range("Float", self.low, self.high, log=self.log, step=self.step)
        if math.isinf(self.high - self.low):
            raise SpaceError(f"Float: the range from {self.low} to {self.high} is too wide to be a number")
        if self.log and self.low <= 0:
            raise SpaceError(f"Float: a log scale needs low > 0, not {self.low}")
        object.__setattr__(self, "when", _conditions("Float", self.when))

    def table(self) -> dict[str, Any]:
        return _ranged("float", self)


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False
    step: int | None = None
    when: When | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        for key in ("low", "high", "step"):
            number = getattr(self, key)
            if number is None and key == "step":
                continue
            object.__setattr__(self, key, _int(f"Int: {key}", number))
        _check_range("Int", self.low, self.high, log=self.log, step=None if self.step == 1 else self.step)
        if self.log and self.low < 1:
            raise SpaceError(f"Int: a log scale needs low ≥ 1, not {self.low}")
        if self.high - self.low > _MOST:
            raise SpaceError(f"Int: the range from {self.low} to {self.high} is wider than 2^63")
        object.__setattr__(self, "when", _conditions("Int", self.when))

    def table(self) -> dict[str, Any]:
        return _ranged("int", self)


@dataclass(frozen=True)
class Categorical:
    """One of several choices, without an order."""

    choices: Sequence[Choice] = field(hash=False)
    when: When | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        choices = _choices("Categorical", self.choices)
        for place, choice in enumerate(choices):
            if any(_same(other, choice) for other in choices[:place]):
                raise SpaceError(f"Categorical: {choice!r} stands there twice")
        object.__setattr__(self, "choices", choices)
        object.__setattr__(self, "when", _conditions("Categorical", self.when))

    def table(self) -> dict[str, Any]:
        return {"type": "categorical", "choices": list(self.choices), **_when(self.when)}


Distribution = Float | Int | Categorical


def tables(space: Mapping[str, Distribution]) -> dict[str, Any]:
    """The study file's `[space]`, checked as a whole."""
    if not isinstance(space, Mapping) or not space:
        raise SpaceError(f"the space is a dict with at least one parameter, not {space!r}\nhint: {_EXAMPLE}")
    if len(space) > _MOST_PARAMS:
        raise SpaceError(f"a space has at most {_MOST_PARAMS} parameters, not {len(space)}")
    for name, distribution in space.items():
        if not isinstance(name, str) or not name.strip():
            raise SpaceError(f"a parameter's name is a text that is not empty, not {name!r}")
        if not isinstance(distribution, Distribution):
            raise SpaceError(f"`{name}` is a Float, an Int or a Categorical, not {distribution!r}\nhint: {_EXAMPLE}")
    for name, distribution in space.items():
        for parent, needed in (distribution.when or {}).items():
            _check_parent(name, parent, needed, space)
    words = {name: _none_word(distribution) for name, distribution in space.items()}
    return {name: _spelled(distribution, words.get(name), words) for name, distribution in space.items()}


def _none_word(distribution: Distribution) -> str | None:
    """The word that stands for None in a study file, if there is one among the choices."""
    if not isinstance(distribution, Categorical):
        return None
    inside = [each for choice in distribution.choices for each in _parts(choice)]
    if all(each is not None for each in inside):
        return None
    word = "None"
    while word in inside:
        word += "_"
    return word


def _parts(choice: Choice) -> Iterable[Any]:
    if isinstance(choice, list):
        for item in choice:
            yield from _parts(item)
    elif isinstance(choice, dict):
        for item in choice.values():
            yield from _parts(item)
    else:
        yield choice


def _spelled(distribution: Distribution, word: str | None, words: Mapping[str, str | None]) -> dict[str, Any]:
    """As a study file has it, which has no None."""
    table = distribution.table()
    if word is not None:
        table["choices"] = [_with_word(choice, word) for choice in table["choices"]]
        table["none"] = word
    if "when" in table:
        table["when"] = {parent: _with_word(needed, words.get(parent)) for parent, needed in table["when"].items()}
    return table


def _with_word(found: Any, word: str | None) -> Any:
    if found is None:
        return word
    if isinstance(found, list):
        return [_with_word(item, word) for item in found]
    if isinstance(found, dict):
        return {key: _with_word(item, word) for key, item in found.items()}
    return found


_EXAMPLE = 'such as {"learning_rate": kindling.Float(1e-5, 1e-1, log=True)}'


def _check_parent(name: str, parent: str, needed: Any, space: Mapping[str, Distribution]) -> None:
    found = space.get(parent)
    if found is None:
        raise SpaceError(f"`{name}` depends on `{parent}`; there is no such parameter in this space")
    if isinstance(needed, dict):
        if isinstance(found, Categorical):
            raise SpaceError(
                f"`{name}` depends on a range of `{parent}`, which is a Categorical and has none\n"
                f'hint: a dict that is a choice stands in a list: {{"{parent}": [{needed!r}]}}'
            )
        low, high = needed.get("at_least", -math.inf), needed.get("at_most", math.inf)
        if low > found.high or high < found.low:
            raise SpaceError(f"`{name}` depends on a range of `{parent}` that it never is in: {needed!r}")
        return
    if isinstance(found, Float):
        hint = f'hint: a Float is in a range: {{"{parent}": {{"at_least": {found.low}}}}}'
        raise SpaceError(f"`{name}` depends on `{parent}` being {needed!r}, and that is a Float\n{hint}")
    for choice in _listed(needed):
        if isinstance(found, Int):
            if not (isinstance(choice, int) and not isinstance(choice, bool) and found.low <= choice <= found.high):
                raise SpaceError(
                    f"`{name}` depends on `{parent}` being {choice!r}, which it never is\n"
                    f"hint: it is a whole number from {found.low} to {found.high}"
                )
        elif not any(_same(known, choice) for known in found.choices):
            choices = ", ".join(map(repr, found.choices))
            raise SpaceError(
                f"`{name}` depends on `{parent}` being {choice!r}, which it never is\nhint: it is {choices}"
            )


def _ranged(kind: str, of: Float | Int) -> dict[str, Any]:
    table: dict[str, Any] = {"type": kind, "low": of.low, "high": of.high}
    if of.log:
        table["log"] = True
    elif of.step is not None:
        table["step"] = of.step
    return {**table, **_when(of.when)}


def _when(when: When | None) -> dict[str, Any]:
    return {"when": dict(when)} if when else {}


def _check_range(kind: str, low: float, high: float, *, log: bool, step: float | None) -> None:
    if not isinstance(log, bool):
        raise SpaceError(f"{kind}: log is True or False, not {log!r}")
    if low > high:
        raise SpaceError(f"{kind}: low = {low} is above high = {high}")
    if step is not None and step <= 0:
        raise SpaceError(f"{kind}: a step is above 0, not {step}")
    if step is not None and log:
        raise SpaceError(f"{kind}: a log scale takes no step")


def _float(what: str, number: Any) -> float:
    number = _plain(number)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise SpaceError(f"{what} is a number, not {number!r}")
    try:
        real = float(number)
    except OverflowError:
        raise SpaceError(f"{what} = {number} is too large") from None
    if not math.isfinite(real):
        raise SpaceError(f"{what} = {number} is not a finite number")
    return real


def _int(what: str, number: Any) -> int:
    number = _plain(number)
    if isinstance(number, bool) or not isinstance(number, int):
        hint = "\nhint: kindling.Float takes fractions" if isinstance(number, float) else ""
        raise SpaceError(f"{what} is a whole number, not {number!r}{hint}")
    if not _LEAST <= number <= _MOST:
        raise SpaceError(f"{what} = {number} does not fit into 64 bits")
    return int(number)


def _choices(what: str, choices: Any) -> tuple[Choice, ...]:
    if isinstance(choices, (str, bytes, Mapping)) or not isinstance(choices, Iterable):
        raise SpaceError(f"{what}: the choices are a list, not {choices!r}")
    checked = tuple(_choice(what, choice) for choice in choices)
    if not checked:
        raise SpaceError(f"{what}: at least one choice is needed")
    return checked


def _choice(what: str, choice: Any, *, inside: bool = False) -> Choice:
    choice = _plain(choice)
    if isinstance(choice, str):
        return str(choice)
    if isinstance(choice, bool):
        return choice
    if isinstance(choice, int):
        return _int(f"{what}: the choice", choice)
    if isinstance(choice, float):
        real = _float(f"{what}: the choice", choice)
        # Inside of a list or dict the sign of a zero would be lost in a store.
        return real + 0.0 if inside else real
    if choice is None:
        return None
    if isinstance(choice, (list, tuple)):
        return [_choice(what, item, inside=True) for item in choice]
    if isinstance(choice, Mapping) and all(isinstance(key, str) for key in choice):
        return {str(key): _choice(what, item, inside=True) for key, item in choice.items()}
    hint = 'name it by a text, such as "relu", and look it up in the objective: {"relu": torch.relu}[…]'
    kinds = "a text, a number, True, False, None, or a list or dict of these"
    raise SpaceError(f"{what}: a choice is {kinds}, not {choice!r}\nhint: {hint}")


def _same(a: Choice, b: Choice) -> bool:
    """Whether they are one choice: of the same kind, and equal there."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def _range(where: str, given: Mapping[Any, Any]) -> dict[str, float]:
    unknown = [key for key in given if key not in ("at_least", "at_most")]
    if unknown or not given:
        hint = 'a range is {"at_least": 2}, {"at_most": 8} or both; a dict that is a choice stands in a list: [{…}]'
        raise SpaceError(f"{where}: what is {dict(given)!r}?\nhint: {hint}")
    checked = {str(key): _bound(f"{where}: {key}", bound) for key, bound in given.items()}
    if checked.get("at_least", -math.inf) > checked.get("at_most", math.inf):
        raise SpaceError(f"{where}: at_least = {checked['at_least']} is above at_most = {checked['at_most']}")
    return checked


def _bound(what: str, bound: Any) -> float:
    bound = _plain(bound)
    real = _float(what, bound)
    if real != bound:
        raise SpaceError(f"{what} = {bound} is beyond 2^53, where bounds are not exact")
    return bound if isinstance(bound, int) else real


def _conditions(what: str, when: Any) -> dict[str, Any] | None:
    if when is None:
        return None
    if not isinstance(when, Mapping) or not all(isinstance(parent, str) for parent in when):
        raise SpaceError(f'{what}: when is a dict such as {{"optimizer": "sgd"}}, not {when!r}')
    checked: dict[str, Any] = {}
    for parent, any_of in when.items():
        where = f"{what}: when `{parent}`"
        if isinstance(any_of, Mapping):
            checked[parent] = _range(where, any_of)
            continue
        many = isinstance(any_of, Iterable) and not isinstance(any_of, (str, bytes, Mapping))
        checked[parent] = list(_choices(where, any_of)) if many else _choice(where, any_of)
    return checked


def _listed(any_of: Any) -> Sequence[Choice]:
    return any_of if isinstance(any_of, list) else [any_of]


def _plain(value: Any) -> Any:
    """NumPy's scalars as Python's: spaces are often made of `np.linspace` or `np.arange`."""
    item = getattr(value, "item", None)
    if type(value).__module__ == "numpy" and callable(item) and getattr(value, "ndim", None) == 0:
        return item()
    return value
