"""Runs of samplers, and the files that keep them: one for each sampler, with a row for each problem, number of trials at
a time and seed. Runs of the peers do not depend on Kindling, so theirs stay in the repository, in `runs/`.

    nice python tests/peers/sampling/runs.py [--samplers optuna,rustuna] [--seeds 30] [--parallel 1,8] [--trials 200]

adds what is missing there, in the order of `STAGES`. It can be stopped at any time, and goes on where it was."""

import argparse
import csv
import itertools
import math
import multiprocessing
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from contenders import PEERS, Contender, contender
from problems import BY_NAME, HELD_OUT, PROBLEMS, Problem

KEPT = (25, 50, 100, 200, 1000)
"""Of so many trials the best one's regret is kept."""
PEERS_RUNS = Path(__file__).parent / "runs"

Key = tuple[str, int, int]
"""Problem, trials at a time, seed."""


@dataclass
class Run:
    seconds: float
    """Of the wall, and so of the machine's load at that time."""
    cpu: float
    """Seconds of the processor: the sampler's, this program's, and the loss's."""
    regrets: dict[int, float]
    """Of the best trial of the first so many; infinite if all failed."""

    @property
    def trials(self) -> int:
        return max(self.regrets)


def run(sampler: Contender, problem: Problem, parallel: int, seed: int, trials: int) -> Run:
    """The noise of a trial, its accident, and which of the running trials finishes next depend on the seed alone. There
    are always as many running, to the end: so a longer run begins as a shorter one."""
    noise, order, chance = (random.Random(f"{what} {seed}") for what in ("noise", "order", "chance"))
    start, start_cpu, running, regrets = time.perf_counter(), cpu_seconds(sampler), [], {}
    best, best_regret = math.inf, math.inf
    for finished in range(1, trials + 1):
        while len(running) < parallel:
            running.append(sampler.ask())
        trial, values = running.pop(order.randrange(len(running)))
        error, accident = noise.gauss(0, 1) * problem.noise, chance.random() < problem.accidents
        if accident or problem.fails(values):
            sampler.tell(trial, None)
        else:
            loss = problem.loss(values) + error
            sampler.tell(trial, loss)
            if loss < best:
                best, best_regret = loss, problem.regret(values)
        if finished in KEPT:
            regrets[finished] = best_regret
    return Run(time.perf_counter() - start, cpu_seconds(sampler) - start_cpu, regrets)


def cpu_seconds(sampler: Contender) -> float:
    """This process's, and the sampler's if it has one of its own."""
    elsewhere = getattr(sampler, "cpu_seconds", None)
    return time.process_time() + (elsewhere() if elsewhere else 0.0)


class Kept:
    """A sampler's file of runs."""

    def __init__(self, folder: Path | None, sampler: str) -> None:
        self.path = folder / f"{sampler.replace(' ', '-')}.csv" if folder else None
        self.runs: dict[Key, Run] = {}
        if self.path and self.path.exists():
            with self.path.open(newline="") as file:
                for row in csv.DictReader(file):
                    regrets = {n: float(row[str(n)]) for n in KEPT if row.get(str(n))}
                    key = row["problem"], int(row["parallel"]), int(row["seed"])
                    self.remember(key, Run(float(row["seconds"]), float(row["cpu"]), regrets))

    def remember(self, key: Key, done: Run) -> None:
        """Of two, the longer."""
        if not self.has(key, done.trials):
            self.runs[key] = done

    def add(self, key: Key, done: Run) -> None:
        self.remember(key, done)
        if self.path is None:
            return
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            if is_new:
                rows.writerow(["problem", "parallel", "seed", "seconds", "cpu", *KEPT])
            regrets = (f"{done.regrets[n]:.6g}" if n in done.regrets else "" for n in KEPT)
            rows.writerow([*key, f"{done.seconds:.3g}", f"{done.cpu:.3g}", *regrets])

    def has(self, key: Key, trials: int) -> bool:
        return key in self.runs and self.runs[key].trials >= trials


Task = tuple[str, Key, int]
"""A sampler, which run of it, and how long."""


def do(task: Task) -> tuple[Task, Run]:
    name, (problem, parallel, seed), trials = task
    return task, run(contender(name, BY_NAME[problem], seed), BY_NAME[problem], parallel, seed, trials)


def do_missing(tasks: Iterable[Task], kept: dict[str, Kept], processes: int) -> None:
    missing = [(name, key, trials) for name, key, trials in dict.fromkeys(tasks) if not kept[name].has(key, trials)]
    with multiprocessing.Pool(processes) as pool:
        for i, ((name, key, _), done) in enumerate(pool.imap_unordered(do, missing), 1):
            kept[name].add(key, done)
            if i % 50 == 0 or i == len(missing):
                print(f"{i} of {len(missing)} runs, the last {name} on {key[0]}", file=sys.stderr)


ALL = [problem.name for problem in PROBLEMS + HELD_OUT]
WITH_CHOICES = [name for name in ALL if any(param.choices for param in BY_NAME[name].params)]
QUICK, SLOW = ("optuna", "rustuna", "cmaes", "random"), ("gp", "autosampler", "smac", "hebo")
STAGES = (
    # samplers, trials at a time, seeds, trials, problems
    (QUICK, 1, 10, 200, ALL),
    (("gp",), 1, 3, 100, ALL),
    # On spaces of numbers AutoSampler is the Gaussian process, for as many trials as these.
    (("autosampler",), 1, 10, 100, WITH_CHOICES),
    (QUICK, 8, 10, 200, ALL),
    (("gp",), 1, 10, 100, ALL),
    (("autosampler",), 8, 10, 100, WITH_CHOICES),
    (("gp",), 8, 5, 100, ALL),
    (("smac", "autosampler"), 1, 5, 100, ALL),
    (QUICK, 1, 30, 200, ALL),
    (QUICK, 8, 30, 200, ALL),
    (("hebo",), 1, 3, 100, ALL),
    (SLOW, 1, 10, 100, ALL),
    (SLOW, 8, 10, 100, ALL),
    (SLOW, 1, 30, 100, ALL),
    (SLOW, 8, 30, 100, ALL),
    (SLOW, 1, 30, 200, ALL),
    (SLOW, 8, 30, 200, ALL),
)
"""In the order of what is worth most. One seed of all problems comes before the next."""


def plan(
    samplers: list[str], problems: list[str], parallels: list[int], most_seeds: int, most_trials: int
) -> Iterator[Task]:
    for names, parallel, seeds, trials, on in STAGES:
        for seed, name, problem in itertools.product(range(min(seeds, most_seeds)), names, on):
            if name in samplers and problem in problems and parallel in parallels:
                yield name, (problem, parallel, seed), min(trials, most_trials)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samplers", type=lambda names: names.split(","), default=list(PEERS))
    parser.add_argument("--problems", type=lambda names: names.split(","), default=ALL)
    parser.add_argument("--parallel", type=lambda numbers: list(map(int, numbers.split(","))), default=[1, 8])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--runs", type=Path, default=PEERS_RUNS, help="the folder of files")
    options = parser.parse_args()
    kept = {name: Kept(options.runs, name) for name in options.samplers}
    tasks = plan(options.samplers, options.problems, options.parallel, options.seeds, options.trials)
    do_missing(tasks, kept, options.processes)


if __name__ == "__main__":
    main()
