"""What use cases raise. Each error has a stable `code`, a sentence for the client and, where there is one, the places
in its body that are wrong. Nothing here knows of HTTP; `workflow_engine.http.problem` maps classes to statuses.

At the end stands what step Lambdas raise (`workflow_engine.sdk`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final


class WorkflowEngineError(Exception):
    """Base of all errors that a client may see. `errors` are `{code, pointer, detail}`, pointers as of RFC 6901."""

    code: ClassVar[str] = "internal_error"

    def __init__(self, detail: str, *, errors: Iterable[Mapping[str, str]] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors: list[dict[str, str]] = [dict(e) for e in errors]


class MalformedDocumentError(WorkflowEngineError):
    """A text is not of the format that it should have. `place` is the line and the column where, from 1, None where that is not
    known. `sentence` is the detail without it, for who shows the place himself.
    """

    def __init__(self, detail: str, *, place: tuple[int, int] | None = None, sentence: str | None = None) -> None:
        super().__init__(detail)
        self.place = place
        self.sentence = sentence or detail


class MalformedJsonError(MalformedDocumentError):
    """The text is not JSON."""

    code = "malformed_json"


class MalformedYamlError(MalformedDocumentError):
    """The text is not YAML 1.2, or says what has no meaning in JSON."""

    code = "malformed_yaml"


class InvalidRequestError(WorkflowEngineError):
    """The request is well-formed JSON that breaks a rule; `errors` tell where."""

    code = "invalid_request"

    @classmethod
    def at(cls, pointer: str, detail: str) -> InvalidRequestError:
        """An error with one place."""
        return cls(detail, errors=[{"code": cls.code, "pointer": pointer, "detail": detail}])


class ForbiddenError(WorkflowEngineError):
    """The caller is known, and may not do this."""

    code = "forbidden"


class NotFoundError(WorkflowEngineError):
    """The caller's tenant has no such record."""

    code = "not_found"


class ConflictError(WorkflowEngineError):
    """The request does not fit the state that the record is in."""

    code = "conflict"


class PausedError(ConflictError):
    """The workflow is not to be started until it is resumed."""

    code = "paused"


class PreconditionFailedError(WorkflowEngineError):
    """The record is not as the client, by the headers If-Match or If-None-Match, says that it must be."""

    code = "precondition_failed"


class AlreadyDecidedError(ConflictError):
    """Somebody has decided before. The first decision holds."""

    code = "already_decided"


class TooLateError(ConflictError):
    """What is answered waits for no answer any more."""

    code = "too_late"


class RequestUnderWayError(ConflictError):
    """A request with the same idempotency key is still being worked on. Later the same request gets its answer."""

    code = "idempotent_request_under_way"
    retry_after_seconds: ClassVar[int] = 1


class UpstreamError(WorkflowEngineError):
    """A server that the caller's tenant has registered does not do its part."""

    code = "upstream_error"


class PayloadTooLargeError(WorkflowEngineError):
    """More bytes than Step Functions or the store take."""

    code = "payload_too_large"


class UnsupportedMediaTypeError(WorkflowEngineError):
    """The body is of a kind that the route does not read."""

    code = "unsupported_media_type"


class OutcomeUnknownError(WorkflowEngineError):
    """AWS did not say whether it did what it was asked for, so it may have. The same request with the same idempotency key
    goes on from there; nothing is made twice.
    """

    code = "outcome_unknown"
    retry_after_seconds: ClassVar[int] = 1


class ThrottledError(WorkflowEngineError):
    """AWS refused for now. Nothing was started or changed in the end; the same request succeeds later."""

    code = "throttled"

    def __init__(self, detail: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class QuotaExceededError(ThrottledError):
    """The tenant has used up what it may; the detail says what, and when there is more."""

    code = "quota_exceeded"


class UnavailableError(ThrottledError):
    """AWS did not answer, or failed. It passes as throttling does, and whoever only tries again later need not tell the
    two apart; but what was asked for may have been done.
    """

    code = "unavailable"


class MisconfiguredError(WorkflowEngineError):
    """AWS refuses, and goes on refusing until whoever runs the service changes it: a policy, a quota, a key.

    `aws_code` and `aws_message` are AWS's own and go to the log; the message names ARNs, so no client is told.
    """

    code = "service_misconfigured"
    retry_after_seconds: ClassVar[int] = 600

    def __init__(self, detail: str, *, aws_code: str, aws_message: str) -> None:
        super().__init__(detail)
        self.aws_code = aws_code
        self.aws_message = aws_message


# Lambda reports the class name as `errorType`, so these names are part of the contract.


class StepReportedFailure(Exception):  # noqa: N818 - errorType is the class name; results and conditions rely on it
    """The step did its work and the answer is that it failed. The message is what the client reads."""


class InvalidStepInput(Exception):  # noqa: N818 - errorType is the class name; results and conditions rely on it
    """The event, its config or its input data are not what the step needs. A retry would not help."""


class StepInputError(InvalidStepInput):
    """The config or the input data of a step that was made with `@step(config=..., input=...)` do not fit its models."""


class StepOutputError(Exception):
    """The step's output is not what its type promises. A retry would not help."""


class StepTransientError(Exception):
    """What passes by itself: a server that does not answer, a lock that is taken. It is retried twice, or as the step says."""


FINAL_STEP_ERRORS: Final = (InvalidStepInput.__name__, StepInputError.__name__, StepOutputError.__name__)
"""What a step of anybody's raises that no retry helps."""
