"""How good are samplers at equal budgets? Makes the whole table: every sampler on every problem that is not held out,
with paired seeds, one and eight trials at a time.

    python tests/peers/sampling/quality.py target/release/examples/ask_tell [--keep RUNS.csv] [--json]

Takes about two hours on two cores, nearly all of it Optuna's; with `--keep`, runs that are in the file are not done
again, so that contenders may be run one by one (`--samplers optuna --keep RUNS.csv`) and shown together. For a look,
`--seeds 10 --problems branin,mixed`."""

import argparse
import csv
import json
import multiprocessing
import random
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import stats

from contenders import contenders
from problems import HELD_OUT, PROBLEMS, Problem

BUDGETS = (100, 200)
MINE = {"kindling": {"kind": "tpe"}}
BY_NAME = {problem.name: problem for problem in PROBLEMS + HELD_OUT}

Key = tuple[str, str, int, int]
"""Sampler, problem, trials at a time, seed."""


def run(contender, problem: Problem, parallel: int, seed: int) -> list[float]:
    """The regret of the best trial seen, for each budget. The noise of a trial, and which of the running trials
    finishes next, depend on the seed alone."""
    noise, order = random.Random(f"noise {seed}"), random.Random(f"order {seed}")
    running, best, best_regret, regrets = [], float("inf"), float("inf"), []
    for finished in range(1, BUDGETS[-1] + 1):
        while len(running) < min(parallel, BUDGETS[-1] - finished + 1):
            running.append(contender.ask())
        trial, values = running.pop(order.randrange(len(running)))
        loss = problem.loss(values) + noise.gauss(0, 1) * problem.noise
        contender.tell(trial, loss)
        if loss < best:
            best, best_regret = loss, problem.regret(values)
        if finished in BUDGETS:
            regrets.append(best_regret)
    return regrets


PROGRAM, SAMPLERS = "", MINE


def job(key: Key) -> tuple[Key, list[float]]:
    sampler, problem, parallel, seed = key
    problem = BY_NAME[problem]
    return key, run(contenders(PROGRAM, SAMPLERS)[sampler](problem, seed), problem, parallel, seed)


def load(path: Path | None) -> dict[Key, list[float]]:
    if path is None or not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = csv.reader(file)
        return {(s, p, int(n), int(seed)): [float(r) for r in regrets] for s, p, n, seed, *regrets in rows}


def do_missing(keys: list[Key], kept: dict, path: Path | None, processes: int) -> dict[Key, list[float]]:
    missing = [key for key in keys if key not in kept]
    file = path.open("a", newline="") if path else None
    with multiprocessing.Pool(processes) as pool:
        for i, (key, regrets) in enumerate(pool.imap_unordered(job, missing, chunksize=4), 1):
            kept[key] = regrets
            if file:
                csv.writer(file).writerow([*key, *regrets])
                file.flush()
            if i % 50 == 0 or i == len(missing):
                print(f"\r{i} of {len(missing)} runs", end="", file=sys.stderr)
    print(file=sys.stderr)
    return kept


def holm(ps: list[float]) -> list[float]:
    """Adjusted so that the chance of any false alarm among them is what one test's was (Holm, 1979)."""
    order, adjusted, worst = np.argsort(ps), [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = worst
    return adjusted


def analyse(
    runs: dict, samplers: list[str], problems: list[str], parallels: list[int], seeds: range, default: str
) -> list[dict]:
    """One row for each budget and degree of parallelism, the others' regrets tested against the default's."""
    rows = []
    for parallel in parallels:
        for b, budget in enumerate(BUDGETS):
            regret = {
                (s, p): np.array([runs[s, p, parallel, seed][b] for seed in seeds]) for s in samplers for p in problems
            }
            medians = {p: {s: float(np.median(regret[s, p])) for s in samplers} for p in problems}
            ranks = defaultdict(list)
            for p in problems:
                of_seed = stats.rankdata([regret[s, p] for s in samplers], axis=0)
                for s, ranked in zip(samplers, of_seed.mean(axis=1)):
                    ranks[s].append(float(ranked))
            against = {}
            for s in samplers:
                if s == default or default not in samplers:
                    continue
                ps, better = [], []
                for p in problems:
                    difference = regret[s, p] - regret[default, p]
                    ps.append(stats.wilcoxon(difference).pvalue if np.any(difference) else 1.0)
                    signed = stats.rankdata(np.abs(difference)) * np.sign(difference)
                    better.append(bool(signed.sum() < 0))
                against[s] = {p: ("+" if good else "-", q) for p, good, q in zip(problems, better, holm(ps))}
            rows.append({
                "parallel": parallel, "budget": budget, "medians": medians,
                "mean_rank": {s: float(np.mean(ranks[s])) for s in samplers}, "against_default": against,
            })  # fmt: skip
    return rows


def show(rows: list[dict], samplers: list[str], default: str) -> None:
    width = max(len(s) for s in samplers) + 2
    for row in rows:
        print(f"\n{row['budget']} trials, {row['parallel']} at a time: median regret (+ − better, worse than {default},")
        print("paired Wilcoxon test with Holm's correction, p < 0.05)\n")
        print(f"{'':20}" + "".join(f"{s:>{width}}" for s in samplers))
        for p, medians in row["medians"].items():
            cells = []
            for s in samplers:
                sign, q = row["against_default"].get(s, {}).get(p, ("", 1.0))
                mark = {"+": "+", "-": "−"}[sign] if q < 0.05 else " "
                cells.append(f"{medians[s]:.4g} {mark}")
            print(f"{p:20}" + "".join(f"{c:>{width}}" for c in cells))
        print(f"{'mean rank':20}" + "".join(f"{row['mean_rank'][s]:>{width - 2}.2f}  " for s in samplers))
        for s, of_problem in row["against_default"].items():
            better = sum(q < 0.05 and sign == "+" for sign, q in of_problem.values())
            worse = sum(q < 0.05 and sign == "-" for sign, q in of_problem.values())
            print(f"{s}: significantly better on {better} of {len(of_problem)}, worse on {worse}")


def main() -> None:
    global PROGRAM, SAMPLERS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--seeds", type=int, default=60)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--problems", help="by name, comma-separated, instead of all that are not held out")
    which.add_argument("--held-out", action="store_true", help="the problems on which nothing was chosen")
    parser.add_argument("--against", default="optuna", help="whom the others are tested against")
    parser.add_argument("--samplers", help="of these alone, by name, comma-separated")
    parser.add_argument("--parallel", default="1,8")
    parser.add_argument("--mine", type=json.loads, default=MINE, help="Kindling's samplers, as JSON: name to [sampler]")
    parser.add_argument("--keep", type=Path, help="a CSV file of runs: read, and added to")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    PROGRAM, SAMPLERS = options.program, options.mine
    samplers = options.samplers.split(",") if options.samplers else list(contenders(PROGRAM, SAMPLERS))
    all_problems = [problem.name for problem in (HELD_OUT if options.held_out else PROBLEMS)]
    problems = options.problems.split(",") if options.problems else all_problems
    seeds = range(options.seeds)
    parallels = [int(n) for n in options.parallel.split(",")]
    keys = [(s, p, n, seed) for n in parallels for p in problems for s in samplers for seed in seeds]
    runs = do_missing(keys, load(options.keep), options.keep, options.processes)
    rows = analyse(runs, samplers, problems, parallels, seeds, options.against)
    print(json.dumps(rows, indent=1)) if options.json else show(rows, samplers, options.against)


if __name__ == "__main__":
    main()
