"""The table as the repositories see it: records by partition and sort key, and what may be asked of them.

`Table` is a port. `store.tables` has what stands behind it; `tests/contract` says what both of them do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final, NamedTuple, Protocol

from workflow_engine.aws_quotas import PARTITION_KEY_BYTES, SORT_KEY_BYTES, TRANSACTION_ITEMS
from workflow_engine.errors import InvalidRequestError
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import cursors
from workflow_engine.store.conditions import Condition
from workflow_engine.store.items import Record, Scalar, checked_amounts
from workflow_engine.store.schema import PARTITION_KEY, SORT_KEY, Index

Key = tuple[str, str]
"""Partition and sort key of a record."""


class ConditionFailedError(Exception):
    """A conditional write found another state than it asked for. Repositories turn it into what it means."""


class Write(NamedTuple):
    """A put with a condition on what is there now."""

    record: Mapping[str, Scalar]
    condition: Condition | None = None

    @property
    def key(self) -> Key:
        return str(self.record[PARTITION_KEY]), str(self.record[SORT_KEY])


class Removal(NamedTuple):
    """A deletion, in a transaction, with a condition on what is there now."""

    pk: str
    sk: str
    condition: Condition | None = None

    @property
    def key(self) -> Key:
        return self.pk, self.sk


class Addition(NamedTuple):
    """What `Table.add` does, in a transaction: unlike that, it is done once though the answer of AWS is lost."""

    pk: str
    sk: str
    amounts: Mapping[str, int]
    changes: Mapping[str, Scalar]

    @property
    def key(self) -> Key:
        return self.pk, self.sk


Change = Write | Removal | Addition
"""What a transaction may do to a record."""


class SortPrefix(NamedTuple):
    """Sort keys that begin with a text, which is not empty."""

    text: str

    def admits(self, sort_key: str) -> bool:
        return sort_key.startswith(self.text)


class SortRange(NamedTuple):
    """Sort keys from `low` to `high`, both included; None leaves that end open."""

    low: str | None = None
    high: str | None = None

    def admits(self, sort_key: str) -> bool:
        return (self.low is None or self.low <= sort_key) and (self.high is None or sort_key <= self.high)


EVERYTHING: Final = SortRange()


@dataclass(frozen=True, slots=True)
class Query:
    """A part of a partition, of the table or of an index, in the order of the sort key.

    `equals` filters by attributes other than the keys: those that the index declares (`Index.filters`).
    """

    partition: str
    index: Index | None = None
    sort: SortPrefix | SortRange = EVERYTHING
    newest_first: bool = True
    equals: Mapping[str, str | bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        undeclared = set(self.equals) - set(self.index.filters if self.index else ())
        if undeclared:
            raise ValueError(f"No list is filtered by {sorted(undeclared)}. Declare it in the index's filters.")

    @property
    def is_satisfiable(self) -> bool:
        """Whether a record may be found: no partition has a name that is no key, and nothing lies in a range that ends before
        it begins, which DynamoDB refuses.
        """
        low, high = (self.sort.low, self.sort.high) if isinstance(self.sort, SortRange) else (None, None)
        return is_key(self.partition) and (low is None or high is None or low <= high)

    @property
    def partition_key(self) -> str:
        """The attribute that holds the partition."""
        return self.index.partition_key if self.index else PARTITION_KEY

    @property
    def sort_key(self) -> str:
        """The attribute that gives the order; an index without one has the order of the table's."""
        return (self.index.sort_key if self.index else None) or SORT_KEY

    def keys_of(self, record: Record) -> dict[str, str]:
        """The keys of a record of this list, after which a page may begin."""
        return {name: record[name] for name in (PARTITION_KEY, SORT_KEY, self.partition_key, self.sort_key)}

    def position(self, tenant_id: str, cursor: str | None) -> dict[str, str] | None:
        """The keys after which a page begins, None for the first page.

        Raises InvalidRequestError for a cursor of another list or tenant, and for keys that this list cannot have: a cursor
        is no secret, so whoever likes may make one.
        """
        if cursor is None:
            return None
        position = cursors.decode(tenant_id, self._scope(), cursor)
        names = {PARTITION_KEY, SORT_KEY, self.partition_key, self.sort_key}
        if (
            not isinstance(position, dict)
            or position.keys() != names
            or not all(isinstance(value, str) and byte_length(value) for value in position.values())
            or not is_key(position[PARTITION_KEY], position[SORT_KEY])
            or position[self.partition_key] != self.partition
            or not self.sort.admits(position[self.sort_key])
        ):
            raise InvalidRequestError("The cursor does not fit this list. Leave it out.")
        return position

    def cursor(self, tenant_id: str, position: Mapping[str, str] | None) -> str | None:
        """The cursor of the page that begins after these keys; None when there is none."""
        return cursors.encode(tenant_id, self._scope(), position) if position else None

    def _scope(self) -> str:
        filters = sorted(self.equals.items())
        parts = [self.index.name if self.index else "", self.partition, str(self.newest_first), repr(filters)]
        if isinstance(self.sort, SortRange):
            # The words tell an open end from the other.
            parts += [f"from {self.sort.low}"] if self.sort.low else []
            parts += [f"to {self.sort.high}"] if self.sort.high else []
        return "|".join(parts)


