"""A request as handlers see it: read by what its route declares, nothing of it before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from workflow_engine.http import parameters
from workflow_engine.http.body import json_body
from workflow_engine.http.caller import caller_of
from workflow_engine.http.operation import Operation, Query
from workflow_engine.http.parameters import Page
from workflow_engine.http.powertools import APIGatewayProxyEventV2, Response
from workflow_engine.language.diagnostics import Json
from workflow_engine.usecases.engine import Caller
from workflow_engine.usecases.workflows.preconditions import ANY, Precondition

if TYPE_CHECKING:
    from workflow_engine.http.form import Part

AnswerT = TypeVar("AnswerT")


class Request(NamedTuple):
    """One request to a route. `path` has the variables of its path, `asked_path` is what the client wrote.

    What is asked for and cannot be read raises the errors of `http.body`, `http.caller` and `http.parameters`.
    """

    operation: Operation
    event: APIGatewayProxyEventV2
    path: Mapping[str, str]
    asked_path: str

    @property
    def caller(self) -> Caller:
        """Who asks."""
        return caller_of(self.event)

    @property
    def body(self) -> Json:
        """The JSON body; an empty object where the route needs none and there is none."""
        return json_body(self.event, when_empty=None if self.operation.body_required else {})

    @property
    def form(self) -> list[Part] | None:
        """The parts of a body that is a form, None for another body. Only routes that take forms ask for it."""
        from workflow_engine.http.form import form_of

        return form_of(self.event)

    @property
    def idempotency_key(self) -> str | None:
        """The header `Idempotency-Key`."""
        return parameters.idempotency_key(self.event)

    @property
    def precondition(self) -> Precondition:
        """The headers `If-Match` and `If-None-Match`."""
        tags = partial(parameters.entity_tags, self.event)
        return Precondition(tags("If-Match"), tags("If-None-Match"))

    @property
    def page(self) -> Page:
        """`?limit&cursor`, with the usual limit where none is given."""
        return parameters.page(self.event)

    def text(self, query: Query) -> str | None:
        """A query parameter, None when it is absent or empty."""
        return parameters.query_parameter(self.event, query)

    def number(self, query: Query) -> int | None:
        """A whole number within the parameter's bounds."""
        return parameters.whole_number(self.event, query)

    def texts(self, query: Query) -> tuple[str, ...]:
        """Texts joined by commas."""
        return tuple(text for text in (self.text(query) or "").split(",") if text)

    def flag(self, query: Query) -> bool:
        """Whether it is `true`."""
        return parameters.flag(self.event, query)

    def moment(self, query: Query, *further: Query) -> datetime | None:
        """A moment in ISO 8601. InvalidRequestError where another name of it is given as well."""
        return parameters.one_moment(self.event, (query, *further))


Handlers = Mapping[str, Callable[[Request], Any]]
"""By the route's name, what answers it: gives the answer, `(answer, status)` where the route has several of success, or a
response of its own. What it gives is left out where the route's answer is 204; None is 204 where that is one of its answers.
"""


def saved(outcome: tuple[AnswerT, bool]) -> tuple[AnswerT, HTTPStatus]:
    """The answer to saving something, which is `(what stands now, whether it is new)`."""
    answer, is_new = outcome
    return answer, HTTPStatus.CREATED if is_new else HTTPStatus.OK


def tagged(
    request: Request, answer: Mapping[str, Any], etag: str, status: HTTPStatus = HTTPStatus.OK
) -> Response[Mapping[str, Any] | None]:
    """An answer with its ETag, 304 without it where the client has it already."""
    known = request.precondition.none_match if request.operation.method == "GET" else None
    if known is not None and {etag, ANY} & set(known):
        return Response(HTTPStatus.NOT_MODIFIED, headers={"ETag": etag})
    return Response(status, "application/json", answer, headers={"ETag": etag})


def answered(operation: Operation, result: Any) -> Any:
    """What a handler gave, in a form that the resolver takes."""
    if HTTPStatus.NO_CONTENT in operation.answers and (result is None or len(operation.answers) == 1):
        return Response(HTTPStatus.NO_CONTENT)
    if isinstance(result, Response | tuple):
        return result
    (status,) = (s for s, answer in operation.answers.items() if answer is not None)
    return result, status
