"""Integrated services other than Lambda: nested executions, and tasks that wait for a token."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, NoReturn

from botocore.exceptions import ClientError
from moto.core.exceptions import JsonRESTError

from infra.local.seams.failures import failure
from infra.local.seams.patching import parser, replace
from infra.local.seams.text import json_text
from infra.local.seams.waiting import woken_at_end_of
from infra.local.stepfunctions.lambdas import sdk_metadata


def start_nested_executions() -> None:
    """moto sends the parameters of `states:startExecution` under names that its own client drops.

    The child got no input and no name. A `.sync` task also polled twice a second; here it is told.
    """
    service = parser("asl.component.state.exec.state_task.service.state_task_service_sfn").StateTaskServiceSfn
    replace(service, "_eval_service_task", _start_nested)
    replace(service, "_build_sync_resolver", _await_nested(parses_json=False))
    replace(service, "_build_sync2_resolver", _await_nested(parses_json=True))


def _start_nested(
    self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: dict[str, Any], state_credentials: Any
) -> None:
    backend = parser("models").stepfunctions_parser_backends[resource_runtime_part.account][
        resource_runtime_part.region
    ]
    try:
        child = backend.start_execution(
            normalised_parameters.get("StateMachineArn"),
            normalised_parameters.get("Name"),
            normalised_parameters.get("Input"),
        )
    except JsonRESTError as error:
        _refuse(error)
    if self.resource.condition in ("sync", "sync:2"):
        env.nested_execution = child
        if not env.is_running():
            # Whoever gave this task up did so before there was a child to stop.
            child.stop(stop_date=None, error=None, cause=None)
    env.stack.append(
        {
            "ExecutionArn": child.exec_arn,
            **sdk_metadata(str(uuid.uuid4()), 0),
            "StartDate": int(child.start_date.timestamp() * 1000),
        }
    )


def _refuse(error: Any) -> NoReturn:
    metadata: Any = {"HTTPStatusCode": 400, "RequestId": str(uuid.uuid4()), "HTTPHeaders": {}, "RetryAttempts": 0}
    response: Any = {"Error": {"Code": error.error_type, "Message": error.message}, "ResponseMetadata": metadata}
    raise ClientError(response, "StartExecution") from error


def _await_nested(*, parses_json: bool) -> Callable[..., Callable[[], Any]]:
    def build(
        self: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any, state_credentials: Any
    ) -> Callable[[], Any]:
        env.stack.pop()
        child = env.nested_execution

        def resolve() -> Any:
            with woken_at_end_of(env) as ended:
                child.end.also_set(ended)
                ended.wait()
            if not child.end.has_been_made():
                return None
            described = describe_nested(child, parses_json=parses_json)
            if child.status == "SUCCEEDED":
                return described
            raise failure(
                env,
                "States.TaskFailed",
                json_text(describe_nested(child, parses_json=False)),
                details="taskFailedEventDetails",
                resource=self._get_sfn_resource(),
                resourceType=self._get_sfn_resource_type(),
            )

        return resolve

    return build


def describe_nested(child: Any, *, parses_json: bool) -> dict[str, Any]:
    """What a `.sync` task returns of its child: JSON text for input and output, or with `.sync:2` the values."""
    read = json.loads if parses_json else str
    described = {
        "ExecutionArn": child.exec_arn,
        "Input": read(child.execution_input),
        "InputDetails": {"Included": True},
        "Name": child.name,
        "RedriveCount": 0,
        "StartDate": int(child.start_date.timestamp() * 1000),
        "StateMachineArn": child.state_machine_arn,
        "Status": child.status,
        "StopDate": int(child.stop_date.timestamp() * 1000),
    }
    if child.output is not None:
        described["Output"] = read(child.output)
        described["OutputDetails"] = {"Included": True}
    if child.error is not None:
        described["Error"] = child.error
    if child.cause is not None:
        described["Cause"] = child.cause
    if child.status == "SUCCEEDED":
        described["RedriveStatus"] = "NOT_REDRIVABLE"
        described["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
    return described


def give_each_attempt_its_token() -> None:
    """moto reuses a task's token when it retries, so the retry ended at once with the first attempt's outcome.

    It also accepts an outcome for a task that has ended; AWS answers TaskTimedOut.
    """
    callback = parser("asl.component.state.exec.state_task.service.state_task_service_callback")
    service = callback.StateTaskServiceCallback
    stock = service._eval_execution
    waits_for_token = parser("asl.component.state.exec.state_task.service.resource").ResourceCondition.WaitForTaskToken

    def evaluate(self: Any, env: Any) -> None:
        if self._is_integration_pattern() and waits_for_token in self._supported_integration_patterns:
            env.callback_pool_manager.add(env.states.context_object.update_task_token())
        stock(self, env)

    replace(service, "_eval_execution", evaluate)

    endpoints = parser("asl.eval.callback.callback")
    interrupt = endpoints.CallbackEndpoint.interrupt_all

    def interrupt_all(self: Any) -> None:
        self.report(endpoints.CallbackConsumerTimeout())
        interrupt(self)

    replace(endpoints.CallbackEndpoint, "interrupt_all", interrupt_all)


def install() -> None:
    """Put this module's seams in place."""
    start_nested_executions()
    give_each_attempt_its_token()
