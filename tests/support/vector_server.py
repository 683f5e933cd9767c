"""Amazon S3 Vectors on loopback, as far as steps use it, since the emulator of AWS has none: its wire (rest-json), played over
vectors in memory. Signatures and permissions are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.support.llm.vendor_server import Received, Reply, VendorServer, json_reply
from tests.support.vectors import nearest

Index = dict[str, Any]


class VectorBucket:
    """The indexes of one vector bucket. `answer` is what a `VendorServer` gives for a request."""

    def __init__(self) -> None:
        self.indexes: dict[str, Index] = {}
        self._operations: Final[dict[str, Callable[[dict[str, Any]], Reply]]] = {
            "/CreateIndex": self._create,
            "/GetIndex": self._get,
            "/PutVectors": self._put,
            "/QueryVectors": self._query,
            "/DeleteVectors": self._delete,
            "/DeleteIndex": self._drop,
        }

    def answer(self, received: Received) -> Reply:
        """An answer of the service; an operation that it has not is none."""
        operation = self._operations.get(received.path)
        if operation is None:
            return _refusal("UnknownOperationException", 404)
        index = received.body["indexName"]
        if received.path != "/CreateIndex" and index not in self.indexes:
            return _refusal("NotFoundException", 404)
        return operation(received.body)

    def _create(self, request: dict[str, Any]) -> Reply:
        if request["indexName"] in self.indexes:
            return _refusal("ConflictException", 409)
        self.indexes[request["indexName"]] = {"dimension": request["dimension"], "vectors": {}}
        return json_reply({"indexArn": "arn:aws:s3vectors:us-east-1:123456789012:bucket/b/index/i"})

    def _get(self, request: dict[str, Any]) -> Reply:
        name = request["indexName"]
        about = {"dimension": self.indexes[name]["dimension"], "distanceMetric": "cosine", "dataType": "float32"}
        return json_reply({"index": {"vectorBucketName": request["vectorBucketName"], "indexName": name, **about}})

    def _put(self, request: dict[str, Any]) -> Reply:
        index = self.indexes[request["indexName"]]
        if any(len(v["data"]["float32"]) != index["dimension"] for v in request["vectors"]):
            return _refusal("ValidationException", 400)
        index["vectors"] |= {v["key"]: v for v in request["vectors"]}
        return json_reply({})

    def _query(self, request: dict[str, Any]) -> Reply:
        return json_reply(nearest(self.indexes[request["indexName"]]["vectors"].values(), request))

    def _delete(self, request: dict[str, Any]) -> Reply:
        for key in request["keys"]:
            self.indexes[request["indexName"]]["vectors"].pop(key, None)
        return json_reply({})

    def _drop(self, request: dict[str, Any]) -> Reply:
        del self.indexes[request["indexName"]]
        return json_reply({})


def vector_server() -> tuple[VectorBucket, VendorServer]:
    """A bucket, and a server of it."""
    bucket = VectorBucket()
    return bucket, VendorServer(answer=bucket.answer)


def _refusal(code: str, status: int) -> Reply:
    return json_reply({"message": code}, status, x_amzn_errortype=code)
