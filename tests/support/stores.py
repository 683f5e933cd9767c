"""What stands behind the ports of the store, made for a test: DynamoDB and S3 as moto plays them, SQLite and files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from tests.support.backend_cloud import SETTINGS, backend, one_request_at_a_time
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import ObjectStore
from workflow_engine.store.payloads.files import FileObjects
from workflow_engine.store.payloads.memory import MemoryObjects
from workflow_engine.store.payloads.s3 import S3Objects
from workflow_engine.store.table import Page, Query, Table, Write
from workflow_engine.store.tables.dynamodb import DynamoTable
from workflow_engine.store.tables.sqlite import SqliteTable


@contextmanager
def dynamodb(_directory: Path) -> Iterator[Table]:
    """A table on moto."""
    with backend() as engine, one_request_at_a_time():
        yield DynamoTable(engine.dynamodb, SETTINGS.table_name, lambda _: None)


def sqlite(directory: Path) -> AbstractContextManager[Table]:
    """A table in a file."""
    return closing(SqliteTable(directory / "data" / "table.sqlite"))


def sqlite_in_memory(_directory: Path) -> AbstractContextManager[Table]:
    """A table in memory."""
    return closing(SqliteTable())


@contextmanager
def s3(_directory: Path) -> Iterator[ObjectStore]:
    """A bucket on moto."""
    with backend() as engine, one_request_at_a_time():
        yield S3Objects(lambda: engine.s3, SETTINGS.bucket_name)


def files(directory: Path) -> AbstractContextManager[ObjectStore]:
    """A directory."""
    return nullcontext(FileObjects(directory / "objects"))


def memory(_directory: Path) -> AbstractContextManager[ObjectStore]:
    """Memory."""
    return nullcontext(MemoryObjects())


_MOST_PAGES: Final = 100

TABLES: Final = (dynamodb, sqlite, sqlite_in_memory)
OBJECT_STORES: Final = (s3, files, memory)


def name_of(made_by: Callable[..., object]) -> str:
    """For ids of tests."""
    return made_by.__name__


def pages(table: Table, query: Query, limit: int, tenant_id: str = "t") -> Iterator[Page]:
    """All pages of a query, each asked for when it is wanted. AssertionError when they do not end."""
    cursor = None
    for _ in range(_MOST_PAGES):
        page = table.query(tenant_id, query, limit=limit, cursor=cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
    raise AssertionError("the pages do not end")


def item(sk: str = "s", pk: str = "p", **attributes: Any) -> Record:
    """A record of a partition."""
    return {"pk": pk, "sk": sk, **attributes}


def fill(table: Table, *records: Record) -> None:
    """Write records."""
    for record in records:
        table.put(Write(record))


def sort_keys(table: Table, query: Query, limit: int = 3) -> list[str]:
    """The sort keys that a query finds, over all its pages."""
    return [record["sk"] for page in pages(table, query, limit) for record in page.records]
