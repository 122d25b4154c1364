"""How long does a proposal take, on the flagship's space, by the number of trials that finished and that run? Optuna in
memory and rustuna beside Kindling, in turns.

    python tests/peers/sampling/speed.py target/release/examples/proposal_times [--json]

Times are medians of proposals, in milliseconds; Optuna's and rustuna's include asking for a trial, Kindling's the lease.
Optuna and rustuna get at most 5,000 trials unless `--long` is given."""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
import warnings

import optuna
import rustuna

from problems import FLAGSHIP_SPACE, Param

FINISHED, RUNNING = (100, 1000, 5000, 100_000), (0, 8, 64)
ROUNDS, PROPOSALS = 3, {100: 30, 1000: 20, 5000: 8, 100_000: 2}
KINDLING_PROPOSALS = 200


def draw(param: Param, rng: random.Random):
    if param.choices is not None:
        return rng.choice(param.choices)
    return param.low * (param.high / param.low) ** rng.random()


def draw_all(rng: random.Random) -> dict:
    values = {}
    for param in FLAGSHIP_SPACE:
        if param.is_active(values):
            values[param.name] = draw(param, rng)
    return values


def ask(study) -> float:
    """One proposal's seconds; the trial goes on running."""
    start, values, trial = time.perf_counter(), {}, study.ask()
    for param in FLAGSHIP_SPACE:
        if param.is_active(values):
            values[param.name] = param.suggest(trial)
    return time.perf_counter() - start


def optuna_study(finished: int, running: int):
    distributions = {
        p.name: optuna.distributions.CategoricalDistribution(p.choices)
        if p.choices
        else optuna.distributions.FloatDistribution(p.low, p.high, log=True)
        for p in FLAGSHIP_SPACE
    }
    rng, study = random.Random(1), optuna.create_study(sampler=optuna.samplers.TPESampler(seed=1))
    trials = []
    for _ in range(finished):
        values = draw_all(rng)
        of = {name: distributions[name] for name in values}
        trials.append(optuna.trial.create_trial(value=rng.random(), params=values, distributions=of))
    study.add_trials(trials)
    for _ in range(running):
        ask(study)
    return study


def rustuna_study(finished: int, running: int):
    distributions = {
        p.name: rustuna.distributions.CategoricalDistribution(list(p.choices))
        if p.choices
        else rustuna.distributions.FloatDistribution(p.low, p.high, log=True)
        for p in FLAGSHIP_SPACE
    }
    rng, study = random.Random(1), rustuna.create_study(sampler=rustuna.samplers.TPESampler(seed=1))
    for _ in range(finished):
        values = draw_all(rng)
        of = {name: distributions[name] for name in values}
        study.add_trial(rustuna.create_trial(value=rng.random(), params=values, distributions=of))
    for _ in range(running):
        ask(study)
    return study


def kindling(program: str, finished: int, running: int) -> list[float]:
    study = {"space": [param.to_kindling() for param in FLAGSHIP_SPACE], "sampler": {"kind": "tpe"}}
    arguments = [program, str(finished), str(running), str(KINDLING_PROPOSALS)]
    done = subprocess.run(arguments, input=json.dumps(study), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure(program: str, finished: int, running: int, peers: bool) -> dict[str, float]:
    times: dict[str, list[float]] = {"kindling": [], "rustuna": [], "optuna": []}
    studies = {"rustuna": rustuna_study, "optuna": optuna_study} if peers else {}
    studies = {name: make(finished, running) for name, make in studies.items()}
    for _ in range(ROUNDS):
        times["kindling"] += kindling(program, finished, running)
        for name, study in studies.items():
            times[name] += [ask(study) for _ in range(PROPOSALS[finished])]
    return {name: statistics.median(seconds) for name, seconds in times.items() if seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example proposal_times of kindling-study, built in release")
    parser.add_argument("--long", action="store_true", help="peers at 100,000 trials, too: minutes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    rows = []
    if not options.json:
        print(f"{'finished':>9}{'running':>9}{'kindling':>12}{'rustuna':>12}{'optuna':>12}{'× rustuna':>12}{'× optuna':>12}")
    for finished in FINISHED:
        for running in RUNNING:
            median = measure(options.program, finished, running, options.long or finished <= 5000)
            rows.append({"finished": finished, "running": running, "seconds": median})
            if options.json:
                continue
            cells = [f"{median[name] * 1e3:.3f} ms" if name in median else "" for name in ("kindling", "rustuna", "optuna")]
            ratios = [f"{median[name] / median['kindling']:.1f}" if name in median else "" for name in ("rustuna", "optuna")]
            print(f"{finished:>9}{running:>9}" + "".join(f"{cell:>12}" for cell in cells + ratios))
            sys.stdout.flush()
    if options.json:
        print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
