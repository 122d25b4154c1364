"""A trial that this process asked for."""

import logging
import math
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc

from kindling._errors import TrialPruned, nearest
from kindling.client import _convert
from kindling.client._calls import FINISH, RELEASE, REPORT, Backoff, Link, Method, Req, Res
from kindling.client._errors import ClientError, InvalidArgumentError, RefusedError, TrialLostError
from kindling.client._meaning import may_change, said
from kindling.client._proto import study_pb2 as pb
from kindling.client._proto import worker_pb2 as work
from kindling.frozen import TrialState

if TYPE_CHECKING:
    from kindling.client._asker import Asker

log = logging.getLogger("kindling.client")

# As proto/src/limits.rs says.
_REPORTS = 100_000
_ATTRIBUTES, _NAME, _ATTRIBUTE, _ATTRIBUTES_IN_ALL = 256, 512, 64 * 1024, 1024 * 1024
_REASON = 64 * 1024
_MOST_STEP = 2**63 - 1
# How long a report waits for its answer. What it does not get in this time is sent with the next one.
_REPORT_PATIENCE = 10.0
_FAREWELL = 5.0
# A trial was leased to us, so our token was good. If it is not now, that is a mistake that somebody will put right.
_SHUT_OUT = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


class AskedTrial:
    """A trial of a study, which this process holds until it tells how it ended.

    As a context manager it tells what you do not: an exception fails the trial, `kindling.TrialPruned` prunes it, and
    Ctrl-C hands it back.
    """

    def __init__(self, asker: "Asker", assignment: work.Assignment) -> None:
        self.study: str = assignment.study
        self.number: int = assignment.claim.trial
        # Counts from 1. Above 1, another process had this trial and was lost.
        self.attempt: int = assignment.claim.attempt
        self.params: dict[str, Any] = _convert.params(assignment.params)
        # For all randomness of this trial, the same in every attempt.
        self.seed: int = assignment.seed
        # For what all trials of the study share.
        self.study_seed: int = assignment.study_seed
        # What the study's objectives and constraints are called, in its order. An objective alone may have no name.
        self.metric_names: list[str] = list(assignment.metric_names)
        self.constraint_names: list[str] = list(assignment.constraints)
        # What was told of constraints.
        self.constraints: dict[str, float] = {}
        self.user_attrs: dict[str, Any] = {}
        self._attributes: dict[str, str] = {}
        self._asker = asker
        self._claim = assignment.claim
        self._lock = threading.RLock()
        # The index of the objective that the pruner compares.
        self._compared: int = assignment.pruner_objective
        self._unsent: list[work.ReportRequest] = []
        self._steps = 0
        self._last_step = -1
        self._backoff = Backoff()
        self._rest_until = 0.0
        self._is_pruned = False
        # Why the trial is not ours any more. A heartbeat's answer may come before a call's, which has more to say.
        self._lost_by_call: str | None = None
        self._lost_by_heartbeat: str | None = None
        # A report that fails the trial, once the coordinator has it.
        self._fatal: str | None = None
        self._ended: str | None = None

    def __repr__(self) -> str:
        return f"AskedTrial(study={self.study!r}, number={self.number}, params={self.params!r})"

    def report(self, value: float | Mapping[str, float], step: int | None = None) -> None:
        """The value of a step. Steps ascend from 0; unless given, it is the next one.

        With several objectives it is a dict by name: that of the pruner must be there, others may. A number alone is
        that one's.

        While the coordinator is away, reports wait here, and this returns at once. Raises `TrialLostError` if the trial
        is not yours any more.
        """
        values = (
            self._by_index(value) if isinstance(value, Mapping) else {self._compared: _convert.real("value", value)}
        )
        if self._compared not in values:
            missing = self.metric_names[self._compared]
            raise InvalidArgumentError(f"the report has no `{missing}`, which the pruner compares")
        others = [
            pb.ObjectiveValue(objective=index, value=number)
            for index, number in sorted(values.items())
            if index != self._compared
        ]
        with self._lock:
            self._check()
            step = self._last_step + 1 if step is None else _convert.whole("step", step, 0, _MOST_STEP)
            if self._steps >= _REPORTS:
                raise InvalidArgumentError(f"a trial has at most {_REPORTS:,} reports", "report once per epoch")
            self._steps += 1
            self._last_step = max(step, self._last_step)
            if odd := [number for number in values.values() if not math.isfinite(number)]:
                self._fatal = f"it failed: the report of step {step} is {odd[0]}"
            request = work.ReportRequest(claim=self._claim, step=step, value=values[self._compared], others=others)
            self._unsent.append(request)
            self._send_some()
            self._check()

    def should_prune(self) -> bool:
        """Whether the pruner stops this trial, by all that was reported. Then tell that: `tell(state="pruned")`."""
        with self._lock:
            self._check()
            self._send_some()
            self._check()
            return self._is_pruned

    def set_user_attr(self, name: str, value: Any) -> None:
        """Notes something beside the values, as JSON. It is kept with the trial once that is told."""
        name = _convert.text("the attribute's name", name)
        if not 1 <= len(name.encode()) <= _NAME:
            raise InvalidArgumentError(f"an attribute's name has 1 to {_NAME} bytes, not {len(name.encode())}")
        written = _convert.to_json(f"attribute `{name}`", value)
        size = len(written.encode())
        if size > _ATTRIBUTE:
            raise InvalidArgumentError(f"attribute `{name}` has {size:,} bytes; at most {_ATTRIBUTE:,} are kept")
        with self._lock:
            attributes = {**self._attributes, name: written}
            in_all = sum(len(key.encode()) + len(text.encode()) for key, text in attributes.items())
            if len(attributes) > _ATTRIBUTES or in_all > _ATTRIBUTES_IN_ALL:
                most = f"at most {_ATTRIBUTES}, and {_ATTRIBUTES_IN_ALL:,} bytes together"
                raise InvalidArgumentError(f"attribute `{name}` is one too many: a trial has {most}")
            self._attributes = attributes
            self.user_attrs[name] = value

    def set_constraint(self, name: str, value: float) -> None:
        """The value of one of the study's constraints: it holds at or below 0. The last one counts.

        A trial that is told as complete needs all of them.
        """
        if name not in self.constraint_names:
            hint = nearest(str(name), self.constraint_names)
            raise InvalidArgumentError(f"the study has no constraint `{name}`", hint)
        number = _convert.real(name, value)
        with self._lock:
            self.constraints[name] = number

    def tell(
        self,
        value: float | Sequence[float] | Mapping[str, float] | None = None,
        state: TrialState | str | None = None,
        *,
        timeout: float | None = None,
    ) -> None:
        """How the trial ended: with this value, or in another state: "pruned" or "fail".

        Several values are a dict by name, or a list in the study's order.

        Once this returns, the result is on the coordinator's disk. While the coordinator is away it waits, for at most
        `timeout` seconds if you say so; if it is not told by then, `UnreachableError` is raised, the trial is still
        yours, and you may tell it again. A value that is not finite fails the trial.
        """
        end = _state(value, state)
        request = work.FinishRequest()
        if end == TrialState.COMPLETE:
            request.completed.values.extend(self._values(value))
            self._check_constraints()
            if not all(map(math.isfinite, request.completed.values)):
                log.warning("trial %s: the value %s is not finite, and fails it", self.number, value)
        elif end == TrialState.PRUNED:
            request.pruned.SetInParent()
        else:
            request.failed.reason = "told to have failed"
        self._finish(request, end.name, timeout)

    def fail(self, reason: str = "", *, timeout: float | None = None) -> None:
        """The trial failed."""
        reason = str(reason) or "told to have failed"
        reason = reason.encode("utf-8", "replace")[:_REASON].decode("utf-8", "ignore")
        self._finish(work.FinishRequest(failed=work.Failed(reason=reason)), "FAIL", timeout)

    def hand_back(self, *, timeout: float | None = None) -> None:
        """Gives the trial back. It is leased again, to whoever asks, with the same parameters."""
        with self._lock:
            if self._ended or self._lost:
                return
            try:
                self._link.call(RELEASE, work.ReleaseRequest(claim=self._claim), timeout=timeout)
            except TrialLostError as error:
                self._lose(error.message)
                return
            self._end("handed back")

    def __enter__(self) -> "AskedTrial":  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._ended:
            return isinstance(error, TrialPruned)
        if error is None:
            self.fail("the block ended without a value: call `trial.tell(value)` in it")
            return False
        if isinstance(error, TrialLostError) and self._lost:
            log.warning("trial %s: %s", self.number, self._lost)
            return True
        if isinstance(error, TrialPruned):
            self.tell(state=TrialState.PRUNED)
            return True
        try:
            if isinstance(error, Exception):
                self.fail(_reason(error), timeout=self._link.timeout)
            else:
                self.hand_back(timeout=_FAREWELL)
        except ClientError as also:
            # What went wrong first is what matters.
            log.warning("trial %s: how it ended could not be told: %s", self.number, also.message)
        return False

    def _finish(self, request: work.FinishRequest, end: str, timeout: float | None) -> None:
        """Tells the reports that wait, and then the end, for as long as it takes."""
        patience = math.inf if timeout is None else timeout
        deadline = time.monotonic() + patience
        with self._lock:
            if self._ended:
                raise RefusedError(f"trial {self.number} is over: {self._ended}")
            request.claim.CopyFrom(self._claim)
            if not request.HasField("failed") and len(self.constraints) == len(self.constraint_names):
                request.constraints.extend(self.constraints[name] for name in self.constraint_names)
            for name, text in self._attributes.items():
                request.attributes_json[name] = text
            # Even if the trial counts as lost: only the coordinator knows.
            try:
                while self._unsent:
                    self._persist(REPORT, self._unsent[0], deadline)
                    self._unsent.pop(0)
                self._persist(FINISH, request, deadline)
            except TrialLostError as error:
                self._lose(error.message)
                raise
            except (InvalidArgumentError, RefusedError):
                # That report is refused for good.
                del self._unsent[:1]
                raise
            self._end(end)

    def _by_index(self, named: Mapping[str, float]) -> dict[int, float]:
        """Values by the index of their objectives."""
        found = {}
        for name, value in named.items():
            if name not in self.metric_names:
                hint = nearest(str(name), self.metric_names)
                if not self.metric_names:
                    hint = "its objective has no name: give the number alone"
                elif name in self.constraint_names:
                    hint = f"it is a constraint: `set_constraint({name!r}, …)`"
                raise InvalidArgumentError(f"the study has no objective `{name}`", hint)
            found[self.metric_names.index(name)] = _convert.real(name, value)
        return found

    def _values(self, value: Any) -> list[float]:
        """A value for each objective, in the study's order."""
        if not isinstance(value, Mapping):
            values = [_convert.real("value", each) for each in (value if _is_many(value) else [value])]
            if self.metric_names and len(values) != len(self.metric_names):
                names = ", ".join(self.metric_names)
                raise InvalidArgumentError(f"{len(values)} values for {len(self.metric_names)} objectives: {names}")
            return values
        found = self._by_index(value)
        missing = [name for index, name in enumerate(self.metric_names) if index not in found]
        if missing:
            raise InvalidArgumentError(f"the result has no `{missing[0]}`", f"it needs {', '.join(self.metric_names)}")
        return [found[index] for index in range(len(found))]

    def _check_constraints(self) -> None:
        missing = [name for name in self.constraint_names if name not in self.constraints]
        if missing:
            hint = f"`trial.set_constraint({missing[0]!r}, …)`: it holds at or below 0"
            raise InvalidArgumentError(f"there is no value for the constraint `{missing[0]}`", hint)

    def _persist(self, method: Method[Req, Res], request: Req, deadline: float) -> None:
        """Repeats a call until it is answered."""
        left = deadline - time.monotonic()
        self._link.call(method, request, timeout=left, attempt=_REPORT_PATIENCE, may_repeat=_is_passing)

    def _send_some(self) -> None:
        """Sends the reports that wait, in order, unless the coordinator is away."""
        while self._unsent and time.monotonic() >= self._rest_until:
            try:
                answer = self._link.call_once(REPORT, self._unsent[0], timeout=_REPORT_PATIENCE)
            except grpc.RpcError as error:
                if _is_passing(error):
                    if self._rest_until == 0.0:
                        log.warning("trial %s: a report waits (%s)", self.number, said(error))
                    self._rest_until = time.monotonic() + self._backoff.wait()
                    return
                self._unsent.pop(0)
                refused = self._link.meaning(error)
                if isinstance(refused, TrialLostError):
                    self._lose(refused.message)
                raise refused from None
            self._unsent.pop(0)
            self._backoff, self._rest_until = Backoff(), 0.0
            self._heed(answer.verdict)

    def _heed(self, verdict: work.Verdict.ValueType) -> None:
        if verdict == work.VERDICT_PRUNE:
            self._is_pruned = True
        elif verdict == work.VERDICT_STOP:
            self._lose(self._fatal or "it was stopped")
        elif verdict == work.VERDICT_LOST:
            self._lose(self._fatal or "its lease was lost")

    def _check(self) -> None:
        if self._lost:
            raise TrialLostError(f"trial {self.number} is over: {self._lost}", "ask for another one")
        if self._ended:
            raise RefusedError(f"trial {self.number} is over: {self._ended}")

    def _lose(self, why: str) -> None:
        self._lost_by_call = why
        self._asker.drop(self)

    def _end(self, how: str) -> None:
        self._ended = how
        self._asker.drop(self)

    @property
    def _lost(self) -> str | None:
        return self._lost_by_call or (self._lost_by_heartbeat and (self._fatal or self._lost_by_heartbeat))

    @property
    def _link(self) -> Link:
        return self._asker.link


