"""What happens in a run, read in pages, waited for, and followed as a stream; the same client on a laptop and in the cloud."""

from __future__ import annotations

import json
from typing import Any

from tests.support.event_source import parsed_events
from tests.support.http_client import ApiClient

WORKFLOW: dict[str, Any] = {
    "name": "Watched",
    "steps": [
        {"step_id": "words", "step_type": "data_input", "config": {"data": {"rows": [1, 2]}}},
        {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 2}, "dependencies": ["words"]},
        {
            "step_id": "never",
            "step_type": "data_input",
            "config": {"data": {}},
            "dependencies": ["pause"],
            "conditions": "words.data.rows[0] > 1",
        },
    ],
}
ALL = [
    ("run.started", None),
    ("step.completed", "words"),
    ("step.started", "pause"),
    ("step.waiting", "pause"),
    ("step.completed", "pause"),
    ("step.skipped", "never"),
    ("run.completed", None),
]


def start(api: ApiClient) -> str:
    started = api.post("/workflows/execute", WORKFLOW)
    assert started.status == 202, started.body
    return str(started.body["execution_id"])


def paged(api: ApiClient, execution_id: str, limit: int, wait: int = 0) -> list[dict[str, Any]]:
    """All events, in pages."""
    found: list[dict[str, Any]] = []
    path = f"/executions/{execution_id}/events?limit={limit}" + (f"&wait={wait}" if wait else "")
    cursor = ""
    for _ in range(200):
        answer = api.get(path + cursor)
        assert answer.status == 200, answer.body
        found += answer.body["items"]
        if answer.body["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer.body['next_cursor']}"
    raise AssertionError(found)


def streamed(api: ApiClient, execution_id: str, last: str = "") -> list[dict[str, Any]]:
    """All events after one, as a client follows them that comes back to where it was."""
    found: list[dict[str, Any]] = []
    for _ in range(200):
        headers = {"last-event-id": last} if last else {}
        answer = api.call("GET", f"/executions/{execution_id}/stream", headers=headers)
        if answer.status == 204:
            return found
        assert answer.status == 200, answer.body
        stream = parsed_events(answer.body)
        found += [json.loads(event.data) for event in stream.events]
        last = stream.last_id or last
    raise AssertionError(found)


def told(events: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(event["type"], event["step"]) for event in events]


def test_a_run_is_followed_from_its_start_to_its_end(api: ApiClient) -> None:
    assert told(streamed(api, start(api))) == ALL


def test_events_are_waited_for_in_pages(api: ApiClient) -> None:
    execution_id = start(api)
    found = paged(api, execution_id, 100, wait=10)
    assert told(found) == ALL
    assert paged(api, execution_id, 2) == found
    assert streamed(api, execution_id) == found
    assert streamed(api, execution_id, found[3]["id"]) == found[4:]


def test_a_stream_may_be_opened_anew_after_an_event(api: ApiClient) -> None:
    execution_id = start(api)
    found = streamed(api, execution_id)
    answer = api.get(f"/executions/{execution_id}/stream?last_event_id={found[-2]['id']}")
    assert [json.loads(event.data) for event in parsed_events(answer.body).events] == found[-1:]
    assert api.get(f"/executions/{execution_id}/stream?last_event_id={found[-1]['id']}").status == 204


def test_an_id_that_is_none_is_refused_in_words(api: ApiClient) -> None:
    answer = api.get(f"/executions/{start(api)}/stream?last_event_id=yesterday")
    assert answer.status == 422
    assert answer.body["detail"].startswith("The id of the last event is none that a stream of this run has given")


def test_the_history_is_there_as_step_functions_keeps_it(api: ApiClient) -> None:
    execution_id = start(api)
    streamed(api, execution_id)
    history = api.get(f"/executions/{execution_id}/history?limit=100").body["items"]
    assert history[0]["type"] == "ExecutionStarted"
    assert history[-1]["type"] == "ExecutionSucceeded"


def test_a_run_that_is_redriven_goes_on_after_its_end(api: ApiClient) -> None:
    execution_id = start(api)
    assert api.post(f"/executions/{execution_id}/cancel").status == 200
    before = streamed(api, execution_id)
    assert told(before)[-2:] == [("step.aborted", "pause"), ("run.cancelled", None)]
    assert api.post(f"/executions/{execution_id}/redrive").status == 202
    after = streamed(api, execution_id, before[-1]["id"])
    assert told(after)[0] == ("run.redriven", None)
    assert told(after)[-1] == ("run.completed", None)
    assert paged(api, execution_id, 100, wait=10) == before + after


def test_what_a_rerun_takes_over_is_told_at_its_beginning(api: ApiClient) -> None:
    execution_id = start(api)
    streamed(api, execution_id)
    rerun = api.post(f"/executions/{execution_id}/rerun", {"from_step": "pause"})
    assert rerun.status == 202, rerun.body
    found = streamed(api, rerun.body["execution_id"])
    assert told(found) == ALL
    assert found[1]["details"] == {"reused": True}
