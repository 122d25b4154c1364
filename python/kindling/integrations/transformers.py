"""A callback for the Trainer of Hugging Face's `transformers`."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kindling._errors import KindlingError, nearest
from kindling.integrations._monitor import Monitor, Monitored
from kindling.trial import Trial, current_trial

if TYPE_CHECKING:

    class TrainerCallback:
        """That of `transformers`, as far as it matters here. The type check does not need the package."""

else:
    from transformers import TrainerCallback


class KindlingCallback(TrainerCallback):
    """Reports a metric after each evaluation, and ends the training when the trial should end.

        trainer = Trainer(..., callbacks=[KindlingCallback("eval_loss")])

    Several metrics are a list, `["loss", "size"]`, or a dict of the study's names and those that were evaluated,
    `{"accuracy": "eval_accuracy"}`.

    The step is the number of the evaluation, from 0: the epoch, with `eval_strategy="epoch"`. A checkpoint remembers
    it. With several processes the first one reports, and all of them end together.
    """

    def __init__(self, monitor: Monitor, trial: Trial | None = None) -> None:
        super().__init__()
        self.monitor = monitor
        self._monitored = Monitored(monitor, lambda name: name if name.startswith("eval_") else f"eval_{name}")
        self.trial = trial

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **more: Any) -> None:  # noqa: ARG002
        """The Trainer calls it."""
        if missing := self._monitored.missing(metrics):
            raise KindlingError(f"no metric `{missing}` was evaluated\nhint: {nearest(missing, metrics)}")
        # The Trainer has written this evaluation into its log, which its checkpoints hold.
        first = next(iter(self._monitored.names.values()))
        step = sum(1 for entry in state.log_history if first in entry) - 1
        trial = self.trial or current_trial()
        told: list[Any] = [None, ""]
        if state.is_world_process_zero:
            verdict = trial.report(self._monitored.reported(metrics, trial), step, raises=False)
            told = [verdict, trial.reason or f"pruned at step {step}"]
        if args.world_size > 1:
            # All processes act on what the first one heard. The Trainer cannot be without torch.
            import_module("torch.distributed").broadcast_object_list(told)
        trial.obey(*told)
