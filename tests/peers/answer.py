"""Time to the answer, side by side: minutes until a study has a trial that is good enough, Kindling and a notebook.

    python answer.py KINDLING MNIST [--only notebook kindling …] [--seeds 10] [--goal 0.977] [--cap 100]
                     [--results answer.csv] [--device cpu] [--json FILE]

KINDLING is the built command. Every contender searches the flagship, studies/weight-init.toml, until a trial *completes*
with at least the goal on trial validation; or until the cap of trials, pruned ones included: then it did not reach it.

- notebook: one process, Optuna in memory with its default sampler (TPE), no pruner, PyTorch with its default threads;
  counted from the first trial on, without starting Python and loading the data.
- kindling: `kindling run`, one worker per core, the sampler `auto` and a pruner, the store on disk; everything is
  counted, from the start of the command to the end of the trial.
- kindling-tpe, kindling-random: this with another sampler; kindling-no-pruner: without a pruner; kindling-one: with
  one worker. They say how much of it is sampler, pruner and workers.

Each line of the results is one contender under one seed. What is there is not run again, so that the script goes on
where it was stopped. `course` has the seconds and the value of each trial that was the best so far, so that any lower
goal can be asked for as well, without a run. A file of results is for one machine, one device and one build.
"""

import argparse
import csv
import datetime
import json
import math
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import studies
import study

NETWORK = "common"
NONE = {"kind": "none"}
# The worst quarter ends. Of our pruners it was the best on recorded curves of the flagship: see the README.
PRUNER = {"kind": "percentile", "percentile": 75.0}
# Sampler, pruner, options of the command.
KINDLING = {
    "kindling": ("auto", PRUNER, []),
    "kindling-tpe": ("tpe", PRUNER, []),
    "kindling-random": ("random", PRUNER, []),
    "kindling-no-pruner": ("auto", NONE, []),
    "kindling-one": ("auto", PRUNER, ["--workers", "1"]),
}
CONTENDERS = ("notebook", *KINDLING)
COLUMNS = ("contender", "seed", "seconds", "trials", "best", "reached", "course")


def study_file(args, contender, seed):
    sampler, pruner, _ = KINDLING[contender]
    return studies.search(NETWORK, args.cap, seed, sampler, pruner, args.epochs)


