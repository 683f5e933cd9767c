"""Names under which clients of the original system give the fields of agents and prompts, and what each of them means.

A field may stand under one of its names only; the schemas say so. `settled` gives the fields under their own names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.agents.vendors import PROVIDER_TYPES, VENDORS
from workflow_engine.schema_parts import Schema, object_schema, property_schema

MODEL_ALIASES: Final[Mapping[str, str]] = {"model_name": "model", "provider": "provider_type"}
AGENT_ALIASES: Final[Mapping[str, str]] = {**MODEL_ALIASES, "name": "agent_name"}
PROMPT_ALIASES: Final[Mapping[str, str]] = {
    **MODEL_ALIASES,
    "ai_model_name": "model",
    "ai_model_provider": "provider_type",
    "prompt_label": "name",
    "prompt": "query_template",
    "unique_label": "prompt_id",
}
GROUPS: Final = ("provider_config", "hyper_parameters")
"""Objects that hold fields of the model; what stands beside them comes first."""


def settled(fields: Mapping[str, Any], aliases: Mapping[str, str] = MODEL_ALIASES) -> dict[str, Any]:
    """The fields under their own names, those of groups among them; `openai` as a provider is `openai_textgen`."""
    found: dict[str, Any] = {}
    for group in GROUPS:
        if isinstance(inner := fields.get(group), Mapping):
            found |= settled(inner)
    found |= {aliases.get(name, name): value for name, value in fields.items() if name not in GROUPS}
    if found.get("provider_type") in VENDORS:
        found["provider_type"] = f"{found['provider_type']}_textgen"
    return found


def one_name_each(aliases: Mapping[str, str]) -> list[Schema]:
    """For `allOf`: no field stands under two of its names."""
    names: dict[str, list[str]] = {}
    for alias, own in aliases.items():
        names.setdefault(own, [own]).append(alias)
    return [
        {
            "not": {
                "required": [first, second],
                "description": f"'{first}' and '{second}' are the same: give one of them",
            }
        }
        for same in names.values()
        for position, first in enumerate(same)
        for second in same[position + 1 :]
    ]


def alias_schemas(own: Mapping[str, Schema], aliases: Mapping[str, str]) -> dict[str, Schema]:
    """The schemas of the aliases of fields: those of the fields themselves, `provider` with the vendors' names beside."""
    return {
        alias: {
            **own[name],
            "description": f"The same as `{name}`. {own[name]['description']}",
            **({"enum": [*VENDORS, *PROVIDER_TYPES]} if name == "provider_type" else {}),
        }
        for alias, name in aliases.items()
        if name in own
    }


def group_schema(title: str, own: Mapping[str, Schema]) -> Schema:
    """The schema of an object that holds fields of the model."""
    return property_schema(
        title,
        "Fields of the model; what stands beside this object comes first.",
        examples=[{"temperature": 0.2}],
        **object_schema({**own, **alias_schemas(own, MODEL_ALIASES)}, allOf=one_name_each(MODEL_ALIASES)),
    )


def _absent(title: str, advice: str, kind: str) -> Schema:
    """Of a field that asks for what is not there: it may say no."""
    refused: Schema = {"const": True} if kind == "boolean" else {"minItems": 1}
    return property_schema(
        title, f"Known and not there: {advice}.", type=kind, **{"not": {**refused, "description": advice}}
    )


NOT_THERE: Final[Mapping[str, Schema]] = {
    "interactive": _absent(
        "Interactive", "an agent cannot stop and ask a person in this version; leave 'interactive' out", "boolean"
    ),
    "multi_turn": _absent(
        "Multi turn",
        "nothing is remembered between runs in this version; hand in 'conversation_history' and leave 'multi_turn' out",
        "boolean",
    ),
    "stream": _absent(
        "Stream", "answers are not streamed in this version; leave 'stream' out and follow the run's events", "boolean"
    ),
    "connected_agents": _absent(
        "Connected agents", "name the agents that this one may call in 'tools', as agent:ID", "array"
    ),
    "functions": _absent(
        "Functions", "register each function as a step type and name it in 'tools', as step:TYPE", "array"
    ),
}
"""Fields of the original's agents that ask for what this version does not have."""
