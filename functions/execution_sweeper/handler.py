"""Records the ends of runs whose event never came."""

from __future__ import annotations

from typing import Any

from functions.execution_sweeper.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.upkeep.sweep_executions import sweep_executions


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """One round; the counts are what a person who invokes it by hand gets to see."""
    return sweep_executions(engine(), lambda: context.get_remaining_time_in_millis() / 1000)


at_init(clients)
