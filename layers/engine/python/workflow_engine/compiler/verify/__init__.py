"""Verify a compiled machine: what Step Functions refuses, at create or at run time, and emulators accept.

Stages, each a module: `scopes` finds the States objects, `structure` checks names and transitions, `fields` what each
state has, `expressions` each JSONata expression by its place (`syntax` and `tokens` read it), `variables` what is
assigned where. Nothing here raises for any JSON value: all that is wrong comes back as violations. Time is linear in
the machine's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow_engine.compiler.verify.expressions import state_expressions
from workflow_engine.compiler.verify.fields import check_scope_fields, check_state_fields
from workflow_engine.compiler.verify.rules import RULES, Violation
from workflow_engine.compiler.verify.scopes import Scope, find_scopes
from workflow_engine.compiler.verify.structure import check_definition, check_names, check_transitions
from workflow_engine.compiler.verify.variables import Expressions, check_variables

__all__ = ["RULES", "Violation", "verify"]


def verify(machine: Mapping[str, Any]) -> list[Violation]:
    """Every broken rule of an ASL machine in the JSONata language, as a dict of JSON values; an empty list if there is none.

    A state in JSONPath is reported and not looked into.
    """
    scopes, found = find_scopes(machine)
    found += check_definition(machine)
    found += check_names(scopes)
    expressions: list[Expressions] = []
    for scope in scopes:
        found += check_scope_fields(scope, _value_at(machine, scope))
        found += check_transitions(scope)
        of_scope = {}
        for name, state in scope.states.items():
            path = (*scope.path, "States", name)
            found += check_state_fields(path, state)
            if state.get("QueryLanguage", "JSONata") == "JSONata":
                of_scope[name], wrong = state_expressions(path, state)
                found += wrong
        expressions.append(of_scope)
    found += check_variables(scopes, expressions)
    return found


def _value_at(machine: Mapping[str, Any], scope: Scope) -> Mapping[str, Any]:
    value: Any = machine
    for key in scope.path:
        value = value[key]
    assert isinstance(value, Mapping)
    return value
