"""A callback for Lightning, by either of its names: `lightning` or `pytorch_lightning`."""

import sys
from typing import TYPE_CHECKING, Any

from kindling._errors import KindlingError, nearest
from kindling.integrations._monitor import Monitor, Monitored
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
    """

    def __init__(self, monitor: Monitor, trial: Trial | None = None) -> None:
        super().__init__()
        self.monitor = monitor
        self._monitored = Monitored(monitor)
        self.trial = trial
        self._step = 0

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
        """Lightning calls it."""
        if trainer.sanity_checking:
            return
        if missing := self._monitored.missing(trainer.callback_metrics):
            hint = nearest(missing, map(str, trainer.callback_metrics))
            raise KindlingError(f"no metric `{missing}` was logged\nhint: {hint}")
        trial = self.trial or current_trial()
        told: tuple[Verdict, str] | None = None
        if trainer.is_global_zero:
            reported = self._monitored.reported(trainer.callback_metrics, trial)
            verdict = trial.report(reported, self._step, raises=False)
            told = verdict, trial.reason or f"pruned at step {self._step}"
        self._step += 1
        verdict, reason = trainer.strategy.broadcast(told)
        trial.obey(verdict, reason)

    def state_dict(self) -> dict[str, Any]:
        """Lightning keeps it in the checkpoint."""
        return {"step": self._step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Lightning takes it from the checkpoint."""
        self._step = state_dict["step"]
