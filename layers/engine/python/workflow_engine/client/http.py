"""Requests over HTTP, by httpx2, which is imported when the first transport is made.

A pool of connections is of one process, and an asynchronous one of one event loop: after a fork the child would read the
answers of its parent, and a connection of a loop that has ended can be neither used nor closed. So each process, and each loop,
gets a pool of its own when it first sends something.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from workflow_engine.aws_quotas import HTTP_API_SECONDS
from workflow_engine.client.authentication import Auth
from workflow_engine.client.errors import (
    ConnectionFailedError,
    ConnectionLostError,
    RefusedError,
    TimedOutError,
    TlsError,
    UnreachableError,
)
from workflow_engine.client.transport import USER_AGENT, Request, Response

if TYPE_CHECKING:
    import httpx2

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 2.0 * HTTP_API_SECONDS
"""How long no byte of an answer may come. API Gateway answers within half of that, and streams tell that they live every 15 s."""


class _Way:
    """Where requests go and in whose name: what both transports have in common."""

    def __init__(self, base_url: str, auth: Auth | None, timeout: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(f"'{base_url}' is no address of an API. Write it as https://host/stage.")
        if parts.username is not None or parts.password is not None:
            raise ValueError(f"The address of the API at {parts.hostname} holds credentials. Give them as `auth`.")
        if parts.query or parts.fragment:
            raise ValueError(f"The address of an API ends with its path; '{base_url}' goes on after it.")
        self.base_url = base_url.rstrip("/")
        self._auth = auth
        self._timeout = timeout
        self._is_closed = False
        self._host = parts.hostname

    def settings(self) -> dict[str, Any]:
        """Arguments of the clients of httpx2. A proxy that the environment names does not reach this machine."""
        import httpx2

        if self._is_closed:
            raise RuntimeError("The client is closed.")
        _keep_addresses_out_of_logs()
        return {
            "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=30),
            "follow_redirects": False,
            "mounts": {f"all://{self._host}": None} if _is_loopback(self._host) else None,
        }

    def arguments(self, request: Request) -> dict[str, Any]:
        """Arguments of `build_request`. Raises NoCredentialsError."""
        url = request.target if request.is_elsewhere else self.base_url + request.target
        headers = {"user-agent": USER_AGENT, **request.headers}
        if self._auth is not None and not request.is_elsewhere:
            headers |= self._auth.headers(request.method, url, headers, request.body)
        timeout = self._timeout_for(request)
        content = request.body or None
        return {"method": request.method, "url": url, "headers": headers, "content": content, "timeout": timeout}

    def where(self, request: Request) -> str:
        """What is told of where a request went: no more than the server, if that is not the API's."""
        if not request.is_elsewhere:
            return self.base_url
        parts = urlsplit(request.path)
        return f"{parts.scheme}://{parts.hostname}"

    def _timeout_for(self, request: Request) -> httpx2.Timeout:
        import httpx2

        patience = self._timeout + request.held_back_seconds
        return httpx2.Timeout(patience, connect=min(CONNECT_SECONDS, self._timeout), pool=None)


class HttpTransport(_Way):
    """Requests to the API at an address, such as `https://abc.execute-api.eu-west-1.amazonaws.com/prod`.

    `timeout` is how many seconds no byte may come, beyond what a request asks to be kept waiting. Raises ValueError for what is no
    address.
    """

    def __init__(self, base_url: str, auth: Auth | None = None, *, timeout: float = ANSWER_SECONDS) -> None:
        super().__init__(base_url, auth, timeout)
        self._clients: dict[int, httpx2.Client] = {}

    def send(self, request: Request) -> Response:
        """`Transport.send`. Raises NoCredentialsError too."""
        arguments = self.arguments(request)
        with _told_apart(self.where(request)):
            response = self._client().request(**arguments)
            return Response(response.status_code, _headers(response), response.content)

    def open(self, request: Request) -> HttpStream:
        """`Transport.open`. Raises NoCredentialsError too."""
        arguments = self.arguments(request)
        client = self._client()
        with _told_apart(self.where(request)):
            response = client.send(client.build_request(**arguments), stream=True)
        return HttpStream(response, self.where(request))

    def close(self) -> None:
        """`Transport.close`."""
        self._is_closed = True
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _client(self) -> httpx2.Client:
        """That of this process. No lock is held: one that another thread held at a fork would never be let go of."""
        client = self._clients.get(os.getpid())
        if client is None:
            import httpx2

            made = httpx2.Client(**self.settings())
            client = self._clients.setdefault(os.getpid(), made)
            if client is not made:
                made.close()
        return client


