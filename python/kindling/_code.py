"""Whether a function is still the one that it was: a hash of its code and of what it refers to.

A pickle would not do, as it differs from process to process. The hash covers the function's source, the plain values
that it uses (a global `EPOCHS = 20`, what a closure captured), and the functions beside it that it calls. It does not
see into other modules, nor into objects.
"""

import functools
import hashlib
import inspect
import types
from collections.abc import Callable, Iterator
from typing import Any

_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LONGEST = 64 * 1024


def code_hash(function: Callable[..., Any]) -> str:
    """A hash that stays the same as long as the code does."""
    digest = hashlib.sha256()
    for part in _parts(function, set()):
        digest.update(part.encode(errors="surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def _parts(of: Any, seen: set[int]) -> Iterator[str]:
    if id(of) in seen:
        return
    seen.add(id(of))
    if isinstance(of, functools.partial):
        yield "partial"
        yield from _parts(of.func, seen)
        for value in (*of.args, *of.keywords.items()):
            yield from _plain("argument", value)
        return
    if isinstance(of, types.MethodType):
        yield from _parts(of.__func__, seen)
        return
    if not isinstance(of, types.FunctionType):
        # An object with `__call__`, or a class.
        called = vars(type(of)).get("__call__")
        yield from _parts(called, seen) if isinstance(called, types.FunctionType) else ()
        yield type(of).__qualname__
        return
    yield _source(of)
    for value in of.__defaults__ or ():
        yield from _plain("default", value)
    for name, value in sorted(_used(_unwrapped(of)).items()):
        if isinstance(value, types.FunctionType) and value.__module__ == of.__module__:
            yield name
            yield from _parts(value, seen)
        else:
            yield from _plain(name, value)


def _used(function: types.FunctionType) -> dict[str, Any]:
    try:
        used = inspect.getclosurevars(function)
    except ValueError:
        # A closure over a name that has no value yet.
        return {}
    return {**used.globals, **used.nonlocals}


def _unwrapped(function: types.FunctionType) -> types.FunctionType:
    inner = inspect.unwrap(function)
    return inner if isinstance(inner, types.FunctionType) else function


def _source(function: types.FunctionType) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        code = function.__code__
        plain = [const for const in code.co_consts if isinstance(const, _PLAIN)]
        return f"{code.co_code.hex()} {plain!r} {code.co_names!r}"


def _plain(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, tuple):
        for item in value:
            yield from _plain(name, item)
    elif isinstance(value, _PLAIN):
        yield f"{name}={value!r:.{_LONGEST}}"
