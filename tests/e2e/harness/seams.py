"""Where MiniStack 1.5.33 differs from AWS in something that the product relies on. One function a difference.

Each raises when MiniStack no longer has what it mends, so that a new version is looked at.
"""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Final
from urllib.parse import unquote

from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.pending import run_of
from tests.e2e.harness.roles import ministack, role_may
from workflow_engine.machines.naming import machine_arn

VERSION: Final = "1.5.33"

INTERPRETER_VARIABLE: Final = "E2E_LAMBDA_PYTHON"
"""Environment variable with the path of the Python that runs functions."""

_QUEUE_ACTIONS: Final = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
"""What a function's role needs for a queue (Lambda developer guide, "Creating and configuring an Amazon SQS event source
mapping", execution role permissions)."""


def install() -> None:
    """Put every seam in place."""
    installed = ministack("app")._version()
    if installed != VERSION:
        raise RuntimeError(f"The seams are written for MiniStack {VERSION}, but {installed} is installed")
    run_functions_on_a_bare_interpreter()
    let_functions_raise_as_on_lambda()
    ask_the_role_before_reading_a_queue()
    answer_without_a_body()
    count_the_loopback_as_encrypted()
    ask_for_models_as_bedrock_does()
    ask_for_tasks_and_activities_as_step_functions_does()


def run_functions_on_a_bare_interpreter() -> None:
    """MiniStack runs a function with its own interpreter, which sees all that is installed beside MiniStack.

    A function that lacks a layer would still import. Lambda's runtime has boto3 and the standard library only.
    """
    runtime = ministack("core.lambda_runtime")
    stock, interpreter = runtime._detect_runtime_binary, os.environ[INTERPRETER_VARIABLE]

    def detect(name: str) -> tuple[str, str]:
        binary, script = stock(name)
        return (interpreter, script) if name.startswith("python") else (binary, script)

    runtime._detect_runtime_binary = detect


def let_functions_raise_as_on_lambda() -> None:
    """MiniStack calls every error of a Python function Runtime.HandlerError, gives no stack trace, and ends the process.

    On AWS `errorType` is the name of the exception's class (Lambda developer guide, "Python function errors"), and the
    environment takes the next call: only what ends the runtime ends it ("Understanding the Lambda execution environment
    lifecycle").
    """
    runtime, service = ministack("core.lambda_runtime"), ministack("services.lambda_svc")
    written = '"status": "error", "error": str(e), "trace"'
    script = runtime._PYTHON_WORKER_SCRIPT
    if script.count(written) != 1:
        raise RuntimeError("MiniStack's worker reports errors in another way now")
    # MiniStack ends the process of what is not "ok".
    told = '"status": "ok", "raised": type(e).__name__, "error": str(e), "trace"'
    runtime._PYTHON_WORKER_SCRIPT = script.replace(written, told)
    last = threading.local()
    invoke, execute = runtime.Worker.invoke, service._execute_function_warm

    def remember(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = invoke(self, *args, **kwargs)
        last.error = result.get("raised"), result.get("trace", "")
        return {**result, "status": "error"} if "raised" in result else result

    def name(func: Any, event: Any, request_id: str) -> Any:
        last.error = None, ""
        result = execute(func, event, request_id)
        error_type, trace = last.error
        if result.get("error") and error_type:
            result["body"].update(errorType=error_type, requestId=request_id, stackTrace=trace.splitlines())
        return result

    runtime.Worker.invoke = remember
    service._execute_function_warm = name


def ask_the_role_before_reading_a_queue() -> None:
    """MiniStack reads a queue for a function whatever the function's role allows; Lambda reads it as that role."""
    service = ministack("services.lambda_svc")
    stock = service._run_sqs_batch

    def run(esm: Any, func_rec: Any, *args: Any) -> None:
        role = (func_rec.get("config") or func_rec).get("Role", "")
        refused = [action for action in _QUEUE_ACTIONS if not role_may(role, action, esm["EventSourceArn"])]
        if refused:
            # The messages stay where they are, and are seen again after their visibility timeout.
            esm["LastProcessingResult"] = f"PROBLEM: {role} may not {', '.join(refused)}"
            service.logger.warning("ESM: %s", esm["LastProcessingResult"])
            return
        stock(esm, func_rec, *args)

    service._run_sqs_batch = run


def answer_without_a_body() -> None:
    """MiniStack fails on a function's answer whose `body` is null, as that of a 204; API Gateway sends no body."""
    gateway = ministack("services.apigateway")
    stock = gateway._invoke_lambda_proxy

    async def invoke(*args: Any, **kwargs: Any) -> Any:
        status, headers, body = await stock(*args, **kwargs)
        return status, headers, b"" if body is None else body

    gateway._invoke_lambda_proxy = invoke


def count_the_loopback_as_encrypted() -> None:
    """On AWS, functions and clients come by HTTPS, and the bucket's policy refuses everything else.

    MiniStack serves plain HTTP here, and its functions are sent there; so `aws:SecureTransport` would be false for all.
    """
    app = ministack("app")
    stock = app.pin_request_origin
    app.pin_request_origin = lambda source_ip, _is_encrypted: stock(source_ip, True)


def ask_for_models_as_bedrock_does() -> None:
    """MiniStack asks for an action of each operation's name, and where a request is signed for `bedrock` for all resources.

    On AWS Converse asks for bedrock:InvokeModel, ConverseStream for bedrock:InvokeModelWithResponseStream, on the model
    ("Actions, resources, and condition keys for Amazon Bedrock"; API reference, "Converse").
    """
    actions = ministack("core.iam_actions")
    stock_action, stock_resource = actions.extract_iam_action, actions.extract_resource_arn

    def is_model(service: str, path: str) -> bool:
        return service in ("bedrock", "bedrock-runtime") and path.startswith("/model/")

    def action(service: str, method: str, path: str, *rest: Any) -> Any:
        if is_model(service, path):
            streams = path.endswith(("/converse-stream", "/invoke-with-response-stream"))
            return "bedrock:InvokeModelWithResponseStream" if streams else "bedrock:InvokeModel"
        return stock_action(service, method, path, *rest)

    def resource(service: str, method: str, path: str, *rest: Any) -> Any:
        if is_model(service, path):
            return unquote(stock_resource("bedrock-runtime", method, path, *rest))
        return stock_resource(service, method, path, *rest)

    actions.extract_iam_action, actions.extract_resource_arn = action, resource


def ask_for_tasks_and_activities_as_step_functions_does() -> None:
    """MiniStack asks for answers to tasks on all resources, and for the creation of an activity on a machine of its name.

    On AWS an answer is to a task of a machine (CDK grants it so: `StateMachine.grantTaskResponse`), and an activity is created
    on its own ARN ("Actions, resources, and condition keys for AWS Step Functions").
    """
    actions = ministack("core.iam_actions")
    stock = actions.extract_resource_arn

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2] if service == "states" else ""
        if action.startswith("SendTask"):
            try:
                return machine_arn(run_of(json.loads(body)["taskToken"]))
            except ServiceError:  # of no task
                return "*"
        named: str = stock(service, method, path, headers, body, *rest)
        return named.replace(":stateMachine:", ":activity:") if action == "CreateActivity" else named

    actions.extract_resource_arn = resource
