"""The trial that this process runs."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from kindling import _hook, _json, _suggest, checkpoint
from kindling._errors import KindlingError, TrialPruned, TrialStopped
from kindling._params import Params, check_defaults
from kindling._socket import Connection, identity
from kindling.checkpoint import Checkpoint, Content

Verdict = Literal["continue", "prune", "stop"]


class Trial:
    """The trial that this process runs. `current_trial` gives it to a script, and a Python objective is called with it.

    It may be used from any thread, and from processes that are forked or spawned from this one.
    """

    number: int
    """From 0, within the study."""
    attempt: int
    """From 1. It is higher if a worker was lost that had this trial."""
    study: str
    """The study's name."""
    params: dict[str, Any]
    """The values of the parameters that are active in this trial, over the defaults."""
    seed: int
    """For all randomness of this trial: the same in every attempt. Below 2**64."""
    study_seed: int
    """For what all trials of the study share, such as how the data is split. Below 2**64."""
    settings: dict[str, Any]
    """What the study says for your own use."""
    data_dir: Path | None
    """The folder with data sets, if the worker was given one."""
    metric_names: list[str]
    """What the study's objectives are called, in its order. Empty: there is one, without a name."""
    constraint_names: list[str]
    """What the study's constraints are called, in its order."""
    pruner_metric: str | None
    """The objective that the pruner compares, if it has a name."""
    user_attrs: dict[str, Any]
    """What this process noted with `set_user_attr`."""
    constraints: dict[str, float]
    """What this process told of constraints with `set_constraint`."""
    alone: bool
    """No worker runs this: the parameters are the defaults, and what is reported is printed."""

    reason: str
    """Why the trial should stop, once its verdict is `stop`."""

    def __init__(self, facts: Mapping[str, Any], connection: Connection | None, defaults: Mapping[str, Any]) -> None:
        self._connection = connection
        self._told: Verdict = "continue"
        self.reason = ""
        self.alone = connection is None
        self.number = facts["number"]
        self.attempt = facts["attempt"]
        self.study = facts["study"]
        self.params = Params({**defaults, **facts["params"]})
        self.seed = facts["seed"]
        self.study_seed = facts["study_seed"]
        self.settings = facts.get("settings") or {}
        self.data_dir = Path(facts["data_dir"]) if facts.get("data_dir") else None
        # A worker of before several objectives does not tell these.
        self.metric_names = list(facts.get("metrics") or ())
        self.constraint_names = list(facts.get("constraints") or ())
        self.pruner_metric = facts.get("pruner_metric")
        self.user_attrs = {}
        self.constraints = {}
        self._device: str | None = facts.get("device")
        self._facts = dict(facts)
        self.ended = False
        """A result was given."""

    @property
    def device(self) -> str:
        """`cuda` or `cpu`, as `torch.device` takes it. A trial sees no GPU but its own."""
        if self._device is not None:
            return "cuda" if self._device.startswith("cuda") else "cpu"
        # Alone. Torch is asked only if the script has it anyway.
        torch = sys.modules.get("torch")
        return "cuda" if torch is not None and torch.cuda.is_available() else "cpu"

    def report(self, value: Any, step: Any, *, raises: bool = True) -> Verdict:
        """The value of a step, such as an epoch. Steps are whole numbers that ascend.

        Several metrics are a dict of their names and values, `{"accuracy": 0.91, "latency_ms": 12.5}`. In a study that
        names its objectives, the one that the pruner compares must be there, and others of them may; a number alone is
        that one's. In another study its `metric` says which one is the value; the others become attributes of the
        trial.

        Raises `TrialPruned` or `TrialStopped` if the trial should end. With `raises=False` it says so instead.
        """
        reported: dict[str, Any]
        if isinstance(value, Mapping):
            reported = {"metrics": _json.metrics(value)}
            shown = _json.shown(reported["metrics"])
        else:
            reported = {"value": _json.number(value, "the reported value")}
            shown = f"{reported['value']:.6g}"
        step = _json.whole(step, "the step")
        if self._connection is None:
            print(f"step {step}: {shown}", flush=True)
            return "continue"
        self._hear(self._call({"call": "report", "step": step, **reported}))
        if raises:
            self.obey(self._told, f"pruned at step {step}")
        return self._told

    def should_prune(self) -> bool:
        """Whether the pruner stops this trial. `report` has said so already, unless it was told `raises=False`."""
        verdict = self.verdict()
        if verdict == "stop":
            self.obey(verdict)
        return verdict == "prune"

    def verdict(self) -> Verdict:
        """`continue`, `prune` or `stop`, without a report. Every process of the trial hears the same."""
        if self._connection is not None:
            self._hear(self._call({"call": "verdict"}))
        return self._told

    def check(self) -> None:
        """Raises `TrialPruned` or `TrialStopped` if the trial should end, without a report."""
        self.obey(self.verdict())

    def obey(self, verdict: Verdict, reason: str = "") -> None:
        """Raises what that verdict means. For processes that act together on what one of them heard."""
        if verdict == "continue":
            return
        _hook.install(self)
        raise (
            TrialPruned(reason or "pruned") if verdict == "prune" else TrialStopped(self.reason or reason or "stopped")
        )

    def load_checkpoint(self) -> Checkpoint | None:
        """What an earlier attempt at this trial saved last: go on with the step after its `step`. None: begin.

        The file is here then, and whole. While the coordinator or its artifact store is out of reach this waits. A
        checkpoint that is missing or damaged fails the trial.
        """
        if self._connection is None:
            return None
        answer = self._wait({"call": "load_checkpoint"})
        self._hear(answer)
        # Without what it was to go on from it does not go on.
        self.obey(self._told)
        found = answer["checkpoint"]
        return None if found is None else Checkpoint(step=int(found["step"]), path=Path(found["path"]))

    def save_checkpoint(self, content: Content, step: Any, *, raises: bool = True) -> Verdict:
        """Saves a file, or bytes, from which a next attempt can go on: all up to this step. Report the step before.

        The file is copied, and stays yours. Steps ascend; of two of the same step the first one counts. Returns once it
        is safe. While the coordinator or its artifact store is out of reach it returns at once, and the newest
        checkpoint is sent later.

        Raises as `report` does: above all `TrialStopped`, if the worker is about to leave and the checkpoint is safe.
        The trial then goes on elsewhere. With `raises=False` it says so instead.
        """
        step = _json.whole(step, "the step")
        return self._save({"call": "save_checkpoint", "step": step}, content, f"checkpoint of step {step}", raises)

    def save_artifact(
        self, content: Content, name: str | None = None, media_type: str | None = None, *, raises: bool = True
    ) -> Verdict:
        """Keeps a file, or bytes, with the trial: a plot, a model. A later one of the same name takes its place.

        The name is the file's unless given, and may have slashes. `media_type`, such as `image/png`, is what the name
        says unless given. Returns, and raises, as `save_checkpoint` does.
        """
        if name is None:
            if not checkpoint.is_file(content):
                raise KindlingError("an artifact of bytes needs a name\nhint: `trial.save_artifact(png, 'loss.png')`")
            name = os.path.basename(os.fspath(content))  # type: ignore[arg-type] # noqa: PTH119 - it is a path
        if not isinstance(name, str) or not name:
            raise KindlingError(f"the name of an artifact is {name!r}; expected a text")
        kind = checkpoint.media_type(name) if media_type is None else media_type
        request = {"call": "save_artifact", "name": name, **({"media_type": kind} if kind else {})}
        return self._save(request, content, f"artifact {name}", raises)

    def should_checkpoint(self) -> bool:
        """Whether the worker is about to leave, so that a checkpoint now saves work. Ask as often as you like."""
        if self._connection is None:
            return False
        answer = self._call({"call": "verdict"})
        self._hear(answer)
        if self._told == "stop":
            self.obey(self._told)
        # A worker of before checkpoints does not tell it.
        return answer.get("should_checkpoint") is True

    def set_user_attr(self, key: str, value: Any) -> None:
        """Notes something beside the values. It is kept however the trial ends, and the sampler never sees it."""
        if not isinstance(key, str):
            raise KindlingError(f"the name of an attribute is {key!r}; expected a text")
        if self._connection is None:
            print(f"{key}: {value}", flush=True)
        else:
            self._call({"call": "set_user_attr", "name": key, "value": value})
        self.user_attrs[key] = value

    def set_constraint(self, name: str, value: Any) -> None:
        """The value of one of the study's constraints: it holds at or below 0, so report `used - limit`.

        The last one counts. A trial that completes without all of the study's constraints fails.
        """
        if not isinstance(name, str):
            raise KindlingError(f"the name of a constraint is {name!r}; expected a text")
        number = _json.number(value, f"the constraint `{name}`")
        if self._connection is None:
            print(f"{name}={number:.6g}", flush=True)
        else:
            self._call({"call": "set_constraint", "name": name, "value": number})
        self.constraints[name] = number

    def complete(self, value: Any) -> None:
        """The trial's value. Of several objectives a dict by name, or a sequence in the study's order.

        The first one counts. For scripts; a function returns it. The script then still has to end with status 0.
        """
        values = _json.result(value, "the value")
        if self._connection is None:
            print(f"value: {_json.shown(values)}", flush=True)
        self.give({"state": "complete", "values": values})

    def prune(self) -> None:
        """Ends the trial as pruned. An uncaught `TrialPruned` does it as well."""
        self.give({"state": "pruned"})

    def fail(self, reason: str) -> None:
        """Ends the trial as failed. An uncaught exception does it as well."""
        self.give({"state": "fail", "reason": reason})

    def hand_back(self, reason: str) -> None:
        """The trial cannot go on here now: it is leased again, here or elsewhere."""
        self.give({"state": "hand_back", "reason": reason})

    def unfit(self, reason: str) -> None:
        """This machine cannot run such trials at all: the trial is handed back, and the worker ends."""
        self.give({"state": "unfit", "reason": reason})

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """The value of that parameter, which must lie there. Alone: its default, or the middle."""
        _suggest.check_range(name, low, high, log=log)
        value = self._given(name, lambda: _suggest.middle_float(low, high, step, log=log))
        return _suggest.check_float(name, value, low, high)

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """The value of that parameter, which must lie there. Alone: its default, or the middle."""
        _suggest.check_range(name, low, high, log=log)
        value = self._given(name, lambda: _suggest.middle_int(low, high, step, log=log))
        return _suggest.check_int(name, value, low, high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """The value of that parameter, which must be one of the choices. Alone: its default, or the first."""
        if not choices:
            raise KindlingError(f"parameter `{name}` has no choices; expected at least one")
        value = self._given(name, lambda: choices[0])
        return _suggest.check_choice(name, value, choices)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """For a process that is spawned with a trial as argument: the parameters travel as a plain dict."""
        self.__dict__.update(state)
        self.params = Params(self.params)

    def __repr__(self) -> str:
        return f"<kindling.Trial {self.study} #{self.number} {self.params}>"

    def _given(self, name: str, middle: Any) -> Any:
        # A default stands in for a parameter only alone. In a worker it is an error that the study does not have it.
        if self._connection is None:
            return self.params.setdefault(name, middle())
        return _suggest.given(name, self._facts["params"])

    def _call(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._connection is not None
        return self._connection.call(identity(self._facts), request)

    def _wait(self, request: dict[str, Any]) -> dict[str, Any]:
        """A call that takes as long as its bytes are on their way."""
        assert self._connection is not None
        return self._connection.call(identity(self._facts), request, timeout=None)

    def _save(self, request: dict[str, Any], content: Any, what: str, raises: bool) -> Verdict:  # noqa: FBT001
        if self._connection is None:
            print(f"{what}: {checkpoint.size(content):,} bytes", flush=True)
            return "continue"
        with checkpoint.as_file(content) as file:
            self._hear(self._wait({**request, **file}))
        if raises:
            self.obey(self._told)
        return self._told

    def _hear(self, answer: Mapping[str, Any]) -> None:
        verdict = answer.get("verdict")
        if verdict not in ("continue", "prune", "stop"):
            raise KindlingError(f"the worker's verdict is {verdict!r}; expected continue, prune or stop")
        self._told = cast("Verdict", verdict)
        self.reason = str(answer.get("reason") or "the worker stopped this trial") if verdict == "stop" else ""

    def give(self, result: dict[str, Any]) -> None:
        """A result in the words of the trial's socket. `complete`, `prune` and the others say it better."""
        if self._connection is not None:
            self._call({"call": "result", **result})
        self.ended = True


_current: Trial | None = None


def current_trial(defaults: Mapping[str, Any] | None = None) -> Trial:
    """The trial that this process runs.

    In a worker its parameters are the study's, over `defaults`, which name all that the script knows: a parameter of
    the study that is not among them is an error, since it would be tuned in vain. A script that runs by itself takes
    the defaults, and what it reports is printed. Asked again, it gives the same trial.
    """
    defaults = dict(defaults or {})
    if _current is not None:
        for name, value in defaults.items():
            _current.params.setdefault(name, value)
        return _current
    path = os.environ.get("KINDLING_SOCKET")
    if path:
        connection = Connection(path)
        try:
            facts = connection.hello()
        except TrialStopped as error:
            raise KindlingError(f"{error}\nhint: to run without a worker, unset KINDLING_SOCKET ({path})") from None
        trial = Trial(facts, connection, defaults)
        _hook.install(trial)
        check_defaults(facts["params"], defaults)
    else:
        trial = Trial(_alone(), None, defaults)
        _hook.install(trial)
    set_current(trial)
    return trial


def set_current(trial: Trial | None) -> None:
    """What `current_trial` gives from now on. For those that get trials in another way."""
    global _current  # noqa: PLW0603 - a process runs one trial at a time
    _current = trial


def _alone() -> dict[str, Any]:
    return {"study": "alone", "number": 0, "attempt": 1, "params": {}, "seed": 0, "study_seed": 0}
