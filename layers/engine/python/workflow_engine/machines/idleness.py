"""Whether a machine is still used, and deleting those that are not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import EXECUTIONS_PAGE
from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

MIN_IDLE_DAYS: Final = 15
"""An execution can be redriven for 14 days after its end (RedriveExecution), which needs its machine."""

_GONE: Final = frozenset({"StateMachineDoesNotExist", "StateMachineDeleting"})


@dataclass(frozen=True, slots=True)
class MachineUse:
    """Use of machines, told by their executions; Step Functions keeps those for 90 days after they end."""

    client: SFNClient

    def is_used(self, machine_arn: str, since: datetime) -> bool:
        """True when an execution runs, or has started or ended since then. False also for a machine that is gone.

        Executions come newest first, so a machine in use is told by one call. Of an idle one all are read: a run that
        started long ago may go on, or have ended lately, and then may be redriven.
        """
        position: dict[str, Any] = {"maxResults": 1}
        while True:
            try:
                page = self.client.list_executions(stateMachineArn=machine_arn, **position)
            except self.client.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return False
                raise
            for execution in page["executions"]:
                ended_at = execution.get("stopDate")
                if ended_at is None or ended_at >= since or execution["startDate"] >= since:
                    return True
            if not page.get("nextToken"):
                return False
            position = {"maxResults": EXECUTIONS_PAGE, "nextToken": page["nextToken"]}

    def delete(self, machine_arn: str) -> None:
        """Delete a machine; one that is gone already is no error (DeleteStateMachine)."""
        self.client.delete_state_machine(stateMachineArn=machine_arn)
