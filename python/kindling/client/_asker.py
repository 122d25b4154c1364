"""Asks for trials of one study, and keeps those that it was given alive.

To the coordinator an asker is a worker. It says which trials it holds on a heartbeat stream. When that ends, because
this process has died, its trials are leased again within seconds.
"""

import contextlib
import logging
import math
import os
import secrets
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import grpc
from google.protobuf.duration_pb2 import Duration

from kindling.client._calls import HEARTBEAT, LEASE, RELEASE, Backoff, Link
from kindling.client._errors import ClientError, OverloadedError, RefusedError, UnreachableError
from kindling.client._meaning import may_change, said
from kindling.client._proto import worker_pb2 as work
from kindling.client._trial import AskedTrial

log = logging.getLogger("kindling.client")

# How many trials one asker may hold, as proto/src/limits.rs says.
_HOLDING = 1024
_PLACE = 256
# How long one lease call waits for work. In between, it is seen whether more will ever come.
_LONGEST_CHUNK = 10.0
# How long the answer to a lease call may take beyond what it waits for work.
_ANSWER = 10.0
_FIRST_INTERVAL = 1.0
_FAREWELL = 3.0
# How long a trial is kept for which nobody asks.
_SPARE = 2.0

_Key = tuple[int, int, int]


class Asker:
    """A worker that lives in this process, for one study."""

    def __init__(self, link: Link, study: str, kind: str, is_over: Callable[[], bool]) -> None:
        self.link = link
        self._study = study
        self._kind = kind
        # Whether no trial will ever come.
        self._is_over = is_over
        self._host = socket.gethostname().encode()[:_PLACE].decode("utf-8", "ignore")
        self._id = f"python-{self._host[:64]}-{os.getpid()}-{secrets.token_hex(4)}"
        self._session = secrets.randbits(63) | 1
        # Guards what follows. Nothing waits while it holds it.
        self._lock = threading.Lock()
        self._held: dict[_Key, AskedTrial] = {}
        # Those for which nobody has asked yet, and since when they are here.
        self._spare: deque[tuple[float, AskedTrial]] = deque()
        self._beating: threading.Thread | None = None
        self._stream: grpc.Call | None = None
        self._changed = threading.Event()
        # One lease call at a time: the next one must name what this one was given.
        self._leasing = threading.Lock()
        self._answer_got_lost = False
        self._closed = threading.Event()

    def ask(self, wait: float | None) -> AskedTrial | None:
        """A trial; None if none came in this time, or if none will ever come."""
        deadline = math.inf if wait is None else time.monotonic() + wait
        self._beat_from_now_on()
        chunk = 0.0
        while True:
            if trial := self._lease(chunk, deadline):
                return trial
            if time.monotonic() >= deadline or self._is_known_to_be_over():
                return None
            chunk = min(max(2 * chunk, 1.0), _LONGEST_CHUNK)

    def held(self, number: int) -> AskedTrial | None:
        """The trial of this number, if this asker holds it."""
        with self._lock:
            return next((trial for trial in self._held.values() if trial.number == number), None)

    def drop(self, trial: AskedTrial) -> None:
        """The trial is over."""
        with self._lock:
            self._held.pop(_key(trial._claim), None)  # noqa: SLF001 - they are one
        self._changed.set()

    def close(self) -> None:
        """Hands back what is held, and says goodbye."""
        if self._closed.is_set():
            return
        end = time.monotonic() + _FAREWELL
        self._closed.set()
        with contextlib.suppress(ClientError):
            self._ask_for_the_lost_answer()
        with self._lock:
            held = list(self._held.values())
        for trial in held:
            left = end - time.monotonic()
            if left <= 0:
                # It is leased again all the same, in seconds.
                break
            try:
                trial.hand_back(timeout=left)
            except ClientError as error:
                log.warning("trial %s could not be handed back: %s", trial.number, error.message)
                break
        self._changed.set()
        if self._stream is not None:
            self._stream.cancel()
        if self._beating is not None:
            self._beating.join(_FAREWELL)

    def _is_known_to_be_over(self) -> bool:
        try:
            return self._is_over()
        except (UnreachableError, OverloadedError):
            return False

    def _lease(self, wait: float, deadline: float) -> AskedTrial | None:
        """Takes a trial that is there, or one that comes within `wait`."""
        if not self._leasing.acquire(timeout=_until(deadline)):
            return None
        try:
            with self._lock:
                if self._spare:
                    return self._spare.popleft()[1]
                holding = [trial._claim for trial in self._held.values()]  # noqa: SLF001
            if self._closed.is_set():
                raise RefusedError("this client is closed")
            if len(holding) >= _HOLDING:
                raise RefusedError(f"this process holds {_HOLDING:,} trials", "tell some of them first")
            wait = max(min(wait, deadline - time.monotonic()), 0.0)
            request = self._request(holding, len(holding) + 1, [self._kind], wait)
            self._answer_got_lost = True
            patience = max(deadline - time.monotonic(), 0.0) + _ANSWER
            answer = self.link.call(
                LEASE, request, timeout=patience, attempt=wait + _ANSWER, may_repeat=self._may_repeat
            )
            self._answer_got_lost = False
            given = [AskedTrial(self, each) for each in answer.assignments]
            with self._lock:
                for trial in given:
                    self._held[_key(trial._claim)] = trial  # noqa: SLF001
            self._changed.set()
            self._refuse_foreign(given)
            with self._lock:
                # There are several if another trial was told while this call was on its way. The thread that told
                # it will mostly ask for the next one at once.
                self._spare.extend((time.monotonic(), trial) for trial in given[1:])
            return given[0] if given else None
        finally:
            self._leasing.release()

    def _may_repeat(self, error: grpc.RpcError) -> bool:
        return not self._closed.is_set() and may_change(error)

    def _refuse_foreign(self, given: list[AskedTrial]) -> None:
        foreign = [trial for trial in given if trial.study != self._study]
        for trial in foreign:
            trial.hand_back()
        if foreign:
            message = f"study `{foreign[0].study}` has the objective of this one, `{self._kind}`"
            raise RefusedError(message, "leave `objective` out when you create a study, and it gets its own")

    def _hand_back_spare(self) -> None:
        """A trial for which nobody asks must not be held for long."""
        while True:
            with self._lock:
                if not self._spare or time.monotonic() - self._spare[0][0] < _SPARE:
                    return
                _, trial = self._spare.popleft()
            try:
                trial.hand_back(timeout=_FAREWELL)
            except ClientError as error:
                log.warning("trial %s could not be handed back: %s", trial.number, error.message)

    def _look_for_the_lost_answer(self) -> None:
        """A trial of which only the coordinator knows would be kept alive by the heartbeats of others."""
        if self._answer_got_lost and self._leasing.acquire(blocking=False):
            try:
                self._ask_for_the_lost_answer()
            except ClientError as error:
                log.warning("%s", error.message)
            finally:
                self._leasing.release()

    def _ask_for_the_lost_answer(self) -> None:
        """If nobody read the answer of a lease call, what it gave is handed back."""
        if not self._answer_got_lost:
            return
        with self._lock:
            holding = [trial._claim for trial in self._held.values()]  # noqa: SLF001
        request = self._request(holding, min(len(holding) + 64, _HOLDING), [], 0.0)
        for each in self.link.call(LEASE, request, timeout=_FAREWELL).assignments:
            self.link.call(RELEASE, work.ReleaseRequest(claim=each.claim), timeout=_FAREWELL)
        self._answer_got_lost = False

    def _request(self, holding: list[work.Claim], slots: int, objectives: list[str], wait: float) -> work.LeaseRequest:
        seconds = int(wait)
        return work.LeaseRequest(
            worker_id=self._id,
            host=self._host,
            device="python",
            slots=slots,
            objectives=objectives,
            holding=holding,
            wait=Duration(seconds=seconds, nanos=int((wait - seconds) * 1e9)),
            session=self._session,
        )

    def _beat_from_now_on(self) -> None:
        self.link.check_usable()
        with self._lock:
            if self._beating is None and not self._closed.is_set():
                self._beating = threading.Thread(target=self._beat, name="kindling-heartbeat", daemon=True)
                self._beating.start()

    def _beat(self) -> None:
        backoff = Backoff()
        is_down = False
        while not self._closed.is_set():
            ended, answered = self._one_stream()
            if self._closed.is_set():
                return
            if answered:
                backoff, is_down = Backoff(), False
            if not is_down:
                is_down = True
                log.warning("heartbeat failed (%s); trying again", ended)
            self._closed.wait(backoff.wait())

    def _one_stream(self) -> tuple[str, bool]:
        """Runs one stream until it breaks. Returns why it did, and whether the coordinator ever answered."""
        stub = self.link.channel.stream_stream(
            HEARTBEAT.path,
            request_serializer=work.HeartbeatRequest.SerializeToString,
            response_deserializer=work.HeartbeatResponse.FromString,
        )
        beats = _Beats(self)
        answered = False
        stream = stub(iter(beats), metadata=self.link.metadata(HEARTBEAT), wait_for_ready=True)
        self._stream = beats.stream = stream
        if self._closed.is_set():
            stream.cancel()
        try:
            for answer in stream:
                answered = True
                beats.heard(answer.interval.seconds + answer.interval.nanos / 1e9)
                self._lose(answer.lost)
                self._hand_back_spare()
                self._look_for_the_lost_answer()
        except grpc.RpcError as error:
            return said(error), answered
        finally:
            beats.end()
        return "the stream ended", answered

    def _lose(self, lost: Iterable[work.Claim]) -> None:
        for claim in lost:
            with self._lock:
                trial = self._held.pop(_key(claim), None)
                self._spare = deque(spare for spare in self._spare if spare[1] is not trial)
            if trial is not None:
                # No call is made under the trial's lock that waits for this thread.
                trial._lost_by_heartbeat = "its lease was lost, or the study was stopped"  # noqa: SLF001

    def _message(self) -> work.HeartbeatRequest:
        with self._lock:
            holding = [trial._claim for trial in self._held.values()]  # noqa: SLF001
        return work.HeartbeatRequest(
            worker_id=self._id,
            host=self._host,
            device="python",
            slots=max(len(holding), 1),
            holding=holding,
            session=self._session,
        )


