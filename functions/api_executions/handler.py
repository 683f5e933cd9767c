"""Routes of executions: list them, read status, results, outputs and history, cancel a run."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import unquote

from functions.api_executions.settings import clients, engine
from workflow_engine.http.api import (
    CURSOR,
    ELEMENT,
    EXECUTION_ID,
    LIMIT,
    LINKS,
    ROLE,
    STARTED_AFTER,
    STARTED_BEFORE,
    STATUS,
    STEPS,
    WAIT,
    WORKFLOW_ID,
)
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.runs import cancel_run, read_progress, read_results

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import (
        ApprovalPage,
        Decision,
        ExecutionPage,
        ExecutionProgress,
        Results,
        RunEventPage,
    )


def _list(request: Request) -> ExecutionPage:
    limit, cursor = request.page
    return read_results.list_executions(
        engine(),
        request.caller,
        workflow_id=request.text(WORKFLOW_ID),
        status=request.text(STATUS),
        started_after=request.moment(STARTED_AFTER),
        started_before=request.moment(STARTED_BEFORE),
        limit=limit,
        cursor=cursor,
    )


def _get(request: Request) -> ExecutionProgress:
    _wait(request)
    return read_progress.read_progress(engine(), request.caller, request.path["execution_id"])


def _results(request: Request) -> Results:
    query = read_results.ResultsQuery(
        request.number(LIMIT), request.text(CURSOR), request.texts(STEPS), request.flag(LINKS)
    )
    _wait(request)
    return read_results.results(engine(), request.caller, request.path["execution_id"], query)


def _events(request: Request) -> RunEventPage:
    from workflow_engine.usecases.runs import live_events  # reading of histories, which no other route here needs

    limit, cursor = request.page
    seconds = request.number(WAIT) or 0
    return live_events.run_events(engine(), request.caller, request.path["execution_id"], limit, cursor, seconds)


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


def _step_output(request: Request) -> Response[str]:
    key = unquote(request.path["step"])  # a decoded one has no percent sign
    return _output(read_results.output_of_step(engine(), request.caller, request.path["execution_id"], key))


def _output(output: read_results.Output) -> Response[str]:
    if output.href is not None:
        return Response(HTTPStatus.SEE_OTHER, headers={"Location": output.href})
    return Response(HTTPStatus.OK, "application/json", output.text)


def _wait(request: Request) -> None:
    """Hold the answer back until the run has ended, for at most `?wait` seconds."""
    if seconds := request.number(WAIT):
        read_results.wait_for_end(engine(), request.caller, request.path["execution_id"], seconds)


HANDLERS: Final[Handlers] = {
    "list_executions": _list,
    "get_execution": _get,
    "get_results": _results,
    "get_output": lambda r: _output(read_results.output_of_run(engine(), r.caller, r.path["execution_id"])),
    "get_step_output": _step_output,
    "list_events": _events,
    "stream_events": _stream,
    "list_history": lambda r: read_results.events(engine(), r.caller, r.path["execution_id"], *r.page),
    "list_approvals": _approvals,
    "approve_step": lambda r: _decide(r, "approved"),
    "deny_step": lambda r: _decide(r, "denied"),
    "cancel_execution": lambda r: cancel_run.cancel(engine(), r.caller, r.path["execution_id"]),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
