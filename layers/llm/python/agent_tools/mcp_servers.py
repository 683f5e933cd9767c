"""Tools of MCP servers, over streamable HTTP, for callers that know nothing of event loops.

    with connect(McpServer("crm", "https://crm.example.com/mcp", token, allowed_tools=("find",)), policy) as crm:
        crm.tools()                           # name, description, schema of the arguments
        crm.call("find", {"name": "Ann"})     # ToolOutcome

The session of the `mcp` package runs on an event loop in a thread of its own, as long as the context lasts; several
servers may be connected at once. Requests go through `guarded_http`, the token to the server's own origin only. Whatever
goes wrong between here and there becomes an `McpServerError`; what a tool itself refuses is an outcome, the model's to read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, TypeVar

import anyio
import httpx2
from anyio.abc import TaskStatus
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, INVALID_PARAMS, REQUEST_TIMEOUT, CallToolResult, Implementation

from agent_tools import guarded_http
from agent_tools.mcp_content import ToolOutcome, outcome_of
from agent_tools.mcp_reading import ToolList, mend_characters, raw_result, readable
from workflow_engine.agents.errors import McpServerError
from workflow_engine.agents.mcp import ListedTool, McpServer
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.outbound import AddressPolicy, AddressRefusedError

MAX_RESPONSE_BYTES: Final = 8_000_000
"""Of an HTTP answer; a stream of events counts as one."""

MAX_EVENT_BYTES: Final = 4_000_000
MAX_TOOLS: Final = 2_000
MAX_PAGES: Final = 100
CLOSE_SECONDS: Final = 2.0
_MAX_REASON_CHARACTERS: Final = 400

_T = TypeVar("_T")

# All that it would log is raised as well; and it logs what servers answer, at ERROR, which may be anything.
logging.getLogger("mcp.client").setLevel(logging.CRITICAL)


class McpConnection:
    """A connected server."""

    def __init__(self, server: McpServer, portal: BlockingPortal, session: _Session) -> None:
        self.server = server
        self._portal = portal
        self._session = session
        self._listed: ToolList | None = None

    def tools(self) -> list[ListedTool]:
        """The tools that may be called, in the server's order; asked for once. Raises McpServerError."""
        return list(self._list().tools.values())

    def warnings(self) -> list[str]:
        """What could not be read of the server's list, in sentences. Raises McpServerError."""
        named = f"MCP server '{self.server.name}': "
        return [named + self._session.plain(warning) for warning in self._list().warnings]

    def call(self, name: str, arguments: Mapping[str, Any], timeout_seconds: float | None = None) -> ToolOutcome:
        """Call a tool. One that is not there or not allowed is not called, and the outcome tells so. `timeout_seconds` may
        only shorten the server's. Raises McpServerError.
        """
        tools = self._list().tools
        if name not in tools:
            names = list(tools)
            return ToolOutcome(
                f"'{name}' is not a valid tool. Tools that may be called: {', '.join(names) or 'none'}.", True
            )
        seconds = min(self.server.timeout_seconds, math.inf if timeout_seconds is None else timeout_seconds)
        try:
            result = self._ask(lambda: self._session.call_tool(name, dict(arguments)), seconds)
        except McpServerError as error:
            # The server's word for arguments that do not fit is an error of the protocol, but the model can mend it.
            if isinstance(error.__cause__, MCPError) and error.__cause__.code == INVALID_PARAMS:
                return ToolOutcome(self._session.plain(error.__cause__.message), True)
            raise
        return outcome_of(
            raw_result(result), tools[name].output_schema, self.server.max_result_bytes, self.server.bearer_token
        )

    def _list(self) -> ToolList:
        if self._listed is None:
            self._listed = self._ask(self._session.list_tools, self.server.timeout_seconds)
        return self._listed

    def _ask(self, work: Callable[[], Awaitable[_T]], seconds: float) -> _T:
        try:
            return self._portal.call(self._session.ask, work, seconds)
        except Exception as error:  # `mcp` raises many kinds, groups of them, and RuntimeError for broken results
            raise self._session.failed(error, seconds) from error


@contextmanager
def connect(server: McpServer, policy: AddressPolicy) -> Iterator[McpConnection]:
    """Connect to a server and agree on a protocol version, newer or older. Leaving the context ends the session. Raises
    McpServerError, also for an address that the policy refuses.
    """
    session = _Session(server, policy)
    try:
        policy.check_url(server.url)
    except AddressRefusedError as error:
        raise session.failed(error, 0) from error
    with start_blocking_portal("asyncio", name=f"mcp {server.name}") as portal:
        try:
            ended, _ = portal.start_task(session.serve)
        except Exception as error:  # as in McpConnection._ask
            raise session.failed(error, server.timeout_seconds) from error
        try:
            yield McpConnection(server, portal, session)
        finally:
            # Errors of the session were told to those who asked something; nobody waits for an answer any more.
            with suppress(Exception):
                portal.call(session.stop)
                ended.result()


def list_tools(server: McpServer, policy: AddressPolicy) -> tuple[list[ListedTool], list[str]]:
    """The tools of a server that may be called, and sentences on what could not be read. Raises McpServerError."""
    with connect(server, policy) as connection:
        return connection.tools(), connection.warnings()


