"""Conditions: fragments that are true or false for any data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from workflow_engine.compiler.jsonata.fragments import (
    NULL,
    Array,
    Call,
    Fragment,
    Group,
    Infix,
    Text,
    bind,
    call,
    json_literal,
)
from workflow_engine.compiler.jsonata.references import Scope, reference_fragment
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.jsonata.syntax import BINDING_POWER
from workflow_engine.language.regex import regex_literal
from workflow_engine.language.syntax import And, Check, Comparison, Condition, LiteralValue, Not, Operand, Or, Truthy

MAX_INLINE_GROUPS: Final = 3
"""Groups nested deeper are computed into variables one after the other, so that depth does not grow with them."""

MAX_CHAIN: Final = 3
"""Up to here `a and b and c` is shorter than `$not(false in[a,b,c])`; it is as deep as it is long, the other is not."""

_TRUE: Final = Text("true")
_FALSE: Final = Text("false")
_OPPOSITE: Final = {"=": "!=", "!=": "="}
_ORDER: Final = frozenset({"<", "<=", ">", ">="})


def condition_fragment(condition: Condition, scope: Scope) -> Fragment:
    """Whether the condition holds: true or false, whatever the data."""
    return _inline(condition, scope) if _groups(condition) <= MAX_INLINE_GROUPS else _hoisted(condition, scope)


def not_fragment(part: Fragment) -> Fragment:
    """The opposite of a boolean fragment. Binds at least as tightly as a comparison."""
    match part:
        case Text("true"):
            return _FALSE
        case Text("false"):
            return _TRUE
        case Call("$not", (inner,)):
            return Group((inner,)) if inner.binding < BINDING_POWER["="] else inner
        case Infix("=" | "!=" as operator, (left, _)) if not _may_be_undefined(left):
            return Infix(_OPPOSITE[operator], part.parts)
        case Group((inner,)):
            return call("not", inner)
        case _:
            return call("not", part)


def _may_be_undefined(part: Fragment) -> bool:
    """Whether an operand is an order of what may not be a number. `=` and `!=` are both false for undefined."""
    return isinstance(part, Infix) and part.operator in _ORDER


def all_of(parts: Iterable[Fragment]) -> Fragment:
    """Whether all of these booleans are true; true for none. No deeper for many parts than for few."""
    return _combined(tuple(parts), "and", when_empty=_TRUE)


def any_of(parts: Iterable[Fragment]) -> Fragment:
    """Whether any of these booleans is true; false for none. No deeper for many parts than for few."""
    return _combined(tuple(parts), "or", when_empty=_FALSE)


def _combined(parts: tuple[Fragment, ...], word: str, *, when_empty: Fragment) -> Fragment:
    if len(parts) < 2:
        return parts[0] if parts else when_empty
    if len(parts) <= MAX_CHAIN:
        return Group((Infix(f" {word} ", parts),))
    if word == "and":
        return call("not", _in_list(_FALSE, parts))
    return _in_list(_TRUE, parts)


def _in_list(part: Fragment, listed: tuple[Fragment, ...]) -> Infix:
    return Infix(" in", (part, Array(listed)))


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
        case Truthy(LiteralValue(value)):
            return _TRUE if value else _FALSE
        case Truthy(operand):
            value = _operand(operand, scope)
            return call("t", value)


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
        name = f"c{len(statements)}"
        statements.append(bind(name, value))
        return Text("$" + name)

    result = place(condition)
    return Group((*statements, result))


def _check(check: Check, scope: Scope) -> Fragment:
    value = _operand(check.operand, scope)
    is_null = Infix("=", (value, NULL))
    match check.operator:
        case "is_null":
            return is_null
        case "is_not_null" | "exists":
            return not_fragment(is_null)
        case "is_not_empty":
            return call("f", value)
        case "is_empty":
            return not_fragment(call("f", value))


def _comparison(comparison: Comparison, scope: Scope) -> Fragment:
    if comparison.operator == "regex_match":
        return _regex_match(comparison, scope)
    left = _operand(comparison.left, scope)
    right = _operand(comparison.right, scope)
    match comparison.operator:
        case "==":
            return Infix("=", (left, right))
        case "!=":
            return Infix("!=", (left, right))
        case ">" | ">=" | "<" | "<=":
            return _order(comparison, left, right)
        case "contains":
            return call("h", left, right)
        case "not_contains":
            return not_fragment(call("h", left, right))
        case "in":
            return _member(left, comparison.right, right)
        case "not_in":
            return not_fragment(_member(left, comparison.right, right))
        case "starts_with":
            return call("b", left, right)
        case "ends_with":
            return call("e", left, right)


def _order(comparison: Comparison, left: Fragment, right: Fragment) -> Fragment:
    """Beside a literal number the other value only need be a number, which takes less code than to compare any two."""
    operator = comparison.operator
    left_known, right_known = _is_literal_number(comparison.left), _is_literal_number(comparison.right)
    if left_known or right_known:
        # An undefined `u` makes the comparison undefined, which does not equal true.
        number = left if left_known else call("u", left)
        other = right if right_known else call("u", right)
        return Infix("=", (Infix(operator, (number, other)), _TRUE))
    sign = call("q", left, right)
    match operator:
        case ">":
            return Infix("=", (sign, Text("1")))
        case "<":
            return Infix("=", (sign, Text("-1")))
        case ">=":
            return _in_list(sign, (Text("0"), Text("1")))
        case _:
            return _in_list(sign, (Text("0"), Text("-1")))


def _is_literal_number(side: Operand) -> bool:
    return isinstance(side, LiteralValue) and isinstance(side.value, int | float) and not isinstance(side.value, bool)


def _member(left: Fragment, container: Operand, right: Fragment) -> Fragment:
    """`left in right`. JSONata's own `in` compares scalars only, and takes what is no list for a list of one."""
    match container:
        case LiteralValue(list(values)) if not any(isinstance(value, list | dict) for value in values):
            return Infix(" in", (left, right))
        case _:
            return call("h", right, left)


def _regex_match(comparison: Comparison, scope: Scope) -> Fragment:
    if not isinstance(comparison.right, LiteralValue) or not isinstance(comparison.right.value, str):
        raise TypeError("the pattern of regex_match is a literal string")
    left = _operand(comparison.left, scope)
    is_text = Infix("=", (call("type", bind("x", left)), Text('"string"')))
    matches = call("contains", Text("$x"), Text(regex_literal(comparison.right.value)))
    return Group((Infix("and ", (is_text, matches)),))


def _operand(operand: Operand, scope: Scope) -> Fragment:
    if isinstance(operand, LiteralValue):
        return json_literal(_ordered(operand.value))
    return reference_fragment(operand, scope)


def _ordered(value: Json) -> Json:
    """The same value with `hasOwnProperty` the last key of an object: a constructor raises for any key after it."""
    if isinstance(value, list):
        return [_ordered(element) for element in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: key == "hasOwnProperty")}
    return value
