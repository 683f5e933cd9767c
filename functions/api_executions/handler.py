"""Routes of executions: list them, read status, results, outputs and history, cancel a run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from functions.api_executions.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.queries import (
    BUCKET,
    CONFIRM,
    CORRELATION_ID,
    CURSOR,
    ELEMENT,
    ERROR,
    EXECUTION_ID,
    FROM,
    HAS_FAILURES,
    INCLUDE,
    LAST_EVENT_ID,
    LIMIT,
    LINKS,
    PARENT_ID,
    ROLE,
    SESSION_ID,
    STARTED_AFTER,
    STARTED_BEFORE,
    STATUS,
    STEP,
    STEPS,
    TAG,
    TO,
    USER_ID,
    WAIT,
    WORKFLOW_ID,
)
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.store.run_lists import RunFilter
from workflow_engine.usecases.runs import cancel_run, find_runs, read_progress, read_results

if TYPE_CHECKING:
    from datetime import datetime

    from workflow_engine.usecases.answers import (
        ApprovalPage,
        AuditPage,
        Decision,
        ExecutedWorkflow,
        Execution,
        ExecutionCounts,
        ExecutionPage,
        ExecutionProgress,
        ExecutionStarted,
        LogPage,
        Results,
        RunEventPage,
        Stats,
        TenantDeletion,
    )


def _wanted(request: Request) -> tuple[RunFilter, datetime | None, datetime | None]:
    """Which runs are asked for: what they are, and from when until when they started."""
    wanted = RunFilter(
        workflow_id=request.text(WORKFLOW_ID),
        status=request.text(STATUS),
        user_id=request.text(USER_ID),
        session_id=request.text(SESSION_ID),
        correlation_id=request.text(CORRELATION_ID),
        parent_id=request.text(PARENT_ID),
        tag=request.text(TAG),
        has_failures=request.flag(HAS_FAILURES) if request.text(HAS_FAILURES) else None,
        error=request.text(ERROR),
    )
    return wanted, request.moment(FROM, STARTED_AFTER), request.moment(TO, STARTED_BEFORE)


def _list(request: Request) -> ExecutionPage:
    wanted, since, until = _wanted(request)
    limit, cursor = request.page
    return find_runs.list_executions(
        engine(), request.caller, wanted, since=since, until=until, limit=limit, cursor=cursor
    )


def _count(request: Request) -> ExecutionCounts:
    wanted, since, until = _wanted(request)
    return find_runs.count_executions(
        engine(), request.caller, wanted, since=since, until=until, cursor=request.text(CURSOR)
    )


def _stats(request: Request) -> Stats:
    from workflow_engine.usecases.runs import read_stats  # what most requests here do without

    asked = read_stats.Asked(request.moment(FROM), request.moment(TO), request.text(BUCKET))
    return read_stats.tenant_stats(engine(), request.caller, asked)


def _get(request: Request) -> ExecutionProgress:
    _wait(request)
    return read_progress.read_progress(engine(), request.caller, request.path["execution_id"])


def _results(request: Request) -> Results:
    query = read_results.ResultsQuery(
        request.number(LIMIT),
        request.text(CURSOR),
        request.texts(STEPS),
        request.flag(LINKS),
        request.texts(INCLUDE),
    )
    _wait(request)
    return read_results.results(engine(), request.caller, request.path["execution_id"], query)


def _logs(request: Request) -> LogPage:
    from workflow_engine.usecases.runs import read_logs  # as below

    limit, cursor = request.page
    seconds = request.number(WAIT) or 0
    step, execution_id = request.text(STEP), request.path["execution_id"]
    return read_logs.read_logs(
        engine(), request.caller, execution_id, step=step, limit=limit, cursor=cursor, wait=seconds
    )


def _events(request: Request) -> RunEventPage:
    from workflow_engine.usecases.runs import live_events  # reading of histories, which no other route here needs

    limit, cursor = request.page
    seconds = request.number(WAIT) or 0
    after = live_events.last_event_id(None, request.text(LAST_EVENT_ID))
    execution_id = request.path["execution_id"]
    return live_events.run_events(engine(), request.caller, execution_id, limit, cursor, seconds, after)


def _stream(request: Request) -> Response[str]:
    from workflow_engine.http.event_stream import answered_stream  # as above

    return answered_stream(engine(), request)


def _approvals(request: Request) -> ApprovalPage:
    from workflow_engine.usecases.approvals import read_approvals  # as below

    limit, cursor = request.page
    role, execution_id = request.text(ROLE), request.text(EXECUTION_ID)
    return read_approvals.list_approvals(
        engine(), request.caller, role=role, execution_id=execution_id, limit=limit, cursor=cursor
    )


def _decide(request: Request, decision: Literal["approved", "denied"]) -> Decision:
    from workflow_engine.usecases.approvals import decide  # the models of bodies, which no other route here needs

    step, element = unquote(request.path["step"]), request.text(ELEMENT)
    return decide.decide(engine(), request.caller, request.path["execution_id"], step, element, decision, request.body)


def _redrive(request: Request) -> tuple[Execution | Results, HTTPStatus]:
    from workflow_engine.usecases.runs import redrive_run  # what most requests here do without

    caller, wait = request.caller, request.number(WAIT)
    run = redrive_run.redrive(engine(), caller, request.path["execution_id"], request.idempotency_key)
    return started(engine(), caller, run, wait or 0)


def _rerun(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    from workflow_engine.usecases.bodies.run import waiting_seconds
    from workflow_engine.usecases.runs import rerun_run

    caller, wait, body = request.caller, request.number(WAIT), request.body
    run = rerun_run.rerun(engine(), caller, request.path["execution_id"], body, request.idempotency_key)
    return started(engine(), caller, run, waiting_seconds(body) if wait is None else wait)


def _workflow(request: Request) -> ExecutedWorkflow:
    from workflow_engine.usecases.runs.read_workflow import executed_workflow  # as above

    return executed_workflow(engine(), request.caller, request.path["execution_id"])


def _step_output(request: Request) -> Response[str]:
    key = unquote(request.path["step"])  # a decoded one has no percent sign
    return _output(read_results.output_of_step(engine(), request.caller, request.path["execution_id"], key))


def _output(output: read_results.Output) -> Response[str]:
    if output.href is not None:
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": output.href})
    return Response(HTTPStatus.OK, "application/json", output.text)


def _delete(request: Request) -> None:
    from workflow_engine.usecases.runs import delete_run  # as above: what few requests need

    delete_run.delete(engine(), request.caller, request.path["execution_id"])


def _delete_tenant(request: Request) -> TenantDeletion:
    from workflow_engine.usecases.tenants import delete_tenant  # as above

    return delete_tenant.delete_tenant(engine(), request.caller, request.text(CONFIRM))


def _audit(request: Request) -> AuditPage:
    from workflow_engine.usecases.runs import delete_run  # as above

    return delete_run.list_audit(engine(), request.caller, *request.page)


def _wait(request: Request) -> None:
    """Hold the answer back until the run has ended, for at most `?wait` seconds."""
    if seconds := request.number(WAIT):
        read_results.wait_for_end(engine(), request.caller, request.path["execution_id"], seconds)


HANDLERS: Final[Handlers] = {
    "list_executions": _list,
    "count_executions": _count,
    "get_stats": _stats,
    "get_execution": _get,
    "get_results": _results,
    "get_output": lambda r: _output(read_results.output_of_run(engine(), r.caller, r.path["execution_id"])),
    "get_step_output": _step_output,
    "get_executed_workflow": _workflow,
    "list_logs": _logs,
    "list_events": _events,
    "stream_events": _stream,
    "list_history": lambda r: read_results.events(engine(), r.caller, r.path["execution_id"], *r.page),
    "list_approvals": _approvals,
    "approve_step": lambda r: _decide(r, "approved"),
    "deny_step": lambda r: _decide(r, "denied"),
    "cancel_execution": lambda r: cancel_run.cancel(engine(), r.caller, r.path["execution_id"], r.body),
    "redrive_execution": _redrive,
    "rerun_execution": _rerun,
    "delete_execution": _delete,
    "list_audit": _audit,
    "delete_tenant": _delete_tenant,
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
