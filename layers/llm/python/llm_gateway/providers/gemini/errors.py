"""What Google's SDK raises, as errors of the gateway; and what of a request a model refuses.

Statuses and reasons are those of the Gemini API's guide "Troubleshooting" and of google.rpc (https://google.aip.dev/193);
where they say no more than INVALID_ARGUMENT, the wording of the message counts. The module imports the SDK; see
`client`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx2
from google.genai import errors

from llm_gateway.errors import (
    LlmAuthenticationError,
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

_ERROR_INFO: Final = "type.googleapis.com/google.rpc.ErrorInfo"
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"
_QUOTA_FAILURE: Final = "type.googleapis.com/google.rpc.QuotaFailure"

_CANCELLED: Final = 499
"""google.rpc.Code.CANCELLED, which HTTP does not know."""

_KEY: Final = re.compile(r"API key (?:not valid|not found|expired)|user location is not supported", re.IGNORECASE)
_NO_QUOTA: Final = re.compile(
    r"limit: 0(?![\d.])|credits? (?:are|is|has|have) (?:been )?(?:depleted|used up|exhausted)|spending cap",
    re.IGNORECASE,
)
_BILLING: Final = re.compile(r"enable billing|free tier is not available|billing account", re.IGNORECASE)
_CONTEXT: Final = re.compile(
    r"input (?:token count|tokens?)\b.*exceed|exceeds? the maximum number of tokens|payload size exceeds",
    re.IGNORECASE,
)
_MODEL: Final = re.compile(r"unexpected model name format|model \S+ (?:is not found|does not exist)", re.IGNORECASE)
_CANNOT: Final = re.compile(
    r"(?:function calling|tools?|tool use|(?:image|audio|video) input(?: modality)?|multi-?modal\w*) (?:is|are) not "
    r"(?:enabled|supported)|(?:does not|doesn't) support (?:tools?|function|image|vision|embed)",
    re.IGNORECASE,
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
_CODE: Final = re.compile(r"[A-Z_]{1,60}")


@dataclass(frozen=True, slots=True)
class Complaint:
    """What Gemini said: HTTP status (0 if none is known), google.rpc's status and reason, each "" where there is none,
    when to try again, and whether a quota is used up for the day or is none.
    """

    code: int
    status: str = ""
    reason: str = ""
    message: str = ""
    retry_after_seconds: float | None = None
    is_used_up: bool = False


def complaint_of(error: errors.APIError) -> Complaint:
    """Read an error's body, whatever its shape."""
    body = error.details if isinstance(error.details, Mapping) else {}
    inner = body.get("error", body)
    if not isinstance(inner, Mapping):
        inner = {"message": inner}
    listed = inner.get("details")
    details = [detail for detail in listed if isinstance(detail, Mapping)] if isinstance(listed, list) else []
    reasons = [_text(detail.get("reason")) for detail in details if detail.get("@type") == _ERROR_INFO]
    delays = [_seconds(detail.get("retryDelay")) for detail in details if detail.get("@type") == _RETRY_INFO]
    delay = next((delay for delay in delays if delay is not None), None)
    quotas = [quota for detail in details if detail.get("@type") == _QUOTA_FAILURE for quota in _violations(detail)]
    headers = getattr(error.response, "headers", None)
    return Complaint(
        code=error.code if isinstance(error.code, int) else 0,
        status=_text(inner.get("status")),
        reason=reasons[0] if reasons else "",
        message=_text(inner.get("message")),
        retry_after_seconds=delay if delay is not None else _retry_after(headers),
        is_used_up=any(_is_used_up(quota) for quota in quotas),
    )


