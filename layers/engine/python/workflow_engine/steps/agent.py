"""`agent_execution`: an LLM agent answers, with tools if it has any. A Task on `step_agent`.

The agent is a stored one (`agent_id`), an inline one (`agent_config`), or no more than the fields of the step itself.
Fields of the step override those of the agent; between the two stand those of `prompt` steps that it depends on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine.agents.aliases import GROUPS, MODEL_ALIASES, one_name_each, settled
from workflow_engine.agents.defaults import TIMEOUT_SECONDS
from workflow_engine.agents.errors import FINAL_ERRORS, TRANSIENT_ERRORS
from workflow_engine.agents.names import ID_PATTERN, ID_RULE
from workflow_engine.agents.schema import AGENT_CONFIG, BEHAVIOUR_FIELDS
from workflow_engine.agents.tool_references import parse_tool
from workflow_engine.agents.vendors import vendor_of_model
from workflow_engine.compiler.catalogue import Lowering, TaskLowering
from workflow_engine.function_memory import MEMORY_MB
from workflow_engine.json_schema import Path, schema_problem
from workflow_engine.language.findings import quoted
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.step_type import StepType

STEP_AGENT: Final = "step_agent"
"""The Lambda of agents, stored prompts and tools."""

_MESSAGE: Final = object_schema(
    {
        "role": property_schema("Role", "Who said it.", enum=["user", "assistant", "system"]),
        "content": property_schema("Content", "What was said.", type="string", examples=["Hello"]),
    },
    required=["role", "content"],
)
_TEMPLATES: Final = ("query", "query_template", "system_prompt")


NOTHING_TO_ASK: Final = (
    "The agent is asked nothing: give a 'query' or a 'query_template', or hand it an input by dependencies or an "
    "'input_mapping'."
)


def agent_task(*, paid: bool = False, without_input: str | None = None, no_input: str | None = None) -> Lowering:
    """A Task on `step_agent` whose errors are told apart, and which ends before its time is over. `paid`: it asks a model.
    `without_input` says what is wrong when its input is sure to be empty, `no_input` why its output is none.
    """
    return TaskLowering(
        STEP_AGENT,
        TIMEOUT_SECONDS,
        transient_errors=TRANSIENT_ERRORS,
        final_errors=FINAL_ERRORS,
        tells_timeout=True,
        names_inputs_of_type="prompt",
        fills_names=True,
        paid=paid,
        without_input=without_input,
        no_input=no_input,
        memory_mb=MEMORY_MB[STEP_AGENT],
    )


def examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What the schema cannot say: places in the configuration, and what is wrong there."""
    yield from problems(config)
    inline = config.get("agent_config")
    inline = inline if isinstance(inline, Mapping) else {}
    yield from problems(inline, ("agent_config",))
    # A model of the step's own is asked of the provider that the stored agent, or the inline one, names.
    if "agent_id" not in config and "provider_type" not in settled(inline):
        yield from model_without_vendor(config)
    if not {"model", "provider_type"} & settled(config).keys():
        yield from model_without_vendor(inline, ("agent_config",))


