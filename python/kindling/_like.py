"""The parameters of a trial "like this one, but"."""

from collections.abc import Mapping
from typing import Any


def like(
    before: Mapping[str, Any], changes: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The parameters of a trial with some changed. `space` is in the form of a study file.

    What has no meaning any more, since its condition does not hold, is left out; what has one only now is left to the
    sampler. What is named by `changes` stays in any case: whether it fits, the coordinator says.
    """
    params = {**before, **changes}
    while True:
        # One that goes may take others with it.
        kept = {name: value for name, value in params.items() if name in changes or _has_meaning(name, params, space)}
        if len(kept) == len(params):
            return kept
        params = kept


def _has_meaning(name: str, params: Mapping[str, Any], space: Mapping[str, Mapping[str, Any]]) -> bool:
    conditions = space.get(name, {}).get("when", {})
    return all(parent in params and _holds(needs, params[parent]) for parent, needs in conditions.items())


def _holds(needs: Any, value: Any) -> bool:
    """Whether a parameter's value is one that another one needs: some values, or a range."""
    if isinstance(needs, Mapping):
        return bool(needs.get("at_least", value) <= value <= needs.get("at_most", value))
    some = needs if isinstance(needs, list) else [needs]
    # To Python, `True` is 1.
    return any(isinstance(one, bool) == isinstance(value, bool) and one == value for one in some)
