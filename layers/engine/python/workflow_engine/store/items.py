"""Python values to DynamoDB attributes and back. Pure.

Only text, whole numbers, booleans and lists of text are stored as attributes of their own. Everything else is JSON
text: in a DynamoDB map a float needs a Decimal and 1.0 comes back as 1, in text a document stays what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import ITEM_BYTES, KIB

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Scalar = str | int | bool | None
Record = dict[str, Any]

MAX_INLINE_BYTES: Final = ITEM_BYTES - 100 * KIB
"""Larger documents go to S3. The rest of an item is for its keys, its names and its other attributes."""


def to_attributes(record: Mapping[str, Scalar]) -> dict[str, AttributeValueTypeDef]:
    """The item of a record. A value of None is left out."""
    return {name: attribute(value) for name, value in record.items() if value is not None}


def attribute(value: Scalar) -> AttributeValueTypeDef:
    """One value as DynamoDB writes it. TypeError for what must be JSON text."""
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case _:
            raise TypeError(f"{type(value).__name__} is not stored as an attribute; store it as JSON text")


def from_attributes(item: Mapping[str, Any]) -> Record:
    """The record of an item that `to_attributes` made."""
    return {name: _value(v) for name, v in item.items()}


def _value(value: Mapping[str, Any]) -> Scalar:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return str(content)
        case "N":
            return int(content)
        case "BOOL":
            return bool(content)
        case _:
            raise TypeError(f"attribute type {kind} is not written by this store")


def dump(document: Any) -> str:
    """A document as the JSON text that is stored. NaN and infinities are refused (ValueError)."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def canonical(document: Any) -> str:
    """JSON text that is the same for equal documents, whatever the order of their keys. What is hashed is this."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
