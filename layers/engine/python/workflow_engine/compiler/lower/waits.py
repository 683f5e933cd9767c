"""A delay to a Wait state, and what is looked at before it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final

from workflow_engine.aws_quotas import EXECUTION_SECONDS
from workflow_engine.compiler.catalogue import WaitLowering
from workflow_engine.compiler.ir import Failure, GuardNode, Node, ParallelNode, WaitNode
from workflow_engine.compiler.jsonata.fragments import NULL, Group, Infix
from workflow_engine.compiler.lower.leaf import pure_context, tried
from workflow_engine.compiler.lower.recovery import fails
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.records import completed_record
from workflow_engine.language.diagnostics import Diagnostic, Json, pointer
from workflow_engine.language.reads import config_pointer
from workflow_engine.language.syntax import LiteralValue, Step
from workflow_engine.state_names import CHECK, FAIL

INVALID_DELAY: Final = "InvalidDelay"
INVALID_DELAY_CAUSE: Final = (
    "The delay is neither a number of seconds, a year (31,536,000) at most, nor an ISO 8601 timestamp."
)


def wait(
    unit: Unit, step: Step, lowering: WaitLowering, scope: Scope, variable: str | None, *, keeps_output: bool
) -> tuple[Node, ...]:
    """A Wait state. A Wait cannot catch, so where its seconds come from data a Choice looks at them first."""
    context = pure_context(unit, step, scope)
    seconds = lowering.seconds(context)
    output = lowering.build(context)
    record = completed_record(output, keeps_output=keeps_output)
    node = WaitNode(
        name=step.step_id,
        step_id=step.step_id,
        seconds=seconds,
        output=output,
        assigns={variable: record} if variable else {},
    )
    if not _waits_for_data(unit, step):
        return (node,)
    invalid = Infix("=", (Group((seconds,)), NULL))
    name = unit.state_name(step.step_id, CHECK)
    failed = unit.state_name(step.step_id, FAIL)
    failing = fails(step, scope, failed, INVALID_DELAY, INVALID_DELAY_CAUSE, variable, keeps_error=keeps_output)
    return (GuardNode(name, invalid, {}, (node,), failing),)


def tried_wait(
    unit: Unit,
    step: Step,
    lowering: WaitLowering,
    scope: Scope,
    variable: str | None,
    failure: Failure | None,
    *,
    keeps_output: bool,
) -> ParallelNode:
    """A wait that may fail and whose time is an author's expression: neither the Wait nor the Choice before it can catch."""
    inner = scope.child()
    own = inner.name(step.step_id)
    inside = replace(step, critical=True)
    kept = own if variable is not None and keeps_output else None
    nodes = wait(unit, inside, lowering, inner, kept, keeps_output=keeps_output)
    return tried(unit, step, nodes, own, variable, failure, keeps_output=keeps_output)


def _waits_for_data(unit: Unit, step: Step) -> bool:
    """Whether a delay's time comes from its mapping. Reports a delay that has no time, or two."""
    times = {"delay_seconds", "until"}
    configured, mapped = times & step.config.keys(), times & (step.input_mapping or {}).keys()
    if configured and mapped:
        detail = "The delay stands in the config and in the input_mapping. Give delay_seconds or until once."
        unit.warnings.append(Diagnostic("WFE-E104", step.pointer + "/input_mapping", detail))
    if not configured and len(mapped) != 1:
        detail = "A delay needs one of delay_seconds and until, in its config or in its input_mapping."
        unit.warnings.append(Diagnostic("WFE-E402", step.pointer, detail))
    source = (step.input_mapping or {}).get("delay_seconds")
    place = step.pointer + pointer("input_mapping", "delay_seconds")
    if isinstance(source, LiteralValue):
        if problem := _problem_of_seconds(source.value):
            unit.warnings.append(Diagnostic("WFE-E402", place, problem))
        else:
            _warn_of_a_part(unit, source.value, place)
    if "delay_seconds" in configured:
        _warn_of_a_part(unit, step.config["delay_seconds"], config_pointer(step, "delay_seconds"))
    return not configured


def _warn_of_a_part(unit: Unit, seconds: Any, place: str) -> None:
    """Of a second, which is dropped (Step Functions, Wait state, `Seconds`: whole seconds)."""
    if (whole := math.floor(seconds)) != seconds:
        detail = f"Step Functions waits for whole seconds, so 'delay_seconds' {seconds:g} is taken for {whole}."
        unit.warnings.append(Diagnostic("WFE-W106", place, detail))


def _problem_of_seconds(value: Json) -> str:
    """What is wrong with the seconds of a delay that are known before the run; "" where nothing is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "The delay is not a number of seconds."
    if 0 <= value <= EXECUTION_SECONDS:
        return ""
    return f"A delay has 0 to {EXECUTION_SECONDS:,} seconds: an execution lasts a year at most."
