"""Uploaded files."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from workflow_engine.usecases.answers.values import Count, Cursor, Id, Time


class Upload(TypedDict):
    """How the bytes of an announced file are sent: this method to this address, with these headers."""

    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    expires_at: Time


class StoredFile(TypedDict):
    """A file, for steps of type file_reader."""

    file_id: Id
    id: Id
    reference: str
    """What names it in a workflow or an input."""
    file_name: str
    content_type: str | None
    size_bytes: Count
    created_at: Time
    created_by: str | None
    upload: Upload | None
    """In the answer to announcing it."""


class FilePage(TypedDict):
    """Files, by id."""

    items: list[StoredFile]
    next_cursor: Cursor
