"""A real MCP server on loopback: the `mcp` package's own, behind uvicorn, in a thread.

    with mcp_server(token="t") as server:
        ...  # a client is pointed at server.url
    assert server.methods() == ["server/discover", "tools/list", ...]

Its tools: `add` (structured), `echo`, `divide` (fails on 0), `picture` and `files` (other content than text), `slow`,
`long`, `bad_output` (breaks its own schema), `trap` (a pattern in its schema backtracks for ever), `leak` (says the token
that it was sent). Leaving the context stops the server at once, calls that still run included.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    AudioContent,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ListToolsResult,
    PaginatedRequestParams,
    ResourceLink,
    TextContent,
    TextResourceContents,
    Tool,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SLOW_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 60.0


def _schema(**properties: str) -> dict[str, Any]:
    return {"type": "object", "properties": {n: {"type": t} for n, t in properties.items()}, "required": [*properties]}


TOOLS: Final = (
    Tool(
        name="add",
        description="Adds two numbers.",
        input_schema=_schema(a="number", b="number"),
        output_schema=_schema(sum="number"),
    ),
    Tool(name="echo", description="Gives a text back.", input_schema=_schema(text="string")),
    Tool(name="divide", description="Divides two numbers.", input_schema=_schema(a="number", b="number")),
    Tool(name="picture", description="Shows a picture.", input_schema=_schema()),
    Tool(name="files", description="Gives files.", input_schema=_schema()),
    Tool(name="slow", description="Takes its time.", input_schema=_schema()),
    Tool(name="long", description="Gives so many characters.", input_schema=_schema(characters="integer")),
    Tool(name="bad_output", input_schema=_schema(), output_schema=_schema(sum="number")),
    Tool(
        name="trap",
        input_schema=_schema(),
        output_schema={"type": "object", "properties": {"text": {"pattern": "^(a+)+$"}}},
    ),
    Tool(name="leak", description="Says what token it was sent.", input_schema=_schema()),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its HTTP method, the method of JSON-RPC if it has one, headers with names in lower case."""

    http_method: str
    method: str | None
    headers: dict[str, str]


