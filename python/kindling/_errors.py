"""What Kindling raises.

`TrialPruned` and `TrialStopped` are no `Exception`, as `KeyboardInterrupt` and asyncio's `CancelledError` are none: they
are no errors but the way out. Training code is full of `except Exception` (a broken batch, a logger that is away). One
that swallowed them would train on until it is killed, or return a made-up value for a trial that was pruned. `finally`
and `with` clean up as ever, and `except kindling.TrialPruned` catches it where you mean it.
"""


class KindlingError(Exception):
    """Kindling refused something, or cannot be reached. It says what was found, what was expected, and a hint."""


class TrialPruned(BaseException):
    """The pruner stops this trial. Raise it yourself to prune by your own judgement."""


class TrialStopped(BaseException):
    """The trial is over for another reason, which the text tells: stopped, lost, timed out, or the worker ends."""
