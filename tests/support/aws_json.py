"""Step Functions as its clients meet it on the wire, by the embedded engine: the AWS JSON 1.0 protocol.

A request names its action in the header `X-Amz-Target` ("AWSStepFunctions.StartExecution") and brings its members as a JSON
object. In an answer timestamps are seconds since the epoch, with fractions; a refusal has its code in `__type` and the
status 400 (smithy.io, "AWS JSON 1.0 protocol").
"""

from __future__ import annotations

import contextlib
import inspect
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple

from infra.local.lambda_context import request_id
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import JournalError
from infra.local.stepfunctions.service import Actions, StepFunctions

TARGET: Final = "AWSStepFunctions"
CONTENT_TYPE: Final = "application/x-amz-json-1.0"


class Reply(NamedTuple):
    """The answer to a request."""

    status: int
    headers: dict[str, str]
    body: bytes


def call(client: StepFunctions, action: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to an action by its name in the API, with dates in it.

    Raises ServiceError: what the action raises, UnknownOperationException, ValidationException for members that the action
    lacks or does not have.
    """
    method = _methods().get(action)
    if method is None:
        raise ServiceError("UnknownOperationException", f"The local Step Functions has no {action}.")
    try:
        inspect.signature(getattr(Actions, method)).bind(None, **request)
    except TypeError as error:
        raise ServiceError("ValidationException", f"1 validation error detected: {error}") from error
    answer: dict[str, Any] = getattr(client, method)(**request)
    return answer


@cache
def _methods() -> dict[str, str]:
    """The methods by the names of their actions: {"StartExecution": "start_execution"}."""
    return {
        "".join(word.capitalize() for word in name.split("_")): name
        for name in vars(Actions)
        if not name.startswith("_")
    }


def reply(client: StepFunctions, target: str, body: bytes) -> Reply:
    """The answer to a request with this header and body."""
    service, _, action = target.rpartition(".")
    try:
        if service != TARGET:
            raise ServiceError("UnknownOperationException", f"'{target}' is no action of {TARGET}.")
        return _written(200, call(client, action, _members(body)))
    except ServiceError as error:
        return refusal(error.code, error.message)
    except JournalError as error:
        return _written(500, {"__type": "InternalFailure", "message": str(error)})


def refusal(code: str, message: str) -> Reply:
    """An error that the client has made."""
    return _written(400, {"__type": code, "message": message})


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"The request is no JSON: {error}") from error
    if not isinstance(members, dict):
        raise ServiceError("SerializationException", "The request is no JSON object")
    return members


def _written(status: int, answer: Mapping[str, Any]) -> Reply:
    text = json.dumps(answer, default=_timestamp)
    return Reply(status, {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": request_id()}, text.encode())


def _timestamp(moment: Any) -> float:
    if not isinstance(moment, datetime):
        raise TypeError(f"{type(moment).__name__} is not for the wire")
    return moment.timestamp()


@contextlib.contextmanager
def step_functions_server(client: StepFunctions) -> Iterator[str]:
    """An endpoint on this machine's loopback, for as long as the context lasts; gives its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda target, body: reply(client, target, body)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(answer: Callable[[str, bytes], Reply]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # a body that follows its headers would wait for the client to acknowledge them

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, text = answer(self.headers.get("X-Amz-Target", ""), body)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(text))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    return Handler
