"""How good are samplers at equal budgets? Every sampler on every problem that is not held out, with paired seeds, one and
eight trials at a time.

    python tests/peers/sampling/quality.py target/release/examples/ask_tell [--held-out] [--keep FOLDER] [--json]

The peers' runs are read from `runs/`; `runs.py` adds to them. Only Kindling's own are done, and with `--keep` not those
that are in that folder already. `--mine '{"auto": {"kind": "auto"}, "tpe": {"kind": "tpe"}}'` compares several of
Kindling's samplers. For a look, `--seeds 10 --problems branin,mixed`."""

import argparse
import json
import multiprocessing
from pathlib import Path

import contenders
from analysis import Table, analyse
from problems import HELD_OUT, PROBLEMS
from runs import KEPT, PEERS_RUNS, Kept, do_missing

MINE = {"kindling": {"kind": "tpe"}}


def numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def names(text: str) -> list[str]:
    return text.split(",")


def show(table: Table, of: str, what: str = "regret") -> None:
    width = max(len(s) for s in table.samplers) + 4
    print(f"\n{table.budget} trials, {table.parallel} at a time: median {what} (+ − better, worse than {of},")
    print("paired Wilcoxon test with Holm's correction, p < 0.05)\n")
    print(f"{'':20}" + "".join(f"{s:>{width}}" for s in table.samplers) + "   seeds")
    for p in table.problems:
        cells = []
        for s in table.samplers:
            mark = {True: "+", False: "−", None: " "}[table.verdict(s, p)]
            cells.append(f"{table.median[s, p]:.4g} {mark}")
        print(f"{p:20}" + "".join(f"{c:>{width}}" for c in cells) + f"{table.seeds[p]:8}")
    print(f"{'mean rank':20}" + "".join(f"{table.mean_rank[s]:>{width - 2}.2f}  " for s in table.samplers))
    print(f"{'seconds for a run':20}" + "".join(f"{table.cpu[s]:>{width - 2}.3g}  " for s in table.samplers))
    for s in table.samplers:
        if s != of:
            better, worse = ([p for p in table.problems if table.verdict(s, p) is v] for v in (True, False))
            print(f"{s}: better than {of} on {len(better)} of {len(table.problems)}, worse on {len(worse)}")
    if table.best_peer:
        worse = [f"{p} ({table.best_peer[p]})" for p in table.problems if table.is_worse_than_best[p]]
        ahead = sum(table.is_better_than_best.values())
        print(f"{of}: better than the best peer of each problem on {ahead}, worse on {len(worse)}: {', '.join(worse)}")
    for s, has in table.left_out.items():
        print(f"left out: {s}, with enough seeds on {has} of {table.asked} problems")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?", help="the example ask_tell of kindling-study, built in release")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--least-seeds", type=int, default=5, help="peers that have fewer on a problem are left out")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--problems", type=names, help="by name, comma-separated, instead of all that are not held out")
    which.add_argument("--held-out", action="store_true", help="the problems on which nothing was chosen")
    parser.add_argument("--budgets", type=numbers, default=[50, 100, 200], help=f"of {', '.join(map(str, KEPT))}")
    parser.add_argument("--parallel", type=numbers, default=[1, 8])
    parser.add_argument("--mine", type=json.loads, default=MINE, help="Kindling's samplers, as JSON: name to [sampler]")
    parser.add_argument("--peers", type=names, default=list(contenders.PEERS), help="of these alone")
    parser.add_argument("--of", help="whom the others are compared with; the first of Kindling's if none is named")
    parser.add_argument("--runs", type=Path, default=PEERS_RUNS, help="the peers' runs")
    parser.add_argument("--keep", type=Path, help="a folder for Kindling's runs: read, and added to")
    parser.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not set(options.budgets) <= set(KEPT):
        parser.error(f"budgets are of {KEPT}")
    problems = options.problems or [problem.name for problem in (HELD_OUT if options.held_out else PROBLEMS)]
    mine = options.mine if options.program else {}
    if taken := sorted(set(mine) & set(contenders.PEERS)):
        parser.error(f"{', '.join(taken)}: that is a peer's name")
    of = options.of or next(iter(mine), options.peers[0])

    for name, sampler in mine.items():
        contenders.MINE[name] = contenders.kindling(options.program, sampler)
    kept = {name: Kept(options.keep, name) for name in mine} | {name: Kept(options.runs, name) for name in options.peers}
    keys = [(p, n, seed) for n in options.parallel for p in problems for seed in range(options.seeds)]
    do_missing([(name, key, max(options.budgets)) for key in keys for name in mine], kept, options.processes)

    tables = [
        analyse(kept, list(mine), problems, parallel, budget, range(options.seeds), options.least_seeds, of)
        for parallel in options.parallel for budget in options.budgets
    ]  # fmt: skip
    if options.json:
        print(json.dumps([table.to_json() for table in tables], indent=1))
    else:
        for table in tables:
            show(table, of)


if __name__ == "__main__":
    main()
