"""What may be said with the rerun of a run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from workflow_engine.usecases.bodies.run import WorkflowRunFields


class RerunRequest(WorkflowRunFields):
    """What `POST /executions/{execution_id}/rerun` takes. What is left out is as it was."""

    from_step: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The step from which on the workflow runs again; all of it when absent."""
