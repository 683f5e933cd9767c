from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.support.backend_history import History
from workflow_engine.errors import InvalidRequestError
from workflow_engine.machines.history import HistoryReader
from workflow_engine.machines.port import PageForgottenError
from workflow_engine.store.results import PAGE_BYTES, body_bytes
from workflow_engine.usecases.answers import EventPage
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_events import MAX_CURSOR_BYTES, events

ME = Caller("acme")


class StepFunctions:
    """The history of one execution, with tokens of AWS's length that may expire."""

    def __init__(self, history: list[dict[str, Any]], most: int = 1000) -> None:
        self.history, self.generation, self.calls = history, 0, list[tuple[int, bool]]()
        self.most = most

    def events(
        self, _arn: str, limit: int, token: str | None, *, with_data: bool
    ) -> tuple[list[dict[str, Any]], str | None]:
        self.calls.append((limit, with_data))
        generation, start = (self.generation, 0) if token is None else map(int, token.split("-")[:2])
        if generation != self.generation:
            raise PageForgottenError
        stop = start + min(limit, self.most)
        page = [e if with_data else without_data(e) for e in self.history[start:stop]]
        return page, f"{self.generation}-{stop}-{'A' * 800}" if stop < len(self.history) else None


def without_data(event: dict[str, Any]) -> dict[str, Any]:
    bare = {"input", "output", "parameters"}
    return {
        name: {k: v for k, v in value.items() if k not in bare} if name.endswith("EventDetails") else value
        for name, value in event.items()
    }


def engine_of(client: StepFunctions) -> Engine:
    execution = SimpleNamespace(execution_arn="arn")
    executions = SimpleNamespace(get=lambda tenant_id, execution_id: execution)
    history = HistoryReader(cast(Any, client))
    return cast(Engine, SimpleNamespace(executions=executions, history=history))


def pages(client: StepFunctions, limit: int) -> list[EventPage]:
    engine, cursor, found = engine_of(client), None, list[EventPage]()
    while True:
        page = events(engine, ME, "e", limit, cursor)
        found.append(page)
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def side_by_side(tasks: int) -> tuple[list[dict[str, Any]], list[str | None]]:
    """So many tasks that are all open at once, and the state of each event of theirs."""
    names = [f"step_with_a_name_of_some_length_{n}.each" for n in range(tasks)]
    history, states = History(), list[str | None]()
    states.append(None)
    history.enter("all.parallel", "Parallel")
    started = history.add("ParallelStateStarted")
    states += ["all.parallel", "all.parallel"]
    latest = {}
    for name in names:
        history.enter(name, previous=started)
        latest[name] = history.schedule()
        states += [name] * 3
    for name in names:
        history.last = latest[name]
        history.succeed(1)
        history.exit(name)
        states += [name] * 2
    history.add("ParallelStateSucceeded")
    history.exit("all.parallel", "Parallel")
    return history.end(), [*states, None, "all.parallel", None]


@pytest.mark.parametrize(("tasks", "limit"), [(3, 1), (3, 7), (130, 7), (130, 100), (1000, 100)])
def test_every_event_knows_its_state_and_no_cursor_is_long(tasks: int, limit: int) -> None:
    history, states = side_by_side(tasks)
    found = pages(StepFunctions(history), limit)
    items = [item for page in found for item in page["items"]]
    assert [item["id"] for item in items] == list(range(1, len(history) + 1))
    assert [item["state"] for item in items] == states
    assert max(len(page["next_cursor"] or "") for page in found) <= MAX_CURSOR_BYTES


def test_a_page_of_a_narrow_run_takes_one_call() -> None:
    client = StepFunctions(side_by_side(3)[0])
    found = pages(client, 4)
    assert client.calls == [(4, True)] * len(found)


def test_the_states_of_a_wide_run_are_looked_up_without_its_data() -> None:
    client = StepFunctions(side_by_side(1000)[0])
    engine, cursor = engine_of(client), None
    for _ in range(40):
        cursor = events(engine, ME, "e", 100, cursor)["next_cursor"]
    client.calls.clear()
    events(engine, ME, "e", 100, cursor)
    assert client.calls == [(1000, False)] * 4 + [(100, True)]


def test_a_cursor_outlives_the_token_of_step_functions() -> None:
    client = StepFunctions(side_by_side(3)[0])
    engine, cursor, ids = engine_of(client), None, list[int]()
    while True:
        page = events(engine, ME, "e", 4, cursor)
        ids += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        client.generation += 1
    assert ids == list(range(1, len(client.history) + 1))


def test_step_functions_may_give_fewer_events_than_it_is_asked_for() -> None:
    history, states = side_by_side(400)
    found = pages(StepFunctions(history, most=90), 100)
    assert [item["state"] for page in found for item in page["items"]] == states


@pytest.mark.parametrize("text", ["a" * 200_000, '"' * 100_000, "ä" * 100_000, "\\" * 60_000])
def test_a_page_ends_before_it_is_larger_than_lambda_carries(text: str) -> None:
    history = History()
    for n in range(60):
        history.task(f"s{n}", {"text": text})
    found = pages(StepFunctions(history.end({"text": text})), 100)
    items = [item for page in found for item in page["items"]]
    assert [item["id"] for item in items] == list(range(1, len(history.events) + 1))
    assert [item["state"] for item in items[1:-1]] == [f"s{n}" for n in range(60) for _ in range(5)]
    assert all(sum(map(body_bytes, page["items"])) <= PAGE_BYTES for page in found)
    assert len(found) < 4 + sum(map(body_bytes, items)) / PAGE_BYTES * 2


def test_a_cursor_of_another_run_is_refused() -> None:
    client = StepFunctions(side_by_side(3)[0])
    cursor = events(engine_of(client), ME, "e", 4)["next_cursor"]
    with pytest.raises(InvalidRequestError):
        events(engine_of(client), ME, "other", 4, cursor)
