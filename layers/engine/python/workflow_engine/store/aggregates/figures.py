"""Figures as they are read: what was added by hour and day, summed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.statuses import RUN_ENDS, RunEnd
from workflow_engine.store import keys
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.periods import LENGTHS, Grain, text_of
from workflow_engine.store.aggregates.step_durations import step_numbers, step_records
from workflow_engine.store.items import Record
from workflow_engine.store.table import Query, Removal, SortRange, Table

_PAGE: Final = 1000

_NO_SUMS: Final = ("expires_at", "version")

_DELETED_AT_ONCE: Final = 25
"""A transaction is of 4 MB at most (TransactWriteItems), and a record of the steps of a large workflow may have 100 KB."""

MOST_STEP_RECORDS: Final = 1500
"""Of one reading: some megabytes as a rule, since the steps of a workflow are in one record a period, or few."""


class RunFigures(NamedTuple):
    """Figures of runs. `numbers` has how many ended in each status, how many of them were `redriven`, and how many `sampled`:
    those whose history was read. Of these it has `retries`, `tokens_in`, `tokens_out`, `llm_calls`, `transition_nanos`,
    `model_nanos`, and `unpriced`, how many used a model whose price is not known.
    """

    numbers: Counter[str]
    durations: Histogram

    @property
    def counts(self) -> dict[RunEnd, int]:
        """How many runs ended in each way."""
        return {status: self.numbers[status] for status in RUN_ENDS}

    @property
    def runs(self) -> int:
        """How many runs ended."""
        return sum(self.counts.values())

    def merged(self, other: RunFigures) -> RunFigures:
        """Those of both."""
        return RunFigures(self.numbers + other.numbers, self.durations.merged(other.durations))


NO_RUNS: Final = RunFigures(Counter(), Histogram())


class StepFigures(NamedTuple):
    """Figures of a step, of the runs whose history was read: how long it took where it completed, how often it failed, and how
    often it was tried once more.
    """

    durations: Histogram
    failed: int
    retries: int


@dataclass(frozen=True, slots=True)
class FigureStore:
    """Figures of all tenants."""

    table: Table

    def of_runs(
        self,
        tenant_id: str,
        workflow_id: str | None,
        grain: Grain,
        since: datetime,
        until: datetime,
        first_version: int = 1,
    ) -> dict[str, RunFigures]:
        """Figures of a workflow's runs, from a version on, or of all of a tenant's, that ended from one moment up to another, both
        where an hour or a day begins; by period (`periods.text_of`), those without runs left out.
        """
        pk, wanted = keys.run_figures(tenant_id, workflow_id), _between(grain, since, until)
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for record in self._records(tenant_id, Query(pk, sort=wanted)):
            if record.get("version", first_version) >= first_version:
                found[_period(record)].update({n: v for n, v in record.items() if type(v) is int and n not in _NO_SUMS})
        return {period: figures for period, numbers in found.items() if (figures := _run_figures(numbers)).runs}

    def of_steps(
        self, tenant_id: str, workflow_id: str, grain: Grain, since: datetime, until: datetime, first_version: int = 1
    ) -> tuple[dict[str, StepFigures], str]:
        """Figures of a workflow's steps over such a time, from a version on, by step id, and the period that they begin with: that
        of `since` unless these are more records than are read at once, of which the newest count.
        """
        first = text_of(since, grain)
        newest = text_of(until - LENGTHS[grain], grain)
        found = step_records(self.table, tenant_id, workflow_id, first, newest, grain)
        records = list(islice((one for one in found if one["version"] >= first_version), MOST_STEP_RECORDS + 1))
        if len(records) > MOST_STEP_RECORDS:
            cut = _period(records.pop())
            records = [record for record in records if _period(record) > cut]
            first = _period(records[-1]) if records else newest
        sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for record in records:
            for step_id, kind, number in step_numbers(record):
                sums[step_id][kind] += number
        return {step_id: _step_figures(numbers) for step_id, numbers in sums.items()}, first

    def delete(self, tenant_id: str, *partitions: str) -> Iterator[int]:
        """Delete all figures of some partitions, such as those of a workflow (`keys.figures_of`), a bounded part with each step of
        the iterator, which gives how many records went. It may be left at any step, and begun anew.
        """
        found = (record for pk in partitions for record in self._records(tenant_id, Query(pk)))
        while batch := [Removal(record["pk"], record["sk"]) for record in islice(found, _DELETED_AT_ONCE)]:
            self.table.write_all(batch)
            yield len(batch)

    def _records(self, tenant_id: str, query: Query) -> Iterator[Record]:
        cursor = None
        while True:
            page = self.table.query(tenant_id, query, limit=_PAGE, cursor=cursor)
            yield from page.records
            cursor = page.next_cursor
            if cursor is None:
                return


def _between(grain: Grain, since: datetime, until: datetime) -> SortRange:
    last = text_of(until - LENGTHS[grain], grain)
    return SortRange(keys.figures(grain, text_of(since, grain)), keys.last_figures(grain, last))


def _period(record: Record) -> str:
    return str(record["sk"].split("#")[1])


def _run_figures(numbers: Mapping[str, int]) -> RunFigures:
    """What was taken back of runs whose figures have gone since leaves less than nothing there, which counts as nothing."""
    kept = {name: number for name, number in numbers.items() if number > 0}
    buckets = {int(name.partition(":")[2]): number for name, number in kept.items() if name.startswith("took:")}
    return RunFigures(Counter({n: v for n, v in kept.items() if ":" not in n}), Histogram(buckets))


def _step_figures(numbers: Mapping[str, int]) -> StepFigures:
    buckets = {int(kind): number for kind, number in numbers.items() if kind.isdecimal() and number > 0}
    return StepFigures(Histogram(buckets), max(numbers.get("f", 0), 0), max(numbers.get("r", 0), 0))
