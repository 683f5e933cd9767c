"""What is asked of a table, as the expressions of DynamoDB. Pure.

Every name and every value has a placeholder: DynamoDB reserves hundreds of words, `status` and `name` among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workflow_engine.store.conditions import AllOf, AnyOf, Compared, Condition, Exists, Missing
from workflow_engine.store.items import Scalar, attribute
from workflow_engine.store.table import Query, SortPrefix, SortRange

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef


class Placeholders:
    """The names and values of the expressions of one call; a name that comes again keeps its placeholder."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, AttributeValueTypeDef] = {}

    def name(self, attribute_name: str) -> str:
        """The placeholder of an attribute."""
        return self.names.setdefault(attribute_name, f"#n{len(self.names)}")

    def value(self, value: Scalar) -> str:
        """The placeholder of a value."""
        placeholder = f":v{len(self.values)}"
        self.values[placeholder] = attribute(value)
        return placeholder

    def arguments(self) -> dict[str, Any]:
        """The arguments that explain the placeholders; DynamoDB refuses empty ones."""
        arguments: dict[str, Any] = {}
        if self.names:
            arguments["ExpressionAttributeNames"] = {p: n for n, p in self.names.items()}
        if self.values:
            arguments["ExpressionAttributeValues"] = self.values
        return arguments


def conditional(condition: Condition | None) -> dict[str, Any]:
    """The arguments of a call that is done under a condition; none for none."""
    if condition is None:
        return {}
    bound = Placeholders()
    return {"ConditionExpression": condition_text(condition, bound), **bound.arguments()}


def update_arguments(changes: Mapping[str, Scalar], condition: Condition) -> dict[str, Any]:
    """The arguments of UpdateItem: a value of None removes the attribute."""
    bound = Placeholders()
    sets = [f"{bound.name(n)} = {bound.value(v)}" for n, v in changes.items() if v is not None]
    removes = [bound.name(n) for n, v in changes.items() if v is None]
    parts = [f"{word} {', '.join(those)}" for word, those in (("SET", sets), ("REMOVE", removes)) if those]
    return {
        "UpdateExpression": " ".join(parts),
        "ConditionExpression": condition_text(condition, bound),
        **bound.arguments(),
    }


def add_arguments(
    amounts: Mapping[str, int], changes: Mapping[str, Scalar], condition: Condition | None
) -> dict[str, Any]:
    """The arguments of UpdateItem that adds to numbers and sets attributes."""
    bound = Placeholders()
    sets = [f"{bound.name(n)} = {bound.value(v)}" for n, v in changes.items() if v is not None]
    removes = [bound.name(n) for n, v in changes.items() if v is None]
    adds = [f"{bound.name(n)} {bound.value(amount)}" for n, amount in amounts.items()]
    parts = (("SET", sets), ("REMOVE", removes), ("ADD", adds))
    asked = {} if condition is None else {"ConditionExpression": condition_text(condition, bound)}
    expression = " ".join(f"{word} {', '.join(those)}" for word, those in parts if those)
    return {"UpdateExpression": expression, **asked, **bound.arguments()}


def query_arguments(query: Query) -> dict[str, Any]:
    """The arguments of Query but for table, limit and start. An index is eventually consistent, the table itself is not."""
    bound = Placeholders()
    keys = [f"{bound.name(query.partition_key)} = {bound.value(query.partition)}"]
    keys += _sort_text(query, bound)
    request: dict[str, Any] = {"KeyConditionExpression": " AND ".join(keys), "ScanIndexForward": not query.newest_first}
    if query.equals:
        filters = (f"{bound.name(n)} = {bound.value(v)}" for n, v in query.equals.items())
        request["FilterExpression"] = " AND ".join(filters)
    request |= {"IndexName": query.index.name} if query.index else {"ConsistentRead": True}
    return request | bound.arguments()


def condition_text(condition: Condition, bound: Placeholders) -> str:
    """A ConditionExpression. AND binds closer than OR, and DynamoDB refuses redundant parentheses."""
    match condition:
        case Exists(name):
            return f"attribute_exists({bound.name(name)})"
        case Missing(name):
            return f"attribute_not_exists({bound.name(name)})"
        case Compared(name, operator, value):
            return f"{bound.name(name)} {operator} {bound.value(value)}"
        case AllOf(parts):
            texts = ((part, condition_text(part, bound)) for part in parts)
            return " AND ".join(f"({text})" if isinstance(part, AnyOf) else text for part, text in texts)
        case AnyOf(parts):
            return " OR ".join(condition_text(part, bound) for part in parts)


def _sort_text(query: Query, bound: Placeholders) -> list[str]:
    match query.sort:
        case SortPrefix(text):
            return [f"begins_with({bound.name(query.sort_key)}, {bound.value(text)})"]
        case SortRange(None, None):
            return []
        case SortRange(low, None):
            return [f"{bound.name(query.sort_key)} >= {bound.value(low)}"]
        case SortRange(None, high):
            return [f"{bound.name(query.sort_key)} <= {bound.value(high)}"]
        case SortRange(low, high):
            return [f"{bound.name(query.sort_key)} BETWEEN {bound.value(low)} AND {bound.value(high)}"]
