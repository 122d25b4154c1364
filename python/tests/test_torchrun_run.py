"""`torchrun` as the command of a real run: gloo, on the CPU. Skipped where torch or the program is not there."""

import sys
from pathlib import Path

import pytest

from coordinators import needs_program
from kindling import TrialState
from runs import run

pytest.importorskip("torch")
pytestmark = needs_program

# As in docs/python.md. Each rank notes what it hears when it asks by itself.
CODE = """
from pathlib import Path

import kindling
from torch import distributed

distributed.init_process_group("gloo")
try:
    rank = distributed.get_rank()
    trial = kindling.current_trial()
    for epoch in range(5):
        verdict = [trial.report(trial.params["quality"], epoch, raises=False) if rank == 0 else None]
        distributed.broadcast_object_list(verdict)
        if epoch == 4 or verdict[0] != "continue":
            Path(f"trial-{trial.number}-rank-{rank}").write_text(f"{epoch} {verdict[0]} {trial.verdict()}")
            distributed.barrier()
        trial.obey(verdict[0])
    if rank == 0:
        trial.complete(trial.params["quality"])
finally:  # also when the trial is pruned, or a rank may abort
    distributed.destroy_process_group()
"""


def test_rank_0_reports_and_both_ranks_hear_that_the_trial_is_pruned(folder: Path) -> None:
    (folder / "train.py").write_text(CODE)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "train.py"]
    document = {
        "name": "ranks",
        "direction": "maximize",
        "trials": 3,
        "pruner": {"kind": "median", "startup_trials": 1, "warmup_steps": 2},
        "objective": {"kind": "command", "command": [sys.executable, *launch]},
        "space": {"quality": {"type": "categorical", "choices": [0.9, 0.1]}},
    }
    study = run(folder, document, [{"quality": quality} for quality in (0.9, 0.1, 0.9)])
    heard = {path.name: path.read_text() for path in folder.glob("trial-*")}
    completes, is_pruned = "4 continue continue", "2 prune prune"
    assert heard == {
        f"trial-{number}-rank-{rank}": is_pruned if number == 1 else completes for number in range(3) for rank in (0, 1)
    }
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE]
    # Nothing was reported twice, by two ranks.
    assert [len(trial.intermediate_values) for trial in study.trials] == [5, 3, 5]
    assert [trial.attempt for trial in study.trials] == [1, 1, 1]
