"""How a script ends that does not catch `TrialPruned` or `TrialStopped`: without a traceback, and as it is meant.

An excepthook cannot choose the status, unless it raises `SystemExit`: then the interpreter ends in the usual way, with
`atexit` and all that.
"""

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from kindling._errors import KindlingError, TrialStopped, WorkerGone, in_one_line, is_pruned

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


def was_stopped(trial: "Trial | None", error: TrialStopped) -> bool:
    """Whether the worker did stop this trial. A `TrialStopped` may come from elsewhere.

    From the object of an earlier trial, or out of the user's own `raise`: to hand such a trial back would only run it
    again, for ever.
    """
    if isinstance(error, WorkerGone):
        return True
    if trial is None:
        return False
    if trial.reason:
        return True
    try:
        # Another process of this trial may have heard it, and not this one.
        return trial.verdict() == "stop"
    except WorkerGone:
        return True
    except (KindlingError, TrialStopped):
        return False


NOT_STOPPED = "the worker did not stop this trial, so it failed"


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if is_pruned(error) and _trial is not None:
        try:
            _trial.prune()
        except (KindlingError, TrialStopped) as refused:
            print(f"kindling: {refused}", file=sys.stderr)
        print(f"kindling: {error or 'pruned'}", file=sys.stderr)
        raise SystemExit(0)
    if isinstance(error, TrialStopped):
        if was_stopped(_trial, error):
            print(f"kindling: stopped: {error}", file=sys.stderr)
            raise SystemExit(_STOPPED)
        print(f"kindling: {NOT_STOPPED}", file=sys.stderr)
    if isinstance(error, KindlingError):
        # The last line says what is wrong, and not only the hint.
        error.args = (in_one_line(str(error)),)
    _previous(kind, error, trace)
