"""The Lambda of `human_approval`: it only asks. Who decides answers the task, by a token that no log shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from functions.step_approval.settings import clients, engine
from workflow_engine.faults import faults_logged
from workflow_engine.init_phase import at_init
from workflow_engine.observability import log_fields
from workflow_engine.sdk import StepContext
from workflow_engine.usecases.approvals.open_approval import open_approval


def handler(event: Mapping[str, Any], context: Any = None) -> None:
    """Keep what the step asks."""
    step = StepContext.from_event(event, context)
    with log_fields(**step.log_fields), faults_logged():
        open_approval(engine(), event, step)


at_init(clients)
