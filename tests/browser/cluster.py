"""What the page shows: a coordinator with a study and workers, or the development server's made-up studies."""

import os
import pathlib
import re
import subprocess
import threading

from browser import wait

STUDY = """
name = "shown"
direction = "maximize"
trials = 24
seed = 7

[sampler]
kind = "tpe"
startup_trials = 10

[objective]
kind = "mnist_cnn"
data = "digits"
train = 64
epoch_validation = 32
trial_validation = 32
test = 32
max_epochs = 3

[confirm]
by = ["winit_conv", "winit_fc"]
best = 2
seeds = 3
each = true

[space.winit_conv]
type = "categorical"
choices = ["gaussian", "xavier_uniform", "he_normal"]

[space.winit_fc]
type = "categorical"
choices = ["gaussian", "xavier_normal", "he_uniform"]

[space.learning_rate]
type = "float"
low = 5e-4
high = 1e-2
log = true

[space.gaussian_std_conv]
type = "float"
low = 0.25
high = 4.0
log = true
when = { winit_conv = "gaussian" }

[space.gaussian_std_fc]
type = "float"
low = 0.25
high = 4.0
log = true
when = { winit_fc = "gaussian" }
"""

# Two objectives and a constraint, by a command that takes no time.
FRONT = """
name = "two"
directions = { accuracy = "maximize", latency_ms = "minimize" }
constraints = ["memory_gb"]
trials = TRIALS
seed = 7

[sampler]
kind = "random"

[pruner]
kind = "none"

[objective]
kind = "command"
command = ["python3", "SCRIPT", "${args_json}"]

[space.units]
type = "int"
low = 1
high = 100

[space.rate]
type = "float"
low = 0.01
high = 1.0
log = true

[space.kind]
type = "categorical"
choices = ["plain", "wide"]
"""

# Larger is better and slower; what is too large does not fit. Values lie on a grid, so that some trials are equal.
SCRIPT = """
import json
import sys

params = json.loads(sys.argv[1])
units, rate = params["units"], params["rate"]
for step in (1, 2):
    print(f"step={step} accuracy={round(0.5 * step * units ** 0.5 / 10 - (rate - 0.1) ** 2, 2)} latency_ms={units // 5}")
print(f"memory_gb={units - 80}")
"""


class Process:
    """A process whose log is read as long as it lives."""

    def __init__(self, command, environment=None):
        self.lines = []
        self.child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        threading.Thread(target=lambda: self.lines.extend(self.child.stdout), daemon=True).start()

    def said(self, pattern):
        """The first group of the first line that has the pattern."""

        def look():
            if self.child.poll() is not None:
                raise AssertionError("it ended: " + "".join(self.lines))
            return next((found[1] for line in list(self.lines) if (found := re.search(pattern, line))), None)

        return wait(look, f"{pattern} in the log")

    def end(self):
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Cluster:
    """A coordinator, a study, and workers once they are wanted."""

    study = "shown"
    # Of the search.
    least_in_the_end = 24
    # The study of two objectives, and how many trials it has so far.
    front = "two"
    front_trials = 0

    def __init__(self, kindling, folder):
        self.folder = pathlib.Path(folder)
        self.kindling = kindling
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("KINDLING_")}
        self.environment["XDG_STATE_HOME"] = str(self.folder)
        store = str(self.folder / "store.db")
        coordinator = self.process("coordinator", "--store", store, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
        self.processes = [coordinator]
        self.page = coordinator.said(r"page on (http://[0-9.:]+)")
        self.url = coordinator.said(r"listening on (http://[0-9.:]+)")
        file = self.folder / "shown.toml"
        file.write_text(STUDY)
        self.run("study", "create", str(file), "--coordinator", self.url)

    def process(self, *arguments):
        return Process([self.kindling, *arguments], self.environment)

    def run(self, *arguments):
        command = [self.kindling, *arguments]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.environment)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        return done.stdout

    def work(self):
        for name in ("first", "second"):
            self.processes.append(self.process("worker", "--coordinator", self.url, "--id", name))

    def more(self):
        """Trials to come, however fast the others went."""
        self.least_in_the_end += 12
        self.run("study", "resume", self.study, "--trials", str(self.least_in_the_end), "--coordinator", self.url)

    def more_of_front(self):
        """Makes the study of two objectives, or adds trials to it."""
        self.front_trials += 30
        if self.front_trials > 30:
            self.run("study", "resume", self.front, "--trials", str(self.front_trials), "--coordinator", self.url)
            return
        script = self.folder / "two.py"
        script.write_text(SCRIPT)
        file = self.folder / "two.toml"
        file.write_text(FRONT.replace("SCRIPT", str(script)).replace("TRIALS", str(self.front_trials)))
        self.run("study", "create", str(file), "--coordinator", self.url)
        worker = ("worker", "--coordinator", self.url, "--id", "third", "--kind", "command", "--allow-commands")
        self.processes.append(self.process(*worker))

    def report(self, file, study=None):
        self.run("report", study or self.study, "-o", str(file), "--coordinator", self.url)

    def end(self):
        for process in reversed(self.processes):
            process.end()


class MadeUp:
    """The same, of the development server."""

    study = "growing"
    # Its confirmation follows.
    least_in_the_end = 201
    front = "front-growing"

    def __init__(self, folder):
        web = pathlib.Path(__file__).parents[2] / "report" / "web"
        self.script = str(web / "dev" / "serve.mjs")
        self.server = Process(["node", self.script, "--port", "0"])
        self.page = self.server.said(r"page on (http://[0-9.:]+)")

    def work(self):
        pass

    def more(self):
        pass

    def more_of_front(self):
        pass

    def report(self, file, study=None):
        objectives = "2" if study == self.front else "1"
        subprocess.run(["node", self.script, "--report", str(file), "--objectives", objectives], check=True)

    def end(self):
        self.server.end()
