"""Keys of the table. Pure. Every partition key begins with the tenant, so no query can leave it.

`#` separates; within a name it is escaped, so that no name, whatever characters it has, reads as another record's key.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

META: Final = "META"
RESULTS: Final = "RESULTS"
START: Final = "START"
"""Sort key of what an execution is started with, for as long as its start may be repeated."""

DELETED: Final = "#DELETED"
"""Ends the partition of what is remembered of deleted records of another partition. No name brings it about: `#` is
escaped in names.
"""

DUE_MACHINES: Final = "DUE#MACHINES"
"""Partition, in the index by_due, of machines that may have become idle."""

DUE_APPROVALS: Final = "DUE#APPROVALS"
"""Partition, in the index by_due, of approvals whose time is limited, and of decisions that are to be sent again."""

DUE_REMINDERS: Final = "DUE#REMINDERS"
"""Partition, in the index by_due, of reminders of decisions that nobody has made yet."""

DUE_TUNING: Final = "DUE#TUNING"
"""Partition, in the index by_due, of versions of workflows whose steps have new measured durations."""

DUE_EXECUTIONS: Final = tuple(f"DUE#EXECUTIONS#{shard}" for shard in range(8))
"""Partitions, in the index by_due, of runs that have not ended. Several, because one partition takes 1,000 writes a
second (DynamoDB, "Partition throughput limits") and every start writes here.
"""

DUE_ARCHIVE: Final = tuple(f"DUE#ARCHIVE#{shard}" for shard in range(8))
"""Partitions, in the index by_due, of ended runs whose history is to be read before Step Functions forgets it."""

PLATFORM: Final = "#platform"
"""The tenant of records that belong to the deployment: state machines are shared by all tenants whose workflows have
the same shape. No caller's tenant escapes to this name, since it is used unescaped."""


def _escape(name: str) -> str:
    return name.replace("%", "%25").replace("#", "%23")


def _tenant(tenant_id: str) -> str:
    return "T#" + _escape(tenant_id)


def workflow(tenant_id: str, workflow_id: str) -> str:
    """Partition of a workflow: `META` (the newest version) and its versions."""
    return f"{_tenant(tenant_id)}#WORKFLOW#{_escape(workflow_id)}"


def version(number: int) -> str:
    """Sort key of a version; zero-padded, so that text order is number order."""
    return f"VERSION#{number:08d}"


def builds(version_number: int) -> str:
    """Begins the sort keys of the builds of a version, once it has several."""
    return f"BUILD#{version_number:08d}#"


def build(version_number: int, number: int) -> str:
    """Sort key of a build of a version."""
    return f"{builds(version_number)}{number:08d}"


def tuning(version_number: int) -> str:
    """Sort key of what is known of measuring a version."""
    return f"TUNING#{version_number:08d}"


def workflows(tenant_id: str) -> str:
    """Partition, in the index by_tenant, of a tenant's workflows."""
    return f"{_tenant(tenant_id)}#WORKFLOWS"


def execution(tenant_id: str, execution_id: str) -> str:
    """Partition of an execution: `META` and, once it has ended, `RESULTS`."""
    return f"{_tenant(tenant_id)}#EXECUTION#{_escape(execution_id)}"


RUN_SHARDS: Final = "T##platform#SHARDS"
"""Partition of the largest number of shards that lists of executions ever had (`store.shards`)."""


def executions(tenant_id: str, shard: int = 0) -> str:
    """Partition, in the index by_tenant, of a shard of a tenant's executions."""
    return f"{_tenant(tenant_id)}#EXECUTIONS{_shard(shard)}"


def executions_of(tenant_id: str, workflow_id: str, shard: int = 0) -> str:
    """Partition, in the index by_workflow, of a shard of a workflow's executions."""
    return f"{_tenant(tenant_id)}#WORKFLOW#{_escape(workflow_id)}#EXECUTIONS{_shard(shard)}"


def _shard(number: int) -> str:
    """The first has no number: it is where all were before there were several."""
    return f"#{number}" if number else ""


def quota(tenant_id: str) -> str:
    """Partition of a tenant's own quota: `META`."""
    return f"{_tenant(tenant_id)}#QUOTA"


def usage(tenant_id: str) -> str:
    """Partition of what a tenant has used, by month: `2026-01`."""
    return f"{_tenant(tenant_id)}#USAGE"


