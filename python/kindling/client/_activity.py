"""Who did what."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from kindling.client import _convert
from kindling.client._calls import LIST_ACTIVITY, Link
from kindling.client._proto import study_pb2 as pb

_PAGE = 200


@dataclass(frozen=True, kw_only=True)
class Activity:
    """One thing that somebody did. What workers do with trials is none."""

    time: datetime
    # What callers say of themselves, such as `alice@gpu1`. It proves nothing. Empty: they did not say.
    who: str
    # Their address, and which token: `10.0.0.7 (client)`.
    source: str
    # create, pause, resume, stop, budget, confirm, enqueue, retry, artifact, note, tags, archive, unarchive or delete.
    # More words may come.
    what: str
    study: str
    # The trial that it was about.
    trial: int | None
    # More, on one line.
    details: str


def activities(link: Link, study: str) -> Iterator[Activity]:
    """Those of a study, or of all (empty), the newest first: a page at a time, at most 1,000 of each study."""
    request = pb.ListActivityRequest(study=study, page_size=_PAGE)
    while True:
        page = link.call(LIST_ACTIVITY, request)
        yield from map(_activity, page.activities)
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def _activity(wire: pb.Activity) -> Activity:
    return Activity(
        time=_convert.time(wire.time),
        who=wire.who,
        # `from` is a word of Python's.
        source=getattr(wire, "from"),
        what=wire.what,
        study=wire.study,
        trial=wire.trial if wire.HasField("trial") else None,
        details=wire.details,
    )
