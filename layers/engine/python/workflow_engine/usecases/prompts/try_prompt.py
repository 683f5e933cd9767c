"""Try a stored prompt with an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json
from workflow_engine.language.document import Whole, refers_to
from workflow_engine.store.versions import Version
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.agents.check_agent import check_config
from workflow_engine.usecases.bodies.run import RunFields, WorkflowRunFields, read_run, with_input
from workflow_engine.usecases.bodies.workflow import PostedWorkflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.launch import launch_once
from workflow_engine.usecases.runs.start_run import prepared

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted


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


def try_out(
    engine: Engine, caller: Caller, prompt_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of two steps, the prompt and an agent that it asks; gives what `launch_once` gives.

    Raises NotFoundError, InvalidRequestError unless one agent is named that can be asked, and what `start_run.prepared`
    and `launch_once` raise.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        fields = read_run(PromptTestRequest, body)
        if (fields.agent_id is None) == (fields.agent_config is None):
            detail = "Name the agent that is to be asked: 'agent_id' or 'agent_config', one of them."
            raise InvalidRequestError.at("", detail)
        prompt = engine.prompts.get(caller.tenant_id, prompt_id, fields.version)
        if fields.agent_config is not None:
            check_config(fields.agent_config, "/agent_config")
        elif engine.agents.find(caller.tenant_id, fields.agent_id or "") is None:
            raise InvalidRequestError.at("/agent_id", f"There is no agent '{fields.agent_id}'.")
        return prepared(engine, caller, _workflow_of(prompt, fields))

    # By what the client sent: the workflow made of it changes with the prompt's name.
    return launch_once(engine, caller, f"test_prompt/{prompt_id}", idempotency_key, body, prepare)


def _workflow_of(prompt: Version, fields: PromptTestRequest) -> PostedWorkflow:
    steps = [
        {
            "step_id": "prompt",
            "step_type": "prompt",
            "config": {"prompt_id": prompt.id} | ({"prompt_version": fields.version} if fields.version else {}),
            "input_mapping": {"variables": "input.variables"},
        },
        {
            "step_id": "agent",
            "step_type": "agent_execution",
            "config": {"agent_id": fields.agent_id} if fields.agent_id else {"agent_config": fields.agent_config},
            "input_mapping": {"prompt": "prompt", "context": "input.context"},
        },
    ]
    given = {"variables": fields.variables, "context": fields.input}
    return PostedWorkflow({"name": prompt.name, "steps": steps}, "", with_input(fields, given))
