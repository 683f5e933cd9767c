"""Lambda functions of a local run: Python callables of this process, under the names and ARNs that the machines use."""

from __future__ import annotations

import json
import threading
import traceback
from typing import Any, NoReturn
from urllib.parse import unquote

from botocore.exceptions import ClientError

from infra.local.seams.patching import parser, replace
from infra.local.seams.text import json_text, utf8_size
from infra.local.stepfunctions.lambdas import (
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    Handler,
    LambdaContext,
    request_id,
    sdk_metadata,
    unqualified,
)
from workflow_engine.lazy_dataclass import dataclass

_handlers: dict[str, Handler] = {}
_lock = threading.Lock()


def register_lambda(function: str, handler: Handler) -> None:
    """Let machines call `handler(event, context)` as a Lambda function, given by its name or by its ARN.

    One registered by name answers in every account and region; one by ARN only there. The later one replaces the former.
    """
    with _lock:
        _handlers[unqualified(function)] = handler


def unregister_lambda(function: str) -> None:
    """Undo `register_lambda`. A function that is not registered is no error."""
    with _lock:
        _handlers.pop(unqualified(function), None)


def _name_of(function: str) -> str:
    return function.split(":")[6] if function.startswith("arn:") else function


@dataclass(frozen=True, slots=True)
class Invocation:
    """The answer of a function: its result, or with `is_error` Lambda's description of its failure."""

    payload: Any
    is_error: bool
    request_id: str
    size: int


def invoke_lambda(function: str, event_text: str, *, account: str, region: str) -> Invocation:
    """Call a registered function with an event of JSON text, as Lambda's synchronous Invoke does.

    Raises botocore's ClientError with ResourceNotFoundException for an unknown function, and with
    RequestTooLargeException for an event over 6 MB. What the handler raises is in the answer.
    """
    wanted = unqualified(function)
    arn = wanted if wanted.startswith("arn:") else f"arn:aws:lambda:{region}:{account}:function:{wanted}"
    with _lock:
        handler = _handlers.get(arn) or _handlers.get(_name_of(arn))
    if handler is None:
        _refuse("ResourceNotFoundException", f"Function not found: {arn}", 404)
    if utf8_size(event_text) > MAX_REQUEST_BYTES:
        message = f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the InvokeFunction operation"
        _refuse("RequestTooLargeException", message, 413)
    context = LambdaContext(function_name=_name_of(arn), invoked_function_arn=arn)
    return _call(handler, event_text, context)


def _call(handler: Handler, event_text: str, context: LambdaContext) -> Invocation:
    try:
        result = handler(json.loads(event_text), context)
    except SystemExit as error:
        request = f"RequestId: {context.aws_request_id}"
        return _failed(context, "Runtime.ExitError", f"{request} Error: Runtime exited with status {error.code}", [])
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)[1:]
        return _failed(context, type(error).__name__, str(error), traceback.format_list(frames))
    try:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        return _failed(context, "Runtime.MarshalError", f"Unable to marshal response: {error}", [])
    if size > MAX_RESPONSE_BYTES:
        message = f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes)."
        return _failed(context, "Function.ResponseSizeTooLarge", message, [])
    return Invocation(payload=json.loads(text), is_error=False, request_id=context.aws_request_id, size=size)


def _failed(context: LambdaContext, error_type: str, message: str, stack: list[str]) -> Invocation:
    payload = {
        "errorMessage": message.encode("utf-8", "replace").decode(),
        "errorType": error_type,
        "requestId": context.aws_request_id,
        "stackTrace": stack,
    }
    return Invocation(payload=payload, is_error=True, request_id=context.aws_request_id, size=0)


def _refuse(code: str, message: str, status: int) -> NoReturn:
    metadata = {"HTTPStatusCode": status, "RequestId": request_id(), "HTTPHeaders": {}, "RetryAttempts": 0}
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}
    raise ClientError(response, "Invoke")


def call_functions_in_process() -> None:
    """moto invokes a Lambda function through a boto3 client of its own for each call, and runs it in Docker or not at all.

    Here the registered handler is called; its result and errors have the shapes that AWS gives them.
    """
    module = parser("asl.component.state.exec.state_task.lambda_eval_utils")

    def execute(env: Any, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
        payload = parameters.get("Payload", b"{}")
        text = payload.decode() if isinstance(payload, bytes) else json_text(payload)
        account = env.aws_execution_details.account
        answer = invoke_lambda(parameters["FunctionName"], text, account=account, region=region)
        if answer.is_error:
            raise module.LambdaFunctionErrorException("Unhandled", json_text(answer.payload))
        env.stack.append(
            {
                "ExecutedVersion": "$LATEST",
                "Payload": answer.payload,
                **sdk_metadata(answer.request_id, answer.size),
                "StatusCode": 200,
            }
        )

    replace(module, "execute_lambda_function_integration", execute)


def answer_invoke() -> None:
    """Lambda's Invoke API reaches the same functions: an agent calls a step as a tool through it.

    moto invokes only functions that were created in it, in Docker. One of those is left to moto.
    """
    from moto.awslambda.responses import LambdaResponse

    stock = LambdaResponse.invoke

    def invoke(self: Any) -> Any:
        function = unquote(self.path.rsplit("/", 2)[-2])
        if self.headers.get("X-Amz-Invocation-Type", "RequestResponse") != "RequestResponse":
            return stock(self)
        body = self.body.decode() if isinstance(self.body, bytes) else self.body or "{}"
        try:
            answer = invoke_lambda(function, body, account=self.current_account, region=self.region)
        except ClientError:
            return stock(self)
        headers = {"content-type": "application/json", "x-amz-executed-version": "$LATEST"}
        if answer.is_error:
            headers["x-amz-function-error"] = "Unhandled"
        return 200, headers, json_text(answer.payload)

    replace(LambdaResponse, "invoke", invoke)


def install() -> None:
    """Put this module's seams in place."""
    call_functions_in_process()
    answer_invoke()
