"""A worker, as a trial's process sees one.

It follows `docs/trial-socket.md` to the letter, and refuses what the page refuses.
"""

import contextlib
import json
import math
import os
import socket
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAX_LINE = 1 << 20
MAX_CONNECTIONS = 256
MAX_METRICS = 64
CALLS = (
    "hello",
    "report",
    "verdict",
    "set_user_attr",
    "set_constraint",
    "load_checkpoint",
    "save_checkpoint",
    "save_artifact",
    "result",
    "next",
)
WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Refused(Exception):
    """What is answered with an error."""

    def __init__(self, error: str, hint: str | None = None) -> None:
        super().__init__(error)
        self.answer = {"ok": False, "error": error, **({"hint": hint} if hint else {})}


@dataclass
class Run:
    """A trial and all that was said of it."""

    facts: dict[str, Any]
    reports: list[tuple[int, float]] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    others: list[dict[str, float]] = field(default_factory=list)
    """Of each report: the values of objectives that the pruner does not compare."""
    constraints: dict[str, float] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    metric: str | None = None
    """Which one of several is the value, as the study says."""
    failed: str | None = None
    verdict: dict[str, Any] = field(default_factory=lambda: {"verdict": "continue"})
    prune_at: int | None = None
    reporters: set[int] = field(default_factory=set)
    checkpoint: dict[str, Any] | None = None
    """What it goes on from."""
    saved: list[tuple[Any, bytes]] = field(default_factory=list)
    """What it saved: a step, or a name and a type, and the bytes."""
    leaving: bool = False
    """The worker is about to leave. A checkpoint that is saved then hands the trial back."""

    def next_attempt(self, folder: Path) -> "Run":
        """With what this one saved last, as a file in the folder, and reported until then."""
        step, saved = self.saved[-1]
        file = folder / "0"
        file.write_bytes(saved)
        run = Run(facts(attempt=self.facts["attempt"] + 1), checkpoint={"step": step, "path": str(file)})
        run.reports = [point for point in self.reports if point[0] <= step]
        return run

    def told(self) -> dict[str, Any]:
        return {**self.verdict, "should_checkpoint": self.leaving and self.verdict["verdict"] == "continue"}


def facts(number: int = 3, attempt: int = 1, **params: Any) -> dict[str, Any]:
    return {
        "study": "mine",
        "number": number,
        "attempt": attempt,
        "params": params,
        "seed": 2**64 - 1,
        "study_seed": 7,
        "metrics": [],
        "pruner_metric": None,
        "constraints": [],
        "device": "cpu",
        "data_dir": None,
        "settings": {},
    }


class Worker:
    """Listens until it is closed. `one` is the trial of a command; `many` are those that `next` gives."""

    def __init__(self, folder: Path, one: Run | None = None, many: list[Run] | None = None) -> None:
        self.path = str(folder / "trial.socket")
        self.current = one
        self.waiting = list(many or [])
        self.warm = many is not None
        self.refused: list[str] = []
        self.calls: list[str] = []
        self.lines: list[bytes] = []
        self.drop = 0
        """So many of the next answers are not given: the connection breaks instead."""
        self.silent: str | None = None
        """A call that is heard and never answered."""
        self.changed = threading.Condition()
        self.open: set[socket.socket] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        Path(self.path).chmod(0o600)
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        # Shut first: closing alone would leave `accept` waiting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        Path(self.path).unlink()
        with self.changed:
            for connection in self.open:
                # Its peer may be gone already.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "KINDLING_SOCKET": self.path, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def wait(self, until: Any, seconds: float = 30) -> None:
        with self.changed:
            assert self.changed.wait_for(until, seconds), (self.calls, self.refused)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self.changed:
                if len(self.open) >= MAX_CONNECTIONS:
                    connection.close()
                    continue
                self.open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        process, _, _ = struct.unpack("3i", credentials)
        speaker = Speaker(self, process)
        try:
            with connection, connection.makefile("rb") as lines:
                while line := lines.readline(MAX_LINE + 1):
                    if len(line) > MAX_LINE:
                        with self.changed:
                            self.refused.append("too long")
                        return
                    answer = speaker.hear(line)
                    with self.changed:
                        if self.calls[-1] == self.silent:
                            continue
                        if self.drop:
                            self.drop -= 1
                            return
                    connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass
        finally:
            with self.changed:
                self.open.discard(connection)
                self.changed.notify_all()


