"""The flagship's trials under kills: each ends with the very weights that it would have had undisturbed.

    python3 deploy/test/kills.py KINDLING DATA [--device cpu] [--trials 12] [--kills 10] [--image kindling:slim]

Runs some trials of `studies/weight-init.toml` on MNIST (its folder is DATA) twice: undisturbed, and while workers die. Every third death is
`kill -9`, every third a SIGTERM, and every third, with `--image`, `docker stop` of a worker in a container. The sampler is one that learns
nothing, so that who trains which trial when changes no proposal.

What each trial came to must be the same: parameters, curve, values, the SHA-256 of the weights. How many epochs were trained more than once
is counted in the trials' own output, which has a line for each epoch of each attempt.
"""

import argparse
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "weight-init"
GRACE = 5
LEASE_TERM = 5


def main():
    args = arguments()
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder, "study.toml")
        study.write_text(flagship(args.trials))
        undisturbed, _, seconds = train(args, study, Path(folder, "undisturbed.db"))
        print(f"undisturbed: {len(undisturbed)} trials in {seconds:.0f} s", flush=True)
        killed, attempts, seconds = train(args, study, Path(folder, "killed.db"), args.kills, seconds)
        print(f"with {args.kills} kills: {len(killed)} trials in {seconds:.0f} s", flush=True)
    different = [number for number in undisturbed if undisturbed[number] != killed.get(number)]
    assert not different, f"trials {different} came to something else"
    print(f"all {len(killed)} weights have the SHA-256 that they had undisturbed, and all curves are the same")
    count(attempts)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kindling", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--device", default="flex")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--image", help="of a worker in a container, for a device that the image has")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    args = parser.parse_args()
    print(f"--seed {args.seed}", flush=True)
    return args


def flagship(trials):
    text = (ROOT / "studies/weight-init.toml").read_text()
    text = re.sub(r"(?m)^trials = \d+$", f"trials = {trials}", text)
    text = re.sub(r"(?ms)^\[sampler\]\n.*?\n\n", '[sampler]\nkind = "random"\n\n', text)
    text = re.sub(r"(?ms)^\[confirm\]\n.*?\n\n", "", text)
    return text


def train(args, study, store, kills=0, undisturbed=0.0):
    """What each trial came to, the epochs and resumptions of its attempts, and how long all took."""
    began = time.monotonic()
    with Cluster(args, store) as cluster:
        cluster.ask("study", "create", str(study))
        for place in cluster.places:
            cluster.start(place)
        chance = random.Random(args.seed)
        # Spread over the first two thirds of the time that it took undisturbed; at its end there is nothing left to kill.
        between = max(8.0, undisturbed * 2 / 3 / max(kills, 1))
        for kill in range(kills):
            time.sleep(between * chance.uniform(0.5, 1.5))
            if cluster.finished():
                raise SystemExit(f"only {kill} kills came before the end: take more --trials")
            cluster.kill(kill)
        while not cluster.finished():
            time.sleep(1)
        trials = cluster.ask("trial", "list", NAME)
        outcomes = {trial["number"]: outcome(trial) for trial in trials}
        return outcomes, {trial["number"]: cluster.epochs(trial) for trial in trials}, time.monotonic() - began


def outcome(trial):
    weights = trial["attributes"].get("weights_sha256")
    # A trial whose loss became infinite has none; it must fail in the same way.
    assert weights or trial["state"] == "FAIL", trial
    return [trial["state"], trial["params"], trial["values"], trial["intermediate_values"], weights]


