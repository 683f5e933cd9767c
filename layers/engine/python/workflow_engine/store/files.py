"""Files that clients uploaded: a record of each, and an object with its bytes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import IO, Any, Final

from workflow_engine.errors import MisconfiguredError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store.payloads import ObjectStore
from workflow_engine.store.registrations import Registration, RegistrationStore

MAX_FILE_BYTES: Final = 50_000_000
"""What a step reads of a file at most."""

SCHEME: Final = "file:"
REFERENCE: Final = re.compile(r"file:[0-9A-Za-z-]{8,64}")
"""How a file is named wherever a step wants one."""

_NOT_THERE: Final = ("NoSuchKey", "AccessDenied", "403", "404")
"""S3 tells who may not list a bucket nothing of what is not there (GetObject, "Permissions")."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a file without its bytes."""

    file_name: str
    content_type: str | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FileStore:
    """Files of all tenants; every call names the tenant, whose reference opens nothing for another."""

    records: RegistrationStore
    objects: ObjectStore

    def key(self, tenant_id: str, file_id: str) -> str:
        """The key of a file's bytes."""
        owner = hashlib.sha256(tenant_id.encode()).hexdigest()[:16]
        return f"payloads/{owner}/files/{file_id}"

    def put(
        self, tenant_id: str, record: Mapping[str, Any], content: IO[bytes] | None, request_id: str
    ) -> Registration:
        """Keep a file: its bytes, if they are there already, then its record, which names their object."""
        key = self.key(tenant_id, record["file_id"])
        if content is not None:
            self.objects.put(key, content)
        # The link is what `workflow gc` finds the object by.
        return self.records.put(tenant_id, {**record, "object": f"s3:{key}"}, request_id)[0]

    def find(self, tenant_id: str, reference: str) -> About | None:
        """What is known of a file, None where the tenant has none of this reference."""
        record = self.records.find(tenant_id, reference.removeprefix(SCHEME))
        if record is None:
            return None
        return About(record["file_name"], record["content_type"], record["size_bytes"])

    def content(self, tenant_id: str, reference: str) -> bytes | None:
        """A file's bytes; None where it was announced and not uploaded."""
        try:
            return self.objects.get(self.key(tenant_id, reference.removeprefix(SCHEME)))
        except MisconfiguredError as error:
            if error.aws_code in _NOT_THERE:
                return None
            raise

    def upload_url(self, tenant_id: str, file_id: str, content_type: str, size: int, seconds: int) -> str | None:
        """Where a client may upload so many bytes for so long; None where the store takes none."""
        return self.objects.upload_url(self.key(tenant_id, file_id), content_type, size, seconds)

    def delete(self, tenant_id: str, file_id: str, now: float) -> None:
        """Remove a file: its record, then its bytes. NotFoundError when there is none."""
        self.records.delete(tenant_id, file_id, now)
        self.objects.delete(self.key(tenant_id, file_id))
