"""Metrics of our own, in CloudWatch's embedded metric format: a line of the log becomes a data point, without a call.

`infra.stacks.observability` has alarms on them. Outside Lambda nothing is written.
"""

from __future__ import annotations

import os
from typing import Final, Literal

NAMESPACE: Final = "WorkflowEngine"
DEPLOYMENT: Final = "Deployment"
"""The one dimension: prefix and stage, as `workflow-prod`."""

Metric = Literal["QuarantinedRuns", "RequestDuration"]
QUARANTINED_RUNS: Final = "QuarantinedRuns"
"""Runs whose end is looked for no longer, after every attempt to record it failed. Count."""
REQUEST_DURATION: Final = "RequestDuration"
"""How long an API function worked on a request that did not ask to wait. Milliseconds."""

_UNITS: Final = {QUARANTINED_RUNS: "Count", REQUEST_DURATION: "Milliseconds"}


def emit(metric: Metric, value: float) -> None:
    """Write a data point of a metric, in the metric's unit."""
    prefix, stage = os.environ.get("MACHINE_PREFIX"), os.environ.get("STAGE")
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ or not (prefix and stage):
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    unit = MetricUnit(_UNITS[metric])
    with single_metric(metric, unit, value, namespace=NAMESPACE) as point:
        point.add_dimension(DEPLOYMENT, f"{prefix}-{stage}")