def count(attempts):
    """Prints how many epochs were trained again, and the most for one lost attempt."""
    again, most, resumed, lost = 0, 0, 0, 0
    for _, epochs in attempts.values():
        trained = [epoch for attempt in epochs for epoch in attempt]
        again += len(trained) - len(set(trained))
        for before, after in zip(epochs, epochs[1:], strict=False):
            lost += 1
            # An attempt that ended before its first epoch trained nothing that could be trained again.
            if before and after:
                most = max(most, before[-1] - after[0] + 1)
                resumed += after[0] > 0
    print(f"{lost} attempts ended early, {resumed} went on from a checkpoint")
    print(f"epochs trained again: {again} of {sum(len(set(e for a in x for e in a)) for _, x in attempts.values())}, at most {most} after one end")


class Cluster:
    """A coordinator with two workers, of which the second is a container if there is an image."""

    places = (0, 1)

    def __init__(self, args, store):
        self.args, self.store, self.workers, self.containers = args, store, {}, 0

    def __enter__(self):
        command = [self.args.kindling, "coordinator", "--store", self.store, "--listen", "127.0.0.1:0", "--lease-term", str(LEASE_TERM)]
        self.log = self.store.with_suffix(".log").open("w+")
        self.coordinator = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        for _ in range(100):
            if found := re.search(r"listening on (http://[\d.:]+)", Path(self.log.name).read_text()):
                self.address = found[1]
                return self
            time.sleep(0.1)
        raise AssertionError(Path(self.log.name).read_text())

    def __exit__(self, *_):
        for worker in [*self.workers.values(), self.coordinator]:
            with contextlib.suppress(ProcessLookupError):
                worker.kill()
            worker.wait()
        if self.args.image:
            subprocess.run(["docker", "rm", "-f", self.container()], capture_output=True)

    def ask(self, *command):
        environment = os.environ | {"KINDLING_COORDINATOR": self.address}
        done = subprocess.run([self.args.kindling, *command, "--json"], env=environment, check=True, capture_output=True, text=True)
        lines = done.stdout.strip()
        return json.loads(lines) if lines.startswith(("[", "{")) and "\n{" not in lines else [json.loads(line) for line in lines.splitlines()]

    def finished(self):
        return self.ask("study", "show", NAME)["state"] == "FINISHED"

    def container(self):
        return f"kindling-kills-{os.getpid()}-{self.containers}"

    def start(self, place):
        worker = ["worker", "--coordinator", self.address, "--id", f"w{place}", "--grace", str(GRACE)]
        if place == 1 and self.args.image:
            self.containers += 1
            data = ["-v", f"{self.args.data.resolve()}:/mnist:ro", "-e", "KINDLING_DATA_DIR=/mnist"]
            command = ["docker", "run", "--rm", "--name", self.container(), "--network", "host", *data, self.args.image, *worker]
            self.workers[place] = subprocess.Popen(command, stdout=self.log, stderr=self.log)
            return
        environment = os.environ | {"KINDLING_DATA_DIR": str(self.args.data)}
        command = [self.args.kindling, *worker, "--device", self.args.device]
        self.workers[place] = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)

    def kill(self, kill):
        way = ("kill -9", "SIGTERM", "docker stop" if self.args.image else "SIGTERM")[kill % 3]
        place = 1 if way == "docker stop" else 0
        print(f"kill {kill + 1}: {way} of w{place}", flush=True)
        worker = self.workers[place]
        if way == "docker stop":
            subprocess.run(["docker", "stop", "--time", "10", self.container()], check=True, capture_output=True)
        else:
            worker.send_signal(signal.SIGKILL if way == "kill -9" else signal.SIGTERM)
        worker.wait()
        self.start(place)

    def epochs(self, trial):
        """The trial's attempts, and which epochs each trained, by its output."""
        by_attempt = {attempt["attempt"]: [] for attempt in trial["attempts"]}
        for line in self.ask("trial", "logs", NAME, str(trial["number"])):
            if found := re.search(r"\bepoch (\d+)\b", line["text"]):
                by_attempt.setdefault(line["attempt"], []).append(int(found[1]))
        return trial["attempts"], [by_attempt[attempt] for attempt in sorted(by_attempt)]


if __name__ == "__main__":
    main()
