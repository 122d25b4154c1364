"""A process that stays and runs one trial after another: `python -m kindling.serve train:objective`.

A worker starts it, one for each slot. It imports the function once, then asks for trials, calls the function with each,
and tells the worker how it ended. Status 78 says that this machine cannot run the function: it was not found, or its
module does not import. Without a worker it runs one trial alone, which is a way to try the function.
"""

import gc
import os
import signal
import sys
from types import FrameType
from typing import Any

from kindling import _fault, _load
from kindling._errors import KindlingError, TrialPruned, TrialStopped, is_pruned
from kindling._socket import Connection
from kindling.trial import Trial, current_trial, set_current

UNFIT = 78  # `EX_CONFIG`
TERMINATED = 128 + signal.SIGTERM
INTERRUPTED = 128 + signal.SIGINT


def main() -> int:
    """Runs trials until no more come. Gives the exit status."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        print("usage: python -m kindling.serve MODULE:FUNCTION | FILE.py:FUNCTION | pickle:FILE", file=sys.stderr)
        return UNFIT
    _prepare_streams()
    signal.signal(signal.SIGTERM, _terminate)
    os.register_at_fork(after_in_child=_in_child)
    try:
        function = _load.load(sys.argv[1])
        return _serve(function)
    except _load.NotLoadedError as error:
        print(f"kindling: {error}", file=sys.stderr)
        return UNFIT
    except TrialStopped:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED


def _serve(function: _load.Objective) -> int:
    path = os.environ.get("KINDLING_SOCKET")
    if not path:
        return _run_alone(function)
    connection = Connection(path)
    while True:
        try:
            facts = connection.next()
        except OSError as error:
            print(f"kindling: the worker is gone: {error}", file=sys.stderr)
            return 1
        except KindlingError as error:
            print(f"kindling: {error}", file=sys.stderr)
            return 1
        if facts is None:
            return 0
        _run(function, Trial(facts, connection, {}))
        if _terminated:
            return TERMINATED


def _run(function: _load.Objective, trial: Trial) -> None:
    """One trial. Whatever the function does, the worker hears how it ended."""
    _tell_environment(trial)
    set_current(trial)
    us = os.getpid()
    try:
        result = _returned(function(trial), trial)
    except KeyboardInterrupt:
        raise
    except TrialStopped as error:
        # The worker knows better why it stopped the trial, and does not look at this.
        result = {"state": "hand_back", "reason": str(error) or "it raised TrialStopped"}
    except BaseException as error:  # noqa: BLE001
        result = {"state": "pruned"} if is_pruned(error) else {"state": "fail", "reason": _fault.reason(error)}
    set_current(None)
    for stream in (sys.stdout, sys.stderr):
        _flush(stream)
    if os.getpid() != us:
        # A child that the function forked came back out of it. It is not the one that was asked.
        os._exit(1 if result["state"] == "fail" else 0)
    _say(trial, result)
    if result["state"] == "fail":
        # What a failed trial held (memory of the GPU, above all) hangs on the frames of its traceback.
        gc.collect()


def _returned(value: Any, trial: Trial) -> dict[str, Any]:
    if value is None and trial.ended:
        return {"state": "given"}
    return {"state": "complete", "values": _fault.returned(value)}


def _say(trial: Trial, result: dict[str, Any]) -> None:
    if result["state"] == "given":
        return
    try:
        try:
            trial.give(result)
        except KindlingError as refused:
            if trial.ended:
                print(f"kindling: trial {trial.number} had given its result: {refused}", file=sys.stderr)
                return
            trial.fail(f"KindlingError: {refused}")
    except (KindlingError, TrialStopped) as error:
        # The trial is over for the worker. The next one is not.
        print(f"kindling: trial {trial.number}: {error}", file=sys.stderr)


def _run_alone(function: _load.Objective) -> int:
    """As a script would: its exceptions are its own."""
    trial = current_trial()
    try:
        result = _returned(function(trial), trial)
    except TrialPruned as error:
        print(f"kindling: {error or 'pruned'}", file=sys.stderr)
        return 0
    if result["state"] == "complete":
        trial.complete(result["values"])
    return 0


def _tell_environment(trial: Trial) -> None:
    """As a command has it, for code that reads it there and for what the function starts."""
    os.environ["KINDLING_STUDY"] = trial.study
    os.environ["KINDLING_TRIAL"] = str(trial.number)
    os.environ["KINDLING_ATTEMPT"] = str(trial.attempt)
    os.environ["KINDLING_SEED"] = str(trial.seed)
    os.environ["KINDLING_STUDY_SEED"] = str(trial.study_seed)


def _prepare_streams() -> None:
    """What is printed is seen at once, line by line, whatever is in it. Nothing waits for input."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    if nothing != 0:
        os.dup2(nothing, 0)
        os.close(nothing)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")


def _flush(stream: Any) -> None:
    """The function may have closed or replaced it."""
    try:
        stream.flush()
    except (OSError, ValueError, AttributeError):
        return


_terminated = False


def _terminate(_number: int, _frame: FrameType | None) -> None:
    """Once: what cleans up after the first one shall not be interrupted by the second."""
    global _terminated  # noqa: PLW0603 - a signal's handler has nowhere else to note it
    if not _terminated:
        _terminated = True
        raise TrialStopped("SIGTERM")


def _in_child() -> None:
    """A process that the function forks ends by SIGTERM as any other, also while it computes."""
    if signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
