"""Map in its distributed mode: each item, or batch of items, is the input of a child execution of its own.

The children run in this process. They are runs like others, with heads in the journal under names that follow from their
place, so a Map Run that is read back finds those that have ended. A redrive goes on with those that did not succeed.
AWS page "Using Map state in Distributed mode".
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from typing import Any, Final

from infra.local.stepfunctions.calls import described
from infra.local.stepfunctions.containers import map_concurrency, map_items
from infra.local.stepfunctions.definition import Distribution, State
from infra.local.stepfunctions.evaluation import Payload, Scope, evaluated, evaluated_as
from infra.local.stepfunctions.failures import (
    EXCEED_TOLERATED_FAILURES,
    ITEM_READER_FAILED,
    RESULT_WRITER_FAILED,
    StateError,
)
from infra.local.stepfunctions.history import Frame
from infra.local.stepfunctions.items import ItemsError, read_items
from infra.local.stepfunctions.journal import Head
from infra.local.stepfunctions.limits import check_result, json_text, utf8_size
from workflow_engine.aws_quotas import PAYLOAD_BYTES

# AWS runs up to 10,000 children at once; this many have their turn in one process.
MOST_CHILDREN_AT_ONCE: Final = 1000

_CHILDREN: Final = uuid.UUID("2f0c8f53-6d1e-4a7e-9d3f-0f3b1f4f7a55")


async def run_distributed_map(frame: Frame, state: State, scope: Scope, how: Distribution) -> Payload:
    """Run a Map Run; gives the outputs of its children, or where ResultWriter has written them. Raises StateError."""
    started = frame.taken("MapStateStarted")
    if started is None:
        items = [] if how.reader else await map_items(frame, state, scope)
        private: dict[str, Any] = {
            "limit": await map_concurrency(frame, state, scope, MOST_CHILDREN_AT_ONCE),
            **await _tolerance(frame, scope, how),
        }
        if state.items is not None:
            private["items"] = items
        started = frame.record("MapStateStarted", None, {"length": len(items)}, private)
    run = frame.run
    name = uuid.uuid5(_CHILDREN, f"{run.head.arn} {started.id}")
    arn = f"{run.head.machine.replace(':stateMachine:', ':mapRun:')}/{how.label}:{name}"
    _begin_map_run(frame, arn)
    failed = frame.taken("MapRunFailed")
    if failed is not None:
        raise StateError(failed.fields["error"], failed.fields["cause"], is_recorded=True)
    items = started.private.get("items", scope.input.value)
    try:
        inputs = await _inputs(frame, state, scope, how, items)
        children = _MapRun(frame, state, how, arn, inputs, started.private)
        heads = await children.run()
        result = await _result(frame, scope, how, arn, heads)
    except _MapRunError as error:
        frame.record("MapRunFailed", None, {"error": error.error, "cause": error.cause})
        raise StateError(error.error, error.cause, is_recorded=True) from None
    frame.once("MapRunSucceeded")
    frame.once("MapStateSucceeded")
    check_result(state.name, result.text)
    return result


class _MapRunError(Exception):
    """A Map Run has failed as a whole."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause


def _begin_map_run(frame: Frame, arn: str) -> None:
    began = frame.taken("MapRunStarted")
    if began is None:
        frame.record("MapRunStarted", None, {"mapRunArn": arn})
    elif began.id < frame.run.last_redrive:
        frame.once("MapRunRedriven", None, {"mapRunArn": arn, "redriveCount": frame.run.head.redrives})


async def _tolerance(frame: Frame, scope: Scope, how: Distribution) -> dict[str, float]:
    """How many children, or which percentage of them, may fail: none at all where the definition says nothing."""
    told = {}
    for name, template in (("count", how.tolerated_count), ("percentage", how.tolerated_percentage)):
        if template is not None:
            told[name] = await evaluated_as(frame, template, scope, f"ToleratedFailure{name.title()}", "number")
    return told or {"count": 0}


async def _inputs(frame: Frame, state: State, scope: Scope, how: Distribution, items: list[Any]) -> list[str]:
    """What each child begins with, as JSON text."""
    if how.reader is not None:
        arguments = {}
        if how.reader_arguments is not None:
            arguments = await evaluated(frame, how.reader_arguments, scope)
        engine = frame.run.engine
        try:
            items = await engine.helpers.call(read_items, engine.payloads, how.reader, arguments)
        except (ItemsError, LookupError, OSError) as error:
            raise _MapRunError(ITEM_READER_FAILED, str(error)) from None
    selected = items
    if state.item_selector is not None:
        selected = []
        for index, item in enumerate(items):
            context = {**scope.context, "Map": {"Item": {"Index": index, "Value": item}}}
            inner = Scope({**scope.states, "context": context}, frame.variables, scope.input)
            selected.append(await evaluated(frame, state.item_selector, inner))
    if how.batcher is None:
        return [Payload.of(item).text for item in selected]
    shared = None if how.batch_input is None else await evaluated(frame, how.batch_input, scope)
    return [
        Payload.of({"Items": batch} if shared is None else {"BatchInput": shared, "Items": batch}).text
        for batch in _batches(selected, how)
    ]


