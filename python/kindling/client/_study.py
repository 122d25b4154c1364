"""A study of a coordinator."""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindling import _program, _progress
from kindling._display import Displayed
from kindling._frame import frame
from kindling._front import front
from kindling._like import like as _like
from kindling.client import _convert, _spec
from kindling.client._activity import Activity, activities
from kindling.client._asker import Asker
from kindling.client._calls import (
    CHANGE_BUDGET,
    DELETE_STUDY,
    ENQUEUE_TRIAL,
    GET_STUDY,
    GET_TRIAL,
    PAUSE_STUDY,
    RESUME_STUDY,
    RETRY_TRIAL,
    RETRY_TRIALS,
    STOP_STUDY,
)
from kindling.client._errors import InvalidArgumentError, RefusedError, UnknownTrialError
from kindling.client._info import StudyInfo, info
from kindling.client._proto import study_pb2 as pb
from kindling.client._remarks import Remarks
from kindling.client._trial import AskedTrial
from kindling.client._watch import StudyUpdate, all_trials, watch
from kindling.frozen import FrozenTrial, TrialState

if TYPE_CHECKING:
    import pandas as pd

    from kindling.client._client import Client

_U32 = 2**32 - 1
# As proto/src/limits.rs says: so many failed trials are repeated by one call.
_RETRIED = 1000


@dataclass(frozen=True)
class Retried:
    """What became of failed trials that were to be repeated."""

    retried: dict[int, int]
    """By the number of the failed trial: that of the new one."""
    refused: dict[int, str]
    """By the number of the trial: why it is not repeated."""


