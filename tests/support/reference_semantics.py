"""What references, conditions, templates and sources mean, in plain Python: the oracle of the property tests.

Written from the rules in `workflow_engine.language.syntax` and the docs of the language, not from the compiler. `Lookup`
gives the value that a reference starts from, before its path: null for a step that has no output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

from workflow_engine.language.syntax import (
    MAX_LIST_NESTING,
    And,
    Check,
    Comparison,
    ComparisonOperator,
    Condition,
    Expression,
    LiteralValue,
    Not,
    Operand,
    Or,
    Reference,
    ScopeReference,
    Segment,
    Source,
    StepReference,
    Template,
    TemplateVariable,
    Truthy,
    Wildcard,
)

Json = Any
Lookup = Callable[[Reference], Json]

_NUMERIC_STRING: Final = re.compile(r"-?[0-9]{1,99}(\.[0-9]{1,99})?([eE][-+]?[0-9]{1,2})?")
_FIFTEEN_DIGITS: Final = Context(prec=15, rounding=ROUND_HALF_UP)


# --- paths ---


def read_path(value: Json, path: Sequence[Segment]) -> Json:
    """What is at `path` in `value`; None for what is missing."""
    for position, segment in enumerate(path):
        match segment:
            case str():
                value = _member(value, segment, MAX_LIST_NESTING)
            case int():
                inside = isinstance(value, list) and -len(value) <= segment < len(value)
                value = value[segment] if inside else None
            case Wildcard():
                rest = path[position + 1 :]
                return [read_path(element, rest) for element in value] if isinstance(value, list) else None
    return value


def _member(value: Json, name: str, lists_left: int) -> Json:
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, list) and lists_left:
        return [_member(element, name, lists_left - 1) for element in value]
    return None


# --- conditions ---


def evaluate_condition(condition: Condition, lookup: Lookup) -> bool:
    """Whether the condition holds."""
    match condition:
        case And(parts):
            return all(evaluate_condition(part, lookup) for part in parts)
        case Or(parts):
            return any(evaluate_condition(part, lookup) for part in parts)
        case Not(part):
            return not evaluate_condition(part, lookup)
        case Truthy(operand):
            return is_truthy(_operand(operand, lookup))
        case Check(operator, operand):
            return _check(operator, _operand(operand, lookup))
        case Comparison(operator, left, right):
            return _compare(operator, _operand(left, lookup), _operand(right, lookup))


def is_truthy(value: Json) -> bool:
    """False for null, false, 0, "", [] and {}."""
    return bool(value)


def equal(left: Json, right: Json) -> bool:
    """Deep equality of JSON values: 1 equals 1.0, true does not equal 1, order of keys does not matter."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return float(left) == float(right)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    return type(left) is type(right) and bool(left == right)


def _operand(operand: Operand, lookup: Lookup) -> Json:
    return operand.value if isinstance(operand, LiteralValue) else read_reference(operand, lookup)


def _check(operator: str, value: Json) -> bool:
    empty = value is None or (isinstance(value, str | list | dict) and not value)
    return {
        "is_empty": empty,
        "is_not_empty": not empty,
        "is_null": value is None,
        "is_not_null": value is not None,
        "exists": value is not None,
    }[operator]


def _compare(operator: ComparisonOperator, left: Json, right: Json) -> bool:
    match operator:
        case "==":
            return equal(left, right)
        case "!=":
            return not equal(left, right)
        case ">" | ">=" | "<" | "<=":
            return _ordered(operator, left, right)
        case "contains":
            return contains(left, right)
        case "not_contains":
            return not contains(left, right)
        case "in":
            return contains(right, left)
        case "not_in":
            return not contains(right, left)
        case "starts_with":
            return isinstance(left, str) and isinstance(right, str) and left.startswith(right)
        case "ends_with":
            return isinstance(left, str) and isinstance(right, str) and left.endswith(right)
        case "regex_match":
            assert isinstance(right, str)
            return isinstance(left, str) and re.search(right, left, re.ASCII) is not None


def contains(container: Json, element: Json) -> bool:
    """A string contains its substrings, a list what equals one of its elements, an object its keys."""
    if isinstance(container, str):
        return isinstance(element, str) and element in container
    if isinstance(container, list):
        return any(equal(candidate, element) for candidate in container)
    return isinstance(container, dict) and isinstance(element, str) and element in container


def _ordered(operator: str, left: Json, right: Json) -> bool:
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = _number(left), _number(right)
        if left is None or right is None:
            return False
    return bool({">": left > right, ">=": left >= right, "<": left < right, "<=": left <= right}[operator])


def _number(value: Json) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and _NUMERIC_STRING.fullmatch(value):
        return float(value)
    return None


# --- templates and sources ---


def read_reference(reference: Reference, lookup: Lookup) -> Json:
    """The value of a reference."""
    return read_path(lookup(reference), reference.path)


def render_template(template: Template, lookup: Lookup, variables: Mapping[str, str]) -> str:
    """The text of a template. `variables` gives the texts of `current_date` and the like."""
    texts: list[str] = []
    for part in template.parts:
        match part:
            case str():
                texts.append(part)
            case TemplateVariable(name):
                texts.append(variables[name])
            case _:
                texts.append(render_value(read_reference(part, lookup)))
    return "".join(texts)


def render_value(value: Json) -> str:
    """A value as templates show it: null as nothing, strings as they are, all else as JSON as JavaScript writes it.

    Numbers have 15 significant digits, which is what JSONata writes; whole numbers that stand alone have all of theirs.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer():
        return _number_text(float(value))
    return _json_text(value)


def _json_text(value: Json) -> str:
    match value:
        case bool() | None | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return _number_text(float(_FIFTEEN_DIGITS.create_decimal(Decimal(float(value)))))
        case list():
            return "[" + ",".join(map(_json_text, value)) + "]"
        case _:
            fields = (f"{json.dumps(key, ensure_ascii=False)}:{_json_text(field)}" for key, field in value.items())
            return "{" + ",".join(fields) + "}"


def _number_text(number: float) -> str:
    """ECMAScript's Number::toString: shortest digits, an exponent from 1e21 up and below 1e-6."""
    if number == 0:
        return "0"
    sign, digit_tuple, exponent = Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, digit_tuple))
    point = len(digits) + exponent
    if len(digits) <= point <= 21:
        text = digits + "0" * exponent
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
        text = f"{mantissa}e{point - 1:+d}"
    return "-" * sign + text


def evaluate_source(source: Source, lookup: Lookup, variables: Mapping[str, str]) -> Json:
    """The value of a source that is no `Expression`: this oracle has no JSONata."""
    match source:
        case LiteralValue(value):
            return value
        case StepReference() | ScopeReference():
            return read_reference(source, lookup)
        case Template():
            return render_template(source, lookup, variables)
        case Expression():
            raise NotImplementedError("expressions are JSONata; ask an evaluator of it")
