"""What the page shows: a coordinator with a study and workers, or the development server's made-up studies."""

import argparse
import os
import pathlib
import re
import subprocess
import tempfile
import threading

from browser import browser, wait

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


# One trial, by a command that does not end by itself.
TALK = """
name = "talk"
direction = "minimize"
trials = 1
seed = 7

[sampler]
kind = "random"

[objective]
kind = "command"
command = ["python3", "SCRIPT"]

[space.x]
type = "float"
low = 0.0
high = 1.0
"""

# It writes what could do harm, keeps a picture and a file, and reports.
TALKER = r"""
import json
import argparse
import os
import pathlib
import socket
import struct
import sys
import tempfile
import time
import zlib

LINES = [
    "<script>document.title = 'broken'</script><img src=x onerror=\"document.title = 'broken'\">",
    "\x1b[31mred\x1b[0m \x1b[1;32mbold green\x1b[0m \x1b[38;5;214morange\x1b[0m \x1b[38;2;80;120;255mblue\x1b[0m"
    " \x1b[30;40mblack on black\x1b[0m \x1b[8mhidden\x1b[0m",
    "\x1b]0;a title\x07\x1b]8;;https://evil.example\x1b\\a link\x1b]8;;\x1b\\\x1b[2J\x1b[Hcleared",
    "null \0 bell \x07 backspace \b escape \x1b",
    "right to left: \u202egnp.exe\u202c, nothing: \u200b\u2066",
    "  0%|          \r 50%|█████     \r100%|██████████",
    "",
    "x" * 5000,
]


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def picture(width=320, height=160):
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x % 256, y, 178)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


worker = socket.socket(socket.AF_UNIX)
worker.connect(os.environ["KINDLING_SOCKET"])
stream = worker.makefile("rw", encoding="utf-8")


def ask(**request):
    stream.write(json.dumps(request) + "\n")
    stream.flush()
    answer = json.loads(stream.readline())
    print("answer:", answer, flush=True)


sys.stdout.reconfigure(encoding="utf-8", newline="\n")
for line in LINES:
    print(line, flush=True)
print("something is wrong", file=sys.stderr, flush=True)
folder = pathlib.Path(tempfile.mkdtemp())
for name, media_type, content in (
    ("plots/loss.png", "image/png", picture()),
    ("weights.bin", "application/octet-stream", bytes([7]) * 1_234_567),
    ("lies.png", "image/png", LINES[0].encode()),
):
    path = folder / pathlib.Path(name).name
    path.write_bytes(content)
    ask(call="save_artifact", name=name, path=str(path), media_type=media_type)
for step in range(1, 100_000):
    if step % 10 == 0:
        ask(call="report", step=step, value=1 / step)
    print(f"batch {step}, loss {1 / step:.4f}", flush=True)
    time.sleep(0.2)
"""


# A study that is made on the page: some of its trials fail, and one parameter depends on another.
STEERED = """name = "steered"
direction = "minimize"
trials = 8
seed = 7
max_failures_in_a_row = 0

[sampler]
kind = "random"

[objective]
kind = "command"
command = ["python3", "SCRIPT", "${param:x}"]

[space.x]
type = "float"
low = -5.0
high = 5.0

[space.kind]
type = "categorical"
choices = ["plain", "wide"]

[space.width]
type = "int"
low = 1
high = 64
log = true
when = { kind = "wide" }
"""

