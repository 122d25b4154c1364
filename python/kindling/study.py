"""A study of a Python function, run on this machine: from a script or a notebook."""

import json
import os
import re
import signal
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from kindling import _code, _function, _program, _progress, _surroundings, _toml
from kindling import space as _space
from kindling._errors import KindlingError
from kindling._files import Files, Noted
from kindling._like import like as _like
from kindling._run import Run, RunFailed
from kindling.frozen import FrozenTrial, from_json
from kindling.space import Distribution
from kindling.stored import StoredStudy
from kindling.trial import Trial

Objective = Callable[[Trial], Any]
Directory = str | os.PathLike[str]

# In seconds; some thirty years.
_LONGEST_SPAN = 1e9
# How the program begins when it refuses the file that `run` has written.
_IN_STUDY_FILE = re.compile(r"^/.*\.study\.toml: line \d+: (?=`)")
_FINISHED, _NOTHING_CAME_OF_IT, _INTERRUPTED = 0, 3, 130


class CodeChanged(UserWarning):
    """A study goes on with an objective whose code is not what it was."""


class Study(StoredStudy):
    """A study of your own function.

    `objective` is called with a trial in processes of its own, and returns the value. Everything is kept in one file,
    `store` (the study's name with .db, in this folder): run the same study again, and it goes on.

    `sampler` and `pruner` are a kind (`"asha"`) or a dict with its options (`{"kind": "asha", "min_resource": 2}`).
    Without them the sampler is `"auto"`, which chooses among the others, and nothing is pruned.
    `timeout` (of a trial) and `grace` are seconds, a timedelta, or a text such as `"2h"`. `metric` says which one is
    the value where the function reports several. `directory` is where the function runs: this folder unless told.

    `direction` is of one objective. Several have names: `directions={"accuracy": "maximize", "size_mb": "minimize"}`.
    The function then returns them by name, or in this order. `constraints` are names of values that must hold, at or
    below 0, which it tells by `trial.set_constraint`. A pruner compares the `metric` of its dict, or else the first
    objective.
    """

    def __init__(
        self,
        name: str,
        objective: Objective,
        *,
        direction: Literal["maximize", "minimize"] | None = None,
        directions: Mapping[str, Literal["maximize", "minimize"]] | None = None,
        constraints: Sequence[str] | None = None,
        trials: int,
        space: Mapping[str, Distribution],
        sampler: str | Mapping[str, Any] | None = None,
        pruner: str | Mapping[str, Any] | None = None,
        seed: int = 0,
        timeout: float | timedelta | str | None = None,
        grace: float | timedelta | str | None = None,
        gpus: int | None = None,
        memory: str | None = None,
        metric: str | None = None,
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
        max_attempts: int | None = None,
        max_failures_in_a_row: int | None = None,
        confirm: Mapping[str, Any] | None = None,
        checkpoints: Mapping[str, Any] | None = None,
        notify: Mapping[str, Any] | None = None,
        directory: Directory | None = None,
        store: Directory | None = None,
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise KindlingError(f"a study's name is a text that is not empty, not {name!r}")
        goal = _goal(direction, directions)
        if metric is not None and (not isinstance(metric, str) or not metric.strip()):
            raise KindlingError(f"metric is the name of what the function reports, not {metric!r}")
        _check_whole("trials", trials, 1)
        _check_whole("seed", seed, 0)
        here = Path.cwd()
        super().__init__(name, here / (_program.named_after(name, "db") if store is None else Path(store)))
        self._directory = here if directory is None else here / directory
        self._objective = objective
        self._coordinator: str | None = None
        self._makes_its_store = False
        process = {"timeout": _span("timeout", timeout), "grace": _span("grace", grace), "gpus": gpus, "memory": memory}
        tables = {"env": env, "settings": settings}
        self._spec: dict[str, Any] = {
            "name": name,
            **goal,
            **_given({"constraints": _constraints(constraints)}),
            "trials": int(trials),
            "seed": int(seed),
            **_given({"max_attempts": max_attempts, "max_failures_in_a_row": max_failures_in_a_row}),
            **_given({"sampler": _kind("sampler", sampler), "pruner": _kind("pruner", pruner)}),
            "objective": {"kind": "python", **_given({"metric": metric}), **_given(process), **_given(tables)},
            "space": _space.tables(space),
            **_given({"confirm": confirm, "checkpoints": checkpoints, "notify": notify}),
        }
        # What a study file cannot hold is refused here, not in the run.
        _toml.dumps(self._spec)

    def run(
        self,
        *,
        workers: int | None = None,
        slots: int | None = None,
        threads: int | None = None,
        device: str | None = None,
        data_dir: Directory | None = None,
        trials: int | None = None,
        http: str | None = None,
        progress: bool = True,
    ) -> None:
        """Runs the study until its trials are finished, or goes on with it.

        `workers` processes of Kindling run `slots` trials each at a time. Unless told, there is a slot for each GPU or
        else for each core. `trials` changes how many trials the study has. `data_dir` is told to each trial. `http`,
        such as `"127.0.0.1:8080"`, is where a browser can look on.

        Ctrl-C ends the run in good order: what is running is handed back, nothing is lost, and `run` goes on later.
        """
        if os.environ.get("KINDLING_SOCKET"):
            raise KindlingError(
                "`study.run()` was called within a trial: a worker has imported the script that runs the study\n"
                'hint: put the call below `if __name__ == "__main__":`'
            )
        for what, number in (("workers", workers), ("slots", slots), ("threads", threads), ("trials", trials)):
            if number is not None:
                _check_whole(what, number, 1)
        options: dict[str, Any] = {
            "workers": workers,
            "slots": slots,
            "threads": threads,
            "device": device,
            "trials": trials,
        }
        options |= {"data-dir": None if data_dir is None else Path(data_dir).absolute(), "http": http}
        program = _program.find()
        file = self._write()
        command = [program, "run", "--events", "--stop-with-stdin", f"--store={self._store}"]
        command += [f"--{option}={value}" for option, value in options.items() if value is not None]
        command += ["--", str(file)]
        environment = _surroundings.environment(dict(os.environ))
        display = _progress.display(wanted=progress)
        # Another thread may look meanwhile.
        self._makes_its_store = not self._store.exists()
        try:
            with Run(command, self._directory, environment) as run:
                self._follow(run, display)
        finally:
            self._coordinator = None
            self._makes_its_store = False

    def enqueue(
        self, params: Mapping[str, Any] | None = None, *, like: int | None = None, warm_start: int | None = None
    ) -> FrozenTrial:
        """Adds a trial with these parameters; the sampler chooses the rest.

        `like` is the number of a trial whose parameters it has, but for those that are given. What has no meaning with
        these is left out. `warm_start` is the number of a trial whose newest checkpoint it goes on from.

        It is one of the study's trials, and runs before those that the sampler proposes. Before the run, between runs
        or, from another thread, while it runs.
        """
        if self._coordinator is None and self._document() is None:
            _program.call("study", "create", *self._where(), about=[str(self._write())])
        params = {} if params is None else dict(params)
        if like is not None:
            before = next((trial for trial in self.trials if trial.number == like), None)
            if before is None:
                raise KindlingError(f"there is no trial {like!r} in study {self._name!r}")
            params = _like(before.params, params, self._spec["space"])
        words = ["trial", "enqueue", *self._where(), f"--json-params={json.dumps(params)}"]
        if warm_start is not None:
            words.append(f"--warm-start={warm_start}")
        return from_json(_program.ask(*words, about=[self._name]))

    def _where(self) -> list[str]:
        # While it runs, only its coordinator may change the store.
        return super()._where() if self._coordinator is None else ["--coordinator", self._coordinator]

    def _is_making_its_store(self) -> bool:
        return self._makes_its_store

    def _write(self) -> Path:
        """Writes the study file and what belongs to it, and returns its path."""
        if not self._directory.is_dir():
            raise KindlingError(f"there is no folder {self._directory}\nhint: `directory` is where the function runs")
        if not self._store.parent.is_dir():
            raise KindlingError(f"there is no folder {self._store.parent} for the store")
        found = _function.locate(self._objective)
        files = Files(self._store, self._name)
        before = files.before()
        if before.function == files.reference(_function.Pickled(b""), self._directory):
            # A study keeps its objective's place. This one's is a file that can hold any function.
            found = found if isinstance(found, _function.Pickled) else _function.by_value(self._objective)
        noted = Noted(files.reference(found, self._directory), _code.code_hash(self._objective))
        objective = {**self._spec["objective"], "function": noted.function}
        interpreter = _surroundings.interpreter()
        if interpreter is not None:
            objective["interpreter"] = interpreter
        files.write({**self._spec, "objective": objective}, found)
        files.note(noted)
        if before.code not in (None, noted.code):
            warnings.warn(
                f"the study {self._name!r} goes on with an objective whose code has changed: "
                "its trials may not be comparable. Another name begins another study",
                CodeChanged,
                stacklevel=3,
            )
        return files.study

    def _follow(self, run: Run, display: _progress.Display) -> None:
        heard = _Heard(self._name)
        try:
            while True:
                try:
                    for event in run.events():
                        self._coordinator = heard.hear(event, display) or self._coordinator
                        # The first thing that it says is that it has begun: the store is made.
                        self._makes_its_store = False
                    status = run.end()
                    break
                except KeyboardInterrupt:
                    run.interrupt()
                    display.say("draining: running trials are handed back; interrupt again to leave at once")
        finally:
            display.close()
        if status not in (_FINISHED, _NOTHING_CAME_OF_IT, _INTERRUPTED):
            raise RunFailed(heard.error or _unexplained(status, run.said()), status)
        if run.interrupted:
            display.say("interrupted; nothing is lost, and `study.run()` goes on with it")
            raise KeyboardInterrupt from None
        if status == _INTERRUPTED:
            raise RunFailed("the run was told from outside to end; `study.run()` goes on with it", status)
        if status == _NOTHING_CAME_OF_IT:
            raise RunFailed(heard.nothing_came_of_it(), status)


class _Heard:
    """What the run has said about itself."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._study: Mapping[str, Any] = {}
        self.error: str | None = None

    def hear(self, event: Mapping[str, Any], display: _progress.Display) -> str | None:
        """Takes an event in; returns the coordinator's address from the one that has it."""
        kind = event.get("event")
        if kind == "started":
            if event.get("page"):
                display.say(f"page: {event['page']}")
            coordinator: str | None = event.get("coordinator")
            return coordinator
        if kind == "progress":
            self._study = event["study"]
            display.show(_progress.standing(self._name, event))
        elif kind == "result":
            self._study = event["study"]
        elif kind == "error":
            # Who called us has never seen the study file. The message names what he wrote without it, too.
            error: str = _IN_STUDY_FILE.sub("", event["error"])
            is_of_file = error != event["error"]
            self.error = error if is_of_file or not event.get("hint") else f"{error}\nhint: {event['hint']}"
        return None

    def nothing_came_of_it(self) -> str:
        """Why the run ended with nothing to show, or paused."""
        paused = self._study.get("pause_reason")
        lines = [f"the study is paused: {paused}" if paused else "the study is finished, but no trial is complete"]
        lines += [f"{failure['trials']} of them: {failure['reason']}" for failure in self._study.get("failures", [])]
        if paused:
            lines.append("hint: mend what makes trials fail, and call `study.run()` again; it goes on")
        return "\n".join(lines)


def _unexplained(status: int, said: str) -> str:
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    return f"the run {how}; `study.run()` goes on with it" + (f"\n{said}" if said else "")


def _check_whole(what: str, number: Any, least: int) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise KindlingError(f"{what} is a whole number from {least}, not {number!r}")


def _goal(direction: Any, directions: Any) -> dict[str, Any]:
    """Which way is better, as a study file says it."""
    if (direction is None) == (directions is None):
        raise KindlingError(
            'a study has a `direction`, "maximize" or "minimize"; or `directions` by name: {"accuracy": "maximize"}'
        )
    if direction is not None:
        return {"direction": _way("direction", direction)}
    if not isinstance(directions, Mapping) or not directions:
        raise KindlingError(f'directions are a dict by name, such as {{"accuracy": "maximize"}}, not {directions!r}')
    return {"directions": {name: _way(f"the direction of {name!r}", way) for name, way in directions.items()}}


def _way(what: str, given: Any) -> str:
    if given not in ("maximize", "minimize"):
        raise KindlingError(f'{what} is "maximize" or "minimize", not {given!r}')
    return str(given)


def _constraints(given: Any) -> list[str] | None:
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise KindlingError(f'constraints are a list of names, such as ["memory_gb"], not {given!r}')
    return list(given)


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in options.items() if value is not None}


def _kind(what: str, given: str | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if isinstance(given, str):
        return {"kind": given}
    if given is None or isinstance(given, Mapping):
        return given
    example = "auto" if what == "sampler" else "asha"
    raise KindlingError(f'{what} is a kind such as "{example}", or a dict with a `kind` and its options, not {given!r}')


def _span(what: str, given: float | timedelta | str | None) -> str | None:
    """As a study file writes it."""
    if given is None or isinstance(given, str):
        return given
    seconds = given.total_seconds() if isinstance(given, timedelta) else given
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < _LONGEST_SPAN:
        raise KindlingError(f'{what} is a number of seconds above 0, a timedelta or a text such as "2h", not {given!r}')
    milliseconds = max(round(seconds * 1000), 1)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"
