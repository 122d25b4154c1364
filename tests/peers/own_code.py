"""What it costs to bring one's own code, beside the peers in one run.

    python own_code.py KINDLING PYTHON [--trials 400] [--rounds 3] [--slots 8] [--ray PYTHON] [--json FILE]

KINDLING is the built program, PYTHON an interpreter with `kindling`, `optuna` and `torch`; `--ray` one with Ray Tune, if that is another.
Contenders take turns. For each, by the functions' own clocks: the median time from the end of a call to the start of the
next in the same slot, where a slot lives on; a slot's whole time for a trial beside the function itself; and trials per second. The
first two calls of each slot do not count, and so start-up counts for nobody.

- function: `kind = "python"`, a process that stays, for each of the slots; the study on disk
- command: `kind = "command"`, a Python process for each trial
- command-torch: the same with `import torch`, which is W&B's way: its agent starts the script anew for each run
- optuna: `n_jobs` threads, the study in memory; optuna-file: the same with the study in an SQLite file
- ray: Ray Tune's function API, `max_concurrent_trials` of the slots
- report: the round trip of a report, a thousand in a trial
- seconds: 100 trials of 1 s
"""

import argparse
import collections
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import textwrap

HERE = pathlib.Path(__file__).resolve().parent / "own"


def study_file(name, trials, objective):
    return textwrap.dedent(
        f"""\
        name = "{name}"
        direction = "maximize"
        trials = {trials}
        seed = 1

        [sampler]
        kind = "random"

        [objective]
        {{objective}}

        [space.x]
        type = "float"
        low = 0.0
        high = 1.0
        """
    ).replace("{objective}", objective)


def environment(log):
    return os.environ | {"OWN_CODE_LOG": str(log), "PYTHONPATH": os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")])}


def kindling(args, folder, trials, objective):
    file = folder / "study.toml"
    file.write_text(study_file("own", trials, objective))
    command = [args.kindling, "run", file, "--store", folder / "study.db", "--workers", "1", "--slots", str(args.slots), "--json"]
    done = subprocess.run(command, env=environment(folder / "log"), capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["counts"]["complete"] == trials, result["counts"]
    return result


def function(args, name):
    return f'kind = "python"\nfunction = "nothing:{name}"\ndirectory = "{HERE}"\ninterpreter = "{args.python}"'


def command(args, *more):
    words = [args.python, str(HERE / "nothing.py"), "${args}", *more]
    return f'kind = "command"\ncommand = {json.dumps(words)}\nmetric = "value"'


def optuna(args, folder, trials, storage):
    program = f"""
import optuna, nothing
optuna.logging.disable_default_handler()
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed=1), storage={storage!r})
study.optimize(nothing.objective, n_trials={trials}, n_jobs={args.slots})
"""
    subprocess.run([args.python, "-c", program], env=environment(folder / "log"), check=True)


def ray(args, folder, trials):
    program = f"""
import os, time, nothing
os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
import ray
from ray import tune
ray.init(num_cpus={args.slots}, log_to_driver=False, include_dashboard=False, runtime_env={{"env_vars": {{"OWN_CODE_LOG": nothing.LOG, "PYTHONPATH": os.environ["PYTHONPATH"]}}}})
def objective(config):
    start = time.monotonic()
    import nothing
    nothing.note(start, time.monotonic())
    tune.report({{"value": config["x"]}})
tuner = tune.Tuner(objective, param_space={{"x": tune.uniform(0, 1)}},
    tune_config=tune.TuneConfig(num_samples={trials}, max_concurrent_trials={args.slots}, metric="value", mode="max", reuse_actors=True),
    run_config=tune.RunConfig(verbose=0, storage_path={str(folder)!r}))
results = tuner.fit()
assert results.num_terminated == {trials}, results
"""
    done = subprocess.run([args.ray, "-c", program], env=environment(folder / "log"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def calls(folder):
    """(slot, start, end) of each call."""
    lines = (folder / "log").read_text().splitlines()
    return [(slot, float(start), float(end)) for slot, start, end in map(str.split, lines)]


def measured(folder, slots):
    """Milliseconds of a slot for a trial, beside the function itself, and trials per second, after all slots have begun."""
    noted = sorted(calls(folder), key=lambda call: call[1])
    noted = noted[min(2 * slots, len(noted) // 2) :]
    first, last = noted[0][1], max(end for *_, end in noted)
    inside = statistics.mean(end - start for _, start, end in noted)
    rate = (len(noted) - 1) / (last - first)
    # A process for each trial has no next call. Little's law holds for all: slots / rate = a slot's time for a trial.
    between = min(len(noted), slots) / rate - inside
    by_slot = collections.defaultdict(list)
    for slot, start, end in noted:
        by_slot[slot].append((start, end))
    gaps = [b[0] - a[1] for of_slot in by_slot.values() for a, b in zip(of_slot, of_slot[1:])]
    return {"between_ms": 1000 * between, "median_gap_ms": 1000 * statistics.median(gaps) if gaps else None, "per_second": rate}


def one(args, name, folder):
    few = max(args.slots, args.trials // 10)
    match name:
        case "function":
            kindling(args, folder, args.trials, function(args, "objective"))
        case "command":
            kindling(args, folder, few, command(args))
        case "command-torch":
            kindling(args, folder, few, command(args, "--torch"))
        case "optuna":
            optuna(args, folder, args.trials, None)
        case "optuna-file":
            optuna(args, folder, args.trials, f"sqlite:///{folder}/optuna.db")
        case "ray":
            ray(args, folder, few)
        case "report":
            best = kindling(args, folder, 3, function(args, "reports"))["best"]
            took = best["attributes"]["round_trips"]
            return {"median_ms": 1000 * statistics.median(took), "p99_ms": 1000 * took[int(0.99 * len(took))]}
        case "seconds":
            kindling(args, folder, 100, function(args, "second"))
            ideal = -(-100 // args.slots) * 1.0
            noted = calls(folder)
            took = max(end for *_, end in noted) - min(start for _, start, _ in noted)
            return {"seconds": took, "ideal": ideal, "over": took / ideal - 1}
    return measured(folder, args.slots)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kindling")
    parser.add_argument("python")
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--ray", help="an interpreter with Ray Tune")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json")
    args = parser.parse_args()
    names = ["function", "command", "command-torch", "optuna", "optuna-file", "report", "seconds"]
    names += ["ray"] if args.ray else []
    names = [name for name in names if not args.only or name in args.only]
    found = collections.defaultdict(list)
    for number in range(args.rounds):
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                found[name].append(one(args, name, pathlib.Path(folder)))
            print(f"round {number + 1}: {name}: {found[name][-1]}", flush=True)
    medians = {
        name: {key: statistics.median(r[key] for r in rounds) for key in rounds[0] if rounds[0][key] is not None}
        for name, rounds in found.items()
    }
    for name, median in medians.items():
        print(f"{name:14}", "  ".join(f"{key} {value:.3f}" for key, value in median.items()))
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"rounds": found, "medians": medians}, indent=1))


if __name__ == "__main__":
    main()
