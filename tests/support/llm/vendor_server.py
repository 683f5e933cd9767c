"""A vendor on loopback: an HTTP server that gives scripted answers and keeps what it was asked.

    with VendorServer(json_reply({"ok": True}), sse_reply(sse_event({"n": 1}), sse_event("[DONE]"))) as server:
        ...  # a real SDK is pointed at server.url
    assert server.requests[0].body == {...}

It knows no vendor: the wire formats stand in modules of their own beside it. Answers are given in order, one a request;
after them `answer` is asked, a function of the request. A request that is left without an answer gets 501, and fails
the test when the server is left; so does what a function of the request raises. Leaving the server ends pauses at once,
closes the connections and joins all threads.
"""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Received:
    """A request. `path` and `query` are as sent, percent escapes included; header names are in lower case; `body` is the
    JSON value, None where the body (`raw`) is empty or no JSON.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: `body` as JSON, or `raw` bytes, or `chunks`, each sent on its own (server-sent events, AWS event streams).

    The server waits `delay_seconds` before the head and `chunk_delay_seconds` before every chunk but the first;
    `continues`, where there is one, holds those back until it is set. With `drop` the connection breaks: without body
    and chunks before the head, after half of a body, after the last chunk.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    raw: bytes | None = None
    chunks: tuple[bytes, ...] | None = None
    delay_seconds: float = 0.0
    chunk_delay_seconds: float = 0.0
    continues: threading.Event | None = None
    drop: bool = False


Answer = Callable[[Received], Reply]


def json_reply(body: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer; `retry_after="2"` sends the header Retry-After."""
    return Reply(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def sse_reply(
    *chunks: bytes,
    chunk_delay_seconds: float = 0.0,
    continues: threading.Event | None = None,
    drop: bool = False,
) -> Reply:
    """A stream of server-sent events, each made by `sse_event`."""
    headers = {"content-type": "text/event-stream; charset=utf-8"}
    return Reply(200, headers, chunks=chunks, chunk_delay_seconds=chunk_delay_seconds, continues=continues, drop=drop)


def sse_event(data: Any, event: str | None = None) -> bytes:
    """One event: a text as it is, any other value as JSON (HTML Living Standard, "Server-sent events")."""
    text = data if isinstance(data, str) else json.dumps(data)
    name = "" if event is None else f"event: {event}\n"
    return f"{name}data: {text}\n\n".encode()


class VendorServer:
    """See the module. `requests` are those received so far; `client_left` is set when a client hangs up before its
    answer has ended.
    """

    def __init__(self, *script: Reply | Answer, answer: Answer | None = None) -> None:
        self.requests: list[Received] = []
        self.client_left = threading.Event()
        self._script = list(script)
        self._answer = answer
        self._failures: list[Exception] = []
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._http = _Server(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(_POLL_SECONDS,), name="vendor-server")

    @property
    def url(self) -> str:
        """The address without a path, such as `http://127.0.0.1:41233`."""
        host, port = self._http.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._thread.join()
        with self._lock:
            for connection in self._connections:
                _shut(connection)
        self._http.server_close()  # joins the threads of the connections
        if kind is None and self._failures:
            raise self._failures[0]

    def reply_to(self, received: Received) -> Reply:
        """Keep a request and give its answer. For the handler."""
        with self._lock:
            self.requests.append(received)
            scripted = self._script.pop(0) if self._script else self._answer
        try:
            if scripted is None:
                raise AssertionError(f"The script has no answer for {received.method} {received.path}.")
            return scripted if isinstance(scripted, Reply) else scripted(received)
        except Exception as error:
            self._failures.append(error)
            return json_reply({"error": {"message": "This is a mistake of the test."}}, status=501)

    def opened(self, connection: socket.socket) -> None:
        """Note an open connection. For the handler."""
        with self._lock:
            self._connections.add(connection)
            if self._stopping.is_set():
                _shut(connection)

    def closed(self, connection: socket.socket) -> None:
        """Forget a connection. For the handler."""
        with self._lock:
            self._connections.discard(connection)

    def pause(self, connection: socket.socket, seconds: float, until: threading.Event | None = None) -> bool:
        """Wait for the time and the event; False if the client hangs up or the server is left meanwhile. For the handler."""
        deadline = time.monotonic() + seconds
        while (remaining := deadline - time.monotonic()) > 0 or not (until is None or until.is_set()):
            if self._stopping.is_set():
                return False
            readable, _, _ = select.select([connection], [], [], min(max(remaining, 0.001), _POLL_SECONDS))
            if readable and _has_ended(connection):
                self.client_left.set()
                return False
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that server_close joins them

    def __init__(self, vendor: VendorServer) -> None:
        self.vendor = vendor
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about; whatever else happens shows in the client's answer."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.vendor.opened(self.connection)

    def finish(self) -> None:
        self.server.vendor.closed(self.connection)
        super().finish()

    def do_POST(self) -> None:
        reply = self.server.vendor.reply_to(self._received())
        if reply.delay_seconds and not self.server.vendor.pause(self.connection, reply.delay_seconds):
            self.close_connection = True
            return
        try:
            self._send(reply)
        except OSError:
            self.server.vendor.client_left.set()
            self.close_connection = True
            return
        if reply.drop:
            self.close_connection = True
            _shut(self.connection)

    do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815  # the names that the base class calls

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: tests look at `requests`."""

    def _received(self) -> Received:
        raw = self.rfile.read(int(self.headers.get("content-length", 0)))
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            body = None
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Received(self.command, path, query, headers, body, raw)

    def _send(self, reply: Reply) -> None:
        if reply.chunks is not None:
            self._send_chunks(reply, reply.chunks)
            return
        raw = reply.raw if reply.raw is not None else b"" if reply.body is None else json.dumps(reply.body).encode()
        if reply.drop and not raw:
            return
        self._send_head(reply, {"content-type": "application/json", "content-length": str(len(raw))})
        self.wfile.write(raw[: len(raw) // 2] if reply.drop else raw)

    def _send_chunks(self, reply: Reply, chunks: tuple[bytes, ...]) -> None:
        if reply.drop and not chunks:
            return
        self._send_head(reply, {"content-type": "application/octet-stream", "transfer-encoding": "chunked"})
        for position, chunk in enumerate(chunks):
            seconds = reply.chunk_delay_seconds if position else 0.0
            waits_for = reply.continues if position else None
            if not self.server.vendor.pause(self.connection, seconds, waits_for):
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if not reply.drop:
            self.wfile.write(b"0\r\n\r\n")

    def _send_head(self, reply: Reply, defaults: Mapping[str, str]) -> None:
        self.send_response(reply.status)
        given = {name.lower(): value for name, value in reply.headers.items()}
        for name, value in {**defaults, **given}.items():
            self.send_header(name, value)
        self.end_headers()


def _has_ended(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the client was faster
