"""Step registrations: the step types that a tenant added at run time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from workflow_engine.errors import NotFoundError
from workflow_engine.store import keys
from workflow_engine.store.deletions import delete_once
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.registrations import register_once
from workflow_engine.store.table import Table

STEP_PREFIX: Final = "STEP#"

Registration = dict[str, Any]
"""`{step_type, execution_type, function_arn, config_schema, timeout_seconds, ...}`, JSON, as the API shows it."""


@dataclass(frozen=True, slots=True)
class StepStore:
    """Registrations of all tenants; every call names the tenant."""

    table: Table
    payloads: PayloadStore

    def put(self, tenant_id: str, registration: Registration, request_id: str) -> tuple[Registration, bool]:
        """Write a registration or replace the type's; gives it as it stands, and True if the type was not registered.

        The same request (`request_id`) may be repeated.
        """
        sk = keys.step(registration["step_type"])
        record: Record = {"pk": keys.steps(tenant_id), "sk": sk, "tenant_id": tenant_id}
        return register_once(self.table, self.payloads, record, "registration", registration, request_id)

    def find(self, tenant_id: str, step_type: str) -> Registration | None:
        """A registration, or None."""
        record = self.table.get(keys.steps(tenant_id), keys.step(step_type))
        return None if record is None else self.of_record(record)

    def find_many(self, tenant_id: str, step_types: Iterable[str]) -> dict[str, Registration]:
        """Those of these types that are registered, by type. One BatchGetItem per 100; none for no types."""
        pk = keys.steps(tenant_id)
        records = self.table.get_many((pk, keys.step(t)) for t in sorted(set(step_types)))
        registrations = map(self.of_record, records)
        return {r["step_type"]: r for r in registrations}

    def delete(self, tenant_id: str, step_type: str, now: float) -> None:
        """Remove a registration (`store.deletions`). NotFoundError when there is none."""
        if not delete_once(self.table, tenant_id, keys.steps(tenant_id), keys.step(step_type), now):
            raise NotFoundError(f"There is no registered step type '{step_type}'.")

    def page(self, tenant_id: str, limit: int, cursor: str | None) -> tuple[list[Registration], str | None]:
        """Registrations by name, and the cursor of the next page."""
        page = self.table.query(
            tenant_id,
            keys.steps(tenant_id),
            sort_prefix=STEP_PREFIX,
            limit=limit,
            cursor=cursor,
            newest_first=False,
        )
        return [self.of_record(r) for r in page.records], page.next_cursor

    def count(self, tenant_id: str) -> int:
        """How many types a tenant has registered."""
        return self.table.count(keys.steps(tenant_id), STEP_PREFIX)

    def of_record(self, record: Mapping[str, Any]) -> Registration:
        """The registration that a record holds."""
        return dict(self.payloads.load(record["registration"]))
