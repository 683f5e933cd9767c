"""Agent steps, prompts and tools as states."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.compiled import compiled, container, data, states
from workflow_engine.agents.defaults import TIMEOUT_SECONDS
from workflow_engine.agents.errors import FINAL_ERRORS, TRANSIENT_ERRORS
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.steps.agent import NOTHING_TO_ASK
from workflow_engine.steps.prompt import ASKS_NOTHING

CONFIGS: list[dict[str, Any]] = [
    {
        "agent_name": "OpenAI Analyzer",
        "model": "gpt-4o-mini",
        "provider_type": "openai_textgen",
        "system_prompt": "You are an expert analyst...",
        "temperature": 0.1,
        "max_tokens": 1000,
    },
    {
        "agent_name": "Gemini Analyzer",
        "model": "gemini-1.5-flash",
        "provider_type": "gemini_textgen",
        "system_prompt": "You are an expert analyst...",
        "temperature": 0.1,
        "max_tokens": 1000,
    },
    {
        "agent_name": "Claude Analyzer",
        "model": "anthropic.claude-instant-v1",
        "provider_type": "bedrock_textgen",
        "system_prompt": "You are Claude, an AI assistant...",
        "temperature": 0.1,
        "max_tokens": 1000,
    },
]


def agent(step_id: str, *dependencies: str, config: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "step_id": step_id,
        "step_type": "agent_execution",
        "dependencies": list(dependencies),
        "config": {"agent_config": CONFIGS[0], "query": "Hi", **(config or {})},
        **fields,
    }


def test_an_agent_is_one_task_whose_agent_travels_in_the_input() -> None:
    made = compiled(agent("ask"))
    assert made.plan["states"] == 1
    assert "expert analyst" not in made.definition
    assert made.bindings["config"]["ask"]["agent_config"] == CONFIGS[0]
    assert made.bindings["functions"] == ["step_agent"]


@pytest.mark.parametrize("config", CONFIGS)
def test_agents_of_equal_shape_share_a_machine(config: dict[str, Any]) -> None:
    assert compiled(agent("ask", config={"agent_config": config})).definition == compiled(agent("ask")).definition


def test_what_passes_by_itself_is_retried_and_nothing_else() -> None:
    _, transient = states(compiled(agent("ask")))["ask"]["Retry"]
    assert transient["ErrorEquals"] == list(TRANSIENT_ERRORS)
    assert transient["MaxAttempts"] == 2


def test_a_step_that_says_how_to_retry_is_retried_so_but_not_on_final_errors() -> None:
    _, final, own = states(compiled(agent("ask", max_retries=5)))["ask"]["Retry"]
    assert final == {"ErrorEquals": [*FINAL_ERRORS, "States.DataLimitExceeded"], "MaxAttempts": 0}
    assert (own["ErrorEquals"], own["MaxAttempts"]) == (["States.ALL"], 5)


def test_the_plan_reckons_with_these_retries() -> None:
    plan = compiled(agent("ask")).plan
    assert (plan["transitions_min"], plan["transitions_max"]) == (1, 3)


def test_the_function_is_told_its_time() -> None:
    made = compiled(agent("ask"), agent("fast", timeout_seconds=20))
    assert made.bindings["timeouts"] == {"ask": TIMEOUT_SECONDS, "fast": 20}
    payload = states(made)["fast"]["Arguments"]["Payload"]
    assert '"timeout_seconds":$states.context.Execution.Input.timeouts.fast' in payload


def test_a_query_may_refer_to_other_steps_and_waits_for_them() -> None:
    made = compiled(data("facts", "bees"), agent("ask", config={"query": "About {{ facts.data }}: {name}"}))
    assert list(made.machine["States"]) == ["facts", "ask"]
    assert made.bindings["literals"]["ask"] == {"p0": ["About ", ": {name}"]}


def test_a_prompt_is_pure_unless_it_is_a_stored_one() -> None:
    own = {"step_id": "p", "step_type": "prompt", "config": {"query_template": "About {{ input.topic }}"}}
    stored = {"step_id": "p", "step_type": "prompt", "config": {"prompt_id": "about"}}
    assert states(compiled(own, agent("ask", "p")))["p"]["Type"] == "Pass"
    assert states(compiled(stored, agent("ask", "p")))["p"]["Type"] == "Task"


def test_the_function_is_told_which_entries_are_prompts() -> None:
    prompt = {"step_id": "p", "step_type": "prompt", "config": {"query_template": "Hi"}}
    by_default = states(compiled(prompt, data("d", 1), agent("ask", "p", "d")))["ask"]["Arguments"]["Payload"]
    assert '"inputs_of_type":["p"]' in by_default
    mapping = {"one": "p", "part": "p.query_template", "text": {"template": "{{ p }}"}, "other": "d"}
    mapped = states(compiled(prompt, data("d", 1), agent("ask", input_mapping=mapping)))["ask"]["Arguments"]["Payload"]
    assert '"inputs_of_type":["one"]' in mapped
    assert "inputs_of_type" not in states(compiled(agent("ask")))["ask"]["Arguments"]["Payload"]


def test_a_prompt_of_unknown_size_is_not_fused_with_others() -> None:
    prompt = {"step_id": "p", "step_type": "prompt", "config": {"query_template": "{{ input.a }} {{ input.b }}"}}
    made = compiled(prompt, {"step_id": "m", "step_type": "merge", "dependencies": ["p"]}, agent("ask", "m", "p"))
    assert {"p", "m"} <= states(made).keys()


def warnings(*steps: dict[str, Any], **workflow: Any) -> list[tuple[str, str]]:
    made = compiled(*steps, **workflow)
    return [(found["code"], found["pointer"]) for found in made.plan["warnings"]]


def test_a_plan_says_when_a_list_of_any_length_pays_for_agents() -> None:
    [found] = compiled(agent("ask", for_each="input.rows")).plan["warnings"]
    assert (found["code"], found["pointer"]) == ("WFE-W512", "/steps/0/for_each")
    assert "Nothing bounds the list of 'ask'" in found["detail"]
    assert "Give max_items" in found["detail"]


def test_agents_anywhere_inside_a_map_are_paid_by_each_element() -> None:
    case = {"when": "item.x", "steps": [agent("ask")]}
    switch = container("choose", "switch", config={"cases": [case]})
    config = {"items": "input.rows", "steps": [switch]}
    assert warnings(container("m", "map", config=config)) == [("WFE-W512", "/steps/0/config/items")]


@pytest.mark.parametrize(
    "steps",
    [
        [agent("ask")],
        [agent("ask", for_each="input.rows", max_items=10)],
        [agent("ask", for_each="variables.rows")],
        [agent("ask", for_each="input.rows", config={"model": "m", "query": "?", "mode": "simulation"})],
        [data("rows", 1, for_each="input.rows")],
        [container("m", "map", config={"items": "input.rows", "max_items": 10, "steps": [agent("ask")]})],
    ],
)
def test_a_bounded_list_and_one_that_costs_nothing_need_no_warning(steps: list[dict[str, Any]]) -> None:
    found = warnings(*steps, variables={"rows": [1, 2]})
    assert [code for code, _ in found if code == "WFE-W512"] == []


def prompt(step_id: str, **config: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "prompt", "config": {"system_prompt": "Be brief.", **config}}


def problems(*steps: dict[str, Any]) -> list[tuple[str, str]]:
    """What the compiler refuses these steps for."""
    try:
        compiled(*steps)
    except InvalidWorkflowError as error:
        return [(d.code, d.detail) for d in error.diagnostics if d.severity == "error"]
    return []


@pytest.mark.parametrize("variables", [{}, [{"name": "x", "default_value": 1}]])
def test_an_agent_that_is_given_nothing_but_a_prompt_without_a_query_is_refused(variables: Any) -> None:
    silent = prompt("p", variables=variables)
    refused = [("WFE-E402", f"{NOTHING_TO_ASK} {ASKS_NOTHING}")]
    ask = {"step_id": "ask", "step_type": "agent"}
    assert problems(silent, {**ask, "dependencies": ["p"]}) == refused
    assert problems(silent, {**ask, "input_mapping": {"given": "p"}}) == refused


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (prompt("p", query_template="Hi"), {"dependencies": ["p"]}),
        ({"step_id": "p", "step_type": "prompt", "config": {"prompt_id": "stored"}}, {"dependencies": ["p"]}),
        (prompt("p"), {"dependencies": ["p"], "config": {"query": "Hi"}}),
        (prompt("p"), {"input_mapping": {"p": "p", "more": "input.more"}}),
        (prompt("p"), {"input_mapping": {"text": "p.system_prompt"}}),
    ],
)
def test_an_agent_that_may_be_asked_something_beside_its_prompt_is_taken(
    given: dict[str, Any], fields: dict[str, Any]
) -> None:
    assert problems(given, {"step_id": "ask", "step_type": "agent", **fields}) == []
