"""The flagship study's stand-in."""

import math

from .space import Param, Problem, Values

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


PROBLEMS = [Problem("flagship", FLAGSHIP_SPACE, flagship, least_flagship(), noise=0.004)]
