"""Trials per hour of one study, side by side: Kindling, and Optuna with PyTorch in a notebook and at its best.

    python study.py KINDLING MNIST [--networks common deep] [--trials 8] [--epochs 6] [--rounds 3] [--json FILE]

KINDLING is the built command. Every trial of every contender trains for the same number of epochs, so that all do the
same work: the flagship's space, sampled at random; validation after each epoch; trial validation and test at the end.

- kindling-libtorch, kindling-flex: `kindling run`, one worker per core, the store on disk; everything is counted, from
  the start of the command to its end.
- notebook: one process, Optuna in memory, PyTorch with its default threads, as one writes it in a notebook; counted
  from the first trial on, without starting Python and loading the data.
- processes: one process per core with one thread each and one Optuna study in a file, which is how to make the most of
  a machine; counted likewise, from when all processes are ready.
- tuned: these, with what PyTorch offers for speed and its users seldom switch on: channels last, the fused optimiser,
  small batches to validate with.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import studies

METHODS = ["const_zero", "const_0.5", "gaussian", "xavier_uniform", "xavier_normal", "he_uniform", "he_normal"]
CONTENDERS = ("notebook", "processes", "tuned", "kindling-libtorch", "kindling-flex")


def cores():
    return len(os.sched_getaffinity(0))


def kindling(args, network, device):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "study.toml")
        with open(file, "w") as study:
            study.write(studies.equal_work(network, args.trials, args.epochs))
        command = [args.kindling, "run", file, "--store", os.path.join(folder, "study.db"), "--json"]
        start = time.perf_counter()
        done = subprocess.run(
            command + ["--data-dir", args.mnist, "--device", device], capture_output=True, text=True
        )
        took = time.perf_counter() - start
        if done.returncode != 0:
            sys.exit(done.stderr)
        study = json.loads(done.stdout)
        trained = study["counts"] | {"confirmations": study["confirmations"]}
        wanted = {"complete": args.trials, "pruned": 0, "fail": 0, "waiting": 0, "running": 0, "confirmations": 0}
        assert trained == wanted, f"not the work that was to be timed: {trained}"
        return took


def suggest(trial):
    params = {}
    for layer in ("conv", "fc"):
        params[f"winit_{layer}"] = method = trial.suggest_categorical(f"winit_{layer}", METHODS)
        if method == "gaussian":
            name = f"gaussian_std_{layer}"
            params[name] = trial.suggest_float(name, 0.25, 4.0, log=True)
    params["learning_rate"] = trial.suggest_float("learning_rate", 5e-4, 1e-2, log=True)
    return params


def objective(network, parts, epochs, patience, tuned=False, seed=0):
    """`seed`: that of trial 0; the next has the next."""
    import protocol

    def run(trial):
        found = protocol.trial(parts, network, suggest(trial), seed + trial.number, epochs, patience, tuned=tuned)
        trial.set_user_attr("test_accuracy", found["test_accuracy"])
        return found["value"]

    return run


def notebook(args, network):
    """In a process of its own; prints the seconds."""
    import optuna

    import protocol

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parts = protocol.split(protocol.mnist(args.mnist), 1)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1))
    start = time.perf_counter()
    study.optimize(objective(network, parts, args.epochs, args.epochs), n_trials=args.trials)
    print(time.perf_counter() - start)


def processes(args, network):
    import multiprocessing

    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        storage = f"sqlite:///{folder}/study.db"
        optuna.create_study(study_name="s", storage=storage, direction="maximize")
        ready = context.Barrier(cores() + 1)
        children = [context.Process(target=child, args=(args, network, storage, ready)) for _ in range(cores())]
        for process in children:
            process.start()
        ready.wait()
        start = time.perf_counter()
        for process in children:
            process.join()
        print(time.perf_counter() - start)


def child(args, network, storage, ready):
    import optuna
    import torch

    import protocol

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    torch.set_num_threads(1)
    tuned = args.contender == "tuned"
    parts = protocol.split(protocol.mnist(args.mnist), 1)
    if tuned:
        parts = [(images.contiguous(memory_format=torch.channels_last), labels) for images, labels in parts]
    study = optuna.load_study(study_name="s", storage=storage, sampler=optuna.samplers.RandomSampler())
    ready.wait()
    study.optimize(
        objective(network, parts, args.epochs, args.epochs, tuned), n_trials=args.trials // cores()
    )


def seconds(args, contender, network):
    if contender.startswith("kindling"):
        return kindling(args, network, {"kindling-libtorch": "cpu", "kindling-flex": "flex"}[contender])
    command = [sys.executable, __file__, args.kindling, args.mnist, "--as", contender, "--networks", network]
    command += ["--trials", str(args.trials), "--epochs", str(args.epochs)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(done.stdout.split()[-1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kindling")
    parser.add_argument("mnist")
    parser.add_argument("--networks", nargs="+", default=["common", "deep"])
    parser.add_argument("--trials", type=int, default=8, help="a multiple of the number of cores")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--as", dest="contender", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.trials < 1 or args.trials % cores():
        parser.error(f"--trials must be a multiple of the number of cores, {cores()}")
    if args.contender:
        return {"notebook": notebook, "processes": processes, "tuned": processes}[args.contender](args, args.networks[0])

    rates = {}
    for number in range(args.rounds):
        for network in args.networks:
            turn = number % len(CONTENDERS)
            for contender in CONTENDERS[turn:] + CONTENDERS[:turn]:
                rate = 3600 * args.trials / seconds(args, contender, network)
                rates.setdefault((network, contender), []).append(rate)
                print(f"round {number + 1}: {network}, {contender}: {rate:.0f} trials/h", file=sys.stderr)
    table = []
    print("| network | contender | trials per hour, median (range) | times notebook | times processes | times tuned |")
    print("|---|---|---|---|---|---|")
    for (network, contender), own in rates.items():
        times = lambda other: statistics.median(a / b for a, b in zip(own, rates[network, other]))
        row = {
            "network": network, "contender": contender, "rate": statistics.median(own),
            **{f"times_{other}": times(other) for other in CONTENDERS[:3]},
        }
        table.append(row)
        print(
            f"| {network} | {contender} | {row['rate']:.0f} ({min(own):.0f} to {max(own):.0f}) "
            f"| {row['times_notebook']:.2f} | {row['times_processes']:.2f} | {row['times_tuned']:.2f} |"
        )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
