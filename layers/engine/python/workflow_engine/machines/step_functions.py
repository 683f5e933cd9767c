"""The machines port over boto3: AWS Step Functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws import code_of, errors_translated
from workflow_engine.errors import InvalidRequestError, OutcomeUnknownError, ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.naming import MachineSettings, execution_arn
from workflow_engine.machines.port import (
    ActivityGoneError,
    ActivityTask,
    DefinitionRefusedError,
    ExecutionGoneError,
    MachineGoneError,
    NameTakenError,
    NotRedrivableError,
    PageForgottenError,
    TaskGoneError,
    Use,
)
from workflow_engine.observability import get_logger

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from workflow_engine.machines.ends import ExecutionEnd

logger = get_logger(__name__)

_THROTTLES: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_GONE: Final = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})
_NAME_TAKEN: Final = frozenset({"StateMachineAlreadyExists", "StateMachineDeleting"})
_TASK_GONE: Final = frozenset({"InvalidToken", "TaskDoesNotExist", "TaskTimedOut"})
_FIRST_SERVER_FAULT: Final = 500
_HISTORY_IS_BUSY: Final = "Step Functions' history is read by too many at once. Try again."

_sendings: ContextVar[list[bool]] = ContextVar("sendings_of_start_execution")
"""For each time that botocore sent the current call: whether it may have had an effect although no success came back."""


@dataclass(frozen=True, slots=True)
class StepFunctionsMachines:
    """`machines.port.MachineService` on AWS. A name is used at most once a machine (StartExecution, `name`), so botocore may
    retry.
    """

    client: SFNClient

    def __post_init__(self) -> None:
        self.client.meta.events.register(
            "response-received.sfn.StartExecution", _note_sending, "start-execution-sendings"
        )

    def create(self, name: str, definition: str, settings: MachineSettings) -> str:
        """CreateStateMachine, with logs of errors and X-Ray where the deployment has a log group."""
        with errors_translated("sfn"):
            try:
                answer = self.client.create_state_machine(name=name, definition=definition, **_arguments(settings))
            except self.client.exceptions.ClientError as error:
                code = code_of(error)
                if code in _NAME_TAKEN:
                    raise NameTakenError(name) from error
                if code == "InvalidDefinition":
                    raise DefinitionRefusedError(_message(error)) from error
                raise
        return answer["stateMachineArn"]

    def delete(self, machine_arn: str) -> None:
        """DeleteStateMachine."""
        self.client.delete_state_machine(stateMachineArn=machine_arn)

    def start(self, machine_arn: str, name: str, execution_input: str) -> str:
        """StartExecution. A repeated start gives the same execution while that runs; once it has ended, or with another
        input, AWS answers ExecutionAlreadyExists (API reference), which says the same of a name that is ours.

        Raises botocore's ClientError, too, only where nothing was started.
        """
        from botocore.exceptions import BotoCoreError

        with _watched_sendings() as sendings:
            try:
                answer = self.client.start_execution(stateMachineArn=machine_arn, name=name, input=execution_input)
            except self.client.exceptions.ClientError as error:
                code = code_of(error)
                if code == "ExecutionAlreadyExists":
                    return execution_arn(machine_arn, name)
                if any(sendings):
                    raise _unknown_outcome(name) from error
                if code in _GONE:
                    raise MachineGoneError(machine_arn) from error
                if code in _THROTTLES:
                    raise ThrottledError("Step Functions cannot start more executions now. Try again.") from error
                if code == "InvalidExecutionInput":
                    detail = "Step Functions does not take this input: it cannot read it as JSON."
                    raise InvalidRequestError.at("/input", detail) from error
                raise
            except BotoCoreError as error:
                if not any(sendings):  # it never left: no credentials, say
                    raise
                raise _unknown_outcome(name) from error
        return answer["executionArn"]

    def end(self, execution_arn: str) -> ExecutionEnd | None:
        """DescribeExecution."""
        with self._of_an_execution(execution_arn, "Step Functions cannot describe executions now. Try again."):
            answer = self.client.describe_execution(executionArn=execution_arn)
        from workflow_engine.machines.ends import (
            of_description,  # with the reader of histories, which few requests need
        )

        return of_description(answer)

    def end_in_history(self, execution_arn: str) -> ExecutionEnd | None:
        """GetExecutionHistory, from its end."""
        with self._of_an_execution(execution_arn, _HISTORY_IS_BUSY):
            events = self.client.get_execution_history(
                executionArn=execution_arn, maxResults=1, reverseOrder=True, includeExecutionData=True
            )["events"]
        from workflow_engine.machines.ends import of_last_event  # as above

        return of_last_event(execution_arn, events[0]) if events else None

    def stop(self, execution_arn: str, cause: str) -> None:
        """StopExecution."""
        with self._of_an_execution(execution_arn, "Step Functions cannot stop executions now. Try again."):
            self.client.stop_execution(executionArn=execution_arn, cause=cause)

    def redrive(self, execution_arn: str, token: str) -> None:
        """RedriveExecution."""
        with self._of_an_execution(execution_arn, "Step Functions cannot redrive executions now. Try again."):
            self.client.redrive_execution(executionArn=execution_arn, clientToken=token)

    def events(
        self, execution_arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[HistoryEventTypeDef], str | None]:
        """GetExecutionHistory."""
        position: dict[str, Any] = {"nextToken": token} if token else {}
        with self._of_an_execution(execution_arn, _HISTORY_IS_BUSY):
            answer = self.client.get_execution_history(
                executionArn=execution_arn, maxResults=limit, includeExecutionData=with_data, **position
            )
        return answer["events"], answer.get("nextToken")

    def executions(self, machine_arn: str, limit: int, token: str | None) -> tuple[Sequence[Use], str | None]:
        """ListExecutions."""
        position: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            page = self.client.list_executions(stateMachineArn=machine_arn, maxResults=limit, **position)
        except self.client.exceptions.ClientError as error:
            if code_of(error) in _GONE:
                raise MachineGoneError(machine_arn) from error
            raise
        return [Use(e["startDate"], e.get("stopDate")) for e in page["executions"]], page.get("nextToken")

    def send_success(self, token: str, output: str) -> None:
        """SendTaskSuccess."""
        with self._of_a_task():
            self.client.send_task_success(taskToken=token, output=output)

    def send_failure(self, token: str, error: str, cause: str) -> None:
        """SendTaskFailure."""
        with self._of_a_task():
            self.client.send_task_failure(taskToken=token, error=error, cause=cause)

    def send_heartbeat(self, token: str) -> None:
        """SendTaskHeartbeat."""
        with self._of_a_task():
            self.client.send_task_heartbeat(taskToken=token)

    def create_activity(self, name: str) -> str:
        """CreateActivity, which gives the standing one for a name that is taken."""
        with errors_translated("sfn"):
            return self.client.create_activity(name=name)["activityArn"]

    def next_activity_task(self, activity_arn: str, worker: str | None) -> ActivityTask | None:
        """GetActivityTask, which holds the request for up to 60 seconds: the client must read for 65 at least."""
        named = {"workerName": worker} if worker else {}
        with self._of_a_task():
            try:
                answer = self.client.get_activity_task(activityArn=activity_arn, **named)
            except self.client.exceptions.ClientError as error:
                if code_of(error) == "ActivityDoesNotExist":
                    raise ActivityGoneError(activity_arn) from error
                raise
        return ActivityTask(answer["taskToken"], answer["input"]) if answer.get("taskToken") else None

    @contextmanager
    def _of_a_task(self) -> Iterator[None]:
        with errors_translated("sfn"):
            try:
                yield
            except self.client.exceptions.ClientError as error:
                match code_of(error):
                    case code if code in _TASK_GONE:
                        raise TaskGoneError(_message(error)) from error
                    case "InvalidOutput":
                        raise InvalidRequestError(
                            f"Step Functions does not take this output: {_message(error)}"
                        ) from error
                    case code if code in _THROTTLES:
                        raise ThrottledError("Step Functions cannot take more answers now. Try again.") from error
                raise

    @contextmanager
    def _of_an_execution(self, arn: str, when_throttled: str) -> Iterator[None]:
        try:
            yield
        except self.client.exceptions.ClientError as error:
            match code_of(error):
                case "ExecutionDoesNotExist":
                    raise ExecutionGoneError(arn) from error
                case "ExecutionNotRedrivable":
                    raise NotRedrivableError(_message(error)) from error
                case "InvalidToken":
                    raise PageForgottenError(arn) from error
                case code if code in _THROTTLES:
                    raise ThrottledError(when_throttled) from error
            raise


def _arguments(settings: MachineSettings) -> dict[str, Any]:
    arguments: dict[str, Any] = {"roleArn": settings.role_arn, "type": "STANDARD"}
    if settings.log_group_arn:
        destination = {"cloudWatchLogsLogGroup": {"logGroupArn": settings.log_group_arn}}
        arguments["loggingConfiguration"] = {
            "level": "ERROR",
            "includeExecutionData": False,  # inputs and outputs are clients' data
            "destinations": [destination],
        }
        arguments["tracingConfiguration"] = {"enabled": True}
    return arguments


def _message(error: Any) -> str:
    return str(error.response["Error"].get("Message"))


@contextmanager
def _watched_sendings() -> Iterator[list[bool]]:
    sendings: list[bool] = []
    token = _sendings.set(sendings)
    try:
        yield sendings
    finally:
        _sendings.reset(token)


def _note_sending(parsed_response: Any = None, exception: Exception | None = None, **_: Any) -> None:
    """botocore tells of each sending, also of those that it follows by another ("response-received")."""
    status = (parsed_response or {}).get("ResponseMetadata", {}).get("HTTPStatusCode", _FIRST_SERVER_FAULT)
    _sendings.get([]).append(exception is not None or status >= _FIRST_SERVER_FAULT)


def _unknown_outcome(name: str) -> OutcomeUnknownError:
    logger.warning("outcome of StartExecution is unknown", extra={"execution_id": name}, exc_info=True)
    return OutcomeUnknownError(
        f"Step Functions did not say whether it has started the run '{name}'. Repeat the request with the same "
        "Idempotency-Key, or read the run's results in a minute."
    )
