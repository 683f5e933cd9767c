"""Reads the histories of ended runs in the background, slowly, and keeps what their steps gave."""

from __future__ import annotations

from typing import Any

from functions.results_archiver.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.upkeep.archive_results import archive_results


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """One round; the counts are what a person who invokes it by hand gets to see."""
    return archive_results(engine(), lambda: float(context.get_remaining_time_in_millis()) / 1000)


at_init(clients)
