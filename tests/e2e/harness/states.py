"""Step Functions inside MiniStack's process: the embedded engine of the laptop.

MiniStack's own interpreter ignores `Assign` on Parallel and Map, `Output` on Succeed, evaluates the entries of Assign one
by one and writes no `assignedVariables` into the history. Here MiniStack still authenticates and authorizes each call of
the API; then the request goes to the engine. What a machine does is checked against its role as on AWS: its functions are
invoked in MiniStack, and the change of an execution's status is an event on MiniStack's default bus.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any, Final

from infra.local.ended_runs import status_change
from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.lambdas import Invocation
from infra.local.stepfunctions.service import StepFunctions
from tests.e2e.harness.roles import denial, ministack, role_may, service_may_assume
from tests.support import aws_json

STATES: Final = "states.amazonaws.com"

Response = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Put the embedded engine in the place of MiniStack's Step Functions."""
    responses = ministack("core.responses")
    engine = StepFunctions(
        FunctionsOfTheEmulator(),
        region=responses.get_region(),
        account=responses.get_account_id(),
        denied=lambda role, action, resource: (
            None if role_may(role, action, resource) else denial(role, action, resource)
        ),
        on_end=_publish,
        on_child=_publish,
    )

    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, list[str]]
    ) -> Response:
        # The engine blocks, and a machine that it starts may call this very server.
        return await asyncio.to_thread(answer, engine, headers, body, query_params)

    ministack("app").SERVICE_HANDLERS["states"] = handle_request


def answer(engine: StepFunctions, headers: dict[str, str], body: bytes, query: dict[str, list[str]]) -> Response:
    """Answer one request that MiniStack has authorized."""
    target = headers.get("x-amz-target", "")
    action = target.rpartition(".")[2]
    given = json.loads(body or b"{}")
    if action in ("CreateStateMachine", "UpdateStateMachine") and "roleArn" in given:
        refusal = _refuse_passing(headers, query, given["roleArn"]) or _refuse_untrusting(given)
        if refusal is not None:
            return refusal
    reply = aws_json.reply(engine, target, body)
    if action == "StartExecution" and reply.status == 200:
        _publish_start(json.loads(reply.body)["executionArn"], given)
    return reply


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
    """AWS looks at creation whether it may assume the role for this machine; the engine does not."""
    responses = ministack("core.responses")
    named = f"arn:aws:states:{responses.get_region()}:{responses.get_account_id()}:stateMachine:{given.get('name')}"
    if service_may_assume(given["roleArn"], STATES, given.get("stateMachineArn", named)):
        return None
    message = f"Neither the global service principal {STATES}, nor the regional one is authorized to assume the role."
    return aws_json.refusal("AccessDeniedException", message)


class FunctionsOfTheEmulator:
    """`lambdas.Functions` where MiniStack runs a function: from its zip, under its own role."""

    def invoke(self, function: str, event: str) -> Invocation:
        """Call a function as Lambda's synchronous Invoke does."""
        request_id = str(uuid.uuid4())
        service = ministack("services.lambda_svc")
        found, config, name = service._get_func_record_for_ref(function)
        if not found or not config:
            return _refused(request_id, "ResourceNotFoundException", f"Function not found: {name}", 404)
        record = service._execution_record_for_config(found, config)
        result = service._execute_function_with_config_scope(record, json.loads(event))
        body = result.get("body")
        if result.get("throttle"):
            return _refused(request_id, "TooManyRequestsException", str(body), 429)
        if result.get("error"):
            return Invocation(request_id, error=_error_type(body), cause=json.dumps(body, ensure_ascii=False))
        return Invocation(request_id, body, len(json.dumps(body)))


def _refused(request_id: str, code: str, message: str, status: int) -> Invocation:
    told = f"(Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
    return Invocation(request_id, error=f"Lambda.{code}", cause=f"{message} {told}")


def _error_type(body: Any) -> str:
    """The name under which a task fails: that of the exception; "Lambda.Unknown" where the runtime gives none."""
    return str(body["errorType"]) if isinstance(body, dict) and body.get("errorType") else "Lambda.Unknown"


def _publish_start(execution_arn: str, given: dict[str, Any]) -> None:
    ministack("services.stepfunctions")._emit_execution_status_event(
        {
            "executionArn": execution_arn,
            "stateMachineArn": given.get("stateMachineArn"),
            "name": execution_arn.rpartition(":")[2],
            "status": "RUNNING",
            "startDate": datetime.now(UTC).isoformat(),
            "input": given.get("input", "{}"),
        }
    )


def _publish(ended: Head) -> None:
    """By MiniStack's own words every end would be that of a run which was never redriven, and that of a redrive no news."""
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps(status_change(ended) | {"redriveCount": ended.redrives}),
        "Resources": [ended.arn],
    }
    ministack("services.eventbridge")._put_events({"Entries": [entry]}, allow_aws_source=True)
