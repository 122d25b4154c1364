"""A search space, as a list of parameters, and a function over it to minimise."""

from dataclasses import dataclass
from typing import Any, Callable

Values = dict[str, Any]


@dataclass(frozen=True)
class Param:
    name: str
    low: float | int | None = None
    high: float | int | None = None
    log: bool = False
    step: float | int | None = None
    choices: tuple | None = None
    when: tuple[str, tuple] | None = None

    @property
    def is_int(self) -> bool:
        return isinstance(self.low, int)

    def is_active(self, values: Values) -> bool:
        return self.when is None or values.get(self.when[0]) in self.when[1]

    def suggest(self, trial) -> Any:
        """Asks a trial of Optuna's or rustuna's."""
        if self.choices is not None:
            return trial.suggest_categorical(self.name, list(self.choices))
        suggest = trial.suggest_int if self.is_int else trial.suggest_float
        more = {} if self.step is None else {"step": self.step}
        return suggest(self.name, self.low, self.high, log=self.log, **more)

    def to_kindling(self) -> dict:
        """As Kindling stores it."""
        if self.choices is not None:
            distribution = {"type": "categorical", "choices": list(self.choices)}
        elif self.is_int:
            step = 1 if self.step is None else self.step
            distribution = {"type": "int", "low": self.low, "high": self.high, "step": step, "log": self.log}
        else:
            scale = "log" if self.log else "linear" if self.step is None else {"step": self.step}
            distribution = {"type": "float", "low": self.low, "high": self.high, "scale": scale}
        param = {"name": self.name, "distribution": distribution}
        if self.when is not None:
            param["when"] = [{"parent": self.when[0], "any_of": list(self.when[1])}]
        return param


@dataclass(frozen=True)
class Problem:
    name: str
    params: list[Param]
    loss: Callable[[Values], float]
    minimum: float
    """The least noise-free loss of those that do not fail."""
    noise: float = 0.0
    """The standard deviation of what is added to the loss that a sampler is told."""
    fails: Callable[[Values], bool] = lambda values: False
    accidents: float = 0.0
    """The chance that a trial fails whatever its values."""

    def regret(self, values: Values) -> float:
        """How far the noise-free loss is from the least."""
        return max(self.loss(values) - self.minimum, 0.0)


def floats(names: list[str], low: float, high: float, **more) -> list[Param]:
    return [Param(name, low, high, **more) for name in names]


def axes(dimensions: int) -> list[str]:
    return [f"x{i}" for i in range(dimensions)]


def along_axes(values: Values) -> list[float]:
    """By name: not every sampler returns values in the space's order."""
    return [values[name] for name in axes(len(values))]
