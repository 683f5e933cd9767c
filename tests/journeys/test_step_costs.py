"""What each step of a run has cost, beside what was planned, through the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

TRANSITION = 0.000025


def _word_count(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "data_processing", "config": {"processing_type": "word_count"}} | fields


def _charge(*, fails: bool = True, **fields: Any) -> dict[str, Any]:
    mapping = {"amount": {"value": 5}, "fails_at_first": {"value": fails}}
    return {"step_id": "charge", "step_type": "journey_charge", "input_mapping": mapping} | fields


def _cost(results: Mapping[str, Any], key: str) -> Any:
    return results["step_results"][key]["cost_usd"]


def _transitions(results: Mapping[str, Any], *keys: str) -> list[int]:
    return [round(_cost(results, key)["transitions"] / TRANSITION) for key in keys]


def test_a_retry_makes_a_step_cost_more_than_was_planned(api: ApiClient, local_steps: None) -> None:
    document = {"name": "Charge", "steps": [_charge(max_retries=3, retry_delay_seconds=1)]}
    results = api.execute(document)
    assert _cost(results, "charge") == {
        "total": 0.00005,
        "transitions": 0.00005,
        "models": 0.0,
        "functions": None,
        "reason": "What Lambda takes is not known: the memory is told of this service's own functions alone, and not where an "
        "earlier version of the service saved the workflow.",
    }
    plan = api.post("/workflows/compile", document).body["plan"]
    assert plan["step_costs_usd"] == {"charge": {"usd": 0.000025, "most_usd": 0.0001}}


def test_the_steps_and_what_belongs_to_none_cost_what_the_run_costs(api: ApiClient, local_steps: None) -> None:
    steps = [_word_count("a"), _charge(fails=False) | {"step_id": "b"}, _word_count("d", dependencies=["a", "b"])]
    results = api.execute({"name": "Fork", "execution_pattern": "dependency", "steps": steps})
    assert _transitions(results, "a", "b", "d") == [1, 1, 1]
    assert results["cost_usd"]["transitions"] == pytest.approx(4 * TRANSITION)  # the fork is one more


def test_a_list_costs_what_its_elements_do_and_the_list_itself(api: ApiClient) -> None:
    step = _word_count("count", for_each="input.texts", input_mapping={"input": "item"})
    document = {"name": "Count", "steps": [step], "input": {"texts": ["a", "b", "c"]}}
    results = api.execute(document)
    assert _transitions(results, "count", "count[0]", "count[2]") == [4, 1, 1]
    planned = api.post("/workflows/compile", document).body["plan"]["step_costs_usd"]["count"]
    assert planned == {"usd": TRANSITION, "most_usd": TRANSITION, "each": {"usd": TRANSITION, "most_usd": TRANSITION}}


def test_a_loop_costs_what_its_turns_do_and_the_looks_at_its_condition(api: ApiClient) -> None:
    config = {"until": "count.result.word_count > 9", "max_iterations": 3, "steps": [_word_count("count")]}
    loop = {"step_id": "again", "step_type": "loop", "config": config, "critical": False}
    document = {"name": "Loop", "steps": [loop]}
    results = api.execute(document)
    assert _transitions(results, "again[0].count", "again[2].count") == [1, 1]
    # What catches its failure, its start, three turns with a look after each, and that it ran out of them.
    assert _transitions(results, "again") == [1 + 1 + 3 * 2 + 1]
    assert results["cost_usd"]["transitions"] == pytest.approx(10 * TRANSITION)  # the end belongs to no step
    planned = api.post("/workflows/compile", document).body["plan"]["step_costs_usd"]
    assert planned["again"]["usd"] == 2 * TRANSITION
    assert planned["again"]["each"] == {"usd": TRANSITION, "most_usd": TRANSITION}


def test_results_that_a_rerun_takes_over_cost_nothing_again(api: ApiClient) -> None:
    steps = [_word_count("a"), _word_count("b", dependencies=["a"])]
    earlier = api.execute({"name": "Two", "steps": steps})
    path = f"/executions/{earlier['execution_id']}/rerun"
    started = api.post(path, {"from_step": "b"}).body
    results = api.get(f"/executions/{started['execution_id']}/results?wait=20").body
    assert results["status"] == "completed"
    assert _transitions(results, "a", "b") == [0, 1]
    assert results["cost_usd"]["transitions"] == pytest.approx(TRANSITION)


def test_events_tell_what_a_step_has_cost_so_far(api: ApiClient, local_steps: None) -> None:
    results = api.execute({"name": "Charge", "steps": [_charge(max_retries=1, retry_delay_seconds=1)]})
    events = api.get(f"/executions/{results['execution_id']}/events").body["items"]
    told = [(e["type"], e["details"]["cost_usd"]["total"]) for e in events if "cost_usd" in e["details"]]
    assert told == [
        ("step.started", 0.000025),
        ("step.attempt_failed", 0.000025),  # what Lambda takes is not known from here on
        ("step.retried", 0.00005),
        ("run.completed", 0.00005),
    ]
