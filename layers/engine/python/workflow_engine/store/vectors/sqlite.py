"""Vectors in a file of SQLite, compared by sqlite-vec: exactly, one by one, which is quick enough for what a laptop has.

apsw brings an SQLite of its own, since that of many Pythons loads no extensions.
"""

from __future__ import annotations

import json
import threading
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_engine.store.vectors import Match, Vector
from workflow_engine.vector_errors import CollectionMissingError, DimensionMismatchError
from workflow_engine.vector_filters import matches

_SCHEMA = """
CREATE TABLE IF NOT EXISTS collections (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, dimension INTEGER NOT NULL, UNIQUE (tenant, name)
);
CREATE TABLE IF NOT EXISTS vectors (
  collection INTEGER NOT NULL, key TEXT NOT NULL, metadata TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (collection, key)
) WITHOUT ROWID;
"""


class SqliteVectors:
    """`store.vectors.VectorStore` in a file, for one process and its threads; without a path in memory."""

    name = "sqlite"

    def __init__(self, path: Path | None = None) -> None:
        """The file is made when it is first needed."""
        self._path = path
        self._lock = threading.Lock()
        self._open: Any = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def upsert(self, tenant_id: str, collection: str, vectors: Sequence[Vector]) -> None:
        """In one transaction: all of them or none."""
        if not vectors:
            return
        with self._lock, self._database() as database:
            known = self._find(tenant_id, collection)
            if known is None:
                database.execute(
                    "INSERT INTO collections (tenant, name, dimension) VALUES (?, ?, ?)",
                    (tenant_id, collection, len(vectors[0].values)),
                )
                known = self._find(tenant_id, collection)
                assert known is not None
            number, dimension = known
            for vector in vectors:
                if len(vector.values) != dimension:
                    raise DimensionMismatchError.of(collection, dimension, len(vector.values))
            database.executemany(
                "INSERT OR REPLACE INTO vectors (collection, key, metadata, data) VALUES (?, ?, ?, ?)",
                [(number, v.key, json.dumps(dict(v.metadata)), _blob(v.values)) for v in vectors],
            )

    def delete(self, tenant_id: str, collection: str, keys: Sequence[str]) -> None:
        """By key."""
        with self._lock, self._database() as database:
            number, _ = self._known(tenant_id, collection)
            database.executemany(
                "DELETE FROM vectors WHERE collection = ? AND key = ?", [(number, key) for key in keys]
            )

    def drop(self, tenant_id: str, collection: str) -> None:
        """With its vectors."""
        with self._lock, self._database() as database:
            if (known := self._find(tenant_id, collection)) is not None:
                database.execute("DELETE FROM vectors WHERE collection = ?", known[:1])
                database.execute("DELETE FROM collections WHERE id = ?", known[:1])

    def query(
        self, tenant_id: str, collection: str, values: Sequence[float], top_k: int, filter_: Mapping[str, Any] | None
    ) -> list[Match]:
        """Those that the filter lets through, by distance, then key."""
        with self._lock, self._database() as database:
            number, dimension = self._known(tenant_id, collection)
            if dimension != len(values):
                raise DimensionMismatchError.of(collection, dimension, len(values))
            rows = database.execute(
                "SELECT key, metadata, vec_distance_cosine(data, ?) AS distance FROM vectors "
                "WHERE collection = ? AND (? IS NULL OR fits(metadata, ?)) ORDER BY distance, key LIMIT ?",
                (_blob(values), number, *[None if filter_ is None else json.dumps(dict(filter_))] * 2, top_k),
            ).fetchall()
        return [Match(key, 1.0 - distance, json.loads(metadata)) for key, metadata, distance in rows]

    def _known(self, tenant_id: str, collection: str) -> tuple[int, int]:
        known = self._find(tenant_id, collection)
        if known is None:
            raise CollectionMissingError(f"There is no collection '{collection}'. Nothing was stored in it yet.")
        return known

    def _find(self, tenant_id: str, collection: str) -> tuple[int, int] | None:
        """Number and dimension of a collection."""
        rows = self._open.execute(
            "SELECT id, dimension FROM collections WHERE tenant = ? AND name = ?", (tenant_id, collection)
        ).fetchall()
        return (rows[0][0], rows[0][1]) if rows else None

    def _database(self) -> Any:
        """The connection; as a context it is a transaction."""
        if self._open is None:
            import apsw
            import sqlite_vec

            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            database = apsw.Connection(":memory:" if self._path is None else str(self._path))
            database.enable_load_extension(True)
            database.load_extension(sqlite_vec.loadable_path())
            database.enable_load_extension(False)
            database.create_scalar_function("fits", _fits, 2)
            # All rows are taken, since statements behind one that gives rows wait for that.
            database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + _SCHEMA).fetchall()
            self._open = database
        return self._open


def _fits(*arguments: Any) -> bool:
    """Whether metadata fits a filter, both as JSON: a function of SQL."""
    metadata, filter_ = map(json.loads, arguments)
    return matches(metadata, filter_)


def _blob(values: Sequence[float]) -> bytes:
    return array("f", values).tobytes()
