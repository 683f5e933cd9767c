"""What a step comes to for which nobody decides in time, wherever it stands. Time skips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest

from infra.local.cloud import LocalCloud

AUTO: Final = {"decision": "approved", "payload": {"auto": [[1]]}}
DENIED_FAILS: Final[dict[str, Any]] = {"on_timeout": "deny", "on_deny": "fail"}


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with LocalCloud(skips_time=True) as running:
        yield running


def ask(step_id: str = "ask", *, critical: bool = True, **config: Any) -> dict[str, Any]:
    given = {"prompt": "Well?", "timeout_seconds": 3600, "on_timeout": AUTO} | config
    return {"step_id": step_id, "step_type": "human_approval", "critical": critical, "config": given}


def data(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "data_input", "config": {"data": {"n": 1}}, **fields}


def in_map(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "step_id": "each",
        "step_type": "map",
        "config": {"items": "input.list", "max_items": 3, "steps": list(steps)},
    }


def in_switch(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "step_id": "which",
        "step_type": "switch",
        "config": {"cases": [{"when": "input.list is_not_empty", "steps": list(steps)}], "default": [data("other")]},
    }


def in_loop(*steps: dict[str, Any]) -> dict[str, Any]:
    config = {"until": "ask.decision == 'approved'", "max_iterations": 2, "steps": list(steps)}
    return {"step_id": "again", "step_type": "loop", "config": config}


READS_LIST: Final = {"input_mapping": {"list": "input.list"}}

PLACES: Final[dict[str, tuple[list[dict[str, Any]], str]]] = {
    "alone": ([ask()], "ask"),
    "before another": ([ask(), data("next", dependencies=["ask"])], "ask"),
    "at the end of a branch": (
        [data("first"), ask(), data("beside"), data("last", dependencies=["ask", "beside"])],
        "ask",
    ),
    "all of a branch that is read": (
        [
            ask(),
            {
                "step_id": "beside",
                "step_type": "data_processing",
                "config": {"processing_type": "word_count"},
                **READS_LIST,
            },
            {"step_id": "last", "step_type": "data_merge", "dependencies": ["ask", "beside"], "config": {}},
        ],
        "ask",
    ),
    "the end of a map": ([in_map(data("first"), ask() | {"dependencies": ["first"]})], "each[1].ask"),
    "the only step of a map": ([in_map(ask())], "each[1].ask"),
    "inside of a map": ([in_map(ask(), data("next", dependencies=["ask"]))], "each[1].ask"),
    "a for_each": ([ask() | {"for_each": "input.list", "max_items": 3}], "ask[1]"),
    "a for_each in a map": ([in_map(ask() | {"for_each": "item", "max_items": 2})], "each[1].ask[0]"),
    "the end of a case": ([in_switch(ask())], "which.ask"),
    "inside of a case": ([in_switch(ask(), data("next", dependencies=["ask"]))], "which.ask"),
    "a loop": ([in_loop(ask())], "again[0].ask"),
}


def run(cloud: LocalCloud, steps: list[dict[str, Any]], output: str | None = None) -> dict[str, Any]:
    workflow: dict[str, Any] = {"name": "Late", "execution_pattern": "dependency", "steps": steps}
    if output is not None:
        workflow["output"] = {"told": output}
    body = {"workflow": workflow, "input": {"list": [["a"], ["b"]]}}
    status, results = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert status == 200, results
    found: dict[str, Any] = results
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("critical", [True, False])
def test_the_decision_of_the_step_is_its_output_wherever_it_stands(
    cloud: LocalCloud, place: str, critical: bool
) -> None:
    steps, key = PLACES[place]
    if not critical:
        steps = [_tolerant(step) for step in steps]
    found = run(cloud, steps, output=steps[0]["step_id"])
    result = found["step_results"][key]
    assert (found["status"], result["status"]) == ("completed", "completed")
    assert (result["output_data"]["decision"], result["output_data"]["payload"]) == ("approved", {"auto": [[1]]})
    # It began when it asked, and the time that nobody used is its own.
    assert result["execution_time_ms"] >= 3_600_000


def _tolerant(step: dict[str, Any]) -> dict[str, Any]:
    if step["step_type"] == "human_approval":
        return step | {"critical": False}
    config = step["config"]
    if "steps" in config:
        return step | {"config": config | {"steps": [_tolerant(inner) for inner in config["steps"]]}}
    if "cases" in config:
        cases = [case | {"steps": [_tolerant(inner) for inner in case["steps"]]} for case in config["cases"]]
        return step | {"config": config | {"cases": cases}}
    return step


def test_what_a_map_and_its_readers_get_is_the_decision(cloud: LocalCloud) -> None:
    reader = {"step_id": "all", "step_type": "data_merge", "input_mapping": {"each": "each", "ask": "ask"}}
    found = run(cloud, [in_map(ask("inner")), ask() | {"for_each": "input.list", "max_items": 3}, reader])
    result = found["step_results"]["all"]["output_data"]["result"]
    assert [element["inner"]["decision"] for element in result["each"]] == ["approved", "approved"]
    assert [element["decision"] for element in result["ask"]] == ["approved", "approved"]


@pytest.mark.parametrize("place", ["alone", "the only step of a map", "a for_each", "the end of a case", "a loop"])
def test_a_denial_that_fails_has_its_own_name(cloud: LocalCloud, place: str) -> None:
    steps, key = PLACES[place]
    denied = ask(**DENIED_FAILS)
    steps = [_replaced(step, denied) for step in steps]
    found = run(cloud, steps)
    assert found["status"] == "failed"
    assert found["step_results"][key]["status"] in ("failed", "aborted")
    failed = [r for r in found["step_results"].values() if r["status"] == "failed" and r["error_type"]]
    assert {result["error_type"] for result in failed} == {"ApprovalDenied"}
    assert found["error"]["type"] == "ApprovalDenied"


def _replaced(step: dict[str, Any], by: dict[str, Any]) -> dict[str, Any]:
    if step["step_type"] == "human_approval":
        return step | {"config": by["config"]}
    config = step["config"]
    if "steps" in config:
        return step | {"config": config | {"steps": [_replaced(inner, by) for inner in config["steps"]]}}
    if "cases" in config:
        cases = [case | {"steps": [_replaced(inner, by) for inner in case["steps"]]} for case in config["cases"]]
        return step | {"config": config | {"cases": cases}}
    return step


def test_a_step_that_is_tried_again_asks_again_before_its_time_is_over_for_good(cloud: LocalCloud) -> None:
    found = run(cloud, [ask() | {"max_retries": 2, "retry_delay_seconds": 1}])
    result = found["step_results"]["ask"]
    assert (result["retry_count"], result["output_data"]["decision"]) == (2, "approved")
    assert result["execution_time_ms"] >= 3 * 3_600_000


def test_the_plan_counts_both_ways_out(cloud: LocalCloud) -> None:
    plans = {}
    for name, step in (("plain", ask(on_timeout="fail")), ("late", ask())):
        status, answer = cloud.call("POST", "/workflows/validate", {"name": "Plan", "steps": [step]})
        assert status == 200
        plans[name] = answer["plan"]
    assert (plans["plain"]["transitions_min"], plans["plain"]["transitions_max"]) == (1, 3)
    assert plans["late"]["transitions_max"] == plans["plain"]["transitions_max"] + 1
    assert plans["late"]["states"] == plans["plain"]["states"] + 1


def test_the_plan_counts_all_events_of_a_step_that_asks_again_in_vain(cloud: LocalCloud) -> None:
    steps = [ask() | {"max_retries": 3, "retry_delay_seconds": 1}]
    found = run(cloud, steps)
    _, answer = cloud.call("POST", "/workflows/validate", {"name": "Late", "steps": steps})
    _, page = cloud.call("GET", f"/executions/{found['execution_id']}/history?limit=100")
    assert len(page["items"]) == answer["plan"]["history_events_max"] == 22


TOLD: Final = {
    "step_id": "told",
    "step_type": "data_merge",
    "input_mapping": {"step": "failure.step_id", "type": "failure.error_type", "message": "failure.message"},
}


def test_a_denial_that_fails_leads_to_the_failure_steps(cloud: LocalCloud) -> None:
    body = {"name": "Late", "steps": [ask(**DENIED_FAILS), data("next", dependencies=["ask"])], "on_failure": [TOLD]}
    status, found = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, found["status"]) == (200, "failed"), found
    told = found["step_results"]["told"]["output_data"]["result"]
    assert (told["step"], told["type"]) == ("ask", "ApprovalDenied")
    assert found["step_results"]["ask"]["status"] == "failed"
    assert found["step_results"]["ask"]["error_type"] == "ApprovalDenied"
    assert found["step_results"]["next"]["status"] in ("skipped", "pending")
    assert found["error"]["type"] == "ApprovalDenied"


def test_a_decision_that_nobody_made_is_undone_as_any_other(cloud: LocalCloud) -> None:
    undo = {"step_id": "undo", "step_type": "data_merge", "input_mapping": {"was": "ask.decision"}}
    end = {
        "step_id": "end",
        "step_type": "fail",
        "config": {"error": "Over", "message": "now"},
        "dependencies": ["ask"],
    }
    body = {"name": "Undone", "steps": [ask() | {"compensate": [undo]}, end]}
    status, found = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, found["error"]["type"]) == (200, "Over"), found
    assert found["step_results"]["undo"]["output_data"]["result"]["was"] == "approved"


def test_an_element_that_nobody_decided_fails_alone_where_elements_are_undone(cloud: LocalCloud) -> None:
    undo = {"step_id": "undo", "step_type": "data_merge", "input_mapping": {"was": "ask.decision"}}
    step = ask(**DENIED_FAILS) | {"for_each": "input.list", "max_items": 3, "compensate": [undo]}
    body = {"workflow": {"name": "Elements", "steps": [step]}, "input": {"list": [1, 2]}}
    status, found = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, found["status"]) == (200, "failed"), found
    assert [found["step_results"][f"ask[{n}]"]["status"] for n in (0, 1)] == ["failed", "failed"]
    assert found["error"]["type"] == "ApprovalDenied"


def test_a_list_fails_with_the_error_of_the_element_that_was_denied(cloud: LocalCloud) -> None:
    """The last failure that the history has of the element is that nobody answered in time."""
    step = ask(critical=False, **DENIED_FAILS) | {"for_each": "input.list", "max_items": 3}
    body = {"workflow": {"name": "Elements", "steps": [step, data("next")]}, "input": {"list": [1, 2]}}
    status, found = cloud.call("POST", "/workflows/execute?wait=25", body)
    assert (status, found["status"]) == (200, "completed"), found
    result = found["step_results"]["ask"]
    assert (result["status"], result["error_type"]) == ("failed", "ApprovalDenied")
