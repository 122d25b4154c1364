"""The same experiment in both: accuracies and epochs over seeds, at three fixed configurations.

    python experiment.py KINDLING MNIST [--device cpu] [--seeds 10] [--first-seed 1] [--configurations 1 2 3]
                         [--jobs 2] [--json FILE]

KINDLING is the built command. Each seed has a split of the data, weights and orders of its own. A row agrees when the
means differ by at most two standard errors of their difference. Of nine rows that is one in three runs by chance alone
(a trial's figures go together): look again, with fresh seeds, before believing a disagreement. Ranks
(Mann and Whitney's test, as a standard normal) bear with the rare trial that never learns one of the digits, and that
alone is worth ten standard errors of the rest.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

CONFIGURATIONS = [
    {"winit_conv": "he_normal", "winit_fc": "xavier_normal", "learning_rate": 1e-3},
    {"winit_conv": "xavier_uniform", "winit_fc": "gaussian", "gaussian_std_fc": 0.3, "learning_rate": 2e-3},
    {"winit_conv": "gaussian", "gaussian_std_conv": 0.25, "winit_fc": "he_uniform", "learning_rate": 5e-4},
]


def kindling(args, params, seed):
    """One study of one trial."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            'name = "one"', 'direction = "maximize"', "trials = 1", f"seed = {seed}",
            "[objective]", 'kind = "mnist_cnn"', f'network = "{args.network}"', 'data = "mnist"',
        ]
        for name, value in params.items():
            lines.append(f"[space.{name}]")
            if isinstance(value, str):
                lines += ['type = "categorical"', f'choices = ["{value}"]']
            else:
                lines += ['type = "float"', f"low = {value}", f"high = {value}"]
        file = os.path.join(folder, "one.toml")
        with open(file, "w") as study:
            study.write("\n".join(lines) + "\n")
        command = [
            args.kindling, "run", file, "--store", os.path.join(folder, "one.db"), "--data-dir", args.mnist,
            "--workers", "1", "--device", args.device, "--json",
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stderr)
        best = json.loads(done.stdout)["best"]
        return {"value": best["values"][0]} | {name: best["attributes"][name] for name in ("test_accuracy", "epochs")}


def pytorch(args, params, seed):
    """In a process of its own: PyTorch's seed and threads are global."""
    command = [sys.executable, __file__, args.kindling, args.mnist, "--one", json.dumps(params), "--seed", str(seed)]
    done = subprocess.run(command + ["--network", args.network], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def one(args):
    import torch

    import protocol

    torch.set_num_threads(1)
    parts = protocol.split(protocol.mnist(args.mnist), args.seed)
    print(json.dumps(protocol.trial(parts, args.network, json.loads(args.one), args.seed)))


def ranks(ours, theirs):
    """Mann and Whitney's U, in standard deviations from what equal distributions lead to."""
    above = sum((x > y) + (x == y) / 2 for x in ours for y in theirs)
    pairs = len(ours) * len(theirs)
    return (above - pairs / 2) / (pairs * (len(ours) + len(theirs) + 1) / 12) ** 0.5


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kindling")
    parser.add_argument("mnist")
    parser.add_argument("--network", default="common")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--configurations", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--json")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        return one(args)

    def run(job):
        contender, index, seed = job
        found = contender(args, CONFIGURATIONS[index], seed)
        print(f"{contender.__name__}, configuration {index + 1}, seed {seed}: {found}", file=sys.stderr)
        return found

    seeds = range(args.first_seed, args.first_seed + args.seeds)
    chosen = [i - 1 for i in args.configurations]
    jobs = [(c, i, s) for s in seeds for i in chosen for c in (kindling, pytorch)]
    with ThreadPoolExecutor(args.jobs) as pool:
        results = dict(zip(jobs, pool.map(run, jobs)))

    table, agree = [], True
    print("| configuration | | Kindling | PyTorch | medians | difference in standard errors | of ranks |")
    print("|---|---|---|---|---|---|---|")
    for index in chosen:
        params = CONFIGURATIONS[index]
        for what in ("value", "test_accuracy", "epochs"):
            ours, theirs = (
                [results[contender, index, seed][what] for seed in seeds]
                for contender in (kindling, pytorch)
            )
            error = lambda xs: statistics.stdev(xs) / len(xs) ** 0.5
            both = (error(ours) ** 2 + error(theirs) ** 2) ** 0.5
            gap = (statistics.mean(ours) - statistics.mean(theirs)) / both
            agree &= abs(gap) <= 2
            described = " ".join(f"{k}={v}" for k, v in params.items())
            table.append({"params": params, "what": what, "kindling": ours, "pytorch": theirs, "gap": gap, "ranks": ranks(ours, theirs)})
            print(
                f"| {described} | {what} | {statistics.mean(ours):.4f} ± {error(ours):.4f} "
                f"| {statistics.mean(theirs):.4f} ± {error(theirs):.4f} "
                f"| {statistics.median(ours):.4f} : {statistics.median(theirs):.4f} | {gap:+.2f} "
                f"| {ranks(ours, theirs):+.2f} |"
            )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(table, file, indent=1)
    print("all agree" if agree else "not all agree")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
