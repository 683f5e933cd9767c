"""What steps of agents end in: the errors' names, and which of them pass by themselves.

Lambda reports the class name as `errorType`, so these names are a contract: the compiler retries a step on the transient
ones and never on the final ones. The errors of models are classes of `llm_gateway.errors`, which looks up here of which
kind each is.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.errors import InvalidStepInput, StepReportedFailure, UpstreamError


class McpServerError(UpstreamError):
    """An MCP server cannot be reached, answers too late or not as the protocol wants. Names the server, never its token."""

    code = "mcp_server_error"


TRANSIENT_ERRORS: Final = (
    "LlmRateLimitError",
    "LlmUnavailableError",
    "LlmTimeoutError",
    "LlmMalformedAnswerError",
    McpServerError.__name__,
)
"""Errors after which the same call may succeed."""

FINAL_ERRORS: Final = (
    "LlmNotConfiguredError",
    "LlmAuthenticationError",
    "LlmQuotaError",
    "LlmModelNotFoundError",
    "LlmContextTooLongError",
    "LlmUnsupportedError",
    "LlmContentFilterError",
    "LlmInvalidRequestError",
    "LlmInvalidOutputError",
    InvalidStepInput.__name__,
    StepReportedFailure.__name__,
)
"""Errors that no retry mends."""


def is_transient(name: str) -> bool:
    """Of which kind an error is. ValueError for a name that steps of agents are not told to end in."""
    if name not in TRANSIENT_ERRORS and name not in FINAL_ERRORS:
        raise ValueError(f"Say in workflow_engine.agents.errors whether {name} is transient or final.")
    return name in TRANSIENT_ERRORS
