"""What steps print and log, as a client of the API reads it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import ApiClient
from workflow_engine.redaction import REDACTED

pytestmark = pytest.mark.xdist_group("journeys")


def _talks(step_id: str = "talk", **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "journey_talkative", "input_mapping": {"name": {"value": "ann"}}, **fields}


def _lines(api: ApiClient, execution_id: str, query: str = "limit=100") -> list[dict[str, Any]]:
    """The whole log of a run that has ended, page by page."""
    found, cursor = list[dict[str, Any]](), ""
    while True:
        page = api.get(f"/executions/{execution_id}/logs?{query}{cursor}").body
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_lines_of_all_attempts_are_told_with_attempt_and_request(api: ApiClient, local_steps: None) -> None:
    retried: dict[str, Any] = {"max_retries": 1, "retry_delay_seconds": 1}
    step = _talks(**retried, input_mapping={"name": {"value": "ann"}, "fails": {"value": True}})
    run = api.execute({"name": "Talk", "steps": [step]})["execution_id"]
    lines = _lines(api, run)
    for attempt in (1, 2):
        said = {(line["stream"], line["message"]) for line in lines if line["attempt"] == attempt}
        assert said == {
            ("stdout", f"attempt {attempt} of ann"),
            ("stderr", "to stderr"),
            ("log", "logged"),
            *(("stdout", f"thread {i}") for i in range(4)),
        }
    results = api.get(f"/executions/{run}/results?include=attempts").body
    attempts = results["step_results"]["talk"]["attempts"]
    assert [{line["request_id"] for line in lines if line["attempt"] == a["attempt"]} for a in attempts] == [
        {a["request_id"]} for a in attempts
    ]
    assert next(line for line in lines if line["stream"] == "log")["fields"] == {"order": 7}


def test_elements_and_steps_are_read_by_themselves(api: ApiClient, local_steps: None) -> None:
    mapping = {"name": "item"}
    each = _talks("each", for_each="input.names", input_mapping=mapping)
    run = api.execute({"name": "T", "steps": [each, _talks("other")], "input": {"names": ["bob", "eve"]}})
    run_id = run["execution_id"]
    assert {line["step"] for line in _lines(api, run_id)} == {"each[0]", "each[1]", "other"}
    assert {line["step"] for line in _lines(api, run_id, "step=each")} == {"each[0]", "each[1]"}
    of_one = _lines(api, run_id, "step=each[1]&limit=2")
    assert {line["step_id"] for line in of_one} == {"each"}
    assert "attempt 1 of eve" in [line["message"] for line in of_one]
    assert len(of_one) == 7


def test_the_results_lead_to_the_log_of_each_step(api: ApiClient, local_steps: None) -> None:
    run = api.execute({"name": "T", "steps": [_talks()]})["execution_id"]
    told = api.get(f"/executions/{run}/results?include=attempts").body["step_results"]["talk"]
    assert len(api.get(told["logs_href"]).body["items"]) == 7


def test_a_log_is_followed_while_the_run_goes_on(api: ApiClient, local_steps: None) -> None:
    step = {"step_id": "a", "step_type": "journey_slow_talker", "input_mapping": {"seconds": {"value": 2}}}
    run = api.post("/workflows/execute", {"name": "T", "steps": [step]}).body["execution_id"]
    first = api.get(f"/executions/{run}/logs?wait=20").body
    assert [line["message"] for line in first["items"]] == ["started"]
    assert api.get(f"/executions/{run}").body["status"] == "running"
    second = api.get(f"/executions/{run}/logs?wait=20&cursor={first['next_cursor']}").body
    assert [line["message"] for line in second["items"]] == ["done"]


def test_who_waits_for_lines_of_a_run_that_ends_without_is_answered(api: ApiClient, local_steps: None) -> None:
    step = {"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 1}}
    run = api.post("/workflows/execute", {"name": "T", "steps": [step]}).body["execution_id"]
    page = api.get(f"/executions/{run}/logs?wait=20").body
    assert page == {"items": [], "next_cursor": None, "elsewhere": []}


def test_a_secret_that_a_step_prints_is_not_told(api: ApiClient, local_steps: None) -> None:
    step = _talks(input_mapping={"name": "input.password", "password": "input.password"})
    run = api.execute({"name": "T", "steps": [step], "input": {"password": "correct-horse"}})["execution_id"]
    assert f"attempt 1 of {REDACTED}" in [line["message"] for line in _lines(api, run)]


def test_the_log_of_another_run_and_a_wrong_cursor_or_step_are_refused(api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "data_input", "config": {"data": {}}}
    run = api.execute({"name": "T", "steps": [step]})["execution_id"]
    assert_problem(api.get("/executions/no-such-run/logs"), 404, "not_found")
    assert_problem(api.get(f"/executions/{run}/logs?cursor=abc"), 422, "invalid_request")
    assert_problem(api.get(f"/executions/{run}/logs?step=%22%20or%20*"), 422, "invalid_request")
    assert_problem(api.get(f"/executions/{run}/logs?wait=26"), 422, "invalid_request")
