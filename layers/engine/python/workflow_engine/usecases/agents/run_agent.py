"""Run a stored agent by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from workflow_engine.errors import InvalidRequestError
from workflow_engine.language.diagnostics import Json, pointer
from workflow_engine.language.document import Whole
from workflow_engine.language.findings import shown
from workflow_engine.store.items import dump
from workflow_engine.store.versions import Version
from workflow_engine.store.workflows import StoredWorkflow
from workflow_engine.usecases.bodies.run import RunFields, WorkflowRunFields, read_run, with_input
from workflow_engine.usecases.bodies.workflow import PostedWorkflow
from workflow_engine.usecases.engine import Caller, Engine
from workflow_engine.usecases.runs.launch import launch_once
from workflow_engine.usecases.runs.start_run import prepared

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import ExecutionStarted

MAX_TURNS: Final = 200
MAX_HISTORY_BYTES: Final = 128 * 1024
"""Half of what a run's input may have: beside the history it holds the query and what the agent is told (Quotas for Step Functions,
"Maximum input or output size for a task, state, or execution")."""

_ROLES: Final = ("user", "assistant", "system")
_ASKED: Final = ("query", "context", "conversation_history", "variables")
"""Entries of an agent step's input that mean something (`agent_runtime.conversation`)."""


class AgentRunRequest(RunFields):
    """What `POST /agents/{agent_id}/execute` takes. `input` is what the agent may know beside the query."""

    query: Annotated[str, Field(min_length=1)] | None = None
    """What the agent is asked."""
    conversation_history: Annotated[list[dict[str, Any]], Field(max_length=MAX_TURNS)] | None = None
    """What was said before, oldest first: `{role, content}` by user and assistant, at most 128 KB. A turn of the role system is
    taken for somebody's words, as the user's are; what the agent is told to be is its own system prompt alone.
    """
    variables: dict[str, Any] | None = None
    """What placeholders in the agent's texts stand for."""
    version: Annotated[int, Field(ge=1), Whole] | None = None
    """Of the agent; the newest when absent."""


def execute(
    engine: Engine, caller: Caller, agent_id: str, body: Json, idempotency_key: str | None = None
) -> ExecutionStarted:
    """Start a run of one agent step; gives what `launch_once` gives.

    The query travels in the run's input, so that all runs of an agent share one compiled workflow. Raises NotFoundError,
    InvalidRequestError when nothing is asked or the history is none, and what `start_run.prepared` and `launch_once` raise.
    """

    def prepare() -> tuple[StoredWorkflow, WorkflowRunFields]:
        fields = read_run(AgentRunRequest, body)
        if fields.query is None and fields.input in (None, {}, [], ""):
            raise InvalidRequestError.at("", "There is nothing to ask: send a 'query' or an 'input'.")
        _check_history(fields.conversation_history or [])
        agent = engine.agents.get(caller.tenant_id, agent_id, fields.version)
        return prepared(engine, caller, _workflow_of(agent, fields))

    # By what the client sent: the workflow made of it changes with the agent's name.
    return launch_once(engine, caller, f"execute_agent/{agent_id}", idempotency_key, body, prepare)


def _check_history(history: list[dict[str, Any]]) -> None:
    """Raises InvalidRequestError with every turn that is none, and for a history that is too long for a run's input."""
    wrong = [finding for place, turn in enumerate(history) for finding in _wrong_turn(place, turn)]
    if wrong:
        told = "The conversation's history is not a list of turns, {role, content}; `errors` tells where."
        raise InvalidRequestError(told, errors=wrong)
    size = len(dump(history).encode())
    if size > MAX_HISTORY_BYTES:
        raise InvalidRequestError.at(
            "/conversation_history",
            f"The conversation's history has {size:,} bytes of JSON, and may have {MAX_HISTORY_BYTES:,}. "
            "Leave out the oldest turns.",
        )


def _wrong_turn(place: int, turn: dict[str, Any]) -> Iterator[dict[str, str]]:
    def at(name: str, detail: str) -> dict[str, str]:
        return {
            "code": InvalidRequestError.code,
            "pointer": pointer("conversation_history", place, name),
            "detail": detail,
        }

    if turn.get("role") not in _ROLES:
        yield at("role", f"The role of a turn is 'user' or 'assistant', not {shown(turn.get('role'))}.")
    if "content" not in turn:
        yield at("content", "A turn has a 'content': what was said, as text.")


def _workflow_of(agent: Version, fields: AgentRunRequest) -> PostedWorkflow:
    step = {
        "step_id": "agent",
        "step_type": "agent_execution",
        "config": {"agent_id": agent.id} | ({"agent_version": fields.version} if fields.version else {}),
        "input_mapping": {name: f"input.{name}" for name in _ASKED},
    }
    asked = {
        "query": fields.query,
        "context": fields.input,
        "conversation_history": fields.conversation_history,
        "variables": fields.variables,
    }
    return PostedWorkflow({"name": agent.name, "steps": [step]}, "", with_input(fields, asked))
