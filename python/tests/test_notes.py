"""Notes that optuna-dashboard writes and reads, on studies of both kinds, by Optuna's client and a real coordinator."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

optuna = pytest.importorskip("optuna", minversion="5", reason="Optuna 5 is not here")
dashboard = pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is not here")
pytest.importorskip("grpc", reason="gRPC is not here")

from optuna.storages import GrpcStorageProxy  # noqa: E402
from optuna_dashboard import get_note, save_note  # noqa: E402

from coordinators import PROGRAM, Coordinator, needs_program  # noqa: E402

pytestmark = [needs_program, pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")]

# Several of the dashboard's pieces, with characters of one to four bytes.
LONG = "# Ä long note\n\n" + 'it is "x" \\ 😀\t' * 700
STUDY = """
name = "ours"
direction = "maximize"
trials = 4
[objective]
kind = "test"
[space.x]
type = "float"
low = 0.0
high = 1.0
"""


@pytest.fixture(scope="module")
def coordinator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Coordinator]:
    running = Coordinator(tmp_path_factory.mktemp("coordinator"))
    yield running
    running.end()


@pytest.fixture(scope="module", params=["ours", "theirs"])
def study(request: pytest.FixtureRequest, coordinator: Coordinator, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A study with a trial, as Optuna's client sees it."""
    host, port = coordinator.address.removeprefix("http://").rsplit(":", 1)
    storage = GrpcStorageProxy(host=host, port=int(port))
    if request.param == "theirs":
        study = optuna.create_study(study_name="theirs", storage=storage)
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
        return study
    file = tmp_path_factory.mktemp("study") / "ours.toml"
    file.write_text(STUDY)
    kindling(coordinator, "study", "create", str(file))
    kindling(coordinator, "trial", "enqueue", "ours", "x=0.5")
    return optuna.load_study(study_name="ours", storage=storage)


def kindling(coordinator: Coordinator, *words: str, stdin: str | None = None) -> Any:
    command = [PROGRAM, *words, "--json", f"--coordinator={coordinator.address}"]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def trial_of(study: Any, number: int = 0) -> Any:
    """What the dashboard's functions need of a trial, in whatever state it is."""
    return SimpleNamespace(storage=study._storage, study=study, _trial_id=study.trials[number]._trial_id)


def test_what_the_dashboard_writes_kindling_shows(study: Any, coordinator: Coordinator) -> None:
    name = study.study_name
    save_note(study, LONG)
    assert kindling(coordinator, "study", "note", name)["note"] == LONG
    save_note(study, "short")
    assert kindling(coordinator, "study", "note", name)["note"] == "short", "nothing is left of the longer one"
    save_note(trial_of(study), LONG)
    shown = kindling(coordinator, "trial", "show", name, "0")
    assert shown["note"] == LONG
    assert shown["note_version"] == 1
    assert kindling(coordinator, "study", "note", name)["note"] == "short"


def test_what_kindling_writes_the_dashboard_shows(study: Any, coordinator: Coordinator) -> None:
    name = study.study_name
    kindling(coordinator, "study", "note", name, "-", stdin=LONG)
    assert get_note(study) == LONG
    kindling(coordinator, "study", "note", name, "short")
    assert get_note(study) == "short"
    kindling(coordinator, "study", "note", name, "")
    assert get_note(study) == ""
    kindling(coordinator, "trial", "note", name, "0", "-", stdin=LONG)
    assert get_note(trial_of(study)) == LONG


def test_each_sees_that_the_other_changed_the_note(study: Any, coordinator: Coordinator) -> None:
    name = study.study_name
    version = kindling(coordinator, "study", "note", name)["version"]
    save_note(study, "the dashboard's")
    where = f"--coordinator={coordinator.address}"
    command = [PROGRAM, "study", "note", name, "ours", f"--if-version={version}", where]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "somebody else changed the note" in done.stderr
    assert get_note(study) == "the dashboard's"
    kindling(coordinator, "study", "note", name, "ours", f"--if-version={version + 1}")
    attributes = study._storage.get_study_system_attrs(study._study_id)
    assert attributes["dashboard:note_ver"] == version + 2


