"""What only the table in a file does: it outlives its process, its schema grows, its lists stay fast."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from workflow_engine.errors import MisconfiguredError, ThrottledError, UnavailableError
from workflow_engine.store import keys
from workflow_engine.store.conditions import Exists, Missing, equals
from workflow_engine.store.items import Record
from workflow_engine.store.schema import BY_DUE, BY_TENANT, BY_WORKFLOW, INDEXES
from workflow_engine.store.table import Addition, ConditionFailedError, Query, SortPrefix, SortRange, Write
from workflow_engine.store.tables import sqlite_database
from workflow_engine.store.tables.sqlite import MIGRATIONS, SqliteTable, page_statement
from workflow_engine.store.tables.sqlite_database import Database, UnreadableDataError
from workflow_engine.store.tables.sqlite_rows import KEY_COLUMNS, SUMMARY


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.sqlite"


@pytest.fixture
def table(path: Path) -> Iterator[SqliteTable]:
    made = SqliteTable(path)
    yield made
    made.close()


def item(sk: str, **attributes: Any) -> Record:
    return {"pk": "p", "sk": sk, **attributes}


# ---- durability ---------------------------------------------------------------------------------------------------------

WRITER: Final = """
import sys, threading
from pathlib import Path
from workflow_engine.store.conditions import Missing, equals
from workflow_engine.store.table import Removal, Write
from workflow_engine.store.tables.sqlite import SqliteTable

table, told = SqliteTable(Path(sys.argv[1])), threading.Lock()

def write(thread):
    for n in range(100_000):
        pk = f"{thread}-{n}"
        table.write_all([Write({"pk": pk, "sk": "a", "n": n}, Missing("pk")), Write({"pk": pk, "sk": "b"})])
        table.update(pk, "a", {"n": -n, "status": "done"})
        with told:
            print(pk, flush=True)

