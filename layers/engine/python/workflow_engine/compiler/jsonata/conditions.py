"""Conditions: fragments that are true or false for any data."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from workflow_engine.compiler.jsonata.fragments import Fragment, json_literal
from workflow_engine.compiler.jsonata.references import Scope, reference_fragment
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.regex import regex_literal
from workflow_engine.language.syntax import And, Check, Comparison, Condition, Literal_, Not, Operand, Or, Truthy

MAX_INLINE_GROUPS: Final = 3
"""Groups nested deeper are computed into variables one after the other, so that depth does not grow with them."""

MAX_CHAIN: Final = 3
"""Up to here `a and b and c` is shorter than `$not(false in[a,b,c])`; it is as deep as it is long, the other is not."""

_BINDS_LOOSELY: Final = re.compile(r"\b(?:and|or)\b|[?;]|:=")


@dataclass(frozen=True, slots=True)
class _Boolean(Fragment):
    """A boolean and its opposite, so that negating costs nothing. Both bind at least as tightly as a comparison."""

    negation: str = "false"


_TRUE: Final = _Boolean("true", negation="false")
_FALSE: Final = _Boolean("false", negation="true")


def condition_fragment(condition: Condition, scope: Scope) -> Fragment:
    """Whether the condition holds: true or false, whatever the data."""
    return _inline(condition, scope) if _groups(condition) <= MAX_INLINE_GROUPS else _hoisted(condition, scope)


def not_fragment(part: Fragment) -> Fragment:
    """The opposite of a boolean fragment."""
    if isinstance(part, _Boolean):
        return _Boolean(part.negation, part.helpers, part.code)
    return _Boolean(f"$not({part.code})", part.helpers, _operand_of_and(part))


def all_of(parts: Iterable[Fragment]) -> Fragment:
    """Whether all of these booleans are true; true for none. No deeper for many parts than for few."""
    return _combined(list(parts), "and", when_empty=_TRUE)


def any_of(parts: Iterable[Fragment]) -> Fragment:
    """Whether any of these booleans is true; false for none. No deeper for many parts than for few."""
    return _combined(list(parts), "or", when_empty=_FALSE)


def _combined(parts: list[Fragment], word: str, *, when_empty: Fragment) -> Fragment:
    if len(parts) < 2:
        return parts[0] if parts else when_empty
    helpers = frozenset[str]().union(*(part.helpers for part in parts))
    if len(parts) <= MAX_CHAIN:
        chain = f" {word} ".join(map(_operand_of_and, parts))
        return _Boolean(f"({chain})", helpers, f"$not({chain})")
    listed = ",".join(part.code for part in parts)
    if word == "and":
        return _Boolean(f"$not(false in[{listed}])", helpers, f"false in[{listed}]")
    return _Boolean(f"true in[{listed}]", helpers, f"$not(true in[{listed}])")


def _operand_of_and(part: Fragment) -> str:
    loose = not isinstance(part, _Boolean) and _BINDS_LOOSELY.search(part.code)
    return f"({part.code})" if loose else part.code


def _groups(condition: Condition) -> int:
    match condition:
        case And(parts) | Or(parts):
            return 1 + max(map(_groups, parts), default=0)
        case Not(part):
            return _groups(part)
        case _:
            return 0


def _inline(condition: Condition, scope: Scope) -> Fragment:
    match condition:
        case And(parts):
            return all_of(_inline(part, scope) for part in parts)
        case Or(parts):
            return any_of(_inline(part, scope) for part in parts)
        case Not(part):
            return not_fragment(_inline(part, scope))
        case Comparison():
            return _comparison(condition, scope)
        case Check():
            return _check(condition, scope)
        case Truthy(Literal_(value)):
            return _TRUE if value else _FALSE
        case Truthy(operand):
            value = _operand(operand, scope)
            return _call("t", value)


def _hoisted(condition: Condition, scope: Scope) -> Fragment:
    """A block that computes one comparison or group after the other, innermost first."""
    statements: list[Fragment] = []

    def place(part: Condition) -> Fragment:
        match part:
            case And(parts):
                value = all_of([place(inner) for inner in parts])
            case Or(parts):
                value = any_of([place(inner) for inner in parts])
            case Not(inner):
                return not_fragment(place(inner))
            case _:
                value = _inline(part, scope)
        name = f"$c{len(statements)}"
        statements.append(Fragment(f"{name}:={value.code}", value.helpers))
        return Fragment(name)

    result = place(condition)
    block = f"({';'.join(statement.code for statement in statements)};{result.code})"
    helpers = frozenset[str]().union(*(statement.helpers for statement in statements))
    return _Boolean(block, helpers, f"$not({block})")


def _check(check: Check, scope: Scope) -> Fragment:
    value = _operand(check.operand, scope)
    is_null = _Boolean(f"{value.code}=null", value.helpers, f"{value.code}!=null")
    match check.operator:
        case "is_null":
            return is_null
        case "is_not_null" | "exists":
            return not_fragment(is_null)
        case "is_not_empty":
            return _call("f", value)
        case "is_empty":
            return not_fragment(_call("f", value))


def _comparison(comparison: Comparison, scope: Scope) -> Fragment:
    if comparison.operator == "regex_match":
        return _regex_match(comparison, scope)
    left = _operand(comparison.left, scope)
    right = _operand(comparison.right, scope)
    match comparison.operator:
        case "==":
            return _infix(left, "=", right, opposite="!=")
        case "!=":
            return _infix(left, "!=", right, opposite="=")
        case ">" | ">=" | "<" | "<=":
            return _order(comparison, left, right)
        case "contains":
            return _call("h", left, right)
        case "not_contains":
            return not_fragment(_call("h", left, right))
        case "in":
            return _member(left, comparison.right, right)
        case "not_in":
            return not_fragment(_member(left, comparison.right, right))
        case "starts_with":
            return _call("b", left, right)
        case "ends_with":
            return _call("e", left, right)


def _order(comparison: Comparison, left: Fragment, right: Fragment) -> Fragment:
    """Beside a literal number the other value only need be a number, which takes less code than to compare any two."""
    operator = comparison.operator
    left_known, right_known = _is_literal_number(comparison.left), _is_literal_number(comparison.right)
    if left_known or right_known:
        # An undefined `u` makes the comparison undefined, which does not equal true.
        number = left if left_known else _call("u", left)
        other = right if right_known else _call("u", right)
        return _infix(_infix(number, operator, other), "=", Fragment("true"))
    sign = _call("q", left, right)
    match operator:
        case ">":
            return _infix(sign, "=", Fragment("1"), opposite="!=")
        case "<":
            return _infix(sign, "=", Fragment("-1"), opposite="!=")
        case ">=":
            return _infix(sign, " in", Fragment("[0,1]"))
        case _:
            return _infix(sign, " in", Fragment("[0,-1]"))


def _is_literal_number(side: Operand) -> bool:
    return isinstance(side, Literal_) and isinstance(side.value, int | float) and not isinstance(side.value, bool)


def _member(left: Fragment, container: Operand, right: Fragment) -> Fragment:
    """`left in right`. JSONata's own `in` compares scalars only, and takes what is no list for a list of one."""
    match container:
        case Literal_(list(values)) if not any(isinstance(value, list | dict) for value in values):
            return _infix(left, " in", right)
        case _:
            return _call("h", right, left)


