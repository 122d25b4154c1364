"""Optuna's answer to cases of `tests.rs`: reads a JSON list of cases from standard input, adds to each the logarithms of
the densities that Optuna 5.0.0's Parzen estimator gives its points, and prints the list.

A case has the parameters' distributions as Kindling stores them; observations, a list for each parameter; their
weights; and points, a value for each parameter. A categorical value is the index of the choice."""

import json
import sys

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters

assert optuna.__version__ == "5.0.0", f"Optuna is {optuna.__version__}, not 5.0.0"


def distribution(d):
    if d["type"] == "categorical":
        return CategoricalDistribution(d["choices"])
    if d["type"] == "int":
        return IntDistribution(d["low"], d["high"], log=d["log"], step=d["step"])
    step = d["scale"]["step"] if isinstance(d["scale"], dict) else None
    return FloatDistribution(d["low"], d["high"], log=d["scale"] == "log", step=step)


def columns(lists):
    return {str(i): np.array(values, float) for i, values in enumerate(lists)}


cases = json.load(sys.stdin)
for case in cases:
    space = {str(i): distribution(d) for i, d in enumerate(case["space"])}
    # Prior weight 1, magic clip, end points not considered.
    parameters = _ParzenEstimatorParameters(1.0, True, False, lambda n: np.array(case["weights"]), True)
    estimator = _ParzenEstimator(columns(case["observations"]), space, parameters)
    points = columns(zip(*case["points"]))
    case["log_density"] = estimator.log_pdf(points).tolist()
json.dump(cases, sys.stdout, indent=1)
