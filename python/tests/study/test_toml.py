"""What the writer of TOML writes is what a reader reads."""

import enum
import math
import random
import struct
import sys

import pytest

from kindling import _toml

tomllib = pytest.importorskip("tomllib")

NASTY = [
    "",
    '"',
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\x7f",
    "\x1b[2J",
    "'''",
    '"""',
    "$(touch x)",
    "--x",
    " a ",
    "é",
    "研究",
]
NASTY += ["🔥", "\u2028", "\ufeff", "\u202e", "a=b", "[x]", "#", ".", "a.b", "true", "1", "nan", "\ufffe", "\U0010ffff"]


def _text(chance: random.Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(NASTY)
    codes = (chance.choice([chance.randrange(0x250), chance.randrange(0x110000)]) for _ in range(chance.randrange(12)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code <= 0xDFFF)


def _float(chance: random.Random) -> float:
    number = struct.unpack("<d", chance.randbytes(8))[0]
    return chance.choice(
        [number, 0.0, -0.0, 1e16, 1e-5, 5e-324, sys.float_info.max, math.inf, float(chance.randrange(99))]
    )


def _value(chance: random.Random, depth: int) -> object:
    kind = chance.randrange(6 if depth else 4)
    if kind == 0:
        return _text(chance)
    if kind == 1:
        return chance.choice([-(2**63), 2**63 - 1, 0, chance.randrange(-(2**63), 2**63)])
    if kind == 2:
        return _float(chance)
    if kind == 3:
        return chance.random() < 0.5
    if kind == 4:
        return [_value(chance, depth - 1) for _ in range(chance.randrange(4))]
    return {_text(chance): _value(chance, depth - 1) for _ in range(chance.randrange(4))}


def _same(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        assert isinstance(other, float)
        return struct.pack("<d", one) == struct.pack("<d", other) or (math.isnan(one) and math.isnan(other))
    if isinstance(one, list):
        assert isinstance(other, list)
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        assert isinstance(other, dict)
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return one == other


@pytest.mark.parametrize("seed", range(20))
def test_any_document_is_read_as_it_was_written(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        document = {_text(chance): _value(chance, 3) for _ in range(chance.randrange(1, 6))}
        assert _same(tomllib.loads(_toml.dumps(document)), document), document


def test_a_number_that_toml_does_not_have_is_refused_with_its_place() -> None:
    assert tomllib.loads(_toml.dumps({"x": 2**63 - 1})) == {"x": 2**63 - 1}
    for number in (2**63, -(2**63) - 1):
        with pytest.raises(_toml.NotToml, match=r"`space\.x\.high`.*64 bits"):
            _toml.dumps({"space": {"x": {"high": number}}})


@pytest.mark.parametrize("value", [None, object(), {1, 2}, b"x", [1, None], {"a": None}, {1: 2}, "\ud800"])
def test_what_toml_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(_toml.NotToml, match="settings"):
        _toml.dumps({"settings": value})


def test_a_subclass_is_written_as_its_plain_type() -> None:
    class Size(enum.IntEnum):
        SMALL = 3

    class Name(str, enum.Enum):
        SGD = "sgd"

    assert tomllib.loads(_toml.dumps({"a": Size.SMALL, "b": Name.SGD, "c": (1, 2)})) == {
        "a": 3,
        "b": "sgd",
        "c": [1, 2],
    }


def test_plain_keys_come_before_tables_so_that_they_stay_where_they_belong() -> None:
    document = {"space": {"x": {"low": 1}}, "name": "n", "objective": {"env": {"A": "1"}, "kind": "python"}}
    assert tomllib.loads(_toml.dumps(document)) == document
