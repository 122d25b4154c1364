"""Follows a study."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import grpc

from kindling.client import _convert
from kindling.client._calls import WATCH_STUDY, Backoff, Link, log
from kindling.client._info import StudyInfo, info
from kindling.client._meaning import may_change, said
from kindling.client._proto import study_pb2 as pb
from kindling.frozen import FrozenTrial

# A message comes at least every 5 s, so a stream may end at any time and begin again.
_RENEW = 3600.0


# What changes of a trial, without its contents: state, attempt, and how much it has reported and noted.
_Seen = tuple[int, int, int, int]


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
        stream = stub(pb.WatchStudyRequest(name=name), timeout=_RENEW, metadata=link.metadata(WATCH_STUDY))
        try:
            for message in stream:
                backoff, is_down = Backoff(), False
                # A new stream begins with all trials, of which most are known.
                changed = [trial for trial in message.changed if seen.get(trial.number) != _seen(trial)]
                seen.update({trial.number: _seen(trial) for trial in changed})
                yield StudyUpdate(
                    study=info(message.study),
                    changed=[_convert.trial(trial) for trial in changed],
                    worker_count=message.worker_count,
                )
                if message.study.finished and _has_all(message.study, seen):
                    return
        except grpc.RpcError as error:
            if not may_change(error):
                raise link.meaning(error) from None
            if not is_down and error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:
                is_down = True
                log.warning("the watch broke off (%s); trying again", said(error))
        finally:
            stream.cancel()
        time.sleep(backoff.wait())


def _seen(trial: pb.Trial) -> _Seen:
    return (trial.state, trial.attempt, len(trial.intermediate_values), len(trial.attributes_json))


def _has_all(study: pb.Study, seen: dict[int, _Seen]) -> bool:
    """Whether the end of each trial has been seen: one message may be too small for all."""
    counts, states = study.counts, [state for state, *_ in seen.values()]
    ended = ((pb.TRIAL_STATE_COMPLETE, counts.complete), (pb.TRIAL_STATE_PRUNED, counts.pruned))
    return all(states.count(state) == count for state, count in (*ended, (pb.TRIAL_STATE_FAIL, counts.fail)))
