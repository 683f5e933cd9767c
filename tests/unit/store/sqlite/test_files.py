"""Files of older versions, of others, and broken ones."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.unit.store.sqlite.support import item
from workflow_engine.errors import MisconfiguredError
from workflow_engine.store.schema import BY_TENANT, INDEXES
from workflow_engine.store.table import Query, Write
from workflow_engine.store.tables.sqlite import MIGRATIONS, SqliteTable
from workflow_engine.store.tables.sqlite_database import Database, UnreadableDataError
from workflow_engine.store.tables.sqlite_rows import KEY_COLUMNS, SUMMARY


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
