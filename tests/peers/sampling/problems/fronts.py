"""Problems of several objectives, all to be minimised, some with constraints (feasible at or below 0).

ZDT (Zitzler et al. 2000), DTLZ (Deb et al. 2005), WFG (Huband et al. 2006), C2-DTLZ2 (Jain and Deb 2014), Binh and Korn 1997, Osyczka and Kundu, Tanaka, and a network's
training with choices and conditions. Where the best is in the middle or on the edge of a parameter, it is moved to 0.37: there no prior finds
it by luck."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .space import Param, Values

Losses = Callable[[Values], list[float]]


@dataclass(frozen=True)
class Fronts:
    name: str
    params: tuple[Param, ...]
    losses: Losses
    reference: tuple[float, ...]
    front: Callable[[], np.ndarray]
    """Points that cover what the true front does."""
    constraints: Losses = lambda values: []
    limits: int = 0
    """How many constraints there are."""


def floats(count: int, low: float = 0, high: float = 1) -> tuple[Param, ...]:
    return tuple(Param(f"x{i}", float(low), float(high)) for i in range(count))


def x_of(values: Values, count: int) -> np.ndarray:
    return np.array([values[f"x{i}"] for i in range(count)])


LINE = np.linspace(0, 1, 2001)


def zdt(name: str, dimensions: int, g: Callable, h: Callable, first: Callable = lambda x: x[0], worst: float = 6):
    def losses(values: Values) -> list[float]:
        x = x_of(values, dimensions)
        f1, rest = first(x), g(x[1:])
        return [float(f1), float(rest * h(f1, rest))]

    firsts = np.array([first(np.array([t])) for t in LINE])
    front = lambda: np.stack([firsts, np.array([h(f, 1.0) for f in firsts])], axis=1)
    return Fronts(name, floats(dimensions), losses, (1.1, worst), front)


def mean_rest(rest: np.ndarray) -> float:
    return 1 + 9 * float(np.mean(np.abs(rest - 0.37)))


def root(f1: float, g: float) -> float:
    return 1 - math.sqrt(f1 / g)


def square(f1: float, g: float) -> float:
    return 1 - (f1 / g) ** 2


def waves(f1: float, g: float) -> float:
    return 1 - math.sqrt(f1 / g) - f1 / g * math.sin(10 * math.pi * f1)


def basins(rest: np.ndarray) -> float:
    z = 2 * (rest - 0.37)
    return 1 + float(np.mean(10 + 25 * z**2 - 10 * np.cos(4 * math.pi * z)))


def sparse(x: np.ndarray) -> float:
    return 1 - math.exp(-4 * x[0]) * math.sin(6 * math.pi * x[0]) ** 6


def sphere(position: list[float]) -> list[float]:
    """The point of the unit sphere at these shares of a right angle."""
    angles, of = [x * math.pi / 2 for x in position], len(position) + 1
    point = []
    for place in range(of):
        x = math.prod(math.cos(angle) for angle in angles[: of - 1 - place])
        point.append(x * math.sin(angles[of - 1 - place]) if place > 0 else x)
    return point


def grid(dimensions: int) -> list[tuple[float, ...]]:
    steps = {1: 2001, 2: 60, 3: 20, 4: 8}[dimensions]
    return list(itertools.product(np.linspace(0, 1, steps), repeat=dimensions))


def sphere_front(objectives: int) -> np.ndarray:
    return np.array([sphere(list(at)) for at in grid(objectives - 1)])


def dtlz1(objectives: int, dimensions: int) -> Fronts:
    def losses(values: Values) -> list[float]:
        x = x_of(values, dimensions)
        z = x[objectives - 1 :] - 0.37
        far = 1 + 100 * (len(z) + float(np.sum(z**2 - np.cos(20 * math.pi * z))))
        of = lambda k: math.prod(x[: objectives - 1 - k]) * (1 - x[objectives - 1 - k] if k else 1)
        return [0.5 * far * of(k) for k in range(objectives)]

    def front() -> np.ndarray:
        at = [(a, b) for a, b in itertools.product(np.linspace(0, 0.5, 80), repeat=2) if a + b <= 0.5]
        return np.array([[a, b, 0.5 - a - b] for a, b in at])

    return Fronts("dtlz1", floats(dimensions), losses, (100.0,) * objectives, front)


def dtlz2(objectives: int, dimensions: int) -> Fronts:
    def losses(values: Values) -> list[float]:
        x = x_of(values, dimensions)
        far = 1 + float(np.sum((x[objectives - 1 :] - 0.37) ** 2))
        return [far * of for of in sphere(list(x[: objectives - 1]))]

    reference = (2.0,) * objectives
    return Fronts(f"dtlz2-of-{objectives}", floats(dimensions), losses, reference, lambda: sphere_front(objectives))


def c2_dtlz2() -> Fronts:
    plain = dtlz2(3, 7)

    def outside(losses: list[float]) -> float:
        """Only what is near a corner of the front or its middle is feasible."""
        whole = sum(f * f for f in losses)
        corners = [(f - 1) ** 2 + whole - f * f for f in losses]
        return min(*corners, sum((f - 1 / math.sqrt(3)) ** 2 for f in losses)) - 0.4**2

    front = lambda: np.array([point for point in plain.front() if outside(list(point)) <= 0])
    constraints = lambda values: [outside(plain.losses(values))]
    return Fronts("c2-dtlz2", plain.params, plain.losses, plain.reference, front, constraints, 1)


def dtlz7() -> Fronts:
    def last(firsts: list[float], far: float) -> float:
        return far * (3 - sum(f / far * (1 + math.sin(3 * math.pi * f)) for f in firsts))

    def losses(values: Values) -> list[float]:
        x = x_of(values, 7)
        firsts = [float(x[0]), float(x[1])]
        return [*firsts, last(firsts, 1 + 9 * float(np.mean(np.abs(x[2:] - 0.37))))]

    front = lambda: np.array([[*at, last(list(at), 1.0)] for at in grid(2)])
    return Fronts("dtlz7", floats(7), losses, (1.1, 1.1, 20.0), front)


def multi(y: float, a: float, b: float, c: float) -> float:
    off = abs(y - c) / (2 * (math.floor(c - y) + c))
    return (1 + math.cos((4 * a + 2) * math.pi * (0.5 - off)) + 4 * b * off**2) / (b + 2)


def deceptive(y: float, a: float, b: float, c: float) -> float:
    low = math.floor(y - a + b) * (1 - c + (a - b) / b) / (a - b)
    high = math.floor(a + b - y) * (1 - c + (1 - a - b) / b) / (1 - a - b)
    return 1 + (abs(y - a) - b) * (low + high + 1 / b)


def bent(y: float, by: float) -> float:
    a, b, c = 0.98 / 49.98, 0.02, 50
    return y ** (b + (c - b) * (a - (1 - 2 * by) * abs(math.floor(0.5 - by) + a)))


def entangled(y: list[float], degree: int) -> float:
    apart = sum(abs(y[j] - y[(j + k + 1) % len(y)]) for j in range(len(y)) for k in range(degree - 1))
    half = math.ceil(degree / 2)
    return (sum(y) + apart) / (len(y) / degree * half * (1 + 2 * degree - 2 * half))


def mean(y: list[float]) -> float:
    return sum(y) / len(y)


def wfg4(y: list[float], positions: int) -> list[float]:
    return [multi(x, 30, 10, 0.35) for x in y]


def wfg9(y: list[float], positions: int) -> list[float]:
    y = [*(bent(x, mean(y[place + 1 :])) for place, x in enumerate(y[:-1])), y[-1]]
    of_place = lambda place, x: deceptive(x, 0.35, 0.001, 0.05) if place < positions else multi(x, 30, 95, 0.35)
    return [of_place(place, x) for place, x in enumerate(y)]


def wfg(name: str, objectives: int, positions: int, distances: int, transform: Callable, reduce: Callable) -> Fronts:
    def losses(values: Values) -> list[float]:
        y = transform(list(x_of(values, positions + distances)), positions)
        size = positions // (objectives - 1)
        at = [reduce(y[start : start + size]) for start in range(0, positions, size)]
        far = reduce(y[positions:])
        # WFG's order of the objectives is the other way round, and so is its angle.
        shape = sphere([1 - x for x in at])
        return [far + 2 * (place + 1) * f for place, f in enumerate(shape)]

    factors = np.array([2.0 * (place + 1) for place in range(objectives)])
    reference = tuple(float(factor + 1.1) for factor in factors)
    return Fronts(
        name, floats(positions + distances), losses, reference, lambda: factors * sphere_front(objectives)
    )  # fmt: skip


def binh_korn() -> Fronts:
    losses = lambda v: [4 * v["x"] ** 2 + 4 * v["y"] ** 2, (v["x"] - 5) ** 2 + (v["y"] - 5) ** 2]
    constraints = lambda v: [(v["x"] - 5) ** 2 + v["y"] ** 2 - 25, 7.7 - (v["x"] - 8) ** 2 - (v["y"] + 3) ** 2]

    def front() -> np.ndarray:
        at = [{"x": 5 * t, "y": min(5 * t, 3.0)} for t in LINE]
        return np.array([losses(values) for values in at if max(constraints(values)) <= 0])

    return Fronts(
        "binh-korn", (Param("x", 0.0, 5.0), Param("y", 0.0, 3.0)), losses, (140.0, 50.0), front, constraints, 2
    )


def osyczka_kundu() -> Fronts:
    """Six constraints, which few points at random satisfy (1995)."""

    def losses(v: Values) -> list[float]:
        x = x_of(v, 6)
        near = (x[1] - 2) ** 2 + (x[2] - 1) ** 2 + (x[3] - 4) ** 2 + (x[4] - 1) ** 2
        return [float(-25 * (x[0] - 2) ** 2 - near), float(np.sum(x**2))]

    def constraints(v: Values) -> list[float]:
        a, b, c, d, e, f = x_of(v, 6)
        at_least = (a + b - 2, 6 - a - b, 2 - b + a, 2 - a + 3 * b, 4 - (c - 3) ** 2 - d, (e - 3) ** 2 + f - 4)
        return [-float(least) for least in at_least]

    def front() -> np.ndarray:
        t = np.linspace(0, 1, 400)
        one, none = np.ones_like(t), np.zeros_like(t)
        a = 4.056 + 0.944 * t
        parts = (
            [5 * one, one, 1 + 4 * t, none, 5 * one, none], [5 * one, one, 1 + 4 * t, none, one, none],
            [a, (a - 2) / 3, one, none, one, none], [none, 2 * one, 1 + 2.732 * t, none, one, none],
            [t, 2 - t, one, none, one, none],
        )  # fmt: skip
        return np.array(
            [losses({f"x{i}": float(x[k]) for i, x in enumerate(part)}) for part in parts for k in range(400)]
        )

    bounds = ((0, 10), (0, 10), (1, 5), (0, 6), (1, 5), (0, 10))
    params = tuple(Param(f"x{i}", float(low), float(high)) for i, (low, high) in enumerate(bounds))
    return Fronts("osyczka-kundu", params, losses, (0.0, 100.0), front, constraints, 6)


def tanaka() -> Fronts:
    """The front lies on the edge of what is feasible (1995)."""

    def constraints(v: Values) -> list[float]:
        a, b = v["x0"], v["x1"]
        return [1 + 0.1 * math.cos(16 * math.atan2(a, b)) - a * a - b * b, (a - 0.5) ** 2 + (b - 0.5) ** 2 - 0.5]

    def front() -> np.ndarray:
        turns = np.linspace(0, math.pi / 2, 4001)
        at = [(math.sin(t) * r, math.cos(t) * r) for t in turns for r in [math.sqrt(1 + 0.1 * math.cos(16 * t))]]
        return np.array([point for point in at if constraints({"x0": point[0], "x1": point[1]})[1] <= 0])

    losses = lambda v: [v["x0"], v["x1"]]
    return Fronts("tanaka", floats(2, 0, math.pi), losses, (1.3, 1.3), front, constraints, 2)


LAYERS = ("one", "two", "three")


def training(memory: float | None) -> Fronts:
    """A network's loss against its size: choices, whole numbers, a logarithm, and layers that are there or not. If the memory is limited, a
    method's own numbers count."""
    params = (
        Param("rate", 1e-5, 1.0, log=True),
        Param("layers", choices=LAYERS),
        *(Param(f"units{i}", 4, 512, log=True, when=("layers", LAYERS[i:])) for i in range(3)),
        Param("method", choices=("sgd", "adam", "lion", "ftrl")),
    )

    def losses(values: Values) -> list[float]:
        units = [values[f"units{i}"] for i in range(3) if f"units{i}" in values]
        size = sum(a * b for a, b in zip([64, *units], [*units, 10])) / 1e5
        best = {"sgd": -1.2, "adam": -2.8, "lion": -3.6, "ftrl": -2.0}[values["method"]]
        penalty = {"sgd": 0.06, "adam": 0.0, "lion": 0.02, "ftrl": 0.2}[values["method"]]
        fit = (
            0.05 + sum(0.3 / (depth + 1) / math.sqrt(n) for depth, n in enumerate(units)) + 0.4 / (1 + len(units)) ** 2
        )
        return [fit + penalty + 0.08 * (math.log10(values["rate"]) - best) ** 2, size]

    def constraints(values: Values) -> list[float]:
        numbers = {"sgd": 1, "adam": 3, "lion": 2, "ftrl": 3}[values["method"]]
        return [] if memory is None else [losses(values)[1] * numbers - memory]

    def front() -> np.ndarray:
        sizes = np.unique(np.round(np.geomspace(4, 512, 40))).astype(int)
        points = []
        for depth, name in enumerate(LAYERS, 1):
            for units in itertools.product(sizes, repeat=depth):
                for method, rate in (("adam", -2.8), ("lion", -3.6), ("sgd", -1.2)):
                    values = {"rate": 10**rate, "layers": name, "method": method}
                    values |= {f"units{i}": int(n) for i, n in enumerate(units)}
                    if max(constraints(values), default=0) <= 0:
                        points.append(losses(values))
        return np.array(points)

    name = "training" if memory is None else "training-in-memory"
    return Fronts(name, params, losses, (1.0, 4.0), front, constraints, 0 if memory is None else 1)


FRONTS = [
    zdt("zdt1", 5, mean_rest, root),
    zdt("zdt2", 5, mean_rest, square),
    zdt("zdt3", 5, mean_rest, waves),
    zdt("zdt4", 5, basins, root, worst=30),
    zdt("zdt6", 5, mean_rest, square, sparse),
    zdt("zdt1-of-20", 20, mean_rest, root),
    dtlz1(3, 6),
    dtlz2(2, 6),
    dtlz2(3, 7),
    dtlz2(5, 8),
    dtlz7(),
    wfg("wfg4", 3, 4, 4, wfg4, mean),
    wfg("wfg9", 2, 2, 4, wfg9, lambda y: entangled(y, len(y))),
    c2_dtlz2(),
    binh_korn(),
    osyczka_kundu(),
    tanaka(),
    training(None),
    training(0.5),
]
BY_NAME = {problem.name: problem for problem in FRONTS}
