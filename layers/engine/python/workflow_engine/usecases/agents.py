"""Agents: what is stored of one, and running one by itself."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import Whole
from workflow_engine.language.findings import Findings
from workflow_engine.usecases import start_run
from workflow_engine.usecases.bodies import RunFields, read_fields
from workflow_engine.usecases.definitions import DefinitionKind, refuse_misfits
from workflow_engine.usecases.engine import Caller, Engine

ASKED: Final = ("query", "context", "conversation_history", "variables")
"""Entries of an agent step's input that mean something (`functions/step_agent/conversation`)."""


def _schema() -> Mapping[str, Any]:
    from workflow_engine.steps.agent_schema import AGENT_DOCUMENT

    return AGENT_DOCUMENT


def examine(document: Mapping[str, Any], findings: Findings) -> None:
    """What a JSON Schema cannot say of an agent: its tools can be read, its schemas are schemas."""
    from agent_tools.references import parse_tool
    from workflow_engine.steps.agent import schema_problems

    for number, entry in enumerate(document.get("tools", ())):
        try:
            parse_tool(entry)
        except ValueError as error:
            findings.add("WFE-E402", pointer("tools", number), str(error))
    for path, problem in schema_problems(document):
        findings.add("WFE-E402", pointer(*path), problem)


def check_config(config: Mapping[str, Any], place: str) -> None:
    """Check an agent that is not stored. Raises InvalidRequestError with pointers below `place`."""
    from workflow_engine.steps.agent_schema import AGENT_CONFIG

    refuse_misfits("agent", AGENT_CONFIG, examine, config, place)


def warnings(engine: Engine, caller: Caller, document: Mapping[str, Any]) -> list[str]:
    """Retired models, and tools that are not there now (they may come before the agent runs)."""
    from llm_gateway.models import retirement

    models = [document.get("model"), *(p.get("model") for p in document.get("providers", ()) if isinstance(p, dict))]
    retired = [sentence for model in models if model and (sentence := retirement(model))]
    if not any(document.get(name) for name in ("model", "provider_type", "providers", "mode")):
        retired.append("The agent names neither a model nor a provider_type; each step that uses it has to.")
    return [*retired, *_missing_tools(engine, caller, document)]


def _missing_tools(engine: Engine, caller: Caller, document: Mapping[str, Any]) -> Iterator[str]:
    from agent_tools.references import parse_tool

    named = [parse_tool(entry) for entry in document.get("tools", ())]
    names = {kind: [r.name for r in named if r.kind == kind] for kind in ("step", "agent", "mcp")}
    there: dict[str, Container[str]] = {
        "step": engine.steps.find_many(caller.tenant_id, names["step"]),
        "agent": engine.agents.existing(caller.tenant_id, names["agent"]),
        "mcp": engine.mcp_servers.find_many(caller.tenant_id, names["mcp"]),
    }
    words = {"step": "built-in tool and no registered step type", "agent": "agent", "mcp": "MCP server"}
    for kind, found in there.items():
        for name in names[kind]:
            if name not in found:
                yield f"'{name}' in 'tools' is no {words[kind]} now."


AGENTS: Final = DefinitionKind("agent", _schema, "agent_name", lambda engine: engine.agents, examine, warnings)


class AgentRunFields(RunFields):
    """What `POST /agents/{agent_id}/execute` takes. `input` is what the agent may know beside the query."""

    query: Annotated[str, Field(min_length=1)] | None = None
    conversation_history: list[dict[str, Any]] | None = None
    variables: dict[str, Any] | None = None
    version: Annotated[int, Field(ge=1), Whole] | None = None


def execute(
    engine: Engine, caller: Caller, agent_id: str, body: Json, idempotency_key: str | None = None
) -> dict[str, Any]:
    """Start a run of one agent step; gives what `start_run.start` gives.

    The query travels in the run's input, so that all runs of an agent share one compiled workflow. Raises NotFoundError,
    InvalidRequestError when nothing is asked, and what `start_run.start` raises.
    """

    def work() -> dict[str, Any]:
        return start_run.start(engine, caller, _run_of(engine, caller, agent_id, body))

    # By what the client sent: the workflow made of it changes with the agent's name.
    operation = f"execute_agent/{agent_id}"
    return dict(engine.idempotency.once(caller.tenant_id, operation, idempotency_key, body, work))


def _run_of(engine: Engine, caller: Caller, agent_id: str, body: Json) -> dict[str, Any]:
    """The body of `POST /workflows/execute` that runs an agent."""
    fields = read_fields(AgentRunFields, body)
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
