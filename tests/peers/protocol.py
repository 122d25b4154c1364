"""The experiment of studies/README.md as one would write it in PyTorch."""

import gzip
import os
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

# (channels in, channels out, padding, max-pooling after it), and the widths of the fully connected layers.
NETWORKS = {
    "common": ([(1, 32, 1, True), (32, 64, 0, True), (64, 64, 0, False)], [1024, 64, 10]),
    "deep": (
        [(1, 32, 1, True), (32, 64, 0, False), (64, 96, 1, True), (96, 128, 0, False), (128, 128, 1, False)],
        [2048, 1024, 256, 64, 10],
    ),
}
BATCH = {"common": 64, "deep": 32}


class Network(nn.Module):
    def __init__(self, name):
        super().__init__()
        convs, widths = NETWORKS[name]
        self.convs = nn.ModuleList(nn.Conv2d(i, o, 3, padding=p) for i, o, p, _ in convs)
        self.pools = [pool for *_, pool in convs]
        self.fcs = nn.ModuleList(nn.Linear(i, o) for i, o in zip(widths, widths[1:]))

    def forward(self, x):
        for conv, pool in zip(self.convs, self.pools):
            x = F.relu(conv(x))
            if pool:
                x = F.max_pool2d(x, 2)
        x = x.flatten(1)
        for fc in self.fcs[:-1]:
            x = torch.sigmoid(fc(x))
        return self.fcs[-1](x)


def initialise(layers, method, std=None):
    """One of the experiment's methods; biases are 0."""
    for layer in layers:
        weight = layer.weight
        nn.init.zeros_(layer.bias)
        match method:
            case "const_zero":
                nn.init.zeros_(weight)
            case "const_0.5":
                nn.init.constant_(weight, 0.5)
            case "gaussian":
                nn.init.normal_(weight, 0.0, std)
            case "xavier_uniform":
                nn.init.xavier_uniform_(weight)
            case "xavier_normal":
                nn.init.xavier_normal_(weight)
            case "he_uniform":
                nn.init.kaiming_uniform_(weight, nonlinearity="relu")
            case "he_normal":
                nn.init.kaiming_normal_(weight, nonlinearity="relu")
            case _:
                raise ValueError(method)


def loss_of(logits, labels, kind="softmax"):
    """`softmax`: the cross-entropy of the softmax, taken for logits, as in the published run."""
    return F.cross_entropy(F.softmax(logits, 1) if kind == "softmax" else logits, labels)


def mnist(folder):
    """((60,000 images, labels), (10,000 images, labels)), the pixels from -1 to 1."""

    def read(name):
        for path in (os.path.join(folder, name + ".gz"), os.path.join(folder, name)):
            if os.path.exists(path):
                with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
                    content = file.read()
                rank = content[3]
                shape = struct.unpack(f">{rank}I", content[4 : 4 + 4 * rank])
                return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)
        raise FileNotFoundError(os.path.join(folder, name))

    def images(name):
        pixels = torch.from_numpy(read(name).astype(np.float32))
        return ((pixels / 255 - 0.5) / 0.5).unsqueeze(1)

    def labels(name):
        return torch.from_numpy(read(name).astype(np.int64))

    return tuple(
        (images(f"{part}-images-idx3-ubyte"), labels(f"{part}-labels-idx1-ubyte")) for part in ("train", "t10k")
    )


def split(data, seed):
    """2,000 to train on, 2,000 and 5,000 to validate with, of 60,000; and the 10,000 to test with."""
    (images, labels), test = data
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    cuts = (order[:2000], order[2000:4000], order[4000:9000])
    return [(images[i], labels[i]) for i in cuts] + [test]


@torch.no_grad()
def accuracy(network, part, batch=1000):
    images, labels = part
    right = torch.zeros((), dtype=torch.long, device=images.device)
    for start in range(0, len(images), batch):
        guesses = network(images[start : start + batch]).argmax(1)
        right += (guesses == labels[start : start + batch]).sum()
    return right.item() / len(images)


def epoch(network, optimizer, part, batch, loss="softmax"):
    """One pass over the training images in a new order. Gives the mean loss."""
    images, labels = part
    order = torch.randperm(len(images), device=images.device)
    total = torch.zeros((), device=images.device)
    for start in range(0, len(images), batch):
        rows = order[start : start + batch]
        optimizer.zero_grad()
        value = loss_of(network(images[rows]), labels[rows], loss)
        value.backward()
        optimizer.step()
        total += value.detach() * len(rows)
    return total.item() / len(images)


def trial(parts, name, params, seed, max_epochs=200, patience=5, device="cpu", tuned=False):
    """One trial. `tuned`: with what PyTorch offers for speed, and its users seldom switch on."""
    torch.manual_seed(seed)
    train, epoch_validation, trial_validation, test = parts
    network = Network(name)
    initialise(network.convs, params["winit_conv"], params.get("gaussian_std_conv"))
    initialise(network.fcs, params["winit_fc"], params.get("gaussian_std_fc"))
    network.to(device)
    if tuned:
        network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=params["learning_rate"], fused=tuned or None)
    best, best_epoch, kept = -1.0, -1, None
    batch = 128 if tuned else 1000
    for number in range(max_epochs):
        epoch(network, optimizer, train, BATCH[name])
        reached = accuracy(network, epoch_validation, batch)
        if reached > best:
            best, best_epoch = reached, number
            kept = {key: value.clone() for key, value in network.state_dict().items()}
        elif number - best_epoch >= patience:
            break
    network.load_state_dict(kept)
    return {
        "value": accuracy(network, trial_validation, batch),
        "test_accuracy": accuracy(network, test, batch),
        "epochs": number,
    }
