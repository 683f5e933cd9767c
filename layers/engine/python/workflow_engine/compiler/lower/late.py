"""What a step comes to for which nobody has answered in time: a second way out of its Task."""

from __future__ import annotations

from dataclasses import replace

from workflow_engine.compiler.catalogue import TaskLowering
from workflow_engine.compiler.ir import FailedPassNode, FailNode, PassNode, TaskNode, Value
from workflow_engine.compiler.lower.elements import element_fails
from workflow_engine.compiler.lower.recovery import fails
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
    failing: FailNode | FailedPassNode
    if step.for_each is None:
        failing = fails(step, scope, name, late.error, late.cause, variable, keeps_error=keeps_output)
    elif step.elements_fail_alone:
        failing = element_fails(step, scope, name, late.error, late.cause)
    else:
        failing = FailNode(name, late.error, late.cause)
    return replace(task, late=failing)