class Speaker:
    """One connection."""

    def __init__(self, worker: Worker, process: int) -> None:
        self.worker = worker
        self.process = process
        self.trial: Run | None = None
        self.bound = False

    def hear(self, line: bytes) -> dict[str, Any]:
        worker = self.worker
        with worker.changed:
            worker.lines.append(line)
            try:
                return {"ok": True, **self._answer(line)}
            except Refused as refused:
                worker.refused.append(str(refused))
                return refused.answer
            finally:
                worker.changed.notify_all()

    def _answer(self, line: bytes) -> dict[str, Any]:
        def constant(word: str) -> Any:
            raise Refused(f"the line is not JSON: {word}")

        try:
            request = json.loads(line.decode(), parse_constant=constant)
        except ValueError as error:
            raise Refused(f"the line is not JSON: {error}") from None
        if not line.endswith(b"\n") or not isinstance(request, dict):
            raise Refused("expected a JSON object and the line's end")
        call = request.get("call")
        self.worker.calls.append(str(call))
        if call not in CALLS:
            raise Refused(f"there is no call `{call}`", "did you mean `report`?")
        return getattr(self, f"_{call}")(request)

    def _hello(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("version") != 1:
            raise Refused("this worker speaks version 1")
        self.trial, self.bound = self.worker.current, True
        return {"version": 1, "trial": self.trial and self.trial.facts}

    def _next(self, _request: dict[str, Any]) -> dict[str, Any]:
        worker = self.worker
        if not worker.warm:
            raise Refused("only the worker's own Python process is given trials")
        worker.current = self.trial = worker.waiting.pop(0) if worker.waiting else None
        self.bound = True
        return {"version": 1, "trial": self.trial and self.trial.facts}

    def _mine(self) -> Run:
        trial = self.trial if self.bound else self.worker.current
        if trial is None or trial is not self.worker.current:
            raise Refused("the trial of this connection is over")
        return trial

    def _report(self, request: dict[str, Any]) -> dict[str, Any]:
        trial, step = self._mine(), request.get("step")
        names = trial.facts.get("metrics", [])
        value, others = by_name(request, trial.facts) if names else values(request, trial.metric)
        if not isinstance(step, int) or step < 0:
            raise Refused(f"`step` is {step}")
        if trial.result:
            raise Refused("the trial has its result")
        trial.reporters.add(self.process)
        if not trial.reports or (step, value) != trial.reports[-1]:
            if not math.isfinite(value) or (trial.reports and step <= trial.reports[-1][0]):
                trial.failed = f"step {step}: {value}"
                raise Refused(f"report {value} at step {step} fails the trial")
            trial.reports.append((step, value))
            trial.others.append(others if names else {})
        trial.attributes = {**trial.attributes, **({} if names else others)}
        if trial.prune_at is not None and step >= trial.prune_at:
            trial.verdict = {"verdict": "prune"}
        return trial.told()

    def _verdict(self, _request: dict[str, Any]) -> dict[str, Any]:
        return self._mine().told()

    def _load_checkpoint(self, _request: dict[str, Any]) -> dict[str, Any]:
        trial = self._mine()
        return {"checkpoint": trial.checkpoint, **trial.told()}

    def _save_checkpoint(self, request: dict[str, Any]) -> dict[str, Any]:
        trial, step = self._mine(), request.get("step")
        if not isinstance(step, int) or step < 0:
            raise Refused(f"`step` is {step}")
        trial.saved.append((step, taken(request)))
        if trial.leaving:
            trial.verdict = {"verdict": "stop", "reason": "the worker ends"}
        return trial.told()

    def _save_artifact(self, request: dict[str, Any]) -> dict[str, Any]:
        trial = self._mine()
        name = request.get("name", Path(request["path"]).name)
        trial.saved.append(((name, request.get("media_type")), taken(request)))
        return trial.told()

    def _set_user_attr(self, request: dict[str, Any]) -> dict[str, Any]:
        trial, name = self._mine(), request.get("name")
        if not isinstance(name, str) or "value" not in request:
            raise Refused("`name` is a text, and `value` any JSON")
        new = {**trial.attributes, name: request["value"]}
        sizes = [len(json.dumps(value)) for value in new.values()]
        if len(new) > 256 or max(sizes) > 64 << 10 or sum(sizes) > 1 << 20:
            raise Refused("too many attributes, or too large")
        trial.attributes = new
        return {}

    def _set_constraint(self, request: dict[str, Any]) -> dict[str, Any]:
        trial, name = self._mine(), request.get("name")
        if name not in trial.facts.get("constraints", []):
            raise Refused(f"the study has no constraint `{name}`", "did you mean another one?")
        trial.constraints[name] = number(request.get("value"))
        return {}

    def _result(self, request: dict[str, Any]) -> dict[str, Any]:
        trial, state = self._mine(), request.get("state")
        if state not in ("complete", "pruned", "fail", "hand_back", "unfit"):
            raise Refused(f"there is no state `{state}`")
        result = {"state": state}
        if state == "complete":
            values, names = request.get("values"), trial.facts.get("metrics", [])
            if isinstance(values, dict):
                known(values, names)
                if missing := [name for name in names if name not in values]:
                    raise Refused(f"the result has no `{missing[0]}`", f"the study's objectives are {names}")
                values = [values[name] for name in names]
            if not isinstance(values, list) or not values:
                raise Refused("`values` has a number for each objective")
            if names and len(values) != len(names):
                raise Refused(f"the result has {len(values)} values, and the study {len(names)} objectives")
            result["values"] = [str(number(value)) for value in values]
        elif state != "pruned":
            if not isinstance(request.get("reason"), str):
                raise Refused("`reason` is a text")
            result["reason"] = request["reason"]
        if trial.result and trial.result != result:
            raise Refused("the trial has another result")
        trial.result = result
        return {}


def taken(request: dict[str, Any]) -> bytes:
    path = Path(request["path"])
    if not path.is_absolute():
        raise Refused(f"`path` is {path}", "it is a full path")
    try:
        saved = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error}") from None
    if request.get("move", False):
        path.unlink()
    return saved


