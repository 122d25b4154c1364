"""What `import kindling` does: it is in every trial's way."""

import subprocess
import sys

import pytest

import kindling


def test_importing_the_package_imports_nothing() -> None:
    code = "import sys, importlib, typing; before = set(sys.modules); import kindling; print(set(sys.modules) - before)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "{'kindling'}\n"


def test_every_name_is_there() -> None:
    assert set(kindling.__all__) == set(kindling._HOMES)
    assert set(kindling.__all__) <= set(dir(kindling))
    for name in ("Trial", "current_trial", "TrialPruned", "TrialStopped", "KindlingError"):
        assert getattr(kindling, name).__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'curent_trial'"):
        kindling.curent_trial  # noqa: B018
