"""Events of a run over connections that break, and the wait for its end."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from tests.support.scripted_api import AsyncScriptedApi, Scripted, ScriptedApi, answered, problem
from workflow_engine.client import (
    ApiProblem,
    AsyncClient,
    Client,
    ConnectionLostError,
    RefusedError,
    Retries,
    StreamedEvent,
    WaitOverError,
)
from workflow_engine.client.sse import EventReader

AT_ONCE = Retries(first_pause=0.0)
GONE = answered(status=204)
RETRY = b"retry: 0\n\n"


def event(number: int, kind: str = "step.completed") -> bytes:
    return f"id: {number}\ndata: {json.dumps({'type': kind, 'step': str(number)})}\n\n".encode()


END = event(9, "run.completed")


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client has slept, which here takes no time."""
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    return slept


def steps(client: Client) -> list[str | None]:
    return [told["step"] for told in client.runs.events("e1")]


def last_ids(api: ScriptedApi) -> list[str | None]:
    return [request.headers.get("last-event-id") for request in api.requests]


def test_a_stream_goes_on_after_the_last_event_when_its_connection_breaks() -> None:
    api = ScriptedApi([RETRY, event(1), event(2), ConnectionLostError("cut")], [RETRY, event(3), END], GONE)
    assert steps(Client(api, retries=AT_ONCE)) == ["1", "2", "3", "9"]
    assert last_ids(api) == [None, "2", "9"]
    assert api.closed_streams == 3


def test_what_begins_an_event_that_is_cut_off_is_not_given() -> None:
    api = ScriptedApi([RETRY, event(1), event(2)[:-1], ConnectionLostError("cut")], [event(2), END], GONE)
    assert steps(Client(api, retries=AT_ONCE)) == ["1", "2", "9"]
    assert last_ids(api) == [None, "1", "9"]


def test_answers_that_end_as_those_of_the_cloud_are_one_stream() -> None:
    api = ScriptedApi([RETRY, b": \n\n"], [RETRY, event(1)], [RETRY, END], GONE)
    assert steps(Client(api, retries=AT_ONCE)) == ["1", "9"]


def test_a_stream_is_opened_again_when_it_says_so_and_at_once_after_the_last_event(pauses: list[float]) -> None:
    api = ScriptedApi([b"retry: 250\n\n", event(1)], [event(2)], [END], GONE)
    assert steps(Client(api)) == ["1", "2", "9"]
    assert pauses == [0.25, 1.0, 0.0]


def test_a_run_that_is_redriven_meanwhile_goes_on() -> None:
    api = ScriptedApi([RETRY, event(1, "run.failed")], [RETRY, event(2, "run.redriven"), END], GONE)
    assert steps(Client(api, retries=AT_ONCE)) == ["1", "2", "9"]


def test_a_server_that_stays_away_is_told_and_one_that_gives_events_between_is_not() -> None:
    lost: list[Scripted] = [RefusedError("down")] * 2
    api = ScriptedApi(*lost, [RETRY, event(1)], *lost, [RETRY, event(2), ConnectionLostError("cut")], *lost)
    events = Client(api, retries=Retries(attempts=3, first_pause=0.0)).runs.events("e1")
    assert [next(events)["step"], next(events)["step"]] == ["1", "2"]
    with pytest.raises(RefusedError):
        next(events)


def test_a_stream_that_is_refused_raises_what_the_answer_says() -> None:
    with pytest.raises(ApiProblem, match="not_found"):
        steps(Client(ScriptedApi(problem(404, "not_found"))))


def test_a_stream_that_is_throttled_is_asked_for_again() -> None:
    api = ScriptedApi(problem(429, "throttled"), [RETRY, END], GONE)
    assert steps(Client(api, retries=AT_ONCE)) == ["9"]


def test_another_process_goes_on_from_a_place() -> None:
    api = ScriptedApi([RETRY, event(8), END], GONE)
    streamed = list(Client(api).runs.stream("e1", last_event_id="7"))
    assert last_ids(api) == ["7", "9"]
    assert streamed[0] == StreamedEvent("8", {"type": "step.completed", "step": "8"})  # type: ignore[typeddict-item]  # enough


def test_who_leaves_a_stream_early_closes_its_connection() -> None:
    api = ScriptedApi([RETRY, event(1), event(2)])
    events = Client(api).runs.events("e1")
    next(events)
    events.close()
    assert api.closed_streams == 1


def test_who_leaves_an_asynchronous_stream_early_closes_its_connection() -> None:
    api = AsyncScriptedApi([RETRY, event(1), event(2)])

    async def first() -> Any:
        async with aclosing(AsyncClient(api).runs.events("e1")) as events:
            return await anext(events)

    assert asyncio.run(first())["step"] == "1"
    assert api.sync.closed_streams == 1


def test_a_wait_goes_by_the_stream_and_asks_for_the_run_at_its_end() -> None:
    api = ScriptedApi([RETRY, event(1), END], answered({"status": "completed"}))
    assert Client(api).runs.wait("e1")["status"] == "completed"
    assert [request.path for request in api.requests] == ["/executions/e1/stream", "/executions/e1"]


@pytest.mark.parametrize(
    "stream", [problem(404, "route_not_found"), RefusedError("down"), [RETRY, ConnectionLostError("cut")], GONE]
)
def test_a_wait_does_without_a_stream_that_does_not_work(stream: Scripted) -> None:
    api = ScriptedApi(stream, answered({"status": "completed"}))
    assert Client(api, retries=AT_ONCE).runs.wait("e1")["status"] == "completed"
    assert api.requests[1].query == (("wait", "25"),)


def test_a_server_that_does_not_hold_an_answer_back_is_not_asked_without_end(pauses: list[float]) -> None:
    running, done = answered({"status": "running"}), answered({"status": "completed"})
    api = ScriptedApi(GONE, running, running, done)
    Client(api).runs.wait("e1")
    assert pauses == [1.0, 1.0]


def test_what_is_held_back_has_the_time_to_come() -> None:
    api = ScriptedApi([RETRY, END], answered({"status": "completed"}))
    Client(api).runs.wait("e1")
    assert [request.held_back_seconds for request in api.requests] == [30, 25]


@pytest.mark.usefixtures("pauses")
def test_a_wait_opens_no_second_stream_where_the_first_has_ended_by_itself() -> None:
    running, done = answered({"status": "running"}), answered({"status": "completed"})
    api = ScriptedApi([RETRY, event(1)], running, running, done)
    Client(api).runs.wait("e1")
    assert [request.path for request in api.requests] == ["/executions/e1/stream"] + ["/executions/e1"] * 3


def test_a_wait_that_is_over_says_which_run_goes_on() -> None:
    api = ScriptedApi(answered({"status": "running"}))
    with pytest.raises(WaitOverError, match="e1 has not ended within 0 seconds") as raised:
        Client(api).runs.wait("e1", timeout=0)
    assert raised.value.execution_id == "e1"
    assert api.requests[0].query == (("wait", "0"),)


def test_an_event_may_come_in_pieces_and_with_other_ends_of_lines() -> None:
    text = "id: 1\r\ndata: ä\r\ndata: b\r\n\r\n: beat\r\rretry: 250\rid: 2\ndata: c\r\rdata: d\n\ndata: cut".encode()
    reader = EventReader()
    messages = [message for place in range(len(text)) for message in reader.read(text[place : place + 1])]
    assert messages == [("1", "ä\nb"), ("2", "c"), ("2", "d")]
    assert (reader.place, reader.retry_seconds) == ("2", 0.25)
