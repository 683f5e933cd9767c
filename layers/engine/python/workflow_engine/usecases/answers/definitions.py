"""Agents and prompts."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from workflow_engine.language.document import refers_to
from workflow_engine.usecases.answers.values import Cursor, Id, Object, Time, Version


class DefinitionSummary(TypedDict):
    """A version of an agent or a prompt."""

    id: Id
    version: Version
    description: str | None
    created_at: Time
    updated_at: Time
    created_by: str | None


class StoredDefinition(DefinitionSummary):
    """A version of an agent or a prompt, with what may yet not do what was meant."""

    warnings: list[str]
    """Sentences about what is valid and may yet not do what was meant."""


class AgentSummary(DefinitionSummary):
    """A version of an agent as lists have it."""

    agent_id: str
    agent_name: str


class StoredAgent(StoredDefinition):
    """A version of an agent."""

    agent_id: str
    agent_name: str
    agent: Annotated[Object, refers_to("agents.schema:AGENT_DOCUMENT")]


class AgentPage(TypedDict):
    """Versions of agents."""

    items: list[AgentSummary]
    next_cursor: Cursor


class PromptSummary(DefinitionSummary):
    """A version of a prompt as lists have it."""

    prompt_id: str
    name: str


class StoredPrompt(StoredDefinition):
    """A version of a prompt."""

    prompt_id: str
    name: str
    prompt: Annotated[Object, refers_to("agents.schema:PROMPT_DOCUMENT")]


class PromptPage(TypedDict):
    """Versions of prompts."""

    items: list[PromptSummary]
    next_cursor: Cursor


class RenderedPrompt(TypedDict):
    """Both texts of a prompt with the variables filled in."""

    prompt_id: str
    version: Version
    system_prompt: str | None
    query: str | None
    missing: list[str]
    """Placeholders without a value."""
