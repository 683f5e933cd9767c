"""What an MCP server says, made readable for the `mcp` package, which takes or refuses each message as a whole.

One tool with a schema that is none, two of one name or half a character would make all tools of a server useless; a kind of
content that came with a later version would lose a call's whole result. So messages are read before the package checks
them: lists of tools one by one, results of calls as they came (`raw_result`), and halves of surrogate pairs as U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final

import httpx2
from mcp.client._transport import Transport, TransportStreams
from mcp.shared._stream_protocols import ReadStream
from mcp.shared.message import SessionMessage
from mcp_types import CallToolResult, JSONRPCResponse

from workflow_engine.agents.mcp import ListedTool

Json = dict[str, Any]
Allows = Callable[[str], bool]

_RAW: Final = "workflow-engine/raw"
"""Where in a result's `_meta` the whole of it is kept."""

_MAX_NAME_CHARACTERS: Final = 128


@dataclass(slots=True)
class ToolList:
    """What came of the lists of a server, page by page: tools by name, in its order, and what could not be read."""

    allows: Allows
    tools: dict[str, ListedTool] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _is_whole: bool = False

    def page(self, entries: list[Any]) -> list[Json]:
        """Take in a page; gives what the package is shown of it. Tools that are not allowed are left out before anything
        else, so that their mistakes are no matter.
        """
        shown = []
        seen: set[str] = set()
        for entry in entries:
            name = entry.get("name") if isinstance(entry, dict) else None
            if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME_CHARACTERS:
                self._warn(str(name)[:40], "it has no usable name")
                continue
            if not self.allows(name):
                continue
            schema, problem = _input_schema(entry.get("inputSchema"))
            if name in seen or (name in self.tools and not self._is_whole):
                problem = "it is listed twice; the first one counts"
            if problem:
                self._warn(name, problem)
                continue
            seen.add(name)
            said = entry.get("description")
            description = said if isinstance(said, str) else ""
            self.tools[name] = ListedTool(name, description, schema, entry.get("outputSchema"))
            # Without its outputSchema: results are held against that here, where a misfit loses nothing.
            shown.append({"name": name, "description": description, "inputSchema": schema})
        return shown

    def end(self, taken: Collection[str]) -> None:
        """The list is whole; `taken` are the tools that the package took. It may list them again, to see changes."""
        for name in [name for name in self.tools if name not in taken]:
            del self.tools[name]
            self._warn(name, "its inputSchema asks for headers that may not be sent")
        self._is_whole = True

    def _warn(self, name: str, problem: str) -> None:
        if not self._is_whole:
            self.warnings.append(f"The tool '{name}' was left out: {problem}.")


def raw_result(result: CallToolResult) -> Mapping[str, Any]:
    """The result of a call as the server gave it."""
    raw: Mapping[str, Any] = (result.meta or {}).get(_RAW, {})
    return raw


@asynccontextmanager
async def readable(transport: Transport, listed: ToolList) -> AsyncIterator[TransportStreams]:
    """A transport whose messages from the server are made readable; tools go into `listed`."""
    async with transport as (received, sent):
        yield _ReadableStream(received, listed), sent


async def mend_characters(response: httpx2.Response) -> None:
    """A hook of the HTTP client: JSON in the response spells no half surrogate pairs any more."""
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _MendedStream(response.stream)


class _ReadableStream:
    """Messages from the server, made readable as they are received."""

    def __init__(self, inner: ReadStream[SessionMessage | Exception], listed: ToolList) -> None:
        self._inner = inner
        self._listed = listed

    @property
    def last_context(self) -> Any:
        """As the package's own streams: the context of the sender of the last message."""
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> SessionMessage | Exception:
        return self._read(await self._inner.receive())

    def __aiter__(self) -> _ReadableStream:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        return self._read(await self._inner.__anext__())

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> _ReadableStream:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> bool | None:
        return await self._inner.__aexit__(exc_type, exc_val, exc_tb)

    def _read(self, item: SessionMessage | Exception) -> SessionMessage | Exception:
        if isinstance(item, SessionMessage) and isinstance(item.message, JSONRPCResponse):
            item.message.result = self._readable(item.message.result)
        return item

    def _readable(self, result: Json) -> Json:
        """A list of tools and the result of a call are known by their form: nothing else that is asked for has it."""
        if isinstance(tools := result.get("tools"), list):
            kept = {name: value for name, value in result.items() if name != "_meta"}
            return {**kept, "tools": self._listed.page(tools)}
        if ("content" in result or "structuredContent" in result) and result.get(
            "resultType", "complete"
        ) == "complete":
            return {
                "resultType": "complete",
                "content": [],
                "isError": result.get("isError") is True,
                "_meta": {_RAW: result},
            }
        return result


def _input_schema(schema: Any) -> tuple[Json, str | None]:
    """A schema of arguments that the package takes, and why there is none. A tool without one may be called all the same."""
    if schema is None:
        return {"type": "object"}, None
    if not isinstance(schema, dict):
        return {}, "its inputSchema is not a valid schema"
    if schema.get("type", "object") != "object":
        return {}, "its arguments are not an object"
    properties, required = schema.get("properties"), schema.get("required")
    if properties is not None and not isinstance(properties, dict):
        return {}, "the properties of its inputSchema are not an object"
    if required is not None and not (isinstance(required, list) and all(isinstance(name, str) for name in required)):
        required = None
    read = {name: value for name, value in schema.items() if name not in ("properties", "required", "$schema")}
    if properties is not None:
        booleans: dict[bool, Json] = {True: {}, False: {"not": {}}}
        read["properties"] = {n: booleans[s] if isinstance(s, bool) else s for n, s in properties.items()}
        if not all(isinstance(inner, dict) for inner in read["properties"].values()):
            return {}, "a property of its inputSchema is not a valid schema"
    if required is not None:
        read["required"] = required
    return {**read, "type": "object"}, None


_HIGH: Final = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_BEGUN: Final = rb"\\(?:u[0-9a-fA-F]{0,3})?"
_ESCAPE: Final = re.compile(
    rb"%b\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\u[0-9a-fA-F]{4}|\\[^u]" % _HIGH,
    re.DOTALL,
)
_UNFINISHED: Final = re.compile(rb"%b|%b(?:%b)?" % (_BEGUN, _HIGH, _BEGUN))
"""An escape that may go on in the next piece: its beginning, or the first half of a pair."""


class _MendedStream(httpx2.AsyncByteStream):
    """The bytes of JSON or of events with JSON, each half of a surrogate pair replaced by U+FFFD."""

    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        kept = b""
        async for piece in self._inner:
            mended, kept = mended_json(kept + piece)
            if mended:
                yield mended
        if kept:
            yield mended_json(kept, is_last=True)[0]

    async def aclose(self) -> None:
        await self._inner.aclose()


def mended_json(data: bytes, *, is_last: bool = False) -> tuple[bytes, bytes]:
    """The bytes with each half pair mended, and what is kept back since the next piece may make it whole."""
    if b"\\u" not in data and not data.endswith(b"\\"):
        return data, b""
    written: list[bytes] = []
    done, place = 0, data.find(b"\\")
    while place >= 0:
        match = _ESCAPE.match(data, place)
        if (match is None or match["half"]) and not is_last and _UNFINISHED.fullmatch(data, place):
            return b"".join([*written, data[done:place]]), data[place:]
        if match is not None and match["half"]:
            written += [data[done:place], rb"\ufffd"]
            done = match.end()
        place = data.find(b"\\", match.end() if match else place + 1)
    return b"".join([*written, data[done:]]), b""
