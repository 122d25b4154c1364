"""Trials as a table."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from kindling._errors import KindlingError
from kindling.frozen import FrozenTrial

if TYPE_CHECKING:
    import pandas as pd

_TIMES = ("datetime_start", "datetime_complete")


def frame(
    trials: Iterable[FrozenTrial], metrics: Sequence[str] = (), constraints: Sequence[str] = ()
) -> "pd.DataFrame":
    """A row for each trial, with the columns of Optuna's `trials_dataframe`. Times are in UTC.

    Several values are in `values_NAME`, by the names of the `metrics`; the constraints in `constraints_NAME`.
    """
    try:
        import pandas as pd
    except ImportError:
        raise KindlingError("to_pandas needs pandas\nhint: pip install 'kindling-hpo[pandas]'") from None
    trials = list(trials)
    most = max((len(trial.values or ()) for trial in trials), default=0)  # noqa: PD011 - Optuna's name, not pandas'
    most = max(most, len(metrics))
    names_of_values = metrics if len(metrics) == most else range(most)
    values = [f"values_{name}" for name in names_of_values] if most > 1 else ["value"]
    limits = [f"constraints_{name}" for name in constraints]
    rows = [_row(trial, values, limits) for trial in trials]
    names = {name for row in rows for name in row}
    params = sorted(name for name in names if name.startswith("params_"))
    attrs = sorted(name for name in names if name.startswith("user_attrs_"))
    made: pd.DataFrame = pd.DataFrame(
        rows, columns=["number", *values, *_TIMES, "duration", *params, *attrs, *limits, "state"]
    )
    # Without these, a column that is empty so far would have another type than later.
    for name in _TIMES:
        made[name] = pd.to_datetime(made[name], utc=True)
    made["duration"] = pd.to_timedelta(made["duration"])
    for name in (*values, *limits):
        made[name] = made[name].astype(float)
    return made


def _row(trial: FrozenTrial, values: list[str], limits: list[str]) -> dict[str, Any]:
    return {
        "number": trial.number,
        "datetime_start": trial.datetime_start,
        "datetime_complete": trial.datetime_complete,
        "duration": trial.duration,
        "state": trial.state.name,
        **dict(zip(values, trial.values or (), strict=False)),  # noqa: PD011
        **{f"params_{name}": value for name, value in trial.params.items()},
        **{f"user_attrs_{name}": value for name, value in trial.user_attrs.items()},
        **dict(zip(limits, trial.constraints or (), strict=False)),
    }
