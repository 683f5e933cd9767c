"""Requests as clients of the original system send them, replayed: each gets the same values, or a refusal that says why."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

COUNT: dict[str, Any] = {
    "name": "Count",
    "execution_pattern": "dependency_based",
    "status": "active",
    "id": "wf_original",
    "template_id": None,
    "steps": [
        {
            "step_id": "read",
            "step_type": "data_input",
            "config": {"input_type": "static", "data": {"text": "two words"}},
        },
        {
            "step_id": "1st_count",
            "step_type": "data_processing",
            "dependencies": ["read"],
            "config": {"processing_type": "uppercase"},
            "input_mapping": {"input": "read.data.text"},
            "retry_strategy": "none",
            "max_retries": 3,
        },
        {
            "step_id": "end",
            "step_type": "output",
            "conditions": "1st_count.result == 'TWO WORDS' and 1st_count.status == 'completed'",
            "input_mapping": {"loud": "1st_count.result", "said": {"template": "{{ 1st_count.result }}!"}},
            "retry_delay_seconds": 0.5,
        },
    ],
}
LOUD = {"loud": "TWO WORDS", "said": "TWO WORDS!"}


def ended(api: ApiClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """The results of the run that a request starts."""
    started = api.post(path, body)
    assert started.status in (200, 202), started.body
    assert started.body["id"] == started.body["execution_id"]
    return started.body if started.status == 200 else api.results(started.body["execution_id"])


def test_a_posted_workflow_config_runs_with_its_input_data(api: ApiClient) -> None:
    run = {"input_data": {"a": 1}, "user_id": "u", "session_id": "s", "organization_id": "org"}
    results = ended(api, "/workflows/execute/", {"workflow_config": COUNT, **run})
    assert results["status"] == "completed"
    assert results["output"]["end"]["data"] == LOUD
    record = api.get(f"/executions/{results['execution_id']}/").body
    assert (record["user_id"], record["session_id"], record["organization_id"]) == ("u", "s", "org")


def test_results_and_record_tell_of_the_steps(api: ApiClient) -> None:
    results = ended(api, "/workflows/execute", COUNT)
    assert results["step_io_data"]["1st_count"]["output_data"]["result"] == "TWO WORDS"
    record = api.get(f"/executions/{results['id']}").body
    assert record["step_statuses"] == {"read": "completed", "1st_count": "completed", "end": "completed"}
    assert record["step_counts"] == {"completed": 3}
    assert (record["total_steps"], record["completed_steps"], record["failed_steps"]) == (3, 3, 0)
    assert record["current_step"] is None


def test_a_run_that_goes_on_tells_the_step_that_it_is_at(api: ApiClient) -> None:
    steps = [
        {"step_id": "a", "step_type": "data_input", "config": {"data": 1}},
        {"step_id": "b", "step_type": "delay", "config": {"delay_seconds": 60}, "dependencies": ["a"]},
        {"step_id": "c", "step_type": "output", "dependencies": ["b"]},
    ]
    execution_id = api.post("/workflows/execute", {"name": "Slow", "steps": steps}).body["execution_id"]
    record = api.get(f"/executions/{execution_id}").body
    while record["status"] == "running" and record["current_step"] != "b":
        record = api.get(f"/executions/{execution_id}").body
    assert record["step_statuses"] == {"a": "completed", "b": "running", "c": "pending"}
    assert record["step_counts"] == {"completed": 1, "running": 1, "pending": 1}
    api.post(f"/executions/{execution_id}/cancel")


def test_steps_and_workflows_without_names_get_them(api: ApiClient) -> None:
    steps = [
        {"step_type": "data_input", "config": {"data": 1}},
        {"step_id": "step_1", "step_type": "data_input", "config": {"data": 2}},
        {"step_type": "output", "input_mapping": {"first": "step_2.data", "second": "step_1.data"}},
    ]
    results = ended(api, "/workflows/execute", {"steps": steps})
    assert results["metadata"]["workflow_name"] == "Unnamed workflow"
    assert results["output"]["step_3"]["data"] == {"first": 1, "second": 2}
    report = api.post("/workflows/validate", {"steps": steps}).body
    assert sorted(report["step_validation"]) == ["step_1", "step_2", "step_3"]


def test_a_workflow_is_stored_under_the_id_that_its_client_chose(api: ApiClient) -> None:
    workflow_id = f"original-{uuid4().hex}"
    stored = api.post("/workflows/", {**COUNT, "workflow_id": workflow_id})
    assert (stored.status, stored.body["workflow_id"], stored.body["id"]) == (201, workflow_id, workflow_id)
    assert stored.body["configuration"] == {**COUNT, "workflow_id": workflow_id}
    assert api.post("/workflows", {**COUNT, "workflow_id": workflow_id}).status == 409
    body = {
        "input_data": {"a": 1},
        "trigger": {"kind": "manual"},
        "query": "How many?",
        "wait": True,
        "metadata": {"source": "test"},
        "organization_id": "org",
        "backend": "step_functions",
    }
    results = ended(api, f"/workflows/{workflow_id}/execute/", body)
    assert (results["workflow_id"], results["output"]["end"]["data"]) == (workflow_id, LOUD)
    record = api.get(f"/executions/{results['execution_id']}").body
    assert (record["metadata"], record["backend"]) == ({"source": "test"}, "step_functions")
    assert api.call("DELETE", f"/workflows/{workflow_id}/").status == 204


def test_trigger_and_query_are_entries_of_the_input(api: ApiClient) -> None:
    steps = [{"step_type": "output", "input_mapping": {"q": "input.query", "k": "input.trigger.kind", "a": "input.a"}}]
    body = {"steps": steps, "input_data": {"a": 1}, "query": "Hi", "trigger": {"kind": "chat"}}
    assert ended(api, "/workflows/execute", body)["output"]["step_1"]["data"] == {"q": "Hi", "k": "chat", "a": 1}


def test_a_put_creates_under_an_id_that_no_workflow_has(api: ApiClient) -> None:
    path = f"/workflows/put-{uuid4().hex}"
    assert [api.call("PUT", path, body).status for body in (COUNT, COUNT, {**COUNT, "name": "New"})] == [201, 200, 200]
    assert api.get(path).body["version"] == 2
    api.call("DELETE", path)


def test_pointers_lead_into_the_form_that_was_posted(api: ApiClient) -> None:
    broken = {**COUNT, "input_schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}
    answer = api.post("/workflows/execute", {"workflow_config": broken, "input_data": {"n": "x"}})
    assert (answer.status, [e["pointer"] for e in answer.body["errors"]]) == (422, ["/input_data/n"])
    answer = api.post("/workflows/execute", {"workflow_config": {**COUNT, "stepz": []}, "input_data": {}})
    assert (answer.status, [e["pointer"] for e in answer.body["errors"] if e["code"] == "WFE-E101"]) == (
        422,
        ["/workflow_config/stepz"],
    )


def test_tags_that_a_run_cannot_keep_are_refused(api: ApiClient) -> None:
    answer = api.post("/workflows/execute", {**COUNT, "tags": ["x" * 500_000]})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/tags")


def test_a_fractional_delay_is_rounded_up_with_a_warning(api: ApiClient) -> None:
    warnings = api.post("/workflows/validate", COUNT).body["warnings"]
    assert [(w["code"], w["pointer"]) for w in warnings if w["code"] == "WFE-W106"] == [
        ("WFE-W106", "/steps/2/retry_delay_seconds")
    ]


@pytest.mark.parametrize("path", ["/workflows", "/executions", "/steps", "/agents", "/prompts", "/tools", "/health"])
def test_a_list_answers_with_a_slash_and_to_head(api: ApiClient, path: str) -> None:
    assert api.get(path + "/").status == api.get(path).status == 200
    head = api.call("HEAD", path)
    assert (head.status, head.body) == (200, None)
    assert head.headers["content-type"] == "application/json"


@pytest.mark.skipif("WORKFLOW_API_URL" in os.environ, reason="gateways of other makers answer OPTIONS by themselves")
@pytest.mark.parametrize(
    ("path", "allowed"), [("/workflows", "GET, HEAD, OPTIONS, POST"), ("/steps/register/", "OPTIONS, POST")]
)
def test_options_tells_the_methods_of_a_path(api: ApiClient, path: str, allowed: str) -> None:
    options = api.call("OPTIONS", path)
    assert (options.status, options.body, options.headers["allow"]) == (204, None, allowed)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/workflows/execute", "OPTIONS, POST"),
        ("DELETE", "/workflows/validate", "OPTIONS, POST"),
        ("PUT", "/workflows/compile", "OPTIONS, POST"),
        ("GET", "/steps/register", "OPTIONS, POST"),
        ("PATCH", "/workflows", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_path_that_fits_an_id_by_accident_is_none(api: ApiClient, method: str, path: str, allowed: str) -> None:
    answer = api.call(method, path, COUNT if method == "PUT" else None)
    assert (answer.status, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/workflows", "/executions", "/steps", "/agents", "/prompts", "/tools/mcp-servers"])
def test_an_id_that_is_too_long_for_any_record_is_of_none(api: ApiClient, path: str) -> None:
    assert api.get(f"{path}/{'a' * 3000}").status == 404
    if path != "/executions":
        assert api.call("DELETE", f"{path}/{'a' * 3000}").status == 404


def test_a_form_with_parts_is_not_taken_where_there_are_no_files(api: ApiClient) -> None:
    answer = api.call(
        "POST", "/workflows", content=b"--x--", headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert (answer.status, answer.body["code"]) == (415, "unsupported_media_type")


def test_step_types_have_names_and_a_number(api: ApiClient) -> None:
    page = api.get("/steps?limit=100").body
    assert page["total"] == len(page["steps"])
    delay = next(s for s in page["steps"] if s["step_type"] == "delay")
    assert (delay["name"], delay["id"]) == ("delay", "delay")
    assert delay["parameters_schema"] == delay["config_schema"]


@pytest.mark.usefixtures("local_steps")
def test_a_local_function_is_registered_by_its_reference(api: ApiClient) -> None:
    body = {
        "step_type": "late_original",
        "name": "Late",
        "function_reference": "journey_functions.late",
        "execution_type": "local",
    }
    answer = api.post("/steps/register/", body)
    assert (answer.status, answer.body["step_id"]) == (201, "late_original")
    assert answer.body["message"] == "Step type 'late_original' is registered."
    assert (answer.body["name"], answer.body["handler"]) == ("Late", "journey_functions:late")
    results = ended(api, "/workflows/execute", {"steps": [{"step_type": "late_original"}]})
    assert results["output"]["step_1"] == {"registered": True}
    assert api.post("/steps/register", body).body["message"] == "Step type 'late_original' is replaced."
    api.call("DELETE", "/steps/late_original")
