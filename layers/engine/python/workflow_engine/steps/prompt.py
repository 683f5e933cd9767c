"""`prompt`: what an agent is to be asked, for agent steps that depend on it.

With texts of its own it is pure: `{{ references }}` are rendered, `{name}` is left for the agent, which knows its input.
A stored prompt (`prompt_id`) is read when the step runs, so that is a Task on `step_agent`, and so is a list of variables.
Both give the same output; an agent step knows it by `kind` and asks that instead of its own query.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from workflow_engine.agents.aliases import MODEL_ALIASES, one_name_each
from workflow_engine.agents.names import ID_PATTERN, ID_RULE, VARIABLE_PATTERN
from workflow_engine.agents.schema import GENERATION_ALIASES, GENERATION_FIELDS
from workflow_engine.compiler.catalogue import Lowering, PureContext, PureLowering
from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal, object_fragment
from workflow_engine.schema_parts import object_schema, output_schema, property_schema
from workflow_engine.steps.agent import agent_task
from workflow_engine.steps.step_type import StepType

KIND: Final = "prompt"
_TEXTS: Final = ("system_prompt", "query_template")
ASKS_NOTHING: Final = "A prompt without a 'query_template' asks nothing by itself."


def _build(context: PureContext) -> Fragment:
    texts = {name: context.templates.get(name, json_literal(None)) for name in _TEXTS}
    fields = (*GENERATION_FIELDS, *GENERATION_ALIASES)
    model = {name: context.config(name) for name in fields if name in context.static_config}
    variables = context.config("variables") if "variables" in context.static_config else json_literal({})
    return object_fragment(
        {
            "kind": json_literal(KIND),
            "prompt_id": json_literal(None),
            "prompt_version": json_literal(None),
            **texts,
            "pieces": object_fragment(dict(context.template_pieces)),
            "variables": variables,
            "input": context.input_data,
            "overrides": object_fragment(model),
        }
    )


def _lower(config: Mapping[str, Any]) -> Lowering:
    is_read = "prompt_id" in config or isinstance(config.get("variables"), list)
    no_input = None if "prompt_id" in config or config.get("query_template") else ASKS_NOTHING
    return agent_task(no_input=no_input) if is_read else PureLowering(_build, no_input=no_input)


_VARIABLE: Final = object_schema(
    {
        "name": property_schema(
            "Name", "As it stands in braces.", type="string", pattern=VARIABLE_PATTERN, examples=["tone"]
        ),
        "source": property_schema(
            "Source",
            "The entry of the step's input that it is; a.b goes into an object. Without it, the entry of its name.",
            examples=["customer.name"],
            type="string",
            minLength=1,
        ),
        "default_value": property_schema("Default", "The value where the input has none.", examples=["friendly"]),
    },
    required=["name"],
)
VARIABLES: Final = property_schema(
    "Variables",
    "Values for {name} in both texts: an object of them, or a list of {name, source, default_value}.",
    examples=[{"tone": "friendly"}],
    anyOf=[{"type": "object"}, {"type": "array", "maxItems": 100, "items": _VARIABLE}],
)

PROMPT: Final = StepType(
    name="prompt",
    description="Builds the prompt of an agent step: texts, variables, and what differs in the model.",
    config_schema=object_schema(
        {
            "prompt_id": property_schema(
                "Prompt", f"A stored prompt: {ID_RULE}", type="string", pattern=ID_PATTERN, examples=["summary"]
            ),
            "prompt_version": property_schema(
                "Version",
                "The version of the stored prompt. Without one, the newest.",
                type="integer",
                minimum=1,
                examples=[3],
            ),
            "system_prompt": property_schema(
                "System prompt",
                "Replaces the agent's. May hold {{ references }} and {names}.",
                type="string",
                examples=["You answer in a {tone} tone."],
            ),
            "query_template": property_schema(
                "Query template",
                "What the agent is asked. May hold {{ references }} and {names}.",
                type="string",
                examples=["Sum up {{ report.content }}"],
            ),
            "variables": VARIABLES,
            **GENERATION_FIELDS,
            **GENERATION_ALIASES,
        },
        anyOf=[{"required": [name]} for name in ("prompt_id", *_TEXTS)],
        allOf=one_name_each(MODEL_ALIASES),
    ),
    output_schema=output_schema(
        {
            "kind": property_schema("Kind", "Always prompt.", const=KIND),
            "prompt_id": property_schema("Prompt", "The stored prompt.", type=["string", "null"]),
            "prompt_version": property_schema("Version", "Of the stored prompt.", type=["integer", "null"]),
            "system_prompt": property_schema("System prompt", "As it is so far.", type=["string", "null"]),
            "query_template": property_schema("Query template", "As it is so far.", type=["string", "null"]),
            "pieces": property_schema(
                "Pieces",
                "Of each text with {names} that are not filled yet: what its author wrote ({text}), and what was brought in "
                "({data}), where no names are looked for.",
                type="object",
            ),
            "variables": property_schema("Variables", "As configured.", type="object"),
            "input": property_schema("Input", "The step's input, for {names}.", type="object"),
            "overrides": property_schema("Overrides", "What differs in the model.", type="object"),
        }
    ),
    lower=_lower,
    template_fields=_TEXTS,
)
