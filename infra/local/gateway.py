"""API Gateway on a laptop: an HTTP request becomes the event that an HTTP API sends, and its answer an HTTP response.

The event has payload format 2.0 ("Working with AWS Lambda proxy integrations for HTTP APIs"): header names in lower
case, repeated headers and query parameters joined by commas, cookies apart, a body that is not text in base64. What API
Gateway or Lambda would not carry is not carried here.
"""

from __future__ import annotations

import base64
import importlib
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote

from infra.function import BELOW, Function, Route
from infra.local.lambda_context import LambdaContext
from workflow_engine.http.body import MAX_ANSWER_BYTES, answer_bytes
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from infra.local.streams import Streams

logger = logging.getLogger(__name__)

ACCOUNT: Final = "123456789012"
REGION: Final = "us-east-1"
API_ID: Final = "local"
ARN_OF_FUNCTIONS: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"

TEXT_TYPES: Final = ("text/", "application/json", "application/xml", "application/javascript")
"""Content types whose body API Gateway hands over as text; anything else it encodes in base64."""

OBJECTS: Final = "/payloads/"
JSON: Final = "application/json"

MAX_HEAD_BYTES: Final = 10_240
""""Total combined size of request line and header values" (API Gateway, quotas for HTTP APIs)."""

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request as the server received it. `path` is percent-decoded, `query` is not."""

    method: str
    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"

    @property
    def head_bytes(self) -> int:
        """Bytes of the request line and the values of the headers."""
        target = quote(self.path, safe="/:@!$&'()*+,;=~") + (f"?{self.query}" if self.query else "")
        return len(f"{self.method} {target} HTTP/1.1") + sum(len(value) for _, value in self.headers)


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Gateway:
    """Routes requests to the handlers of a catalogue, called in process."""

    def __init__(
        self,
        functions: Iterable[Function],
        objects: Callable[[str], bytes | None] | None = None,
        streams: Callable[[], Streams] | None = None,
    ) -> None:
        """`streams` gives what goes on with a stream of events that a function has begun: API Gateway has nothing of the kind.
        `objects` gives the JSON text of a key of the bucket below `payloads/`: what S3 answers to presigned addresses,
        which Lambda's limits do not concern.
        """
        self._objects = objects
        self.streams = streams
        served = [(route, function) for function in functions for route in function.served_routes]
        self.pages = frozenset(route.path for route, _ in served if route.is_page)
        self._default = next((f for route, f in served if route.key == "$default"), None)
        # API Gateway prefers a route with fewer variables, /workflows/execute to /workflows/{workflow_id}, and any to a greedy
        # one ("Routing API requests").
        self._served = sorted(
            (s for s in served if s[0].method), key=lambda s: (s[0].path.endswith(BELOW), s[0].path.count("{"))
        )
        self._handlers: dict[str, Handler] = {}

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Answer a request. What a handler raises becomes API Gateway's 500, as when a Lambda function fails; an answer that
        Lambda does not take becomes a 502.
        """
        if request.head_bytes > MAX_HEAD_BYTES:
            return _plain(431, "Request Header Fields Too Large")
        if self._objects is not None and request.method == "GET" and request.path.startswith(OBJECTS):
            content = self._objects(request.path.removeprefix("/"))
            return _plain(404, "Not Found") if content is None else HttpResponse(200, {"content-type": JSON}, content)
        for route, function in self._served:
            variables = match_path(route.path, request.path) if route.method == request.method else None
            if variables is not None:
                return self._invoke(function, route, variables, request)
        if self._default is not None:
            return self._invoke(self._default, Route("", "$default"), {}, request)
        return _plain(404, "Not Found")

    def _invoke(
        self, function: Function, route: Route, variables: dict[str, str], request: HttpRequest
    ) -> HttpResponse:
        event = api_gateway_event(request, route.key, variables)
        context = context_of(function, event["requestContext"]["requestId"])
        try:
            answer = self._handler(function)(event, context)
            size = answer_bytes(answer)
            if size > MAX_ANSWER_BYTES:
                logger.error("%s answered %s bytes; Lambda takes %s", function.name, size, MAX_ANSWER_BYTES)
                return _plain(502, "Internal Server Error")
            return http_response(answer)
        except Exception:  # the handler's own fault; it has no answer, so API Gateway gives one
            logger.exception("%s failed", function.name)
            return _plain(500, "Internal Server Error")

    def _handler(self, function: Function) -> Handler:
        if function.name not in self._handlers:
            self._handlers[function.name] = load_handler(function)
        return self._handlers[function.name]


def load_handler(function: Function) -> Handler:
    """Import a function's entry point, at its first use as Lambda does at a cold start."""
    module, _, name = function.handler.rpartition(".")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


def function_arn(name: str) -> str:
    """ARN of a function of the catalogue."""
    return f"{ARN_OF_FUNCTIONS}workflow-{name.replace('_', '-')}"


def context_of(function: Function, request_id: str) -> LambdaContext:
    """The context of a call of a function that begins now."""
    deadline = time.monotonic() + function.timeout_seconds
    return LambdaContext(function.name, function_arn(function.name), request_id, deadline, str(function.memory_mb))


def match_path(template: str, path: str) -> dict[str, str] | None:
    """The path variables if a path is an instance of a route's path, else None. A variable is one segment, not
    empty; the greedy one is all that follows.
    """
    if template.endswith("/" + BELOW):
        below = template.removesuffix(BELOW)
        return {"proxy": path.removeprefix(below)} if path.startswith(below) else None
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    variables = {}
    for name, value in zip(wanted, given, strict=True):
        if name.startswith("{") and value:
            variables[name[1:-1]] = value
        elif name != value:
            return None
    return variables


def api_gateway_event(request: HttpRequest, route_key: str, path_variables: Mapping[str, str]) -> dict[str, Any]:
    """The event of an HTTP API, payload format 2.0. Keys that API Gateway leaves out when empty are left out."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name.lower() == "cookie":
            cookies += [c.strip() for c in value.split(";")]
        else:
            headers[name.lower()] = ",".join(filter(None, (headers.get(name.lower()), value)))
    query: dict[str, str] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    now = time.time()
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": headers.get("host", "localhost"),
            "domainPrefix": API_ID,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": uuid.uuid4().hex,
            "routeKey": route_key,
            "stage": "$default",
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = query
    if path_variables:
        event["pathParameters"] = dict(path_variables)
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request.body, headers.get("content-type", ""))
    return event


def http_response(answer: Mapping[str, Any]) -> HttpResponse:
    """The response that API Gateway makes of a function's answer in format 2.0."""
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
    return HttpResponse(int(answer["statusCode"]), headers, content)


def _body(content: bytes, content_type: str) -> tuple[str, bool]:
    if not content_type or content_type.lower().startswith(TEXT_TYPES) or "+json" in content_type:
        try:
            return content.decode("utf-8"), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(content).decode("ascii"), True


def _plain(status: int, message: str) -> HttpResponse:
    return HttpResponse(status, {"content-type": JSON}, b'{"message":"%s"}' % message.encode())
