"""The trial that this process runs."""

from collections.abc import Mapping
from typing import Any


class Trial:
    """The trial that this process runs."""


def current_trial(defaults: Mapping[str, Any] | None = None) -> Trial:
    """The trial that this process runs."""
    raise NotImplementedError(defaults)
