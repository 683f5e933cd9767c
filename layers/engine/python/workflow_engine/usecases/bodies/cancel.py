"""What may be said with the cancelling of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow_engine.language.document import DocumentModel


class CancelRequest(DocumentModel):
    """What `POST /executions/{execution_id}/cancel` takes."""

    cause: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """Why; kept with the run."""
