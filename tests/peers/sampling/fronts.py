"""Which sampler finds more of the front of several objectives in the same number of trials?

    python tests/peers/sampling/fronts.py ASK_TELL [--trials 200] [--seeds 30] [--parallel 1] [--processes 2] [--problems zdt1,…]

The problems are ZDT (Zitzler et al. 2000), DTLZ (Deb et al. 2005), C2-DTLZ2 without its constraint, and one with choices and conditions. All
minimise. What counts is the hypervolume of all trials so far, from a fixed reference point, as a share of what the true front covers.
`tpe` is Kindling's; `optuna` is Optuna's TPE and `nsga2` its NSGA-II, with the settings that they come with. Of each number of trials it shows the
medians, mean ranks, and who is significantly better or worse than `tpe` (paired Wilcoxon tests, Holm's correction)."""

import argparse
import functools
import itertools
import json
import math
import multiprocessing
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from analysis import holm
from problems import Param
from scipy.stats import rankdata, wilcoxon

Values = dict[str, Any]


@dataclass(frozen=True)
class Fronts:
    name: str
    params: tuple[Param, ...]
    losses: Callable[[Values], list[float]]
    reference: tuple[float, ...]
    front: Callable[[], np.ndarray]
    """Points on the true front."""


def floats(count: int, low: float = 0, high: float = 1) -> tuple[Param, ...]:
    return tuple(Param(f"x{i}", float(low), float(high)) for i in range(count))


def x_of(values: Values, count: int) -> np.ndarray:
    return np.array([values[f"x{i}"] for i in range(count)])


LINE = np.linspace(0, 1, 2001)


def zdt(name: str, dimensions: int, g: Callable, h: Callable, first: Callable = lambda x: x[0], worst: float = 6):
    def losses(values: Values) -> list[float]:
        x = x_of(values, dimensions)
        f1, rest = first(x), g(x[1:])
        return [float(f1), float(rest * h(f1, rest))]

    firsts = np.array([first(np.array([t])) for t in LINE])
    front = lambda: np.stack([firsts, np.array([h(f, 1.0) for f in firsts])], axis=1)
    return Fronts(name, floats(dimensions), losses, (1.1, worst), front)


def mean_rest(rest: np.ndarray) -> float:
    # The optimum is off the bound, where a prior would find it by luck.
    return 1 + 9 * float(np.mean(np.abs(rest - 0.37)))


def root(f1: float, g: float) -> float:
    return 1 - math.sqrt(f1 / g)


def square(f1: float, g: float) -> float:
    return 1 - (f1 / g) ** 2


def waves(f1: float, g: float) -> float:
    return 1 - math.sqrt(f1 / g) - f1 / g * math.sin(10 * math.pi * f1)


def basins(rest: np.ndarray) -> float:
    z = 2 * (rest - 0.37)
    return 1 + float(np.mean(10 + 25 * z**2 - 10 * np.cos(4 * math.pi * z)))


def sparse(x: np.ndarray) -> float:
    return 1 - math.exp(-4 * x[0]) * math.sin(6 * math.pi * x[0]) ** 6


def sphere_front(objectives: int) -> np.ndarray:
    angles = [np.linspace(0, math.pi / 2, 2001 if objectives == 2 else 60)] * (objectives - 1)
    grid = np.array(list(itertools.product(*angles)))
    points = []
    for place in range(objectives):
        point = np.ones(len(grid))
        for k in range(objectives - 1 - place):
            point *= np.cos(grid[:, k])
        if place > 0:
            point *= np.sin(grid[:, objectives - 1 - place])
        points.append(point)
    return np.stack(points, axis=1)


def dtlz2(objectives: int, dimensions: int) -> Fronts:
    def losses(values: Values) -> list[float]:
        x = x_of(values, dimensions)
        far = 1 + float(np.sum((x[objectives - 1 :] - 0.37) ** 2))
        losses = []
        for place in range(objectives):
            loss = far
            for k in range(objectives - 1 - place):
                loss *= math.cos(x[k] * math.pi / 2)
            if place > 0:
                loss *= math.sin(x[objectives - 1 - place] * math.pi / 2)
            losses.append(loss)
        return losses

    reference = (2.0,) * objectives
    return Fronts(f"dtlz2-of-{objectives}", floats(dimensions), losses, reference, lambda: sphere_front(objectives))


def training() -> Fronts:
    """A network's loss against its size: choices, whole numbers, a logarithm, and layers that are there or not."""
    params = (
        Param("rate", 1e-5, 1.0, log=True),
        Param("layers", choices=("one", "two", "three")),
        *(
            Param(f"units{i}", 4, 512, log=True, when=("layers", of))
            for i, of in enumerate((("one", "two", "three"), ("two", "three"), ("three",)))
        ),
        Param("method", choices=("sgd", "adam", "lion", "ftrl")),
    )

    def losses(values: Values) -> list[float]:
        units = [values[f"units{i}"] for i in range(3) if f"units{i}" in values]
        size = sum(a * b for a, b in zip([64, *units], [*units, 10])) / 1e5
        best = {"sgd": -1.2, "adam": -2.8, "lion": -3.6, "ftrl": -2.0}[values["method"]]
        penalty = {"sgd": 0.06, "adam": 0.0, "lion": 0.02, "ftrl": 0.2}[values["method"]]
        fit = (
            0.05 + sum(0.3 / (depth + 1) / math.sqrt(n) for depth, n in enumerate(units)) + 0.4 / (1 + len(units)) ** 2
        )
        return [fit + penalty + 0.08 * (math.log10(values["rate"]) - best) ** 2, size]

    def front() -> np.ndarray:
        sizes = np.unique(np.round(np.geomspace(4, 512, 40))).astype(int)
        points = []
        for depth, name in enumerate(("one", "two", "three"), 1):
            for units in itertools.product(sizes, repeat=depth):
                values = {"rate": 10**-2.8, "layers": name, "method": "adam"}
                points.append(losses(values | {f"units{i}": int(n) for i, n in enumerate(units)}))
        return np.array(points)

    return Fronts("training", params, losses, (1.0, 4.0), front)


