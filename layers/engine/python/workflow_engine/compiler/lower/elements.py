"""A for_each whose elements fail alone: all of them run, then the step fails. Those that completed are undone one by one.

An element that fails gives a mark in the place of its output; a Choice after the Map looks for marks. The record of a step
that has failed then keeps the list under `elements`, for the steps that undo it.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import FailedPassNode, Failure, JoinNode, Template
from workflow_engine.compiler.jsonata.conditions import condition_fragment
from workflow_engine.compiler.jsonata.fragments import (
    Around,
    Array,
    Conditional,
    Fragment,
    Group,
    Infix,
    Read,
    Text,
    bind,
    call,
    function,
    if_assigned,
)
from workflow_engine.compiler.jsonata.references import reference_fragment
from workflow_engine.compiler.jsonata.states import ITEM
from workflow_engine.compiler.lower.readers import reads_element
from workflow_engine.compiler.lower.recovery import ends_with
from workflow_engine.compiler.lower.scope import Entry, Scope, failures_variable, message_characters
from workflow_engine.compiler.lower.status import COMPLETED
from workflow_engine.compiler.records import Caught, failed_record
from workflow_engine.language.syntax import ForEach, Step

_MARK: Final = "_failed_element"
_IS_FAILED: Final = f'function($x){{$type($x)="object"?"{_MARK}" in $keys($x):false}}'

_ELEMENT: Final = (
    'function($x,$i){{"output":$x,"index":$i,"item":$type($items)="array"and $exists($items[$i])?$items[$i]:null}}'
)

_UNDONE_ITEM: Final = Around("", (ITEM,), ".item")
_UNDONE_INDEX: Final = Around("", (ITEM,), ".index")
_UNDONE_OUTPUT: Final = Around("", (ITEM,), ".output")


def mark_failure(inner: Scope, most: int | None, caught: Caught) -> Failure:
    """What a Catcher inside of the Map notes of an element, of which there are at most so many: all that fail are in one list
    with what the others gave.
    """
    message = call("substring", caught.message, Text("0"), Text(str(message_characters(most))))
    mark: Template = {_MARK: {"type": caught.error, "message": message}}
    return Failure({}, {failures_variable(inner.depth): mark})


def element_fails(step: Step, inner: Scope, name: str, error: str, message: str) -> FailedPassNode:
    """A state that fails one element, and no other."""
    mark: Template = {_MARK: {"type": error, "message": message}}
    return FailedPassNode(name, step.step_id, error, message, {}, {failures_variable(inner.depth): mark})


def after_elements(step: Step, scope: Scope, name: str, variable: str, *, keeps_error: bool) -> JoinNode:
    """The Choice after the Map, whose record of the step as completed has been assigned."""
    marks = call("filter", Read(variable, ("output",)), Text(_IS_FAILED))
    first = Group((bind("m", marks), Text(f"$m[0].{_MARK}")))
    error, message = Around("", (first,), ".type"), Around("", (first,), ".message")
    record = {**failed_record(error, message, keeps_error=keeps_error), "elements": Read(variable, ("output",))}
    failed = call("exists", marks)
    if not step.critical or scope.recovery is None:
        return JoinNode(name, failed, {variable: record}, None)
    ends = ends_with(scope, step.step_id, error, message)
    return JoinNode(name, failed, {**scope.recovery.records(error, message), variable: record}, ends)


def undone_elements(each: ForEach, scope: Scope) -> Fragment:
    """The completed elements of a step, as a list of `{item, index, output}`."""
    assert each.completed_of is not None
    variable = scope.find(each.completed_of).variable
    if variable is None:  # it never runs
        return Text("[]")
    done = if_assigned(Read(variable, ("elements",)), if_assigned(Read(variable, ("output",)), Text("[]")))
    completed: Fragment = Text(f"$not(({_IS_FAILED})($one.output))")
    if each.ran_if is not None and reads_element(each.ran_if):
        element = scope.child()
        element.item, element.index = Text("$one.item"), Text("$one.index")
        completed = Infix(" and ", (completed, condition_fragment(each.ran_if, element)))
    elements = Array((call("filter", Text(f"[$map($done,{_ELEMENT})]"), function("one", completed)),))
    listed = Conditional((Text('$type($done)="array"'), elements, Text("[]")))
    # No helper has these names, which the list and the condition may call.
    return Group((bind("done", done), bind("items", reference_fragment(each.items, scope)), listed))


def enter_undone(each: ForEach, inner: Scope) -> None:
    """Inside of the Map over such elements: the item and index are those of the element, the step's output is what that gave."""
    assert each.completed_of is not None
    inner.item, inner.index = _UNDONE_ITEM, _UNDONE_INDEX
    inner.entries[each.completed_of] = Entry(COMPLETED, None, output=_UNDONE_OUTPUT)
