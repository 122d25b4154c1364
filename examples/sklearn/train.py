"""A script that knows nothing of Kindling: it takes its values as arguments and prints how it is doing.

    python train.py --learning_rate=0.001 --alpha=0.0001 --penalty=l2
"""

import argparse

import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--learning_rate", type=float, default=1e-3)
parser.add_argument("--alpha", type=float, default=1e-4)
parser.add_argument("--penalty", choices=["l2", "l1", "elasticnet"], default="l2")
parser.add_argument("--l1_ratio", type=float, default=0.15)
parser.add_argument("--epochs", type=int, default=10)
options = parser.parse_args()

images, labels = load_digits(return_X_y=True)
train_images, test_images, train_labels, test_labels = train_test_split(images, labels, test_size=0.3, random_state=0)
scaler = StandardScaler().fit(train_images)
train_images, test_images = scaler.transform(train_images), scaler.transform(test_images)

model = SGDClassifier(
    learning_rate="constant",
    eta0=options.learning_rate,
    alpha=options.alpha,
    penalty=options.penalty,
    l1_ratio=options.l1_ratio,
    random_state=0,
)
for epoch in range(options.epochs):
    model.partial_fit(train_images, train_labels, classes=numpy.unique(labels))
    print(f"epoch={epoch} accuracy={model.score(test_images, test_labels):.4f}", flush=True)
