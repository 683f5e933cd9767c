"""What stands behind the port of vectors, made for a test: SQLite, and S3 Vectors as moto plays it, with QueryVectors played here,
which moto has not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from tests.support.aws_played import played_aws
from workflow_engine import aws
from workflow_engine.store.vectors import VectorStore
from workflow_engine.store.vectors.s3vectors import S3Vectors
from workflow_engine.store.vectors.sqlite import SqliteVectors
from workflow_engine.vector_filters import matches

BUCKET: Final = "test-vectors"


class S3VectorsClient:
    """moto's client, and QueryVectors over what moto keeps. Its request is checked as botocore checks all."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query_vectors(self, **request: Any) -> dict[str, Any]:
        """The nearest vectors, as "QueryVectors" of the API reference has them."""
        from botocore.validate import ParamValidator

        shape = self._client.meta.service_model.operation_model("QueryVectors").input_shape
        problems = ParamValidator().validate(request, shape)
        assert not problems.has_errors(), problems.generate_report()
        place = {name: request[name] for name in ("vectorBucketName", "indexName")}
        kept = self._client.list_vectors(**place, returnData=True, returnMetadata=True)["vectors"]
        return nearest(kept, request)


def nearest(kept: Iterable[Mapping[str, Any]], request: Mapping[str, Any]) -> dict[str, Any]:
    """What QueryVectors answers of the vectors that an index has, as PutVectors takes them."""
    asked, filter_ = request["queryVector"]["float32"], request.get("filter")
    found = [
        {"key": v["key"], "distance": _distance(asked, v["data"]["float32"]), "metadata": v.get("metadata", {})}
        for v in kept
        if filter_ is None or matches(v.get("metadata", {}), filter_)
    ]
    found.sort(key=lambda v: (v["distance"], v["key"]))
    return {"vectors": found[: request["topK"]], "distanceMetric": "cosine"}


def _distance(one: Sequence[float], other: Sequence[float]) -> float:
    product = sum(a * b for a, b in zip(one, other, strict=True))
    return 1 - product / (math.hypot(*one) * math.hypot(*other))


def sqlite(directory: Path) -> AbstractContextManager[VectorStore]:
    """In a file."""
    return closing(SqliteVectors(directory / "data" / "vectors.sqlite"))


def sqlite_in_memory(_directory: Path) -> AbstractContextManager[VectorStore]:
    """In memory."""
    return closing(SqliteVectors())


@contextmanager
def s3_vectors(_directory: Path) -> Iterator[VectorStore]:
    """A vector bucket on moto."""
    import boto3

    with played_aws():
        client = boto3.client("s3vectors", region_name="us-east-1")
        client.create_vector_bucket(vectorBucketName=BUCKET)
        translating = S3VectorsClient(aws.translating(client))
        yield S3Vectors(lambda: translating, BUCKET)


VECTOR_STORES: Final = (sqlite, sqlite_in_memory, s3_vectors)


def metadata_of(**more: Any) -> Mapping[str, Any]:
    """Metadata with a text."""
    return {"text": "a text", **more}
