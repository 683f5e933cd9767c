"""Records the ends of runs whose event never came, and sends decisions again that may not have arrived."""

from __future__ import annotations

from typing import Any

from functions.execution_sweeper.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.upkeep.sweep_approvals import sweep_approvals
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """One round; the counts are what a person who invokes it by hand gets to see."""

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    approvals = sweep_approvals(engine(), seconds_left)
    return sweep_executions(engine(), seconds_left) | {f"approvals_{name}": n for name, n in approvals.items()}


at_init(clients)
