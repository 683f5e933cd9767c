"""What several of these tests need."""

from __future__ import annotations

from typing import Any, Final

from tests.support.backend_history import History
from tests.support.recorded_ends import (
    TENANT,
    Machines,
    after,
    arn,
    machine_output,
)
from workflow_engine.store import keys
from workflow_engine.store.executions import Execution
from workflow_engine.store.items import Record
from workflow_engine.timestamps import iso
from workflow_engine.usecases.engine import Caller, Engine

ME: Final = Caller(TENANT)


def redriven(engine: Engine, count: int, seconds: float) -> None:
    """What the redrive of a run writes before it asks Step Functions."""
    key = keys.execution(TENANT, "e"), keys.META
    changes: Record = {
        "status": "running",
        "status_rank": 1,
        "redrive_count": count,
        "last_redrive_at": iso(after(seconds)),
    }
    engine.executions.table.update(*key, {**changes, "completed_at": None, "error": None, "output": None})


def found(engine: Engine) -> Execution:
    return engine.executions.get(TENANT, "e")


def history(machines: Machines, output: dict[str, Any] | None = None) -> None:
    told = History()
    told.task("a", 1)
    told.task("b", 2)
    told.end(machine_output(output or {}))
    machines.histories[arn("e")] = told.events