def _batches(items: list[Any], how: Distribution) -> Iterator[list[Any]]:
    """Consecutive items, as many together as ItemBatcher allows (MaxItemsPerBatch, MaxInputBytesPerBatch)."""
    assert how.batcher is not None
    most = how.batcher.get("MaxItemsPerBatch") or len(items)
    most_bytes = min(how.batcher.get("MaxInputBytesPerBatch") or PAYLOAD_BYTES, PAYLOAD_BYTES)
    batch: list[Any] = []
    size = 0
    for item in items:
        added = utf8_size(json_text(item)) + 1
        if batch and (len(batch) >= most or size + added > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += added
    if batch:
        yield batch


class _MapRun:
    """The children of one Map Run: begun in order, so many at once as may be, until all have ended or too many failed."""

    def __init__(
        self, frame: Frame, state: State, how: Distribution, arn: str, inputs: list[str], limits: dict[str, Any] | Any
    ) -> None:
        self._frame = frame
        self._engine = frame.run.engine
        self._state = state
        self._how = how
        self._arn = arn
        self._inputs = inputs
        self._limits = limits
        self._left = iter(range(len(inputs)))
        self._heads: list[Head | None] = [None] * len(inputs)
        self._failed = 0

    async def run(self) -> list[Head]:
        """Run all; gives their heads in order. Raises _MapRunError when more have failed than are tolerated."""
        await self._frame.run.journal.durable()
        count = min(self._limits["limit"], MOST_CHILDREN_AT_ONCE, len(self._inputs))
        workers = [asyncio.create_task(self._work()) for _ in range(count)]
        try:
            # A parked parent would read all this again each time a child ends.
            with self._frame.run.waiting(may_park=False):
                for worker in asyncio.as_completed(workers):
                    await worker
        except asyncio.CancelledError:
            if not self._frame.run.is_parked:
                self._stop_all()
            raise
        except _MapRunError:
            self._stop_all()
            raise
        finally:
            for task in workers:
                task.cancel()
        return [head for head in self._heads if head is not None]

    async def _work(self) -> None:
        for index in self._left:
            head = await self._engine.end_of(self._begin(index).arn)
            self._heads[index] = head
            if head.status != "SUCCEEDED":
                self._failed += 1
                self._check()

    def _check(self) -> None:
        count, percentage = self._limits.get("count"), self._limits.get("percentage")
        is_over = (count is not None and self._failed > count) or (
            percentage is not None and self._failed * 100 > percentage * len(self._inputs)
        )
        if is_over:
            cause = "The specified tolerated failure threshold was exceeded"
            raise _MapRunError(EXCEED_TOLERATED_FAILURES, cause)

    def _child_arn(self, index: int) -> str:
        parent = self._frame.run.head
        kind = ":express:" if self._how.is_express else ":execution:"
        name = uuid.uuid5(_CHILDREN, f"{self._arn} {index}")
        return f"{parent.machine.replace(':stateMachine:', kind)}/{self._how.label}:{name}"

    def _begin(self, index: int) -> Head:
        """Begin a child, or find the one that has begun; one that an earlier attempt of the parent left is redriven."""
        parent = self._frame.run.head
        arn = self._child_arn(index)
        existing = self._engine.journal.head(arn)
        if existing is not None:
            was_before = existing.stopped is not None and existing.stopped <= (parent.redriven or 0.0)
            if existing.status not in ("RUNNING", "SUCCEEDED") and was_before:
                return self._engine.redrive_unasked(existing)
            return existing
        return self._engine.begin(
            Head(
                arn=arn,
                machine=f"{parent.machine}/{self._how.label}",
                definition=parent.definition,
                input=self._inputs[index],
                started=self._engine.now(),
                name=arn.rpartition(":")[2],
                role=parent.role,
                kind="EXPRESS" if self._how.is_express else "STANDARD",
                fragment=self._state.name,
                parent=parent.arn,
                event=self._frame.entered,
                map_run=self._arn,
            )
        )

    def _stop_all(self) -> None:
        for index in range(len(self._inputs)):
            head = self._engine.journal.head(self._child_arn(index))
            if head is not None and head.status == "RUNNING":
                self._engine.stop_run(head.arn, None, None)


async def _result(frame: Frame, scope: Scope, how: Distribution, arn: str, heads: list[Head]) -> Payload:
    """The outputs of the children that succeeded as one array, or what ResultWriter says of where they are."""
    if how.writer is None:
        texts = [head.output or "null" for head in heads if head.status == "SUCCEEDED"]
        text = f"[{','.join(texts)}]"
        return Payload(json.loads(text), text)
    arguments = {}
    if how.writer_arguments is not None:
        arguments = await evaluated(frame, how.writer_arguments, scope)
    engine = frame.run.engine

    def write() -> str:
        bucket = arguments["Bucket"]
        folder = "/".join(part for part in (arguments.get("Prefix", "").strip("/"), arn.rpartition(":")[2]) if part)
        files: dict[str, list[dict[str, Any]]] = {"FAILED": [], "PENDING": [], "SUCCEEDED": []}
        for status in ("FAILED", "SUCCEEDED"):
            told = [
                described(h, parses_json=False) for h in heads if (h.status == "SUCCEEDED") == (status == "SUCCEEDED")
            ]
            if told:
                content = json_text(told).encode()
                key = f"{folder}/{status}_0.json"
                engine.payloads.write(bucket, key, content)
                files[status].append({"Key": key, "Size": len(content)})
        manifest = {"DestinationBucket": bucket, "MapRunArn": arn, "ResultFiles": files}
        engine.payloads.write(bucket, f"{folder}/manifest.json", json_text(manifest).encode())
        return f"{folder}/manifest.json"

    try:
        key = await engine.helpers.call(write)
    except (LookupError, OSError) as error:
        raise _MapRunError(RESULT_WRITER_FAILED, str(error)) from None
    return Payload.of({"MapRunArn": arn, "ResultWriterDetails": {"Bucket": arguments["Bucket"], "Key": key}})
