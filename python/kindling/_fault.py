"""Why a function failed, as its user reads it: what was wrong first, then his own frames, and never without end."""

import importlib
import os
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from kindling import _json
from kindling._errors import KindlingError

# In characters. What a worker keeps of a reason is less or about as much.
MAX_HEAD = 1000
MAX_TRACE = 6000
# Of each exception in a chain.
MAX_FRAMES = 30

_OURS = f"{Path(__file__).parent}{os.sep}"


def reason(error: BaseException) -> str:
    """`Type: message`, then the traceback without our frames."""
    if isinstance(error, SystemExit):
        return (
            f"SystemExit: the function called sys.exit({error.code!r})\nhint: return the value, or raise an exception"
        )
    head, trace = parts(error)
    return f"{head}\n{trace}" if trace else head


def parts(error: BaseException) -> tuple[str, str]:
    """`Type: message`, and the traceback without our frames."""
    try:
        head = "".join(traceback.format_exception_only(type(error), error)).strip()
        trace = _trace(error)
        if isinstance(error, SyntaxError):
            # It begins with the lines of the source.
            head, trace = f"{type(error).__name__}: {error}", trace or head
    except BaseException as again:  # noqa: BLE001 - out of memory, or an exception that cannot be shown
        return f"{type(error).__name__}: (its text cannot be shown: {type(again).__name__})", ""
    return _utf8(_cut(head, MAX_HEAD)), _utf8(_cut(trace, MAX_TRACE))


def returned(value: Any) -> list[float] | dict[str, float]:
    """The values that a function returned."""
    if value is None:
        raise KindlingError("the function returned None\nhint: return the value, such as `return accuracy`")
    try:
        return _json.result(value, "the returned value")
    except KindlingError as error:
        hint = "return a number; with several objectives a dict by name, or a sequence in the study's order"
        raise KindlingError(f"{error}\nhint: {hint}") from None


def _trace(error: BaseException) -> str:
    """The user's frames, of all exceptions in the chain."""
    shown = traceback.TracebackException(type(error), error, _users(error.__traceback__), limit=-MAX_FRAMES)
    stacks = [shown]
    seen = {id(shown)}
    while stacks:
        one = stacks.pop()
        one.stack = traceback.StackSummary.from_list([frame for frame in one.stack if not _ours(frame.filename)])
        for other in (one.__cause__, one.__context__):
            if other is not None and id(other) not in seen:
                seen.add(id(other))
                stacks.append(other)
    hides = shown.__cause__ is None and (shown.__context__ is None or shown.__suppress_context__)
    if not shown.stack and hides:
        return ""
    return "".join(shown.format()).strip()


def _users(trace: TracebackType | None) -> TracebackType | None:
    """Without the frames that called the function."""
    while trace is not None and _ours(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return trace


def _ours(file: str) -> bool:
    """Whether its user did not write it: ours, or what Python imports with."""
    return file.startswith((_OURS, "<frozen importlib.")) or file == importlib.__file__


def _utf8(text: str) -> str:
    """A path or a message may hold bytes that are none."""
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str, most: int) -> str:
    """The beginning and the end: a traceback says at its end what happened."""
    if len(text) <= most:
        return text
    return f"{text[: most // 3]}\n  …\n{text[-(most - most // 3) :]}"
