"""The machines port over the embedded engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

from infra.local.stepfunctions.failures import ServiceError
from infra.local.stepfunctions.journal import JournalError
from workflow_engine.errors import InvalidRequestError, MisconfiguredError
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

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from infra.local.stepfunctions.service import StepFunctions
    from workflow_engine.machines.ends import ExecutionEnd

_KINDS: Final[Mapping[str, type[Exception]]] = {
    "ActivityDoesNotExist": ActivityGoneError,
    "ExecutionDoesNotExist": ExecutionGoneError,
    "ExecutionNotRedrivable": NotRedrivableError,
    "InvalidDefinition": DefinitionRefusedError,
    "InvalidToken": PageForgottenError,
    "StateMachineAlreadyExists": NameTakenError,
    "StateMachineDoesNotExist": MachineGoneError,
    "TaskDoesNotExist": TaskGoneError,
    "TaskTimedOut": TaskGoneError,
}


@dataclass(frozen=True, slots=True)
class EmbeddedMachines:
    """`machines.port.MachineService` on this machine; `step_functions` gives the client, which need not be there before."""

    step_functions: Callable[[], StepFunctions]

    def create(self, name: str, definition: str, settings: MachineSettings) -> str:
        """Create a machine, durably."""
        with _translated():
            answer = self.step_functions().create_state_machine(
                name=name, definition=definition, roleArn=settings.role_arn
            )
        return str(answer["stateMachineArn"])

    def delete(self, machine_arn: str) -> None:
        """Delete a machine."""
        with _translated():
            self.step_functions().delete_state_machine(stateMachineArn=machine_arn)

    def start(self, machine_arn: str, name: str, execution_input: str) -> str:
        """Start an execution, durably."""
        try:
            with _translated():
                answer = self.step_functions().start_execution(
                    stateMachineArn=machine_arn, name=name, input=execution_input
                )
        except ServiceError as error:
            if error.code == "ExecutionAlreadyExists":
                return execution_arn(machine_arn, name)
            if error.code == "InvalidExecutionInput":
                raise InvalidRequestError.at("/input", error.message) from error
            raise
        return str(answer["executionArn"])

    def end(self, execution_arn: str) -> ExecutionEnd | None:
        """How an execution ended."""
        from workflow_engine.machines.ends import (
            of_description,  # with the reader of histories, which few requests need
        )

        with _translated():
            return of_description(self.step_functions().describe_execution(executionArn=execution_arn))

    def end_in_history(self, execution_arn: str) -> ExecutionEnd | None:
        """How an execution ended, by its last event."""
        from workflow_engine.machines.ends import of_last_event  # as above

        with _translated():
            page = self.step_functions().get_execution_history(
                executionArn=execution_arn, maxResults=1, reverseOrder=True
            )
        return of_last_event(execution_arn, page["events"][0])

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution, durably."""
        with _translated():
            self.step_functions().stop_execution(executionArn=execution_arn, cause=cause)

    def redrive(self, execution_arn: str, token: str) -> None:
        """Redrive an execution, durably."""
        with _translated():
            self.step_functions().redrive_execution(executionArn=execution_arn, clientToken=token)

    def events(
        self, execution_arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[HistoryEventTypeDef], str | None]:
        """A page of a history."""
        with _translated():
            page: dict[str, Any] = self.step_functions().get_execution_history(
                executionArn=execution_arn, maxResults=limit, nextToken=token, includeExecutionData=with_data
            )
        return page["events"], page.get("nextToken")

    def executions(self, machine_arn: str, limit: int, token: str | None) -> tuple[Sequence[Use], str | None]:
        """A page of a machine's executions."""
        with _translated():
            page = self.step_functions().list_executions(stateMachineArn=machine_arn, maxResults=limit, nextToken=token)
        return [Use(e["startDate"], e.get("stopDate")) for e in page["executions"]], page.get("nextToken")

    def send_success(self, token: str, output: str) -> None:
        """Answer a task, durably."""
        with _of_a_task():
            self.step_functions().send_task_success(taskToken=token, output=output)

    def send_failure(self, token: str, error: str, cause: str) -> None:
        """Answer a task that it failed, durably."""
        with _of_a_task():
            self.step_functions().send_task_failure(taskToken=token, error=error, cause=cause)

    def send_heartbeat(self, token: str) -> None:
        """Keep a task from missing its heartbeat."""
        with _of_a_task():
            self.step_functions().send_task_heartbeat(taskToken=token)

    def create_activity(self, name: str) -> str:
        """Create an activity, durably."""
        with _translated():
            return str(self.step_functions().create_activity(name=name)["activityArn"])

    def next_activity_task(self, activity_arn: str, worker: str | None) -> ActivityTask | None:
        """Wait for a task of an activity."""
        with _translated():
            task = self.step_functions().get_activity_task(activityArn=activity_arn, workerName=worker)
        return ActivityTask(task["taskToken"], task["input"]) if task else None


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what the port knows for what the engine refuses, and for a disk that takes nothing more."""
    try:
        yield
    except ServiceError as error:
        if error.code not in _KINDS:
            raise
        raise _KINDS[error.code](error.message) from error
    except JournalError as error:
        _stopped(error)


@contextmanager
def _of_a_task() -> Iterator[None]:
    """Of answers to tasks: a token is no place in a list."""
    try:
        with _translated():
            yield
    except PageForgottenError as error:
        raise TaskGoneError(str(error)) from error
    except ServiceError as error:
        if error.code != "InvalidOutput":
            raise
        raise InvalidRequestError(f"Step Functions does not take this output: {error.message}") from error


def _stopped(error: JournalError) -> NoReturn:
    told = f"Step Functions has stopped: {error} Mend that, and start the server again."
    raise MisconfiguredError(told, aws_code="JournalError", aws_message=str(error)) from error
