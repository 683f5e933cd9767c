"""State machines by the hash of what they are made of. They belong to the deployment, not to a tenant: all workflows
of one shape share one machine, and nothing of a client's data is in it.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflow_engine.store import keys
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.table import ConditionFailedError, Table, Write


@dataclass(frozen=True, slots=True)
class MachineRecord:
    """A machine that exists, or did. `generation` counts the names used for this hash, from 1."""

    machine_hash: str
    generation: int
    machine_arn: str
    definition: str
    created_at: str
    retired_at: str | None = None


@dataclass(frozen=True, slots=True)
class MachineStore:
    """Records of machines."""

    table: Table
    payloads: PayloadStore

    def find(self, machine_hash: str) -> MachineRecord | None:
        """The newest generation of a machine, retired or not."""
        record = self.table.get(keys.machine(machine_hash), keys.META)
        if record is None:
            return None
        return MachineRecord(
            machine_hash=machine_hash,
            generation=record["generation"],
            machine_arn=record["machine_arn"],
            definition=self.payloads.load(record["definition"]),
            created_at=record["created_at"],
            retired_at=record.get("retired_at"),
        )

    def put(
        self, machine_hash: str, generation: int, machine_arn: str, definition: str, created_at: str
    ) -> MachineRecord:
        """Write a generation unless this or a newer one is there already. Gives the record that then stands.

        Of two requests that create the same machine at once, one writes and the other gets the writer's record.
        """
        machine = MachineRecord(machine_hash, generation, machine_arn, definition, created_at)
        record: Record = {
            "pk": keys.machine(machine.machine_hash),
            "sk": keys.META,
            "tenant_id": keys.PLATFORM,
            "machine_hash": machine.machine_hash,
            "generation": machine.generation,
            "machine_arn": machine.machine_arn,
            "definition": self.payloads.store(keys.PLATFORM, machine.definition),
            "created_at": machine.created_at,
        }
        condition = "attribute_not_exists(pk) OR generation < :generation"
        try:
            self.table.put(Write(record, condition, {":generation": machine.generation}))
        except ConditionFailedError:
            standing = self.find(machine.machine_hash)
            return standing or machine
        return machine

    def retire(self, machine_hash: str, generation: int, at: str) -> bool:
        """Mark a generation as no longer to be started. False when a newer one stands."""
        try:
            self.table.update(
                keys.machine(machine_hash),
                keys.META,
                {"retired_at": at},
                "generation = :generation",
                {":generation": generation},
            )
        except ConditionFailedError:
            return False
        return True
