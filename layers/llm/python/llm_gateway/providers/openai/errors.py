"""What OpenAI's SDK raises, as errors of the gateway; and which parameter a server complains of.

Servers that speak OpenAI's format agree on statuses only, so what a message says counts where its code says nothing.
OpenAI's codes stand in its guide "Error codes"; the wordings of vLLM, llama.cpp, Ollama, LM Studio and SGLang in their
own sources. The module imports the SDK and is itself imported by `provider` only, which is imported when first used.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import openai

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmMalformedAnswerError,
    LlmModelNotFoundError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmTimeoutError,
    LlmUnavailableError,
    LlmUnsupportedError,
    redacted,
)
from llm_gateway.providers.openai.wire import JSON_SCHEMA, STRICT, SYSTEM_ROLE, THIS_SCHEMA

DROPPABLE: Final = (
    "response_format",
    "stream_options",
    "max_completion_tokens",
    "max_tokens",
    "temperature",
    "top_p",
    "tool_choice",
    "stop",
)
"""Parameters without which an answer is still one."""

_QUOTA_CODES: Final = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_RATE_CODES: Final = frozenset({"rate_limit_exceeded", "rate_limit_error", "too_many_requests"})
_KEY_CODES: Final = frozenset({"invalid_api_key", "authentication_error", "permission_denied"})
_MODEL_CODES: Final = frozenset({"model_not_found"})
_FILTER_CODES: Final = frozenset({"content_policy_violation", "content_filter", "moderation_blocked", "invalid_prompt"})
_CONTEXT_CODES: Final = frozenset({"context_length_exceeded", "exceed_context_size_error"})
_PARAMETER_CODES: Final = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter"})

_CONTEXT: Final = re.compile(
    r"context[ _](?:length|size|window)|maximum (?:model|context) length|model's context|context the overflows"
    r"|max_new_tokens. must be <=",
    re.IGNORECASE,
)
_FILTER: Final = re.compile(r"content management policy|violating our (?:usage|content) policy", re.IGNORECASE)
_CANNOT: Final = re.compile(
    r"(?:does not|doesn't) support (?:tools?|functions?|image|vision|embedding)"
    r"|--enable-auto-tool-choice|requires --jinja|image_url is only supported|image input is not supported"
    r"|not a multimodal model|is not a chat model|server does not support",
    re.IGNORECASE,
)
_DIMENSIONS: Final = re.compile(r"dimensions|matryoshka", re.IGNORECASE)
_REFUSES: Final = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|unexpected|(?:not|n't) (?:yet |currently )?(?:be )?"
    r"(?:support|allow|permit|implement|recogni[sz]ed|available)|extra_forbidden|extra (?:inputs|fields)"
    r"|only \S+ is (?:allowed|supported)",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"(?:Unsupported|Unknown) (?:parameter|value|param)s?: ['\"`]?([A-Za-z_][\w.\[\]]*)", re.IGNORECASE
)
_NO_SYSTEM_ROLE: Final = re.compile(
    r"system role|role:? ['\"]?system['\"]?|messages\[\d+\]\.role|(?:not|n't) support ['\"]?system", re.IGNORECASE
)
_BAD_SCHEMA: Final = re.compile(r"invalid schema for response_format", re.IGNORECASE)
_CODE: Final = re.compile(r"[A-Za-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a server said: HTTP status (None within a stream, unless its code is one), and OpenAI's `code`, `type`, `param`
    and `message`, each "" where there is none.
    """

    status: int | None
    code: str = ""
    type: str = ""
    param: str = ""
    message: str = ""
    retry_after_seconds: float | None = None

    def is_any_of(self, codes: frozenset[str]) -> bool:
        """Whether the code or the type is one of these: servers differ in where they put it."""
        return self.code in codes or self.type in codes


def complaint_of(error: openai.APIError) -> Complaint:
    """Read an error's body, whatever its shape."""
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    retry_after = _retry_after(error.response.headers) if isinstance(error, openai.APIStatusError) else None
    return read_complaint(error.body, status, retry_after)


def read_complaint(body: object, status: int | None = None, retry_after_seconds: float | None = None) -> Complaint:
    """The same of a body: OpenAI's error object, the texts of LM Studio and proxies, the `detail` of FastAPI's servers."""
    if not isinstance(body, Mapping):
        return Complaint(status, message=_text(body), retry_after_seconds=retry_after_seconds)
    code = _text(body.get("code"))
    if status is None and re.fullmatch(r"[45]\d\d", code):
        status = int(code)
    message = _text(body.get("message") or body.get("detail") or body.get("error"))
    return Complaint(status, code, _text(body.get("type")), _text(body.get("param")), message, retry_after_seconds)


