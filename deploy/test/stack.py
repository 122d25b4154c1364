"""The compose stack under fire: every fault that a cluster has, and after each the exact number of trials.

    python3 deploy/test/stack.py [--program KINDLING] [--optuna PYTHON] [--keep]

Builds the slim image (`--program` around one that was compiled already), brings the stack up as a project of its own, and on the running stack: looks at how the containers
are locked up; kills a worker and the coordinator (kill -9 of their processes, so it must be run as root on the engine's
host); cuts a worker off past its lease and lets it back; scales 1 -> 4 -> 2; stops and starts all. Each fault has a study
of its own, hit in mid-study. In the end the store is read from a copy on the host, by Optuna if a Python with it is given.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import image

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "kindling-test"
LEASE_TERM = 5
TRIALS = 12
PATIENCE = 300

STUDY = """
name = "{name}"
direction = "maximize"
trials = {trials}
seed = 5

[sampler]
kind = "tpe"
startup_trials = 4

[objective]
kind = "mnist_cnn"
data = "digits"
train = 400
epoch_validation = 200
trial_validation = 200
test = 200
max_epochs = 6

[space.winit_conv]
type = "categorical"
choices = ["he_normal", "xavier_uniform"]

[space.winit_fc]
type = "categorical"
choices = ["xavier_normal"]

