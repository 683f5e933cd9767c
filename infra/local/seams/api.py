"""The actions of the Step Functions API: what they refuse and what they answer."""

from __future__ import annotations

import base64
import copy
import datetime
import json
import threading
import uuid
from typing import Any, Final

from infra.local.seams.patching import parser, replace
from infra.local.seams.runs import STOP_WAIT_SECONDS
from infra.local.seams.text import utf8_size
from workflow_engine.aws_quotas import PAYLOAD_BYTES

# API reference, GetExecutionHistory, maxResults
HISTORY_PAGE_DEFAULT: Final = 100
HISTORY_PAGE_MAX: Final = 1000

_EXECUTION_DATA: Final = frozenset({"input", "inputDetails", "output", "outputDetails", "parameters"})


def aws_error(code: str, message: str) -> Exception:
    """An error that the caller's client raises under `code`."""
    from moto.core.exceptions import AWSError

    error: Exception = AWSError(message, code, 400)
    return error


def refuse_definitions_by_name() -> None:
    """moto refuses a bad definition without an error code, so clients cannot tell InvalidDefinition."""
    backend = parser("models").StepFunctionsParserBackend

    def validate(definition: str) -> None:
        try:
            parser("asl.parse.asl_parser").AmazonStateLanguageParser.parse(definition)
        except Exception as error:
            message = f"Invalid State Machine Definition: {type(error).__name__}: {error}"
            raise aws_error("InvalidDefinition", message[:2000]) from error

    replace(backend, "_validate_definition", staticmethod(validate))


def start_executions() -> None:
    """moto names every unnamed execution "None", accepts any name and any size of input, and copies the machine deeply.

    AWS refuses an input over 262,144 bytes with ValidationException.
    """
    backend = parser("models").StepFunctionsParserBackend
    lock = threading.Lock()

    def start_execution(
        self: Any,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        _trace: Any = None,
    ) -> Any:
        name = name or str(uuid.uuid4())
        text = "{}" if execution_input is None else execution_input
        self._validate_name(name)
        _validate_input(text)
        with lock:
            machine = self.describe_state_machine(state_machine_arn)
            existing = machine._handle_name_input_idempotency(name, text)
            if existing is not None:
                return existing
            execution = _new_execution(self, machine, name, text)
            machine.executions.append(execution)
        execution.start()
        return execution

    replace(backend, "start_execution", start_execution)


def _validate_input(text: str) -> None:
    if utf8_size(text) > PAYLOAD_BYTES:
        rule = f"Member must have length less than or equal to {PAYLOAD_BYTES}"
        message = f"1 validation error detected: Value at 'input' failed to satisfy constraint: {rule}"
        raise aws_error("ValidationException", message)
    try:
        json.loads(text)
    except ValueError as error:
        raise aws_error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'") from error


def _new_execution(backend: Any, machine: Any, name: str, text: str) -> Any:
    # The execution keeps the machine as it is now; an update replaces attributes, never what they hold.
    snapshot = copy.copy(machine)
    snapshot.executions = []
    machine_name = snapshot.arn.split(":")[6]
    return parser("backend.execution").Execution(
        name=name,
        sm_type=snapshot.sm_type,
        role_arn=snapshot.roleArn,
        exec_arn=f"arn:{backend.partition}:states:{backend.region_name}:{backend.account_id}:execution:{machine_name}:{name}",
        account_id=backend.account_id,
        region_name=backend.region_name,
        state_machine=snapshot,
        start_date=datetime.datetime.now(datetime.UTC),
        cloud_watch_logging_session=None,
        input_data=text,
        activity_store={},
    )


def describe_executions() -> None:
    """moto gives strings, null and dates as output where AWS gives JSON text, and no stop date for TIMED_OUT."""
    responses, result = _responses()

    def describe_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        return result(_described(execution))

    replace(responses.StepFunctionResponse, "describe_execution", describe_execution)


def _described(execution: Any) -> dict[str, Any]:
    # The status first: it is published last, so what else is read belongs to it.
    status = execution.status
    described = {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": status,
        "startDate": execution.start_date,
        "input": execution.execution_input,
        "inputDetails": {"included": True},
        "redriveCount": 0,
    }
    if status != "RUNNING":
        described["stopDate"] = execution.stop_date
    if status == "SUCCEEDED":
        described["output"] = execution.output
        described["outputDetails"] = {"included": True}
    for name in ("error", "cause"):
        if getattr(execution, name) is not None:
            described[name] = getattr(execution, name)
    return described


