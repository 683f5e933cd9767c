"""Results of runs: how they are kept, and how they are read by pages, whether kept or of a run that goes on.

What is kept of one run:

* An item beside the execution's: `head`, a JSON object `{run, output, output_link, total, tops, chunks}`, and `steps`,
  the only chunk, where both fit into the item.
* *Chunks*, JSON lists of `[key, result, link]`, each of about 1 MB, in the payload store. Keys stand in the order of
  the workflow, a container's before those of its parts; the *ordinal* of a key is its place in that order.
* `measured`, what figures of many runs are made of (`store.aggregates`).
* Details of steps (`store.step_details`), which only who asks for them reads.
* Outputs of more than 64 KB, each by itself in the payload store under the hash of its content. A `link` is
  `[s3:<key> | null, bytes]`.

So a page is read with one GetItem and the chunks it lies in, whatever the size of the run.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.aggregates.measures import Measuring
from workflow_engine.store.conditions import Missing, any_of, at_most
from workflow_engine.store.items import MAX_INLINE_BYTES, Record, dump
from workflow_engine.store.payloads import Keep, Link, PayloadStore
from workflow_engine.store.retention import expiry
from workflow_engine.store.step_details import KeptDetails, StepDetails, kept
from workflow_engine.store.table import ConditionFailedError, Table, Write

LARGE_OUTPUT_BYTES: Final = 64 * 1024
"""An output with more bytes of JSON is kept by itself, and told by its link."""

_encode_ascii: Final = json.JSONEncoder(separators=(",", ":")).encode

CHUNK_BYTES: Final = 1024 * 1024

PAGE_BYTES: Final = 5_000_000
"""What a page takes of a Lambda answer (`body_bytes`), so that headers and all fit into the 6,291,556 bytes that it may have."""

Position = tuple[int, str]
"""Ordinal and key of the result that a page begins with. The key finds it again where ordinals have moved, since the
run went on between two pages.
"""

Wanted = Callable[[str], bool]
"""Whether a result is asked for, by its key."""


@dataclass(frozen=True, slots=True)
class LargeOutput:
    """An output kept by itself. `size` is the number of bytes of its JSON text in UTF-8.

    `link` is None where it was larger than anything that is put together here (the list of a map's outputs): its parts
    have results of their own.
    """

    link: Link | None
    size: int


@dataclass(frozen=True, slots=True)
class StepResult:
    """One entry of `step_results`. `result["output_data"]` is None while `large` tells where the output is."""

    ordinal: int
    key: str
    result: dict[str, Json]
    large: LargeOutput | None = None


@dataclass(frozen=True, slots=True)
class ResultsPage:
    """Results in their order, and the position that the next page begins at, None after the last."""

    results: list[StepResult]
    next: Position | None


class StepResults(Protocol):
    """All results of a run in their order, read as far as they are asked for."""

    @property
    def total(self) -> int:
        """How many there are."""

    @property
    def tops(self) -> Mapping[str, int]:
        """Ordinals of the results of the workflow's own steps, by step id and in order. What follows up to the next one
        are the parts of that step.
        """

    def statuses(self) -> dict[str, str]:
        """Status of each of the workflow's own steps, by step id and in order; outputs are not touched."""

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        """Those from one ordinal up to another, that one excluded. Lazily: nothing is loaded for what is not taken."""

    def details(self, ordinal: int) -> StepDetails | None:
        """What is known of a step beside its result, by the ordinal of that."""


def body_bytes(value: Json) -> int:
    """What a value takes of a Lambda answer, in whose JSON an HTTP body is a string: its own JSON text, ASCII alone, with
    quotes and backslashes escaped once more.
    """
    text = _encode_ascii(value)
    return len(text) + text.count('"') + text.count("\\")


@dataclass(frozen=True, slots=True)
class RunResults:
    """Results of a run. `run` has everything but `output` and `step_results`, in the shape of the API's answer; `output`
    is None while `large_output` tells where it is.
    """

    run: Mapping[str, Json]
    output: Json
    large_output: LargeOutput | None
    steps: StepResults
    payloads: PayloadStore
    is_unread: bool = False
    """True where the steps are still to be read from the history."""

    def page(
        self,
        position: Position | None = None,
        *,
        max_bytes: int,
        limit: int | None = None,
        steps: Collection[str] | None = None,
        inline_up_to: int = LARGE_OUTPUT_BYTES,
        size_of: Callable[[Json], int] = body_bytes,
        more: Callable[[StepResult], Mapping[str, Json]] | None = None,
    ) -> ResultsPage:
        """Results from a position on: as many as `max_bytes` and `limit` allow, and at least one if there is any.

        `steps` picks by key: `a` is the result of `a` and those of its parts (`a[0]`, `a.inner`), `a[3]` that element's.
        Keys that the run does not have pick nothing (`unknown` names those of no step). Outputs kept by themselves are
        loaded into their results when they have up to `inline_up_to` bytes, so that one should be well below
        `max_bytes`. What a result takes of `max_bytes` is `size_of({key: result})`. `more` gives what is told of a step
        beside.
        """
        picked, taken = self._picked(position, steps), 0
        results: list[StepResult] = []
        for result in picked:
            if limit is not None and len(results) >= limit:
                return ResultsPage(results, (result.ordinal, result.key))
            if result.large is not None and result.large.link is not None and result.large.size <= inline_up_to:
                loaded = result.result | {"output_data": self.load(result.large)}
                result = replace(result, result=loaded, large=None)
            if more is not None:
                result = replace(result, result={**result.result, **more(result)})
            taken += size_of({result.key: result.result})
            if results and taken > max_bytes:
                return ResultsPage(results, (result.ordinal, result.key))
            results.append(result)
        return ResultsPage(results, None)

    def step(self, key: str) -> StepResult | None:
        """The result of this very key; a large output is not loaded."""
        start, stop = self._range(key)
        return next(self.steps.read(start, stop, lambda other: other == key), None)

    def unknown(self, steps: Collection[str]) -> list[str]:
        """Those of the keys that begin with no step of the workflow."""
        return [key for key in steps if _top(key) not in self.steps.tops]

    def load(self, large: LargeOutput) -> Json:
        """An output that is kept by itself; None where it has no link."""
        return None if large.link is None else self.payloads.load(large.link)

    def _picked(self, position: Position | None, steps: Collection[str] | None) -> Iterator[StepResult]:
        start = 0 if position is None else self._find(position)
        if steps is None:
            yield from self.steps.read(start, self.steps.total, _everything)
            return
        ranges = sorted({self._range(key) for key in steps if _top(key) in self.steps.tops})
        wanted = _under(steps)
        for first, stop in ranges:
            yield from self.steps.read(max(first, start), stop, wanted)

    def _find(self, position: Position) -> int:
        """Where a page begins: at its key, or where that was if it is no more."""
        ordinal, key = position
        at = next(self.steps.read(ordinal, ordinal + 1, lambda other: other == key), None)
        if at is None:
            at = self.step(key)
        return ordinal if at is None else at.ordinal

    def _range(self, key: str) -> tuple[int, int]:
        """The ordinals of a workflow's step and all its parts, given a key of any of them."""
        start = self.steps.tops.get(_top(key))
        if start is None:
            return (0, 0)
        after = (ordinal for ordinal in self.steps.tops.values() if ordinal > start)
        return start, min(after, default=self.steps.total)


def _top(key: str) -> str:
    return re.split(r"[.\[]", key, maxsplit=1)[0]


def _everything(_key: str) -> bool:
    return True


def _under(steps: Collection[str]) -> Wanted:
    """Whether a key is one of these or that of a part of one."""
    exact = set(steps)
    prefixes = tuple(f"{key}{separator}" for key in steps for separator in ".[")
    return lambda key: key in exact or key.startswith(prefixes)


@dataclass(frozen=True, slots=True)
class KeptSteps:
    """Results in chunks. `chunks` has the ordinal that each begins with, and its link, or its text."""

    total: int
    tops: Mapping[str, int]
    chunks: list[tuple[int, str]]
    payloads: PayloadStore
    kept_details: KeptDetails | None = None

    def details(self, ordinal: int) -> StepDetails | None:
        return None if self.kept_details is None else self.kept_details.find(ordinal)

    def statuses(self) -> dict[str, str]:
        tops = self.tops
        return {r.key: str(r.result["status"]) for r in self.read(0, self.total, lambda key: key in tops)}

    def read(self, start: int, stop: int, wanted: Wanted) -> Iterator[StepResult]:
        at = max(bisect_right(self.chunks, start, key=lambda chunk: chunk[0]) - 1, 0)
        for first, stored in self.chunks[at:]:
            if first >= stop:
                return
            for ordinal, (key, result, link) in enumerate(self.payloads.load(stored), first):
                if start <= ordinal < stop and wanted(key):
                    yield StepResult(ordinal, key, result, LargeOutput(*link) if link else None)


@dataclass(frozen=True, slots=True)
class ResultsStore:
    """Results of runs that have ended."""

    table: Table
    payloads: PayloadStore
    retention_days: int = 0
    """After a run's end its results expire; 0 keeps them."""

    def save(self, tenant_id: str, execution_id: str, redrive_count: int, make: Callable[[Keep], RunResults]) -> None:
        """Keep all results of a run; saving them again replaces them, unless a later redrive's are there.

        `make` gives the results; it is given the way to keep large outputs, which must be used until this returns.
        A few chunks are in memory at most. The item comes last, so that whoever sees it finds the rest.
        """
        with self.payloads.uploads(tenant_id) as keep:
            results = make(keep)
            measuring = Measuring(redrive_count)
            head, steps = _in_chunks(results, keep, measuring)
            details = kept(_details_of(results.steps), keep)
        record: Record = {
            "pk": keys.execution(tenant_id, execution_id),
            "sk": keys.RESULTS,
            "tenant_id": tenant_id,
            "execution_id": execution_id,
            "redrive_count": redrive_count,
            "measured": measuring.told(results.run),
            "head": self.payloads.store(tenant_id, head),
            "steps": steps,
            "expires_at": expiry(_completed_at(head), self.retention_days),
            "details": details,
        }
        # Those of earlier versions of this service have no count.
        no_later_one = any_of(Missing("redrive_count"), at_most("redrive_count", redrive_count))
        try:
            self.table.put(Write(record, no_later_one))
        except ConditionFailedError:
            return

    def remove(self, tenant_id: str, execution_id: str) -> None:
        """Take back the results of a run that is there no more."""
        self.table.delete(keys.execution(tenant_id, execution_id), keys.RESULTS)

    def find(self, tenant_id: str, execution_id: str) -> RunResults | None:
        """The kept results, None when there are none yet."""
        record = self.table.get(keys.execution(tenant_id, execution_id), keys.RESULTS)
        if record is None:
            return None
        if "head" not in record:
            return self._of_earlier_version(tenant_id, self.payloads.load(record["results"]))
        head: dict[str, Any] = self.payloads.load(record["head"])
        chunks = [(first, stored) for first, stored in head["chunks"]]
        if "steps" in record:
            chunks = [(0, record["steps"])]
        details = KeptDetails.of(record["details"], self.payloads) if "details" in record else None
        steps = KeptSteps(head["total"], head["tops"], chunks, self.payloads, details)
        large = LargeOutput(*head["output_link"]) if head["output_link"] else None
        return RunResults(head["run"], head["output"], large, steps, self.payloads)

    def _of_earlier_version(self, tenant_id: str, answer: dict[str, Any]) -> RunResults:
        """What earlier versions of this service kept: the whole answer in one, `{...run, output, step_results}`."""

        def apart(output: Json) -> tuple[Json, LargeOutput | None]:
            content = dump(output).encode()
            if len(content) <= LARGE_OUTPUT_BYTES:
                return output, None
            return None, LargeOutput(self.payloads.keep(tenant_id, (content,)), len(content))

        tops: dict[str, int] = {}
        lines: list[Json] = []
        results: dict[str, dict[str, Json]] = answer.pop("step_results")
        order = {top: place for place, top in enumerate(dict.fromkeys(map(_top, results)))}
        for key in sorted(results, key=lambda key: (order[_top(key)], key != _top(key))):
            tops.setdefault(_top(key), len(lines))
            output, large = apart(results[key]["output_data"])
            lines.append([key, results[key] | {"output_data": output}, _link(large)])
        output, large = apart(answer.pop("output"))
        steps = KeptSteps(len(lines), tops, [(0, dump(lines))], self.payloads)
        return RunResults(answer, output, large, steps, self.payloads)


def _completed_at(head: Mapping[str, Json]) -> str | None:
    run: Any = head["run"]
    at: str | None = run.get("completed_at") or run.get("started_at")
    return at


def _details_of(steps: StepResults) -> Iterator[tuple[int, StepDetails]]:
    for ordinal in range(steps.total):
        if (details := steps.details(ordinal)) is not None:
            yield ordinal, details


def _in_chunks(results: RunResults, keep: Keep, measuring: Measuring) -> tuple[dict[str, Json], str | None]:
    """The head of results whose chunks are kept, and the only chunk if it fits into the item beside the head. All results are
    told to `measuring` on the way.
    """
    chunks: list[tuple[int, Link]] = []
    lines: list[str] = []
    first = size = 0

    def chunk() -> str:
        return f"[{','.join(lines)}]"

    for result in results.steps.read(0, results.steps.total, _everything):
        measuring.add(result.key, result.result)
        line = dump([result.key, result.result, _link(result.large)])
        if lines and size + len(line) > CHUNK_BYTES:
            chunks.append((first, keep((chunk().encode(),))))
            lines, size, first = [], 0, result.ordinal
        lines.append(line)
        size += len(line)
    head: dict[str, Json] = {
        "run": dict(results.run),
        "output": results.output,
        "output_link": _link(results.large_output),
        "total": results.steps.total,
        "tops": dict(results.steps.tops),
        "chunks": chunks,
    }
    if not chunks and len(chunk().encode()) + len(dump(head).encode()) <= MAX_INLINE_BYTES:
        return head, chunk()
    chunks.append((first, keep((chunk().encode(),))))
    return head, None


def _link(large: LargeOutput | None) -> list[Json] | None:
    return None if large is None else [large.link, large.size]
