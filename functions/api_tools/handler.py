"""Routes of tools: list all there are; register MCP servers, ask them for their tools."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from functions.api_tools.settings import clients, engine, list_tools, policy, secret_of
from workflow_engine.http.body import json_body
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import idempotency_key, page
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.tools import read_tools, register_mcp_server

app = api_resolver()

Answer = dict[str, Any]


@app.get("/tools")
@app.takes("limit", "cursor")
def list_() -> Answer:
    wanted = page(app.current_event)
    return read_tools.list_tools(engine(), caller_of(app.current_event), wanted.limit, wanted.cursor)


@app.post("/tools/mcp-servers")
def register() -> tuple[Answer, int]:
    event = app.current_event
    caller = caller_of(event)
    record, created = register_mcp_server.register(engine(), caller, json_body(event), idempotency_key(event))
    return record, HTTPStatus.CREATED if created else HTTPStatus.OK


@app.get("/tools/mcp-servers")
@app.takes("limit", "cursor")
def list_servers() -> Answer:
    wanted = page(app.current_event)
    return register_mcp_server.list_servers(engine(), caller_of(app.current_event), wanted.limit, wanted.cursor)


@app.get("/tools/mcp-servers/<name>")
def get(name: str) -> Answer:
    return register_mcp_server.get(engine(), caller_of(app.current_event), name)


@app.delete("/tools/mcp-servers/<name>")
def delete(name: str) -> Response[str]:
    register_mcp_server.delete(engine(), caller_of(app.current_event), name)
    return Response(HTTPStatus.NO_CONTENT)


@app.get("/tools/mcp-servers/<name>/tools")
def discover(name: str) -> Answer:
    return register_mcp_server.discover(
        engine(), caller_of(app.current_event), name, list_tools=list_tools, secret_of=secret_of
    )


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients, policy)
