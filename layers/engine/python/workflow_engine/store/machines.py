"""State machines by the hash of what they are made of. They belong to the deployment, not to a tenant: all workflows
of one shape share one machine, and nothing of a client's data is in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from workflow_engine.lazy_dataclass import dataclass
from workflow_engine.store import keys
from workflow_engine.store.conditions import Missing, all_of, any_of, below, equals
from workflow_engine.store.items import Record
from workflow_engine.store.payloads import PayloadStore
from workflow_engine.store.schema import PARTITION_KEY
from workflow_engine.store.table import ConditionFailedError, Query, Table, Write

_PARENTS_PAGE: Final = 100


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
class MachineGeneration:
    """A machine without its definition: what is needed to find out whether it may go."""

    machine_hash: str
    generation: int
    machine_arn: str
    created_at: str
    is_retired: bool
    due_at: str | None = None
    """When it is to be looked at; None when it is on no list."""


@dataclass(frozen=True, slots=True)
class ParentMachine:
    """A machine whose runs may start another one as a child. `last_start_at` is when the last run that may began."""

    machine_arn: str
    last_start_at: str


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
            "due_list": keys.DUE_MACHINES,
            "due_at": machine.created_at,
        }
        is_newer = any_of(Missing(PARTITION_KEY), below("generation", machine.generation))
        try:
            self.table.put(Write(record, is_newer))
        except ConditionFailedError:
            standing = self.find(machine.machine_hash)
            return standing or machine
        return machine

    def generation(self, key: tuple[str, str]) -> MachineGeneration | None:
        """The machine of a key that `store.due` gave: the newest generation, or a retired one."""
        record = self.table.get(*key)
        if record is None:
            return None
        return MachineGeneration(
            machine_hash=record["machine_hash"],
            generation=record["generation"],
            machine_arn=record["machine_arn"],
            created_at=record["created_at"],
            is_retired=key[1] != keys.META,
            due_at=record.get("due_at"),
        )

    def retire(self, machine: MachineGeneration, at: str, delete_at: str) -> bool:
        """Let nobody take this generation any more, and remember to delete it. False when it was retired before, or a
        newer one stands.

        The reminder is written first and by itself, because a next generation replaces the machine's record.
        """
        record: Record = {
            "pk": keys.machine(machine.machine_hash),
            "sk": keys.retired(machine.generation),
            "tenant_id": keys.PLATFORM,
            "machine_hash": machine.machine_hash,
            "generation": machine.generation,
            "machine_arn": machine.machine_arn,
            "created_at": machine.created_at,
            "due_list": keys.DUE_MACHINES,
            "due_at": delete_at,
        }
        self.table.put(Write(record))
        try:
            self.table.update(
                keys.machine(machine.machine_hash),
                keys.META,
                {"retired_at": at, "due_list": None, "due_at": None},
                all_of(equals("generation", machine.generation), Missing("retired_at")),
            )
        except ConditionFailedError:
            return False
        return True

    def forget(self, machine: MachineGeneration) -> None:
        """Drop the reminder of a retired generation, once it is deleted."""
        for parent in list(self.parents(machine.machine_arn)):
            self.table.delete(keys.machine_parents(machine.machine_arn), parent.machine_arn)
        self.table.delete(keys.machine(machine.machine_hash), keys.retired(machine.generation))

    def note_parent(self, machine_arn: str, parent_arn: str, at: str) -> None:
        """A run of the machine `parent_arn` that is about to start, or that was started before, may start this one as a child,
        however much later.
        """
        record: Record = {
            "pk": keys.machine_parents(machine_arn),
            "sk": parent_arn,
            "tenant_id": keys.PLATFORM,
            "last_start_at": at,
        }
        self.table.put(Write(record))

    def parents(self, machine_arn: str) -> Iterator[ParentMachine]:
        """The machines whose runs may start this one as a child."""
        wanted, cursor = Query(keys.machine_parents(machine_arn)), None
        while True:
            page = self.table.query(keys.PLATFORM, wanted, limit=_PARENTS_PAGE, cursor=cursor)
            for record in page.records:
                yield ParentMachine(record["sk"], record["last_start_at"])
            cursor = page.next_cursor
            if cursor is None:
                return
