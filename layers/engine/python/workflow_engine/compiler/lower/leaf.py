"""One step to its state: a Lambda step to a Task, a pure step to a Pass, a delay to a Wait."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from workflow_engine.aws_quotas import CAUSE_LENGTH, ERROR_NAME_LENGTH
from workflow_engine.compiler.catalogue import PureContext, PureLowering, TaskLowering
from workflow_engine.compiler.ir import (
    ANSWERED_INVOKE,
    Block,
    FailedPassNode,
    FailNode,
    Failure,
    Node,
    ParallelNode,
    Return,
    TaskNode,
    Template,
    Value,
    task_output,
)
from workflow_engine.compiler.jsonata.children import READ_CHILD_RESULT
from workflow_engine.compiler.jsonata.fragments import (
    Array,
    Call,
    Fragment,
    Group,
    Text,
    bind,
    call,
    json_literal,
    object_fragment,
)
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.sources import (
    expression_fragment,
    pieces_fragment,
    template_fragment,
    values_fragment,
)
from workflow_engine.compiler.jsonata.states import ENTERED, REDRIVE, TOKEN, from_input
from workflow_engine.compiler.lower.checks import output_check
from workflow_engine.compiler.lower.inputs import has_expression, input_bound, input_object, mapped_inputs
from workflow_engine.compiler.lower.recovery import ends_with, fails
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.sizes import Size, size_of
from workflow_engine.compiler.lower.subflows import child_arguments
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.compiler.records import completed_record, failed_record
from workflow_engine.compiler.retries import counted_retries, policy_of, retriers
from workflow_engine.language.catalogue import split_version
from workflow_engine.language.diagnostics import Diagnostic
from workflow_engine.language.syntax import Source, Step, StepReference
from workflow_engine.language.templates import may_hold_names
from workflow_engine.state_names import FAIL, TRY
from workflow_engine.subflows import START_EXECUTION
from workflow_engine.told_failures import ERRORS_OF_AWS

_ATTEMPT: Final = Text("$states.context.State.RetryCount+1")


def failure_of(unit: Unit, step: Step, scope: Scope, variable: str | None, *, keeps_output: bool) -> Failure | None:
    """What is assigned when a step fails; None for a critical one whose failure ends the run."""
    caught = unit.caught(step)
    record = {variable: failed_record(caught.error, caught.message, keeps_error=keeps_output)} if variable else {}
    if not step.critical:
        return Failure(record)
    if scope.recovery is None:
        return None
    around = scope.recovery.records(caught.error, caught.message)
    return Failure({**around, **record}, ends_with(scope, step.step_id, caught.error, caught.text))


def tried(
    unit: Unit,
    step: Step,
    nodes: tuple[Node, ...],
    inner: str,
    variable: str | None,
    failure: Failure | None,
    *,
    keeps_output: bool,
) -> ParallelNode:
    """A Parallel around states that cannot catch a failure by themselves, or that must compute a value once: a branch hands
    on what its last state gave. `inner` is the step's variable inside of it.

    When the Parallel succeeds, so has the step: only its output has to come out of the branch.
    """
    returns: tuple[Return, ...] = ()
    assigns: dict[str, Template] = {}
    if variable is not None and keeps_output:
        returns = (Return(step.step_id, inner, variable, keeps_output),)
    elif variable is not None:
        assigns = {variable: completed_record(None, keeps_output=False)}
    return ParallelNode(unit.state_name(step.step_id, TRY), (Block(nodes, returns),), assigns, failure)


STEP_FAILED: Final = "StepFailed"
_IS_NO_NAME: Final = f'$e=""or $substring($e,0,{len(ERRORS_OF_AWS)})="{ERRORS_OF_AWS}"'
_NAME: Final = f'{_IS_NO_NAME}?"{STEP_FAILED}":$substring($e,0,{ERROR_NAME_LENGTH})'
"""No error of ours is called as one of Step Functions': what catches and retries those would take it for one."""