@dataclass(slots=True)
class RunningMcpServer:
    """A server that runs. `stop` may be called early, to see what becomes of a client."""

    url: str
    requests: list[Asked] = field(default_factory=list)
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None

    def methods(self) -> list[str]:
        """The methods of JSON-RPC that were asked for, in order."""
        return [asked.method for asked in self.requests if asked.method]

    def stop(self) -> None:
        """Stop, and break off what still runs."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(_STOP_SECONDS)
        assert not self._thread.is_alive(), "the MCP server did not stop"
        self._server = None


@contextmanager
def mcp_server(
    *,
    token: str | None = None,
    page_size: int = 100,
    stateless: bool = False,
    json_response: bool = False,
    handshake_only: bool = False,
) -> Iterator[RunningMcpServer]:
    """Run a server. `token` is the bearer token that it asks for; `page_size` is of its list of tools; `stateless` and
    `json_response` are the modes of the older transport, which `handshake_only` leaves as the only one.
    """
    app = _server(page_size).streamable_http_app(stateless_http=stateless, json_response=json_response)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    running = RunningMcpServer(f"http://127.0.0.1:{listening.getsockname()[1]}/mcp")
    guarded = _Front(app, running.requests, token, handshake_only)
    server = uvicorn.Server(uvicorn.Config(guarded, log_config=None, log_level="critical", timeout_graceful_shutdown=0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="mcp-server")
    running._server, running._thread = server, thread
    thread.start()
    try:
        deadline = time.monotonic() + _STOP_SECONDS
        while not server.started:
            assert thread.is_alive(), "the MCP server ended at once"
            assert time.monotonic() < deadline, "the MCP server did not start"
            time.sleep(0.005)
        yield running
    finally:
        running.stop()
        listening.close()


def _server(page_size: int) -> Server[dict[str, Any]]:
    async def list_tools(
        _context: ServerRequestContext[dict[str, Any]], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        start = int(params.cursor) if params and params.cursor else 0
        end = start + page_size
        return ListToolsResult(tools=list(TOOLS[start:end]), next_cursor=str(end) if end < len(TOOLS) else None)

    async def call_tool(context: ServerRequestContext[dict[str, Any]], params: CallToolRequestParams) -> CallToolResult:
        return await _call(params.name, params.arguments or {}, context)

    return Server("tests", version="1", on_list_tools=list_tools, on_call_tool=call_tool)


async def _call(name: str, arguments: dict[str, Any], context: ServerRequestContext[dict[str, Any]]) -> CallToolResult:
    match name:
        case "add":
            total = {"sum": arguments["a"] + arguments["b"]}
            return CallToolResult(content=[TextContent(text=json.dumps(total))], structured_content=total)
        case "echo":
            if not isinstance(arguments.get("text"), str):
                raise MCPError(INVALID_PARAMS, "'text' must be a string")
            return CallToolResult(content=[TextContent(text=arguments["text"])])
        case "divide" if arguments["b"] == 0:
            return CallToolResult(content=[TextContent(text="cannot divide by zero")], is_error=True)
        case "divide":
            return CallToolResult(content=[TextContent(text=str(arguments["a"] / arguments["b"]))])
        case "picture":
            picture = ImageContent(data=base64.b64encode(b"\x89PNG" * 100).decode(), mime_type="image/png")
            sound = AudioContent(data=base64.b64encode(b"RIFF").decode(), mime_type="audio/wav")
            return CallToolResult(content=[TextContent(text="Here it is."), picture, sound])
        case "files":
            text = EmbeddedResource(resource=TextResourceContents(uri="file:///a.txt", text="inside"))
            blob = base64.b64encode(b"12345").decode()
            binary = EmbeddedResource(resource=BlobResourceContents(uri="file:///b.bin", blob=blob))
            link = ResourceLink(name="c", uri="https://example.com/c", description="the third")
            return CallToolResult(content=[text, binary, link], structured_content={"files": 3})
        case "slow":
            await anyio.sleep(SLOW_SECONDS)
            return CallToolResult(content=[TextContent(text="done")])
        case "long":
            return CallToolResult(content=[TextContent(text="ü" * arguments["characters"])])
        case "bad_output":
            return CallToolResult(content=[], structured_content={"sum": "many"})
        case "trap":
            return CallToolResult(content=[], structured_content={"text": "a" * 60 + "!"})
        case "leak":
            sent = context.request.headers.get("authorization", "none") if context.request else "none"
            return CallToolResult(content=[TextContent(text=sent)], structured_content={"sent": sent})
        case _:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {name}")


@dataclass(frozen=True, slots=True)
class _Front:
    """ASGI in front of the server: keeps what is asked, checks the token, plays a server of before 2026."""

    app: ASGIApp
    requests: list[Asked]
    token: str | None
    handshake_only: bool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        body = await _body(receive)
        asked = json.loads(body) if body else {}
        self.requests.append(Asked(scope["method"], asked.get("method"), headers))
        version = headers.get("mcp-protocol-version")
        if self.token is not None and headers.get("authorization") != f"Bearer {self.token}":
            await _answer(send, 401, {"error": "invalid_token", "sent": headers.get("authorization")})
        elif self.handshake_only and version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            error = {"code": -32600, "message": f"Bad Request: Unsupported protocol version: {version}"}
            await _answer(send, 400, {"jsonrpc": "2.0", "id": "server-error", "error": error})
        else:
            await self.app(scope, _again(body, receive), send)


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    """A body that was read, to be read once more; then whatever comes, such as the client's leaving."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return first.pop() if first else await receive()

    return read


async def _answer(send: Send, status: int, document: dict[str, Any]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(document).encode()})
