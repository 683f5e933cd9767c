"""What the engine asks of Step Functions: a port, with boto3 behind it on AWS and the embedded engine on a laptop.

`tests/contract` asks both. `step_functions` is the one over boto3, `infra.local.machines` the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from workflow_engine.machines.ends import ExecutionEnd
    from workflow_engine.machines.naming import MachineSettings


class MachineGoneError(Exception):
    """The machine was deleted, or is about to be."""


class ExecutionGoneError(Exception):
    """Step Functions knows no such execution: it never started, or ended more than 90 days ago."""


class NotRedrivableError(Exception):
    """Step Functions does not redrive this execution; the message says why."""


class NameTakenError(Exception):
    """The name belongs to another machine, or to one that is being deleted."""


class DefinitionRefusedError(Exception):
    """Step Functions does not take the definition; the message says why."""


class TaskGoneError(Exception):
    """Nobody waits for this answer: the task has one already, its time is over, or its run has ended."""


class ActivityGoneError(Exception):
    """There is no such activity."""


class PageForgottenError(Exception):
    """The token of a page is no longer known: Step Functions keeps them for a day."""


@dataclass(frozen=True, slots=True)
class Use:
    """When an execution started, and when it ended, None while it goes on."""

    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class ActivityTask:
    """A task that a worker was given: the token by which it answers, which whoever holds may, and the task's input as text."""

    token: str
    input: str


class MachineService(Protocol):
    """Machines and their executions, by ARN, and the tasks of executions that wait for an answer, by token.

    Every call may raise ThrottledError, UnavailableError and MisconfiguredError (`workflow_engine.errors`) as well.
    """

    def create(self, name: str, definition: str, settings: MachineSettings) -> str:
        """Create a Standard machine unless the very same is there; gives its ARN.

        Raises NameTakenError, DefinitionRefusedError.
        """

    def delete(self, machine_arn: str) -> None:
        """Delete a machine; one that is gone already is no error. Its runs go on."""

    def start(self, machine_arn: str, name: str, execution_input: str) -> str:
        """Start an execution whose name nobody else uses, unless it was started before; gives its ARN.

        Raises MachineGoneError, ThrottledError and InvalidRequestError (the input is not read as JSON) only where nothing was
        started, and OutcomeUnknownError where it is not known what became of it.
        """

    def end(self, execution_arn: str) -> ExecutionEnd | None:
        """How an execution ended, None while it goes on. An account may ask 15 times a second, in some regions 10
        (Service quotas, "API action throttling", DescribeExecution), so requests ask within a budget. Raises ExecutionGoneError.
        """

    def end_in_history(self, execution_arn: str) -> ExecutionEnd | None:
        """How an execution ended by the last event of its history, which tells no redrive count; None where that tells no end
        (yet). An account may ask 20 times a second (GetExecutionHistory, as `events`). Raises ExecutionGoneError.
        """

    def stop(self, execution_arn: str, cause: str) -> None:
        """Stop an execution; one that has ended stays as it is. Raises ExecutionGoneError."""

    def redrive(self, execution_arn: str, token: str) -> None:
        """Let an execution that did not succeed go on from where it failed. A repetition with the same token, of up to 64
        characters, is the same redrive for 15 minutes (RedriveExecution, `clientToken`).

        Raises ExecutionGoneError, NotRedrivableError.
        """

    def events(
        self, execution_arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[HistoryEventTypeDef], str | None]:
        """At most `limit` events of a history, oldest first, and the token of the next page. Without data, inputs and
        outputs are left out. Raises ExecutionGoneError, PageForgottenError.
        """

    def executions(self, machine_arn: str, limit: int, token: str | None) -> tuple[Sequence[Use], str | None]:
        """At most `limit` executions of a machine, newest first, and the token of the next page. Raises MachineGoneError."""

    def send_success(self, token: str, output: str) -> None:
        """Answer a task: it succeeded with this output, JSON as text. Once only.

        Raises TaskGoneError, InvalidRequestError (the output is not read as JSON).
        """

    def send_failure(self, token: str, error: str, cause: str) -> None:
        """Answer a task: it failed so. Once only. Raises TaskGoneError."""

    def send_heartbeat(self, token: str) -> None:
        """Say that a task is worked on, so that its heartbeat does not run out. Raises TaskGoneError."""

    def create_activity(self, name: str) -> str:
        """Create an activity unless it is there; gives its ARN."""

    def next_activity_task(self, activity_arn: str, worker: str | None) -> ActivityTask | None:
        """The next task of an activity, None when none comes within a minute. It is this worker's from then on.

        Who gives up before loses the task that may have been handed out meanwhile. Raises ActivityGoneError.
        """
