"""A process that stays and runs one trial after another: `python -m kindling.serve train:objective`.

A worker starts it, one for each slot. It imports the function once, then asks for trials, calls the function with each,
and tells the worker how it ended. Status 78 says that this machine cannot run the function: it was not found, or its
module does not import. The last line of standard error then says why, with the hint, since that is the line which
the worker shows first. Without a worker it runs one trial alone, which is a way to try the function.
"""

import gc
import os
import sys
from typing import Any

from kindling import _fault, _hook, _load, _signals
from kindling._errors import KindlingError, TrialPruned, TrialStopped, in_one_line, is_pruned
from kindling._socket import Connection
from kindling.trial import Trial, current_trial, set_current

UNFIT = 78  # `EX_CONFIG`


def main() -> int:
    """Runs trials until no more come. Gives the exit status."""
    if len(sys.argv) != 2:  # noqa: PLR2004
        print("usage: python -m kindling.serve MODULE:FUNCTION | FILE.py:FUNCTION | pickle:FILE", file=sys.stderr)
        return UNFIT
    _prepare_streams()
    _signals.install()
    try:
        function = _load.load(sys.argv[1])
        return _serve(function)
    except _load.NotLoadedError as error:
        if error.trace:
            print(error.trace, file=sys.stderr)
        print(f"kindling: {in_one_line(str(error))}", file=sys.stderr)
        return UNFIT
    except TrialStopped:
        if not _signals.terminated():
            raise
        return _signals.TERMINATED
    except KeyboardInterrupt:
        if not _signals.interrupted():
            raise
        print("kindling: interrupted by SIGINT", file=sys.stderr)
        return _signals.INTERRUPTED


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
            print(f"kindling: {in_one_line(str(error))}", file=sys.stderr)
            return 1
        if facts is None:
            return 0
        _run(function, Trial(facts, connection, {}))
        if _signals.terminated():
            return _signals.TERMINATED


def _run(function: _load.Objective, trial: Trial) -> None:
    """One trial. Whatever the function does, the worker hears how it ended."""
    _tell_environment(trial)
    set_current(trial)
    _signals.forget_interrupts()
    us = os.getpid()
    try:
        result = _returned(function(trial), trial)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and _signals.interrupted():
            raise
        result = _raised(error, trial)
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


def _raised(error: BaseException, trial: Trial) -> dict[str, Any]:
    if is_pruned(error):
        return {"state": "pruned"}
    if isinstance(error, TrialStopped):
        if _signals.terminated() or _hook.was_stopped(trial, error):
            # The worker knows better why it stopped the trial, and does not look at this.
            return {"state": "hand_back", "reason": str(error) or "it raised TrialStopped"}
        head, trace = _fault.parts(error)
        return {"state": "fail", "reason": f"{head}\nhint: {_hook.NOT_STOPPED}\n{trace}"}
    return {"state": "fail", "reason": _fault.reason(error)}


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


if __name__ == "__main__":
    sys.exit(main())
