"""Approvals: one record a place of an execution, for the newest attempt at the step that stands there.

An approval is `open` until somebody has `claimed` it with a decision; once Step Functions has taken that it is `decided`, or `late`
where the task was over before. `closed` is one that nobody decided in time. Only an open one is in lists; its token goes with the
claim's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any, Final, Literal

from workflow_engine.language.diagnostics import Json
from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Condition, Missing, all_of, any_of, below, equals
from workflow_engine.store.due import after
from workflow_engine.store.items import Record, Scalar, dump
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.retention import expiry
from workflow_engine.store.schema import BY_TENANT, BY_WORKFLOW, PARTITION_KEY, SORT_KEY
from workflow_engine.store.table import ConditionFailedError, Key, Query, SortPrefix, Table, Write

State = Literal["open", "claimed", "decided", "late", "closed"]

SENT_AGAIN_AFTER_SECONDS: Final = 60
"""When a decision is due to be sent again, unless it is known by then that it arrived."""

MAX_INLINE_BYTES: Final = 64_000
"""Larger documents are objects, since an item holds 400 KB and an approval has two of them beside its texts."""

_PAGE: Final = 100
_DOCUMENTS: Final = ("input", "payload")


@dataclass(frozen=True, slots=True)
class Approval:
    """What is asked, and what was decided. Times are ISO 8601 UTC with milliseconds. `input` and `payload` are JSON.

    `opening` orders the attempts at one place, over retries, turns and redrives. Without a `deadline` it is open as long as the
    run goes on.
    """

    tenant_id: str
    execution_id: str
    place: str
    step_id: str
    opening: str
    token: str | None
    prompt: str
    opened_at: str
    state: State = "open"
    workflow_id: str | None = None
    input: Json = None
    approver_role: str | None = None
    require_comment: bool = False
    forbid_self: bool = False
    fails_when_denied: bool = False
    deadline: str | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    comment: str | None = None
    payload: Json = None

    @property
    def key(self) -> Key:
        """Of its record."""
        return keys.execution(self.tenant_id, self.execution_id), keys.approval(self.place)


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of open approvals, oldest first, some of whom may have ended with their runs."""

    approvals: list[Approval]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class ApprovalStore:
    """Approvals of all tenants."""

    table: Table
    payloads: PayloadStore
    retention_days: int = 0
    """After the end that its run may have, an approval expires; 0 keeps it."""

    def open(self, approval: Approval) -> bool:
        """Ask for a decision, in the place of what an earlier attempt asked. False when this one has asked before, or a later
        one since: nothing changes then.
        """
        record = self._record(approval)
        try:
            self.table.put(Write(record, any_of(Missing(PARTITION_KEY), below("opening", approval.opening))))
        except ConditionFailedError:
            return False
        return True

    def find(self, tenant_id: str, execution_id: str, place: str) -> Approval | None:
        """The approval at a place, None when there is none."""
        return self.load((keys.execution(tenant_id, execution_id), keys.approval(place)))

    def load(self, key: Key) -> Approval | None:
        """The approval of a record's key."""
        record = self.table.get(*key)
        return None if record is None else self._approval(record)

    def of_execution(self, tenant_id: str, execution_id: str) -> Iterator[Approval]:
        """All approvals of an execution, as of now."""
        partition = keys.execution(tenant_id, execution_id)
        query = Query(partition, sort=SortPrefix(keys.APPROVALS), newest_first=False)
        cursor: str | None = None
        while True:
            page = self.table.query(tenant_id, query, limit=_PAGE, cursor=cursor)
            yield from map(self._approval, page.records)
            cursor = page.next_cursor
            if cursor is None:
                return

    def inbox(
        self, tenant_id: str, role: str | None, execution_id: str | None, limit: int, cursor: str | None
    ) -> Inbox:
        """A page of a tenant's open approvals: of all executions or of one, of all roles or of one."""
        if execution_id is not None:
            partition = keys.execution(tenant_id, execution_id)
            within = Query(partition, sort=SortPrefix(keys.APPROVALS), newest_first=False)
            page = self.table.query(tenant_id, within, limit=limit, cursor=cursor)
            own = [self._approval(record) for record in page.records]
            wanted = [a for a in own if a.state == "open" and role in (None, a.approver_role)]
            return Inbox(wanted, page.next_cursor)
        query = (
            Query(keys.approvals(tenant_id), BY_TENANT, newest_first=False)
            if role is None
            else Query(keys.approvals_of_role(tenant_id, role), BY_WORKFLOW, newest_first=False)
        )
        page = self.table.query(tenant_id, query, limit=limit, cursor=cursor)
        listed = [(r[PARTITION_KEY], r[SORT_KEY]) for r in page.records]
        found = {(r[PARTITION_KEY], r[SORT_KEY]): self._approval(r) for r in self.table.get_many(listed)}
        return Inbox([found[key] for key in listed if key in found and found[key].state == "open"], page.next_cursor)

    def claim(
        self,
        approval: Approval,
        decision: str,
        *,
        by: str | None,
        at: str,
        comment: str | None,
        payload: Json,
    ) -> Approval | None:
        """Decide an open approval; gives it as it then stands, None when it is open no more or another attempt has asked since."""
        claimed = replace(
            approval,
            state="claimed",
            decision=decision,
            decided_by=by,
            decided_at=at,
            comment=comment,
            payload=payload,
        )
        changes: dict[str, Scalar] = {
            "decision": decision,
            "decided_by": by,
            "decided_at": at,
            "comment": comment,
            "payload": self._stored(approval.tenant_id, payload),
            "due_list": keys.DUE_APPROVALS,
            "due_at": after(at, SENT_AGAIN_AFTER_SECONDS),
        }
        return claimed if self._move(approval, "claimed", changes) else None

    def finish(self, approval: Approval, state: State) -> bool:
        """Let an approval come to its end. False when it has come to one already, or another attempt has asked since."""
        return self._move(approval, state, {"token": None, "due_list": None, "due_at": None})

    def _move(self, approval: Approval, state: State, changes: Mapping[str, Scalar]) -> bool:
        out = {"tenant_list": None, "tenant_order": None, "workflow_list": None, "workflow_order": None}
        still: Condition = all_of(equals("opening", approval.opening), equals("state", approval.state))
        try:
            self.table.update(*approval.key, {"state": state, **out, **changes}, still)
        except ConditionFailedError:
            return False
        return True

    def _record(self, approval: Approval) -> Record:
        pk, sk = approval.key
        order = keys.ordered_approval(approval.opened_at, approval.execution_id, approval.place)
        role = approval.approver_role
        kept = {f.name: getattr(approval, f.name) for f in fields(approval)}
        for name in _DOCUMENTS:
            kept[name] = self._stored(approval.tenant_id, kept[name])
        return {
            **kept,
            PARTITION_KEY: pk,
            SORT_KEY: sk,
            "tenant_list": keys.approvals(approval.tenant_id),
            "tenant_order": order,
            "workflow_list": None if role is None else keys.approvals_of_role(approval.tenant_id, role),
            "workflow_order": None if role is None else order,
            "due_list": None if approval.deadline is None else keys.DUE_APPROVALS,
            "due_at": approval.deadline,
            "expires_at": expiry(approval.opened_at, self.retention_days, may_go_on=True),
        }

    def _stored(self, tenant_id: str, document: Json) -> str | None:
        if document is None:
            return None
        text = dump(document)
        content = text.encode()
        return text if len(content) <= MAX_INLINE_BYTES else self.payloads.keep(tenant_id, (content,))

    def _approval(self, record: Record) -> Approval:
        known: dict[str, Any] = {f.name: record[f.name] for f in fields(Approval) if f.name in record}
        known.setdefault("token", None)
        for name in _DOCUMENTS:
            if name in known:
                known[name] = self.payloads.load(known[name])
        return Approval(**known)