def error_of(error: Exception, server: str, secrets: Iterable[str]) -> LlmError:
    """The gateway's error for what a call of the SDK ended in. `server` is how sentences call whom was asked; nothing in
    `secrets` stays in them.
    """
    secrets = tuple(secrets)
    match error:
        case LlmError():
            return error
        case openai.APITimeoutError():
            return LlmTimeoutError(f"{server} did not answer in time.")
        case openai.APIConnectionError():
            reason = redacted(str(error.__cause__ or error), secrets)
            return LlmUnavailableError(f"{server} cannot be reached, or broke off: {reason}")
        case openai.APIResponseValidationError():
            return LlmMalformedAnswerError(f"{server} gave an answer that cannot be read.")
        case openai.APIError():
            return complaint_error(complaint_of(error), server, secrets)
        case UnicodeEncodeError():  # as the request is written
            return LlmInvalidRequestError("A text of the request is no Unicode: it holds half a surrogate pair.")
    return LlmMalformedAnswerError(f"{server} gave an answer that cannot be read ({type(error).__name__}).")


def complaint_error(complaint: Complaint, server: str, secrets: Iterable[str]) -> LlmError:
    """The gateway's error for a complaint."""
    if complaint.status in (401, 403) or complaint.is_any_of(_KEY_CODES):
        return LlmAuthenticationError(f"{server} refuses the key, or what it is used for{_in_brackets(complaint)}.")
    said = redacted(complaint.message, secrets) or f"no reason given{_in_brackets(complaint)}"
    if complaint.is_any_of(_QUOTA_CODES) or complaint.status == 402:
        return LlmQuotaError(f"The quota at {server} is used up: {said}")
    if complaint.status == 429 or complaint.is_any_of(_RATE_CODES):
        return LlmRateLimitError(f"{server} throttles: {said}", retry_after_seconds=complaint.retry_after_seconds)
    kind = _kind_of(complaint)
    if kind is LlmModelNotFoundError and "model" not in said.lower():
        said += " (is the base URL right? It usually ends in /v1)"
    return kind(f"{server} says: {said}")


def _kind_of(complaint: Complaint) -> type[LlmError]:
    status, message = complaint.status, complaint.message
    if status == 408:
        return LlmTimeoutError
    if complaint.is_any_of(_CONTEXT_CODES) or _CONTEXT.search(message):
        return LlmContextTooLongError
    if complaint.is_any_of(_FILTER_CODES) or _FILTER.search(message):
        return LlmContentFilterError
    if status == 404 or complaint.is_any_of(_MODEL_CODES) or message.lower().startswith("invalid model"):
        return LlmModelNotFoundError
    if status == 501 or _CANNOT.search(message):
        return LlmUnsupportedError
    if status is not None and status < 500:
        return LlmInvalidRequestError
    return LlmInvalidRequestError if complaint.type == "invalid_request_error" else LlmUnavailableError


def is_about_dimensions(error: openai.APIError) -> bool:
    """Whether a server refuses to give embeddings of a certain length."""
    complaint = complaint_of(error)
    return complaint.status in (400, 422) and bool(_DIMENSIONS.search(complaint.message + complaint.param))


def refusal_of(complaint: Complaint, parameters: Mapping[str, Any]) -> str | None:
    """What of a request's parameters a server refuses: one of `DROPPABLE`, `SYSTEM_ROLE`, or a form of the answer; None if
    it complains of something else.
    """
    has_system_role = any(message["role"] == "system" for message in parameters["messages"])
    # 500 too: chat templates that know no system role raise where no server expects it.
    if has_system_role and complaint.status in (400, 422, 500, None) and _NO_SYSTEM_ROLE.search(complaint.message):
        return SYSTEM_ROLE
    if complaint.status not in (400, 422, None) or not issubclass(_kind_of(complaint), LlmInvalidRequestError):
        return None
    name = _refused_name(complaint, parameters)
    if name != "response_format":
        return name
    response_format = parameters["response_format"]
    if response_format["type"] == "json_object":
        return name
    if _BAD_SCHEMA.search(complaint.message):
        return STRICT if response_format["json_schema"]["strict"] else THIS_SCHEMA
    return JSON_SCHEMA


def _refused_name(complaint: Complaint, parameters: Mapping[str, Any]) -> str | None:
    message = complaint.message
    sent = [name for name in DROPPABLE if name in parameters]
    if "response_format" in sent and "response_format" in message + complaint.param:
        return "response_format"  # ours is well formed, so whatever is said of it is a refusal
    named = _NAMED.search(message)
    told = named.group(1) if named else complaint.param if complaint.code in _PARAMETER_CODES else ""
    if told:
        top = re.split(r"[.\[]", told)[0]
        return top if top in sent else None
    if not _REFUSES.search(message):
        return None
    places = {name: place for name in sent if (place := _place_of(name, message)) is not None}
    return min(places, key=places.__getitem__) if places else None


def _place_of(name: str, message: str) -> int | None:
    """Where a message names a parameter; `stop` is an English word too, so it must stand in quotes."""
    pattern = rf"['\"`]{name}['\"`]" if name == "stop" else rf"(?<![\w-]){name}(?![\w-])"
    found = re.search(pattern, message)
    return found.start() if found else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait. OpenAI sends `retry-after-ms` beside RFC 9110's Retry-After, which is seconds or a date."""
    milliseconds, after = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    if re.fullmatch(r"\d{1,9}(\.\d+)?", after):
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _in_brackets(complaint: Complaint) -> str:
    said = [f"HTTP {complaint.status}"] if complaint.status else []
    if _CODE.fullmatch(complaint.code):
        said.append(complaint.code)
    return f" ({', '.join(said)})" if said else ""


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
