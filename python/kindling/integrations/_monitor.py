"""Which of the logged metrics are reported, and under which names."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kindling import _json
from kindling.trial import Trial

# One metric, several, or those of the study by the names under which they are logged.
Monitor = str | Sequence[str] | Mapping[str, str]
# A number, or several by the study's names.
Reported = float | dict[str, float]


class Monitored:
    """What a callback monitors."""

    def __init__(self, monitor: Monitor, logged: Callable[[str], str] = str) -> None:
        """`logged` gives the name under which a metric is logged."""
        self.is_one = isinstance(monitor, str)
        several = [monitor] if isinstance(monitor, str) else monitor
        pairs = several.items() if isinstance(several, Mapping) else ((name, name) for name in several)
        self.names: dict[str, str] = {name: logged(written) for name, written in pairs}
        """The study's names, and those under which they are logged."""

    def missing(self, logged: Mapping[str, Any]) -> str | None:
        """The first that was not logged."""
        return next((name for name in self.names.values() if name not in logged), None)

    def reported(self, logged: Mapping[str, Any], trial: Trial) -> Reported:
        """What is reported: a number, or several by name."""
        values = _json.metrics({name: logged[written] for name, written in self.names.items()})
        if not self.is_one:
            return values
        [(name, value)] = values.items()
        # A study that names its objectives may call this one otherwise. Then it is what the pruner compares.
        return values if name in trial.metric_names else value
