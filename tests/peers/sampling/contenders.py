"""The samplers that are compared, each behind `ask` and `tell`. Every one minimises."""

import json
import subprocess
from typing import Any, Protocol

from problems import Problem, Values


class Contender(Protocol):
    def ask(self) -> tuple[Any, Values]:
        """A new trial, and its parameters."""

    def tell(self, trial: Any, loss: float | None) -> None:
        """The trial finished; without a loss, it failed."""


def suggest(problem: Problem, trial: Any) -> Values:
    values: Values = {}
    for param in problem.params:
        if param.is_active(values):
            values[param.name] = param.suggest(trial)
    return values


class Optuna:
    def __init__(self, problem: Problem, seed: int, sampler: str) -> None:
        import warnings

        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        warnings.simplefilter("ignore")
        samplers = optuna.samplers
        made = {
            "default": lambda: samplers.TPESampler(seed=seed),
            "univariate": lambda: samplers.TPESampler(seed=seed, multivariate=False),
            "random": lambda: samplers.RandomSampler(seed=seed),
        }[sampler]()
        self.problem, self.study = problem, optuna.create_study(sampler=made)

    def ask(self) -> tuple[Any, Values]:
        trial = self.study.ask()
        return trial, suggest(self.problem, trial)

    def tell(self, trial: Any, loss: float | None) -> None:
        import optuna

        failed = optuna.trial.TrialState.FAIL if loss is None else None
        self.study.tell(trial, loss, state=failed)


class Rustuna:
    def __init__(self, problem: Problem, seed: int) -> None:
        import rustuna

        sampler = rustuna.samplers.TPESampler(seed=seed)
        self.problem, self.study = problem, rustuna.create_study(sampler=sampler)

    def ask(self) -> tuple[Any, Values]:
        trial = self.study.ask()
        return trial, suggest(self.problem, trial)

    def tell(self, trial: Any, loss: float) -> None:
        self.study.tell(trial.number, loss)


class Kindling:
    """Kindling's core in a process of its own, which serves one study after another."""

    processes: dict[str, subprocess.Popen] = {}

    def __init__(self, problem: Problem, seed: int, program: str, sampler: dict) -> None:
        if program not in self.processes:
            pipe = subprocess.PIPE
            self.processes[program] = subprocess.Popen([program], stdin=pipe, stdout=pipe, text=True)
        self.process = self.processes[program]
        space = [param.to_kindling() for param in problem.params]
        self.say({"study": {"seed": seed, "direction": "minimize", "sampler": sampler, "space": space}})

    def say(self, message: dict) -> dict:
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self) -> tuple[Any, Values]:
        answer = self.say({"ask": {}})
        return answer["number"], answer["params"]

    def tell(self, trial: Any, loss: float | None) -> None:
        self.say({"tell": {"number": trial, "value": loss}})


def contenders(program: str, mine: dict[str, dict]) -> dict:
    """By name: the peers and, for each of `mine`, Kindling with that sampler."""
    peers = {
        "optuna": lambda problem, seed: Optuna(problem, seed, "default"),
        "optuna univariate": lambda problem, seed: Optuna(problem, seed, "univariate"),
        "random": lambda problem, seed: Optuna(problem, seed, "random"),
        "rustuna": Rustuna,
    }
    ours = {
        name: lambda problem, seed, sampler=sampler: Kindling(problem, seed, program, sampler)
        for name, sampler in mine.items()
    }
    return ours | peers
