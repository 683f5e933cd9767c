"""HTTP/1.1 on the standard library to addresses that a client has named, for functions that carry no HTTP library.

    answer = send(Request("POST", url, headers, body), policy, seconds=30, max_bytes=5_000_000)

A host is looked up once, all its addresses are judged by `workflow_engine.outbound`, and the connection is made to one of
these; above it the request keeps the host's name, for the Host header, the TLS server name and the certificate. All that
`send` does ends within the time given, slow look-ups, slow heads and a byte a second included. One connection a request;
nothing of the environment is heeded but the trusted certificates (no proxy, no netrc).
"""

from __future__ import annotations

import gzip
import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from workflow_engine.endpoint_errors import (
    HttpAnswerError,
    HttpAnswerTooLargeError,
    HttpCertificateError,
    HttpConnectionError,
    HttpRedirectError,
    HttpTimeoutError,
)
from workflow_engine.init_phase import once
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.outbound import AddressPolicy, Destination, HostNotFoundError, Lookup

MAX_REDIRECTS: Final = 5
MAX_ADDRESSES_TRIED: Final = 4
CONNECT_SECONDS: Final = 5.0
"""For one address, so that a second one gets its turn."""

_PIECE: Final = 65_536
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})
_KEEPS_METHOD: Final = frozenset({307, 308})
"""RFC 9110, 15.4: the other redirects let a client send GET, without the body."""


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute, in ASCII. The headers Host, Content-Length, Accept-Encoding and Connection are made here."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, its body unpacked. Header names are in lower case; values of one name are joined by commas."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Deadline:
    """The end of all waiting."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._end = now() + seconds

    def left(self) -> float:
        """The seconds that are left. Raises TimeoutError when there are none."""
        seconds = self._end - self._now()
        if seconds <= 0:
            raise TimeoutError
        return seconds


@once
def trusted_certificates() -> ssl.SSLContext:
    """Those of the system, or of SSL_CERT_FILE where an operator set it. Read once, since it takes some 10 ms."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def send(
    request: Request,
    policy: AddressPolicy,
    *,
    seconds: float,
    max_bytes: int,
    wanted: Container[int] = (),
    lookup: Lookup | None = None,
    verify: ssl.SSLContext | None = None,
) -> Answer:
    """Send a request and read its answer, whatever its status. Redirects that keep method and body are followed on the same
    host, unless their status is one of those `wanted`; each hop is judged anew. `lookup` and `verify` stand in for the
    system's name service and certificates.

    Raises AddressRefusedError, HttpConnectionError, HttpTimeoutError, HttpCertificateError,
    HttpRedirectError, HttpAnswerError, HttpAnswerTooLargeError.
    """
    deadline = Deadline(seconds)
    for _ in range(MAX_REDIRECTS + 1):
        leads_to = policy.check_url(request.url)
        with _errors_told(leads_to.host, seconds):
            connection = _Connection(leads_to, policy, deadline, lookup, verify)
            try:
                answer = _exchange(connection, request, leads_to, max_bytes)
            finally:
                connection.close()
        if answer.status in wanted or not 300 <= answer.status < 400:
            return answer
        request = replace(request, url=_next_url(request, leads_to, answer))
    raise HttpRedirectError(f"'{leads_to.host}' redirects more than {MAX_REDIRECTS} times.")


def _next_url(request: Request, leads_to: Destination, answer: Answer) -> str:
    """Where a redirect leads, if it is followed."""
    url = request.url
    location = answer.headers.get("location", "")
    if not location:
        raise HttpRedirectError(
            f"'{leads_to.host}' answers {answer.status} without a Location header, so it gives no output."
        )
    target = urljoin(url, location)
    shown = urlsplit(target)._replace(query="", fragment="").geturl()[:200]
    try:
        parts = urlsplit(target)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise HttpRedirectError(f"'{leads_to.host}' redirects to an address that cannot be read.") from None
    same = host == leads_to.host and (
        (parts.scheme, port or _default_port(parts.scheme)) in ((leads_to.scheme, leads_to.port), ("https", 443))
    )
    if not same:
        raise HttpRedirectError(
            f"'{leads_to.host}' redirects to {shown}. A redirect to another host, port or from https to http is not "
            "followed. Register the address that is meant."
        )
    if answer.status not in _KEEPS_METHOD and request.method not in _WITHOUT_BODY:
        raise HttpRedirectError(
            f"'{leads_to.host}' answers {answer.status} with a redirect to {shown}, which would lose the body. "
            "Register that address, or let the endpoint answer 307 or 308."
        )
    return target


def _default_port(scheme: str) -> int | None:
    return {"http": 80, "https": 443}.get(scheme)


def _exchange(connection: _Connection, request: Request, leads_to: Destination, max_bytes: int) -> Answer:
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    own = {
        "Host": _host(leads_to),
        **({"Content-Length": str(len(request.body))} if request.body or request.method not in _WITHOUT_BODY else {}),
        "Accept-Encoding": "gzip",
        "Connection": "close",
    }
    for name, value in {**request.headers, **own}.items():
        connection.putheader(name, value)
    connection.endheaders(request.body)
    response = connection.getresponse()
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Answer(response.status, headers, _unpacked(_body(response, max_bytes), headers, max_bytes))


