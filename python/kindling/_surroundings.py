"""What a worker's Python process must find as it is here: the interpreter, and the modules."""

import os
import site
import sys
import sysconfig
from pathlib import Path


def interpreter() -> str | None:
    """What the study file must say about the interpreter. None if the first `python3` in PATH will be this one.

    A study keeps what its file says. So the file should not name a virtual environment, which is a different one
    tomorrow (`uv run` makes one for each call).
    """
    if not sys.executable:
        return None
    usual = Path(sys.executable).with_name("python3")
    if os.access(usual, os.X_OK) and os.path.realpath(usual) == os.path.realpath(sys.executable):
        return None
    return sys.executable


def environment(given: dict[str, str]) -> dict[str, str]:
    """The variables with which a Python process of a worker is like this one."""
    found = dict(given)
    if sys.executable:
        found["PATH"] = _joined([str(Path(sys.executable).parent), given.get("PATH", os.defpath)])
    found["PYTHONPATH"] = _joined(import_path())
    return found


def import_path() -> list[str]:
    """Where this process finds modules that another one of this interpreter would not."""
    its_own = {os.path.realpath(path) for path in _of_every_process()}
    found = [str(Path(path).absolute()) for path in sys.path if os.path.realpath(path) not in its_own]
    # The variable cannot hold a folder with a colon in its name.
    return [path for path in dict.fromkeys(found) if Path(path).exists() and os.pathsep not in path]


def _of_every_process() -> list[str]:
    paths = sysconfig.get_paths()
    # A virtual environment's standard library is that of its base.
    standard = [paths["stdlib"], paths["platstdlib"], str(Path(os.__file__).parent)]
    standard += [str(Path(path) / "lib-dynload") for path in standard]
    standard += [path for path in sys.path if Path(path).name.startswith("python") and path.endswith(".zip")]
    return [*standard, paths["purelib"], paths["platlib"], *site.getsitepackages(), site.getusersitepackages()]


def _joined(parts: list[str]) -> str:
    return os.pathsep.join(dict.fromkeys(part for part in parts if part))
