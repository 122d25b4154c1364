"""The `kindling` program: where it is, and what it answers."""

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kindling._errors import KindlingError

# A store of 10,000 long trials is read in seconds.
_PATIENCE = 300.0
_LAST_LINES = 20
_LONGEST_REASON = 4000


class ProgramNotFound(KindlingError):
    """The `kindling` program is nowhere."""


class ProgramFailed(KindlingError):
    """The `kindling` program refused what it was asked."""


def find() -> str:
    """The path of the program: the one named by KINDLING_PROGRAM, this wheel's, or the first in PATH."""
    named = os.environ.get("KINDLING_PROGRAM")
    if named:
        found = shutil.which(named)
        if found is None:
            raise ProgramNotFound(f"KINDLING_PROGRAM is {named}, which is no program that can be executed")
        return str(Path(found).absolute())
    scripts = sysconfig.get_path("scripts")
    found = shutil.which("kindling", path=scripts) or shutil.which("kindling")
    if found is None:
        raise ProgramNotFound(
            f"there is no program `kindling` in {scripts} and none in PATH\n"
            "hint: `pip install kindling-hpo` brings it; KINDLING_PROGRAM can name one elsewhere"
        )
    return str(Path(found).absolute())


def ask(*words: str, about: Iterable[str] = (), said: str | None = None) -> Any:
    """What a command with `--json` prints. `about` are names, which may look like options."""
    return json.loads(call(*words, "--json", about=about, said=said))


def call(*words: str, about: Iterable[str] = (), said: str | None = None) -> str:
    """What a command prints. It reads what is `said` from its standard input."""
    command = [find(), *words, "--", *about]
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command,
            input=(said or "").encode("utf-8", "replace"),
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
            env=environment(),
        )
    except subprocess.TimeoutExpired:
        raise ProgramFailed(f"`{' '.join(words[:2])}` has not answered within {_PATIENCE:.0f} s") from None
    except OSError as error:
        raise cannot_start(command[0], error) from error
    if done.returncode != 0:
        said = last_lines(done.stderr.decode(errors="replace"))
        raise ProgramFailed(said.removeprefix("error: ") or f"{command[0]} ended with status {done.returncode}")
    return done.stdout.decode()


def cannot_start(program: str, error: OSError) -> ProgramNotFound:
    return ProgramNotFound(f"{program} cannot be started: {error}")


def environment() -> dict[str, str]:
    """This process's variables, without those that say which coordinator to ask, and how: we say so ourselves."""
    asks = ("KINDLING_COORDINATOR", "KINDLING_TOKEN_FILE", "KINDLING_TLS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(asks)}


def last_lines(text: str) -> str:
    """The end of what a program said: enough to see why it failed."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-_LAST_LINES:])[-_LONGEST_REASON:]


def named_after(study: str, extension: str) -> str:
    """The name of the file that the program makes for a study in the current folder (see src/named_file.rs)."""
    name = ""
    for place, char in enumerate(study):
        begins_badly = place == 0 and char in "-.~"
        if begins_badly or char in "/\\" or _is_unprintable(char):
            char = "".join(f"%{byte:02X}" for byte in char.encode())  # noqa: PLW2901
        if len((name + char).encode()) > 200:  # noqa: PLR2004 - file systems allow 255 bytes, the rest is for suffixes
            break
        name += char
    return f"{name}.{extension}"


def _is_unprintable(char: str) -> bool:
    code = ord(char)
    return (
        code < 0x20  # noqa: PLR2004
        or 0x7F <= code < 0xA0  # noqa: PLR2004
        or char in "\u061c\u200e\u200f\u2028\u2029\ufeff"
        or 0x202A <= code <= 0x202E  # noqa: PLR2004
        or 0x2066 <= code <= 0x2069  # noqa: PLR2004
        or 0xFFF9 <= code <= 0xFFFB  # noqa: PLR2004
    )
