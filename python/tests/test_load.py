"""What is wrong with a function is found before a trial is spent, and said in one line where that is enough."""

import subprocess
import sys
from pathlib import Path

import cloudpickle
import pytest

from worker import Run, Worker, facts

GOOD = "def objective(trial): return 1\nclass Model:\n    @staticmethod\n    def fit(trial): return 2\n"


def serve(folder: Path, *specs: str) -> tuple[Run, subprocess.CompletedProcess[str], Worker]:
    run = Run(facts(0))
    with Worker(folder, many=[run]) as worker:
        ended = subprocess.run(
            [sys.executable, "-m", "kindling.serve", *specs],
            cwd=folder,
            env=worker.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    return run, ended, worker


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("train", "`train` names no function; expected module:function"),
        ("train:", "`train:` names no function"),
        (":objective", "names no function"),
        ("trian:objective", "there is no module `trian`"),
        ("trian:objective", "did you mean `train`?"),
        ("train:objectiv", "kindling: train has no function `objectiv`; did you mean `objective`?\n"),
        ("train:Model.fi", "Model has no attribute `fi`; did you mean `fit`?"),
        ("train:number", "train:number is of type int; expected a function"),
        ("train:two", "train:two(a, b) cannot be called with the trial alone: missing a required argument: 'b'"),
        ("train.inner:f", "No module named 'train.inner'"),
        ("trian.py:objective", "trian.py; did you mean `train.py`?"),
        ("train.py:objectiv", "did you mean `objective`?"),
        ("pickle:nothing", "No such file or directory"),
        ("pickle:train.py", "the file train.py cannot be loaded"),
        ("needs:f", "has no `missing_package`; is this the right interpreter?"),
        ("broken:f", "module `broken` cannot be loaded: SyntaxError: "),
        ("broken:f", "(broken.py, line 1)\n"),
        ("lines:f", "module `lines` cannot be loaded: ValueError: first second\n"),
        ("interrupts:f", "module `interrupts` cannot be loaded: KeyboardInterrupt\n"),
        ("stops:f", "module `stops` cannot be loaded: kindling.TrialStopped: mine\n"),
        ("raises:f", "module `raises` cannot be loaded: ValueError: no data"),
        ("argued.py:f", "a worker imports it without the arguments of your command line"),
        ("exits:f", "module `exits` called sys.exit(3) while it was imported; put"),
        ("..:f", "there is no module"),
    ],
)
def test_what_is_wrong_is_said_with_status_78(folder: Path, spec: str, said: str) -> None:
    (folder / "train.py").write_text(GOOD + "number = 1\ndef two(a, b): pass\n")
    (folder / "needs.py").write_text("import missing_package")
    (folder / "broken.py").write_text("def f(:")
    (folder / "raises.py").write_text("def g(): raise ValueError('no data')\ng()")
    (folder / "argued.py").write_text("import sys; sys.argv[1]")
    (folder / "exits.py").write_text("import sys; sys.exit(3)")
    (folder / "lines.py").write_text("raise ValueError('first\\nsecond')")
    (folder / "interrupts.py").write_text("raise KeyboardInterrupt")
    (folder / "stops.py").write_text("import kindling\nraise kindling.TrialStopped('mine')")
    run, ended, worker = serve(folder, spec)
    assert ended.returncode == 78
    # The last line says it all: the worker shows that one first.
    last = ended.stderr.splitlines(keepends=True)[-1]
    assert last.startswith("kindling: ")
    assert said in last
    assert (run.result, worker.calls) == (None, [])


def test_an_import_that_fails_shows_the_users_frames_and_not_ours(folder: Path) -> None:
    (folder / "raises.py").write_text("def g(): raise ValueError('no data')\ng()")
    _, ended, _ = serve(folder, "raises:f")
    assert ended.stderr.startswith("Traceback (most recent call last):\n")
    assert f'{folder.resolve()}/raises.py", line 1, in g\n' in ended.stderr
    assert ended.stderr.endswith("\nkindling: module `raises` cannot be loaded: ValueError: no data\n")
    assert ended.stderr.count("ValueError: no data") == 1
    assert "kindling/_load" not in ended.stderr
    assert "importlib" not in ended.stderr


def test_the_usage_is_told() -> None:
    command = [sys.executable, "-m", "kindling.serve"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 78
    assert ended.stderr.startswith("usage: python -m kindling.serve MODULE:FUNCTION")


@pytest.mark.parametrize(
    ("spec", "value"), [("train:objective", 1), ("train:Model.fit", 2), ("train.py:objective", 1), ("sub/x.py:f", 5)]
)
def test_a_function_is_found_as_a_script_would_find_it(folder: Path, spec: str, value: int) -> None:
    (folder / "train.py").write_text(GOOD)
    (folder / "sub").mkdir()
    (folder / "sub/neighbour.py").write_text("five = 5")
    # Its children find it by its name, as `spawn` needs.
    (folder / "sub/x.py").write_text(
        "import multiprocessing, neighbour\n"
        "def five(): return neighbour.five\n"
        "def f(trial):\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: return pool.apply(five)\n"
    )
    run, ended, _ = serve(folder, spec)
    assert ended.returncode == 0, ended.stderr
    assert run.result == {"state": "complete", "values": [str(float(value))]}


def test_a_file_may_have_the_name_of_a_module_that_is_there(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub/json.py").write_text("def f(trial): return 1")
    run, ended, _ = serve(folder, "sub/json.py:f")
    assert ended.returncode == 0, ended.stderr
    assert run.result["state"] == "complete"


def test_a_function_from_a_notebook_is_unpickled(folder: Path) -> None:
    scope: dict[str, object] = {"__name__": "__main__"}
    exec("factor = 3\ndef objective(trial):\n    import kindling\n    return factor * trial.attempt", scope)
    (folder / "f.pickle").write_bytes(cloudpickle.dumps(scope["objective"]))
    run, ended, _ = serve(folder, "pickle:f.pickle")
    assert ended.returncode == 0, ended.stderr
    assert run.result == {"state": "complete", "values": ["3.0"]}