class _Beats:
    """The messages of one heartbeat stream: at each interval, and whenever what is held changes."""

    def __init__(self, asker: Asker) -> None:
        self.stream: grpc.Call | None = None
        self._asker = asker
        self._interval = _FIRST_INTERVAL
        self._heard_at = time.monotonic()
        self._ended = threading.Event()

    def __iter__(self) -> Iterator[work.HeartbeatRequest]:
        asker = self._asker
        changed = threading.Event()
        asker._changed = changed  # noqa: SLF001
        while not self._ended.is_set() and not asker._closed.is_set():  # noqa: SLF001
            yield asker._message()  # noqa: SLF001
            changed.wait(self._interval)
            changed.clear()
            # A coordinator may be connected and yet stand still.
            if time.monotonic() - self._heard_at > 3 * self._interval + _ANSWER and self.stream is not None:
                self.stream.cancel()
                return

    def heard(self, interval: float) -> None:
        self._heard_at = time.monotonic()
        self._interval = max(interval, 0.01)

    def end(self) -> None:
        self._ended.set()
        self._asker._changed.set()  # noqa: SLF001


def _key(claim: work.Claim) -> _Key:
    return (claim.study_id, claim.trial, claim.attempt)


def _until(deadline: float) -> float:
    """For a lock, which takes -1 for ever."""
    return -1 if deadline == math.inf else max(deadline - time.monotonic(), 0.0)
