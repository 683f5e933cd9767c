"""What one run gives to figures. Pure.

A run counts by the last end that was recorded of it, in the hour and on the day of that end. What its steps did counts once its
history was read, if that was of the same end: a redriven run is first counted as it ended before, and then anew.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from workflow_engine.store import keys
from workflow_engine.store.aggregates.histogram import bucket_of
from workflow_engine.store.aggregates.periods import GRAINS, expiry_of, start_of, text_of
from workflow_engine.store.aggregates.stream import streamed

_MILLISECOND: Final = timedelta(milliseconds=1)
_OF_RESULTS: Final = ("retries", "tokens_in", "tokens_out", "llm_calls", "transition_nanos")


class Cell(NamedTuple):
    """Where numbers are added: records of this partition whose sort keys begin so. `version` is that of the workflow, None of
    figures of a tenant: an id may be used again after its workflow was deleted, whose runs may still end then.
    """

    tenant_id: str
    pk: str
    sort_prefix: str
    expires_at: int
    version: int | None = None


Amounts = Mapping[Cell, Mapping[str, int]]


class End(NamedTuple):
    """How a run ended. `milliseconds` is how long it took, None where that says nothing: it did not complete, or ran a part of its
    workflow only, or was redriven, and then stood still between its ends.
    """

    tenant_id: str
    workflow_id: str
    version: int
    status: str
    completed_at: str
    redrive_count: int
    milliseconds: int | None

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> End:
        """The end that the record of an execution tells. KeyError and ValueError for what tells none."""
        took = datetime.fromisoformat(record["completed_at"]) - datetime.fromisoformat(record["started_at"])
        is_timed = record["status"] == "completed" and not record["redrive_count"] and "variant_id" not in record
        return cls(
            record["tenant_id"],
            record["workflow_id"],
            record["workflow_version"],
            record["status"],
            record["completed_at"],
            record["redrive_count"],
            max(0, took // _MILLISECOND) if is_timed else None,  # a laptop's clock may have been set back meanwhile
        )


class Measured(NamedTuple):
    """What the results of a run came to (`measures.Measuring.told`), and of which of its ends."""

    redrive_count: int
    told: Mapping[str, Any]


class Told(NamedTuple):
    """What a write of the table tells of a run, by tenant and execution id. Of two writes of a record the later has the greater
    number.
    """

    run: tuple[str, str]
    number: int
    what: End | Measured

    @classmethod
    def of(cls, record: Mapping[str, Any], number: int) -> Told | None:
        """What a record tells that was written, all of it or what `stream.streamed` gives of it; None for one that tells nothing.
        KeyError, TypeError and ValueError for what is no such record.
        """
        picked = streamed(record)
        if picked is None:
            return None
        run = str(picked["tenant_id"]), str(picked["execution_id"])
        if picked["sk"] == keys.META:
            return cls(run, number, End.of(picked))
        return cls(run, number, Measured(picked["redrive_count"], json.loads(picked["measured"])))


def amounts(end: End | None, measured: Measured | None) -> Amounts:
    """What a run adds, by where it does. Nothing while no end of it is known."""
    if end is None:
        return {}
    known = measured if measured is not None and measured.redrive_count == end.redrive_count else None
    numbers, steps = _numbers(end, known), {} if known is None else _by_group(known.told["steps"], known.told["groups"])
    found: dict[Cell, Mapping[str, int]] = {}
    moment = datetime.fromisoformat(end.completed_at)
    for grain in GRAINS:
        start = start_of(moment, grain)
        prefix, expires_at = keys.figures(grain, text_of(start, grain)), expiry_of(start, grain)
        found[Cell(end.tenant_id, keys.run_figures(end.tenant_id), prefix, expires_at)] = numbers
        prefix = f"{prefix}#{end.version:08d}"
        pk = keys.run_figures(end.tenant_id, end.workflow_id)
        found[Cell(end.tenant_id, pk, prefix, expires_at, end.version)] = numbers
        pk = keys.step_figures(end.tenant_id, end.workflow_id)
        for group, of_group in steps.items():
            found[Cell(end.tenant_id, pk, f"{prefix}#{group}", expires_at, end.version)] = of_group
    return found


def _by_group(numbers: Mapping[str, int], groups: int) -> Mapping[str, Mapping[str, int]]:
    """Numbers of steps by the group that a step is in, of so many: `2.16`. That is the same in all runs of a version."""
    found: dict[str, dict[str, int]] = {}
    for name, number in numbers.items():
        group = zlib.crc32(name.partition(":")[2].encode()) % groups
        found.setdefault(f"{group}.{groups}", {})[name] = number
    return found


def _numbers(end: End, known: Measured | None) -> Mapping[str, int]:
    numbers = {end.status: 1}
    if end.milliseconds is not None:
        numbers[f"took:{bucket_of(end.milliseconds)}"] = 1
    if end.redrive_count:
        numbers["redriven"] = 1
    if known is not None:
        models = known.told["model_nanos"]
        numbers |= {"sampled": 1} | {name: known.told[name] for name in _OF_RESULTS if known.told[name]}
        numbers |= {"unpriced": 1} if models is None else {"model_nanos": models} if models else {}
    return numbers


def difference(after: Amounts, before: Amounts) -> dict[Cell, Counter[str]]:
    """What is to be added so that what a run gave before is taken back, and what it gives now is there."""
    changed: dict[Cell, Counter[str]] = {}
    for given, sign in ((after, 1), (before, -1)):
        for cell, numbers in given.items():
            sums = changed.setdefault(cell, Counter())
            for name, number in numbers.items():
                sums[name] += sign * number
    nonzero = {cell: Counter({n: number for n, number in sums.items() if number}) for cell, sums in changed.items()}
    return {cell: sums for cell, sums in nonzero.items() if sums}
