"""Agents: what is stored of one, and running one by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import Whole
from workflow_engine.language.findings import Findings
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies import RunFields, WorkflowRunFields, read_fields
from workflow_engine.usecases.definitions import DefinitionKind, refuse_misfits
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.runs.launch import launch_once
from workflow_engine.usecases.workflows.named import impossible, missing, names_in_agent, to_look_up

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import AgentPage, ExecutionStarted, StoredAgent

ASKED: Final = ("query", "context", "conversation_history", "variables")
"""Entries of an agent step's input that mean something (`functions/step_agent/conversation`)."""


def _schema() -> Mapping[str, Any]:
    from workflow_engine.agents.schema import AGENT_DOCUMENT

    return AGENT_DOCUMENT


def examine(document: Mapping[str, Any], findings: Findings) -> None:
    """What a JSON Schema cannot say of an agent."""
    from workflow_engine.steps import builtin_catalogue
    from workflow_engine.steps.agent import model_without_vendor, problems

    for path, problem in (*problems(document), *model_without_vendor(document)):
        findings.add("WFE-E402", pointer(*path), problem)
    for found in impossible(names_in_agent(document), builtin_catalogue()):
        findings.add(found.code, found.pointer, found.detail)


def check_config(config: Mapping[str, Any], place: str) -> None:
    """Check an agent that is not stored. Raises InvalidRequestError with pointers below `place`."""
    from workflow_engine.agents.schema import AGENT_CONFIG

    refuse_misfits("agent", AGENT_CONFIG, examine, config, place)


def warnings(engine: Engine, caller: Caller, document: Mapping[str, Any]) -> list[str]:
    """Retired models, and tools that are not there now (they may come before the agent runs)."""
    from workflow_engine.agents.retired_models import retirement

    models = [document.get("model"), *(p.get("model") for p in document.get("providers", ()) if isinstance(p, dict))]
    retired = [sentence for model in models if model and (sentence := retirement(model))]
    tools = tuple(names_in_agent(document))
    found = engine.names.find_many(caller.tenant_id, to_look_up(tools))
    return [*retired, *dict.fromkeys(d.detail for d in missing(tools, found))]


def _settle(document: Mapping[str, Any]) -> dict[str, Any]:
    from workflow_engine.agents.aliases import AGENT_ALIASES, settled

    return settled(document, AGENT_ALIASES)


AGENTS: Final[DefinitionKind[StoredAgent, AgentPage]] = DefinitionKind(
    "agent", _schema, "agent_name", lambda engine: engine.agents, examine, warnings, _settle
)


class AgentRunRequest(RunFields):
    """What `POST /agents/{agent_id}/execute` takes. `input` is what the agent may know beside the query."""

    query: Annotated[str, Field(min_length=1)] | None = None
    """What the agent is asked."""
    conversation_history: list[dict[str, Any]] | None = None
    """Messages that went before."""
    variables: dict[str, Any] | None = None
    """What placeholders in the agent's texts stand for."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of the agent; the newest when absent."""


def execute(
    engine: Engine, caller: Caller, agent_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of one agent step; gives what `launch_once` gives.

    The query travels in the run's input, so that all runs of an agent share one compiled workflow. Raises NotFoundError,
    InvalidRequestError when nothing is asked, and what `start_run.start` raises.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        return start_run.posted_run(engine, caller, _run_of(engine, caller, agent_id, body))

    # By what the client sent: the workflow made of it changes with the agent's name.
    return launch_once(engine, caller, f"execute_agent/{agent_id}", idempotency_key, body, prepare)


def _run_of(engine: Engine, caller: Caller, agent_id: str, body: Json) -> dict[str, Any]:
    """The body of `POST /workflows/execute` that runs an agent."""
    fields = read_fields(AgentRunRequest, body)
    if fields.query is None and fields.input in (None, {}, [], ""):
        raise InvalidRequestError.at("", "There is nothing to ask: send a 'query' or an 'input'.")
    agents, tenant_id = engine.agents, caller.tenant_id
    agent = (
        agents.newest(tenant_id, agent_id)
        if fields.version is None
        else agents.version(tenant_id, agent_id, fields.version)
    )
    config = {"agent_id": agent_id} | ({"agent_version": fields.version} if fields.version else {})
    step = {
        "step_id": "agent",
        "step_type": "agent_execution",
        "config": config,
        "input_mapping": {name: f"input.{name}" for name in ASKED},
    }
    asked = {
        "query": fields.query,
        "context": fields.input,
        "conversation_history": fields.conversation_history,
        "variables": fields.variables,
    }
    workflow = {"name": agent.document["agent_name"], "steps": [step]}
    return run_body(workflow, fields, asked)


def run_body(workflow: Mapping[str, Any], fields: RunFields, run_input: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `POST /workflows/execute` that starts this workflow with what the client said of the run."""
    about = {
        name: value
        for name in ("session_id", "user_id", "correlation_id", "tags")
        if (value := getattr(fields, name)) is not None
    }
    return {"workflow": dict(workflow), "input": {k: v for k, v in run_input.items() if v is not None}, **about}
