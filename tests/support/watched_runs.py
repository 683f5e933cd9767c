"""A run that is watched: its history grows as a test says, its table is in memory, time passes when somebody sleeps."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from workflow_engine.machines.port import ExecutionGoneError, PageForgottenError
from workflow_engine.settings import Settings
from workflow_engine.store.executions import Execution
from workflow_engine.store.logs import StepLogs
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.table import Table
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.engine import Caller, Engine, Laptop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ME = Caller("acme")
SETTINGS = Settings(table_name="t", bucket_name="b", machine_role_arn="role", stage="test", step_functions={})


class GrowingHistory:
    """Step Functions with the histories of runs as far as a test lets them be seen, `most` events a page; tokens may expire."""

    def __init__(self, most: int = 1000) -> None:
        self.histories: dict[str, list[dict[str, Any]]] = {}
        self.seen: dict[str, int] = {}
        self.most, self.generation, self.reads = most, 0, list[str]()
        self.read_at: Callable[[str], None] = lambda _: None

    def events(
        self, arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[dict[str, Any]], str | None]:
        self.reads.append(arn)
        self.read_at(arn)
        if arn not in self.histories:
            raise ExecutionGoneError(arn)
        generation, start = (self.generation, 0) if token is None else map(int, token.split("-"))
        if generation != self.generation:
            raise PageForgottenError
        known = self.histories[arn][: self.seen.get(arn, 10**9)]
        stop = start + min(limit, self.most)
        return known[start:stop], f"{self.generation}-{stop}" if stop < len(known) else None


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def watching_engine(
    machines: GrowingHistory,
    outline: Mapping[str, Any],
    clock: Clock,
    *,
    table: Table | None = None,
    is_laptop: bool = False,
    logs: StepLogs | None = None,
) -> Engine:
    """An engine as a process has it that has just started: in the cloud, or on a laptop, where nobody tells of changes."""
    table = table or SqliteTable(None)
    if is_laptop:

        @contextmanager
        def watching(_: str) -> Iterator[Callable[[float], bool]]:
            def wait(seconds: float) -> bool:
                clock.sleep(seconds)
                return True

            yield wait

        laptop = Laptop(table, MemoryObjects(), cast(Any, machines), cast(Any, None), watching, logs=logs)
        engine = Engine(SETTINGS, now=clock, sleep=clock.sleep, laptop=laptop)
    else:
        engine = Engine(SETTINGS, now=clock, sleep=clock.sleep)
        vars(engine).update(_table=table, runs=machines, _payloads=PayloadStore(MemoryObjects()))
    version = SimpleNamespace(compiled=SimpleNamespace(outline=outline))
    vars(engine)["workflows"] = SimpleNamespace(run_by=lambda _: version)
    return engine


def record(engine: Engine, execution_id: str = "e") -> Execution:
    """The record of a run that goes on."""
    execution = Execution(
        tenant_id=ME.tenant_id,
        execution_id=execution_id,
        workflow_id="w",
        workflow_name="W",
        workflow_version=1,
        execution_arn=f"arn:{execution_id}",
        status="running",
        started_at="2026-01-01T00:00:00.000Z",
    )
    engine.executions.create(execution)
    return execution
