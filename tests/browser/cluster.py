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

    def report(self, file):
        self.run("report", self.study, "-o", str(file), "--coordinator", self.url)

    def end(self):
        for process in reversed(self.processes):
            process.end()


class MadeUp:
    """The same, of the development server."""

    study = "growing"
    least_in_the_end = 40

    def __init__(self, folder):
        web = pathlib.Path(__file__).parents[2] / "report" / "web"
        self.script = str(web / "dev" / "serve.mjs")
        self.server = Process(["node", self.script, "--port", "0"])
        self.page = self.server.said(r"page on (http://[0-9.:]+)")

    def work(self):
        pass

    def more(self):
        pass

    def report(self, file):
        subprocess.run(["node", self.script, "--report", str(file)], check=True)

    def end(self):
        self.server.end()
