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


RESUMES = """
import hashlib, os, signal, sys, warnings
warnings.simplefilter("ignore")
import torch
from lightning.pytorch import LightningModule, Trainer
import kindling
from kindling.integrations.lightning import KindlingCallback

torch.set_num_threads(1)
trial = kindling.current_trial()
torch.manual_seed(trial.seed % 2**63)
ends = {ends}

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
    def training_step(self, batch, index):
        if (trial.attempt, self.current_epoch, index) == ends:
            os.kill(os.getpid(), signal.SIGKILL)
        x, y = batch
        return (self.layers(x) - y).square().mean()
    def validation_step(self, batch, _):
        x, y = batch
        self.log("val_loss", (self.layers(x) - y).square().mean())
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), 0.05)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)]

data = torch.utils.data.TensorDataset(torch.randn(32, 4), torch.randn(32, 1))
loader = lambda shuffle: torch.utils.data.DataLoader(data, batch_size=8, shuffle=shuffle)
callback = KindlingCallback("val_loss", checkpoint_every={every})
trainer = Trainer(
    max_epochs=6, accelerator="cpu", devices=1, logger=False, enable_progress_bar=False, enable_model_summary=False,
    enable_checkpointing=False, callbacks=[callback],
)
model = Model()
trainer.fit(model, loader(True), loader(False), ckpt_path=callback.load_checkpoint())
weights = b"".join(tensor.numpy().tobytes() for tensor in model.state_dict().values())
trial.set_user_attr("sha256", hashlib.sha256(weights).hexdigest())
trial.complete(callback.reported)
"""


def goes_on(folder: Path, run: Run, every: int = 1, ends: object = None):
    with Worker(folder, one=run) as worker:
        ended = python(RESUMES.format(every=every, ends=ends), folder, worker.environment())
    assert worker.refused == []
    return ended


@pytest.mark.parametrize(("every", "saved"), [(1, [0, 1, 2, 3]), (3, [2])])
def test_a_training_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    folder: Path, run: Run, every: int, saved: list[int]
) -> None:
    undisturbed = Run(facts())
    ended = goes_on(folder, undisturbed, every)
    assert ended.returncode == 0, ended.stderr
    killed = goes_on(folder, run, every, ends=(1, 4, 2))
    assert killed.returncode == -9, killed.stderr
    assert [step for step, _ in run.saved] == saved
    resumed = run.next_attempt(folder)
    assert goes_on(folder, resumed, every).returncode == 0
    assert resumed.attributes["sha256"] == undisturbed.attributes["sha256"]
    assert resumed.reports == undisturbed.reports
    assert resumed.result == undisturbed.result == {"state": "complete", "values": [str(undisturbed.reports[-1][1])]}


def test_a_worker_that_leaves_gets_a_checkpoint_that_was_not_due(folder: Path, run: Run) -> None:
    run.leaving = True
    ended = goes_on(folder, run, every=100)
    assert ended.returncode == 75, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ([step for step, _ in run.saved], run.result) == ([0], None)
    assert [step for step, _ in run.reports] == [0]


def test_a_training_that_had_ended_gives_its_value_again(folder: Path, run: Run) -> None:
    assert goes_on(folder, run).returncode == 0
    again = run.next_attempt(folder)
    ended = goes_on(folder, again)
    assert ended.returncode == 0, ended.stderr
    assert (again.result, again.attributes) == (run.result, run.attributes)


def test_two_processes_save_once_and_leave_together(folder: Path, run: Run) -> None:
    run.leaving = True
    code = CODE.replace("KindlingCallback(monitor)", "KindlingCallback(monitor, checkpoint_every=5)")
    with Worker(folder, one=run) as worker:
        ended = python(code + "    fit(devices=2, strategy='ddp')", folder, worker.environment())
    assert worker.refused == []
    assert [step for step, _ in run.saved] == [0], ended.stderr
    assert ended.returncode == 75, ended.stderr


@pytest.mark.parametrize("every", [0, 1.5, True])
def test_an_interval_is_a_whole_number(folder: Path, run: Run, every: object) -> None:
    code = f"from kindling.integrations.lightning import KindlingCallback as K\nK('val_loss', checkpoint_every={every})"
    ended = python(code, folder)
    assert "checkpoint_every is a whole number from 1" in ended.stderr