def fail(unit: Unit, step: Step, scope: Scope, variable: str | None, *, keeps_error: bool) -> FailNode | FailedPassNode:
    """A `fail` step. Its texts are cut to the lengths that AWS has for an error and its cause."""
    told = templates(unit, step, scope)
    error: Template = STEP_FAILED
    if "error" in told:
        error = told["error"] if _is_constant(step, "error") else Group((bind("e", told["error"]), Text(_NAME)))
    message = call("substring", told["message"], Text("0"), Text(str(CAUSE_LENGTH))) if "message" in told else ""
    name = unit.state_name(step.step_id, FAIL)
    return fails(step, scope, name, error, message, variable, keeps_error=keeps_error, by_author=True)


def _is_constant(step: Step, name: str) -> bool:
    return all(isinstance(part, str) for part in step.templates[name].parts)


def step_config(unit: Unit, step: Step, scope: Scope, *, fills_names: bool = False) -> Fragment:
    """The step's configuration as the step receives it: from the execution input, its template fields rendered; with
    `fills_names` those that may hold names are in pieces.
    """
    config = unit.config_of(step)
    if not step.templates:
        return config
    pieces = template_pieces(unit, step, scope) if fills_names else {}
    rendered = object_fragment({**templates(unit, step, scope, besides=pieces), **pieces})
    return Call("$merge", (Array((config, rendered)),))


def templates(unit: Unit, step: Step, scope: Scope, besides: Collection[str] = ()) -> dict[str, Fragment]:
    """The rendered template fields of the step's configuration, by key, but for those in `besides`."""
    return {
        key: template_fragment(template, scope, lambda value: unit.literal(step.step_id, value))
        for key, template in step.templates.items()
        if key not in besides
    }


def template_pieces(unit: Unit, step: Step, scope: Scope) -> dict[str, Fragment]:
    """The template fields whose own text may hold `{names}`, in pieces."""
    return {
        key: pieces_fragment(template, scope, lambda value: unit.literal(step.step_id, value))
        for key, template in step.templates.items()
        if may_hold_names(template)
    }


def payload(
    unit: Unit,
    step: Step,
    scope: Scope,
    timeout: Fragment | None = None,
    input_step_type: str | None = None,
    *,
    fills_names: bool = False,
    call: Fragment | None = None,
    is_element: bool = False,
) -> Template:
    """What a step Lambda receives: step_config, input_data and execution_context, in one expression; where an author's own
    expressions are in it, in one for each entry of the input, so that Step Functions names the entry whose expression fails.

    `timeout` is told as `execution_context.timeout_seconds`, the entries of the input that are outputs of steps of the type
    `input_step_type` as `execution_context.inputs_of_type`, where the step type wants to know these; `fills_names` as
    `step_config`. `call` stands beside them. `is_element` says that the step is one element of its own for_each.
    """
    identity = {"step_id": json_literal(step.step_id)}
    place = scope.element_place() if is_element else scope.place(step.step_id)
    context: dict[str, Fragment] = {**identity, "place": place, "attempt": _ATTEMPT}
    if scope.index is not None:
        context["index"] = scope.index
    if timeout is not None:
        context["timeout_seconds"] = timeout
    if input_step_type is not None and (names := _inputs_of_type(unit, step, input_step_type)):
        context["inputs_of_type"] = json_literal(names)
    inputs = mapped_inputs(unit, step, scope)
    parts: dict[str, Fragment] = {
        "step_config": object_fragment(
            {
                **identity,
                "step_type": json_literal(split_version(step.step_type)[0]),
                "config": step_config(unit, step, scope, fills_names=fills_names),
            }
        ),
        "input_data": input_object(inputs),
        "execution_context": Call("$merge", (Array((from_input("context"), object_fragment(context))),)),
        **({} if call is None else {"call": call}),
    }
    if not has_expression(step) or any(
        entry.name.endswith(".$") for entry in inputs
    ):  # a key that AWS keeps for JSONPath
        return object_fragment(parts)
    return {**parts, "input_data": {entry.name: entry.value for entry in inputs}}


