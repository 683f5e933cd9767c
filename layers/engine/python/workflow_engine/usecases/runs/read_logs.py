"""Read what the steps of a run printed and logged."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.errors import InvalidRequestError, NotFoundError, ThrottledError
from workflow_engine.redaction import Redactor, known_secrets
from workflow_engine.settings import STEP_HTTP, own_step_prefix
from workflow_engine.statuses import has_ended
from workflow_engine.store import cursors
from workflow_engine.store.executions import Execution
from workflow_engine.store.logs import LoggedRun, LogLine, LogPage
from workflow_engine.usecases.engine import Caller, Engine

if TYPE_CHECKING:
    from workflow_engine.usecases import answers

PAUSE_SECONDS: Final = 2.0
"""Between two looks at CloudWatch, which an account may take 25 times a second (CloudWatch Logs quotas, FilterLogEvents)."""
LAPTOP_PAUSE_SECONDS: Final = 0.1

MOST_ELSEWHERE: Final = 100
"""Calls of functions whose log is elsewhere that are named on the first page."""

_STEP: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,511}")


def read_logs(
    engine: Engine,
    caller: Caller,
    execution_id: str,
    *,
    step: str | None = None,
    limit: int,
    cursor: str | None = None,
    wait: float = 0,
) -> answers.LogPage:
    """`{items, next_cursor, elsewhere}`, oldest first. `next_cursor` is None when the run has ended and all is told; while it goes
    on it is where to ask for what follows. With `wait` the answer is held back for so many seconds while there is no line.

    `elsewhere` names on the first page the calls of functions that do not log for this service. Raises NotFoundError,
    InvalidRequestError (step, cursor).
    """
    execution = engine.executions.get(caller.tenant_id, execution_id)
    if step is not None and not _STEP.fullmatch(step):
        raise InvalidRequestError(
            "The query parameter step takes a step id, or a key of step_results, such as rows[3].load."
        )
    scope = f"logs/{execution_id}/{step or ''}"
    position = None if cursor is None else cursors.decode(caller.tenant_id, scope, cursor)
    functions, others = _functions(engine, execution)
    page = _waited(engine, execution, functions, position, limit, step, wait)
    redactor = Redactor(known_secrets())
    return {
        "items": [_told(line, redactor) for line in page.lines],
        "next_cursor": None if page.is_end else cursors.encode(caller.tenant_id, scope, page.position),
        "elsewhere": list(_elsewhere(engine, caller, execution_id, others, step)) if others and cursor is None else [],
    }


def _waited(
    engine: Engine,
    execution: Execution,
    functions: tuple[str, ...],
    position: Any,
    limit: int,
    step: str | None,
    seconds: float,
) -> LogPage:
    """A page that has lines, or is the last, or what there is when the time is over."""
    end = engine.now().timestamp() + seconds
    pause = PAUSE_SECONDS if engine.laptop is None else LAPTOP_PAUSE_SECONDS
    with engine.watching(execution.execution_id) as wait:
        while True:
            # Before the log: what is logged before the end is read then, too.
            execution = engine.executions.get(execution.tenant_id, execution.execution_id)
            began = engine.now().timestamp()
            page = engine.logs.page(_run(execution, functions), position, limit, step)
            now = engine.now().timestamp()
            left = end - now - (now - began)  # the next look takes as long as this one
            if page.lines or page.is_end or left <= 0 or not wait(min(pause, left)):
                return page
            position = page.position


def _run(execution: Execution, functions: tuple[str, ...]) -> LoggedRun:
    ended_at = execution.completed_at if has_ended(execution.status) else None
    return LoggedRun(execution.execution_id, execution.started_at, ended_at, functions)


def _functions(engine: Engine, execution: Execution) -> tuple[tuple[str, ...], frozenset[str]]:
    """The names of the functions that the run's steps call: those that log for this service, and the others.

    Registered ones are told as they are registered now. A laptop's log has all.
    """
    if engine.laptop is not None:
        return (), frozenset()
    try:
        version = engine.workflows.run_by(execution)
    except NotFoundError:
        return tuple(_name(arn) for arn in engine.settings.step_functions.values()), frozenset()
    own = engine.settings.step_functions
    aliases = version.compiled.functions
    registered = engine.steps.find_many(execution.tenant_id, [a for a in aliases if a not in own])
    called = {own[a] for a in aliases if a in own}
    called |= {own[STEP_HTTP] if r.get("execution_type") == "http" else r["function_arn"] for r in registered.values()}
    names = {_name(arn) for arn in called}
    ours = {name for name in names if _logs_here(engine, name)}
    return tuple(sorted(ours)), frozenset(names - ours)


def _name(function_arn: str) -> str:
    return function_arn.split(":")[6]


def _logs_here(engine: Engine, function_name: str) -> bool:
    """Whether a function is one of ours, or one that `WorkflowStep` of our CDK constructs has made, whose log this service may
    read.
    """
    own = {_name(arn) for arn in engine.settings.step_functions.values()}
    return function_name in own or function_name.startswith(own_step_prefix(engine.settings.stage))


def _elsewhere(
    engine: Engine, caller: Caller, execution_id: str, others: frozenset[str], step: str | None
) -> Iterator[answers.LogElsewhere]:
    """The calls of functions that do not log here, by request; none while AWS does not tell the history of a run that goes on."""
    from workflow_engine.usecases.runs.read_results import open_results

    try:
        results = open_results(engine, caller, execution_id)
        steps = None if step is None else [step]
        found = results.page(max_bytes=10**9, limit=10 * MOST_ELSEWHERE, steps=steps, inline_up_to=0).results
    except ThrottledError:
        return
    left = MOST_ELSEWHERE
    for result in found:
        details = results.steps.details(result.ordinal)
        if details is None or details.function_name not in others:
            continue
        for attempt in details.attempts:
            assert isinstance(attempt, dict)
            if attempt["request_id"] is None:
                continue
            left -= 1
            if left < 0:
                return
            yield {
                "step": result.key,
                "attempt": int(attempt["attempt"]),
                "function_name": details.function_name,
                "log_group": f"/aws/lambda/{details.function_name}",
                "request_id": attempt["request_id"],
            }


def _told(line: LogLine, redactor: Redactor) -> answers.LogLine:
    return {
        "timestamp": line.timestamp,
        "message": redactor.text(line.message),
        "level": line.level,
        "stream": line.stream,
        "step": line.place,
        "step_id": line.step_id,
        "attempt": line.attempt,
        "request_id": line.request_id,
        "logger": line.logger,
        "fields": redactor.value(line.fields),
    }
