"""The resolver of an API function: Powertools' routing for HTTP APIs, without its validation and OpenAPI machinery.

Those two cost import time on every cold start; bodies are read by `http.body` and checked by the use cases, and the
OpenAPI document is made offline.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, TypeVar, cast

from workflow_engine import metrics
from workflow_engine.http.body import MAX_ANSWER_BYTES, answer_bytes
from workflow_engine.http.parameters import refuse_unknown
from workflow_engine.http.powertools import (
    APIGatewayHttpResolver,
    APIGatewayProxyEventV2,
    LambdaContext,
    ResponseBuilder,
    Route,
)
from workflow_engine.http.powertools import NotFoundError as NoRouteError
from workflow_engine.http.problem import Problem, answer_too_large, method_not_allowed, no_such_route, problem_of

_EVENT: Final[ContextVar[APIGatewayProxyEventV2]] = ContextVar("api_gateway_event")
_CONTEXT: Final[ContextVar[dict[str, Any]]] = ContextVar("resolver_context")

_MOST_BYTES_A_CHARACTER: Final = 6
"""Of a string in JSON: a control character becomes `\\u0007`."""

HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])
KnownRoutes = Callable[[], Iterable[tuple[str, str]]]
"""Gives (method, path) of routes, paths as in the catalogue: `/workflows/{workflow_id}`."""


class ApiResolver(APIGatewayHttpResolver):
    """A resolver that several threads may call at once.

    Powertools keeps the current event on the class and the matched route on the instance, because Lambda runs one
    request at a time. The local server runs many in one process, so both are kept per thread of control here.
    Powertools also builds a route's middleware stack on its first call without a lock; twice built, it would call
    the handler with the wrong arguments.
    """

    def __init__(self) -> None:
        super().__init__(serializer=cast(Any, partial(json.dumps, separators=(",", ":"))), debug=False)
        self._building = threading.Lock()
        self._parameters: dict[Callable[..., Any], tuple[str, ...]] = {}

    def takes(self, *names: str) -> Callable[[HandlerT], HandlerT]:
        """Decorator, below that of the route: the query parameters that it has. A route has none unless it says so, and
        refuses any other.
        """

        def remember(handler: HandlerT) -> HandlerT:
            self._parameters[handler] = names
            return handler

        return remember

    def parameters_of(self, handler: Callable[..., Any]) -> tuple[str, ...]:
        """The query parameters of the route of a handler."""
        return self._parameters.get(handler, ())

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]  # an attribute there, on purpose not here
        return _EVENT.get()

    @property
    def context(self) -> dict[str, Any]:
        return _CONTEXT.get()

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        _CONTEXT.set(value)

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one HTTP API event (payload format 2.0) with API Gateway's response dict; never raises."""
        began = time.monotonic()
        try:
            return self._answer(event, context)
        finally:
            if not _asks_to_wait(event):
                metrics.emit(metrics.REQUEST_DURATION, round((time.monotonic() - began) * 1000, 1))

    def _answer(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        _EVENT.set(APIGatewayProxyEventV2(dict(event)))
        _CONTEXT.set({})
        try:
            answer = super().resolve(event, context)
        except Exception as error:  # the last line of defence: an answer that cannot be serialised, say
            return self._problem(problem_of(error))
        if len(answer.get("body") or "") <= MAX_ANSWER_BYTES // _MOST_BYTES_A_CHARACTER:
            return answer
        size = answer_bytes(answer)
        return answer if size <= MAX_ANSWER_BYTES else self._problem(answer_too_large(size, MAX_ANSWER_BYTES))

    def _problem(self, problem: Problem) -> dict[str, Any]:
        builder: ResponseBuilder[APIGatewayProxyEventV2] = ResponseBuilder(problem.response())
        return builder.build(self.current_event)

    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> Any:
        # Powertools comes here for a path without a route too, with a route made for that answer.
        if any(route is own for own in (*self._static_routes, *self._dynamic_routes)):
            refuse_unknown(self.current_event, self.parameters_of(route.func))
        with self._building:
            if not route._middleware_stack_built:
                route._build_middleware_stack(router_middlewares=self._router_middlewares, app=self)
        return super()._call_route(route, route_arguments)


def _asks_to_wait(event: Mapping[str, Any]) -> bool:
    """Whether a request is slow because its sender wants it to be (`?wait=25`), and tells nothing of the service."""
    parameters: Mapping[str, str] = event.get("queryStringParameters") or {}
    return parameters.get("wait", "0") != "0"


def api_resolver(known_routes: KnownRoutes = tuple) -> ApiResolver:
    """A resolver that answers every error with problem+json.

    `known_routes` are routes of other functions, for the function behind `$default`: a path that another method has
    is then answered by 405 instead of 404.
    """
    app = ApiResolver()
    app.exception_handler(Exception)(lambda error: problem_of(error).response())

    @app.not_found
    def no_route(_: NoRouteError) -> Any:
        method, path = app.current_event.http_method.upper(), app.current_event.path
        own = {r.method for r in (*app._static_routes, *app._dynamic_routes) if r.rule.match(path)}
        allowed = own | {m for m, template in known_routes() if path_matches(template, path)}
        problem = method_not_allowed(method, path, sorted(allowed)) if allowed else no_such_route(method, path)
        return problem.response()

    return app


def path_matches(template: str, path: str) -> bool:
    """Whether a path is an instance of a route's path, in which `{name}` stands for one segment that is not empty."""
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        bool(g) if w.startswith("{") else w == g for w, g in zip(wanted, given, strict=True)
    )
