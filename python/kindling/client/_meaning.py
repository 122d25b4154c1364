"""What a call's error means: as this client raises it, and whether the call may be repeated."""

import grpc

from kindling.client._errors import (
    AccessDeniedError,
    ClientError,
    InvalidArgumentError,
    NoteChangedError,
    OverloadedError,
    RefusedError,
    StudyExistsError,
    TrialLostError,
    UnknownStudyError,
    UnknownTrialError,
    UnreachableError,
)

# The coordinator has answered, so that a repetition would change nothing.
_FINAL = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.ABORTED,
    }
)
_NO_GRPC = "the address is the one after `listening on` in the coordinator's log, not the page's"


def meaning(error: grpc.RpcError, address: str) -> ClientError:  # noqa: C901, PLR0912 - one list of what may come
    """The error as this client raises it."""
    code, text = error.code(), said(error)
    if speaks_no_grpc(error):
        return UnreachableError(f"what answers at {address} does not speak gRPC", _NO_GRPC)
    match code:
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return AccessDeniedError(text, _token_hint(text))
        case grpc.StatusCode.INVALID_ARGUMENT | grpc.StatusCode.OUT_OF_RANGE:
            return InvalidArgumentError(text)
        case grpc.StatusCode.NOT_FOUND if text.startswith("there is no study"):
            return UnknownStudyError(text, "`client.studies()` lists those there are")
        case grpc.StatusCode.NOT_FOUND if text.startswith("there is no trial"):
            return UnknownTrialError(text)
        case grpc.StatusCode.NOT_FOUND:
            return TrialLostError(text)
        case grpc.StatusCode.ALREADY_EXISTS if "exists with another" in text:
            hint = "give this one another name, or delete the old one: `client.study(name).delete()`"
            return StudyExistsError(text, hint)
        case grpc.StatusCode.FAILED_PRECONDITION if "is not this worker's lease" in text:
            return TrialLostError(text)
        case grpc.StatusCode.FAILED_PRECONDITION if "all exist already" in text:
            return RefusedError(text, "`study.resume(trials=N)` raises the budget")
        case grpc.StatusCode.FAILED_PRECONDITION if "stop the study first" in text:
            return RefusedError(text, "`study.stop()` calls running trials back")
        case grpc.StatusCode.ABORTED if "changed the note" in text:
            return NoteChangedError(text)
        case grpc.StatusCode.ALREADY_EXISTS | grpc.StatusCode.FAILED_PRECONDITION:
            return RefusedError(text)
        case grpc.StatusCode.RESOURCE_EXHAUSTED if "studies, and no more" in text:
            return OverloadedError(text, "remove some: `client.study(name).delete()`")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return OverloadedError(text, "try again later")
        case grpc.StatusCode.CANCELLED | grpc.StatusCode.DEADLINE_EXCEEDED:
            hint = "see whether it still runs, and look what it did before you ask again"
            return UnreachableError(f"the coordinator at {address} does not answer: {text}", hint)
        case grpc.StatusCode.UNAVAILABLE:
            hint = (
                "see whether it runs (`kindling coordinator --store study.db` starts one), and whether address, "
                "http:// or https:// and certificates are right"
            )
            return UnreachableError(f"no coordinator answers at {address}: {text}", hint)
        case _:
            return ClientError(f"{code.name}: {text}")


def said(error: grpc.RpcError) -> str:
    """What the other side, or gRPC, said."""
    return error.details() or error.code().name


def may_change(error: grpc.RpcError) -> bool:
    """Whether the same call may succeed later."""
    hopeless = speaks_no_grpc(error) or "studies, and no more" in said(error)
    return error.code() not in _FINAL and not hopeless


def speaks_no_grpc(error: grpc.RpcError) -> bool:
    text = said(error).lower()
    signs = ("http1", "http/1", "received http2 header with status", "received http2 :status header", "content-type")
    return error.code() in (
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
    ) and any(sign in text for sign in signs)


def _token_hint(text: str) -> str:
    if "for the worker token" in text:
        return "asking and telling takes the worker token: kindling.connect(worker_token_file=…)"
    return "give the coordinator's client token: kindling.connect(token_file=…)"
