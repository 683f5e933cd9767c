"""What `@last` means: the run that was started last from this machine, for each profile and address."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from infra.local.cli.settings import Connection


def last_run(connection: Connection) -> str | None:
    """The id of the run that was started last over a connection."""
    found = _read().get(_key(connection))
    return found if isinstance(found, str) else None


def remember(connection: Connection, execution_id: str) -> None:
    """Remember a run that was started. That it cannot be, in a home that is not to be written to, say, is no harm."""
    path = _file()
    part = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(_read() | {_key(connection): execution_id}), encoding="utf-8")
        part.replace(path)


def _file() -> Path:
    """Below the folder of state ("XDG Base Directory Specification")."""
    base = os.environ.get("XDG_STATE_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "workflow" / "last.json"


def _read() -> dict[str, object]:
    try:
        found = json.loads(_file().read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _key(connection: Connection) -> str:
    return f"{connection.profile or ''} {connection.url.value.rstrip('/')}"
