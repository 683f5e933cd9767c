"""Asks Step Functions for one task of an activity. Invoked for a worker that asks, without waiting for it."""

from __future__ import annotations

from typing import Any

from functions.activity_relay.settings import clients, engine
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.activities.relay import relay


def handler(event: dict[str, Any], _context: Any) -> bool:
    """`{tenant_id, activity, activity_arn, worker}`; whether a task came."""
    return relay(engine(), **event)


at_init(clients)
