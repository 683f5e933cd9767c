"""Routes of activities: a worker asks for a task, keeps it alive, answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from functions.api_activities.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.queries import WAIT, WORKER
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.activities import poll

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ActivityTask, TaskAnswer


def _poll(request: Request) -> ActivityTask | None:
    seconds, worker = request.number(WAIT) or 0, request.text(WORKER)
    return poll.poll(engine(), request.caller, request.path["activity"], seconds, worker)


def _answer(request: Request, name: Literal["succeed", "fail"]) -> TaskAnswer:
    from workflow_engine.usecases.activities import answer  # the models of bodies, which no poll needs

    take = answer.succeed if name == "succeed" else answer.fail
    return take(engine(), request.caller, request.path["activity"], request.path["task_id"], request.body)


def _heartbeat(request: Request) -> TaskAnswer:
    from workflow_engine.usecases.activities import answer

    return answer.heartbeat(engine(), request.caller, request.path["activity"], request.path["task_id"])


HANDLERS: Final[Handlers] = {
    "poll_activity": _poll,
    "succeed_task": lambda r: _answer(r, "succeed"),
    "fail_task": lambda r: _answer(r, "fail"),
    "beat_task": _heartbeat,
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
