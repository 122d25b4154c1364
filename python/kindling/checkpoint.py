"""What a trial saves beside its value: checkpoints and artifacts."""

import contextlib
import mimetypes
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kindling._errors import KindlingError

Content = str | os.PathLike[str] | bytes | bytearray | memoryview
"""A file, by its path, or bytes. An `io.BytesIO` will do as well."""


@dataclass(frozen=True)
class Checkpoint:
    """What an earlier attempt at the trial saved last."""

    step: int
    """The last step that it contains: go on with the one after."""
    path: Path
    """A file with its bytes. It is there until the trial is over, and its SHA-256 was compared."""

    def read_bytes(self) -> bytes:
        return self.path.read_bytes()


def is_file(content: Any) -> bool:
    return isinstance(content, (str, os.PathLike))


def media_type(name: str) -> str | None:
    """What the name says of its type."""
    return mimetypes.guess_type(name, strict=False)[0]


def size(content: Any) -> int:
    """In bytes. For a trial that no worker runs, which has the same errors."""
    if not is_file(content):
        return _view(content).nbytes
    path = Path(content)
    try:
        if not path.is_file():
            problem = "is a folder, not a file\nhint: pack it into one file" if path.is_dir() else "is no file"
            raise KindlingError(f"{path} {problem}")
        return path.stat().st_size
    except OSError as error:
        raise KindlingError(f"{path} cannot be read: {error}") from None


@contextlib.contextmanager
def as_file(content: Any) -> Iterator[dict[str, Any]]:
    """How the worker is told of it. Bytes go by a file that the worker takes away."""
    if is_file(content):
        yield {"path": os.path.abspath(os.fspath(content))}  # noqa: PTH100 - a link stays one
        return
    view = _view(content)
    handle, name = tempfile.mkstemp(prefix="kindling-saved-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(view)
        yield {"path": name, "move": True}
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _view(content: Any) -> memoryview:
    try:
        return memoryview(content.getbuffer() if hasattr(content, "getbuffer") else content)
    except TypeError:
        what = f"{type(content).__name__}; expected the path of a file, or bytes"
        hint = "`torch.save(state, path)` or `pickle.dumps(state)` makes one of an object"
        raise KindlingError(f"what is saved is of type {what}\nhint: {hint}") from None
