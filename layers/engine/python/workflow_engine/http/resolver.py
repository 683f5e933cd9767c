"""The resolver of an API function: Powertools' routing for HTTP APIs, without its validation and OpenAPI machinery.

Those two cost import time on every cold start; bodies are read by `http.body` and checked by the use cases, and the
OpenAPI document is made offline.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from functools import partial
from http import HTTPStatus
from typing import Any, Final, cast

from workflow_engine import metrics
from workflow_engine.http.api import OPERATIONS
from workflow_engine.http.body import MAX_ANSWER_BYTES, answer_bytes
from workflow_engine.http.operation import Operation, Query
from workflow_engine.http.parameters import refuse_unknown
from workflow_engine.http.powertools import (
    APIGatewayHttpResolver,
    APIGatewayProxyEventV2,
    LambdaContext,
    Response,
    ResponseBuilder,
    Route,
)
from workflow_engine.http.powertools import NotFoundError as NoRouteError
from workflow_engine.http.problem import (
    Problem,
    answer_too_large,
    every_method,
    method_not_allowed,
    no_such_route,
    problem_of,
)
from workflow_engine.http.request import Handlers, Request, answered

_EVENT: Final[ContextVar[APIGatewayProxyEventV2]] = ContextVar("api_gateway_event")
_CONTEXT: Final[ContextVar[dict[str, Any]]] = ContextVar("resolver_context")

_MOST_BYTES_A_CHARACTER: Final = 6
"""Of a string in JSON: a control character becomes `\\u0007`."""

_ASSETS_MAY_BE_KEPT: Final = "public, max-age=86400"

KnownRoutes = Collection[tuple[str, str]]
"""(method, path) of routes, paths as in `http.api`: `/workflows/{workflow_id}`."""


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
        self._queries: dict[Callable[..., Any], tuple[Query, ...]] = {}

    def serve(self, operation: Operation, handler: Callable[[Request], Any]) -> None:
        """Let a handler answer a declared route."""

        def answer(**path: str) -> Any:
            return answered(operation, handler(Request(operation, self.current_event, path, self.asked_path)))

        rule = operation.path.replace("{", "<").replace("}", ">")
        cache_control = _ASSETS_MAY_BE_KEPT if operation.is_asset else None
        self.route(rule, operation.method, compress=operation.is_asset, cache_control=cache_control)(answer)
        self._queries[answer] = operation.query

    @property
    def current_event(self) -> APIGatewayProxyEventV2:  # type: ignore[override]  # an attribute there, on purpose not here
        return _EVENT.get()

    @property
    def context(self) -> dict[str, Any]:
        return _CONTEXT.get()

    @context.setter
    def context(self, value: dict[str, Any]) -> None:
        _CONTEXT.set(value)

    @property
    def asked_path(self) -> str:
        """The path as the client wrote it, a slash at its end included."""
        return str(self.context["asked_path"])

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Answer one HTTP API event (payload format 2.0) with API Gateway's response dict; never raises."""
        began = time.monotonic()
        try:
            return self._answer(event, context)
        finally:
            if not _asks_to_wait(event):
                metrics.emit(metrics.REQUEST_DURATION, round((time.monotonic() - began) * 1000, 1))

    def _answer(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        asked = APIGatewayProxyEventV2(dict(event))
        routed = _as_routed(asked)
        _EVENT.set(APIGatewayProxyEventV2(routed))
        _CONTEXT.set({"asked_path": asked.path})
        answer = self._whole_answer(routed, context)
        if asked.http_method.upper() != "HEAD":
            return answer
        return answer | {"body": "", "isBase64Encoded": False}

    def _whole_answer(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        try:
            answer = super().resolve(event, context)
        except _WrongMethodError as error:
            asked = self.current_event
            return self._problem(method_not_allowed(asked.http_method.upper(), asked.path, sorted(error.allowed)))
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
            self._refuse_accident(route)
            refuse_unknown(self.current_event, [query.name for query in self._queries.get(route.func, ())])
        with self._building:
            if not route._middleware_stack_built:
                route._build_middleware_stack(router_middlewares=self._router_middlewares, app=self)
        return super()._call_route(route, route_arguments)

    def _refuse_accident(self, route: Route) -> None:
        """`GET /workflows/execute` asks for no workflow of the id `execute`: where a route's path is written out, its methods
        are all that the path has.
        """
        path = self.current_event.path
        own = {r.method for r in self._static_routes if r.rule.match(path)}
        if own and route.method not in own:
            raise _WrongMethodError(own)


class _WrongMethodError(Exception):
    """The path of the request is that of routes with these methods only."""

    def __init__(self, allowed: set[str]) -> None:
        super().__init__()
        self.allowed = allowed


def _as_routed(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    """The event that routes are found for: `/workflows/` is `/workflows`, and HEAD is the GET whose body is not sent
    (RFC 9110, section 9.3.2).
    """
    http: dict[str, Any] = dict(event["requestContext"]["http"])
    if http["method"].upper() == "HEAD":
        http["method"] = "GET"
    path = event.raw_path
    if path.endswith("/") and len(path) > 1:
        path = path[:-1]
    context = {**event["requestContext"], "http": http}
    return {**event.raw_event, "rawPath": path, "requestContext": context}


def _asks_to_wait(event: Mapping[str, Any]) -> bool:
    """Whether a request is slow because its sender wants it to be (`?wait=25`, a stream), and tells nothing of the service."""
    parameters: Mapping[str, str] = event.get("queryStringParameters") or {}
    return parameters.get("wait", "0") != "0" or event.get("rawPath", "").rstrip("/").endswith("/stream")


def api_resolver(handlers: Handlers, known_routes: KnownRoutes = ()) -> ApiResolver:
    """A resolver of the routes that `handlers` names, which answers every error with problem+json.

    `known_routes` are routes of other functions, for the function behind `$default`: a path that another method has
    is then answered by 405 instead of 404.
    """
    app = ApiResolver()
    for name, handler in handlers.items():
        app.serve(OPERATIONS[name], handler)
    app.exception_handler(Exception)(lambda error: problem_of(error).response())

    @app.not_found
    def no_route(_: NoRouteError) -> Any:
        path = app.current_event.path
        static = {r.method for r in app._static_routes if r.rule.match(path)}
        static |= {m for m, template in known_routes if template == path}
        dynamic = {r.method for r in app._dynamic_routes if r.rule.match(path)}
        return _without_route(static or dynamic | {m for m, t in known_routes if path_matches(t, path)})

    def _without_route(allowed: set[str]) -> Any:
        """The answer to a method that its path does not have; OPTIONS asks which it has (RFC 9110, section 9.3.7)."""
        method, path = app.current_event.http_method.upper(), app.current_event.path
        if not allowed:
            return no_such_route(method, path).response()
        if method in allowed and app.asked_path != path:
            # Another function has the route: API Gateway took the slash for a path of its own. The address is relative, since
            # a domain of one's own may map the API to a path below its root.
            query = f"?{app.current_event.raw_query_string}" if app.current_event.raw_query_string else ""
            location = f"../{path.rpartition('/')[2]}{query}"
            return Response(HTTPStatus.PERMANENT_REDIRECT, headers={"Location": location})
        if method == "OPTIONS":
            return Response(HTTPStatus.NO_CONTENT, headers={"Allow": ", ".join(every_method(allowed))})
        return method_not_allowed(method, path, sorted(allowed)).response()

    return app


def path_matches(template: str, path: str) -> bool:
    """Whether a path is an instance of a route's path, in which `{name}` stands for one segment that is not empty."""
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        bool(g) if w.startswith("{") else w == g for w, g in zip(wanted, given, strict=True)
    )
