"""What a record may hold, and Python values to DynamoDB attributes and back. Pure.

Only text, whole numbers and booleans are stored as attributes of their own. Everything else is JSON text: in a DynamoDB
map a float needs a Decimal and 1.0 comes back as 1, in text a document stays what it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.aws_quotas import ITEM_BYTES, KIB, NUMBER_DIGITS, PARTITION_KEY_BYTES, SORT_KEY_BYTES
from workflow_engine.errors import PayloadTooLargeError
from workflow_engine.store.schema import INDEXES, PARTITION_KEY, SORT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Scalar = str | int | bool | None
Record = dict[str, Any]

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Made once: to make it takes as long as to write a short document, of which a run that ends has hundreds."""

MAX_INLINE_BYTES: Final = ITEM_BYTES - 100 * KIB
"""Larger documents go to S3. The rest of an item is for its keys, its names and its other attributes."""


_KEY_BYTES: Final[Mapping[str, int]] = (
    {index.partition_key: PARTITION_KEY_BYTES for index in INDEXES}
    | {index.sort_key: SORT_KEY_BYTES for index in INDEXES if index.sort_key}
    | {PARTITION_KEY: PARTITION_KEY_BYTES, SORT_KEY: SORT_KEY_BYTES}
)
"""How long the attributes may be that are keys, of the table or of an index ("Constraints in Amazon DynamoDB")."""


def checked(record: Mapping[str, Scalar]) -> dict[str, str | int | bool]:
    """The record as a table keeps it: without its Nones.

    Raises TypeError for a value that must be JSON text, ValueError for a key that no table takes, for text that is no UTF-8
    and a number of more than 38 digits, and PayloadTooLargeError for more than 400 KB.
    """
    kept = {name: value for name, value in record.items() if value is not None}
    for key in (PARTITION_KEY, SORT_KEY):
        if key not in kept:
            raise ValueError(f"A record has no {key}.")
    if sum(map(_bytes_of, kept, kept.values())) > ITEM_BYTES:
        raise too_large()
    return kept


def checked_changes(changes: Mapping[str, Scalar]) -> None:
    """Raises TypeError and ValueError for changes of a record that no table makes."""
    if not changes or {PARTITION_KEY, SORT_KEY} & changes.keys():
        raise ValueError("An update changes attributes, at least one, and none of the record's key.")
    for name, value in changes.items():
        if value is not None:
            _bytes_of(name, value)


def checked_amounts(amounts: Mapping[str, int], changes: Mapping[str, Scalar]) -> None:
    """Raises TypeError and ValueError for what no table adds: nothing, to keys, to what is set at the same time."""
    if not amounts or {PARTITION_KEY, SORT_KEY} & amounts.keys() or amounts.keys() & changes.keys():
        raise ValueError(
            "Amounts are added to attributes, at least one, none of the record's key, and none that is set."
        )
    if not all(type(amount) is int for amount in amounts.values()):
        raise TypeError("Amounts are whole numbers.")
    checked_changes({**changes, **amounts})


def too_large() -> PayloadTooLargeError:
    """The error of a record of more than 400 KB. Documents go to the payload store long before, so names and tags did it."""
    return PayloadTooLargeError(
        f"The record is larger than the {ITEM_BYTES // KIB} KB that the table keeps. Shorten names, tags and metadata."
    )


def _bytes_of(name: str, value: str | int | bool) -> int:
    """What an attribute takes of an item ("DynamoDB item sizes and formats")."""
    size = len(name.encode())
    match value:
        case bool():
            return size + 1
        case int():
            digits = len(str(abs(value)).rstrip("0"))
            if abs(value) >= 10**NUMBER_DIGITS:
                raise ValueError(f"The attribute '{name}' is a number of more than {NUMBER_DIGITS} digits.")
            if name in _KEY_BYTES:
                raise ValueError(f"The attribute '{name}' is a key, and keys are text.")
            return size + 1 + (digits + 1) // 2
        case str():
            length = len(value.encode())
            if not (name not in _KEY_BYTES or 0 < length <= _KEY_BYTES[name]):
                raise ValueError(f"The attribute '{name}' is a key, of 1 to {_KEY_BYTES[name]} bytes.")
            return size + length
        case _:
            raise TypeError(f"{type(value).__name__} is not stored as an attribute; store it as JSON text")


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
    return _encode(document)


def canonical(document: Any) -> str:
    """JSON text that is the same for equal documents, whatever the order of their keys. What is hashed is this."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
