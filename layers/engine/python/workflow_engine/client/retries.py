"""When a request is sent again: where that cannot do anything twice, after a pause that others do not make at the same moment."""

from __future__ import annotations

import random
from http import HTTPStatus
from typing import Final, NamedTuple

from workflow_engine.client.errors import ConnectionFailedError
from workflow_engine.client.transport import Response
from workflow_engine.errors import RequestUnderWayError

PASSING: Final = frozenset(
    {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
)
"""Statuses after which the same request may go well."""


class Retries(NamedTuple):
    """How often and how soon. The pause before the n-th repetition is a random part of `first_pause` * 2^(n-1) seconds, at most
    `longest_pause`, on top of what the answer's `Retry-After` asks for. Where that is more than `longest_wait`, the error is
    raised at once.
    """

    attempts: int = 4
    """The first one counted; 1 repeats nothing."""
    first_pause: float = 0.5
    longest_pause: float = 8.0
    longest_wait: float = 30.0

    def after_answer(self, response: Response, attempt: int, *, is_idempotent: bool) -> float | None:
        """Seconds until the request may be sent again; None where the answer is the answer.

        429 says that nothing was done, so anything is sent again after it, as is what the API still works on under the same
        idempotency key.
        """
        if not self._is_passing(response, is_idempotent=is_idempotent):
            return None
        asked = retry_after(response)
        if attempt >= self.attempts or asked > self.longest_wait:
            return None
        return asked + self._pause(attempt)

    def after_failure(self, error: ConnectionFailedError, attempt: int, *, is_idempotent: bool) -> float | None:
        """The same after an answer that has not come. What was never sent is sent again, whatever it is."""
        if attempt >= self.attempts or (error.was_sent and not is_idempotent):
            return None
        return self._pause(attempt)

    def _is_passing(self, response: Response, *, is_idempotent: bool) -> bool:
        if response.status == HTTPStatus.CONFLICT:
            return f'"code":"{RequestUnderWayError.code}"'.encode() in response.body
        if response.status == HTTPStatus.TOO_MANY_REQUESTS:
            return True
        return is_idempotent and response.status in PASSING

    def _pause(self, attempt: int) -> float:
        return random.uniform(0, min(self.longest_pause, self.first_pause * 2 ** (attempt - 1)))


def retry_after(response: Response) -> float:
    """The seconds of an answer's `Retry-After`, 0 without one. RFC 9110 allows a date too, which a proxy may send."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    if not text:
        return 0.0
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
