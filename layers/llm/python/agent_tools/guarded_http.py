"""HTTP to addresses that a workflow names: clients of httpx2 that connect only where `workflow_engine.outbound` allows.

    with guarded_http.client(policy, seconds=15, max_response_bytes=2_000_000) as client:
        response = client.get(url)

The check stands where the socket is opened, in the network backend of the connection pool (`connections`): a host is
looked up once, all its addresses are judged, and the connection is made to one of these. Above it the request still
carries the host's name, so the Host header, the TLS server name and the certificate's check are the usual ones. A
redirect opens its own connection and is judged like any other request.

Beside it: an answer longer than allowed is broken off while it streams, unpacked bytes counted; Authorization is never
sent to another origin than the first; of the environment only the trusted certificates are heeded, no proxy and no netrc.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import httpcore2
import httpx2

from agent_tools.connections import AsyncCheckedBackend, CheckedBackend
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.outbound import AddressPolicy, Lookup

MAX_REDIRECTS: Final = 5
CONNECT_SECONDS: Final = 5.0
USER_AGENT: Final = "workflow-engine"

_FIRST_ORIGIN: Final = "workflow_engine.first_origin"
"""A request's extension; httpx2 hands extensions on to the request that follows a redirect."""

# httpx2 logs the URL of each request at INFO, and a URL may hold a key.
logging.getLogger("httpx2").setLevel(logging.WARNING)

_ERRORS: Final[dict[type[Exception], type[httpx2.TransportError]]] = {
    getattr(httpcore2, name): getattr(httpx2, name)
    for name in (
        "ConnectTimeout", "ReadTimeout", "WriteTimeout", "PoolTimeout", "ConnectError", "ReadError", "WriteError",
        "LocalProtocolError", "RemoteProtocolError", "UnsupportedProtocol",
    )
}  # fmt: skip
"""httpx2 names its errors after those of httpcore2, on which it stands."""


class ResponseTooLargeError(WorkflowEngineError, httpx2.StreamError):
    """An answer is longer than allowed. Also an error of httpx2, so that those who read a response, such as `mcp`, take it
    for the broken answer that it is.
    """

    code = "response_too_large"


@dataclass(frozen=True, slots=True)
class OriginToken:
    """A bearer token, and the URL of whose origin (scheme, host, port) alone it is for."""

    url: str
    token: str = field(repr=False)


def client(
    policy: AddressPolicy,
    *,
    seconds: float,
    max_response_bytes: int,
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
) -> httpx2.Client:
    """A client for one errand: all that it does ends within `seconds` of now, redirects and slow bodies included.

    It follows up to 5 redirects. Requests raise AddressRefusedError, ResponseTooLargeError and the errors of httpx2.
    `lookup` and `verify` stand in for the system's name service and its trusted certificates.
    """
    transport = GuardedTransport(policy, max_response_bytes, time.monotonic() + seconds, lookup, verify)
    return httpx2.Client(
        transport=transport,
        timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )


def async_client(
    policy: AddressPolicy,
    *,
    seconds: float,
    max_response_bytes: int,
    token: OriginToken | None = None,
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
) -> httpx2.AsyncClient:
    """A client for as long as it is open, each wait for the network at most `seconds`; bound the whole by cancelling.

    Requests raise what those of `client` do. `token` is sent to its own origin and nowhere else.
    """
    transport = AsyncGuardedTransport(policy, max_response_bytes, token, lookup, verify)
    return httpx2.AsyncClient(
        transport=transport,
        timeout=httpx2.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        headers={"User-Agent": USER_AGENT},
        trust_env=False,
    )


