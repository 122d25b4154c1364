"""How a study shows itself: in a line of text, and in a notebook by the page of its report."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from kindling import _inline
from kindling._errors import KindlingError
from kindling._front import front
from kindling._progress import printable
from kindling.frozen import FrozenTrial

_HEIGHT, _FIGURE = 720, 560
# How many trials stand in the table that takes the place of a page that is too large, and how much of a value.
_ROWS, _WIDTH = 10, 40


class Displayed(ABC):
    """A study that a notebook can show."""

    def show(self, view: str = "", *, height: int = _HEIGHT) -> "Shown":
        """One view of the study's page, for a notebook: `study.show("trials/12")`, `study.show("parameters/lr")`.

        The views are those of a report's address, behind `#/`; without one it is the overview. `height` is in pixels.
        The page is made when it is shown, from the study as it is then.
        """
        if not isinstance(view, str):
            raise KindlingError(f'a view is a text such as "trials/12", not {view!r}')
        whole = isinstance(height, int) and not isinstance(height, bool)
        if not whole or not _inline.LEAST_HEIGHT <= height <= _inline.MOST_HEIGHT:
            least, most = _inline.LEAST_HEIGHT, _inline.MOST_HEIGHT
            raise KindlingError(f"height is a whole number of pixels from {least} to {most}, not {height!r}")
        return Shown(self, view, height)

    def figure(self, name: str, *, height: int = _FIGURE) -> "Shown":
        """One figure of the study's page, for a notebook: `study.figure("slice-lr")`.

        Its name is that in the address of the figure in a report: `#/figures/slice-lr`.
        """
        if not isinstance(name, str) or not name:
            raise KindlingError(f'a figure has a name such as "slice-lr", not {name!r}')
        return self.show(f"figures/{name}", height=height)

    def __str__(self) -> str:
        """The study and how it stands, in one line. What is wrong stands there, too: this raises nothing."""
        try:
            return printable(self._standing())
        except Exception as error:  # noqa: BLE001 - whoever prints it wants a line, whatever is wrong
            return f"{self!r}: {_reason(error)}"

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: FBT001 - IPython calls it so
        printer.text(str(self))

    def _repr_html_(self) -> str:
        return html_of(self, "", _HEIGHT)

    @abstractmethod
    def _standing(self) -> str:
        """Its name and how far it is."""

    @abstractmethod
    def _page(self) -> str:
        """The page of its report."""

    @abstractmethod
    def _completed(self) -> tuple[list[FrozenTrial], list[str]]:
        """Its completed trials, and the directions of its objectives."""


class Shown:
    """A view of a study's page. A notebook shows it; so does `IPython.display.display`."""

    def __init__(self, study: Displayed, view: str, height: int) -> None:
        self._study = study
        self._view = view
        self._height = height

    def __repr__(self) -> str:
        return f"<{self._view or 'overview'} of {self._study!r}, which a notebook shows>"

    def _repr_html_(self) -> str:
        return html_of(self._study, self._view, self._height)


def html_of(study: Displayed, view: str, height: int) -> str:
    """What a notebook shows of a study. Whatever is wrong is said in its place: an output that raises is none."""
    try:
        standing = printable(study._standing())  # noqa: SLF001 - they are one
        try:
            framed = _inline.frame(study._page(), f"Kindling: {standing}", view, height)  # noqa: SLF001
        except _inline.TooLarge as error:
            hint = "hint: `study.report()` writes the page to a file, for a browser"
            framed = _table(leading(*study._completed())[:_ROWS]) + _inline.note(f"{error}\n{hint}")  # noqa: SLF001
        return _inline.box(_inline.caption(standing), framed)
    except Exception as error:  # noqa: BLE001 - see above
        return _inline.box(_inline.note(f"{study!r}\n{_reason(error)}"))


def leading(completed: list[FrozenTrial], directions: list[str]) -> list[FrozenTrial]:
    """The feasible trials, the best first. Of several objectives the front."""
    if len(directions) > 1:
        return front(completed, directions)
    counts = [
        trial for trial in completed if trial.confirms is None and all(limit <= 0 for limit in trial.constraints or ())
    ]
    return sorted(counts, key=lambda trial: trial.value or 0.0, reverse=directions == ["maximize"])


def _table(trials: list[FrozenTrial]) -> str:
    if not trials:
        return ""
    names = sorted({name for trial in trials for name in trial.params})
    rows = []
    for trial in trials:
        values = ", ".join(f"{value:.6g}" for value in trial.values or ())
        rows.append([str(trial.number), values, *(_cell(trial.params, name) for name in names)])
    return _inline.table(["trial", "value", *map(printable, names)], rows)


def _cell(params: Mapping[str, Any], name: str) -> str:
    if name not in params:
        return ""
    value = params[name]
    text = printable(f"{value:.6g}" if isinstance(value, float) else str(value))
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _reason(error: Exception) -> str:
    return printable(str(error), keep="\n") or type(error).__name__
