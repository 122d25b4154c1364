"""What PyTorch computes for given weights and images: outputs, losses, gradients, and the weights after ten steps.

    python parity.py FOLDER           every number, as float32 in FOLDER/<network>-<loss>-<quantity>
    python parity.py --summary        a norm and a projection of each, as in parity.csv

Weights and images come from a formula, and all arrays are in Kindling's order; the test in
worker/mnist_cnn/src/parity.rs does the same.
"""

import os
import sys

import numpy as np
import torch

from protocol import NETWORKS, Network, loss_of

STEPS = 10
LEARNING_RATE = 1e-3
# AdamW divides by the size of each gradient, so that a weight whose gradient is as good as none takes a full step on
# nothing but rounding errors, and ten steps may lead anywhere. Most batches have such weights. This one has none:
# PyTorch's own single precision agrees with its double precision to 1e-5 after ten steps, however it orders its sums.
IMAGES = 8
IMAGE_STREAM = 116


def uniform(count, stream):
    """`count` numbers from -1 to 1: the finaliser of MurmurHash3 on a counter."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) + np.uint32(stream) * np.uint32(0x9E3779B9)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return (x.astype(np.float64) / 2**31 - 1).astype(np.float32)


def load(layer, stream, weights):
    layer.weight.data = torch.from_numpy(np.ascontiguousarray(weights))
    layer.bias.data = torch.from_numpy(uniform(len(layer.bias), 50 + stream) * np.float32(0.5))


def network_of(name):
    """Kindling's weights are [inputs, outputs]; a convolution's rows go by kernel row, column and channel, the first
    fully connected layer's by pixel and channel. They are uniform in
    +-sqrt(1.5 / inputs), the biases in +-0.5."""
    network = Network(name)
    for stream, conv in enumerate(network.convs):
        inputs, outputs = conv.in_channels, conv.out_channels
        bound = np.float32(np.sqrt(1.5 / (9 * inputs)))
        weights = uniform(9 * inputs * outputs, stream) * bound
        load(conv, stream, weights.reshape(3, 3, inputs, outputs).transpose(3, 2, 0, 1))
    channels = NETWORKS[name][0][-1][1]
    for i, fc in enumerate(network.fcs):
        bound = np.float32(np.sqrt(1.5 / fc.in_features))
        weights = uniform(fc.in_features * fc.out_features, len(network.convs) + i) * bound
        if i == 0:
            weights = weights.reshape(-1, channels, fc.out_features).transpose(2, 1, 0)
        else:
            weights = weights.reshape(-1, fc.out_features).T
        load(fc, len(network.convs) + i, weights.reshape(fc.out_features, -1))
    return network


def in_our_order(network, of):
    """(name, array) of each weight and bias, or what `of` makes of it."""
    channels = network.convs[-1].out_channels
    for i, conv in enumerate(network.convs):
        yield f"conv{i}.weight", of(conv.weight).transpose(2, 3, 1, 0)
        yield f"conv{i}.bias", of(conv.bias)
    for i, fc in enumerate(network.fcs):
        weight = of(fc.weight)
        if i == 0:
            weight = weight.reshape(fc.out_features, channels, -1).transpose(2, 1, 0)
            yield f"fc{i}.weight", weight.reshape(-1, fc.out_features)
        else:
            yield f"fc{i}.weight", weight.T
        yield f"fc{i}.bias", of(fc.bias)


def quantities(name, loss):
    network = network_of(name)
    images = torch.from_numpy(uniform(IMAGES * 784, IMAGE_STREAM).reshape(IMAGES, 1, 28, 28))
    labels = torch.arange(IMAGES) * 7 % 10
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    for step in range(STEPS):
        logits = network(images)
        value = loss_of(logits, labels, loss)
        optimizer.zero_grad()
        value.backward()
        if step == 0:
            yield "logits", logits.detach().numpy().copy()
            yield "loss", value.detach().numpy().reshape(1).copy()
            for key, array in in_our_order(network, lambda p: p.grad.numpy().copy()):
                yield f"gradient of {key}", array
        optimizer.step()
    for key, array in in_our_order(network, lambda p: p.detach().numpy()):
        yield f"{key} after {STEPS} steps", array


def main():
    cases = ((name, loss) for name in NETWORKS for loss in ("softmax", "logits"))
    if sys.argv[1] == "--summary":
        print("network,loss,quantity,norm,projection")
    for name, loss in cases:
        for key, array in quantities(name, loss):
            array = np.ascontiguousarray(array, dtype=np.float32).ravel()
            if sys.argv[1] == "--summary":
                wide = array.astype(np.float64)
                projection = wide @ uniform(len(wide), 200).astype(np.float64)
                print(f"{name},{loss},{key},{np.linalg.norm(wide):.9e},{projection:.9e}")
            else:
                array.tofile(os.path.join(sys.argv[1], f"{name}-{loss}-{key}"))


if __name__ == "__main__":
    main()
