"""One step to nodes: chooses the form by the step type's lowering, keeps the record, wraps for_each in a Map."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from workflow_engine.aws_quotas import INLINE_MAP_CONCURRENCY
from workflow_engine.compiler.catalogue import (
    ContainerLowering,
    FailLowering,
    PureLowering,
    TaskLowering,
    WaitLowering,
)
from workflow_engine.compiler.ir import Block, Failure, GuardNode, MapNode, Node, PassNode, Template
from workflow_engine.compiler.jsonata.conditions import condition_fragment, not_fragment
from workflow_engine.compiler.jsonata.states import RESULT
from workflow_engine.compiler.lower import leaf, waits
from workflow_engine.compiler.lower.elements import after_elements, enter_undone, mark_failure, undone_elements
from workflow_engine.compiler.lower.inputs import has_expression, varies
from workflow_engine.compiler.lower.late import with_late
from workflow_engine.compiler.lower.lists import find_elements, warn_if_unbounded
from workflow_engine.compiler.lower.readers import Readers, decides_per_element
from workflow_engine.compiler.lower.scope import Entry, Scope, failures_variable
from workflow_engine.compiler.lower.sizes import Size, is_surely_carried
from workflow_engine.compiler.lower.status import COMPLETED, FAILED
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.records import completed_record
from workflow_engine.language.diagnostics import Diagnostic, InvalidWorkflowError, pointer
from workflow_engine.language.syntax import ForEach, Step
from workflow_engine.state_names import EACH, GUARD, JOIN, derived_name

_NEVER_RETRIED: Final = (
    "'max_retries' has no effect here: an expression that failed fails again on the same data. Remove it; 'critical: false' "
    "lets the run go on."
)
_NO_EFFECT_ON_FAIL: Final = {
    "max_retries": "'max_retries' has no effect on a step that only fails: it would fail again. Remove it.",
    "compensate": "'compensate' has no effect on a step that only fails: it does nothing that could be undone. Remove it.",
}


def lower_step(
    unit: Unit, step: Step, scope: Scope, readers: Readers, bounds: dict[str, Size | None]
) -> tuple[Node, ...]:
    """Nodes of one step whose guard is settled. Enters what is known of its end into the scope."""
    lowering = unit.lowering(step)
    if isinstance(lowering, PureLowering | WaitLowering) and has_expression(step) and step.retry is not None:
        unit.warnings.append(Diagnostic("WFE-W405", step.pointer + "/max_retries", _NEVER_RETRIED))
    if isinstance(lowering, FailLowering):
        given = {"max_retries": step.retry, "compensate": step.compensate}
        unit.warnings += [
            Diagnostic("WFE-W405", step.pointer + pointer(name), detail)
            for name, detail in _NO_EFFECT_ON_FAIL.items()
            if given[name]
        ]
    kept = readers.keeps_record(step.step_id)
    keeps_output = readers.keeps_output(step.step_id)
    variable = scope.name(step.step_id) if kept or step.elements_fail_alone else None

    def failure() -> Failure | None:
        return leaf.failure_of(unit, step, scope, variable, keeps_output=keeps_output)

    nodes: tuple[Node, ...]
    if step.for_each is not None:
        nodes = _repeated(
            unit,
            step,
            step.for_each,
            lowering,
            scope,
            variable,
            failure(),
            keeps_output=keeps_output,
            is_read=readers.is_read_by_steps(step.step_id),
        )
    else:
        match lowering:
            case PureLowering() if _needs_branch(unit, step, lowering, bounds, keeps_output=keeps_output):
                inner = scope.child()
                value = leaf.pure_value(
                    unit, step, lowering, inner, kept=False, keeps_output=keeps_output, bounds=bounds
                )
                inside = (PassNode(step.step_id, (value,)),)
                nodes = (
                    leaf.tried(unit, step, inside, value.variable, variable, failure(), keeps_output=keeps_output),
                )
            case PureLowering():
                value = leaf.pure_value(
                    unit, step, lowering, scope, kept=kept, keeps_output=keeps_output, bounds=bounds
                )
                nodes = (PassNode(step.step_id, (value,)),)
            case TaskLowering():
                task = leaf.task(
                    unit,
                    step,
                    lowering,
                    scope,
                    step.step_id,
                    variable,
                    failure(),
                    keeps_output=keeps_output,
                    is_read=readers.is_read_by_steps(step.step_id),
                )
                nodes = (with_late(unit, step, lowering, scope, task, variable, keeps_output=keeps_output),)
            case WaitLowering() if not step.critical and has_expression(step):
                nodes = (waits.tried_wait(unit, step, lowering, scope, variable, failure(), keeps_output=keeps_output),)
            case WaitLowering():
                nodes = waits.wait(unit, step, lowering, scope, variable, keeps_output=keeps_output)
            case FailLowering():
                nodes = (leaf.fail(unit, step, scope, variable, keeps_error=keeps_output),)
            case ContainerLowering():
                nodes = unit.container(unit, step, scope, keeps_record=kept, keeps_output=keeps_output)
    surely_completes = step.critical or isinstance(nodes[0], PassNode)
    statuses = COMPLETED if surely_completes else COMPLETED | FAILED
    scope.entries[step.step_id] = Entry(FAILED if isinstance(lowering, FailLowering) else statuses, variable)
    note_step(unit, step, scope)
    return nodes


def note_step(unit: Unit, step: Step, scope: Scope) -> None:
    """Let later steps know of what type this one is, and what that says of its output."""
    lowering = unit.lowering(step)
    unit.step_types[step.step_id] = step.step_type
    if isinstance(lowering, PureLowering | TaskLowering) and lowering.no_input and step.for_each is None:
        unit.no_inputs[step.step_id] = lowering.no_input
    scope.fields[step.step_id] = unit.output_fields(step)


def _needs_branch(
    unit: Unit, step: Step, lowering: PureLowering, bounds: dict[str, Size | None], *, keeps_output: bool
) -> bool:
    """Whether a step's Pass must stand in a Parallel: it may fail and the run goes on, or it must be computed once, which a
    Pass that assigns its value and gives it as output does twice.
    """
    if keeps_output and varies(step):
        return True
    return not step.critical and not is_surely_carried(leaf.pure_bound(unit, step, lowering, bounds))


def _record(variable: str | None, output: Template, *, keeps_output: bool) -> dict[str, Template]:
    return {variable: completed_record(output, keeps_output=keeps_output)} if variable else {}


def _repeated(
    unit: Unit,
    step: Step,
    each: ForEach,
    lowering: object,
    scope: Scope,
    variable: str | None,
    failure: Failure | None,
    *,
    keeps_output: bool,
    is_read: bool,
) -> tuple[Node, ...]:
    """A step with a for_each; after elements that fail alone a Choice looks at the record."""
    if not step.elements_fail_alone or variable is None:
        assigns = _record(variable, RESULT, keeps_output=keeps_output)
        return (_for_each(unit, step, each, lowering, scope, assigns, failure, is_read=is_read),)
    assigns = _record(variable, RESULT, keeps_output=True)
    every = _for_each(unit, step, each, lowering, scope, assigns, failure, is_read=is_read)
    name = unit.state_name(step.step_id, JOIN)
    return every, after_elements(step, scope, name, variable, keeps_error=keeps_output)


def _for_each(
    unit: Unit,
    step: Step,
    each: ForEach,
    lowering: object,
    scope: Scope,
    assigns: dict[str, Template],
    failure: Failure | None,
    *,
    is_read: bool,
) -> MapNode:
    """A Map over one state. Its condition, if it reads item or index, is decided per element; a skipped element gives null."""
    inner = scope.element_of(step.step_id)
    if each.completed_of is not None:
        enter_undone(each, inner)
    elements = find_elements(unit, each.items, each.max_items, scope, f"{step.pointer}/for_each")
    alone = mark_failure(inner, elements.most, unit.caught(step)) if step.elements_fail_alone else None
    name = derived_name(step.step_id, EACH)
    node: Node
    match lowering:
        case PureLowering():
            value = leaf.pure_value(unit, step, lowering, inner, kept=False, keeps_output=False, bounds={})
            node = PassNode(name, (value,))
        case TaskLowering():
            task = leaf.task(
                unit, step, lowering, inner, name, None, alone, keeps_output=False, is_element=True, is_read=is_read
            )
            node = with_late(unit, step, lowering, inner, task, None, keeps_output=False)
        case _:
            place = f"{step.pointer}/for_each" if each.completed_of is None else step.pointer
            detail = f"'{step.step_type}' cannot be repeated by for_each."
            if each.completed_of is not None:
                detail = (
                    f"'{step.step_type}' cannot be repeated for each element that '{each.completed_of}' has completed."
                )
            raise InvalidWorkflowError([Diagnostic("WFE-E404", place, detail)])
    nodes: tuple[Node, ...] = (node,)
    if decides_per_element(step) and step.condition is not None:
        skip_when = not_fragment(condition_fragment(step.condition, inner))
        nodes = (GuardNode(unit.state_name(step.step_id, GUARD), skip_when, {}, nodes),)
    if each.completed_of is None:
        warn_if_unbounded(unit, step, elements, (step,))
    else:
        elements = replace(elements, code=undone_elements(each, scope), least=0, undone=each.completed_of)
    return MapNode(
        name=step.step_id,
        step_id=step.step_id,
        elements=elements,
        max_concurrency=each.max_concurrency or INLINE_MAP_CONCURRENCY,
        body=Block(nodes, kind="element", failures=failures_variable(inner.depth) if alone else None),
        assigns=assigns,
        failure=failure,
        depth=scope.maps,
    )
