"""Objects in an S3 bucket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from workflow_engine.aws import errors_translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class S3Objects:
    """`store.payloads.ObjectStore` in a bucket. The client is asked for when it is first used: most requests need none."""

    client: Callable[[], S3Client]
    bucket_name: str

    def put(self, key: str, content: IO[bytes]) -> None:
        """One PutObject."""
        with errors_translated("s3"):
            self.client().put_object(Bucket=self.bucket_name, Key=key, Body=content, ContentType="application/json")

    def get(self, key: str) -> bytes:
        """One GetObject."""
        with errors_translated("s3"):
            return self.client().get_object(Bucket=self.bucket_name, Key=key)["Body"].read()

    def url(self, key: str, seconds: int) -> str:
        """A presigned address, from which anybody may read (at most until the credentials of this process expire); needs
        s3:GetObject.
        """
        place = {"Bucket": self.bucket_name, "Key": key}
        return self.client().generate_presigned_url("get_object", Params=place, ExpiresIn=seconds)
