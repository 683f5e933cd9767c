"""What asking a model can end in. The class names are a contract (`workflow_engine.agents.errors`), which says of each
whether it is transient.

Messages are for the workflow's author. They never hold a key: what a vendor says goes through `redacted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, Final

from llm_gateway.response import Tokens, Usage
from workflow_engine.agents.errors import is_transient
from workflow_engine.errors import WorkflowEngineError

MAX_DETAIL_CHARACTERS: Final = 600

_LOOKS_SECRET: Final = re.compile(
    r"(sk-[A-Za-z0-9*_-]{3,}|AIza[A-Za-z0-9_*-]{5,}|(?:AKIA|ASIA)[A-Z0-9*]{8,}|Bearer\s+\S+|[?&]key=[^&\s]+)"
)


class LlmError(WorkflowEngineError):
    """Base of all. `transient`: the same call may succeed later. `falls_back`: another provider may well succeed.

    `tokens` are set by a provider whose vendor gave, and charged, an answer that cannot be used; `usage` by the gateway:
    what all its calls took before this error.
    """

    code: ClassVar[str] = "llm_error"
    transient: ClassVar[bool] = False
    falls_back: ClassVar[bool] = False
    tokens: Tokens | None = None
    usage: Usage = Usage()

    def __init_subclass__(cls) -> None:
        """Raises ValueError for an error that the compiler's retries do not know by its name."""
        cls.transient = is_transient(cls.__name__)


class LlmRateLimitError(LlmError):
    """The vendor throttles. `retry_after_seconds` is the vendor's word, None without one."""

    code = "llm_rate_limit"
    falls_back = True

    def __init__(
        self, detail: str, *, errors: Iterable[Mapping[str, str]] = (), retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(detail, errors=errors)
        self.retry_after_seconds = retry_after_seconds


class LlmUnavailableError(LlmError):
    """The vendor failed, is overloaded or cannot be reached."""

    code = "llm_unavailable"
    falls_back = True


class LlmTimeoutError(LlmError):
    """No answer in time."""

    code = "llm_timeout"
    falls_back = True


class LlmMalformedAnswerError(LlmError):
    """The vendor's answer cannot be read."""

    code = "llm_malformed_answer"
    falls_back = True


class LlmNotConfiguredError(LlmError):
    """There are no credentials for a provider."""

    code = "llm_not_configured"
    falls_back = True


class LlmAuthenticationError(LlmError):
    """The vendor refuses the credentials, or they do not allow this model."""

    code = "llm_authentication"
    falls_back = True


class LlmQuotaError(LlmError):
    """The account's money or quota is used up; waiting does not help."""

    code = "llm_quota"
    falls_back = True


class LlmModelNotFoundError(LlmError):
    """The vendor has no such model, or has it no longer."""

    code = "llm_model_not_found"
    falls_back = True


class LlmContextTooLongError(LlmError):
    """The conversation does not fit into the model's context."""

    code = "llm_context_too_long"
    falls_back = True


class LlmUnsupportedError(LlmError):
    """The model cannot do what is asked: tools, images, embeddings."""

    code = "llm_unsupported"
    falls_back = True


class LlmContentFilterError(LlmError):
    """The vendor's policy refuses the prompt. Another provider is not asked instead: a refusal is an answer."""

    code = "llm_content_filter"


class LlmInvalidRequestError(LlmError):
    """The vendor says that the request is wrong."""

    code = "llm_invalid_request"


class LlmInvalidOutputError(LlmError):
    """The answer is not the JSON that was asked for, nor was its repair."""

    code = "llm_invalid_output"


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """A vendor's message without these secrets and without what looks like a key, cut to a readable length."""
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "[secret]")
    return _LOOKS_SECRET.sub("[secret]", " ".join(text.split()))[:MAX_DETAIL_CHARACTERS]
