"""Starting and stopping executions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import InvalidRequestError, OutcomeUnknownError, ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.naming import execution_arn
from workflow_engine.observability import get_logger

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

logger = get_logger(__name__)

_THROTTLES: Final = frozenset({"ThrottlingException", "TooManyRequestsException", "ExecutionLimitExceeded"})
_GONE: Final = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})
_FIRST_SERVER_FAULT: Final = 500

_sendings: ContextVar[list[bool]] = ContextVar("sendings_of_start_execution")
"""For each time that botocore sent the current call: whether it may have had an effect although no success came back."""


class MachineGoneError(Exception):
    """The machine was deleted, or is about to be."""


class ExecutionGoneError(Exception):
    """Step Functions knows no such execution: it never started, or ended more than 90 days ago."""


@dataclass(frozen=True, slots=True)
class MachineExecutions:
    """Executions of machines. A name is used at most once a machine (StartExecution, `name`), so botocore may retry."""

    client: SFNClient

    def __post_init__(self) -> None:
        self.client.meta.events.register(
            "response-received.sfn.StartExecution", _note_sending, "start-execution-sendings"
        )

    def start(self, machine_arn: str, name: str, execution_input: str) -> str:
        """Start an execution whose name nobody else uses, unless it was started before; gives its ARN.

        A repeated start gives the same execution while that runs; once it has ended, or with another input, AWS answers
        ExecutionAlreadyExists (API reference), which says the same of a name that is ours.

        Raises MachineGoneError, ThrottledError and InvalidRequestError (Step Functions does not read the input as JSON) only
        where nothing was started, botocore's ClientError likewise, and OutcomeUnknownError where AWS was asked and did not
        say what became of it.
        """
        from botocore.exceptions import BotoCoreError

        with _watched_sendings() as sendings:
            try:
                answer = self.client.start_execution(stateMachineArn=machine_arn, name=name, input=execution_input)
            except self.client.exceptions.ClientError as error:
                code = error.response["Error"]["Code"]
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
