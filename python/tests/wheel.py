"""Tries a built wheel as somebody does who has pip and nothing else: `python python/tests/wheel.py WHEEL`.

In a clean environment: `pip install`, `kindling --version`, the README's Python example, `kindling run` of a study file
with a Python function, and a notebook. From `pip install` to the first finished trial it may take a minute.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
A_MINUTE = 60.0
PATIENCE = 300

STUDY = """
name = "file"
direction = "minimize"
trials = 3

[objective]
kind = "python"
function = "train:objective"

[space.x]
type = "float"
low = -1.0
high = 1.0
"""
TRAIN = """
def objective(trial):
    trial.report(1.0, step=0)
    return trial.params["x"] ** 2
"""
# When the first trial was finished, in seconds since the epoch.
FIRST = """
import kindling, pathlib
(store,) = pathlib.Path().glob("*.db")
trials = kindling.load_study(store).trials
assert all(trial.state.is_finished() for trial in trials), trials
print(min(trial.datetime_complete.timestamp() for trial in trials))
"""


def main() -> int:
    (wheel,) = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="kindling-wheel-") as folder:
        Trial(wheel.resolve(), Path(folder)).run()
    return 0


class Trial:
    """A clean environment, and what is done in it."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.wheel = wheel
        self.folder = folder
        self.bin = folder / "venv" / "bin"
        unclean = ("PYTHON", "KINDLING", "VIRTUAL_ENV", "CONDA", "CARGO", "RUST")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(unclean)}
        # As `activate` does it, and no Rust: only the system's own programs beside it.
        self.env["PATH"] = os.pathsep.join([str(self.bin), "/usr/local/bin", "/usr/bin", "/bin"])

    def run(self) -> None:
        self.do("a clean environment", sys.executable, "-m", "venv", str(self.folder / "venv"))
        began = time.time()
        self.do("pip install", "python", "-m", "pip", "install", "--quiet", "--no-input", str(self.wheel))
        self.do("kindling --version", "kindling", "--version")
        seconds = self.readme() - began
        print(f"{seconds:.1f} s from `pip install` to the first finished trial", flush=True)
        self.study_file()
        self.notebook()
        if seconds > A_MINUTE:
            raise SystemExit(f"{seconds:.1f} s are more than a minute")

    def readme(self) -> float:
        """Runs the README's first Python example; gives the time of its first finished trial."""
        found = re.search(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
        if found is None:
            raise SystemExit("README.md has no example in Python")
        place = self.place("readme")
        (place / "tune.py").write_text(found[1])
        self.do("the README's example", "python", "tune.py", place=place)
        return float(self.do("what it found", "python", "-c", FIRST, place=place))

    def study_file(self) -> None:
        place = self.place("file")
        (place / "study.toml").write_text(STUDY)
        (place / "train.py").write_text(TRAIN)
        self.do("kindling run", "kindling", "run", "study.toml", "--workers=1", place=place)
        listed = self.do(
            "kindling trial list", "kindling", "trial", "list", "--store=file.db", "--json", "file", place=place
        )
        if listed.count('"COMPLETE"') != 3:
            raise SystemExit(f"expected 3 complete trials, found\n{listed}")

    def notebook(self) -> None:
        """The tests of notebooks, with what is installed and nothing of this folder."""
        place = self.place("notebook")
        for name in ("conftest.py", "test_notebook.py"):
            shutil.copy(ROOT / "python" / "tests" / "study" / name, place)
        packages = [f"{self.wheel}[notebook]", "pytest", "nbclient", "nbformat", "ipykernel"]
        self.do("pip install, for notebooks", "python", "-m", "pip", "install", "--quiet", "--no-input", *packages)
        self.env["KINDLING_PROGRAM"] = str(self.bin / "kindling")
        said = self.do("a notebook", "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(place), place=place)
        if " skipped" in said or " passed" not in said:
            raise SystemExit(f"the notebook's tests did not run:\n{said}")

    def place(self, name: str) -> Path:
        place = self.folder / name
        place.mkdir()
        return place

    def do(self, what: str, program: str, *words: str, place: Path | None = None) -> str:
        """Runs a program of the environment, and gives what it printed."""
        began = time.monotonic()
        command = [shutil.which(program, path=self.env["PATH"]) or program, *words]
        done = subprocess.run(
            command,
            cwd=place or self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        if done.returncode != 0:
            raise SystemExit(f"{what}: status {done.returncode}\n{done.stdout}\n{done.stderr}")
        print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
        return done.stdout


if __name__ == "__main__":
    sys.exit(main())