[space.learning_rate]
type = "float"
low = 1e-3
high = 1e-2
log = true
"""


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def run(*command, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done


class Stack:
    def __init__(self, folder):
        self.folder = folder
        self.env = os.environ | {
            "KINDLING_STUDIES": str(folder),
            "KINDLING_STUDY": "first",
            "KINDLING_LEASE_TERM": str(LEASE_TERM),
            "KINDLING_PORT": str(free_port()),
            "KINDLING_HTTP_PORT": str(free_port()),
            "KINDLING_METRICS_PORT": str(free_port()),
        }

    def compose(self, *args, check=True):
        command = ["docker", "compose", "-p", PROJECT, "-f", str(ROOT / "deploy/compose.yaml")]
        return run(*command, *args, check=check, env=self.env)

    def containers(self, service, running=True):
        args = ["ps", "-q", service] if running else ["ps", "-aq", service]
        return self.compose(*args).stdout.split()

    def write_study(self, name):
        path = self.folder / f"{name}.toml"
        path.write_text(STUDY.format(name=name, trials=TRIALS))
        path.chmod(0o644)

    def ask(self, *args):
        """A command with the client's token, in the coordinator's container. None while there is no answer."""
        token = ["--token-file", "/tokens/client/token", "--json"]
        done = self.compose("exec", "-T", "coordinator", "kindling", *args, *token, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def token(self, kind):
        return self.compose("exec", "-T", "coordinator", "cat", f"/tokens/{kind}/token").stdout.strip()

    def create(self, name):
        self.write_study(name)
        self.compose("run", "--rm", "--no-deps", "kindling", "study", "create", f"/studies/{name}.toml")

    def wait(self, name, what, reached):
        start = time.monotonic()
        while True:
            trials = self.ask("trial", "list", name)
            if trials is not None and reached(trials):
                return trials
            if time.monotonic() - start > PATIENCE:
                logs = self.compose("logs", "--tail", "40").stdout
                raise AssertionError(f"{name}: never {what}; {trials}\n{logs}")
            time.sleep(0.3)

    def wait_until_under_way(self, name):
        def under_way(trials):
            assert count(trials, "COMPLETE") <= TRIALS - 4, f"{name}: too fast to be hit in its midst"
            return count(trials, "COMPLETE") >= 2 and count(trials, "RUNNING") >= 1

        return self.wait(name, "under way", under_way)

    def wait_until_finished(self, name):
        return self.wait(name, "finished", lambda trials: count(trials, "COMPLETE", "FAIL", "PRUNED") >= TRIALS)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def count(trials, *states):
    return sum(trial["state"] in states for trial in trials)


def inspect(container):
    return json.loads(run("docker", "inspect", container).stdout)[0]


def kill(container):
    """kill -9 of the process itself: the engine sees a crash, not a request."""
    os.kill(inspect(container)["State"]["Pid"], signal.SIGKILL)


def check_exact(name, trials):
    numbers = [trial["number"] for trial in trials]
    assert numbers == list(range(TRIALS)), f"{name}: {numbers}"
    assert count(trials, "COMPLETE") == TRIALS, f"{name}: {[t['state'] for t in trials]}"
    attempts = [trial["attempt"] for trial in trials]
    say(f"{name}: {TRIALS} trials, all COMPLETE; attempts {attempts}")


def check_variants():
    """What needs more hosts or GPUs is at least sound, and asks for what is missing."""
    files = lambda *names: [part for name in names for part in ("-f", str(ROOT / "deploy" / name))]
    config = lambda *args, **env: run("docker", "compose", *args, "config", "-q", check=False, env=os.environ | env)
    join = {"KINDLING_COORDINATOR": "u", "KINDLING_JOIN": "/join", "KINDLING_USER": "1:1"}
    for args, env in [
        (files("compose.yaml", "compose.gpu.yaml"), {}),
        (files("compose.yaml", "compose.gpu.yaml") + ["--profile", "8-gpus"], {}),
        (files("compose.yaml", "compose.open.yaml"), {"KINDLING_HOST": "host"}),
        (
            files("compose.yaml", "compose.gpu.yaml", "compose.open.yaml", "compose.open.gpu.yaml") + ["--profile", "8-gpus"],
            {"KINDLING_HOST": "host"},
        ),
        (files("compose.worker.yaml"), join),
        (files("compose.worker.yaml", "compose.worker.gpu.yaml"), join),
    ]:
        done = config(*args, **env)
        assert done.returncode == 0, f"{args}: {done.stderr}"
    assert "KINDLING_HOST" in config(*files("compose.yaml", "compose.open.yaml")).stderr
    say("the variants for GPUs and further hosts are sound")


def check_locks(stack):
    for service in ("tokens", "coordinator", "study", "worker"):
        for container in stack.containers(service, running=False):
            found = inspect(container)
            host = found["HostConfig"]
            assert found["Config"]["User"] == "10001:10001", (service, found["Config"]["User"])
            assert host["ReadonlyRootfs"], service
            assert host["CapDrop"] == ["ALL"] and not host["CapAdd"], (service, host["CapDrop"])
            assert any("no-new-privileges" in option for option in host["SecurityOpt"]), service
            assert not host["Privileged"], service
    for service in ("coordinator", "worker"):
        script = "id -u; grep CapEff /proc/1/status; touch /x /usr/x 2>&1"
        said = stack.compose("exec", "-T", service, "sh", "-c", script, check=False).stdout
        assert said.startswith("10001\n") and "0000000000000000" in said, said
        assert said.count("Read-only file system") == 2, said
    say("user 10001, read-only root, no capabilities, no new privileges")


def check_tokens(stack):
    tokens = {}
    for kind in ("worker", "client", "viewer"):
        tokens[kind] = stack.token(kind)
        assert len(tokens[kind]) == 64
    assert len(set(tokens.values())) == len(tokens)
    # Each of the others has its own token only.
    worker = stack.compose("exec", "-T", "worker", "sh", "-c", "cat /tokens/*/token").stdout.strip()
    assert worker == tokens["worker"]
    places = {"the logs": stack.compose("logs").stdout}
    for service in ("tokens", "coordinator", "study", "worker"):
        for container in stack.containers(service, running=False):
            places[f"{service}'s environment and command"] = run("docker", "inspect", container).stdout
    places["the image's history"] = run("docker", "history", "--no-trunc", "kindling:slim").stdout
    for place, text in places.items():
        for kind, token in tokens.items():
            assert token not in text, f"the {kind} token is in {place}"
    image = subprocess.Popen(["docker", "save", "kindling:slim"], stdout=subprocess.PIPE)
    patterns = "\n".join(tokens.values())
    found = subprocess.run(["grep", "-aqF", patterns], stdin=image.stdout)
    image.stdout.close()
    image.wait()
    assert found.returncode == 1, "a token is in the image"
    say(f"no token in {', '.join(places)}, or in the image")


def check_ports(stack):
    for container in stack.containers("coordinator"):
        for bindings in inspect(container)["NetworkSettings"]["Ports"].values():
            assert all(binding["HostIp"] == "127.0.0.1" for binding in bindings or []), bindings
    for container in stack.containers("worker"):
        assert not any(inspect(container)["NetworkSettings"]["Ports"].values())
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.env['KINDLING_METRICS_PORT']}/metrics") as page:
        metrics = page.read().decode()
    for name in ("kindling_trials{", "kindling_commit_seconds_bucket", "kindling_queue_depth", "kindling_proposals_total"):
        assert name in metrics, f"{name} is not in\n{metrics}"
    say("published on loopback only; metrics answer")


def check_page(stack):
    """Who shows the clients' token or the viewers' sees the page, and nobody else does. Viewers change nothing."""

    def get(path, body=None, **headers):
        address = f"http://127.0.0.1:{stack.env['KINDLING_HTTP_PORT']}{path}"
        headers |= {"Content-Type": "application/json"} if body else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(address, body, headers)) as answer:
                return answer.status, answer.url, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, address, ""

    assert get("/api/studies")[0] == 401
    assert get("/api/studies", Authorization="Bearer no")[0] == 401
    assert "/login" in get("/")[1]
    for kind, changes in (("client", 200), ("viewer", 403), ("worker", 403)):
        shown = {"Authorization": f"Bearer {stack.token(kind)}"}
        status, _, studies = get("/api/studies", **shown)
        if kind == "worker":
            assert status == 403, status
        else:
            assert status == 200 and "first" in studies, (kind, status, studies)
        status, _, _ = get("/api/change?name=first", b'{"do": "tags", "tags": ["seen"]}', **shown)
        assert status == changes, (kind, status)
    say("the page opens to the clients' token and to the viewers', which changes nothing")


def from_first_to_last(stack):
    started = time.monotonic()
    trials = stack.wait_until_finished("first")
    check_exact("first", trials)
    shown = stack.compose("run", "--rm", "kindling", "study", "show", "first").stdout
    assert "FINISHED" in shown.upper(), shown
    say(f"`run --rm kindling study show` answers; {time.monotonic() - started:.0f} s after the start")


def busy_worker(stack, name):
    """The container that has the longest to go with its trial. A worker's name begins with its host's."""
    running = [trial for trial in stack.ask("trial", "list", name) if trial["state"] == "RUNNING"]
    freshest = min(running, key=lambda trial: len(trial["intermediate_values"]))
    return next(c for c in stack.containers("worker") if freshest["worker"].startswith(c[:12]))


def kill_worker(stack, name):
    kill(busy_worker(stack, name))


def kill_coordinator(stack, name):
    kill(stack.containers("coordinator")[0])


def cut_off_a_worker(stack, name):
    victim, network = busy_worker(stack, name), f"{PROJECT}_default"
    run("docker", "network", "disconnect", network, victim)
    say(f"a worker is cut off for {LEASE_TERM + 5} s")
    time.sleep(LEASE_TERM + 5)
    assert inspect(victim)["State"]["Running"], "it should have waited"
    run("docker", "network", "connect", network, victim)


def scale(stack, name):
    for workers in (4, 2):
        stack.compose("up", "-d", "--no-recreate", "--scale", f"worker={workers}")
        assert len(stack.containers("worker")) == workers
        say(f"{workers} workers")
        if workers == 4:
            time.sleep(3)


def stop_and_start(stack, name):
    stack.compose("stop")
    assert not stack.containers("coordinator") and not stack.containers("worker")
    stack.compose("up", "-d", "--scale", "worker=2")


FAULTS = [
    # Name, workers at the start, fault, whether it costs a lease.
    ("worker-killed", 2, kill_worker, True),
    ("coordinator-killed", 2, kill_coordinator, False),
    ("worker-cut-off", 2, cut_off_a_worker, True),
    ("scaled", 1, scale, False),
    ("stopped", 2, stop_and_start, False),
]


def check_store(stack, python):
    stack.compose("stop")
    copy = stack.folder / "store"
    stack.compose("cp", "coordinator:/data", str(copy))
    assert [file.name for file in copy.glob("*-wal")] == [], "a coordinator that stopped left its log behind"
    script = """
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute('''
    select study_name, count(distinct t.trial_id), count(v.trial_value_id), sum(t.state = 'COMPLETE')
    from studies join trials t using (study_id) left join trial_values v using (trial_id) group by 1''')