def run_slots(tenant_id: str) -> str:
    """Partition of the places of a tenant's runs, where the tenant may have only so many at once."""
    return f"{_tenant(tenant_id)}#SLOTS"


def run_slot(number: int) -> str:
    """Sort key of a place of a run."""
    return f"SLOT#{number:06d}"


def deletion(tenant_id: str) -> str:
    """Partition of workflows that are to be deleted once the tenant's runs have gone; sort keys are partitions of workflows."""
    return f"{_tenant(tenant_id)}#DELETION"


def below(tenant_id: str, sort_key: str) -> str:
    """Partition of the versions of a registration or a definition, by the sort key of what is in use."""
    return f"{_tenant(tenant_id)}#{sort_key}"


def audit(tenant_id: str) -> str:
    """Partition of who deleted what of a tenant's; sort keys are `ordered`."""
    return f"{_tenant(tenant_id)}#AUDIT"


CHILDREN: Final = "CHILD#"
"""Begins the sort keys of what an execution's partition has of its subflows."""


def child(execution_id: str) -> str:
    """Sort key, in the parent's partition, of a subflow's execution."""
    return CHILDREN + _escape(execution_id)


APPROVALS: Final = "APPROVAL#"
"""Begins the sort keys of an execution's approvals."""

_LONGEST_PLACE: Final = 400


def approval(place: str) -> str:
    """Sort key, in an execution's partition, of the approval at a place."""
    return APPROVALS + _short(place)


def reminder(place: str) -> str:
    """Sort key, in the partition of an execution, of the next reminder of the decision at a place."""
    return f"REMINDER#{_short(place)}"


def approvals(tenant_id: str) -> str:
    """Partition, in the index by_tenant, of a tenant's open approvals."""
    return f"{_tenant(tenant_id)}#APPROVALS"


def approvals_of_role(tenant_id: str, role: str) -> str:
    """Partition, in the index by_workflow, of the open approvals that a role decides."""
    return f"{_tenant(tenant_id)}#APPROVALS#{_escape(role)}"


def ordered_approval(opened_at: str, execution_id: str, place: str) -> str:
    """Sort key of lists of approvals by time."""
    return f"{opened_at}#{_escape(execution_id)}#{_short(place)}"


def _short(place: str) -> str:
    """A place, or its hash where a key would have no room for it."""
    if len(place) <= _LONGEST_PLACE:
        return place
    return "sha256." + hashlib.sha256(place.encode()).hexdigest()


def due_execution(execution_id: str) -> str:
    """The partition, of `DUE_EXECUTIONS`, of a run that has not ended."""
    return _due_shard(DUE_EXECUTIONS, execution_id)


def due_archive(execution_id: str) -> str:
    """The partition, of `DUE_ARCHIVE`, of a run that has ended."""
    return _due_shard(DUE_ARCHIVE, execution_id)


def _due_shard(shards: tuple[str, ...], name: str) -> str:
    return shards[zlib.crc32(name.encode()) % len(shards)]


def token(bucket: str, number: int) -> str:
    """Partition of one of the tokens of a bucket that all callers share."""
    return f"T#{PLATFORM}#TOKEN#{_escape(bucket)}#{number}"


def machine(machine_hash: str) -> str:
    """Partition of a state machine: `META` (its newest generation) and the retired ones that still exist."""
    return f"T#{PLATFORM}#MACHINE#{_escape(machine_hash)}"


def machine_parents(machine_arn: str) -> str:
    """Partition of the machines whose runs may start a machine as a child."""
    return f"T#{PLATFORM}#PARENTS#{_escape(machine_arn)}"


def retired(generation: int) -> str:
    """Sort key of a retired generation of a state machine, as long as it is not deleted."""
    return f"RETIRED#{generation:08d}"


def steps(tenant_id: str) -> str:
    """Partition of a tenant's step registrations."""
    return f"{_tenant(tenant_id)}#STEPS"


def step(step_type: str) -> str:
    """Sort key of a step registration."""
    return f"STEP#{_escape(step_type)}"


def step_versions(tenant_id: str, step_type: str) -> str:
    """Partition of all versions of a step registration."""
    return f"{_tenant(tenant_id)}#STEP#{_escape(step_type)}"


