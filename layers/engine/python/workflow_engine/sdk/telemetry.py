"""What a step tells of itself: log lines with its ids, data points, and a subsegment of its trace.

Powertools writes them, where it is there; a step's own package need not bring it. Outside Lambda there is the log alone.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final

from workflow_engine.init_phase import IN_LAMBDA, once
from workflow_engine.observability import get_logger, log_fields

NAMESPACE: Final = "WorkflowEngine/Steps"
STEP_TYPE: Final = "StepType"
"""The one dimension: places and runs are without end, and each would be a metric of its own."""


@once
def logger() -> logging.Logger:
    """The logger of steps. In Lambda Powertools' one, which writes JSON with the fields bound meanwhile."""
    if os.environ.get(IN_LAMBDA) and importlib.util.find_spec("aws_lambda_powertools"):
        from aws_lambda_powertools import Logger

        powertools: Any = Logger(service=os.environ[IN_LAMBDA])
        made: logging.Logger = powertools
        return made
    return get_logger("workflow_engine.step")


def emit(name: str, value: float, unit: str, *, step_type: str) -> None:
    """Write a data point in CloudWatch's embedded metric format."""
    if not os.environ.get(IN_LAMBDA) or not importlib.util.find_spec("aws_lambda_powertools"):
        return
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

    with single_metric(name, MetricUnit(unit), value, namespace=NAMESPACE) as point:
        point.add_dimension(STEP_TYPE, step_type or "unknown")


@contextmanager
def told(step_type: str, fields: Mapping[str, str | None]) -> Iterator[None]:
    """Tell how one call of a step goes: that it began and how it ended, how long it took, and that it failed by which error.
    `fields` tell which step of which run it is.
    """
    log = logger()
    began = perf_counter()
    with log_fields(**fields), _powertools_keys(log, fields), _subsegment(step_type, fields):
        log.info("step began")
        try:
            yield
        except Exception as error:
            log.warning("step failed: %s", type(error).__name__, extra={"error_type": type(error).__name__})
            emit("Failed", 1, "Count", step_type=step_type)
            raise
        else:
            log.info("step completed")
            emit("Completed", 1, "Count", step_type=step_type)
        finally:
            emit("Duration", (perf_counter() - began) * 1000, "Milliseconds", step_type=step_type)


@contextmanager
def _powertools_keys(log: Any, fields: Mapping[str, str | None]) -> Iterator[None]:
    if not hasattr(log, "append_context_keys"):
        yield
        return
    with log.append_context_keys(**{name: value for name, value in fields.items() if value is not None}):
        yield


@contextmanager
def _subsegment(step_type: str, fields: Mapping[str, str | None]) -> Iterator[None]:
    """A subsegment of X-Ray's trace that is found by execution and step, where the function is traced and X-Ray's SDK is there."""
    if not os.environ.get("_X_AMZN_TRACE_ID") or not importlib.util.find_spec("aws_xray_sdk"):
        yield
        return
    from aws_lambda_powertools import Tracer

    with Tracer(service=step_type or "step").provider.in_subsegment(f"step {step_type}") as subsegment:
        for name, value in fields.items():
            if value is not None:
                subsegment.put_annotation(name, value)
        yield
