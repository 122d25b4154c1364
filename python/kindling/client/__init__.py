"""The client of a coordinator: create studies, look at them, watch them, and evaluate their trials yourself.

    import kindling

    with kindling.connect() as client:
        study = client.create("mine", space={"x": kindling.Float(-5, 5)}, direction="minimize", trials=50)
        while trial := study.ask():
            with trial:
                trial.tell(trial.params["x"] ** 2)
        print(study.best_trial)

It is an extra: `pip install kindling-hpo[grpc]`. What runs in a trial does not need it.
"""

try:
    import google.protobuf as _protobuf  # noqa: F401
    import grpc as _grpc  # noqa: F401
except ImportError as _error:
    # The packages are not called what they are imported as.
    _package = "grpcio" if _error.name == "grpc" else "protobuf"
    raise ImportError(
        f"kindling.client needs {_package}, which is not installed\nhint: pip install 'kindling-hpo[grpc]'",
        name=_error.name,
    ) from None

from kindling.client._activity import Activity
from kindling.client._client import Client, connect
from kindling.client._errors import (
    AccessDeniedError,
    ClientError,
    ConnectionSettingsError,
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
from kindling.client._info import Failure, StudyInfo
from kindling.client._study import RemoteStudy, Retried
from kindling.client._trial import AskedTrial
from kindling.client._watch import StudyUpdate
from kindling.frozen import FrozenTrial, TrialState

__all__ = [
    "AccessDeniedError",
    "Activity",
    "AskedTrial",
    "Client",
    "ClientError",
    "ConnectionSettingsError",
    "Failure",
    "FrozenTrial",
    "InvalidArgumentError",
    "NoteChangedError",
    "OverloadedError",
    "RefusedError",
    "RemoteStudy",
    "Retried",
    "StudyExistsError",
    "StudyInfo",
    "StudyUpdate",
    "TrialLostError",
    "TrialState",
    "UnknownStudyError",
    "UnknownTrialError",
    "UnreachableError",
    "connect",
]
