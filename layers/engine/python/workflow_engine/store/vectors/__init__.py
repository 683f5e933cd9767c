"""Vectors with metadata in collections: `VectorStore` is a port. Amazon S3 Vectors stands behind it on AWS (`s3vectors`), SQLite
with sqlite-vec on a laptop (`sqlite`); `tests/contract` asks both.

Nearness is the cosine of the angle, from 1 (the same direction) to -1. A collection's dimension is that of its first vector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from workflow_engine.lazy_dataclass import dataclass

MAX_METADATA_BYTES: Final = 40 * 1024
MAX_FILTERABLE_BYTES: Final = 2048
"""S3 Vectors, "Limitations and restrictions": metadata of a vector, and what of it filters may ask for."""

Metadata = Mapping[str, Any]
"""Texts, numbers, truth values, and lists of texts or numbers, by name."""


@dataclass(frozen=True, slots=True)
class Vector:
    """A vector under its key in a collection."""

    key: str
    values: Sequence[float]
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class Match:
    """A vector that was found, and the cosine of the angle between it and what was asked for."""

    key: str
    score: float
    metadata: Metadata


class VectorStore(Protocol):
    """Collections of all tenants; every call names the tenant. What raises ThrottledError or UnavailableError may be repeated."""

    name: str
    """`s3_vectors` or `sqlite`."""

    def upsert(self, tenant_id: str, collection: str, vectors: Sequence[Vector]) -> None:
        """Store vectors, each in the place of the one with its key. DimensionMismatchError, before anything is stored where
        the collection was there.
        """

    def delete(self, tenant_id: str, collection: str, keys: Sequence[str]) -> None:
        """Remove vectors by key. Keys that are not there are no error. CollectionMissingError."""

    def drop(self, tenant_id: str, collection: str) -> None:
        """Remove a collection with all its vectors, if it is there."""

    def query(
        self, tenant_id: str, collection: str, values: Sequence[float], top_k: int, filter_: Mapping[str, Any] | None
    ) -> list[Match]:
        """The nearest vectors that the filter (`vector_filters`) lets through, nearest first; `top_k` at most.
        CollectionMissingError, DimensionMismatchError.
        """
