"""The samplers that are compared, each behind `ask` and `tell`. Every one minimises, has the settings that it comes with,
and one thread."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Protocol

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
            "gp": lambda: one_thread(samplers.GPSampler(seed=seed)),
            "cmaes": lambda: samplers.CmaEsSampler(seed=seed),
            "auto": lambda: one_thread(auto_sampler()(seed=seed)),
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


def one_thread(sampler: Any) -> Any:
    import torch

    torch.set_num_threads(1)
    return sampler


def auto_sampler() -> type:
    """OptunaHub loads it from the network, or from a copy of `optuna/optunahub-registry` if a variable names one."""
    import optunahub

    name, registry = "samplers/auto_sampler", os.environ.get("OPTUNAHUB_REGISTRY")
    if registry is None:
        return optunahub.load_module(name).AutoSampler
    return optunahub.load_local_module(name, registry_root=f"{registry}/package").AutoSampler


class Rustuna:
    def __init__(self, problem: Problem, seed: int) -> None:
        import rustuna

        sampler = rustuna.samplers.TPESampler(seed=seed)
        self.problem, self.study = problem, rustuna.create_study(sampler=sampler)

    def ask(self) -> tuple[Any, Values]:
        trial = self.study.ask()
        return trial, suggest(self.problem, trial)

    def tell(self, trial: Any, loss: float | None) -> None:
        import rustuna

        failed = rustuna.trial.TrialState.FAIL if loss is None else None
        self.study.tell(trial.number, loss, state=failed)


class Program:
    """A sampler in a process of its own, which serves one study after another: a line of JSON asks, another answers."""

    processes: dict[tuple[str, ...], subprocess.Popen] = {}

    def __init__(self, problem: Problem, seed: int, *command: str, sampler: dict) -> None:
        if command not in self.processes:
            pipe, one = subprocess.PIPE, dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
            self.processes[command] = subprocess.Popen(
                command, stdin=pipe, stdout=pipe, text=True, env=os.environ | one
            )
        self.process = self.processes[command]
        space = [param.to_kindling() for param in problem.params]
        self.say({"study": {"seed": seed, "direction": "minimize", "sampler": sampler, "space": space}})

    def say(self, message: dict) -> dict:
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def cpu_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat") as stat:
            user, system = stat.read().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def ask(self) -> tuple[Any, Values]:
        answer = self.say({"ask": {}})
        return answer["number"], answer["params"]

    def tell(self, trial: Any, loss: float | None) -> None:
        self.say({"tell": {"number": trial, "value": loss}})


def elsewhere(name: str) -> Callable[[Problem, int], Contender]:
    """A peer that wants packages of its own, with the Python that a variable names."""
    script = str(Path(__file__).parent / f"serve_{name}.py")

    def make(problem: Problem, seed: int) -> Contender:
        return Program(problem, seed, os.environ.get(f"{name.upper()}_PYTHON", sys.executable), script, sampler={})

    return make


PEERS: dict[str, Callable[[Problem, int], Contender]] = {
    "optuna": lambda problem, seed: Optuna(problem, seed, "default"),
    "rustuna": Rustuna,
    "cmaes": lambda problem, seed: Optuna(problem, seed, "cmaes"),
    "random": lambda problem, seed: Optuna(problem, seed, "random"),
    "gp": lambda problem, seed: Optuna(problem, seed, "gp"),
    "autosampler": lambda problem, seed: Optuna(problem, seed, "auto"),
    "smac": elsewhere("smac"),
    "hebo": elsewhere("hebo"),
}


def kindling(program: str, sampler: dict) -> Callable[[Problem, int], Contender]:
    """The core in a process of its own, the example `ask_tell`."""
    return lambda problem, seed: Program(problem, seed, program, sampler=sampler)


MINE: dict[str, Callable[[Problem, int], Contender]] = {}
"""Kindling's samplers that are compared."""


def contender(name: str, problem: Problem, seed: int) -> Contender:
    return (MINE | PEERS)[name](problem, seed)
