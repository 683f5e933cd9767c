"""What happens in a run, as it happens: its stream of events, opened anew where it breaks off, and the wait for its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from math import ceil, inf
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from workflow_engine.aws_quotas import LONGEST_WAIT_SECONDS
from workflow_engine.client.calls import call, raise_problem
from workflow_engine.client.errors import ConnectionFailedError, UnexpectedAnswerError, WaitOverError
from workflow_engine.client.flows import Flow, Item, Items, Methods, Open, Pause, Read
from workflow_engine.client.sse import EventReader
from workflow_engine.client.transport import Request, Response
from workflow_engine.http.operation import EVENT_STREAM
from workflow_engine.statuses import RUN_ENDS, has_ended

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionProgress, RunEvent

T = TypeVar("T")

COMES_BACK_SECONDS: Final = 1.0
"""After how long a stream that ended is opened again where it has not said when."""

SILENT_SECONDS: Final = 30.0
"""How long a stream may tell nothing, that it lives neither: a wait that is over sooner does not go by one."""


class StreamedEvent(NamedTuple):
    """An event of a run, and what `last_event_id` takes to go on after it."""

    last_event_id: str
    event: RunEvent


def streamed(
    methods: Methods, execution_id: str, last_event_id: str | None, item: Callable[[str, RunEvent], T]
) -> Items[T]:
    """The events of a run, until it has ended and all is told; `item` makes what is given of a place and its event.

    Raises ApiProblem, and ConnectionFailedError when the stream could not be opened time and again.
    """
    reader, failures = EventReader(last_event_id or ""), 0
    while True:
        reader = EventReader(reader.place)
        is_at_the_end = False
        try:
            response: Response = yield Open(_request(execution_id, reader.place))
            if response.status == HTTPStatus.NO_CONTENT:
                return
            if not _is_stream(response):
                failures += 1
                yield Pause((yield from _refused(methods, response, failures)))
                continue
            while (piece := (yield Read())) is not None:
                for message in reader.read(piece):
                    event: RunEvent = json.loads(message.data)
                    is_at_the_end = _ends_run(event)
                    failures = 0
                    yield Item(item(message.place, event))
        except ConnectionFailedError as error:
            failures += 1
            pause = methods._retries.after_failure(error, failures, is_idempotent=True)
            if pause is None:
                raise
            yield Pause(max(pause, _comes_back(reader)))
        else:
            failures = 0
            # The answer after the run's last event says that there is nothing more; who waits for it should not wait long.
            yield Pause(0.0 if is_at_the_end else _comes_back(reader))


def waited(methods: Methods, execution_id: str, timeout: float | None) -> Flow[ExecutionProgress]:
    """A run that has ended. Raises WaitOverError after `timeout` seconds, and ApiProblem.

    A stream that stays open, as a laptop's does, is one request however long the run takes. Where its answer ends before the run,
    as in the cloud, or there is none, `?wait` is asked: it costs no reading of the run's history.
    """
    ends_at = inf if timeout is None else monotonic() + timeout
    if ends_at - monotonic() > SILENT_SECONDS:
        yield from _watched(execution_id, ends_at - SILENT_SECONDS)
    while True:
        seconds = ceil(min(LONGEST_WAIT_SECONDS, max(0.0, ends_at - monotonic())))
        route = call("get_execution", {"execution_id": execution_id}, query={"wait": seconds})
        asked_at = monotonic()
        run: ExecutionProgress = yield from methods._answer(route)
        if has_ended(run["status"]):
            return run
        if timeout is not None and monotonic() >= ends_at:
            raise WaitOverError(execution_id, timeout)
        if monotonic() - asked_at < seconds / 2:
            yield Pause(COMES_BACK_SECONDS)  # the answer was not held back: the server is about to stop, or never does


def _watched(execution_id: str, until: float) -> Flow[None]:
    """Read a run's stream until that ends or breaks, tells the end of the run, or the moment has come."""
    reader = EventReader()
    try:
        if not _is_stream((yield Open(_request(execution_id, "")))):
            return
        while (piece := (yield Read())) is not None:
            events = [json.loads(message.data) for message in reader.read(piece)]
            if any(map(_ends_run, events)) or monotonic() >= until:
                return
    except ConnectionFailedError:
        return


def _request(execution_id: str, place: str) -> Request:
    headers = {"accept": EVENT_STREAM} | ({"last-event-id": place} if place else {})
    request = call("stream_events", {"execution_id": execution_id}, headers=headers).request
    return request._replace(held_back_seconds=SILENT_SECONDS)


def _refused(methods: Methods, response: Response, attempt: int) -> Flow[float]:
    """After how long a stream may be asked for again. Raises what its answer says where it may not."""
    pieces = []
    while (piece := (yield Read())) is not None:
        pieces.append(piece)
    whole = response._replace(body=b"".join(pieces))
    pause = methods._retries.after_answer(whole, attempt, is_idempotent=True)
    if pause is None:
        if whole.status >= HTTPStatus.BAD_REQUEST:
            raise_problem(whole)
        raise UnexpectedAnswerError(f"The server has answered {whole.status} and no stream of events.")
    return pause


def _is_stream(response: Response) -> bool:
    return response.status == HTTPStatus.OK and response.headers.get("content-type", "").startswith(EVENT_STREAM)


def _comes_back(reader: EventReader) -> float:
    return COMES_BACK_SECONDS if reader.retry_seconds is None else reader.retry_seconds


def _ends_run(event: Mapping[str, Any]) -> bool:
    kind, _, status = event["type"].partition(".")
    return kind == "run" and status in RUN_ENDS
