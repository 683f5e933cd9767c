"""Agents and prompts at work, as a client of the API meets them. Models are simulated: no keys, no costs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.definitions import AGENT, PROMPT, created, new_id, started
from tests.journeys.test_bad_input import assert_problem
from tests.support.http_client import ApiClient

pytestmark = pytest.mark.xdist_group("journeys")


def test_an_agent_answers_as_a_run_of_one_step(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    body = {"query": "Why?", "input": {"facts": [1, 2]}, "session_id": "s-1", "tags": ["journey"]}
    results = started(api.post(f"/agents/{agent_id}/execute", body), api)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["agent_id"], output["agent_version"], output["agent_name"]) == (agent_id, 1, "Analyst")
    assert (output["query"], output["mode"], output["success"]) == ("Why?", "simulation", True)
    assert output["usage"]["total_tokens"] > 0
    assert isinstance(output["response"], str)
    assert results["metadata"]["session_id"] == "s-1"


def test_an_agent_answers_while_the_client_waits(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    answer = api.post(f"/agents/{agent_id}/execute?wait=25", {"query": "Why?"})
    assert answer.status == 200, answer.body
    assert answer.body["step_results"]["agent"]["output_data"]["query"] == "Why?"


def test_an_older_version_of_an_agent_answers(api: ApiClient) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    api.call("PUT", f"/agents/{agent_id}", {**AGENT, "agent_name": "New"})
    results = started(api.post(f"/agents/{agent_id}/execute", {"query": "x", "version": 1}), api)
    assert results["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


def test_an_agent_with_a_response_schema_gives_a_value_that_fits(api: ApiClient) -> None:
    schema = {
        "type": "object",
        "properties": {"score": {"type": "integer", "minimum": 0, "maximum": 10}},
        "required": ["score"],
    }
    agent_id = created(api, "/agents", {**AGENT, "response_schema": schema}, "agent")
    results = started(api.post(f"/agents/{agent_id}/execute", {"query": "How good?"}), api)
    assert 0 <= results["step_results"]["agent"]["output_data"]["response"]["score"] <= 10


def test_an_agent_is_started_once_under_an_idempotency_key(api: ApiClient) -> None:
    agent_id, key = created(api, "/agents", AGENT, "agent"), new_id("key")
    url = f"/agents/{agent_id}/execute"
    first = api.post(url, {"query": "x"}, idempotency_key=key)
    assert api.post(url, {"query": "x"}, idempotency_key=key).body == first.body
    assert_problem(api.post(url, {"query": "y"}, idempotency_key=key), 409, "conflict")
    assert started(first, api)["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [({}, 422, ""), ({"query": ""}, 422, "/query"), ({"query": "x", "wait": 1}, 422, "/wait")],
)
def test_an_agent_that_is_asked_nothing_is_not_started(
    api: ApiClient, body: dict[str, Any], status: int, pointer: str
) -> None:
    agent_id = created(api, "/agents", AGENT, "agent")
    answer = api.post(f"/agents/{agent_id}/execute", body)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (status, pointer)
    assert_problem(api.post(f"/agents/{agent_id}/execute?wait=26", {"query": "x"}), 422, "invalid_request")


def test_a_workflow_asks_a_stored_agent_with_a_stored_prompt(api: ApiClient) -> None:
    agent_id, prompt_id = created(api, "/agents", AGENT, "agent"), created(api, "/prompts", PROMPT, "prompt")
    workflow = {
        "name": "Greet",
        "steps": [
            {
                "step_id": "prompt",
                "step_type": "prompt",
                "config": {"prompt_id": prompt_id},
                "input_mapping": {"name": "input.name", "time": {"value": "morning"}},
            },
            {
                "step_id": "agent",
                "step_type": "agent_execution",
                "dependencies": ["prompt"],
                "config": {"agent_id": agent_id, "temperature": 0},
            },
        ],
        "input": {"name": "Ann"},
    }
    results = api.execute(workflow)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)


def test_a_step_whose_agent_does_not_exist_fails_with_a_clear_message(api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "agent_execution", "config": {"agent_id": "nobody", "query": "x"}}
    results = api.execute({"name": "Nobody", "steps": [step]})
    assert results["status"] == "failed"
    assert "There is no agent 'nobody'" in results["step_results"]["a"]["error_message"]


def test_a_prompt_is_rendered(api: ApiClient) -> None:
    prompt_id = created(api, "/prompts", PROMPT, "prompt")
    url = f"/prompts/{prompt_id}/render"
    rendered = api.post(url, {"variables": {"name": "Ann"}}).body
    assert rendered["system_prompt"] == "Speak English."
    assert rendered["query"] == "Greet Ann in the {time}."
    assert rendered["missing"] == ["time"]
    assert api.post(url).body["missing"] == ["name", "time"]
    api.call("PUT", f"/prompts/{prompt_id}", {"name": "Greeting", "query_template": "Bye."})
    assert api.post(url).body["query"] == "Bye."
    assert api.post(url, {"version": 1}).body["query"] == PROMPT["query_template"]
    assert_problem(api.post(url, {"variables": []}), 422, "WFE-E103", "/variables")


def test_a_prompt_is_tried_with_a_stored_agent_or_one_of_the_request(api: ApiClient) -> None:
    prompt_id, agent_id = created(api, "/prompts", PROMPT, "prompt"), created(api, "/agents", AGENT, "agent")
    variables = {"name": "Ann", "time": "morning"}
    url = f"/prompts/{prompt_id}/test"
    results = started(api.post(url, {"variables": variables, "agent_id": agent_id, "input": {"mood": "good"}}), api)
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)
    waited = api.post(f"{url}?wait=25", {"variables": variables, "agent_config": AGENT})
    assert waited.status == 200, waited.body
    assert waited.body["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


@pytest.mark.parametrize(
    ("fields", "code", "pointer"),
    [
        ({}, "invalid_request", ""),
        ({"agent_id": "a", "agent_config": AGENT}, "invalid_request", ""),
        ({"agent_id": "nobody-is-called-so"}, "invalid_request", "/agent_id"),
        ({"agent_config": {**AGENT, "temperature": 3}}, "WFE-E402", "/agent_config/temperature"),
        ({"agent_config": {**AGENT, "tools": ["lambda:x"]}}, "WFE-E402", "/agent_config/tools/0"),
    ],
)
def test_a_trial_that_is_wrong_is_refused_with_the_place(
    api: ApiClient, fields: dict[str, Any], code: str, pointer: str
) -> None:
    prompt_id = created(api, "/prompts", PROMPT, "prompt")
    assert_problem(api.post(f"/prompts/{prompt_id}/test", fields), 422, code, pointer)


def test_a_workflow_that_names_what_does_not_exist_is_warned_of(api: ApiClient) -> None:
    missing = new_id("agent")
    step = {
        "step_id": "a",
        "step_type": "agent",
        "config": {"agent_id": missing, "query": "x", "tools": ["calculater"]},
    }
    body = {"name": "Named", "steps": [step]}
    told = [
        {
            "code": "WFE-W410",
            "pointer": "/steps/0/config/agent_id",
            "detail": f"There is no agent '{missing}' now. POST /agents makes one.",
        },
        {
            "code": "WFE-W410",
            "pointer": "/steps/0/config/tools/0",
            "detail": "'calculater' is neither a built-in tool nor a registered step type now. Did you mean 'calculator'?",
        },
    ]
    report = api.post("/workflows/validate", body)
    assert (report.status, report.body["is_valid"], report.body["warnings"]) == (200, True, told)
    saved = api.post("/workflows", body)
    assert (saved.status, saved.body["warnings"]) == (201, told)


@pytest.mark.usefixtures("without_keys")
def test_an_agent_that_names_nobody_is_answered_by_the_default(api: ApiClient) -> None:
    results = api.execute(
        {"name": "Hi", "steps": [{"step_id": "a", "step_type": "agent_execution", "config": {"query": "Hi"}}]}
    )
    assert results["status"] == "completed", results["error"]
    output = results["step_results"]["a"]["output_data"]
    assert (output["query"], output["model"]) == ("Hi", {"provider": "openai_textgen", "name": "gpt-4o"})


def test_an_agent_with_a_tool_that_cannot_be_is_not_started(api: ApiClient) -> None:
    step = {"step_id": "a", "step_type": "agent", "config": {"query": "x", "tools": ["builtin:calculater"]}}
    answer = api.post("/workflows/execute", {"name": "No", "steps": [step]})
    assert answer.status == 422
    (error,) = answer.body["errors"]
    assert (error["code"], error["pointer"]) == ("WFE-E402", "/steps/0/config/tools/0")
    assert "Did you mean 'calculator'?" in error["detail"]
