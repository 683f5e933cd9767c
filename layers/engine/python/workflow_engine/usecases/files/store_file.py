"""Take files: with the request, or announced, to be uploaded to an address that is given."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol, cast

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import DocumentModel, Whole
from workflow_engine.store.files import MAX_FILE_BYTES
from workflow_engine.store.idempotency import Attempt
from workflow_engine.timestamps import iso
from workflow_engine.usecases.bodies.fields import read_fields
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.files.read_files import shown

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

UPLOAD_SECONDS: Final = 900
"""How long an address to upload to is good; an hour is what the credentials of a function last at least."""

_MEDIA_TYPE: Final = re.compile(r"[\x20-\x7e]{1,255}")
_NO_NAME: Final = re.compile(r"[\x00-\x1f\x7f]")


class FileUpload(DocumentModel):
    """A file in JSON: its content, or its size, to be uploaded later."""

    file_name: Annotated[str, Field(min_length=1, max_length=255)]
    """Its extension says how it is read."""
    content_type: Annotated[str, Field(max_length=255)] | None = None
    content: str | None = None
    """In base64; a body holds 4 MB."""
    size_bytes: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES), Whole] | None = None
    """Without `content`: how many bytes will be uploaded."""

    PLACEHOLDERS = {"file_name": ""}  # noqa: RUF012  # as in the base class


class FilePart(Protocol):
    """A file as a form has it."""

    @property
    def name(self) -> str: ...
    @property
    def file_name(self) -> str | None: ...
    @property
    def content_type(self) -> str | None: ...
    @property
    def content(self) -> bytearray: ...


def take_parts(
    engine: Engine, caller: Caller, parts: Sequence[FilePart], idempotency_key: str | None = None
) -> answers.StoredFile:
    """Keep the one file of a form. Raises InvalidRequestError where there is none, or more than one part."""
    if len(parts) != 1 or parts[0].file_name is None:
        raise InvalidRequestError(
            "The form has one part, a file: curl -F file=@report.pdf. Send several files one by one, or beside the workflow that "
            "reads them."
        )
    return take_part(engine, caller, parts[0], idempotency_key)


def take_part(engine: Engine, caller: Caller, part: FilePart, idempotency_key: str | None = None) -> answers.StoredFile:
    """Keep a file of a form."""
    name, content_type = _checked(part.file_name or "", part.content_type, f"/{part.name}")
    return _kept(engine, caller, name, content_type, bytes(part.content), idempotency_key)


def take_json(engine: Engine, caller: Caller, body: Json, idempotency_key: str | None = None) -> answers.StoredFile:
    """Keep a file that the body holds, or announce one that its size is told of. Raises InvalidRequestError."""
    fields = read_fields(FileUpload, body)
    if (fields.content is None) == (fields.size_bytes is None):
        raise InvalidRequestError("Send the 'content', or the 'size_bytes' of a file that you will upload.")
    name, content_type = _checked(fields.file_name, fields.content_type, "/file_name")
    if fields.content is not None:
        try:
            content = base64.b64decode(fields.content, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidRequestError.at("/content", "The content is not base64.") from None
        return _kept(engine, caller, name, content_type, content, idempotency_key)

    def work(attempt: Attempt) -> Any:
        return _announced(engine, caller, name, content_type, fields.size_bytes or 0, attempt.made_id)

    return cast("answers.StoredFile", engine.idempotency.once(caller.tenant_id, "file", idempotency_key, body, work))


def _kept(
    engine: Engine, caller: Caller, name: str, content_type: str | None, content: bytes, idempotency_key: str | None
) -> answers.StoredFile:
    """Keep a file under the hash of what it is, so that sending it again keeps nothing twice."""
    head = json.dumps([name, content_type]).encode()
    file_id = hashlib.sha256(head + b"\0" + content).hexdigest()[:32]

    def work(_attempt: Attempt) -> Any:
        record = _record(engine, caller, file_id, name, content_type, len(content))
        return _shown(engine.files.put(caller.tenant_id, record, io.BytesIO(content), file_id), None)

    done = engine.idempotency.once(caller.tenant_id, "file", idempotency_key, {"file_id": file_id}, work)
    return cast("answers.StoredFile", done)


def _announced(
    engine: Engine, caller: Caller, name: str, content_type: str | None, size: int, file_id: str
) -> answers.StoredFile:
    kind = content_type or "application/octet-stream"
    url = engine.files.upload_url(caller.tenant_id, file_id, kind, size, UPLOAD_SECONDS)
    if url is None:
        raise InvalidRequestError.at(
            "/size_bytes",
            "A laptop's server gives no address to upload to. Send the file itself, or name its path to the file_reader.",
        )
    record = _record(engine, caller, file_id, name, content_type, size)
    upload: answers.Upload = {
        "url": url,
        "method": "PUT",
        "headers": {"Content-Type": kind, "Content-Length": str(size)},
        "expires_at": iso(engine.now() + timedelta(seconds=UPLOAD_SECONDS)),
    }
    return _shown(engine.files.put(caller.tenant_id, record, None, file_id), upload)


def _checked(name: str, content_type: str | None, place: str) -> tuple[str, str | None]:
    """Name and type as they are kept: of a path its last part."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1].strip()
    if not name or len(name) > 255 or _NO_NAME.search(name):
        raise InvalidRequestError.at(place, "The name of a file has 1 to 255 characters, and no control characters.")
    if content_type is not None and not _MEDIA_TYPE.fullmatch(content_type):
        raise InvalidRequestError.at("/content_type", "The content type holds characters that no header can carry.")
    return name, content_type


def _record(
    engine: Engine, caller: Caller, file_id: str, name: str, content_type: str | None, size: int
) -> dict[str, Any]:
    return {
        "file_id": file_id,
        "file_name": name,
        "content_type": content_type,
        "size_bytes": size,
        "created_at": engine.timestamp(),
        "created_by": caller.user_id,
    }


def _shown(record: dict[str, Any], upload: answers.Upload | None) -> answers.StoredFile:
    return cast("answers.StoredFile", {**shown(record), "upload": upload})
