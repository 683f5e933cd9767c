"""What lists read, and what expires."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.unit.store.sqlite.support import item
from workflow_engine.store import keys
from workflow_engine.store.schema import BY_DUE, BY_TENANT, BY_WORKFLOW
from workflow_engine.store.table import Query, SortPrefix, SortRange, Write
from workflow_engine.store.tables.sqlite import SqliteTable, page_statement

_DAY: Final = SortRange("2026-01-01", "2026-01-02")


QUERIES: Final = {
    "workflows of a tenant": Query(keys.workflows("t"), BY_TENANT),
    "runs of a tenant": Query(keys.executions("t"), BY_TENANT),
    "of a day": Query(keys.executions("t"), BY_TENANT, _DAY),
    "that failed": Query(keys.executions("t"), BY_TENANT, equals={"status": "failed"}),
    "of a day that failed": Query(keys.executions("t"), BY_TENANT, _DAY, equals={"status": "failed"}),
    "runs of a workflow": Query(keys.executions_of("t", "w"), BY_WORKFLOW, _DAY),
    "of a workflow that failed": Query(keys.executions_of("t", "w"), BY_WORKFLOW, equals={"status": "failed"}),
    "of a user": Query(keys.executions("t", 3), BY_TENANT, equals={"user_id": "u"}),
    "of a user that failed": Query(keys.executions("t"), BY_TENANT, equals={"user_id": "u", "status": "failed"}),
    "what is due": Query(keys.DUE_MACHINES, BY_DUE, newest_first=False),
    "versions": Query(keys.workflow("t", "w"), sort=SortPrefix("VERSION#")),
    "registrations": Query(keys.steps("t"), newest_first=False),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("is_first_page", [True, False])
def test_no_list_reads_or_sorts_more_than_it_shows(table: SqliteTable, query: Query, is_first_page: bool) -> None:
    names = ("pk", "sk", query.partition_key, query.sort_key)
    statement, values = page_statement(query, None if is_first_page else dict.fromkeys(names, "x"))
    with table._database.reading() as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", (*values, 9))]
    assert len(plan) == 1
    assert plan[0].startswith("SEARCH items USING INDEX ")
    equal = [f"{query.partition_key}=?", *(f"{name}=?" for name in query.equals if name == "status")]
    assert plan[0].partition("(")[2].startswith(" AND ".join(equal))
    # The place where a page begins, or a range of the sort key, is looked up too.
    if not is_first_page or query.sort != SortRange():
        assert len(plan[0].partition("(")[2].split(" AND ")) > len(equal)


def test_the_last_page_says_so_also_when_it_is_full(table: SqliteTable) -> None:
    for sk in "abcd":
        table.put(Write(item(sk)))
    first = table.query("t", Query("p"), limit=2)
    assert first.next_cursor is not None
    last = table.query("t", Query("p"), limit=2, cursor=first.next_cursor)
    assert ([r["sk"] for r in last.records], last.next_cursor) == (["b", "a"], None)


def test_a_list_does_not_touch_what_it_does_not_show(table: SqliteTable) -> None:
    statement, _ = page_statement(Query("T", BY_TENANT), None)
    assert "summary, NULL FROM" in statement
    table.put(Write(item("a", tenant_list="T", tenant_order="1", content="{", status="failed")))
    table._database.write(lambda c: c.execute("UPDATE items SET rest = 'unread'"))
    assert table.query("t", Query("T", BY_TENANT), limit=1).records[0]["status"] == "failed"


def test_expired_records_go_now_and_then_and_others_stay(path: Path) -> None:
    clock = [1000.0]
    table = SqliteTable(path, lambda: clock[0])
    table.put(Write(item("first")))
    for sk, expires_at in (("old", 900), ("now", 1000), ("later", 5000), ("text", "900")):
        table.put(Write(item(sk, expires_at=expires_at)))
    assert table.count("p") == 5  # the last round was a moment ago
    clock[0] += 3601
    table.put(Write(item("first")))
    assert [r["sk"] for r in table.query("t", Query("p"), limit=9).records] == ["text", "later", "first"]
    table.close()


def test_a_great_many_expired_records_go_over_several_writes(path: Path) -> None:
    table = SqliteTable(path, lambda: 10_000.0)
    for part in range(0, 1500, 100):
        table.write_all([Write(item(f"{n}", expires_at=1)) for n in range(part, part + 100)])
    table._next_expiry = 0.0
    for left in (501, 2, 3):
        table.put(Write({"pk": "p", "sk": f"new {left}"}))
        assert table.count("p") == left
    table.close()
