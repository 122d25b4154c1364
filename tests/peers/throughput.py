"""Trials per second of the service that hands them out, side by side: Kindling's coordinator and Optuna's storages.

    python throughput.py LOAD [--program KINDLING] [--clients 1 8 64] [--samplers random tpe] [--rounds 3] [--json FILE]

LOAD is the built example of that name (see README.md); with `--program`, the coordinator is `kindling`'s own. A trial
is leased and finished, or asked for and told, in the flagship's space; nobody trains. With TPE, 1,000 trials have
finished before.

- kindling: clients of a coordinator, each with its own connection.
- sqlite, journal: one Optuna process for each client, on an RDBStorage in SQLite or a JournalStorage, in a file.
- proxy: the same on a GrpcStorageProxy, whose server has that SQLite file.

Every contender's store is a file in the same folder. Kindling acknowledges nothing that is not on disk (`fsync`), the
journal and SQLite do the same as they come. Each round starts every contender once, in turn; the table shows medians
over rounds, and how often each peer's rate Kindling had, round by round.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CONTENDERS = ("kindling", "sqlite", "journal", "proxy")
HISTORY = {"random": 0, "tpe": 1000}
WARM_UP = 1.0


def quiet():
    """Optuna without its word on each trial, and on the proxy, which it calls experimental."""
    import warnings

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)


def storage_of(contender, file, port):
    import optuna
    from optuna.storages import journal

    if contender == "journal":
        return optuna.storages.JournalStorage(journal.JournalFileBackend(file))
    if contender == "proxy":
        return optuna.storages.GrpcStorageProxy(host="localhost", port=port)
    # SQLite's own default gives up after 5 s, which 64 processes exceed.
    wait = {"connect_args": {"timeout": 100}}
    return optuna.storages.RDBStorage(f"sqlite:///{file}", engine_kwargs=wait)


def one_trial(study):
    from study import suggest

    trial = study.ask()
    suggest(trial)
    value = (trial.number * 0.618034) % 1
    trial.set_user_attr("test_accuracy", value)
    study.tell(trial, value)


def client(contender, file, port, sampler, seconds, ready, finished):
    import optuna

    quiet()
    sampler = {"random": optuna.samplers.RandomSampler, "tpe": optuna.samplers.TPESampler}[sampler]()
    study = optuna.load_study(study_name="s", storage=storage_of(contender, file, port), sampler=sampler)
    ready.wait()
    start = time.perf_counter() + WARM_UP
    trials = 0
    while True:
        one_trial(study)
        now = time.perf_counter()
        if now >= start + seconds:
            break
        trials += now >= start
    finished.put(trials)


def serve(file, port):
    import optuna

    quiet()
    optuna.storages.run_grpc_proxy_server(storage_of("sqlite", file, None), host="localhost", port=port)


def prepare(contender, file, history):
    """A study with so many finished trials."""
    import optuna

    quiet()
    storage = storage_of("journal" if contender == "journal" else "sqlite", file, None)
    sampler = optuna.samplers.RandomSampler(seed=1)
    study = optuna.create_study(study_name="s", storage=storage, direction="maximize", sampler=sampler)
    for _ in range(history):
        one_trial(study)


def optuna_rate(args, contender, clients, sampler, prepared):
    # Optuna is imported once, and each process starts with it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["optuna", "optuna.storages", "study"])
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "study")
        shutil.copy(prepared, file)
        with socket.socket() as free:
            free.bind(("localhost", 0))
            port = free.getsockname()[1]
        server = context.Process(target=serve, args=(file, port))
        if contender == "proxy":
            server.start()
            wait_for(port)
        ready, finished = context.Barrier(clients), context.Queue()
        arguments = (contender, file, port, sampler, args.seconds, ready, finished)
        children = [context.Process(target=client, args=arguments) for _ in range(clients)]
        for child in children:
            child.start()
        trials = sum(finished.get() for _ in children)
        for child in children:
            child.join()
        if contender == "proxy":
            server.terminate()
            server.join()
        return trials / args.seconds


def wait_for(port):
    for _ in range(600):
        try:
            socket.create_connection(("localhost", port)).close()
            return
        except OSError:
            time.sleep(0.1)
    sys.exit("the proxy's server does not answer")


def kindling(args, clients, sampler):
    command = [args.load, "rate", "--clients", str(clients), "--sampler", sampler, "--seconds", str(args.seconds)]
    command += ["--history", str(HISTORY[sampler])]
    if args.program:
        command += ["--program", args.program]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("load")
    parser.add_argument("--program", help="the built `kindling`")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe"], choices=HISTORY)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json")
    args = parser.parse_args()

    rounds = {}
    with tempfile.TemporaryDirectory() as folder:
        prepared = {}
        for contender in CONTENDERS[1:]:
            for sampler in args.samplers:
                prepared[contender, sampler] = os.path.join(folder, f"{contender}-{sampler}")
                prepare(contender, prepared[contender, sampler], HISTORY[sampler])
        for number in range(args.rounds):
            for sampler in args.samplers:
                for clients in args.clients:
                    turn = number % len(CONTENDERS)
                    for contender in CONTENDERS[turn:] + CONTENDERS[:turn]:
                        if contender == "kindling":
                            found = kindling(args, clients, sampler)
                        else:
                            rate = optuna_rate(args, contender, clients, sampler, prepared[contender, sampler])
                            found = {"trials_per_second": rate}
                        rounds.setdefault((sampler, clients, contender), []).append(found)
                        rate = found["trials_per_second"]
                        print(f"round {number + 1}: {sampler}, {clients}, {contender}: {rate:.1f}/s", file=sys.stderr)

    table = []
    print("| sampler | clients | contender | trials per second, median (range) | Kindling's rate / its own, median (range) |")
    print("|---|---|---|---|---|")
    for (sampler, clients, contender), found in sorted(rounds.items(), key=lambda kv: kv[0][:2]):
        rates = [one["trials_per_second"] for one in found]
        ours = [one["trials_per_second"] for one in rounds[sampler, clients, "kindling"]]
        ratios = [a / max(b, 1 / args.seconds) for a, b in zip(ours, rates)]
        row = {
            "sampler": sampler, "clients": clients, "contender": contender,
            "trials_per_second": statistics.median(rates), "ratio": statistics.median(ratios),
        }
        if contender == "kindling":
            for call in ("lease_ms", "finish_ms"):
                row[call] = {q: statistics.median(one[call][q] for one in found) for q in ("p50", "p99")}
        table.append(row)
        print(
            f"| {sampler} | {clients} | {contender} | {row['trials_per_second']:.1f} ({min(rates):.1f} to {max(rates):.1f}) "
            f"| {row['ratio']:.1f} ({min(ratios):.1f} to {max(ratios):.1f}) |"
        )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
