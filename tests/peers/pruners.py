"""Kindling's pruners beside Optuna's, verdict by verdict, on random curves.

    cargo build --release -p kindling-study --example pruners
    python pruners.py PRUNERS [--studies 100] [--seed 1]
    python pruners.py PRUNERS --time

PRUNERS is the built example of that name. The rules differ on purpose (see coordinator/study/src/pruner/), so that the studies
are such on which they should agree:

- median, percentile: one trial after the other, all of which run to their end, so that everybody has completed.
- asha, hyperband: up to eight trials at once. What a rung says before `reduction_factor` trials completed it is left out
  (Optuna lets the best go on, we all). Hyperband's brackets are ours, and no trial comes to the highest rung.
- patience: with Optuna's `patience` one lower, whose window has a report more.

In all but the last curves only improve, so that a value is the best so far. `--time` measures one verdict of `percentile`, the
costliest, at 10,000 trials of 20 reports each.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import warnings

import optuna
from optuna.trial import TrialState


def curve(rng, steps, improves=True):
    """A loss that falls towards a level of its own, with noise."""
    level, best, points = rng.random(), float("inf"), []
    for step in steps:
        value = level + 1 / (1 + step) + rng.gauss(0, 0.1)
        best = min(best, value)
        points.append((step, best if improves else value))
    return points


def steps(rng, last, gap):
    step, found = rng.randrange(gap), []
    while step <= last:
        found.append(step)
        step += rng.randint(1, gap)
    return found


def side_by_side(rng, curves, slots):
    """Turns of trials that run in so many slots, at speeds of their own."""
    left = [len(points) for points in curves]
    speed = [rng.random() + 0.1 for _ in curves]
    running, turns, number = [], [], 0
    while running or number < len(curves):
        while len(running) < slots and number < len(curves):
            running.append(number)
            number += 1
        turn = rng.choices(running, [speed[t] for t in running])[0]
        turns.append(turn)
        left[turn] -= 1
        if left[turn] == 0:
            running.remove(turn)
    return turns


def percentile(rng, kind="percentile"):
    options = {"startup_trials": rng.randrange(8), "warmup_steps": rng.randrange(4), "min_trials": rng.randint(1, 4)}
    theirs = {f"n_{key}": value for key, value in options.items()}
    if kind == "median":
        peer = optuna.pruners.MedianPruner(**theirs)
    else:
        options["percentile"] = rng.uniform(1, 100)
        peer = optuna.pruners.PercentilePruner(options["percentile"], **theirs)
    curves = [curve(rng, range(10)) for _ in range(40)]
    turns = [number for number, points in enumerate(curves) for _ in points]
    return {"kind": kind, **options}, peer, curves, turns


def asha(rng):
    options = {
        "min_resource": rng.randint(4, 6), "reduction_factor": rng.randint(2, 4),
        "min_early_stopping_rate": rng.randrange(2),
    }
    curves = [curve(rng, steps(rng, 100, 4)) for _ in range(60)]
    return {"kind": "asha", **options}, optuna.pruners.SuccessiveHalvingPruner(**options), curves, None


def hyperband(rng):
    low, factor = rng.randint(4, 6), rng.randint(2, 4)
    highest = {2: 5, 3: 3, 4: 2}[factor]
    options = {"min_resource": low, "max_resource": low * factor**highest, "reduction_factor": factor}
    peer = optuna.pruners.HyperbandPruner(**options)

    def bracket(study, trial):
        shares = peer._trial_allocation_budgets
        place = (trial.number * 0x9E3779B9 % 2**32) * sum(shares) >> 32
        for number, share in enumerate(shares):
            if place < share:
                return number
            place -= share

    peer._get_bracket_id = bracket
    curves = [curve(rng, steps(rng, options["max_resource"] - 1, 4)) for _ in range(100)]
    return {"kind": "hyperband", **options}, peer, curves, None


def patience(rng):
    reports = rng.randint(1, 6)
    curves = [curve(rng, steps(rng, 60, 3), improves=False) for _ in range(30)]
    peer = optuna.pruners.PatientPruner(None, reports - 1)
    return {"kind": "patience", "patience": reports}, peer, curves, None


RULES = {
    "median": lambda rng: percentile(rng, "median"), "percentile": percentile, "asha": asha, "hyperband": hyperband,
    "patience": patience,
}


def verdicts(program, pruner, direction, curves, turns, obeys):
    scenario = {"pruner": pruner, "direction": direction, "curves": curves, "turns": turns, "obeys": obeys}
    done = subprocess.run([program], input=json.dumps(scenario), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]


def small_rung(trial, peer, factor):
    """Whether the newest rung that the trial has completed has too few trials to say anything."""
    all_trials = trial.study.get_trials(deepcopy=False)
    own = all_trials[trial.number]
    rungs = [key for key in own.system_attrs if key.startswith("completed_rung_")]
    if not rungs:
        return False
    newest = max(rungs, key=lambda key: int(key.rsplit("_", 1)[1]))
    if isinstance(peer, optuna.pruners.HyperbandPruner):
        bracket = peer._get_bracket_id(None, own)
        all_trials = [t for t in all_trials if peer._get_bracket_id(None, t) == bracket]
    return sum(newest in t.system_attrs for t in all_trials) < factor


def compare(program, kind, rng):
    """(verdicts, of them prunings, left out) of one study; ends the program where the two differ."""
    pruner, peer, curves, turns = RULES[kind](rng)
    direction = rng.choice(["minimize", "maximize"])
    if direction == "maximize":
        curves = [[(step, -value) for step, value in points] for points in curves]
    obeys = kind not in ("median", "percentile")
    turns = turns or side_by_side(rng, curves, 8)
    study = optuna.create_study(direction=direction, pruner=peer)
    trials, values, given_up = [], [dict(points) for points in curves], set()
    counts = [0, 0, 0]
    for number, step, ours in verdicts(program, pruner, direction, curves, turns, obeys):
        while len(trials) <= number:
            trials.append(study.ask())
        trial = trials[number]
        trial.report(values[number][step], step)
        theirs = int(trial.should_prune())
        if number in given_up:
            pass
        elif "reduction_factor" in pruner and theirs and not ours and small_rung(trial, peer, pruner["reduction_factor"]):
            counts[2] += 1
        elif ours != theirs:
            sys.exit(f"{pruner}, {direction}, trial {number}, step {step}: we say {ours}, Optuna {theirs}")
        else:
            counts[0] += 1
            counts[1] += ours
        if ours:
            given_up.add(number)
        if ours and obeys:
            study.tell(trial, state=TrialState.PRUNED)
        elif step == curves[number][-1][0]:
            study.tell(trial, values[number][step])
    return counts


def seconds_per_verdict(program):
    """Of processor time: what a study of 10,000 trials takes, less what it takes without its last 10,000 verdicts."""
    rng = random.Random(1)
    curves = [curve(rng, range(20), improves=False) for _ in range(10_000)]
    turns = [number for number in range(10_000) for _ in range(20)]

    def seconds(startup_trials):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        verdicts(program, {"kind": "percentile", "startup_trials": startup_trials}, "minimize", curves, turns, False)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before

    return min((seconds(9_500) - seconds(10_000)) / 10_000 for _ in range(3))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--studies", type=int, default=100, help="of each kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if args.time:
        return print(f"{1e6 * seconds_per_verdict(args.program):.0f} µs per verdict")
    print("| pruner | verdicts that agree | of them prunings | left out |")
    print("|---|---|---|---|")
    for kind in RULES:
        rng = random.Random(f"{kind} {args.seed}")
        counts = [compare(args.program, kind, rng) for _ in range(args.studies)]
        print(f"| {kind} | {' | '.join(f'{sum(column):,}' for column in zip(*counts))} |")


if __name__ == "__main__":
    main()
