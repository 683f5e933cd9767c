"""What was acknowledged is there after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.unit.store.sqlite.support import item
from workflow_engine.store.conditions import Missing
from workflow_engine.store.table import Query, Write
from workflow_engine.store.tables.sqlite import MIGRATIONS, SqliteTable
from workflow_engine.store.tables.sqlite_database import Database

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
