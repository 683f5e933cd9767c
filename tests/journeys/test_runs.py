"""Executing workflows, reading their results, cancelling them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

HELLO = json.loads(
    (Path(__file__).parents[2] / "statemachines/examples/hello-world/workflow.json").read_text(encoding="utf-8")
)
WAITING = {
    "name": "Waits for ever",
    "steps": [{"step_id": "pause", "step_type": "delay", "config": {"delay_seconds": 3600}}],
}


def test_the_hello_world_is_answered_with_its_results_when_it_ends_in_time(api: ApiClient) -> None:
    answer = api.post("/workflows/execute?wait=20", HELLO)
    assert answer.status == 200, answer.body
    results = answer.body
    assert results["status"] == "completed"
    assert results["step_results"]["process_data"]["status"] == "completed"
    assert results["step_results"]["process_data"]["output_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert results["output"]["process_data"]["result"] == {"message": "HELLO, WORLD!"}
    assert results["error"] is None
    assert results["started_at"] <= results["completed_at"]


def test_a_run_is_started_and_read_later(api: ApiClient) -> None:
    started = api.post("/workflows/execute", HELLO | {"session_id": "s-1", "correlation_id": "c-1", "tags": ["a"]})
    assert started.status == 202
    assert started.body["workflow_name"] == "Simple Test Workflow"
    execution_id = started.body["execution_id"]
    assert api.results(execution_id)["status"] == "completed"
    assert api.get(f"/executions/{execution_id}").body["status"] == "completed"
    output = api.get(f"/executions/{execution_id}/output")
    assert (output.status, output.body["process_data"]["result"]) == (200, {"message": "HELLO, WORLD!"})
    events = api.get(f"/executions/{execution_id}/events?limit=1")
    assert events.status == 200
    assert len(events.body["items"]) == 1
    assert events.body["next_cursor"]


def test_a_workflow_may_be_posted_in_a_field_of_its_own(api: ApiClient) -> None:
    results = api.execute({"workflow": HELLO, "input": {"x": 1}})
    assert results["status"] == "completed"


@pytest.mark.parametrize(
    "text",
    ['say "hi" \\ back', "{% $states.context %}", "日本 😀 \u0000 é", "a" * 100_000, "{{ input.text }}", "'; DROP"],
    ids=["quotes", "jsonata", "unicode", "long", "template", "apostrophe"],
)
def test_data_passes_through_unchanged(api: ApiClient, text: str) -> None:
    workflow = {
        "name": "Pass through",
        "steps": [
            {"step_id": "given", "step_type": "data_input", "config": {"input_type": "dynamic", "source": "text"}},
            {
                "step_id": "kept",
                "step_type": "data_processing",
                "input_mapping": {"input": "given.data"},
                "config": {"processing_type": "identity"},
            },
        ],
        "input": {"text": text},
    }
    results = api.execute(workflow)
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["kept"]["output_data"]["result"] == text


def test_executions_are_listed_newest_first_page_by_page(api: ApiClient) -> None:
    first = api.post("/workflows/execute", HELLO).body["execution_id"]
    second = api.post("/workflows/execute", HELLO).body["execution_id"]
    seen: list[str] = []
    cursor = ""
    while not {first, second} <= set(seen):
        page = api.get(f"/executions?limit=1{cursor}")
        assert page.status == 200
        seen += [item["execution_id"] for item in page.body["items"]]
        assert page.body["next_cursor"], "the list ended before both runs"
        cursor = f"&cursor={page.body['next_cursor']}"
    assert seen.index(second) < seen.index(first)


def test_a_run_is_cancelled(api: ApiClient) -> None:
    execution_id = api.post("/workflows/execute", WAITING).body["execution_id"]
    cancelled = api.post(f"/executions/{execution_id}/cancel")
    assert cancelled.status == 200, cancelled.body
    results = api.results(execution_id)
    assert results["status"] == "cancelled"
    assert results["step_results"]["pause"]["status"] in ("aborted", "pending")
    listed = api.get("/executions?status=cancelled&limit=100").body["items"]
    assert execution_id in [item["execution_id"] for item in listed]


def test_the_same_key_starts_a_run_once(api: ApiClient) -> None:
    key = "journey-once"
    first = api.post("/workflows/execute", HELLO, idempotency_key=key)
    again = api.post("/workflows/execute", HELLO, idempotency_key=key)
    assert first.status == again.status == 202
    assert first.body["execution_id"] == again.body["execution_id"]
    other = api.post("/workflows/execute", HELLO | {"name": "Another"}, idempotency_key=key)
    assert (other.status, other.body["code"]) == (409, "conflict")


def test_validation_tells_what_a_run_costs(api: ApiClient) -> None:
    report = api.post("/workflows/validate", HELLO).body
    assert report["is_valid"] is True
    assert report["errors"] == []
    assert report["plan"]["transitions_max"] >= 1


def test_compiling_gives_machine_plan_and_diagram(api: ApiClient) -> None:
    compiled = api.post("/workflows/compile", HELLO).body
    assert compiled["asl"]["QueryLanguage"] == "JSONata"
    assert compiled["asl"]["StartAt"] in compiled["asl"]["States"]
    assert compiled["plan"]["states"] == len(compiled["asl"]["States"])
    assert compiled["diagram"].startswith(("flowchart", "graph"))
    assert "Hello, World!" not in json.dumps(compiled["asl"])


def test_a_local_step_runs(api: ApiClient, local_steps: None) -> None:
    workflow = {
        "name": "Shouting",
        "steps": [
            {
                "step_id": "loud",
                "step_type": "journey_shout",
                "input_mapping": {"text": "input.text"},
                "config": {"marks": 3},
            }
        ],
        "input": {"text": "hi"},
    }
    results = api.execute(workflow)
    assert results["step_results"]["loud"]["output_data"] == {"text": "HI!!!"}


def test_a_step_that_raises_fails_the_run_and_finished_steps_keep_their_results(
    api: ApiClient, local_steps: None
) -> None:
    steps: list[dict[str, Any]] = [
        {"step_id": "first", "step_type": "data_input", "config": {"input_type": "static", "data": 1}},
        {"step_id": "oven", "step_type": "journey_broken", "dependencies": ["first"]},
        {"step_id": "after", "step_type": "output", "dependencies": ["oven"]},
    ]
    results = api.execute({"name": "Breaks", "steps": steps})
    assert results["status"] == "failed"
    assert results["error"] == {"step_id": "oven", "type": "OvenTooHotError", "message": "It burns at 300 degrees."}
    found = results["step_results"]
    assert found["first"]["output_data"]["data"] == 1
    assert (found["oven"]["status"], found["oven"]["error_type"]) == ("failed", "OvenTooHotError")
    assert found["oven"]["error_message"] == "It burns at 300 degrees."
    assert found["after"]["status"] == "pending"


def test_a_run_tells_the_workflow_that_it_runs_though_that_was_never_saved(api: ApiClient) -> None:
    run = api.execute(HELLO)
    answer = api.get(f"/executions/{run['execution_id']}/workflow")
    assert answer.status == 200
    assert answer.body["workflow"]["steps"] == HELLO["steps"]
    assert (answer.body["workflow_id"], answer.body["build"]) == (run["workflow_id"], 1)
    assert answer.body["plan"]["critical_path"] == [step["step_id"] for step in HELLO["steps"]]
    assert api.get("/executions/none/workflow").status == 404
