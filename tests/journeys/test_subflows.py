"""Workflows that run other workflows as steps: what they give, how they fail, and which runs there are then."""

from __future__ import annotations

import uuid
from typing import Any, Final

import pytest

from tests.support.http_client import ApiClient
from tests.support.looking import awaited

pytestmark = pytest.mark.xdist_group("journeys")

MOST_LOOKS: Final = 600
WORKS: Final[dict[str, Any]] = {
    "steps": [
        {
            "step_id": "double",
            "step_type": "transform",
            "input_mapping": {"x": "input.x"},
            "config": {"expression": "x * 2"},
        },
        {
            "step_id": "too_much",
            "step_type": "fail",
            "config": {"error": "TooMuch", "message": 'No "more" than {{ input.x }}.'},
            "conditions": "input.x > 10",
        },
    ],
    "output": {"doubled": "double"},
    "input_schema": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}},
}


def save(api: ApiClient, word: str, document: dict[str, Any]) -> str:
    workflow_id = f"{word}-{uuid.uuid4().hex[:8]}"
    answer = api.call("PUT", f"/workflows/{workflow_id}", {"name": word, **document})
    assert answer.status == 201, answer.body
    return workflow_id


def subflow(workflow_id: str, step_id: str = "sub", **fields: Any) -> dict[str, Any]:
    config = {"workflow_id": workflow_id, **fields.pop("config", {})}
    return {
        "step_id": step_id,
        "step_type": "subflow",
        "config": config,
        "input_mapping": {"x": "input.x"},
        **fields,
    }


def calling(workflow_id: str, **fields: Any) -> dict[str, Any]:
    """A workflow that runs another one, and gives what that gave."""
    return {"steps": [subflow(workflow_id, **fields)], "output": {"doubled": "sub.subflow_output.doubled"}}


def run(api: ApiClient, workflow_id: str, x: Any) -> dict[str, Any]:
    answer = api.post(f"/workflows/{workflow_id}/execute", {"input": {"x": x}})
    assert answer.status == 202, answer.body
    found: dict[str, Any] = api.results(answer.body["execution_id"])
    return found


def runs_of(api: ApiClient, workflow_id: str, status: str | None = None, count: int = 1) -> list[dict[str, Any]]:
    """The runs of a workflow, newest first, once there are so many that have this status."""

    def look() -> list[dict[str, Any]]:
        listed = api.get(f"/executions?workflow_id={workflow_id}&limit=100").body["items"]
        found = [r for r in listed if status in (None, r["status"])]
        return found if len(found) >= count else []

    found: list[dict[str, Any]] = awaited(look)
    return found


def three_deep(api: ApiClient, document: dict[str, Any]) -> tuple[str, str, str]:
    inner = save(api, "inner", document)
    middle = save(api, "middle", calling(inner))
    return save(api, "outer", calling(middle)), middle, inner


def test_workflows_three_deep_give_what_the_innermost_computes(api: ApiClient) -> None:
    outer, middle, inner = three_deep(api, WORKS)
    found = run(api, outer, 4)
    assert found["status"] == "completed", found["error"]
    assert found["output"] == {"doubled": 8}
    output = found["step_results"]["sub"]["output_data"]
    (child,) = runs_of(api, middle, "completed")
    assert output == {
        "subflow_id": middle,
        "subflow_execution_id": child["execution_id"],
        "subflow_status": "completed",
        "subflow_output": {"doubled": 8},
    }
    record = api.get(f"/executions/{child['execution_id']}").body
    assert (record["parent_execution_id"], record["parent_place"]) == (found["execution_id"], "sub")
    (grandchild,) = runs_of(api, inner, "completed")
    record = api.get(f"/executions/{grandchild['execution_id']}").body
    assert record["parent_execution_id"] == child["execution_id"]
    results = api.results(grandchild["execution_id"])
    assert results["step_results"]["double"]["output_data"] == 8
    assert api.get(f"/executions/{found['execution_id']}").body["parent_execution_id"] is None


