"""The environment of this function: that of the engine (`workflow_engine.settings`), of callers
(`workflow_engine.http.caller`), of keys (`llm_gateway.secrets`), and the addresses that may be reached.
"""

from __future__ import annotations

import os
from typing import Any

from llm_gateway.secrets import SecretSource, names_secrets, secret_reader
from workflow_engine.agents.mcp import ListedTool, McpServer
from workflow_engine.init_phase import once
from workflow_engine.outbound import ALLOWED_HOSTS_VARIABLE, AddressPolicy
from workflow_engine.usecases.engine import Engine


@once
def engine() -> Engine:
    """The engine that the environment describes, made when first asked for and kept while the function stays warm."""
    return Engine.from_environment()


def clients() -> tuple[object, ...]:
    """The clients that a request may need."""
    return engine().dynamodb, engine().s3, _secrets_manager() if names_secrets(os.environ) else None


def _secrets_manager() -> Any:
    return engine().client("secretsmanager")


@once
def policy() -> AddressPolicy:
    """Which addresses MCP servers may have."""
    return AddressPolicy.from_text(os.environ.get(ALLOWED_HOSTS_VARIABLE, ""))


def list_tools(server: McpServer) -> tuple[list[ListedTool], list[str]]:
    """Ask an MCP server for its tools. Raises McpServerError."""
    from agent_tools import mcp_servers  # brings the package `mcp`, which no other route needs

    return mcp_servers.list_tools(server, policy())


@once
def _secrets() -> SecretSource:
    return SecretSource(get_secret=secret_reader(_secrets_manager))


def secret_of(tenant_id: str, name: str) -> str | None:
    """A secret that the tenant may have sent to a server of its choice."""
    return _secrets().own(tenant_id, name)
