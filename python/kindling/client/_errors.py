"""What the client raises. All of it is a `kindling.KindlingError`, and says what was found and what may help."""

from kindling._errors import KindlingError


class ClientError(KindlingError):
    """The base of all errors of this client."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(f"{message}\nhint: {hint}" if hint else message)
        self.message = message
        self.hint = hint


class ConnectionSettingsError(ClientError, ValueError):
    """The address, the token or the certificates cannot be used, so nothing was called."""


class UnreachableError(ClientError, ConnectionError):
    """No coordinator answers."""


class AccessDeniedError(ClientError, PermissionError):
    """The coordinator refuses the token."""


class InvalidArgumentError(ClientError, ValueError):
    """The coordinator, or this client in its stead, refuses what was asked: it makes no sense, or it is too large."""


class UnknownStudyError(ClientError, LookupError):
    """There is no such study."""


class UnknownTrialError(ClientError, LookupError):
    """There is no such trial."""


class StudyExistsError(ClientError):
    """A study of this name exists already, and it is another one."""


class RefusedError(ClientError):
    """The coordinator refuses a call in the study's present state. It changed nothing."""


class NoteChangedError(RefusedError):
    """Somebody else changed the note since it was read. Read it again, and write what should stand there now."""


class OverloadedError(ClientError):
    """The coordinator has no room for this call, or for what it would store."""


class TrialLostError(ClientError):
    """The trial is not this asker's any more: it was stopped, or it was lost and may run elsewhere."""
