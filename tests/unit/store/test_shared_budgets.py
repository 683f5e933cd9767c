"""Budgets that all processes share, however many take from them."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from workflow_engine.errors import ThrottledError
from workflow_engine.store.shared_budgets import Budget, SharedBudgets
from workflow_engine.store.tables.sqlite import SqliteTable

BUDGET = Budget("test", 5, at_once=50)
MANY = 400


class Time:
    seconds = 1_768_254_356.0


@pytest.fixture
def table() -> Iterator[SqliteTable]:
    made = SqliteTable()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def dice() -> None:
    random.seed(1)


def taken(table: SqliteTable, times: int = MANY) -> int:
    """How many of so many processes get something."""
    return sum(SharedBudgets(table, lambda: Time.seconds).take(BUDGET) for _ in range(times))


def test_a_few_at_once_all_get_some(table: SqliteTable) -> None:
    assert taken(table, 10) == 10


def test_many_at_once_get_no_more_than_there_is_at_once(table: SqliteTable) -> None:
    assert taken(table) == 50
    assert taken(table) == 0


def test_in_the_long_run_so_many_a_second_are_given(table: SqliteTable, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(table)
    given = 0
    for _ in range(100):
        monkeypatch.setattr(Time, "seconds", Time.seconds + 1)
        given += taken(table, 40)
    assert 0.9 * 500 <= given <= 500


def test_each_budget_has_its_own_tokens(table: SqliteTable) -> None:
    taken(table)
    assert SharedBudgets(table, lambda: Time.seconds).take(Budget("another", 5, at_once=50))


def test_a_busy_table_gives_nothing(table: SqliteTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ThrottledError("busy")

    monkeypatch.setattr(SqliteTable, "put", refuse)
    assert taken(table, 1) == 0
