"""Whole runs of commands by the real program. KINDLING_PROGRAM names it; tests of these need it."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coordinators import PROGRAM
from kindling import StoredStudy, _toml


def run(
    folder: Path, study: Mapping[str, Any], enqueued: Sequence[Mapping[str, Any]], *options: str, timeout: float = 240
) -> StoredStudy:
    """Runs a study with these trials first, one after another, and returns what it found."""
    (folder / "study.toml").write_text(_toml.dumps(study))
    store = f"--store={folder / 'study.db'}"
    _call(folder, timeout, "study", "create", store, "study.toml")
    for params in enqueued:
        words = ["trial", "enqueue", store, f"--json-params={json.dumps(dict(params))}", "--", study["name"]]
        _call(folder, timeout, *words)
    _call(folder, timeout, "run", store, "--workers=1", "--slots=1", *options, "study.toml")
    return StoredStudy(study["name"], folder / "study.db")


def _call(folder: Path, timeout: float, *words: str) -> None:
    done = subprocess.run(
        [PROGRAM, *words],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
