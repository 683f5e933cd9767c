"""Use cases of prompts on the local runtime: rendered, and tried with an agent in simulation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.support import AGENT, ME, OTHER, PROMPT, new_id, refused, results_of, saved_agent
from tests.support.backend_cloud import counted
from workflow_engine.errors import InvalidRequestError, NotFoundError
from workflow_engine.usecases.definitions import save_definition
from workflow_engine.usecases.engine import Engine
from workflow_engine.usecases.prompts import render_prompt, try_prompt
from workflow_engine.usecases.prompts.check_prompt import PROMPTS


def saved_prompt(engine: Engine, **fields: Any) -> str:
    return str(save_definition.create(PROMPTS, engine, ME, {**PROMPT, **fields})["prompt_id"])


def test_a_prompt_is_rendered_with_its_defaults_and_tells_what_is_missing(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    rendered = render_prompt.render(engine, ME, prompt_id, {"variables": {"name": "Ann", "unused": 1}})
    assert rendered == {
        "prompt_id": prompt_id,
        "version": 1,
        "system_prompt": "Speak English.",
        "query": "Greet Ann in the {time}.",
        "missing": ["time"],
    }
    whole = render_prompt.render(
        engine, ME, prompt_id, {"variables": {"name": "{time}", "time": "dawn", "language": None}}
    )
    assert (whole["system_prompt"], whole["query"]) == ("Speak .", "Greet {time} in the dawn.")
    assert whole["missing"] == []


def test_an_older_version_of_a_prompt_may_be_rendered(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    save_definition.update(PROMPTS, engine, ME, prompt_id, {"name": "Greeting", "query_template": "Bye {name}"})
    assert render_prompt.render(engine, ME, prompt_id, {"variables": {"name": "Ann"}})["query"] == "Bye Ann"
    assert render_prompt.render(engine, ME, prompt_id, {"version": 1})["missing"] == ["name", "time"]
    with pytest.raises(NotFoundError):
        render_prompt.render(engine, ME, prompt_id, {"version": 3})
    with pytest.raises(NotFoundError):
        render_prompt.render(engine, OTHER, prompt_id, {})


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"query_tmplate": "x"}, "/query_tmplate"),
        ({"variables": [{"name": "1st"}]}, "/variables/0/name"),
        ({"variables": [{"name": "a"}, {"name": "a"}]}, "/variables/1/name"),
        ({"variables": {"a": 1}}, "/variables"),
        ({"prompt_id": "a b"}, "/prompt_id"),
        ({"max_tokens": 0}, "/max_tokens"),
    ],
)
def test_a_prompt_that_is_wrong_is_refused_with_the_place(engine: Engine, fields: dict[str, Any], pointer: str) -> None:
    found = refused(lambda: save_definition.create(PROMPTS, engine, ME, {**PROMPT, **fields}))
    assert [p for _, p in found] == [pointer]


def test_a_prompt_without_a_text_is_told_what_it_needs(engine: Engine) -> None:
    with pytest.raises(InvalidRequestError) as error:
        save_definition.create(PROMPTS, engine, ME, {"name": "Empty"})
    (finding,) = error.value.errors
    assert finding["pointer"] == ""
    assert "query_template" in finding["detail"]


def test_a_variable_that_no_text_uses_is_told(engine: Engine) -> None:
    created = save_definition.create(PROMPTS, engine, ME, {**PROMPT, "variables": [{"name": "nmae"}]})
    assert ["'nmae'" in w for w in created["warnings"]] == [True]


def test_a_prompt_is_tried_with_a_stored_agent(engine: Engine) -> None:
    prompt_id, agent_id = saved_prompt(engine), saved_agent(engine)
    body = {"variables": {"name": "Ann", "time": "morning"}, "agent_id": agent_id, "input": {"mood": "good"}}
    results = results_of(engine, try_prompt.try_out(engine, ME, prompt_id, body))
    assert results["status"] == "completed", results["error"]
    steps = results["step_results"]
    assert steps["prompt"]["output_data"]["system_prompt"] == "Speak English."
    assert steps["prompt"]["output_data"]["prompt_version"] == 1
    output = steps["agent"]["output_data"]
    assert (output["query"], output["agent_id"]) == ("Greet Ann in the morning.", agent_id)


def test_a_prompt_is_tried_with_an_agent_of_the_request(engine: Engine) -> None:
    prompt_id = saved_prompt(engine)
    body = {"variables": {"name": "Ann", "time": "morning"}, "agent_config": AGENT}
    results = results_of(engine, try_prompt.try_out(engine, ME, prompt_id, body))
    assert results["step_results"]["agent"]["output_data"]["agent_name"] == "Analyst"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, ""),
        ({"agent_id": "a", "agent_config": AGENT}, ""),
        ({"agent_config": {**AGENT, "temperature": 3}}, "/agent_config/temperature"),
        ({"agent_config": {**AGENT, "tools": ["two words"]}}, "/agent_config/tools/0"),
        ({"agent_id": "a b"}, "/agent_id"),
        ({"agent_id": "nobody-is-called-so"}, "/agent_id"),
        ({"agent_config": AGENT, "version": "1"}, "/version"),
    ],
)
def test_a_trial_that_is_wrong_starts_nothing(engine: Engine, fields: dict[str, Any], pointer: str) -> None:
    prompt_id = saved_prompt(engine)
    with counted(engine.stepfunctions) as calls:
        found = refused(lambda: try_prompt.try_out(engine, ME, prompt_id, {"variables": {"name": "Ann"}, **fields}))
    assert [p for _, p in found] == [pointer]
    assert calls == []


def test_an_idempotency_key_starts_a_trial_once(engine: Engine) -> None:
    prompt_id, key = saved_prompt(engine), new_id("key")
    body = {"variables": {"name": "Ann"}, "agent_config": AGENT}
    first = try_prompt.try_out(engine, ME, prompt_id, body, key)
    save_definition.update(PROMPTS, engine, ME, prompt_id, {**PROMPT, "name": "New"})
    assert try_prompt.try_out(engine, ME, prompt_id, body, key) == first


def test_a_trial_of_a_prompt_that_does_not_exist_is_not_found(engine: Engine) -> None:
    with pytest.raises(NotFoundError):
        try_prompt.try_out(engine, ME, new_id(), {"agent_config": AGENT})
