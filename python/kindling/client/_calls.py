"""Calls: which there are, how long they may take, which are repeated, and what their errors mean."""

import contextlib
import logging
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
from google.protobuf.message import Message

from kindling.client._connection import MESSAGE, Connection
from kindling.client._errors import ClientError, InvalidArgumentError
from kindling.client._meaning import may_change, meaning, said
from kindling.client._proto import study_pb2 as pb
from kindling.client._proto import worker_pb2 as work
from kindling.client._user import USER, user

log = logging.getLogger("kindling.client")

# How long one try of a call may take.
PATIENCE = 30.0
_FIRST_WAIT, _LONGEST_WAIT = 0.2, 5.0
# The largest request, except from workers, as proto/src/limits.rs says.
_REQUEST = 512 * 1024
_WORKERS = "WorkerService"

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


@dataclass(frozen=True)
class Method(Generic[Req, Res]):
    """A method of the coordinator."""

    service: str
    name: str
    request: type[Req]
    response: type[Res]
    # Whether it may be repeated when nobody knows if it was carried out.
    repeatable: bool = True

    @property
    def path(self) -> str:
        return f"/kindling.v1.{self.service}/{self.name}"


CREATE_STUDY = Method("StudyService", "CreateStudy", pb.CreateStudyRequest, pb.CreateStudyResponse)
GET_STUDY = Method("StudyService", "GetStudy", pb.GetStudyRequest, pb.GetStudyResponse)
LIST_STUDIES = Method("StudyService", "ListStudies", pb.ListStudiesRequest, pb.ListStudiesResponse)
PAUSE_STUDY = Method("StudyService", "PauseStudy", pb.PauseStudyRequest, pb.PauseStudyResponse)
RESUME_STUDY = Method("StudyService", "ResumeStudy", pb.ResumeStudyRequest, pb.ResumeStudyResponse)
STOP_STUDY = Method("StudyService", "StopStudy", pb.StopStudyRequest, pb.StopStudyResponse)
ANNOTATE_STUDY = Method("StudyService", "AnnotateStudy", pb.AnnotateStudyRequest, pb.AnnotateStudyResponse)
# If somebody made a study of the same name meanwhile, a repeated call would delete that.
DELETE_STUDY = Method("StudyService", "DeleteStudy", pb.DeleteStudyRequest, pb.DeleteStudyResponse, repeatable=False)
WATCH_STUDY = Method("StudyService", "WatchStudy", pb.WatchStudyRequest, pb.WatchStudyResponse)
LIST_TRIALS = Method("TrialService", "ListTrials", pb.ListTrialsRequest, pb.ListTrialsResponse)
GET_TRIAL = Method("TrialService", "GetTrial", pb.GetTrialRequest, pb.GetTrialResponse)
ANNOTATE_TRIAL = Method("TrialService", "AnnotateTrial", pb.AnnotateTrialRequest, pb.AnnotateTrialResponse)
LIST_ACTIVITY = Method("StudyService", "ListActivity", pb.ListActivityRequest, pb.ListActivityResponse)
CHANGE_BUDGET = Method("StudyService", "ChangeBudget", pb.ChangeBudgetRequest, pb.ChangeBudgetResponse)
# These carry an id of the request.
ENQUEUE_TRIAL = Method("TrialService", "EnqueueTrial", pb.EnqueueTrialRequest, pb.EnqueueTrialResponse)
RETRY_TRIAL = Method("TrialService", "RetryTrial", pb.RetryTrialRequest, pb.RetryTrialResponse)
RETRY_TRIALS = Method("TrialService", "RetryTrials", pb.RetryTrialsRequest, pb.RetryTrialsResponse)
# These carry the claim of a lease.
LEASE = Method(_WORKERS, "Lease", work.LeaseRequest, work.LeaseResponse)
REPORT = Method(_WORKERS, "Report", work.ReportRequest, work.ReportResponse)
FINISH = Method(_WORKERS, "Finish", work.FinishRequest, work.FinishResponse)
RELEASE = Method(_WORKERS, "Release", work.ReleaseRequest, work.ReleaseResponse)
HEARTBEAT = Method(_WORKERS, "Heartbeat", work.HeartbeatRequest, work.HeartbeatResponse)


