"""Parallel and inline Map: chains of states beside each other, which stop together when one of them fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

from infra.local.stepfunctions.definition import State
from infra.local.stepfunctions.evaluation import Payload, Scope, evaluated, evaluated_as, wrong_value
from infra.local.stepfunctions.failures import StateError
from infra.local.stepfunctions.history import CONTAINER_FAILED, Frame, container_of
from infra.local.stepfunctions.journal import Entry
from infra.local.stepfunctions.limits import Variables, check_result, json_text
from workflow_engine.aws_quotas import INLINE_MAP_CONCURRENCY

Job = Callable[[], Coroutine[Any, Any, None]]


async def run_parallel(frame: Frame, state: State, scope: Scope) -> Payload:
    """Run all branches on the same input; gives their outputs in order. Raises the first branch's StateError."""
    started = frame.taken("ParallelStateStarted")
    if started is None:
        given = scope.input
        private = {}
        if state.arguments is not None:
            given = Payload.of(await evaluated(frame, state.arguments, scope))
            private = {"input": given.value}
        started = frame.record("ParallelStateStarted", private=private)
    elif "input" in started.private:
        given = Payload.of(started.private["input"])
    else:
        given = scope.input
    _raise_past_failure(frame)
    outputs: list[Payload | None] = [None] * len(state.branches)
    children = [_child(frame, started, index, frame.chain, frame.map_item) for index in range(len(state.branches))]

    def job(index: int) -> Job:
        async def run() -> None:
            outputs[index] = await frame.run.chain(children[index], state.branches[index], given)

        return run

    await _together(frame, [job(index) for index in range(len(children))], lambda index: children[index])
    frame.chain = max(child.chain for child in children)
    frame.children = []
    frame.once("ParallelStateSucceeded")
    return _joined(state, outputs)


def _child(frame: Frame, started: Entry, index: int, chain: int, map_item: Any) -> Frame:
    """A chain inside a container. Its path names the attempt by the event that began it, so no two share one."""
    child = Frame(
        frame.run, f"{started.id}.{index}", chain=chain, variables=Variables(frame.variables), map_item=map_item
    )
    frame.children.append(child)
    return child


def _joined(state: State, outputs: Sequence[Payload | None]) -> Payload:
    """The outputs as one array. Raises States.DataLimitExceeded."""
    parts = [output for output in outputs if output is not None]
    result = Payload([part.value for part in parts], f"[{','.join(part.text for part in parts)}]")
    check_result(state.name, result.text)
    return result


def _raise_past_failure(frame: Frame) -> None:
    note = frame.taken(CONTAINER_FAILED)
    if note is not None:
        frame.chain = note.private["chain"]
        raise StateError(note.private["error"], note.private["cause"], also=note.private["also"])


async def _together(frame: Frame, jobs: Sequence[Job], chain_of: Callable[[int], Frame]) -> None:
    """Run jobs beside each other until all are done, or one fails; then the rest is aborted, and its StateError raised."""
    if not jobs:
        return
    run = frame.run
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    left = len(jobs)

    async def work(index: int) -> None:
        nonlocal left
        ends_container = False
        try:
            await jobs[index]()
            left -= 1
            if not left and not ended.done():
                ends_container = True
                ended.set_result(None)
        except Exception as error:
            if not ended.done():
                ends_container = True
                ended.set_exception(_abort_for(frame, chain_of(index), error))
        finally:
            # Who ends the container stays active for it until that goes on, a turn of the loop later. Parked in between, the
            # run would wait for nothing.
            if not ends_container:
                run.active -= 1

    run.active += len(jobs)
    tasks = [asyncio.create_task(work(index)) for index in range(len(jobs))]
    try:
        with run.waiting():
            await ended
    finally:
        if ended.done() and not ended.cancelled():
            run.active -= 1
        for task in tasks:
            task.cancel()


def _abort_for(frame: Frame, failed: Frame, error: Exception) -> Exception:
    """Abort what goes on beside a chain that has failed; gives what the container fails with."""
    if not isinstance(error, StateError):
        # The interpreter itself cannot go on; the whole run ends with this.
        return error
    try:
        _abort_all(frame, failed, error)
    except Exception as problem:
        # There may be no place for it in the history.
        return problem
    return error


def _abort_all(frame: Frame, failed: Frame, failure: StateError) -> None:
    """In one step: note why the container failed, record what is aborted by it, and let nobody go on."""
    run = frame.run
    if run.has_children:
        run.engine.stop_children(run.head, container_of(failed.path))
    chain = failed.newest()
    private = {"error": failure.error, "cause": failure.cause, "also": failure.also, "chain": chain}
    frame.record(CONTAINER_FAILED, private=private)
    for child in [*frame.children, *frame.told_of([container_of(failed.path)])]:
        child.abort(chain)
    frame.children = []
    frame.chain = chain


