"""Step Functions inside MiniStack's process: moto's interpreter with the project's seams.

MiniStack's own interpreter ignores `Assign` on Parallel and Map, `Output` on Succeed, evaluates the entries of Assign one
by one and writes no `assignedVariables` into the history. Here MiniStack still authenticates and authorizes each call of
the API; then the request goes to moto. What a machine does is checked against its role as on AWS: its functions are
invoked in MiniStack, and the change of an execution's status is an event on MiniStack's default bus.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from botocore.exceptions import ClientError

from infra.local import moto_seams
from infra.local.seams import integrations
from infra.local.seams.patching import parser, replace
from infra.local.stepfunctions.lambdas import sdk_metadata
from tests.e2e.harness.roles import denial, ministack, role_may, service_may_assume

STATES: Final = "states.amazonaws.com"

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Put moto in the place of MiniStack's Step Functions."""
    from moto.core.config import default_user_config

    moto_seams.apply()
    default_user_config.update(moto_seams.MOCK_CONFIG)
    _invoke_functions_of_the_emulator()
    _check_nested_starts()
    moto_seams.on_execution_ended(_publish_end)
    ministack("app").SERVICE_HANDLERS["states"] = handle_request


async def handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
) -> Response:
    """Answer one request that MiniStack has authorized."""
    action = headers.get("x-amz-target", "").rpartition(".")[2]
    given = json.loads(body or b"{}")
    if action in ("CreateStateMachine", "UpdateStateMachine") and "roleArn" in given:
        refusal = _refuse_passing(headers, query_params, given["roleArn"]) or _refuse_untrusting(given)
        if refusal is not None:
            return refusal
    # moto blocks, and a machine that it starts may call this very server.
    return await asyncio.to_thread(_ask_moto, headers, body, action, given)


def _ask_moto(headers: dict[str, str], body: bytes, action: str, given: dict[str, Any]) -> Response:
    from moto.core.request import Request
    from moto.stepfunctions.responses import StepFunctionResponse
    from werkzeug.exceptions import HTTPException

    responses = ministack("core.responses")
    kept = {name: value for name, value in headers.items() if name in ("x-amz-target", "content-type")}
    kept["x-moto-account-id"] = responses.get_account_id()
    url = f"https://states.{responses.get_region()}.amazonaws.com/"
    request = Request.from_primitives("POST", url, kept, body)
    try:
        status, answered, text = StepFunctionResponse.dispatch(request, url, request.headers)
    except HTTPException as error:
        status, answered, text = error.code, dict(error.get_headers()), error.get_body()
    if action == "StartExecution" and status == 200:
        _publish_start(json.loads(text)["executionArn"], given)
    return (
        int(status),
        {str(k): str(v) for k, v in dict(answered).items()},
        text.encode() if isinstance(text, str) else text,
    )


def _refuse_passing(headers: dict[str, str], query: dict[str, list[str]], role_arn: str) -> Response | None:
    """MiniStack does not ask for iam:PassRole; AWS does ("Granting a user permissions to pass a role")."""
    evaluator, actions = ministack("core.iam_evaluator"), ministack("core.iam_actions")
    region = ministack("core.responses").get_region()
    denied = evaluator.enforce(
        ministack("core.router").extract_access_key_id(headers, query),
        "iam:PassRole",
        "states",
        region,
        resource_arn=role_arn,
        service_context={"iam:PassedToService": STATES},
    )
    if denied is None:
        return None
    principal = getattr(denied, "principal_arn", "")
    refused: Response = actions.access_denied_response(
        "states", "iam:PassRole", principal, str(uuid.uuid4()), headers=headers, resource_arn=role_arn
    )
    return refused


