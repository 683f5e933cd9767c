"""Lambda functions of this machine: Python callables under the names and ARNs that state machines use.

What a handler returns goes through JSON as AWS's Python runtime sends it: decimals are numbers, bytes are text, named tuples
are objects. The runtime's own marshaller (package `awslambdaric`, on `simplejson`) is none that a laptop can depend on: it has
wheels for Linux alone, and its source builds a client in C++ with cmake. So `response_text` is ours, and its tests are what
awslambdaric 4.2.2 answered. What a handler raises, or cannot be sent, is an answer of Lambda's, never an exception here.
"""

from __future__ import annotations

import decimal
import json
import os
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

from infra.local.lambda_context import LambdaContext
from infra.local.stepfunctions.failures import exit_status
from infra.local.stepfunctions.limits import json_text, parsed, utf8_size
from workflow_engine.lazy_dataclass import dataclass

# AWS page "Lambda quotas", "Invocation payload (request and response)", synchronous: 6 MB each.
MAX_REQUEST_BYTES: Final = 6 * 1024 * 1024
# The number that Lambda's own error message names.
MAX_RESPONSE_BYTES: Final = 6_291_556

_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

Handler = Callable[[Any, Any], Any]
CalledIn = Callable[[Any, str], AbstractContextManager[None]]


def _in_nothing(_event: Any, _request_id: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Invocation:
    """The answer to an invocation. `error` is None, else the name under which a task fails, with `cause`."""

    request_id: str
    payload: Any = None
    size: int = 0
    error: str | None = None
    cause: str | None = None


class Functions(Protocol):
    """The port to the functions that tasks call."""

    def invoke(self, function: str, event: str) -> Invocation:
        """Call a function, given by name or ARN, with an event of JSON text. Called in a thread; raises nothing."""


class LambdaFunctions:
    """Handlers by name. One registered by name answers in every account and region; one by ARN only there."""

    def __init__(
        self,
        *,
        region: str,
        account: str,
        handlers: Mapping[str, Handler] | None = None,
        called_in: CalledIn | None = None,
    ) -> None:
        """`called_in` gives what each call is made in, by its event and the id of its request."""
        self._called_in = called_in or _in_nothing
        self._prefix = f"arn:aws:lambda:{region}:{account}:function:"
        self._handlers: dict[str, Handler] = {}
        for function, handler in (handlers or {}).items():
            self.register(function, handler)

    def register(self, function: str, handler: Handler) -> None:
        """Let machines call `handler(event, context)`. The later one of a name replaces the former."""
        self._handlers[unqualified(function)] = handler

    def invoke(self, function: str, event: str) -> Invocation:
        """Call a function as Lambda's synchronous Invoke does."""
        wanted = unqualified(function)
        arn = wanted if wanted.startswith("arn:") else self._prefix + wanted
        name = arn.split(":")[6]
        handler = self._handlers.get(arn) or self._handlers.get(name)
        context = LambdaContext(function_name=name, invoked_function_arn=arn)
        if handler is None:
            return _refused(context, "ResourceNotFoundException", f"Function not found: {arn}", 404)
        if utf8_size(event) > MAX_REQUEST_BYTES:
            message = f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the InvokeFunction operation"
            return _refused(context, "RequestTooLargeException", message, 413)
        return _call(handler, event, context, self._called_in)


def unqualified(function: str) -> str:
    """The name or ARN of a function without version or alias; "123456789012:function:name" is read as its name."""
    if function.startswith("arn:"):
        return ":".join(function.split(":")[:7])
    return function.rpartition("function:")[2].partition(":")[0]


def throttled() -> Invocation:
    """The answer where nothing is left that a function could run in."""
    context = LambdaContext(function_name="", invoked_function_arn="")
    return _refused(context, "TooManyRequestsException", "Rate Exceeded.", 429)


def _refused(context: LambdaContext, code: str, message: str, status: int) -> Invocation:
    told = f"(Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {context.aws_request_id}; Proxy: null)"
    return Invocation(context.aws_request_id, error=f"Lambda.{code}", cause=f"{message} {told}")


def _call(handler: Handler, event: str, context: LambdaContext, called_in: CalledIn) -> Invocation:
    process = os.getpid()
    try:
        given = json.loads(event)
        with called_in(given, context.aws_request_id):
            result = handler(given, context)
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        return _failed(context, type(error).__name__, _message(error), traceback.format_list(frames))
    except BaseException as error:
        if os.getpid() != process:
            raise  # the child that the handler has forked ends as it wants to
        return _exited(context, error)
    try:
        text = response_text(result)
        size = utf8_size(text)
        if size > MAX_RESPONSE_BYTES:
            message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
            return _told(context, {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"})
        # Bytes are what a handler says they are; what was written here is JSON.
        payload = parsed(text) if isinstance(result, bytes) else json.loads(text)
        return Invocation(context.aws_request_id, payload, size)
    except (TypeError, ValueError, RecursionError) as error:
        return _failed(context, "Runtime.MarshalError", f"Unable to marshal response: {error}", [])


def _exited(context: LambdaContext, error: BaseException) -> Invocation:
    """What Lambda says when its runtime ended: that catches Exception alone, so all else ends the process as Python would."""
    if isinstance(error, KeyboardInterrupt):
        how = "with error: signal: interrupt"
    else:
        status = exit_status(error)
        how = f"with error: exit status {status}" if status else "without providing a reason"
    message = f"RequestId: {context.aws_request_id} Error: Runtime exited {how}"
    return _told(context, {"errorType": "Runtime.ExitError", "errorMessage": message})


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _failed(context: LambdaContext, error_type: str, message: str, stack: list[str]) -> Invocation:
    told = {
        "errorMessage": _in_utf8(message),
        "errorType": error_type,
        "requestId": context.aws_request_id,
        "stackTrace": [_in_utf8(line) for line in stack],
    }
    return _told(context, told)


def _told(context: LambdaContext, told: dict[str, Any]) -> Invocation:
    """The answer of Lambda with an error as its payload."""
    return Invocation(context.aws_request_id, error=told["errorType"], cause=json_text(told))


def _in_utf8(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def response_text(result: Any) -> str:
    """What a handler returned as the JSON text that AWS's runtime sends of it.

    Raises TypeError, ValueError or RecursionError for what it cannot send, and ValueError for what it sends and is no JSON
    then: NaN and infinities, a lone surrogate, bytes at the top that hold none.
    """
    if isinstance(result, bytes):
        # The runtime sends them as they are.
        return result.decode()
    text = _encode(_plain(result, set()))
    text.encode()
    return text


def _plain(value: Any, around: set[int]) -> Any:
    """The value in types that `json` writes, or refuses, alike. `around` are the ids of the containers it lies in."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, decimal.Decimal):
        return json.loads(str(value))
    as_record = getattr(value, "_asdict", None)
    if not callable(as_record) and not isinstance(value, dict | list | tuple):
        return value
    if id(value) in around:
        raise ValueError("Circular reference detected")
    around.add(id(value))
    held = as_record() if callable(as_record) else value
    plain: Any
    if isinstance(held, dict):
        plain = {name.decode() if isinstance(name, bytes) else name: _plain(v, around) for name, v in held.items()}
    else:
        plain = [_plain(item, around) for item in held]
    around.discard(id(value))
    return plain


def sdk_metadata(request_id: str, size: int) -> dict[str, Any]:
    """The fields that Step Functions adds to the answer of an integrated service."""
    headers = {
        "Connection": "keep-alive",
        "Content-Length": str(size),
        "Content-Type": "application/json",
        "x-amzn-RequestId": request_id,
    }
    return {
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request_id},
    }
