"""An API on loopback that answers what a test tells it, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ENDED = {
    "execution_id": "run-1",
    "workflow_id": "order",
    "workflow_version": 1,
    "status": "completed",
    "error": None,
    "step_counts": {},
    "current_step": None,
}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """An answer; with `breaks_off` the connection ends before the length that was promised."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    breaks_off: bool = False


Answer = Callable[[Asked], Reply]


@dataclass
class FakeApi:
    """What it answers, and what it was asked."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Answer = lambda asked: Reply()

    def always(self, status: int, body: Any = None, **headers: str) -> None:
        """Answer everything like that."""
        self.answer = lambda asked: Reply(status, body, {name.replace("_", "-"): v for name, v in headers.items()})


def problem(status: int, code: str, detail: str) -> dict[str, Any]:
    """A body as the API's own problems have it."""
    return {
        "status": status,
        "code": code,
        "detail": detail,
        "errors": [{"code": code, "pointer": "", "detail": detail}],
    }


@contextmanager
def running_fake_api() -> Iterator[FakeApi]:
    """A fake API while the context lasts."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, self.rfile.read(length))
            fake.asked.append(asked)
            reply = fake.answer(asked)
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"content-type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body) + (100 if reply.breaks_off else 0)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that goes away is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
