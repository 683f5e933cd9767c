"""Registrations: records under a name of the client's choice, which registering again replaces."""

from __future__ import annotations

from typing import Any, Final

from workflow_engine.errors import ThrottledError
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.table import ConditionFailedError, Table, Write

_MAX_ATTEMPTS: Final = 5


def register_once(
    table: Table, payloads: PayloadStore, key: Record, field: str, document: dict[str, Any], request_id: str
) -> tuple[dict[str, Any], bool]:
    """Write a registration, as JSON in `field` beside the key and its tenant; gives it as it stands, and True if its name was
    free.

    A registration that replaces another keeps that one's `created_at`. One that was written for the same request (`made_id`
    of its attempts) is given as it was written then. Raises ThrottledError when others keep registering the same name.
    """
    written, standing = document, None
    for _ in range(_MAX_ATTEMPTS):
        is_new = standing is None
        content = {field: payloads.store(key["tenant_id"], written), "request_id": request_id, "is_new": is_new}
        try:
            table.put(_write({**key, **content}, standing))
        except ConditionFailedError:
            standing = table.get(key["pk"], key["sk"])
        else:
            return written, is_new
        if standing is not None:
            kept = dict(payloads.load(standing[field]))
            if standing.get("request_id") == request_id:
                return kept, bool(standing["is_new"])
            written = {**document, "created_at": kept["created_at"]}
    raise ThrottledError("Others are registering under this name at the moment. Try again in a second.")


def _write(record: Record, standing: Record | None) -> Write:
    """Writes where nothing stands, or only what was read. Earlier versions of this service kept no `request_id`."""
    if standing is None:
        return Write(record, "attribute_not_exists(pk)")
    if "request_id" not in standing:
        return Write(record, "attribute_not_exists(request_id)")
    return Write(record, "request_id = :seen", {":seen": standing["request_id"]})
