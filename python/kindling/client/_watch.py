"""Follows a study."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import grpc

from kindling.client import _convert
from kindling.client._calls import LIST_TRIALS, WATCH_STUDY, Backoff, Link, log
from kindling.client._errors import OverloadedError, UnreachableError
from kindling.client._info import StudyInfo, info
from kindling.client._meaning import may_change, said
from kindling.client._proto import study_pb2 as pb
from kindling.frozen import FrozenTrial

# A message comes at least every 5 s, so a stream may end at any time and begin again.
_RENEW = 3600.0
_PAGE = 1000


# What changes of a trial, without its contents: state, attempt, how much it has reported and noted, and what people
# wrote about it.
_Seen = tuple[int, int, int, int, int, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class StudyUpdate:
    """The study now, and the trials that changed since the last update. The first has all trials."""

    study: StudyInfo
    changed: list[FrozenTrial]
    worker_count: int


def watch(link: Link, name: str) -> Iterator[StudyUpdate]:
    """Updates, until the study is finished and all its trials have been seen. Reconnects for as long as it takes."""
    seen: dict[int, _Seen] = {}
    backoff = Backoff()
    is_down = False
    while True:
        stub = link.channel.unary_stream(
            WATCH_STUDY.path,
            request_serializer=pb.WatchStudyRequest.SerializeToString,
            response_deserializer=pb.WatchStudyResponse.FromString,
        )
        metadata = link.metadata(WATCH_STUDY)
        stream = stub(pb.WatchStudyRequest(name=name), timeout=_RENEW, metadata=metadata, wait_for_ready=is_down)
        is_first = True
        try:
            for message in stream:
                backoff, is_down = Backoff(), False
                changed = _news(message.changed, seen)
                is_over = message.study.finished
                # A stream tells what changed of late, as far as the coordinator remembers. The rest is in the list.
                if is_first or (is_over and not _has_all(message.study, seen)):
                    changed.update(_news(all_trials(link, name), seen))
                    is_first = False
                yield StudyUpdate(
                    study=info(message.study),
                    changed=[_convert.trial(changed[number]) for number in sorted(changed)],
                    worker_count=message.worker_count,
                )
                if is_over:
                    return
        except grpc.RpcError as error:
            if not may_change(error):
                raise link.meaning(error) from None
            if not is_down and error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                is_down = True
                log.warning("the watch broke off (%s); trying again", said(error))
        except (UnreachableError, OverloadedError) as error:
            log.warning("the watch broke off (%s); trying again", error.message)
        finally:
            stream.cancel()
        time.sleep(backoff.wait())


def all_trials(link: Link, name: str, states: Iterable[pb.TrialState.ValueType] = ()) -> Iterator[pb.Trial]:
    """The trials in these states, or all, a page at a time."""
    request = pb.ListTrialsRequest(study=name, page_size=_PAGE, states=states)
    while True:
        page = link.call(LIST_TRIALS, request)
        yield from page.trials
        request.page_token = page.next_page_token
        if not request.page_token:
            return


def _news(trials: Iterable[pb.Trial], seen: dict[int, _Seen]) -> dict[int, pb.Trial]:
    """Those that are not known as they are. From now on they are."""
    news = {}
    for trial in trials:
        counts = (len(trial.intermediate_values), len(trial.attributes_json), trial.note_version)
        now = (trial.state, trial.attempt, *counts, tuple(trial.tags))
        if seen.get(trial.number) != now:
            seen[trial.number] = now
            news[trial.number] = trial
    return news


def _has_all(study: pb.Study, seen: dict[int, _Seen]) -> bool:
    """Whether the end of each trial has been seen."""
    counts, ended = study.counts, (pb.TRIAL_STATE_COMPLETE, pb.TRIAL_STATE_PRUNED, pb.TRIAL_STATE_FAIL)
    return counts.complete + counts.pruned + counts.fail == sum(state in ended for state, *_ in seen.values())
