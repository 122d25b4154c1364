"""The program for the tests of whole runs: the real one if KINDLING_PROGRAM names it, or else one that stands in."""

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REAL = os.environ.get("KINDLING_PROGRAM")


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KINDLING_SOCKET", "KINDLING_COORDINATOR", "KINDLING_LOG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that runs studies."""
    if REAL:
        return REAL
    pytest.importorskip("tomllib")
    path = tmp_path / "bin" / "kindling"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I "{HERE / "stand_in.py"}" "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("KINDLING_PROGRAM", str(path))
    return str(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which the test is."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path