class HttpStream:
    """An answer over HTTP that is read while it comes."""

    def __init__(self, response: httpx2.Response, where: str) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = _headers(response)
        self._response = response
        self._pieces: Iterator[bytes] = response.iter_bytes()
        self._where = where

    def read(self) -> bytes | None:
        """`Stream.read`."""
        with _told_apart(self._where):
            return next(self._pieces, None)

    def close(self) -> None:
        """`Stream.close`."""
        self._response.close()


class AsyncHttpTransport(_Way):
    """`HttpTransport` for a program with an event loop, of asyncio or trio."""

    def __init__(self, base_url: str, auth: Auth | None = None, *, timeout: float = ANSWER_SECONDS) -> None:
        super().__init__(base_url, auth, timeout)
        self._clients: dict[object, httpx2.AsyncClient] = {}

    async def send(self, request: Request) -> Response:
        """`AsyncTransport.send`. Raises NoCredentialsError too."""
        arguments = await self._made(request)
        with _told_apart(self.where(request)):
            response = await self._client().request(**arguments)
            return Response(response.status_code, _headers(response), response.content)

    async def open(self, request: Request) -> AsyncHttpStream:
        """`AsyncTransport.open`. Raises NoCredentialsError too."""
        arguments = await self._made(request)
        client = self._client()
        with _told_apart(self.where(request)):
            response = await client.send(client.build_request(**arguments), stream=True)
        return AsyncHttpStream(response, self.where(request))

    async def close(self) -> None:
        """`AsyncTransport.close`. It ends the connections of the event loop that it is called in."""
        from anyio.lowlevel import current_token

        self._is_closed = True
        client = self._clients.pop(current_token().native_token, None)
        if client is not None:
            await client.aclose()

    async def _made(self, request: Request) -> dict[str, Any]:
        """`arguments`, in a thread where somebody is asked for credentials, which may take a while."""
        if self._auth is None:
            return self.arguments(request)
        from anyio.to_thread import run_sync

        return await run_sync(self.arguments, request)

    def _client(self) -> httpx2.AsyncClient:
        from anyio.lowlevel import current_token

        loop: object = current_token().native_token
        client = self._clients.get(loop)
        if client is None:
            import httpx2

            client = httpx2.AsyncClient(**self.settings())
            self._clients = {other: kept for other, kept in self._clients.items() if not _has_ended(other)}
            self._clients[loop] = client
        return client


class AsyncHttpStream:
    """`HttpStream` for a program with an event loop."""

    def __init__(self, response: httpx2.Response, where: str) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = _headers(response)
        self._response = response
        self._pieces: AsyncIterator[bytes] = response.aiter_bytes()
        self._where = where

    async def read(self) -> bytes | None:
        """`AsyncStream.read`."""
        with _told_apart(self._where):
            return await anext(self._pieces, None)

    async def close(self) -> None:
        """`AsyncStream.close`."""
        await self._response.aclose()


def _headers(response: httpx2.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _keep_addresses_out_of_logs() -> None:
    """httpx2 logs each address at INFO, and one that leads to an output in S3 holds a signature. Who has set a level has chosen."""
    logger = logging.getLogger("httpx2")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


def _has_ended(loop: object) -> bool:
    """Whether an event loop of asyncio is closed."""
    is_closed = getattr(loop, "is_closed", None)
    return is_closed is not None and bool(is_closed())


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def _told_apart(where: str) -> Iterator[None]:
    """Errors of httpx2 as ours; ValueError for what is no request, such as a header with a line break."""
    import httpx2

    try:
        yield
    except httpx2.LocalProtocolError as error:
        raise ValueError(f"This cannot be sent: {error}.") from error
    except (httpx2.TransportError, httpx2.DecodingError) as error:
        raise _failure(error, where) from error


def _failure(error: Exception, where: str) -> ConnectionFailedError:
    """Which of ours an error of httpx2 is; that of the operating system or of TLS stands among its causes."""
    import ssl

    import httpx2

    causes = list(_causes(error))
    told = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return UnreachableError(f"{where} does not answer: no connection was made in time.")
    if isinstance(error, httpx2.TimeoutException):
        return TimedOutError(f"{where} has taken the request and has not answered it in time.")
    if isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol):
        tls = next((str(c) for c in causes if isinstance(c, ssl.SSLError)), None)
        if tls is not None:
            return TlsError(f"No secure connection to {where} can be made: {tls}")
        if any(isinstance(c, ConnectionRefusedError) for c in causes):
            return RefusedError(f"Nobody listens at {where}. Is the server running?")
        return UnreachableError(f"{where} cannot be reached: {told}.")
    return ConnectionLostError(f"The connection to {where} ended before the answer did: {told}.")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it follows from; attempts at several addresses of a host come as a group."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for part in error.exceptions:
                yield from _causes(part)
        error = error.__cause__ or error.__context__
