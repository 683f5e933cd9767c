"""Tools, and the MCP servers that have some."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Cursor, Object, Time


class Tool(TypedDict):
    """A tool that agents may have."""

    tool: str
    """What stands in an agent's `tools`."""
    type: Literal["builtin", "step", "agent", "mcp"]
    name: str
    description: str
    parameters: Object | None
    """JSON Schema of the arguments, where it is known."""


class ToolPage(TypedDict):
    """Tools; an MCP server is one of them, whose own tools are listed by itself."""

    items: list[Tool]
    next_cursor: Cursor


class McpServer(TypedDict):
    """The registration of an MCP server."""

    name: str
    url: str
    description: str | None
    allowed_tools: list[str] | None
    """The tools that may be called. Null: all."""
    bearer_secret: str | None
    """The name of a secret, never its value."""
    timeout_seconds: int | None
    created_at: Time
    updated_at: Time
    created_by: str | None


class McpServerPage(TypedDict):
    """MCP servers, by name."""

    items: list[McpServer]
    next_cursor: Cursor


class McpTool(TypedDict):
    """A tool as its server tells of it."""

    name: str
    description: str
    parameters: Object
    """JSON Schema of the arguments."""
    allowed: bool
    """Whether the registration lets agents call it."""


class McpToolPage(TypedDict):
    """All tools of an MCP server."""

    items: list[McpTool]
    next_cursor: str | None
    """Always null: the list is whole."""
    warnings: list[str]
    """What could not be read of the server's list."""
