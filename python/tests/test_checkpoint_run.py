"""A trial that goes on from its checkpoints: its worker is told to leave, and the next one is killed."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import kindling
from coordinators import PROGRAM, Coordinator, eventually, needs_program
from kindling import TrialState

pytest.importorskip("grpc")
pytestmark = needs_program

# Each attempt waits at another step until something happens to its worker.
TRAIN = """
import time
from pathlib import Path
import kindling

trial = kindling.current_trial()
found = trial.load_checkpoint()
first = found.step + 1 if found else 0
with open("begun", "a") as begun:
    print(trial.attempt, first, found and found.read_bytes().decode(), file=begun)
for step in range(first, 40):
    trial.report(step / 100, step=step)
    if (trial.attempt, step) == (1, 15):
        while not trial.should_checkpoint():
            time.sleep(0.01)
    if (trial.attempt, step) == (2, 25):
        Path("at 25").touch()
        time.sleep(1000)
    if step % 10 == 9 or trial.should_checkpoint():
        trial.save_checkpoint(f"at {step}".encode(), step=step)
trial.save_artifact(b"weights", "model.bin")
trial.complete(0.5)
"""
OBJECTIVE = {"kind": "command", "command": [sys.executable, "train.py"]}
SPACE = {"x": kindling.Float(0, 1)}


@contextmanager
def worker(folder: Path, address: str) -> Iterator[subprocess.Popen[bytes]]:
    words = ["--allow-commands", "--kind=command", "--grace=60", "--spool=spool", f"--coordinator={address}"]
    with (
        (folder / "worker.log").open("a") as log,
        subprocess.Popen([PROGRAM, "worker", *words], cwd=folder, stdin=subprocess.DEVNULL, stderr=log) as running,
    ):
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(30)


def test_a_trial_goes_on_where_its_checkpoints_are(folder: Path) -> None:
    (folder / "train.py").write_text(TRAIN)
    begun, spool = folder / "begun", folder / "spool"
    coordinator = Coordinator(folder)
    try:
        with kindling.connect(coordinator.address) as client:
            study = client.create("goes-on", direction="maximize", trials=1, space=SPACE, objective=OBJECTIVE)
            with worker(folder, coordinator.address) as preempted:
                eventually(begun.exists)
                eventually(lambda: 15 in study.trial(0).intermediate_values)
                preempted.send_signal(signal.SIGTERM)
                preempted.wait(30)
                assert not spool.exists()
            with worker(folder, coordinator.address) as killed:
                eventually((folder / "at 25").exists)
                killed.kill()
                killed.wait(30)
                assert list(spool.glob("*.trials"))
            with worker(folder, coordinator.address):
                eventually(lambda: study.trial(0).state == TrialState.COMPLETE, within=60)
            # What the killed one left went with its successor.
            assert not spool.exists()
            trial = study.trial(0)
    finally:
        coordinator.end()
    assert begun.read_text().splitlines() == ["1 0 None", "2 16 at 15", "3 20 at 19"]
    assert trial.intermediate_values == {step: step / 100 for step in range(40)}
