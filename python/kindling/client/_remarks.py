"""What people write about a study and its trials: notes, tags, and whether the study is archived."""

from collections.abc import Iterable

from kindling.client import _convert
from kindling.client._calls import ANNOTATE_STUDY, ANNOTATE_TRIAL, GET_STUDY, GET_TRIAL, Link
from kindling.client._errors import InvalidArgumentError
from kindling.client._proto import study_pb2 as pb

_U32 = 2**32 - 1


class Remarks:
    """The part of a `RemoteStudy` that has them. `trial` is the number of one of its trials; without it they are of the
    study. Finished trials can have them, too, and so can studies that Optuna's clients drive."""

    name: str
    _link: Link

    @property
    def note(self) -> str:
        """What people wrote about the study, in Markdown, whole. Empty: nothing."""
        return self._study().note

    @property
    def tags(self) -> list[str]:
        """The study's tags, in the order in which they were given."""
        return list(self._study().tags)

    @property
    def archived(self) -> bool:
        """Whether it is left out of lists. It goes on as before."""
        return self._study().archived

    def set_note(self, text: str, *, trial: int | None = None, version: int | None = None) -> None:
        """Writes the note, in Markdown, of at most 64 KiB; an empty text removes it.

        `version` is the `note_version` that was read with it: of `study.info()`, or of a trial. If somebody else has
        changed the note since, `NoteChangedError` is raised and nothing is written. Without it the new text counts.
        """
        text = _convert.text("the note", text)
        version = None if version is None else _convert.whole("version", version, 0, _U32)
        if trial is None:
            self._link.call(ANNOTATE_STUDY, pb.AnnotateStudyRequest(name=self.name, note=text, note_version=version))
        else:
            number = _number(trial)
            request = pb.AnnotateTrialRequest(study=self.name, number=number, note=text, note_version=version)
            self._link.call(ANNOTATE_TRIAL, request)

    def set_tags(self, tags: Iterable[str], *, trial: int | None = None) -> None:
        """Sets all tags: at most 32, of at most 64 characters each, without commas."""
        wire = pb.Tags(tags=_tags(tags))
        if trial is None:
            self._link.call(ANNOTATE_STUDY, pb.AnnotateStudyRequest(name=self.name, tags=wire))
        else:
            request = pb.AnnotateTrialRequest(study=self.name, number=_number(trial), tags=wire)
            self._link.call(ANNOTATE_TRIAL, request)

    def add_tags(self, *tags: str, trial: int | None = None) -> None:
        """Adds some to the tags. Reads them first: of two who do this at a moment, one may undo the other's."""
        had = self._tags_of(trial)
        self.set_tags([*had, *(tag for tag in dict.fromkeys(_tags(tags)) if tag not in had)], trial=trial)

    def remove_tags(self, *tags: str, trial: int | None = None) -> None:
        """Removes some of the tags. Those that are not there are passed over."""
        gone = set(_tags(tags))
        self.set_tags([tag for tag in self._tags_of(trial) if tag not in gone], trial=trial)

    def archive(self) -> None:
        """Leaves the study out of lists. It goes on as before: `pause` or `stop` it if it should not."""
        self._link.call(ANNOTATE_STUDY, pb.AnnotateStudyRequest(name=self.name, archived=True))

    def unarchive(self) -> None:
        """Takes it back into lists."""
        self._link.call(ANNOTATE_STUDY, pb.AnnotateStudyRequest(name=self.name, archived=False))

    def _tags_of(self, trial: int | None) -> list[str]:
        if trial is None:
            return self.tags
        request = pb.GetTrialRequest(study=self.name, number=_number(trial))
        return list(self._link.call(GET_TRIAL, request).trial.tags)

    def _study(self) -> pb.Study:
        return self._link.call(GET_STUDY, pb.GetStudyRequest(name=self.name)).study


def _tags(tags: Iterable[str]) -> list[str]:
    if isinstance(tags, str):
        raise InvalidArgumentError(f"tags are a list of texts, not {tags!r}", f"[{tags!r}] is one tag")
    return [_convert.text("a tag", tag) for tag in tags]


def _number(number: int) -> int:
    return _convert.whole("a trial's number", number, 0, _U32)
