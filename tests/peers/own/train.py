"""protocol.py as a command and as a function, for own_protocol.py."""

import json
import os
import pathlib
import sys

import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import protocol

torch.set_num_threads(1)
DATA = protocol.split(protocol.mnist(os.environ["MNIST"]), 1) if "MNIST" in os.environ else None


def train(params, seed):
    return protocol.trial(DATA, "common", params, seed % 2**63, max_epochs=int(os.environ["EPOCHS"]))["value"]


def objective(trial):
    trial.set_user_attr("seed", trial.seed)
    return train(trial.params, trial.seed)


def replay(trial):
    told = json.loads(pathlib.Path(os.environ["CURVES"]).read_text())
    for step, value in told["curves"][trial.number]:
        trial.report(value, step)
    return told["values"][trial.number][0]


if __name__ == "__main__":
    given = pathlib.Path(sys.argv[1])
    params = json.loads(sys.argv[1] if sys.argv[1].startswith("{") else given.read_text())
    print(f"accuracy={train(params, int(sys.argv[2]))!r}")
