"""A client's way to a local cloud in the same process: the gateway is called, and nothing listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from infra.local.gateway import Gateway, HttpRequest
from workflow_engine.client.transport import USER_AGENT, Request, Response
from workflow_engine.http.operation import EVENT_STREAM

if TYPE_CHECKING:
    from infra.local.cloud import LocalCloud

HEARTBEAT_SECONDS: Final = 15.0


class GatewayTransport:
    """`workflow_engine.client.transport.Transport` over the gateway of a local cloud. Threads may share one."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._gateway: Gateway = cloud.gateway

    def send(self, request: Request) -> Response:
        """The gateway's answer."""
        path, _, query = request.target.partition("?")
        headers = {"host": "localhost", "user-agent": USER_AGENT, **request.headers}
        answer = self._gateway.handle(
            HttpRequest(request.method, unquote(path), query, tuple(headers.items()), request.body)
        )
        return Response(answer.status, answer.headers, answer.body)

    def open(self, request: Request) -> GatewayStream:
        """The gateway's answer, and what follows where it is the beginning of a stream."""
        answer = self.send(request)
        pieces: Iterator[bytes] = iter((answer.body,) if answer.body else ())
        if answer.status == 200 and answer.headers.get("content-type", "").startswith(EVENT_STREAM):
            pieces = _stream(urlsplit(request.path).path.split("/")[2], answer.body.decode())
        return GatewayStream(answer, pieces)

    def close(self) -> None:
        """Nothing: the cloud is its owner's."""


class GatewayStream:
    """An answer of the gateway, read in pieces."""

    def __init__(self, answer: Response, pieces: Iterator[bytes]) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self._pieces = pieces

    def read(self) -> bytes | None:
        """`Stream.read`."""
        return next(self._pieces, None)

    def close(self) -> None:
        """`Stream.close`."""
        self._pieces = iter(())


def _stream(execution_id: str, beginning: str) -> Iterator[bytes]:
    """What the server sends of a stream (`infra.local.streams`), read by whoever asks for it."""
    from workflow_engine.errors import NotFoundError
    from workflow_engine.http.caller import LOCAL_TENANT
    from workflow_engine.usecases.engine import Engine
    from workflow_engine.usecases.runs.live_events import EVENTS_AT_ONCE, HEARTBEAT, place_after, stream_text
    from workflow_engine.usecases.runs.watch_run import wait_for_events

    yield beginning.encode()
    place, engine = place_after(beginning), Engine.from_environment()
    while True:
        try:
            execution = engine.executions.get(LOCAL_TENANT, execution_id)
            found = wait_for_events(engine, execution, place, EVENTS_AT_ONCE, HEARTBEAT_SECONDS)
        except NotFoundError:  # it was deleted
            return
        yield (stream_text(found) or HEARTBEAT).encode()
        if found.events:
            place = found.events[-1].place
        if found.has_ended:
            return
