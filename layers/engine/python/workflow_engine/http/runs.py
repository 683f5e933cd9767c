"""How a run that was just started is answered."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from workflow_engine.observability import get_logger
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import Execution, ExecutionStarted, Results

RunT = TypeVar("RunT", bound="ExecutionStarted | Execution")

logger = get_logger(__name__)


def started(engine: Engine, caller: Caller, run: RunT, wait_seconds: int) -> tuple[RunT | Results, HTTPStatus]:
    """202 with the started or redriven run, or 200 with its results when it ends within `wait_seconds`.

    The run is started, so no fault of waiting for it is a fault of the request: without a key, the client would start another.
    """
    if not wait_seconds:
        return run, HTTPStatus.ACCEPTED
    from workflow_engine.usecases.runs import read_results

    execution_id = run["execution_id"]
    try:
        if read_results.wait_for_end(engine, caller, execution_id, wait_seconds):
            return read_results.results_at_hand(engine, caller, execution_id), HTTPStatus.OK
    except Exception:
        logger.warning("run was started, and not waited for", extra={"execution_id": execution_id}, exc_info=True)
    return run, HTTPStatus.ACCEPTED