for row in rows: print(*row)
if len(sys.argv) > 2:
    import optuna
    for name in sys.argv[2:]:
        study = optuna.load_study(study_name=name, storage='sqlite:///' + sys.argv[1])
        assert len(study.trials) == len({t.number for t in study.trials})
        print(name, len(study.trials), len(study.trials), len(study.get_trials(states=[optuna.trial.TrialState.COMPLETE])))
"""
    names = ["first"] + [name for name, *_ in FAULTS]
    with_optuna = names if python else []
    said = run(python or sys.executable, "-c", script, str(copy / "study.db"), *with_optuna).stdout
    lines = [line.split() for line in said.splitlines()]
    expected = sorted([name, *[str(TRIALS)] * 3] for name in names)
    assert sorted(lines) == sorted(expected * (2 if python else 1)), said
    say(f"the store on the host: {len(names)} studies of {TRIALS} trials, one value each; {'read by Optuna, too' if python else 'Optuna not asked'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, metavar="KINDLING", help="a release build of this checkout, to put into the image")
    parser.add_argument("--optuna", metavar="PYTHON", help="a Python that has Optuna")
    parser.add_argument("--keep", action="store_true", help="leave the stack running")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as after:
        folder = Path(folder)
        folder.chmod(0o755)
        stack = Stack(folder)
        stack.compose("down", "-v", "--remove-orphans", check=False)
        if not args.keep:
            after.callback(lambda: stack.compose("down", "-v", "--remove-orphans", check=False))
        stack.write_study("first")
        check_variants()
        if args.program:
            image.build(args.program)
        else:
            say("building; the first time compiles everything")
            stack.compose("build")
        stack.compose("up", "-d", "--scale", "worker=2")
        say("up")
        check_locks(stack)
        check_tokens(stack)
        check_ports(stack)
        from_first_to_last(stack)
        check_page(stack)
        for name, workers, fault, costs_a_lease in FAULTS:
            stack.compose("up", "-d", "--no-recreate", "--scale", f"worker={workers}")
            stack.create(name)
            stack.wait_until_under_way(name)
            say(f"{name}: under way")
            fault(stack, name)
            trials = stack.wait_until_finished(name)
            check_exact(name, trials)
            assert not costs_a_lease or max(trial["attempt"] for trial in trials) > 1, f"{name} hit nobody"
        logs = stack.compose("logs").stdout
        assert "panicked" not in logs, logs
        check_store(stack, args.optuna)
    say("passed")


if __name__ == "__main__":
    main()
