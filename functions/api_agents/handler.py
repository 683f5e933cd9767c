"""Routes of agents and prompts: store, list, change them; run an agent, render and try a prompt."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from functions.api_agents.settings import clients, engine
from workflow_engine.http.body import json_body
from workflow_engine.http.caller import caller_of
from workflow_engine.http.parameters import idempotency_key, page, version, wait_seconds
from workflow_engine.http.powertools import LambdaContext, Response
from workflow_engine.http.resolver import api_resolver
from workflow_engine.http.runs import started
from workflow_engine.init_phase import at_init
from workflow_engine.usecases.agents import run_agent
from workflow_engine.usecases.agents.check_agent import AGENTS
from workflow_engine.usecases.definitions import read_definitions, save_definition
from workflow_engine.usecases.definitions.check_definition import DefinitionKind
from workflow_engine.usecases.prompts import render_prompt, try_prompt
from workflow_engine.usecases.prompts.check_prompt import PROMPTS

app = api_resolver()

Answer = dict[str, Any]


@app.post("/agents", status_code=HTTPStatus.CREATED)
def create_agent() -> Answer:
    return _create(AGENTS)


@app.get("/agents")
@app.takes("limit", "cursor")
def list_agents() -> Answer:
    return _list(AGENTS)


@app.get("/agents/<agent_id>")
@app.takes("version")
def get_agent(agent_id: str) -> Answer:
    return _get(AGENTS, agent_id)


@app.put("/agents/<agent_id>")
def update_agent(agent_id: str) -> Answer:
    return _update(AGENTS, agent_id)


@app.delete("/agents/<agent_id>")
def delete_agent(agent_id: str) -> Response[str]:
    return _delete(AGENTS, agent_id)


@app.get("/agents/<agent_id>/versions")
@app.takes("limit", "cursor")
def agent_versions(agent_id: str) -> Answer:
    return _versions(AGENTS, agent_id)


@app.post("/agents/<agent_id>/execute")
@app.takes("wait")
def execute_agent(agent_id: str) -> tuple[Answer, int]:
    event, caller, wait = app.current_event, caller_of(app.current_event), wait_seconds(app.current_event)
    run = run_agent.execute(engine(), caller, agent_id, json_body(event), idempotency_key(event))
    return started(engine(), caller, run, wait)


@app.post("/prompts", status_code=HTTPStatus.CREATED)
def create_prompt() -> Answer:
    return _create(PROMPTS)


@app.get("/prompts")
@app.takes("limit", "cursor")
def list_prompts() -> Answer:
    return _list(PROMPTS)


@app.get("/prompts/<prompt_id>")
@app.takes("version")
def get_prompt(prompt_id: str) -> Answer:
    return _get(PROMPTS, prompt_id)


@app.put("/prompts/<prompt_id>")
def update_prompt(prompt_id: str) -> Answer:
    return _update(PROMPTS, prompt_id)


@app.delete("/prompts/<prompt_id>")
def delete_prompt(prompt_id: str) -> Response[str]:
    return _delete(PROMPTS, prompt_id)


@app.get("/prompts/<prompt_id>/versions")
@app.takes("limit", "cursor")
def prompt_versions(prompt_id: str) -> Answer:
    return _versions(PROMPTS, prompt_id)


@app.post("/prompts/<prompt_id>/render")
def render(prompt_id: str) -> Answer:
    event = app.current_event
    return render_prompt.render(engine(), caller_of(event), prompt_id, json_body(event, when_empty={}))


@app.post("/prompts/<prompt_id>/test")
@app.takes("wait")
def test_prompt(prompt_id: str) -> tuple[Answer, int]:
    event, caller, wait = app.current_event, caller_of(app.current_event), wait_seconds(app.current_event)
    run = try_prompt.try_out(engine(), caller, prompt_id, json_body(event), idempotency_key(event))
    return started(engine(), caller, run, wait)


def _create(kind: DefinitionKind) -> Answer:
    event = app.current_event
    return save_definition.create(kind, engine(), caller_of(event), json_body(event), idempotency_key(event))


def _list(kind: DefinitionKind) -> Answer:
    wanted = page(app.current_event)
    return read_definitions.list_all(kind, engine(), caller_of(app.current_event), wanted.limit, wanted.cursor)


def _get(kind: DefinitionKind, definition_id: str) -> Answer:
    event = app.current_event
    return read_definitions.get(kind, engine(), caller_of(event), definition_id, version(event))


def _update(kind: DefinitionKind, definition_id: str) -> Answer:
    event = app.current_event
    return save_definition.update(kind, engine(), caller_of(event), definition_id, json_body(event))


def _delete(kind: DefinitionKind, definition_id: str) -> Response[str]:
    save_definition.delete(kind, engine(), caller_of(app.current_event), definition_id)
    return Response(HTTPStatus.NO_CONTENT)


def _versions(kind: DefinitionKind, definition_id: str) -> Answer:
    event, wanted = app.current_event, page(app.current_event)
    return read_definitions.list_versions(kind, engine(), caller_of(event), definition_id, wanted.limit, wanted.cursor)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point of the Lambda function."""
    return app.resolve(event, context)


at_init(clients)
