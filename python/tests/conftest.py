"""What all tests share."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
# Scripts that the tests start find the package, too.
os.environ["PYTHONPATH"] = str(HERE.parent)

Ended = subprocess.CompletedProcess[str]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Short: the path of a Unix socket has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="k-") as path:
        yield Path(path)


@pytest.fixture(autouse=True)
def no_trial(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test asks for its own trial."""
    from kindling import _hook, trial

    monkeypatch.delenv("KINDLING_SOCKET", raising=False)
    hook = sys.excepthook
    yield
    trial.set_current(None)
    sys.excepthook = hook
    _hook._trial = None


def python(code: str, folder: Path, env: dict[str, str] | None = None, **more: Any) -> Ended:
    """Runs a script, and waits for it."""
    script = folder / "script.py"
    script.write_text(code)
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=env,
        check=False,
        **more,
    )
