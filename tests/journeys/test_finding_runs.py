"""Finding runs: by tag, session, parent, failure, text of the error and time; counted by status."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def breaking(text: str) -> dict[str, Any]:
    """A workflow whose only step fails with this text."""
    step = {"step_id": "stop", "step_type": "fail", "config": {"error": "DiskError", "message": text}}
    return {"name": "Breaks", "steps": [step]}


def found(api: ApiClient, **asked: str) -> list[str]:
    """The ids of all runs that are found, over pages of two."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(f"/executions?{urlencode({**asked, 'limit': '2', **cursor})}")
        assert page.status == 200, page.body
        ids += [run["id"] for run in page.body["items"]]
        if page.body["next_cursor"] is None:
            return ids
        cursor = {"cursor": page.body["next_cursor"]}


def test_runs_are_found_by_what_their_starts_said_and_how_they_ended(api: ApiClient) -> None:
    session = uuid.uuid4().hex
    delay = {"name": "Waits", "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 0}}]}
    bodies = [
        delay | {"tags": ["nightly", "eu"], "user_id": "ann", "correlation_id": f"{session}-1"},
        breaking(f"No room left on disk {session}") | {"tags": {"team": "search"}, "user_id": "bob"},
        delay | {"tags": "nightly"},
    ]
    ids = []
    for body in bodies:
        started = api.post("/workflows/execute", body | {"session_id": session})
        assert started.status == 202, started.body
        ids.append(started.body["id"])
        api.results(ids[-1])
    first, broken, last = ids
    of_session = {"session_id": session}
    assert found(api, **of_session) == [last, broken, first]
    assert found(api, **of_session, tag="nightly") == [last, first]
    assert found(api, **of_session, tag="team:search") == [broken]
    assert found(api, **of_session, user_id="ann") == [first]
    assert found(api, correlation_id=f"{session}-1") == [first]
    assert found(api, **of_session, has_failures="true") == [broken]
    assert found(api, **of_session, has_failures="false") == [last, first]
    assert found(api, error=f"LEFT ON DISK {session}") == [broken]
    assert found(api, **of_session, error="diskerror") == [broken]
    assert found(api, **of_session, parent_id="nobody") == []
    assert found(api, **of_session, to="2020-01-01") == []
    assert len(found(api, **of_session, **{"from": "2020-01-01"})) == 3
    (shown,) = api.get(f"/executions?{urlencode({**of_session, 'error': 'disk'})}").body["items"]
    assert (shown["tags"], shown["error"]["message"]) == ({"team": "search"}, f"No room left on disk {session}")

    counts = api.get(f"/executions/counts?{urlencode(of_session)}")
    assert counts.status == 200, counts.body
    assert {s: n for s, n in counts.body["counts"].items() if n} == {"completed": 2, "failed": 1}
    assert (counts.body["total"], counts.body["is_complete"], counts.body["next_cursor"]) == (3, True, None)


def test_a_run_that_has_ended_is_deleted_and_who_did_is_told(api: ApiClient) -> None:
    step = {"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}}
    started = api.post("/workflows/execute", {"name": "Waits", "steps": [step]})
    path = f"/executions/{started.body['id']}"
    going = api.call("DELETE", path)
    assert (going.status, going.body["code"]) == (409, "conflict")
    assert api.post(f"{path}/cancel").status == 200
    api.results(started.body["id"])
    assert [api.call("DELETE", path).status for _ in range(2)] == [204, 204]
    assert {api.get(f"{path}{part}").status for part in ("", "/results", "/output", "/events")} == {404}
    assert started.body["id"] not in found(api, workflow_id=started.body["workflow_id"])
    audit = api.get("/audit?limit=1")
    if audit.status == 403:  # in the cloud it is for admins
        assert audit.body["code"] == "forbidden"
    else:
        (newest,) = audit.body["items"]
        assert (newest["action"], newest["target"]) == ("delete_execution", started.body["id"])
    assert api.call("DELETE", "/executions/none").status == 404
