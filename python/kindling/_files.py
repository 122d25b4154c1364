"""The files beside a store: the study file, the function, and which code it was."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindling import _program, _toml
from kindling._errors import KindlingError
from kindling._function import Imported, Pickled


@dataclass(frozen=True)
class Noted:
    """What the study ran: the study file's `function`, and a hash of its code."""

    function: str | None = None
    code: str | None = None


class Files:
    """The files of one study, beside its store. Their names stay, so that the study can go on."""

    def __init__(self, store: Path, study: str) -> None:
        own = store.name == _program.named_after(study, "db")
        # A store may hold several studies.
        base = store if own else store.with_name(f"{store.name}.{_program.named_after(study, 'x').removesuffix('.x')}")
        self.store = store
        self.study = base.with_name(f"{base.name}.study.toml")
        self.function = base.with_name(f"{base.name}.function.pkl")
        self.noted = base.with_name(f"{base.name}.function.json")

    def reference(self, found: Imported | Pickled, directory: Path) -> str:
        """The study file's `function`."""
        if isinstance(found, Pickled):
            return f"pickle:{self._path(self.function, directory)}"
        if found.file is not None:
            return f"{self._path(found.file, directory)}:{found.name}"
        return f"{found.module}:{found.name}"

    def write(self, document: Mapping[str, Any], found: Imported | Pickled) -> None:
        try:
            if isinstance(found, Pickled):
                _replace(self.function, found.data)
            _replace(self.study, _toml.dumps(document).encode())
        except OSError as error:
            raise KindlingError(f"{self.store.parent} cannot be written: {error}") from error

    def before(self) -> Noted:
        """What was noted when the study ran last."""
        if not self.store.exists():
            return Noted()
        try:
            noted = json.loads(self.noted.read_bytes())
            return Noted(str(noted["function"]), str(noted["code"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Noted()

    def note(self, noted: Noted) -> None:
        try:
            _replace(self.noted, json.dumps({"function": noted.function, "code": noted.code}).encode())
        except OSError as error:
            raise KindlingError(f"{self.store.parent} cannot be written: {error}") from error

    def _path(self, path: Path, directory: Path) -> str:
        """Relative where everything is in one folder, so that the folder can be moved and its studies go on."""
        if self.store.parent == directory and path.is_relative_to(directory):
            return str(path.relative_to(directory))
        return str(path)


def _replace(path: Path, data: bytes) -> None:
    """The file has the old content or the new one, never a part."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
