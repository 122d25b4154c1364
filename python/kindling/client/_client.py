"""A client of a coordinator."""

import atexit
import difflib
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc

from kindling.client import _spec
from kindling.client._activity import Activity, activities
from kindling.client._asker import Asker
from kindling.client._calls import CREATE_STUDY, GET_STUDY, LIST_STUDIES, Link
from kindling.client._connection import StrPath, connection
from kindling.client._convert import text
from kindling.client._errors import ConnectionSettingsError, StudyExistsError, UnknownStudyError
from kindling.client._info import StudyInfo, info
from kindling.client._proto import study_pb2 as pb
from kindling.client._study import RemoteStudy

_PAGE = 1000
# How long a coordinator may take to show that it is there.
_FIRST_ANSWER = 5.0


def connect(
    address: str | None = None,
    *,
    token: str | None = None,
    token_file: StrPath | None = None,
    worker_token: str | None = None,
    worker_token_file: StrPath | None = None,
    ca: StrPath | None = None,
    cert: StrPath | None = None,
    key: StrPath | None = None,
    timeout: float = 30.0,
) -> "Client":
    """Connects to a coordinator, at http://127.0.0.1:50051 unless told otherwise.

    What is not given is taken from the environment, as by the `kindling` program: KINDLING_COORDINATOR,
    KINDLING_TOKEN_FILE, KINDLING_TLS_CA, KINDLING_TLS_CERT and KINDLING_TLS_KEY. Asking for trials takes the worker
    token: `worker_token`, `worker_token_file` or KINDLING_WORKER_TOKEN_FILE.

    `timeout` says how many seconds a call may take, with all its repetitions while the coordinator is away.
    """
    if not timeout > 0:
        raise ConnectionSettingsError(f"timeout: expected seconds above 0, not {timeout!r}")
    to = connection(
        address,
        token=token,
        token_file=token_file,
        worker_token=worker_token,
        worker_token_file=worker_token_file,
        ca=ca,
        cert=cert,
        key=key,
    )
    link = Link(to, timeout)
    try:
        # A wrong address or token is told now, not in the middle of something.
        link.call_once(LIST_STUDIES, pb.ListStudiesRequest(page_size=1), timeout=min(timeout, _FIRST_ANSWER))
    except grpc.RpcError as error:
        meaning = link.meaning(error)
        link.close()
        raise meaning from None
    return Client(link)


class Client:
    """A connection to a coordinator. Close it, or use it in a `with` block: that hands back what is held."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._askers: dict[str, Asker] = {}
        self._lock = threading.Lock()
        _open.add(self)

    def __repr__(self) -> str:
        return f"Client({self._link.address})"

    def create(
        self,
        name: str,
        *,
        space: Mapping[str, Any],
        direction: str | None = None,
        directions: Mapping[str, str] | None = None,
        constraints: Sequence[str] | None = None,
        trials: int,
        seed: int = 0,
        sampler: str | Mapping[str, Any] = "auto",
        pruner: str | Mapping[str, Any] = "none",
        objective: str | Mapping[str, Any] | None = None,
        max_attempts: int = 3,
        max_failures_in_a_row: int | None = None,
        confirm: Mapping[str, Any] | None = None,
        checkpoints: Mapping[str, Any] | None = None,
        notify: Mapping[str, Any] | None = None,
        exist_ok: bool = True,
    ) -> RemoteStudy:
        """Creates a study, or takes the one of this name if it was made from the same words.

        `space` has a `kindling.Float`, `Int` or `Categorical` for each name, or tables as in a study file. `sampler`,
        `pruner` and `objective` are a kind, or a dict with `kind` and its options. Without an `objective` you evaluate
        the trials yourself: ask for them, and tell how they ended.

        `direction` is of one objective. Several have names: `directions={"accuracy": "maximize", "mb": "minimize"}`.
        `constraints` are names of values that must hold, at or below 0. A pruner compares the `metric` of its dict, or
        else the first objective.

        Only `trials` and `confirm` may differ from those of the existing study, which keeps its own: see
        `RemoteStudy.resume`.
        """
        spec = _spec.spec(
            name=name,
            space=space,
            direction=direction,
            directions=directions,
            constraints=constraints,
            trials=trials,
            seed=seed,
            sampler=sampler,
            pruner=pruner,
            objective=objective,
            max_attempts=max_attempts,
            max_failures_in_a_row=max_failures_in_a_row,
            confirm=confirm,
            checkpoints=checkpoints,
            notify=notify,
        )
        answer = self._link.call(CREATE_STUDY, pb.CreateStudyRequest(spec=spec))
        if not answer.created and not exist_ok:
            raise StudyExistsError(f"study `{name}` exists already", "exist_ok=True takes it as it is")
        return RemoteStudy(self, spec.name)

    def studies(self, *, archived: bool = False) -> list[StudyInfo]:
        """All studies, oldest first; with `archived`, those that were archived, too."""
        return [study for study in self._studies() if archived or not study.archived]

    def activity(self) -> Iterator[Activity]:
        """Who did what, with all studies and with those that were deleted, the newest first."""
        return activities(self._link, "")

    def study(self, name: str) -> RemoteStudy:
        """The study of this name."""
        try:
            self._link.call(GET_STUDY, pb.GetStudyRequest(name=text("name", name)))
        except UnknownStudyError as error:
            near = difflib.get_close_matches(name, [study.name for study in self._studies()], 1)
            if not near:
                raise
            raise UnknownStudyError(error.message, f"did you mean `{near[0]}`?") from None
        return RemoteStudy(self, name)

    def close(self) -> None:
        """Hands back the trials that are held, and closes the connection."""
        with self._lock:
            askers, self._askers = list(self._askers.values()), {}
        for asker in askers:
            asker.close()
        self._link.close()
        _open.discard(self)

    def __enter__(self) -> "Client":  # noqa: PYI034 - `Self` needs Python 3.11
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _studies(self) -> Iterator[StudyInfo]:
        request = pb.ListStudiesRequest(page_size=_PAGE)
        while True:
            page = self._link.call(LIST_STUDIES, request)
            yield from map(info, page.studies)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def _ask_for(self, study: str, kind: str, is_over: Callable[[], bool]) -> Asker:
        """The asker of this study; all who ask for its trials share it."""
        with self._lock:
            if study not in self._askers:
                self._askers[study] = Asker(self._link, study, kind, is_over)
            return self._askers[study]


_open: "weakref.WeakSet[Client]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """What a process that ends still holds is handed back, so that nobody waits for it."""
    for client in list(_open):
        if client._link.is_mine():  # noqa: SLF001
            client.close()
