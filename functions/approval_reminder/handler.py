"""Starts the steps that remind of open approvals, each as a run of its own."""

from __future__ import annotations

from typing import Any

from functions.approval_reminder.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.upkeep.send_reminders import send_reminders


def handler(_event: dict[str, Any], context: Any) -> dict[str, int]:
    """One round; the counts are what a person who invokes it by hand gets to see."""

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    return send_reminders(engine(), seconds_left)


at_init(clients)
