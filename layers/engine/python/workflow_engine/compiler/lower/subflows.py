"""A subflow to its Task: the child's whole input, its name, and what the Task gives and how it fails.

The start of a run fixes which machines its subflows run and with what (`children` of the execution input, by workflow and
version; `subflows` says which of them a step starts). Only the child's own input is computed when the step runs.
"""

from __future__ import annotations

from typing import Final

from workflow_engine.compiler.ir import Template
from workflow_engine.compiler.jsonata.fragments import (
    Array,
    Call,
    Fragment,
    Infix,
    Text,
    call,
    json_literal,
    object_fragment,
)
from workflow_engine.compiler.jsonata.states import REDRIVE, from_input
from workflow_engine.compiler.lower.inputs import input_object, mapped_inputs
from workflow_engine.compiler.lower.scope import Scope
from workflow_engine.compiler.lower.unit import Unit
from workflow_engine.language.syntax import Step
from workflow_engine.subflows import NAME_DIGITS, NAME_PREFIX

_RETRY: Final = Text("$states.context.State.RetryCount")
_PARENT: Final = Text("$states.context.Execution.Id")

STARTED_BY: Final = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
"""By which the console of Step Functions leads from a child to its parent ("Start workflow executions from a Task state")."""


def child_arguments(unit: Unit, step: Step, scope: Scope, *, is_element: bool) -> Template:
    """What the Task of a subflow asks of StartExecution.

    The name follows from the place and the attempt, so that the same attempt never starts two children; retries are counted
    anew after a redrive, so the redrive is in it too.
    """
    place = scope.element_place() if is_element else scope.place(step.step_id)
    child = call("lookup", from_input("children"), from_input("subflows", step.step_id))
    parts = Array((_PARENT, place, call("string", REDRIVE), call("string", _RETRY)))
    digest = call("hash", call("join", parts, json_literal("|")), json_literal("SHA-256"))
    name = Infix("&", (json_literal(NAME_PREFIX), call("substring", digest, Text("0"), Text(str(NAME_DIGITS)))))
    unit.subflows[step.step_id] = dict(step.config)
    return {
        "StateMachineArn": Text(f"{_code(child)}.machine"),
        "Name": name,
        "Input": _input(child, name, place, input_object(mapped_inputs(unit, step, scope))),
    }


def _code(fragment: Fragment) -> str:
    return fragment.source()[0]


def _input(child: Fragment, name: Fragment, place: Fragment, given: Fragment) -> Fragment:
    """The child's execution input, in the form of `compiler.execution_input`."""
    own = {"execution_id": name}
    parent = {
        "parent_execution_id": from_input("run", "execution_id"),
        "parent_place": place,
        "parent_redrive_count": REDRIVE,
    }
    run = _merged(from_input("run"), Text(f"{_code(child)}.run"), object_fragment(own | parent))
    context = _merged(from_input("context"), Text(f"{_code(child)}.context"), object_fragment(own))
    whole = {
        STARTED_BY: _PARENT,
        "input": given,
        "children": from_input("children"),
        "run": run,
        "context": context,
    }
    return _merged(Text(f"{_code(child)}.start"), object_fragment(whole))


def _merged(*parts: Fragment) -> Call:
    return call("merge", Array(parts))
