"""The tools that agents may have: built-in ones, registered steps, agents, MCP servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from workflow_engine.agents.builtin_tools import BUILTIN_TOOL_DESCRIPTIONS
from workflow_engine.store import cursors
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Tool, ToolPage

_PAGE: Final = "tools"

Source = Callable[[Engine, Caller, int, str | None], "tuple[list[Tool], str | None]"]
"""`(engine, caller, limit, cursor) -> (tools, next cursor)` of one kind."""


def list_tools(engine: Engine, caller: Caller, limit: int, cursor: str | None = None) -> ToolPage:
    """`{items: [{tool, type, name, description, parameters}], next_cursor}`; `tool` is what stands in an agent's `tools`.
    An MCP server is one entry, whose own tools are listed by itself.
    """
    number, inner = (0, None) if cursor is None else cursors.decode(caller.tenant_id, _PAGE, cursor)
    items: list[Tool] = []
    while number < len(_SOURCES) and len(items) < limit:
        found, inner = _SOURCES[number](engine, caller, limit - len(items), inner)
        items += found
        if inner is None:
            number += 1
    more = number < len(_SOURCES)
    return {"items": items, "next_cursor": cursors.encode(caller.tenant_id, _PAGE, [number, inner]) if more else None}


def _builtin(_engine: Engine, _caller: Caller, limit: int, cursor: str | None) -> tuple[list[Tool], str | None]:
    tools = list(BUILTIN_TOOL_DESCRIPTIONS.values())
    start = int(cursor or 0)
    found = [_tool("builtin", t.name, t.description, t.parameters, t.name) for t in tools[start : start + limit]]
    end = start + limit
    return found, str(end) if end < len(tools) else None


def _steps(engine: Engine, caller: Caller, limit: int, cursor: str | None) -> tuple[list[Tool], str | None]:
    found, following = engine.steps.page(caller.tenant_id, limit, cursor)
    callable_ = [r for r in found if r.get("execution_type", "lambda") in ("lambda", "local")]
    return [
        _tool("step", r["step_type"], r.get("description") or "", r.get("config_schema")) for r in callable_
    ], following


def _agents(engine: Engine, caller: Caller, limit: int, cursor: str | None) -> tuple[list[Tool], str | None]:
    page = engine.agents.page(caller.tenant_id, limit, cursor)
    found = [_tool("agent", r["id"], r.get("description") or r["name"], None) for r in page.records]
    return found, page.next_cursor


def _mcp(engine: Engine, caller: Caller, limit: int, cursor: str | None) -> tuple[list[Tool], str | None]:
    found, following = engine.mcp_servers.page(caller.tenant_id, limit, cursor)
    return [_tool("mcp", s["name"], s.get("description") or "", None) for s in found], following


_SOURCES: Final[tuple[Source, ...]] = (_builtin, _steps, _agents, _mcp)


def _tool(
    type_: Literal["builtin", "step", "agent", "mcp"],
    name: str,
    description: str,
    parameters: Mapping[str, Any] | None,
    reference: str | None = None,
) -> Tool:
    return {
        "tool": reference or f"{type_}:{name}",
        "type": type_,
        "name": name,
        "description": description,
        "parameters": None if parameters is None else dict(parameters),
    }
