"""Prompts: what is stored of one, what its texts become, and trying one with an agent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import DocumentModel, Whole, refers_to
from workflow_engine.language.findings import Findings
from workflow_engine.store.definitions import Definition
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.agents.agents import check_config, run_body
from workflow_engine.usecases.bodies import RunFields, WorkflowRunFields, read_fields
from workflow_engine.usecases.definitions import DefinitionKind
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs import start_run
from workflow_engine.usecases.runs.launch import launch_once

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted, PromptPage, RenderedPrompt, StoredPrompt

_TEXTS: Final = ("system_prompt", "query_template")


def _schema() -> Mapping[str, Any]:
    from workflow_engine.agents.schema import PROMPT_DOCUMENT

    return PROMPT_DOCUMENT


def examine(document: Mapping[str, Any], findings: Findings) -> None:
    """What a JSON Schema cannot say of a prompt: no variable is declared twice."""
    names: set[str] = set()
    for number, variable in enumerate(document.get("variables", ())):
        if variable["name"] in names:
            place = pointer("variables", number, "name")
            findings.add("WFE-E104", place, f"The variable '{variable['name']}' is declared twice. Remove one.")
        names.add(variable["name"])


def warnings(_engine: Engine, _caller: Caller, document: Mapping[str, Any]) -> list[str]:
    """Variables that are declared and not used, and a retired model."""
    from workflow_engine.agents.placeholders import names_in
    from workflow_engine.agents.retired_models import retirement

    used = {name for text in _TEXTS for name in names_in(document.get(text) or "")}
    unused = [v["name"] for v in document.get("variables", ()) if v["name"] not in used]
    found = [f"The variable '{name}' is declared, but neither text uses it." for name in unused]
    retired = retirement(document["model"]) if document.get("model") else None
    return [*found, *([retired] if retired else [])]


def _settle(document: Mapping[str, Any]) -> dict[str, Any]:
    from workflow_engine.agents.aliases import PROMPT_ALIASES, settled

    return settled(document, PROMPT_ALIASES)


PROMPTS: Final[DefinitionKind[StoredPrompt, PromptPage]] = DefinitionKind(
    "prompt", _schema, "name", lambda engine: engine.prompts, examine, warnings, _settle
)


class RenderRequest(DocumentModel):
    """What `POST /prompts/{prompt_id}/render` takes."""

    variables: dict[str, Any] | None = None
    """What the prompt's placeholders stand for."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of the prompt; the newest when absent."""


class PromptTestRequest(RunFields):
    """What `POST /prompts/{prompt_id}/test` takes: an agent, and what the prompt needs."""

    variables: dict[str, Any] | None = None
    """What the prompt's placeholders stand for."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of the prompt; the newest when absent."""
    agent_id: str | None = None
    """A stored agent that is asked; either this or `agent_config`."""
    agent_config: Annotated[dict[str, Any] | None, refers_to("agents.schema:AGENT_CONFIG")] = None
    """An agent that is not stored."""


def render(engine: Engine, caller: Caller, prompt_id: str, body: Json) -> RenderedPrompt:
    """`{prompt_id, version, system_prompt, query, missing}`: both texts with the variables filled in; `missing` are
    placeholders without a value. Raises NotFoundError, InvalidRequestError.
    """
    from workflow_engine.agents.placeholders import names_in
    from workflow_engine.agents.placeholders import render as filled

    fields = read_fields(RenderRequest, body)
    prompt = _prompt(engine, caller, prompt_id, fields.version)
    defaults = {v["name"]: v["default"] for v in prompt.document.get("variables", ()) if "default" in v}
    values = {**defaults, **(fields.variables or {})}
    texts = {name: prompt.document.get(name) for name in _TEXTS}
    placeholders = dict.fromkeys(name for text in texts.values() if text for name in names_in(text))
    return {
        "prompt_id": prompt_id,
        "version": prompt.version,
        "system_prompt": None if texts["system_prompt"] is None else filled(texts["system_prompt"], values),
        "query": None if texts["query_template"] is None else filled(texts["query_template"], values),
        "missing": [name for name in placeholders if values.get(name) is None and name not in defaults],
    }


def try_out(
    engine: Engine, caller: Caller, prompt_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of two steps, the prompt and an agent that it asks; gives what `launch_once` gives.

    Raises NotFoundError, InvalidRequestError unless one agent is named that can be asked, and what `start_run.start` raises.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        return start_run.posted_run(engine, caller, _trial_of(engine, caller, prompt_id, body))

    # By what the client sent: the workflow made of it changes with the prompt's name.
    return launch_once(engine, caller, f"test_prompt/{prompt_id}", idempotency_key, body, prepare)


def _trial_of(engine: Engine, caller: Caller, prompt_id: str, body: Json) -> dict[str, Any]:
    """The body of `POST /workflows/execute` that tries a prompt."""
    fields = read_fields(PromptTestRequest, body)
    if (fields.agent_id is None) == (fields.agent_config is None):
        raise InvalidRequestError.at(
            "", "Name the agent that is to be asked: 'agent_id' or 'agent_config', one of them."
        )
    prompt = _prompt(engine, caller, prompt_id, fields.version)
    if fields.agent_config is not None:
        check_config(fields.agent_config, "/agent_config")
    elif fields.agent_id not in engine.agents.existing(caller.tenant_id, [fields.agent_id or ""]):
        raise InvalidRequestError.at("/agent_id", f"There is no agent '{fields.agent_id}'.")
    version = {"prompt_version": fields.version} if fields.version else {}
    steps = [
        {
            "step_id": "prompt",
            "step_type": "prompt",
            "config": {"prompt_id": prompt_id, **version},
            "input_mapping": {"variables": "input.variables"},
        },
        {
            "step_id": "agent",
            "step_type": "agent_execution",
            "config": {"agent_id": fields.agent_id} if fields.agent_id else {"agent_config": fields.agent_config},
            "input_mapping": {"prompt": "prompt", "context": "input.context"},
        },
    ]
    workflow = {"name": prompt.document["name"], "steps": steps}
    run_input = {"variables": fields.variables, "context": fields.input}
    return run_body(workflow, fields, run_input)


def _prompt(engine: Engine, caller: Caller, prompt_id: str, version: int | None) -> Definition:
    prompts = engine.prompts
    if version is None:
        return prompts.newest(caller.tenant_id, prompt_id)
    return prompts.version(caller.tenant_id, prompt_id, version)
