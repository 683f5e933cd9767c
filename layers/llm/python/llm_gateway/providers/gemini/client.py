"""The client of Google's SDK, set up so that nothing but the variables decides whom it asks, and as whom.

The SDK falls back to a dozen environment variables, does not close the answers of its synchronous streams, and knows
timeouts for single reads only. An httpx2 client of ours settles the latter two. The module imports the SDK and is itself
imported by `provider` only, which is imported when first used.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx2
from google import genai
from google.genai import _api_client, types
from google.genai.client import DebugConfig

from llm_gateway.errors import LlmNotConfiguredError
from llm_gateway.providers.http_clock import CONNECT_SECONDS, seconds_until, start_clock, watch_clock

GEMINI_URL: Final = "https://generativelanguage.googleapis.com"
API_VERSION: Final = "v1beta"
"""The SDK's default is v1, which has no previews: neither of models nor of fields (guide "API versions explained")."""

_CHOICE_OF_LIBRARY: Final = "_get_http_client_backend"
_MAKING: Final = threading.Lock()

_SHORTEST_DEADLINE_SECONDS: Final = 10
"""Gemini refuses requests with a shorter `X-Server-Timeout`, which the SDK sends: "Manually set deadline 5s is too short.
Minimum allowed deadline is 10s."
"""


@dataclass(slots=True)
class Sent:
    """A request that is sent: its HTTP response, once its head has come."""

    response: httpx2.Response | None = None


_SENT: ContextVar[Sent | None] = ContextVar("gemini_sent", default=None)


@contextmanager
def watched(sent: Sent) -> Generator[None]:
    """Note the HTTP response to what this thread sends meanwhile: the SDK gives it to nobody, and does not close it when
    a stream is left early.
    """
    token = _SENT.set(sent)
    try:
        yield
    finally:
        _SENT.reset(token)


def make_client(key: str, url: str) -> tuple[genai.Client, httpx2.Client]:
    """The SDK's client and the HTTP client below it, which is to be closed. Nothing comes from the environment but the
    network's own settings: proxies and certificates. Raises LlmNotConfiguredError.
    """
    if not key.isascii() or not key.isprintable() or key.startswith("auth_tokens/"):
        raise LlmNotConfiguredError("The API key of Gemini is not a valid key: it holds characters that no key has.")
    _check(url)
    verify = httpx2.create_ssl_context()
    http = httpx2.Client(verify=verify, event_hooks={"request": [_start_clock], "response": [_watch_clock]})
    options = types.HttpOptions(
        base_url=url,
        api_version=API_VERSION,
        retry_options=types.HttpRetryOptions(attempts=1),
        httpx_client=http,
        # Never used, but made by the SDK if it is not given one.
        httpx_async_client=httpx2.AsyncClient(verify=verify),
        async_client_args={"verify": verify},
    )
    with _by_arguments_only():
        client = genai.Client(
            vertexai=False,
            api_key=key,
            http_options=options,
            debug_config=DebugConfig(client_mode=None, replays_directory=None, replay_id=None),
        )
    return client, http


@contextmanager
def _by_arguments_only() -> Generator[None]:
    """Two things have no argument that they give way to while a client is made: GOOGLE_GENAI_HTTP_CLIENT, which may name a
    library that is not installed, and a warning about the keys in the environment, of which none is used. A test notices
    if this stops working.
    """
    names = vars(_api_client)
    with _MAKING:
        by_environment = names[_CHOICE_OF_LIBRARY]
        names[_CHOICE_OF_LIBRARY] = lambda _options=None: "httpx2"
        _api_client.logger.addFilter(_is_not_about_two_keys)
        try:
            yield
        finally:
            _api_client.logger.removeFilter(_is_not_about_two_keys)
            names[_CHOICE_OF_LIBRARY] = by_environment


def options_until(deadline: float) -> types.HttpOptions:
    """Options of a request that may take until a deadline of the monotonic clock. Raises LlmTimeoutError after it."""
    seconds = seconds_until(deadline)
    served = max(_SHORTEST_DEADLINE_SECONDS, math.ceil(seconds))
    return types.HttpOptions(timeout=max(1, int(seconds * 1000)), headers={"X-Server-Timeout": str(served)})


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise LlmNotConfiguredError("The base URL of Gemini is not a valid URL.") from None
    if parts.scheme not in ("http", "https") or not host or not url.isascii():
        raise LlmNotConfiguredError("The base URL of Gemini must begin with http:// or https://.")
    if "@" in parts.netloc or parts.query or parts.fragment:  # httpx2 logs the URLs it asks
        raise LlmNotConfiguredError("The base URL of Gemini must hold no user, no password and no query.")


def _is_not_about_two_keys(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith("Both GOOGLE_API_KEY and GEMINI_API_KEY are set")


def _start_clock(request: httpx2.Request) -> None:
    start_clock(request)
    timeout = request.extensions["timeout"]
    request.extensions["timeout"] = {**timeout, "connect": min(timeout["connect"], CONNECT_SECONDS)}


def _watch_clock(response: httpx2.Response) -> None:
    watch_clock(response)
    if (sent := _SENT.get()) is not None:
        sent.response = response
