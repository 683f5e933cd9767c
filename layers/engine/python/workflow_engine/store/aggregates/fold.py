"""Adds to figures what runs give, each once, though the table's stream tells of it twice, late, or anew.

What figures have of a run stands in a record of its own, beside the numbers of the two writes that it comes from. It is written in
one transaction with what is added, under the condition that it is what was read: so whoever is told of a write once more finds
that nothing is to be added, and of two who are at it at once one begins anew. Killed at any moment, nothing is lost and nothing
added twice: the stream tells of what was not done yet.

Many runs are added in one transaction, one addition for each record of figures. Where several processes add to the same one and
get into each other's way, each goes on with a record of its own: sums are made when figures are read. So it does where a
record is full, else no run behind it in the stream were counted, whosever it is.
"""

from __future__ import annotations

import json
import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from workflow_engine.aws_quotas import MIB, TRANSACTION_ITEMS
from workflow_engine.errors import PayloadTooLargeError, ThrottledError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.aggregates.contributions import Amounts, Cell, End, Measured, Told, amounts, difference
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.items import Record, dump
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import Addition, Change, ConditionFailedError, Key, Table, Write
from workflow_engine.timestamps import iso

TOLD_WITHIN: Final = timedelta(days=90)
"""Of a run whose end is older nothing is counted any more: Step Functions has forgotten it, and so do figures soon."""

REMEMBERED: Final = timedelta(days=100)
"""For how long it is known what figures have of a run; longer than anything of it is counted."""

DISCARDED_FOR: Final = timedelta(days=2)
"""For how long it is known that a run is not to be counted: a stream tells for a day of what was written."""

RUNS_AT_ONCE: Final = 90
"""Read together; what is remembered of them and the figures of one workflow fit into a transaction."""

NUMBERS_AT_ONCE: Final = 100
"""Of one addition: an update expression has 4 KB at most, and 300 operators ("Expression parameters" of the quotas)."""

TRANSACTION_BYTES: Final = MIB
"""Of what is remembered of runs, in one transaction; it may have 4 MB (TransactWriteItems)."""

TELLING: Final = 8
"""One run in so many tells of what was counted: a look at a version is of use after dozens, and to note it may be a write."""

_ATTEMPTS: Final = 5
_LANES: Final = 16


@dataclass(frozen=True, slots=True)
class _Counted:
    """What figures have of a run. `revision` is None where there is no record of that yet. `end_number` and `measured_number` are
    those of the writes that it comes from (`Told.number`), -1 for none.
    """

    revision: int | None = None
    end_number: int = -1
    end: End | None = None
    measured_number: int = -1
    measured: Measured | None = None
    is_added: bool = True
    """False where what it gave before was taken back, and what it gives now is still to be added."""
    is_discarded: bool = False

    @classmethod
    def of(cls, record: Record | None) -> _Counted:
        if record is None:
            return cls()
        if record.get("is_discarded"):
            return cls(is_discarded=True)
        end, measured = record.get("end"), record.get("measured")
        return cls(
            record["revision"],
            int(record["end_number"]),
            None if end is None else End(*json.loads(end)),
            int(record["measured_number"]),
            None if measured is None else Measured(*json.loads(measured)),
            record["is_added"],
        )

    @property
    def amounts(self) -> Amounts:
        """What figures have of it."""
        return amounts(self.end, self.measured) if self.is_added else {}

    def told(self, told: Told, since: str) -> _Counted:
        """With what a write tells, unless a later one of the same record is known, or it is an end of before `since`."""
        match told.what:
            case End() if told.number > self.end_number and told.what.completed_at >= since:
                return replace(self, end_number=told.number, end=told.what)
            case Measured() if told.number > self.measured_number:
                return replace(self, measured_number=told.number, measured=told.what)
        return self

    def write(self, key: Key, tenant_id: str, expires_at: int) -> Write:
        """The write that remembers this in the place of what was read."""
        before = Missing(PARTITION_KEY) if self.revision is None else equals("revision", self.revision)
        record: Record = {
            "pk": key[0],
            "sk": key[1],
            "tenant_id": tenant_id,
            "revision": (self.revision or 0) + 1,
            # As text: a sequence number of a stream has up to 40 digits ("StreamRecord"), a number of a table 38.
            "end_number": str(self.end_number),
            "end": None if self.end is None else dump(self.end),
            "measured_number": str(self.measured_number),
            "measured": None if self.measured is None else dump(self.measured),
            "is_added": self.is_added,
            "expires_at": expires_at,
        }
        return Write(record, before)


