"""20 and 40 dimensions."""

import math
import random

from .continuous import LEAST_HARTMANN6, ackley, hartmann6, levy, offset, rosenbrock
from .few_valued import turn
from .space import Param, Problem, Values, axes, floats

ACTIVE = (3, 11, 17, 22, 29, 36)


def few_active(v: Values) -> float:
    """Six of forty matter."""
    return hartmann6({f"x{i}": v[f"x{a}"] for i, a in enumerate(ACTIVE)})


OTHERS = (5, 18, 26, 33)


def levy4_of_40(v: Values) -> float:
    """Four of forty matter, and the rest a little."""
    rest = sum((v[f"x{i}"] / 10 - 0.3) ** 2 for i in range(40) if i not in OTHERS)
    return levy({f"x{i}": v[f"x{a}"] for i, a in enumerate(OTHERS)}) + 0.01 * rest


SIZES = (2, 3, 4, 5, 6, 8, 10, 12, 14, 16)
MIXED = (
    [Param(f"f{i}", 0.0, 1.0) for i in range(20)]
    + [Param(f"i{i}", 0, size - 1) for i, size in enumerate(SIZES)]
    + [Param(f"c{i}", choices=tuple("abcde"[: 3 + i % 3])) for i in range(10)]
)


def mixed40(v: Values) -> float:
    """Parameters of falling importance; half of the floats' goals depend on the choices."""
    loss = 0.0
    for i in range(10):
        shift = 0.1 * (ord(v[f"c{i}"]) - ord("a"))
        loss += (v[f"f{i}"] - 0.2 - 0.05 * i) ** 2 / (1 + 0.3 * i) + (v[f"f{i + 10}"] - 0.3 - shift) ** 2 / (2 + i)
        loss += (0.0 if v[f"c{i}"] == "bacab"[i % 5] else 0.2) / (1 + 0.5 * i)
        loss += ((v[f"i{i}"] - (SIZES[i] * 2) // 3) / (SIZES[i] - 1)) ** 2 / (1 + 0.3 * i)
    return loss


ELLIPSOID = turn("ellipsoid20", 20)


def ellipsoid20(v: Values) -> float:
    """Turned, and a thousand times as steep in one direction as in another."""
    x = [v[f"x{i}"] - offset(i, 5) for i in range(20)]
    return sum(1000 ** (i / 19) * sum(r * a for r, a in zip(row, x)) ** 2 for i, row in enumerate(ELLIPSOID))


DRAWN = random.Random("features40")
WORTH = [DRAWN.expovariate(1.0) for _ in range(30)]
USEFUL = [DRAWN.random() < 0.4 for _ in range(30)]
FEATURES = [Param(f"use{i}", choices=("no", "yes")) for i in range(30)] + floats([f"f{i}" for i in range(10)], 0.0, 1.0)


def features40(v: Values) -> float:
    """Which of thirty features to use: some are worth it, a wrong neighbour makes it worse. And ten numbers."""
    wrong = [(v[f"use{i}"] == "yes") != USEFUL[i] for i in range(30)]
    loss = sum(w for w, is_wrong in zip(WORTH, wrong) if is_wrong) / 10
    loss += sum(0.1 for a, b in zip(wrong, wrong[1:]) if a and b)
    return loss + sum((v[f"f{i}"] - 0.5 - 0.3 * math.sin(i + 1)) ** 2 for i in range(10))


PROBLEMS = [
    Problem("ackley20", floats(axes(20), -32.768, 32.768), ackley(20), 0.0),
    Problem("rosenbrock20", floats(axes(20), -5.0, 10.0), rosenbrock, 0.0),
    Problem("hartmann6-of-40", floats(axes(40), 0.0, 1.0), few_active, LEAST_HARTMANN6),
    Problem("mixed40", MIXED, mixed40, 0.0),
]
HELD_OUT = [
    Problem("levy20", floats(axes(20), -10.0, 10.0), levy, 0.0),
    Problem("ellipsoid20", floats(axes(20), -5.0, 5.0), ellipsoid20, 0.0),
    Problem("levy4-of-40", floats(axes(40), -10.0, 10.0), levy4_of_40, 0.0),
    Problem("features40", FEATURES, features40, 0.0),
]
