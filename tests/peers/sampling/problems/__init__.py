"""Problems with known optima on which samplers are compared. Optima lie off the middle and off the bounds, where a
prior would find them by luck, but where the literature has them there. Nothing of Kindling's samplers is chosen on
those that are held out.

Results that are kept in `runs` belong to the problems as they are: another one gets another name."""

from . import conditions, continuous, everyday, failing, few_valued, flagship, many, real, tables
from .flagship import FLAGSHIP_SPACE
from .space import Param, Problem, Values

FAMILIES = (continuous, everyday, flagship, few_valued, tables, conditions, failing, many, real)
PROBLEMS: list[Problem] = [problem for family in FAMILIES for problem in family.PROBLEMS]
HELD_OUT: list[Problem] = [problem for family in FAMILIES for problem in getattr(family, "HELD_OUT", [])]
BY_NAME = {problem.name: problem for problem in PROBLEMS + HELD_OUT}

__all__ = ["BY_NAME", "FLAGSHIP_SPACE", "HELD_OUT", "PROBLEMS", "Param", "Problem", "Values"]
