"""`tool_execution`: calls one tool, the same ones that agents may call. A Task on `step_agent`.

The tool's arguments are the step's input, renamed and picked by `param_mapping` where there is one, over `static_params`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_NAMES
from workflow_engine.agents.tool_references import parse_tool
from workflow_engine.compiler.catalogue import Lowering
from workflow_engine.json_schema import Path
from workflow_engine.schema_parts import SUCCESS, TIMESTAMP, object_schema, output_schema, property_schema
from workflow_engine.steps.agent import agent_task
from workflow_engine.steps.step_type import StepType


def examine(config: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """What the schema cannot say: a tool of this name can be there."""
    try:
        parse_tool(config["tool_name"])
    except ValueError as error:
        yield ("tool_name",), str(error)


def _lower(_config: Mapping[str, Any]) -> Lowering:
    return agent_task()


TOOL_EXECUTION: Final = StepType(
    name="tool_execution",
    aliases=("tool",),
    description="Calls one tool: a built-in one, a registered step, an agent, or a tool of an MCP server.",
    config_schema=object_schema(
        {
            "tool_name": property_schema(
                "Tool",
                f"The tool that is called: {', '.join(BUILTIN_TOOL_NAMES)}; a registered step as step:TYPE or the bare type; an "
                "agent as agent:ID; a tool of an MCP server as mcp:SERVER/TOOL.",
                examples=["calculator", "step:score", "mcp:search/query"],
                type="string",
                minLength=1,
                maxLength=200,
            ),
            "param_mapping": property_schema(
                "Parameter mapping",
                "For each argument the entry of the step's input that becomes it; a.b goes into an object.",
                examples=[{"expression": "formula"}],
                type="object",
                additionalProperties={"type": "string", "minLength": 1},
            ),
            "static_params": property_schema(
                "Static parameters", "Arguments that are always the same.", type="object", examples=[{"digits": 2}]
            ),
        },
        required=["tool_name"],
    ),
    output_schema=output_schema(
        {
            "success": SUCCESS,
            "tool": property_schema("Tool", "As configured.", type="string"),
            "params": property_schema("Parameters", "The arguments of the call.", type="object"),
            "result": property_schema("Result", "What the tool gave."),
            "executed_at": TIMESTAMP,
        }
    ),
    lower=_lower,
    examine=examine,
)
