"""A callback for Lightning, by either of its names: `lightning` or `pytorch_lightning`."""

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindling._errors import KindlingError, nearest
from kindling.integrations import _random
from kindling.integrations._checkpoints import Schedule, Told, heard
from kindling.integrations._monitor import Monitor, Monitored, Reported
from kindling.trial import Trial, Verdict, current_trial

if TYPE_CHECKING:

    class Callback:
        """Lightning's, as far as it matters here. The type check does not need the package."""

# A program uses one of the two. They are the same code, and neither takes the other's callbacks.
elif "pytorch_lightning" in sys.modules and "lightning" not in sys.modules:
    from pytorch_lightning import Callback
else:
    try:
        from lightning.pytorch import Callback
    except ModuleNotFoundError:
        from pytorch_lightning import Callback


class KindlingCallback(Callback):
    """Reports a metric after each validation, and ends the training when the trial should end.

        trainer = Trainer(callbacks=[KindlingCallback("val_loss")])

    Several metrics are a list, `["val_loss", "size"]`, or a dict of the study's names and those that were logged,
    `{"accuracy": "val_accuracy"}`.

    The step is the number of the validation, from 0: the epoch, unless you validate more or less often. A checkpoint
    remembers it. With several processes the first one reports, and all of them end together.

    With `checkpoint_every` it saves checkpoints, from which the trial's next attempt goes on:

        callback = KindlingCallback("val_loss", checkpoint_every=1)
        trainer = Trainer(callbacks=[callback])
        trainer.fit(model, ckpt_path=callback.load_checkpoint())
        trial.complete(callback.reported)

    They are Lightning's own, of the ends of epochs: after so many validations, and when the worker is about to leave.
    The state of random numbers is in them, too, unless there are several processes.
    """

    def __init__(self, monitor: Monitor, trial: Trial | None = None, *, checkpoint_every: int | None = None) -> None:
        super().__init__()
        self.monitor = monitor
        self._monitored = Monitored(monitor)
        self.trial = trial
        self.reported: Reported | None = None
        """What was reported last, by this attempt or before its checkpoint: a number, or several by name."""
        self._step = 0
        self._schedule = Schedule(checkpoint_every)
        self._is_alone = True
        self._random: dict[str, Any] | None = None

    def load_checkpoint(self) -> str | None:
        """For `ckpt_path=`: what an earlier attempt at the trial saved, or None. See `Trial.load_checkpoint`."""
        found = self._trial.load_checkpoint()
        return None if found is None else str(found.path)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Lightning calls it."""
        if trainer.sanity_checking:
            return
        if missing := self._monitored.missing(trainer.callback_metrics):
            hint = nearest(missing, map(str, trainer.callback_metrics))
            raise KindlingError(f"no metric `{missing}` was logged\nhint: {hint}")
        trial, step = self._trial, self._step
        reported = self.reported = self._monitored.reported(trainer.callback_metrics, trial)

        def report() -> Told:
            verdict = trial.report(reported, step, raises=False)
            return None, verdict, trial.reason or f"pruned at step {step}"

        self._step += 1
        self._by_first(trainer, report)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Lightning calls it, after the validation and before its own callbacks save theirs."""
        trial, step = self._trial, self._step - 1
        if not self._schedule.may_save(step):
            return
        if self._schedule.is_due(step) or self._by_first(trainer, lambda: heard(trial, trial.should_checkpoint)):
            self._schedule.saved = step
            self._save(trainer, step)

    def _save(self, trainer: Any, step: int) -> None:
        # All processes write one checkpoint together. The first one has its file.
        place = self._by_first(trainer, lambda: (tempfile.mkdtemp(prefix="kindling-checkpoint-"), "continue", ""))
        try:
            file = Path(place, "saved.ckpt")
            trainer.save_checkpoint(file)

            def send() -> Told:
                verdict = self._trial.save_checkpoint(file, step, raises=False)
                return None, verdict, self._trial.reason

            self._by_first(trainer, send)
        finally:
            if trainer.is_global_zero:
                shutil.rmtree(place, ignore_errors=True)

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Lightning calls it, once the checkpoint is loaded and before the data is."""
        self._is_alone = trainer.world_size == 1
        state, self._random = self._random, None
        if state is not None and self._is_alone:
            _random.restore(state)

    def state_dict(self) -> dict[str, Any]:
        """Lightning keeps it in the checkpoint."""
        state = {"step": self._step, "reported": self.reported}
        # Of several processes only the first one's would be kept.
        if self._schedule.every is not None and self._is_alone:
            state["random"] = _random.state()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Lightning takes it from the checkpoint."""
        self._step = state_dict["step"]
        self.reported = state_dict.get("reported")
        self._random = state_dict.get("random")

    @property
    def _trial(self) -> Trial:
        return self.trial or current_trial()

    def _by_first(self, trainer: Any, call: Callable[[], Told]) -> Any:
        """Makes a call in the first process, and has all of them act on what it heard."""
        told = call() if trainer.is_global_zero else None
        answer, verdict, reason = trainer.strategy.broadcast(told)
        heard_by_all: Verdict = verdict
        self._trial.obey(heard_by_all, reason)
        return answer
