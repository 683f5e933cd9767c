"""Requests as the table of routes has them, answers as they are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType

import pytest

from tests.support.scripted_api import ScriptedApi, answered
from workflow_engine.client import ApiProblem, AuthenticationError, Client, UnexpectedAnswerError
from workflow_engine.client.calls import AboutRun, QueryValue, call, parsed
from workflow_engine.client.runs import RunFilters
from workflow_engine.client.transport import Response
from workflow_engine.http.api import OPERATIONS
from workflow_engine.usecases.bodies.run import StoredRunRequest


def test_path_variables_and_queries_are_encoded() -> None:
    request = call("get_step_output", {"execution_id": "e 1", "step": "outer[3].inner"}).request
    assert request.path == "/executions/e%201/steps/outer%5B3%5D.inner/output"
    after = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    query: dict[str, QueryValue] = {
        "tag": "a b&c",
        "started_after": after,
        "has_failures": True,
        "status": None,
        "limit": 5,
    }
    target = call("list_executions", query=query).request.target
    assert (
        target == "/executions?tag=a%20b%26c&started_after=2026-01-02T03%3A04%3A00%2B00%3A00&has_failures=true&limit=5"
    )


def test_lists_in_queries_are_joined_and_empty_ones_left_out() -> None:
    path = {"execution_id": "e1"}
    assert call("get_results", path, query={"steps": ["a", "b"], "include": ()}).request.query == (("steps", "a,b"),)


@pytest.mark.parametrize(
    ("name", "path", "query", "told"),
    [
        ("get_run", {}, {}, "no route 'get_run'"),
        ("get_execution", {}, {}, "'execution_id' of GET /executions/{execution_id} is missing"),
        ("get_execution", {"execution_id": ""}, {}, "is missing or empty"),
        ("get_execution", {"execution_id": "e", "step": "s"}, {}, "has no 'step'"),
        ("get_execution", {"execution_id": "e"}, {"limit": 1}, "takes no query parameter 'limit'"),
    ],
)
def test_what_the_table_does_not_have_is_refused_before_it_is_sent(
    name: str, path: dict[str, str], query: dict[str, int], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        call(name, path, query=query)


def test_all_that_may_be_said_of_a_run_may_be_said_by_the_client() -> None:
    apart = {"input", "input_data", "query", "wait"}
    assert AboutRun.__annotations__.keys() == StoredRunRequest.model_fields.keys() - apart


def test_runs_are_found_by_all_that_the_api_finds_them_by() -> None:
    known = {parameter.name for parameter in OPERATIONS["list_executions"].query}
    assert RunFilters.__annotations__.keys() == known - {"limit", "cursor", "from", "to"}


def test_all_routes_may_be_sent_twice_but_those_that_decide_or_take() -> None:
    """A new route that is POST and takes no key has to be given its place here, or in `PURE` or `REPEATABLE`."""
    variables = {name: dict.fromkeys(re.findall(r"{(\w+)}", o.path), "x") for name, o in OPERATIONS.items()}
    once = {name for name in OPERATIONS if not call(name, variables[name]).is_idempotent}
    assert once == {"approve_step", "deny_step", "poll_activity"}


def test_a_body_is_json_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        call("execute_workflow", body={"n": float("nan")})
    with pytest.raises(TypeError):
        call("execute_workflow", body={"n": datetime.now(UTC)})
    assert call("execute_workflow", body={"n": "ä"}).request.body == '{"n":"ä"}'.encode()


def test_a_half_of_a_surrogate_pair_is_escaped() -> None:
    assert call("execute_workflow", body={"n": "\ud83d"}).request.body == b'{"n":"\\ud83d"}'


def test_a_problem_tells_where_and_what() -> None:
    findings = [{"code": "WFE-E204", "pointer": "/steps/0", "detail": "There is no step type 'dely'."}]
    body = {"code": "invalid_workflow", "detail": "The workflow has 1 error.", "errors": findings, "status": 422}
    with pytest.raises(ApiProblem) as raised:
        parsed(answered(body, 422))
    assert (raised.value.status, raised.value.code, raised.value.errors) == (422, "invalid_workflow", findings)
    assert str(raised.value) == (
        "The workflow has 1 error. (422 invalid_workflow)\n/steps/0: There is no step type 'dely'."
    )


@pytest.mark.parametrize("status", [401, 403])
def test_the_gateway_itself_refuses_without_a_problem_document(status: int) -> None:
    with pytest.raises(AuthenticationError, match="Unauthorized") as raised:
        parsed(answered({"message": "Unauthorized"}, status))
    assert raised.value.status == status


def test_an_error_page_of_a_proxy_is_told_as_what_it_is() -> None:
    with pytest.raises(ApiProblem, match="answered 502 with text/html"):
        parsed(Response(502, {"content-type": "text/html; charset=utf-8"}, b"<html>"))


def test_a_page_where_the_api_should_be_is_told() -> None:
    with pytest.raises(UnexpectedAnswerError, match="Is this the address of the API"):
        parsed(Response(200, {"content-type": "text/html"}, b"<html>"))


@pytest.mark.parametrize("status", [301, 308])
def test_a_redirection_is_not_followed_with_credentials(status: int) -> None:
    with pytest.raises(UnexpectedAnswerError, match=r"leads to https://elsewhere\."):
        parsed(answered(status=status, location="https://elsewhere"))


def test_another_servers_json_is_no_list_of_runs() -> None:
    with pytest.raises(UnexpectedAnswerError, match="has no 'items'"):
        list(Client(ScriptedApi(answered({"runs": []}))).runs.list())


def test_mappings_that_are_no_dict_are_objects() -> None:
    document = MappingProxyType({"steps": [MappingProxyType({"step_id": "a"})]})
    assert call("create_workflow", body=document).request.body == b'{"steps":[{"step_id":"a"}]}'


def test_a_list_is_read_to_its_last_page_even_through_empty_ones() -> None:
    pages = [
        answered({"items": [{"execution_id": "1"}, {"execution_id": "2"}], "next_cursor": "a"}),
        answered({"items": [], "next_cursor": "b"}),
        answered({"items": [{"execution_id": "3"}], "next_cursor": None}),
    ]
    api = ScriptedApi(*pages)
    runs = Client(api).runs.list(status="failed")
    assert api.requests == []
    assert [run["execution_id"] for run in runs] == ["1", "2", "3"]
    assert [dict(r.query).get("cursor") for r in api.requests] == [None, "a", "b"]
    assert all(dict(r.query)["status"] == "failed" for r in api.requests)


def test_counts_of_all_pages_are_added_up() -> None:
    page = {"counted_since": "2026-01-01T00:00:00Z", "is_complete": False}
    api = ScriptedApi(
        answered({"counts": {"failed": 1, "completed": 2}, "total": 3, "next_cursor": "a", **page}),
        answered({"counts": {"failed": 4}, "total": 4, "next_cursor": None, **page, "counted_since": None}),
    )
    counts = Client(api).runs.count()
    assert (counts["counts"], counts["total"], counts["is_complete"]) == ({"failed": 5, "completed": 2}, 7, True)
