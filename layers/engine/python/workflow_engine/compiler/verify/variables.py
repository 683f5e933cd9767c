"""Workflow variables: names, one scope inside another, and whether a value is there wherever it is read.

A variable is assigned for certain at a state if every path from the start of its scope assigns it, or if it was
assigned for certain when the enclosing Parallel or Map was entered. Sets of variables are bits of an integer, so that a
machine of thousands of states and variables is done in a few sweeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from workflow_engine import aws_quotas
from workflow_engine.compiler.verify.expressions import Expression
from workflow_engine.compiler.verify.rules import Path, Violation, violation
from workflow_engine.compiler.verify.scopes import Scope, State, entries
from workflow_engine.language.jsonata import FUNCTIONS

Expressions = Mapping[str, list[Expression]]
"""Name of a state -> its expressions, for one scope."""

_RESERVED: Final = "states"


def _assignments(state: State) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every Assign of a state: its own, those of its catchers and of its choice rules."""
    if isinstance(state.get("Assign"), Mapping):
        yield ("Assign",), state["Assign"]
    for field in ("Catch", "Choices"):
        for index, entry in entries(state, field):
            if isinstance(entry.get("Assign"), Mapping):
                yield (field, index, "Assign"), entry["Assign"]


def check_variables(scopes: list[Scope], expressions: list[Expressions]) -> list[Violation]:
    """All rules on variables. `expressions[i]` are those of `scopes[i]`; an enclosing scope stands before those inside it."""
    found: list[Violation] = []
    assigned: list[set[str]] = []
    for scope in scopes:
        names: set[str] = set()
        for state_name, state in scope.states.items():
            for keys, values in _assignments(state):
                path = (*scope.path, "States", state_name, *keys)
                names.update(values)
                for name in values:
                    found += _check_name((*path, name), name)
                    found += _check_nesting((*path, name), name, scope, scopes, assigned)
        assigned.append(names)
    bits = {name: 1 << i for i, name in enumerate(dict.fromkeys(name for names in assigned for name in sorted(names)))}
    at_entry: list[dict[str, int]] = []
    for scope, of_scope in zip(scopes, expressions, strict=True):
        inherited = 0
        if scope.parent >= 0 and not scope.distributed:
            inherited = at_entry[scope.parent].get(scope.owner, 0)
        entry = _assigned_at_entry(scope, bits, inherited)
        at_entry.append(entry)
        visible = _visible_outside(scope, scopes, assigned)
        for state_name, known in entry.items():
            for expression in of_scope.get(state_name, ()):
                found += _check_reads(expression, known, bits, visible)
    return found


def _check_name(path: Path, name: str) -> Iterator[Violation]:
    if name == _RESERVED:
        yield violation("ASL-VARIABLE-RESERVED", path, "The name 'states' is reserved.")
    elif name.endswith(".$"):
        return  # Reported as a key of JSONPath.
    elif not name.isidentifier() or name[0] == "_" or len(name) > aws_quotas.VARIABLE_NAME_LENGTH:
        detail = f"{name[:90]!r} is not a valid identifier of at most {aws_quotas.VARIABLE_NAME_LENGTH} characters."
        yield violation("ASL-VARIABLE-NAME", path, detail)
    elif name in FUNCTIONS:
        yield violation("OWN-VARIABLE-FUNCTION", path, f"The variable would hide the function ${name}.")


def _check_nesting(
    path: Path, name: str, scope: Scope, scopes: list[Scope], assigned: list[set[str]]
) -> Iterator[Violation]:
    outer = scope.parent
    while outer >= 0:
        if name in assigned[outer]:
            yield violation("ASL-NESTED-ASSIGN", path, f"The variable {name!r} is also assigned in an enclosing scope.")
            return
        outer = scopes[outer].parent


def _visible_outside(scope: Scope, scopes: list[Scope], assigned: list[set[str]]) -> list[set[str]]:
    """Variables beyond the nearest distributed Map around a scope, by scope; empty outside such Maps."""
    hidden: list[set[str]] = []
    beyond = False
    while scope.parent >= 0:
        beyond = beyond or scope.distributed
        if beyond:
            hidden.append(assigned[scope.parent])
        scope = scopes[scope.parent]
    return hidden


def _check_reads(
    expression: Expression, known: int, bits: dict[str, int], hidden: list[set[str]]
) -> Iterator[Violation]:
    if expression.reading is None:
        return
    for name in sorted(expression.reading.variables):
        if name == _RESERVED or known & bits.get(name, 0):
            continue
        if any(name in names for names in hidden):
            detail = f"${name} is assigned outside the distributed Map; pass it by ItemSelector."
            yield violation("ASL-DISTRIBUTED-VARIABLE", expression.path, detail)
        elif name not in FUNCTIONS and not expression.asks_for(name):
            reason = (
                "on some path here it has no value" if name in bits else "nothing assigns it, and it is not a function"
            )
            yield violation("RUN-UNASSIGNED", expression.path, f"${name} is read, but {reason}.")


def _assigned_at_entry(scope: Scope, bits: dict[str, int], inherited: int) -> dict[str, int]:
    """Variables with a value for certain when each reachable state is entered, as bits; a state's own Assign comes later."""
    if scope.start not in scope.states:
        return {}
    edges = {name: list(_edges(state, bits)) for name, state in scope.states.items()}
    order = _reverse_postorder(scope, edges)
    entry = {scope.start: inherited}
    changed = True
    while changed:
        changed = False
        for name in order:
            known = entry[name]
            for target, gained in edges[name]:
                if target not in edges:
                    continue
                before = entry.get(target)
                after = known | gained if before is None else before & (known | gained)
                if after != before:
                    entry[target] = after
                    changed = True
    return entry


def _edges(state: State, bits: dict[str, int]) -> Iterator[tuple[str, int]]:
    """Targets of a state and what is assigned on the way. A choice rule counts with its own Assign only, the Assign of
    the Choice itself with its Default: the pages do not promise more."""

    def gained(holder: Mapping[str, Any]) -> int:
        values = holder.get("Assign")
        return sum(bits[name] for name in values) if isinstance(values, Mapping) else 0

    for field in ("Next", "Default"):
        if isinstance(state.get(field), str):
            yield state[field], gained(state)
    for field in ("Choices", "Catch"):
        for _, holder in entries(state, field):
            if isinstance(holder.get("Next"), str):
                yield holder["Next"], gained(holder)


def _reverse_postorder(scope: Scope, edges: Mapping[str, list[tuple[str, int]]]) -> list[str]:
    """Reachable states, each before those it leads to where there is no cycle, so that one sweep mostly suffices."""
    seen = {scope.start}
    done: list[str] = []
    stack = [(scope.start, iter(edges[scope.start]))]
    while stack:
        name, targets = stack[-1]
        for target, _ in targets:
            if target in edges and target not in seen:
                seen.add(target)
                stack.append((target, iter(edges[target])))
                break
        else:
            done.append(name)
            stack.pop()
    return done[::-1]