def _call(unit: Unit, step: Step, lowering: TaskLowering, scope: Scope, timeout: Fragment | None) -> Fragment | None:
    """What a function that asks somebody else must know for that; None for one that does the step by itself."""
    call: dict[str, Fragment] = {"entered_at": ENTERED}
    if lowering.calls_endpoint:
        unit.endpoints.setdefault(lowering.function)
        call["endpoint"] = from_input("endpoints", lowering.function)
    elif lowering.waits_for_answer:
        call |= {"task_token": TOKEN, "redrive": REDRIVE}
    elif lowering.fills_texts:
        call["texts"] = object_fragment(
            {
                place: values_fragment(template, scope, lambda value: unit.literal(step.step_id, value))
                for place, template in step.nested_templates.items()
            }
        )
    else:
        return None
    return object_fragment(call if timeout is None else {**call, "timeout_seconds": timeout})


def task(
    unit: Unit,
    step: Step,
    lowering: TaskLowering,
    scope: Scope,
    name: str,
    variable: str | None,
    failure: Failure | None,
    *,
    keeps_output: bool,
    is_element: bool = False,
    is_read: bool = True,
) -> TaskNode:
    """A Task that invokes the step's function, whose ARN comes from the execution input, so that registering anew needs no new
    machine; or one that waits for a worker of an activity, whose ARN must be constant. `variable` holds the step's record,
    where one is kept; `is_read` says that another step works on its output.
    """
    if lowering.activity is not None:
        unit.activities[lowering.function] = lowering.activity
    elif not lowering.starts_child:
        unit.functions.setdefault(lowering.function)
    if lowering.without_input and not _has_input(unit, step):
        unit.warnings.append(Diagnostic("WFE-E402", step.pointer, _without_input(unit, step, lowering.without_input)))
    timeout = None
    seconds = lowering.timeout_seconds if step.timeout_seconds is None else step.timeout_seconds
    if seconds is not None:
        unit.timeouts[step.step_id] = seconds
        timeout = from_input("timeouts", step.step_id)
    arguments = (
        child_arguments(unit, step, scope, is_element=is_element)
        if lowering.starts_child
        else _told_arguments(unit, step, lowering, scope, timeout, is_element=is_element)
    )
    policy = policy_of(step, lowering)
    resource = _resource(lowering)
    result = READ_CHILD_RESULT if lowering.starts_child and is_read else task_output(resource)
    record = completed_record(result, keeps_output=keeps_output)
    return TaskNode(
        name=name,
        step_id=step.step_id,
        arguments=arguments,
        timeout=timeout,
        retry=retriers(lowering, policy),
        assigns={variable: record} if variable else {},
        failure=failure,
        max_retries=counted_retries(lowering, policy),
        resource=resource,
        heartbeat=_heartbeat(lowering, seconds),
        result=result,
        check=None if lowering.checked_by is None else output_check(unit, step, lowering.function, lowering.checked_by),
    )


def _resource(lowering: TaskLowering) -> str | None:
    if lowering.starts_child:
        return START_EXECUTION
    return ANSWERED_INVOKE if lowering.waits_for_answer else lowering.activity


def _told_arguments(
    unit: Unit, step: Step, lowering: TaskLowering, scope: Scope, timeout: Fragment | None, *, is_element: bool
) -> Template:
    """What Lambda's Invoke is asked for, or what a worker gets."""
    event = payload(
        unit,
        step,
        scope,
        timeout if lowering.tells_timeout else None,
        lowering.names_inputs_of_type,
        fills_names=lowering.fills_names,
        call=_call(unit, step, lowering, scope, timeout),
        is_element=is_element,
    )
    if lowering.activity is not None:
        return event
    return {"FunctionName": from_input("functions", lowering.function), "Payload": event}


