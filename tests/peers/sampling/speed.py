"""How long does a proposal take, by the number of trials that finished and that run? Optuna in memory and rustuna beside
Kindling, in turns.

    python tests/peers/sampling/speed.py target/release/examples/proposal_times [--gp] [--json]

TPE on the flagship's space, or with `--gp` the Gaussian processes there and in ten dimensions, beside TPE. Times are in
milliseconds: medians of proposals, and with `--gp` also the mean, since some proposals estimate the model anew. Optuna's
and rustuna's include asking for a trial, Kindling's the lease. Optuna and rustuna get at most 5,000 trials unless `--long`
is given."""

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

from problems import BY_NAME, FLAGSHIP_SPACE, Param

Space = tuple[Param, ...] | list[Param]

FINISHED, RUNNING = (100, 1000, 5000, 100_000), (0, 8, 64)
ROUNDS, PROPOSALS = 3, {100: 30, 1000: 20, 5000: 8, 100_000: 2}
KINDLING_PROPOSALS = 200


def draw(param: Param, rng: random.Random):
    if param.choices is not None:
        return rng.choice(param.choices)
    if param.log:
        return param.low * (param.high / param.low) ** rng.random()
    return rng.uniform(param.low, param.high)


def draw_all(space: Space, rng: random.Random) -> dict:
    values = {}
    for param in space:
        if param.is_active(values):
            values[param.name] = draw(param, rng)
    return values


def ask(study, space: Space) -> float:
    """One proposal's seconds; the trial goes on running."""
    start, values, trial = time.perf_counter(), {}, study.ask()
    for param in space:
        if param.is_active(values):
            values[param.name] = param.suggest(trial)
    return time.perf_counter() - start


def optuna_study(space: Space, sampler, finished: int, running: int):
    distributions = {
        p.name: optuna.distributions.CategoricalDistribution(p.choices)
        if p.choices
        else optuna.distributions.FloatDistribution(p.low, p.high, log=p.log)
        for p in space
    }
    rng, study = random.Random(1), optuna.create_study(sampler=sampler(seed=1))
    trials = []
    for _ in range(finished):
        values = draw_all(space, rng)
        of = {name: distributions[name] for name in values}
        trials.append(optuna.trial.create_trial(value=rng.random(), params=values, distributions=of))
    study.add_trials(trials)
    for _ in range(running):
        ask(study, space)
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
        values = draw_all(FLAGSHIP_SPACE, rng)
        of = {name: distributions[name] for name in values}
        study.add_trial(rustuna.create_trial(value=rng.random(), params=values, distributions=of))
    for _ in range(running):
        ask(study, FLAGSHIP_SPACE)
    return study


def kindling(program: str, space: Space, sampler: str, finished: int, running: int, proposals: int) -> list[float]:
    study = {"space": [param.to_kindling() for param in space], "sampler": {"kind": sampler}}
    arguments = [program, str(finished), str(running), str(proposals)]
    done = subprocess.run(arguments, input=json.dumps(study), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def measure(program: str, finished: int, running: int, peers: bool) -> dict[str, float]:
    times: dict[str, list[float]] = {"kindling": [], "rustuna": [], "optuna": []}
    studies = {}
    if peers:
        studies["rustuna"] = rustuna_study(finished, running)
        studies["optuna"] = optuna_study(FLAGSHIP_SPACE, optuna.samplers.TPESampler, finished, running)
    for _ in range(ROUNDS):
        times["kindling"] += kindling(program, FLAGSHIP_SPACE, "tpe", finished, running, KINDLING_PROPOSALS)
        for name, study in studies.items():
            times[name] += [ask(study, FLAGSHIP_SPACE) for _ in range(PROPOSALS[finished])]
    return {name: statistics.median(seconds) for name, seconds in times.items() if seconds}


GP_FINISHED, GP_PROPOSALS, GP_OPTUNA = (100, 300, 1000), 64, {100: 8, 300: 4, 1000: 1}
"""A process of ours estimates anew every few proposals: so many have some of each. In Optuna, every proposal does."""


def gp(program: str) -> list[dict]:
    """Nothing runs. Of each round every contender does its part, Optuna's in a fresh study, since its trials go on running."""
    from contenders import one_thread

    rows = []
    spaces = {"flagship": FLAGSHIP_SPACE, "ten dimensions": BY_NAME["ackley10"].params}
    samplers = {"optuna gp": lambda seed: one_thread(optuna.samplers.GPSampler(seed=seed)), "optuna tpe": optuna.samplers.TPESampler}
    for name, space in spaces.items():
        for finished in GP_FINISHED:
            times: dict[str, list[float]] = {}
            for _ in range(ROUNDS):
                for kind in ("gp", "tpe"):
                    times.setdefault(f"kindling {kind}", []).extend(kindling(program, space, kind, finished, 0, GP_PROPOSALS))
                for peer, sampler in samplers.items():
                    study = optuna_study(space, sampler, finished, 0)
                    for _ in range(GP_OPTUNA[finished] if peer == "optuna gp" else PROPOSALS[100]):
                        times.setdefault(peer, []).append(ask(study, space))
            seconds = {who: {"median": statistics.median(of), "mean": statistics.mean(of)} for who, of in times.items()}
            rows.append({"space": name, "finished": finished, "seconds": seconds})
            print(f"{name}, {finished} trials", file=sys.stderr)
    return rows


def show_gp(rows: list[dict]) -> None:
    print(f"{'space':>15}{'finished':>9}" + "".join(f"{who:>22}" for who in rows[0]["seconds"]) + f"{'× gp, median':>14}{'mean':>8}")
    for row in rows:
        cells = [f"{of['median'] * 1e3:.2f} ({of['mean'] * 1e3:.2f}) ms" for of in row["seconds"].values()]
        ratios = [row["seconds"]["optuna gp"][what] / row["seconds"]["kindling gp"][what] for what in ("median", "mean")]
        print(f"{row['space']:>15}{row['finished']:>9}" + "".join(f"{cell:>22}" for cell in cells) + f"{ratios[0]:>14.0f}{ratios[1]:>8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example proposal_times of kindling-study, built in release")
    parser.add_argument("--long", action="store_true", help="peers at 100,000 trials, too: minutes")
    parser.add_argument("--gp", action="store_true", help="the Gaussian processes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore")
    if options.gp:
        rows = gp(options.program)
        return print(json.dumps(rows, indent=1)) if options.json else show_gp(rows)
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
