"""What stands behind the ports of the store, made for a test: DynamoDB and S3 as moto plays them, SQLite and files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, Final
from unittest import mock

from tests.support.backend_cloud import SETTINGS, backend
from workflow_engine.store.payloads import ObjectStore
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.table import Page, Query, Table
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.store.tables.sqlite import SqliteTable


@contextmanager
def dynamodb(_directory: Path) -> Iterator[Table]:
    """A table on moto, which answers one request at a time: moto's conditional writes are not atomic among threads, as those
    of DynamoDB are.
    """
    from moto.dynamodb.responses import DynamoHandler

    lock, call_action = threading.RLock(), DynamoHandler.call_action

    @wraps(call_action)
    def alone(self: Any) -> Any:
        with lock:
            return call_action(self)

    with backend() as engine, mock.patch.object(DynamoHandler, "call_action", alone):
        yield DynamoTable(engine.dynamodb, SETTINGS.table_name, lambda _: None)


@contextmanager
def sqlite(directory: Path) -> Iterator[Table]:
    """A table in a file."""
    table = SqliteTable(directory / "data" / "table.sqlite")
    yield table
    table.close()


@contextmanager
def sqlite_in_memory(_directory: Path) -> Iterator[Table]:
    """A table in memory."""
    table = SqliteTable()
    yield table
    table.close()


@contextmanager
def s3(_directory: Path) -> Iterator[ObjectStore]:
    """A bucket on moto."""
    with backend() as engine:
        yield S3Objects(lambda: engine.s3, SETTINGS.bucket_name)


@contextmanager
def files(directory: Path) -> Iterator[ObjectStore]:
    """A directory."""
    yield FileObjects(directory / "objects")


TABLES: Final = (dynamodb, sqlite, sqlite_in_memory)
OBJECT_STORES: Final = (s3, files)


def name_of(made_by: Callable[..., object]) -> str:
    """For ids of tests."""
    return made_by.__name__


def pages(table: Table, query: Query, limit: int, tenant_id: str = "t") -> Iterator[Page]:
    """All pages of a query, each asked for when it is wanted."""
    cursor = None
    while True:
        page = table.query(tenant_id, query, limit=limit, cursor=cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
