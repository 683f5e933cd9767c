from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from tests.support.backend_history import History
from tests.support.outlines import leaf, outline
from tests.support.watched_runs import ME, Clock, GrowingHistory, record, watching_engine
from workflow_engine.errors import InvalidRequestError, NotFoundError, ThrottledError
from workflow_engine.store import keys
from workflow_engine.store.logs import LogLine
from workflow_engine.store.shared_budgets import SharedBudgets
from workflow_engine.store.table import Table
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.usecases.answers import RunEvent
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.event_places import Place
from workflow_engine.usecases.runs.live_events import last_event_id, open_stream, place_after, run_events

WORKFLOW = outline(leaf("a"), leaf("b"))
EVERY_WAY = pytest.mark.parametrize("is_laptop", [True, False], ids=["laptop", "cloud"])


def two_tasks() -> list[dict[str, Any]]:
    history = History()
    history.task("a", 1)
    history.task("b", 2)
    return history.end()


ALL = ["run.started", "step.started", "step.completed", "step.started", "step.completed", "run.completed"]


class World:
    """One run, and processes that watch it."""

    def __init__(self, *, is_laptop: bool, history: list[dict[str, Any]] | None = None, most: int = 1000) -> None:
        self.machines, self.clock, self.is_laptop = GrowingHistory(most), Clock(), is_laptop
        self.machines.histories["arn:e"] = history or two_tasks()
        self.table: Table = SqliteTable(None)
        self.logs: Lines | None = None
        self.engine = self.process()
        self.execution = record(self.engine)

    def process(self) -> Engine:
        return watching_engine(
            self.machines, WORKFLOW, self.clock, table=self.table, is_laptop=self.is_laptop, logs=cast(Any, self.logs)
        )

    def shows(self, events: int) -> None:
        self.machines.seen["arn:e"] = events

    def end(self, status: Any = "completed") -> None:
        self.engine.executions.update_status(
            self.execution, status, 0, completed_at="2026-01-01T00:00:09.000Z", error={"type": "Boom"}
        )

    def pages(self, limit: int, engine: Engine | None = None) -> list[RunEvent]:
        cursor, found = None, list[RunEvent]()
        while True:
            page = run_events(engine or self.engine, ME, "e", limit, cursor)
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found
            self.clock.sleep(2)


class Lines:
    """Log lines that become known as a test says."""

    def __init__(self, *lines: LogLine) -> None:
        self.all = list(lines)

    def lines(self, execution_id: str, after: int, limit: int) -> list[tuple[LogLine, int]]:
        assert execution_id == "e"
        return [(line, number) for number, line in enumerate(self.all, 1) if number > after][:limit]


@EVERY_WAY
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("most", [1, 3, 1000])
def test_pages_of_any_size_give_the_same_events(is_laptop: bool, limit: int, most: int) -> None:
    found = World(is_laptop=is_laptop, most=most).pages(limit)
    assert [event["type"] for event in found] == ALL
    assert [event["id"] for event in found] == ["1", "2", "6", "7", "11", "12"]


