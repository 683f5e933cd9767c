"""Everything about a step: what it received, every attempt at it, what it took of models, and what the run has cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import ApiClient
from workflow_engine.redaction import REDACTED

pytestmark = pytest.mark.xdist_group("journeys")


def _detailed(api: ApiClient, document: dict[str, Any], include: str = "inputs,attempts") -> dict[str, Any]:
    """The results of a run of a workflow, with details."""
    results = api.execute(document)
    told: dict[str, Any] = api.get(f"/executions/{results['execution_id']}/results?include={include}").body
    return told


def _data(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "data_processing", "config": {"processing_type": "word_count"}} | fields


def test_a_step_is_told_with_what_it_received_and_its_attempt(api: ApiClient) -> None:
    step = _data("count", input_mapping={"input": "input.text"})
    results = _detailed(api, {"name": "Count", "steps": [step], "input": {"text": "a b"}})
    told = results["step_results"]["count"]
    assert told["input_data"] == {"input": "a b"}
    assert told["config"] == {"processing_type": "word_count"}
    (attempt,) = told["attempts"]
    assert (attempt["status"], attempt["error_type"], attempt["stack_trace"]) == ("completed", None, None)
    assert told["function_name"].endswith("step-data")


def test_nothing_of_it_is_told_where_nobody_asks(api: ApiClient) -> None:
    results = api.execute({"name": "Count", "steps": [_data("count", input_mapping={"input": {"value": "a"}})]})
    assert not {"input_data", "config", "attempts", "function_name"} & results["step_results"]["count"].keys()


def test_elements_of_a_list_have_inputs_of_their_own(api: ApiClient) -> None:
    step = _data("count", for_each="input.texts", input_mapping={"input": "item"})
    results = _detailed(api, {"name": "Count", "steps": [step], "input": {"texts": ["a", "b c"]}}, "inputs")
    told = results["step_results"]
    assert [told[f"count[{i}]"]["input_data"] for i in range(2)] == [{"input": "a"}, {"input": "b c"}]
    assert told["count"]["input_data"] is None


def test_a_secret_is_not_told_wherever_it_went(api: ApiClient) -> None:
    secret = "correct-horse-battery"
    mapping = {"password": "input.password", "note": {"template": "It is {{ input.password }}."}}
    results = _detailed(api, {"name": "S", "steps": [_data("a", input_mapping=mapping)], "input": {"password": secret}})
    assert results["step_results"]["a"]["input_data"] == {"password": REDACTED, "note": f"It is {REDACTED}."}


def test_two_attempts_are_told_with_the_error_of_the_first(api: ApiClient, local_steps: None) -> None:
    step = {
        "step_id": "charge",
        "step_type": "journey_charge",
        "max_retries": 1,
        "retry_delay_seconds": 1,
        "input_mapping": {"amount": {"value": 5}, "fails_at_first": {"value": True}},
    }
    results = _detailed(api, {"name": "Charge", "steps": [step]})
    first, second = results["step_results"]["charge"]["attempts"]
    assert (first["status"], first["error_type"]) == ("failed", "StepTransientError")
    assert first["error_message"] == "TimeoutError: the bank did not answer"
    assert 'raise TimeoutError("the bank did not answer")' in first["stack_trace"][-1]
    assert (second["attempt"], second["status"]) == (2, "completed")
    assert first["request_id"] != second["request_id"]
    assert results["cost_usd"] == {"total": 0.00005, "transitions": 0.00005, "models": 0.0, "functions": None}


def test_an_agent_is_told_with_its_tokens_and_the_run_with_its_cost(api: ApiClient) -> None:
    agent = {"agent_name": "A", "system_prompt": "Be brief.", "mode": "simulation"}
    step = {"step_id": "ask", "step_type": "agent_execution", "config": {"agent_config": agent, "query": "Why?"}}
    results = _detailed(api, {"name": "Ask", "steps": [step]})
    usage = results["step_results"]["ask"]["usage"]
    assert usage["llm_calls"] == 1
    assert usage["total_tokens"] == usage["tokens_in"] + usage["tokens_out"] > 0
    assert results["usage"] == usage
    functions = results["cost_usd"].pop("functions")
    assert 0 < functions < 0.01
    assert results["cost_usd"] == {"total": 0.000025, "transitions": 0.000025, "models": 0.0}


def test_an_approval_is_told_without_the_token_of_its_task(api: ApiClient) -> None:
    step = {"step_id": "ok", "step_type": "human_approval", "config": {"prompt": "Pay?"}}
    started = api.post("/workflows/execute", {"name": "Ask", "steps": [step]}).body
    path = f"/executions/{started['execution_id']}"
    results = api.get(f"{path}/results?include=inputs,attempts").body
    for _ in range(100):
        if results["step_results"]["ok"].get("attempts"):
            break
        results = api.get(f"{path}/results?include=inputs,attempts&wait=1").body
    told = results["step_results"]["ok"]
    assert (told["config"], told["attempts"][0]["status"]) == ({"prompt": "Pay?"}, "running")
    assert "task_token" not in json.dumps(results)
    api.post(f"{path}/cancel")


def test_an_unknown_word_is_refused_with_advice(api: ApiClient) -> None:
    results = api.execute({"name": "C", "steps": [_data("count", input_mapping={"input": {"value": "a"}})]})
    answer = api.get(f"/executions/{results['execution_id']}/results?include=attempt")
    assert_problem(answer, 422, "invalid_request")
    assert "Did you mean 'attempts'?" in answer.body["detail"]