STEERED_SCRIPT = """
import sys

x = float(sys.argv[1])
if x > 0:
    # Each in other words: a worker sets a study aside whose trials all fail with the same ones.
    sys.exit(f"x is above zero: {x}")
print(f"value={x * x}")
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
    # The worker for commands, once there is one.
    commands = None
    # The study whose trial writes for ever, how its first attempt ends, and what it keeps.
    talk = "talk"
    interrupted = "△ the worker gave it back"
    picture = "plots/loss.png"
    file = ("weights.bin", 1_234_567)

    # The study that is made on the page, why its trials fail, and what depends on what in it.
    steered = "steered"
    steered_reason = "x is above zero"
    steered_child = ("kind", "wide", "width")

    def __init__(self, kindling, folder):
        self.folder = pathlib.Path(folder)
        script = self.folder / "steered.py"
        script.write_text(STEERED_SCRIPT)
        self.steered_text = STEERED.replace("SCRIPT", str(script))
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
        self.run_commands("third")

    def begin_to_talk(self):
        """A trial that writes until it is ended. Returns its number."""
        script = self.folder / "talk.py"
        script.write_text(TALKER)
        file = self.folder / "talk.toml"
        file.write_text(TALK.replace("SCRIPT", str(script)))
        self.run("study", "create", str(file), "--coordinator", self.url)
        self.run_commands("fourth")
        return 0

    def interrupt(self):
        """Ends its worker, and gives the trial another one."""
        self.run_commands("fifth")

    def hush(self):
        """Ends the trial that writes, which would keep the worker from others."""
        self.run("study", "stop", self.talk, "--coordinator", self.url)

    def run_commands(self, name):
        """Has one worker for commands, which takes the place of the one before."""
        if self.commands:
            self.processes.remove(self.commands)
            self.commands.end()
        self.commands = self.process(
            "worker", "--coordinator", self.url, "--id", name, "--kind", "command", "--allow-commands"
        )
        self.processes.append(self.commands)

    def work_on_steered(self):
        self.run_commands("steered")

    def more_failures(self):
        """Trials that nobody retried yet, some of which fail."""
        self.run("study", "resume", self.steered, "--trials", "40", "--coordinator", self.url)

    def log_in_as_viewer(self, b):
        """A coordinator with tokens, and the browser logged in with the viewer's. Returns its page and a study."""
        tokens = {}
        for kind in ("client", "worker", "viewer"):
            tokens[kind] = f"{kind}-token-of-thirty-two-characters-or-more"
            (self.folder / kind).write_text(tokens[kind])
        flags = [part for kind in tokens for part in (f"--{kind}-token-file", str(self.folder / kind))]
        store = str(self.folder / "guarded.db")
        guarded = self.process("coordinator", "--store", store, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", *flags)
        self.processes.append(guarded)
        self.guarded = guarded.said(r"page on (http://[0-9.:]+)")
        self.client_token = tokens["client"]
        url = guarded.said(r"listening on (http://[0-9.:]+)")
        file = self.folder / "guarded.toml"
        file.write_text(self.steered_text)
        self.run("study", "create", str(file), "--coordinator", url, "--token-file", str(self.folder / "client"))
        b.open(f"{self.guarded}/login")
        b.find("input[type=password]").send_keys(tokens["viewer"], "\n")
        wait(lambda: b.script("return location.pathname") == "/", "the list")
        return self.guarded, self.steered

    def page_and_login(self):
        """The page that needs a token, and a client's."""
        return self.guarded, {"Authorization": f"Bearer {self.client_token}"}

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

    # The study whose trial 8 writes for ever; its second attempt runs already.
    talk = "talking"
    interrupted = "✕ the worker was lost"
    picture = "plots/loss.png"
    file = ("weights.bin", 1_234_567)

    steered = "steered"
    steered_reason = "value is not finite"
    steered_child = None
    steered_text = STEERED.replace("trials = 8", "trials = 900")

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

    def hush(self):
        pass

    def begin_to_talk(self):
        return 8

    def interrupt(self):
        pass

    def work_on_steered(self):
        pass

    def more_failures(self):
        pass

    def log_in_as_viewer(self, b):
        b.script("document.cookie = 'viewer=1; path=/'")
        return self.page, "growing"

    def page_and_login(self):
        return self.page, {}

    def report(self, file, study=None):
        objectives = "2" if study == self.front else "1"
        subprocess.run(["node", self.script, "--report", str(file), "--objectives", objectives], check=True)

    def end(self):
        self.server.end()


def alone(description, test):
    """Runs one part of page.py as a command of its own."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--kindling")
    what.add_argument("--made-up", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, browser() as b:
        shown = MadeUp(folder) if args.made_up else Cluster(args.kindling, folder)
        try:
            test(b, shown)
        finally:
            shown.end()
    print("all is well")
