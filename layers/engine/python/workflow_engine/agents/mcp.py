"""MCP servers: how one is reached and used, and what it says of its tools. Asking it is `agent_tools.mcp_servers`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Any

from workflow_engine.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server and how it may be used. `timeout_seconds` bounds connecting, listing and each call; `allowed_tools` None
    allows all; `max_result_bytes` is the longest result of a call, as UTF-8.
    """

    name: str
    url: str
    bearer_token: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    allowed_tools: Collection[str] | None = None
    max_result_bytes: int = 65_536

    def allows(self, tool: str) -> bool:
        """Whether a tool may be called."""
        return self.allowed_tools is None or tool in self.allowed_tools


@dataclass(frozen=True, slots=True)
class ListedTool:
    """A tool as its server lists it; `output_schema` is None where it gives none."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Any = None
