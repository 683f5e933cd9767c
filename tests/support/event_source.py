"""A client of server-sent events as browsers have it (HTML, "Server-sent events"): it reads a stream as it comes, and comes back
after the time that it was told, to where it was, until it is answered 204.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any, Final
from urllib.parse import urlsplit


@dataclass
class ServerEvent:
    """An event that was dispatched."""

    data: str
    id: str
    name: str = "message"


@dataclass
class Parser:
    """The interpretation of a stream, line by line."""

    last_id: str = ""
    retry_ms: int | None = None
    comments: int = 0
    _data: list[str] = field(default_factory=list)
    _name: str = ""

    def line(self, line: str) -> ServerEvent | None:
        """Take a line; gives the event that it completes."""
        if not line:
            data, name, self._data, self._name = self._data, self._name, [], ""
            return ServerEvent("\n".join(data), self.last_id, name or "message") if data else None
        if line.startswith(":"):
            self.comments += 1
            return None
        field_, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field_:
            case "data":
                self._data.append(value)
            case "event":
                self._name = value
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isdecimal():
                self.retry_ms = int(value)
        return None


@dataclass
class ParsedStream:
    """A whole answer."""

    events: list[ServerEvent]
    last_id: str
    retry_ms: int | None


def parsed_events(text: str) -> ParsedStream:
    """The events of a whole answer; an event whose last line is missing was not dispatched."""
    parser = Parser()
    events = [event for line in text.split("\n")[:-1] if (event := parser.line(line)) is not None]
    return ParsedStream(events, parser.last_id, parser.retry_ms)


MOST_CONNECTIONS: Final = 600
"""After so many a stream is taken for one without an end."""


class EventSource:
    """A stream of a server, which may end, break, or not be there for a while."""

    def __init__(self, base_url: str, path: str, *, timeout: float = 30) -> None:
        """`timeout` is for how many seconds the connection may be silent."""
        self._url, self._path, self._timeout = urlsplit(base_url), path, timeout
        self.parser = Parser(retry_ms=100)
        self.connections = 0
        self.statuses: list[int] = []
        self.response: HTTPResponse | None = None

    def move_to(self, base_url: str) -> None:
        """The server is elsewhere from now on."""
        self._url = urlsplit(base_url)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The data of the events, as JSON."""
        for _ in range(MOST_CONNECTIONS):
            connection = HTTPConnection(self._url.netloc, timeout=self._timeout)
            try:
                headers = {"accept": "text/event-stream"}
                if self.parser.last_id:
                    headers["last-event-id"] = self.parser.last_id
                connection.request("GET", self._path, headers=headers)
                self.response = connection.getresponse()
                self.connections += 1
                self.statuses.append(self.response.status)
                if self.response.status == 204:
                    return
                assert self.response.status == 200, self.response.read()
                yield from self._events(self.response)
            except (OSError, HTTPException):
                pass
            finally:
                connection.close()
            time.sleep((self.parser.retry_ms or 0) / 1000)
        raise AssertionError("the stream has no end")

    def _events(self, response: HTTPResponse) -> Iterator[dict[str, Any]]:
        while line := response.readline():
            if not line.endswith(b"\n"):
                return
            event = self.parser.line(line.decode().removesuffix("\n"))
            if event is not None:
                yield json.loads(event.data)
