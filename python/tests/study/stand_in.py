"""Stands in for the `kindling` program where none is built: the same command lines, events and exit statuses.

Its trials are one after another, its parameters are random, its store is a JSON file. The objective runs in the process
that a worker would start for it, so what this package writes for a worker is read by another process.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

import tomllib

sys.path.insert(0, str(Path(__file__).parent.parent))
from worker import Run as Trial
from worker import Worker, facts

UNFIT = 78


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
        page = f"<!doctype html><html><head></head><body>{len(study['trials'])} trials</body></html>"
        if "output" in options:
            Path(options["output"]).write_text(page)
        else:
            print(page)
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
        # A file's number can only raise the budget.
        self.trials = int(options.get("trials") or max(self.document["trials"], self.study["document"]["trials"]))
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
        threading.Thread(target=self.follow_stdin, daemon=True).start()
        new = not self.study["trials"]
        say(event="started", coordinator="http://127.0.0.1:1", page=None, store=str(self.store), created=new)
        progress(self.study)
        status = 0
        while status == 0 and unfinished(self.study):
            status = self.one_trial()
            self.store.write_text(json.dumps(self.studies))
            progress(self.study)
        if status != UNFIT:
            say(event="result", study=shown(self.study), store=str(self.store))
        return status

    def one_trial(self) -> int:
        """The status to end with, or 0."""
        trial = next((trial for trial in self.study["trials"] if trial["state"] == "WAITING"), None)
        if trial is None:
            trial = blank(len(self.study["trials"]), {})
            self.study["trials"].append(trial)
        trial.update(state="RUNNING", start=now())
        trial["params"] = drawn(self.document["space"], trial["params"], random.Random(trial["number"]))
        progress(self.study)
        run = Trial({**facts(trial["number"], **trial["params"]), **called(self.document)})
        said = self.served(run)
        if run.result is None:
            trial.update(state="WAITING", start=None)
            if said is None:
                return 130
            return self.unfit(f"no worker can run it: {said}")
        trial["complete"] = now()
        trial["intermediate_values"] = [{"step": step, "value": value} for step, value in run.reports]
        if run.result["state"] == "fail":
            trial.update(state="FAIL", fail_reason=run.result["reason"])
            self.failures.append(run.result["reason"])
            return self.unfit(f"the script is broken: {self.failures[0]}") if len(self.failures) > 2 else 0
        self.failures.clear()
        limits = [run.constraints[name] for name in called(self.document)["constraints"]]
        trial.update(state="COMPLETE", values=[float(value) for value in run.result["values"]], constraints=limits)
        return 0

    def served(self, trial: Trial) -> str | None:
        """Runs the trial. What its process said in the end; None if the run was interrupted."""
        objective = self.document["objective"]
        command = [objective.get("interpreter", "python3"), "-m", "kindling.serve", objective["function"]]
        with tempfile.TemporaryDirectory(prefix="k-") as place, Worker(Path(place), many=[trial]) as worker:
            env = worker.environment(**objective.get("env", {}))
            where = objective.get("directory")
            process = subprocess.Popen(command, cwd=where, env=env, stderr=subprocess.PIPE, stdout=2, process_group=0)
            while process.poll() is None:
                time.sleep(0.005)
                if self.interrupts:
                    process.kill()
                    process.wait()
                    return None
            return process.stderr.read().decode().strip()

    def unfit(self, why: str) -> int:
        say(event="error", error=why, hint=None)
        return UNFIT

    def on_interrupt(self, *_: object) -> None:
        self.interrupts += 1
        if self.interrupts > 1:
            os._exit(130)

    def follow_stdin(self) -> None:
        while os.read(0, 1024):
            pass
        self.interrupts += 1


def unfinished(study: dict) -> bool:
    return counts(study)[1] < study["document"]["trials"]


def counts(study: dict) -> tuple[dict, int]:
    states = [trial["state"] for trial in study["trials"]]
    every = {state: states.count(state.upper()) for state in ("waiting", "running", "complete", "pruned", "fail")}
    return every, every["complete"] + every["pruned"] + every["fail"]


def called(document: dict) -> dict:
    """What the study's values are called, as a trial is told."""
    names = list(document.get("directions", {}))
    compared = document.get("pruner", {}).get("metric", names[0] if names else None)
    return {"metrics": names, "pruner_metric": compared, "constraints": document.get("constraints", [])}


def shown(study: dict) -> dict:
    document = study["document"]
    directions = list(document.get("directions", {}).values()) or [document["direction"]]
    complete = [trial for trial in study["trials"] if trial["state"] == "COMPLETE"]
    sign = 1 if directions[0] == "minimize" else -1
    return {
        "name": study["document"]["name"],
        "state": "ACTIVE" if unfinished(study) else "FINISHED",
        "directions": directions,
        "metric_names": called(document)["metrics"],
        "constraints": called(document)["constraints"],
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
