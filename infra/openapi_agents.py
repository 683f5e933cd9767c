"""The OpenAPI document's part about agents, prompts and tools. What clients send is checked by the schemas shown here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from infra.openapi_operation import INVALID, PAGED, Operation
from infra.openapi_schemas import (
    ID,
    OBJECT,
    RUN_FIELDS,
    TIME,
    VERSION,
    Schema,
    list_of,
    nullable,
    page_of,
    record,
    reference,
    text,
)
from workflow_engine.agents.schema import AGENT_CONFIG, AGENT_DOCUMENT, PROMPT_DOCUMENT


def _definition(word: str, name: str, document: str) -> Schema:
    """A stored definition, with its document unless it stands in a list."""
    properties: Schema = {
        f"{word}_id": text(),
        "id": ID,
        "version": VERSION,
        name: text(),
        "description": nullable(text()),
        "created_at": TIME,
        "updated_at": TIME,
        "created_by": nullable(text()),
    }
    if document:
        properties |= {word: reference(document), "warnings": list_of(text())}
    return record(properties)


def _crud(word: str, of: str, tag: str) -> Iterator[tuple[str, Operation]]:
    """The routes that agents and prompts have in common."""
    path, one = f"/{tag}", f"/{tag}/{{{word}_id}}"
    stored, page = f"Stored{of}", f"{of}Page"
    yield (
        f"POST {path}",
        Operation(
            f"create{of}",
            tag,
            f"Store {of.lower()} as version 1",
            {201: stored},
            of,
            parameters=("Idempotency-Key",),
            problems=(*INVALID, 409, 429),
        ),
    )
    yield (
        f"GET {path}",
        Operation(f"list{of}s", tag, f"List {tag} by id", {200: page}, parameters=PAGED, problems=(422,)),
    )
    yield (
        f"GET {one}",
        Operation(
            f"get{of}", tag, f"Read one of the {tag}", {200: stored}, parameters=("version",), problems=(404, 422)
        ),
    )
    yield (
        f"PUT {one}",
        Operation(f"update{of}", tag, "Store a new version", {200: stored}, of, problems=(*INVALID, 404, 409, 429)),
    )
    yield (
        f"DELETE {one}",
        Operation(f"delete{of}", tag, "Take it out of use; its versions stay", {204: None}, problems=(404,)),
    )
    yield (
        f"GET {one}/versions",
        Operation(
            f"list{of}Versions", tag, "List versions, newest first", {200: page}, parameters=PAGED, problems=(404, 422)
        ),
    )


_STARTED: Final = {200: "Results", 202: "ExecutionStarted"}
_STARTS: Final = ("wait", "Idempotency-Key")

AGENT_OPERATIONS: Final[dict[str, Operation]] = {
    **dict(_crud("agent", "Agent", "agents")),
    "POST /agents/{agent_id}/execute": Operation(
        "executeAgent",
        "agents",
        "Start a run of one step in which the agent answers",
        _STARTED,
        "AgentRunRequest",
        parameters=_STARTS,
        problems=(*INVALID, 404, 409, 429, 503),
    ),
    **dict(_crud("prompt", "Prompt", "prompts")),
    "POST /prompts/{prompt_id}/render": Operation(
        "renderPrompt",
        "prompts",
        "Fill in a prompt's variables",
        {200: "RenderedPrompt"},
        "RenderRequest",
        body_required=False,
        problems=(*INVALID, 404),
    ),
    "POST /prompts/{prompt_id}/test": Operation(
        "testPrompt",
        "prompts",
        "Start a run in which an agent is asked the prompt",
        _STARTED,
        "PromptTestRequest",
        parameters=_STARTS,
        problems=(*INVALID, 404, 409, 429, 503),
    ),
    "GET /tools": Operation(
        "listTools", "tools", "List what agents may call", {200: "ToolPage"}, parameters=PAGED, problems=(422,)
    ),
    "POST /tools/mcp-servers": Operation(
        "registerMcpServer",
        "tools",
        "Register an MCP server, or replace its registration",
        {200: "McpServer", 201: "McpServer"},
        "McpServerRegistration",
        parameters=("Idempotency-Key",),
        problems=(*INVALID, 409, 429),
    ),
    "GET /tools/mcp-servers": Operation(
        "listMcpServers", "tools", "List MCP servers", {200: "McpServerPage"}, parameters=PAGED, problems=(422,)
    ),
    "GET /tools/mcp-servers/{name}": Operation(
        "getMcpServer", "tools", "Read the registration of an MCP server", {200: "McpServer"}, problems=(404,)
    ),
    "DELETE /tools/mcp-servers/{name}": Operation(
        "deleteMcpServer", "tools", "Remove an MCP server", {204: None}, problems=(404,)
    ),
    "GET /tools/mcp-servers/{name}/tools": Operation(
        "discoverMcpTools",
        "tools",
        "Ask an MCP server for its tools; 424 when it does not answer",
        {200: "McpToolPage"},
        problems=(404, 422, 424),
    ),
}

_MCP_FIELDS: Final[Schema] = {
    "name": text("As `mcp:NAME` in an agent's tools.", pattern="^[A-Za-z][A-Za-z0-9_-]{0,63}$"),
    "url": text("Its streamable HTTP endpoint.", maxLength=2048),
    "description": nullable(text("What it is for.", maxLength=2000)),
    "allowed_tools": {
        "type": ["array", "null"],
        "items": text(),
        "description": "The tools that may be called. Default: all.",
    },
    "bearer_secret": nullable(
        text("Variable of the tenant's secret that holds the bearer token.", pattern="^MCP_[A-Z0-9_]{1,60}$")
    ),
    "timeout_seconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 300},
}
_RUN_OF_AGENT: Final[Schema] = {**RUN_FIELDS, "version": VERSION | {"description": "The newest when absent."}}


def _closed(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


AGENT_SCHEMAS: Final[dict[str, Any]] = {
    "Agent": AGENT_DOCUMENT,
    "StoredAgent": _definition("agent", "agent_name", "Agent"),
    "AgentSummary": _definition("agent", "agent_name", ""),
    "AgentPage": page_of("AgentSummary"),
    "AgentRunRequest": _closed(
        {
            **_RUN_OF_AGENT,
            "query": text("What the agent is asked.", minLength=1),
            "conversation_history": list_of(OBJECT),
            "variables": OBJECT,
        }
    ),
    "Prompt": PROMPT_DOCUMENT,
    "StoredPrompt": _definition("prompt", "name", "Prompt"),
    "PromptSummary": _definition("prompt", "name", ""),
    "PromptPage": page_of("PromptSummary"),
    "RenderRequest": _closed({"variables": OBJECT, "version": VERSION}),
    "RenderedPrompt": record(
        {
            "prompt_id": text(),
            "version": VERSION,
            "system_prompt": nullable(text()),
            "query": nullable(text()),
            "missing": list_of(text("A placeholder without a value.")),
        }
    ),
    "PromptTestRequest": _closed(
        {**_RUN_OF_AGENT, "variables": OBJECT, "agent_id": text(), "agent_config": AGENT_CONFIG}
    ),
    "Tool": record(
        {
            "tool": text("What stands in an agent's `tools`."),
            "type": text(enum=["builtin", "step", "agent", "mcp"]),
            "name": text(),
            "description": text(),
            "parameters": {"type": ["object", "null"]},
        }
    ),
    "ToolPage": page_of("Tool"),
    "McpServerRegistration": _closed(_MCP_FIELDS, "name", "url"),
    "McpServer": record({**_MCP_FIELDS, "created_at": TIME, "updated_at": TIME, "created_by": nullable(text())}),
    "McpServerPage": page_of("McpServer"),
    "McpTool": record({"name": text(), "description": text(), "parameters": OBJECT, "allowed": {"type": "boolean"}}),
    "McpToolPage": record(
        {
            "items": list_of(reference("McpTool")),
            "next_cursor": nullable(text("Always null: the list is whole.")),
            "warnings": list_of(text("What could not be read of the server's list.")),
        }
    ),
}
