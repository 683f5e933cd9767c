"""The table in DynamoDB: the few calls that the port needs."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from workflow_engine import aws
from workflow_engine.aws_quotas import BATCH_GET_KEYS
from workflow_engine.errors import InvalidRequestError, ThrottledError
from workflow_engine.store.conditions import Condition, Exists, all_of
from workflow_engine.store.items import (
    Record,
    Scalar,
    checked,
    checked_amounts,
    checked_changes,
    from_attributes,
    to_attributes,
    too_large,
)
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, Index
from workflow_engine.store.table import (
    Addition,
    Change,
    ConditionFailedError,
    Key,
    Page,
    Query,
    Removal,
    Write,
    is_key,
    transaction,
)
from workflow_engine.store.tables.expressions import add_arguments, conditional, query_arguments, update_arguments

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_MAX_REFUSED_BATCHES: Final = 6
"""With the pauses between them about 3 s."""

_TRANSACTION_ATTEMPTS: Final = 3
"""Of two transactions on one item at once DynamoDB cancels one, and leaves trying again to the caller ("Transaction
conflict handling"); the other takes milliseconds.
"""

_MAX_REQUESTS_PER_PAGE: Final = 20
"""Of a list that is not filtered: a request reads 1 MB at most ("Paginating table query results")."""

_MAX_FILTERED_REQUESTS_PER_PAGE: Final = 4
_MAX_FILTERED_READS: Final = 1000
"""A page of a filtered list takes few requests. The first reads as many records as are wanted, since most may pass, each
further one 16 times as many, 1,000 at most, since few did. So a rare value cannot hold a request for ever.
"""


class DynamoTable:
    """`store.table.Table` in DynamoDB. Throttling that outlasts botocore's own retries is ThrottledError.

    botocore sends a call again when its answer was lost, and the second sending finds the first one's effect: its condition
    fails on the caller's own write. So a failed condition of a call that was sent more than once is answered by reading back:
    where the record is as the call would have left it, the call has succeeded.
    """

    def __init__(self, client: DynamoDBClient, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

    def get(self, pk: str, sk: str) -> Record | None:
        """The record of a key, as of the last write (strongly consistent), or None."""
        if not is_key(pk, sk):
            return None
        with _translated():
            answer = self._client.get_item(TableName=self._name, Key=_key(pk, sk), ConsistentRead=True)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Iterable[Key]) -> list[Record]:
        """The records of these keys that exist, in any order; one BatchGetItem per 100 keys.

        Keys that DynamoDB leaves out are asked for again, after growing pauses while it gives none of them at all
        (BatchGetItem, "UnprocessedKeys": it advises exponential backoff); then ThrottledError.
        """
        pending = [_key(pk, sk) for pk, sk in dict.fromkeys(keys) if is_key(pk, sk)]
        found: list[Record] = []
        refused = 0
        while pending:
            batch, pending = pending[:BATCH_GET_KEYS], pending[BATCH_GET_KEYS:]
            with _translated():
                answer = self._client.batch_get_item(RequestItems={self._name: {"Keys": batch, "ConsistentRead": True}})
            found += [from_attributes(i) for i in answer["Responses"].get(self._name, [])]
            unprocessed: Any = answer["UnprocessedKeys"]
            left_out = unprocessed.get(self._name, {}).get("Keys", [])
            pending += left_out
            refused = refused + 1 if len(left_out) == len(batch) else 0
            if refused == _MAX_REFUSED_BATCHES:
                raise ThrottledError("The table is busy. Try again in a second.")
            if left_out:
                self._sleep(random.uniform(0.5, 1) * 0.05 * 2**refused)
        return found

    def put(self, write: Write) -> None:
        """Write a record. ConditionFailedError when its condition does not hold."""
        with _unless(lambda: self._is_done(write)), _translated():
            self._client.put_item(TableName=self._name, **_put_arguments(write))

    def write_all(self, changes: Iterable[Change]) -> None:
        """Do all changes or none (TransactWriteItems). ConditionFailedError when any condition does not hold."""
        wanted = transaction(changes)
        items: Any = [self._transact_item(change) for change in wanted]
        token = str(uuid.uuid4())
        with _unless(lambda: all(map(self._is_done, wanted))):
            for attempt in range(1, _TRANSACTION_ATTEMPTS + 1):
                try:
                    with _translated():
                        self._client.transact_write_items(TransactItems=items, ClientRequestToken=token)
                    return
                except _TransactionConflictError as error:
                    if attempt == _TRANSACTION_ATTEMPTS:
                        raise ThrottledError("The table is busy. Try again in a second.") from error

    def update(self, pk: str, sk: str, changes: Mapping[str, Scalar], condition: Condition | None = None) -> Record:
        """Set attributes. UpdateItem by itself would make a record where there is none."""
        checked_changes(changes)
        if not is_key(pk, sk):
            raise ConditionFailedError
        is_there = Exists(PARTITION_KEY)
        arguments = update_arguments(changes, is_there if condition is None else all_of(is_there, condition))
        answer: Any = {}
        with _unless(lambda: self._is_changed(pk, sk, changes)), _translated():
            answer = self._client.update_item(
                TableName=self._name, Key=_key(pk, sk), ReturnValues="UPDATED_OLD", **arguments
            )
        return from_attributes(answer.get("Attributes", {}))

    def add(
        self,
        pk: str,
        sk: str,
        amounts: Mapping[str, int],
        changes: Mapping[str, Scalar],
        condition: Condition | None = None,
    ) -> None:
        """Add to numbers and set attributes (UpdateItem, `ADD`). A number that was added by a call whose answer was lost is added
        again: that is told apart by nothing.
        """
        checked_amounts(amounts, changes)
        if not is_key(pk, sk):
            raise ConditionFailedError
        with _translated():
            self._client.update_item(
                TableName=self._name, Key=_key(pk, sk), **add_arguments(amounts, changes, condition)
            )

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        """Delete a record. ConditionFailedError when the condition does not hold."""
        if not is_key(pk, sk):
            if condition is not None:
                raise ConditionFailedError
            return
        with _unless(lambda: self.get(pk, sk) is None), _translated():
            self._client.delete_item(TableName=self._name, Key=_key(pk, sk), **conditional(condition))

    def query(self, tenant_id: str, query: Query, *, limit: int, cursor: str | None = None) -> Page:
        """One page of a query, as several of DynamoDB's where a filter leaves out much of them."""
        if not query.is_satisfiable:
            return Page([], None)
        start = query.position(tenant_id, cursor)
        request = query_arguments(query)
        records: list[Record] = []
        reads = limit
        for _ in range(_MAX_FILTERED_REQUESTS_PER_PAGE if query.equals else _MAX_REQUESTS_PER_PAGE):
            if start:
                request["ExclusiveStartKey"] = {k: {"S": v} for k, v in start.items()}
            with _translated(bad_cursor=cursor is not None):
                answer = self._client.query(TableName=self._name, Limit=reads, **request)
            records += [from_attributes(i) for i in answer["Items"]]
            start = {k: v["S"] for k, v in answer.get("LastEvaluatedKey", {}).items()}
            if not start or len(records) >= limit:
                break
            reads = max(limit, min(16 * reads, _MAX_FILTERED_READS)) if query.equals else limit - len(records)
        if len(records) > limit:
            records = records[:limit]
            start = query.keys_of(records[-1])
        return Page(records, query.cursor(tenant_id, start))

    def count(self, partition: str) -> int:
        """How many records a partition has. Reads them all, as far as DynamoDB is concerned."""
        if not is_key(partition):
            return 0
        request = query_arguments(Query(partition)) | {"Select": "COUNT"}
        found = 0
        while True:
            with _translated():
                answer = self._client.query(TableName=self._name, **request)
            found += answer["Count"]
            if "LastEvaluatedKey" not in answer:
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def find_by(self, index: Index, value: str) -> Record | None:
        """A record with this value of an index's partition key."""
        if not is_key(value):
            return None
        with _translated():
            page = self._client.query(TableName=self._name, Limit=1, **query_arguments(Query(value, index)))["Items"]
        return from_attributes(page[0]) if page else None

    def _is_done(self, change: Change) -> bool:
        """Whether the table is as the change would leave it. Of what was added nothing tells; but a transaction that was done and
        is sent again under its token is answered as it was at first (TransactWriteItems, `ClientRequestToken`).
        """
        match change:
            case Removal():
                return self.get(change.pk, change.sk) is None
            case Write():
                return self.get(*change.key) == checked(change.record)
            case Addition():
                return False

    def _is_changed(self, pk: str, sk: str, changes: Mapping[str, Scalar]) -> bool:
        record = self.get(pk, sk)
        return record is not None and all(record.get(name) == value for name, value in changes.items())

    def _transact_item(self, change: Change) -> dict[str, Any]:
        if isinstance(change, Write):
            return {"Put": {"TableName": self._name, **_put_arguments(change)}}
        at = {"TableName": self._name, "Key": _key(change.pk, change.sk)}
        if isinstance(change, Addition):
            return {"Update": {**at, **add_arguments(change.amounts, change.changes, None)}}
        return {"Delete": {**at, **conditional(change.condition)}}


def _key(pk: str, sk: str) -> dict[str, AttributeValueTypeDef]:
    return {PARTITION_KEY: {"S": pk}, SORT_KEY: {"S": sk}}


def _put_arguments(write: Write) -> dict[str, Any]:
    return {"Item": to_attributes(checked(write.record)), **conditional(write.condition)}


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
        if _says_too_large(response):
            raise too_large() from error
        if code == "ValidationException" and self._bad_cursor:
            raise InvalidRequestError("The cursor does not fit this list. Leave it out.") from error
        known = aws.translated(error, "dynamodb") if isinstance(error, Exception) else None
        if known is not None:
            raise known from error


def _says_too_large(response: Any) -> bool:
    """Whether DynamoDB refused an item for its size. What an update makes of an item shows only there."""
    errors = (response.get("Error", {}), *response.get("CancellationReasons", ()))
    return any(str(error.get("Message", "")).startswith("Item size ") for error in errors)
