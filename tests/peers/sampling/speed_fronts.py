"""How long does a proposal take with several objectives, after 1,000 trials? Optuna's TPE in memory beside Kindling's samplers.

    python tests/peers/sampling/speed_fronts.py target/release/examples/proposal_times [--finished 1000] [--peers 2,3]

Ten numbers; the trials are drawn at random, and the objectives disagree, so that with many of them nearly all trials are on the front. Medians and
the largest, in milliseconds; Optuna's include asking for a trial, Kindling's the lease."""

import argparse
import json
import math
import random
import statistics
import subprocess

import optuna
from problems.space import Param
from speed import ask, draw_all

SPACE = [Param(f"x{i}", 0.0, 1.0) for i in range(10)]
OBJECTIVES = (2, 3, 4, 6, 8)


def optuna_times(objectives: int, finished: int, proposals: int = 8) -> list[float]:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rng = random.Random(1)
    study = optuna.create_study(directions=["maximize"] * objectives, sampler=optuna.samplers.TPESampler(seed=1))
    distributions = {param.name: optuna.distributions.FloatDistribution(0, 1) for param in SPACE}
    trials = []
    for _ in range(finished):
        params = draw_all(SPACE, rng)
        factor = lambda k, i: 1.0 if k == 0 else math.cos(2 * k + i)
        values = [sum(factor(k, i) * x for i, x in enumerate(params.values())) for k in range(objectives)]
        trials.append(optuna.trial.create_trial(values=values, params=params, distributions=distributions))
    study.add_trials(trials)
    times = []
    for _ in range(proposals):
        times.append(ask(study, SPACE))
        # A finished trial changes the split, as it does in a search.
        study.tell(len(study.trials) - 1, trials[0].values)
    return times


def kindling_times(program: str, sampler: dict, objectives: int, finished: int) -> list[float]:
    study = {"space": [param.to_kindling() for param in SPACE], "sampler": sampler, "objectives": objectives}
    arguments = [program, str(finished), "0", "60"]
    done = subprocess.run(arguments, input=json.dumps(study), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example proposal_times of kindling-study, built in release")
    parser.add_argument("--finished", type=int, default=1000)
    parser.add_argument("--peers", type=lambda text: [int(n) for n in text.split(",") if n], default=[2, 3])
    options = parser.parse_args()
    print(f"{options.finished} trials: median (largest) of a proposal, in ms")
    for objectives in OBJECTIVES:
        line, tpe = f"{objectives} objectives", 0.0
        for kind in ("tpe", "nsga2", "nsga3"):
            times = kindling_times(options.program, {"kind": kind}, objectives, options.finished)
            tpe = tpe or statistics.median(times)
            line += f"  {kind} {1e3 * statistics.median(times):.3f} ({1e3 * max(times):.3f})"
        if objectives in options.peers:
            theirs = statistics.median(optuna_times(objectives, options.finished))
            line += f"  Optuna's TPE {1e3 * theirs:.1f}, {theirs / tpe:.0f} × tpe's"
        print(line, flush=True)


if __name__ == "__main__":
    main()
