"""Fields of agents and prompts under the names that clients of the original system use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from workflow_engine.agents.aliases import settled
from workflow_engine.errors import InvalidRequestError
from workflow_engine.language import parse_workflow
from workflow_engine.steps import builtin_catalogue
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions.check_definition import checked
from workflow_engine.usecases.prompts.check_prompt import PROMPTS


def findings(step_type: str, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Pointer and sentence of each error of a workflow with this one step."""
    step = {"step_id": "s", "step_type": step_type, "config": config}
    parsed = parse_workflow({"name": "W", "steps": [step]}, builtin_catalogue())
    return [
        (d.pointer.removeprefix("/steps/0/config"), d.detail) for d in parsed.diagnostics if parsed.workflow is None
    ]


@pytest.mark.parametrize(
    ("document", "stored"),
    [
        (
            {"name": "Helper", "model_name": "gpt-4o", "provider": "openai"},
            {"agent_name": "Helper", "model": "gpt-4o", "provider_type": "openai_textgen"},
        ),
        (
            {
                "name": "H",
                "provider_config": {"provider": "gemini", "model_name": "gemini-2.5-pro", "temperature": 0.5},
            },
            {"agent_name": "H", "provider_type": "gemini_textgen", "model": "gemini-2.5-pro", "temperature": 0.5},
        ),
        (
            {"agent_name": "H", "temperature": 1, "provider_config": {"temperature": 0, "max_tokens": 9}},
            {"agent_name": "H", "temperature": 1, "max_tokens": 9},
        ),
        (
            {"name": "H", "stream": False, "interactive": False, "multi_turn": False, "functions": []},
            {"agent_name": "H", "stream": False, "interactive": False, "multi_turn": False, "functions": []},
        ),
        (
            {"name": "H", "connected_agents": [], "system_prompt_id": "p"},
            {"agent_name": "H", "connected_agents": [], "system_prompt_id": "p"},
        ),
    ],
)
def test_an_agent_is_stored_with_its_fields_under_their_own_names(
    document: dict[str, Any], stored: dict[str, Any]
) -> None:
    assert checked(AGENTS, document) == stored


def test_a_prompt_is_stored_with_its_fields_under_their_own_names() -> None:
    document = {
        "prompt_label": "Greeting",
        "prompt": "Greet {name}",
        "unique_label": "greeting",
        "ai_model_name": "gpt-4o",
        "ai_model_provider": "openai",
        "hyper_parameters": {"temperature": 0.2, "top_p": 1, "max_tokens": 100},
    }

    assert checked(PROMPTS, document) == {
        "name": "Greeting",
        "query_template": "Greet {name}",
        "prompt_id": "greeting",
        "model": "gpt-4o",
        "provider_type": "openai_textgen",
        "temperature": 0.2,
        "top_p": 1,
        "max_tokens": 100,
    }


@pytest.mark.parametrize(
    ("field", "value", "advice"),
    [
        ("interactive", True, "cannot stop and ask a person in this version"),
        ("multi_turn", True, "hand in 'conversation_history'"),
        ("stream", True, "answers are not streamed in this version"),
        ("connected_agents", ["other"], "in 'tools', as agent:ID"),
        ("functions", [{"name": "f"}], "name it in 'tools', as step:TYPE"),
    ],
)
def test_what_is_not_there_is_refused_by_name(field: str, value: object, advice: str) -> None:
    [(place, detail)] = findings("agent_execution", {"query": "Hi", "model": "gpt-4o", field: value})
    assert place == f"/{field}"
    assert advice in detail

    with pytest.raises(InvalidRequestError) as caught:
        checked(AGENTS, {"name": "H", field: value})
    assert caught.value.errors[0]["pointer"] == f"/{field}"
    assert advice in caught.value.errors[0]["detail"]


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"name": "H", "agent_name": "H"}, "'agent_name' and 'name' are the same: give one of them"),
        ({"name": "H", "model": "gpt-4o", "model_name": "gpt-4"}, "'model' and 'model_name' are the same"),
        ({"model": "gpt-4o"}, "needs 'agent_name' or 'name'"),
        ({"name": "H", "provider": "opnai"}, "Did you mean 'openai'?"),
        ({"name": "H", "provider_config": {"api_key": "x"}}, "no field 'api_key'"),
    ],
)
def test_a_field_under_two_names_or_a_wrong_one_is_refused(document: dict[str, Any], detail: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        checked(AGENTS, document)
    assert detail in caught.value.errors[0]["detail"]


def test_a_step_takes_the_names_of_the_original_too() -> None:
    assert findings("agent", {"query": "Hi", "model_name": "gpt-4o", "provider": "openai"}) == []
    assert findings("agent", {"query": "Hi", "agent_config": {"name": "H", "model_name": "gpt-4o"}}) == []
    assert findings("tool", {"tool_name": "calculator", "static_params": {"expression": "1+1"}}) == []
    variables = [{"name": "who", "source": "a.data.who", "default_value": "you"}]
    assert findings("prompt", {"query_template": "Hi {who}", "variables": variables}) == []


def test_a_model_that_tells_no_vendor_is_found_under_its_other_name() -> None:
    [(place, detail)] = findings("agent", {"query": "Hi", "model_name": "llama3"})

    assert place == "/model_name"
    assert "Give a provider_type, too" in detail


def test_what_stands_beside_a_group_comes_first() -> None:
    fields = {"hyper_parameters": {"temperature": 0, "top_p": 1}, "temperature": 2, "provider_config": {"top_p": 0}}

    assert settled(fields) == {"temperature": 2, "top_p": 1}
