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
    from kindling._run import RunFailed
    from kindling.checkpoint import Checkpoint
    from kindling.client import Client, connect
    from kindling.frozen import FrozenTrial, TrialState
    from kindling.space import Categorical, Float, Int
    from kindling.stored import StoredStudy, load_study
    from kindling.study import Study
    from kindling.trial import Trial, current_trial

# Where each name is. A name is here, in the imports above and in `__all__`.
_HOMES = {
    "Categorical": "space",
    "Checkpoint": "checkpoint",
    "Client": "client",
    "Float": "space",
    "FrozenTrial": "frozen",
    "Int": "space",
    "KindlingError": "_errors",
    "RunFailed": "_run",
    "StoredStudy": "stored",
    "Study": "study",
    "Trial": "trial",
    "TrialPruned": "_errors",
    "TrialState": "frozen",
    "TrialStopped": "_errors",
    "connect": "client",
    "current_trial": "trial",
    "load_study": "stored",
}

__all__ = [
    "Categorical",
    "Checkpoint",
    "Client",
    "Float",
    "FrozenTrial",
    "Int",
    "KindlingError",
    "RunFailed",
    "StoredStudy",
    "Study",
    "Trial",
    "TrialPruned",
    "TrialState",
    "TrialStopped",
    "connect",
    "current_trial",
    "load_study",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
