"""Tools of MCP servers, against the real server of the `mcp` package on loopback."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_tools.mcp_content import ToolOutcome
from agent_tools.mcp_reading import mended_json
from agent_tools.mcp_servers import connect
from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply
from tests.support.mcp_server import TOOLS, mcp_server
from workflow_engine.agents.errors import McpServerError
from workflow_engine.agents.mcp import ListedTool, McpServer
from workflow_engine.outbound import AddressPolicy, AddressRefusedError

HERE = AddressPolicy.from_text("127.0.0.1")
TOKEN = "tok-4711-hush"

MODES: dict[str, dict[str, Any]] = {
    "of 2026": {},
    "of 2025, with sessions": {"handshake_only": True},
    "of 2025, without sessions": {"handshake_only": True, "stateless": True},
    "of 2025, without event streams": {"handshake_only": True, "json_response": True},
}
every_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES)


def failure(server: McpServer, policy: AddressPolicy = HERE) -> McpServerError:
    """What connecting and listing end in."""
    with pytest.raises(McpServerError) as failed, connect(server, policy) as connection:
        connection.tools()
    return failed.value


@every_mode
def test_tools_are_discovered_and_called(mode: dict[str, Any]) -> None:
    with mcp_server(**mode) as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert [tool.name for tool in crm.tools()] == [tool.name for tool in TOOLS]
        assert crm.tools()[1] == ListedTool(
            "echo",
            "Gives a text back.",
            {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
        )
        assert crm.call("echo", {"text": "hi ü"}) == ToolOutcome("hi ü")
        assert crm.call("add", {"a": 1, "b": 2.5}) == ToolOutcome({"sum": 3.5})
        assert crm.call("divide", {"a": 1, "b": 4}) == ToolOutcome("0.25")
    assert server.methods().count("tools/list") == 1
    assert server.methods().count("tools/call") == 3


def test_each_mode_is_really_spoken() -> None:
    def spoken(**mode: Any) -> tuple[bool, bool, bool]:
        """Whether there was a handshake, a session, and an end of the session."""
        with mcp_server(**mode) as server, connect(McpServer("crm", server.url), HERE) as crm:
            crm.call("echo", {"text": "x"})
        last = [asked for asked in server.requests if asked.method == "tools/call"][-1]
        ended = any(asked.http_method == "DELETE" for asked in server.requests)
        return "initialize" in server.methods(), "mcp-session-id" in last.headers, ended

    assert spoken() == (False, False, False)
    assert spoken(handshake_only=True) == (True, True, True)
    assert spoken(handshake_only=True, stateless=True) == (True, False, False)


def test_all_pages_of_the_list_are_read() -> None:
    with mcp_server(page_size=2) as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert [tool.name for tool in crm.tools()] == [tool.name for tool in TOOLS]
        crm.tools()
    assert server.methods().count("tools/list") == 5


def test_only_allowed_tools_are_told_and_called() -> None:
    with mcp_server() as server:
        listing = McpServer("crm", server.url, allowed_tools=("echo", "add", "not_there"))
        with connect(listing, HERE) as crm:
            assert [tool.name for tool in crm.tools()] == ["add", "echo"]
            for name in ("divide", "no_such_tool", "not_there"):
                outcome = crm.call(name, {"a": 1, "b": 0})
                assert outcome.is_error
                assert outcome.content == f"'{name}' is not a valid tool. Tools that may be called: add, echo."
        with connect(McpServer("crm", server.url, allowed_tools=()), HERE) as crm:
            assert crm.tools() == []
            assert crm.call("echo", {"text": "x"}).content.endswith("may be called: none.")
    assert "tools/call" not in server.methods()


@every_mode
def test_what_a_tool_refuses_is_an_outcome_for_the_model(mode: dict[str, Any]) -> None:
    with mcp_server(**mode) as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert crm.call("divide", {"a": 1, "b": 0}) == ToolOutcome("cannot divide by zero", is_error=True)
        assert crm.call("echo", {}) == ToolOutcome("'text' must be a string", is_error=True)
        assert crm.call("echo", {"text": "still there"}) == ToolOutcome("still there")


def test_other_content_than_text_is_described() -> None:
    with mcp_server() as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert crm.call("picture", {}).content == (
            "Here it is.\n[image, image/png, 400 bytes: not shown]\n[audio, audio/wav, 4 bytes: not shown]"
        )
        assert crm.call("files", {}).content == {
            "structured_content": {"files": 3},
            "content": "[resource file:///a.txt]\ninside\n[resource file:///b.bin, binary, 5 bytes: not shown]\n"
            "[link to resource 'c': https://example.com/c (the third)]",
        }


def test_a_long_result_is_cut_at_a_whole_character() -> None:
    with mcp_server() as server:
        with connect(McpServer("crm", server.url), HERE) as crm:
            assert crm.call("long", {"characters": 32_768}) == ToolOutcome("ü" * 32_768)
            assert crm.call("long", {"characters": 32_769}) == ToolOutcome("ü" * 32_768, truncated=True)
        with connect(McpServer("crm", server.url, max_result_bytes=5), HERE) as crm:
            assert crm.call("long", {"characters": 3}) == ToolOutcome("üü", truncated=True)
            assert crm.call("add", {"a": 1, "b": 2}) == ToolOutcome('{"sum', truncated=True)


def test_a_result_beyond_all_bounds_fails_the_call_and_not_the_connection() -> None:
    with mcp_server() as server, connect(McpServer("crm", server.url), HERE) as crm:
        with pytest.raises(McpServerError, match="The MCP server 'crm' "):
            crm.call("long", {"characters": 5_000_000})
        assert crm.call("echo", {"text": "still there"}) == ToolOutcome("still there")


@every_mode
def test_structured_content_that_breaks_the_tools_own_schema_becomes_text_with_a_note(mode: dict[str, Any]) -> None:
    with mcp_server(**mode) as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert crm.call("bad_output", {}) == ToolOutcome(
            '{"sum": "many"}\n[The structured content is left out: it does not fit the tool\'s schema at \'sum\': '
            "'many' is not of type 'number']"
        )


def test_a_pattern_of_the_server_that_backtracks_for_ever_is_matched_at_once() -> None:
    with mcp_server() as server, connect(McpServer("crm", server.url), HERE) as crm:
        assert "does not fit the tool's schema at 'text'" in crm.call("trap", {}).content


@every_mode
def test_a_slow_tool_is_given_up_and_the_server_stays_usable(mode: dict[str, Any]) -> None:
    with mcp_server(**mode) as server, connect(McpServer("crm", server.url, timeout_seconds=20), HERE) as crm:
        crm.tools()
        with pytest.raises(McpServerError, match=r"The MCP server 'crm' did not answer within 0\.1 seconds\."):
            crm.call("slow", {}, timeout_seconds=0.1)
        assert crm.call("echo", {"text": "still there"}) == ToolOutcome("still there")


def test_a_call_cannot_be_given_more_time_than_the_server_has() -> None:
    with mcp_server() as server, connect(McpServer("crm", server.url, timeout_seconds=2), HERE) as crm:
        crm.tools()
        with pytest.raises(McpServerError, match=r"within 2 seconds"):
            crm.call("slow", {}, timeout_seconds=60)


# --- tokens


@every_mode
def test_the_token_is_sent_with_each_request(mode: dict[str, Any]) -> None:
    with mcp_server(token=TOKEN, **mode) as server, connect(McpServer("crm", server.url, TOKEN), HERE) as crm:
        assert crm.call("echo", {"text": "in"}) == ToolOutcome("in")
    assert {asked.headers.get("authorization") for asked in server.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("token", ["tok-wrong", None])
def test_a_wrong_token_is_told_and_not_repeated(token: str | None, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with mcp_server(token=TOKEN) as server:
        error = failure(McpServer("crm", server.url, token))
    assert error.detail == "The MCP server 'crm' refuses the credentials (HTTP status 401)."
    assert error.code == "mcp_server_error"
    assert "tok-wrong" not in caplog.text


def test_a_token_that_the_server_says_back_is_blotted_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = McpServer("crm", "http://x.example", TOKEN)
    assert TOKEN not in repr(server)
    with mcp_server(token=TOKEN) as running, connect(McpServer("crm", running.url, TOKEN), HERE) as crm:
        assert json.loads(crm.call("leak", {}).content) == {"sent": "Bearer [secret]"}
    assert TOKEN not in caplog.text

    def blurt(asked: Received) -> Reply:
        message = f"no right: {asked.headers.get('authorization')}"
        return json_reply({"jsonrpc": "2.0", "id": asked.body["id"], "error": {"code": -32603, "message": message}})

    with VendorServer(answer=blurt) as vendor:
        error = failure(McpServer("crm", f"{vendor.url}/mcp", TOKEN))
    assert error.detail == "The MCP server 'crm' answered with an error: no right: Bearer [secret]"


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_another_origin_is_not_followed(status: int) -> None:
    with VendorServer() as other, VendorServer(answer=lambda _: Reply(status, {"location": f"{other.url}/x"})) as own:
        error = failure(McpServer("crm", f"{own.url}/mcp", TOKEN))
    assert "not followed" in error.detail
    assert other.requests == []


# --- servers that cannot be used


def test_loopback_is_refused_unless_it_is_allowed() -> None:
    with mcp_server() as server:
        error = failure(McpServer("crm", server.url), AddressPolicy())
        assert error.detail.startswith("The MCP server 'crm' may not be reached: '127.0.0.1' has a loopback address")
        assert "STEP_HTTP_ALLOWED_HOSTS" in error.detail
        assert isinstance(error.__cause__, AddressRefusedError)
        assert server.requests == []
        with connect(McpServer("crm", server.url), AddressPolicy.from_text("127.0.0.1")) as crm:
            assert crm.tools()


def test_an_address_that_only_a_look_up_shows_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflow_engine.outbound.system_lookup", lambda _host, _port: ["169.254.169.254"])
    error = failure(McpServer("crm", "http://crm.example/mcp"))
    assert error.detail.startswith("The MCP server 'crm' may not be reached: 'crm.example' has a link-local address")


def test_a_server_that_is_not_there_is_told() -> None:
    with mcp_server() as server:
        pass
    assert failure(McpServer("crm", server.url)).detail.startswith("The MCP server 'crm' cannot be reached: ")
    unknown = failure(McpServer("crm", "http://no.such.host.invalid/mcp"))
    assert unknown.detail == (
        "The MCP server 'crm' cannot be reached: The host 'no.such.host.invalid' cannot be found."
    )


@every_mode
def test_a_server_that_goes_away_fails_the_next_calls(mode: dict[str, Any]) -> None:
    with mcp_server(**mode) as server, connect(McpServer("crm", server.url), HERE) as crm:
        crm.tools()
        server.stop()
        for _ in range(2):
            with pytest.raises(McpServerError, match="The MCP server 'crm' "):
                crm.call("echo", {"text": "x"})


def test_a_server_that_goes_away_during_a_call_fails_the_call() -> None:
    with mcp_server() as server, connect(McpServer("crm", server.url), HERE) as crm:
        crm.tools()
        leaving = threading.Timer(0.1, server.stop)
        leaving.start()
        with pytest.raises(McpServerError, match="The MCP server 'crm' ") as failed:
            crm.call("slow", {})
        leaving.join()
    assert "did not answer within" not in failed.value.detail


def test_a_server_that_says_nothing_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = failure(McpServer("crm", f"http://127.0.0.1:{silent.getsockname()[1]}/mcp", timeout_seconds=0.2))
    assert error.detail == "The MCP server 'crm' did not answer within 0.2 seconds."


def result(asked: Received, value: Any) -> Reply:
    return json_reply({"jsonrpc": "2.0", "id": asked.body["id"], "result": value})


def endless_list(asked: Received) -> Reply:
    if asked.body["method"] == "tools/list":
        return result(
            asked, {"tools": [], "nextCursor": "again", "resultType": "complete", "ttlMs": 0, "cacheScope": "public"}
        )
    versions = {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "x", "version": "1"},
    }
    return result(asked, {**versions, "resultType": "complete", "ttlMs": 0, "cacheScope": "public"})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda _: Reply(500, body={"error": "x"}), "answered with HTTP status 500"),
        (lambda _: Reply(404), "answered with HTTP status 404"),
        (lambda _: Reply(403), r"refuses the credentials \(HTTP status 403\)"),
        (lambda _: Reply(200, {"content-type": "text/html"}, raw=b"<p>Hello"), "Unexpected content type: text/html"),
        (lambda _: Reply(raw=b"not json"), "Failed to parse JSON response"),
        (lambda _: Reply(raw=b"x" * 9_000_000), "longer than the 8,000,000 bytes allowed"),
        (lambda _: Reply(raw=b"half", drop=True), "broke the connection"),
        (endless_list, "its list of tools does not end"),
    ],
)
def test_a_server_that_speaks_no_mcp_is_told(answer: Callable[[Received], Reply], said: str) -> None:
    with VendorServer(answer=answer) as server, pytest.raises(McpServerError, match=f"^The MCP server 'crm' .*{said}"):
        raise failure(McpServer("crm", f"{server.url}/mcp", timeout_seconds=5))


# --- servers that make mistakes

OBJECT = {"type": "object", "properties": {"a": {"type": "string"}}}
BAD_TOOLS: list[Any] = [
    {"name": "good", "description": "Works.", "inputSchema": OBJECT, "annotations": 5, "icons": "none", "title": []},
    {"name": "good", "description": "Again.", "inputSchema": {"type": "object"}},
    {"name": "no_schema"},
    {"name": "no_type", "inputSchema": {"properties": {"any": True}, "required": "any"}},
    {"name": "bad_output", "inputSchema": {"type": "object"}, "outputSchema": {"type": 7}},
    {"name": "list_output", "inputSchema": {"type": "object"}, "outputSchema": {"type": "array"}},
    {"name": "takes_list", "inputSchema": {"type": "array"}},
    {"name": "no_properties", "inputSchema": {"type": "object", "properties": [1]}},
    {"name": "text_schema", "inputSchema": "object"},
    {"name": "half", "description": "half \ud83d of it", "inputSchema": {"type": "object"}},
    {"name": 5},
    "echo",
]
CONTENT: list[Any] = [
    {"type": "text", "text": "a \ud83d b \ud83d\ude00 c\\ud83d"},
    {"type": "hologram", "data": "x"},
    {"type": "poem", "text": "of later"},
    {"type": "image"},
    {"type": "resource", "resource": 5},
    "bare",
]


def mistaken(asked: Received, version: str) -> Reply:
    """A server of 2025 or 2026 whose lists and results are full of mistakes."""
    method = asked.body.get("method", "")
    since_2026 = {"resultType": "complete", "ttlMs": 0, "cacheScope": "public"} if version == "2026-07-28" else {}
    info = {"capabilities": {"tools": {}}, "serverInfo": {"name": "x", "version": "1"}}
    match method:
        case "server/discover" if since_2026:
            return result(asked, {**info, "supportedVersions": [version], **since_2026})
        case "initialize":
            return result(asked, {**info, "protocolVersion": version})
        case "tools/list":
            return result(asked, {"tools": BAD_TOOLS, **since_2026})
        case "tools/call" if asked.body["params"]["name"] == "list_output":
            return result(asked, {"content": [], "structuredContent": [1, 2], **since_2026})
        case "tools/call":
            return result(asked, {"content": CONTENT, **since_2026})
        case _ if "id" not in asked.body:
            return Reply(202)
        case _:
            error = {"code": -32601, "message": "Method not found"}
            return json_reply({"jsonrpc": "2.0", "id": asked.body["id"], "error": error})


@pytest.mark.parametrize("version", ["2025-03-26", "2025-11-25", "2026-07-28"])
def test_the_mistakes_of_one_tool_are_no_matter_to_the_others(version: str) -> None:
    with (
        VendorServer(answer=lambda asked: mistaken(asked, version)) as server,
        connect(McpServer("crm", f"{server.url}/mcp"), HERE) as crm,
    ):
        tools = {tool.name: tool for tool in crm.tools()}
        assert list(tools) == ["good", "no_schema", "no_type", "bad_output", "list_output", "half"]
        assert (tools["good"].description, tools["good"].input_schema) == ("Works.", OBJECT)
        assert tools["no_type"].input_schema == {"type": "object", "properties": {"any": {}}}
        assert tools["half"].description == "half \ufffd of it"
        assert crm.warnings() == [
            f"MCP server 'crm': The tool '{name}' was left out: {why}."
            for name, why in (
                ("good", "it is listed twice; the first one counts"),
                ("takes_list", "its arguments are not an object"),
                ("no_properties", "the properties of its inputSchema are not an object"),
                ("text_schema", "its inputSchema is not a valid schema"),
                ("5", "it has no usable name"),
                ("None", "it has no usable name"),
            )
        ]
        assert crm.call("bad_output", {}).content == (
            "a \ufffd b 😀 c\\ud83d\n[content of the kind 'hologram': not shown]\nof later\n"
            "[image, unknown, 0 bytes: not shown]\n[content of the kind 'resource': not shown]\nbare"
        )
        assert crm.call("list_output", {}) == ToolOutcome([1, 2])


def test_the_mistakes_of_tools_that_are_not_allowed_are_not_told() -> None:
    with (
        VendorServer(answer=lambda asked: mistaken(asked, "2026-07-28")) as server,
        connect(McpServer("crm", f"{server.url}/mcp", allowed_tools=["half"]), HERE) as crm,
    ):
        assert [tool.name for tool in crm.tools()] == ["half"]
        assert [warning for warning in crm.warnings() if "no usable name" not in warning] == []


ESCAPES = [rb"\ud83d", rb"\ude00", rb"\u00e9", rb"\\", rb"\n", b"u", b"d83d", b"\\"]


@given(st.lists(st.sampled_from(ESCAPES), max_size=6).map(b"".join), st.integers(1, 5))
def test_half_characters_are_mended_however_the_bytes_come(text: bytes, size: int) -> None:
    kept, mended = b"", b""
    for start in range(0, len(text), size):
        done, kept = mended_json(kept + text[start : start + size])
        mended += done
    mended += mended_json(kept, is_last=True)[0]
    try:
        meant = json.loads(b'"' + text + b'"')
    except ValueError:
        return
    whole = meant.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    assert json.loads(b'"' + mended + b'"') == whole


# --- the facade


def test_several_servers_can_be_connected_at_once() -> None:
    with ExitStack() as opened:
        servers = [opened.enter_context(mcp_server(**mode)) for mode in MODES.values()]
        connections = [opened.enter_context(connect(McpServer(s.url, s.url), HERE)) for s in servers]
        outcomes: dict[int, ToolOutcome] = {}

        def ask(number: int) -> None:
            outcomes[number] = connections[number].call("add", {"a": number, "b": 1})

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(servers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert outcomes == {number: ToolOutcome({"sum": number + 1}) for number in range(len(MODES))}


def test_leaving_the_context_ends_its_thread_also_after_an_error() -> None:
    def fail(server: McpServer) -> None:
        with connect(server, HERE) as connection:
            connection.tools()
            assert [thread for thread in threading.enumerate() if "mcp crm" in thread.name]
            raise ZeroDivisionError

    before = threading.active_count()
    with mcp_server() as server:
        with pytest.raises(ZeroDivisionError):
            fail(McpServer("crm", server.url))
        assert not [thread for thread in threading.enumerate() if "mcp crm" in thread.name]
    assert threading.active_count() <= before
