"""SMAC3 (Lindauer et al., JMLR 2022) over standard input and output: its facade for hyper-parameters."""

import logging
import tempfile
import warnings

import ConfigSpace
import numpy as np
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory import TrialInfo, TrialValue

from served import Values, serve

BUDGET = 100
"""SMAC wants to know it: a quarter, at most, are of its first design. It goes on after that."""


def described(param: dict):
    name, d = param["name"], param["distribution"]
    if d["type"] == "categorical":
        return ConfigSpace.Categorical(name, d["choices"])
    if d["type"] == "int":
        return ConfigSpace.Integer(name, (d["low"], d["high"]), log=d["log"])
    if isinstance(d["scale"], dict):
        return ConfigSpace.Integer(name, (0, round((d["high"] - d["low"]) / d["scale"]["step"])))
    return ConfigSpace.Float(name, (d["low"], d["high"]), log=d["scale"] == "log")


class Smac:
    def __init__(self, space: list[dict], seed: int) -> None:
        self.space = {param["name"]: param["distribution"] for param in space}
        configs = ConfigSpace.ConfigurationSpace(seed=seed)
        configs.add([described(param) for param in space])
        conditions = [(configs[p["name"]], configs[w["parent"]], w["any_of"]) for p in space for w in p.get("when", [])]
        configs.add([ConfigSpace.InCondition(*condition) for condition in conditions])
        self.folder = tempfile.TemporaryDirectory()
        scenario = Scenario(
            configs, output_directory=self.folder.name, deterministic=True, n_trials=BUDGET, seed=seed
        )
        self.smac = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, logging_level=logging.ERROR, overwrite=True
        )

    def ask(self) -> tuple[TrialInfo, Values]:
        asked = self.smac.ask()
        return asked, {name: self.value(d, asked.config[name]) for name, d in self.space.items() if name in asked.config}

    @staticmethod
    def value(d: dict, found):
        if d["type"] == "categorical":
            return found.item() if isinstance(found, np.generic) else found
        if d["type"] == "int":
            return int(found)
        return d["low"] + int(found) * d["scale"]["step"] if isinstance(d["scale"], dict) else float(found)

    def tell(self, asked: TrialInfo, loss: float) -> None:
        self.smac.tell(asked, TrialValue(cost=loss), save=False)


warnings.simplefilter("ignore")
serve(Smac)
