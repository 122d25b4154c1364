"""Optuna's storage on a Kindling coordinator, with token, TLS, and patience while the coordinator is away.

    import optuna
    from kindling.optuna import Storage

    study = optuna.create_study(storage=Storage("http://127.0.0.1:50051"), study_name="mine", load_if_exists=True)
    study.optimize(objective, n_trials=100)

Optuna's own `GrpcStorageProxy` works as well, but has neither token nor TLS, and ends with an error when the
coordinator is restarted. Needs `pip install 'kindling-hpo[optuna]'`.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import grpc
import optuna
from optuna.storages import GrpcStorageProxy
from optuna.storages._grpc.auto_generated import api_pb2, api_pb2_grpc
from optuna.storages._grpc.client import GrpcClientCache

from kindling.client._calls import Backoff
from kindling.client._connection import StrPath, connection

__all__ = ["LOST_AFTER", "RETRY_LOST", "SAMPLER", "Storage", "fail_lost_trials", "propose"]

log = logging.getLogger("kindling.optuna")

LOST_AFTER = "kindling:lost_after"
"""The study's attribute that says after how many seconds without its client a running trial fails."""
RETRY_LOST = "kindling:retry_lost"
"""The study's attribute that says how often a lost trial is enqueued again."""

SAMPLER = "kindling:sampler"
"""The study's attribute that names the sampler of Kindling's that proposes."""

# The header with the id of a request, by which a repeated one is known.
_REQUEST_ID = "kindling-request"
# Nobody knows whether such a call was carried out.
_AWAY = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.UNKNOWN})


def fail_lost_trials(study: optuna.Study, *, after: float, retries: int = 0) -> None:
    """Asks the coordinator to fail trials of this study whose client is gone.

    A trial's client is gone once its connection has ended; if nobody speaks for the trial within `after` seconds from
    then, it fails. It is enqueued again up to `retries` times, as Optuna's `RetryFailedTrialCallback` does it.
    """
    study.set_user_attr(LOST_AFTER, after)
    study.set_user_attr(RETRY_LOST, retries)


def propose(study: optuna.Study, sampler: str | Mapping[str, Any] = "auto") -> None:
    """Lets the coordinator propose the parameters of this study's trials, with a sampler of Kindling's.

    It proposes over the parameters that earlier trials have shown. What a script asks for beyond that, Optuna's own
    sampler answers, as it does for the first trial. Of several objectives, `tpe` proposes, whichever sampler
    is named.

    `sampler` is a kind such as `"auto"`, or a dict with `kind` and its options, as in a study file.
    """
    study.set_user_attr(SAMPLER, sampler if isinstance(sampler, str) else dict(sampler))


class Storage(GrpcStorageProxy):  # type: ignore[misc] # experimental_class has no types
    """Optuna's storage on a coordinator.

    Args:
        address: `http://HOST:PORT`, or `https://` with TLS. Default: `KINDLING_COORDINATOR`, else this machine.
        token: The client token. Default: the one in `token_file`, or in the file named by `KINDLING_TOKEN_FILE`.
        token_file: A file with the client token.
        ca: The certificate authority to trust with TLS; the system's by default.
        cert: A certificate of the client's own, if the coordinator asks for one.
        key: Its key.
        patience: For how many seconds a call waits for a coordinator that is away. A call whose answer got lost is
            repeated, and carried out once.
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        token: str | None = None,
        token_file: StrPath | None = None,
        ca: StrPath | None = None,
        cert: StrPath | None = None,
        key: StrPath | None = None,
        patience: float = 300.0,
    ) -> None:
        # Not the proxy's own: that knows a host and a port only.
        self._settings: dict[str, Any] = {
            "address": address, "token": token, "token_file": token_file, "ca": ca, "cert": cert, "key": key,
        }  # fmt: skip
        self._patience = patience
        self._setup()

    def _setup(self) -> None:
        at = connection(**self._settings, worker_token=None, worker_token_file=None)
        # All trials of a study come in one message.
        channel = at.channel({"grpc.max_receive_message_length": -1})
        self._channel = grpc.intercept_channel(channel, _Calls(at.token, self._patience))
        self._stub = api_pb2_grpc.StorageServiceStub(self._channel)
        self._cache = GrpcClientCache(self._stub)

    def wait_server_ready(self, timeout: float | None = None) -> None:
        """Waits until the coordinator answers, at most `timeout` seconds."""
        try:
            grpc.channel_ready_future(self._channel).result(timeout=timeout)
        except grpc.FutureTimeoutError as error:
            raise ConnectionError("the coordinator does not answer") from error

    def __repr__(self) -> str:
        return f"Storage({self._settings['address']!r})"


class _Details(NamedTuple):
    """What an interceptor may change of a call. The class that gRPC has for it is private."""

    method: str
    timeout: float | None
    metadata: list[tuple[str, str | bytes]]
    credentials: grpc.CallCredentials | None
    wait_for_ready: bool | None
    compression: Any


class _Calls(grpc.UnaryUnaryClientInterceptor):
    """Shows the token, and repeats calls whose answer got lost."""

    def __init__(self, token: str | None, patience: float) -> None:
        self._token = token
        self._patience = patience

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        metadata: list[tuple[str, str | bytes]] = [*(details.metadata or ()), (_REQUEST_ID, uuid.uuid4().hex)]
        if self._token is not None:
            metadata.append(("authorization", f"Bearer {self._token}"))
        name = details.method.rsplit("/", 1)[-1]
        end, backoff, is_repeated = time.monotonic() + self._patience, Backoff(), False
        while True:
            left = max(end - time.monotonic(), 0.05)
            # The first try fails at once if nobody listens, so that the log can say so.
            now = _Details(
                details.method, details.timeout or left, metadata, details.credentials, is_repeated, details.compression
            )
            call = continuation(now, request)
            code = call.code()
            if code not in _AWAY or time.monotonic() >= end:
                # All other repeated calls are known to the coordinator by the request's id, or change nothing.
                was_deleted = is_repeated and name == "DeleteStudy" and code is grpc.StatusCode.NOT_FOUND
                return _Done(api_pb2.DeleteStudyReply()) if was_deleted else call
            if not is_repeated:
                log.warning("%s: the coordinator does not answer (%s); waiting for it", name, call.details())
            is_repeated = True
            time.sleep(min(backoff.wait(), left))


class _Done:
    """A call that has this answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002
        return self._answer

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.OK

    def exception(self, timeout: float | None = None) -> None:  # noqa: ARG002
        return None
