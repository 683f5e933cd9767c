"""The local API server: werkzeug on the loopback interface, one thread a request, in front of the gateway.

A request comes to the gateway when `infra.local.access` says that it is the user's own. A stream of events leaves its thread when
its beginning was sent: `infra.local.streams` goes on with the connection.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from werkzeug.serving import BaseWSGIServer, ThreadedWSGIServer, WSGIRequestHandler

from infra.local.access import Access
from infra.local.gateway import Gateway, HttpRequest, HttpResponse
from workflow_engine.http.operation import EVENT_STREAM
from workflow_engine.http.problem import Problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from infra.local.streams import Streams

    Application = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8006

MAX_REQUEST_BYTES: Final = 10 * 1024 * 1024
"""An HTTP API takes no larger request ("Payload size", API Gateway quotas). Less than this, but more than a function
takes, is refused by the function."""

ANSWER_FOR_SECONDS: Final = 4.0
"""How long an interrupted server goes on answering what it was asked."""

LOOK_EVERY_SECONDS: Final = 1.0

ISOLATION: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
"""On every answer: pages of other servers on this machine, which browsers count as the same site, embed none of them."""


class _RequestHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Requests that went well are not worth a line on a developer's terminal."""
        if str(code)[:1] == "5":
            super().log_request(code, size)


class _Server(ThreadedWSGIServer):
    """A server that leaves a connection open which somebody else goes on with."""

    def __init__(self, port: int, application: Application, fd: int) -> None:
        super().__init__(HOST, port, application, _RequestHandler, fd=fd)
        self._handed_over: set[int] = set()

    def hand_over(self, connection: socket.socket) -> socket.socket:
        """The connection, for somebody who closes it; what becomes of the request does no more harm to it."""
        own = connection.dup()
        self._handed_over.add(connection.fileno())
        return own

    def shutdown_request(self, request: Any) -> None:
        """End a connection; one that was handed over is only let go of, since its end would be that of its copy."""
        if request.fileno() in self._handed_over:
            self._handed_over.discard(request.fileno())
            self.close_request(request)
        else:
            super().shutdown_request(request)


class _HandedOverError(ConnectionError):
    """Ends a request in the middle of its answer, which somebody else goes on with: to werkzeug the connection was lost."""


def wsgi_application(
    gateway: Gateway, access: Access, hand_over: Callable[[socket.socket], socket.socket] | None = None
) -> Application:
    """The gateway as a WSGI application for those who have access. `hand_over` gives a connection that outlasts its request."""

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        received = received_headers(environ)
        response = _answer(gateway, access, environ, received)
        headers = {k: v for k, v in response.headers.items() if k != "content-length"}
        headers |= ISOLATION | access.cors_headers(environ["REQUEST_METHOD"], received)
        streams = _streams_for(gateway, environ, response)
        if streams is not None and hand_over is not None:
            start_response(f"{response.status} {phrase(response.status)}", list(headers.items()))
            return _begun(streams, environ, response.body, hand_over)
        has_body = response.status not in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
        if has_body:
            headers["content-length"] = str(len(response.body))
        start_response(f"{response.status} {phrase(response.status)}", list(headers.items()))
        return [response.body] if has_body and environ["REQUEST_METHOD"] != "HEAD" else []

    return application


def _streams_for(gateway: Gateway, environ: WSGIEnvironment, response: HttpResponse) -> Streams | None:
    """What goes on with an answer that is the beginning of a stream; None for any other, and where too many are open."""
    is_stream = response.headers.get("content-type", "").startswith(EVENT_STREAM)
    if not is_stream or environ["REQUEST_METHOD"] != "GET" or gateway.streams is None:
        return None
    streams = gateway.streams()
    return streams if streams.has_room else None


def _begun(
    streams: Streams, environ: WSGIEnvironment, content: bytes, hand_over: Callable[[socket.socket], socket.socket]
) -> Iterator[bytes]:
    """The beginning of a stream. When it was sent, in chunks since it has no length, its connection is handed over."""
    from workflow_engine.usecases.runs.live_events import place_after  # most servers never stream

    yield content
    execution_id = environ["PATH_INFO"].split("/")[2]
    streams.take_over(hand_over(environ["werkzeug.socket"]), execution_id, place_after(content.decode()))
    raise _HandedOverError


