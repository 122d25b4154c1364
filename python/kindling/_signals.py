"""SIGTERM and SIGINT to the warm process, and whether they really came.

Their exceptions may have another origin: a function can raise `KeyboardInterrupt` by itself, or `TrialStopped` for a
trial that nobody stopped. That is a failure of its trial, and not the end of the process.
"""

import os
import signal
from types import FrameType

from kindling._errors import TrialStopped

TERMINATED = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT

_came: set[int] = set()


def install() -> None:
    """Called once, before anything of the user's runs."""
    signal.signal(signal.SIGTERM, _terminate)
    # Who started us may have it ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    os.register_at_fork(after_in_child=_in_child)


def terminated() -> bool:
    return signal.SIGTERM in _came


def interrupted() -> bool:
    return signal.SIGINT in _came


def forget_interrupts() -> None:
    """A function that went on after one has had its say: the next exception of that kind may be its own."""
    _came.discard(signal.SIGINT)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Once: what cleans up after the first one shall not be interrupted by the second."""
    if not terminated():
        _came.add(signal.SIGTERM)
        raise TrialStopped("SIGTERM")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    _came.add(signal.SIGINT)
    raise KeyboardInterrupt


def _in_child() -> None:
    """A process that the function forks ends by SIGTERM as any other, also while it computes."""
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
