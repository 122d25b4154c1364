"""How a script ends that does not catch `TrialPruned` or `TrialStopped`: without a traceback, and as it is meant.

An excepthook cannot choose the status, unless it raises `SystemExit`: then the interpreter ends in the usual way, with
`atexit` and all that.
"""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from kindling._errors import KindlingError, TrialStopped, is_pruned

if TYPE_CHECKING:
    from kindling.trial import Trial

# `EX_TEMPFAIL`: hand the trial back. The worker that stopped the trial knows better and does not look at it.
_STOPPED = 75

_trial: "Trial | None" = None
_previous = sys.excepthook


def install(trial: "Trial") -> None:
    """Called before each raise, too: somebody may have set a hook of his own in between. That one is still called."""
    global _trial, _previous  # noqa: PLW0603 - a process has one excepthook
    _trial = trial
    if sys.excepthook is not _hook:
        _previous, sys.excepthook = sys.excepthook, _hook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if is_pruned(error) and _trial is not None:
        try:
            _trial.prune()
        except (KindlingError, TrialStopped) as refused:
            print(f"kindling: {refused}", file=sys.stderr)
        print(f"kindling: {error or 'pruned'}", file=sys.stderr)
        raise SystemExit(0)
    if isinstance(error, TrialStopped):
        print(f"kindling: stopped: {error}", file=sys.stderr)
        raise SystemExit(_STOPPED)
    _previous(kind, error, trace)
