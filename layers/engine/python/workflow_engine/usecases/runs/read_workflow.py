"""The workflow that a run runs: also one that was posted to be run once, and as it was when the run began."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutedWorkflow, Plan


def executed_workflow(engine: Engine, caller: Caller, execution_id: str) -> ExecutedWorkflow:
    """The document and the plan of what a run runs. Raises NotFoundError, also where the workflow itself has been deleted."""
    execution = engine.executions.get(caller.tenant_id, execution_id)
    workflow = engine.workflows.run_by(execution)
    steps = workflow.compiled.outline["steps"]
    return {
        "execution_id": execution.execution_id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "build": None if execution.variant_id is not None else execution.workflow_build,
        "workflow": dict(workflow.document),
        "plan": cast("Plan", dict(workflow.compiled.plan)),  # as it was kept
        "reused_steps": [step["id"] for step in steps if "reused" in step],
    }
