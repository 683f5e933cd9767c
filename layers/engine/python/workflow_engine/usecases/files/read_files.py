"""Read and remove uploaded files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from workflow_engine.errors import NotFoundError
from workflow_engine.store.files import SCHEME
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers


def get(engine: Engine, caller: Caller, file_id: str) -> answers.StoredFile:
    """What is known of a file. Raises NotFoundError."""
    record = engine.files.records.find(caller.tenant_id, file_id)
    if record is None:
        raise NotFoundError(f"There is no file '{file_id}'.")
    return cast("answers.StoredFile", {**shown(record), "upload": None})


def list_files(engine: Engine, caller: Caller, limit: int, cursor: str | None = None) -> answers.FilePage:
    """`{items, next_cursor}`: the files, by id."""
    found, following = engine.files.records.page(caller.tenant_id, limit, cursor)
    items = [{**shown(record), "upload": None} for record in found]
    return {"items": cast("list[answers.StoredFile]", items), "next_cursor": following}


def delete(engine: Engine, caller: Caller, file_id: str) -> None:
    """Remove a file with its bytes. It may be repeated for a day. Raises NotFoundError."""
    engine.files.delete(caller.tenant_id, file_id, engine.now().timestamp())


def shown(record: dict[str, Any]) -> dict[str, Any]:
    """A record as the API shows it."""
    file_id = record["file_id"]
    kept = {name: value for name, value in record.items() if name != "object"}
    return {**kept, "id": file_id, "reference": SCHEME + file_id}
