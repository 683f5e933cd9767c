"""Routes of workflows: execute, validate and compile what a client posts; store, list, change and execute stored ones. And of the
files that their steps read.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from functions.api_workflows.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.queries import BUCKET, FROM, FROM_VERSION, NAME, TAG, TO, TO_VERSION, VERSION, WAIT
from workflow_engine.http.request import Handlers, Request, saved, tagged
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.bodies.run import waiting_seconds
from workflow_engine.usecases.files import read_files
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.workflows import compile_workflow, read_workflows, save_workflow, validate_workflow
from workflow_engine.usecases.workflows.preconditions import shown_tag

if TYPE_CHECKING:
    from workflow_engine.http.form import Part
    from workflow_engine.language.diagnostics import Json
    from workflow_engine.usecases.answers import (
        ExecutionStarted,
        Results,
        StoredFile,
        StoredWorkflow,
        WorkflowDiff,
        WorkflowStats,
    )
    from workflow_engine.usecases.engine import Caller


def _execute(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)  # refused before anything starts
    form = request.form
    body = request.body if form is None else _body_of_form(caller, form)
    run = start_run.start(engine(), caller, body, request.idempotency_key)
    return started(engine(), caller, run, waiting_seconds(body) if wait is None else wait)


def _body_of_form(caller: Caller, form: list[Part]) -> Json:
    from workflow_engine.usecases.files import run_with_files

    fields = {part.name: part.document for part in form if part.file_name is None}
    files = [part for part in form if part.file_name is not None]
    return run_with_files.body_with_files(engine(), caller, fields, files)


def _store_file(request: Request) -> StoredFile:
    from workflow_engine.usecases.files import store_file

    caller, form = request.caller, request.form
    if form is None:
        return store_file.take_json(engine(), caller, request.body, request.idempotency_key)
    return store_file.take_parts(engine(), caller, form, request.idempotency_key)


def _execute_stored(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)
    body = request.body
    run = start_run.start_stored(engine(), caller, request.path["workflow_id"], body, request.idempotency_key)
    return started(engine(), caller, run, waiting_seconds(body) if wait is None else wait)


def _stored(request: Request, workflow: StoredWorkflow, status: HTTPStatus = HTTPStatus.OK) -> Any:
    return tagged(request, workflow, shown_tag(workflow), status)


def _create(request: Request) -> Any:
    made = save_workflow.create(engine(), request.caller, request.body, request.idempotency_key)
    return _stored(request, made, HTTPStatus.CREATED)


def _get(request: Request) -> Any:
    found = read_workflows.get(engine(), request.caller, request.path["workflow_id"], request.number(VERSION))
    return _stored(request, found)


def _update(request: Request) -> Any:
    precondition = request.precondition
    outcome = save_workflow.update(engine(), request.caller, request.path["workflow_id"], request.body, precondition)
    return _stored(request, *saved(outcome))


def _diff(request: Request) -> WorkflowDiff:
    from workflow_engine.usecases.workflows import diff_workflow  # what starts of runs do without, as below

    versions = request.number(FROM_VERSION), request.number(TO_VERSION)
    return diff_workflow.diff(engine(), request.caller, request.path["workflow_id"], *versions)


def _stats(request: Request) -> WorkflowStats:
    from workflow_engine.usecases.runs import read_stats  # as above

    asked = read_stats.Asked(request.moment(FROM), request.moment(TO), request.text(BUCKET))
    return read_stats.workflow_stats(engine(), request.caller, request.path["workflow_id"], asked)


def _pause(request: Request) -> StoredWorkflow:
    from workflow_engine.usecases.workflows import pause_workflow

    return pause_workflow.pause(engine(), request.caller, request.path["workflow_id"], request.body)


def _resume(request: Request) -> StoredWorkflow:
    from workflow_engine.usecases.workflows import pause_workflow

    return pause_workflow.resume(engine(), request.caller, request.path["workflow_id"])


def _roll_back(request: Request) -> Any:
    from workflow_engine.usecases.workflows import roll_back

    return _stored(request, roll_back.roll_back(engine(), request.caller, request.path["workflow_id"], request.body))


HANDLERS: Final[Handlers] = {
    "execute_workflow": _execute,
    "validate_workflow": lambda r: validate_workflow.validate(engine(), r.caller, r.body),
    "compile_workflow": lambda r: compile_workflow.compile_body(engine(), r.caller, r.body),
    "create_workflow": _create,
    "list_workflows": lambda r: read_workflows.list_workflows(
        engine(), r.caller, *r.page, name=r.text(NAME), tag=r.text(TAG)
    ),
    "get_workflow": _get,
    "update_workflow": _update,
    "delete_workflow": lambda r: save_workflow.delete(engine(), r.caller, r.path["workflow_id"], r.precondition),
    "pause_workflow": _pause,
    "resume_workflow": _resume,
    "diff_workflow": _diff,
    "roll_back_workflow": _roll_back,
    "get_workflow_stats": _stats,
    "list_workflow_versions": lambda r: read_workflows.list_versions(
        engine(), r.caller, r.path["workflow_id"], *r.page
    ),
    "list_workflow_builds": lambda r: read_workflows.list_builds(
        engine(), r.caller, r.path["workflow_id"], r.number(VERSION), *r.page
    ),
    "execute_stored_workflow": _execute_stored,
    "store_file": _store_file,
    "list_files": lambda r: read_files.list_files(engine(), r.caller, *r.page),
    "get_file": lambda r: read_files.get(engine(), r.caller, r.path["file_id"]),
    "delete_file": lambda r: read_files.delete(engine(), r.caller, r.path["file_id"]),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
