"""The Lambda of steps that ask servers: those of types that are registered with an HTTP endpoint, and `http_request`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from functions.step_http.call import call_endpoint
from functions.step_http.request import HTTP_REQUEST, make_request
from functions.step_http.settings import clients, world
from workflow_engine.faults import faults_logged
from workflow_engine.init_phase import at_init
from workflow_engine.observability import log_fields
from workflow_engine.sdk import StepContext


def handler(event: Mapping[str, Any], context: Any = None) -> Any:
    """The output of the step: what the server answers."""
    step = StepContext.from_event(event, context)
    with log_fields(**step.log_fields), faults_logged():
        work = make_request if step.step_type == HTTP_REQUEST else call_endpoint
        return work(event, step, world(), os.environ.get("_X_AMZN_TRACE_ID", ""))


at_init(clients)
