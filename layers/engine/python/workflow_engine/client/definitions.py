"""`client.agents` and `client.prompts`: stored in versions, in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, Unpack

from workflow_engine.client.calls import AboutRun, call, given
from workflow_engine.client.flows import Flow, Items, Methods, listing, operation
from workflow_engine.client.paging import paged

if TYPE_CHECKING:
    from workflow_engine.usecases.answers import (  # noqa: F401 - ruff does not read the names in the bases below
        AgentSummary,
        ExecutionStarted,
        PromptSummary,
        RenderedPrompt,
        StoredAgent,
        StoredPrompt,
    )

Document = Mapping[str, Any]
StoredT = TypeVar("StoredT")
SummaryT = TypeVar("SummaryT")


class DefinitionMethods(Methods, Generic[StoredT, SummaryT]):
    """What agents and prompts have in common. Each raises ConnectionFailedError, and ApiProblem for what the API refuses."""

    noun: ClassVar[str]

    @operation
    def create(self, document: Document, *, idempotency_key: str | None = None) -> Flow[StoredT]:
        """Store a new one."""
        return self._answer(call(f"create_{self.noun}", body=document, idempotency_key=idempotency_key))

    @operation
    def update(self, id: str, document: Document) -> Flow[StoredT]:
        """Store the next version of one."""
        return self._answer(call(f"update_{self.noun}", self._path(id), body=document))

    @operation
    def get(self, id: str, version: int | None = None) -> Flow[StoredT]:
        """One, in its newest version or another."""
        return self._answer(call(f"get_{self.noun}", self._path(id), query={"version": version}))

    @listing
    def list(self, *, page_size: int | None = None) -> Items[SummaryT]:
        """All of them, in their newest versions."""
        return paged(self, f"list_{self.noun}s", page_size=page_size)

    @listing
    def versions(self, id: str, *, page_size: int | None = None) -> Items[SummaryT]:
        """All versions of one, newest first."""
        return paged(self, f"list_{self.noun}_versions", self._path(id), page_size=page_size)

    @operation
    def delete(self, id: str) -> Flow[None]:
        """Take one out of use."""
        return self._answer(call(f"delete_{self.noun}", self._path(id)))

    def _path(self, id_: str) -> Mapping[str, str]:
        return {f"{self.noun}_id": id_}


class AgentMethods(DefinitionMethods["StoredAgent", "AgentSummary"]):
    """Methods of agents."""

    noun = "agent"

    @operation
    def start(
        self,
        agent_id: str,
        query: str,
        *,
        variables: Mapping[str, Any] | None = None,
        conversation_history: Sequence[Mapping[str, Any]] | None = None,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[ExecutionStarted]:
        """Ask an agent: starts a run of it, for which `runs.wait` and `runs.results` are."""
        body = given(query=query, variables=variables, conversation_history=conversation_history, **about)
        path = self._path(agent_id)
        return self._answer(call("execute_agent", path, body=body, idempotency_key=idempotency_key))


class PromptMethods(DefinitionMethods["StoredPrompt", "PromptSummary"]):
    """Methods of prompts."""

    noun = "prompt"

    @operation
    def render(
        self, prompt_id: str, variables: Mapping[str, Any] | None = None, *, version: int | None = None
    ) -> Flow[RenderedPrompt]:
        """Both texts of a prompt with the variables filled in; no model is asked."""
        body = given(variables=variables, version=version)
        return self._answer(call("render_prompt", self._path(prompt_id), body=body))

    @operation
    def test(
        self,
        prompt_id: str,
        *,
        variables: Mapping[str, Any] | None = None,
        agent_id: str | None = None,
        agent_config: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        **about: Unpack[AboutRun],
    ) -> Flow[ExecutionStarted]:
        """Ask a stored agent, or one that is given, what a prompt says: starts a run."""
        body = given(variables=variables, agent_id=agent_id, agent_config=agent_config, **about)
        path = self._path(prompt_id)
        return self._answer(call("test_prompt", path, body=body, idempotency_key=idempotency_key))
