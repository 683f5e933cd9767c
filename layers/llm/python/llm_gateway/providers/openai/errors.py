"""What OpenAI's SDK raises, as errors of the gateway; and which parameter a server refuses.

Servers that speak OpenAI's format agree on statuses only, so what a message says counts where its code says nothing.
OpenAI's codes stand in its guide "Error codes"; the wordings of vLLM, llama.cpp, Ollama, LM Studio and SGLang in their
own sources. The module imports the SDK and is itself imported by `provider` only, which is imported when first used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import openai

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContentFilterError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmModelNotFoundError,
    LlmQuotaError,
    LlmRateLimitError,
    LlmUnsupportedError,
    redacted,
)
from llm_gateway.providers.error_response import (
    ErrorResponse,
    error_of_kind,
    first_mentioned,
    kind_of,
    not_in_time,
    retry_after,
    rule,
    text_of,
    unreachable,
    unreadable,
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

_RULES: Final = (
    # First: a project that may not use a model is told so with 403 and the code of a model that is not there.
    rule(LlmAuthenticationError, statuses=(401, 403)),
    rule(LlmAuthenticationError, "invalid_api_key", "authentication_error", "permission_denied"),
    rule(LlmQuotaError, "insufficient_quota", "billing_hard_limit_reached", "billing_not_active"),
    rule(LlmRateLimitError, "rate_limit_exceeded", "rate_limit_error", "too_many_requests"),
    rule(LlmContextTooLongError, "context_length_exceeded", "exceed_context_size_error"),
    rule(
        LlmContextTooLongError,
        wording=r"context[ _](?:length|size|window)|maximum (?:model|context) length|model's context|context the overflows"
        r"|max_new_tokens. must be <=",
    ),
    rule(LlmContentFilterError, "content_policy_violation", "content_filter", "moderation_blocked", "invalid_prompt"),
    rule(LlmContentFilterError, wording=r"content management policy|violating our (?:usage|content) policy"),
    rule(LlmModelNotFoundError, "model_not_found"),
    rule(LlmModelNotFoundError, wording=r"^invalid model"),
    rule(
        LlmUnsupportedError,
        wording=r"(?:does not|doesn't) support (?:tools?|functions?|image|vision|embedding)"
        r"|--enable-auto-tool-choice|requires --jinja|image_url is only supported|image input is not supported"
        r"|not a multimodal model|is not a chat model|server does not support",
    ),
    # Many a server fails with 500 at what is wrong with the request. The type says nothing where the status says more.
    rule(LlmInvalidRequestError, "invalid_request_error", statuses=(None, 500, 502, 503)),
)
_URL_ADVICE: Final = " (is the base URL right? It usually ends in /v1)"
_PARAMETER_CODES: Final = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
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
_MENTIONS: Final = {
    # `stop` is an English word too, so it must stand in quotes.
    name: re.compile(r"['\"`]stop['\"`]" if name == "stop" else rf"(?<![\w-]){name}(?![\w-])")
    for name in DROPPABLE
}
_BAD_SCHEMA: Final = re.compile(r"invalid schema for response_format", re.IGNORECASE)


def read_error(error: openai.APIError) -> ErrorResponse:
    """The error response that the SDK raised. Its `codes` are OpenAI's `code` and `type`: servers differ in where they put
    what they have to say.
    """
    if not isinstance(error, openai.APIStatusError):
        return read_body(error.body)
    return read_body(error.body, error.status_code, retry_after(error.response.headers))


def read_body(body: object, status: int | None = None, retry_after_seconds: float | None = None) -> ErrorResponse:
    """The same of a body: OpenAI's error object, the texts of LM Studio and proxies, the `detail` of FastAPI's servers."""
    if not isinstance(body, Mapping):
        return ErrorResponse(status, message=text_of(body), retry_after_seconds=retry_after_seconds)
    code = text_of(body.get("code"))
    if status is None and re.fullmatch(r"[45]\d\d", code):
        status = int(code)
    message = text_of(body.get("message") or body.get("detail") or body.get("error"))
    codes = (code, text_of(body.get("type")))
    return ErrorResponse(status, codes, message, text_of(body.get("param")), retry_after_seconds)


def error_of(error: Exception, server: str, secrets: tuple[str, ...]) -> LlmError:
    """The gateway's error for what a call of the SDK ended in. `server` is how sentences call whom was asked; nothing in
    `secrets` stays in them.
    """
    match error:
        case LlmError():
            return error
        case openai.APITimeoutError():
            return not_in_time(server)
        case openai.APIConnectionError():
            return unreachable(server, redacted(str(error.__cause__ or error), secrets))
        case openai.APIError() if not isinstance(error, openai.APIResponseValidationError):
            return error_of_response(read_error(error), server, secrets)
        case UnicodeEncodeError():  # as the request is written
            return LlmInvalidRequestError("A text of the request is not valid Unicode: it holds half a surrogate pair.")
    return unreadable(server, error)


def error_of_response(response: ErrorResponse, server: str, secrets: tuple[str, ...]) -> LlmError:
    """The gateway's error for an error response. What is not found without a word of models is likely the path."""
    kind = kind_of(response, _RULES)
    is_path = kind is LlmModelNotFoundError and "model" not in response.reason(secrets).lower()
    return error_of_kind(kind, response, server, secrets, _URL_ADVICE if is_path else "")


def is_about_dimensions(error: openai.APIError) -> bool:
    """Whether a server refuses to give embeddings of a certain length."""
    response = read_error(error)
    return response.status in (400, 422) and bool(_DIMENSIONS.search(response.message + response.parameter))


def refusal_of(response: ErrorResponse, parameters: Mapping[str, Any]) -> str | None:
    """What of a request's parameters a server refuses: one of `DROPPABLE`, `SYSTEM_ROLE`, or a form of the answer; None if
    something else is wrong.
    """
    has_system_role = any(message["role"] == "system" for message in parameters["messages"])
    # 500 too: chat templates that know no system role raise where no server expects it.
    if has_system_role and response.status in (400, 422, 500, None) and _NO_SYSTEM_ROLE.search(response.message):
        return SYSTEM_ROLE
    if response.status not in (400, 422, None) or not issubclass(kind_of(response, _RULES), LlmInvalidRequestError):
        return None
    name = _refused_name(response, parameters)
    if name != "response_format":
        return name
    response_format = parameters["response_format"]
    if response_format["type"] == "json_object":
        return name
    if _BAD_SCHEMA.search(response.message):
        return STRICT if response_format["json_schema"]["strict"] else THIS_SCHEMA
    return JSON_SCHEMA


def _refused_name(response: ErrorResponse, parameters: Mapping[str, Any]) -> str | None:
    message = response.message
    sent = [name for name in DROPPABLE if name in parameters]
    if "response_format" in sent and "response_format" in message + response.parameter:
        return "response_format"  # ours is well formed, so whatever is said of it is a refusal
    named = _NAMED.search(message)
    told = named.group(1) if named else response.parameter if response.has_code(_PARAMETER_CODES) else ""
    if told:
        top = re.split(r"[.\[]", told)[0]
        return top if top in sent else None
    if not _REFUSES.search(message):
        return None
    return first_mentioned(message, {name: _MENTIONS[name] for name in sent})
