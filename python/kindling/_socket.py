"""The client of the trial's socket: `docs/trial-socket.md` is the contract.

One connection for each process, shared by its threads. A forked child lets go of its parent's connection and opens its
own, so that the answers of two processes never mix. A connection that broke is opened anew and the call is repeated,
which every call but `next` allows.
"""

import os
import socket
import threading
import time
import weakref
from typing import Any

from kindling import _json
from kindling._errors import KindlingError, TrialStopped, WorkerGone

VERSION = 1
MAX_LINE = 1 << 20

# The worker answers at once. It is stopped, or the machine hangs, if it does not.
PATIENCE = 120.0
# A worker that is gone takes its processes with it. This is for the moment until then.
RECONNECT = 2.0

Identity = tuple[str, int, int]


def identity(trial: dict[str, Any]) -> Identity:
    """Study, number and attempt: no two trials of a worker have the same."""
    return trial["study"], trial["number"], trial["attempt"]


class Connection:
    """The way to the worker, for one trial or for one after another."""

    _socket: socket.socket | None

    def __init__(self, path: str) -> None:
        self.path = path
        self.trial: Identity | None = None
        self._fresh()
        _connections.add(self)

    def hello(self) -> dict[str, Any]:
        """The trial, as the worker tells it."""
        with self._lock:
            trial: dict[str, Any] | None = self._retry({"call": "hello", "version": VERSION}).get("trial")
            if trial is None:
                raise KindlingError("the worker has no trial for this process\nhint: it was asked between two trials")
            self.trial = identity(trial)
            return trial

    def next(self) -> dict[str, Any] | None:
        """Waits for the next trial. None: no more will come."""
        with self._lock:
            self.trial = None
            # Not repeated: who loses its worker here has nothing left to do.
            answer = _checked(self._exchange({"call": "next"}, timeout=None))
            trial: dict[str, Any] | None = answer["trial"]
            self.trial = identity(trial) if trial else None
            return trial

    def call(self, trial: Identity, request: dict[str, Any], timeout: float | None = PATIENCE) -> dict[str, Any]:
        """One request for that trial and its answer. Without a timeout it takes as long as it takes."""
        with self._lock:
            if self.trial != trial:
                raise _over(trial)
            return self._retry(request, timeout)

    def _retry(self, request: dict[str, Any], timeout: float | None = PATIENCE) -> dict[str, Any]:
        deadline = time.monotonic() + RECONNECT
        wait = 0.01
        while True:
            try:
                return _checked(self._exchange(request, timeout))
            except TimeoutError:
                raise KindlingError(
                    f"the worker did not answer `{request['call']}` within {PATIENCE:.0f} s\nhint: is it stopped?"
                ) from None
            except OSError as error:
                if time.monotonic() > deadline:
                    raise WorkerGone(f"the worker of this trial is gone: {error}") from error
            time.sleep(wait)
            wait *= 2

    def _exchange(self, request: dict[str, Any], timeout: float | None) -> dict[str, Any]:
        """Sends a line and reads one. What interrupts that ends the connection: its next line would answer this."""
        line = _json.write(request).encode() + b"\n"
        if len(line) > MAX_LINE:
            raise KindlingError(f"`{request['call']}` has {len(line)} bytes; at most {MAX_LINE} go over the socket")
        try:
            if self._socket is None:
                self._connect(request)
            return self._say(line, timeout)
        except BaseException:
            self.close()
            raise

    def _connect(self, request: dict[str, Any]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(PATIENCE)
        self._socket.connect(self.path)
        if self.trial is None or request["call"] in ("hello", "next"):
            return
        # A process may outlive its trial. The socket of a warm worker then speaks of the next one: hands off.
        greeting = _json.write({"call": "hello", "version": VERSION}).encode() + b"\n"
        found = _checked(self._say(greeting, PATIENCE)).get("trial")
        if found is None or identity(found) != self.trial:
            raise _over(self.trial)

    def _say(self, line: bytes, timeout: float | None) -> dict[str, Any]:
        assert self._socket is not None
        self._socket.settimeout(PATIENCE)
        self._socket.sendall(line)
        self._socket.settimeout(timeout)
        answer = bytearray()
        while not answer.endswith(b"\n"):
            part = self._socket.recv(1 << 16)
            if not part:
                raise ConnectionError("the worker closed the connection")
            answer += part
            if len(answer) > MAX_LINE:
                raise KindlingError(f"the worker's answer is longer than {MAX_LINE} bytes")
        return _json.read(answer)

    def close(self) -> None:
        """The next call connects anew."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _fresh(self) -> None:
        self._socket = None
        self._lock = threading.Lock()

    def _forked(self) -> None:
        """In a child. Its copy of the descriptor goes, so that the parent's end ends the connection.

        Another thread of the parent may have held the lock.
        """
        self.close()
        self._fresh()

    def __getstate__(self) -> dict[str, Any]:
        """For a process that is spawned with a trial as argument."""
        return {"path": self.path, "trial": self.trial}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.trial = state["path"], state["trial"]
        self._fresh()
        _connections.add(self)


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()


def _after_fork() -> None:
    for connection in list(_connections):
        connection._forked()  # noqa: SLF001


os.register_at_fork(after_in_child=_after_fork)


def _over(trial: Identity) -> TrialStopped:
    return TrialStopped(f"this trial is over: the worker is no longer at trial {trial[1]}")


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    if answer.get("ok") is True:
        return answer
    error = str(answer.get("error", answer))
    hint = answer.get("hint")
    raise KindlingError(f"{error}\nhint: {hint}" if hint else error)
