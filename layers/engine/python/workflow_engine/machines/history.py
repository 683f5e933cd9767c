"""Reading the event history of executions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from workflow_engine.aws_quotas import HISTORY_PAGE_EVENTS
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

    from workflow_engine.machines.port import MachineService


@dataclass(frozen=True, slots=True)
class HistoryReader:
    """Histories, oldest event first, with the data of the events."""

    machines: MachineService

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
        """`MachineService.events`."""
        return self.machines.events(execution_arn, limit, token, with_data=with_data)
