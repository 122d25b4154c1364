"""What a trial saves, and what it goes on from."""

import io
import os
import tempfile
from pathlib import Path

import pytest

import kindling
from conftest import python
from worker import Run, Worker, facts


@pytest.fixture
def run() -> Run:
    return Run(facts(attempt=2))


@pytest.fixture
def worker(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch):
    # What is left behind in it would be seen.
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    with Worker(folder, one=run) as worker:
        monkeypatch.setenv("KINDLING_SOCKET", worker.path)
        yield worker
        assert not list(folder.glob("kindling-saved-*"))


def test_a_trial_goes_on_from_what_was_saved(folder: Path, run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    assert trial.load_checkpoint() is None
    saved = folder / "saved"
    saved.write_bytes(b"at 7")
    run.checkpoint = {"step": 7, "path": str(saved)}
    found = trial.load_checkpoint()
    assert found == kindling.Checkpoint(7, saved)
    assert found.read_bytes() == b"at 7"


def test_a_file_or_bytes_are_saved(folder: Path, run: Run, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = kindling.current_trial()
    monkeypatch.chdir(folder)
    file = Path("model.pt")
    file.write_bytes(b"a")
    assert trial.save_checkpoint(file, step=0) == "continue"
    assert file.exists()
    trial.save_checkpoint("model.pt", step=1.0)
    trial.save_checkpoint(b"b", step=2)
    trial.save_checkpoint(bytearray(b"c"), 3)
    trial.save_checkpoint(io.BytesIO(b"d"), 4)  # type: ignore[arg-type]
    assert run.saved == [(0, b"a"), (1, b"a"), (2, b"b"), (3, b"c"), (4, b"d")]


def test_an_artifact_has_a_name_and_a_type(folder: Path, run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    plot = folder / "loss.png"
    plot.write_bytes(b"png")
    trial.save_artifact(plot)
    trial.save_artifact(plot, "plots/3.png")
    trial.save_artifact(b"{}", name="facts", media_type="application/json")
    trial.save_artifact(b"?", name="facts")
    names = [("loss.png", "image/png"), ("plots/3.png", "image/png"), ("facts", "application/json"), ("facts", None)]
    assert [name for name, _ in run.saved] == names
    with pytest.raises(kindling.KindlingError, match="needs a name"):
        trial.save_artifact(b"?")


def test_what_cannot_be_saved_is_an_error_and_ends_nothing(folder: Path, run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    with pytest.raises(kindling.KindlingError, match=r"nowhere.pt cannot be read"):
        trial.save_checkpoint(folder / "nowhere.pt", step=0)
    with pytest.raises(kindling.KindlingError, match=r"of type dict; expected the path of a file, or bytes"):
        trial.save_checkpoint({"model": 1}, step=0)  # type: ignore[arg-type]
    with pytest.raises(kindling.KindlingError, match="the step"):
        trial.save_checkpoint(b"a", step=-1)
    assert trial.verdict() == "continue"
    assert run.saved == []


def test_a_worker_that_leaves_asks_for_a_checkpoint_and_stops_the_trial_then(run: Run, worker: Worker) -> None:
    trial = kindling.current_trial()
    assert not trial.should_checkpoint()
    run.leaving = True
    assert trial.should_checkpoint()
    with pytest.raises(kindling.TrialStopped, match="the worker ends"):
        trial.save_checkpoint(b"a", step=0)
    assert run.saved == [(0, b"a")]
    with pytest.raises(kindling.TrialStopped):
        trial.should_checkpoint()
    assert trial.save_checkpoint(b"a", step=1, raises=False) == "stop"


def test_a_pruned_trial_may_still_keep_what_it_has(run: Run, worker: Worker) -> None:
    run.prune_at = 0
    trial = kindling.current_trial()
    assert trial.report(0.5, 0, raises=False) == "prune"
    assert trial.save_artifact(b"a", "a", raises=False) == "prune"
    assert not trial.should_checkpoint()
    with pytest.raises(kindling.TrialPruned):
        trial.load_checkpoint()


def test_a_script_whose_worker_leaves_ends_with_the_status_that_hands_back(folder: Path, run: Run) -> None:
    run.leaving = True
    script = """
import kindling
trial = kindling.current_trial()
for epoch in range(100):
    trial.report(0.5, step=epoch)
    if trial.should_checkpoint():
        trial.save_checkpoint(b"state", step=epoch)
trial.complete(0.5)
"""
    with Worker(folder, one=run) as worker:
        ended = python(script, folder, worker.environment())
    assert ended.returncode == 75, ended.stderr
    assert "Traceback" not in ended.stderr
    assert (run.saved, run.result) == ([(0, b"state")], None)


def test_a_worker_of_before_checkpoints_never_asks_for_one(run: Run, worker: Worker) -> None:
    run.told = lambda: run.verdict  # type: ignore[method-assign]
    assert not kindling.current_trial().should_checkpoint()


def test_alone_nothing_is_kept_and_all_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial = kindling.current_trial()
    assert trial.load_checkpoint() is None
    assert not trial.should_checkpoint()
    file = folder / "model.pt"
    file.write_bytes(b"x" * 1234)
    assert trial.save_checkpoint(file, step=3) == "continue"
    trial.save_artifact(b"png", "loss.png")
    assert capsys.readouterr().out == "checkpoint of step 3: 1,234 bytes\nartifact loss.png: 3 bytes\n"
    for wrong in (folder / "nowhere", folder, os.devnull, 7):
        with pytest.raises(kindling.KindlingError):
            trial.save_checkpoint(wrong, step=4)  # type: ignore[arg-type]