def _host(leads_to: Destination) -> str:
    host = f"[{leads_to.host}]" if ":" in leads_to.host else leads_to.host
    return host if leads_to.port == _default_port(leads_to.scheme) else f"{host}:{leads_to.port}"


def _body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    """The body as it was sent. `HTTPResponse.read` with an amount does not tell a body that ends too early; `length` does."""
    if (response.length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    while piece := response.read(_PIECE):
        body += piece
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return bytes(body)


def _unpacked(body: bytes, headers: Mapping[str, str], max_bytes: int) -> bytes:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if not body or encoding in ("identity", ""):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise HttpAnswerError(f"The answer comes as '{encoding[:40]}', which was not asked for.")
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as unpacking:
            plain = unpacking.read(max_bytes + 1)
    except EOFError:
        raise HttpAnswerError("The answer calls itself gzip and ends too early.") from None
    except (gzip.BadGzipFile, zlib.error):
        raise HttpAnswerError("The answer calls itself gzip and cannot be unpacked.") from None
    if len(plain) > max_bytes:
        raise _too_large(max_bytes)
    return plain


def _too_large(max_bytes: int) -> HttpAnswerTooLargeError:
    return HttpAnswerTooLargeError(f"The answer is longer than the {max_bytes:,} bytes allowed.")


@contextmanager
def _errors_told(host: str, seconds: float) -> Iterator[None]:
    """What may happen on the way, as errors by which a retry decides."""
    try:
        yield
    except TimeoutError:
        raise HttpTimeoutError(f"'{host}' did not answer in full within {seconds:.3g} s.") from None
    except HostNotFoundError as error:
        raise HttpConnectionError(error.detail) from None
    except ssl.SSLCertVerificationError as error:
        raise HttpCertificateError(f"The certificate of '{host}' is not accepted: {error.verify_message}.") from None
    except (http.client.IncompleteRead, http.client.RemoteDisconnected, OSError) as error:
        reason = "the answer ended too early" if isinstance(error, http.client.IncompleteRead) else _reason(error)
        raise HttpConnectionError(f"The connection to '{host}' failed: {reason}.") from None
    except (http.client.HTTPException, ValueError) as error:
        raise HttpAnswerError(f"'{host}' does not answer in HTTP/1.1: {type(error).__name__}.") from None


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text)[:200].rstrip(".")


class _Connection(http.client.HTTPConnection):
    """A connection to a judged address of a destination, on which nothing lasts beyond the deadline."""

    def __init__(
        self,
        leads_to: Destination,
        policy: AddressPolicy,
        deadline: Deadline,
        lookup: Lookup | None,
        verify: ssl.SSLContext | None,
    ) -> None:
        super().__init__(leads_to.host, leads_to.port)
        self._leads_to = leads_to
        self._policy = policy
        self._deadline = deadline
        self._lookup = lookup
        self._verify = verify

    def connect(self) -> None:
        """Connect to the first address that answers."""
        host, port = self._leads_to.host, self._leads_to.port
        addresses = self._policy.resolve_within(host, port, self._deadline.left(), self._lookup)
        refused: OSError = ConnectionError("no address")
        for address in addresses[:MAX_ADDRESSES_TRIED]:
            try:
                plain = socket.create_connection((address, port), min(CONNECT_SECONDS, self._deadline.left()))
            except OSError as error:
                refused = error
                continue
            self.sock = _TimedSocket(self._secured(plain), self._deadline)
            return
        self._deadline.left()  # a time that is over is told as such
        if isinstance(refused, TimeoutError):
            raise ConnectionError("no address accepts a connection")
        raise refused

    def _secured(self, plain: socket.socket) -> socket.socket:
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._leads_to.scheme == "http":
                return plain
            plain.settimeout(self._deadline.left())
            return (self._verify or trusted_certificates()).wrap_socket(plain, server_hostname=self._leads_to.host)
        except BaseException:
            plain.close()
            raise


class _TimedSocket:
    """What `http.client` needs of a socket. Its own timeouts limit each wait, so a byte a second never lets one pass.

    Head and body leave together when the answer is asked for. A server may answer, and hang up, before it has read all:
    what it says is worth reading.
    """

    def __init__(self, inner: socket.socket, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline
        self._unsent = bytearray()

    def sendall(self, data: bytes) -> None:
        self._unsent += data

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send()
        return io.BufferedReader(_TimedReader(self._inner, self._deadline))

    def _send(self) -> None:
        rest = memoryview(bytes(self._unsent))
        while rest:
            self._inner.settimeout(self._deadline.left())
            rest = rest[self._inner.send(rest) :]

    def close(self) -> None:
        self._inner.close()


class _TimedReader(io.RawIOBase):
    """What arrives at a socket."""

    def __init__(self, inner: socket.socket, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._inner.settimeout(self._deadline.left())
        return self._inner.recv_into(buffer)
