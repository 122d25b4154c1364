"""How a worker gets at the objective. Each case is a script of its own, as a user would have it."""

import functools
import importlib.util
import pickle
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from kindling import KindlingError, _function

# What each script ends with.
SHOW = """
def show(function):
    from kindling import _function
    found = _function.locate(function)
    if isinstance(found, _function.Imported):
        print("imported", found.module or found.file.name, found.name)
    else:
        print("pickled")
"""


def _located(folder: Path, script: str, *words: str, python: tuple[str, ...] = ()) -> str:
    """What a script says about its function."""
    (folder / "script.py").write_text(SHOW + textwrap.dedent(script))
    command = [sys.executable, *python, *(words or ("script.py",))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def module(folder: Path) -> Path:
    text = "def objective(trial): return 1\nclass Class:\n    def method(self, trial): return 2\n"
    (folder / "train.py").write_text(text + "lambdas = lambda trial: 3\n")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "train.py").write_text(text)
    return folder


GUARDED = 'if __name__ == "__main__":\n    show(objective)\n'
OBJECTIVE = "def objective(trial): return 1\n"


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("from train import objective\nshow(objective)", "imported train objective"),
        ("from package.train import objective\nshow(objective)", "imported package.train objective"),
        ("import train\nshow(train.Class().method)", "pickled"),
        ("import train\nshow(train.Class.method.__get__(train.Class()))", "pickled"),
        ("import train\nshow(train.lambdas)", "pickled"),
        ("import train, functools\nshow(functools.partial(lambda x, trial: x, 1))", "pickled"),
        (OBJECTIVE + GUARDED, "imported script.py objective"),
        (
            OBJECTIVE + "def main():\n    show(objective)\n" + 'if "__main__" == __name__:\n    main()',
            "imported script.py objective",
        ),
        (
            OBJECTIVE + "import sys\nif __name__ == '__main__' and sys:\n    show(objective)",
            "imported script.py objective",
        ),
        (OBJECTIVE + "show(objective)", "pickled"),
        (OBJECTIVE + "if __name__ == '__main__':\n    pass\nshow(objective)", "pickled"),
        (OBJECTIVE + "if __name__ == '__main__':\n    pass\nelse:\n    pass\nif True:\n    show(objective)", "pickled"),
        (OBJECTIVE + "if __name__ != '__main__':\n    pass\nelse:\n    show(objective)", "pickled"),
        ("if __name__ == '__main__':\n    show(lambda trial: 1)", "pickled"),
        (
            "def make():\n    def objective(trial): return 1\n    return objective\nobjective = make()\n" + GUARDED,
            "pickled",
        ),
    ],
)
def test_a_function_is_imported_if_a_worker_finds_it_and_else_goes_by_value(
    module: Path, script: str, found: str
) -> None:
    assert _located(module, script) == found


def test_a_module_that_runs_as_a_script_is_imported_by_its_name(module: Path) -> None:
    (module / "package" / "run.py").write_text(SHOW + OBJECTIVE + GUARDED)
    assert _located(module, "", "-m", "package.run") == "imported package.run objective"


def test_a_function_of_an_interactive_session_goes_by_value(module: Path) -> None:
    assert _located(module, "", "-c", SHOW + OBJECTIVE + "show(objective)") == "pickled"


def test_a_module_that_no_worker_finds_goes_by_value_as_a_whole(folder: Path) -> None:
    file = folder / "hidden" / "elsewhere.py"
    file.parent.mkdir()
    file.write_text("def twice(x): return 2 * x\ndef objective(trial): return twice(trial)\n")
    spec = importlib.util.spec_from_file_location("elsewhere", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["elsewhere"] = module
    try:
        spec.loader.exec_module(module)
        found = _function.locate(module.objective)
    finally:
        del sys.modules["elsewhere"]
    assert isinstance(found, _function.Pickled)
    # In a process that has never heard of `elsewhere`.
    (folder / "f.pkl").write_bytes(found.data)
    code = "import pickle; print(pickle.load(open('f.pkl', 'rb'))(21))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "42\n"


def test_a_method_goes_with_its_object(module: Path) -> None:
    class Scaled:
        factor = 3

        def objective(self, trial: int) -> int:
            return self.factor * trial

    found = _function.locate(Scaled().objective)
    assert isinstance(found, _function.Pickled)
    assert pickle.loads(found.data)(2) == 6


def test_without_cloudpickle_the_remedy_is_said(module: Path) -> None:
    # None in sys.modules makes an import fail.
    said = _located(module, "import sys\nsys.modules['cloudpickle'] = None\n" + OBJECTIVE + "show(objective)")
    assert said.startswith("hint: pip install cloudpickle; or put `study.run()` below `if __name__ ==")
    assert "cloudpickle" not in _located(
        module, "import sys\nsys.modules['cloudpickle'] = None\n" + OBJECTIVE + GUARDED
    )


def test_what_cannot_be_handed_over_is_named() -> None:
    lock = threading.Lock()
    with pytest.raises(KindlingError, match=r"objective.*uses something that cannot be handed.*lock"):
        _function.locate(lambda trial: lock)


async def _later(trial: object) -> None:
    pass


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (3, "takes the trial, not 3"),
        (_later, "async"),
        (lambda: 1, "called with the trial alone"),
        (lambda trial, rate: 1, "called with the trial alone"),
        (functools.partial(lambda trial, *, rate: 1), "functools.partial"),
    ],
)
def test_what_is_no_objective_is_refused(function: object, says: str) -> None:
    with pytest.raises(KindlingError, match=says):
        _function.locate(function)  # type: ignore[arg-type]