class Page(NamedTuple):
    """A page of records and the opaque cursor of the next page, None on the last one. A page may have fewer records than were
    asked for and yet not be the last.
    """

    records: list[Record]
    next_cursor: str | None


class Table(Protocol):
    """Records in one table. Text, whole numbers and booleans come back as they were written, None as nothing.

    No record has a key that is empty or too long: reading finds nothing there, and a condition fails. Writes raise TypeError
    and ValueError for what no table keeps (`items.checked`), PayloadTooLargeError for more than 400 KB, ThrottledError when
    the table is busy. A write that returned is there for every reader, whatever happens to the process afterwards.
    """

    def get(self, pk: str, sk: str) -> Record | None:
        """The record of a key, as of the last write (strongly consistent), or None."""

    def get_many(self, keys: Iterable[Key]) -> list[Record]:
        """The records of these keys that exist, each once, in any order."""

    def put(self, write: Write) -> None:
        """Write a record, in the place of what stands there. ConditionFailedError when its condition does not hold."""

    def write_all(self, changes: Iterable[Change]) -> None:
        """Do all changes, of up to 100 different records, or none. ConditionFailedError when any condition does not hold."""

    def update(self, pk: str, sk: str, changes: Mapping[str, Scalar], condition: Condition | None = None) -> Record:
        """Set attributes of a record that is there; None removes one. Gives what these attributes were before, as far as there
        were any. ConditionFailedError when there is no record, or the condition does not hold.

        When the answer of AWS is lost, nothing is known of what they were.
        """

    def add(
        self,
        pk: str,
        sk: str,
        amounts: Mapping[str, int],
        changes: Mapping[str, Scalar],
        condition: Condition | None = None,
    ) -> None:
        """Add to whole numbers of a record and set other attributes, in one step; the record is made if it is not there, and a
        number that is missing counts as 0. ConditionFailedError when the condition does not hold.

        When the answer of AWS is lost, the amounts may be added once more than was asked.
        """

    def delete(self, pk: str, sk: str, condition: Condition | None = None) -> None:
        """Delete a record. ConditionFailedError when the condition does not hold; without one, having none is no error."""

    def query(self, tenant_id: str, query: Query, *, limit: int, cursor: str | None = None) -> Page:
        """One page of a query: at most `limit` records. Of an index, with the attributes that are projected into it.

        What a filter leaves out is read all the same, so a page of a filtered list ends after so many records read, too: with
        fewer than `limit`, or none, and a cursor that goes on from there.

        Raises InvalidRequestError for a cursor of another list or tenant.
        """

    def count(self, partition: str) -> int:
        """How many records a partition has. Reads them all, as far as DynamoDB is concerned."""

    def find_by(self, index: Index, value: str) -> Record | None:
        """A record with this value of an index's partition key, projected as the index is; eventually consistent."""


def is_key(pk: str, sk: str | None = None) -> bool:
    """Whether a record may have this key, or its partition. Ids in paths and queries may be of any length and hold anything;
    no record has one that is too long, empty, or no text of Unicode.
    """
    return all(
        part is None or 0 < byte_length(part) <= most
        for part, most in ((pk, PARTITION_KEY_BYTES), (sk, SORT_KEY_BYTES))
    )


def byte_length(text: str) -> int:
    """Bytes in UTF-8; 0 for half a surrogate pair, which has no such bytes."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


def transaction(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes of one transaction. ValueError for more than a transaction takes, or two of one record
    (TransactWriteItems, "TransactItems"); ConditionFailedError for a key that no record has.
    """
    wanted = tuple(changes)
    if not 0 < len({change.key for change in wanted}) == len(wanted) <= TRANSACTION_ITEMS:
        raise ValueError(f"A transaction is of 1 to {TRANSACTION_ITEMS} records, each once.")
    if not all(is_key(*change.key) for change in wanted):
        raise ConditionFailedError
    for change in wanted:
        if isinstance(change, Addition):
            checked_amounts(change.amounts, change.changes)
    return wanted
