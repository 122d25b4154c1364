"""A study as its author writes it, for the wire. The keys and words are those of a study file."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import json_format

from kindling.client._convert import plain, real, text, to_json, value_to_wire, whole
from kindling.client._errors import InvalidArgumentError
from kindling.client._proto import study_pb2 as pb
from kindling.space import Categorical, Float, Int

_U32, _I64 = 2**32 - 1, 2**63 - 1
# Whole numbers up to here are floats, too.
_EXACT = 2**53
_DIRECTIONS = {"maximize": pb.DIRECTION_MAXIMIZE, "minimize": pb.DIRECTION_MINIMIZE}
_NOTIFY_KINDS = {
    "webhook": pb.NOTIFY_KIND_WEBHOOK,
    "ntfy": pb.NOTIFY_KIND_NTFY,
    "slack": pb.NOTIFY_KIND_SLACK,
    "off": pb.NOTIFY_KIND_OFF,
}
_NOTIFY_TOPICS = {
    "finished": pb.NOTIFY_TOPIC_FINISHED,
    "best": pb.NOTIFY_TOPIC_BEST,
    "failing": pb.NOTIFY_TOPIC_FAILING,
}
_KEYS = {
    "float": {"low", "high", "log", "step"},
    "int": {"low", "high", "log", "step"},
    "categorical": {"choices", "none"},
}
# What a worker offers names no study. So studies that are asked have an objective each.
_ASK = "ask:"
_LONGEST_KIND = 256


def ask_kind(study: str) -> str:
    """The objective of a study whose trials are asked for and told. No worker offers it."""
    kind = _ASK + study
    if len(kind.encode()) <= _LONGEST_KIND:
        return kind
    return _ASK + hashlib.sha256(study.encode()).hexdigest()


def spec(
    *,
    name: str,
    space: Mapping[str, Any],
    direction: str | None = None,
    directions: Mapping[str, str] | None = None,
    constraints: Sequence[str] | None = None,
    trials: int,
    seed: int,
    sampler: str | Mapping[str, Any],
    pruner: str | Mapping[str, Any],
    objective: str | Mapping[str, Any] | None,
    max_attempts: int,
    max_failures_in_a_row: int | None,
    confirm: Mapping[str, Any] | None,
    checkpoints: Mapping[str, Any] | None,
    notify: Mapping[str, Any] | None,
) -> pb.StudySpec:
    name = text("name", name)
    ways, names = _goal(direction, directions)
    made = pb.StudySpec(
        name=name,
        directions=ways,
        metric_names=names,
        constraints=_names("constraints", constraints, "memory_gb"),
        trials=whole("trials", trials, 1, _U32),
        seed=whole("seed", seed, 0, _I64),
        max_attempts=whole("max_attempts", max_attempts, 1, _U32),
        space=_space(space),
        objective=_objective(ask_kind(name) if objective is None else objective),
        confirm=None if confirm is None else confirmation(confirm),
    )
    if max_failures_in_a_row is not None:
        made.max_failures_in_a_row = whole("max_failures_in_a_row", max_failures_in_a_row, 0, _U32)
    if checkpoints is not None:
        keep = _table("checkpoints", checkpoints, {"keep"}).get("keep", 1)
        made.keep_checkpoints = whole("checkpoints.keep", keep, 1, 100)
    if notify is not None:
        made.notify.CopyFrom(_notify(notify))
    _options("sampler", sampler, made)
    _options("pruner", pruner, made)
    return made


def _goal(direction: Any, directions: Any) -> tuple[list[Any], list[str]]:
    """Which way is better, for each objective; and their names, if they have some."""
    if (direction is None) == (directions is None):
        hint = 'direction="maximize" for one; for several directions={"accuracy": "maximize", …}'
        raise InvalidArgumentError("a study has either a `direction` or `directions`", hint)
    if direction is not None:
        return [_one_of("direction", direction, _DIRECTIONS)], []
    if not isinstance(directions, Mapping) or not directions:
        raise InvalidArgumentError(f"directions: expected a dict by name, not {directions!r}")
    names = [text("directions", name) for name in directions]
    return [_one_of(f"directions.{name}", directions[name], _DIRECTIONS) for name in names], names


def _names(key: str, found: Any, example: str) -> list[str]:
    if found is None:
        return []
    if isinstance(found, (str, bytes)) or not isinstance(found, Sequence):
        raise InvalidArgumentError(f'{key}: expected a list of names, such as ["{example}"], not {found!r}')
    return [text(key, each) for each in found]


def confirmation(given: Mapping[str, Any]) -> pb.Confirm:
    """`[confirm]` of a study file, with the same defaults."""
    given = _table("confirm", given, {"by", "best", "seeds", "each"})
    by = given.get("by")
    if by is None or isinstance(by, (str, bytes)) or not isinstance(by, Sequence):
        raise InvalidArgumentError(f"confirm.by: expected a list of names of categorical parameters, not {by!r}")
    return pb.Confirm(
        by=[text("confirm.by", each) for each in by],
        best=whole("confirm.best", given.get("best", 6), 0, _U32),
        seeds=whole("confirm.seeds", given.get("seeds", 10), 0, _U32),
        each=_flag("confirm.each", given.get("each", True)),
    )


def _notify(given: Mapping[str, Any]) -> pb.Notify:
    """`[notify]` of a study file, with the same defaults."""
    given = _table("notify", given, {"kind", "url", "on"})
    kind = _one_of("notify.kind", given.get("kind", "webhook"), _NOTIFY_KINDS)
    if kind == pb.NOTIFY_KIND_OFF:
        if len(given) > 1:
            raise InvalidArgumentError('notify: kind = "off" tells nobody, so nothing stands beside it')
        return pb.Notify(kind=kind)
    url, on = given.get("url"), given.get("on")
    # What was found is not shown: it may be a secret.
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise InvalidArgumentError("notify.url: expected an address such as https://ntfy.sh/my-topic")
    if on is not None and (isinstance(on, (str, bytes)) or not isinstance(on, Sequence) or not on):
        raise InvalidArgumentError(f'notify.on: expected a list such as ["finished", "best"], not {on!r}')
    topics = [_one_of("notify.on", topic, _NOTIFY_TOPICS) for topic in on or ()]
    return pb.Notify(kind=kind, url=url, on=topics)


def _space(space: Mapping[str, Any]) -> list[pb.Parameter]:
    if not isinstance(space, Mapping) or not space:
        hint = 'such as {"learning_rate": kindling.Float(1e-5, 1e-1, log=True)}'
        raise InvalidArgumentError(f"space: expected a dict with at least one parameter, not {space!r}", hint)
    words = {name: found.get("none") for name, found in space.items() if isinstance(found, Mapping)}
    return [_parameter(text("space", name), found, words) for name, found in space.items()]


def _with_none(found: Any, word: Any) -> Any:
    """What a table of a study file means by the word that stands for none there."""
    if word is None:
        return found
    if isinstance(found, (list, tuple)):
        return [_with_none(item, word) for item in found]
    if isinstance(found, Mapping):
        return {key: _with_none(item, word) for key, item in found.items()}
    return None if isinstance(found, str) and found == word else found


def _parameter(name: str, found: Any, words: Mapping[str, Any]) -> pb.Parameter:
    at = f"space.{name}"
    given = found.table() if isinstance(found, (Float, Int, Categorical)) else found
    if not isinstance(given, Mapping):
        hint = "a kindling.Float, Int or Categorical, or a dict as the table in a study file"
        raise InvalidArgumentError(f"{at}: what is {given!r}?", hint)
    kind = given.get("type")
    kind = kind if isinstance(kind, str) else repr(kind)
    keys = _one_of(f"{at}.type", kind, _KEYS)
    given = _table(at, given, {"type", "when", *keys})
    made = pb.Parameter(name=name, when=_conditions(at, given.get("when") or {}, words))

    def needed(key: str) -> Any:
        if key not in given:
            raise InvalidArgumentError(f"{at}.{key} is missing, which {kind} needs")
        return given[key]

    log = _flag(f"{at}.log", given.get("log", False))
    step = given.get("step")
    if kind == "float":
        made.float.low, made.float.high = real(f"{at}.low", needed("low")), real(f"{at}.high", needed("high"))
        made.float.log = log
        if step is not None:
            made.float.step = real(f"{at}.step", step)
    elif kind == "int":
        made.int.low = whole(f"{at}.low", needed("low"), -_I64 - 1, _I64)
        made.int.high = whole(f"{at}.high", needed("high"), -_I64 - 1, _I64)
        made.int.log = log
        # 0 on the wire stands for 1.
        made.int.step = 1 if step is None else whole(f"{at}.step", step, 1, _I64)
    else:
        choices = needed("choices")
        if isinstance(choices, (str, bytes, Mapping)) or not isinstance(choices, Sequence):
            raise InvalidArgumentError(f"{at}.choices: expected a list, not {choices!r}")
        choices = _with_none(choices, given.get("none"))
        made.categorical.choices.extend(value_to_wire(f"{at}.choices", choice) for choice in choices)
    return made


def _conditions(at: str, when: Any, words: Mapping[str, Any]) -> list[pb.Condition]:
    if not isinstance(when, Mapping):
        raise InvalidArgumentError(f'{at}.when: expected a dict such as {{"optimizer": "sgd"}}, not {when!r}')
    made = []
    for parent, found in when.items():
        where = f"{at}.when.{parent}"
        condition = pb.Condition(parent=text(f"{at}.when", parent))
        if isinstance(found, Mapping):
            for key, bound in _table(where, found, {"at_least", "at_most"}).items():
                setattr(condition, key, real(f"{where}.{key}", bound))
        else:
            any_of = found if isinstance(found, (list, tuple, set, frozenset)) else [found]
            word = words.get(parent)
            condition.any_of.extend(value_to_wire(where, _with_none(each, word)) for each in any_of)
        made.append(condition)
    return made


def _objective(given: str | Mapping[str, Any]) -> pb.Objective:
    if isinstance(given, str):
        return pb.Objective(kind=text("objective", given))
    if not isinstance(given, Mapping) or not isinstance(given.get("kind"), str):
        raise InvalidArgumentError(
            f"objective: expected its kind, or a dict with `kind` and its settings, not {given!r}"
        )
    settings = {text("objective", key): found for key, found in given.items() if key != "kind"}
    written = to_json("objective", settings) if settings else ""
    return pb.Objective(kind=text("objective.kind", given["kind"]), settings_json=written)


def _options(key: str, given: str | Mapping[str, Any], made: pb.StudySpec) -> None:
    """The options of a sampler or a pruner, or its kind alone."""
    if isinstance(given, str):
        given = {"kind": given}
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{key}: expected its kind, or a dict with `kind` and its options, not {given!r}")
    plainly = json.loads(to_json(key, {text(key, name): plain(option) for name, option in given.items()}))
    _check_whole(key, plainly)
    json_format.ParseDict(plainly, getattr(made, key))


def _check_whole(at: str, found: Any) -> None:
    """On the wire these are floats: a whole number that is none any more would be another one."""
    if isinstance(found, dict):
        for key, below in found.items():
            _check_whole(f"{at}.{key}", below)
    elif isinstance(found, (int, float)) and not abs(found) <= _EXACT:
        raise InvalidArgumentError(f"{at}: {found} makes no sense here")


def _table(at: str, given: Mapping[str, Any], keys: set[str]) -> Mapping[str, Any]:
    for key in given:
        if key not in keys:
            near = difflib.get_close_matches(str(key), keys, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(sorted(keys))}"
            raise InvalidArgumentError(f"{at}: there is no key `{key}`", hint)
    return given


def _one_of(key: str, found: str, known: Mapping[str, Any]) -> Any:
    if not isinstance(found, str) or found not in known:
        raise InvalidArgumentError(f"{key}: expected {' or '.join(known)}, not {found!r}")
    return known[found]


def _flag(key: str, found: Any) -> bool:
    found = plain(found)
    if not isinstance(found, bool):
        raise InvalidArgumentError(f"{key}: expected True or False, not {found!r}")
    return found
