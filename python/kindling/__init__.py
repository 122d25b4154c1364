"""Kindling tunes the hyper-parameters of your own training code.

In a trial:

    import kindling

    trial = kindling.current_trial(defaults={"learning_rate": 1e-3})
    trial.report(accuracy, step=epoch)
    trial.complete(accuracy)

Nothing is imported until it is used: `import kindling` is in every trial's way.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kindling._errors import KindlingError, TrialPruned, TrialStopped
    from kindling.trial import Trial, current_trial

# Where each name is. A name is here, in the imports above and in `__all__`.
_HOMES = {
    "KindlingError": "_errors",
    "Trial": "trial",
    "TrialPruned": "_errors",
    "TrialStopped": "_errors",
    "current_trial": "trial",
}

__all__ = [
    "KindlingError",
    "Trial",
    "TrialPruned",
    "TrialStopped",
    "current_trial",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