def _heartbeat(lowering: TaskLowering, timeout: int | None) -> int | None:
    """Step Functions takes none that is not shorter than the timeout (Task workflow state, `HeartbeatSeconds`), which is what
    ends such a step anyway.
    """
    heartbeat = lowering.heartbeat_seconds
    return heartbeat if heartbeat is not None and (timeout is None or heartbeat < timeout) else None


def _has_input(unit: Unit, step: Step) -> bool:
    """False where the step's input is sure to be empty, or to hold nothing that it could work on."""
    if step.input_mapping is None:
        return any(d not in unit.no_inputs for d in step.dependencies)
    return any(_whole_output(source) not in unit.no_inputs for source in step.input_mapping.values())


def _without_input(unit: Unit, step: Step, problem: str) -> str:
    """The problem, and why what the step is given is no input."""
    given = step.dependencies if step.input_mapping is None else map(_whole_output, step.input_mapping.values())
    return " ".join(dict.fromkeys([problem, *(unit.no_inputs[s] for s in given if s is not None)]))


def _whole_output(source: Source) -> str | None:
    """The step whose whole output a source is."""
    is_whole = isinstance(source, StepReference) and source.facet == "output" and not source.path
    return source.step_id if isinstance(source, StepReference) and is_whole else None


def _inputs_of_type(unit: Unit, step: Step, step_type: str) -> list[str]:
    """Entries of the step's input that are the whole output of a step of this type."""
    if step.input_mapping is None:
        return [d for d in step.dependencies if unit.step_types.get(d) == step_type]
    return [
        name
        for name, source in step.input_mapping.items()
        if (given := _whole_output(source)) is not None and unit.step_types.get(given) == step_type
    ]


def pure_context(unit: Unit, step: Step, scope: Scope) -> PureContext:
    """What the builders of the catalogue may use to compute a pure step or a wait."""
    inputs = mapped_inputs(unit, step, scope)
    input_data = input_object(inputs)
    return PureContext(
        static_config=step.config,
        config=lambda key: unit.config_value(step, key),
        inputs=inputs,
        input_data=input_data,
        templates=templates(unit, step, scope),
        template_pieces=template_pieces(unit, step, scope),
        expressions={
            key: expression_fragment(expression, scope, input_data) for key, expression in step.expressions.items()
        },
        entered=ENTERED,
        read=lambda reference: reference_fragment(reference, scope),
        declared=len(step.dependencies if step.input_mapping is None else step.input_mapping),
        mapped=step.input_mapping is not None,
        step_id=step.step_id,
    )


def pure_value(
    unit: Unit,
    step: Step,
    lowering: PureLowering,
    scope: Scope,
    *,
    kept: bool,
    keeps_output: bool,
    bounds: dict[str, Size | None],
) -> Value:
    """The step as one value of a Pass state. Records its size bound in `bounds` for the steps that read it."""
    unit.constants[step.step_id] = lowering.constant
    unit.handed_on[step.step_id] = lowering.handed_on
    output = lowering.build(pure_context(unit, step, scope))
    bounds[step.step_id] = size = pure_bound(unit, step, lowering, bounds)
    return Value(
        step_id=step.step_id,
        output=output,
        variable=scope.name(step.step_id),
        kept=kept,
        keeps_output=keeps_output,
        size_bound=size.length if size is not None else None,
        may_raise=has_expression(step),
    )


def pure_bound(unit: Unit, step: Step, lowering: PureLowering, bounds: Mapping[str, Size | None]) -> Size | None:
    """Upper bound of a pure step's output, None when it depends on data of unknown size."""
    read = input_bound(unit, step, bounds) if unit.takes_input(step) else Size(0, 0)
    if read is None:
        return None
    taken = read.plus(size_of(step.config)).times(lowering.growth_factor)
    return taken.plus(Size(lowering.growth_bytes, 0))