def problems(fields: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What a schema cannot say of an agent's fields, wherever they stand: schemas are schemas, tools and vendors can be there."""
    yield from schema_problems(fields, path)
    for number, entry in enumerate(fields.get("tools") or ()):
        try:
            parse_tool(entry)
        except ValueError as error:
            yield (*path, "tools", number), str(error)
    for number, entry in enumerate(fields.get("providers") or ()):
        if isinstance(entry, Mapping):
            yield from model_without_vendor(entry, (*path, "providers", number))


def model_without_vendor(fields: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """A model that is named without a provider, and whose name does not tell who runs it."""
    model = settled(fields).get("model")
    if isinstance(model, str) and "provider_type" not in settled(fields) and vendor_of_model(model) is None:
        detail = f"The name of model {quoted(model)} does not tell who runs it. Give a provider_type, too."
        yield (*path, next((name for name in ("model", "model_name", *GROUPS) if name in fields), "model")), detail


def schema_problems(fields: Mapping[str, Any], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """What is wrong with the schemas among an agent's fields: of its response, of its tools' arguments."""
    schemas = [((*path, "response_schema"), fields.get("response_schema"))]
    for number, tool in enumerate(fields.get("tools") or ()):
        schemas.append(
            ((*path, "tools", number, "parameters"), tool.get("parameters") if isinstance(tool, Mapping) else None)
        )
    for place, schema in schemas:
        if schema is not None and (problem := schema_problem(schema)):
            yield (*place, *problem.path), problem.detail


def _lower(config: Mapping[str, Any]) -> Lowering:
    is_asked = config.get("query") or config.get("query_template")
    return agent_task(paid=config.get("mode") != "simulation", without_input=None if is_asked else NOTHING_TO_ASK)


USAGE: Final = property_schema(
    "Usage",
    "What all calls of models took; cost_usd is null where a model has no known price.",
    **output_schema(
        {
            "tokens_in": property_schema("Tokens in", "Sent.", type="integer"),
            "tokens_out": property_schema("Tokens out", "Received.", type="integer"),
            "total_tokens": property_schema("Tokens", "The sum.", type="integer"),
            "llm_calls": property_schema("Calls", "How often a model was asked.", type="integer"),
            "cost_usd": property_schema("Cost", "In US dollars.", type=["number", "null"]),
        }
    ),
)

AGENT_EXECUTION: Final = StepType(
    name="agent_execution",
    aliases=("agent",),
    description="Lets an LLM agent answer a query, with tools, memory, a budget and structured output.",
    config_schema=object_schema(
        {
            "agent_id": property_schema(
                "Agent", f"A stored agent: {ID_RULE}", type="string", pattern=ID_PATTERN, examples=["helper"]
            ),
            "agent_version": property_schema(
                "Version",
                "The version of the stored agent. Without one, the newest.",
                type="integer",
                minimum=1,
                examples=[3],
            ),
            "agent_config": property_schema(
                "Agent", "An agent of this step's own.", examples=[{"model": "gpt-4o"}], **AGENT_CONFIG
            ),
            "query": property_schema(
                "Query",
                "What the agent is asked. May hold {{ references }}.",
                type="string",
                examples=["Sum up {{ report.content }}"],
            ),
            "query_template": property_schema(
                "Query template",
                "What the agent is asked; {name} stands for an entry of the step's input or of `variables`.",
                type="string",
                examples=["Write to {customer} about {topic}."],
            ),
            "variables": property_schema(
                "Variables", "Values for {name} in texts.", type="object", examples=[{"topic": "prices"}]
            ),
            "conversation_history": property_schema(
                "History",
                "What was said before, oldest first.",
                type="array",
                maxItems=1000,
                items=_MESSAGE,
                examples=[[{"role": "user", "content": "Hello"}]],
            ),
            **BEHAVIOUR_FIELDS,
        },
        allOf=one_name_each(MODEL_ALIASES),
        **{"not": {"required": ["agent_id", "agent_config"], "description": "give agent_id or agent_config, not both"}},
    ),
    output_schema=output_schema(
        {
            "agent_id": property_schema("Agent", "The stored agent, null for an inline one.", type=["string", "null"]),
            "agent_version": property_schema("Version", "Of the stored agent.", type=["integer", "null"]),
            "agent_name": property_schema("Name", "As configured.", type=["string", "null"]),
            "query": property_schema("Query", "What was asked, rendered.", type="string"),
            "response": property_schema("Response", "The answer: text, or the JSON value that was asked for."),
            "tool_calls": property_schema("Tool calls", "How many tools were called.", type="integer"),
            "tool_calls_trace": property_schema("Trace", "Each tool call: what, how long, what it gave.", type="array"),
            "remarks": property_schema(
                "Remarks",
                "What the model said beside its answer: {kind, text, truncated, iteration}. reasoning: thought aloud. draft: "
                "another value that would have fitted. rejected: an answer that was not the JSON asked for.",
                type="array",
            ),
            "finish_reason": property_schema(
                "Finish reason",
                "stop, length, content_filter; max_tool_iterations, token_budget, cost_budget or deadline where one of "
                "these ended it.",
                type="string",
            ),
            "usage": USAGE,
            "model": property_schema("Model", "{provider, name} of who answered.", type="object"),
            "mode": property_schema(
                "Mode", "llm: a model has answered. simulation: none was asked.", enum=["llm", "simulation"]
            ),
            "warnings": property_schema("Warnings", "Sentences.", type="array", items={"type": "string"}),
            "success": SUCCESS,
            "timestamp": TIMESTAMP,
            "execution_time_seconds": property_schema("Seconds", "How long it took.", type="number"),
        }
    ),
    lower=_lower,
    template_fields=_TEMPLATES,
    examine=examine,
)
