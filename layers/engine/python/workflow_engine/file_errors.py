"""How reading a file fails. The class names are the error types that results, conditions and the compiler's Retry see, so they
are part of the contract.
"""

from __future__ import annotations

from typing import Final

from workflow_engine import endpoint_errors
from workflow_engine.errors import InvalidStepInput, ThrottledError, UnavailableError, WorkflowEngineError
from workflow_engine.outbound import AddressRefusedError, HostNotFoundError


class FileMissingError(WorkflowEngineError):
    """There is no file under this reference, path or key."""

    code = "file_missing"


class FileAccessError(WorkflowEngineError):
    """The step may not read from there."""

    code = "file_access"


class FileTypeError(WorkflowEngineError):
    """A kind of file of which no text is read."""

    code = "file_type"


class FileTooLargeError(WorkflowEngineError):
    """More bytes, pages or cells than are read."""

    code = "file_too_large"


class FileExpandsTooMuchError(WorkflowEngineError):
    """An archive that would unpack to far more than it holds."""

    code = "file_expands_too_much"


class FileEncryptedError(WorkflowEngineError):
    """A file that asks for a password."""

    code = "file_encrypted"


class FileUnreadableError(WorkflowEngineError):
    """A file that is damaged, or is not what it calls itself."""

    code = "file_unreadable"


def _names(*classes: type[Exception]) -> tuple[str, ...]:
    return tuple(c.__name__ for c in classes)


TRANSIENT_ERRORS: Final = (*endpoint_errors.TRANSIENT_ERRORS, *_names(ThrottledError, UnavailableError))
"""They pass by themselves: retried unless the step says how to retry."""

FINAL_ERRORS: Final = _names(
    FileMissingError,
    FileAccessError,
    FileTypeError,
    FileTooLargeError,
    FileExpandsTooMuchError,
    FileEncryptedError,
    FileUnreadableError,
    InvalidStepInput,
    AddressRefusedError,
    HostNotFoundError,
    endpoint_errors.HttpClientError,
    endpoint_errors.HttpRedirectError,
    endpoint_errors.HttpCertificateError,
    endpoint_errors.HttpAnswerError,
    endpoint_errors.HttpAnswerTooLargeError,
)
"""Never retried, whatever the step says."""
