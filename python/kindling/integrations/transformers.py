"""A callback for the Trainer of Hugging Face's `transformers`."""

import shutil
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindling._errors import KindlingError, nearest
from kindling.integrations._checkpoints import Schedule, Told, Unpacked, heard, pack
from kindling.integrations._monitor import Monitor, Monitored, Reported
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

    With `checkpoint_every` it saves checkpoints, from which the trial's next attempt goes on:

        callback = KindlingCallback("eval_loss", checkpoint_every=1)
        trainer = Trainer(..., callbacks=[callback])
        trainer.train(resume_from_checkpoint=callback.load_checkpoint())
        trial.complete(callback.reported)

    They are the Trainer's own, made after so many evaluations, and when the worker is about to leave, whatever its
    `save_strategy` is. Those that the Trainer would not have made are taken from its folder again.
    """

    def __init__(self, monitor: Monitor, trial: Trial | None = None, *, checkpoint_every: int | None = None) -> None:
        super().__init__()
        self.monitor = monitor
        self._monitored = Monitored(monitor, lambda name: name if name.startswith("eval_") else f"eval_{name}")
        self.trial = trial
        self.reported: Reported | None = None
        """What was reported last, by this attempt or before its checkpoint: a number, or several by name."""
        self._schedule = Schedule(checkpoint_every)
        self._is_training = False
        self._saves: int | None = None
        self._is_extra = False
        self._unpacked: Unpacked | None = None

    def load_checkpoint(self) -> str | None:
        """For `resume_from_checkpoint=`: the folder that an earlier attempt at the trial saved, or None.

        It is there as long as this callback. See `Trial.load_checkpoint`.
        """
        found = self._trial.load_checkpoint()
        if found is None:
            return None
        self._unpacked = Unpacked(found.path)
        return str(self._unpacked.path)

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """The Trainer calls it, once it has loaded the checkpoint."""
        self._is_training = True
        names = self._monitored.names.values()
        before = [entry for entry in state.log_history if all(name in entry for name in names)]
        if before:
            self.reported = self._monitored.reported(before[-1], self._trial)
        if self._schedule.every is None:
            return
        if args.save_only_model:
            raise KindlingError("a checkpoint to go on from needs more than the model\nhint: save_only_model=False")
        if args.save_strategy == "best":
            raise KindlingError(
                'with save_strategy="best" the Trainer saves the best alone, and a trial goes on from the newest\n'
                'hint: save_strategy="no", or leave out checkpoint_every'
            )

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """The Trainer calls it."""
        self._is_training = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, Any], **more: Any) -> None:  # noqa: ARG002
        """The Trainer calls it."""
        if missing := self._monitored.missing(metrics):
            raise KindlingError(f"no metric `{missing}` was evaluated\nhint: {nearest(missing, metrics)}")
        # The Trainer has written this evaluation into its log, which its checkpoints hold.
        first = next(iter(self._monitored.names.values()))
        step = sum(1 for entry in state.log_history if first in entry) - 1
        trial = self._trial
        reported = self.reported = self._monitored.reported(metrics, trial)

        def report() -> Told:
            verdict = trial.report(reported, step, raises=False)
            return None, verdict, trial.reason or f"pruned at step {step}"

        _by_first(args, state, trial, report)
        if self._is_training and self._schedule.may_save(step):
            due = self._schedule.is_due(step)
            if due or _by_first(args, state, trial, lambda: heard(trial, trial.should_checkpoint)):
                self._saves, self._is_extra = step, not control.should_save
                control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:  # noqa: ARG002
        """The Trainer calls it, when it has written a checkpoint into a folder."""
        if self._saves is None:
            return
        step, self._saves = self._saves, None
        self._schedule.saved = step
        folder, trial = Path(args.output_dir, f"checkpoint-{state.global_step}"), self._trial

        def send() -> Told:
            with tempfile.TemporaryDirectory(prefix="kindling-checkpoint-") as place:
                file = Path(place, "saved.tar")
                pack(folder, file)
                # The best one is read again in the end.
                if self._is_extra and not args.load_best_model_at_end:
                    shutil.rmtree(folder, ignore_errors=True)
                verdict = trial.save_checkpoint(file, step, raises=False)
            return None, verdict, trial.reason

        if args.world_size > 1:
            # Each process has written its own part.
            import_module("torch.distributed").barrier()
        _by_first(args, state, trial, send)

    @property
    def _trial(self) -> Trial:
        return self.trial or current_trial()


def _by_first(args: Any, state: Any, trial: Trial, call: Callable[[], Told]) -> Any:
    """Makes a call in the first process, and has all of them act on what it heard."""
    told: list[Any] = list(call()) if state.is_world_process_zero else [None, "", ""]
    if args.world_size > 1:
        # The Trainer cannot be without torch.
        import_module("torch.distributed").broadcast_object_list(told)
    answer, verdict, reason = told
    trial.obey(verdict, reason)
    return answer
