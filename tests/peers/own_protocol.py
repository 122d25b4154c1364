"""Own code computes what it computes alone: the protocol of protocol.py through coordinator and workers, and by itself.

    python own_protocol.py KINDLING PYTHON MNIST [--trials 4] [--epochs 2]

Three ways to the same trials, under the same seeds: a command, a Python function (both with two workers), and protocol.py called here. The
accuracies must be equal bit for bit. Then pruning: a study of `mnist_cnn` with a pruner, and a Python function that reports the very
curves which that study recorded; states and numbers of steps must be the same.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent / "own"
SPACE = """
[space.winit_conv]
type = "categorical"
choices = ["gaussian", "xavier_uniform", "he_normal"]

[space.winit_fc]
type = "categorical"
choices = ["xavier_normal", "he_uniform"]

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
"""


def run(args, folder, name, head, objective, *more):
    file = folder / f"{name}.toml"
    file.write_text(f'name = "{name}"\n{head}\n[objective]\n{objective}\n{SPACE}')
    store = folder / f"{name}.db"
    env = os.environ | {"MNIST": args.mnist, "EPOCHS": str(args.epochs), "CURVES": str(folder / "curves.json"), "OMP_NUM_THREADS": "1"}
    env["PYTHONPATH"] = os.pathsep.join([str(HERE), str(HERE.parent), env.get("PYTHONPATH", "")])
    done = subprocess.run(
        [args.kindling, "run", file, "--store", store, *more], env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    listed = subprocess.run(
        [args.kindling, "trial", "list", name, "--store", store, "--json"], capture_output=True, text=True, check=True
    )
    found = json.loads(listed.stdout)
    return found["trials"] if isinstance(found, dict) else found


def equal(args, folder):
    head = f'direction = "maximize"\ntrials = {args.trials}\nseed = 11\n[sampler]\nkind = "random"\n'
    words = [args.python, str(HERE / "train.py"), "${args_json_file}", "${seed}"]
    two = ("--workers", "2", "--slots", "1")
    command = run(args, folder, "as-command", head, f'kind = "command"\ncommand = {json.dumps(words)}\nmetric = "accuracy"', *two)
    function = run(args, folder, "as-function", head, f'kind = "python"\nfunction = "train:objective"\ninterpreter = "{args.python}"', *two)
    assert len(command) == len(function) == args.trials
    for one, other in zip(command, function):
        assert one["params"] == other["params"], (one, other)
        env = os.environ | {"MNIST": args.mnist, "EPOCHS": str(args.epochs), "OMP_NUM_THREADS": "1"}
        seed = str(other["attributes"]["seed"])
        alone = subprocess.run(
            [args.python, HERE / "train.py", json.dumps(one["params"]), seed], env=env, capture_output=True, text=True, check=True
        )
        alone = float(alone.stdout.splitlines()[-1].removeprefix("accuracy="))
        assert one["values"] == other["values"] == [alone], (one["values"], other["values"], alone)
        print(f"trial {one['number']}: {alone!r} alone, as a command and as a function")


def pruned(args, folder):
    head = (
        f'direction = "maximize"\ntrials = {6 * args.trials}\nseed = 5\n[sampler]\nkind = "random"\n'
        '[pruner]\nkind = "median"\nstartup_trials = 3\nwarmup_steps = 1\n'
    )
    mnist_cnn = 'kind = "mnist_cnn"\ndata = "digits"\ntrain = 200\nepoch_validation = 100\ntrial_validation = 100\ntest = 100\nmax_epochs = 6\n'
    one = ("--workers", "1", "--slots", "1")
    ours = run(args, folder, "ours", head, mnist_cnn, "--device", "flex", *one)
    curves = [[(point["step"], point["value"]) for point in trial["intermediate_values"]] for trial in ours]
    values = [trial["values"] for trial in ours]
    (folder / "curves.json").write_text(json.dumps({"curves": curves, "values": values}))
    theirs = run(args, folder, "theirs", head, f'kind = "python"\nfunction = "train:replay"\ninterpreter = "{args.python}"', *one)

    def told(trials):
        return [(trial["state"], len(trial["intermediate_values"])) for trial in trials]

    assert told(ours) == told(theirs), (told(ours), told(theirs))
    states = [state for state, _ in told(ours)]
    assert len(set(states)) > 1, "nothing was pruned, so nothing was compared"
    print(f"pruning: {states.count('PRUNED')} of {len(states)} trials pruned, at the same steps")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kindling")
    parser.add_argument("python")
    parser.add_argument("mnist")
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        equal(args, pathlib.Path(folder))
        pruned(args, pathlib.Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
