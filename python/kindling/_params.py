"""A trial's parameters by name: a dict that says what was probably meant, and the defaults of a script."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NoReturn

from kindling._errors import KindlingError, nearest

# So many are named in an error.
_SHOWN = 20


class Params(dict[str, Any]):
    """A dict. One that has not the name says which it has."""

    def __missing__(self, name: object) -> NoReturn:
        near = nearest(name, self) if isinstance(name, str) and self else ""
        hint = f"{near} " if near.startswith("did you mean") else ""
        raise KeyError(f"no parameter `{name}`; {hint}this trial has {_listed(self)}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Without this class: who loads a checkpoint with parameters may not have it, or not allow it (PyTorch)."""
        return OrderedDict, (), None, None, iter(self.items())


def check_defaults(params: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """A parameter that the script calls otherwise would be tuned in vain: every trial would train with the default.

    A warning would stand in the worker's log, where nobody looks. Who gives no defaults is not checked.
    """
    for name in params if defaults else ():
        if name not in defaults:
            near = nearest(name, defaults)
            hint = (
                near if near.startswith("did you mean") else f"add a default for `{name}`, or take it out of the space"
            )
            raise KindlingError(
                f"the study has `{name}`, which is not among the defaults: {_listed(defaults)}\nhint: {hint}"
            )


def _listed(names: Mapping[str, Any]) -> str:
    shown = [f"`{name}`" for name in list(names)[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"and {len(names) - _SHOWN} more")
    return ", ".join(shown) or "none"
