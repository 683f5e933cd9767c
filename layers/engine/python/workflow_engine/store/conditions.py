"""Conditions of writes, as data. Pure.

A condition speaks about the record that stands at the place of the write. Each table reads it in its own way:
`store.tables.expressions` writes it as a DynamoDB expression, `holds` decides it for a record that is at hand. The two mean
the same: an attribute that is missing, or of another type, compares as false ("Comparison operator and function reference").

They are named tuples because every cold start makes these classes, and a dataclass takes seven times as long to make.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

from workflow_engine.store.items import Scalar

Operator = Literal["=", "<", "<="]

_DECIDED: Final[Mapping[Operator, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
}
"""Text compares by code points here and by bytes of UTF-8 in DynamoDB, which is the same order."""


class Exists(NamedTuple):
    """The record has the attribute; of a key's, that there is a record."""

    attribute: str


class Missing(NamedTuple):
    """The record has no such attribute, or there is no record."""

    attribute: str


class Compared(NamedTuple):
    """The attribute is there, of the value's type, and compares with it so. Booleans are equal or not, never less."""

    attribute: str
    operator: Operator
    value: str | int | bool


class AllOf(NamedTuple):
    """All of its parts hold."""

    parts: tuple[Condition, ...]


class AnyOf(NamedTuple):
    """One of its parts holds, or several do."""

    parts: tuple[Condition, ...]


Condition = Exists | Missing | Compared | AllOf | AnyOf


def equals(attribute: str, value: Scalar) -> Condition:
    """The attribute has this value; None is what an attribute that is not kept reads as."""
    return Missing(attribute) if value is None else Compared(attribute, "=", value)


def below(attribute: str, value: str | int) -> Condition:
    """The attribute is less than a value."""
    return Compared(attribute, "<", value)


def at_most(attribute: str, value: str | int) -> Condition:
    """The attribute is a value or less."""
    return Compared(attribute, "<=", value)


def all_of(first: Condition, *further: Condition) -> Condition:
    """All of these hold."""
    return AllOf((first, *further)) if further else first


def any_of(first: Condition, *further: Condition) -> Condition:
    """One of these holds, or several do."""
    return AnyOf((first, *further)) if further else first


def holds(condition: Condition | None, record: Mapping[str, Scalar]) -> bool:
    """Whether a condition holds for a record, `{}` where there is none. No condition always does."""
    match condition:
        case None:
            return True
        case Exists(attribute):
            return record.get(attribute) is not None
        case Missing(attribute):
            return record.get(attribute) is None
        case Compared(attribute, sign, value):
            standing = record.get(attribute)
            return type(standing) is type(value) and _DECIDED[sign](standing, value)
        case AllOf(parts):
            return all(holds(part, record) for part in parts)
        case AnyOf(parts):
            return any(holds(part, record) for part in parts)
