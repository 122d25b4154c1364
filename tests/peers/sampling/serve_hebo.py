"""HEBO (Cowen-Rivers et al., arXiv 2012.03826) over standard input and output. It knows no conditions, so it also
chooses values that nobody asks for. Of running trials it knows nothing either."""

import random
import warnings

import numpy as np
import pandas as pd
import torch
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from served import Values, is_active, serve


def described(param: dict) -> dict:
    name, d = param["name"], param["distribution"]
    if d["type"] == "categorical":
        return {"name": name, "type": "cat", "categories": d["choices"]}
    if d["type"] == "int":
        return {"name": name, "type": "pow_int" if d["log"] else "int", "lb": d["low"], "ub": d["high"], "base": 10}
    if isinstance(d["scale"], dict):
        return {"name": name, "type": "int", "lb": 0, "ub": round((d["high"] - d["low"]) / d["scale"]["step"])}
    return {"name": name, "type": "pow" if d["scale"] == "log" else "num", "lb": d["low"], "ub": d["high"], "base": 10}


class Hebo:
    def __init__(self, space: list[dict], seed: int) -> None:
        random.seed(seed), np.random.seed(seed), torch.manual_seed(seed)
        self.space = space
        self.hebo = HEBO(DesignSpace().parse([described(param) for param in space]), scramble_seed=seed)

    def ask(self) -> tuple[pd.DataFrame, Values]:
        row, values = self.hebo.suggest(1), {}
        for param in self.space:
            if is_active(param, values):
                values[param["name"]] = self.value(param["distribution"], row[param["name"]].iloc[0])
        return row, values

    @staticmethod
    def value(d: dict, found):
        if d["type"] == "categorical":
            return found
        if d["type"] == "int":
            return int(found)
        return d["low"] + int(found) * d["scale"]["step"] if isinstance(d["scale"], dict) else float(found)

    def tell(self, asked: pd.DataFrame, loss: float) -> None:
        self.hebo.observe(asked, np.array([[loss]]))


warnings.simplefilter("ignore")
torch.set_num_threads(1)
serve(Hebo)
