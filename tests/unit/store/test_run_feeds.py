from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from workflow_engine.store.run_feeds import PART_BYTES, FeedHead, RunFeedStore
from workflow_engine.store.shared_budgets import WATCHED, SharedBudgets
from workflow_engine.store.tables.sqlite import SqliteTable


class Time:
    ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def feeds(time: Time) -> RunFeedStore:
    return RunFeedStore(SqliteTable(None), time)


def event(number: int, text: str = "") -> tuple[tuple[int, int], dict[str, Any]]:
    return (number, 0), {"id": str(number), "text": text}


def test_what_was_read_is_there_for_all_from_any_place(feeds: RunFeedStore) -> None:
    first, second = FeedHead(3, (3, 0)), FeedHead(7, (6, 0), has_ended=True)
    feeds.may_read("t", "e", 1000)
    feeds.add("t", "e", FeedHead(), first, [event(1), event(3)])
    feeds.add("t", "e", first, second, [event(4), event(6)])
    assert feeds.head("t", "e") == second
    assert feeds.after("t", "e", (0, 0), 10) == [event(1), event(3), event(4), event(6)]
    assert feeds.after("t", "e", (1, 0), 2) == [event(3), event(4)]
    assert feeds.after("t", "e", (6, 0), 10) == []
    assert feeds.after("other", "e", (0, 0), 10) == []


def test_two_who_read_at_the_same_time_give_nothing_twice(feeds: RunFeedStore) -> None:
    feeds.may_read("t", "e", 1000)
    feeds.add("t", "e", FeedHead(), FeedHead(3, (3, 0)), [event(1), event(3)])
    feeds.add("t", "e", FeedHead(), FeedHead(5, (5, 0)), [event(1), event(3), event(5)])
    assert feeds.after("t", "e", (0, 0), 10) == [event(1), event(3), event(5)]
    assert feeds.head("t", "e").number == 3, "the second has lost, and is read again"
    feeds.add("t", "e", FeedHead(3, (3, 0)), FeedHead(6, (6, 0)), [event(5), event(6)])
    assert feeds.after("t", "e", (0, 0), 10) == [event(1), event(3), event(5), event(6)]


def test_nothing_is_left_out_while_a_part_cannot_be_seen_yet(
    feeds: RunFeedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = [FeedHead(), FeedHead(2, (2, 0)), FeedHead(4, (4, 0))]
    feeds.may_read("t", "e", 1000)
    feeds.add("t", "e", heads[0], heads[1], [event(2)])
    feeds.add("t", "e", heads[1], heads[2], [event(4)])
    query = feeds.table.query

    def stale(*args: Any, **kwargs: Any) -> Any:
        page = query(*args, **kwargs)
        return page._replace(records=[r for r in page.records if "000002" not in r["sk"]])

    monkeypatch.setattr(feeds.table, "query", stale)
    assert feeds.after("t", "e", (0, 0), 10) == []
    assert feeds.after("t", "e", (2, 0), 10) == [event(4)]


def test_what_is_more_than_an_item_holds_is_kept_in_parts(feeds: RunFeedStore) -> None:
    events = [event(number, "é" * 20_000) for number in range(1, 40)]
    feeds.may_read("t", "e", 1000)
    feeds.add("t", "e", FeedHead(), FeedHead(39, (39, 0)), events)
    assert sum(len(e[1]["text"].encode()) for e in events) > 4 * PART_BYTES
    assert feeds.after("t", "e", (0, 0), 100) == events
    assert feeds.after("t", "e", (17, 0), 5) == events[17:22]


def test_a_history_is_read_by_one_at_a_time(feeds: RunFeedStore, time: Time) -> None:
    assert feeds.may_read("t", "e", 1000)
    assert not feeds.may_read("t", "e", 1000)
    assert feeds.may_read("t", "other", 1000)
    time.ms += 999
    assert not feeds.may_read("t", "e", 1000)
    assert feeds.may_read("t", "e", 1000, early_ms=750)
    time.ms += 1000
    assert feeds.may_read("t", "e", 1000)


def test_of_many_watched_runs_none_is_forgotten(feeds: RunFeedStore, time: Time) -> None:
    reads, looks, budgets = Counter[str](), 240, SharedBudgets(feeds.table, lambda: time.ms / 1000)
    dice = random.Random(1)
    runs = [f"r{number}" for number in range(60)]
    for _ in range(looks):
        for run in dice.sample(runs, len(runs)):
            if feeds.may_read("t", run, 1000) and budgets.take(WATCHED):
                reads[run] += 1
        time.ms += 500
    seconds = looks / 2
    assert WATCHED.per_second == 10
    assert 0.8 * 10 * seconds < sum(reads.values()) <= 10 * seconds + 10
    assert min(reads[run] for run in runs) > 10 * seconds / len(runs) / 4
