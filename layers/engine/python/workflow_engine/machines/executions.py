"""Starting and stopping executions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import InvalidRequestError, ThrottledError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_THROTTLES: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_GONE: Final = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})


class MachineGoneError(Exception):
    """The machine was deleted, or is about to be."""


class ExecutionGoneError(Exception):
    """Step Functions knows no such execution: it never started, or ended more than 90 days ago."""


@dataclass(frozen=True, slots=True)
class MachineExecutions:
    """Executions of machines. Standard executions are started at most once a name: a repeated start with the same input
    gives the same execution (StartExecution, "idempotent for STANDARD workflows"), so botocore may retry.
    """

    client: SFNClient

    def start(self, machine_arn: str, name: str, execution_input: str) -> str:
        """Start and give the execution's ARN. Raises MachineGoneError, ThrottledError, InvalidRequestError (Step Functions
        does not read the input as JSON).
        """
        try:
            answer = self.client.start_execution(stateMachineArn=machine_arn, name=name, input=execution_input)
        except self.client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _GONE:
                raise MachineGoneError(machine_arn) from error
            if code in _THROTTLES:
                raise ThrottledError("Step Functions cannot start more executions now. Try again.") from error
            if code == "InvalidExecutionInput":
                detail = "Step Functions does not take this input: it cannot read it as JSON."
                raise InvalidRequestError.at("/input", detail) from error
            raise
        return answer["executionArn"]

    def is_running(self, execution_arn: str) -> bool:
        """True while an execution goes on. DescribeExecution, which an account may call 15 times a second: for repairs,
        not for requests. Raises ExecutionGoneError, ThrottledError.
        """
        try:
            answer = self.client.describe_execution(executionArn=execution_arn)
        except self.client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionDoesNotExist":
                raise ExecutionGoneError(execution_arn) from error
            if code in _THROTTLES:
                raise ThrottledError("Step Functions cannot describe executions now. Try again.") from error
            raise
        return answer["status"] in ("RUNNING", "PENDING_REDRIVE")

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution; one that has ended stays as it is. Raises ExecutionGoneError, ThrottledError."""
        try:
            self.client.stop_execution(executionArn=execution_arn, cause=cause)
        except self.client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionDoesNotExist":
                raise ExecutionGoneError(execution_arn) from error
            if code in _THROTTLES:
                raise ThrottledError("Step Functions cannot stop executions now. Try again.") from error
            raise
