"""Agents: what a document of one must be, and what may go wrong with it all the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.language.diagnostics import pointer
from workflow_engine.language.findings import Findings
from workflow_engine.usecases.definitions.check_definition import DefinitionKind, refuse_misfits
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.workflows.named import impossible, missing, names_in_agent, to_look_up

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import AgentPage, StoredAgent


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
