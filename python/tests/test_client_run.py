"""The client beside `kindling run`, which serves a coordinator as long as its study runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import kindling
from coordinators import PROGRAM, needs_program
from kindling import TrialState, _toml

pytest.importorskip("grpc")
pytestmark = needs_program

# The last trial waits until the test has done its part.
TRAIN = """
import time
from pathlib import Path
import kindling

trial = kindling.current_trial()
trial.report(0.5, step=0)
while trial.number == 2 and not Path("go").exists():
    trial.check()
    time.sleep(0.01)
trial.complete(trial.params["x"])
"""
STUDY = {
    "name": "served",
    "direction": "maximize",
    "trials": 3,
    "objective": {"kind": "command", "command": [sys.executable, "train.py"]},
    "space": {"x": {"type": "float", "low": 0.0, "high": 1.0}},
}


@pytest.fixture
def served(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run, and where its coordinator listens."""
    (folder / "train.py").write_text(TRAIN)
    (folder / "study.toml").write_text(_toml.dumps(STUDY))
    command = [PROGRAM, "run", "--events", "--stop-with-stdin", "--workers=1", "--slots=1", "study.toml"]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin
        assert run.stdout
        started = json.loads(run.stdout.readline())
        assert started["event"] == "started"
        yield run, started["coordinator"]
        run.stdin.close()


def test_a_client_watches_a_run_and_asks_for_trials_of_its_own_beside_it(
    folder: Path, served: tuple[subprocess.Popen[str], str]
) -> None:
    run, address = served
    with kindling.connect(address) as client:
        study = client.study("served")
        asked = client.create("asked", direction="minimize", trials=4, space={"x": kindling.Float(-5, 5)})
        while trial := asked.ask():
            with trial:
                trial.report(trial.params["x"] ** 2, 0)
                trial.tell(trial.params["x"] ** 2)
        assert [trial.state for trial in asked.trials()] == [TrialState.COMPLETE] * 4
        assert asked.best_value == min(trial.params["x"] ** 2 for trial in asked.trials())

        seen = []
        for update in study.watch():
            seen.append(update.study.counts[TrialState.COMPLETE])
            if seen[-1] == 2:
                # The run goes on until then, and its coordinator with it.
                assert study.trial(0).intermediate_values == {0: 0.5}
                (folder / "go").touch()
        assert seen == sorted(seen)
        assert seen[-1] == 3
    assert run.stdout
    *_, result = run.stdout
    assert json.loads(result)["event"] == "result"
    assert run.wait(30) == 0
    # What was told to its coordinator is in its store.
    assert len(kindling.load_study(folder / "served.db", "asked").trials) == 4
