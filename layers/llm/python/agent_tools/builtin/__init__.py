"""The tools that every agent may have, by name.

    call("calculator", {"expression": "2 ** 10"}, ToolEnvironment())   # 1024

A tool is what models are told of it, with the JSON Schema of its arguments (`workflow_engine.agents.builtin_tools`), and a
function from arguments to a JSON value. Each function stands in a module of its own that is imported when the tool is first
called, and its third-party packages with it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from agent_tools.builtin.tool import BuiltinTool, Function, Json, ToolEnvironment
from agent_tools.errors import ToolArgumentError
from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_DESCRIPTIONS, DEFAULT_PAGE_CHARACTERS

__all__ = ["BUILTIN_TOOLS", "BuiltinTool", "ToolEnvironment", "call", "check_arguments"]

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


_FUNCTIONS: Final[Mapping[str, Function]] = {
    "calculator": _calculator,
    "current_time": _current_time,
    "json_query": _json_query,
    "web_page": _web_page,
}

BUILTIN_TOOLS: Final[Mapping[str, BuiltinTool]] = {
    told.name: BuiltinTool(told.name, told.description, told.parameters, _FUNCTIONS[told.name])
    for told in BUILTIN_TOOL_DESCRIPTIONS.values()
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
