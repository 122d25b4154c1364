"""The callback for the Trainer of `transformers`, with the real package. Skipped where it is not installed."""

from pathlib import Path

import pytest

from conftest import python
from worker import Run, Worker, facts

pytest.importorskip("transformers")
pytest.importorskip("accelerate")

CODE = """
import torch, kindling
from transformers import Trainer, TrainingArguments
from kindling.integrations.transformers import KindlingCallback

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def forward(self, x, labels=None):
        out = self.layer(x)
        return {"loss": (out - labels).square().mean(), "logits": out}

def train(epochs=3, monitor="accuracy", resume=None):
    data = [{"x": torch.ones(1), "labels": torch.ones(1)}] * 8
    arguments = TrainingArguments(
        "out", num_train_epochs=epochs, eval_strategy="epoch", save_strategy="epoch", report_to=[], use_cpu=True,
        disable_tqdm=True, per_device_train_batch_size=4,
    )
    trainer = Trainer(
        Model(), arguments, train_dataset=data, eval_dataset=data, compute_metrics=lambda _: {"accuracy": 0.5},
        callbacks=[KindlingCallback(monitor)],
    )
    trainer.train(resume_from_checkpoint=resume)

kindling.current_trial()
"""


@pytest.fixture
def run() -> Run:
    return Run(facts())


def train(folder: Path, run: Run, script: str):
    with Worker(folder, one=run) as worker:
        ended = python(CODE + script, folder, worker.environment(HF_HUB_OFFLINE="1"))
    assert worker.refused == []
    return ended


@pytest.mark.parametrize("monitor", ["accuracy", "eval_accuracy"])
def test_each_evaluation_is_reported(folder: Path, run: Run, monitor: str) -> None:
    ended = train(folder, run, f"train(monitor={monitor!r})")
    assert ended.returncode == 0, ended.stderr
    assert run.reports == [(0, 0.5), (1, 0.5), (2, 0.5)]


def test_a_metric_is_reported_by_the_studys_name(folder: Path) -> None:
    run = Run({**facts(), "metrics": ["accuracy", "size"], "pruner_metric": "accuracy", "constraints": []})
    ended = train(folder, run, "train(2, monitor={'accuracy': 'eval_accuracy'})")
    assert ended.returncode == 0, ended.stderr
    assert run.reports == [(0, 0.5), (1, 0.5)]


def test_a_pruned_training_ends_so(folder: Path, run: Run) -> None:
    run.prune_at = 1
    ended = train(folder, run, "train()")
    assert ended.returncode == 0, ended.stderr
    assert len(run.reports) == 2
    assert run.result == {"state": "pruned"}


def test_a_training_goes_on_from_its_checkpoint_with_the_next_step(folder: Path, run: Run) -> None:
    ended = train(folder, run, "train(2)\ntrain(4, resume=True)")
    assert ended.returncode == 0, ended.stderr
    assert [step for step, _ in run.reports] == [0, 1, 2, 3]


def test_a_metric_that_was_not_evaluated_is_an_error_with_its_neighbours(folder: Path, run: Run) -> None:
    ended = train(folder, run, "train(monitor='acuracy')")
    assert ended.returncode == 1
    assert "no metric `eval_acuracy` was evaluated; did you mean `eval_accuracy`?" in ended.stderr
