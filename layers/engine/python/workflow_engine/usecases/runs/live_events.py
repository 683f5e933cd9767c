"""The events of a run: in pages, and as a stream of server-sent events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from workflow_engine.aws_quotas import LONGEST_WAIT_SECONDS
from workflow_engine.errors import InvalidRequestError, ThrottledError
from workflow_engine.store import cursors
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.event_places import Place
from workflow_engine.usecases.runs.watch_run import Found, wait_for_events

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

BACK_AT_ONCE_MS: Final = 100
"""After how long a client comes back to a stream that its answer has ended, since nothing behind API Gateway can stay open."""
BACK_SOON_MS: Final = 1_000
"""After how long it comes back to a stream that was open until something broke it."""
BACK_LATER_MS: Final = 5_000
"""After how long it comes back where more is asked than may be read."""

EVENTS_AT_ONCE: Final = 500
"""Of a stream's answer, or piece; a few hundred bytes each."""

HEARTBEAT: Final = ": \n\n"
"""A comment: proxies that close what is silent see something, and clients nothing (HTML, "Server-sent events", Authoring notes)."""


def run_events(
    engine: Engine,
    caller: Caller,
    execution_id: str,
    limit: int,
    cursor: str | None = None,
    wait_seconds: float = 0,
    after: str | None = None,
) -> answers.RunEventPage:
    """`{items, next_cursor, last_event_id}`: at most `limit` events, oldest first. Where there are none yet, it waits for some for
    so long. `after` is where a stream, or another page, has left off (`last_event_id`); a cursor goes before it.

    `next_cursor` is None once the run has ended and all its events were given; before, a page may be empty. Raises
    NotFoundError, InvalidRequestError (cursor, after), ThrottledError.
    """
    place = _place_of(after)
    execution = engine.executions.get(caller.tenant_id, execution_id)
    scope = f"events/{execution_id}"
    if cursor is not None:
        place = Place.of(str(cursors.decode(caller.tenant_id, scope, cursor)), "The cursor")
    found = wait_for_events(engine, execution, place, limit, wait_seconds)
    if found.events:
        place = found.events[-1].place
    next_cursor = None if found.has_ended else cursors.encode(caller.tenant_id, scope, place.text)
    last = place.text if place != Place() else None
    return {"items": [placed.event for placed in found.events], "next_cursor": next_cursor, "last_event_id": last}


class Opened(NamedTuple):
    """A stream's first answer. `text` is None where nothing follows: the client must not come back."""

    text: str | None
    place: Place


def open_stream(engine: Engine, caller: Caller, execution_id: str, last_event_id: str | None) -> Opened:
    """What a stream of a run's events answers after the event of this id: what there is, or comes within `LONGEST_WAIT_SECONDS`;
    then it ends, and has told the client when to come back. On a laptop it is not waited for: the server goes on with the stream
    (`infra.local.streams`).

    Raises NotFoundError, InvalidRequestError (last_event_id).
    """
    place = _place_of(last_event_id)
    stays_open = engine.laptop is not None
    try:
        execution = engine.executions.get(caller.tenant_id, execution_id)
        seconds = 0 if stays_open else LONGEST_WAIT_SECONDS
        found = wait_for_events(engine, execution, place, EVENTS_AT_ONCE, seconds)
    except ThrottledError:
        # Browsers give up a stream for good at any status but 200.
        return Opened(preamble(BACK_LATER_MS, place) + HEARTBEAT, place)
    if found.has_ended and not found.events:
        return Opened(None, place)
    back = BACK_SOON_MS if stays_open else BACK_AT_ONCE_MS
    after = found.events[-1].place if found.events else place
    return Opened(preamble(back, place) + (stream_text(found) or HEARTBEAT), after)


def _place_of(last_event_id: str | None) -> Place:
    return Place() if last_event_id is None else Place.of(last_event_id, "The id of the last event")


def preamble(retry_ms: int, place: Place) -> str:
    """What begins an answer: when to come back if it ends, and from where, for a client that came with a place in its query."""
    return f"retry: {retry_ms}\n" + (f"id: {place.text}\n\n" if place != Place() else "\n")


def stream_text(found: Found) -> str:
    """Events as a stream has them. They have no names, so that a client's `onmessage` gets all; `type` is in their data."""
    return "".join(
        f"id: {placed.place.text}\ndata: {json.dumps(placed.event, separators=(',', ':'))}\n\n"
        for placed in found.events
    )


def place_after(text: str) -> Place:
    """The place after a part of a stream."""
    ids = [line.removeprefix("id: ") for line in text.split("\n") if line.startswith("id: ")]
    return Place.of(ids[-1], "The stream") if ids else Place()


def last_event_id(header: str | None, parameter: str | None) -> str | None:
    """After which event a client goes on: what it has seen in this stream goes before what it began with."""
    for text in (header, parameter):
        if text is not None and len(text) > 300:
            raise InvalidRequestError(
                "The id of the last event is none that a stream of this run has given. Leave it out to begin with the first event."
            )
    return header or parameter