def definitions(tenant_id: str, kind: str) -> str:
    """Partition of the newest versions of a tenant's definitions of one kind, such as its agents."""
    return f"{_tenant(tenant_id)}#{kind.upper()}S"


def definition(kind: str, definition_id: str) -> str:
    """Sort key of the newest version of a definition."""
    return f"{kind.upper()}#{_escape(definition_id)}"


def definition_versions(tenant_id: str, kind: str, definition_id: str) -> str:
    """Partition of all versions of a definition."""
    return f"{_tenant(tenant_id)}#{kind.upper()}#{_escape(definition_id)}"


def files(tenant_id: str) -> str:
    """Partition of a tenant's uploaded files."""
    return f"{_tenant(tenant_id)}#FILES"


def file(file_id: str) -> str:
    """Sort key of an uploaded file."""
    return f"FILE#{_escape(file_id)}"


def mcp_servers(tenant_id: str) -> str:
    """Partition of a tenant's MCP servers."""
    return f"{_tenant(tenant_id)}#MCPSERVERS"


def mcp_server(name: str) -> str:
    """Sort key of an MCP server."""
    return f"MCPSERVER#{_escape(name)}"


def run_figures(tenant_id: str, workflow_id: str | None = None) -> str:
    """Partition of the figures of a workflow's runs by hour and day, or of all of a tenant's."""
    return f"{_tenant(tenant_id)}#FIGURES" if workflow_id is None else figures_of(workflow(tenant_id, workflow_id))[0]


def step_figures(tenant_id: str, workflow_id: str) -> str:
    """Partition of the figures of a workflow's steps by hour and day."""
    return figures_of(workflow(tenant_id, workflow_id))[1]


def figures_of(workflow_partition: str) -> tuple[str, str]:
    """The partitions of the figures of a workflow's runs and steps, by its own."""
    return f"{workflow_partition}#FIGURES", f"{workflow_partition}#STEPFIGURES"


def figures(grain: str, period: str, *parts: str) -> str:
    """Sort key of figures of an hour or day (`store.aggregates.periods`), or, without its further parts, where those begin."""
    return "#".join((grain.upper(), period, *parts))


def last_figures(grain: str, period: str | None) -> str:
    """Stands after the sort keys of all figures of an hour or day, or of all of them."""
    return f"{grain.upper()}#{period}#~" if period else f"{grain.upper()}#~"


def counted(tenant_id: str, execution_id: str) -> str:
    """Partition of what figures have of an execution. It outlasts that: a deleted run stays counted, and once."""
    return f"{_tenant(tenant_id)}#COUNTED#{_escape(execution_id)}"


def idempotency(tenant_id: str, operation: str, key: str) -> str:
    """Partition of the record of one idempotency key of one operation."""
    return f"{_tenant(tenant_id)}#IDEMPOTENCY#{_escape(operation)}#{_escape(key)}"


def activity(tenant_id: str, name: str) -> str:
    """Partition of a tenant's activity: `META`, its tasks, and who asks for some."""
    return f"{_tenant(tenant_id)}#ACTIVITY#{_escape(name)}"


ARRIVED_TASKS: Final = "ARRIVED#"
"""Begins the sort keys of an activity's tasks that wait for a worker."""


def arrived_task(arrived_at: str, task_id: str) -> str:
    """Sort key of a task that waits for a worker."""
    return f"{ARRIVED_TASKS}{arrived_at}#{task_id}"


def taken_task(task_id: str) -> str:
    """Sort key of a task that a worker has."""
    return f"TASK#{_escape(task_id)}"


def relay(worker: str) -> str:
    """Sort key of the request for a task on a worker's behalf."""
    return f"RELAY#{_escape(worker)}"


def ordered(timestamp: str, record_id: str) -> str:
    """Sort key of lists by time; the id makes it unique."""
    return f"{timestamp}#{_escape(record_id)}"


FEED: Final = "FEED"
"""Sort key of how far a run's history was read for those who watch it."""

_FEED_PARTS: Final = "FEED#"


def feed_part(number: int, part: int) -> str:
    """Sort key of events of a run that were read together, by the position of the last of them; zero-padded."""
    return f"{_FEED_PARTS}{number:06d}.{part:06d}"


LAST_FEED_PART: Final = _FEED_PARTS + "~"
"""Stands after the sort key of every part."""
