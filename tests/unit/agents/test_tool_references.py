"""Entries of an agent's `tools`, read."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agent_tools.builtin import BUILTIN_TOOLS
from workflow_engine.agents.schema import TOOLS
from workflow_engine.agents.tool_references import KINDS, ToolReference, parse_tool


@pytest.mark.parametrize(
    ("entry", "kind", "name", "tool"),
    [
        ("calculator", "builtin", "calculator", None),
        ("current_time", "builtin", "current_time", None),
        ("json_query", "builtin", "json_query", None),
        ("web_page", "builtin", "web_page", None),
        ("builtin:web_page", "builtin", "web_page", None),
        ("translate", "step", "translate", None),
        ("step:translate", "step", "translate", None),
        ("step:calculator", "step", "calculator", None),
        ("agent:researcher-2", "agent", "researcher-2", None),
        ("mcp:crm", "mcp", "crm", None),
        ("mcp:crm/find", "mcp", "crm", "find"),
        ("mcp:crm/admin/users.list", "mcp", "crm", "admin/users.list"),
        (f"mcp:crm/{'x' * 128}", "mcp", "crm", "x" * 128),
        ("a" * 64, "step", "a" * 64, None),
    ],
)
def test_a_text_names_a_tool(entry: str, kind: Any, name: str, tool: str | None) -> None:
    assert parse_tool(entry) == ToolReference(kind, name, tool)


@pytest.mark.parametrize("name", sorted(BUILTIN_TOOLS))
def test_every_built_in_tool_is_called_by_its_bare_name(name: str) -> None:
    assert parse_tool(name) == parse_tool(f"builtin:{name}") == parse_tool({"type": "builtin", "name": name})


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("", "is not a valid tool"),
        ("two words", "is not a valid tool"),
        (" calculator", "is not a valid tool"),
        ("1st", "is not a valid tool"),
        ("a" * 65, "is not a valid tool"),
        ("naïve", "is not a valid tool"),
        ("step:", "is not a valid tool"),
        ("agent:", "is not a valid tool"),
        ("agent:a/b", "is not a valid tool"),
        ("step:a:b", "is not a valid tool"),
        ("mcp:", "is not a valid tool"),
        ("mcp:/find", "is not a valid tool"),
        ("mcp:crm/", "write mcp:SERVER/TOOL"),
        (f"mcp:crm/{'x' * 129}", "write mcp:SERVER/TOOL"),
        ("builtin:calculater", "There are: calculator"),
        ("builtin:", "There are: calculator"),
        ("lambda:x", "builtin, step, agent, mcp"),
        ("Agent:x", "builtin, step, agent, mcp"),
        (":x", "builtin, step, agent, mcp"),
        ("https://example.com", "builtin, step, agent, mcp"),
    ],
)
def test_a_text_that_names_nothing_is_refused_with_a_sentence(entry: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as refused:
        parse_tool(entry)
    assert str(refused.value).endswith(".")


def test_an_object_says_more() -> None:
    entry = {
        "type": "step",
        "name": "translate",
        "description": "Translates.",
        "parameters": {"type": "object"},
        "config": {"language": "de"},
    }
    assert parse_tool(entry) == ToolReference(
        "step", "translate", None, "Translates.", {"type": "object"}, {"language": "de"}, None
    )


@pytest.mark.parametrize(("allow", "read"), [(["a", "b"], ("a", "b")), ([], ()), (None, None)])
def test_no_tool_allowed_is_not_all_allowed(allow: list[str] | None, read: tuple[str, ...] | None) -> None:
    entry = {"type": "mcp", "name": "crm"} | ({} if allow is None else {"allow": allow})
    assert parse_tool(entry).allow == read


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"type": "step"},
        {"name": "translate"},
        {"type": "lambda", "name": "x"},
        {"type": ["step"], "name": "x"},
        {"type": "step", "name": 7},
        {"type": "step", "name": ""},
        {"type": "step", "name": "step:x"},
        {"type": "mcp", "name": "crm/find"},
        {"type": "builtin", "name": "calculater"},
    ],
)
def test_an_object_that_names_nothing_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="tool"):
        parse_tool(entry)


def test_the_schema_of_agents_knows_the_same_kinds_and_lets_the_longest_text_through() -> None:
    item: Any = TOOLS["items"]
    assert tuple(item["anyOf"][1]["properties"]["type"]["enum"]) == KINDS
    longest = f"mcp:{'a' * 64}/{'x' * 128}"
    assert parse_tool(longest).tool == "x" * 128
    assert Draft202012Validator(item).is_valid(longest)
