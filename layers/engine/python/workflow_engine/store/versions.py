"""What is kept in versions: workflows, agents, prompts. One store for all; each noun declares where its records lie.

The newest version stands by itself, complete, so that reading it is one item and listing what is in use one query; every
version is kept for ever beside it. Versions never change. Deleting takes the newest out of use; the versions stay, because
runs and workflows refer to them, and an id that is used again counts on from the last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Generic, TypeVar

from workflow_engine.errors import ConflictError, NotFoundError
from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Missing, all_of, any_of, equals
from workflow_engine.store.deletions import MARKED, NOT_MARKED, delete_once, is_marked
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import PARTITION_KEY, Index
from workflow_engine.store.table import ConditionFailedError, Page, Query, SortPrefix, Table, Write

_VERSIONS: Final = SortPrefix("VERSION#")

_RECENT_VERSIONS: Final = 100
"""How far back the version of a repeated request is looked for: further than others save meanwhile."""

_DESCRIPTION_LENGTH: Final = 500
"""How many characters of a description lists show."""

_UNUSED: Final = any_of(Missing(PARTITION_KEY), MARKED)


@dataclass(frozen=True, slots=True)
class Version:
    """One version. Times are ISO 8601 UTC: of the first version since the id is in use, and of this one.

    `request_id` names the request that created it (`made_id` of its attempts); None for a version that was added.
    """

    tenant_id: str
    id: str
    version: int
    name: str
    document: Mapping[str, Json]
    created_at: str
    updated_at: str
    created_by: str | None = None
    request_id: str | None = None


VersionT = TypeVar("VersionT", bound=Version)


@dataclass(frozen=True, slots=True)
class Noun(Generic[VersionT]):
    """How versions of one noun lie in the table.

    `newest` gives the key of the newest version of (tenant, id), `versions` the partition of all of them. `listed` is the
    partition of what a tenant has in use, by id; where `index` is given it is one of that index, in its order backwards, and
    `list_entry` gives the attributes that put the newest version there. `packed` gives the attributes of a version beside
    those that all nouns have, `unpacked` a version of a record, given the fields that all have but the document.
    """

    word: str
    id_attribute: str
    version_attribute: str
    name_attribute: str
    newest: Callable[[str, str], tuple[str, str]]
    versions: Callable[[str, str], str]
    listed: Callable[[str], str]
    packed: Callable[[VersionT, PayloadStore], Record]
    unpacked: Callable[[dict[str, Any], Record, PayloadStore], VersionT]
    index: Index | None = None
    list_entry: Callable[[VersionT], Record] = lambda _: {}

    @property
    def one(self) -> str:
        """`an agent`."""
        return f"an {self.word}" if self.word[0] in "aeiou" else f"a {self.word}"


@dataclass(frozen=True, slots=True)
class VersionStore(Generic[VersionT]):
    """Versions of one noun, of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore
    noun: Noun[VersionT]

    def create(self, made: VersionT) -> VersionT:
        """Write the first version of an id; gives it as it stands. For an id that was deleted its number is one more
        than the last.

        What another attempt at the same request (`request_id`) has created meanwhile is given as that left it. ConflictError
        when the id is in use.
        """
        try:
            return self._create(made)
        except ConditionFailedError:
            request_id = made.request_id
            earlier = request_id and self.created_by_request(made.tenant_id, made.id, request_id)
            if earlier:
                return earlier
        raise ConflictError(
            f"There is {self.noun.one} '{made.id}' already. Choose another id, or PUT a new version of it."
        )

    def created_by_request(self, tenant_id: str, id_: str, request_id: str) -> VersionT | None:
        """The version that a request created; it may have been followed by others, or deleted. None when it has not."""
        first = self.find(tenant_id, id_, 1)
        if first is not None and first.request_id == request_id:
            return first
        page = self._versions(tenant_id, id_, _RECENT_VERSIONS, None)
        return next((self._version(r) for r in page.records if r.get("request_id") == request_id), None)

    def add_version(self, following: VersionT) -> None:
        """Write a version; its number must be one more than the newest.

        ConflictError when the newest is no longer the version before: another save came first, or it was deleted.
        """
        self._add_version(following)

    def _add_version(self, following: VersionT, *also: Condition) -> None:
        is_newest = all_of(equals(self.noun.version_attribute, following.version - 1), NOT_MARKED, *also)
        try:
            self._save(following, is_newest)
        except ConditionFailedError:
            raise ConflictError(
                f"The {self.noun.word} '{following.id}' was changed by another request meanwhile. Read it and save again."
            ) from None

    def find(self, tenant_id: str, id_: str, version: int | None = None) -> VersionT | None:
        """The newest version, or the one asked for, None when there is none. A version is there also of what was deleted."""
        if version is None:
            record = self.table.get(*self.noun.newest(tenant_id, id_))
            return None if record is None or is_marked(record) else self._version(record)
        record = self.table.get(self.noun.versions(tenant_id, id_), keys.version(version))
        return None if record is None else self._version(record)

    def get(self, tenant_id: str, id_: str, version: int | None = None) -> VersionT:
        """What `find` gives. NotFoundError when there is none."""
        found = self.find(tenant_id, id_, version)
        if found is None:
            which = self.noun.word if version is None else f"version {version} of {self.noun.word}"
            raise NotFoundError(f"There is no {which} '{id_}'.")
        return found

    def newest(self, tenant_id: str, id_: str) -> VersionT:
        """The newest version. NotFoundError when there is none or it was deleted."""
        return self.get(tenant_id, id_)

    def delete(self, tenant_id: str, id_: str, now: float, version: int | None = None) -> None:
        """Take an id out of use (`store.deletions`). NotFoundError when it is not in use, or not in this version."""
        is_this = None if version is None else equals(self.noun.version_attribute, version)
        if not delete_once(self.table, tenant_id, *self.noun.newest(tenant_id, id_), now, is_this):
            raise NotFoundError(f"There is no {self.noun.word} '{id_}'.")

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> Page:
        """Summaries of what is in use: `{id, version, name, description, created_at, updated_at, created_by}`. `created_by` is
        None where the list is one of an index, which does not hold it.
        """
        index = self.noun.index
        in_use = Query(self.noun.listed(tenant_id), index, newest_first=index is not None)
        return self._summaries(self.table.query(tenant_id, in_use, limit=limit, cursor=cursor))

    def versions(self, tenant_id: str, id_: str, limit: int, cursor: str | None) -> Page:
        """Summaries of the versions, newest first."""
        return self._summaries(self._versions(tenant_id, id_, limit, cursor))

    def _versions(self, tenant_id: str, id_: str, limit: int, cursor: str | None) -> Page:
        versions = Query(self.noun.versions(tenant_id, id_), sort=_VERSIONS)
        return self.table.query(tenant_id, versions, limit=limit, cursor=cursor)

    def _create(self, made: VersionT) -> VersionT:
        try:
            self._save(made, _UNUSED)
        except ConditionFailedError:
            last = self._versions(made.tenant_id, made.id, 1, None).records
            if not last or self.find(made.tenant_id, made.id) is not None:
                raise
            made = replace(made, version=last[0][self.noun.version_attribute] + 1)
            self._save(made, _UNUSED)
        return made

    def _save(self, version: VersionT, condition: Condition) -> None:
        """Write a version, and in the same transaction as the newest one, if what stands there meets a condition."""
        record, noun = self._record(version), self.noun
        pk, sk = noun.newest(version.tenant_id, version.id)
        kept = {"pk": noun.versions(version.tenant_id, version.id), "sk": keys.version(version.version)}
        self.table.write_all(
            [
                Write(record | noun.list_entry(version) | {"pk": pk, "sk": sk}, condition),
                Write(record | kept, Missing(PARTITION_KEY)),
            ]
        )

    def _record(self, version: VersionT) -> Record:
        description = version.document.get("description")
        return {
            "tenant_id": version.tenant_id,
            self.noun.id_attribute: version.id,
            self.noun.version_attribute: version.version,
            self.noun.name_attribute: version.name,
            "description": description[:_DESCRIPTION_LENGTH] if isinstance(description, str) else None,
            "created_at": version.created_at,
            "updated_at": version.updated_at,
            "created_by": version.created_by,
            "request_id": version.request_id,
            **self.noun.packed(version, self.payloads),
        }

    def _version(self, record: Record) -> VersionT:
        known = {
            name: record.get(name) for name in ("tenant_id", "created_at", "updated_at", "created_by", "request_id")
        }
        return self.noun.unpacked(known | self._names(record), record, self.payloads)

    def _names(self, record: Record) -> Record:
        noun = self.noun
        names = {"id": noun.id_attribute, "version": noun.version_attribute, "name": noun.name_attribute}
        return {field: record[attribute] for field, attribute in names.items()}

    def _summaries(self, page: Page) -> Page:
        shown = ("description", "created_at", "updated_at", "created_by")
        records = [{**self._names(r), **{name: r.get(name) for name in shown}} for r in page.records]
        return Page(records, page.next_cursor)
