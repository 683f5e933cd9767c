"""A vendor's error response in one shape, and which error of the gateway it means.

What an HTTP status means is the same for all vendors and stands here. What a vendor says beyond it, by codes and by the
wording of its messages, are rules that its `errors` module lists. So is how an error is read from what its SDK raises.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

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

_BY_STATUS: Final[Mapping[int, type[LlmError]]] = {
    401: LlmAuthenticationError,
    402: LlmQuotaError,
    403: LlmAuthenticationError,
    404: LlmModelNotFoundError,
    408: LlmTimeoutError,
    413: LlmContextTooLongError,
    424: LlmUnavailableError,  # Bedrock: the model behind it failed
    429: LlmRateLimitError,
    499: LlmUnavailableError,  # google.rpc.Code.CANCELLED, which HTTP does not know
    501: LlmUnsupportedError,
    504: LlmTimeoutError,
}
"""What other statuses mean is said by their first digit."""

_SECONDS: Final = re.compile(r"\d{1,9}(\.\d+)?")
_SPEAKABLE_CODE: Final = re.compile(r"[A-Za-z_]{1,60}")


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What a vendor answered in the place of what it was asked for.

    `status` is HTTP's, None where there is none, as within a stream. `codes` are the vendor's names for what went wrong,
    the most telling first. `parameter` is the part of the request that the vendor blames, "" where it names none.
    """

    status: int | None
    codes: tuple[str, ...] = ()
    message: str = ""
    parameter: str = ""
    retry_after_seconds: float | None = None

    def has_code(self, codes: Iterable[str]) -> bool:
        """Whether the vendor calls it by one of these names."""
        return not set(codes).isdisjoint(self.codes)

    def reason(self, secrets: tuple[str, ...]) -> str:
        """The vendor's message, without these secrets; where it gives none, its status and code."""
        return redacted(self.message, secrets) or f"no reason given{self.in_brackets()}"

    def in_brackets(self) -> str:
        """` (HTTP 401, invalid_api_key)`, as far as these are known."""
        known = [f"HTTP {self.status}"] if self.status else []
        known += [code for code in self.codes[:1] if _SPEAKABLE_CODE.fullmatch(code)]
        return f" ({', '.join(known)})" if known else ""


@dataclass(frozen=True, slots=True)
class Rule:
    """An error response is a `kind` if it has one of the codes, one of the statuses, and the wording; what a rule does not
    name is not asked for.
    """

    kind: type[LlmError]
    codes: frozenset[str]
    wording: re.Pattern[str] | None
    statuses: frozenset[int | None]

    def fits(self, response: ErrorResponse) -> bool:
        """A rule of wording alone does not: where the status says what is wrong, words in passing count for nothing."""
        if self.codes and not response.has_code(self.codes):
            return False
        if self.statuses and response.status not in self.statuses:
            return False
        if self.wording is None:
            return True
        if not self.codes and not self.statuses and response.status in _BY_STATUS:
            return False
        return self.wording.search(response.message) is not None


def rule(kind: type[LlmError], *codes: str, wording: str | None = None, statuses: Iterable[int | None] = ()) -> Rule:
    """A rule; `wording` is a regular expression that is found anywhere in the message, in upper or lower case."""
    pattern = None if wording is None else re.compile(wording, re.IGNORECASE)
    return Rule(kind, frozenset(codes), pattern, frozenset(statuses))


def kind_of(response: ErrorResponse, rules: Iterable[Rule]) -> type[LlmError]:
    """What an error response is: by the first of the vendor's rules that fits, else by its status."""
    for candidate in rules:
        if candidate.fits(response):
            return candidate.kind
    if response.status is None:
        return LlmUnavailableError
    if response.status < 400:  # a success, whose body is none of the vendor's answers
        return LlmMalformedAnswerError
    by_class = LlmUnavailableError if response.status >= 500 else LlmInvalidRequestError
    return _BY_STATUS.get(response.status, by_class)


def error_of_kind(
    kind: type[LlmError], response: ErrorResponse, server: str, secrets: tuple[str, ...], advice: str = ""
) -> LlmError:
    """The error, told in a sentence that calls the vendor `server`, with what we have to say to it. Nothing in `secrets`
    stays in it; of a refused key nothing is told that the vendor says, since it may say the key.
    """
    if kind is LlmAuthenticationError:
        return kind(f"{server} refuses the key, or what it is used for{response.in_brackets()}.")
    reason = response.reason(secrets) + advice
    if kind is LlmQuotaError:
        return kind(f"The quota at {server} is used up: {reason}")
    if kind is LlmRateLimitError:
        return LlmRateLimitError(f"{server} throttles: {reason}", retry_after_seconds=response.retry_after_seconds)
    return kind(f"{server} says: {reason}")


def not_in_time(server: str) -> LlmTimeoutError:
    """For a vendor that gave no answer in the time it had."""
    return LlmTimeoutError(f"{server} did not answer in time.")


def unreachable(server: str, reason: str) -> LlmUnavailableError:
    """For a connection that was not made, or that broke. `reason` holds no secret any more."""
    return LlmUnavailableError(f"{server} cannot be reached, or broke off: {reason}")


def unreadable(server: str, error: Exception) -> LlmMalformedAnswerError:
    """For what an SDK stumbled over in an answer. The error's own text may quote the answer, so it is not told."""
    return LlmMalformedAnswerError(f"{server} gave an answer that cannot be read ({type(error).__name__}).")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by RFC 9110's Retry-After, which is seconds or a date. OpenAI sends `retry-after-ms` beside it."""
    named = {name.lower(): value for name, value in headers.items()}
    milliseconds, after = named.get("retry-after-ms", ""), named.get("retry-after", "")
    if _SECONDS.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    if _SECONDS.fullmatch(after):
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def text_of(value: object) -> str:
    """A field of an error's body, which need not be the text that it should be; "" for none."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def first_mentioned(message: str, names: Mapping[str, re.Pattern[str]]) -> str | None:
    """Which of the names a message mentions first, each by its pattern; None if it mentions none."""
    places = {name: found.start() for name, pattern in names.items() if (found := pattern.search(message))}
    return min(places, key=places.__getitem__) if places else None
