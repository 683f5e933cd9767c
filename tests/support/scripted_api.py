"""An API that answers a client as a script says: responses and failures in turn, for both kinds of client."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workflow_engine.client.errors import ConnectionFailedError
from workflow_engine.client.transport import Request, Response

Scripted = Response | ConnectionFailedError | list[bytes | ConnectionFailedError]


def answered(body: Any = None, status: int = 200, **headers: str) -> Response:
    """A JSON answer; `retry_after="1"` is the header Retry-After."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json"} | named, content)


def problem(status: int, code: str, **headers: str) -> Response:
    """An answer of 400 and more."""
    return answered({"status": status, "code": code, "detail": code, "errors": []}, status, **headers)


class ScriptedApi:
    """A transport. A list in the script is a stream: its pieces, and a failure where it breaks. `requests` are those that came."""

    def __init__(self, *script: Scripted) -> None:
        self._script: Iterator[Scripted] = iter(script)
        self.requests: list[Request] = []
        self.closed_streams = 0

    def send(self, request: Request) -> Response:
        """`Transport.send`."""
        self.requests.append(request)
        answer = next(self._script)
        if isinstance(answer, ConnectionFailedError):
            raise answer
        assert isinstance(answer, Response)
        return answer

    def open(self, request: Request) -> ScriptedStream:
        """`Transport.open`."""
        self.requests.append(request)
        answer = next(self._script)
        if isinstance(answer, ConnectionFailedError):
            raise answer
        if isinstance(answer, Response):
            return ScriptedStream(self, answer.status, answer.headers, [answer.body])
        return ScriptedStream(self, 200, {"content-type": "text/event-stream"}, answer)

    def close(self) -> None:
        """`Transport.close`."""


class ScriptedStream:
    """A stream of a script."""

    def __init__(
        self, api: ScriptedApi, status: int, headers: Mapping[str, str], pieces: Iterable[bytes | ConnectionFailedError]
    ) -> None:
        self.status = status
        self.headers = headers
        self._api = api
        self._pieces = iter(pieces)

    def read(self) -> bytes | None:
        """`Stream.read`."""
        piece = next(self._pieces, None)
        if isinstance(piece, ConnectionFailedError):
            raise piece
        return piece

    def close(self) -> None:
        """`Stream.close`."""
        self._api.closed_streams += 1


class AsyncScriptedApi:
    """The same for a client with an event loop."""

    def __init__(self, *script: Scripted) -> None:
        self.sync = ScriptedApi(*script)

    async def send(self, request: Request) -> Response:
        """`AsyncTransport.send`."""
        return self.sync.send(request)

    async def open(self, request: Request) -> AsyncScriptedStream:
        """`AsyncTransport.open`."""
        return AsyncScriptedStream(self.sync.open(request))

    async def close(self) -> None:
        """`AsyncTransport.close`."""


class AsyncScriptedStream:
    """A stream of a script."""

    def __init__(self, stream: ScriptedStream) -> None:
        self.status = stream.status
        self.headers = stream.headers
        self._stream = stream

    async def read(self) -> bytes | None:
        """`AsyncStream.read`."""
        return self._stream.read()

    async def close(self) -> None:
        """`AsyncStream.close`."""
        self._stream.close()