Note = Callable[[str, str, int], None]
"""Is told a tenant, a workflow and its version."""


def is_telling(execution_id: str) -> bool:
    """Whether a run tells that durations of its version were counted: one in `TELLING`."""
    return zlib.crc32(execution_id.encode()) % TELLING == 0


class Fold:
    """Adds what runs give to figures. `now` gives the moment that the age of ends is told by. `note` is told, at least once in a
    while, of which versions durations of steps were counted; what it raises is raised.
    """

    def __init__(self, table: Table, now: Callable[[], datetime], note: Note = lambda *_: None) -> None:
        self._table = table
        self._now = now
        self._note = note
        self._lane = 0

    def add(self, told: Iterable[Told]) -> int:
        """Count what was written, in whatever order it is told; gives how many runs were counted, anew or for the first time. When
        it raises, some of them may be counted, and it may be called again.

        Raises ThrottledError and UnavailableError while the table cannot be written.
        """
        by_run: dict[tuple[str, str], list[Told]] = {}
        for one in told:
            by_run.setdefault(one.run, []).append(one)
        runs = iter(by_run.items())
        counted = 0
        while batch := dict(islice(runs, RUNS_AT_ONCE)):
            counted += self._add(batch)
        return counted

    def discard(self, tenant_id: str, execution_id: str) -> None:
        """From now on count nothing of a run, whatever is told of it: all that its tenant has is being deleted."""
        pk, sk = _key(tenant_id, execution_id)
        expires_at = int((self._now() + DISCARDED_FOR).timestamp())
        self._table.put(
            Write({"pk": pk, "sk": sk, "tenant_id": tenant_id, "is_discarded": True, "expires_at": expires_at})
        )

    def _add(self, runs: Mapping[tuple[str, str], list[Told]]) -> int:
        """Count what was written of up to `RUNS_AT_ONCE` runs."""
        left, counted = runs, 0
        for _ in range(_ATTEMPTS):
            found = self._table.get_many(_key(*run) for run in left)
            standing = {(record["pk"], record["sk"]): record for record in found}
            plans = [plan for run, of_run in left.items() if (plan := self._plan(run, of_run, standing))]
            refused: list[_Plan] = []
            for transaction in _transactions(plans):
                if not self._is_written(transaction):
                    refused += transaction
                    continue
                done = [plan for plan in transaction if plan.is_whole]
                refused += [plan for plan in transaction if not plan.is_whole]
                counted += len(done)
                self._tell(done)
            if not refused:
                return counted
            left = {plan.run: runs[plan.run] for plan in refused}
        raise ThrottledError("Figures are being added by several at once. Try again in a second.")

    def _tell(self, plans: Iterable[_Plan]) -> None:
        measured = [(plan.measured, plan.run[1]) for plan in plans if plan.measured is not None]
        versions = {
            (end.tenant_id, end.workflow_id, end.version) for end, execution_id in measured if is_telling(execution_id)
        }
        for version in sorted(versions):
            self._note(*version)

    def _plan(self, run: tuple[str, str], told: list[Told], standing: Mapping[Key, Record]) -> _Plan | None:
        """What counting a run comes to; None where it has been counted."""
        key, now = _key(*run), self._now()
        before = _Counted.of(standing.get(key))
        if before.is_discarded:
            return None
        after, since = before, iso(now - TOLD_WITHIN)
        for one in told:
            after = after.told(one, since)
        if after is before and before.is_added:
            return None
        after = replace(after, is_added=True)
        additions = difference(after.amounts, before.amounts)
        is_whole = _records(additions) < TRANSACTION_ITEMS
        if not is_whole:
            after, additions = replace(after, is_added=False), difference({}, before.amounts)
        measured = after.end if any(_is_of_steps(cell, after.end) for cell in additions) else None
        return _Plan(run, after.write(key, run[0], int((now + REMEMBERED).timestamp())), additions, measured, is_whole)

    def _is_written(self, plans: list[_Plan]) -> bool:
        """Remember runs and add what they give, all or nothing. False where what is known of one has changed meanwhile, or others
        are at the same figures just now, or a record of them has no room left.
        """
        writes: list[Change] = [plan.write for plan in plans]
        for cell, numbers in _sums(plans).items():
            writes += _additions(cell, numbers, self._lane)
        try:
            self._table.write_all(writes)
        except ConditionFailedError:
            return False
        except (PayloadTooLargeError, ThrottledError):
            self._lane = random.randrange(1, _LANES)
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Plan:
    """What counting a run comes to: the record of that, and what is added where. `measured` is the end of a run whose steps are
    counted with it.
    """

    run: tuple[str, str]
    write: Write
    additions: Mapping[Cell, Counter[str]]
    measured: End | None = None
    is_whole: bool = True
    """False where it only takes back, since that and what is to be added are more than a transaction may have."""

    @property
    def bytes(self) -> int:
        return len(str(self.write.record.get("measured") or ""))


