"""A deployment on moto whose calls may fail, with a clock that a test sets, emptied in no time."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from unittest import mock

from moto.backends import get_backend
from moto.stepfunctions.models import Execution as MotoExecution

from tests.support.backend_cloud import REGION, SETTINGS, backend
from tests.support.wire_faults import Wire, wire
from workflow_engine.usecases.engine import Engine

ACCOUNT: Final = "123456789012"
TRUTH: Final = {"RUNNING": "running", "SUCCEEDED": "completed", "ABORTED": "cancelled"}
"""What the API calls a run of this status in Step Functions."""

_ENDS: Final = {"SUCCEEDED": "ExecutionSucceeded", "ABORTED": "ExecutionAborted"}


def lambda_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


class Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Prepared:
    """Items of the table and machines with their executions, as moto keeps them, and what the test knows of them."""

    items: dict[str, Any]
    machines: list[Any]
    made: Any


@dataclass(frozen=True)
class World:
    """An empty deployment, the wire to it and the clock of its functions."""

    engine: Engine
    wire: Wire
    clock: Clock

    def items(self) -> list[dict[str, Any]]:
        table = get_backend("dynamodb")[ACCOUNT][REGION].tables[SETTINGS.table_name]
        return [
            {name: next(iter(v.to_json().values())) for name, v in item.attrs.items()}
            for partition in table.items.values()
            for item in partition.values()
        ]

    def executions(self) -> list[Any]:
        machines = get_backend("stepfunctions")[ACCOUNT][REGION].state_machines
        return [execution for machine in machines for execution in machine.executions]

    def empty(self) -> None:
        """Nothing is stored and nothing runs."""
        self.become(Prepared({}, [], None))

    def prepared(self, prepare: Callable[[World], Any]) -> Prepared:
        """What an empty deployment becomes."""
        self.empty()
        made = prepare(self)
        table, machines = self._kept()
        return copy.deepcopy(Prepared(table.items, machines.state_machines, made))

    def become(self, prepared: Prepared) -> Any:
        """Gives what the preparation has made. No process knows any tenant's quota yet, so that all ask for it."""
        self.engine.quotas._known.clear()
        table, machines = self._kept()
        now = copy.deepcopy(prepared)
        table.items.clear()
        table.items.update(now.items)
        machines.state_machines[:] = now.machines
        return now.made

    def _kept(self) -> tuple[Any, Any]:
        table = get_backend("dynamodb")[ACCOUNT][REGION].tables[SETTINGS.table_name]
        return table, get_backend("stepfunctions")[ACCOUNT][REGION]


@contextmanager
def fault_world() -> Iterator[World]:
    """A deployment on moto whose runs go on until a test ends them."""
    clock = Clock()
    functions = {
        f"step_{n}": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:workflow-step-{n}" for n in ("data", "agent")
    }
    with (
        backend(step_functions=functions) as made,
        wire() as faults,
        mock.patch.object(MotoExecution, "get_execution_history", _history),
    ):
        engine = replace(made, now=clock)
        object.__setattr__(engine, "_session", made._session)
        yield World(engine, faults, clock)


def _history(self: MotoExecution, _role_arn: str) -> list[dict[str, Any]]:
    """What AWS tells of a run that is going or has come to this end; moto tells of one of its own invention."""
    types = ["ExecutionStarted", *([_ENDS[self.status]] if self.status in _ENDS else [])]
    end = {"executionSucceededEventDetails": {"output": "{}"}}
    return [
        {"timestamp": self.start_date, "type": t, "id": n + 1, "previousEventId": n, **end} for n, t in enumerate(types)
    ]