def _violations(detail: Mapping[str, object]) -> list[Mapping[str, object]]:
    listed = detail.get("violations")
    return [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []


def _is_used_up(quota: Mapping[str, object]) -> bool:
    names = f"{quota.get('quotaId')} {quota.get('quotaMetric')}".lower().replace("_", "")
    return "perday" in names or quota.get("quotaValue") in ("0", 0)


def error_of(error: Exception, response: httpx2.Response | None, secrets: Iterable[str]) -> LlmError:
    """The gateway's error for what a call of the SDK ended in. `response` is the HTTP response if there was one; nothing
    in `secrets` stays in the sentences.
    """
    match error:
        case LlmError():
            return error
        case errors.APIError():
            return complaint_error(complaint_of(error), secrets)
        case httpx2.TimeoutException():
            return LlmTimeoutError("Gemini did not answer in time.")
        case httpx2.TransportError():
            return LlmUnavailableError(f"Gemini cannot be reached, or broke off: {redacted(str(error), secrets)}")
    if response is not None and response.status_code >= HTTPStatus.BAD_REQUEST:  # whose body the SDK could not read
        return complaint_error(
            Complaint(response.status_code, retry_after_seconds=_retry_after(response.headers)), secrets
        )
    return LlmMalformedAnswerError(f"Gemini gave an answer that cannot be read ({type(error).__name__}).")


def complaint_error(complaint: Complaint, secrets: Iterable[str]) -> LlmError:
    """The gateway's error for a complaint."""
    kind = _kind_of(complaint)
    if kind is LlmAuthenticationError:
        return LlmAuthenticationError(f"Gemini refuses the key, or what it is used for{_in_brackets(complaint)}.")
    said = redacted(complaint.message, secrets) or f"no reason given{_in_brackets(complaint)}"
    if kind is LlmQuotaError:
        return LlmQuotaError(f"The quota at Gemini is used up: {said}")
    if kind is LlmRateLimitError:
        return LlmRateLimitError(f"Gemini throttles: {said}", retry_after_seconds=complaint.retry_after_seconds)
    return kind(f"Gemini says: {said}")


def refusal_of(error: Exception, sent: frozenset[str]) -> str | None:
    """What of a request a model refuses, as `wire` names it, if it was in what was `sent`; None if something else
    went wrong.
    """
    if isinstance(error, LlmInvalidRequestError):
        code, message = HTTPStatus.BAD_REQUEST.value, error.detail
    elif isinstance(error, errors.APIError):
        complaint = complaint_of(error)
        code, message = complaint.code, complaint.message
        if _kind_of(complaint) not in (LlmInvalidRequestError, LlmUnsupportedError):
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
    return re.search(r"output[ _]?dimension", complaint_of(error).message, re.IGNORECASE) is not None


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
    found = {
        name: place.start() for name, pattern in _NAMES.items() if name in sent and (place := pattern.search(message))
    }
    return min(found, key=found.__getitem__) if found else None


def _kind_of(complaint: Complaint) -> type[LlmError]:
    code, message = complaint.code, complaint.message
    if code in (401, 403) or complaint.reason.startswith("API_KEY_") or (code == 400 and _KEY.search(message)):
        return LlmAuthenticationError
    if code == 402 or (code == 400 and _BILLING.search(message)):
        return LlmQuotaError
    if code == 429:
        used_up = complaint.is_used_up or _NO_QUOTA.search(message)
        return LlmQuotaError if used_up else LlmRateLimitError
    if code in (408, 504):
        return LlmTimeoutError
    if code in (400, 413, 500) and _CONTEXT.search(message):
        return LlmContextTooLongError
    if code == 404 or (code == 400 and _MODEL.search(message)):
        return LlmModelNotFoundError
    if code == 501 or (code == 400 and _CANNOT.search(message)):
        return LlmUnsupportedError
    if code >= 500 or code == _CANCELLED:
        return LlmUnavailableError
    return LlmInvalidRequestError if code >= 400 else LlmMalformedAnswerError


def _seconds(duration: object) -> float | None:
    """A google.protobuf.Duration in JSON, such as `23.5s`."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)s", _text(duration))
    return float(found.group(1)) if found else None


def _retry_after(headers: object) -> float | None:
    """RFC 9110's Retry-After, which is seconds or a date."""
    named = {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}
    after = named.get("retry-after", "")
    if re.fullmatch(r"\d{1,9}(\.\d+)?", after):
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _in_brackets(complaint: Complaint) -> str:
    said = [f"HTTP {complaint.code}"] if complaint.code else []
    said.extend(word for word in (complaint.reason or complaint.status,) if _CODE.fullmatch(word))
    return f" ({', '.join(said)})" if said else ""


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value)
