"""What Kindling raises.

`TrialPruned` and `TrialStopped` are no `Exception`, as `KeyboardInterrupt` and asyncio's `CancelledError` are none:
they are no errors but the way out. Training code is full of `except Exception` (a broken batch, a logger that is away).
One that swallowed them would train on until it is killed, or return a made-up value for a trial that was pruned.
`finally` and `with` clean up as ever, and `except kindling.TrialPruned` catches it where you mean it.
"""

from collections.abc import Iterable


class KindlingError(Exception):
    """Kindling refused something, or cannot be reached. It says what was found, what was expected, and a hint."""

    # As users know it. It stands before the message of each traceback.
    __module__ = "kindling"


class TrialPruned(BaseException):
    """The pruner stops this trial. Raise it yourself to prune by your own judgement."""

    __module__ = "kindling"


class TrialStopped(BaseException):
    """The trial is over for another reason, which the text tells: stopped, lost, timed out, or the worker ends."""

    __module__ = "kindling"


class WorkerGone(TrialStopped):
    """Nobody is left who could stop this trial, or go on with it here."""

    __module__ = "kindling"


def in_one_line(text: str) -> str:
    """An error with its hint. Where one line is shown of what a process wrote, it is the last one."""
    return " ".join(text.replace("\nhint: ", "; ").split())


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint with the name that was probably meant, or with all that there are."""
    from difflib import get_close_matches  # slow to import, and only errors need it

    names = sorted(known)
    if near := get_close_matches(word, names, 1):
        return f"did you mean `{near[0]}`?"
    return f"there are {', '.join(names[:20])}" if names else "there are none"


def is_pruned(error: BaseException) -> bool:
    """Ours, or Optuna's: an objective that was written for Optuna raises that one."""
    return isinstance(error, TrialPruned) or any(
        kind.__name__ == "TrialPruned" and kind.__module__.partition(".")[0] == "optuna" for kind in type(error).__mro__
    )
