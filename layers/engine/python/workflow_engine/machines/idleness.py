"""Whether a machine is still used, and deleting those that are not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from workflow_engine.aws_quotas import EXECUTIONS_PAGE
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.machines.port import MachineGoneError

if TYPE_CHECKING:
    from workflow_engine.machines.port import MachineService

MIN_IDLE_DAYS: Final = 15
"""An execution can be redriven for 14 days after its end (RedriveExecution), which needs its machine."""


@dataclass(frozen=True, slots=True)
class MachineUse:
    """Use of machines, told by their executions; Step Functions keeps those for 90 days after they end."""

    machines: MachineService

    def is_used(self, machine_arn: str, since: datetime, *, started_until: datetime | None = None) -> bool:
        """True when an execution runs, or has started or ended since then. False also for a machine that is gone. With
        `started_until` only those count that had started by then.

        Executions come newest first, so a machine in use is told by one call. Of an idle one all are read: a run that
        started long ago may go on, or have ended lately, and then may be redriven.
        """
        token, size = None, 1
        while True:
            try:
                uses, token = self.machines.executions(machine_arn, size, token)
            except MachineGoneError:
                return False
            for use in uses:
                if started_until is not None and use.started_at > started_until:
                    continue
                if use.ended_at is None or use.ended_at >= since or use.started_at >= since:
                    return True
            if not token:
                return False
            size = EXECUTIONS_PAGE

    def delete(self, machine_arn: str) -> None:
        """Delete a machine; one that is gone already is no error."""
        self.machines.delete(machine_arn)