def kindling(args, contender, seed):
    """The finished trials as (seconds since the command's start, value or None if pruned), in order."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "study.toml").write_text(study_file(args, contender, seed))
        command = [args.kindling, "run", folder / "study.toml", "--store", folder / "study.db", "--events"]
        command += ["--data-dir", args.mnist, "--device", args.device, *KINDLING[contender][2]]
        finished, wanted = {}, False
        with open(folder / "errors", "w+") as errors:
            start = time.time()
            # It hears of this program's end by the end of its standard input.
            command.append("--stop-with-stdin")
            with subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process:
                for line in process.stdout:
                    for trial in json.loads(line).get("trials_changed", []):
                        if trial["complete"]:
                            finished[trial["number"]] = ended(trial, start)
                    if not wanted and any(reaches(value, args.goal) for _, value in finished.values()):
                        wanted = True
                        process.send_signal(signal.SIGINT)
            code = process.returncode
            errors.seek(0)
            if not wanted and (code != 0 or len(finished) < args.cap):
                sys.exit(f"{contender} ended with {code} after {len(finished)} trials:\n{errors.read()}")
        return sorted(finished.values(), key=lambda trial: trial[0])


def ended(trial, start):
    assert trial["state"] != "FAIL", f"a trial failed: {trial['fail_reason']}"
    seconds = datetime.datetime.fromisoformat(trial["complete"]).timestamp() - start
    return seconds, trial["values"][0] if trial["state"] == "COMPLETE" else None


def notebook(args, seed):
    """In a process of its own; prints the trials."""
    import optuna

    import protocol

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parts = protocol.split(protocol.mnist(args.mnist), seed)
    patience, epochs = studies.effort(NETWORK, args.epochs)
    # Seeds of their own for the trials of each study.
    objective = study.objective(NETWORK, parts, epochs, patience, seed=seed * 10_000)
    trials = []

    def note(search, trial):
        trials.append((time.perf_counter() - start, trial.value))
        if reaches(trial.value, args.goal):
            search.stop()

    search = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    start = time.perf_counter()
    search.optimize(objective, n_trials=args.cap, callbacks=[note])
    print(json.dumps(trials))


def trials_of(args, contender, seed):
    if contender != "notebook":
        return kindling(args, contender, seed)
    command = [sys.executable, __file__, args.kindling, args.mnist, "--notebook", str(seed)]
    command += ["--goal", str(args.goal), "--cap", str(args.cap)]
    command += ["--epochs", str(args.epochs)] if args.epochs else []
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def reaches(value, goal):
    return value is not None and value >= goal


def row_of(contender, seed, trials, goal):
    """What the trials came to, up to the first that reached the goal."""
    course, best, number = [], None, 0
    for number, (seconds, value) in enumerate(trials, 1):
        if value is not None and (best is None or value > best):
            best = value
            course.append(f"{seconds:.1f}:{value}")
        if reaches(value, goal):
            break
    return {
        "contender": contender, "seed": seed, "seconds": round(seconds, 1), "trials": number,
        "best": best, "reached": reaches(best, goal), "course": " ".join(course),
    }


def load(path):
    """By contender and seed."""
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        return {
            (line["contender"], int(line["seed"])): {
                **line, "seed": int(line["seed"]), "seconds": float(line["seconds"]), "trials": int(line["trials"]),
                "best": float(line["best"]) if line["best"] else None, "reached": line["reached"] == "True",
            }
            for line in csv.DictReader(file)
        }


def save(path, rows):
    """All of them, beside the old file first: a stop in between loses nothing."""
    new = path.with_name(path.name + ".new")
    with open(new, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows.values())
    os.replace(new, path)


def says(row, goal, cap):
    """Whether this run tells when the goal was reached: it may have ended at a lower goal, or a smaller cap."""
    return row is not None and (reaches(row["best"], goal) or (not row["reached"] and row["trials"] >= cap))


def seconds_to(row, goal):
    """Infinite if the goal was not reached."""
    course = (point.split(":") for point in row["course"].split())
    return next((float(seconds) for seconds, value in course if float(value) >= goal), math.inf)


def ratios(theirs, ours):
    """How many times sooner ours is, seed by seed, where at least one of them reached the goal."""
    seeds = sorted(theirs.keys() & ours.keys())
    pairs = [(theirs[seed], ours[seed]) for seed in seeds if min(theirs[seed], ours[seed]) < math.inf]
    return [0.0 if b == math.inf else a / b for a, b in pairs]


def signed_rank(ratios):
    """Wilcoxon's signed-rank test of the ratios' logarithms: the two-sided p, from all ways to give the ranks signs."""
    logs = [math.log(ratio) if ratio else -math.inf for ratio in ratios]
    logs = [log for log in logs if log]
    sizes = [abs(log) for log in logs]
    # Twice the mean rank among equals, so that it is a whole number.
    ranks = [2 * sum(b < a for b in sizes) + sum(b == a for b in sizes) + 1 for a in sizes]
    ways = {0: 1}
    for rank in ranks:
        more = {}
        for total, count in ways.items():
            for after in (total, total + rank):
                more[after] = more.get(after, 0) + count
        ways = more
    positive = sum(rank for rank, log in zip(ranks, logs) if log > 0)
    least = min(positive, sum(ranks) - positive)
    return min(1.0, 2 * sum(count for total, count in ways.items() if total <= least) / 2 ** len(ranks))


def table_of(rows, goal, cap):
    """A row for each contender that has runs which say something."""
    times = {}
    for (contender, seed), row in rows.items():
        if says(row, goal, cap):
            times.setdefault(contender, {})[seed] = seconds_to(row, goal)
    table = []
    for contender in (c for c in CONTENDERS if c in times):
        own = times[contender]
        row = {
            "contender": contender, "seeds": len(own), "reached": sum(s < math.inf for s in own.values()),
            "minutes": [s / 60 for s in own.values()],
        }
        for name, found in [
            ("sooner_than_notebook", ratios(times.get("notebook", {}), own)),
            ("kindling_sooner", ratios(own, times.get("kindling", {}))),
        ]:
            row[name] = {"ratios": found, "p": signed_rank(found)} if found else None
        table.append(row)
    return table


def middle(numbers, form):
    show = lambda number: "∞" if number == math.inf else format(number, form)
    return f"{show(statistics.median(numbers))} ({show(min(numbers))} to {show(max(numbers))})"


def show(table):
    print("| contender | reached the goal | minutes, median (range) | times sooner than notebook | p "
          "| kindling is times sooner | p |")
    print("|---|---|---|---|---|---|---|")
    for row in table:
        cells = [row["contender"], f"{row['reached']} of {row['seeds']}", middle(row["minutes"], ".1f")]
        for name, itself in (("sooner_than_notebook", "notebook"), ("kindling_sooner", "kindling")):
            if row[name] is None or row["contender"] == itself:
                cells += ["", ""]
            else:
                found = row[name]["ratios"]
                pairs = f", {len(found)} pairs" if len(found) < row["seeds"] else ""
                cells += [middle(found, ".2f") + pairs, f"{row[name]['p']:.3f}"]
        print("| " + " | ".join(cells) + " |")


def finite(thing):
    """JSON knows no infinity: null."""
    if isinstance(thing, dict):
        return {key: finite(value) for key, value in thing.items()}
    if isinstance(thing, list):
        return [finite(value) for value in thing]
    return None if thing == math.inf else thing


def fill(args, rows):
    """Runs what is missing, seed by seed, each time in another order."""
    for seed in range(1, args.seeds + 1):
        turn = seed % len(args.only)
        for contender in args.only[turn:] + args.only[:turn]:
            if says(rows.get((contender, seed)), args.goal, args.cap):
                continue
            row = row_of(contender, seed, trials_of(args, contender, seed), args.goal)
            rows[contender, seed] = row
            save(args.results, rows)
            print(
                f"seed {seed}: {contender}: {'reached' if row['reached'] else 'not reached'} after {row['trials']} "
                f"trials, {row['seconds'] / 60:.1f} min; best {row['best']}", file=sys.stderr,
            )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kindling")
    parser.add_argument("mnist")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--goal", type=float, default=0.977)
    parser.add_argument("--cap", type=int, default=100, help="trials at most")
    parser.add_argument("--epochs", type=int, help="of a trial at most, for a quick look [default: the study file's]")
    parser.add_argument("--device", default="cpu", help="cpu (libtorch) or flex")
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path(__file__).with_name("answer.csv"))
    parser.add_argument("--json")
    parser.add_argument("--notebook", type=int, metavar="SEED", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.notebook is not None:
        return notebook(args, args.notebook)

    rows = load(args.results)
    fill(args, rows)
    table = table_of(rows, args.goal, args.cap)
    show(table)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(finite(table), file, indent=1)


if __name__ == "__main__":
    main()
