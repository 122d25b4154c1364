"""What do failing trials do to a search? Runs samplers on problems of which a share of the space fails, one trial at a
time, with paired seeds: how many of 100 trials failed, how many configurations were different, how good the best is.

    python tests/peers/sampling/failing.py target/release/examples/ask_tell [--before OLDER_ASK_TELL] [--seeds 20]

A trial fails where one parameter is beyond an edge (`edge`), where the mean of all is (`corner`), or by chance anywhere
(`chance`, another seed, another trial). Edges lie on the side where the optimum is not. Some twenty minutes of one core,
most of them Optuna's; `--detail` shows every problem."""

import argparse
import functools
import json
import math
import multiprocessing
import random
import sys
from statistics import mean, median

from contenders import Optuna, kindling
from problems import BY_NAME, Param, Problem, Values

TRIALS, EARLY = 100, 50
SHARES = (0.05, 0.2, 0.4)
KINDS = ("edge", "corner", "chance")
NAMES = ("branin", "hartmann6", "mixed", "integers", "conditional", "flagship")

Values01 = dict[str, float]
Key = tuple[str, str, str, float, int]
"""Sampler, problem, kind, share, seed."""


def place(param: Param, value) -> float:
    """Where a value lies in its range, from 0 to 1."""
    if param.choices is not None:
        return param.choices.index(value) / max(len(param.choices) - 1, 1)
    if param.log:
        return math.log(value / param.low) / math.log(param.high / param.low)
    return (value - param.low) / (param.high - param.low)


def danger(problem: Problem, kind: str, values: Values) -> float:
    """Beyond some threshold of it trials fail."""
    if kind == "edge":
        first = next(p for p in problem.params if p.choices is None and p.when is None)
        return place(first, values[first.name])
    return mean(place(p, values[p.name]) for p in problem.params if p.name in values)


class Drawn:
    """A trial at random, with Optuna's words."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def suggest_categorical(self, name, choices):
        return self.rng.choice(choices)

    def suggest_float(self, name, low, high, log=False, step=None):
        if step is not None:
            return low + step * self.rng.randrange(round((high - low) / step) + 1)
        return math.exp(self.rng.uniform(math.log(low), math.log(high))) if log else self.rng.uniform(low, high)

    def suggest_int(self, name, low, high, log=False, step=1):
        return round(self.suggest_float(name, low, high, log)) if log else self.rng.randrange(low, high + 1, step)


@functools.cache
def threshold(name: str, kind: str, share: float) -> float:
    """Beyond which this share of the space lies."""
    from contenders import suggest

    rng, problem = random.Random(name), BY_NAME[name]
    drawn = sorted(danger(problem, kind, suggest(problem, Drawn(rng))) for _ in range(20_000))
    return drawn[int((1 - share) * len(drawn))]


def fails(problem: Problem, kind: str, share: float, values: Values, chance: random.Random) -> bool:
    if kind == "chance":
        return chance.random() < share
    return danger(problem, kind, values) > threshold(problem.name, kind, share)


def run(key: Key) -> tuple[Key, dict]:
    sampler, name, kind, share, seed = key
    problem = BY_NAME[name]
    if sampler == "optuna":
        contender = Optuna(problem, seed, "default")
    elif sampler == "random":
        contender = Optuna(problem, seed, "random")
    else:
        contender = kindling(PROGRAMS[sampler], {"kind": "tpe"})(problem, seed)
    noise, chance = random.Random(f"noise {seed}"), random.Random(f"chance {seed}")
    seen, failed, best, best_regret, early = set(), 0, math.inf, math.inf, math.inf
    for done in range(1, TRIALS + 1):
        trial, values = contender.ask()
        seen.add(json.dumps(values, sort_keys=True))
        error = noise.gauss(0, 1) * problem.noise
        if fails(problem, kind, share, values, chance):
            failed += 1
            contender.tell(trial, None)
        else:
            loss = problem.loss(values) + error
            contender.tell(trial, loss)
            if loss < best:
                best, best_regret = loss, problem.regret(values)
        if done == EARLY:
            early = best_regret
    return key, {"failed": failed, "distinct": len(seen), "early": early, "late": best_regret}


PROGRAMS: dict[str, str] = {}


def wins(runs: dict, sampler: str, other: str, kind: str, share: float, at: str, options) -> str:
    """In how many pairs the sampler's best is better, of those that differ."""
    pairs = [
        (runs[sampler, name, kind, share, seed][at], runs[other, name, kind, share, seed][at])
        for name in options.problems for seed in range(options.seeds)
    ]  # fmt: skip
    better, worse = sum(a < b for a, b in pairs), sum(a > b for a, b in pairs)
    return f"{better}:{worse}"


def show(runs: dict, samplers: list[str], options) -> None:
    print("| fails | share | " + " | ".join(f"{s}: failed, different" for s in samplers) + " | "
          + " | ".join(f"kindling : {s}, best of {n}" for n in (EARLY, TRIALS) for s in samplers if s != "kindling") + " |")
    for kind in KINDS:
        for share in SHARES:
            cells = []
            for s in samplers:
                of = [runs[s, name, kind, share, seed] for name in options.problems for seed in range(options.seeds)]
                cells.append(f"{mean(r['failed'] for r in of):.1f}, {mean(r['distinct'] for r in of):.1f}")
            for at in ("early", "late"):
                cells += [wins(runs, "kindling", s, kind, share, at, options) for s in samplers if s != "kindling"]
            print(f"| {kind} | {share:.0%} | " + " | ".join(cells) + " |")
    if options.detail:
        print("\nproblem, kind, share: for each sampler failed, different, median regret of 50 and of 100")
        for name in options.problems:
            for kind in KINDS:
                for share in SHARES:
                    cells = []
                    for s in samplers:
                        of = [runs[s, name, kind, share, seed] for seed in range(options.seeds)]
                        cells.append(f"{mean(r['failed'] for r in of):5.1f} {mean(r['distinct'] for r in of):5.1f} "
                                     f"{median(r['early'] for r in of):8.3g} {median(r['late'] for r in of):8.3g}")
                    print(f"{name:12}{kind:8}{share:5.0%}  " + "  |".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--before", help="the same of an older version")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--problems", type=lambda names: names.split(","), default=list(NAMES))
    parser.add_argument("--samplers", type=lambda names: names.split(","), help="of these alone")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--keep", help="a file of runs as JSON lines: read, and added to")
    parser.add_argument("--detail", action="store_true")
    options = parser.parse_args()
    PROGRAMS["kindling"] = options.program
    if options.before:
        PROGRAMS["before"] = options.before
    samplers = options.samplers or [*PROGRAMS, "optuna", "random"]
    runs = {}
    if options.keep:
        with open(options.keep, "a+") as file:
            file.seek(0)
            runs = {tuple(key): found for key, found in map(json.loads, file)}
    keys = [
        (s, name, kind, share, seed)
        for s in samplers for name in options.problems for kind in KINDS for share in SHARES for seed in range(options.seeds)
    ]  # fmt: skip
    missing = [key for key in keys if key not in runs]
    with multiprocessing.Pool(options.processes) as pool:
        for i, (key, found) in enumerate(pool.imap_unordered(run, missing, chunksize=10), 1):
            runs[key] = found
            if options.keep:
                with open(options.keep, "a") as file:
                    print(json.dumps([key, found]), file=file)
            if i % 100 == 0 or i == len(missing):
                print(f"\r{i} of {len(missing)} runs", end="", file=sys.stderr)
    print(file=sys.stderr)
    show(runs, samplers, options)


if __name__ == "__main__":
    main()