def test_a_failure_three_deep_is_told_by_its_own_name_at_every_level(api: ApiClient) -> None:
    outer, middle, inner = three_deep(api, WORKS)
    found = run(api, outer, 11)
    (child,), (grandchild,) = runs_of(api, middle, "failed"), runs_of(api, inner, "failed")
    message = f"The subflow's run '{child['execution_id']}' failed: No \"more\" than 11."
    assert found["error"] == {"step_id": "sub", "type": "TooMuch", "message": message}
    assert found["step_results"]["sub"]["error_type"] == "TooMuch"
    below = api.results(child["execution_id"])["error"]
    assert (below["type"], grandchild["execution_id"] in below["message"]) == ("TooMuch", True)
    error = api.results(grandchild["execution_id"])["error"]
    assert error == {"step_id": "too_much", "type": "TooMuch", "message": 'No "more" than 11.'}


def test_a_tolerated_failure_of_a_subflow_is_read_by_its_name(api: ApiClient) -> None:
    outer, _, _ = three_deep(api, WORKS)
    told = {
        "step_id": "told",
        "step_type": "data_merge",
        "input_mapping": {"type": "sub.error.type", "message": "sub.error.message"},
        "trigger_rule": "all_done",
        "dependencies": ["sub"],
    }
    tolerant = save(api, "tolerant", {"steps": [subflow(outer, critical=False), told]})
    found = run(api, tolerant, 11)
    assert (found["status"], found["failed_steps"]) == ("completed", ["sub"])
    result = found["step_results"]["told"]["output_data"]["result"]
    assert result["type"] == "TooMuch"
    assert result["message"] == found["step_results"]["sub"]["error_message"]


def test_the_message_of_a_function_that_failed_below_is_told_without_its_stack_trace(
    api: ApiClient, local_steps: None
) -> None:
    outer, _, _ = three_deep(api, {"steps": [{"step_id": "bake", "step_type": "journey_broken"}]})
    told = {
        "step_id": "told",
        "step_type": "data_merge",
        "input_mapping": {"message": "sub.error.message"},
        "trigger_rule": "all_done",
        "dependencies": ["sub"],
    }
    tolerant = save(api, "tolerant", {"steps": [subflow(outer, critical=False), told]})
    results = run(api, tolerant, 1)["step_results"]
    (child,) = runs_of(api, outer, "failed")
    message = f"The subflow's run '{child['execution_id']}' failed: It burns at 300 degrees."
    assert results["sub"]["error_message"] == message
    assert results["told"]["output_data"]["result"] == {"message": message}


def test_a_failed_subflow_leads_to_the_failure_steps_and_its_own_are_told_by_their_cause(api: ApiClient) -> None:
    tidy = {"step_id": "tidy", "step_type": "data_merge", "input_mapping": {"type": "failure.error_type"}}
    inner = save(api, "inner", {**WORKS, "on_failure": [tidy]})
    outer = save(api, "outer", {**calling(inner), "on_failure": [tidy]})
    found = run(api, outer, 11)
    assert found["status"] == "failed"
    assert found["error"]["type"] == "TooMuch"
    assert found["step_results"]["tidy"]["output_data"]["result"] == {"type": "TooMuch"}


def test_subflows_run_in_lists_loops_branches_and_choices_each_as_a_run_of_its_own(api: ApiClient) -> None:
    inner = save(api, "inner", WORKS)
    each = subflow(inner, "each", for_each="input.list", input_mapping={"x": "item"})
    mapped = {
        "step_id": "mapped",
        "step_type": "map",
        "config": {"items": "input.list", "steps": [subflow(inner, "in_map", input_mapping={"x": "item"})]},
    }
    loop = {
        "step_id": "again",
        "step_type": "loop",
        "config": {
            "until": "index == 1",
            "max_iterations": 3,
            "steps": [subflow(inner, "in_loop", input_mapping={"x": "index"})],
        },
    }
    taken = {"when": "input.list[0] == 1", "steps": [subflow(inner, "in_case", input_mapping={"x": "input.list[1]"})]}
    choice = {"step_id": "choice", "step_type": "switch", "config": {"cases": [taken], "default": []}}
    document = {"execution_pattern": "dependency", "steps": [each, mapped, loop, choice]}
    outer = save(api, "outer", document)
    answer = api.post(f"/workflows/{outer}/execute", {"input": {"list": [1, 2]}})
    found = api.results(answer.body["execution_id"])
    assert found["status"] == "completed", found["error"]

    def doubled(key: str) -> Any:
        return found["step_results"][key]["output_data"]["subflow_output"]["doubled"]

    keys = [
        "each[0]",
        "each[1]",
        "mapped[0].in_map",
        "mapped[1].in_map",
        "again[0].in_loop",
        "again[1].in_loop",
        "choice.in_case",
    ]
    assert [doubled(key) for key in keys] == [2, 4, 2, 4, 0, 2, 4]
    runs = runs_of(api, inner, "completed", len(keys))
    places = [api.get(f"/executions/{r['execution_id']}").body["parent_place"] for r in runs]
    assert sorted(places) == sorted(keys)


