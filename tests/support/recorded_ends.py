"""Runs whose ends are recorded by the real code: an engine on a given table, and Step Functions as a script of what it tells."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from workflow_engine.machines.ends import ExecutionEnd, of_last_event
from workflow_engine.machines.port import ExecutionGoneError
from workflow_engine.run_output import FAILED
from workflow_engine.settings import Archive, Settings
from workflow_engine.store.executions import Execution
from workflow_engine.store.payloads import ObjectStore, PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.table import Table
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Engine

START: Final = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TENANT: Final = "t"
MACHINE: Final = "arn:aws:states:eu-west-1:123456789012:execution:workflow-m"
SETTINGS: Final = Settings("table", "bucket", "arn:aws:iam::123456789012:role/machines")


def arn(execution_id: str) -> str:
    return f"{MACHINE}:{execution_id}"


def after(seconds: float) -> datetime:
    """So long after the start of every run."""
    return START + timedelta(seconds=seconds)


def running(execution_id: str = "e", **fields: Any) -> Execution:
    """The record of a run that has just been started."""
    made = Execution(TENANT, execution_id, "w", 1, "Name", "running", iso(START), arn(execution_id))
    return replace(made, **fields)


def machine_output(output: dict[str, Any], *failed: str) -> dict[str, Any]:
    """What a machine gives whose run gives this, and in which these steps have failed."""
    return {**output, FAILED: list(failed)}


def event(
    status: str = "SUCCEEDED",
    seconds: float = 10,
    *,
    execution_id: str = "e",
    redrive_count: int | None = 0,
    tenant_id: str = TENANT,
    output: dict[str, Any] | None = None,
    **detail: Any,
) -> dict[str, Any]:
    """`detail` of the event of an end so long after the start. `output` is that of the run."""
    told: dict[str, Any] = {
        "executionArn": arn(execution_id),
        "name": execution_id,
        "status": status,
        "startDate": int(START.timestamp() * 1000),
        "stopDate": int(after(seconds).timestamp() * 1000),
        "input": json.dumps({"input": {}, "run": {"tenant_id": tenant_id, "execution_id": execution_id}}),
        "inputDetails": {"included": True},
        "output": None if output is None else json.dumps(machine_output(output)),
        "outputDetails": None if output is None else {"included": True},
        "error": None,
        "cause": None,
        **detail,
    }
    return told if redrive_count is None else told | {"redriveCount": redrive_count}


@dataclass
class Machines:
    """Step Functions as far as ends need it: histories by ARN, what each call is refused with, and what was asked for."""

    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    descriptions: dict[str, ExecutionEnd | None] = field(default_factory=dict)
    refuse: Callable[[str], None] = lambda _call: None
    calls: list[str] = field(default_factory=list)

    def end(self, execution_arn: str) -> ExecutionEnd | None:
        self._called("DescribeExecution")
        if execution_arn not in self.descriptions:
            raise ExecutionGoneError(execution_arn)
        return self.descriptions[execution_arn]

    def end_in_history(self, execution_arn: str) -> ExecutionEnd | None:
        self._called("GetExecutionHistory")
        return of_last_event(execution_arn, self._history(execution_arn)[-1])

    def events(
        self, execution_arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[dict[str, Any]], str | None]:
        self._called("GetExecutionHistory")
        return list(self._history(execution_arn)), None

    def _history(self, execution_arn: str) -> list[dict[str, Any]]:
        if execution_arn not in self.histories:
            raise ExecutionGoneError(execution_arn)
        return self.histories[execution_arn]

    def _called(self, call: str) -> None:
        self.calls.append(call)
        self.refuse(call)


def engine_on(
    table: Table,
    machines: Machines,
    *,
    objects: ObjectStore | None = None,
    now: Callable[[], datetime] = lambda: after(3600),
    archive: Archive = "none",
) -> Engine:
    """An engine as in the cloud, with this table in the place of DynamoDB."""
    engine = Engine(replace(SETTINGS, archive=archive), now=now, sleep=lambda _: None)
    vars(engine).update(_table=table, _payloads=PayloadStore(objects or MemoryObjects()), runs=machines)
    return engine


OUTLINE: Final[dict[str, Any]] = {
    "steps": [{"id": "a", "type": "x", "critical": True}, {"id": "b", "type": "x", "critical": True}],
    "sinks": None,
}


def tell(engine: Engine, details: Iterable[dict[str, Any]]) -> None:
    """Hand over events to the use case, in this order."""
    from workflow_engine.machines.ends import of_event
    from workflow_engine.usecases.runs import record_execution

    for detail in details:
        record_execution.record(engine, of_event(detail))
