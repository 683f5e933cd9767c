"""Whatever a client sends that is wrong is answered by 4xx problem+json with a code and a pointer, and leaves nothing behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.http_client import Answer, ApiClient

pytestmark = pytest.mark.xdist_group("journeys")

STEP: dict[str, Any] = {"step_id": "a", "step_type": "data_input", "config": {"input_type": "static", "data": 1}}


def workflow(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"name": "Bad", "steps": list(steps), **fields}


def output(step_id: str, **fields: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "output", **fields}


BAD: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "WFE-E100", ""),
    "no steps": ({"name": "Bad"}, "WFE-E102", ""),
    "empty steps": (workflow(), "WFE-E103", "/steps"),
    "wrong type": ({"name": 7, "steps": [STEP]}, "WFE-E103", "/name"),
    "wrong type inside": (workflow(STEP | {"max_retries": "many"}), "WFE-E103", "/steps/0/max_retries"),
    "unknown field": (workflow(STEP | {"dependancies": []}), "WFE-E101", "/steps/0/dependancies"),
    "unknown pattern": (workflow(STEP, execution_pattern="magic"), "WFE-E105", "/execution_pattern"),
    "unknown step type": (workflow({"step_id": "a", "step_type": "magic"}), "WFE-E400", "/steps/0/step_type"),
    "unknown dependency": (workflow(STEP | {"dependencies": ["b"]}), "WFE-E202", "/steps/0/dependencies/0"),
    "self-dependency": (workflow(STEP | {"dependencies": ["a"]}), "WFE-E203", "/steps/0/dependencies/0"),
    "cycle": (
        workflow(output("a", dependencies=["b"]), output("b", dependencies=["a"])),
        "WFE-E205",
        "/steps/0",
    ),
    "duplicate ids": (workflow(STEP, STEP), "WFE-E200", "/steps/1/step_id"),
    "malformed condition": (workflow(STEP, output("b", conditions="a.data ==")), "WFE-E300", "/steps/1/conditions"),
    "mapping to nowhere": (
        workflow(STEP, output("b", input_mapping={"x": "aa.data"})),
        "WFE-E204",
        "/steps/1/input_mapping/x",
    ),
    "mapping to what no output has": (
        workflow(STEP, output("b", input_mapping={"x": "a.dta"})),
        "WFE-E210",
        "/steps/1/input_mapping/x",
    ),
    "a status that there is not": (
        workflow(STEP, output("b", dependencies=["a"], conditions="a.status == 'sucess'")),
        "WFE-E213",
        "/steps/1/conditions",
    ),
    "wrong config": (
        workflow(STEP | {"config": {"input_type": "magic"}}),
        "WFE-E402",
        "/steps/0/config/input_type",
    ),
}


def assert_problem(answer: Answer, status: int, code: str, pointer: str = "") -> None:
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["status"] == status
    assert answer.body["detail"]
    assert {"code": code, "pointer": pointer} in [
        {"code": e["code"], "pointer": e["pointer"]} for e in answer.body["errors"]
    ], answer.body


def executions(api: ApiClient) -> list[Any]:
    items: list[Any] = api.get("/executions?limit=100").body["items"]
    return [item["execution_id"] for item in items]


@pytest.mark.parametrize("name", BAD)
def test_a_workflow_that_is_wrong_is_refused_and_nothing_starts(api: ApiClient, name: str) -> None:
    document, code, pointer = BAD[name]
    before = executions(api)
    assert_problem(api.post("/workflows/execute?wait=1", document), 422, code, pointer)
    assert_problem(api.post("/workflows/compile", document), 422, code, pointer)
    assert_problem(api.post("/workflows", document), 422, code, pointer)
    assert executions(api) == before


@pytest.mark.parametrize("name", BAD)
def test_validation_reports_what_is_wrong(api: ApiClient, name: str) -> None:
    document, code, pointer = BAD[name]
    answer = api.post("/workflows/validate", document)
    if answer.status == 422:  # what is no workflow at all cannot be reported on
        assert_problem(answer, 422, code, pointer)
        return
    assert answer.status == 200
    assert answer.body["is_valid"] is False
    assert (code, pointer) in [(e["code"], e["pointer"]) for e in answer.body["errors"]], answer.body["errors"]


def test_an_unknown_field_comes_with_a_suggestion(api: ApiClient) -> None:
    answer = api.post("/workflows/execute", BAD["unknown field"][0])
    assert "Did you mean 'dependencies'?" in answer.body["errors"][0]["detail"]


def test_pointers_follow_the_form_that_was_posted(api: ApiClient) -> None:
    answer = api.post("/workflows/execute", {"workflow": workflow(STEP | {"dependencies": ["b"]}), "input": {}})
    assert_problem(answer, 422, "WFE-E202", "/workflow/steps/0/dependencies/0")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"{} {}", b'{"a": NaN}', b'{"name": "a", "name": "b"}', b"[" * 50_000],
    ids=["empty", "cut off", "no text", "two documents", "NaN", "a member twice", "deep"],
)
@pytest.mark.parametrize("path", ["/workflows/execute", "/workflows/validate", "/workflows", "/steps/register"])
def test_what_is_no_json_is_a_400(api: ApiClient, path: str, content: bytes) -> None:
    assert_problem(api.call("POST", path, content=content), 400, "malformed_json")


@pytest.mark.parametrize("depth", [900, 942, 950, 960, 970])
@pytest.mark.parametrize("around", [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_an_input_that_nobody_behind_can_read_is_a_400(api: ApiClient, depth: int, around: tuple[str, str]) -> None:
    before = executions(api)
    deep = f"{around[0] * depth}1{around[1] * depth}"
    content = json.dumps(workflow(STEP, input="HERE")).replace('"HERE"', deep).encode()
    assert_problem(api.call("POST", "/workflows/execute", content=content), 400, "malformed_json")
    assert executions(api) == before


def test_an_input_of_180_levels_runs_through(api: ApiClient) -> None:
    deep: Any = 1
    for _ in range(180):
        deep = [deep]
    steps = [
        {"step_id": "a", "step_type": "data_input", "config": {"input_type": "dynamic"}},
        {"step_id": "b", "step_type": "data_processing", "input_mapping": {"input": "a.data"}},
    ]
    results = api.execute(workflow(*steps, input=deep))
    assert results["status"] == "completed", results["error"]
    assert results["step_results"]["b"]["output_data"]["result"] == deep


def test_an_input_of_300_kb_is_too_large(api: ApiClient) -> None:
    before = executions(api)
    answer = api.post("/workflows/execute", workflow(STEP, input={"text": "a" * 300 * 1024}))
    assert_problem(answer, 413, "payload_too_large")
    assert executions(api) == before


def test_a_body_of_5_mb_is_too_large(api: ApiClient) -> None:
    answer = api.call("POST", "/workflows/execute", content=b'"' + b"a" * 5 * 1024 * 1024 + b'"')
    assert_problem(answer, 413, "payload_too_large")


def test_an_input_that_does_not_fit_the_workflows_schema_is_refused(api: ApiClient) -> None:
    schema = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
    answer = api.post("/workflows/execute", workflow(STEP, input_schema=schema, input={"amount": "much"}))
    assert answer.status == 422, answer.body
    assert answer.body["errors"][0]["pointer"] == "/input/amount"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/executions/nothing"),
        ("GET", "/executions/nothing/results"),
        ("GET", "/executions/nothing/results?wait=1"),
        ("GET", "/executions/nothing/events"),
        ("GET", "/executions/nothing/stream"),
        ("GET", "/executions/nothing/history"),
        ("POST", "/executions/nothing/cancel"),
        ("GET", "/workflows/nothing"),
        ("GET", "/workflows/nothing/versions"),
        ("DELETE", "/workflows/nothing"),
        ("POST", "/workflows/nothing/execute"),
        ("GET", "/steps/nothing"),
        ("DELETE", "/steps/nothing"),
    ],
)
def test_what_does_not_exist_is_a_404(api: ApiClient, method: str, path: str) -> None:
    assert_problem(api.call(method, path), 404, "not_found")


@pytest.mark.parametrize("path", ["/", "/nothing", "/workflows//", "/schedules", "/executions/x/undo", "/nothing?x=1"])
def test_a_route_that_does_not_exist_is_a_404(api: ApiClient, path: str) -> None:
    assert_problem(api.get(path), 404, "route_not_found")


def test_a_method_that_a_route_does_not_have_is_a_405(api: ApiClient) -> None:
    answer = api.call("PATCH", "/workflows/execute", {})
    assert_problem(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_a_query_parameter_that_a_route_does_not_have_is_a_422_and_no_other_method_is_asked(api: ApiClient) -> None:
    assert_problem(api.get("/executions?statsu=failed"), 422, "invalid_request")
    assert_problem(api.call("PATCH", "/executions?statsu=failed"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path", ["/executions?limit=0", "/executions?limit=x", "/executions?cursor=nonsense", "/workflows?limit=101"]
)
def test_a_page_that_cannot_be_is_refused(api: ApiClient, path: str) -> None:
    assert_problem(api.get(path), 422, "invalid_request")


@pytest.mark.parametrize("wait", ["26", "-1", "soon"])
def test_a_wait_over_25_seconds_starts_nothing(api: ApiClient, wait: str) -> None:
    before = executions(api)
    assert_problem(api.post(f"/workflows/execute?wait={wait}", workflow(STEP)), 422, "invalid_request")
    assert executions(api) == before


def test_an_unknown_status_is_refused(api: ApiClient) -> None:
    assert_problem(api.get("/executions?status=happy"), 422, "invalid_request")
