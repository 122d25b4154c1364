"""Trials as a table."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kindling.client._errors import ClientError
from kindling.frozen import FrozenTrial

if TYPE_CHECKING:
    import pandas as pd


def frame(trials: Iterable[FrozenTrial]) -> "pd.DataFrame":
    """A row for each trial, with the columns of Optuna's `trials_dataframe`."""
    try:
        import pandas as pd  # noqa: PLC0415 - most never need it
    except ImportError:
        raise ClientError("to_pandas() needs pandas, which is not installed", "pip install pandas") from None
    trials = list(trials)
    most = max((len(trial.values or ()) for trial in trials), default=0)
    names: dict[str, None] = {}
    rows = [_row(trial, most) for trial in trials]
    for prefix in ("params_", "user_attrs_"):
        found = {key for row in rows for key in row if key.startswith(prefix)}
        names.update(dict.fromkeys(sorted(found)))
    values = [f"values_{i}" for i in range(most)] if most > 1 else ["value"]
    columns = ["number", *values, "datetime_start", "datetime_complete", "duration", *names, "state"]
    return pd.DataFrame(rows, columns=columns)


def _row(trial: FrozenTrial, most: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "number": trial.number,
        "datetime_start": trial.datetime_start,
        "datetime_complete": trial.datetime_complete,
        "duration": trial.duration,
        "state": trial.state.name,
    }
    for place, value in enumerate(trial.values or ()):
        row[f"values_{place}" if most > 1 else "value"] = value
    row.update({f"params_{name}": value for name, value in trial.params.items()})
    row.update({f"user_attrs_{name}": value for name, value in trial.user_attrs.items()})
    return row
