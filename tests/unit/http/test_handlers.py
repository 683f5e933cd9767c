"""Routes of the API functions against use cases that only say how they were called."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from infra.catalog import FUNCTIONS, function
from infra.local.gateway import Gateway, HttpRequest
from infra.packaging import OPENAPI_FILE
from workflow_engine.agents.errors import McpServerError
from workflow_engine.agents.mcp import McpServer
from workflow_engine.errors import NotFoundError
from workflow_engine.outbound import AddressPolicy
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.definitions.check_definition import DefinitionKind
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.prompts.check_prompt import PROMPTS
from workflow_engine.usecases.runs.results_page import EVERYTHING, Output, ResultsQuery
from workflow_engine.usecases.workflows.preconditions import NO_PRECONDITION

CALLER = Caller(tenant_id="default", user_id=None, roles=None)
ENGINE = object()
STARTED = {"execution_id": "e-1", "status": "running", "workflow_name": "w", "started_at": "2026-01-12T21:45:55.000Z"}
SAVED = {
    "version": 2,
    "content_hash": "1f3a" * 16,
    "build": {"number": 1},
    "paused_at": None,
    "resumed_at": None,
}

Record = Callable[..., None]


class Api:
    """The API with use cases replaced: `calls` are (use case, arguments without engine and caller)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self._monkeypatch = monkeypatch
        self.gateway = Gateway(FUNCTIONS)
        monkeypatch.setenv("AUTH_MODE", "local")
        for name in ("api_workflows", "api_executions", "api_steps", "api_agents", "api_tools"):
            monkeypatch.setattr(importlib.import_module(f"functions.{name}.handler"), "engine", lambda: ENGINE)

    def answer(self, usecase: str, result: Any) -> None:
        """Let a use case, given as module.function, answer with a result or raise it."""
        module, _, name = usecase.rpartition(".")

        def fake(engine: Any, caller: Caller, *args: Any, **kwargs: Any) -> Any:
            assert (engine, caller) == (ENGINE, CALLER)
            self.calls.append((usecase, args, kwargs))
            if isinstance(result, Exception):
                raise result
            return result

        self._monkeypatch.setattr(importlib.import_module(f"workflow_engine.usecases.{module}"), name, fake)

    def send(self, method: str, url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        path, _, query = url.partition("?")
        given = [("content-type", "application/json"), *((k.replace("_", "-"), v) for k, v in headers.items())]
        content = b"" if body is None else json.dumps(body).encode()
        response = self.gateway.handle(HttpRequest(method, path, query, given, content))
        return response.status, json.loads(response.body) if response.body else None


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    return Api(monkeypatch)


@pytest.mark.parametrize("url", ["/workflows/execute", "/workflows/w-1/execute"])
@pytest.mark.parametrize(("wait", "ended", "status"), [("", True, 202), ("?wait=0", True, 202), ("?wait=5", True, 200)])
def test_a_run_is_answered_at_once_or_when_it_ended(api: Api, url: str, wait: str, ended: bool, status: int) -> None:
    api.answer("runs.start_run.start", STARTED)
    api.answer("runs.start_run.start_stored", STARTED)
    api.answer("runs.read_results.wait_for_end", ended)
    api.answer("runs.read_results.results_at_hand", {"status": "completed"})
    given, body = api.send("POST", url + wait, {"name": "w"}, idempotency_key="k-1")
    assert given == status
    assert body == (STARTED if status == 202 else {"status": "completed"})
    assert api.calls[0][1][-2:] == ({"name": "w"}, "k-1")


def test_a_run_that_outlasts_the_wait_is_answered_as_started(api: Api) -> None:
    api.answer("runs.start_run.start", STARTED)
    api.answer("runs.read_results.wait_for_end", False)
    assert api.send("POST", "/workflows/execute?wait=25", {}) == (202, STARTED)
    assert api.calls[1] == ("runs.read_results.wait_for_end", ("e-1", 25), {})


def test_nothing_is_started_when_the_wait_is_out_of_range(api: Api) -> None:
    status, problem = api.send("POST", "/workflows/execute?wait=26", {})
    assert (status, problem["code"], api.calls) == (422, "invalid_request", [])


def test_a_stored_workflow_may_be_executed_without_a_body(api: Api) -> None:
    api.answer("runs.start_run.start_stored", STARTED)
    assert api.send("POST", "/workflows/w-1/execute")[0] == 202
    assert api.calls == [("runs.start_run.start_stored", ("w-1", {}, None), {})]


@pytest.mark.parametrize(
    ("method", "url", "usecase", "result", "status", "arguments"),
    [
        ("POST", "/workflows/validate", "workflows.validate_workflow.validate", {"is_valid": False}, 200, ({"a": 1},)),
        ("POST", "/workflows/compile", "workflows.compile_workflow.compile_body", {"asl": {}}, 200, ({"a": 1},)),
        ("POST", "/workflows", "workflows.save_workflow.create", SAVED, 201, ({"a": 1}, None)),
        ("GET", "/workflows/w-1?version=2", "workflows.read_workflows.get", SAVED, 200, ("w-1", 2)),
        (
            "PUT",
            "/workflows/w-1",
            "workflows.save_workflow.update",
            (SAVED, False),
            200,
            ("w-1", {"a": 1}, NO_PRECONDITION),
        ),
        (
            "PUT",
            "/workflows/w-1",
            "workflows.save_workflow.update",
            (SAVED, True),
            201,
            ("w-1", {"a": 1}, NO_PRECONDITION),
        ),
        ("DELETE", "/workflows/w-1", "workflows.save_workflow.delete", None, 204, ("w-1", NO_PRECONDITION)),
        (
            "GET",
            "/workflows/w-1/versions",
            "workflows.read_workflows.list_versions",
            {"items": []},
            200,
            ("w-1", 50, None),
        ),
        ("GET", "/executions/e-1", "runs.read_progress.read_progress", {"status": "running"}, 200, ("e-1",)),
        ("GET", "/executions/e-1/results", "runs.read_results.results", {}, 200, ("e-1", EVERYTHING)),
        (
            "GET",
            "/executions/e-1/results?limit=100&cursor=x&steps=a,b[0].c&links=true",
            "runs.read_results.results",
            {},
            200,
            ("e-1", ResultsQuery(100, "x", ("a", "b[0].c"), True)),
        ),
        ("GET", "/executions/e-1/history?cursor=x", "runs.read_results.events", {"items": []}, 200, ("e-1", 50, "x")),
        (
            "GET",
            "/executions/e-1/events?cursor=x&wait=3&last_event_id=7",
            "runs.live_events.run_events",
            {"items": []},
            200,
            ("e-1", 50, "x", 3, "7"),
        ),
        ("POST", "/executions/e-1/cancel", "runs.cancel_run.cancel", {"status": "cancelled"}, 200, ("e-1", {"a": 1})),
        ("POST", "/steps/register", "steps.register_step.register", ({"step_type": "a"}, True), 201, ({"a": 1}, None)),
        ("POST", "/steps/register", "steps.register_step.register", ({"step_type": "a"}, False), 200, ({"a": 1}, None)),
        ("GET", "/steps", "steps.read_steps.list_steps", {"steps": []}, 200, (50, None, (None,) * 3)),
        (
            "GET",
            "/steps?tag=x&kind=builtin&limit=2",
            "steps.read_steps.list_steps",
            {},
            200,
            (2, None, ("builtin", None, "x")),
        ),
        ("GET", "/steps/a", "steps.read_steps.get", {"step_type": "a"}, 200, ("a", None)),
        ("GET", "/steps/a?version=2", "steps.read_steps.get", {"step_type": "a"}, 200, ("a", 2)),
        ("GET", "/steps/a/schema", "steps.read_steps.get_schema", {"step_type": "a"}, 200, ("a", None)),
        ("GET", "/steps/a/versions", "steps.read_steps.list_versions", {"items": []}, 200, ("a", 50, None)),
        ("DELETE", "/steps/a", "steps.remove_step.delete", None, 204, ("a",)),
        ("POST", "/prompts/p/render", "prompts.render_prompt.render", {"query": "Hi"}, 200, ("p", {"a": 1})),
        ("GET", "/tools?limit=2", "tools.read_tools.list_tools", {"items": []}, 200, (2, None)),
        (
            "POST",
            "/tools/mcp-servers",
            "tools.register_mcp_server.register",
            ({"name": "s"}, True),
            201,
            ({"a": 1}, None),
        ),
        (
            "POST",
            "/tools/mcp-servers",
            "tools.register_mcp_server.register",
            ({"name": "s"}, False),
            200,
            ({"a": 1}, None),
        ),
        ("GET", "/tools/mcp-servers", "tools.register_mcp_server.list_servers", {"items": []}, 200, (50, None)),
        ("GET", "/tools/mcp-servers/s", "tools.register_mcp_server.get", {"name": "s"}, 200, ("s",)),
        ("DELETE", "/tools/mcp-servers/s", "tools.register_mcp_server.delete", None, 204, ("s",)),
    ],
)
def test_a_route_calls_its_use_case(
    api: Api, method: str, url: str, usecase: str, result: Any, status: int, arguments: tuple[Any, ...]
) -> None:
    api.answer(usecase, result)
    expected = result[0] if isinstance(result, tuple) else result
    assert api.send(method, url, {"a": 1} if method in ("POST", "PUT") else None) == (status, expected)
    assert api.calls == [(usecase, arguments, {})]


@pytest.mark.parametrize(("path", "kind"), [("/agents", AGENTS), ("/prompts", PROMPTS)], ids=["agents", "prompts"])
def test_agents_and_prompts_have_the_same_routes(
    api: Api, monkeypatch: pytest.MonkeyPatch, path: str, kind: DefinitionKind[Any, Any]
) -> None:
    def fake(name: str) -> Callable[..., Any]:
        def called(given: DefinitionKind[Any, Any], engine: Any, caller: Caller, *args: Any) -> Any:
            assert (given, engine, caller) == (kind, ENGINE, CALLER)
            api.calls.append((name, args, {}))
            return {"version": 1}

        return called

    for name in ("create", "update", "delete"):
        monkeypatch.setattr(save_definition, name, fake(name))
    for name in ("list_all", "get", "list_versions"):
        monkeypatch.setattr(read_definitions, name, fake(name))
    assert api.send("POST", path, {"a": 1}, idempotency_key="k")[0] == 201
    assert api.send("GET", f"{path}?limit=2")[0] == 200
    assert api.send("GET", f"{path}/x?version=2")[0] == 200
    assert api.send("PUT", f"{path}/x", {"a": 1})[0] == 200
    assert api.send("DELETE", f"{path}/x") == (204, None)
    assert api.send("GET", f"{path}/x/versions?cursor=c")[0] == 200
    assert [(name, args) for name, args, _ in api.calls] == [
        ("create", ({"a": 1}, "k")),
        ("list_all", (2, None)),
        ("get", ("x", 2)),
        ("update", ("x", {"a": 1})),
        ("delete", ("x",)),
        ("list_versions", ("x", 50, "c")),
    ]


@pytest.mark.parametrize(
    ("url", "usecase"),
    [
        ("/agents/a/execute", "agents.run_agent.execute"),
        ("/prompts/a/test", "prompts.try_prompt.try_out"),
        ("/steps/a/test", "steps.try_step.try_out"),
    ],
)
@pytest.mark.parametrize(("wait", "status"), [("", 202), ("?wait=5", 200)])
def test_a_run_of_an_agent_prompt_or_step_is_answered_at_once_or_when_it_ended(
    api: Api, url: str, usecase: str, wait: str, status: int
) -> None:
    api.answer(usecase, STARTED)
    api.answer("runs.read_results.wait_for_end", True)
    api.answer("runs.read_results.results_at_hand", {"status": "completed"})
    answer = api.send("POST", url + wait, {"query": "x"}, idempotency_key="k-1")
    assert answer == (status, STARTED if status == 202 else {"status": "completed"})
    assert api.calls[0] == (usecase, ("a", {"query": "x"}, "k-1"), {})


def test_a_server_is_asked_with_the_secrets_of_the_environment(api: Api) -> None:
    handler = importlib.import_module("functions.api_tools.handler")
    api.answer("tools.register_mcp_server.discover", {"items": []})
    assert api.send("GET", "/tools/mcp-servers/s/tools") == (200, {"items": []})
    given = {"list_tools": handler.list_tools, "secret_of": handler.secret_of}
    assert api.calls == [("tools.register_mcp_server.discover", ("s",), given)]


def test_a_server_is_asked_within_the_policy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = importlib.import_module("functions.api_tools.settings")
    monkeypatch.setattr(settings, "policy", AddressPolicy)
    with pytest.raises(McpServerError, match="may not be reached"):
        settings.list_tools(McpServer("s", "http://127.0.0.1:9/mcp"))
    monkeypatch.setattr(settings, "policy", lambda: AddressPolicy.from_text("127.0.0.1"))
    with pytest.raises(McpServerError, match="cannot be reached"):
        settings.list_tools(McpServer("s", "http://127.0.0.1:9/mcp"))


def test_a_server_that_does_not_do_its_part_is_a_failed_dependency(api: Api) -> None:
    api.answer("tools.register_mcp_server.discover", McpServerError("The MCP server 's' cannot be reached."))
    status, problem = api.send("GET", "/tools/mcp-servers/s/tools")
    assert (status, problem["code"], problem["title"]) == (424, "mcp_server_error", "Failed Dependency")


def test_executions_are_listed_by_workflow_and_status(api: Api) -> None:
    api.answer("runs.find_runs.list_executions", {"items": []})
    assert api.send("GET", "/executions?workflow_id=w-1&status=failed&limit=5")[0] == 200
    page = {"since": None, "until": None, "limit": 5, "cursor": None}
    assert api.calls == [("runs.find_runs.list_executions", (RunFilter("w-1", "failed"),), page)]


def test_executions_are_counted_by_whatever_they_are_listed_by(api: Api) -> None:
    asked = {
        "user_id": "u",
        "session_id": "s",
        "correlation_id": "c",
        "parent_id": "p",
        "tag": "a b",
        "has_failures": "false",
        "error": "no disk",
    }
    wanted = RunFilter(**{**asked, "has_failures": False})  # type: ignore[arg-type]  # values of several types
    for path, name in (("/executions", "list_executions"), ("/executions/counts", "count_executions")):
        api.answer(f"runs.find_runs.{name}", {})
        assert api.send("GET", f"{path}?{urlencode(asked)}")[0] == 200
    assert [call[1] for call in api.calls] == [(wanted,), (wanted,)]


def test_a_time_that_is_given_by_both_of_its_names_is_refused(api: Api) -> None:
    status, problem = api.send("GET", "/executions?from=2026-01-01&started_after=2026-01-02")
    assert (status, problem["detail"]) == (
        422,
        "The query parameters from and started_after mean the same. Give one.",
    )


def test_executions_are_listed_by_the_time_they_started(api: Api) -> None:
    api.answer("runs.find_runs.list_executions", {"items": []})
    for since, until in (("started_after", "started_before"), ("from", "to")):
        assert api.send("GET", f"/executions?{since}=2026-01-31T08:00:00.5%2B02:00&{until}=2026-02-01")[0] == 200
    for _, _, called in api.calls:
        assert called["since"] == datetime(2026, 1, 31, 6, 0, 0, 500_000, tzinfo=UTC)
        assert called["until"] == datetime(2026, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("method", "url", "told"),
    [
        ("GET", "/executions?stauts=failed", "Did you mean 'status'?"),
        ("GET", "/executions/e-1?limit=1", "takes wait"),
        ("GET", "/workflows?status=failed", "takes name, tag, limit, cursor"),
        ("GET", "/steps/a?limit=1", "takes version"),
        ("DELETE", "/workflows/w-1?version=1", "takes none"),
        ("POST", "/workflows/execute?Wait=1", "Did you mean 'wait'?"),
        ("GET", "/health?x=", "takes none"),
    ],
)
def test_a_query_parameter_that_a_route_does_not_have_is_refused(api: Api, method: str, url: str, told: str) -> None:
    status, problem = api.send(method, url, {} if method == "POST" else None)
    assert (status, problem["code"], api.calls) == (422, "invalid_request", [])
    assert told in problem["detail"]


@pytest.mark.parametrize("url", ["/executions/e-1", "/executions/e-1/results"])
def test_reading_a_run_may_wait_for_its_end(api: Api, url: str) -> None:
    api.answer("runs.read_results.wait_for_end", False)
    api.answer("runs.read_progress.read_progress", {"status": "running"})
    api.answer("runs.read_results.results", {"status": "running"})
    assert api.send("GET", url + "?wait=3") == (200, {"status": "running"})
    assert api.calls[0] == ("runs.read_results.wait_for_end", ("e-1", 3), {})


def test_what_a_use_case_raises_is_a_problem(api: Api) -> None:
    api.answer("runs.read_progress.read_progress", NotFoundError("There is no execution 'e-1'."))
    status, problem = api.send("GET", "/executions/e-1")
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (404, "not_found", "")


def test_health_asks_for_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTH_MODE")
    assert api.send("GET", "/health") == (200, {"status": "healthy", "service": "unified-workflow-execution-engine"})
    paths = [r.path for f in FUNCTIONS for r in f.routes if r.is_open]
    assert paths == ["/health", "/console", "/console/config.json", "/console/{file}"]


@pytest.mark.parametrize(
    ("mode", "security"), [("iam", [{"sigv4": []}]), ("jwt", [{"jwt": []}]), ("local", [])], ids=["iam", "jwt", "local"]
)
def test_the_document_says_how_this_deployment_knows_its_callers(
    api: Api, monkeypatch: pytest.MonkeyPatch, mode: str, security: list[Any]
) -> None:
    monkeypatch.setenv("AUTH_MODE", mode)
    monkeypatch.setenv("OPENAPI_FILE", str(OPENAPI_FILE))
    settings = importlib.import_module("functions.api_docs.settings")
    settings.openapi_text.cache_clear()
    status, document = api.send("GET", "/openapi.json")
    settings.openapi_text.cache_clear()
    assert (status, document["security"]) == (200, security)
    assert document["paths"] == json.loads(OPENAPI_FILE.read_text())["paths"]
    assert {name for way in security for name in way} <= set(document["components"]["securitySchemes"])


def test_every_route_of_the_catalogue_has_a_handler() -> None:
    for name in (f.name for f in FUNCTIONS if f.kind == "api"):
        app = importlib.import_module(f"functions.{name}.handler").app
        served = {(r.method, r.openapi_path) for r in (*app._static_routes, *app._dynamic_routes)}
        assert served == {(r.method, r.path) for r in function(name).routes if r.method}


@pytest.mark.parametrize(
    ("path", "usecase", "arguments"),
    [
        ("/executions/e-1/output", "runs.read_results.output_of_run", ("e-1",)),
        ("/executions/e-1/steps/a/output", "runs.read_results.output_of_step", ("e-1", "a")),
        ("/executions/e-1/steps/a[3].b/output", "runs.read_results.output_of_step", ("e-1", "a[3].b")),
        ("/executions/e-1/steps/a%5B3%5D.b/output", "runs.read_results.output_of_step", ("e-1", "a[3].b")),
    ],
)
def test_an_output_is_answered_or_told_where_it_is(
    api: Api, path: str, usecase: str, arguments: tuple[Any, ...]
) -> None:
    api.answer(usecase, Output('{"n":1}'))
    assert api.send("GET", path) == (200, {"n": 1})
    api.answer(usecase, Output(None, "https://s3.example/x"))
    response = api.gateway.handle(HttpRequest("GET", path))
    assert (response.status, response.headers["location"], response.body) == (303, "https://s3.example/x", b"")
    assert api.calls == [(usecase, arguments, {})] * 2


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "links=1", "links=yes", "step=a"])
def test_a_query_of_results_that_cannot_be_is_refused(api: Api, query: str) -> None:
    assert api.send("GET", f"/executions/e-1/results?{query}")[0] == 422
    assert api.calls == []


def test_workflows_are_listed_by_name_and_tag(api: Api) -> None:
    api.answer("workflows.read_workflows.list_workflows", {"items": []})
    assert api.send("GET", "/workflows?limit=2&name=a&tag=b") == (200, {"items": []})
    assert api.calls == [("workflows.read_workflows.list_workflows", (2, None), {"name": "a", "tag": "b"})]
