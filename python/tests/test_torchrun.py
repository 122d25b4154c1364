"""Several processes of one trial, as `torchrun` starts them: gloo, on the CPU. Skipped where torch is not installed."""

import subprocess
import sys
from pathlib import Path

import pytest

from worker import Run, Worker, facts

pytest.importorskip("torch")

# As in python/README.md.
CODE = """
import kindling
from torch import distributed

distributed.init_process_group("gloo")
try:
    rank = distributed.get_rank()
    trial = kindling.current_trial()
    for epoch in range(20):
        verdict = [trial.report(0.5, epoch, raises=False) if rank == 0 else None]
        distributed.broadcast_object_list(verdict)
        trial.obey(verdict[0])
    if rank == 0:
        trial.complete(0.5)
finally:  # also when the trial is pruned, or a rank may abort
    distributed.destroy_process_group()
"""


def torchrun(folder: Path, run: Run):
    (folder / "script.py").write_text(CODE)
    with Worker(folder, one=run) as worker:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "script.py"]
        ended = subprocess.run(
            command, cwd=folder, env=worker.environment(), capture_output=True, text=True, timeout=120, check=False
        )
    assert worker.refused == [], ended.stderr
    return ended, worker


def test_rank_0_reports_and_completes(folder: Path) -> None:
    run = Run(facts())
    ended, worker = torchrun(folder, run)
    assert ended.returncode == 0, ended.stderr
    assert (len(run.reports), len(run.reporters)) == (20, 1)
    assert run.result["state"] == "complete"
    assert worker.calls.count("hello") == 2


def test_all_ranks_end_when_the_trial_is_pruned(folder: Path) -> None:
    run = Run(facts(), prune_at=3)
    ended, _ = torchrun(folder, run)
    assert ended.returncode == 0, ended.stderr
    assert len(run.reports) == 4
    assert run.result == {"state": "pruned"}


def test_all_ranks_end_when_the_trial_is_stopped(folder: Path) -> None:
    run = Run(facts(), verdict={"verdict": "stop", "reason": "the worker ends"})
    ended, _ = torchrun(folder, run)
    assert ended.returncode != 0
    assert len(run.reports) == 1
    assert run.result is None
