"""What Optuna makes of the cases of `tests.rs`: reads a JSON list of cases from standard input, adds ranks, with and without
constraints, hypervolume, crowding distances and TPE's split, and prints the list. Numbers are texts, since JSON has no infinity."""

import json
import sys

import numpy as np
import optuna
from optuna._hypervolume import compute_hypervolume
from optuna.samplers._tpe.sampler import _get_reference_point, _split_trials
from optuna.samplers.nsgaii._elite_population_selection_strategy import _calc_crowding_distance
from optuna.study._multi_objective import _fast_non_domination_rank

optuna.logging.set_verbosity(optuna.logging.ERROR)
cases = json.load(sys.stdin)
for case in cases:
    points = np.array([[float(x) for x in point] for point in case["points"]])
    count = case["count"]
    reference = _get_reference_point(points)
    case["ranks"] = _fast_non_domination_rank(points).tolist()
    case["reference"] = [repr(float(x)) for x in reference]
    case["hypervolume"] = repr(float(compute_hypervolume(points, reference)))
    study = optuna.create_study(directions=["minimize"] * points.shape[1])
    study.add_trials([optuna.trial.create_trial(values=point.tolist()) for point in points])
    below, _ = _split_trials(study, study.trials, count)
    penalty = np.array([float(violation) for violation in case["violations"]])
    case["constrained_ranks"] = _fast_non_domination_rank(points, penalty=penalty).tolist()
    room = _calc_crowding_distance(study.trials)
    case["crowding"] = [repr(float(room[number])) for number in range(len(points))]
    case["best"] = [trial.number for trial in below]
json.dump(cases, sys.stdout)
