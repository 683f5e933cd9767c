"""Vectors in Amazon S3 Vectors: a vector bucket of the deployment, with an index for each collection of a tenant."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from workflow_engine.store.vectors import Match, Vector
from workflow_engine.vector_errors import CollectionMissingError, DimensionMismatchError
from workflow_engine.vector_filters import NOT_FILTERED

_AT_ONCE: Final = 200
"""Vectors of one PutVectors: 500 at most, in a request of 20 MiB (S3 Vectors, "Limitations and restrictions")."""
_KEYS_AT_ONCE: Final = 500


class S3Vectors:
    """`store.vectors.VectorStore` in a vector bucket. The client is asked for when it is first used."""

    name = "s3_vectors"

    def __init__(self, client: Callable[[], Any], bucket_name: str) -> None:
        self._client = client
        self._bucket_name = bucket_name

    def upsert(self, tenant_id: str, collection: str, vectors: Sequence[Vector]) -> None:
        """PutVectors; before it CreateIndex, where there is no index yet."""
        if not vectors:
            return
        place = self._place(tenant_id, collection)
        dimension = self._dimension(place)
        if dimension is None:
            dimension = len(vectors[0].values)
            self._create(place, dimension)
            dimension = self._dimension(place) or dimension  # another may have been first
        for vector in vectors:
            if len(vector.values) != dimension:
                raise DimensionMismatchError.of(collection, dimension, len(vector.values))
        for start in range(0, len(vectors), _AT_ONCE):
            self._client().put_vectors(
                **place,
                vectors=[
                    {"key": v.key, "data": {"float32": list(v.values)}, "metadata": dict(v.metadata)}
                    for v in vectors[start : start + _AT_ONCE]
                ],
            )

    def delete(self, tenant_id: str, collection: str, keys: Sequence[str]) -> None:
        """DeleteVectors."""
        with _missing_told(collection):
            for start in range(0, len(keys), _KEYS_AT_ONCE):
                self._client().delete_vectors(
                    **self._place(tenant_id, collection), keys=list(keys[start : start + _KEYS_AT_ONCE])
                )

    def drop(self, tenant_id: str, collection: str) -> None:
        """DeleteIndex, which succeeds where there is none."""
        try:
            self._client().delete_index(**self._place(tenant_id, collection))
        except Exception as error:
            if _code(error) != "NotFoundException":
                raise

    def query(
        self, tenant_id: str, collection: str, values: Sequence[float], top_k: int, filter_: Mapping[str, Any] | None
    ) -> list[Match]:
        """QueryVectors, and GetIndex for the dimension, since what a wrong one gets is no more than a sentence."""
        place = self._place(tenant_id, collection)
        dimension = self._dimension(place)
        if dimension is None:
            raise _missing(collection)
        if dimension != len(values):
            raise DimensionMismatchError.of(collection, dimension, len(values))
        with _missing_told(collection):
            found = self._client().query_vectors(
                **place,
                topK=top_k,
                queryVector={"float32": list(values)},
                returnMetadata=True,
                returnDistance=True,
                **({} if filter_ is None else {"filter": dict(filter_)}),
            )
        return [Match(v["key"], 1.0 - v["distance"], v.get("metadata") or {}) for v in found["vectors"]]

    def _place(self, tenant_id: str, collection: str) -> dict[str, str]:
        """Bucket and index. Names of indexes are 3 to 63 small letters, digits, hyphens and dots; names of tenants and
        collections are anything.
        """
        digest = hashlib.sha256(f"{tenant_id}\0{collection}".encode()).hexdigest()
        return {"vectorBucketName": self._bucket_name, "indexName": f"c-{digest[:48]}"}

    def _dimension(self, place: Mapping[str, str]) -> int | None:
        try:
            return int(self._client().get_index(**place)["index"]["dimension"])
        except Exception as error:
            if _code(error) == "NotFoundException":
                return None
            raise

    def _create(self, place: Mapping[str, str], dimension: int) -> None:
        try:
            self._client().create_index(
                **place,
                dataType="float32",
                dimension=dimension,
                distanceMetric="cosine",
                metadataConfiguration={"nonFilterableMetadataKeys": [NOT_FILTERED]},
            )
        except Exception as error:
            if _code(error) != "ConflictException":  # it is there by now
                raise


def _code(error: Exception) -> str | None:
    """AWS's code of an error, also where it was given a kind (`workflow_engine.aws`)."""
    response = getattr(error, "response", None)
    if isinstance(response, Mapping):
        return str(response.get("Error", {}).get("Code"))
    cause = error.__cause__
    return _code(cause) if isinstance(cause, Exception) else None


def _missing(collection: str) -> CollectionMissingError:
    return CollectionMissingError(f"There is no collection '{collection}'. Nothing was stored in it yet.")


@contextmanager
def _missing_told(collection: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if _code(error) == "NotFoundException":
            raise _missing(collection) from None
        raise
