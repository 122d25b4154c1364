"""`kindling run` as a child process: its events, its end, and how it is interrupted."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Any

from kindling import _program
from kindling._errors import KindlingError

_KEPT_LINES = 200
# Who interrupts a third time means it: the program should have left at the second.
_HEARD = 2
# After an error that nobody expects here, this long is the run given to end in good order.
_GRACE = 60.0


class RunFailed(KindlingError):
    """The run ended without having finished its study. The text says why; `status` is the program's exit status."""

    __module__ = "kindling"

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status


class Run:
    """The running program.

    It has a session of its own, so that Ctrl-C reaches this process alone, which passes it on once. Its standard input
    is a pipe, so that it ends in good order when this process is gone, however it went.
    """

    def __init__(self, command: Sequence[str], directory: Path, environment: Mapping[str, str]) -> None:
        self._interrupts = 0
        self._held = _Held()
        self._said: deque[str] = deque(maxlen=_KEPT_LINES)
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, and no shell
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=directory,
                env=dict(environment),
                start_new_session=True,
            )
        except BaseException as error:
            self._held.let_go()
            if isinstance(error, OSError):
                raise _program.cannot_start(command[0], error) from error
            raise
        # The process is read by threads: a wait for the queue can be interrupted without losing half an event.
        self._readers = [self._reader(self._read_events), self._reader(self._read_words)]

    def events(self) -> Iterator[dict[str, Any]]:
        """The events up to the program's end. Goes on where it was interrupted."""
        if self._held.let_go():
            raise KeyboardInterrupt
        while (event := self._events.get()) is not None:
            yield event
        # Asked again, it ends again.
        self._events.put(None)

    def interrupt(self) -> None:
        """As Ctrl-C would: the first time it hands back what is running, the second time it leaves at once."""
        self._interrupts += 1
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT if self._interrupts <= _HEARD else signal.SIGKILL)

    @property
    def interrupted(self) -> bool:
        return self._interrupts > 0

    def end(self) -> int:
        """The program's exit status, once it has ended."""
        return self._process.wait()

    def said(self) -> str:
        """The last lines of its standard error."""
        self._readers[1].join(timeout=5)
        return _program.last_lines("\n".join(self._said))

    def __enter__(self) -> "Run":  # noqa: PYI034 - Python 3.10 has no `Self`
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._held.let_go()
        # The program notices that its standard input is closed, and ends.
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(_GRACE)
        except BaseException as interrupted:
            self._process.kill()
            self._process.wait()
            if not isinstance(interrupted, subprocess.TimeoutExpired):
                raise
        finally:
            # A grandchild that holds the pipes must not hold up this process: the readers are daemons.
            for reader in self._readers:
                reader.join(timeout=1)

    def _reader(self, read: Any) -> threading.Thread:
        reader = threading.Thread(target=read, name="kindling run", daemon=True)
        reader.start()
        return reader

    def _read_events(self) -> None:
        assert self._process.stdout is not None
        try:
            for line in self._lines(self._process.stdout):
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    if isinstance(event, dict):
                        self._events.put(event)
        finally:
            self._events.put(None)

    def _read_words(self) -> None:
        assert self._process.stderr is not None
        # Who asks for a log wants to read it.
        aloud = "KINDLING_LOG" in os.environ
        for line in self._lines(self._process.stderr):
            text = line.decode(errors="replace").rstrip("\n")
            self._said.append(text)
            if aloud:
                print(text, file=sys.stderr, flush=True)

    @staticmethod
    def _lines(pipe: IO[bytes]) -> Iterator[bytes]:
        with pipe:
            yield from pipe


class _Held:
    """Holds Ctrl-C back while the program starts: an exception just then would leave it alone, not yet in our hands."""

    def __init__(self) -> None:
        self._came = False
        self._before: Any = None
        # Other threads are not interrupted. A program that handles SIGINT in its own way goes on to do so.
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)

    def let_go(self) -> bool:
        """Whether it came. From now on it comes as ever."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        came, self._came = self._came, False
        return came

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
