"""Objects in an S3 bucket."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, TYPE_CHECKING

from workflow_engine.aws import errors_translated
from workflow_engine.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Objects:
    """`store.payloads.ObjectStore` in a bucket. The client is asked for when it is first used: most requests need none."""

    def __init__(self, client: Callable[[], S3Client], bucket_name: str) -> None:
        self._client = client
        self._bucket_name = bucket_name

    def put(self, key: str, content: IO[bytes]) -> None:
        """One PutObject."""
        with errors_translated("s3"):
            self._client().put_object(Bucket=self._bucket_name, Key=key, Body=content, ContentType="application/json")

    def get(self, key: str) -> bytes:
        """One GetObject."""
        with errors_translated("s3"):
            return self._client().get_object(Bucket=self._bucket_name, Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        """One DeleteObject, which succeeds where there is none."""
        with errors_translated("s3"):
            self._client().delete_object(Bucket=self._bucket_name, Key=key)

    def delete_below(self, prefix: str) -> int:
        """One ListObjectsV2, and one DeleteObjects of all that it gives, 1,000 at most. Needs s3:ListBucket."""
        with errors_translated("s3"):
            found = self._client().list_objects_v2(Bucket=self._bucket_name, Prefix=prefix).get("Contents", [])
            if not found:
                return 0
            gone = {"Objects": [{"Key": entry["Key"]} for entry in found], "Quiet": True}
            answer = self._client().delete_objects(Bucket=self._bucket_name, Delete=gone)  # type: ignore[arg-type]  # as told
            if failed := answer.get("Errors"):
                raise UnavailableError(f"S3 did not remove {len(failed)} objects. Try again.")
            return len(found)

    def upload_url(self, key: str, content_type: str, size: int, seconds: int) -> str:
        """A presigned address to which one PUT of this type and length is taken: both headers are signed. Needs s3:PutObject."""
        place = {"Bucket": self._bucket_name, "Key": key, "ContentType": content_type, "ContentLength": size}
        return self._client().generate_presigned_url("put_object", Params=place, ExpiresIn=seconds)

    def url(self, key: str, seconds: int) -> str:
        """A presigned address, from which anybody may read (at most until the credentials of this process expire); needs
        s3:GetObject.
        """
        place = {"Bucket": self._bucket_name, "Key": key}
        return self._client().generate_presigned_url("get_object", Params=place, ExpiresIn=seconds)