@EVERY_WAY
def test_a_process_that_goes_on_for_another_gives_what_that_would_have_given(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    page = run_events(world.engine, ME, "e", 3)
    rest = run_events(world.process(), ME, "e", 100, page["next_cursor"])
    assert [e["type"] for e in (*page["items"], *rest["items"])] == ALL
    assert rest["next_cursor"] is None


@EVERY_WAY
def test_pages_go_on_where_a_stream_has_left_off_and_a_stream_where_pages_have(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    first = run_events(world.engine, ME, "e", 2)
    second = run_events(world.process(), ME, "e", 2, after=first["last_event_id"])
    opened = open_stream(world.engine, ME, "e", second["last_event_id"])
    told = [e["type"] for e in (*first["items"], *second["items"], *data(opened.text))]
    assert told == ALL
    rest = run_events(world.engine, ME, "e", 2, after=opened.place.text)
    assert rest == {"items": [], "next_cursor": None, "last_event_id": opened.place.text}


def test_a_page_begins_after_no_place_that_none_has_given() -> None:
    with pytest.raises(
        InvalidRequestError, match="The id of the last event is none that a stream of this run has given"
    ):
        run_events(World(is_laptop=True).engine, ME, "e", 2, after="yesterday")


@EVERY_WAY
def test_an_answer_waits_until_something_happens(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    world.shows(1)
    first = run_events(world.engine, ME, "e", 100)
    assert [e["type"] for e in first["items"]] == ["run.started"]
    began = world.clock.now
    world.machines.read_at = lambda _: world.shows(2) if (world.clock.now - began).total_seconds() > 7 else None
    second = run_events(world.engine, ME, "e", 100, first["next_cursor"], wait_seconds=25)
    assert [e["type"] for e in second["items"]] == ["step.started"]
    assert 7 < (world.clock.now - began).total_seconds() < 16


@EVERY_WAY
def test_an_answer_waits_no_longer_than_it_was_asked_to(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    world.shows(1)
    first = run_events(world.engine, ME, "e", 100)
    began = world.clock.now
    second = run_events(world.engine, ME, "e", 100, first["next_cursor"], wait_seconds=3)
    assert second == {"items": [], "next_cursor": first["next_cursor"], "last_event_id": first["last_event_id"]}
    assert 3 <= (world.clock.now - began).total_seconds() < 3.5


@EVERY_WAY
def test_a_run_that_was_redriven_goes_on_after_its_end(is_laptop: bool) -> None:
    history = History()
    history.enter("a")
    scheduled = history.schedule()
    history.fail("Boom", "bang")
    history.end_failed("Boom", history.cause_of_last_failure())
    ended = len(history.events)
    history.add("ExecutionRedriven", executionRedrivenEventDetails={"redriveCount": 1})
    history.schedule(previous=scheduled)
    world = World(is_laptop=is_laptop, history=history.events)
    world.shows(ended)
    world.end("failed")
    opened = open_stream(world.engine, ME, "e", None)
    assert opened.text is not None
    assert open_stream(world.engine, ME, "e", opened.place.text).text is None
    world.shows(100)
    world.engine.executions.update_status(world.execution, "running", 1)
    world.clock.sleep(2)
    again = open_stream(world.engine, ME, "e", opened.place.text)
    assert [e["type"] for e in data(again.text)] == ["run.redriven", "step.retried"]


@EVERY_WAY
def test_a_token_that_step_functions_has_forgotten_does_no_harm(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop, most=3)
    world.shows(8)
    page = run_events(world.engine, ME, "e", 100)
    world.machines.generation += 1
    world.shows(100)
    world.clock.sleep(2)
    rest = run_events(world.engine, ME, "e", 100, page["next_cursor"])
    assert [e["type"] for e in (*page["items"], *rest["items"])] == ALL


@EVERY_WAY
def test_of_a_run_whose_history_is_gone_the_record_tells_the_end(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    del world.machines.histories["arn:e"]
    assert run_events(world.engine, ME, "e", 100)["items"] == []
    world.end("failed")
    world.clock.sleep(2)
    page = run_events(world.process(), ME, "e", 100)
    assert [(e["id"], e["type"], e["details"]) for e in page["items"]] == [
        ("1", "run.failed", {"error": {"type": "Boom"}})
    ]
    assert page["next_cursor"] is None


def test_a_run_that_is_about_to_start_is_waited_for() -> None:
    world = World(is_laptop=False)
    history = world.machines.histories.pop("arn:e")
    began = world.clock.now

    def start(arn: str) -> None:
        if (world.clock.now - began).total_seconds() > 2:
            world.machines.histories[arn] = history

    world.machines.read_at = start
    assert run_events(world.engine, ME, "e", 100, wait_seconds=25)["items"][0]["type"] == "run.started"


@pytest.mark.parametrize("text", ["x", "log:163", "1.2.3", "1~", "1~x", "1~\n", "", "17 "])
def test_an_id_that_is_none_of_an_event_is_refused(text: str) -> None:
    world = World(is_laptop=True)
    if text in ("1~",):
        assert Place.of(text, "x") == Place((1, 0))
        return
    with pytest.raises(InvalidRequestError, match="is none that a stream of this run has given"):
        open_stream(world.engine, ME, "e", text)


def test_the_cursor_of_another_run_is_refused() -> None:
    world = World(is_laptop=True)
    record(world.engine, "other")
    world.machines.histories["arn:other"] = two_tasks()
    cursor = run_events(world.engine, ME, "other", 1)["next_cursor"]
    with pytest.raises(InvalidRequestError):
        run_events(world.engine, ME, "e", 1, cursor)


def test_another_tenant_sees_nothing() -> None:
    world = World(is_laptop=True)
    for ask in (
        lambda who: run_events(world.engine, who, "e", 1),
        lambda who: open_stream(world.engine, who, "e", None),
    ):
        with pytest.raises(NotFoundError):
            ask(Caller("somebody else"))


def test_of_a_run_that_was_watched_so_long_that_its_beginning_is_forgotten_all_is_told() -> None:
    world = World(is_laptop=False)
    world.shows(6)
    run_events(world.engine, ME, "e", 100)
    for key in ("1", "6"):
        world.table.delete(keys.execution("acme", "e"), keys.feed_part(int(key), 0))
    world.shows(100)
    world.clock.sleep(2)
    fresh = world.process()
    assert [event["type"] for event in world.pages(2, fresh)] == ALL
    reads = len(world.machines.reads)
    assert [event["type"] for event in world.pages(100, world.process())] == ALL
    assert len(world.machines.reads) == reads, "it is kept again"


def test_of_a_run_whose_beginning_and_history_are_gone_the_record_tells_the_end() -> None:
    world = World(is_laptop=False)
    run_events(world.engine, ME, "e", 100)
    world.table.delete(keys.execution("acme", "e"), keys.feed_part(12, 0))
    del world.machines.histories["arn:e"]
    world.end()
    assert [event["type"] for event in world.pages(100, world.process())] == ["run.completed"]


# Streams


def data(text: str | None) -> list[dict[str, Any]]:
    assert text is not None
    return [json.loads(line.removeprefix("data: ")) for line in text.split("\n") if line.startswith("data: ")]


@EVERY_WAY
def test_a_stream_that_ends_tells_when_to_come_back_and_from_where(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    world.shows(2)
    opened = open_stream(world.engine, ME, "e", "1")
    assert opened.text is not None
    assert opened.text.startswith(f"retry: {1000 if is_laptop else 100}\nid: 1\n\nid: 2\ndata: {{")
    assert opened.place == place_after(opened.text) == Place((2, 0))


def test_a_stream_in_the_cloud_waits_and_says_that_it_lives() -> None:
    world = World(is_laptop=False)
    world.shows(1)
    began = world.clock.now
    opened = open_stream(world.engine, ME, "e", "1")
    assert opened.text == "retry: 100\nid: 1\n\n: \n\n"
    assert 25 <= (world.clock.now - began).total_seconds() < 26


@EVERY_WAY
def test_nothing_follows_the_end(is_laptop: bool) -> None:
    world = World(is_laptop=is_laptop)
    world.end()
    opened = open_stream(world.engine, ME, "e", None)
    assert [e["type"] for e in data(opened.text)] == ALL
    assert open_stream(world.process(), ME, "e", opened.place.text).text is None


def test_a_stream_outlasts_a_table_that_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(is_laptop=False)

    def busy(*_: Any, **__: Any) -> Any:
        raise ThrottledError("busy")

    monkeypatch.setattr(world.table, "get", busy)
    assert open_stream(world.engine, ME, "e", "2").text == "retry: 5000\nid: 2\n\n: \n\n"
    with pytest.raises(ThrottledError):
        run_events(world.engine, ME, "e", 1)


def test_a_page_is_refused_while_too_many_histories_are_read_and_a_stream_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(is_laptop=False)
    refused = world.clock.now + timedelta(seconds=6)
    monkeypatch.setattr(SharedBudgets, "take", lambda *_: world.clock.now > refused)
    with pytest.raises(ThrottledError):
        run_events(world.engine, ME, "e", 1)
    assert [e["type"] for e in data(open_stream(world.engine, ME, "e", None).text)] == ALL


def test_what_was_seen_in_a_stream_goes_before_what_it_began_with() -> None:
    assert last_event_id("5", "2") == "5"
    assert last_event_id(None, "2") == "2"
    assert last_event_id(None, None) is None
    with pytest.raises(InvalidRequestError):
        last_event_id("1" * 301, None)


# Log lines


def line(tenths: int, message: str = "x") -> LogLine:
    return LogLine(f"2026-01-02T03:04:05.{tenths}50Z", message, "stdout", "a", "a", 1, "INFO")


def with_lines(*lines: LogLine) -> World:
    world = World(is_laptop=True)
    world.logs = Lines(*lines)
    world.engine = world.process()
    return world


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_log_lines_stand_among_the_events_by_time(limit: int) -> None:
    world = with_lines(line(1), line(3), line(3))
    assert [e["id"] for e in world.pages(limit)] == ["1", "2", "log:1", "log:2", "log:3", "6", "7", "11", "12"]


def test_a_line_that_comes_late_is_told_once_and_nothing_twice() -> None:
    world = with_lines(line(1))
    world.shows(7)
    first = open_stream(world.engine, ME, "e", None)
    assert [e["id"] for e in data(first.text)] == ["1", "2", "log:1", "6", "7"]
    assert first.place.text == "7~1"
    assert isinstance(world.logs, Lines)
    world.logs.all.append(line(2, "late"))
    world.shows(100)
    second = open_stream(world.process(), ME, "e", first.place.text)
    assert [e["id"] for e in data(second.text)] == ["log:2", "11", "12"]
    assert data(second.text)[0] == {
        "id": "log:2",
        "type": "log",
        "timestamp": "2026-01-02T03:04:05.250Z",
        "step": "a",
        "step_id": "a",
        "attempt": 1,
        "details": {"message": "late", "level": "INFO", "stream": "stdout"},
    }
