"""Workflows that are not to be started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflow_engine.errors import PausedError

if TYPE_CHECKING:
    from workflow_engine.store.workflows import StoredWorkflow


def refuse_paused(newest: StoredWorkflow | None) -> None:
    """Raises PausedError when a workflow, here its newest version, is not to be started."""
    if newest is None or newest.pause is None:
        return
    why = f": {newest.pause.reason}" if newest.pause.reason else "."
    by = f" by {newest.pause.by}" if newest.pause.by else ""
    raise PausedError(
        f"Workflow '{newest.id}' was paused at {newest.pause.at}{by}{why} POST /workflows/{newest.id}/resume lets it be started."
    )
