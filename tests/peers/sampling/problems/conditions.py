"""Conditions two levels deep, and regions of them where trials fail."""

import math

from .space import Param, Problem, Values


def branches(v: Values) -> float:
    """Three ways to learn. The best is set by five parameters, the next by two."""
    if v["way"] == "kernel":
        loss = 0.05 + 0.02 * (math.log10(v["cost"]) - 0.7) ** 2
        if v["kernel"] == "rbf":
            return loss + 0.03 * (math.log10(v["gamma"]) + 1.4) ** 2
        return loss + 0.02 + 0.01 * (v["degree"] - 3) ** 2
    if v["way"] == "tree":
        return 0.09 + 0.003 * (v["depth"] - 7) ** 2 + 0.1 * (v["share"] - 0.55) ** 2
    loss = 0.02 * (math.log2(v["width"]) - 7) ** 2
    if v["by"] == "momentum":
        return loss + 0.03 + 0.05 * (math.log10(v["rate"]) + 1.3) ** 2 + 0.2 * (v["momentum"] - 0.9) ** 2
    rate, decay = math.log10(v["rate"]) + 2.8, math.log10(v["decay"]) + 3.5
    return loss + 0.06 * rate**2 + 0.02 * (decay + rate) ** 2


BRANCHES = [
    Param("way", choices=("kernel", "tree", "network")),
    Param("kernel", choices=("rbf", "polynomial"), when=("way", ("kernel",))),
    Param("cost", 1e-3, 1e3, log=True, when=("way", ("kernel",))),
    Param("gamma", 1e-4, 1e1, log=True, when=("kernel", ("rbf",))),
    Param("degree", 2, 6, when=("kernel", ("polynomial",))),
    Param("depth", 1, 16, when=("way", ("tree",))),
    Param("share", 0.1, 1.0, when=("way", ("tree",))),
    Param("width", 8, 1024, log=True, when=("way", ("network",))),
    Param("by", choices=("momentum", "adam"), when=("way", ("network",))),
    Param("rate", 1e-5, 1e0, log=True, when=("way", ("network",))),
    Param("momentum", 0.0, 0.99, when=("by", ("momentum",))),
    Param("decay", 1e-6, 1e-1, log=True, when=("by", ("adam",))),
]

BLOCKS = ("1", "2", "3", "4", "5")


def network(v: Values) -> float:
    """A network whose blocks are each plain or normalised, and whose rate falls in one of three ways."""
    blocks = int(v["blocks"])
    loss = 0.04 * (blocks - 4) ** 2 + 0.15 * (math.log10(v["rate"]) + 1.5 + 0.25 * blocks) ** 2
    for i in range(blocks):
        loss += 0.03 * (math.log2(v[f"units{i}"]) - 5 - 0.5 * i) ** 2
        loss += 0.0 if v[f"norm{i}"] == ("batch" if i % 2 == 0 else "none") else 0.08
    if v["schedule"] == "steps":
        return loss + 0.05 + 0.02 * (v["drops"] - 3) ** 2 + 0.3 * (v["factor"] - 0.3) ** 2
    return loss + (0.2 * (v["warm"] - 0.1) ** 2 if v["schedule"] == "cosine" else 0.25)


NETWORK = (
    [Param("blocks", choices=BLOCKS), Param("rate", 1e-5, 1e0, log=True)]
    + [
        param
        for i in range(5)
        for when in [("blocks", BLOCKS[i:])]
        for param in (
            Param(f"units{i}", 4, 512, log=True, when=when),
            Param(f"norm{i}", choices=("none", "batch", "layer"), when=when),
        )
    ]
    + [
        Param("schedule", choices=("constant", "steps", "cosine")),
        Param("drops", 1, 8, when=("schedule", ("steps",))),
        Param("factor", 0.05, 0.95, step=0.05, when=("schedule", ("steps",))),
        Param("warm", 0.0, 0.5, when=("schedule", ("cosine",))),
    ]
)


def diverges(v: Values) -> bool:
    """Too fast for its depth, or too large for the memory."""
    blocks = int(v["blocks"])
    units = [v[f"units{i}"] for i in range(blocks)]
    return math.log10(v["rate"]) > -1.2 - 0.2 * blocks or sum(a * b for a, b in zip(units, units[1:])) > 40_000


PROBLEMS = [Problem("branches", BRANCHES, branches, 0.0)]
HELD_OUT = [
    Problem("network", NETWORK, network, 0.0),
    Problem("failing-network", NETWORK, network, 0.0, fails=diverges, accidents=0.05),
]
