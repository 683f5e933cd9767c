"""What a step comes to for which nobody has answered in time: a second way out of its Task."""

from __future__ import annotations

from dataclasses import replace

from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.compiler.ir import FailedPassNode, FailNode, PassNode, TaskNode, Template, Value
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.language.reads import config_pointer
from workflow_engine.language.syntax import Step
from workflow_engine.state_names import FAIL, LATE

_NEVER_LATE = (
    "'on_timeout' says what becomes of the step when its time is over, and it has no 'timeout_seconds'. Give it some, or "
    "remove 'on_timeout'."
)


def with_late(
    unit: Unit,
    step: Step,
    lowering: TaskLowering,
    scope: Scope,
    task: TaskNode,
    variable: str | None,
    *,
    keeps_output: bool,
) -> TaskNode:
    """The Task with its second way out, if its type has one. `variable` holds the step's record, where one is kept."""
    late = lowering.late
    if late is None:
        return task
    if task.timeout is None:
        unit.warnings.append(Diagnostic("WFE-E402", config_pointer(step, "on_timeout"), _NEVER_LATE))
    if late.build is not None:
        value = Value(
            step_id=step.step_id,
            output=late.build(lambda key: unit.config_value(step, key)),
            variable=scope.name(step.step_id),
            kept=variable is not None,
            keeps_output=keeps_output,
            size_bound=None,
        )
        return replace(task, late=PassNode(unit.state_name(step.step_id, LATE), (value,)))
    name = unit.state_name(step.step_id, FAIL)
    # An element of a for_each fails it, and that is not critical then.
    if step.critical or step.for_each is not None:
        return replace(task, late=FailNode(name, late.error, late.cause))
    record: Template = {"status": "failed"}
    if keeps_output:
        record["error"] = {"type": late.error, "message": late.cause}
    assigns = {variable: record} if variable else {}
    return replace(task, late=FailedPassNode(name, step.step_id, late.error, late.cause, assigns))
