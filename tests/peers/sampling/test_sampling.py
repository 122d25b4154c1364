"""What the comparison relies on: `python test_sampling.py`."""

import math
import random
import unittest
from unittest import mock

from analysis import holm, paired
from contenders import suggest
from failing import Drawn
from problems import BY_NAME, HELD_OUT, PROBLEMS
from runs import run


class AtRandom:
    def __init__(self, problem, seed: int) -> None:
        self.problem, self.drawn, self.told = problem, Drawn(random.Random(seed)), []

    def ask(self):
        return None, suggest(self.problem, self.drawn)

    def tell(self, trial, loss) -> None:
        self.told.append(loss)


class Problems(unittest.TestCase):
    def test_no_point_is_better_than_the_optimum(self):
        for problem in PROBLEMS + HELD_OUT:
            drawn = Drawn(random.Random(problem.name))
            for values in [suggest(problem, drawn) for _ in range(500)]:
                self.assertTrue(problem.fails(values) or problem.loss(values) > problem.minimum - 1e-9, problem.name)

    def test_each_has_a_name_of_its_own(self):
        self.assertEqual(len(BY_NAME), len(PROBLEMS) + len(HELD_OUT))

    def test_a_small_regret_has_the_right_whole_numbers(self):
        for name, goal in (("bowl", (0, 2, 1, 4)), ("turned-bowl", (0, 2, 1, 4)), ("tilted-bowl", (1, 0, 3, 2))):
            problem = BY_NAME[name]
            floats = {"x4": 0.37} if len(problem.params) == 5 else {"x4": 0.58, "x5": 0.23}
            right = {f"x{i}": g for i, g in enumerate(goal)} | floats
            self.assertAlmostEqual(problem.regret(right), 0)
            for i, g in enumerate(goal):
                self.assertGreater(problem.regret(right | {f"x{i}": g + (-1 if g else 1)}), 1e-3)


class Runs(unittest.TestCase):
    def test_a_longer_run_begins_as_a_shorter_one(self):
        problem = BY_NAME["failing-network"]
        short, long = AtRandom(problem, 1), AtRandom(problem, 1)
        some, more = run(short, problem, 8, 5, 50), run(long, problem, 8, 5, 100)
        self.assertEqual(long.told[:50], short.told)
        self.assertEqual({n: r for n, r in more.regrets.items() if n <= 50}, some.regrets)
        self.assertIn(None, short.told)

    def test_a_run_whose_trials_all_fail_has_an_infinite_regret(self):
        problem = mock.Mock(wraps=BY_NAME["branin"], noise=0.0, accidents=1.0, params=BY_NAME["branin"].params)
        self.assertEqual(run(AtRandom(problem, 1), problem, 1, 1, 25).regrets, {25: math.inf})


class Analysis(unittest.TestCase):
    def test_holm_multiplies_the_least_by_all(self):
        self.assertEqual([round(p, 9) for p in holm([0.01, 0.04, 0.03])], [0.03, 0.06, 0.06])

    def test_pairs_that_are_equal_say_nothing(self):
        import numpy as np

        self.assertEqual(paired(np.ones(9), np.ones(9)), (False, 1.0))
        better, p = paired(np.arange(9.0), np.arange(9.0) + 1)
        self.assertTrue(better and p < 0.05)


if __name__ == "__main__":
    unittest.main()
