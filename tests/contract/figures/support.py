"""What several of these tests need."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.integration.store.records import execution
from tests.support.listed_results import FIELDS, Listed, results
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import Told
from workflow_engine.store.aggregates.figures import FigureStore, RunFigures
from workflow_engine.store.aggregates.fold import Fold
from workflow_engine.store.ends import EndStore, RecordedEnd
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.results import ResultsStore, StepResult
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import Table

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


DAY = datetime(2026, 1, 1, tzinfo=UTC)


PAYLOADS = PayloadStore(MemoryObjects(), of_runs=True)


class Timed(Listed):
    """Results of steps that took so many milliseconds."""

    def read(self, *args: Any) -> Any:
        for result in super().read(*args):
            took = {"status": "completed", "execution_time_ms": result.result["output_data"], "retry_count": 1}
            yield StepResult(result.ordinal, result.key, {**FIELDS, **took})


@dataclass
class World:
    """The stores of runs on a table, and who tells of what they write."""

    table: Table
    numbers: Any

    @property
    def executions(self) -> ExecutionStore:
        return ExecutionStore(self.table, PAYLOADS, RunShards(self.table))

    @property
    def figures(self) -> FigureStore:
        return FigureStore(self.table)

    def fold(self, table: Table | None = None) -> Fold:
        return Fold(table or self.table, lambda: NOW)

    def start(self, execution_id: str = "e1") -> None:
        self.executions.create(execution(execution_id=execution_id, execution_arn=f"arn:{execution_id}"))

    def end(self, status: Any, at: str, redrive_count: int = 0, execution_id: str = "e1") -> None:
        end = RecordedEnd(f"arn:{execution_id}", status, f"2026-01-01T{at}.000Z", redrive_count)
        assert EndStore(self.table, PAYLOADS).record("t", execution_id, end)

    def read(self, milliseconds: Iterable[tuple[str, int]], redrive_count: int = 0, execution_id: str = "e1") -> None:
        kept = replace(results(PAYLOADS), steps=Timed(list(milliseconds)))
        run = {
            **kept.run,
            "usage": {"tokens_in": 5, "tokens_out": 6, "llm_calls": 1},
            "cost_usd": {"transitions": 0.000075, "models": 0.002},
        }
        store = ResultsStore(self.table, PAYLOADS)
        store.save("t", execution_id, redrive_count, lambda _: replace(kept, run=run))

    def told(self, *execution_ids: str) -> list[Told]:
        """What the stream has of the last writes of some runs."""
        found = []
        for execution_id in execution_ids or ("e1",):
            for sk in (keys.META, keys.RESULTS):
                record = self.table.get(keys.execution("t", execution_id), sk)
                if record is not None and (one := Told.of(record, next(self.numbers))):
                    found.append(one)
        return found

    def count(self, *execution_ids: str) -> None:
        self.fold().add(self.told(*execution_ids))

    def day(self, workflow_id: str | None = "w1") -> RunFigures | None:
        until = DAY + timedelta(days=1)
        return self.figures.of_runs("t", workflow_id, "day", DAY, until).get("2026-01-01")

    def hours(self) -> dict[str, dict[str, int]]:
        found = self.figures.of_runs("t", "w1", "hour", DAY, DAY + timedelta(days=1))
        return {period[-2:]: dict(figures.numbers) for period, figures in found.items()}
