"""What an agent is: the fields of a stored agent, of an inline `agent_config`, and of an agent step that overrides them.

One schema for all three, so that they cannot differ; the API's documentation shows it too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from workflow_engine.agents.aliases import (
    AGENT_ALIASES,
    MODEL_ALIASES,
    NOT_THERE,
    PROMPT_ALIASES,
    alias_schemas,
    group_schema,
    one_name_each,
)
from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_NAMES
from workflow_engine.agents.defaults import TOOL_ITERATIONS
from workflow_engine.agents.names import ID_PATTERN, ID_RULE, VARIABLE_PATTERN
from workflow_engine.agents.tool_references import KINDS
from workflow_engine.agents.vendors import PROVIDER_TYPES
from workflow_engine.schema_parts import Schema, object_schema, property_schema

MAX_TOOLS: Final = 64
MAX_ITERATIONS: Final = 50

_PROVIDER: Final = property_schema(
    "Provider", "Who runs the model; told by the model's name when left out.", enum=list(PROVIDER_TYPES)
)
_MODEL: Final = property_schema(
    "Model",
    "The model, as the provider names it. Without one, the provider's own.",
    type="string",
    minLength=1,
    maxLength=256,
    examples=["gpt-4o"],
)
_TOOL_OBJECT: Final = object_schema(
    {
        "type": property_schema(
            "Type",
            "builtin: a tool of the service. step: a registered step type. agent: another agent. mcp: an MCP server.",
            enum=list(KINDS),
        ),
        "name": property_schema(
            "Name",
            "The tool, step type, agent id or MCP server.",
            type="string",
            minLength=1,
            maxLength=128,
            examples=["calculator"],
        ),
        "description": property_schema(
            "Description",
            "What the model is told that the tool is for.",
            type="string",
            maxLength=2000,
            examples=["Scores a customer."],
        ),
        "parameters": property_schema(
            "Parameters",
            "step: JSON Schema of the arguments, in place of the step type's config_schema.",
            type="object",
            examples=[{"type": "object", "properties": {"customer": {"type": "string"}}}],
        ),
        "config": property_schema(
            "Config", "step: configuration that the model may not change.", type="object", examples=[{"limit": 10}]
        ),
        "allow": property_schema(
            "Allow",
            "mcp: the tools that may be called. Without it, all.",
            type="array",
            items={"type": "string"},
            examples=[["search"]],
        ),
    },
    required=["type", "name"],
)
TOOLS: Final = property_schema(
    "Tools",
    f"What the agent may call: {', '.join(BUILTIN_TOOL_NAMES)}; step:TYPE (or the bare type) for a "
    "registered step; agent:ID; mcp:SERVER or mcp:SERVER/TOOL; or an object.",
    type="array",
    maxItems=MAX_TOOLS,
    items={
        "anyOf": [{"type": "string", "minLength": 1, "maxLength": 200}, _TOOL_OBJECT],
        "description": "a name such as calculator or step:TYPE, or an object with type and name",
    },
    examples=[["calculator", "step:score"]],
)

GENERATION_FIELDS: Final[Mapping[str, Schema]] = {
    "provider_type": _PROVIDER,
    "model": _MODEL,
    "temperature": property_schema(
        "Temperature",
        "How freely the model chooses its words: 0 is the most predictable.",
        type="number",
        minimum=0,
        maximum=2,
        examples=[0.2],
    ),
    "top_p": property_schema(
        "Top p",
        "Nucleus sampling: the share of likely words that are considered.",
        type="number",
        minimum=0,
        maximum=1,
        examples=[0.9],
    ),
    "max_tokens": property_schema(
        "Max tokens",
        "How many tokens the answer of one call may have.",
        type="integer",
        minimum=1,
        maximum=1_000_000,
        examples=[1000],
    ),
}
"""What a prompt may say about the model, too."""

GENERATION_ALIASES: Final[Mapping[str, Schema]] = {
    **alias_schemas(GENERATION_FIELDS, MODEL_ALIASES),
    "hyper_parameters": group_schema("Hyper-parameters", GENERATION_FIELDS),
    "provider_config": group_schema("Provider configuration", GENERATION_FIELDS),
}
"""The same under the names that clients of the original use."""

BEHAVIOUR_FIELDS: Final[Mapping[str, Schema]] = {
    **GENERATION_FIELDS,
    **GENERATION_ALIASES,
    **NOT_THERE,
    "system_prompt_id": property_schema(
        "System prompt",
        f"A stored prompt whose system_prompt, else query_template, is used where no system_prompt is given: {ID_RULE}",
        type="string",
        pattern=ID_PATTERN,
        examples=["house-style"],
    ),
    "stop": property_schema(
        "Stop",
        "Texts that end an answer.",
        type="array",
        maxItems=4,
        items={"type": "string", "minLength": 1},
        examples=[["END"]],
    ),
    "system_prompt": property_schema(
        "System prompt", "What the agent is told to be.", type="string", examples=["You are a careful accountant."]
    ),
    "providers": property_schema(
        "Providers",
        "Who is asked next when the one before cannot answer, in this order.",
        type="array",
        maxItems=8,
        items={
            "anyOf": [
                {"enum": list(PROVIDER_TYPES)},
                object_schema({"provider_type": _PROVIDER, "model": _MODEL}, minProperties=1),
            ],
            "description": f"one of {', '.join(PROVIDER_TYPES)}, or an object with provider_type and model",
        },
        examples=[[{"provider_type": "bedrock_textgen"}]],
    ),
    "tools": TOOLS,
    "max_tool_iterations": property_schema(
        "Tool iterations",
        "How often the model may ask for tools before it must answer.",
        default=TOOL_ITERATIONS,
        type="integer",
        minimum=0,
        maximum=MAX_ITERATIONS,
    ),
    "budget": property_schema(
        "Budget",
        "What a run of the agent may use, tools that are agents included. Reaching it ends the run with what there is.",
        examples=[{"max_cost_usd": 0.5}],
        **object_schema(
            {
                "max_total_tokens": property_schema(
                    "Tokens", "How many tokens in all, in and out.", type="integer", minimum=1, examples=[50000]
                ),
                "max_cost_usd": property_schema(
                    "Cost", "What it may cost, in US dollars.", type="number", exclusiveMinimum=0, examples=[0.5]
                ),
            },
            minProperties=1,
        ),
    ),
    "response_format": property_schema(
        "Response format", "json: the response is a JSON value, not text.", enum=["text", "json"], default="text"
    ),
    "response_schema": property_schema(
        "Response schema",
        "JSON Schema that the response fits; implies response_format json.",
        type="object",
        examples=[{"type": "object", "properties": {"score": {"type": "number"}}}],
    ),
    "mode": property_schema(
        "Mode",
        "auto: simulated where the provider is not configured. live: then an error. simulation: always simulated.",
        enum=["auto", "live", "simulation"],
        default="auto",
    ),
    "fallback_to_simulation": property_schema(
        "Fall back to simulation",
        "Simulate when every provider failed, instead of failing the step.",
        type="boolean",
        default=False,
    ),
    "include_context": property_schema(
        "Include context",
        "Whether the step's input is shown to the model beside the query.",
        type="boolean",
        default=True,
    ),
}

_AGENT_NAME: Final = property_schema(
    "Name", "What the agent is called.", type="string", minLength=1, maxLength=128, examples=["Accountant"]
)
AGENT_FIELDS: Final[Mapping[str, Schema]] = {
    "agent_name": _AGENT_NAME,
    **alias_schemas({"agent_name": _AGENT_NAME}, AGENT_ALIASES),
    "description": property_schema(
        "Description",
        "What it is for; other agents are told this.",
        type="string",
        maxLength=2000,
        examples=["Checks invoices."],
    ),
    **BEHAVIOUR_FIELDS,
    "tags": property_schema(
        "Tags", "Kept, not interpreted.", type="array", items={"type": "string"}, examples=[["finance"]]
    ),
    "metadata": property_schema("Metadata", "Kept, not interpreted.", examples=[{"team": "finance"}]),
}

AGENT_CONFIG: Final = object_schema(AGENT_FIELDS, allOf=one_name_each(AGENT_ALIASES))
"""An agent as it stands in `agent_config`."""

AGENT_DOCUMENT: Final = object_schema(
    {
        "agent_id": property_schema(
            "Id", f"Made by the service when left out; else {ID_RULE}", type="string", pattern=ID_PATTERN
        ),
        **AGENT_FIELDS,
    },
    allOf=one_name_each(AGENT_ALIASES),
    anyOf=[{"required": ["agent_name"]}, {"required": ["name"]}],
)
"""An agent as `POST /agents` takes it."""

_VARIABLE: Final = object_schema(
    {
        "name": property_schema("Name", "As it stands in braces.", type="string", pattern=VARIABLE_PATTERN),
        "description": property_schema("Description", "What it means.", type="string", maxLength=2000),
        "required": property_schema("Required", "Refuse to render without it. Default: false.", type="boolean"),
        "default": property_schema("Default", "The value when none is given."),
    },
    required=["name"],
)

_PROMPT_TEXTS: Final[Mapping[str, Schema]] = {
    "prompt_id": property_schema(
        "Id", f"Made by the service when left out; else {ID_RULE}", type="string", pattern=ID_PATTERN
    ),
    "name": property_schema("Name", "What the prompt is called.", type="string", minLength=1, maxLength=128),
    "query_template": property_schema("Query template", "Text with {variables} or {{ variables }}.", type="string"),
}

PROMPT_DOCUMENT: Final = object_schema(
    {
        **_PROMPT_TEXTS,
        **alias_schemas({**_PROMPT_TEXTS, **GENERATION_FIELDS}, PROMPT_ALIASES),
        "description": property_schema("Description", "What it is for.", type="string", maxLength=2000),
        "system_prompt": property_schema("System prompt", "Text with {variables}.", type="string"),
        "variables": property_schema(
            "Variables", "The variables of both texts.", type="array", maxItems=100, items=_VARIABLE
        ),
        **GENERATION_FIELDS,
        **{name: group for name, group in GENERATION_ALIASES.items() if name not in PROMPT_ALIASES},
        "tags": property_schema("Tags", "Kept, not interpreted.", type="array", items={"type": "string"}),
        "metadata": property_schema("Metadata", "Kept, not interpreted."),
    },
    anyOf=[{"required": ["name"]}, {"required": ["prompt_label"]}],
    allOf=[
        {"anyOf": [{"required": [name]} for name in ("query_template", "system_prompt", "prompt")]},
        *one_name_each(PROMPT_ALIASES),
    ],
)
"""A prompt as `POST /prompts` takes it."""