PROBLEMS = [
    zdt("zdt1", 5, mean_rest, root),
    zdt("zdt2", 5, mean_rest, square),
    zdt("zdt3", 5, mean_rest, waves),
    zdt("zdt4", 5, basins, root, worst=30),
    zdt("zdt6", 5, mean_rest, square, sparse),
    zdt("zdt1-of-20", 20, mean_rest, root),
    dtlz2(2, 6),
    dtlz2(3, 7),
    training(),
]
BY_NAME = {problem.name: problem for problem in PROBLEMS}
SAMPLERS = ("tpe", "optuna", "nsga2", "random")
BUDGETS = (50, 100, 200, 500, 1000)


def volume(points: Any, reference: tuple[float, ...]) -> float:
    from optuna._hypervolume import compute_hypervolume

    points = np.asarray(points)
    points = points[np.all(points <= np.array(reference), axis=1)]
    return float(compute_hypervolume(points, np.array(reference))) if len(points) else 0.0


@functools.cache
def whole(name: str) -> float:
    """What the true front covers."""
    problem = BY_NAME[name]
    return volume(problem.front(), problem.reference)


def kindling(program: str, problem: Fronts, seed: int):
    process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(message: dict) -> dict:
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    space = [param.to_kindling() for param in problem.params]
    directions = ["minimize"] * len(problem.reference)
    say({"study": {"seed": seed, "directions": directions, "sampler": {"kind": "tpe"}, "space": space}})

    def ask() -> tuple[Any, Values]:
        answer = say({"ask": {}})
        return answer["number"], answer["params"]

    return ask, lambda trial, losses: say({"tell": {"number": trial, "values": losses}}), process.kill


def optuna(sampler: str, problem: Fronts, seed: int):
    import warnings

    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    of = {
        "optuna": optuna.samplers.TPESampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "random": optuna.samplers.RandomSampler,
    }
    study = optuna.create_study(directions=["minimize"] * len(problem.reference), sampler=of[sampler](seed=seed))

    def ask() -> tuple[Any, Values]:
        trial, values = study.ask(), {}
        for param in problem.params:
            if param.is_active(values):
                values[param.name] = param.suggest(trial)
        return trial, values

    return ask, lambda trial, losses: study.tell(trial, losses), lambda: None


def run(task: tuple[str, str, str, int, int, int]) -> tuple[str, str, int, list[float]]:
    """The shares of the front that were covered after each budget."""
    program, name, problem_name, seed, trials, parallel = task
    problem = BY_NAME[problem_name]
    ask, tell, end = kindling(program, problem, seed) if name == "tpe" else optuna(name, problem, seed)
    running, losses, shares = [], [], []
    order = np.random.default_rng(seed)
    while len(losses) < trials:
        while len(running) < parallel and len(running) + len(losses) < trials:
            trial, values = ask()
            running.append((trial, problem.losses(values)))
        trial, of = running.pop(int(order.integers(len(running))))
        tell(trial, of)
        losses.append(of)
        if len(losses) in BUDGETS:
            shares.append(volume(losses, problem.reference) / whole(problem_name))
    end()
    return name, problem_name, seed, shares


def main() -> None:
    names = lambda text: text.split(",")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--problems", type=names, default=list(BY_NAME))
    parser.add_argument("--samplers", type=names, default=list(SAMPLERS))
    options = parser.parse_args()
    tasks = [
        (options.program, name, problem, seed, options.trials, options.parallel)
        for seed in range(options.seeds) for problem in options.problems for name in options.samplers
    ]  # fmt: skip
    found: dict[tuple[str, str], dict[int, list[float]]] = {}
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for name, problem, seed, shares in pool.imap_unordered(run, tasks):
            found.setdefault((name, problem), {})[seed] = shares
    for place, budget in enumerate(budget for budget in BUDGETS if budget <= options.trials):
        print(f"\n{budget} trials, {options.parallel} at a time: median share of the front that is covered")
        print(f"{'':16}" + "".join(f"{name:>10}" for name in options.samplers))
        ranks, tests = [], []
        for problem in options.problems:
            table = {
                name: [found[name, problem][seed][place] for seed in range(options.seeds)] for name in options.samplers
            }
            print(f"{problem:16}" + "".join(f"{statistics.median(table[name]):10.4f}" for name in options.samplers))
            ranks += [rankdata([-table[name][seed] for name in options.samplers]) for seed in range(options.seeds)]
            for name in options.samplers[1:]:
                ours, theirs = np.array(table[options.samplers[0]]), np.array(table[name])
                p = 1.0 if np.all(ours == theirs) else float(wilcoxon(ours, theirs).pvalue)
                tests.append((name, problem, bool(np.median(ours - theirs) > 0), p))
        print(f"{'mean rank':16}" + "".join(f"{rank:10.2f}" for rank in np.mean(ranks, axis=0)))
        significant = [test for test, p in zip(tests, holm([test[3] for test in tests])) if p < 0.05]
        for name in options.samplers[1:]:
            of = [ours_is_better for peer, _, ours_is_better, _ in significant if peer == name]
            print(
                f"{name}: {options.samplers[0]} is better on {sum(of)} of {len(options.problems)}, worse on {len(of) - sum(of)}"
            )


if __name__ == "__main__":
    main()