def _is_passing(error: grpc.RpcError) -> bool:
    return may_change(error) or error.code() in _SHUT_OUT


def _state(value: Any, state: TrialState | str | None) -> TrialState:
    if isinstance(state, str):
        try:
            state = TrialState[state.upper()]
        except KeyError:
            raise InvalidArgumentError(f"state: expected complete, pruned or fail, not {state!r}") from None
    if state is None:
        if value is None:
            hint = '`tell(value)`, `tell(state="pruned")` or `fail(reason)`'
            raise InvalidArgumentError("a trial is told with its value, or with another state", hint)
        return TrialState.COMPLETE
    state = TrialState(state)
    if not state.is_finished():
        raise InvalidArgumentError(f"state: a trial ends as complete, pruned or fail, not {state.name}")
    if (value is None) == (state == TrialState.COMPLETE):
        what = "needs its value" if value is None else "is told without a value; `report` it before"
        raise InvalidArgumentError(f"a trial that ends as {state.name} {what}")
    return state


def _is_many(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or (hasattr(value, "__len__") and not isinstance(value, (str, bytes)))


def _reason(error: Exception) -> str:
    """The error first, as lists show the start only; then where it was."""
    first = "".join(traceback.format_exception_only(error)).strip()
    trace = "".join(traceback.format_tb(error.__traceback__))
    return f"{first}\n{trace[-8000:]}"
