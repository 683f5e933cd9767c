"""DynamoDB on a laptop: moto's, made fit for many threads and for a server that runs for days.

`apply()` changes moto 5.2.5 in this process, once and for good. The seams of Step Functions are in `infra.local.moto_seams`.
"""

from __future__ import annotations

import copy
import inspect
import threading
from contextvars import ContextVar
from functools import wraps
from typing import Any, Final

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from infra.local.seams.patching import extend, replace

_one_request_at_a_time: Final = threading.RLock()
_lock: Final = threading.Lock()
_is_applied = False
_asked_for: Final[ContextVar[list[Any] | None]] = ContextVar("partition", default=None)
"""The items of the partition that the Query of this thread looks at; None outside of one."""


def apply() -> None:
    """Put the seams in place, for the life of the process. Calling it again does nothing."""
    global _is_applied
    with _lock:
        if not _is_applied:
            answer_one_request_at_a_time()
            undo_transactions_by_item()
            look_at_one_partition_a_query()
            _is_applied = True


def answer_one_request_at_a_time() -> None:
    """moto's table is a dictionary without a lock: it changes while another thread reads it, and two conditional writes may
    both find their condition met. DynamoDB's writes are atomic.
    """
    call_action = DynamoHandler.call_action

    @wraps(call_action)
    def call_action_alone(self: DynamoHandler) -> Any:
        with _one_request_at_a_time:
            return call_action(self)

    replace(DynamoHandler, "call_action", call_action_alone)


def undo_transactions_by_item() -> None:
    """moto copies the whole table before each TransactWriteItems, to put it back if the transaction fails.

    That takes longer with every run that was ever recorded. Here the table is handed out as its own copy, and the items that
    the transaction names are put back instead.
    """
    transact_write_items = DynamoDBBackend.transact_write_items

    @wraps(transact_write_items)
    def transact_or_undo(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = [_named_item(self, operation) for entry in transact_items for operation in entry.values()]
        try:
            transact_write_items(self, transact_items)
        except Exception:
            for table, hash_key, range_key, item in before:
                _put_back(table, hash_key, range_key, item)
            raise

    replace(DynamoDBBackend, "transact_write_items", transact_or_undo)
    extend(Table, "__deepcopy__", lambda self, memo: self)


def look_at_one_partition_a_query() -> None:
    """moto sorts all items of the table for each Query, item by item in Python, and then throws away all but one partition.

    With a few hundred runs that takes longer than the run, and every other request waits for it. Here a query is handed the
    items of its partition only, which moto sorts and filters as before.
    """
    stock_query, stock_all_items = Table.query, Table.all_items
    parameters = inspect.signature(stock_query)

    @wraps(stock_query)
    def query(self: Table, *args: Any, **kwargs: Any) -> Any:
        token = _asked_for.set(_partition(self, parameters.bind(self, *args, **kwargs).arguments))
        try:
            return stock_query(self, *args, **kwargs)
        finally:
            _asked_for.reset(token)

    @wraps(stock_all_items)
    def all_items(self: Table) -> Any:
        partition = _asked_for.get()
        return stock_all_items(self) if partition is None else partition

    replace(Table, "query", query)
    replace(Table, "all_items", all_items)


def _partition(table: Table, query: dict[str, Any]) -> list[Any] | None:
    """The items of a query's partition; None leaves a query of another form than the product's to moto."""
    conditions: list[tuple[str, Any]] = query.get("hash_key_conditions") or []
    if query.get("index_name") is None:
        return list(table.items.get(query["hash_key"], {}).values()) if table.range_key_attr else None
    if len(conditions) != 1 or not table.range_key_attr:
        return None
    ((name, wanted),) = conditions
    everything = (item for partition in table.items.values() for item in partition.values())
    return [i for i in everything if (found := i.attrs.get(name)) is not None and found.value == wanted.value]


def _named_item(backend: DynamoDBBackend, operation: dict[str, Any]) -> tuple[Table, Any, Any, Any]:
    """Table, keys and a copy of the item that an operation of a transaction is about; the item is None if there is none."""
    table = backend.get_table(operation["TableName"])
    hash_key, range_key = backend.get_keys_value(table, operation.get("Key") or operation["Item"])
    return table, hash_key, range_key, copy.deepcopy(table.get_item(hash_key, range_key))


def _put_back(table: Table, hash_key: Any, range_key: Any, item: Any) -> None:
    partition: Any = table.items if range_key is None else table.items[hash_key]
    key = hash_key if range_key is None else range_key
    if item is None:
        partition.pop(key, None)
    else:
        partition[key] = item
