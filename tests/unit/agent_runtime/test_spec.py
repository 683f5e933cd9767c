"""Which agent a step means."""

from __future__ import annotations

from typing import Any

import pytest

from agent_runtime.meter import Meter
from agent_runtime.spec import Limits, agent_spec, merged
from llm_gateway.request import ResponseFormat, Target
from llm_gateway.response import Usage
from workflow_engine.errors import InvalidStepInput

GEMINI = {"provider_type": "gemini_textgen", "model": "gemini-2.5-flash", "temperature": 0.5}


@pytest.mark.parametrize(
    ("agent", "override", "target"),
    [
        (GEMINI, {}, Target("gemini_textgen", "gemini-2.5-flash")),
        (GEMINI, {"model": "gemini-2.5-pro"}, Target("gemini_textgen", "gemini-2.5-pro")),
        (GEMINI, {"model": "gpt-4o-mini"}, Target("openai_textgen", "gpt-4o-mini")),
        (GEMINI, {"provider_type": "openai_textgen"}, Target("openai_textgen", None)),
        (GEMINI, {"provider_type": "on-prem_textgen", "model": "llama3"}, Target("on-prem_textgen", "llama3")),
        (GEMINI, {"model": None, "temperature": None}, Target("gemini_textgen", "gemini-2.5-flash")),
        ({"model": "anthropic.claude-instant-v1"}, {}, Target("bedrock_textgen", "anthropic.claude-instant-v1")),
    ],
)
def test_a_provider_and_its_model_belong_together(
    agent: dict[str, Any], override: dict[str, Any], target: Target
) -> None:
    assert agent_spec(merged(agent, [override])).targets[0] == target


def test_the_last_override_wins_and_nulls_change_nothing() -> None:
    fields = merged(GEMINI, [{"temperature": 0.1, "max_tokens": 5}, {"temperature": 0, "max_tokens": None}])
    assert (fields["temperature"], fields["max_tokens"]) == (0, 5)


def test_the_chain_follows_the_first_provider() -> None:
    spec = agent_spec({**GEMINI, "providers": ["openai_textgen", {"model": "amazon.nova-lite-v1:0"}]})
    assert spec.targets == (
        Target("gemini_textgen", "gemini-2.5-flash"),
        Target("openai_textgen"),
        Target("bedrock_textgen", "amazon.nova-lite-v1:0"),
    )


@pytest.mark.parametrize("fields", [{}, {"system_prompt": "x"}, {"mode": "simulation"}])
def test_whom_to_ask_is_left_to_the_gateway_where_an_agent_names_nobody(fields: dict[str, Any]) -> None:
    assert agent_spec(fields).targets == ()


def test_a_model_whose_name_tells_no_vendor_needs_a_provider() -> None:
    with pytest.raises(InvalidStepInput, match="Give a provider_type, too"):
        agent_spec({"model": "llama3"})


def test_a_response_schema_means_json() -> None:
    schema = {"type": "object"}
    assert agent_spec({**GEMINI, "response_schema": schema}).response_format == ResponseFormat(schema)
    assert agent_spec({**GEMINI, "response_format": "json"}).response_format == ResponseFormat(None)
    assert agent_spec({**GEMINI, "response_format": "text"}).response_format is None


def test_no_tool_rounds_are_not_the_default_number() -> None:
    assert agent_spec({**GEMINI, "max_tool_iterations": 0}).max_tool_iterations == 0
    assert agent_spec(GEMINI).max_tool_iterations == 10


def test_a_child_spends_what_its_parent_has_and_no_more() -> None:
    parent = Meter(Limits(total_tokens=100, cost_usd=1.0))
    child = parent.child(Limits(total_tokens=1000))
    assert (child.tokens_left(), child.dollars_left()) == (100, 1.0)
    child.add(Usage(30, 10, 1, 0.25))
    assert (parent.tokens_left(), parent.dollars_left()) == (60, 0.75)
    assert parent.used.llm_calls == 1


def test_without_limits_nothing_is_counted_down() -> None:
    meter = Meter(Limits())
    meter.add(Usage(30, 10, 1, None))
    assert (meter.tokens_left(), meter.dollars_left()) == (None, None)


def test_what_has_no_known_price_may_have_cost_everything() -> None:
    meter = Meter(Limits(cost_usd=1.0))
    meter.add(Usage(1, 1, 1, None))
    assert meter.dollars_left() == 0
