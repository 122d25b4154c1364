"""Which trials are the best: of one objective the first of the best, of several the front."""

from collections.abc import Iterable, Sequence

from kindling.frozen import FrozenTrial, TrialState


def front(trials: Iterable[FrozenTrial], directions: Sequence[str]) -> list[FrozenTrial]:
    """The completed, feasible trials of the search that no other dominates: by the first objective, then by the next.

    A trial dominates another if it is at least as good in every objective and better in one. Feasible is a trial whose
    constraints are all at or below 0. What confirms another trial is none of the search. Of one objective it is the
    first of the best alone.
    """
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]

    def losses(trial: FrozenTrial) -> list[float]:
        return [sign * value for sign, value in zip(signs, trial.values or (), strict=True)]

    ranked = [(losses(trial), trial) for trial in trials if _counts(trial)]
    # In this order a trial can be dominated by earlier ones only, and if by any, then by one of the front.
    ranked.sort(key=lambda one: one[0])
    found: list[tuple[list[float], FrozenTrial]] = []
    for loss, trial in ranked:
        if not any(_dominates(other, loss) for other, _ in found):
            found.append((loss, trial))
    best = [trial for _, trial in found]
    return best[:1] if len(signs) == 1 else best


def _counts(trial: FrozenTrial) -> bool:
    feasible = all(value <= 0 for value in trial.constraints or ())
    return trial.state == TrialState.COMPLETE and trial.confirms is None and feasible


def _dominates(one: list[float], other: list[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
