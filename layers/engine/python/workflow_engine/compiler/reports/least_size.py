"""A lower bound of a definition's size, from the steps alone: what can never fit is refused before any work is done on it."""

from __future__ import annotations

from typing import Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.catalogue import CompilerCatalogue, TaskLowering
from workflow_engine.compiler.graph import build_graph
from workflow_engine.compiler.lower.status import COMPLETED, rule_verdict
from workflow_engine.compiler.lower.unit import lowering_of
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.language.syntax import Step, Workflow

LEAST_TASK_BYTES: Final = 450
"""A Task of a Lambda function has at least so many bytes, its payload and Retry included, beside its step's id."""
_TIMES_NAMED: Final = 4
"""A step's id is in its definition at least so often: as name, in the transition to it and in its payload."""


def too_large(workflow: Workflow, catalogue: CompilerCatalogue) -> list[Diagnostic]:
    """WFE-E500 if the Tasks that are sure to be in the definition are too large together. InvalidWorkflowError for a cycle."""
    if sum(map(_task_bytes, workflow.steps)) <= aws_quotas.DEFINITION_BYTES:
        return []
    least = least_definition_bytes(workflow, catalogue)
    if least <= aws_quotas.DEFINITION_BYTES:
        return []
    detail = (
        f"At least {least:,} definition bytes; Step Functions allows {aws_quotas.DEFINITION_BYTES:,}. "
        "Split it with a subflow."
    )
    return [Diagnostic("WFE-E500", "/steps", detail)]


def least_definition_bytes(workflow: Workflow, catalogue: CompilerCatalogue) -> int:
    """The bytes of the Tasks that every definition of this workflow has. Raises InvalidWorkflowError for a cycle.

    A step counts if it runs whatever happens, and so do all that it waits for; a step that is known never to run is left out
    of a definition.
    """
    graph = build_graph(workflow.steps, by_step_order=False)
    certain: list[bool] = []
    total = 0
    for step, before in zip(graph.steps, graph.predecessors, strict=True):
        certain.append(_runs_after_success(step) and all(certain[i] for i in before))
        if certain[-1] and isinstance(lowering_of(step, catalogue), TaskLowering):
            total += _task_bytes(step)
    return total


def _task_bytes(step: Step) -> int:
    return LEAST_TASK_BYTES + _TIMES_NAMED * len(step.step_id)


def _runs_after_success(step: Step) -> bool:
    return step.condition is None and step.critical and rule_verdict(step.trigger_rule, {COMPLETED}) == "always"
