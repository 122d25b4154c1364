"""Whatever a parameter's value is, it arrives as it is: in a command, in a Python function, and in the store."""

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

import kindling
from coordinators import needs_program
from runs import run

pytestmark = needs_program

TEXTS = [
    "",
    " ",
    "'",
    '"',
    "\\",
    "\n",
    "two\nlines\r\n",
    "\ttab",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "${HOME}",
    "${trial}",
    "$${trial}",
    "%s%n{}",
    "-",
    "--",
    "--help",
    "-rf /",
    "=",
    "a=b",
    "*",
    "~",
    "null",
    "None",
    "True",
    "1",
    "1e3",
    "nan",
    "naïve",
    "ж 漢字 🎉",
    "e\u0301",
    "\u00e9",
    "\u202eright to left",
    "\x1b[31mred",
    "\x7f",
    "\u2028",
    "\ufeff",
    "\U0010ffff",
    "x" * 500,
]
INTS = [-(2**63), 2**63 - 1, 0, -1, 2**53 + 1, -(2**53) - 1]
FLOATS = [5e-324, -5e-324, 1.7976931348623157e308, -0.0, 2.2250738585072014e-308, 0.1, 1e16, 1e22, 1e-5, 2.0, 1 / 3]
# Equal in Python, different here.
MIXED: list[Any] = [1, "1", True, 1.5, "True", False, 0, "", "1.5"]
ALPHABET = "\"'\\$`{}()[]<>|&;*?~#=%!-\u2013+.,: \n\t\réß漢🎉\u0301\x01aA0"


def _random_texts(seed: int, many: int) -> list[str]:
    rng = random.Random(seed)
    texts = {"".join(rng.choices(ALPHABET, k=rng.randint(1, 30))) for _ in range(many)}
    return sorted(texts - set(TEXTS))


@pytest.fixture
def seed() -> int:
    """Another one each time. pytest shows it when the test fails."""
    found = random.SystemRandom().randrange(2**32)
    print("seed", found)
    return found


def _space(seed: int) -> dict[str, list[Any]]:
    """The choices of each parameter. The names are values, too."""
    texts = TEXTS + _random_texts(seed, 20)
    return {"text": texts, "int": INTS, "float": FLOATS, "bool": [True, False], "-- ü '$(x)": MIXED}


def _trials(space: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Each value of each parameter at least once."""
    many = max(map(len, space.values()))
    return [{name: choices[i % len(choices)] for name, choices in space.items()} for i in range(many)]


SEES = """
import json, os, sys
from pathlib import Path

words = [os.fsencode(word).decode() for word in sys.argv[1:]]
seen = {"words": words[:-1], "file": Path(words[-1]).read_bytes().decode()}
Path(f"seen-{os.environ['KINDLING_TRIAL']}").write_text(json.dumps(seen))
print("value=1")
"""


def test_values_arrive_in_a_command_as_they_are(folder: Path, seed: int) -> None:
    (folder / "sees.py").write_text(SEES)
    space = _space(seed)
    wanted = _trials(space)
    macros = ["${args}", *(f"${{param:{name}}}" for name in space), "<${param:text}>", "${args_json}"]
    document = {
        "name": "values",
        "direction": "maximize",
        "trials": len(wanted),
        "objective": {
            "kind": "command",
            "command": [sys.executable, "sees.py", *macros, "${args_json_file}"],
            "metric": "value",
        },
        "space": {name: {"type": "categorical", "choices": choices} for name, choices in space.items()},
    }
    study = run(folder, document, wanted)
    for params, trial in zip(wanted, study.trials, strict=True):
        assert trial.state == kindling.TrialState.COMPLETE, trial.fail_reason
        _same(trial.params, params)
        seen = json.loads((folder / f"seen-{trial.number}").read_text())
        *words, in_text, as_json = seen["words"]
        args, alone = words[: len(params)], words[len(params) :]
        # As Python writes them, and byte for byte.
        assert alone == [str(params[name]) for name in space]
        assert sorted(args) == sorted(f"--{name}={value!s}" for name, value in params.items())
        assert in_text == f"<{params['text']}>"
        _same(json.loads(as_json), params)
        _same(json.loads(seen["file"]), params)
    assert not (folder / "pwned").exists()


def record(trial: kindling.Trial) -> float:
    Path(f"seen-{trial.number}").write_text(ascii(sorted(trial.params.items())))
    return 1.0


def test_values_arrive_in_a_function_as_they_are(folder: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    choices = _space(seed)
    wanted = _trials(choices)
    space = {name: kindling.Categorical(each) for name, each in choices.items()}
    study = kindling.Study("values", record, direction="maximize", trials=len(wanted), space=space)
    for params in wanted:
        study.enqueue(params)
    study.run(workers=1, slots=2, progress=False)
    for params, trial in zip(wanted, study.trials, strict=True):
        assert trial.state == kindling.TrialState.COMPLETE, trial.fail_reason
        _same(trial.params, params)
        assert (folder / f"seen-{trial.number}").read_text() == ascii(sorted(params.items()))


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63)])
def test_whole_numbers_of_a_range_arrive_to_the_last_bit(
    folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    space = {"n": kindling.Int(number, number)}
    study = kindling.Study("values", record, direction="maximize", trials=1, space=space)
    study.run(workers=1, slots=1, progress=False)
    assert (folder / "seen-0").read_text() == ascii([("n", number)])


def _same(found: dict[str, Any], params: dict[str, Any]) -> None:
    """1, 1.0 and True are equal in Python, and so are 0.0 and -0.0; what they are written as is not."""
    assert ascii(sorted(found.items())) == ascii(sorted(params.items()))
