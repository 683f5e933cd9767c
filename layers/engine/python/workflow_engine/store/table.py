"""The table: the few DynamoDB calls that the repositories need, in terms of records."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from workflow_engine import aws
from workflow_engine.aws_quotas import BATCH_GET_KEYS, PARTITION_KEY_BYTES, SORT_KEY_BYTES
from workflow_engine.errors import InvalidRequestError, ThrottledError
from workflow_engine.store import cursors
from workflow_engine.store.items import Record, Scalar, attribute, from_attributes, to_attributes
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, Index

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_MAX_REFUSED_BATCHES: Final = 6
"""With the pauses between them about 3 s."""

_TRANSACTION_ATTEMPTS: Final = 3
"""Of two transactions on one item at once DynamoDB cancels one, and leaves trying again to the caller ("Transaction
conflict handling"); the other takes milliseconds.
"""

_MAX_PAGES_PER_LIST = 20
"""A filtered list reads at most this many pages for one answer, so that a rare status cannot hold a request for ever."""


class ConditionFailedError(Exception):
    """A conditional write found another state than it asked for. Repositories turn it into what it means."""


@dataclass(frozen=True, slots=True)
class Write:
    """A put with a condition on what is there now. `values` are the condition's `:names`."""

    record: Mapping[str, Scalar]
    condition: str | None = None
    values: Mapping[str, Scalar] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Removal:
    """A deletion, in a transaction, with a condition on what is there now."""

    pk: str
    sk: str
    condition: str | None = None


@dataclass(frozen=True, slots=True)
class SortRange:
    """Sort keys from `low` to `high`, both included; None leaves that end open."""

    low: str | None = None
    high: str | None = None

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """For the scope of a cursor; the words tell an open end from the other."""
        return (f"from {self.low}" if self.low else None, f"to {self.high}" if self.high else None)

    @property
    def condition(self) -> str:
        """The part of a KeyConditionExpression, "" when both ends are open."""
        if self.low and self.high:
            return "#sk BETWEEN :low AND :high"
        return "#sk >= :low" if self.low else "#sk <= :high" if self.high else ""

    @property
    def values(self) -> dict[str, str]:
        """The values of `condition`."""
        return {name: bound for name, bound in ((":low", self.low), (":high", self.high)) if bound}


EVERYTHING: Final = SortRange()


@dataclass(frozen=True, slots=True)
class Page:
    """A page of records and the opaque cursor of the next page, None on the last one."""

    records: list[Record]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Table:
    """DynamoDB in terms of records. Throttling that outlasts botocore's own retries is ThrottledError.

    botocore sends a call again when its answer was lost, and the second sending finds the first one's effect: its condition
    fails on the caller's own write. So a failed condition of a call that was sent more than once is answered by reading back:
    where the record is as the call would have left it, the call has succeeded.
    """

    client: DynamoDBClient
    name: str
    sleep: Callable[[float], None] = time.sleep

    def get(self, pk: str, sk: str) -> Record | None:
        """The record of a key, as of the last write (strongly consistent), or None."""
        if not _is_key(pk, sk):
            return None
        with _translated():
            answer = self.client.get_item(TableName=self.name, Key=_key(pk, sk), ConsistentRead=True)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[tuple[str, str]]) -> list[Record]:
        """The records of these keys that exist, in any order; one BatchGetItem per 100 keys.

        Keys that DynamoDB leaves out are asked for again, after growing pauses while it gives none of them at all
        (BatchGetItem, "UnprocessedKeys": it advises exponential backoff); then ThrottledError.
        """
        pending = [_key(pk, sk) for pk, sk in keys if _is_key(pk, sk)]
        found: list[Record] = []
        refused = 0
        while pending:
            batch, pending = pending[:BATCH_GET_KEYS], pending[BATCH_GET_KEYS:]
            with _translated():
                answer = self.client.batch_get_item(RequestItems={self.name: {"Keys": batch, "ConsistentRead": True}})
            found += [from_attributes(i) for i in answer["Responses"].get(self.name, [])]
            unprocessed: Any = answer["UnprocessedKeys"]
            left_out = unprocessed.get(self.name, {}).get("Keys", [])
            pending += left_out
            refused = refused + 1 if len(left_out) == len(batch) else 0
            if refused == _MAX_REFUSED_BATCHES:
                raise ThrottledError("The table is busy. Try again in a second.")
            if left_out:
                self.sleep(random.uniform(0.5, 1) * 0.05 * 2**refused)
        return found

    def put(self, write: Write) -> None:
        """Write a record. ConditionFailedError when its condition does not hold."""
        with _unless(lambda: self._is_done(write)), _translated():
            self.client.put_item(TableName=self.name, **_put_arguments(write))

    def write_all(self, changes: Iterable[Write | Removal]) -> None:
        """Do all changes or none (TransactWriteItems). ConditionFailedError when any condition does not hold."""
        wanted = tuple(changes)
        if not all(_is_key(*_place(change)) for change in wanted):
            raise ConditionFailedError
        items: Any = [self._transact_item(change) for change in wanted]
        token = str(uuid.uuid4())
        with _unless(lambda: all(map(self._is_done, wanted))):
            for attempt in range(1, _TRANSACTION_ATTEMPTS + 1):
                try:
                    with _translated():
                        self.client.transact_write_items(TransactItems=items, ClientRequestToken=token)
                    return
                except _TransactionConflictError as error:
                    if attempt == _TRANSACTION_ATTEMPTS:
                        raise ThrottledError("The table is busy. Try again in a second.") from error

    def update(
        self,
        pk: str,
        sk: str,
        changes: Mapping[str, Scalar],
        condition: str,
        values: Mapping[str, Scalar] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> None:
        """Set attributes; None removes one. ConditionFailedError when the condition does not hold."""
        if not _is_key(pk, sk):
            raise ConditionFailedError
        sets = [f"#c_{n} = :c_{n}" for n, v in changes.items() if v is not None]
        removes = [f"#c_{n}" for n, v in changes.items() if v is None]
        expression = ("SET " + ", ".join(sets) if sets else "") + (" REMOVE " + ", ".join(removes) if removes else "")
        bound = {f":c_{n}": attribute(v) for n, v in changes.items() if v is not None}
        bound |= {n: attribute(v) for n, v in (values or {}).items()}
        arguments: dict[str, Any] = {"ExpressionAttributeValues": bound} if bound else {}
        with _unless(lambda: self._is_changed(pk, sk, changes)), _translated():
            self.client.update_item(
                TableName=self.name,
                Key=_key(pk, sk),
                UpdateExpression=expression.strip(),
                ConditionExpression=condition,
                ExpressionAttributeNames={f"#c_{n}": n for n in changes} | dict(names or {}),
                **arguments,
            )

    def delete(
        self, pk: str, sk: str, condition: str | None = None, values: Mapping[str, Scalar] | None = None
    ) -> None:
        """Delete a record. ConditionFailedError when the condition does not hold."""
        arguments: dict[str, Any] = {"ConditionExpression": condition} if condition else {}
        if values:
            arguments["ExpressionAttributeValues"] = {n: attribute(v) for n, v in values.items()}
        with _unless(lambda: self.get(pk, sk) is None), _translated():
            self.client.delete_item(TableName=self.name, Key=_key(pk, sk), **arguments)

    def query(
        self,
        tenant_id: str,
        partition: str,
        *,
        index: Index | None = None,
        sort_prefix: str = "",
        sort_range: SortRange = EVERYTHING,
        limit: int,
        cursor: str | None = None,
        newest_first: bool = True,
        equals: Mapping[str, str] | None = None,
    ) -> Page:
        """One page of a partition in the order of the sort key. `equals` filters by attributes other than the keys.

        A key condition holds one thing about the sort key, so `sort_prefix` and `sort_range` exclude each other.

        Raises InvalidRequestError for a cursor of another list or tenant.
        """
        if not _is_key(partition):
            return Page([], None)
        filters = sorted((equals or {}).items())
        scope = "|".join(
            (index.name if index else "", partition, str(newest_first), repr(filters), *filter(None, sort_range.bounds))
        )
        start = None if cursor is None else cursors.decode(tenant_id, scope, cursor)
        request = self._query_request(partition, index, sort_prefix, newest_first, equals or {}, sort_range)
        records: list[Record] = []
        for _ in range(_MAX_PAGES_PER_LIST):
            if start:
                request["ExclusiveStartKey"] = {k: {"S": v} for k, v in start.items()}
            with _translated(bad_cursor=cursor is not None):
                answer = self.client.query(**request, Limit=limit - len(records))
            records += [from_attributes(i) for i in answer["Items"]]
            start = {k: v["S"] for k, v in answer.get("LastEvaluatedKey", {}).items()}
            if not start or len(records) >= limit:
                break
        return Page(records, cursors.encode(tenant_id, scope, start) if start else None)

    def count(self, partition: str) -> int:
        """How many records a partition has. Reads them all, as far as DynamoDB is concerned."""
        request: dict[str, Any] = {**self._query_request(partition, None, "", False, {}), "Select": "COUNT"}
        found = 0
        while True:
            with _translated():
                answer = self.client.query(**request)
            found += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def find_by(self, index: Index, value: str) -> Record | None:
        """The record with this value of an index's partition key, projected as the index is; eventually consistent."""
        with _translated():
            page = self.client.query(**self._query_request(value, index, "", True, {}), Limit=1)["Items"]
        return from_attributes(page[0]) if page else None

    def _is_done(self, change: Write | Removal) -> bool:
        """Whether the table is as the change would leave it."""
        if isinstance(change, Removal):
            return self.get(change.pk, change.sk) is None
        wanted = {name: value for name, value in change.record.items() if value is not None}
        return self.get(str(wanted[PARTITION_KEY]), str(wanted[SORT_KEY])) == wanted

    def _is_changed(self, pk: str, sk: str, changes: Mapping[str, Scalar]) -> bool:
        record = self.get(pk, sk)
        return record is not None and all(record.get(name) == value for name, value in changes.items())

    def _transact_item(self, change: Write | Removal) -> dict[str, Any]:
        if isinstance(change, Write):
            return {"Put": {"TableName": self.name, **_put_arguments(change)}}
        arguments = {"ConditionExpression": change.condition} if change.condition else {}
        return {"Delete": {"TableName": self.name, "Key": _key(change.pk, change.sk), **arguments}}

    def _query_request(
        self,
        partition: str,
        index: Index | None,
        sort_prefix: str,
        newest_first: bool,
        equals: Mapping[str, str],
        sort_range: SortRange = EVERYTHING,
    ) -> dict[str, Any]:
        condition, values = "#pk = :pk", {":pk": partition}
        names = {"#pk": index.partition_key if index else PARTITION_KEY}
        if sort_prefix:
            condition += " AND begins_with(#sk, :sk)"
            values[":sk"] = sort_prefix
        if sort_range.condition:
            condition += f" AND {sort_range.condition}"
            values |= sort_range.values
        if "#sk" in condition:
            names["#sk"] = (index.sort_key if index else None) or SORT_KEY
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition,
            "ScanIndexForward": not newest_first,
        }
        if equals:
            names |= {f"#f{i}": n for i, n in enumerate(equals)}
            values |= {f":f{i}": v for i, v in enumerate(equals.values())}
            request["FilterExpression"] = " AND ".join(f"#f{i} = :f{i}" for i in range(len(equals)))
        if index:
            request["IndexName"] = index.name
        else:
            request["ConsistentRead"] = True
        request["ExpressionAttributeNames"] = names
        request["ExpressionAttributeValues"] = {n: attribute(v) for n, v in values.items()}
        return request


