"""The studies that the comparisons run: the flagship's own files, changed so that every contender does the same work.

    python studies.py NETWORK TRIALS EPOCHS > study.toml
"""

import pathlib
import re
import sys
import tomllib

STUDIES = pathlib.Path(__file__).resolve().parents[2] / "studies"
FILES = {"common": "weight-init.toml", "deep": "weight-init-deep.toml"}


def equal_work(network, trials, epochs):
    """The text of a study file: `trials` trials, sampled at random, each of just `epochs` epochs, and nothing after them."""
    text = (STUDIES / FILES[network]).read_text()
    original = tomllib.loads(text)
    for pattern, line in [
        (r"^trials = .*$", f"trials = {trials}"),
        (r'^kind = "tpe".*$', 'kind = "random"'),
        (r"^(startup_trials|candidates) = .*$", ""),
        (r"^patience = .*$", f"patience = {epochs}\nmax_epochs = {epochs}"),
        (r"^\[confirm\]\n(?s:.*?)(?=^\[|\Z)", ""),
    ]:
        text = re.sub(f"(?m){pattern}", line, text)
    # Whatever else a study file can ask for would be work that the others don't do.
    expected = original | {
        "trials": trials,
        "sampler": {"kind": "random"},
        "pruner": {"kind": "none"},
        "objective": original["objective"] | {"patience": epochs, "max_epochs": epochs},
    }
    expected.pop("confirm", None)
    known = {"name", "direction", "trials", "seed", "max_attempts", "sampler", "pruner", "objective", "space"}
    assert tomllib.loads(text) == expected, "the study file has changed: look at what this script makes of it"
    assert set(expected) <= known, f"does this add work? {set(expected) - known}"
    return text


if __name__ == "__main__":
    network, trials, epochs = sys.argv[1:]
    print(equal_work(network, int(trials), int(epochs)), end="")