for thread in range(4):
    threading.Thread(target=write, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_after_kill_9_every_acknowledged_write_is_there_and_no_half_transaction(path: Path, acknowledged: int) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [writer.stdout.readline().strip() for _ in range(acknowledged)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [line.strip() for line in writer.stdout if line.endswith("\n")]
    table = SqliteTable(path)
    for pk in told:
        n = int(pk.partition("-")[2])
        assert table.get(pk, "a") == {"pk": pk, "sk": "a", "n": -n, "status": "done"}
    for thread in range(4):
        unacknowledged = f"{thread}-{sum(pk.startswith(f'{thread}-') for pk in told)}"
        assert table.count(unacknowledged) in (0, 2)
        table.put(Write({"pk": unacknowledged, "sk": "a"}))
    table.close()


def test_a_file_that_is_opened_again_has_what_was_written(path: Path) -> None:
    for n in range(3):
        table = SqliteTable(path)
        table.put(Write(item(f"{n}"), Missing("pk")))
        table.close()
    table = SqliteTable(path)
    assert [r["sk"] for r in table.query("t", Query("p"), limit=9).records] == ["2", "1", "0"]
    table.close()


def test_the_log_is_synced_at_each_commit(path: Path) -> None:
    database = Database(path, MIGRATIONS)
    modes = database.write(lambda c: [c.execute(f"PRAGMA {p}").fetchone()[0] for p in ("journal_mode", "synchronous")])
    database.close()
    assert modes == ["wal", 2]


# ---- the stream of what was written -------------------------------------------------------------------------------------


def told(record: Record) -> Record | None:
    """Of records with a number `n` that number."""
    return {"n": record["n"]} if "n" in record else None


def numbers(table: SqliteTable) -> list[int]:
    return [image["n"] for _, image in table.changes(100)]


@pytest.fixture
def streaming(path: Path) -> Iterator[SqliteTable]:
    made = SqliteTable(path, streamed=told)
    yield made
    made.close()


def test_a_change_is_told_of_every_write_that_was_done_and_of_no_other_in_order(streaming: SqliteTable) -> None:
    streaming.put(Write(item("a", n=1)))
    streaming.put(Write(item("a", n=2), Exists("pk")))
    streaming.put(Write(item("b")))
    streaming.update("p", "a", {"n": 3})
    streaming.add("p", "a", {"n": 1}, {})
    streaming.write_all([Write(item("c", n=5)), Addition("p", "c2", {"n": 6}, {})])
    for refused in ([Write(item("d", n=7)), Write(item("a"), Missing("pk"))], [Write(item("a", n=8), Missing("pk"))]):
        with pytest.raises(ConditionFailedError):
            streaming.write_all(refused)
    streaming.delete("p", "a")
    assert numbers(streaming) == [1, 2, 3, 4, 5, 6]


def test_changes_are_told_until_they_are_forgotten_and_their_numbers_grow_for_ever(path: Path) -> None:
    given: list[int] = []
    for n in range(3):
        table = SqliteTable(path, streamed=told)
        assert table.has_changes.is_set(), "an earlier process may have left some"
        assert numbers(table) == []
        assert not table.has_changes.is_set()
        table.put(Write(item("a", n=n)))
        assert table.has_changes.is_set()
        table.close()
        table = SqliteTable(path, streamed=told)
        ((number, _),) = table.changes(100)
        given.append(number)
        table.forget_changes(number)
        table.close()
    assert given == sorted(set(given))


def test_a_table_that_nobody_follows_tells_nothing(table: SqliteTable) -> None:
    table.put(Write(item("a", n=1)))
    assert table.changes(100) == []


STREAMER: Final = """
import sys
from pathlib import Path
from workflow_engine.store.table import Write
from workflow_engine.store.tables.sqlite import SqliteTable

table = SqliteTable(Path(sys.argv[1]), streamed=lambda record: {"n": record["n"]})
for n in range(100_000):
    table.put(Write({"pk": "p", "sk": str(n), "n": n}))
    print(n, flush=True)
"""


def test_after_kill_9_what_was_written_is_told_and_nothing_else(path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STREAMER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(25):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
    table = SqliteTable(path)
    found = [image["n"] for _, image in table.changes(100_000)]
    assert len(found) >= 25
    assert found == list(range(table.count("p")))
    table.close()


# ---- one writer ---------------------------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """Writes of several threads that are committed together, behind one that waits."""

    table: SqliteTable

    def commit(self, *writes: Callable[[], None]) -> list[BaseException | None]:
        """What each of them raised."""
        self.table.delete("p", "nothing")  # the first write of all looks for expired records
        is_first_in, let_go = threading.Event(), threading.Event()
        raised: list[BaseException | None] = [None] * len(writes)

        def first(_: sqlite3.Connection) -> None:
            is_first_in.set()
            assert let_go.wait(30)

        def do(place: int) -> None:
            try:
                writes[place]()
            except BaseException as error:
                raised[place] = error

        database = self.table._database
        threads = [threading.Thread(target=do, args=(place,)) for place in range(len(writes))]
        holder = threading.Thread(target=database.write, args=(first,))
        holder.start()
        assert is_first_in.wait(30)
        for place, thread in enumerate(threads):
            thread.start()
            while len(database._waiting) <= place:
                thread.join(0.001)
        let_go.set()
        for thread in (holder, *threads):
            thread.join(30)
        return raised


def test_of_writes_that_are_committed_together_one_that_fails_undoes_only_itself(table: SqliteTable) -> None:
    new = Missing("pk")
    raised = Crowd(table).commit(
        lambda: table.put(Write(item("a"), new)),
        lambda: table.write_all([Write(item("b")), Write(item("a", n=2), new)]),
        lambda: table.put(Write(item("c"), new)),
    )
    assert [type(error) for error in raised] == [type(None), ConditionFailedError, type(None)]
    assert [r["sk"] for r in table.query("t", Query("p"), limit=9).records] == ["c", "a"]


def test_when_the_disk_is_full_none_of_those_that_are_committed_together_is_acknowledged(table: SqliteTable) -> None:
    def full(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 20}")

    table._database.write(full)
    raised = Crowd(table).commit(
        lambda: table.put(Write(item("a"))),
        lambda: table.put(Write(item("b", x="x" * 300_000))),
    )
    assert isinstance(raised[1], MisconfiguredError)
    assert raised[1].aws_code == "SQLITE_FULL"
    assert (table.get("p", "a") is not None, table.get("p", "b")) == (raised[0] is None, None)
    table.put(Write(item("c")))
    assert table.get("p", "c") == item("c")


def test_a_writer_that_is_interrupted_leaves_the_others_an_error_and_the_table_usable(table: SqliteTable) -> None:
    def interrupted(_: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    raised = Crowd(table).commit(lambda: table._database.write(interrupted), lambda: table.put(Write(item("a"))))
    # Whichever of the two does the work for both is interrupted.
    assert {type(error) for error in raised} == {KeyboardInterrupt, UnavailableError}
    assert table.get("p", "a") is None
    table.put(Write(item("b")))


def test_another_process_that_writes_makes_the_table_busy_and_reading_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_database, "_PATIENCE_SECONDS", 0.01)
    table = SqliteTable(path)
    table.put(Write(item("a")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ThrottledError):
        table.put(Write(item("b")))
    assert table.get("p", "a") == item("a")
    other.execute("ROLLBACK")
    other.close()
    table.put(Write(item("b")))
    table.close()


def test_two_that_have_the_file_open_wait_for_each_other(path: Path) -> None:
    tables = [SqliteTable(path) for _ in range(2)]
    tables[0].put(Write(item("a", n=0)))

    def add(table: SqliteTable) -> None:
        for _ in range(20):
            is_added = False
            while not is_added:
                standing = table.get("p", "a")
                assert standing is not None
                with suppress(ConditionFailedError):
                    table.update("p", "a", {"n": standing["n"] + 1}, equals("n", standing["n"]))
                    is_added = True

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, tables * 2))
    assert tables[0].get("p", "a") == item("a", n=80)
    for table in tables:
        table.close()


def test_a_reader_never_sees_a_write_before_it_is_committed(table: SqliteTable) -> None:
    seen: list[Record | None] = []

    def look(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO items (pk, sk, summary, rest) VALUES ('p', 'a', '{}', '{}')")
        seen.append(table.get("p", "a"))

    table._database.write(look)
    assert [*seen, table.get("p", "a")] == [None, item("a")]


# ---- schema -------------------------------------------------------------------------------------------------------------


def test_every_index_of_the_table_has_its_columns_here() -> None:
    assert set(KEY_COLUMNS) == {key for index in INDEXES for key in index.keys}
    assert {name for index in INDEXES for name in (*index.attributes, *index.filters)} <= SUMMARY


def test_a_schema_grows_by_the_steps_that_are_missing(path: Path) -> None:
    older = SqliteTable(path)
    older.put(Write(item("a", n=1)))
    older.close()
    step = ("ALTER TABLE items ADD COLUMN size INTEGER", "UPDATE items SET size = length(rest)")
    for _ in range(2):
        database = Database(path, [*MIGRATIONS, step])
        with database.reading() as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
            assert connection.execute("SELECT sk, size FROM items").fetchall() == [("a", len('{"n":1}'))]
        database.close()
    with pytest.raises(UnreadableDataError, match="newer version"):
        SqliteTable(path)


def test_runs_of_an_older_file_are_listed_with_their_tags_and_errors(path: Path) -> None:
    database = Database(path, MIGRATIONS[:1])
    error = {"step_id": "a", "type": "Boom", "message": "m" * 2000}
    rows = {
        "e1": {"tags": '["nightly"]', "error": json.dumps(error)},
        "e2": {"tags": json.dumps(["t" * 1000])},
        "e3": {"error": "s3:payloads/t/x.json"},
    }
    values = [
        (name, "META", "T#t#EXECUTIONS", name, name, json.dumps({"execution_id": name}), json.dumps(rest))
        for name, rest in rows.items()
    ]
    columns = "pk, sk, tenant_list, tenant_order, execution_arn, summary, rest"
    database.write(lambda c: c.executemany(f"INSERT INTO items ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", values))
    database.close()
    table = SqliteTable(path)
    third, second, first = table.query("t", Query("T#t#EXECUTIONS", BY_TENANT), limit=9).records
    assert (first["shown_tags"], first["has_failures"]) == ('["nightly"]', True)
    assert json.loads(first["shown_error"]) == error | {"message": "m" * 1000}
    assert (second["shown_tags"], "shown_error" in second) == ("", False)
    assert "shown_error" not in third
    table.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    SqliteTable(path).close()
    with pytest.raises(UnreadableDataError, match="no such table"):
        Database(path, [*MIGRATIONS, ("ALTER TABLE items ADD COLUMN size INTEGER", "DELETE FROM nowhere")])
    table = SqliteTable(path)
    table.put(Write(item("a")))
    table.close()


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    path.write_text("my notes " * 100)
    with pytest.raises(UnreadableDataError, match="cannot be opened"):
        SqliteTable(path)
    assert path.read_text() == "my notes " * 100


def test_a_database_of_another_program_is_left_alone(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE notes (text)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(UnreadableDataError, match="another program"):
        SqliteTable(path)
    assert path.read_bytes() == before


def test_a_file_that_breaks_while_it_is_open_is_told(path: Path) -> None:
    table = SqliteTable(path)
    for n in range(50):
        table.put(Write(item(f"{n}", x="x" * 5000)))
    table.close()
    content = path.read_bytes()
    path.write_bytes(content[:8192] + b"\xff" * (len(content) - 8192))
    broken = SqliteTable(path)
    with pytest.raises(MisconfiguredError, match="malformed"):
        broken.query("t", Query("p"), limit=99)
    broken.close()


# ---- lists --------------------------------------------------------------------------------------------------------------

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


# ---- expiry -------------------------------------------------------------------------------------------------------------


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
