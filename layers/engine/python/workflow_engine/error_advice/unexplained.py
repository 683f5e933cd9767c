"""Names of errors in code that runs where steps do, with which no run ends; the tests hold them against the code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_OF_REQUESTS: Final = "An answer of the API; no step raises it."
_BASE: Final = "A base class, or the name of what is caught; what is raised has a name of its own."
_CAUGHT: Final = "Caught where it is raised, and told as another error."
_TOLD_TO_MODELS: Final = "Told to the model that called the tool; a tool_execution step fails with StepReportedFailure."
_MISTAKE: Final = "Tells of a mistake in code, whose message and stack trace are all that is known."
_AT_START: Final = "Ends a command or the start of a server, before there is a run."

WITHOUT_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "AlreadyDecidedError",
                "ConflictError",
                "ForbiddenError",
                "InvalidRequestError",
                "MalformedDocumentError",
                "MalformedJsonError",
                "MalformedYamlError",
                "NotFoundError",
                "OutcomeUnknownError",
                "PausedError",
                "PayloadTooLargeError",
                "PreconditionFailedError",
                "QuotaExceededError",
                "RequestUnderWayError",
                "TooLateError",
                "UnsupportedMediaTypeError",
            ),
            _OF_REQUESTS,
        ),
        **dict.fromkeys(("LlmError", "States.ALL", "UpstreamError"), _BASE),
        **dict.fromkeys(
            (
                "CannotApplyError",
                "CannotSampleError",
                "ConnectionError",
                "HeartbeatMissedError",
                "IdempotencyItemAlreadyExistsError",
                "IdempotencyItemNotFoundError",
                "NotAsAskedError",
                "PatternError",
                "ResponseTooLargeError",
                "TimeoutError",
                "UnreadableJsonError",
                "UnusableSchemaError",
                "ValueError",
                "_BeyondError",
                "_InexpressibleError",
                "_UncertainError",
            ),
            _CAUGHT,
        ),
        **dict.fromkeys(("FunctionFailedError", "ToolError", "ToolFailedError"), _TOLD_TO_MODELS),
        **dict.fromkeys(("AssertionError", "AttributeError", "RuntimeError", "TypeError"), _MISTAKE),
        "StepsDirectoryError": _AT_START,
    }
)
