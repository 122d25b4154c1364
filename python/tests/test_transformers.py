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


RESUMES = """
import hashlib, os, signal, torch, kindling
from transformers import Trainer, TrainerCallback, TrainingArguments
from kindling.integrations.transformers import KindlingCallback

torch.set_num_threads(1)
trial = kindling.current_trial()
ends = {ends}

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.3), torch.nn.Linear(8, 1))
    def forward(self, x, labels=None):
        out = self.layers(x)
        return dict(loss=(out - labels).square().mean(), logits=out)

class Killer(TrainerCallback):
    def on_step_end(self, args, state, control, **more):
        if (trial.attempt, state.global_step) == ends:
            os.kill(os.getpid(), signal.SIGKILL)

torch.manual_seed(7)
data = [dict(x=torch.randn(4), labels=torch.randn(1)) for _ in range(16)]
arguments = TrainingArguments(
    "out-%d" % trial.attempt, num_train_epochs=5, eval_strategy="epoch", report_to=[], use_cpu=True, seed=11,
    disable_tqdm=True, per_device_train_batch_size=4, learning_rate=0.05, lr_scheduler_type="cosine", **{more},
)
callback = KindlingCallback("eval_loss", checkpoint_every={every})
trainer = Trainer(
    Model(), arguments, train_dataset=data, eval_dataset=data, callbacks=[callback, Killer()],
)
trainer.train(resume_from_checkpoint=callback.load_checkpoint())
weights = b"".join(tensor.numpy().tobytes() for tensor in trainer.model.state_dict().values())
trial.set_user_attr("sha256", hashlib.sha256(weights).hexdigest())
trial.set_user_attr("left", sorted(os.listdir(arguments.output_dir)) if os.path.isdir(arguments.output_dir) else [])
trial.complete(callback.reported)
"""
NO_SAVING = {"save_strategy": "no"}


def goes_on(folder: Path, run: Run, every: int = 1, ends: object = None, more: object = NO_SAVING):
    code = RESUMES.format(every=every, ends=ends, more=more)
    with Worker(folder, one=run) as worker:
        ended = python(code, folder, worker.environment(HF_HUB_OFFLINE="1"))
    assert worker.refused == []
    return ended


@pytest.mark.parametrize(("every", "saved"), [(1, [0, 1, 2]), (2, [1])])
def test_a_training_that_was_killed_ends_with_the_weights_of_one_that_was_not(
    folder: Path, run: Run, every: int, saved: list[int]
) -> None:
    undisturbed = Run(facts())
    ended = goes_on(folder, undisturbed, every)
    assert ended.returncode == 0, ended.stderr
    # In the middle of the fourth epoch, which has four steps.
    killed = goes_on(folder, run, every, ends=(1, 14))
    assert killed.returncode == -9, killed.stderr
    assert [step for step, _ in run.saved] == saved
    resumed = run.next_attempt(folder)
    ended = goes_on(folder, resumed, every)
    assert ended.returncode == 0, ended.stderr
    assert resumed.attributes["sha256"] == undisturbed.attributes["sha256"]
    assert resumed.reports == undisturbed.reports
    assert resumed.result == undisturbed.result == {"state": "complete", "values": [str(undisturbed.reports[-1][1])]}
    assert undisturbed.attributes["left"] == []


def test_a_worker_that_leaves_gets_a_checkpoint_that_was_not_due(folder: Path, run: Run) -> None:
    run.leaving = True
    ended = goes_on(folder, run, every=100)
    assert ended.returncode == 75, ended.stderr
    assert ([step for step, _ in run.saved], run.result) == ([0], None)


def test_what_the_trainer_saves_by_itself_stays(folder: Path, run: Run) -> None:
    ended = goes_on(folder, run, every=2, more={"save_strategy": "epoch", "save_total_limit": 2})
    assert ended.returncode == 0, ended.stderr
    assert [step for step, _ in run.saved] == [1, 3]
    assert run.attributes["left"] == ["checkpoint-16", "checkpoint-20"]


def test_a_training_that_had_ended_gives_its_value_again(folder: Path, run: Run) -> None:
    assert goes_on(folder, run).returncode == 0
    again = run.next_attempt(folder)
    ended = goes_on(folder, again)
    assert ended.returncode == 0, ended.stderr
    assert (again.result, again.attributes["sha256"]) == (run.result, run.attributes["sha256"])


@pytest.mark.parametrize(
    ("more", "hint"),
    [
        ({"save_strategy": "no", "save_only_model": True}, "save_only_model=False"),
        (
            {"save_strategy": "best", "metric_for_best_model": "eval_loss", "greater_is_better": False},
            'save_strategy="no"',
        ),
    ],
)
def test_what_leaves_no_checkpoint_to_go_on_from_is_refused(folder: Path, run: Run, more: object, hint: str) -> None:
    ended = goes_on(folder, run, more=more)
    assert ended.returncode == 1
    assert hint in ended.stderr
    assert run.saved == []


def test_what_is_no_folder_is_refused(folder: Path) -> None:
    (folder / "0").write_bytes(b"a pickle")
    run = Run(facts(attempt=2), checkpoint={"step": 0, "path": str(folder / "0")})
    ended = goes_on(folder, run)
    assert ended.returncode == 1
    assert "the trial's checkpoint is no folder that this callback has saved" in ended.stderr
