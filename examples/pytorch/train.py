"""A small convolutional network on digits that are drawn here. A script that also runs alone, and a function to tune.

    python train.py                   # alone: defaults, and a line for each epoch
    kindling run script.toml          # tuned, with a process for each trial
    kindling run function.toml        # tuned, in processes that stay: PyTorch is imported once, not in each trial
"""

import kindling
import torch
from torch import nn
from torch.nn import functional

from digits import CLASSES, draw

DEFAULTS = {"learning_rate": 3e-3, "channels": 8, "dropout": 0.1, "optimizer": "adam", "momentum": 0.9}
EPOCHS = 6

torch.set_num_threads(1)  # trials run beside each other: a core for each is better than all cores for one


def objective(trial):
    images, labels = (part.to(trial.device) for part in draw(2_000, seed=1))
    test_images, test_labels = (part.to(trial.device) for part in draw(500, seed=2))

    torch.manual_seed(trial.seed)
    model = network(trial.params).to(trial.device)
    optimizer = optimizer_of(trial.params, model.parameters())
    accuracy = 0.0
    for epoch in range(EPOCHS):
        model.train()
        for batch in torch.randperm(len(images)).split(50):
            optimizer.zero_grad()
            functional.cross_entropy(model(images[batch]), labels[batch]).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            accuracy = (model(test_images).argmax(1) == test_labels).float().mean().item()
        trial.report(accuracy, step=epoch)  # raises TrialPruned if there is no hope
    trial.set_user_attr("weights", sum(p.numel() for p in model.parameters()))
    return accuracy


def network(params):
    channels = params["channels"]
    return nn.Sequential(
        nn.Conv2d(1, channels, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),  # wherever in the image the digit is
        nn.Flatten(),
        nn.Dropout(params["dropout"]),
        nn.Linear(2 * channels, CLASSES),
    )


def optimizer_of(params, weights):
    if params["optimizer"] == "adam":
        return torch.optim.Adam(weights, lr=params["learning_rate"])
    return torch.optim.SGD(weights, lr=params["learning_rate"], momentum=params["momentum"])


if __name__ == "__main__":
    trial = kindling.current_trial(defaults=DEFAULTS)
    trial.complete(objective(trial))
