"""How many runs end with the wrong whole numbers? On the problems of few values whose best ones are known, for Kindling,
an older Kindling, and the peers. The floats need not be right.

    python tests/peers/sampling/few_values.py target/release/examples/ask_tell [--before OLDER_ASK_TELL]

Ten minutes of one core, nearly all of them Optuna's; `--peers rustuna` is quick."""

import argparse
import functools
import math
import multiprocessing
import random

from contenders import PEERS, Contender, kindling
from problems import BY_NAME
from problems.few_valued import LADDER_GOAL

GOALS = {"bowl": (0, 2, 1, 4), "turned-bowl": (0, 2, 1, 4), "ladder": LADDER_GOAL[:6]}
TRIALS = 100


def makers(program: str, before: str | None) -> dict:
    made = {kind: kindling(program, {"kind": kind}) for kind in ("auto", "tpe")}
    return made | ({"before": kindling(before, {"kind": "tpe"})} if before else {}) | PEERS


def is_wrong(sampler: Contender, problem: str, parallel: int, seed: int) -> bool:
    """Which of the running trials finishes next depends on the seed alone."""
    order, running, best, numbers = random.Random(f"order {seed}"), [], math.inf, ()
    for _ in range(TRIALS):
        while len(running) < parallel:
            running.append(sampler.ask())
        trial, values = running.pop(order.randrange(len(running)))
        loss = BY_NAME[problem].loss(values)
        sampler.tell(trial, loss)
        if loss < best:
            best, numbers = loss, tuple(values.values())[: len(GOALS[problem])]
    return numbers != GOALS[problem]


def job(programs: tuple[str, str | None], task: tuple[str, str, int, int]) -> bool:
    name, problem, parallel, seed = task
    return is_wrong(makers(*programs)[name](BY_NAME[problem], seed), problem, parallel, seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--before", help="an older one")
    parser.add_argument("--peers", type=lambda names: names.split(","), default=["optuna", "rustuna"])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    options = parser.parse_args()
    names = ["auto", "tpe", *(["before"] if options.before else []), *options.peers]
    do = functools.partial(job, (options.program, options.before))
    print(f"{TRIALS} trials: % of runs whose best trial has the wrong whole numbers\n")
    print(f"{'at a time, problem':24}" + "".join(f"{name:>12}" for name in names))
    with multiprocessing.Pool(options.processes) as pool:
        for parallel in (1, 8):
            for problem in GOALS:
                print(f"{parallel}, {problem:21}", end="", flush=True)
                for name in names:
                    wrong = pool.map(do, [(name, problem, parallel, seed) for seed in range(options.seeds)])
                    print(f"{100 * sum(wrong) / len(wrong):12.0f}", end="", flush=True)
                print()


if __name__ == "__main__":
    main()
