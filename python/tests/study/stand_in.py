"""Stands in for the `kindling` program where none is built: the same command lines, events and exit statuses.

Its trials are one after another, its parameters are random, its store is a JSON file. The objective runs in a process
of its own, as a worker's does, so that what this package writes for a worker is read by another process.
"""

import json
import os
import random
import select
import signal
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import tomllib

# What a worker's Python process does: it gets at the function, and calls it for each line of parameters.
WORKER = r"""
import importlib, importlib.util, json, os, pickle, sys

class Trial:
    def __init__(self, number, params):
        self.number, self.params, self.curve = number, params, []
    def report(self, value, step):
        self.curve.append({"step": step, "value": value})

def load(reference):
    if reference.startswith("pickle:"):
        with open(reference.removeprefix("pickle:"), "rb") as file:
            return pickle.load(file)
    module, _, name = reference.rpartition(":")
    if module.endswith(".py"):
        spec = importlib.util.spec_from_file_location("objective_of_a_script", module)
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = loaded
        spec.loader.exec_module(loaded)
    else:
        loaded = importlib.import_module(module)
    return getattr(loaded, name)

out = os.dup(1)
os.dup2(2, 1)
try:
    function = load(sys.argv[1])
except Exception as error:
    os.write(out, (json.dumps({"unfit": f"{type(error).__name__}: {error}"}) + "\n").encode())
    sys.exit()
for line in sys.stdin:
    order = json.loads(line)
    trial = Trial(order["number"], order["params"])
    try:
        answer = {"value": float(function(trial)), "curve": trial.curve}
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    os.write(out, (json.dumps(answer) + "\n").encode())
"""


def main() -> int:
    plain, options, about = parsed(sys.argv[1:])
    store = Path(options["store"])
    if plain == "run":
        return Run(Path(about[0]), store, options).status()
    if not store.exists() and plain != "study create":
        return refuse(f"there is no store {store}")
    studies = json.loads(store.read_text()) if store.exists() else {}
    if plain == "study create":
        document = tomllib.loads(Path(about[0]).read_text())
        studies[document["name"]] = {"document": document, "trials": []}
        store.write_text(json.dumps(studies))
        return 0
    if plain == "study list":
        print(json.dumps([{"name": name} for name in studies]))
        return 0
    if about[0] not in studies:
        return refuse(f"there is no study `{about[0]}`")
    answer(plain, options, studies[about[0]])
    if plain == "trial enqueue":
        store.write_text(json.dumps(studies))
    return 0


def parsed(words: list[str]) -> tuple[str, dict, list[str]]:
    """The command, its options, and what stands behind `--`."""
    end = words.index("--") if "--" in words else len(words)
    plain, options = [], {}
    rest = iter(words[:end])
    for word in rest:
        key, _, value = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            plain.append(word)
        else:
            options[key] = value or (next(rest) if key in ("store", "state") else True)
    return " ".join(plain), options, words[end + 1 :]


def answer(plain: str, options: dict, study: dict) -> None:
    if plain == "report":
        Path(options["output"]).write_text("<html></html>")
    elif plain == "study show":
        print(json.dumps(shown(study)))
    elif plain == "trial list":
        states = options.get("state", "").upper().split(",")
        print(json.dumps([trial for trial in study["trials"] if states == [""] or trial["state"] in states]))
    elif plain == "trial enqueue":
        study["trials"].append(blank(len(study["trials"]), json.loads(options["json-params"])))
        print(json.dumps(study["trials"][-1]))


def refuse(error: str) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 1


