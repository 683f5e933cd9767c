"""Sagas: what was done is undone when a later step fails, and what became of that is told."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def shout(step_id: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    mapping = {"text": {"value": step_id}}
    return {
        "step_id": step_id,
        "step_type": "journey_shout",
        "dependencies": list(dependencies),
        "input_mapping": mapping,
        **fields,
    }


def broken(step_id: str, *dependencies: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "journey_broken", "dependencies": list(dependencies), **fields}


def undoing(step_id: str) -> dict[str, Any]:
    return shout(f"undo_{step_id}", input_mapping={"text": f"{step_id}.text"})


SAGA = {
    "name": "Three bookings",
    "execution_pattern": "dependency",
    "steps": [
        shout("flight", compensate=[undoing("flight")]),
        shout("hotel", "flight", compensate=[undoing("hotel")]),
        broken("car", "hotel", compensate=[undoing("flight") | {"step_id": "undo_car"}]),
    ],
    "on_failure": [
        shout("tell", input_mapping={"text": {"template": "{{ failure.step_id }}: {{ failure.error_type }}"}}),
    ],
}


def statuses(results: dict[str, Any]) -> dict[str, str]:
    return {key: result["status"] for key, result in results["step_results"].items()}


@pytest.mark.usefixtures("local_steps")
def test_a_saga_whose_third_step_fails_is_undone_from_the_last_step_to_the_first(api: ApiClient) -> None:
    results = api.execute(SAGA)

    assert results["status"] == "failed"
    assert results["error"] == {"step_id": "car", "type": "OvenTooHotError", "message": "It burns at 300 degrees."}
    assert results["failed_steps"] == ["car"]
    steps = results["step_results"]
    assert statuses(results) == {
        "flight": "completed",
        "hotel": "completed",
        "car": "failed",
        "undo_flight": "completed",
        "undo_hotel": "completed",
        "undo_car": "skipped",
        "tell": "completed",
    }
    assert steps["undo_hotel"]["output_data"] == {"text": "HOTEL!!"}
    assert steps["tell"]["output_data"] == {"text": "CAR: OVENTOOHOTERROR!"}
    in_order = ["car", "undo_hotel", "undo_flight", "tell"]
    for before, after in pairwise(in_order):
        assert steps[before]["completed_at"] <= steps[after]["started_at"], (before, after)

    record = api.get(f"/executions/{results['execution_id']}").body
    assert record["error"] == results["error"]
    assert (record["status"], record["failed_steps"], record["step_statuses"]["undo_car"]) == ("failed", 1, "skipped")


@pytest.mark.usefixtures("local_steps")
def test_a_compensation_that_fails_is_told_and_stops_no_other(api: ApiClient) -> None:
    saga = SAGA | {
        "steps": [SAGA["steps"][0], shout("hotel", "flight", compensate=[broken("undo_hotel")]), SAGA["steps"][2]]
    }
    results = api.execute(saga)
    assert results["error"]["step_id"] == "car"
    assert results["failed_steps"] == ["car", "undo_hotel"]
    assert statuses(results)["undo_flight"] == "completed"
    assert results["step_results"]["undo_hotel"]["error_message"] == "It burns at 300 degrees."


@pytest.mark.usefixtures("local_steps")
def test_a_tolerated_failure_leaves_a_completed_run_that_tells_of_it(api: ApiClient) -> None:
    saga = SAGA | {"steps": [*SAGA["steps"][:2], broken("car", "hotel", critical=False)]}
    results = api.execute(saga)
    assert (results["status"], results["error"], results["failed_steps"]) == ("completed", None, ["car"])
    assert statuses(results)["undo_hotel"] == "skipped"
    kept = api.results(results["execution_id"])
    assert kept["failed_steps"] == ["car"]


def test_a_step_may_fail_the_run_with_words_of_its_author(api: ApiClient) -> None:
    stop = {
        "step_id": "stop",
        "step_type": "fail",
        "conditions": "input.amount > 100",
        "config": {"error": "AmountTooHigh", "message": "{{ input.amount }} is more than 100."},
    }
    workflow = {"name": "Check", "steps": [stop]}
    results = api.execute({"workflow": workflow, "input": {"amount": 101}})
    assert (results["status"], results["failed_steps"]) == ("failed", ["stop"])
    assert results["error"] == {"step_id": "stop", "type": "AmountTooHigh", "message": "101 is more than 100."}
    assert api.execute({"workflow": workflow, "input": {"amount": 100}})["status"] == "completed"


def test_what_is_wrong_with_failure_steps_is_told_where_it_stands(api: ApiClient) -> None:
    output = {"step_id": "a", "step_type": "output", "input_mapping": {"x": "input.x"}}
    steps = [
        {**output, "compensate": [{"step_id": "undo_a", "step_type": "nothing"}]},
        {**output, "step_id": "b", "input_mapping": {"x": "failure.message", "y": "undo_a.data"}},
        {"step_id": "c", "step_type": "fail", "config": {"error": "States.Timeout"}},
    ]
    on_failure = [{**output, "step_id": "tell", "dependencies": ["a"]}]
    answer = api.post("/workflows/execute", {"name": "Wrong", "steps": steps, "on_failure": on_failure})
    assert answer.status == 422
    assert sorted((e["code"], e["pointer"]) for e in answer.body["errors"]) == [
        ("WFE-E202", "/on_failure/0/dependencies/0"),
        ("WFE-E216", "/steps/1/input_mapping/y"),
        ("WFE-E217", "/steps/1/input_mapping/x"),
        ("WFE-E400", "/steps/0/compensate/0/step_type"),
        ("WFE-E402", "/steps/2/config/error"),
    ]