def _regex_match(comparison: Comparison, scope: Scope) -> Fragment:
    if not isinstance(comparison.right, Literal_) or not isinstance(comparison.right.value, str):
        raise TypeError("the pattern of regex_match is a literal string")
    left = _operand(comparison.left, scope)
    test = f'$type($x:={left.code})="string"and $contains($x,{regex_literal(comparison.right.value)})'
    return _Boolean(f"({test})", left.helpers, f"$not({test})")


def _infix(left: Fragment, operator: str, right: Fragment, opposite: str | None = None) -> Fragment:
    code = left.code + operator + right.code
    negation = left.code + opposite + right.code if opposite else f"$not({code})"
    return _Boolean(code, left.helpers | right.helpers, negation)


def _call(helper: str, *arguments: Fragment) -> _Boolean:
    code = f"${helper}({','.join(argument.code for argument in arguments)})"
    return _Boolean(code, frozenset({helper}).union(*(a.helpers for a in arguments)), f"$not({code})")


def _operand(operand: Operand, scope: Scope) -> Fragment:
    if isinstance(operand, Literal_):
        return json_literal(_ordered(operand.value))
    return reference_fragment(operand, scope)


def _ordered(value: Json) -> Json:
    """The same value with `hasOwnProperty` the last key of an object: a constructor raises for any key after it."""
    if isinstance(value, list):
        return [_ordered(element) for element in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key == "hasOwnProperty")}
    return value