def test_every_retry_is_a_run_of_its_own(api: ApiClient) -> None:
    inner = save(api, "inner", WORKS)
    outer = save(api, "outer", calling(inner, max_retries=2, retry_delay_seconds=1, retry_strategy="fixed_delay"))
    found = run(api, outer, 11)
    assert (found["status"], found["step_results"]["sub"]["retry_count"]) == ("failed", 2)
    assert len(runs_of(api, inner, "failed", 3)) == 3


def test_a_run_keeps_the_versions_that_it_was_started_with(api: ApiClient) -> None:
    inner = save(api, "inner", WORKS)
    pinned = save(api, "pinned", calling(inner, config={"version": 1}))
    newest = save(api, "newest", calling(inner))
    waits = {"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 2}}
    slow = save(api, "slow", {"steps": [waits, subflow(inner)], "output": {"doubled": "sub.subflow_output.doubled"}})
    started = api.post(f"/workflows/{slow}/execute", {"input": {"x": 4}})
    changed = {**WORKS, "steps": [{**WORKS["steps"][0], "config": {"expression": "x * 20"}}]}
    assert api.call("PUT", f"/workflows/{inner}", {"name": "inner", **changed}).status == 200
    assert run(api, pinned, 4)["output"] == {"doubled": 8}
    assert run(api, newest, 4)["output"] == {"doubled": 80}
    assert api.results(started.body["execution_id"])["output"] == {"doubled": 8}


def test_cancelling_a_run_stops_every_subflow_below_it(api: ApiClient) -> None:
    waiting = {"steps": [{"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    inner = save(api, "inner", waiting)
    middle = save(api, "middle", {"steps": [subflow(inner)]})
    outer = save(api, "outer", {"steps": [subflow(middle)]})
    execution_id = api.post(f"/workflows/{outer}/execute", {"input": {"x": 1}}).body["execution_id"]
    runs_of(api, inner, "running")
    assert api.post(f"/executions/{execution_id}/cancel").body["status"] == "cancelled"
    assert len(runs_of(api, middle, "cancelled")) == len(runs_of(api, inner, "cancelled")) == 1
    assert api.post(f"/executions/{execution_id}/cancel").status == 200


def test_a_subflow_that_is_cancelled_fails_the_step(api: ApiClient) -> None:
    inner = save(
        api, "inner", {"steps": [{"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    )
    outer = save(api, "outer", {"steps": [subflow(inner)]})
    execution_id = api.post(f"/workflows/{outer}/execute", {"input": {"x": 1}}).body["execution_id"]
    (child,) = runs_of(api, inner, "running")
    assert api.post(f"/executions/{child['execution_id']}/cancel").status == 200
    error = api.results(execution_id)["error"]
    assert error["type"] == "SubflowCancelled"
    assert child["execution_id"] in error["message"]
    assert "Cancelled by" in error["message"]


def test_redriving_a_run_starts_a_new_child_and_the_old_one_stays_listed(api: ApiClient) -> None:
    asks = {"step_id": "ask", "step_type": "human_approval", "config": {"prompt": "Go on?", "on_deny": "fail"}}
    inner = save(api, "inner", {"steps": [asks]})
    outer = save(api, "outer", {"steps": [subflow(inner)]})
    execution_id = api.post(f"/workflows/{outer}/execute", {"input": {"x": 1}}).body["execution_id"]
    (first,) = runs_of(api, inner, "waiting")
    assert api.post(f"/executions/{first['execution_id']}/steps/ask/deny", {}).status == 200
    assert api.results(execution_id)["error"]["type"] == "ApprovalDenied"
    answer = api.post(f"/executions/{execution_id}/redrive")
    assert answer.status == 202, answer.body
    (second,) = runs_of(api, inner, "waiting")
    assert api.post(f"/executions/{second['execution_id']}/steps/ask/approve", {}).status == 200
    found = api.results(execution_id)
    assert found["status"] == "completed", found["error"]
    output = found["step_results"]["sub"]["output_data"]
    assert output["subflow_execution_id"] == second["execution_id"] != first["execution_id"]
    assert len(runs_of(api, inner, "failed")) == len(runs_of(api, inner, "completed")) == 1
    children = api.get(f"/executions?parent_id={execution_id}").body["items"]
    assert {c["execution_id"] for c in children} == {first["execution_id"], second["execution_id"]}


def test_a_step_that_times_out_stops_its_subflow(api: ApiClient) -> None:
    inner = save(
        api, "inner", {"steps": [{"step_id": "wait", "step_type": "delay", "config": {"delay_seconds": 3600}}]}
    )
    outer = save(api, "outer", {"steps": [subflow(inner, timeout_seconds=1)]})
    found = run(api, outer, 1)
    assert found["error"]["type"] == "States.Timeout"
    assert len(runs_of(api, inner, "cancelled")) == 1


def test_a_cycle_is_refused_with_its_path(api: ApiClient) -> None:
    first = save(api, "first", {"steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": 1}}]})
    second = save(api, "second", {"steps": [subflow(first)]})
    answer = api.call("PUT", f"/workflows/{first}", {"name": "first", "steps": [subflow(second)]})
    assert answer.status == 422
    (error,) = answer.body["errors"]
    assert (error["code"], error["pointer"]) == ("WFE-E411", "/steps/0/config/workflow_id")
    assert f"{first} -> {second} -> {first}" in error["detail"]
    pinned = subflow(second, config={"version": 1})
    assert api.call("PUT", f"/workflows/{first}", {"name": "first", "steps": [pinned]}).status == 422


def test_what_is_not_there_is_a_warning_until_a_run_is_started(api: ApiClient) -> None:
    document = {"name": "early", "steps": [subflow(f"later-{uuid.uuid4().hex[:8]}")]}
    report = api.post("/workflows/validate", document).body
    assert report["is_valid"]
    assert [w["code"] for w in report["warnings"]] == ["WFE-W410"]
    answer = api.post("/workflows/execute", document)
    assert (answer.status, answer.body["code"]) == (409, "conflict")
    assert "is not there" in answer.body["detail"]


def test_an_input_that_the_subflow_refuses_is_refused_before_it_runs(api: ApiClient) -> None:
    inner = save(api, "inner", WORKS)
    document: dict[str, Any] = {"name": "wrong", "steps": [subflow(inner, input_mapping={"y": "input.y"})]}
    assert [(e["code"], e["pointer"]) for e in api.post("/workflows/validate", document).body["errors"]] == [
        ("WFE-E412", "/steps/0/input_mapping")
    ]
    document["steps"][0]["input_mapping"] = {"x": {"value": "four"}}
    assert [(e["code"], e["pointer"]) for e in api.post("/workflows/validate", document).body["errors"]] == [
        ("WFE-E412", "/steps/0/input_mapping/x")
    ]


def test_an_output_that_the_child_has_left_to_its_history_is_never_taken_for_data(api: ApiClient) -> None:
    double = {**WORKS["steps"][0], "input_mapping": {"x": "item"}}
    each = {"step_id": "all", "step_type": "map", "config": {"items": "input.x", "steps": [double]}}
    inner = save(api, "inner", {"steps": [each]})
    reads = {"step_id": "reads", "step_type": "data_merge", "input_mapping": {"all": "sub.subflow_output.all"}}
    assert run(api, save(api, "outer", {"steps": [subflow(inner)]}), [1, 2])["status"] == "completed"
    error = run(api, save(api, "outer", {"steps": [subflow(inner), reads]}), [1, 2])["error"]
    assert (error["step_id"], error["type"]) == ("sub", "States.QueryEvaluationError")
    assert "Give its workflow an 'output'" in error["message"]
    assert "input_mapping" not in error["message"]
    told = save(api, "inner", {"steps": [each], "output": {"all": "all"}})
    found = run(api, save(api, "outer", {"steps": [subflow(told), reads]}), [1, 2])
    assert found["status"] == "completed", found["error"]
    result = found["step_results"]["reads"]["output_data"]["result"]
    assert [one["double"] for one in result["all"]] == [2, 4]