def _is_key(pk: str, sk: str = "") -> bool:
    """Whether a record may have this key. Ids in paths and queries may be of any length; no record has one that is too long."""
    return len(pk.encode()) <= PARTITION_KEY_BYTES and len(sk.encode()) <= SORT_KEY_BYTES


def _place(change: Write | Removal) -> tuple[str, str]:
    if isinstance(change, Removal):
        return change.pk, change.sk
    return str(change.record[PARTITION_KEY]), str(change.record[SORT_KEY])


def _key(pk: str, sk: str) -> dict[str, AttributeValueTypeDef]:
    return {PARTITION_KEY: {"S": pk}, SORT_KEY: {"S": sk}}


def _put_arguments(write: Write) -> dict[str, Any]:
    arguments: dict[str, Any] = {"Item": to_attributes(write.record)}
    if write.condition:
        arguments["ConditionExpression"] = write.condition
    if write.values:
        arguments["ExpressionAttributeValues"] = to_attributes(write.values)
    if write.names:
        arguments["ExpressionAttributeNames"] = dict(write.names)
    return arguments


class _TransactionConflictError(Exception):
    """Another transaction was at work on an item of this one; nothing was written."""


@contextmanager
def _unless(is_done: Callable[[], bool]) -> Iterator[None]:
    """Lets a ConditionFailedError pass for nothing when the call was sent more than once and `is_done` says that the first
    sending had its effect.
    """
    try:
        yield
    except ConditionFailedError as error:
        response: Any = getattr(error.__cause__, "response", {})
        if not response.get("ResponseMetadata", {}).get("RetryAttempts") or not is_done():
            raise


class _translated:  # noqa: N801  # reads as a statement: `with _translated():`
    """Turns botocore's ClientError into the errors of this package; what has no meaning here goes on unchanged."""

    def __init__(self, *, bad_cursor: bool = False) -> None:
        self._bad_cursor = bad_cursor

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        response: Any = getattr(error, "response", None)
        if not isinstance(response, dict):
            return
        code = response.get("Error", {}).get("Code", "")
        reasons = {r.get("Code") for r in response.get("CancellationReasons", ())}
        if code == "ConditionalCheckFailedException" or "ConditionalCheckFailed" in reasons:
            raise ConditionFailedError from error
        if "TransactionConflict" in reasons:
            raise _TransactionConflictError from error
        if code == "ValidationException" and self._bad_cursor:
            raise InvalidRequestError("The cursor does not fit this list. Leave it out.") from error
        known = aws.translated(error, "dynamodb") if isinstance(error, Exception) else None
        if known is not None:
            raise known from error
