"""Compares kept runs at one budget: medians, ranks, and tests in pairs of seeds."""

from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from runs import Kept

ALL_FAILED = 1e300
"""For an infinite regret, so that two of them are equal."""


@dataclass
class Table:
    parallel: int
    budget: int
    samplers: list[str]
    problems: list[str]
    asked: int
    """So many problems were."""
    seeds: dict[str, int] = field(default_factory=dict)
    """By problem: of these all samplers have runs."""
    median: dict[tuple[str, str], float] = field(default_factory=dict)
    mean_rank: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    """The processor's seconds, the median of all runs, however long those were."""
    tests: dict[tuple[str, str], tuple[bool, float]] = field(default_factory=dict)
    """By sampler and problem: is it better than the one that it is compared with, and the adjusted p."""
    best_peer: dict[str, str] = field(default_factory=dict)
    is_worse_than_best: dict[str, bool] = field(default_factory=dict)
    is_better_than_best: dict[str, bool] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    """Samplers that lack runs, and on how many problems they have enough."""

    def verdict(self, sampler: str, problem: str) -> bool | None:
        """Is it better or worse than the one that it is compared with? None if that is open."""
        better, p = self.tests.get((sampler, problem), (False, 1.0))
        return better if p < 0.05 else None

    def to_json(self) -> dict:
        by_problem = {
            p: {
                "seeds": self.seeds[p],
                "median": {s: self.median[s, p] for s in self.samplers},
                "better": {s: self.verdict(s, p) for s in self.samplers},
                "best_peer": self.best_peer.get(p),
                "worse_than_best_peer": self.is_worse_than_best.get(p),
            }
            for p in self.problems
        }
        return {
            "parallel": self.parallel, "budget": self.budget, "mean_rank": self.mean_rank, "cpu": self.cpu,
            "problems": by_problem, "left_out": self.left_out,
        }  # fmt: skip


def holm(ps: list[float]) -> list[float]:
    """Adjusted so that the chance of any false alarm among them is what one test's was (Holm, 1979)."""
    order, adjusted, worst = np.argsort(ps), [0.0] * len(ps), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = worst
    return adjusted


def paired(ours: np.ndarray, theirs: np.ndarray) -> tuple[bool, float]:
    """Are ours better, and Wilcoxon's p."""
    difference = ours - theirs
    if not np.any(difference):
        return False, 1.0
    signed = stats.rankdata(np.abs(difference)) * np.sign(difference)
    return bool(signed.sum() < 0), float(stats.wilcoxon(difference).pvalue)


def analyse(
    kept: dict[str, Kept], mine: list[str], problems: list[str], parallel: int, budget: int, seeds: range, least: int,
    of: str,
) -> Table:  # fmt: skip
    """A problem's seeds are those of which every sampler has runs. A sampler that has too few is left out, and all others'
    comparison is as if it was not there."""
    has = {(s, p): {n for n in seeds if kept[s].has((p, parallel, n), budget)} for s in kept for p in problems}
    enough = {s: sum(len(has[s, p]) >= least for p in problems) for s in kept}
    samplers = [s for s in kept if enough[s] == len(problems)]
    table = Table(parallel, budget, samplers, problems, len(problems))
    table.left_out = {s: n for s, n in enough.items() if s not in samplers}
    if not samplers:
        return table
    regrets, ranks = {}, {s: [] for s in samplers}
    for p in problems:
        common = sorted(set.intersection(*(has[s, p] for s in samplers)))
        table.seeds[p] = len(common)
        for s in samplers:
            found = [kept[s].runs[p, parallel, n].regrets[budget] for n in common]
            regrets[s, p] = np.minimum(found, ALL_FAILED)
            table.median[s, p] = float(np.median(regrets[s, p]))
        for s, ranked in zip(samplers, stats.rankdata([regrets[s, p] for s in samplers], axis=0).mean(axis=1)):
            ranks[s].append(float(ranked))
    for s in samplers:
        table.mean_rank[s] = float(np.mean(ranks[s]))
        runs = kept[s].runs.items()
        table.cpu[s] = float(np.median([r.cpu for (p, n, _), r in runs if p in problems and n == parallel]))
    if of not in samplers:
        return table
    for s in samplers:
        if s != of:
            tests = [paired(regrets[s, p], regrets[of, p]) for p in problems]
            for p, (better, _), adjusted in zip(problems, tests, holm([value for _, value in tests])):
                table.tests[s, p] = better, adjusted
    peers = [s for s in samplers if s not in mine and s != of]
    if peers:
        # The best in hindsight, by rank on the same seeds: the choice is to the peers' advantage.
        for i, p in enumerate(problems):
            table.best_peer[p] = min(peers, key=lambda s: ranks[s][i])
        tests = [paired(regrets[of, p], regrets[table.best_peer[p], p]) for p in problems]
        for p, (better, _), adjusted in zip(problems, tests, holm([value for _, value in tests])):
            table.is_better_than_best[p] = better and adjusted < 0.05
            table.is_worse_than_best[p] = not better and adjusted < 0.05
    return table
