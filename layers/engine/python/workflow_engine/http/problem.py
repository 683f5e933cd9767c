"""Errors as RFC 9457 `application/problem+json`: one table from error class to status, one function that builds the answer.

Every problem has the members `type`, `title`, `status`, `code`, `detail` and `errors`, a list of `{code, pointer,
detail}` that is never empty: `pointer` is an RFC 6901 JSON pointer into the request's body, "" when the finding is
about all of it or about something else than the body (a header, a query parameter, the path).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from http import HTTPStatus
from typing import Final

from workflow_engine import aws
from workflow_engine.errors import (
    ConflictError,
    ForbiddenError,
    InvalidRequestError,
    MalformedDocumentError,
    MisconfiguredError,
    NotFoundError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PreconditionFailedError,
    RequestUnderWayError,
    ThrottledError,
    UnavailableError,
    UnsupportedMediaTypeError,
    UpstreamError,
    WorkflowEngineError,
)
from workflow_engine.http.powertools import Response
from workflow_engine.language.diagnostics import InvalidWorkflowError
from workflow_engine.lazy_dataclass import dataclass

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"


STATUSES: Final[Mapping[type[Exception], HTTPStatus]] = {
    MalformedDocumentError: HTTPStatus.BAD_REQUEST,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidWorkflowError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UpstreamError: HTTPStatus.FAILED_DEPENDENCY,
    ThrottledError: HTTPStatus.TOO_MANY_REQUESTS,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    MisconfiguredError: HTTPStatus.SERVICE_UNAVAILABLE,
    OutcomeUnknownError: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table. A class that is not in it, nor a subclass of one that is, is a fault of the service: 500."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem document. `errors` are the findings; without any, the problem itself is the only one."""

    status: HTTPStatus
    code: str
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The document. `type` is about:blank, so by RFC 9457 section 4.2.1 `title` is the status phrase."""
        findings = [dict(e) for e in self.errors] or [{"code": self.code, "pointer": "", "detail": self.detail}]
        return {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
            "errors": findings,
        }

    def response(self) -> Response[str]:
        """The answer of a Lambda function behind an HTTP API."""
        body = json.dumps(self.as_dict(), separators=(",", ":"))
        return Response(self.status.value, content_type=CONTENT_TYPE, body=body, headers=dict(self.headers))


def problem_of(error: Exception) -> Problem:
    """The problem that answers an error. Of an unexpected error nothing is told; it is logged with its traceback.

    An error of AWS that nobody gave a meaning to is what `workflow_engine.aws` takes it for.
    """
    if isinstance(error, ModuleNotFoundError):
        return _missing_package(error)
    error = aws.translated(error) or error
    status = next((STATUSES[c] for c in type(error).__mro__ if c in STATUSES), None)
    if status is None:
        logger.error("unexpected %s", type(error).__name__, exc_info=error)
        return Problem(
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "internal_error",
            "The service failed to answer this request. Try again; the service's log tells more.",
        )
    if isinstance(error, InvalidWorkflowError):
        return _invalid_workflow(status, error)
    assert isinstance(error, WorkflowEngineError)
    headers = {}
    if isinstance(error, ThrottledError | RequestUnderWayError | MisconfiguredError | OutcomeUnknownError):
        headers["Retry-After"] = str(error.retry_after_seconds)
    if isinstance(error, MisconfiguredError):
        told = {"aws_code": error.aws_code, "aws_message": error.aws_message}
        logger.error("AWS refuses until the deployment is changed: %s", error.aws_code, exc_info=error, extra=told)
    elif isinstance(error, UnavailableError):
        logger.warning("AWS did not answer", exc_info=error)
    return Problem(status, error.code, error.detail, error.errors, headers)


def no_such_route(method: str, path: str) -> Problem:
    """404 for a path that no route has."""
    return Problem(HTTPStatus.NOT_FOUND, "route_not_found", f"There is no route {method} {path}. See GET /docs.")


def method_not_allowed(method: str, path: str, allowed: Sequence[str]) -> Problem:
    """405 for a path whose routes have the methods `allowed`. The `Allow` header lists all that the path answers, as RFC 9110
    section 15.5.6 asks.
    """
    detail = f"{path} does not know {method}. Use {', '.join(sorted(allowed))}."
    headers = {"Allow": ", ".join(every_method(allowed))}
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", detail, headers=headers)


def every_method(of_routes: Iterable[str]) -> list[str]:
    """The methods that a path answers, by those of its routes: HEAD where it has GET, OPTIONS always."""
    methods = {*of_routes, "OPTIONS"}
    return sorted(methods | {"HEAD"} if "GET" in methods else methods)


def answer_too_large(size: int, most: int) -> Problem:
    """413 in place of an answer that Lambda would not take."""
    detail = (
        f"The answer would have {size:,} bytes, and Lambda takes {most:,}. Ask for less at once: with a lower `limit` "
        "where the route has one."
    )
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "answer_too_large", detail)


def _missing_package(error: ModuleNotFoundError) -> Problem:
    """503 where a laptop goes without packages that only some routes need; as for what whoever runs the service has to change."""
    logger.error("The package '%s' is not installed.", error.name, exc_info=error)
    detail = (
        f"This needs the package '{error.name}', which is not installed where the service runs. On a laptop install the extras: "
        "pip install 'workflow-engine[llm,files]'."
    )
    headers = {"Retry-After": str(MisconfiguredError.retry_after_seconds)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "package_missing", detail, headers=headers)


def _invalid_workflow(status: HTTPStatus, error: InvalidWorkflowError) -> Problem:
    findings = [d.as_dict() for d in error.diagnostics]
    number = sum(d.severity == "error" for d in error.diagnostics)
    detail = f"The workflow has {number} error{'' if number == 1 else 's'}; `errors` tells where and what to do."
    return Problem(status, error.code, detail, findings)
