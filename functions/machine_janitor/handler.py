"""Retires idle state machines, and deletes those that are still idle when it comes round again."""

from __future__ import annotations

from typing import Any

from functions.machine_janitor.settings import clients, engine, idle_days
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.upkeep.retire_machines import retire_machines


def handler(_event: dict[str, Any], _context: Any) -> dict[str, int]:
    """One round; the counts are what a person who invokes it by hand gets to see."""
    return retire_machines(engine(), idle_days())


at_init(clients, idle_days)