class CountedRequests:
    """A WSGI application that knows how many requests it is answering."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._none = threading.Condition()
        self._count = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
        with self._none:
            self._count += 1
        try:
            # The end of the loop is when the server has sent it all.
            yield from self._application(environ, start_response)
        finally:
            with self._none:
                self._count -= 1
                self._none.notify_all()

    def wait_for_none(self, seconds: float) -> bool:
        """Wait until no request is under way, at most so long."""
        with self._none:
            return self._none.wait_for(lambda: self._count == 0, seconds)


def make_local_server(
    gateway: Gateway, port: int = DEFAULT_PORT, *, allow_hosts: Iterable[str] = (), cors_origins: Iterable[str] = ()
) -> BaseWSGIServer:
    """A server that listens on the loopback interface; port 0 takes a free one (`server.port`). `allow_hosts` and
    `cors_origins` are those of `Access.of`.

    Raises `OSError` when the port is taken, `ValueError` for what is no host or no origin.
    """
    server: _Server

    def application(own_port: int) -> Application:
        access = Access.of(own_port, {"/", *gateway.pages}, allow_hosts, cors_origins)
        return wsgi_application(gateway, access, lambda connection: server.hand_over(connection))

    server = _listening(port, application)
    return server


def make_application_server(port: int, application: Callable[[int], Application]) -> BaseWSGIServer:
    """The same for another WSGI application, which is made when its port is known. Raises `OSError` when the port is taken."""
    return _listening(port, application)


def _listening(port: int, application: Callable[[int], Application]) -> _Server:
    # Bound here, because werkzeug ends the process when it cannot bind.
    with socket.create_server((HOST, port), backlog=128) as bound:
        counted = CountedRequests(application(bound.getsockname()[1]))
        return _Server(port, counted, bound.fileno())


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """An event that SIGINT or SIGTERM sets, for as long as the block lasts."""
    stopping = threading.Event()
    previous = {s: signal.signal(s, lambda *_: stopping.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def serve_until(
    stopping: threading.Event,
    server: BaseWSGIServer,
    stop_waiting: Callable[[], None],
    problem: Callable[[], str | None],
) -> str | None:
    """Serve until the event is set, or until `problem`, which is asked every second, gives one: that is given back. Then free
    the port and answer what was asked before, for a few seconds at most.

    `stop_waiting` is called first: requests that wait for the end of a run are to be answered now.
    """
    found: str | None = None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="local-api")
    thread.start()
    try:
        while found is None and not stopping.wait(LOOK_EVERY_SECONDS):
            found = problem()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        stop_waiting()
        under_way = server.app
        assert isinstance(under_way, CountedRequests)
        under_way.wait_for_none(ANSWER_FOR_SECONDS)
    return found


def _answer(gateway: Gateway, access: Access, environ: dict[str, Any], headers: dict[str, str]) -> HttpResponse:
    method = environ["REQUEST_METHOD"]
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")  # PEP 3333: bytes as latin-1
    refusal = access.refusal(method, path, headers)
    if refusal is not None:
        return refused(refusal)
    if path == "/" and method in ("GET", "HEAD") and "text/html" in headers.get("accept", ""):
        # For who types the address; programs are answered as in the cloud.
        return HttpResponse(HTTPStatus.FOUND, {"location": "console/"}, b"")
    if access.answers_preflight(method, headers):
        return HttpResponse(HTTPStatus.NO_CONTENT, {}, b"")
    body = received_body(environ)
    if body is None:
        detail = f"The request is larger than {MAX_REQUEST_BYTES:,} bytes."
        return refused(Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "payload_too_large", detail))
    return gateway.handle(
        HttpRequest(
            method=method,
            path=path,
            query=environ.get("QUERY_STRING", ""),
            headers=list(headers.items()),
            body=body,
            source_ip=environ.get("REMOTE_ADDR", HOST),
        )
    )


def received_body(environ: dict[str, Any]) -> bytes | None:
    """The body, also of a chunked request, for which werkzeug gives a stream that ends; None when it is too large."""
    length = environ.get("CONTENT_LENGTH") or "0"
    expected = (
        MAX_REQUEST_BYTES + 1 if environ.get("wsgi.input_terminated") else int(length) if length.isdecimal() else 0
    )
    if expected > MAX_REQUEST_BYTES and not environ.get("wsgi.input_terminated"):
        return None
    parts: list[bytes] = []
    while expected > 0 and (part := environ["wsgi.input"].read(expected)):
        parts.append(part)
        expected -= len(part)
    body = b"".join(parts)
    return body if len(body) <= MAX_REQUEST_BYTES else None


def refused(problem: Problem) -> HttpResponse:
    """An answer before the gateway; werkzeug closes the connection after it, so what was not read of the body is dropped."""
    answer = problem.response()
    assert answer.body is not None
    return HttpResponse(problem.status, {"content-type": str(answer.content_type)}, answer.body.encode())


def received_headers(environ: dict[str, Any]) -> dict[str, str]:
    """The headers of a request, names in lower case. werkzeug has joined those that came twice by commas."""
    headers = {k[5:].replace("_", "-").lower(): str(v) for k, v in environ.items() if k.startswith("HTTP_")}
    return headers | {
        k.replace("_", "-").lower(): environ[k] for k in ("CONTENT_TYPE", "CONTENT_LENGTH") if environ.get(k)
    }


def phrase(status: int) -> str:
    """The words that stand behind a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
