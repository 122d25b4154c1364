#!/usr/bin/env python3
"""Runs every example with a few trials, as its README says, and checks that something sensible comes out.

    KINDLING_PROGRAM=target/debug/kindling python examples/run.py [NAME …]

The Python that runs this also runs the examples, so it needs what requirements.txt names.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

EXAMPLES = pathlib.Path(__file__).resolve().parent
PATIENCE = 300

TUNE = ["tune", "--maximize", "accuracy", "--", "python3", "train.py", "--learning_rate", "{rate: 1e-5..1.0 log}"]

# Name, folder, what to do first, the command that runs it, whether its best value will do.
RUNS = [
    ("pytorch-script", "pytorch", [], ["run", "script.toml"], lambda accuracy: 0.3 < accuracy <= 1),
    ("pytorch-function", "pytorch", [], ["run", "function.toml"], lambda accuracy: 0.3 < accuracy <= 1),
    ("sklearn", "sklearn", [], ["run", "study.toml"], lambda accuracy: 0.5 < accuracy <= 1),
    ("tradeoff", "tradeoff", [], ["run", "study.toml"], lambda accuracy: 0.2 < accuracy <= 1),
    ("tune", "sklearn", [], TUNE, lambda accuracy: 0.5 < accuracy <= 1),
    ("shell", "shell", [], ["run", "study.toml"], lambda loss: 0 <= loss < 25),
    ("cpp", "cpp", ["c++", "-O2", "-o", "train", "train.cpp"], ["run", "study.toml"], lambda loss: 0 < loss < 5),
]
TRIALS = 5


def main(names):
    unknown = set(names) - {run[0] for run in RUNS}
    if unknown:
        sys.exit(f"there is no example {', '.join(sorted(unknown))}; there are {', '.join(run[0] for run in RUNS)}")
    program = pathlib.Path(os.environ.get("KINDLING_PROGRAM") or shutil.which("kindling") or "kindling").resolve()
    for name, folder, first, command, sensible in RUNS:
        if names and name not in names:
            continue
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            study = run(program, pathlib.Path(scratch), EXAMPLES / folder, first, command)
        counts, best = study["counts"], study["best"]
        ended = counts["complete"] + counts["pruned"]
        if ended != TRIALS or not counts["complete"]:
            sys.exit(f"{name}: of {TRIALS} trials these ended well: {counts}; failures: {study['failures']}")
        value = best["values"][0]
        if not sensible(value):
            sys.exit(f"{name}: its best value is {value}, with {best['params']}")
        print(f"{name}: {counts['complete']} complete, {counts['pruned']} pruned, best {value:.4g}", end=" ")
        print(f"({time.monotonic() - began:.0f} s)", flush=True)


def run(program, scratch, example, first, command):
    """Runs a copy of an example in a folder of its own, and gives what `study show` tells of it."""
    copy = scratch / example.name
    shutil.copytree(example, copy)
    environment = {
        **os.environ,
        # Our program and this Python come first; the package is the one beside us, unless it is installed.
        "PATH": os.pathsep.join([str(pathlib.Path(sys.executable).parent), str(program.parent), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(EXAMPLES.parent / "python"), os.environ.get("PYTHONPATH", "")]).rstrip(
            os.pathsep
        ),
    }
    if first:
        ask(first, copy, environment)
    what, *rest = command
    ask([program, what, "--trials", str(TRIALS), "--store", scratch / "store.db", *rest], copy, environment)
    shown = ask([program, "study", "list", "--store", scratch / "store.db", "--json"], copy, environment)
    name = json.loads(shown)[0]["name"]
    return json.loads(
        ask([program, "study", "show", "--store", scratch / "store.db", "--json", name], copy, environment)
    )


def ask(command, folder, environment):
    """What a command prints. If it fails, so do we, with all that it said."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stderr or b"").decode(errors="replace")
        sys.exit(f"{folder.name}: {' '.join(map(str, command))} took more than {PATIENCE} s\n{said}")
    if done.returncode:
        sys.exit(
            f"{folder.name}: {' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout


if __name__ == "__main__":
    main(sys.argv[1:])
