"""Documents that may be too large for an item: kept inline up to 300 KB, else in S3 under the hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws import errors_translated
from workflow_engine.store.items import MAX_INLINE_BYTES, dump

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PREFIX: Final = "s3:"


@dataclass(frozen=True, slots=True)
class PayloadStore:
    """Documents as text in an attribute, or a link (`s3:<key>`) to an object of the bucket. JSON never begins with
    `s3:`.
    """

    s3: Callable[[], S3Client]
    bucket_name: str

    def store(self, tenant_id: str, document: Any) -> str:
        """The text to keep in the item. One PutObject when the document has more than 300 KB of UTF-8.

        The key is the hash of the content below the tenant, so storing a document again writes the same object.
        """
        text = dump(document)
        content = text.encode()
        if len(content) <= MAX_INLINE_BYTES:
            return text
        owner = hashlib.sha256(tenant_id.encode()).hexdigest()[:16]
        key = f"payloads/{owner}/{hashlib.sha256(content).hexdigest()}.json"
        with errors_translated("s3"):
            self.s3().put_object(Bucket=self.bucket_name, Key=key, Body=content, ContentType="application/json")
        return _PREFIX + key

    def load(self, stored: str) -> Any:
        """The document of an attribute that `store` gave."""
        if not stored.startswith(_PREFIX):
            return json.loads(stored)
        with errors_translated("s3"):
            answer = self.s3().get_object(Bucket=self.bucket_name, Key=stored.removeprefix(_PREFIX))
            content = answer["Body"].read()
        return json.loads(content)
