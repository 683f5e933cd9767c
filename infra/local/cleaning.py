"""Cleaning up a data folder: `workflow gc`.

Runs that ended before a moment go, with their results, histories and logs; then the workflows that were only sent to be run,
where no run of them is left; then every file that no record and no history leads to. Each part can be interrupted, and what is
left then goes the next time.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Final

from infra.local.data import DataFolder
from infra.local.stepfunctions.sqlite_journal import SqliteJournal
from workflow_engine.http.caller import LOCAL_TENANT
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.statuses import has_ended
from workflow_engine.store import keys
from workflow_engine.store.executions import ExecutionStore
from workflow_engine.store.logs.files import FileLogs
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.store.shards import RunShards
from workflow_engine.store.table import SortRange
from workflow_engine.store.tables.sqlite import SqliteTable
from workflow_engine.store.workflows import SNAPSHOT_PREFIX
from workflow_engine.timestamps import iso

_PAGE: Final = 500
_LINK: Final = re.compile(r"\bs3:([A-Za-z0-9._/-]+)")
"""References to objects, as `store.payloads` writes them, wherever they stand. What only looks like one keeps a file too long."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What has gone: runs, histories of runs and of their children, workflows that were never saved, and files with their
    bytes.
    """

    runs: int
    histories: int
    workflows: int
    files: int
    bytes: int


def clean(folder: DataFolder, before: datetime) -> Cleaned:
    """Delete what ended before a moment. Raises DataFolderError while a server has the folder, JournalError and
    UnreadableDataError for files that are none of this program's.
    """
    with folder.held():
        table, objects = SqliteTable(folder.table), FileObjects(folder.objects)
        journal = SqliteJournal(folder.journal)
        try:
            executions = ExecutionStore(table, PayloadStore(objects), RunShards(table))
            runs = _delete_runs(table, executions, before)
            histories = _forget_histories(journal, before.timestamp())
            workflows = _delete_snapshots(table, executions)
            # What a step of a run that goes on has put there, only the run's history leads to.
            reachable = _reachable(chain(table.texts(), journal.texts()), objects)
            files = [objects.delete(key) for key in set(objects.keys()) - reachable]
            files += _delete_logs(FileLogs(folder.logs), table)
        finally:
            journal.close()
            table.close()
        for file in (folder.table, folder.journal, folder.vectors):
            if file.is_file():
                _give_back_space(file)
    return Cleaned(runs, histories, workflows, len(files), sum(files))


def _delete_runs(table: SqliteTable, executions: ExecutionStore, before: datetime) -> int:
    # A run that ended before a moment started before it.
    moment, cursor, ended = iso(before), None, list[str]()
    while True:
        page = executions.page(LOCAL_TENANT, RunFilter(started=SortRange(high=moment)), _PAGE, cursor)
        records = (run.record for run in page.runs)
        ended += [r["execution_id"] for r in records if has_ended(r["status"]) and r["completed_at"] < moment]
        cursor = page.next_cursor
        if cursor is None:
            break
    for execution_id in ended:
        table.delete_partition(keys.execution(LOCAL_TENANT, execution_id))
    return len(ended)


def _delete_logs(logs: FileLogs, table: SqliteTable) -> list[int]:
    """Delete the logs of runs that are no more; gives their bytes."""
    gone = []
    for execution_id, file in list(logs.runs()):
        if table.get(keys.execution(LOCAL_TENANT, execution_id), keys.META) is None:
            logs.delete(execution_id)
            gone.append(file.st_size)
    return gone


def _delete_snapshots(table: SqliteTable, executions: ExecutionStore) -> int:
    """Who sends such a workflow once more makes its record anew."""
    before_id = keys.workflow(LOCAL_TENANT, "")
    ids = (pk.removeprefix(before_id) for pk in table.partitions(before_id + SNAPSHOT_PREFIX))
    # Behind a `#` stand what there is of a workflow beside itself, such as its figures.
    idle = [id_ for id_ in ids if "#" not in id_ and not executions.page(LOCAL_TENANT, RunFilter(id_), 1).runs]
    for workflow_id in idle:
        pk = keys.workflow(LOCAL_TENANT, workflow_id)
        for partition in (pk, *keys.figures_of(pk)):
            table.delete_partition(partition)
    return len(idle)


def _forget_histories(journal: SqliteJournal, moment: float) -> int:
    """A child stays for as long as its parent does, which may be redriven and looks for it then."""
    going = set(journal.ended_before(moment))
    for arn in sorted(going):
        head = journal.head(arn)
        if head is not None and head.parent and head.parent not in going and journal.head(head.parent) is not None:
            going.discard(arn)
    journal.forget(going)
    return len(going)


def _reachable(texts: Iterable[str], objects: FileObjects) -> set[str]:
    """The keys of the objects that texts lead to, by way of other objects as well."""
    found = set[str]()
    waiting = set(_links(texts))
    there = set(objects.keys())
    while waiting:
        found |= waiting
        contents = (objects.get(key).decode("utf-8", "replace") for key in waiting & there)
        waiting = set(_links(contents)) - found
    return found


def _links(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _LINK.findall(text)


def _give_back_space(file: Path) -> None:
    """Make a file as small as what it holds, which needs as much room beside it for a while. Where there is none, what is written
    next takes the place of what has gone.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
