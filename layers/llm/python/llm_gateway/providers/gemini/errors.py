"""What Google's SDK raises, as errors of the gateway; and what of a request a model refuses.

Statuses and reasons are those of the Gemini API's guide "Troubleshooting" and of google.rpc (https://google.aip.dev/193);
where they say no more than INVALID_ARGUMENT, the wording counts. The module imports the SDK; see `client`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import httpx2
from google.genai import errors

from llm_gateway.errors import (
    LlmAuthenticationError,
    LlmContextTooLongError,
    LlmError,
    LlmInvalidRequestError,
    LlmModelNotFoundError,
    LlmQuotaError,
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
from llm_gateway.providers.gemini.wire import (
    JSON_MODE,
    JSON_SCHEMA,
    JSON_WITH_TOOLS,
    SAMPLING,
    SIGNATURES,
    SYSTEM_INSTRUCTION,
    THIS_SCHEMA,
    TOOL_CONFIG,
    UNSIGNED_CALLS,
)

_SERVER: Final = "Gemini"

_ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_QUOTA_FAILURE: Final = "type.googleapis.com/google.rpc.QuotaFailure"

_QUOTA_USED_UP: Final = "QUOTA_USED_UP"
"""A code of ours for what Gemini says in numbers: a quota of the day is used up, or there is none at all."""

_BAD_REQUEST: Final = (400,)
_RULES: Final = (
    rule(LlmAuthenticationError, statuses=(401, 403)),
    # google.api.ErrorReason
    rule(
        LlmAuthenticationError,
        *("API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_HTTP_REFERRER_BLOCKED", "API_KEY_IP_ADDRESS_BLOCKED"),
        *("API_KEY_ANDROID_APP_BLOCKED", "API_KEY_IOS_APP_BLOCKED"),
    ),
    rule(
        LlmAuthenticationError,
        wording=r"API key (?:not valid|not found|expired)|user location is not supported",
        statuses=_BAD_REQUEST,
    ),
    rule(
        LlmQuotaError,
        wording=r"enable billing|free tier is not available|billing account",
        statuses=_BAD_REQUEST,
    ),
    rule(LlmQuotaError, _QUOTA_USED_UP, statuses=(429,)),
    rule(
        LlmQuotaError,
        wording=r"limit: 0(?![\d.])|credits? (?:are|is|has|have) (?:been )?(?:depleted|used up|exhausted)|spending cap",
        statuses=(429,),
    ),
    rule(
        LlmContextTooLongError,
        wording=r"input (?:token count|tokens?)\b.*exceed|exceeds? the maximum number of tokens|payload size exceeds",
        statuses=(400, 500),
    ),
    rule(
        LlmModelNotFoundError,
        wording=r"unexpected model name format|model \S+ (?:is not found|does not exist)",
        statuses=_BAD_REQUEST,
    ),
    rule(
        LlmUnsupportedError,
        wording=r"(?:function calling|tools?|tool use|(?:image|audio|video) input(?: modality)?|multi-?modal\w*) (?:is|are)"
        r" not (?:enabled|supported)|(?:does not|doesn't) support (?:tools?|function|image|vision|embed)",
        statuses=_BAD_REQUEST,
    ),
)

_REFUSES: Final = re.compile(
    r"not (?:yet |currently )?(?:be )?(?:enabled|supported|allowed|available|set)|unsupported|unknown name"
    r"|cannot find field|(?:does not|doesn't) support|no longer supported|cannot be (?:set|used)",
    re.IGNORECASE,
)
_NO_SYSTEM: Final = re.compile(r"(?:developer|system)[ _]?instructions?\b", re.IGNORECASE)
_NO_JSON_WITH_TOOLS: Final = re.compile(
    r"(?:function call\w*|tools?)\b.*(?:response[ _]?)?mime[ _]?type|mime[ _]?type.*(?:function call|tools?\b)"
    r"|(?:function call\w*|tools?)\b.*(?:json mode|structured output|controlled generation)",
    re.IGNORECASE,
)
_NO_JSON: Final = re.compile(r"json mode|response[ _]?mime[ _]?type", re.IGNORECASE)
_ABOUT_SCHEMA: Final = re.compile(
    r"response[ _]?(?:json[ _]?)?schema|generation_?config\S*schema|schema produces|too many states|\bschema\b",
    re.IGNORECASE,
)
_ABOUT_TOOLS: Final = re.compile(r"function_?declarations?|tools\[", re.IGNORECASE)
_NAMES: Final = {
    name: re.compile(rf"(?<![A-Za-z]){name.replace('_', '[ _]?')}(?![A-Za-z])", re.IGNORECASE) for name in SAMPLING
} | {TOOL_CONFIG: re.compile(r"tool[ _]?config|function[ _]?calling[ _]?(?:mode|config)", re.IGNORECASE)}


def read_error(error: errors.APIError) -> ErrorResponse:
    """The error response that the SDK raised, whatever the shape of its body. Its `codes` are google.rpc's reason, or else
    its status, and what is said of quotas.
    """
    body = error.details if isinstance(error.details, Mapping) else {}
    inner = body.get("error", body)
    if not isinstance(inner, Mapping):
        inner = {"message": inner}
    reasons = [text_of(detail.get("reason")) for detail in _details(inner, _ERROR_INFO)]
    delays = [_seconds(detail.get("retryDelay")) for detail in _details(inner, _RETRY_INFO)]
    quotas = [quota for detail in _details(inner, _QUOTA_FAILURE) for quota in _objects(detail.get("violations"))]
    code = next(filter(None, reasons), text_of(inner.get("status")))
    headers = getattr(error.response, "headers", None)
    return ErrorResponse(
        status=error.code if isinstance(error.code, int) and error.code else None,
        codes=(code, _QUOTA_USED_UP) if any(map(_is_used_up, quotas)) else (code,),
        message=text_of(inner.get("message")),
        retry_after_seconds=next(
            (delay for delay in delays if delay is not None),
            retry_after(headers) if isinstance(headers, Mapping) else None,
        ),
    )


def _details(error: Mapping[str, Any], kind: str) -> Iterator[Mapping[str, Any]]:
    return (detail for detail in _objects(error.get("details")) if detail.get("@type") == kind)


def _objects(listed: object) -> list[Mapping[str, Any]]:
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


def _is_used_up(quota: Mapping[str, Any]) -> bool:
    names = f"{quota.get('quotaId')} {quota.get('quotaMetric')}".lower().replace("_", "")
    return "perday" in names or quota.get("quotaValue") in ("0", 0)


def error_of(error: Exception, response: httpx2.Response | None, secrets: tuple[str, ...]) -> LlmError:
    """The gateway's error for what a call of the SDK ended in. `response` is the HTTP response if there was one; nothing
    in `secrets` stays in the sentences.
    """
    match error:
        case LlmError():
            return error
        case errors.APIError():
            return _error_of_response(read_error(error), secrets)
        case httpx2.TimeoutException():
            return not_in_time(_SERVER)
        case httpx2.TransportError():
            return unreachable(_SERVER, redacted(str(error), secrets))
    if response is not None and response.status_code >= HTTPStatus.BAD_REQUEST:  # whose body the SDK could not read
        after = retry_after(response.headers)
        return _error_of_response(ErrorResponse(response.status_code, retry_after_seconds=after), secrets)
    return unreadable(_SERVER, error)


def _error_of_response(response: ErrorResponse, secrets: tuple[str, ...]) -> LlmError:
    return error_of_kind(kind_of(response, _RULES), response, _SERVER, secrets)


def refusal_of(error: Exception, sent: frozenset[str]) -> str | None:
    """What of that which was `sent` a model refuses, as `wire` names it; None if something else went wrong."""
    code: int | None
    if isinstance(error, LlmInvalidRequestError):
        code, message = HTTPStatus.BAD_REQUEST.value, error.detail
    elif isinstance(error, errors.APIError):
        response = read_error(error)
        code, message = response.status, response.message
        if kind_of(response, _RULES) not in (LlmInvalidRequestError, LlmUnsupportedError):
            return None
    else:
        return None
    if code != HTTPStatus.BAD_REQUEST:
        return None
    if re.search(r"thought[ _]?signature", message, re.IGNORECASE):
        is_missed = re.search(r"missing", message, re.IGNORECASE) is not None
        wrong = UNSIGNED_CALLS if is_missed else SIGNATURES
        return wrong if wrong in sent else None
    if SYSTEM_INSTRUCTION in sent and _NO_SYSTEM.search(message) and _REFUSES.search(message):
        return SYSTEM_INSTRUCTION
    return _refused_output(message, sent) or _refused_name(message, sent)


def is_about_dimensions(error: Exception) -> bool:
    """Whether Gemini refuses to give embeddings of a certain length."""
    if not isinstance(error, errors.APIError) or error.code != HTTPStatus.BAD_REQUEST:
        return False
    return re.search(r"output[ _]?dimension", read_error(error).message, re.IGNORECASE) is not None


def _refused_output(message: str, sent: frozenset[str]) -> str | None:
    refuses = _REFUSES.search(message) is not None
    if JSON_MODE in sent and refuses:
        if "tools" in sent and _NO_JSON_WITH_TOOLS.search(message):
            return JSON_WITH_TOOLS
        if _NO_JSON.search(message):
            return JSON_MODE
    if JSON_SCHEMA in sent and _ABOUT_SCHEMA.search(message) and not _ABOUT_TOOLS.search(message):
        is_unknown = re.search(r"unknown name \"?response_?json_?schema", message, re.IGNORECASE) is not None
        return JSON_SCHEMA if is_unknown else THIS_SCHEMA
    return None


def _refused_name(message: str, sent: frozenset[str]) -> str | None:
    if not _REFUSES.search(message):
        return None
    return first_mentioned(message, {name: _NAMES[name] for name in _NAMES.keys() & sent})


def _seconds(duration: object) -> float | None:
    """A google.protobuf.Duration in JSON, such as `23.5s`."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)s", text_of(duration))
    return float(found.group(1)) if found else None
