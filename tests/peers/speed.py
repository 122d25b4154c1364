"""Seconds per epoch and per validation, side by side: PyTorch, Kindling on libtorch, Kindling on flex.

    python speed.py EPOCH_TIMES [--networks common deep] [--rounds 5] [--json FILE]

EPOCH_TIMES is the built example of that name (see README.md). `pytorch-tuned` has what PyTorch offers for speed
and its users seldom switch on: channels last, the fused optimiser, small batches to validate with. (Kindling allocates with
mimalloc, too; PyTorch as it comes.) Every contender gets one thread and the same work: 2,000
images to train on, 2,000 to validate with. Each round starts every contender once, in turn; the table shows medians
over rounds, and how often PyTorch's time each took, round by round.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

EPOCHS = 3
CONTENDERS = ("pytorch", "pytorch-tuned", "kindling-libtorch", "kindling-flex")


def pytorch(network, tuned):
    import torch

    from protocol import BATCH, Network, accuracy, epoch

    torch.set_num_threads(1)
    torch.manual_seed(1)
    model = Network(network)
    images, labels = torch.rand(2000, 1, 28, 28) * 2 - 1, torch.randint(0, 10, (2000,))
    if tuned:
        model.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=tuned or None)
    part = (images, labels)
    times = {"train": [], "validation": []}
    for number in range(EPOCHS + 1):
        start = time.perf_counter()
        epoch(model, optimizer, part, BATCH[network])
        middle = time.perf_counter()
        accuracy(model, part, 128 if tuned else 1000)
        if number > 0:
            times["train"].append(middle - start)
            times["validation"].append(time.perf_counter() - middle)
    print(json.dumps(times))


def command(contender, network, program):
    if contender.startswith("pytorch"):
        return [sys.executable, __file__, "--as", contender, "--networks", network]
    device = {"kindling-libtorch": "cpu", "kindling-flex": "flex"}[contender]
    return [program, "--device", device, "--network", network, "--epochs", str(EPOCHS)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", nargs="?")
    parser.add_argument("--networks", nargs="+", default=["common", "deep"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    parser.add_argument("--as", dest="contender", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contender:
        return pytorch(args.networks[0], args.contender == "pytorch-tuned")

    rounds = {}
    for number in range(args.rounds):
        for network in args.networks:
            # Whoever goes first in one round goes later in the next.
            turn = number % len(CONTENDERS)
            for contender in CONTENDERS[turn:] + CONTENDERS[:turn]:
                output = subprocess.run(
                    command(contender, network, args.program), check=True, capture_output=True, text=True
                )
                for what, times in json.loads(output.stdout).items():
                    rounds.setdefault((network, what, contender), []).append(statistics.median(times))
                print(f"round {number + 1}: {network}, {contender}", file=sys.stderr)
    table = []
    print("| network | per 2,000 images | contender | seconds, median (range) | PyTorch's time / its own, median (range) |")
    print("|---|---|---|---|---|")
    for (network, what, contender), times in sorted(rounds.items(), key=lambda kv: (kv[0][0], kv[0][1] != "train")):
        ratios = [theirs / ours for theirs, ours in zip(rounds[network, what, "pytorch"], times)]
        row = {
            "network": network, "what": what, "contender": contender,
            "seconds": statistics.median(times), "ratio": statistics.median(ratios),
        }
        table.append(row)
        print(
            f"| {network} | {what} | {contender} | {row['seconds']:.3f} ({min(times):.3f} to {max(times):.3f}) "
            f"| {row['ratio']:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
        )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(table, file, indent=1)


if __name__ == "__main__":
    main()
