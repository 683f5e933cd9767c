"""Very many clients that watch runs, in one process: open streams, whose events are timed, and requests that wait."""

from __future__ import annotations

import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from tests.benchmarks.laptop import Server
from tests.support.looking import awaited


@dataclass
class Streams:
    """Streams of runs. `latencies` has for each event that came how many milliseconds after it happened that was."""

    base_url: str
    latencies: list[float] = field(default_factory=list)
    heads: int = 0
    ended: int = 0

    def open(self, execution_ids: list[str], selector: selectors.BaseSelector) -> None:
        url = urlsplit(self.base_url)
        for execution_id in execution_ids:
            connection = socket.create_connection((url.hostname or "", url.port or 0), timeout=60)
            head = f"GET /executions/{execution_id}/stream HTTP/1.1\r\nHost: {url.netloc}\r\n\r\n"
            connection.sendall(head.encode())
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, bytearray())

    def take(self, key: selectors.SelectorKey, selector: selectors.BaseSelector) -> None:
        """Read what a connection has, and time the events in it; those of its first answer had happened before."""
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        received = connection.recv(65536)
        now = time.time()
        if not received:
            self.ended += 1
            selector.unregister(connection)
            connection.close()
            return
        buffer: bytearray = key.data
        buffer += received
        while b"\n\n" in buffer:
            block, _, rest = bytes(buffer).partition(b"\n\n")
            buffer[:] = rest
            if b"retry: " in block:
                self.heads += 1
            for line in block.split(b"\n"):
                if line.startswith(b"data: ") and self.is_timed:
                    happened = datetime.fromisoformat(json.loads(line[6:])["timestamp"]).timestamp()
                    self.latencies.append((now - happened) * 1000)

    is_timed: bool = False


@contextmanager
def streaming(server: Server, execution_ids: list[str], *, is_timed: bool = False) -> Iterator[Streams]:
    """Keep streams of these runs open, and read them in one thread."""
    streams, selector, closing = Streams(server.client.base_url), selectors.DefaultSelector(), threading.Event()

    def read() -> None:
        while not closing.is_set():
            for key, _ in selector.select(0.1):
                streams.take(key, selector)

    streams.open(execution_ids, selector)
    thread = threading.Thread(target=read)
    thread.start()
    try:
        awaited(lambda: streams.heads >= len(execution_ids), f"not all of {len(execution_ids)} streams are open")
        streams.is_timed = is_timed
        yield streams
    finally:
        closing.set()
        thread.join()
        for key in list(selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        selector.close()


@contextmanager
def polling(server: Server, execution_ids: list[str]) -> Iterator[None]:
    """Keep a request under way for each of these runs that waits for its next event or, of every second, for its end."""
    closing = threading.Event()

    def poll(number: int, execution_id: str) -> None:
        path = f"/executions/{execution_id}/results?wait=5"
        if number % 2:
            page = server.ask("GET", f"/executions/{execution_id}/events?limit=100")
            path = f"/executions/{execution_id}/events?wait=5&cursor={page['next_cursor']}"
        while not closing.is_set():
            server.ask("GET", path)

    threads = [threading.Thread(target=poll, args=each) for each in enumerate(execution_ids)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        closing.set()
        for thread in threads:
            thread.join()