def _refuse_untrusting(given: dict[str, Any]) -> Response | None:
    """AWS looks at creation whether it may assume the role for this machine; moto does not."""
    responses = ministack("core.responses")
    named = f"arn:aws:states:{responses.get_region()}:{responses.get_account_id()}:stateMachine:{given.get('name')}"
    if service_may_assume(given["roleArn"], STATES, given.get("stateMachineArn", named)):
        return None
    message = f"Neither the global service principal {STATES}, nor the regional one is authorized to assume the role."
    body = json.dumps({"__type": "AccessDeniedException", "message": message})
    return 400, {"Content-Type": "application/x-amz-json-1.0"}, body.encode()


def _invoke_functions_of_the_emulator() -> None:
    """The machine's role is asked, then the function runs where MiniStack runs it: from its zip, under its own role."""
    module = parser("asl.component.state.exec.state_task.lambda_eval_utils")

    def execute(env: Any, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
        function, payload = parameters["FunctionName"], parameters.get("Payload", b"{}")
        event = json.loads(payload) if isinstance(payload, bytes) else payload
        role = env.aws_execution_details.role_arn
        if not role_may(role, "lambda:InvokeFunction", function):
            _refuse("AWSLambdaException", denial(role, "lambda:InvokeFunction", function), 403, "Invoke")
        result = _run_function(function, event)
        if result.get("throttle"):
            _refuse("TooManyRequestsException", str(result.get("body")), 429, "Invoke")
        if result.get("error"):
            raise module.LambdaFunctionErrorException("Unhandled", json.dumps(result.get("body"), ensure_ascii=False))
        request_id = str(uuid.uuid4())
        env.stack.append(
            {
                "ExecutedVersion": "$LATEST",
                "Payload": result.get("body"),
                **sdk_metadata(request_id, len(json.dumps(result.get("body")))),
                "StatusCode": 200,
            }
        )

    replace(module, "execute_lambda_function_integration", execute)


def _run_function(function: str, event: Any) -> dict[str, Any]:
    service = ministack("services.lambda_svc")
    found, config, name = service._get_func_record_for_ref(function)
    if not found or not config:
        _refuse("ResourceNotFoundException", f"Function not found: {name}", 404, "Invoke")
    record = service._execution_record_for_config(found, config)
    result: dict[str, Any] = service._execute_function_with_config_scope(record, event)
    return result


def _check_nested_starts() -> None:
    """A nested execution is started by the machine's role, so the role is asked for states:StartExecution."""
    service = parser("asl.component.state.exec.state_task.service.state_task_service_sfn").StateTaskServiceSfn

    def start(self: Any, env: Any, part: Any, parameters: dict[str, Any], credentials: Any) -> None:
        role, child = env.aws_execution_details.role_arn, parameters.get("StateMachineArn", "")
        if not role_may(role, "states:StartExecution", child):
            _refuse("AccessDeniedException", denial(role, "states:StartExecution", child), 400, "StartExecution")
        integrations._start_nested(self, env, part, parameters, credentials)

    replace(service, "_eval_service_task", start)


def _refuse(code: str, message: str, status: int, operation: str) -> NoReturn:
    metadata: Any = {"HTTPStatusCode": status, "RequestId": str(uuid.uuid4()), "HTTPHeaders": {}, "RetryAttempts": 0}
    raise ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)


def _publish_start(execution_arn: str, given: dict[str, Any]) -> None:
    _publish(
        {
            "executionArn": execution_arn,
            "stateMachineArn": given.get("stateMachineArn"),
            "name": execution_arn.rpartition(":")[2],
            "status": "RUNNING",
            "startDate": datetime.now(UTC).isoformat(),
            "input": given.get("input", "{}"),
        }
    )


def _publish_end(ended: moto_seams.ExecutionEnded) -> None:
    _publish(
        {
            "executionArn": ended.execution_arn,
            "stateMachineArn": ended.state_machine_arn,
            "name": ended.name,
            "status": ended.status,
            "startDate": _iso(ended.start_date),
            "stopDate": _iso(ended.stop_date),
            "input": ended.input,
            "output": ended.output,
            "error": ended.error,
            "cause": ended.cause,
        }
    )


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _publish(execution: dict[str, Any]) -> None:
    ministack("services.stepfunctions")._emit_execution_status_event(execution)
