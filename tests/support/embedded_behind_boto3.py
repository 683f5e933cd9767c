"""Step Functions and Lambda's Invoke for clients of boto3 in this process, by the embedded engine: no server, no port.

The clients keep their names, their checks of parameters, their pages and their errors. What they would send is answered at
botocore's event `before-call`: whoever answers there is asked instead of the network.
"""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from infra.local.lambda_context import request_id
from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.lambdas import Functions, LambdaFunctions
from infra.local.stepfunctions.limits import json_text
from infra.local.stepfunctions.service import StepFunctions
from tests.support import aws_json

if TYPE_CHECKING:
    from botocore.awsrequest import AWSResponse
    from botocore.model import OperationModel

    from infra.local.stepfunctions.news import OnChild, OnEnd

# What Lambda answers instead of calling a function (API reference, Invoke, Errors), by the engine's name of it.
_REFUSED_INVOCATIONS: Final[Mapping[str, int]] = {
    "Lambda.ResourceNotFoundException": 404,
    "Lambda.RequestTooLargeException": 413,
}
_before_sessions: Final = threading.Lock()

Reply = tuple["AWSResponse", dict[str, Any]]
"""What botocore takes for an answer: its status, and its content in Python's types."""


@contextlib.contextmanager
def embedded_behind_boto3(
    functions: LambdaFunctions, *, region: str, account: str, on_end: OnEnd, on_child: OnChild | None = None
) -> Iterator[None]:
    """While it lasts every boto3 session that is made reaches one Step Functions in memory, which calls these functions, and
    so does Lambda's Invoke. `on_end` is called in a thread for each run that ended, `on_child` for each that another one
    has started.

    Clients of such a session that outlive it raise RuntimeError; they never reach AWS.
    """
    closed = threading.Event()
    with StepFunctions(functions, region=region, account=account, on_end=on_end, on_child=on_child) as engine:

        def answer(model: OperationModel, params: Mapping[str, Any], **_: Any) -> Reply | None:
            service = model.service_model.service_id
            if closed.is_set() and service in ("SFN", "Lambda"):
                raise RuntimeError("The local cloud that this client was made in is closed.")
            if service == "SFN":
                return _of_step_functions(engine, model.name, params["body"])
            if service == "Lambda" and model.name == "Invoke":
                return _of_lambda(functions, params)
            return None

        try:
            with _answering(answer):
                yield
        finally:
            closed.set()


@contextlib.contextmanager
def _answering(answer: Any) -> Iterator[None]:
    """Let `answer` take the calls of every session that is made meanwhile, after whoever only looks at them."""
    from botocore import handlers

    hook = ("before-call", answer, handlers.REGISTER_LAST)
    with _before_sessions:
        handlers.BUILTIN_HANDLERS.append(hook)
    try:
        yield
    finally:
        with _before_sessions:
            handlers.BUILTIN_HANDLERS.remove(hook)


def _of_step_functions(engine: StepFunctions, operation: str, body: bytes) -> Reply:
    try:
        return _reply(200, aws_json.call(engine, operation, json.loads(body)))
    except ServiceError as error:
        return _refusal(error.code, error.message, 400)


def _of_lambda(functions: Functions, params: Mapping[str, Any]) -> Reply | None:
    """The answer to a synchronous Invoke. None for other kinds of it, which are left to whoever else may answer."""
    from botocore.response import StreamingBody

    if params["headers"].get("X-Amz-Invocation-Type", "RequestResponse") != "RequestResponse":
        return None
    body = params["body"] or b"{}"
    done = functions.invoke(_function_of(params["url_path"]), body.decode() if isinstance(body, bytes) else body)
    error, cause = done.error or "", done.cause or ""
    if error in _REFUSED_INVOCATIONS:
        return _refusal(error.removeprefix("Lambda."), cause, _REFUSED_INVOCATIONS[error])
    payload = (cause if error else json_text(done.payload)).encode()
    failure = {"FunctionError": "Unhandled"} if error else {}
    stream = StreamingBody(io.BytesIO(payload), len(payload))
    return _reply(200, {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": stream, **failure})


def _function_of(url_path: str) -> str:
    """The name or ARN in the path `/2015-03-31/functions/{FunctionName}/invocations`."""
    return unquote(url_path.rsplit("/", 2)[1])


def _reply(status: int, content: dict[str, Any]) -> Reply:
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders

    metadata = {"RequestId": request_id(), "HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return AWSResponse("", status, HTTPHeaders(), None), {**content, "ResponseMetadata": metadata}


def _refusal(code: str, message: str, status: int) -> Reply:
    return _reply(status, {"Error": {"Code": code, "Message": message}})