def page_histories() -> None:
    """moto ignores maxResults, nextToken, reverseOrder and includeExecutionData of GetExecutionHistory.

    Its serializer takes 2 ms an event, so that 25,000 events took a minute; the answer is written as JSON here.
    """
    responses, _result = _responses()

    def get_execution_history(self: Any) -> str:
        history = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))
        events = history["events"]
        if self._get_param("reverseOrder"):
            events = events[::-1]
        size = min(int(self._get_param("maxResults") or HISTORY_PAGE_DEFAULT), HISTORY_PAGE_MAX)
        start = _position(self._get_param("nextToken"))
        page = events[start : start + size]
        if self._get_param("includeExecutionData") is False:
            page = [_without_data(event) for event in page]
        answer: dict[str, Any] = {"events": page}
        if start + size < len(events):
            answer["nextToken"] = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        return json.dumps(answer, default=_epoch_seconds)

    replace(responses.StepFunctionResponse, "get_execution_history", get_execution_history)


def _epoch_seconds(moment: datetime.datetime) -> float:
    return int(moment.timestamp() * 1000) / 1000


def _position(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise aws_error("InvalidToken", "Invalid Token: 'Invalid token'") from error


def _without_data(event: dict[str, Any]) -> dict[str, Any]:
    return {
        key: {name: value for name, value in details.items() if name not in _EXECUTION_DATA}
        if isinstance(details, dict)
        else details
        for key, details in event.items()
    }


def stop_executions() -> None:
    """moto drops error and cause of StopExecution, answers without a date, and stops nothing that waits."""
    responses, result = _responses()

    def stop_execution(self: Any) -> Any:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        stop_date = datetime.datetime.now(datetime.UTC)
        execution.stop(stop_date=stop_date, error=self._get_param("error"), cause=self._get_param("cause"))
        end = getattr(execution, "end", None)  # runs that moto records without interpreting their machine have none
        if end is not None:
            end.wait(STOP_WAIT_SECONDS)
        return result({"stopDate": execution.stop_date or stop_date})

    replace(responses.StepFunctionResponse, "stop_execution", stop_execution)


def answer_for_task_tokens() -> None:
    """moto drops the cause of SendTaskFailure, and lets an output that is no JSON break the run.

    For a task that has ended AWS answers TaskTimedOut; moto InvalidToken, or nothing.
    """
    responses, result = _responses()
    callbacks = parser("asl.eval.callback.callback")
    response = responses.StepFunctionResponse

    def send_task_success(self: Any) -> Any:
        token, output = self._get_param("taskToken"), self._get_param("output")
        try:
            json.loads(output)
        except ValueError as error:
            raise aws_error("InvalidOutput", f"Invalid Output: '{error}'") from error
        if utf8_size(output) > PAYLOAD_BYTES:
            raise aws_error("InvalidOutput", f"Invalid Output: over {PAYLOAD_BYTES} bytes")
        _open_endpoint(self, token).notify(callbacks.CallbackOutcomeSuccess(callback_id=token, output=output))
        return result({})

    def send_task_failure(self: Any) -> Any:
        token = self._get_param("taskToken")
        outcome = callbacks.CallbackOutcomeFailure(
            callback_id=token, error=self._get_param("error"), cause=self._get_param("cause")
        )
        _open_endpoint(self, token).notify(outcome)
        return result({})

    def send_task_heartbeat(self: Any) -> Any:
        _open_endpoint(self, self._get_param("taskToken")).notify_heartbeat()
        return result({})

    for action in (send_task_success, send_task_failure, send_task_heartbeat):
        replace(response, action.__name__, action)


def _open_endpoint(self: Any, token: str) -> Any:
    for machine in self.stepfunction_backend.state_machines:
        for execution in machine.executions:
            endpoint = execution.exec_worker.env.callback_pool_manager.get(token)
            if endpoint is None:
                continue
            if endpoint.consumer_error is not None or execution.status != "RUNNING":
                raise aws_error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            if endpoint.get_outcome() is not None:
                raise aws_error("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
            return endpoint
    raise aws_error("InvalidToken", "Invalid Token: 'Invalid token'")


def _responses() -> tuple[Any, Any]:
    import moto.core.responses
    import moto.stepfunctions.responses

    return moto.stepfunctions.responses, moto.core.responses.ActionResult


def install() -> None:
    """Put this module's seams in place."""
    refuse_definitions_by_name()
    start_executions()
    describe_executions()
    page_histories()
    stop_executions()
    answer_for_task_tokens()
