"""Steps of agents on ports that tests fill: what is asked of the stores, and what called functions are told."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from agent_runtime.dispatch import output_of
from agent_runtime.services import FunctionFailedError, Gateways, Services, StepCall
from llm_gateway.errors import LlmInvalidRequestError
from llm_gateway.gateway import Gateway
from llm_gateway.secrets import SecretSource
from workflow_engine.errors import InvalidStepInput, NotFoundError, StepReportedFailure
from workflow_engine.outbound import AddressPolicy

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:ocr"
OCR = {"step_type": "ocr", "function_arn": ARN, "config_schema": {"type": "object", "required": ["page"]}}


@dataclass(frozen=True)
class Stored:
    version: int
    document: Mapping[str, Any]


def nothing(_tenant: str, name: str, version: int | None = None) -> Any:
    raise NotFoundError(f"There is no '{name}'.")


def world(**ports: Any) -> Services:
    """A world without definitions, records, secrets and functions but those given, whose models are simulated."""
    empty = Services(
        agent=nothing,
        prompt=nothing,
        step=lambda *_: None,
        mcp_server=lambda *_: None,
        gateway=lambda _: Gateway({}),
        secret=lambda *_: None,
        policy=AddressPolicy(),
        invoke=lambda *_: pytest.fail("invoked"),
    )
    return replace(empty, **ports)


def test_a_step_that_a_tool_step_calls_is_told_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = importlib.import_module("functions.step_agent.handler")
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def invoke(arn: str, event: Mapping[str, Any]) -> Any:
        asked.append((arn, event))
        return {"text": "read"}

    services = world(invoke=invoke, step=lambda tenant, name: OCR if (tenant, name) == ("t", "ocr") else None)
    monkeypatch.setattr(handler, "services", lambda: services)
    user = {"user_id": "u", "principal": "p", "session_id": "s", "tenant_id": "t"}
    run = {"execution_id": "e-1", "workflow_id": "w-1", "workflow_version": 3, "step_id": "read", "attempt": 2}
    config = {"tool_name": "step:ocr", "static_params": {"page": 1}}

    output = handler.handler(
        {
            "step_config": {"step_id": "read", "step_type": "tool_execution", "config": config},
            "input_data": {"language": "de"},
            "execution_context": {**run, "index": 4, "timeout_seconds": 60, "user_context": user},
        }
    )

    arguments = {"page": 1, "language": "de"}
    assert output["result"] == {"text": "read"}
    assert asked == [
        (
            ARN,
            {
                "step_config": {"step_id": "read", "step_type": "ocr", "config": arguments},
                "input_data": arguments,
                "execution_context": {**run, "user_context": user},
            },
        )
    ]


def test_a_function_that_fails_as_a_tool_fails_the_tool_step_with_its_words() -> None:
    def invoke(*_: Any) -> Any:
        raise FunctionFailedError("ValueError: no such page")

    services = world(invoke=invoke, step=lambda *_: OCR)
    call = StepCall("tool")
    with pytest.raises(StepReportedFailure, match="ValueError: no such page"):
        output_of(services, {"tool_name": "step:ocr"}, {"page": 9}, call)
    with pytest.raises(StepReportedFailure, match="Wrong arguments for 'ocr'"):
        output_of(services, {"tool_name": "step:ocr"}, {}, call)


@pytest.mark.parametrize(
    ("tool", "ports", "told"),
    [
        ("step:ocr", {}, "nor a registered step type"),
        ("step:ocr", {"step": lambda *_: {**OCR, "execution_type": "http"}}, "execution_type 'http'"),
        ("agent:boss", {}, "no agent 'boss'"),
        ("mcp:crm/find", {}, "no MCP server 'crm'"),
        (
            "mcp:crm/find",
            {"mcp_server": lambda *_: {"url": "https://crm.example", "bearer_secret": "MCP_TOKEN"}},
            "needs the secret MCP_TOKEN",
        ),
    ],
)
def test_a_tool_that_cannot_be_had_is_told(tool: str, ports: dict[str, Callable[..., Any]], told: str) -> None:
    with pytest.raises(InvalidStepInput, match=told):
        output_of(world(**ports), {"tool_name": tool}, {}, StepCall("tool", "t"))


def test_an_agent_that_is_called_as_a_tool_is_the_tenants_newest() -> None:
    asked = []

    def agent(*wanted: Any) -> Stored:
        asked.append(wanted)
        return Stored(2, {"agent_name": "Boss", "mode": "simulation"})

    output = output_of(world(agent=agent), {"tool_name": "agent:boss"}, {"query": "Why?"}, StepCall("tool", "t"))
    assert output["result"]
    assert set(asked) == {("t", "boss", None)}


@pytest.mark.parametrize(
    ("config", "version"), [({"agent_id": "boss"}, None), ({"agent_id": "boss", "agent_version": 3}, 3)]
)
def test_an_agent_step_asks_for_the_version_that_it_names(config: dict[str, Any], version: int | None) -> None:
    asked = []

    def agent(*wanted: Any) -> Stored:
        asked.append(wanted)
        return Stored(wanted[2] or 7, {"agent_name": "Boss", "mode": "simulation"})

    output = output_of(world(agent=agent), {**config, "query": "Why?"}, {}, StepCall("agent", "t"))
    assert asked == [("t", "boss", version)]
    assert (output["agent_version"], output["agent_name"], output["mode"]) == (version or 7, "Boss", "simulation")
    with pytest.raises(InvalidStepInput, match="no 'boss'"):
        output_of(world(), {**config, "query": "Why?"}, {}, StepCall("agent", "t"))


def test_a_stored_prompt_is_filled_with_its_defaults_and_the_steps_input() -> None:
    document = {
        "query_template": "{{ a }} {b}",
        "variables": [{"name": "a", "default": 1}, {"name": "b", "required": True}],
    }
    services = world(prompt=lambda *_: Stored(4, document))
    output = output_of(services, {"prompt_id": "p"}, {"b": "x"}, StepCall("prompt", "t"))
    assert (output["query_template"], output["prompt_version"]) == ("1 x", 4)
    with pytest.raises(InvalidStepInput, match="needs a value for b"):
        output_of(services, {"prompt_id": "p"}, {}, StepCall("prompt", "t"))
    with pytest.raises(InvalidStepInput, match="no 'p'"):
        output_of(world(), {"prompt_id": "p"}, {}, StepCall("prompt", "t"))


def test_a_gateway_is_kept_for_its_tenant_until_the_keys_change() -> None:
    keys, now = {"p/acme": '{"OPENAI_API_KEY": "1"}'}, [0.0]
    source = SecretSource({"LLM_TENANT_SECRET_PREFIX": "p/"}, get_secret=keys.get, clock=lambda: now[0])
    gateways = Gateways(source)
    first = gateways.of_tenant("acme")
    now[0] = 1000.0
    assert gateways.of_tenant("acme") is first
    assert gateways.of_tenant("other") is not first
    keys["p/acme"], now[0] = '{"OPENAI_API_KEY": "2"}', 2000.0
    assert gateways.of_tenant("acme") is not first


def test_a_tenants_configuration_that_means_nothing_is_an_error_of_the_models() -> None:
    source = SecretSource({"LLM_PRICES": "[]"}, get_secret=lambda _: None)
    with pytest.raises(LlmInvalidRequestError, match="LLM_PRICES"):
        Gateways(source).of_tenant("acme")
