"""Optuna's clients on a coordinator, and on Optuna's own storages: how many trials a second?

    python tests/peers/optuna_door.py KINDLING [--clients 1,8,64] [--seconds 8] [--rounds 3] [--storages …] [--trials 1000,10000] [--light LOAD]

Each client is a process of its own that asks for trials with `RandomSampler`, sets 5 parameters, reports 10 values and tells a result, through
`study.ask()` and `study.tell()`, as a script does. All of a round share one study. Storages take turns; figures are medians of the rounds.
`--trials` measures `study.get_trials()` of a new client on a study of so many trials.

A script in Python takes longer for its calls than a fast server needs to answer. `--light` names the example `load` of kindling-coordinator, whose clients
make the same calls with less: then it is the servers that are compared."""

import argparse
import contextlib
import json
import multiprocessing
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

STORAGES = ("kindling", "proxy-memory", "proxy-sqlite", "sqlite", "journal")


def quiet():
    import optuna

    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def storage_of(kind, place):
    optuna = quiet()
    if kind == "sqlite":
        return optuna.storages.RDBStorage(f"sqlite:///{place}", engine_kwargs={"connect_args": {"timeout": 60}})
    if kind == "journal":
        return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(place))
    return optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=int(place))


def serve_proxy(backend, port):
    optuna = quiet()
    storage = optuna.storages.InMemoryStorage() if backend == "memory" else storage_of("sqlite", backend)
    optuna.storages.run_grpc_proxy_server(storage, host="127.0.0.1", port=port)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def served(kind, kindling):
    """The place that clients are told."""
    with tempfile.TemporaryDirectory() as folder:
        if kind in ("sqlite", "journal"):
            yield str(Path(folder, kind))
            return
        port = free_port()
        if kind == "kindling":
            command = [kindling, "coordinator", "--store", f"{folder}/study.db", "--listen", f"127.0.0.1:{port}"]
            server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            end = lambda: (server.send_signal(signal.SIGTERM), server.wait())
        else:
            backend = "memory" if kind == "proxy-memory" else f"{folder}/backend.db"
            process = multiprocessing.get_context("spawn").Process(target=serve_proxy, args=(backend, port))
            process.start()
            end = lambda: (process.kill(), process.join())
        try:
            storage_of(kind, port).wait_server_ready(60)
            yield str(port)
        finally:
            end()


def trial(study):
    trial = study.ask()
    for i in range(5):
        trial.suggest_float(f"x{i}", 0, 1)
    for step in range(10):
        trial.report(step / 10, step)
    study.tell(trial, 0.5)


def client(kind, place, ready, go, seconds, done):
    optuna = quiet()
    study = optuna.load_study(study_name="s", storage=storage_of(kind, place), sampler=optuna.samplers.RandomSampler())
    ready.release()
    go.wait()
    end, trials = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        trial(study)
        trials += 1
    done.put(trials)


def rate(kind, kindling, clients, seconds):
    """Finished trials a second."""
    optuna = quiet()
    context = multiprocessing.get_context("spawn")
    with served(kind, kindling) as place:
        optuna.create_study(study_name="s", storage=storage_of(kind, place))
        ready, go, done = context.Semaphore(0), context.Event(), context.Queue()
        processes = [
            context.Process(target=client, args=(kind, place, ready, go, seconds, done)) for _ in range(clients)
        ]
        for process in processes:
            process.start()
        for _ in processes:
            ready.acquire()
        start = time.monotonic()
        go.set()
        trials = sum(done.get() for _ in processes)
        elapsed = time.monotonic() - start
        for process in processes:
            process.join()
        return trials / elapsed


def light_rate(load, kind, kindling, clients, seconds):
    """Finished trials a second of clients that take little themselves."""
    with served(kind, kindling) as place:
        command = [load, "optuna", "--at", f"http://127.0.0.1:{place}", f"--clients={clients}", f"--seconds={seconds}"]
        return json.loads(subprocess.check_output(command))["trials_per_second"]


def read_time(kind, kindling, trials):
    """Seconds until a new client has all trials of a study."""
    optuna = quiet()
    with served(kind, kindling) as place:
        study = optuna.create_study(study_name="s", storage=storage_of(kind, place))
        distributions = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(5)}
        for i in range(trials):
            params = dict.fromkeys(distributions, 0.5)
            steps = {step: step / 10 for step in range(10)}
            study._storage.create_new_trial(
                study._study_id,
                optuna.trial.create_trial(
                    value=i, params=params, distributions=distributions, intermediate_values=steps
                ),
            )
        start = time.monotonic()
        fresh = optuna.load_study(study_name="s", storage=storage_of(kind, place))
        assert len(fresh.get_trials(deepcopy=False)) == trials
        return time.monotonic() - start


def main():
    numbers = lambda text: [int(number) for number in text.split(",") if number]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kindling")
    parser.add_argument("--clients", type=numbers, default=[1, 8, 64])
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--storages", type=lambda names: names.split(","), default=list(STORAGES))
    parser.add_argument("--trials", type=numbers, default=[])
    parser.add_argument("--light", metavar="LOAD")
    options = parser.parse_args()
    if options.light:
        options.storages = [kind for kind in options.storages if kind not in ("sqlite", "journal")]
    for clients in options.clients:
        rates = {kind: [] for kind in options.storages}
        for _ in range(options.rounds):
            for kind in options.storages:
                if options.light:
                    rates[kind].append(light_rate(options.light, kind, options.kindling, clients, options.seconds))
                else:
                    rates[kind].append(rate(kind, options.kindling, clients, options.seconds))
        for kind, of in rates.items():
            spread = f"{min(of):.1f} to {max(of):.1f}"
            print(f"{clients:3} clients  {kind:13} {statistics.median(of):9.1f} trials a second ({spread})", flush=True)
    for trials in options.trials:
        for kind in options.storages:
            seconds = read_time(kind, options.kindling, trials)
            print(f"{trials:6} trials  {kind:13} {seconds:7.2f} s to read them all", flush=True)


if __name__ == "__main__":
    main()
