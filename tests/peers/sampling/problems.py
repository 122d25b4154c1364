"""Problems with known optima on which samplers are compared: a space each, as a list of parameters, and a
function to minimise. Optima lie off the middle and off the bounds, where a prior would find them by luck."""

import math
import random
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
    noise: float = 0.0

    def regret(self, values: Values) -> float:
        """How far the noise-free loss is from the least."""
        return max(self.loss(values) - self.minimum, 0.0)


def floats(names: list[str], low: float, high: float, **more) -> list[Param]:
    return [Param(name, low, high, **more) for name in names]


def axes(dimensions: int) -> list[str]:
    return [f"x{i}" for i in range(dimensions)]


def branin(v: Values) -> float:
    x, y = v["x0"], v["x1"]
    return (
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
        + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x)
        + 10
    )


BRANIN = [Param("x0", -5.0, 10.0), Param("x1", 0.0, 15.0)]

HARTMANN_ALPHA = (1.0, 1.2, 3.0, 3.2)
HARTMANN_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
HARTMANN_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(v: Values) -> float:
    x = [v[name] for name in axes(6)]
    return -sum(
        alpha * math.exp(-sum(a * (xi - p) ** 2 for xi, a, p in zip(x, row, at)))
        for alpha, row, at in zip(HARTMANN_ALPHA, HARTMANN_A, HARTMANN_P)
    )


def offset(i: int, reach: float) -> float:
    """Where a function that has its optimum in the middle gets it instead, another place for each axis."""
    return reach * (0.2 + 0.4 * ((i * 0.618033988749895) % 1.0)) * (-1) ** i


def ackley(dimensions: int) -> Callable[[Values], float]:
    def loss(v: Values) -> float:
        x = [v[f"x{i}"] - offset(i, 32.768) for i in range(dimensions)]
        squares, cosines = sum(a * a for a in x), sum(math.cos(2 * math.pi * a) for a in x)
        return (
            -20 * math.exp(-0.2 * math.sqrt(squares / dimensions)) - math.exp(cosines / dimensions) + 20 + math.e
        )

    return loss


def rosenbrock(v: Values) -> float:
    x = list(v.values())
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def rastrigin(v: Values) -> float:
    x = [a - offset(i, 5.12) for i, a in enumerate(v.values())]
    return sum(a * a - 10 * math.cos(2 * math.pi * a) + 10 for a in x)


def styblinski_tang(v: Values) -> float:
    return sum(a**4 - 16 * a**2 + 5 * a for a in v.values()) / 2


STYBLINSKI_TANG = -39.16616570377142  # For each dimension.


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
    x = list(v.values())
    goal = (13, 4, 17, 8, 15)
    own = sum((a - g) ** 2 for a, g in zip(x, goal)) / 10
    return own + sum(abs((a - b) - (g - h)) for a, b, g, h in zip(x, x[1:], goal, goal[1:])) / 4


def table(name: str, rows: int, columns: int) -> list[list[float]]:
    drawn = random.Random(name)
    return [[drawn.random() for _ in range(columns)] for _ in range(rows)]


CHOICES = table("choices", 5, 6)
PAIRS = [table(f"pairs {i}", 6, 6) for i in range(4)]


def categories(v: Values) -> float:
    x = [int(choice[1:]) for choice in v.values()]
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


# The flagship study's stand-in. `fit_flagship.py` fits it to the published trials: the logit of the accuracy as a
# sum over the two methods and quadratic functions of the logarithms of the learning rate and the deviations.
# fmt: off
FLAGSHIP: dict[str, float] = {
    "bias": 0.743,
    "conv const_0.5": -1.324,
    "conv const_zero": -2.649,
    "conv gaussian": 0.042,
    "conv he_normal": 0.844,
    "conv he_uniform": 0.890,
    "conv std": 1.129,
    "conv std²": -1.265,
    "conv xavier_normal": 0.960,
    "conv xavier_uniform": 1.237,
    "fc const_0.5": -2.231,
    "fc const_zero": -2.271,
    "fc gaussian": -0.246,
    "fc he_normal": 1.162,
    "fc he_uniform": 1.362,
    "fc std": -2.082,
    "fc std²": -0.520,
    "fc xavier_normal": 0.956,
    "fc xavier_uniform": 1.268,
    "rate": -0.854,
    "rate²": -0.687,
}
# fmt: on
FLAGSHIP_METHODS = (
    "const_zero", "const_0.5", "gaussian", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal",
)  # fmt: skip


def flagship_features(v: Values) -> dict[str, float]:
    rate = math.log(v["learning_rate"] / 1e-3)
    features = {
        "bias": 1.0,
        f"conv {v['winit_conv']}": 1.0,
        f"fc {v['winit_fc']}": 1.0,
        "rate": rate,
        "rate²": rate**2,
    }
    for layer in ("conv", "fc"):
        if v[f"winit_{layer}"] == "gaussian":
            std = math.log(v[f"gaussian_std_{layer}"])
            features |= {f"{layer} std": std, f"{layer} std²": std**2}
    return features


def flagship(v: Values) -> float:
    logit = sum(FLAGSHIP[name] * x for name, x in flagship_features(v).items())
    return 1 - 1 / (1 + math.exp(-logit))


