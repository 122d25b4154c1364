"""What people write about a study in a store and about its trials, by the program's own commands."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from kindling._errors import KindlingError


class Remarks(ABC):
    """Notes, tags, and whether the study is archived. `trial` is the number of one of its trials; without it they are
    of the study. Finished trials can have them, too."""

    @property
    def note(self) -> str:
        """What people wrote about the study, in Markdown. Empty: nothing."""
        return str(self._existing()["note"])

    @property
    def tags(self) -> list[str]:
        """The study's tags, in the order in which they were given."""
        return list(self._existing()["tags"])

    @property
    def archived(self) -> bool:
        """Whether it is left out of lists. It goes on as before."""
        return bool(self._existing()["archived"])

    def set_note(self, text: str, *, trial: int | None = None, version: int | None = None) -> None:
        """Writes the note, in Markdown, of at most 64 KiB; an empty text removes it.

        `version` is the `note_version` that was read with it, of a trial or in `study show --json`. If somebody else
        has changed the note since, this is refused. Without it the new text counts.
        """
        if not isinstance(text, str):
            raise KindlingError(f"a note is a text, not {text!r}")
        only = [] if version is None else [f"--if-version={version}"]
        # By standard input: a command line has less room, and `-` would be read from there.
        self._tell("note", trial, *only, about=["-"], said=text)

    def set_tags(self, tags: Iterable[str], *, trial: int | None = None) -> None:
        """Sets all tags: at most 32, of at most 64 characters each, without commas."""
        wanted, had = _tags(tags), self._tags_of(trial)
        self._change_tags(trial, add=wanted, remove=[tag for tag in had if tag not in wanted])

    def add_tags(self, *tags: str, trial: int | None = None) -> None:
        """Adds some to the tags."""
        self._change_tags(trial, add=_tags(tags), remove=[])

    def remove_tags(self, *tags: str, trial: int | None = None) -> None:
        """Removes some of the tags. Those that are not there are passed over."""
        self._change_tags(trial, add=[], remove=_tags(tags))

    def archive(self) -> None:
        """Leaves the study out of lists. It goes on as before."""
        self._tell("archive", None)

    def unarchive(self) -> None:
        """Takes it back into lists."""
        self._tell("unarchive", None)

    def _change_tags(self, trial: int | None, add: list[str], remove: list[str]) -> None:
        words = [f"--add={tag}" for tag in add] + [f"--remove={tag}" for tag in remove]
        if words:
            self._tell("tag", trial, *words)

    def _tags_of(self, trial: int | None) -> list[str]:
        if trial is None:
            return self.tags
        return list(self._tell("tag", trial)["tags"])

    @abstractmethod
    def _existing(self) -> dict[str, Any]:
        """What `kindling study show --json` says."""

    @abstractmethod
    def _tell(
        self, command: str, trial: int | None, *words: str, about: Iterable[str] = (), said: str | None = None
    ) -> Any:
        """Has a command of `kindling study` or `kindling trial` done, with this on its standard input."""


def _tags(tags: Iterable[str]) -> list[str]:
    found = [] if isinstance(tags, str) else list(tags)
    if isinstance(tags, str) or not all(isinstance(tag, str) for tag in found):
        raise KindlingError(f'tags are a list of texts, such as ["paper"], not {tags!r}')
    return list(dict.fromkeys(found))
