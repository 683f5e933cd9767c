"""The tools that every agent may have, by name.

    call("calculator", {"expression": "2 ** 10"}, ToolEnvironment())   # 1024

A tool is data: what models are told of it, the JSON Schema of its arguments, and a function from arguments to a JSON
value. Each function stands in a module of its own that is imported when the tool is first called, and its third-party
packages with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from agent_tools.builtin.tool import BuiltinTool, Json, ToolEnvironment
from agent_tools.errors import ToolArgumentError

__all__ = ["BUILTIN_TOOLS", "BuiltinTool", "ToolEnvironment", "call", "check_arguments"]

MAX_EXPRESSION_CHARACTERS: Final = 500
MAX_QUERY_CHARACTERS: Final = 1_000
MAX_PAGE_CHARACTERS: Final = 100_000
DEFAULT_PAGE_CHARACTERS: Final = 20_000
_MAX_PROBLEM_CHARACTERS: Final = 200


def _calculator(arguments: Mapping[str, Any], _environment: ToolEnvironment) -> Json:
    from agent_tools.builtin.calculator import evaluate

    return evaluate(arguments["expression"])


def _current_time(arguments: Mapping[str, Any], environment: ToolEnvironment) -> Json:
    from agent_tools.builtin.clock import read_clock

    return read_clock(environment.now(), arguments.get("timezone", "UTC"))


def _json_query(arguments: Mapping[str, Any], _environment: ToolEnvironment) -> Json:
    from agent_tools.builtin.query import search

    return search(arguments["query"], arguments["data"])


def _web_page(arguments: Mapping[str, Any], environment: ToolEnvironment) -> Json:
    from agent_tools.builtin.web_page import fetch

    return fetch(arguments["url"], arguments.get("max_characters", DEFAULT_PAGE_CHARACTERS), environment)


def _arguments(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "properties": dict(properties), "required": list(required), "additionalProperties": False}


BUILTIN_TOOLS: Final[Mapping[str, BuiltinTool]] = {
    tool.name: tool
    for tool in (
        BuiltinTool(
            "calculator",
            "Evaluates an arithmetic expression exactly as written and gives the number (or true or false for a "
            "comparison). Use it for every calculation.",
            _arguments(
                {
                    "expression": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_EXPRESSION_CHARACTERS,
                        "description": "Numbers, + - * / // % **, comparisons, parentheses, pi, e, and abs, ceil, cos, "
                        "degrees, exp, factorial, floor, gcd, hypot, log (natural, or log(x, base)), log10, log2, max, "
                        "min, radians, round, sin, sqrt, tan, trunc, acos, asin, atan, atan2. Example: "
                        "round(1250 * 1.19 ** 3, 2)",
                    }
                },
                "expression",
            ),
            _calculator,
        ),
        BuiltinTool(
            "current_time",
            "Tells the date and time now.",
            _arguments(
                {
                    "timezone": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 64,
                        "description": "IANA name such as Europe/Berlin. Default: UTC.",
                    }
                }
            ),
            _current_time,
        ),
        BuiltinTool(
            "json_query",
            "Picks, filters and reshapes JSON data by a JMESPath query.",
            _arguments(
                {
                    "query": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": MAX_QUERY_CHARACTERS,
                        "description": "JMESPath. Example: orders[?total > `100`].customer.name | sort(@)",
                    },
                    "data": {"description": "The JSON value to be queried."},
                },
                "query",
                "data",
            ),
            _json_query,
        ),
        BuiltinTool(
            "web_page",
            "Fetches a public web page or text document and gives it as Markdown.",
            _arguments(
                {
                    "url": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 2048,
                        "description": "An http or https URL.",
                    },
                    "max_characters": {
                        "type": "integer",
                        "minimum": 100,
                        "maximum": MAX_PAGE_CHARACTERS,
                        "description": f"Where to cut the text. Default: {DEFAULT_PAGE_CHARACTERS}.",
                    },
                },
                "url",
            ),
            _web_page,
        ),
    )
}


def call(name: str, arguments: Json, environment: ToolEnvironment) -> Json:
    """What a tool gives for these arguments, a JSON value. Raises KeyError for an unknown tool, ToolArgumentError for
    arguments that do not fit its schema, and ToolError for what the tool itself cannot do.
    """
    tool = BUILTIN_TOOLS[name]
    check_arguments(tool, arguments)
    return tool.function(arguments, environment)


def check_arguments(tool: BuiltinTool, arguments: Json) -> None:
    """Hold arguments against a tool's schema. ToolArgumentError says what is wrong, and shows the schema."""
    from workflow_engine.json_schema import SchemaValidator

    problems = sorted(
        SchemaValidator(tool.parameters).misfits(arguments), key=lambda misfit: list(map(str, misfit.path))
    )
    if not problems:
        return
    said = "; ".join(f"{'/'.join(map(str, p.path)) or 'arguments'}: {_short(p.message)}" for p in problems[:3])
    raise ToolArgumentError(
        f"The arguments of '{tool.name}' are wrong: {said}. Call it again with a JSON object that fits this schema: "
        f"{json.dumps(tool.parameters, separators=(',', ':'))}"
    )


def _short(message: str) -> str:
    """A message of jsonschema, which begins with the wrong value, however long, and ends with what is wrong with it."""
    if len(message) <= _MAX_PROBLEM_CHARACTERS:
        return message
    return f"{message[: _MAX_PROBLEM_CHARACTERS // 2]} ... {message[-_MAX_PROBLEM_CHARACTERS // 2 :]}"
