"""What several of these tests need."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workflow_engine.client import (
    Retries,
)

ONCE = Retries(attempts=1)


HELLO = json.loads(
    (Path(__file__).parents[3] / "statemachines" / "examples" / "hello-world" / "workflow.json").read_text("utf-8")
)


PAUSE = {"name": "Pause", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 0.2}}]}


FOREVER = {"name": "Long", "steps": [{"step_id": "p", "step_type": "delay", "config": {"delay_seconds": 600}}]}


# Ways that do not lead there


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A port whose connections `answer` is called with, one after another."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def http(status: str, body: bytes = b"", **headers: str) -> Callable[[socket.socket], None]:
    """Answers each request so; `received` of the function is what came last."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]

    def answer(connection: socket.socket) -> None:
        answer.received = connection.recv(65536).decode("latin-1")  # type: ignore[attr-defined]  # what the test looks at
        connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    return answer
