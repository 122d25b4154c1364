"""A running study's progress: a line that changes, in a terminal or a notebook; elsewhere a line now and then."""

import html
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

_WIDTH = 24
# Seconds between two lines where lines stay, as in a file.
_SELDOM = 10.0


@dataclass(frozen=True)
class Standing:
    """How far a study is."""

    name: str
    finished: int = 0
    trials: int = 0
    running: int = 0
    pruned: int = 0
    failed: int = 0
    best: float | None = None
    best_number: int | None = None
    # Of several objectives: how many trials are on the front.
    front: int | None = None
    per_hour: float | None = None
    seconds_left: float | None = None

    @property
    def done(self) -> bool:
        return self.trials > 0 and self.finished >= self.trials

    def details(self) -> str:
        """What stands behind the bar."""
        parts = [f"{self.finished}/{self.trials} trials"]
        if self.front:
            parts.append(f"{self.front} on the front")
        elif self.best is not None:
            parts.append(f"best {self.best:.6g} (#{self.best_number})")
        parts += [f"{count} {what}" for count, what in ((self.pruned, "pruned"), (self.failed, "failed")) if count]
        if self.per_hour is not None and not self.done:
            parts.append(f"{self.per_hour:,.0f} trials/h")
        if self.seconds_left is not None and not self.done:
            parts.append(f"{_span(self.seconds_left)} left")
        return " · ".join(parts)

    def bar(self) -> str:
        full = _WIDTH * self.finished // max(self.trials, 1)
        return "█" * min(full, _WIDTH) + "░" * max(_WIDTH - full, 0)


def standing(name: str, event: Mapping[str, Any]) -> Standing:
    """What a `progress` event of `kindling run --events` says."""
    study = event["study"]
    counts = study["counts"]
    best = study["best"] or {}
    values = best.get("values") or [None]
    several = len(study.get("directions") or ()) > 1
    return Standing(
        name=name,
        finished=event["finished"],
        trials=event["trials"],
        running=counts["running"],
        pruned=counts["pruned"],
        failed=counts["fail"],
        best=None if several else values[0],
        best_number=best.get("number"),
        front=study.get("front_size") if several else None,
        per_hour=study["trials_per_hour"],
        seconds_left=study["seconds_left"],
    )


def of_study(name: str, document: Mapping[str, Any]) -> str:
    """How a study stands, in a line: of what `kindling study show --json` prints."""
    counts = document["counts"]
    finished = sum(counts[state] for state in ("complete", "pruned", "fail"))
    event = {"study": document, "finished": finished, "trials": document["trials"]}
    is_news = document["state"] not in ("ACTIVE", "FINISHED")
    state = f" · {document['state'].lower()}" if is_news else ""
    return f"{name}: {standing(name, event).details()}{state}"


class Display(Protocol):
    def show(self, standing: Standing) -> None:
        """The newest standing, a few times a second."""

    def say(self, line: str) -> None:
        """A line that stays."""

    def close(self) -> None:
        """Nothing more will come. The last standing stays."""


def display(*, wanted: bool) -> Display:
    """The one that suits where this process runs."""
    if not wanted:
        return Quiet()
    if _in_notebook():
        return Notebook()
    return Terminal(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)


class Quiet:
    """Shows nothing but what must be said."""

    def show(self, standing: Standing) -> None:
        pass

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        pass


class Lines:
    """For files and pipes."""

    def __init__(self, out: TextIO, seldom: float = _SELDOM) -> None:
        self._out = out
        self._seldom = seldom
        self._next = 0.0
        self._last: Standing | None = None
        self._written: Standing | None = None

    def show(self, standing: Standing) -> None:
        self._last = standing
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._seldom
            self._write(standing)

    def say(self, line: str) -> None:
        print(line, file=self._out, flush=True)

    def close(self) -> None:
        if self._last is not None and self._last != self._written:
            self._write(self._last)

    def _write(self, standing: Standing) -> None:
        self._written = standing
        self.say(f"{printable(standing.name)}: {standing.details()}")


class Terminal:
    """One line that is written over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._line = ""

    def show(self, standing: Standing) -> None:
        line = f"{printable(standing.name)} {standing.bar()} {standing.details()}"
        # One that wraps could not be written over.
        columns = shutil.get_terminal_size().columns or 80  # Python 3.10 passes on that nobody set it
        self._line = line[: max(columns - 1, 20)]
        self._out.write(f"\r{self._line}\x1b[K")
        self._out.flush()

    def say(self, line: str) -> None:
        self._out.write(f"\r\x1b[K{line}\n{self._line}")
        self._out.flush()

    def close(self) -> None:
        if self._line:
            self._out.write("\n")
            self._out.flush()
            # What is said from now on stands below it.
            self._line = ""


class Notebook:
    """An output of the cell that changes."""

    def __init__(self) -> None:
        from IPython.display import display as show  # type: ignore[import-not-found,unused-ignore]

        self._show: Any = show
        self._handle: Any = None

    def show(self, standing: Standing) -> None:
        name, details = html.escape(printable(standing.name)), html.escape(standing.details())
        bar = f'<progress value="{standing.finished}" max="{max(standing.trials, 1)}"></progress>'
        output = {"text/plain": f"{standing.name}: {standing.details()}", "text/html": f"<b>{name}</b> {bar} {details}"}
        if self._handle is None:
            self._handle = self._show(output, raw=True, display_id=True)
        else:
            self._handle.update(output, raw=True)

    def say(self, line: str) -> None:
        print(line, flush=True)

    def close(self) -> None:
        pass


def _in_notebook() -> bool:
    """Whether IPython runs with a kernel: in Jupyter and what is like it, not in its terminal."""
    ipython: Any = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def _span(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {whole % 60:02}s" if minutes else f"{whole}s"


def printable(text: str, keep: str = "") -> str:
    """A text from outside, without what would move a cursor or hide. `keep` are characters that may stay."""
    return "".join(char if char.isprintable() or char in keep else "�" for char in text)