class Backoff:
    """Waits that double, with jitter, so that many who lost the same coordinator do not come back at one moment."""

    def __init__(self) -> None:
        self._next = _FIRST_WAIT

    def wait(self) -> float:
        """How long to wait this time."""
        this = self._next * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        self._next = min(self._next * 2, _LONGEST_WAIT)
        return this


class Link:
    """The connection to a coordinator, and the calls on it."""

    def __init__(self, connection: Connection, timeout: float) -> None:
        self.address = connection.address
        self.timeout = timeout
        self._channel = connection.channel()
        self._tls = connection.tls
        self._tokens = {True: connection.worker_token, False: connection.token}
        name = user()
        self._who = () if name is None else ((USER, name),)
        self._stubs: dict[str, Callable[..., Message]] = {}
        self._process = os.getpid()
        self._closed = False

    def call(
        self,
        method: Method[Req, Res],
        request: Req,
        *,
        timeout: float | None = None,
        attempt: float = PATIENCE,
        may_repeat: Callable[[grpc.RpcError], bool] = may_change,
    ) -> Res:
        """Makes a call, and repeats it where that is safe, as long as `may_repeat` and until `timeout` has passed.

        Each try may take `attempt`. `timeout` is the client's own unless given.
        """
        end = time.monotonic() + (self.timeout if timeout is None else timeout)
        backoff = Backoff()
        away: grpc.RpcError | None = None
        while True:
            left = max(end - time.monotonic(), 0.05)
            try:
                # While the coordinator is away, this waits for the connection, which has a backoff of its own.
                answer = self.call_once(method, request, timeout=min(attempt, left), wait_for_ready=away is not None)
            except grpc.RpcError as error:
                self.check_usable()
                wait = backoff.wait()
                if not method.repeatable or time.monotonic() + wait >= end or not may_repeat(error):
                    is_late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
                    raise self.meaning(away if away and is_late else error) from None
                if away is None:
                    log.warning("%s failed (%s); trying again", method.name, said(error))
                    away = error
                time.sleep(wait)
            else:
                if away is not None:
                    log.info("%s: the coordinator answers again", method.name)
                return answer

    def call_once(self, method: Method[Req, Res], request: Req, *, timeout: float, wait_for_ready: bool = False) -> Res:
        """Makes a call; raises gRPC's own error."""
        self.check_usable()
        _check_size(method, request)
        stub = self._stubs.get(method.path)
        if stub is None:
            stub = self._channel.unary_unary(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            self._stubs[method.path] = stub
        answer = stub(request, timeout=timeout, metadata=self.metadata(method), wait_for_ready=wait_for_ready)
        assert isinstance(answer, method.response)
        return answer

    def metadata(self, method: Method[Req, Res]) -> tuple[tuple[str, str], ...]:
        token = self._tokens[method.service == _WORKERS]
        return self._who if token is None else (("authorization", f"Bearer {token}"), *self._who)

    @property
    def channel(self) -> grpc.Channel:
        self.check_usable()
        return self._channel

    @contextlib.contextmanager
    def options(self) -> Iterator[list[str]]:
        """How the `kindling` program is told to ask the same coordinator. A token goes by a file of one's own."""
        options = [f"--coordinator={self.address}", *self._tls]
        token = self._tokens[False]
        if token is None:
            yield options
            return
        with tempfile.NamedTemporaryFile("w", prefix="kindling-token-") as file:
            file.write(token)
            file.flush()
            yield [*options, f"--token-file={file.name}"]

    def is_mine(self) -> bool:
        """Whether it was made in this process."""
        return os.getpid() == self._process

    def check_usable(self) -> None:
        if self._closed:
            raise ClientError("this client is closed", "kindling.connect() makes another one")
        if not self.is_mine():
            hint = "call kindling.connect() in each process; gRPC does not survive a fork"
            raise ClientError("this client was made in another process, which forked", hint)

    def close(self) -> None:
        self._closed = True
        if self.is_mine():
            self._channel.close()

    def meaning(self, error: grpc.RpcError) -> ClientError:
        """The error as this client raises it."""
        return meaning(error, self.address)


def _check_size(method: Method[Req, Res], request: Message) -> None:
    size, most = request.ByteSize(), MESSAGE if method.service == _WORKERS else _REQUEST
    if size > most:
        raise InvalidArgumentError(f"{method.name}: the request has {size:,} bytes, and at most {most:,} are accepted")
