"""Optuna's answer to cases of `tests.rs`: reads a JSON list of studies from standard input, adds to each the importances
that Optuna 5.0.0's PED-ANOVA gives its parameters, and prints the list. `cases.json` is such a list:

    python ask_optuna.py < cases.json > answers.json && mv answers.json cases.json

A study has its direction, its parameters, and its trials, each as its value and the values of its active parameters."""

import json
import sys

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

assert optuna.__version__ == "5.0.0", f"Optuna is {optuna.__version__}, not 5.0.0"
optuna.logging.disable_default_handler()


def distribution(p):
    if p["type"] == "categorical":
        return CategoricalDistribution(p["choices"])
    if p["type"] == "int":
        return IntDistribution(int(p["low"]), int(p["high"]), log=p["log"], step=int(p["step"] or 1))
    return FloatDistribution(p["low"], p["high"], log=p["log"], step=p["step"])


cases = json.load(sys.stdin)
for case in cases:
    space = {p["name"]: distribution(p) for p in case["space"]}
    study = optuna.create_study(direction=case["direction"])
    study.add_trials(
        optuna.trial.create_trial(value=value, params=params, distributions={name: space[name] for name in params})
        for value, params in case["trials"]
    )
    case["importances"] = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
json.dump(cases, sys.stdout)
print()