def test_tags_are_lists_beside_notes(study: Any, coordinator: Coordinator) -> None:
    name, trial = study.study_name, study.trials[0]._trial_id
    assert kindling(coordinator, "study", "tag", name, "--add", "ä", "--add", "b c") == {"tags": ["ä", "b c"]}
    assert kindling(coordinator, "study", "tag", name, "--remove", "ä") == {"tags": ["b c"]}
    kindling(coordinator, "trial", "tag", name, "0", "--add", "odd")
    kindling(coordinator, "study", "archive", name)
    attributes = study._storage.get_study_system_attrs(study._study_id)
    assert attributes["kindling:tags"] == ["b c"]
    assert attributes[f"kindling:{trial}:tags"] == ["odd"]
    assert attributes["kindling:archived"] is True
    assert [one["name"] for one in kindling(coordinator, "study", "list")].count(name) == 0
    assert [one["name"] for one in kindling(coordinator, "study", "list", "--archived")].count(name) == 1
    kindling(coordinator, "study", "unarchive", name)


def test_notes_outlive_the_coordinator_and_go_along_to_a_file_of_optunas(
    study: Any, coordinator: Coordinator, tmp_path: Path
) -> None:
    name = study.study_name
    save_note(study, LONG)
    save_note(trial_of(study), "of the trial")
    coordinator.kill()
    coordinator.start()
    assert kindling(coordinator, "study", "note", name)["note"] == LONG
    assert kindling(coordinator, "trial", "note", name, "0")["note"] == "of the trial"
    file = tmp_path / "optuna.db"
    command = [PROGRAM, "study", "export", name, "--format=optuna", f"--output={file}"]
    subprocess.run([*command, f"--coordinator={coordinator.address}"], timeout=60, check=True)
    copy = optuna.load_study(study_name=name, storage=f"sqlite:///{file}")
    assert get_note(copy) == LONG
    assert get_note(trial_of(copy)) == "of the trial"


def test_of_our_own_studies_nothing_else_can_be_written(coordinator: Coordinator, study: Any) -> None:
    if study.study_name != "ours":
        pytest.skip("Optuna's clients may write anything to their own")
    for key, value in [("a", 1), ("dashboard:graph", 1), ("dashboard:note_ver", "x"), ("kindling:request", "x")]:
        with pytest.raises(Exception, match=r"own|cannot be this"):
            study._storage.set_study_system_attr(study._study_id, key, value)
    # Optuna's client makes this of NOT_FOUND, without a word.
    with pytest.raises(KeyError):
        study._storage.set_study_system_attr(study._study_id, "dashboard:987654:note_ver", 1)
    with pytest.raises(Exception, match="own"):
        study.set_user_attr("a", 1)


def test_an_import_takes_notes_along(study: Any, tmp_path: Path) -> None:
    if study.study_name != "theirs":
        pytest.skip("once is enough")
    database = f"sqlite:///{tmp_path / 'old.db'}"
    # Trials of another study come first, so that ids are other ones here.
    optuna.create_study(study_name="first", storage=database).optimize(lambda trial: 1.0, n_trials=3)
    old = optuna.create_study(study_name="old", storage=database)
    old.optimize(lambda trial: 1.0, n_trials=2)
    save_note(old, LONG)
    save_note(trial_of(old, 1), "of the second")
    running = Coordinator(tmp_path, f"--import={tmp_path / 'old.db'}")
    try:
        assert kindling(running, "study", "note", "old")["note"] == LONG
        assert kindling(running, "trial", "note", "old", "1")["note"] == "of the second"
        assert kindling(running, "trial", "note", "old", "0")["note"] == ""
    finally:
        running.end()
