from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from workflow_engine import errors
from workflow_engine.http.problem import method_not_allowed, no_such_route, problem_of
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError


def answer(error: Exception) -> tuple[int, dict[str, Any], dict[str, Any]]:
    response = problem_of(error).response()
    assert response.body is not None
    return response.status_code, json.loads(response.body), dict(response.headers)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedJsonError("no"), 400),
        (errors.ForbiddenError("no"), 403),
        (errors.NotFoundError("no"), 404),
        (errors.ConflictError("no"), 409),
        (errors.PayloadTooLargeError("no"), 413),
        (errors.InvalidRequestError("no"), 422),
        (errors.UpstreamError("no"), 424),
        (errors.ThrottledError("no"), 429),
        (errors.UnavailableError("no"), 503),
        (errors.MisconfiguredError("no", aws_code="AccessDenied", aws_message="m"), 503),
        (errors.OutcomeUnknownError("no"), 503),
    ],
)
def test_each_class_of_error_has_its_status(error: errors.WorkflowEngineError, status: int) -> None:
    given, document, headers = answer(error)
    assert given == document["status"] == status
    assert headers["Content-Type"] == "application/problem+json"
    assert document["code"] == error.code
    assert document["detail"] == "no"
    assert document["errors"] == [{"code": error.code, "pointer": "", "detail": "no"}]


def test_a_subclass_has_the_status_of_its_base() -> None:
    class GoneError(errors.NotFoundError):
        code = "gone"

    status, document, _ = answer(GoneError("It is gone."))
    assert (status, document["code"]) == (404, "gone")


def test_places_of_an_error_are_told() -> None:
    _, document, _ = answer(errors.InvalidRequestError.at("/steps/0", "Wrong."))
    assert document["errors"] == [{"code": "invalid_request", "pointer": "/steps/0", "detail": "Wrong."}]


def test_diagnostics_of_a_workflow_are_told() -> None:
    found = [
        Diagnostic("WFE-E202", "/steps/1/dependencies/0", "There is no step 'a'."),
        Diagnostic("WFE-W510", "", "x"),
    ]
    status, document, _ = answer(InvalidWorkflowError(found))
    assert (status, document["code"]) == (422, "invalid_workflow")
    assert document["errors"] == [d.as_dict() for d in found]
    assert document["detail"].startswith("The workflow has 1 error;")


def test_a_throttled_caller_is_told_when_to_come_back() -> None:
    _, _, headers = answer(errors.ThrottledError("Slow down.", retry_after_seconds=3))
    assert headers["Retry-After"] == "3"


@pytest.mark.parametrize("error", [RuntimeError("password=secret"), errors.WorkflowEngineError("secret")])
def test_of_an_unexpected_error_nothing_is_told_but_all_is_logged(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        status, document, _ = answer(error)
    assert (status, document["code"]) == (500, "internal_error")
    assert "secret" not in json.dumps(document)
    assert "secret" in caplog.text


def test_routes_that_do_not_exist_are_problems() -> None:
    assert no_such_route("GET", "/nope").as_dict()["status"] == 404
    problem = method_not_allowed("PATCH", "/workflows", ["POST", "GET"])
    assert problem.as_dict()["status"] == 405
    assert problem.headers == {"Allow": "GET, HEAD, OPTIONS, POST"}


def test_a_request_whose_twin_is_under_way_may_come_again_in_a_second() -> None:
    problem = problem_of(errors.RequestUnderWayError("A request with this key is under way."))
    assert (problem.status, problem.code) == (409, "idempotent_request_under_way")
    assert problem.headers == {"Retry-After": "1"}


def test_a_package_that_is_not_installed_is_told_to_whoever_runs_the_service() -> None:
    status, document, headers = answer(ModuleNotFoundError("No module named 'mcp'", name="mcp"))
    assert (status, document["code"], headers["Retry-After"]) == (503, "package_missing", "600")
    assert "'mcp'" in document["detail"]
