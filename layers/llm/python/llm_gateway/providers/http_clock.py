"""A clock over whole answers, for the vendors' SDKs that stand on httpx2: its timeouts are for one read each, so an answer
that drips in would never time out. The module imports httpx2, as the SDKs do.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import httpx2

from llm_gateway.errors import LlmTimeoutError

CONNECT_SECONDS: Final = 10.0


def seconds_until(deadline: float) -> float:
    """What is left until a deadline of the monotonic clock. Raises LlmTimeoutError when nothing is."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise LlmTimeoutError("There was no time left to ask the model.")
    return seconds


def start_clock(request: httpx2.Request) -> None:
    """As a request hook: the answer must be there when the time of one read has passed."""
    request.extensions["deadline"] = time.monotonic() + request.extensions["timeout"]["read"]


def watch_clock(response: httpx2.Response) -> None:
    """As a response hook: hold the body to the request's deadline."""
    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _WatchedStream(response.stream, response.request.extensions["deadline"])


class _WatchedStream(httpx2.SyncByteStream):
    """A body that must be there at a deadline. A read that has begun by then may still take its own timeout."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("The answer took too long.")
            yield chunk

    def close(self) -> None:
        self._stream.close()