class _Session:
    """The session on its event loop: one task holds it open (`serve`), others ask (`ask`)."""

    def __init__(self, server: McpServer, policy: AddressPolicy) -> None:
        self._server = server
        self._policy = policy
        self._client: Client | None = None
        self._failure: BaseException | None = None
        self._status: int | None = None
        self._waiting: set[anyio.CancelScope] = set()
        self._listed = ToolList(server.allows)

    async def serve(self, *, task_status: TaskStatus[None]) -> None:
        """Connect, and stay so until `stop`. What breaks the session meanwhile is raised, to those who wait too."""
        self._stopped, self._ended = anyio.Event(), anyio.Event()
        try:
            with anyio.CancelScope(deadline=anyio.current_time() + self._server.timeout_seconds) as scope:
                async with self._http_client() as http, self._make_client(http) as client:
                    self._client = client
                    scope.deadline = math.inf
                    task_status.started()
                    await self._stopped.wait()
                    scope.deadline = anyio.current_time() + CLOSE_SECONDS
            if self._client is None:
                raise TimeoutError
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._ended.set()
            for waiting in self._waiting:
                waiting.cancel()

    async def stop(self) -> None:
        """Let `serve` end."""
        self._stopped.set()

    async def ask(self, work: Callable[[], Awaitable[_T]], seconds: float) -> _T:
        """Do something with the client within so many seconds. Raises TimeoutError, the failure of the session, and what
        the client raises.
        """
        self._status = None
        answer: list[_T] = []
        with anyio.CancelScope(deadline=anyio.current_time() + seconds) as scope:
            self._waiting.add(scope)
            try:
                if self._ended.is_set():
                    scope.cancel()
                answer.append(await work())
            except MCPError as error:
                if error.code != CONNECTION_CLOSED:
                    raise
                with anyio.move_on_after(CLOSE_SECONDS):  # `serve` is about to learn why
                    await self._ended.wait()
                raise self._failure or error from error
            finally:
                self._waiting.discard(scope)
        if answer:
            return answer[0]
        raise self._failure or TimeoutError()

    async def list_tools(self) -> ToolList:
        """All pages of the server's list, read tool by tool on their way here."""
        assert self._client is not None
        taken: set[str] = set()
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._client.list_tools(cursor=cursor)
            taken |= {tool.name for tool in page.tools}
            cursor = page.next_cursor
            if cursor is None:
                self._listed.end(taken)
                return self._listed
            if len(taken) > MAX_TOOLS:
                break
        raise RuntimeError("its list of tools does not end")

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """One call, whatever it gives."""
        assert self._client is not None
        return await self._client.call_tool(name, arguments)

    def failed(self, error: BaseException, seconds: float) -> McpServerError:
        """An error as the workflow's author reads it, with the server's name and without its token."""
        reason = self.plain(self._reason(next(_leaves(error)), seconds))
        return McpServerError(f"The MCP server '{self._server.name}' {reason}")

    def plain(self, text: str) -> str:
        """A server's words on one line, cut, its token blotted out."""
        if self._server.bearer_token:
            text = text.replace(self._server.bearer_token, "[secret]")
        return " ".join(text.split())[:_MAX_REASON_CHARACTERS]

    def _reason(self, error: BaseException, seconds: float) -> str:
        match error:
            case AddressRefusedError():
                return f"may not be reached: {error.detail}"
            case WorkflowEngineError():
                return f"cannot be used: {error.detail}"
            case TimeoutError() | httpx2.TimeoutException():
                return f"did not answer within {seconds:g} seconds."
            case MCPError(code=code) if code == REQUEST_TIMEOUT:
                return f"did not answer within {seconds:g} seconds."
            case httpx2.ConnectError():
                return f"cannot be reached: {error}"
            case httpx2.HTTPError():
                return f"broke the connection: {error or type(error).__name__}"
            case MCPError() if self._status in (401, 403):
                return f"refuses the credentials (HTTP status {self._status})."
            case MCPError() if self._status is not None:
                return f"answered with HTTP status {self._status}: {error.message}"
            case MCPError():
                return f"answered with an error: {error.message}"
            case _:
                return f"answered not as the protocol wants: {error or type(error).__name__}"

    def _http_client(self) -> httpx2.AsyncClient:
        token = self._server.bearer_token
        client = guarded_http.async_client(
            self._policy,
            seconds=self._server.timeout_seconds,
            max_response_bytes=MAX_RESPONSE_BYTES,
            token=guarded_http.OriginToken(self._server.url, token) if token else None,
        )
        client.event_hooks["response"] += [self._note_status, mend_characters]
        return client

    async def _note_status(self, response: httpx2.Response) -> None:
        """`mcp` does not tell an error's HTTP status."""
        self._status = response.status_code if response.is_error else None

    def _make_client(self, http: httpx2.AsyncClient) -> Client:
        transport = streamable_http_client(self._server.url, http_client=http, max_sse_event_size=MAX_EVENT_BYTES)
        return Client(
            readable(transport, self._listed),
            cache=None,
            client_info=Implementation(name="workflow-engine", version="1"),
        )


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors in a group, at any depth; an error that is no group is its own."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
