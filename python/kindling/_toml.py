"""Writes TOML, exactly: what a reader gets is what was given, to the last bit.

Python can read TOML but not write it. Study files need texts, numbers, truth values, lists and tables.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from kindling._errors import KindlingError

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
# TOML's integers are 64 bits wide.
_LEAST, _MOST = -(2**63), 2**63 - 1
_SURROGATES = range(0xD800, 0xE000)
_FOUR_DIGITS = 0xFFFF


class NotToml(KindlingError):
    """A value that a study file cannot hold."""


def dumps(document: Mapping[str, Any]) -> str:
    """The document as TOML. Tables get a `[header]`, tables within lists are written inline."""
    return "\n".join(_table((), document)) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any]) -> Iterator[str]:
    _check_keys(path, table)
    # A key below a header would belong to that header's table, so plain values come first.
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{_key(key)} = {_value((*path, key), value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            below = (*path, key)
            yield ""
            yield f"[{'.'.join(map(_key, below))}]"
            yield from _table(below, value)


def _value(path: tuple[str, ...], value: Any) -> str:
    # A subclass may print as anything (an enum, NumPy's float64): the plain type's own form is written.
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(path, value)
    if isinstance(value, int):
        number = int(value)
        if not _LEAST <= number <= _MOST:
            raise NotToml(f"{_shown(path)}: {number} does not fit into 64 bits\nhint: a text can hold it")
        return str(number)
    if isinstance(value, float):
        return _float(float(value))
    if isinstance(value, (list, tuple)):
        items = (_value((*path, str(place)), item) for place, item in enumerate(value))
        return f"[{', '.join(items)}]"
    if isinstance(value, Mapping):
        _check_keys(path, value)
        pairs = (f"{_key(key)} = {_value((*path, key), item)}" for key, item in value.items())
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    kind = "None" if value is None else type(value).__name__
    raise NotToml(f"{_shown(path)}: a study file cannot hold {kind}\nhint: text, numbers, True, False, lists and dicts")


def _float(number: float) -> str:
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf" if number > 0 else "-inf"
    # The shortest text that reads as this very number. Python writes 1e-05, which TOML takes, and never 1e16 without
    # an exponent's digits; but a float in TOML needs a point or an exponent, which `repr` always has.
    return repr(number)


def _text(path: tuple[str, ...], text: str) -> str:
    written = []
    for char in text:
        if char in _ESCAPES:
            written.append(_ESCAPES[char])
        elif ord(char) in _SURROGATES:
            raise NotToml(f"{_shown(path)}: {text!r} is no Unicode text\nhint: it holds half of a surrogate pair")
        elif char.isprintable() or char == " ":
            written.append(char)
        else:
            written.append(f"\\u{ord(char):04x}" if ord(char) <= _FOUR_DIGITS else f"\\U{ord(char):08x}")
    return f'"{"".join(written)}"'


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text((key,), key)


def _check_keys(path: tuple[str, ...], table: Mapping[Any, Any]) -> None:
    for key in table:
        if not isinstance(key, str):
            raise NotToml(f"{_shown(path)}: a name is a text, not {key!r}")


def _shown(path: tuple[str, ...]) -> str:
    return f"`{'.'.join(path)}`" if path else "the study file"
