"""The table as data: arguments of CreateTable, and what CDK builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workflow_engine.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import (
        CreateTableInputTypeDef,
        GlobalSecondaryIndexTypeDef,
        KeySchemaElementTypeDef,
    )

PARTITION_KEY: Final = "pk"
SORT_KEY: Final = "sk"
TTL_ATTRIBUTE: Final = "expires_at"
"""Seconds since the epoch. Only records that may vanish (about requests that may be repeated) have it."""


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index. `attributes` are projected beside the keys; none means keys only. By those of `filters` its
    lists may be filtered.
    """

    name: str
    partition_key: str
    sort_key: str | None
    attributes: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """Its key attributes. Only a record that has all of them is in the index."""
        return tuple(filter(None, (self.partition_key, self.sort_key)))


_SUMMARY: Final = (
    "tenant_id",
    "workflow_id",
    "workflow_version",
    "workflow_name",
    "description",
    "execution_id",
    "status",
    "created_at",
    "updated_at",
    "started_at",
    "completed_at",
    "user_id",
    "session_id",
    "correlation_id",
    "parent_execution_id",
    "has_failures",
    "shown_error",
    "shown_tags",
)

_FILTERS: Final = ("status", "user_id", "session_id", "correlation_id", "parent_execution_id", "has_failures")

BY_TENANT: Final = Index("by_tenant", "tenant_list", "tenant_order", _SUMMARY, filters=_FILTERS)
"""All workflows, or the executions of a shard (`store.run_lists`), of a tenant by time."""

BY_WORKFLOW: Final = Index("by_workflow", "workflow_list", "workflow_order", _SUMMARY, filters=_FILTERS)
"""The executions of a workflow by time, in shards as well."""

BY_ARN: Final = Index("by_arn", "execution_arn", None)
"""An execution by its Step Functions ARN, which is all that an event about it tells."""

BY_DUE: Final = Index("by_due", "due_list", "due_at")
"""What is to be looked at again, and when (`store.due`). Only such records have these attributes, so it stays small."""

INDEXES: Final = (BY_TENANT, BY_WORKFLOW, BY_ARN, BY_DUE)


def table_definition(table_name: str) -> CreateTableInputTypeDef:
    """Arguments of DynamoDB's CreateTable. TTL on `TTL_ATTRIBUTE` is switched on separately (UpdateTimeToLive)."""
    names = {PARTITION_KEY, SORT_KEY}
    names.update(k for i in INDEXES for k in i.keys)
    return {
        "TableName": table_name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in sorted(names)],
        "KeySchema": _key_schema(PARTITION_KEY, SORT_KEY),
        "GlobalSecondaryIndexes": [_index_definition(i) for i in INDEXES],
    }


def _index_definition(index: Index) -> GlobalSecondaryIndexTypeDef:
    return {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.partition_key, index.sort_key),
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.attributes)}
        if index.attributes
        else {"ProjectionType": "KEYS_ONLY"},
    }


def _key_schema(partition_key: str, sort_key: str | None) -> list[KeySchemaElementTypeDef]:
    schema: list[KeySchemaElementTypeDef] = [{"AttributeName": partition_key, "KeyType": "HASH"}]
    if sort_key:
        schema.append({"AttributeName": sort_key, "KeyType": "RANGE"})
    return schema
