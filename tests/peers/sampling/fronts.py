"""Which sampler finds more of the front of several objectives in the same number of trials?

    python tests/peers/sampling/fronts.py ASK_TELL [--seeds 30] [--budgets 200,1000] [--parallel 1,8] [--problems zdt1,…] [--keep FOLDER]
    python tests/peers/sampling/fronts.py --peers-only --samplers optuna,nsga2 --budgets 200 [--processes 1]

What counts is the hypervolume of all feasible trials so far, from a fixed reference point: the share of what the true front covers that they
leave out. `optuna` is Optuna's TPE, `nsga2` and `nsga3` are its genetic algorithms, with the settings that they come with. Their runs are kept in
`runs/fronts/`; the second form adds to them, and can be stopped at any time. `--mine '{"tpe": {"kind": "tpe"}}'` names Kindling's samplers."""

import argparse
import functools
import itertools
import json
import multiprocessing
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from analysis import analyse
from problems.fronts import BY_NAME, FRONTS, Fronts
from quality import names, numbers, show
from runs import KEPT, Kept, Key, Run

RUNS = Path(__file__).parent / "runs" / "fronts"
PEERS = ("optuna", "nsga2", "nsga3", "random")
Values = dict[str, Any]


@functools.cache
def sample(reference: tuple[float, ...]) -> np.ndarray:
    """Points between 0 and a reference, evenly spread."""
    from scipy.stats import qmc

    return qmc.Sobol(len(reference), seed=0).random(2**14) * np.array(reference)


def volume(points: Any, reference: tuple[float, ...]) -> float:
    """Exact up to three objectives; of more an estimate, always from the same points."""
    from optuna._hypervolume import compute_hypervolume

    points = np.asarray(points).reshape(-1, len(reference))
    points = points[np.all(points <= np.array(reference), axis=1)]
    if len(points) == 0:
        return 0.0
    if len(reference) <= 3:
        return float(compute_hypervolume(points, np.array(reference)))
    is_covered = np.zeros(len(sample(reference)), bool)
    for point in points:
        is_covered |= np.all(sample(reference) >= point, axis=1)
    return float(np.mean(is_covered))


@functools.cache
def whole(name: str) -> float:
    """What the true front covers."""
    problem = BY_NAME[name]
    return volume(problem.front(), problem.reference)


class Kindling:
    """The core in a process of its own, the example `ask_tell`."""

    def __init__(self, program: str, sampler: dict, problem: Fronts, seed: int) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        space, directions = [param.to_kindling() for param in problem.params], ["minimize"] * len(problem.reference)
        study = {"seed": seed, "directions": directions, "sampler": sampler, "space": space}
        self.say({"study": study | ({"constraints": problem.limits} if problem.limits else {})})

    def say(self, message: dict) -> Any:
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self) -> tuple[Any, Values]:
        answer = self.say({"ask": {}})
        return answer["number"], answer["params"]

    def tell(self, trial: Any, losses: list[float], constraints: list[float]) -> None:
        told = {"number": trial, "values": losses}
        self.say({"tell": told | ({"constraints": constraints} if constraints else {})})

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Optuna:
    def __init__(self, sampler: str, problem: Fronts, seed: int) -> None:
        import warnings

        import optuna

        warnings.simplefilter("ignore")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        samplers = {
            "optuna": optuna.samplers.TPESampler, "nsga2": optuna.samplers.NSGAIISampler,
            "nsga3": optuna.samplers.NSGAIIISampler, "random": optuna.samplers.RandomSampler,
        }  # fmt: skip
        directions = ["minimize"] * len(problem.reference)
        self.problem, self.study = (
            problem,
            optuna.create_study(directions=directions, sampler=samplers[sampler](seed=seed)),
        )

    def ask(self) -> tuple[Any, Values]:
        trial, values = self.study.ask(), {}
        for param in self.problem.params:
            if param.is_active(values):
                values[param.name] = param.suggest(trial)
        return trial, values

    def tell(self, trial: Any, losses: list[float], constraints: list[float]) -> None:
        for place, value in enumerate(constraints):
            trial.set_constraint(str(place), value)
        self.study.tell(trial, losses)

    def end(self) -> None: ...


def run(sampler: Any, problem: Fronts, parallel: int, seed: int, trials: int) -> Run:
    """Which of the running trials finishes next depends on the seed alone."""
    start, running, front, left = time.perf_counter(), [], [], {}
    order = np.random.default_rng(seed)
    for finished in range(1, trials + 1):
        while len(running) < parallel:
            running.append(sampler.ask())
        trial, values = running.pop(int(order.integers(len(running))))
        losses, constraints = problem.losses(values), problem.constraints(values)
        sampler.tell(trial, losses, constraints)
        if max(constraints, default=0) <= 0:
            front.append(losses)
        if finished in KEPT:
            left[finished] = 1 - volume(front, problem.reference) / whole(problem.name)
    seconds = time.perf_counter() - start
    sampler.end()
    return Run(seconds, seconds, left)


Task = tuple[str, dict | None, str | None, Key, int]
"""A sampler, its options if it is Kindling's, the program, which run of it, and how long."""


def do(task: Task) -> tuple[Task, Run]:
    name, options, program, (problem, parallel, seed), trials = task
    of = BY_NAME[problem]
    sampler = Optuna(name, of, seed) if options is None else Kindling(program, options, of, seed)
    return task, run(sampler, of, parallel, seed, trials)


def do_missing(tasks: list[Task], kept: dict[str, Kept], processes: int) -> None:
    missing = [task for task in tasks if not kept[task[0]].has(task[3], task[4])]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        for i, (task, done) in enumerate(pool.imap_unordered(do, missing), 1):
            kept[task[0]].add(task[3], done)
            if i % 50 == 0 or i == len(missing):
                print(f"{i} of {len(missing)} runs, the last {task[0]} on {task[3]}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--least-seeds", type=int, default=3)
    parser.add_argument("--budgets", type=numbers, default=[200])
    parser.add_argument("--parallel", type=numbers, default=[1])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--problems", type=names, default=[problem.name for problem in FRONTS])
    parser.add_argument("--samplers", type=names, default=list(PEERS), help="of the peers")
    parser.add_argument("--peers-only", action="store_true", help="add to the peers' runs")
    parser.add_argument("--mine", type=json.loads, default={"tpe": {"kind": "tpe"}}, help="name to [sampler], as JSON")
    parser.add_argument("--keep", type=Path, help="a folder for Kindling's runs: read, and added to")
    options = parser.parse_args()
    problems, peers = options.problems, options.samplers
    mine = {} if options.peers_only else options.mine
    kept = {name: Kept(options.keep, name) for name in mine} | {name: Kept(RUNS, name) for name in peers}
    ours = list(mine.items()) if not options.peers_only else [(name, None) for name in peers]
    tasks = [
        (name, sampler, options.program, (problem, parallel, seed), max(options.budgets))
        for seed, parallel, problem, (name, sampler) in itertools.product(
            range(options.seeds), options.parallel, problems, ours
        )
    ]
    do_missing(tasks, kept, options.processes)
    if options.peers_only:
        return
    for parallel, budget in itertools.product(options.parallel, options.budgets):
        seeds = range(options.seeds)
        of = next(iter(mine))
        table = analyse(kept, list(mine), problems, parallel, budget, seeds, options.least_seeds, of)
        show(table, of, "share of the front that is left out")


if __name__ == "__main__":
    main()
