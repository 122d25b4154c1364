"""Functions of numbers with many dimensions or basins, as the literature knows them."""

import math
from typing import Callable

from .space import Param, Problem, Values, along_axes, axes, floats


def branin(v: Values) -> float:
    x, y = v["x0"], v["x1"]
    return (
        (y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6) ** 2
        + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x)
        + 10
    )


BRANIN = [Param("x0", -5.0, 10.0), Param("x1", 0.0, 15.0)]

HARTMANN_ALPHA = (1.0, 1.2, 3.0, 3.2)
HARTMANN_A = (
    (10, 3, 17, 3.5, 1.7, 8),
    (0.05, 10, 17, 0.1, 8, 14),
    (3, 3.5, 1.7, 10, 17, 8),
    (17, 8, 0.05, 10, 0.1, 14),
)
HARTMANN_P = (
    (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
    (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
    (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650),
    (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


def hartmann6(v: Values) -> float:
    x = along_axes(v)
    return -sum(
        alpha * math.exp(-sum(a * (xi - p) ** 2 for xi, a, p in zip(x, row, at)))
        for alpha, row, at in zip(HARTMANN_ALPHA, HARTMANN_A, HARTMANN_P)
    )


def offset(i: int, reach: float) -> float:
    """Where a function that has its optimum in the middle gets it instead, another place for each axis."""
    return reach * (0.2 + 0.4 * ((i * 0.618033988749895) % 1.0)) * (-1) ** i


def ackley(dimensions: int) -> Callable[[Values], float]:
    def loss(v: Values) -> float:
        x = [v[f"x{i}"] - offset(i, 32.768) for i in range(dimensions)]
        squares, cosines = sum(a * a for a in x), sum(math.cos(2 * math.pi * a) for a in x)
        return (
            -20 * math.exp(-0.2 * math.sqrt(squares / dimensions)) - math.exp(cosines / dimensions) + 20 + math.e
        )

    return loss


def rosenbrock(v: Values) -> float:
    x = along_axes(v)
    return sum(100 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in zip(x, x[1:]))


def rastrigin(v: Values) -> float:
    x = [a - offset(i, 5.12) for i, a in enumerate(along_axes(v))]
    return sum(a * a - 10 * math.cos(2 * math.pi * a) + 10 for a in x)


def styblinski_tang(v: Values) -> float:
    return sum(a**4 - 16 * a**2 + 5 * a for a in along_axes(v)) / 2


STYBLINSKI_TANG = -39.16616570377142  # For each dimension.


def levy(v: Values) -> float:
    w = [1 + (x - 1) / 4 for x in along_axes(v)]
    inner = sum((a - 1) ** 2 * (1 + 10 * math.sin(math.pi * a + 1) ** 2) for a in w[:-1])
    last = (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)
    return math.sin(math.pi * w[0]) ** 2 + inner + last


def griewank(v: Values) -> float:
    x = [a - offset(i, 600) for i, a in enumerate(along_axes(v))]
    cosines = math.prod(math.cos(a / math.sqrt(i + 1)) for i, a in enumerate(x))
    return 1 + sum(a * a for a in x) / 4000 - cosines


def michalewicz(v: Values) -> float:
    return -sum(math.sin(x) * math.sin((i + 1) * x * x / math.pi) ** 20 for i, x in enumerate(along_axes(v)))


def schwefel(v: Values) -> float:
    return sum(418.9828872724338 - x * math.sin(math.sqrt(abs(x))) for x in along_axes(v))


SHEKEL_C = (0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.3, 0.7, 0.5, 0.5)
SHEKEL_A = (
    (4, 4, 4, 4), (1, 1, 1, 1), (8, 8, 8, 8), (6, 6, 6, 6), (3, 7, 3, 7),
    (2, 9, 2, 9), (5, 5, 3, 3), (8, 1, 8, 1), (6, 2, 6, 2), (7, 3.6, 7, 3.6),
)  # fmt: skip


def shekel(v: Values) -> float:
    x = along_axes(v)
    return -sum(1 / (c + sum((xi - a) ** 2 for xi, a in zip(x, row))) for c, row in zip(SHEKEL_C, SHEKEL_A))


LEAST_BRANIN, LEAST_HARTMANN6 = 0.39788735772973816, -3.3223680114155147

PROBLEMS = [
    Problem("branin", BRANIN, branin, LEAST_BRANIN),
    Problem("hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, LEAST_HARTMANN6),
    Problem("ackley5", floats(axes(5), -32.768, 32.768), ackley(5), 0.0),
    Problem("ackley10", floats(axes(10), -32.768, 32.768), ackley(10), 0.0),
    Problem("rosenbrock4", floats(axes(4), -5.0, 10.0), rosenbrock, 0.0),
    Problem("rastrigin4", floats(axes(4), -5.12, 5.12), rastrigin, 0.0),
    Problem("styblinski-tang5", floats(axes(5), -5.0, 5.0), styblinski_tang, 5 * STYBLINSKI_TANG),
    Problem("styblinski-tang10", floats(axes(10), -5.0, 5.0), styblinski_tang, 10 * STYBLINSKI_TANG),
    Problem("noisy-branin", BRANIN, branin, LEAST_BRANIN, noise=3.0),
    Problem("noisy-hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, LEAST_HARTMANN6, noise=0.3),
]
# Their optima lie where the literature has them.
HELD_OUT = [
    Problem("levy6", floats(axes(6), -10.0, 10.0), levy, 0.0),
    Problem("griewank6", floats(axes(6), -600.0, 600.0), griewank, 0.0),
    Problem("michalewicz5", floats(axes(5), 0.0, math.pi), michalewicz, -4.687658179),
    Problem("schwefel4", floats(axes(4), -500.0, 500.0), schwefel, 0.0),
    Problem("shekel4", floats(axes(4), 0.0, 10.0), shekel, -10.536409816692045),
    Problem("noisy-levy6", floats(axes(6), -10.0, 10.0), levy, 0.0, noise=2.0),
]
