"""How a worker gets at the objective: by its name if it can be imported, or else by value."""

import inspect
import pickle
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindling import _guard
from kindling._errors import KindlingError

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


class FunctionError(KindlingError):
    """The objective cannot be handed to a worker."""


@dataclass(frozen=True)
class Imported:
    """A worker imports it: from a module, or from a script's file."""

    name: str
    module: str | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Pickled:
    """A worker gets the function itself, written by cloudpickle."""

    data: bytes


def locate(function: Callable[..., Any]) -> Imported | Pickled:
    """How a worker gets at this function."""
    _check(function)
    name = _top_level_name(function)
    if name is None:
        return _pickled(function, "it is not a function at the top of a module")
    module = sys.modules[function.__module__]
    if module.__name__ == "__main__":
        return _of_script(function, module, name)
    if _worker_finds(module):
        return Imported(name, module=module.__name__)
    return _pickled(function, f"a worker cannot import the module `{module.__name__}`")


def by_value(function: Callable[..., Any]) -> Pickled:
    """The function itself, although it could be imported."""
    return _pickled(function, "this study began with a function from a notebook or the like")


def _of_script(function: Callable[..., Any], script: types.ModuleType, name: str) -> Imported | Pickled:
    """`__main__` in a worker is the worker, so the script is imported by its file or by its real name."""
    file = getattr(script, "__file__", None)
    code = getattr(inspect.unwrap(function), "__code__", None)
    if file is None or not Path(file).is_file() or (code is not None and not _same_file(code.co_filename, file)):
        return _pickled(function, "it is defined in a notebook or an interactive session")
    if not _guard.is_guarded(script):
        # Importing the script would run the study again, in each worker.
        return _pickled(
            function,
            f"{file} runs the study when it is imported",
            'or put `study.run()` below `if __name__ == "__main__":`, so that workers can import the script',
        )
    spec = getattr(script, "__spec__", None)
    if spec is not None:  # python -m package.module
        return Imported(name, module=spec.name)
    return Imported(name, file=Path(file).resolve())


def _check(function: Any) -> None:
    if not callable(function):
        raise FunctionError(f"the objective is a function that takes the trial, not {function!r}")
    if inspect.iscoroutinefunction(function):
        raise FunctionError(f"the objective `{_shown(function)}` is async\nhint: call `asyncio.run` within it")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(object())
    except TypeError as error:
        raise FunctionError(
            f"the objective `{_shown(function)}` is called with the trial alone, but takes {signature}: {error}\n"
            "hint: functools.partial fixes other arguments"
        ) from None


def _top_level_name(function: Any) -> str | None:
    """Its name, if that finds it in its module."""
    name, module = getattr(function, "__qualname__", None), sys.modules.get(getattr(function, "__module__", None) or "")
    if module is None or not isinstance(name, str) or not name.isidentifier():
        return None
    return name if getattr(module, name, None) is function else None


def _worker_finds(module: types.ModuleType) -> bool:
    """Whether an import in another process, with the same folders to look in, finds this very module."""
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = None
    package, _, _ = module.__name__.rpartition(".")
    if package:
        parent = sys.modules.get(package)
        if parent is None or not _worker_finds_package(parent):
            return False
        path = list(parent.__path__)
    origin = _origin(module.__name__, path)
    return origin is not None and _same_file(origin, file)


def _worker_finds_package(package: types.ModuleType) -> bool:
    # A package without `__init__.py` has folders, but no file.
    return hasattr(package, "__path__") and (getattr(package, "__file__", None) is None or _worker_finds(package))


def _origin(name: str, path: list[str] | None) -> str | None:
    """Where the import machinery would find it, without looking at what is already imported."""
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec: ModuleSpec | None = find(name, path) if find else None
        if spec is not None:
            return spec.origin
    return None


def _pickled(function: Callable[..., Any], why: str, otherwise: str = "or move it into a module") -> Pickled:
    try:
        # Needed here alone, and not by everybody.
        import cloudpickle  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise FunctionError(
            f"the objective `{_shown(function)}` must be handed to workers by value: {why}. This needs cloudpickle\n"
            f"hint: pip install cloudpickle; {otherwise}"
        ) from None
    # cloudpickle refers to a module by its name whenever it is imported here, even if nobody else can import it.
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    unfindable = module is not None and module.__name__ != "__main__" and not _worker_finds(module)
    try:
        if unfindable:
            cloudpickle.register_pickle_by_value(module)
        return Pickled(cloudpickle.dumps(function, protocol=pickle.DEFAULT_PROTOCOL))
    except Exception as error:
        raise FunctionError(
            f"the objective `{_shown(function)}` uses something that cannot be handed to another process: {error}\n"
            "hint: open files, connections, locks and devices within the function, not outside"
        ) from error
    finally:
        if unfindable:
            cloudpickle.unregister_pickle_by_value(module)


def _same_file(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False


def _shown(function: Any) -> str:
    return getattr(function, "__qualname__", None) or repr(function)