async def run_map(frame: Frame, state: State, scope: Scope) -> Payload:
    """Run the iterations of an inline Map; gives their outputs in the order of the items. Raises the first one's StateError."""
    started = frame.taken("MapStateStarted")
    if started is None:
        items = await map_items(frame, state, scope)
        limit = await map_concurrency(frame, state, scope, INLINE_MAP_CONCURRENCY)
        private: dict[str, Any] = {"limit": limit} if state.items is None else {"limit": limit, "items": items}
        started = frame.record("MapStateStarted", None, {"length": len(items)}, private)
    items = started.private.get("items", scope.input.value)
    _raise_past_failure(frame)
    iterations = _Iterations(frame, state, scope, started, items)
    workers = iterations.first(min(started.private["limit"], len(items)))
    await _together(frame, workers, lambda index: iterations.current[index])
    frame.chain = max(frame.chain, iterations.last_event)
    frame.children = []
    frame.once("MapStateSucceeded")
    return _joined(state, iterations.outputs)


async def map_items(frame: Frame, state: State, scope: Scope) -> list[Any]:
    """The items of a Map: its Items, else its input. Raises StateError for what is no array."""
    items: list[Any]
    if state.items is not None:
        items = await evaluated_as(frame, state.items, scope, "Items", "array")
        return items
    past = frame.past_evaluation_failure()
    if past is not None:
        raise past
    if not isinstance(scope.input.value, list):
        raise wrong_value(frame, f"Map state input must be an array but was: {json_text(scope.input.value)}", None)
    items = scope.input.value
    return items


async def map_concurrency(frame: Frame, state: State, scope: Scope, most: int) -> int:
    """How many iterations may run at once: MaxConcurrency, where 0 or nothing means as many as there may be."""
    if state.max_concurrency is None:
        return most
    given = await evaluated_as(frame, state.max_concurrency, scope, "MaxConcurrency", "number")
    return min(int(given) or most, most)


class _Iterations:
    """The items of one Map, taken in order by its workers."""

    def __init__(self, frame: Frame, state: State, scope: Scope, started: Entry, items: list[Any]) -> None:
        self._frame = frame
        self._state = state
        self._scope = scope
        self._started = started
        self._items = items
        self._left: Iterator[int] = iter(range(len(items)))
        self.outputs: list[Payload | None] = [None] * len(items)
        self.current: list[Frame] = []
        self.last_event = started.id

    def first(self, workers: int) -> list[Job]:
        """Begin the first iterations; gives the workers that do them and what follows."""
        self.current = [self._begin(next(self._left), self._started.id) for _ in range(workers)]
        return [self._worker(index) for index in range(workers)]

    def _begin(self, index: int, chain: int) -> Frame:
        item = {"Index": index, "Value": self._items[index]}
        child = _child(self._frame, self._started, index, chain, item)
        child.iteration = {"name": self._state.name, "index": index}
        child.once("MapIterationStarted", None, child.iteration)
        return child

    def _worker(self, worker: int) -> Job:
        """One iteration after the other, chained in the history, until no item is left."""

        async def run() -> None:
            while True:
                child = self.current[worker]
                await self._iterate(child)
                self._frame.children.remove(child)
                index = next(self._left, None)
                if index is None:
                    return
                self.current[worker] = self._begin(index, child.chain)

        return run

    async def _iterate(self, child: Frame) -> None:
        details = child.iteration
        assert details is not None
        try:
            given = await self._input(child)
            self.outputs[details["index"]] = await child.run.chain(child, self._state.branches[0], given)
        except StateError:
            child.iteration = None
            child.once("MapIterationFailed", None, details)
            raise
        child.iteration = None
        succeeded = child.once("MapIterationSucceeded", None, details)
        self.last_event = max(self.last_event, succeeded.id)

    async def _input(self, child: Frame) -> Payload:
        """What an iteration begins with: its item, or what ItemSelector makes of it."""
        selector = self._state.item_selector
        # Where the history goes on with a state, the state's input is there.
        is_past = child.past is not None and len(child.past) > 0 and child.past[0].type.endswith("StateEntered")
        if selector is None or is_past:
            return Payload.of(child.map_item["Value"])
        child.state, child.entered = self._state, self._frame.entered
        context = {**self._scope.context, "Map": {"Item": child.map_item}}
        scope = Scope({**self._scope.states, "context": context}, child.variables, self._scope.input)
        try:
            return Payload.of(await evaluated(child, selector, scope))
        finally:
            child.state = None
