from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from aws_lambda_powertools.event_handler.api_gateway import Response

from infra.local.lambda_context import LambdaContext
from tests.support.http_events import request
from workflow_engine.errors import NotFoundError
from workflow_engine.http.body import MAX_ANSWER_BYTES
from workflow_engine.http.resolver import ApiResolver, api_resolver, path_matches

Send = Callable[..., tuple[int, Any, dict[str, str]]]


def sender(app: ApiResolver) -> Send:
    def send(method: str, path: str, **more: Any) -> tuple[int, Any, dict[str, str]]:
        answer = app.resolve(request(method, path, **more), LambdaContext("f", "arn", "r", 0.0))  # type: ignore[arg-type]
        return answer["statusCode"], json.loads(answer["body"]), answer["headers"]

    return send


@pytest.fixture
def app() -> ApiResolver:
    app = api_resolver({})

    @app.get("/things/<thing_id>")
    def get(thing_id: str) -> dict[str, Any]:
        if thing_id == "missing":
            raise NotFoundError("There is no thing.")
        if thing_id == "broken":
            raise RuntimeError("secret")
        return {"id": thing_id, "path": app.current_event.path}

    @app.post("/things")
    def create() -> tuple[dict[str, Any], int]:
        return {"created": True}, 201

    @app.get("/odd")
    def odd() -> Response[Any]:
        return Response(200, "application/json", {"value": {1, 2}})

    return app


def test_a_route_is_answered(app: ApiResolver) -> None:
    assert sender(app)("GET", "/things/a%20b")[:2] == (200, {"id": "a%20b", "path": "/things/a%20b"})
    assert sender(app)("POST", "/things")[:2] == (201, {"created": True})


def test_an_error_of_a_use_case_is_a_problem(app: ApiResolver) -> None:
    status, body, headers = sender(app)("GET", "/things/missing")
    assert (status, body["code"], headers["Content-Type"]) == (404, "not_found", "application/problem+json")


@pytest.mark.parametrize("path", ["/things/broken", "/odd"])
def test_an_unexpected_error_is_a_problem_without_internals(app: ApiResolver, path: str) -> None:
    status, body, _ = sender(app)("GET", path)
    assert (status, body["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(body)


def test_an_unknown_path_is_a_404_and_a_wrong_method_a_405(app: ApiResolver) -> None:
    assert sender(app)("GET", "/nothing")[0] == 404
    status, body, headers = sender(app)("DELETE", "/things")
    assert (status, body["code"], headers["Allow"]) == (405, "method_not_allowed", "OPTIONS, POST")


@pytest.mark.parametrize(("character", "bytes_each"), [("a", 1), ("ä", 7), ("\\", 4), ("\x07", 7)])
def test_an_answer_that_lambda_does_not_take_is_a_problem_that_says_so(character: str, bytes_each: int) -> None:
    app = api_resolver({})
    characters = MAX_ANSWER_BYTES // bytes_each

    @app.get("/much")
    def much() -> dict[str, Any]:
        return {"text": character * characters}

    status, body, _ = sender(app)("GET", "/much")
    assert (status, body["code"]) == (413, "answer_too_large")
    characters -= 1000
    status, body, _ = sender(app)("GET", "/much")
    assert (status, len(body["text"])) == (200, characters)


def test_a_query_parameter_is_judged_after_route_and_method(app: ApiResolver) -> None:
    assert sender(app)("GET", "/nothing", query={"x": "1"})[0] == 404
    assert sender(app)("DELETE", "/things", query={"x": "1"})[0] == 405
    assert sender(app)("GET", "/things/a", query={"x": "1"})[0] == 422


def test_routes_of_other_functions_count_for_a_405() -> None:
    app = api_resolver({}, [("POST", "/workflows/execute"), ("GET", "/workflows/{workflow_id}")])
    status, _, headers = sender(app)("PUT", "/workflows/execute")
    assert (status, headers["Allow"]) == (405, "OPTIONS, POST")
    assert sender(app)("PUT", "/workflows/")[0] == 404


def test_a_slash_that_hides_the_route_of_another_function_is_redirected_with_method_body_and_query() -> None:
    app = api_resolver({}, [("POST", "/workflows"), ("GET", "/workflows/{workflow_id}")])
    for method, path, location in (
        ("POST", "/workflows/", "../workflows?limit=2"),
        ("HEAD", "/workflows/a/", "../a?limit=2"),
    ):
        event = request(method, path, query={"limit": "2"})
        answer = app.resolve(event, LambdaContext("f", "arn", "r", 0.0))  # type: ignore[arg-type]  # as far as it is used
        assert (answer["statusCode"], answer["headers"]["Location"]) == (308, location)
    assert sender(app)("GET", "/workflows/")[0] == 405


def test_head_is_the_get_without_its_body_and_options_tells_the_methods(app: ApiResolver) -> None:
    answers = {}
    for method, path in (("HEAD", "/things/a"), ("OPTIONS", "/things"), ("HEAD", "/things"), ("OPTIONS", "/no")):
        answer = app.resolve(request(method, path), LambdaContext("f", "arn", "r", 0.0))  # type: ignore[arg-type]  # as above
        answers[method, path] = (answer["statusCode"], answer.get("body") or "", answer["headers"].get("Allow"))
    assert answers["HEAD", "/things/a"] == (200, "", None)
    assert answers["OPTIONS", "/things"] == (204, "", "OPTIONS, POST")
    assert answers["HEAD", "/things"] == (405, "", "OPTIONS, POST")
    assert answers["OPTIONS", "/no"][0] == 404


def test_a_slash_at_the_end_changes_nothing(app: ApiResolver) -> None:
    assert sender(app)("GET", "/things/a/")[:2] == (200, {"id": "a", "path": "/things/a"})
    assert sender(app)("GET", "/things/a//")[0] == 404
    assert sender(app)("POST", "/things/")[0] == 201


def test_a_path_that_is_written_out_is_no_instance_of_another(app: ApiResolver) -> None:
    @app.post("/things/register")
    def register() -> dict[str, Any]:
        return {}

    status, _, headers = sender(app)("GET", "/things/register")
    assert (status, headers["Allow"]) == (405, "OPTIONS, POST")


def test_threads_do_not_see_each_others_requests() -> None:
    app = api_resolver({})
    together = threading.Barrier(8)

    @app.get("/things/<thing_id>")
    def get(thing_id: str) -> dict[str, Any]:
        together.wait(timeout=60)
        return {"id": thing_id, "path": app.current_event.path}

    with ThreadPoolExecutor(8) as pool:
        for turn in range(20):
            names = [f"{turn}-{n}" for n in range(8)]
            answers = list(pool.map(lambda name: sender(app)("GET", f"/things/{name}")[1], names))
            assert answers == [{"id": name, "path": f"/things/{name}"} for name in names]


def test_a_variable_of_a_path_is_one_segment_that_is_not_empty() -> None:
    assert path_matches("/workflows/{workflow_id}/execute", "/workflows/w-1/execute")
    assert not path_matches("/workflows/{workflow_id}/execute", "/workflows//execute")
    assert not path_matches("/workflows/{workflow_id}", "/workflows/a/b")
