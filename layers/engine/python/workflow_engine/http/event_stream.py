"""A stream of a run's events as an answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from workflow_engine.http.operation import EVENT_STREAM
from workflow_engine.http.powertools import Response
from workflow_engine.http.queries import LAST_EVENT_ID
from workflow_engine.http.request import Request
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.runs import live_events

UNBUFFERED: Final = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
"""So that no cache keeps it, and no proxy compresses it or holds it back until there is more (nginx, "X-Accel-Buffering")."""


def answered_stream(engine: Engine, request: Request) -> Response[str]:
    """What there is after the last event that the client has; 204 where nothing follows, at which browsers do not come back (HTML,
    "Server-sent events", Processing model).
    """
    header = request.event.headers.get("last-event-id")
    last = live_events.last_event_id(header, request.text(LAST_EVENT_ID))
    opened = live_events.open_stream(engine, request.caller, request.path["execution_id"], last)
    if opened.text is None:
        return Response(HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})
    return Response(HTTPStatus.OK, EVENT_STREAM, opened.text, headers=UNBUFFERED)
