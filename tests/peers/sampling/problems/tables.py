"""Tables: a loss for each combination of a few choices. Drawn at random, but not without structure, since what people
choose between is neither: a choice has an effect of its own, and pairs of choices have a smaller one."""

import itertools
import math
import random

from .space import Param, Problem, axes


def columns(sizes: tuple[int, ...]) -> list[Param]:
    return [Param(name, choices=tuple(f"c{i}" for i in range(size))) for name, size in zip(axes(len(sizes)), sizes)]


def problem(name: str, sizes: tuple[int, ...], cells: dict[tuple[int, ...], float], noise: float = 0.0) -> Problem:
    names = axes(len(sizes))
    loss = lambda values: cells[tuple(int(values[n][1:]) for n in names)]
    return Problem(name, columns(sizes), loss, min(cells.values()), noise)


def effects(seed: str, sizes: tuple[int, ...], pairs: float, rest: float) -> dict[tuple[int, ...], float]:
    """Each choice's effect, and beside it those of `pairs` and what is `rest`, as shares of it."""
    rng = random.Random(seed)
    own = [[rng.gauss(0, 1) for _ in range(size)] for size in sizes]
    of_two = {
        (i, j): [[rng.gauss(0, pairs) for _ in range(sizes[j])] for _ in range(sizes[i])]
        for i, j in itertools.combinations(range(len(sizes)), 2)
    }
    return {
        cell: sum(own[i][c] for i, c in enumerate(cell))
        + sum(table[cell[i]][cell[j]] for (i, j), table in of_two.items())
        + rng.gauss(0, rest)
        for cell in itertools.product(*map(range, sizes))
    }


def hidden(seed: str, sizes: tuple[int, ...]) -> dict[tuple[int, ...], float]:
    """Each choice stands for a point of the plane, and a combination for the sum of its points: how far is it from
    a place? Which choices are alike can be learnt."""
    rng = random.Random(seed)
    points = [[(rng.gauss(0, 1), rng.gauss(0, 1)) for _ in range(size)] for size in sizes]
    return {
        cell: math.hypot(
            sum(points[i][c][0] for i, c in enumerate(cell)) - 1.5, sum(points[i][c][1] for i, c in enumerate(cell)) + 1
        )
        for cell in itertools.product(*map(range, sizes))
    }


PROBLEMS = [
    problem("table3", (8, 8, 8), effects("table3", (8, 8, 8), 0.5, 0.1)),
    problem("table4", (6, 6, 6, 6), effects("table4", (6, 6, 6, 6), 0.3, 0.1)),
]
HELD_OUT = [
    problem("table5", (4, 5, 6, 7, 8), effects("table5", (4, 5, 6, 7, 8), 0.4, 0.2)),
    problem("hidden-table", (6, 6, 6, 6), hidden("hidden-table", (6, 6, 6, 6))),
    problem("noisy-table", (5, 6, 7), effects("noisy-table", (5, 6, 7), 0.4, 0.1), noise=0.5),
]
