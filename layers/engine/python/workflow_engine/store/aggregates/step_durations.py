"""How long the steps of a workflow take, from runs whose history was read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.aggregates.histogram import Histogram
from workflow_engine.store.aggregates.periods import start_of, text_of
from workflow_engine.store.items import Record
from workflow_engine.store.table import Query, SortRange, Table

LOOKS_BACK: Final = timedelta(days=30)
"""How old the runs may be that durations are taken from: a step's function and its data change with time."""

_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class StepDurations:
    """Durations of steps, of all tenants. `now` gives the moment that is looked back from."""

    table: Table
    now: Callable[[], datetime]

    def step_durations(self, tenant_id: str, workflow_id: str, version: int) -> Mapping[str, Histogram]:
        """How long the steps of a version took where they completed, by step id, in runs that ended in the last `LOOKS_BACK` and
        were not redriven. A step that never did is left out; one in a map or loop counts each time, a for_each as a whole.

        Eventually right: a run counts within seconds after its history was read.
        """
        counted: defaultdict[str, Counter[int]] = defaultdict(Counter)
        since = text_of(start_of(self.now() - LOOKS_BACK, "day"), "day")
        for record in step_records(self.table, tenant_id, workflow_id, since, None):
            if record["version"] == version:
                for step_id, kind, number in step_numbers(record):
                    if kind.isdecimal():
                        counted[step_id][int(kind)] += number
        return {
            step_id: Histogram(kept)
            for step_id, buckets in counted.items()
            if (kept := {bucket: number for bucket, number in buckets.items() if number > 0})
        }


def step_records(
    table: Table, tenant_id: str, workflow_id: str, since: str, until: str | None, grain: str = "day"
) -> Iterator[Record]:
    """The records of figures of a workflow's steps, newest first, of periods from one to another, both included, or up to now."""
    wanted = SortRange(keys.figures(grain, since), keys.last_figures(grain, until))
    query = Query(keys.step_figures(tenant_id, workflow_id), sort=wanted)
    cursor = None
    while True:
        page = table.query(tenant_id, query, limit=_PAGE, cursor=cursor)
        yield from page.records
        cursor = page.next_cursor
        if cursor is None:
            return


def step_numbers(record: Record) -> Iterator[tuple[str, str, int]]:
    """The numbers of a record of steps: step id, what is counted (`step_number`), how many."""
    for name, value in record.items():
        kind, colon, step_id = name.partition(":")
        if colon:
            yield step_id, kind, value


def step_number(kind: str | int, step_id: str) -> str:
    """The attribute that counts something of a step: how often it took as long as a bucket says, its number, how often it failed,
    `f`, or was tried once more, `r`.
    """
    return f"{kind}:{step_id}"
