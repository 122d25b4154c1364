"""Finds the function that `kindling.serve` is to call, and says what is wrong before a trial is spent."""

import importlib
import importlib.util
import inspect
import os
import pickle
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from kindling import _fault, _signals
from kindling._errors import TrialStopped, nearest
from kindling.trial import Trial

Objective = Callable[[Trial], Any]


class NotLoadedError(Exception):
    """There is no such function. The text says why, in one line; the traceback shows where, if that is known."""

    def __init__(self, text: str, trace: str = "") -> None:
        super().__init__(text)
        self.trace = trace


def load(spec: str) -> Objective:
    """The function of `module:function`, `path/to/file.py:function` or `pickle:FILE`."""
    pickled = spec.startswith("pickle:")
    # A path may hold colons; a function's name does not.
    place, colon, name = spec.partition(":") if pickled else spec.rpartition(":")
    if not (place and colon and name):
        raise NotLoadedError(
            f"`{spec}` names no function; expected module:function, such as `train:objective` for train.py"
        )
    # What the module reads of the command line is not ours.
    sys.argv = [place]
    if pickled:
        function = _guarded(lambda: _unpickle(Path(name)), f"the file {name}")
        return _checked(function, f"the object in {name}")
    module = _load_file(Path(place)) if place.endswith(".py") else _import(place)
    return _checked(_attribute(module, name), spec)


def _import(name: str) -> ModuleType:
    # As `python script.py` does. `-m` puts it there, too, unless Python runs isolated.
    here = os.getcwd()  # noqa: PTH109
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)
    top = name.partition(".")[0]
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        found = None
    if found is None:
        scripts = [path.stem for path in Path(here).glob("*.py")][:1000]
        raise NotLoadedError(f"there is no module `{top}` in {here} or where Python looks; {nearest(top, scripts)}")
    module: ModuleType = _guarded(lambda: importlib.import_module(name), f"module `{name}`")
    return module


def _load_file(path: Path) -> ModuleType:
    path = path.resolve()
    if not path.is_file():
        scripts = [each.name for each in path.parent.glob("*.py")][:1000]
        raise NotLoadedError(f"there is no file {path}; {nearest(path.name, scripts)}")
    # Its neighbours are found, as `python script.py` finds them, and so is it itself by processes that it spawns.
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    name = path.stem if path.stem not in sys.modules else f"objective_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise NotLoadedError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader = spec.loader
    _guarded(lambda: loader.exec_module(module), str(path))
    return module


def _unpickle(path: Path) -> Any:
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - who names the function decides what runs


def _guarded(action: Callable[[], Any], what: str) -> Any:
    """Runs the user's code. All that it raises is his to read."""
    try:
        return action()
    except SystemExit as error:
        raise NotLoadedError(
            f"{what} called sys.exit({error.code!r}) while it was imported; "
            'put what a script does under `if __name__ == "__main__":`'
        ) from None
    except BaseException as error:
        if (isinstance(error, TrialStopped) and _signals.terminated()) or (
            isinstance(error, KeyboardInterrupt) and _signals.interrupted()
        ):
            raise
        head, trace = _fault.parts(error)
        # The error itself is in our own line, which comes right after it.
        trace = trace.removesuffix(traceback.format_exception_only(type(error), error)[-1].strip()).rstrip()
        raise NotLoadedError(f"{what} cannot be loaded: {head}{_hint(error)}", trace) from error


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"; {sys.executable} has no `{error.name}`; is this the right interpreter?"
    frames = traceback.extract_tb(error.__traceback__)
    if frames and "argv" in (frames[-1].line or ""):
        return (
            "; a worker imports it without the arguments of your command line; read them under "
            '`if __name__ == "__main__":`'
        )
    return ""


def _attribute(module: ModuleType, dotted: str) -> Any:
    found: Any = module
    for name in dotted.split("."):
        if not hasattr(found, name):
            functions = [each for each, value in vars(found).items() if callable(value) and not each.startswith("__")]
            where = getattr(found, "__name__", repr(found))
            what = "function" if isinstance(found, ModuleType) else "attribute"
            raise NotLoadedError(f"{where} has no {what} `{name}`; {nearest(name, functions)}")
        found = getattr(found, name)
    return found


def _checked(function: Any, what: str) -> Objective:
    if not callable(function):
        raise NotLoadedError(f"{what} is of type {type(function).__name__}; expected a function that takes the trial")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of something that is not written in Python
        return function  # type: ignore[no-any-return]
    try:
        signature.bind(object())
    except TypeError as error:
        raise NotLoadedError(f"{what}{signature} cannot be called with the trial alone: {error}") from None
    return function  # type: ignore[no-any-return]
