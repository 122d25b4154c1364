"""The callback for Lightning, with the real package. Skipped where it is not installed."""

from pathlib import Path

import pytest

from conftest import python
from worker import Run, Worker, facts

pytest.importorskip("lightning")

CODE = """
import sys, warnings
warnings.simplefilter("ignore")
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from kindling.integrations.lightning import KindlingCallback

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, _): return self.layer(batch).square().mean()
    def validation_step(self, batch, _):
        self.log("val_loss", self.current_epoch + 0.5, sync_dist=True)
        self.log("size", 2.0, sync_dist=True)
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.1)

def fit(epochs=3, monitor="val_loss", path=None, **more):
    data = torch.utils.data.DataLoader(torch.ones(8, 1), batch_size=4)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        callbacks=[KindlingCallback(monitor), ModelCheckpoint(".", save_last=True)], **{"devices": 1, **more},
    )
    trainer.fit(Model(), data, data, ckpt_path=path, **({"weights_only": False} if path else {}))

if __name__ == "__main__":
    import kindling
    kindling.current_trial()
"""


@pytest.fixture
def run() -> Run:
    return Run(facts())


def fit(folder: Path, run: Run, script: str):
    with Worker(folder, one=run) as worker:
        ended = python(CODE + script, folder, worker.environment())
    assert worker.refused == []
    return ended


def test_each_validation_is_reported_and_the_sanity_check_is_not(folder: Path, run: Run) -> None:
    ended = fit(folder, run, "    fit()")
    assert ended.returncode == 0, ended.stderr
    assert run.reports == [(0, 0.5), (1, 1.5), (2, 2.5)]


@pytest.mark.parametrize("monitor", [["val_loss", "size"], {"val_loss": "val_loss", "size": "size"}])
def test_several_metrics_are_reported_by_name(folder: Path, monitor: object) -> None:
    run = Run({**facts(), "metrics": ["size", "val_loss"], "pruner_metric": "val_loss", "constraints": []})
    ended = fit(folder, run, f"    fit(2, monitor={monitor!r})")
    assert ended.returncode == 0, ended.stderr
    assert (run.reports, run.others) == ([(0, 0.5), (1, 1.5)], [{"size": 2.0}] * 2)


def test_a_pruned_training_ends_so(folder: Path, run: Run) -> None:
    run.prune_at = 1
    ended = fit(folder, run, "    fit()")
    assert ended.returncode == 0, ended.stderr
    assert len(run.reports) == 2
    assert run.result == {"state": "pruned"}


def test_a_training_goes_on_from_its_checkpoint_with_the_next_step(folder: Path, run: Run) -> None:
    ended = fit(folder, run, "    fit(2)\n    fit(4, path='last.ckpt')")
    assert ended.returncode == 0, ended.stderr
    assert [step for step, _ in run.reports] == [0, 1, 2, 3]


def test_a_metric_that_was_not_logged_is_an_error_with_its_neighbours(folder: Path, run: Run) -> None:
    ended = fit(folder, run, "    fit(monitor='val_los')")
    assert ended.returncode == 1
    assert "no metric `val_los` was logged; did you mean `val_loss`?" in ended.stderr


def test_two_processes_report_once_and_end_together(folder: Path, run: Run) -> None:
    run.prune_at = 1
    ended = fit(folder, run, "    fit(devices=2, strategy='ddp')")
    assert [step for step, _ in run.reports] == [0, 1], ended.stderr
    assert len(run.reporters) == 1
    assert run.result == {"state": "pruned"}
    assert ended.returncode == 0, ended.stderr
