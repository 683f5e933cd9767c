"""Reading the event history of executions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.errors import ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.executions import ExecutionGoneError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Histories, oldest event first, with the data of the events."""

    client: SFNClient

    def read(self, execution_arn: str) -> Iterator[HistoryEventTypeDef]:
        """All events, one page of at most 1,000 in memory at a time. Raises ExecutionGoneError, ThrottledError."""
        token: str | None = None
        while True:
            events, token = self.page(execution_arn, HISTORY_PAGE_EVENTS, token)
            events.reverse()
            while events:
                yield events.pop()  # an event that was read is needed no more, its page would hold it
            if not token:
                return

    def page(
        self, execution_arn: str, limit: int, token: str | None, *, with_data: bool = True
    ) -> tuple[list[HistoryEventTypeDef], str | None]:
        """At most `limit` events, and the token of the next page. Without data, inputs and outputs are left out.
        Raises ExecutionGoneError, ThrottledError.
        """
        position: dict[str, Any] = {"nextToken": token} if token else {}
        try:
            answer = self.client.get_execution_history(
                executionArn=execution_arn, maxResults=limit, includeExecutionData=with_data, **position
            )
        except self.client.exceptions.ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "ExecutionDoesNotExist":
                raise ExecutionGoneError(execution_arn) from error
            if code == "ThrottlingException":
                raise ThrottledError("Step Functions' history is read by too many at once. Try again.") from error
            raise
        return answer["events"], answer.get("nextToken")
