"""Let a run in: within its tenant's quota, and counted."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from workflow_engine.errors import QuotaExceededError
from workflow_engine.language.diagnostics import Json
from workflow_engine.observability import get_logger
from workflow_engine.statuses import has_ended
from workflow_engine.store.executions import Execution
from workflow_engine.store.quotas import MICROS, Quota, used_up
from workflow_engine.store.run_slots import SlotTakenError, free_slot

if TYPE_CHECKING:
    from workflow_engine.usecases.engine import Engine

logger = get_logger(__name__)

_ATTEMPTS: Final = 5
_FULL_SECONDS: Final = 5
"""When to try again where runs are going: nobody knows when one ends."""


def create_admitted(
    engine: Engine, execution: Execution, plan: Mapping[str, Json], start_input: str | None, expires_at: int | None
) -> Execution:
    """Write the record of a new run (`ExecutionStore.create`), if its tenant's quota has room for it; gives the run as written.

    Without a quota nothing is counted. Raises QuotaExceededError, ConflictError.
    """
    quota = engine.quotas.of(execution.tenant_id)
    engine.quotas.count_start(execution.tenant_id, quota, cost_micros(plan))
    try:
        return _placed(engine, execution, quota, start_input, expires_at)
    except Exception:
        give_back(engine, execution.tenant_id, plan)
        raise


def give_back(engine: Engine, tenant_id: str, plan: Mapping[str, Json]) -> None:
    """Take back the money that was counted for a run which did not start. Raises nothing: why it did not is what the client must
    know.
    """
    try:
        engine.quotas.give_back(tenant_id, engine.quotas.of(tenant_id), cost_micros(plan))
    except Exception:
        logger.warning("money of a run that did not start stays counted", extra={"tenant_id": tenant_id}, exc_info=True)


def _placed(
    engine: Engine, execution: Execution, quota: Quota, start_input: str | None, expires_at: int | None
) -> Execution:
    """The run as its record was written, with a place where the quota asks for one. Raises as `create_admitted`."""
    if quota.running is None:
        engine.executions.create(execution, start_input, expires_at)
        return execution
    slot: int | None = random.randint(1, quota.running) if quota.running else None
    for _ in range(_ATTEMPTS):
        if slot is None:
            break
        placed = replace(execution, slot=slot)
        try:
            engine.executions.create(placed, start_input, expires_at)
        except SlotTakenError:
            slot = free_slot(
                engine.executions.table, execution.tenant_id, quota.running, lambda ids: _going(engine, execution, ids)
            )
        else:
            return placed
    raise QuotaExceededError(
        used_up("runs at once", quota.running, "Try again when one of them has ended."),
        retry_after_seconds=_FULL_SECONDS,
    )


def cost_micros(plan: Mapping[str, Json]) -> int:
    """What a run costs by its plan, in millionths of a dollar: its transitions; 0 where the plan cannot tell."""
    costs = plan.get("cost_usd_per_1000_runs")
    transitions = costs.get("transitions") if isinstance(costs, dict) else None
    return round(transitions * MICROS / 1000) if isinstance(transitions, (int, float)) else 0


def _going(engine: Engine, execution: Execution, ids: Iterable[str]) -> set[str]:
    found = engine.executions.find_many(execution.tenant_id, ids)
    return {id_ for id_, other in found.items() if not has_ended(other.status)}
