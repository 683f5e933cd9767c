"""Which agent a step means: the stored one or its own, with what prompts and the step override."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agent_runtime.texts import FillableText
from llm_gateway.request import ResponseFormat, Target
from workflow_engine.agents.aliases import AGENT_ALIASES, settled
from workflow_engine.agents.defaults import TOOL_ITERATIONS
from workflow_engine.agents.vendors import vendor_of_model
from workflow_engine.errors import InvalidStepInput

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """What an agent may use; None is no limit."""

    total_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An agent, ready to be asked. `agent_id` and `agent_version` are None for one that is not stored."""

    agent_id: str | None
    agent_version: int | None
    agent_name: str | None
    system_prompt: FillableText | None
    targets: tuple[Target, ...]
    tools: tuple[str | Document, ...]
    temperature: float | None
    top_p: float | None
    max_tokens: int | None
    stop: tuple[str, ...]
    max_tool_iterations: int
    limits: Limits
    response_format: ResponseFormat | None
    mode: Literal["auto", "live", "simulation"]
    fallback_to_simulation: bool
    include_context: bool


def merged(agent: Document, overrides: Iterable[Document]) -> dict[str, Any]:
    """The agent's fields, each replaced by that of the last override that has it.

    A provider and its model belong together: a model that is named alone takes the provider that its name tells, and a
    provider that is named alone does not keep the model of another. Fields may stand under the names of the original.
    """
    fields = settled(agent, AGENT_ALIASES)
    for override in overrides:
        given = {name: value for name, value in settled(override).items() if value is not None}
        if "model" in given and "provider_type" not in given and (vendor := vendor_of_model(given["model"])):
            if not str(fields.get("provider_type", "")).startswith(vendor):
                fields.pop("provider_type", None)
        elif "provider_type" in given and "model" not in given:
            fields.pop("model", None)
        fields |= given
    return fields


def agent_spec(fields: Document, *, agent_id: str | None = None, agent_version: int | None = None) -> AgentSpec:
    """The agent that these fields (of `workflow_engine.agents.schema`) describe. Raises InvalidStepInput."""
    budget = fields.get("budget") or {}
    schema = fields.get("response_schema")
    wants_json = schema is not None or fields.get("response_format") == "json"
    iterations = fields.get("max_tool_iterations")
    return AgentSpec(
        agent_id=agent_id,
        agent_version=agent_version,
        agent_name=fields.get("agent_name"),
        system_prompt=_system_prompt(fields.get("system_prompt")),
        targets=_targets(fields),
        tools=tuple(fields.get("tools") or ()),
        temperature=fields.get("temperature"),
        top_p=fields.get("top_p"),
        max_tokens=fields.get("max_tokens"),
        stop=tuple(fields.get("stop") or ()),
        max_tool_iterations=TOOL_ITERATIONS if iterations is None else iterations,
        limits=Limits(budget.get("max_total_tokens"), budget.get("max_cost_usd")),
        response_format=ResponseFormat(schema) if wants_json else None,
        mode=fields.get("mode") or "auto",
        fallback_to_simulation=bool(fields.get("fallback_to_simulation")),
        include_context=fields.get("include_context", True) is not False,
    )


def _system_prompt(value: str | FillableText | None) -> FillableText | None:
    """A text is the definition's; one of a step or a prompt has been told apart already."""
    return FillableText.of_definition(value) if isinstance(value, str) else value


def _targets(fields: Document) -> tuple[Target, ...]:
    """Whom the agent names; with nobody the gateway asks its default."""
    named = [{"provider_type": fields.get("provider_type"), "model": fields.get("model")}]
    named += [
        dict(entry) if isinstance(entry, Mapping) else {"provider_type": entry}
        for entry in fields.get("providers") or ()
    ]
    return tuple(_target(entry) for entry in named if entry.get("provider_type") or entry.get("model"))


def _target(entry: Document) -> Target:
    provider_type, model = entry.get("provider_type"), entry.get("model")
    if provider_type:
        return Target(provider_type, model)
    vendor = vendor_of_model(str(model))
    if vendor is None:
        raise InvalidStepInput(f"The name of model '{model}' does not tell who runs it. Give a provider_type, too.")
    return Target(f"{vendor}_textgen", model)
