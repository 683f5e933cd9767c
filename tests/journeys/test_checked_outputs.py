"""Functions whose outputs are held to the schema of their registration: a second state of which nobody is told."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.support.http_client import ApiClient

SCHEMA = {"type": "object", "required": ["score"], "properties": {"score": {"type": "integer"}}}
FITS, MISFIT = {"score": 3}, {"score": "three"}

pytestmark = pytest.mark.usefixtures("local_steps")


def register(api: ApiClient, name: str, **fields: Any) -> None:
    registration = {"execution_type": "local", "handler": "journey_functions:gives_back", "output_schema": SCHEMA}
    answer = api.post("/steps/register", {"step_type": name, **registration, "validate_output": True, **fields})
    assert answer.status in (200, 201), answer.body
    assert answer.body["validate_output"] is fields.get("validate_output", True)


@pytest.fixture
def checked(api: ApiClient) -> str:
    name = f"checked_{uuid.uuid4().hex[:8]}"
    register(api, name)
    return name


def step(step_type: str, value: Any = "input.value", step_id: str = "a", **fields: Any) -> dict[str, Any]:
    mapping = {"value": value, **fields.pop("mapping", {})}
    return {"step_id": step_id, "step_type": step_type, "input_mapping": mapping, **fields}


def told(result: dict[str, Any]) -> tuple[Any, ...]:
    return result["status"], result["output_data"], result["error_type"], result["retry_count"]


COMPLETED = ("completed", FITS, None, 0)
FAILED = ("failed", None, "StepOutputError", 0)


def run(api: ApiClient, *steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return api.execute({"name": "Checked", "steps": list(steps), **fields})


def test_what_fits_is_handed_on_as_it_is(api: ApiClient, checked: str) -> None:
    reads = step(checked, "a", "b", dependencies=["a"])
    results = run(api, step(checked), reads, input={"value": FITS})
    assert (results["status"], results["output"]) == ("completed", {"b": FITS})
    assert [told(results["step_results"][s]) for s in "ab"] == [COMPLETED, COMPLETED]


@pytest.mark.parametrize("value", [[], [1], [[1]], None, "text", 0, {}])
def test_json_of_every_kind_comes_out_as_it_went_in(api: ApiClient, value: Any) -> None:
    name = f"checked_{uuid.uuid4().hex[:8]}"
    register(api, name, output_schema={"title": "anything"})
    results = run(api, step(name), step(name, "a", "b", dependencies=["a"]), input={"value": value})
    assert [results["step_results"][s]["output_data"] for s in "ab"] == [value, value]


def test_what_does_not_fit_fails_the_step_at_once(api: ApiClient, checked: str) -> None:
    results = run(api, step(checked, max_retries=3), input={"value": MISFIT})
    assert (results["status"], told(results["step_results"]["a"])) == ("failed", FAILED)
    assert (results["error"]["step_id"], results["error"]["type"]) == ("a", "StepOutputError")
    assert results["error"]["message"].endswith("/score: type 'integer'")


def test_only_the_function_is_tried_again(api: ApiClient, checked: str) -> None:
    given = {"value": FITS, "fails": True}
    one = step(checked, mapping={"fails": "input.fails"}, max_retries=1, retry_delay_seconds=1)
    results = run(api, one, input=given)
    assert told(results["step_results"]["a"]) == ("completed", FITS, None, 1)
    path = f"/executions/{results['execution_id']}/results?include=inputs,attempts"
    details = api.get(path).body["step_results"]["a"]
    ends = [(a["attempt"], a["status"], a["error_type"]) for a in details["attempts"]]
    assert ends == [(1, "failed", "OvenTooHotError"), (2, "completed", None)]
    assert details["input_data"] == given


def test_a_run_goes_on_after_a_misfit_that_is_not_critical(api: ApiClient, checked: str) -> None:
    after = step(checked, "a.error_type", "b", dependencies=["a"], trigger_rule="all_done")
    after["step_type"] = "data_input"
    after["config"] = {"data": {"went": "on"}}
    del after["input_mapping"]
    results = run(api, step(checked, critical=False), after, input={"value": MISFIT})
    assert (results["status"], results["failed_steps"]) == ("completed", ["a"])
    assert told(results["step_results"]["a"]) == FAILED
    assert results["step_results"]["b"]["status"] == "completed"


def test_each_element_is_checked(api: ApiClient, checked: str) -> None:
    each = step(checked, "item.value", for_each="input.list", critical=False)
    good = run(api, each, input={"list": [{"value": {"score": n}} for n in range(3)]})
    assert good["step_results"]["a"]["output_data"] == [{"score": n} for n in range(3)]
    assert told(good["step_results"]["a[1]"]) == ("completed", {"score": 1}, None, 0)
    bad = run(api, each, input={"list": [{"value": MISFIT}]})
    assert told(bad["step_results"]["a"])[::2] == ("failed", "StepOutputError")
    assert told(bad["step_results"]["a[0]"]) == FAILED


def test_inside_of_containers_steps_after_the_check_still_have_their_element(api: ApiClient, checked: str) -> None:
    inner = [step(checked, "item.value"), step(checked, "item.value", "b", dependencies=["a"])]
    each = {"step_id": "each", "step_type": "map", "config": {"items": "input.list", "steps": inner}}
    turns = {
        "step_id": "turns",
        "step_type": "loop",
        "config": {"until": "index == 1", "max_iterations": 3, "steps": [step(checked, "input.value", "c")]},
    }
    way = {
        "step_id": "way",
        "step_type": "switch",
        "config": {"cases": [{"when": "input.value.score == 3", "steps": [step(checked, "input.value", "d")]}]},
    }
    results = run(api, each, turns, way, input={"value": FITS, "list": [{"value": FITS}, {"value": {"score": 4}}]})
    found = results["step_results"]
    assert results["status"] == "completed", results
    assert found["each"]["output_data"] == [{"b": FITS}, {"b": {"score": 4}}]
    assert told(found["each[1].a"]) == ("completed", {"score": 4}, None, 0)
    assert [told(found[f"turns[{n}].c"]) for n in (0, 1)] == [COMPLETED, COMPLETED]
    assert told(found["way.d"]) == COMPLETED


def test_failure_steps_follow_a_misfit_and_elements_that_fitted_are_undone(api: ApiClient, checked: str) -> None:
    undo = step(checked, "e", "undo")
    each = step(checked, "item.value", "e", for_each="input.list", compensate=[undo])
    notify = {"step_id": "tell", "step_type": "data_input", "config": {"data": {"told": True}}}
    given = {"list": [{"value": FITS}, {"value": MISFIT}]}
    results = run(api, each, input=given, on_failure=[notify])
    found = results["step_results"]
    assert (results["status"], results["error"]["step_id"], results["error"]["type"]) == (
        "failed",
        "e",
        "StepOutputError",
    )
    assert [told(found[f"e[{n}]"]) for n in (0, 1)] == [COMPLETED, FAILED]
    assert told(found["undo[0]"]) == COMPLETED
    assert "undo[1]" not in found
    assert found["tell"]["status"] == "completed"


def test_events_tell_one_step(api: ApiClient, checked: str) -> None:
    results = run(
        api,
        step(checked),
        step(checked, "input.wrong", "b", dependencies=["a"], critical=False),
        input={"value": FITS, "wrong": MISFIT},
    )
    items = api.get(f"/executions/{results['execution_id']}/events?limit=100").body["items"]
    events = [(e["type"], e["step_id"]) for e in items if e["type"].startswith("step.")]
    assert events == [
        ("step.started", "a"),
        ("step.completed", "a"),
        ("step.started", "b"),
        ("step.attempt_failed", "b"),
        ("step.failed", "b"),
    ]


def test_runs_take_the_schema_that_is_registered_when_they_start(api: ApiClient, checked: str) -> None:
    saved = api.post("/workflows", {"name": "Stored", "steps": [step(checked)]})
    assert saved.status == 201, saved.body
    path = f"/workflows/{saved.body['workflow_id']}/execute"
    register(api, checked, output_schema={"type": "object", "required": ["grade"]})
    results = api.execute({"input": {"value": FITS}}, path)
    assert "required" in results["error"]["message"]
    register(api, checked, validate_output=False)
    assert api.execute({"input": {"value": MISFIT}}, path)["status"] == "completed"


def test_a_workflow_without_the_check_must_be_saved_again(api: ApiClient, checked: str) -> None:
    register(api, checked, validate_output=False)
    workflow = {"name": "Stored", "steps": [step(checked)]}
    saved = api.post("/workflows", workflow)
    path = f"/workflows/{saved.body['workflow_id']}"
    register(api, checked)
    refused = api.post(f"{path}/execute", {"input": {"value": MISFIT}})
    assert (refused.status, "validate_output" in refused.body["detail"]) == (409, True)
    assert api.call("PUT", path, workflow).status == 200
    assert told(api.execute({"input": {"value": MISFIT}}, f"{path}/execute")["step_results"]["a"]) == FAILED


def test_a_subflow_has_the_schemas_of_its_own_steps(api: ApiClient, checked: str) -> None:
    saved = api.post("/workflows", {"name": "Child", "steps": [step(checked)]})
    config = {"workflow_id": saved.body["workflow_id"]}
    call = {"step_id": "call", "step_type": "subflow", "config": config, "input_mapping": {"value": "input.value"}}
    found = run(api, call, input={"value": FITS})["step_results"]["call"]["output_data"]
    assert found["subflow_output"] == {"a": FITS}
    misfit = run(api, call, input={"value": MISFIT})
    assert (misfit["status"], misfit["step_results"]["call"]["error_type"]) == ("failed", "StepOutputError")