class RemoteStudy(Remarks, Displayed):
    """A study of a coordinator. Every call asks the coordinator anew; nothing is kept here.

    A notebook shows it by its page; `print(study)` says in a line how it stands.
    """

    def __init__(self, client: "Client", name: str) -> None:
        self.name = name
        self._client = client
        self._link = client._link  # noqa: SLF001 - they are one

    def __repr__(self) -> str:
        return f"RemoteStudy({self.name!r} at {self._link.address})"

    # IPython looks for it in the class that has `__repr__`.
    _repr_pretty_ = Displayed._repr_pretty_

    def info(self) -> StudyInfo:
        """The study as it is now."""
        return info(self._link.call(GET_STUDY, pb.GetStudyRequest(name=self.name)).study)

    @property
    def best_trial(self) -> FrozenTrial:
        """The best completed trial, whole. Of several objectives there is a front: see `best_trials`."""
        info = self.info()
        if len(info.directions) > 1:
            raise RefusedError(f"study `{self.name}` has several objectives", "`best_trials` has its front")
        best = info.best
        if best is None:
            raise UnknownTrialError(f"no trial of study `{self.name}` is complete yet")
        return self.trial(best.number)

    @property
    def best_value(self) -> float:
        value = self.best_trial.value
        assert value is not None
        return value

    @property
    def best_params(self) -> dict[str, Any]:
        return self.best_trial.params

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The front: the completed, feasible trials that no other dominates, by the first objective, then by the next.

        Of one objective, the best trial alone. They come in short: `trial` has intermediate values and attributes.
        """
        info = self.info()
        if len(info.directions) == 1:
            return [] if info.best is None else [info.best]
        if len(info.front) == info.front_size:
            return list(info.front)
        return front(self.trials((TrialState.COMPLETE,)), info.directions)

    @property
    def metric_names(self) -> list[str]:
        """What the objectives are called, in the order of their values. Empty: there is one, without a name."""
        return list(self.info().metric_names)

    def trial(self, number: int) -> FrozenTrial:
        """One trial."""
        request = pb.GetTrialRequest(study=self.name, number=_number(number))
        return _convert.trial(self._link.call(GET_TRIAL, request).trial)

    def trials(self, states: Iterable[TrialState] | None = None) -> list[FrozenTrial]:
        """All trials by number, or those in these states."""
        return list(self.iter_trials(states))

    def iter_trials(self, states: Iterable[TrialState] | None = None) -> Iterator[FrozenTrial]:
        """The same, a page at a time."""
        if states is not None:
            states = list(states)
            if not states:
                return
        wanted = [_convert.state_to_wire(state) for state in states or ()]
        yield from map(_convert.trial, all_trials(self._link, self.name, wanted))

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each trial, with the columns of Optuna's `trials_dataframe`."""
        info = self.info()
        return frame(self.iter_trials(), info.metric_names, info.constraint_names)

    def watch(self) -> Iterator[StudyUpdate]:
        """An update now and after each change, until the study is finished. Outlives the coordinator's restarts."""
        return watch(self._link, self.name)

    def enqueue(
        self, params: Mapping[str, Any] | None = None, *, like: int | None = None, warm_start: int | None = None
    ) -> FrozenTrial:
        """Adds a trial with some parameters fixed. It counts against the budget.

        `like` is the number of a trial whose parameters it has, but for those that are given. What has no meaning with
        these is left out. `warm_start` is the number of a trial whose newest checkpoint it goes on from.
        """
        params = {} if params is None else params
        # Refused here if it is no dict.
        fixed = _convert.named_values(params)
        if like is not None:
            fixed = _convert.named_values(_like(self.trial(like).params, params, self.info().space))
        request = pb.EnqueueTrialRequest(
            study=self.name,
            params=fixed,
            request_id=uuid.uuid4().hex,
            warm_start=None if warm_start is None else _number(warm_start),
        )
        return _convert.trial(self._link.call(ENQUEUE_TRIAL, request).trial)

    def retry(self, number: int) -> FrozenTrial:
        """Adds a trial with the parameters of a failed one. The budget grows by one."""
        request = pb.RetryTrialRequest(study=self.name, number=_number(number), request_id=uuid.uuid4().hex)
        return _convert.trial(self._link.call(RETRY_TRIAL, request).trial)

    def retry_all(self, numbers: Iterable[int] | None = None) -> Retried:
        """The same of several failed trials, or of all that have failed. Those that are refused are told, too.

        A trial that was repeated before is repeated again.
        """
        if numbers is None:
            numbers = [trial.number for trial in self.iter_trials([TrialState.FAIL])]
        wanted = [_number(number) for number in numbers]
        found = Retried(retried={}, refused={})
        for start in range(0, len(wanted), _RETRIED):
            some = wanted[start : start + _RETRIED]
            request = pb.RetryTrialsRequest(study=self.name, numbers=some, request_id=uuid.uuid4().hex)
            answer = self._link.call(RETRY_TRIALS, request)
            found.retried.update({one.failed: one.number for one in answer.retried})
            found.refused.update({one.failed: one.reason for one in answer.refused})
        return found

    def set_budget(self, trials: int) -> StudyInfo:
        """Sets how many trials are to finish. A paused study stays paused: see `resume`."""
        request = pb.ChangeBudgetRequest(name=self.name, trials=_convert.whole("trials", trials, 1, _U32))
        return info(self._link.call(CHANGE_BUDGET, request).study)

    def activity(self) -> Iterator[Activity]:
        """Who did what with the study, the newest first; at most 1,000 entries are kept."""
        return activities(self._link, self.name)

    def pause(self) -> StudyInfo:
        """No more trials are given out. Running ones may finish."""
        return info(self._link.call(PAUSE_STUDY, pb.PauseStudyRequest(name=self.name)).study)

    def resume(self, trials: int | None = None, confirm: Mapping[str, Any] | None = None) -> StudyInfo:
        """Trials are given out again. May also set a new budget, and what is confirmed after the search."""
        request = pb.ResumeStudyRequest(name=self.name)
        if trials is not None:
            request.trials = _convert.whole("trials", trials, 1, _U32)
        if confirm is not None:
            request.confirm.CopyFrom(_spec.confirmation(confirm))
        return info(self._link.call(RESUME_STUDY, request).study)

    def stop(self) -> StudyInfo:
        """Calls the running trials back. They wait, with their parameters, until the study is resumed."""
        return info(self._link.call(STOP_STUDY, pb.StopStudyRequest(name=self.name)).study)

    def delete(self) -> None:
        """Deletes the study and its trials. None may be running."""
        self._link.call(DELETE_STUDY, pb.DeleteStudyRequest(name=self.name))

    def ask(self, wait: float | None = None) -> AskedTrial | None:
        """A trial to evaluate here; None if none will come any more, or none came within `wait` seconds.

        Unless `wait` is given, this waits as long as the study may have another trial: until it is finished. While you
        hold the trial, a thread keeps it yours. If this process dies, the trial is leased again, to whoever asks.
        """
        if wait is not None and not wait >= 0:
            raise InvalidArgumentError(f"wait: expected seconds, or None, not {wait!r}")
        return self._asker().ask(wait)

    def tell(
        self,
        trial: AskedTrial | int,
        value: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """How a trial ended that was asked for. It is named by itself or by its number. See `AskedTrial.tell`."""
        if not isinstance(trial, AskedTrial):
            number = _number(trial)
            found = self._asker().held(number)
            if found is None:
                raise UnknownTrialError(f"trial {number} is not held by this client", "only who asked can tell")
            trial = found
        elif trial.study != self.name:
            raise InvalidArgumentError(f"this trial is one of study `{trial.study}`, not of `{self.name}`")
        trial.tell(value, state, timeout=timeout)

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the study's page, one HTML file that stands alone, and returns its path: the study's name with .html
        in this folder, unless told. The `kindling` program makes it, of what the coordinator says."""
        written = Path(_program.named_after(self.name, "html")) if path is None else Path(path)
        written.write_text(self._page(), encoding="utf-8")
        return written

    def _standing(self) -> str:
        info = self.info()
        best = info.best and {"number": info.best.number, "values": info.best.values}  # noqa: PD011 - no data frame
        return _progress.of_study(
            self.name,
            {
                "state": info.state,
                "counts": {state.name.lower(): count for state, count in info.counts.items()},
                "trials": info.trials,
                "directions": info.directions,
                "best": best,
                "front_size": info.front_size,
                "trials_per_hour": info.trials_per_hour,
                "seconds_left": None if info.time_left is None else info.time_left.total_seconds(),
            },
        )

    def _page(self) -> str:
        with self._link.options() as options:
            return _program.call("report", *options, about=[self.name])

    def _completed(self) -> tuple[list[FrozenTrial], list[str]]:
        return self.trials((TrialState.COMPLETE,)), list(self.info().directions)

    def _asker(self) -> Asker:
        known = self._client._askers.get(self.name)  # noqa: SLF001
        if known is not None:
            return known
        kind, mine = self.info().objective, _spec.ask_kind(self.name)
        if kind != mine:
            raise RefusedError(
                f"the trials of study `{self.name}` are run by workers (its objective is `{kind}`), not asked for",
                f'create a study without `objective`, or with `kind = "{mine}"`',
            )
        return self._client._ask_for(self.name, kind, lambda: self.info().finished)  # noqa: SLF001


def _number(number: Any) -> int:
    return _convert.whole("a trial's number", number, 0, _U32)
