"""Two goals and a limit: many handwritten digits right, little arithmetic for each, and no more weights than fit.

    python train.py --width=32 --layers=1 --learning_rate=0.003

It knows nothing of Kindling. It prints `accuracy`, `kiloflops` and `weights_over`, each by the name that the study has for it.
"""

import argparse
import warnings

from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

MOST_WEIGHTS = 8_000

parser = argparse.ArgumentParser()
parser.add_argument("--width", type=int, default=32)
parser.add_argument("--layers", type=int, default=1)
parser.add_argument("--learning_rate", type=float, default=3e-3)
parser.add_argument("--epochs", type=int, default=8)
options = parser.parse_args()

warnings.simplefilter("ignore", ConvergenceWarning)  # each epoch is one call
images, labels = load_digits(return_X_y=True)
train_images, test_images, train_labels, test_labels = train_test_split(
    images / 16, labels, test_size=0.3, random_state=0
)
model = MLPClassifier(
    hidden_layer_sizes=[options.width] * options.layers,
    learning_rate_init=options.learning_rate,
    max_iter=1,
    warm_start=True,
    random_state=0,
)
for epoch in range(options.epochs):
    model.fit(train_images, train_labels)
    weights = sum(layer.size for layer in model.coefs_)
    # A multiplication and an addition for each weight, for each image.
    print(f"epoch={epoch} accuracy={model.score(test_images, test_labels):.4f} kiloflops={2 * weights / 1000}", flush=True)

# Feasible at or below 0.
print(f"weights_over={weights - MOST_WEIGHTS}")
