"""Whole numbers of few values, from 2 to 16, beside floats. Where the floats are irrelevant is known, so a small regret
says that the whole numbers are right."""

import math
import random

from .space import Param, Problem, Values, axes


def turn(seed: str, dimensions: int) -> list[list[float]]:
    """A rotation drawn at random, by Gram and Schmidt's method."""
    rng, rows = random.Random(seed), []
    for _ in range(dimensions):
        row = [rng.gauss(0, 1) for _ in range(dimensions)]
        for other in rows:
            along = sum(a * b for a, b in zip(row, other))
            row = [a - along * b for a, b in zip(row, other)]
        length = math.sqrt(sum(a * a for a in row))
        rows.append([a / length for a in row])
    return rows


def space(sizes: tuple[int, ...], floats: int) -> list[Param]:
    """Whole numbers first, one for each size, counted from 0; then floats from 0 to 1."""
    names = axes(len(sizes) + floats)
    return [Param(n, 0, size - 1) for n, size in zip(names, sizes)] + [Param(n, 0.0, 1.0) for n in names[len(sizes) :]]


def off_goal(values: Values, sizes: tuple[int, ...], goal: tuple[float, ...]) -> list[float]:
    """How far each parameter is from its goal, as shares of its range."""
    scale = [size - 1 for size in sizes] + [1] * (len(goal) - len(sizes))
    return [(values[name] - g) / s for name, g, s in zip(axes(len(goal)), goal, scale)]


def bowl(name: str, sizes: tuple[int, ...], goal: tuple[float, ...], steepest: float | None = None) -> Problem:
    """A quadratic bowl; with `steepest`, turned, and so many times as steep in one direction as in another."""
    n = len(goal)
    rows = turn(name, n) if steepest else [[float(i == j) for j in range(n)] for i in range(n)]
    steep = [steepest ** (i / (n - 1)) if steepest else 1.0 for i in range(n)]

    def loss(values: Values) -> float:
        off = off_goal(values, sizes, goal)
        return sum(s * sum(r * d for r, d in zip(row, off)) ** 2 for s, row in zip(steep, rows))

    return Problem(name, space(sizes, n - len(sizes)), loss, 0.0)


LADDER, LADDER_GOAL = (2, 3, 5, 8, 12, 16), (0, 1, 3, 5, 4, 11, 0.3, 0.62)


def ladder(values: Values) -> float:
    """Each draws its neighbours along."""
    off = off_goal(values, LADDER, LADDER_GOAL)
    return sum(abs(a) ** 1.5 for a in off) + 2 * sum((a - b) ** 2 for a, b in zip(off, off[1:]))


STEPS, STEPS_GOAL = (2, 4, 7, 10, 16), (1, 1, 4, 7, 5, 0.45, 0.7)


def steps(values: Values) -> float:
    """A crease that is not along an axis."""
    off = off_goal(values, STEPS, STEPS_GOAL)
    return sum(abs(a) for a in off) + 2 * abs(sum(off))


WAVES, WAVES_GOAL = (3, 6, 12), (2, 1, 7, 0.25, 0.6, 0.44)


def waves(values: Values) -> float:
    """Basins along the floats and the longest of the whole numbers."""
    off = off_goal(values, WAVES, WAVES_GOAL)
    return sum(5 * a * a for a in off) + sum(1 - math.cos(4 * math.pi * a) for a in off[2:])


PROBLEMS = [
    bowl("bowl", (2, 3, 4, 6), (0, 2, 1, 4, 0.37)),
    bowl("turned-bowl", (2, 3, 4, 6), (0, 2, 1, 4, 0.37), steepest=30.0),
    Problem("ladder", space(LADDER, 2), ladder, 0.0),
]
HELD_OUT = [
    bowl("tilted-bowl", (3, 4, 5, 7), (1, 0, 3, 2, 0.58, 0.23), steepest=100.0),
    Problem("steps", space(STEPS, 2), steps, 0.0),
    Problem("waves", space(WAVES, 3), waves, 0.0),
]
