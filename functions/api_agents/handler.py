"""Routes of agents and prompts: store, list, change them; run an agent, render and try a prompt."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from functions.api_agents.settings import clients, engine
from workflow_engine.http.powertools import LambdaContext
from workflow_engine.http.queries import VERSION, WAIT
from workflow_engine.http.request import Handlers, Request
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.agents import run_agent
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.definitions.check_definition import DefinitionKind
from workflow_engine.usecases.prompts import render_prompt, try_prompt
from workflow_engine.usecases.prompts.check_prompt import PROMPTS

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted, Results


def _execute(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)  # refused before anything starts
    run = run_agent.execute(engine(), caller, request.path["agent_id"], request.body, request.idempotency_key)
    return started(engine(), caller, run, wait or 0)


def _test(request: Request) -> tuple[ExecutionStarted | Results, HTTPStatus]:
    caller, wait = request.caller, request.number(WAIT)
    run = try_prompt.try_out(engine(), caller, request.path["prompt_id"], request.body, request.idempotency_key)
    return started(engine(), caller, run, wait or 0)


def _of(kind: DefinitionKind[Any, Any]) -> Handlers:
    """The routes that agents and prompts have in common."""
    noun, id_ = kind.word, kind.id_field
    return {
        f"create_{noun}": lambda r: save_definition.create(kind, engine(), r.caller, r.body, r.idempotency_key),
        f"list_{noun}s": lambda r: read_definitions.list_all(kind, engine(), r.caller, *r.page),
        f"get_{noun}": lambda r: read_definitions.get(kind, engine(), r.caller, r.path[id_], r.number(VERSION)),
        f"update_{noun}": lambda r: save_definition.update(kind, engine(), r.caller, r.path[id_], r.body),
        f"delete_{noun}": lambda r: save_definition.delete(kind, engine(), r.caller, r.path[id_]),
        f"list_{noun}_versions": lambda r: read_definitions.list_versions(
            kind, engine(), r.caller, r.path[id_], *r.page
        ),
    }


HANDLERS: Final[Handlers] = {
    **_of(AGENTS),
    "execute_agent": _execute,
    **_of(PROMPTS),
    "render_prompt": lambda r: render_prompt.render(engine(), r.caller, r.path["prompt_id"], r.body),
    "test_prompt": _test,
}


app = api_resolver(HANDLERS)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
