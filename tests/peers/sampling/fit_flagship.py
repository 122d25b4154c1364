"""Fits the flagship study's stand-in in `problems/flagship.py` to a table of its trials, and prints it.

    python tests/peers/sampling/fit_flagship.py TRIALS.csv

The table has the columns winit_conv, winit_fc, learning_rate, gaussian_std_conv, gaussian_std_fc and accuracy."""

import csv
import math
import sys

import numpy as np

from problems.flagship import FLAGSHIP_METHODS, flagship_features

RIDGE = 0.3
"""Draws methods that few trials tried to the mean."""


def main(path: str) -> None:
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    features, accuracies = [], np.array([float(row["accuracy"]) for row in rows])
    for row in rows:
        numbers = ("learning_rate", "gaussian_std_conv", "gaussian_std_fc")
        features.append(flagship_features(row | {n: float(row[n]) for n in numbers if row[n]}))
    names = sorted(
        {name for row in features for name in row}
        | {f"{layer} {method}" for layer in ("conv", "fc") for method in FLAGSHIP_METHODS}
    )
    x = np.array([[row.get(name, 0.0) for name in names] for row in features])
    # A trial that learnt nothing counts as one that guesses.
    y = np.log(accuracies / (1 - accuracies))
    penalty = np.diag([0.0 if name == "bias" else RIDGE for name in names])
    weights = np.linalg.solve(x.T @ x + penalty, x.T @ y)
    fitted = 1 / (1 + np.exp(-x @ weights))
    top = accuracies > 0.95
    print("FLAGSHIP = {")
    for name, weight in zip(names, weights):
        print(f'    "{name}": {weight:.3f},')
    print("}")
    spread = np.std((accuracies - fitted)[top])
    print(f"correlation of logits {np.corrcoef(y, x @ weights)[0, 1]:.2f}", file=sys.stderr)
    print(f"deviation among trials above 0.95: {spread:.4f}", file=sys.stderr)


main(sys.argv[1])
