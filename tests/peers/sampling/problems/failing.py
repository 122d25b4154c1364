"""Problems of which a part of the space fails, near the optimum, too, or of which any trial may."""

from .continuous import BRANIN, LEAST_BRANIN, LEAST_HARTMANN6, branin, hartmann6
from .everyday import BOOSTING, boosting
from .space import Problem, Values, axes, floats


def beyond(v: Values) -> bool:
    """A half, with one of the three optima; another is near the edge."""
    return v["x0"] + v["x1"] / 2 > 6


def out_of_memory(v: Values) -> bool:
    """The optimum's product is half of the most that fits."""
    return v["rounds"] * 2.0 ** v["depth"] > 100_000


PROBLEMS = [
    Problem("failing-branin", BRANIN, branin, LEAST_BRANIN, fails=beyond),
    Problem("failing-mixed", BOOSTING, boosting, 0.0, fails=out_of_memory),
    Problem("fragile-hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, LEAST_HARTMANN6, accidents=0.15),
]
HELD_OUT = [
    Problem(
        "failing-hartmann6", floats(axes(6), 0.0, 1.0), hartmann6, LEAST_HARTMANN6,
        fails=lambda v: v["x0"] + v["x3"] > 0.9,
    ),
]  # fmt: skip
