"""When the code of an objective counts as changed."""

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from kindling._code import code_hash


def _loaded(text: str) -> Callable[..., object]:
    scope: dict[str, object] = {"__name__": "cell"}
    exec(text, scope)
    function = scope["objective"]
    assert callable(function)
    return function


def _hash(text: str) -> str:
    return code_hash(_loaded(text))


def test_the_same_code_has_the_same_hash_in_every_process(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "E = 3\ndef help(x): return x\ndef objective(trial): return help(E), {'a', 'b', 'c'}\n"
    )
    code = "import train; from kindling._code import code_hash; print(code_hash(train.objective))"
    said = {subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path) for _ in range(3)}
    assert len(said) == 1


def test_other_code_has_another_hash() -> None:
    texts = [
        "def objective(trial): return 1",
        "def objective(trial): return 2",
        "def objective(trial, x=1): return 1",
        "E = 1\ndef objective(trial): return E",
        "E = 2\ndef objective(trial): return E",
        "def f(x): return 1\ndef objective(trial): return f(1)",
        "def f(x): return 2\ndef objective(trial): return f(1)",
        "def make(e):\n    def objective(trial): return e\n    return objective\nobjective = make(1)",
        "def make(e):\n    def objective(trial): return e\n    return objective\nobjective = make((1, 2))",
    ]
    assert len({_hash(text) for text in texts}) == len(texts)
    assert [_hash(text) for text in texts] == [_hash(text) for text in texts]


def test_what_a_function_does_not_use_does_not_count() -> None:
    assert _hash("E = 1\ndef objective(trial): return 1") == _hash("E = 2\ndef objective(trial): return 1")


def test_partials_and_methods_and_objects_have_a_hash() -> None:
    def rated(rate: float, trial: object) -> float:
        return rate

    class Thing:
        def __call__(self, trial: object) -> int:
            return 1

        def method(self, trial: object) -> int:
            return 1

    assert code_hash(functools.partial(rated, 1)) != code_hash(functools.partial(rated, 2))
    assert code_hash(functools.partial(rated, rate=1)) != code_hash(functools.partial(rated, rate=2))
    assert len({code_hash(Thing()), code_hash(Thing().method), code_hash(rated)}) == 3
    assert code_hash(Thing()) == code_hash(Thing())


def test_functions_that_call_each_other_have_a_hash() -> None:
    assert _hash("def other(n): return objective(n)\ndef objective(trial): return other(trial)")


def test_a_closure_over_a_name_without_a_value_has_a_hash() -> None:
    assert _hash(
        "def make():\n    def objective(trial): return later\n    return objective\n    later = 1\nobjective = make()"
    )