def values(request: dict[str, Any], metric: str | None) -> tuple[float, dict[str, Any]]:
    """The value of a report, and the metrics beside it."""
    metrics = request.get("metrics", {})
    if not isinstance(metrics, dict) or len(metrics) > MAX_METRICS:
        raise Refused("`metrics` has a number for each name", f"expected at most {MAX_METRICS}")
    for value in metrics.values():
        number(value)
    if "value" in request or not metrics:
        return number(request.get("value")), metrics
    if metric is None:
        raise Refused("`value` is missing, and the study names no `metric`", "say which of the metrics counts")
    if metric not in metrics:
        raise Refused(
            f"`value` is missing, and `metrics` has no `{metric}`, the study's `metric`", f"it has {', '.join(metrics)}"
        )
    return number(metrics[metric]), {name: value for name, value in metrics.items() if name != metric}


def by_name(request: dict[str, Any], facts: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The same in a study that names its objectives."""
    compared, metrics = facts["pruner_metric"], request.get("metrics", {})
    known(metrics, facts["metrics"])
    if "value" in request:
        if compared in metrics:
            raise Refused(f"`value` is of `{compared}`, and `metrics` has it, too", "give it once")
        metrics = {**metrics, compared: request["value"]}
    if compared not in metrics:
        raise Refused(f"the report has no `{compared}`, which the pruner compares", f"report `{compared}`")
    values = {name: number(value) for name, value in metrics.items()}
    return values.pop(compared), values


def known(metrics: Any, names: list[str]) -> None:
    if not isinstance(metrics, dict) or len(metrics) > MAX_METRICS:
        raise Refused("a number for each name", f"expected at most {MAX_METRICS}")
    for name in metrics:
        if name not in names:
            raise Refused(f"the study has no objective `{name}`", f"its objectives are {', '.join(names)}")


def number(value: Any) -> float:
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Refused(f"{value!r} is no number")
    return float(value)