def _key(tenant_id: str, execution_id: str) -> Key:
    return keys.counted(tenant_id, execution_id), keys.META


def _is_of_steps(cell: Cell, end: End | None) -> bool:
    return end is not None and cell.pk == keys.step_figures(end.tenant_id, end.workflow_id)


def _sums(plans: Iterable[_Plan]) -> dict[Cell, dict[str, int]]:
    sums: dict[Cell, dict[str, int]] = {}
    for plan in plans:
        for cell, numbers in plan.additions.items():
            of_cell = sums.setdefault(cell, {})
            for name, number in numbers.items():
                of_cell[name] = of_cell.get(name, 0) + number
    return {cell: kept for cell, numbers in sums.items() if (kept := {n: v for n, v in numbers.items() if v})}


def _transactions(plans: Iterable[_Plan]) -> Iterator[list[_Plan]]:
    """The plans, as many at once as a transaction has room for."""
    batch: list[_Plan] = []
    names: dict[Cell, frozenset[str]] = {}
    taken = 0
    for plan in plans:
        own = {cell: frozenset(numbers) for cell, numbers in plan.additions.items()}
        wider = names | {cell: names.get(cell, frozenset()) | those for cell, those in own.items()}
        records = len(batch) + 1 + _records(wider)
        if batch and (records > TRANSACTION_ITEMS or taken + plan.bytes > TRANSACTION_BYTES):
            yield batch
            batch, wider, taken = [], own, 0
        batch.append(plan)
        names, taken = wider, taken + plan.bytes
    if batch:
        yield batch


def _records(numbers: Mapping[Cell, Sized]) -> int:
    """How many records such numbers are added to."""
    return sum(-(-len(of_cell) // NUMBERS_AT_ONCE) for of_cell in numbers.values())


def _additions(cell: Cell, numbers: Mapping[str, int], lane: int) -> Iterator[Addition]:
    """What is added to a cell, in pieces: which number is in which of its records makes no difference."""
    changes: dict[str, Any] = {"tenant_id": cell.tenant_id, "expires_at": cell.expires_at}
    if cell.version is not None:
        changes["version"] = cell.version
    rest = iter(sorted(numbers.items()))
    piece = 0
    while part := dict(islice(rest, NUMBERS_AT_ONCE)):
        yield Addition(cell.pk, f"{cell.sort_prefix}#{lane}.{piece}", part, changes)
        piece += 1
