"""Let a run that did not succeed go on from the step that failed.

The record is changed first, the execution is redriven then, as a start does it: whoever looks from then on sees a run that goes
on, and the end that is recorded next is that of the redrive. Where Step Functions refuses, the record is put back. Where its
answer was lost, the request may be repeated, and whoever reads the run later finds out (`settle_redrive`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from workflow_engine.aws_quotas import HISTORY_EVENTS, REDRIVABLE_DAYS
from workflow_engine.errors import ConflictError, ThrottledError, UnavailableError
from workflow_engine.machines.port import ExecutionGoneError, NotRedrivableError
from workflow_engine.statuses import has_ended
from workflow_engine.store.control import begin_redrive, take_back_redrive
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.read_results import get_execution
from workflow_engine.usecases.runs.record_execution import read_report

if TYPE_CHECKING:
    from workflow_engine.machines.timeline import Event
    from workflow_engine.store.executions import Execution
    from workflow_engine.usecases import answers

TOKEN_KNOWN_FOR: Final = timedelta(minutes=15)
"""For how long Step Functions takes a repetition for the same redrive (RedriveExecution, `clientToken`)."""

_RERUN: Final = "POST /executions/{id}/rerun starts it anew, all of it or `from_step`."


def redrive(engine: Engine, caller: Caller, execution_id: str, idempotency_key: str | None = None) -> answers.Execution:
    """Let a run go on from its failed step, with the definition and input that it has; gives its record, which then is
    `running`. Of two requests at once, or one that is repeated while the run goes on, both are answered for one redrive.

    Raises NotFoundError; ConflictError for a run that has completed or goes on, and for one that can only be run again;
    ThrottledError.
    """

    def work(_: object) -> answers.Execution:
        execution = engine.executions.get(caller.tenant_id, execution_id)
        if has_ended(execution.status):
            _redrive(engine, caller, execution)
        else:
            _repeat(engine, execution)
        return get_execution(engine, caller, execution_id)

    return engine.idempotency.once(caller.tenant_id, f"redrive/{execution_id}", idempotency_key, {}, work)


def _redrive(engine: Engine, caller: Caller, execution: Execution) -> None:
    at = engine.timestamp()
    try:
        _check(engine, execution)
        begun = begin_redrive(engine.executions, execution, at, caller.user_id)
    except (ConflictError, ThrottledError):
        standing = engine.executions.get(execution.tenant_id, execution.execution_id)
        if has_ended(standing.status):
            raise
        return _repeat(engine, standing)
    try:
        engine.runs.redrive(begun.execution_arn, _token(begun))
    except (ExecutionGoneError, NotRedrivableError) as error:
        take_back_redrive(engine.executions, execution, at)
        raise _refused(execution, error) from None
    except UnavailableError:
        raise  # it may have been made
    except Exception:
        take_back_redrive(engine.executions, execution, at)
        raise


def _repeat(engine: Engine, execution: Execution) -> None:
    """Answer for a redrive that was begun a moment ago: it is asked for once more, in case it was not made."""
    at = execution.last_redrive_at
    if at is None or engine.now() - datetime.fromisoformat(at) > TOKEN_KNOWN_FOR:
        raise ConflictError(f"The run is {execution.status}; only one that has ended can be redriven.")
    try:
        engine.runs.redrive(execution.execution_arn, _token(execution))
    except (ExecutionGoneError, NotRedrivableError) as error:
        raise _refused(execution, error) from None


def _check(engine: Engine, execution: Execution) -> None:
    """Raises ConflictError for what Step Functions would refuse, or would only fail at again."""
    if execution.status == "completed":
        raise ConflictError(f"The run has completed, so there is nothing to redrive. {_rerun(execution)}")
    ended = execution.completed_at or execution.started_at
    if engine.now() - datetime.fromisoformat(ended) > timedelta(days=REDRIVABLE_DAYS):
        raise ConflictError(f"The run ended more than {REDRIVABLE_DAYS} days ago. {_rerun(execution)}")
    seen = _Seen()
    try:
        run = read_report(engine, execution, seen.of(engine.history.read(execution.execution_arn)))
    except ExecutionGoneError:
        raise _gone(execution) from None
    if not has_ended(run.status):
        raise ThrottledError("The run is being stopped, or has only just been redriven. Try again in a second.")
    if run.ended_in_fail:
        raise ConflictError(
            "The run was ended by a decision of the workflow itself (a step of the type 'fail', failure steps, a loop out of "
            f"turns, a delay that is no time), which a redrive would only come to again. {_rerun(execution)}"
        )
    if seen.events >= HISTORY_EVENTS - 1:
        raise ConflictError(
            f"The history of the run has {seen.events:,} events, which leaves no room for more. {_rerun(execution)}"
        )


class _Seen:
    """Counts the events of a history on their way to its reader."""

    def __init__(self) -> None:
        self.events = 0

    def of(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self.events += 1
            yield event


def _token(execution: Execution) -> str:
    """Names one redrive of one run, whoever asks for it: an id has 36 characters, a token may have 64."""
    return f"{execution.execution_id}-{execution.redrive_count}"


def _rerun(execution: Execution) -> str:
    return _RERUN.format(id=execution.execution_id)


def _refused(execution: Execution, error: Exception) -> ConflictError:
    if isinstance(error, ExecutionGoneError):
        return _gone(execution)
    return ConflictError(f"Step Functions does not redrive this run: {error}. {_rerun(execution)}")


def _gone(execution: Execution) -> ConflictError:
    return ConflictError(f"Step Functions does not know this run, or no longer does. {_rerun(execution)}")
