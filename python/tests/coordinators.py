"""Real coordinators for tests. KINDLING_PROGRAM says which program; without it these tests are skipped."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROGRAM = os.environ.get("KINDLING_PROGRAM", "")
needs_program = pytest.mark.skipif(not PROGRAM, reason="KINDLING_PROGRAM names no `kindling` program")

SPACE: dict[str, Any] = {"x": {"type": "float", "low": -5.0, "high": 5.0}}


class Coordinator:
    """A coordinator on a port of its own, which it keeps when it is started again."""

    def __init__(self, folder: Path, *options: str, lease_term: float = 2.0) -> None:
        self._folder = folder
        self._options = (*options, f"--lease-term={lease_term}")
        self._listen = "127.0.0.1:0"
        self._log = folder / "coordinator.log"
        self.address = ""
        self.start()

    def start(self) -> None:
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "coordinator", "--store=study.db", f"--listen={self._listen}", *self._options],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        eventually(lambda: "listening on" in self.log() or self._process.poll() is not None)
        listening = re.search(r"listening on (https?://(\S+))", self.log())
        assert listening, self.log()
        self.address, self._listen = listening[1], listening[2]

    def log(self) -> str:
        return re.sub(r"\x1b\[[0-9;]*m", "", self._log.read_text())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill()
                raise


def eventually(holds: Callable[[], Any], within: float = 30.0) -> Any:
    """Waits until something holds, and returns it."""
    end = time.monotonic() + within
    while True:
        if found := holds():
            return found
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.02)
