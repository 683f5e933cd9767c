"""Faults of our own step functions, told from failures that are part of a step's contract.

Lambda counts both as errors, since a step fails by an exception. A fault is logged with the field `fault`, which
`infra.constructs.engine_function` counts and an alarm watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from workflow_engine.errors import (
    InvalidStepInput,
    MisconfiguredError,
    StepOutputError,
    StepReportedFailure,
    StepTransientError,
    WorkflowEngineError,
)
from workflow_engine.observability import get_logger

logger = get_logger(__name__)

FAULT_FIELD: Final = "fault"
UNEXPECTED: Final = "unexpected"


def is_failure_by_contract(error: Exception) -> bool:
    """Whether an exception tells the author of a workflow, or a vendor's fault, and not a mistake in the engine."""
    by_contract = InvalidStepInput | StepOutputError | StepReportedFailure | StepTransientError | WorkflowEngineError
    return isinstance(error, by_contract) and not isinstance(error, MisconfiguredError)


@contextmanager
def faults_logged() -> Iterator[None]:
    """Log each exception that is no failure by contract; all are raised on."""
    try:
        yield
    except Exception as error:
        if not is_failure_by_contract(error):
            logger.exception("unexpected %s", type(error).__name__, extra={FAULT_FIELD: UNEXPECTED})
        raise
