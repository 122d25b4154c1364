"""What the callbacks share about checkpoints: when one is saved, folders as files, what the first process hears."""

import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kindling._errors import KindlingError, TrialStopped
from kindling.trial import Trial, Verdict

Told = tuple[Any, Verdict, str]
"""What a call of the first process gave, and the verdict and reason that it heard. All processes act on it."""


class Schedule:
    """When a checkpoint is saved: after each so many reports, and when the worker is about to leave."""

    def __init__(self, every: int | None) -> None:
        if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise KindlingError(f"checkpoint_every is a whole number from 1, or None for no checkpoints, not {every!r}")
        self.every = every
        self.saved = -1
        """The step of the newest one."""

    def may_save(self, step: int) -> bool:
        """Whether there may be one of this step, the last that was reported. The first one of a step counts."""
        return self.every is not None and step > self.saved

    def is_due(self, step: int) -> bool:
        """Whether it is time for one after this step."""
        return self.every is not None and (step + 1) % self.every == 0


def heard(trial: Trial, call: Callable[[], Any]) -> Told:
    """Makes a call that may raise because the trial was stopped, and says so instead."""
    try:
        return call(), "continue", ""
    except TrialStopped as stopped:
        return None, "stop", str(stopped) or trial.reason


def pack(folder: Path, file: Path) -> None:
    """A folder as one file. It is not compressed: weights hardly become smaller."""
    with tarfile.open(file, "w") as tar:
        tar.add(folder, arcname=".")


class Unpacked:
    """A folder that was packed, in a place of its own, which goes when this does."""

    def __init__(self, file: Path) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="kindling-checkpoint-")
        self.path = Path(self._place.name)
        # Early releases of Python 3.10 and 3.11 have no filters. What is unpacked is a checkpoint of this trial's own.
        filters: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        try:
            with tarfile.open(file, "r:") as tar:
                tar.extractall(self.path, **filters)  # noqa: S202 - see above
        except tarfile.TarError as error:
            raise KindlingError(
                f"the trial's checkpoint is no folder that this callback has saved: {error}\n"
                "hint: load with `trial.load_checkpoint` what was saved with `trial.save_checkpoint`"
            ) from None
