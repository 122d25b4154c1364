"""The studies that the comparisons run: the flagship's own files, changed so that every contender does the same work.

    python studies.py NETWORK TRIALS EPOCHS > study.toml
"""

import json
import pathlib
import re
import sys
import tomllib

STUDIES = pathlib.Path(__file__).resolve().parents[2] / "studies"
FILES = {"common": "weight-init.toml", "deep": "weight-init-deep.toml"}


# What any of these files asks for; whatever else one can ask for would be work that the others don't do.
KNOWN = {"name", "direction", "trials", "seed", "max_attempts", "sampler", "pruner", "objective", "space"}


def equal_work(network, trials, epochs):
    """The text of a study file: `trials` trials, sampled at random, each of just `epochs` epochs, and nothing after them."""
    lines = {"patience": epochs, "max_epochs": epochs}
    return changed(network, lines, trials=trials, sampler={"kind": "random"}, pruner={"kind": "none"})


def search(network, trials, seed, sampler, pruner, epochs=None):
    """The text of a study file: the flagship with this sampler and this pruner, and nothing after its trials.

    `epochs`: at most so many for each trial; as many as the flagship's otherwise.
    """
    lines = {"max_epochs": epochs} if epochs else {}
    return changed(network, lines, trials=trials, seed=seed, sampler={"kind": sampler}, pruner=pruner)


def effort(network, epochs=None):
    """A trial's patience and its epochs at most, by the same file."""
    objective = tomllib.loads((STUDIES / FILES[network]).read_text())["objective"]
    return objective["patience"], epochs or objective.get("max_epochs", 200)


def changed(network, settings, **keys):
    """The flagship's file with these settings of its objective and these keys, without `[confirm]`."""
    text = (STUDIES / FILES[network]).read_text()
    original = tomllib.loads(text)
    objective = original["objective"] | settings
    for pattern, line in [
        *((f"^{key} = .*$", f"{key} = {keys[key]}") for key in ("trials", "seed") if key in keys),
        (r'^kind = "tpe".*$', table(keys["sampler"])),
        (r'^kind = "none".*$', table(keys["pruner"])),
        (r"^(startup_trials|candidates) = .*$", ""),
        (r"^patience = .*$", table({key: objective[key] for key in ("patience", "max_epochs") if key in objective})),
        (r"^\[confirm\]\n(?s:.*?)(?=^\[|\Z)", ""),
    ]:
        text = re.sub(f"(?m){pattern}", line, text)
    expected = original | keys | {"objective": objective}
    expected.pop("confirm", None)
    assert tomllib.loads(text) == expected, "the study file has changed: look at what this script makes of it"
    assert set(expected) <= KNOWN, f"does this add work? {set(expected) - KNOWN}"
    return text


def table(options):
    return "\n".join(f"{key} = {json.dumps(value)}" for key, value in options.items())


if __name__ == "__main__":
    network, trials, epochs = sys.argv[1:]
    print(equal_work(network, int(trials), int(epochs)), end="")
