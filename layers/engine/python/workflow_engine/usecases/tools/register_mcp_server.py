"""Register MCP servers, whose tools agents may then call."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, cast

from pydantic import Field

from workflow_engine.agents.mcp import ListedTool, McpServer
from workflow_engine.agents.names import ID_PATTERN
from workflow_engine.errors import InvalidRequestError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel, Whole
from workflow_engine.outbound import AddressRefusedError, destination
from workflow_engine.store.idempotency import Attempt
from workflow_engine.store.registrations import Registration
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

SecretOf = Callable[[str, str], str | None]
"""`(tenant_id, name) -> value` of a secret that the tenant may have sent to a server of its choice."""


class ListTools(Protocol):
    """Asks a server for its tools, in its own order, and gives sentences on what could not be read. Raises McpServerError."""

    def __call__(self, server: McpServer) -> tuple[Sequence[ListedTool], Sequence[str]]: ...


DISCOVERY_SECONDS: Final = 12
"""For connecting and for listing each, so that both end before the function does."""

_NAME: Final = re.compile(ID_PATTERN)
_SECRET: Final = re.compile(r"MCP_[A-Z0-9_]{1,60}")


class McpServerRegistration(DocumentModel):
    """What a client posts."""

    name: str
    """As `mcp:NAME` in an agent's tools: a letter, then letters, digits, '_' or '-', 64 at most."""
    url: Annotated[str, Field(max_length=2048)]
    """Its streamable HTTP endpoint."""
    description: Annotated[str, Field(max_length=2000)] | None = None
    """What it is for."""
    allowed_tools: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=128)]], Field(max_length=500)] | None
    ) = None
    """The tools that may be called. Default: all."""
    bearer_secret: str | None = None
    """A variable of the tenant's own secret that holds the bearer token, MCP_...; the value is never sent here."""
    timeout_seconds: Annotated[int, Field(ge=1, le=300), Whole] | None = None

    PLACEHOLDERS = {"name": "", "url": ""}  # noqa: RUF012  # as in the base class


def register(
    engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None
) -> tuple[answers.McpServer, bool]:
    """Register a server or replace its registration; gives the record, and True if it is new.

    The server itself is not asked. Raises InvalidRequestError.
    """

    def work(attempt: Attempt) -> list[Any]:
        fields = read_fields(McpServerRegistration, body)
        _check_names(fields)
        try:
            leads_to = destination(fields.url)
        except AddressRefusedError as error:
            raise InvalidRequestError.at("/url", error.detail) from None
        if "#" in fields.url:
            raise InvalidRequestError.at("/url", "The URL has a fragment, which no server is sent. Remove it.")
        if fields.bearer_secret is not None and leads_to.scheme != "https" and leads_to.host not in _OF_THIS_MACHINE:
            raise InvalidRequestError.at("/bearer_secret", "A secret is sent over https only. Give an https address.")
        now = engine.timestamp()
        record: Registration = {
            "name": fields.name,
            "url": fields.url,
            "description": fields.description,
            "allowed_tools": fields.allowed_tools,
            "bearer_secret": fields.bearer_secret,
            "timeout_seconds": fields.timeout_seconds,
            "created_at": now,
            "updated_at": now,
            "created_by": caller.user_id,
        }
        return list(engine.mcp_servers.put(caller.tenant_id, record, attempt.made_id))

    record, created = engine.idempotency.once(caller.tenant_id, "register_mcp", idempotency_key, body, work)
    return cast("answers.McpServer", record), created  # kept as JSON


def _check_names(fields: McpServerRegistration) -> None:
    if not _NAME.fullmatch(fields.name):
        rule = "A server's name is a letter, then letters, digits, '_' or '-', 64 at most."
        raise InvalidRequestError.at("/name", rule)
    if fields.bearer_secret is not None and not _SECRET.fullmatch(fields.bearer_secret):
        rule = "The name of a secret is MCP_, then capital letters, digits or '_', 64 at most. The secret itself stays out."
        raise InvalidRequestError.at("/bearer_secret", rule)


_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def get(engine: Engine, caller: Caller, name: str) -> answers.McpServer:
    """A registration. Raises NotFoundError."""
    server = engine.mcp_servers.find(caller.tenant_id, name)
    if server is None:
        raise NotFoundError(f"There is no MCP server '{name}'.")
    return cast("answers.McpServer", server)


def list_servers(engine: Engine, caller: Caller, limit: int, cursor: str | None = None) -> answers.McpServerPage:
    """`{items, next_cursor}`: the registrations, by name."""
    found, following = engine.mcp_servers.page(caller.tenant_id, limit, cursor)
    return {"items": cast("list[answers.McpServer]", found), "next_cursor": following}


def delete(engine: Engine, caller: Caller, name: str) -> None:
    """Remove a registration. It may be repeated for a day. Raises NotFoundError."""
    engine.mcp_servers.delete(caller.tenant_id, name, engine.now().timestamp())


def discover(
    engine: Engine, caller: Caller, name: str, *, list_tools: ListTools, secret_of: SecretOf
) -> answers.McpToolPage:
    """Ask a server for its tools: `{items: [{name, description, parameters, allowed}], next_cursor: null, warnings}`, warnings
    being sentences on those that were left out.

    Raises NotFoundError, InvalidRequestError for a secret that is not set, McpServerError.
    """
    server = get(engine, caller, name)
    secret = server.get("bearer_secret")
    token = secret_of(caller.tenant_id, secret) if secret else None
    if secret and token is None:
        raise InvalidRequestError(f"The server needs the secret {secret}, which is not among the tenant's own.")
    seconds = min(server.get("timeout_seconds") or DISCOVERY_SECONDS, DISCOVERY_SECONDS)
    allowed = server.get("allowed_tools")
    tools, warnings = list_tools(McpServer(name, server["url"], token, float(seconds)))
    items: list[answers.McpTool] = [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.input_schema),
            "allowed": allowed is None or tool.name in allowed,
        }
        for tool in tools
    ]
    return {"items": items, "next_cursor": None, "warnings": list(warnings)}
