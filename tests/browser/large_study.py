"""A large study and many small ones in a real store: workers run the large one, and a coordinator takes the others from a journal of Optuna's."""

import json
import math
import os
import pathlib
import subprocess
import sys

from cluster import Process

NAME = "large"

OBJECTIVE = '''
import math
import random
import time


def objective(trial):
    """Half a millisecond of made-up training; once the study is as large as it should be, a trial takes a while."""
    chance = random.Random(trial.number)
    params = trial.params
    end = params["p2"] / 3 + math.log10(params["p3"]) ** 2 / 10 + (0 if params["p0"] == "choice a" else 0.3) + chance.gauss(0, 0.1)
    if chance.random() < 0.02:
        raise ValueError(f"it broke in step {chance.randrange(STEPS)}")
    for step in range(1, STEPS + 1):
        if trial.number >= TRIALS:
            time.sleep(0.05)
        trial.report(end + 2 * math.exp(-step / 3) + chance.gauss(0, 0.02), step)
        if trial.should_prune():
            trial.prune()
    trial.set_user_attr("epochs", chance.randrange(1, 30))
    return end
'''


def space(parameters):
    """Of all kinds; every twentieth counts only for a choice of the first."""
    for i in range(parameters):
        table = [f"[space.p{i}]"]
        if i % 4 == 0:
            table += ['type = "categorical"', 'choices = ["choice a", "choice b", "choice c", "choice d"]']
        elif i % 4 == 1:
            table += ['type = "int"', "low = 1", "high = 1000"]
        else:
            table += ['type = "float"', "low = 1e-5", "high = 1.0", f"log = {'true' if i % 4 == 3 else 'false'}"]
        if i % 20 == 19:
            table += ['when = { p0 = "choice a" }']
        yield "\n".join(table)


def study_file(folder, trials, parameters):
    head = f"""
name = "{NAME}"
direction = "minimize"
trials = {trials}
seed = 1
max_failures_in_a_row = 1000

[sampler]
kind = "random"

[pruner]
kind = "median"

[objective]
kind = "python"
function = "objective:objective"
directory = "{folder}"
interpreter = "{sys.executable}"
"""
    return "\n\n".join([head, *space(parameters)])


def journal(file, studies):
    """So many small studies as Optuna's journal has them: each is a line, and each of its trials."""
    when = "2026-11-29T10:%02d:00"
    distribution = json.dumps({"name": "FloatDistribution", "attributes": {"step": None, "low": 0.0, "high": 1.0, "log": False}})
    with open(file, "w", encoding="utf-8") as out:
        for study in range(studies):
            put = lambda **entry: print(json.dumps({"worker_id": "w", **entry}), file=out)
            put(op_code=0, study_name=f"small-{study:04}", directions=[1])
            for trial in range(5):
                x = (study * 5 + trial) * 0.6180339887 % 1
                put(
                    op_code=4,
                    study_id=study,
                    datetime_start=when % trial,
                    datetime_complete=when % (trial + 1),
                    state=1,
                    value=math.sin(x),
                    params={"x": x},
                    distributions={"x": distribution},
                    user_attrs={},
                    system_attrs={},
                    intermediate_values={},
                )


def make(kindling, folder, trials, parameters, studies):
    """The store, in this folder; the one that is there, if it is."""
    folder = pathlib.Path(folder)
    store = folder / f"large-{trials}-{parameters}-{studies}.db"
    objective = OBJECTIVE.replace("STEPS", "10").replace("TRIALS", str(trials))
    (folder / "objective.py").write_text(objective)
    file = folder / "large.toml"
    file.write_text(study_file(folder, trials, parameters))
    if store.exists():
        return store
    run = [kindling, "run", file, "--store", store, "--workers", "1", "--slots", "4", "--json"]
    done = subprocess.run(run, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment())
    assert done.returncode == 0, done.stderr[-2000:]
    return store


def environment():
    """With the package of this checkout, which need not be installed."""
    package = {"PYTHONPATH": str(pathlib.Path(__file__).resolve().parents[2] / "python")}
    return {k: v for k, v in os.environ.items() if not k.startswith("KINDLING_")} | package


class Served:
    """A coordinator with all of them, and a worker once the large study is to grow."""

    study = NAME

    def __init__(self, kindling, folder, trials, parameters, studies):
        self.kindling, self.trials, self.worker = kindling, trials, None
        store = make(kindling, folder, trials, parameters, studies)
        small = pathlib.Path(folder) / "small.journal"
        journal(small, studies)
        command = [kindling, "coordinator", "--store", store, "--import", small, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"]
        self.coordinator = Process([str(word) for word in command], environment())
        self.page = self.coordinator.said(r"page on (http://[0-9.:]+)")
        self.url = self.coordinator.said(r"listening on (http://[0-9.:]+)")

    def grow(self):
        """A few trials a second, until there are a thousand more."""
        more = [self.kindling, "study", "resume", NAME, "--trials", str(self.trials + 1000), "--coordinator", self.url]
        subprocess.run(more, check=True, capture_output=True, env=environment())
        work = [self.kindling, "worker", "--coordinator", self.url, "--kind", "python", "--allow-commands", "--slots", "4"]
        self.worker = Process(work, environment())
        return NAME

    def report(self, file):
        made = [self.kindling, "report", NAME, "-o", file, "--coordinator", self.url]
        subprocess.run(made, check=True, capture_output=True, env=environment())

    def memory(self):
        """What the coordinator has had at most, in MiB."""
        status = pathlib.Path(f"/proc/{self.coordinator.child.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) // 1024

    def end(self):
        for process in (self.worker, self.coordinator):
            if process:
                process.end()


class MadeUp:
    """The same of the development server (report/web/dev), which has its own sizes."""

    study = "huge"

    def __init__(self, folder):
        web = pathlib.Path(__file__).parents[2] / "report" / "web"
        self.script = str(web / "dev" / "serve.mjs")
        self.server = Process(["node", self.script, "--port", "0"])
        self.page = self.server.said(r"page on (http://[0-9.:]+)")

    def grow(self):
        return "huge-growing"

    def report(self, file):
        subprocess.run(["node", self.script, "--report", str(file), "--kind", "huge", "--trials", "10000"], check=True)

    def memory(self):
        return None

    def end(self):
        self.server.end()