class GuardedTransport(httpx2.BaseTransport):
    """Sends requests where the policy allows. `deadline` is of `time.monotonic`."""

    def __init__(
        self,
        policy: AddressPolicy,
        max_response_bytes: int,
        deadline: float,
        lookup: Lookup | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._max_response_bytes = max_response_bytes
        self._pool = httpcore2.ConnectionPool(
            ssl_context=verify or _trusted_certificates(),
            network_backend=CheckedBackend(policy, deadline, lookup),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; redirects come back here, one by one."""
        with _as_httpx_errors(request):
            response = self._pool.handle_request(core_request(request, self._policy, None))
        assert isinstance(response.stream, Iterable)
        received = httpx2.Response(
            response.status, headers=response.headers, stream=_CoreStream(response.stream, request), request=request
        )
        try:
            headers = _plain_headers(received)
        except BaseException:
            received.close()
            raise
        stream = _LimitedStream(received, self._max_response_bytes)
        return httpx2.Response(response.status, headers=headers, stream=stream, extensions=response.extensions)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class AsyncGuardedTransport(httpx2.AsyncBaseTransport):
    """Sends requests where the policy allows."""

    def __init__(
        self,
        policy: AddressPolicy,
        max_response_bytes: int,
        token: OriginToken | None = None,
        lookup: Lookup | None = None,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._policy = policy
        self._max_response_bytes = max_response_bytes
        self._token = token
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verify or _trusted_certificates(),
            network_backend=AsyncCheckedBackend(policy, lookup),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; redirects come back here, one by one."""
        with _as_httpx_errors(request):
            response = await self._pool.handle_async_request(core_request(request, self._policy, self._token))
        assert isinstance(response.stream, AsyncIterable)
        received = httpx2.Response(
            response.status,
            headers=response.headers,
            stream=_AsyncCoreStream(response.stream, request),
            request=request,
        )
        try:
            headers = _plain_headers(received)
        except BaseException:
            await received.aclose()
            raise
        stream = _AsyncLimitedStream(received, self._max_response_bytes)
        return httpx2.Response(response.status, headers=headers, stream=stream, extensions=response.extensions)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


@cache
def _trusted_certificates() -> ssl.SSLContext:
    """Those of the system, or of SSL_CERT_FILE where an operator set it. Read once, since it takes some 10 ms."""
    return httpx2.create_ssl_context()


def core_request(request: httpx2.Request, policy: AddressPolicy, token: OriginToken | None) -> httpcore2.Request:
    """The request as the pool takes it: judged by its URL, with the encodings that we unpack, and with no credentials
    but those of its origin. The token is added here, since httpx2's request is copied on redirects.

    Raises AddressRefusedError.
    """
    policy.check_url(str(request.url))
    first = request.extensions.setdefault(_FIRST_ORIGIN, request.url.origin)
    headers = httpx2.Headers(request.headers)
    headers["Accept-Encoding"] = "gzip"
    if first != request.url.origin:
        headers.pop("Authorization", None)
    if token is not None and httpx2.URL(token.url).origin == request.url.origin:
        headers["Authorization"] = f"Bearer {token.token}"
    url = request.url
    return httpcore2.Request(
        request.method,
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        headers=headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _as_httpx_errors(request: httpx2.Request) -> Iterator[None]:
    try:
        yield
    except tuple(_ERRORS) as error:
        kind = next(theirs for ours, theirs in _ERRORS.items() if isinstance(error, ours))
        raise kind(str(error), request=request) from error


def _plain_headers(response: httpx2.Response) -> list[tuple[bytes, bytes]]:
    """The headers without those that describe the packed body, which nobody above gets to see. Raises
    httpx2.DecodingError for an encoding not asked for.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        raise httpx2.DecodingError(f"The answer comes as '{encoding[:40]}', which was not asked for.")
    packed = (b"content-encoding", b"content-length", b"transfer-encoding")
    return [(name, value) for name, value in response.headers.raw if name.lower() not in packed]


def _announced(response: httpx2.Response) -> int:
    """How many bytes a response says that its body has, 0 if it does not say so."""
    length = response.headers.get("content-length", "")
    return int(length[:20]) if length.isdecimal() else 0


def _check_length(length: int, max_bytes: int) -> None:
    if length > max_bytes:
        raise ResponseTooLargeError(f"The answer is longer than the {max_bytes:,} bytes allowed.")


class _CoreStream(httpx2.SyncByteStream):
    """The pool's stream, with httpx2's errors."""

    def __init__(self, stream: Iterable[bytes], request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors(self._request):
            yield from self._stream

    def close(self) -> None:
        if hasattr(self._stream, "close"):
            self._stream.close()


class _AsyncCoreStream(httpx2.AsyncByteStream):
    """The pool's stream, with httpx2's errors."""

    def __init__(self, stream: AsyncIterable[bytes], request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx_errors(self._request):
            async for piece in self._stream:
                yield piece

    async def aclose(self) -> None:
        if hasattr(self._stream, "aclose"):
            await self._stream.aclose()


class _LimitedStream(httpx2.SyncByteStream):
    """A response's unpacked bytes, so many and no more. httpx2 unpacks in pieces of 1 MiB at most, so a small body that
    unpacks to a huge one costs no memory either. All is told when the body is read, where readers expect it to fail.
    """

    def __init__(self, response: httpx2.Response, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes

    def __iter__(self) -> Iterator[bytes]:
        _check_length(_announced(self._response), self._max_bytes)
        total = 0
        for piece in self._response.iter_bytes():
            total += len(piece)
            _check_length(total, self._max_bytes)
            yield piece

    def close(self) -> None:
        self._response.close()


class _AsyncLimitedStream(httpx2.AsyncByteStream):
    """A response's unpacked bytes, so many and no more."""

    def __init__(self, response: httpx2.Response, max_bytes: int) -> None:
        self._response = response
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        _check_length(_announced(self._response), self._max_bytes)
        total = 0
        async for piece in self._response.aiter_bytes():
            total += len(piece)
            _check_length(total, self._max_bytes)
            yield piece

    async def aclose(self) -> None:
        await self._response.aclose()