FLAGSHIP_SPACE = [
    Param("winit_conv", choices=FLAGSHIP_METHODS),
    Param("winit_fc", choices=FLAGSHIP_METHODS),
    Param("learning_rate", 5e-4, 1e-2, log=True),
    Param("gaussian_std_conv", 0.25, 4.0, log=True, when=("winit_conv", ("gaussian",))),
    Param("gaussian_std_fc", 0.25, 4.0, log=True, when=("winit_fc", ("gaussian",))),
]


def least_flagship() -> float:
    """By search: given the methods, the parameters do not interact."""
    grid = [i / 1000 for i in range(1001)]
    rates = [5e-4 * 20**share for share in grid]
    deviations = [0.25 * 16**share for share in grid]
    at = {"learning_rate": 1e-3, "gaussian_std_conv": 1.0, "gaussian_std_fc": 1.0}
    least = 1.0
    for conv in FLAGSHIP_METHODS:
        for fc in FLAGSHIP_METHODS:
            v = at | {"winit_conv": conv, "winit_fc": fc}
            for name, values in (
                ("learning_rate", rates), ("gaussian_std_conv", deviations), ("gaussian_std_fc", deviations),
            ):
                v[name] = min(values, key=lambda x: flagship(v | {name: x}))
            least = min(least, flagship(v))
    return least


PROBLEMS = [
    Problem("branin", BRANIN, branin, 0.39788735772973816),
    Problem("hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, -3.3223680114155147),
    Problem("ackley5", floats(axes(5), -32.768, 32.768), ackley(5), 0.0),
    Problem("ackley10", floats(axes(10), -32.768, 32.768), ackley(10), 0.0),
    Problem("rosenbrock4", floats(axes(4), -5.0, 10.0), rosenbrock, 0.0),
    Problem("rastrigin4", floats(axes(4), -5.12, 5.12), rastrigin, 0.0),
    Problem("styblinski-tang5", floats(axes(5), -5.0, 5.0), styblinski_tang, 5 * STYBLINSKI_TANG),
    Problem("styblinski-tang10", floats(axes(10), -5.0, 5.0), styblinski_tang, 10 * STYBLINSKI_TANG),
    Problem("mixed", BOOSTING, boosting, 0.0),
    Problem("integers", [Param(name, 0, 20) for name in axes(5)], integers, 0.0),
    Problem(
        "categories", [Param(name, choices=tuple(f"c{i}" for i in range(6))) for name in axes(5)], categories,
        least_categories(),
    ),
    Problem("conditional", CONDITIONAL, conditional, 0.0),
    Problem("layers", LAYERS, layers, 0.0),
    Problem("flagship", FLAGSHIP_SPACE, flagship, least_flagship(), noise=0.004),
    Problem("noisy-branin", BRANIN, branin, 0.39788735772973816, noise=3.0),
    Problem("noisy-hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, -3.3223680114155147, noise=0.3),
]


def levy(v: Values) -> float:
    w = [1 + (x - 1) / 4 for x in v.values()]
    inner = sum((a - 1) ** 2 * (1 + 10 * math.sin(math.pi * a + 1) ** 2) for a in w[:-1])
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + inner + last


def griewank(v: Values) -> float:
    x = [a - offset(i, 600) for i, a in enumerate(v.values())]
    cosines = math.prod(math.cos(a / math.sqrt(i + 1)) for i, a in enumerate(x))
    return 1 + sum(a * a for a in x) / 4000 - cosines


def michalewicz(v: Values) -> float:
    return -sum(math.sin(x) * math.sin((i + 1) * x * x / math.pi) ** 20 for i, x in enumerate(v.values()))


def schwefel(v: Values) -> float:
    return sum(418.9828872724338 - x * math.sin(math.sqrt(abs(x))) for x in v.values())


SHEKEL_C = (0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5)
SHEKEL_A = (
    (4, 4, 4, 4), (1, 1, 1, 1), (8, 8, 8, 8), (6, 6, 6, 6), (3, 7, 3, 7),
    (2, 9, 2, 9), (5, 5, 3, 3), (8, 1, 8, 1), (6, 2, 6, 2), (7, 3.6, 7, 3.6),
)  # fmt: skip


def shekel(v: Values) -> float:
    x = list(v.values())
    return -sum(1 / (c + sum((xi - a) ** 2 for xi, a in zip(x, row))) for c, row in zip(SHEKEL_C, SHEKEL_A))


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

# No constant of Kindling's sampler was chosen on these. Their optima lie where the literature has them.
HELD_OUT = [
    Problem("levy6", floats(axes(6), -10.0, 10.0), levy, 0.0),
    Problem("griewank6", floats(axes(6), -600.0, 600.0), griewank, 0.0),
    Problem("michalewicz5", floats(axes(5), 0.0, math.pi), michalewicz, -4.687658179),
    Problem("schwefel4", floats(axes(4), -500.0, 500.0), schwefel, 0.0),
    Problem("shekel4", floats(axes(4), 0.0, 10.0), shekel, -10.536409816692045),
    Problem("pipeline", PIPELINE, pipeline, 0.06),
    Problem("noisy-levy6", floats(axes(6), -10.0, 10.0), levy, 0.0, noise=2.0),
]