class Run:
    """`kindling run`."""

    def __init__(self, file: Path, store: Path, options: dict) -> None:
        self.document = tomllib.loads(file.read_text())
        self.store = store
        self.studies = json.loads(store.read_text()) if store.exists() else {}
        self.study = self.studies.setdefault(self.document["name"], {"document": self.document, "trials": []})
        self.trials = int(options.get("trials", self.document["trials"]))
        self.interrupts = 0
        self.failures: list[str] = []

    def status(self) -> int:
        kept, given = (
            {key: value for key, value in spec.items() if key != "trials"}
            for spec in (self.study["document"], self.document)
        )
        if kept != given:
            say(event="error", error=f"there is another study `{given['name']}`", hint="choose another name")
            return 1
        self.study["document"]["trials"] = self.trials
        signal.signal(signal.SIGINT, self.on_interrupt)
        new = not self.study["trials"]
        say(event="started", coordinator="http://127.0.0.1:1", page=None, store=str(self.store), created=new)
        progress(self.study)
        worker = self.worker()
        status = 0
        while status == 0 and unfinished(self.study):
            status = self.one_trial(worker)
            self.store.write_text(json.dumps(self.studies))
            progress(self.study)
        worker.kill()
        worker.wait()
        if status != 78:
            say(event="result", study=shown(self.study), store=str(self.store))
        return status

    def worker(self) -> subprocess.Popen:
        objective = self.document["objective"]
        command = [objective.get("interpreter", "python3"), "-c", WORKER, objective["function"]]
        env = {**os.environ, "KINDLING_SOCKET": "stands in", **objective.get("env", {})}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, stdin=pipe, stdout=pipe, cwd=objective.get("directory"), env=env, process_group=0
        )

    def one_trial(self, worker: subprocess.Popen) -> int:
        """The status to end with, or 0."""
        trial = next((trial for trial in self.study["trials"] if trial["state"] == "WAITING"), None)
        if trial is None:
            trial = blank(len(self.study["trials"]), {})
            self.study["trials"].append(trial)
        trial.update(state="RUNNING", start=now())
        trial["params"] = drawn(self.document["space"], trial["params"], random.Random(trial["number"]))
        progress(self.study)
        worker.stdin.write(json.dumps({"number": trial["number"], "params": trial["params"]}).encode() + b"\n")
        worker.stdin.flush()
        answer = self.awaited(worker)
        if answer is None or "unfit" in answer:
            trial.update(state="WAITING", start=None)
            if answer is None:
                return 130
            say(event="error", error=f"no worker can run it: {answer['unfit']}", hint=None)
            return 78
        if "error" in answer:
            trial.update(state="FAIL", fail_reason=answer["error"], complete=now())
            self.failures.append(answer["error"])
            if len(self.failures) == 3:
                say(event="error", error=f"the script is broken: {self.failures[0]}", hint=None)
                return 78
        else:
            self.failures.clear()
            curve = answer["curve"]
            trial.update(state="COMPLETE", values=[answer["value"]], intermediate_values=curve, complete=now())
        return 0

    def on_interrupt(self, *_: object) -> None:
        self.interrupts += 1
        if self.interrupts > 1:
            os._exit(130)

    def awaited(self, worker: subprocess.Popen) -> dict | None:
        """The worker's answer; None if the run is to end."""
        while not self.interrupts:
            ready, _, _ = select.select([worker.stdout, sys.stdin], [], [], 0.05)
            if worker.stdout in ready:
                line = worker.stdout.readline()
                return json.loads(line) if line else {"error": f"the process ended with {worker.wait()}"}
            if sys.stdin in ready and not os.read(0, 1):
                return None
        return None


def unfinished(study: dict) -> bool:
    return counts(study)[1] < study["document"]["trials"]


def counts(study: dict) -> tuple[dict, int]:
    states = [trial["state"] for trial in study["trials"]]
    every = {state: states.count(state.upper()) for state in ("waiting", "running", "complete", "pruned", "fail")}
    return every, every["complete"] + every["pruned"] + every["fail"]


def shown(study: dict) -> dict:
    complete = [trial for trial in study["trials"] if trial["state"] == "COMPLETE"]
    sign = 1 if study["document"]["direction"] == "minimize" else -1
    return {
        "name": study["document"]["name"],
        "state": "ACTIVE" if unfinished(study) else "FINISHED",
        "directions": [study["document"]["direction"]],
        "trials": study["document"]["trials"],
        "counts": counts(study)[0],
        "failures": [],
        "pause_reason": None,
        "best": min(complete, key=lambda trial: sign * trial["values"][0], default=None),
        "trials_per_hour": None,
        "seconds_left": None,
    }


def progress(study: dict) -> None:
    say(event="progress", finished=counts(study)[1], trials=study["document"]["trials"], study=shown(study))


def say(**event: object) -> None:
    print(json.dumps(event), flush=True)


def drawn(space: dict, fixed: dict, chance: random.Random) -> dict:
    params = {}
    for name, param in sorted(space.items(), key=lambda item: len(item[1].get("when", {}))):
        when = param.get("when", {}).items()
        if not all(params.get(parent) in (any_of if isinstance(any_of, list) else [any_of]) for parent, any_of in when):
            continue
        if param["type"] == "categorical":
            params[name] = chance.choice(param["choices"])
        elif param["type"] == "int":
            params[name] = chance.randint(param["low"], param["high"])
        else:
            params[name] = chance.uniform(param["low"], param["high"])
        params[name] = fixed.get(name, params[name])
    return params


def blank(number: int, params: dict) -> dict:
    return {
        "number": number,
        "state": "WAITING",
        "params": params,
        "values": [],
        "intermediate_values": [],
        "attributes": {},
        "fail_reason": None,
        "attempt": 1,
        "worker": "",
        "confirms": None,
        "start": None,
        "complete": None,
    }


def now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")


sys.exit(main())
