"""What people tune, as formulas: mixed, whole-numbered, categorical, and with conditions."""

import math
import random

from .space import Param, Problem, Values, along_axes, axes


def boosting(v: Values) -> float:
    """Mixed: what a person tunes of gradient boosting, with interactions."""
    rate, rounds = math.log(v["rate"]), math.log(v["rounds"])
    loss = 0.4 * (rate + rounds - math.log(12)) ** 2 + 0.15 * (rate - math.log(0.03)) ** 2
    loss += 0.08 * (v["depth"] - {"tree": 7, "dart": 5, "linear": 2}[v["booster"]]) ** 2
    loss += 6 * (v["subsample"] - 0.75) ** 2 + 0.1 * (math.log(v["penalty"]) - math.log(0.5)) ** 2
    return loss + {"tree": 0.0, "dart": 0.2, "linear": 1.0}[v["booster"]] + (0.3 if v["bins"] == "equal" else 0.0)


BOOSTING = [
    Param("rate", 1e-3, 1.0, log=True),
    Param("rounds", 10, 2000, log=True),
    Param("depth", 1, 16),
    Param("subsample", 0.2, 1.0, step=0.05),
    Param("penalty", 1e-6, 1e2, log=True),
    Param("booster", choices=("linear", "tree", "dart")),
    Param("bins", choices=("equal", "quantile")),
]


def integers(v: Values) -> float:
    """Whole numbers, each drawn to its neighbour: 12 apart in all."""
    x = along_axes(v)
    goal = (13, 4, 17, 8, 15)
    own = sum((a - g) ** 2 for a, g in zip(x, goal)) / 10
    return own + sum(abs((a - b) - (g - h)) for a, b, g, h in zip(x, x[1:], goal, goal[1:])) / 4


def table(name: str, rows: int, columns: int) -> list[list[float]]:
    drawn = random.Random(name)
    return [[drawn.random() for _ in range(columns)] for _ in range(rows)]


CHOICES = table("choices", 5, 6)
PAIRS = [table(f"pairs {i}", 6, 6) for i in range(4)]


def categories(v: Values) -> float:
    x = [int(choice[1:]) for choice in along_axes(v)]
    return sum(CHOICES[i][c] for i, c in enumerate(x)) + sum(
        PAIRS[i][a][b] for i, (a, b) in enumerate(zip(x, x[1:]))
    )


def least_categories() -> float:
    """By dynamic programming over the chain of pairs."""
    best = list(CHOICES[0])
    for i in range(1, 5):
        best = [min(best[a] + PAIRS[i - 1][a][b] for a in range(6)) + CHOICES[i][b] for b in range(6)]
    return min(best)


METHODS = {"a": (0.0, 0.75, 0.3), "b": (0.15, 0.2, 0.6), "c": (0.3, 0.9, 0.9), "d": (0.5, 0.4, 0.1), "e": (0.8, 0.5, 0.5)}


def conditional(v: Values) -> float:
    """Each method has parameters of its own; the best by a little is the hardest to tune."""
    base, *goal = METHODS[v["method"]]
    steep = 8.0 if v["method"] == "a" else 2.0
    own = sum((v[f"{v['method']}{i}"] - g) ** 2 for i, g in enumerate(goal))
    return base + steep * own + 2 * (v["shared"] - 0.35) ** 2


CONDITIONAL = (
    [Param("method", choices=tuple(METHODS)), Param("shared", 0.0, 1.0)]
    + [Param(f"{m}{i}", 0.0, 1.0, when=("method", (m,))) for m in METHODS for i in range(2)]
)


def layers(v: Values) -> float:
    """A network's shape: a layer's parameters are there if the layer is, its dropout if it is switched on."""
    depth = int(v["layers"])
    loss = {1: 0.5, 2: 0.2, 3: 0.0, 4: 0.1}[depth]
    loss += 0.25 * (math.log10(v["rate"]) + 2.5 + 0.3 * depth) ** 2
    for i in range(depth):
        loss += 0.06 * (math.log2(v[f"units{i}"]) - (8.5 - i)) ** 2
        loss += 0.15 if v[f"activation{i}"] == "tanh" else 0.0
    return loss + (3 * (v["share"] - 0.15) ** 2 if v["dropout"] == "yes" else 0.2)


LAYERS = (
    [Param("layers", choices=("1", "2", "3", "4")), Param("rate", 1e-5, 1e-1, log=True)]
    + [
        param
        for i in range(4)
        for when in [("layers", tuple(str(d) for d in range(i + 1, 5)))]
        for param in (
            Param(f"units{i}", 8, 1024, log=True, when=when),
            Param(f"activation{i}", choices=("relu", "tanh"), when=when),
        )
    ]
    + [Param("dropout", choices=("no", "yes")), Param("share", 0.0, 0.9, when=("dropout", ("yes",)))]
)


def pipeline(v: Values) -> float:
    """Which classifier, and how it is set: three families under one choice, and scaling that suits two of them."""
    if v["model"] == "svm":
        loss = 0.10 + 0.02 * (math.log10(v["cost"]) - 1.2) ** 2
        if v["kernel"] == "rbf":
            loss += 0.03 * (math.log10(v["gamma"]) + 2.1 + 0.5 * (math.log10(v["cost"]) - 1.2)) ** 2 - 0.04
    elif v["model"] == "forest":
        loss = 0.09 + 0.5 / v["trees"] + 0.001 * (v["leaf"] - 3) ** 2 + 0.12 * (v["features"] - 0.4) ** 2
    else:
        loss = 0.14 + 0.0004 * (v["neighbours"] - 11) ** 2 + (0.0 if v["weights"] == "distance" else 0.02)
    return loss + (0.03 if (v["scale"] == "none") != (v["model"] == "forest") else 0.0)


PIPELINE = [
    Param("model", choices=("svm", "forest", "nearest")),
    Param("scale", choices=("none", "standard", "robust")),
    Param("kernel", choices=("linear", "rbf"), when=("model", ("svm",))),
    Param("cost", 1e-3, 1e4, log=True, when=("model", ("svm",))),
    Param("gamma", 1e-6, 1e1, log=True, when=("kernel", ("rbf",))),
    Param("trees", 10, 1000, log=True, when=("model", ("forest",))),
    Param("leaf", 1, 30, when=("model", ("forest",))),
    Param("features", 0.1, 1.0, when=("model", ("forest",))),
    Param("neighbours", 1, 50, when=("model", ("nearest",))),
    Param("weights", choices=("uniform", "distance"), when=("model", ("nearest",))),
]

PROBLEMS = [
    Problem("mixed", BOOSTING, boosting, 0.0),
    Problem("noisy-mixed", BOOSTING, boosting, 0.0, noise=0.3),
    Problem("integers", [Param(name, 0, 20) for name in axes(5)], integers, 0.0),
    Problem(
        "categories", [Param(name, choices=tuple(f"c{i}" for i in range(6))) for name in axes(5)], categories,
        least_categories(),
    ),
    Problem("conditional", CONDITIONAL, conditional, 0.0),
    Problem("layers", LAYERS, layers, 0.0),
]  # fmt: skip
HELD_OUT = [Problem("pipeline", PIPELINE, pipeline, 0.06)]
