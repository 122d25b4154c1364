"""What a study has found out, read from its store: finished, or while it runs."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindling import _frame, _front, _program, _progress
from kindling._display import Displayed
from kindling._errors import KindlingError
from kindling._remarks import Remarks
from kindling.frozen import FrozenTrial, TrialState, from_json

if TYPE_CHECKING:
    import pandas as pd


class StudyNotFound(KindlingError):
    """There is no such study or store."""


class StoredStudy(Remarks, Displayed):
    """A study in a store. Each property reads anew, so keep what you use more than once.

    A notebook shows it by its page; `print(study)` says in a line how it stands.
    """

    def __init__(self, name: str, store: Path) -> None:
        self._name = name
        self._store = store

    def __repr__(self) -> str:
        return f"<kindling study {self._name!r} in {str(self._store)!r}>"

    # IPython looks for it in the class that has `__repr__`.
    _repr_pretty_ = Displayed._repr_pretty_

    @property
    def name(self) -> str:
        return self._name

    @property
    def store(self) -> Path:
        """The file that holds the study."""
        return self._store

    @property
    def best_trial(self) -> FrozenTrial:
        """The completed trial with the best value. Of several objectives there is a front: see `best_trials`."""
        document = self._document() or {}
        best = document.get("best")
        if best is None:
            raise ValueError("no trial is complete yet")
        if len(_directions(document)) > 1:
            raise RuntimeError("this study has several objectives: read `best_trials`, its front")
        return from_json(best)

    @property
    def best_trials(self) -> list[FrozenTrial]:
        """The front: the completed, feasible trials that no other dominates, by the first objective, then by the next.

        Of one objective, the best trial alone. Empty as long as none is complete.
        """
        document = self._document()
        if document is None:
            return []
        return _front.front(self.get_trials((TrialState.COMPLETE,)), _directions(document))

    @property
    def best_value(self) -> float:
        value = self.best_trial.value
        assert value is not None
        return value

    @property
    def best_params(self) -> dict[str, Any]:
        return self.best_trial.params

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in the order of their numbers."""
        return self.get_trials()

    def get_trials(
        self,
        states: tuple[TrialState, ...] | None = None,
        *,
        filter: str | None = None,  # noqa: A002 - the field's word
    ) -> list[FrozenTrial]:
        """The trials in these states, or all. With a `filter`, such as `"lr < 0.001 and optimizer = adam"`, those for
        which it holds; it is that of the page and of `kindling trial list --filter`."""
        of = [] if states is None else ["--state", ",".join(state.name.lower() for state in states)]
        if of == ["--state", ""]:
            return []
        of += [] if filter is None else [f"--filter={filter}"]
        listed = self._asked("trial", "list", *of) or []
        return sorted((from_json(trial) for trial in listed), key=lambda trial: trial.number)

    @property
    def direction(self) -> str:
        """`maximize` or `minimize`, of the first objective."""
        return self.directions[0]

    @property
    def directions(self) -> list[str]:
        """`maximize` or `minimize` for each objective."""
        return _directions(self._existing())

    @property
    def metric_names(self) -> list[str]:
        """What the objectives are called, in the order of their values. Empty: there is one, without a name."""
        return list(self._existing().get("metric_names") or ())

    @property
    def constraint_names(self) -> list[str]:
        """What the constraints are called, in the order of a trial's `constraints`."""
        return list(self._existing().get("constraints") or ())

    @property
    def is_finished(self) -> bool:
        """Whether all trials that it was to have have ended."""
        document = self._document()
        return document is not None and document["state"] == "FINISHED"

    def to_pandas(self) -> "pd.DataFrame":
        """A row for each trial, with the columns of Optuna's `trials_dataframe`. Times are in UTC."""
        document = self._document() or {}
        names, constraints = (list(document.get(key) or ()) for key in ("metric_names", "constraints"))
        return _frame.frame(self.trials, names, constraints)

    def report(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Writes the study's page, one HTML file that stands alone, and returns its path."""
        written = self._store.with_name(_program.named_after(self._name, "html")) if path is None else Path(path)
        self._existing()
        words = ["report", "--store", str(self._store), f"--output={written}"]
        _program.call(*words, about=[self._name])
        return written

    def _tell(
        self, command: str, trial: int | None, *words: str, about: Iterable[str] = (), said: str | None = None
    ) -> Any:
        whose = ["study"] if trial is None else ["trial"]
        names = [self._name] if trial is None else [self._name, str(trial)]
        return _program.ask(*whose, command, *self._where(), *words, about=[*names, *about], said=said)

    def _where(self) -> list[str]:
        """Where a change is made."""
        return ["--store", str(self._store)]

    def _standing(self) -> str:
        document = self._document()
        if document is None:
            return f"{self._name}: it has not begun"
        return _progress.of_study(self._name, document)

    def _page(self) -> str:
        self._existing()
        return _program.call("report", "--store", str(self._store), about=[self._name])

    def _completed(self) -> tuple[list[FrozenTrial], list[str]]:
        return self.get_trials((TrialState.COMPLETE,)), self.directions

    def _document(self) -> dict[str, Any] | None:
        """What `kindling study show --json` says; None if the study has not begun."""
        document: dict[str, Any] | None = self._asked("study", "show")
        return document

    def _asked(self, *words: str) -> Any:
        """The program's answer about this study; None while there is no such study."""
        if not self._store.exists():
            return None
        words = (*words, "--store", str(self._store))
        try:
            return _program.ask(*words, about=[self._name])
        except _program.ProgramFailed:
            if self._is_making_its_store() or self._name not in _names(self._store):
                return None
        # It was made in between. If something else is wrong, the program says so again.
        return _program.ask(*words, about=[self._name])

    def _is_making_its_store(self) -> bool:
        """Whether our own run is just now making the file, which cannot be read until it is made."""
        return False

    def _existing(self) -> dict[str, Any]:
        document = self._document()
        if document is None:
            raise StudyNotFound(f"there is no study {self._name!r} in {self._store}\nhint: `study.run()` makes it")
        return document


def load_study(store_or_name: str | os.PathLike[str], name: str | None = None) -> StoredStudy:
    """A study that has run or runs, to look at: by its store's file, or by its name if that file is in this folder.

    If the store holds several studies, `name` says which.
    """
    given = os.fspath(store_or_name)
    store = Path(given).absolute()
    if not store.is_file():
        beside = Path(_program.named_after(given, "db")).absolute()
        if not beside.is_file():
            raise StudyNotFound(
                f"there is neither a store {store} nor a study {given!r} in this folder ({beside.name})"
            )
        store, name = beside, name or given
    names = _names(store)
    if name is None and len(names) == 1:
        return StoredStudy(names[0], store)
    if name in names:
        return StoredStudy(name, store)
    has = ", ".join(map(repr, names)) or "none"
    if name is None and names:
        raise StudyNotFound(f"{store} holds several studies\nhint: say `name=`, one of {has}")
    raise StudyNotFound(f"there is no study {name or ''!r} in {store}\nhint: it has {has}")


def _directions(document: Mapping[str, Any]) -> list[str]:
    return list(document["directions"])


def _names(store: Path) -> list[str]:
    return [study["name"] for study in _program.ask("study", "list", "--store", str(store))]
