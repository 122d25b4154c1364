"""Whole studies, run by the program: the real one if KINDLING_PROGRAM names it, or else one that stands in."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kindling
from coordinators import needs_program
from kindling import StoredStudy
from kindling.study import CodeChanged

pytestmark = [pytest.mark.usefixtures("program")]

SPACE = {"x": kindling.Float(-1, 1), "kind": kindling.Categorical(["a", "b"])}
PATIENCE = 120


def square(trial: Any) -> float:
    trial.report(1.0, step=0)
    return float(trial.params["x"] ** 2)


def _study(objective: Callable[[Any], Any] = square, name: str = "mine", **options: Any) -> kindling.Study:
    return kindling.Study(name, objective, **{"direction": "minimize", "trials": 5, "space": SPACE, **options})


SCRIPT = """
import kindling

SCALE = 3

def objective(trial):
    return SCALE * trial.params["x"] ** 2

def study(trials=5):
    return kindling.Study(
        "scripted", objective, direction="minimize", trials=trials, space={"x": kindling.Float(-1, 1)}
    )
"""


def _script(folder: Path, text: str, name: str = "tune.py") -> list[str]:
    (folder / name).write_text(SCRIPT + textwrap.dedent(text))
    return [sys.executable, name]


def _run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    command = _script(folder, text)
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE)


def _wait_for(what: Callable[[], Any]) -> Any:
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def test_a_guarded_script_runs_its_function_with_two_workers(folder: Path) -> None:
    text = """
    if __name__ == "__main__":
        s = study()
        s.run(workers=2)
        print(s.best_params["x"], s.best_value)
    """
    done = _run(folder, text)
    assert done.returncode == 0, done.stderr
    x, value = map(float, done.stdout.split())
    assert value == 3 * x**2
    assert "scripted: 5/5 trials · best" in done.stderr
    # It was imported, so nothing needed to be pickled.
    assert sorted(path.name for path in folder.glob("*.pkl")) == []


def test_a_script_without_a_guard_runs_too(folder: Path) -> None:
    done = _run(folder, "s = study()\ns.run(workers=2)\nprint(len(s.trials))")
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr
    assert (folder / "scripted.db.function.pkl").exists()


def test_a_closure_runs_and_its_results_can_be_read(folder: Path) -> None:
    offset = 7

    def objective(trial: Any) -> float:
        trial.report(10.0, step=0)
        trial.report(9.0, step=2)
        return float(trial.params["x"] ** 2 + offset)

    study = _study(objective)
    assert study.trials == []
    study.run(workers=2, progress=False)
    trials = study.trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4]
    assert {trial.state for trial in trials} == {kindling.TrialState.COMPLETE}
    assert all(trial.value == trial.params["x"] ** 2 + 7 for trial in trials)
    assert trials[0].intermediate_values == {0: 10.0, 2: 9.0}
    assert study.best_value == min(trial.value or 99 for trial in trials)
    assert study.best_trial.params == study.best_params
    assert (study.direction, study.is_finished) == ("minimize", True)
    assert all(trial.duration is not None and trial.duration.total_seconds() >= 0 for trial in trials)
    assert study.get_trials(states=(kindling.TrialState.FAIL,)) == study.get_trials(states=()) == []
    assert study.report().suffix == ".html"


def test_pandas_gets_the_columns_that_optuna_gives(folder: Path) -> None:
    pytest.importorskip("pandas")
    study = _study()
    times = ["datetime_start", "datetime_complete", "duration"]
    assert list(study.to_pandas().columns) == ["number", "value", *times, "state"]
    study.run(progress=False)
    frame = study.to_pandas()
    columns = [name for name in frame.columns if not name.startswith("user_attrs_")]
    assert columns == ["number", "value", *times, "params_kind", "params_x", "state"]
    assert list(frame["value"]) == [trial.value for trial in study.trials]
    assert set(frame["state"]) == {"COMPLETE"}
    assert str(frame["duration"].dtype).startswith("timedelta64")


def test_a_finished_study_goes_on_when_it_is_given_more_trials(folder: Path) -> None:
    _study().run(progress=False)
    before = _study().trials
    study = _study(trials=8)
    study.run(progress=False)
    assert len(study.trials) == 8
    assert study.trials[:5] == before
    study.run(trials=9, progress=False)
    assert len(study.trials) == 9


def test_the_name_may_hold_what_is_special_elsewhere(folder: Path) -> None:
    study = _study(lambda trial: 1, name='-a:b/"$(x) é', trials=2)
    study.run(progress=False)
    assert len(study.trials) == 2
    assert kindling.load_study('-a:b/"$(x) é').is_finished


def test_another_space_needs_another_name(folder: Path) -> None:
    _study().run(progress=False)
    with pytest.raises(kindling.RunFailed, match="name") as failed:
        _study(space={"y": kindling.Int(0, 3)}).run(progress=False)
    assert failed.value.status == 1


def test_a_study_goes_on_in_a_folder_that_was_moved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'if __name__ == "__main__":\n    study({}).run(progress=False)\n    print(len(study().trials))'
    _run(folder, text.format(3))
    moved = folder.with_name("moved")
    folder.rename(moved)
    done = _run(moved, text.format(6))
    assert (done.returncode, done.stdout) == (0, "6\n"), done.stderr


def test_a_function_finds_its_files_and_modules_as_its_script_does(folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "helper.py").write_text("def read(): return float(open('data.txt').read())\n")
    (folder / "data.txt").write_text("0.25")
    text = """
    import helper
    def objective(trial):
        return helper.read()
    if __name__ == "__main__":
        s = study()
        s.run(progress=False)
        print(s.best_value)
    """
    _script(folder / "code", text)
    done = subprocess.run(
        [sys.executable, "code/tune.py"], cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.stdout == "0.25\n", done.stderr


def test_choices_arrive_as_they_are(folder: Path) -> None:
    nasty = [
        "",
        '"',
        "'",
        "\\",
        "a\nb",
        "$(touch x)",
        "--x",
        "é",
        "🔥",
        "true",
        "1",
        True,
        1,
        0.1,
        -(2**63),
        2**63 - 1,
        "\t",
    ]

    def objective(trial: Any) -> float:
        found = trial.params["choice"]
        return float(next(n for n, c in enumerate(nasty) if type(c) is type(found) and c == found))

    study = _study(objective, trials=40, space={"choice": kindling.Categorical(nasty)}, sampler="random")
    study.run(progress=False)
    trials = study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 40
    for trial in trials:
        expected = nasty[int(trial.value or 0)]
        assert (type(trial.params["choice"]), trial.params["choice"]) == (type(expected), expected)


def test_a_parameter_is_there_only_when_it_is_active(folder: Path) -> None:
    space = {"kind": SPACE["kind"], "x": kindling.Float(0, 1, when={"kind": "a"})}

    def objective(trial: Any) -> float:
        return float("x" in trial.params)

    study = _study(objective, space=space, trials=12)
    study.run(progress=False)
    assert {(trial.params["kind"], trial.value) for trial in study.trials} == {("a", 1.0), ("b", 0.0)}


def test_a_failing_function_is_said_with_its_error(folder: Path) -> None:
    def objective(trial: Any) -> float:
        raise ValueError("the data is broken")

    with pytest.raises(kindling.RunFailed, match="ValueError: the data is broken") as failed:
        _study(objective, trials=50).run(progress=False)
    assert failed.value.status in (3, 78)


def test_a_study_that_failed_goes_on_with_mended_code(folder: Path) -> None:
    text = """
    def objective(trial):
        {}
    if __name__ == "__main__":
        study(20).run(progress=False)
        print(study().is_finished)
    """
    done = _run(folder, text.format("raise ValueError('broken')"))
    assert done.returncode == 1
    assert "ValueError: broken" in done.stderr
    done = _run(folder, text.format("return 1"))
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    assert "CodeChanged: the study 'scripted' goes on with an objective whose code has changed" in done.stderr


def test_changed_code_is_warned_of_once_and_the_same_code_never(folder: Path) -> None:
    def make(scale: int) -> Callable[[Any], float]:
        def objective(trial: Any) -> float:
            return float(scale * trial.params["x"])

        return objective

    def warned(study: kindling.Study) -> list[Any]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            study.run(progress=False)
        return [(warning.category, Path(warning.filename).name) for warning in caught]

    assert warned(_study(make(1), trials=2)) == []
    assert warned(_study(make(1), trials=3)) == []
    assert warned(_study(make(2), trials=4)) == [(CodeChanged, "test_study.py")]
    assert warned(_study(make(2), trials=5)) == []
    assert warned(_study(make(3), name="other", trials=2)) == []


def test_a_study_of_a_notebooks_function_goes_on_with_one_from_a_module(folder: Path) -> None:
    _run(folder, "s = study(2)\ns.run(progress=False)")
    done = _run(folder, 'if __name__ == "__main__":\n    study(4).run(progress=False)\n    print(len(study().trials))')
    assert (done.returncode, done.stdout) == (0, "4\n"), done.stderr
    assert "CodeChanged" not in done.stderr


def test_a_study_can_be_looked_at_without_its_objective(folder: Path) -> None:
    _study().run(progress=False)
    by_name, by_store = kindling.load_study("mine"), kindling.load_study("mine.db")
    assert by_name.best_trial == by_store.best_trial == _study().best_trial
    assert (by_store.name, by_store.store) == ("mine", folder / "mine.db")
    with pytest.raises(kindling.KindlingError, match="neither a store"):
        kindling.load_study("other")
    with pytest.raises(kindling.KindlingError, match="it has 'mine'"):
        kindling.load_study("mine.db", "other")


def test_a_store_can_hold_several_studies(folder: Path) -> None:
    for name in ("one", "two"):
        _study(lambda trial: 1, name=name, store="all.db", trials=2).run(progress=False)
    with pytest.raises(kindling.KindlingError, match="one of 'one', 'two'"):
        kindling.load_study("all.db")
    assert len(kindling.load_study("all.db", "two").trials) == 2
    assert len(_study(name="three", store="all.db").trials) == 0
    assert {path.name for path in folder.glob("*.pkl")} == {"all.db.one.function.pkl", "all.db.two.function.pkl"}


def test_enqueued_parameters_are_tried(folder: Path) -> None:
    study = _study()
    assert study.enqueue({"x": 0.125}).state == kindling.TrialState.WAITING
    study.run(progress=False)
    assert 0.125 in [trial.params["x"] for trial in study.trials]
    assert len(study.trials) == 5


def test_an_interrupted_study_loses_nothing_and_goes_on(folder: Path) -> None:
    text = """
    import time
    def objective(trial):
        time.sleep(0.3)
        return trial.params["x"]
    if __name__ == "__main__":
        study(24).run(workers=2)
    """
    command = _script(folder, text)
    running = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)
    study = StoredStudy("scripted", folder / "scripted.db")
    _wait_for(lambda: _finished(study) >= 3)
    # As a terminal does it: the whole group of processes is interrupted.
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == -signal.SIGINT, said
    assert "draining" in said
    assert "interrupted; nothing is lost" in said
    before = [trial for trial in study.trials if trial.state.is_finished()]
    assert 3 <= len(before) < 24
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "WAITING"}
    done = _run(folder, text)
    assert done.returncode == 0, done.stderr
    after = study.trials
    assert [trial.number for trial in after] == list(range(24))
    assert [trial for trial in after if trial.number in {b.number for b in before}] == before


def _finished(study: kindling.StoredStudy) -> int:
    try:
        return sum(trial.state.is_finished() for trial in study.trials)
    except kindling.KindlingError:
        # The store is only just being made.
        return 0


def test_a_run_ends_when_its_python_is_killed(folder: Path) -> None:
    text = """
    import time
    def objective(trial):
        time.sleep(60 if trial.number else 0)
        return 1
    if __name__ == "__main__":
        study(10).run(workers=1)
    """
    running = subprocess.Popen(_script(folder, text), cwd=folder, stderr=subprocess.DEVNULL)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children")
    program = _wait_for(lambda: children.read_text().split())[0]
    study = StoredStudy("scripted", folder / "scripted.db")
    _wait_for(lambda: _finished(study) == 1)
    running.kill()
    running.wait()
    _wait_for(lambda: not Path(f"/proc/{program}").exists())
    assert [trial.number for trial in study.trials if trial.state.is_finished()] == [0]


def test_a_study_can_be_read_while_it_runs(folder: Path) -> None:
    def objective(trial: Any) -> float:
        # Ends once the other thread has seen the first trial.
        while trial.number and not Path("seen").exists():
            time.sleep(0.01)
        return 1.0

    study = _study(objective, trials=3)
    running = threading.Thread(target=lambda: study.run(progress=False))
    running.start()
    _wait_for(lambda: _finished(study) >= 1)
    assert not study.is_finished
    assert study.best_value == 1.0
    Path("seen").touch()
    running.join(PATIENCE)
    assert study.is_finished


def test_a_study_is_not_run_within_a_trial(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDLING_SOCKET", "/somewhere")
    with pytest.raises(kindling.KindlingError, match='below `if __name__ == "__main__":`'):
        _study().run()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"name": " "}, "name"),
        ({"direction": "up"}, '"maximize" or "minimize", not \'up\''),
        ({"trials": 0}, "trials is a whole number from 1, not 0"),
        ({"trials": 2.5}, "trials"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "64 bits"),
        ({"sampler": 3}, "sampler is a kind"),
        ({"timeout": 0}, "timeout is a number of seconds above 0"),
        ({"settings": {"a": object()}}, "`objective.settings.a`"),
        ({"space": {}}, "at least one"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_before_it_runs(options: dict[str, Any], says: str) -> None:
    with pytest.raises(kindling.KindlingError, match=says):
        _study(**options)


@needs_program
def test_what_the_program_refuses_is_said_as_it_was_written_here(folder: Path) -> None:
    with pytest.raises(kindling.RunFailed) as refused:
        _study(pruner="medin").run(progress=False)
    assert str(refused.value).startswith("`pruner.kind`: expected one of `none`")
    assert str(refused.value).endswith("did you mean `median`?")


@pytest.mark.parametrize("option", ["workers", "slots", "threads", "trials"])
def test_how_many_is_at_least_one(folder: Path, option: str) -> None:
    with pytest.raises(kindling.KindlingError, match=f"{option} is a whole number from 1, not 0"):
        _study().run(**{option: 0})


def test_a_module_that_does_not_import_is_said(folder: Path) -> None:
    code = "import os\nassert 'KINDLING_SOCKET' not in os.environ, 'no GPU'\ndef objective(trial): pass\n"
    (folder / "train.py").write_text(code)
    text = """
    from train import objective
    space = {"x": kindling.Int(0, 1)}
    kindling.Study("s", objective, direction="minimize", trials=9, space=space).run(progress=False)
    """
    done = _run(folder, text)
    assert done.returncode == 1
    assert "\nkindling.RunFailed: " in done.stderr
    assert "AssertionError: no GPU" in done.stderr
    assert {trial.state.name for trial in StoredStudy("s", folder / "s.db").trials} <= {"WAITING"}


def test_a_folder_that_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(kindling.KindlingError, match=r"no folder .*gone.*store"):
        _study(store="gone/mine.db").run()
    with pytest.raises(kindling.KindlingError, match=r"no folder .*gone\nhint: `directory`"):
        _study(directory="gone").run()


def test_before_anything_has_run_there_is_no_best_trial(folder: Path) -> None:
    with pytest.raises(ValueError, match="no trial is complete yet"):
        _ = _study().best_trial
    with pytest.raises(kindling.KindlingError, match=r"`study\.run\(\)` makes it"):
        _study().report()


@needs_program
def test_notes_and_tags_are_kept_in_the_store(folder: Path) -> None:
    study = _study(trials=2)
    study.run(workers=1, progress=False)
    assert (study.note, study.tags, study.archived) == ("", [], False)
    # A dash alone and a leading one are texts like others.
    for note in ("-", "--json\n**bold**", "x" * 50_000, ""):
        study.set_note(note)
        assert study.note == note
    study.set_tags(["paper", "--yes"])
    study.add_tags("draft")
    study.remove_tags("paper")
    assert study.tags == ["--yes", "draft"]
    study.set_tags(["odd"])
    assert study.tags == ["odd"]
    study.set_note("the disk was full", trial=1)
    study.add_tags("disk", trial=1)
    trial = study.trials[1]
    assert (trial.note, trial.note_version, trial.tags) == ("the disk was full", 1, ["disk"])
    with pytest.raises(kindling.KindlingError, match="somebody else changed the note"):
        study.set_note("late", trial=1, version=0)
    study.archive()
    assert study.archived
    study.unarchive()
    assert not study.archived


@needs_program
def test_a_trial_like_another_one_but_for_some(folder: Path) -> None:
    study = _study(trials=3)
    study.enqueue({"x": 0.5, "kind": "a"})
    assert study.enqueue({"x": 0.25}, like=0).params == {"x": 0.25, "kind": "a"}
    with pytest.raises(kindling.KindlingError, match="there is no trial 7"):
        study.enqueue({"x": 0.25}, like=7)


@needs_program
def test_a_filter_chooses_trials(folder: Path) -> None:
    study = _study(trials=2)
    study.enqueue({"x": 0.5, "kind": "a"})
    study.enqueue({"x": -0.5, "kind": "b"})
    study.run(workers=1, progress=False)
    assert [trial.number for trial in study.get_trials(filter="x > 0 and kind = a")] == [0]


def test_tags_that_are_no_texts_are_refused(folder: Path) -> None:
    for wrong in ("paper", [7]):
        with pytest.raises(kindling.KindlingError, match="tags are a list of texts"):
            _study().set_tags(wrong)  # type: ignore[arg-type]
