"""Routes of tools: list all there are; register MCP servers, ask them for their tools."""

from __future__ import annotations

from typing import Any, Final

from functions.api_tools.settings import clients, engine, list_tools, policy, secret_of
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.request import Handlers, saved
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.tools import read_tools, register_mcp_server

HANDLERS: Final[Handlers] = {
    "list_tools": lambda r: read_tools.list_tools(engine(), r.caller, *r.page),
    "register_mcp_server": lambda r: saved(register_mcp_server.register(engine(), r.caller, r.body, r.idempotency_key)),
    "list_mcp_servers": lambda r: register_mcp_server.list_servers(engine(), r.caller, *r.page),
    "get_mcp_server": lambda r: register_mcp_server.get(engine(), r.caller, r.path["name"]),
    "delete_mcp_server": lambda r: register_mcp_server.delete(engine(), r.caller, r.path["name"]),
    "discover_mcp_tools": lambda r: register_mcp_server.discover(
        engine(), r.caller, r.path["name"], list_tools=list_tools, secret_of=secret_of
    ),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients, policy)
