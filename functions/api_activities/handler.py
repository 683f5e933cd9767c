"""Routes of activities: a worker asks for a task, keeps it alive, answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from functions.api_activities.settings import clients, engine
from workflow_engine.http.api import WAIT, WORKER
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.activities import answer, poll

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ActivityTask


def _poll(request: Request) -> ActivityTask | None:
    seconds, worker = request.number(WAIT) or 0, request.text(WORKER)
    return poll.poll(engine(), request.caller, request.path["activity"], seconds, worker)


HANDLERS: Final[Handlers] = {
    "poll_activity": _poll,
    "succeed_task": lambda r: answer.succeed(engine(), r.caller, r.path["activity"], r.path["task_id"], r.body),
    "fail_task": lambda r: answer.fail(engine(), r.caller, r.path["activity"], r.path["task_id"], r.body),
    "beat_task": lambda r: answer.heartbeat(engine(), r.caller, r.path["activity"], r.path["task_id"]),
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
