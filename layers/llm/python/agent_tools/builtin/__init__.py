"""The tools that every agent may have, by name.

    BUILTIN_TOOLS["calculator"].function({"expression": "2 ** 10"}, ToolEnvironment())   # 1024

A tool is what models are told of it, with the JSON Schema of its arguments (`workflow_engine.agents.builtin_tools`), and a
function from arguments to a JSON value. Each function stands in a module of its own that is imported when the tool is first
called, and its third-party packages with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_tools.builtin.tool import BuiltinTool, Function, Json, ToolEnvironment
from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_DESCRIPTIONS, DEFAULT_PAGE_CHARACTERS

__all__ = ["BUILTIN_TOOLS", "BuiltinTool", "ToolEnvironment"]


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
